//! The face of what a machine is fit for.

use super::{Cell, Face, Section, Tone};
use crate::api::types::{CheckView, DoctorView, Health};

impl Face for DoctorView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let row = |check: &CheckView| {
            let (tone, word) = match check.health {
                Health::Ok => (Tone::Good, "ok"),
                Health::Weaker => (Tone::Warn, "weaker"),
                Health::Missing => (Tone::Bad, "missing"),
            };
            vec![
                check.name.as_str().into(),
                Cell::toned(tone, word),
                check.found.as_str().into(),
                check.help.as_deref().unwrap_or_default().into(),
            ]
        };
        let head = vec!["CHECK", "STANDS", "FOUND", "TRY"];
        vec![Section::Rows(head, self.checks.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.checks.iter().map(|check| check.name.clone()).collect()
    }
}
