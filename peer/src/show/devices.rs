//! The face of this machine's figures.

use super::{Cell, Face, Section, Tone};
use crate::api::types::{DevicesView, GpuFiguresView};

/// So many thousand millions, with one digit behind the point.
fn giga(number: u64) -> String {
    let tenths = number / 100_000_000;
    format!("{}.{} G", tenths / 10, tenths % 10)
}

fn gpu(gpu: &GpuFiguresView) -> Vec<Cell> {
    let why = gpu.failed.as_ref();
    vec![
        gpu.name.as_str().into(),
        giga(gpu.whole).into(),
        giga(gpu.bytes).into(),
        giga(gpu.floats).into(),
        gpu.gcu.to_string().into(),
        why.map_or_else(|| "".into(), |why| Cell::toned(Tone::Bad, why.as_str())),
    ]
}

impl Face for DevicesView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let cpu = &self.cpu;
        let mut sections = vec![Section::Card(vec![
            ("processor", cpu.name.as_str().into()),
            ("processors", cpu.processors.to_string().into()),
            ("slots", cpu.slots.to_string().into()),
            ("one task", format!("{}fuel/s", giga(cpu.fuel_alone)).into()),
            (
                "all of them",
                format!("{}fuel/s", giga(cpu.fuel_together)).into(),
            ),
            ("GCU an hour", cpu.gcu.to_string().into()),
            ("score", cpu.score.to_string().into()),
            ("measured", self.measured.into()),
        ])];
        if !self.gpus.is_empty() {
            let head = vec!["GPU", "WHOLE/S", "BYTES/S", "F32/S", "GCU/H", "WHY NOT"];
            sections.push(Section::Rows(head, self.gpus.iter().map(gpu).collect()));
        }
        sections
    }

    fn ids(&self) -> Vec<String> {
        vec![self.runtime.clone()]
    }
}
