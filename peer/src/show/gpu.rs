//! The face of graphics adapters.

use super::{Cell, Face, Section, Tone};
use crate::api::types::{GpuView, List};

impl Face for List<GpuView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let mut head = vec!["GPU", "NAME", "KIND", "SHADERS", "TURNS", "WHY NOT"];
        if wide {
            head.extend(["DRIVER", "CLASS"]);
        }
        let row = |gpu: &GpuView| {
            let fit = match gpu.fit {
                true => Cell::toned(Tone::Good, "yes"),
                false => Cell::toned(Tone::Bad, "no"),
            };
            let failed = gpu.tests.iter().filter_map(|test| {
                test.failed
                    .as_ref()
                    .map(|why| format!("{}: {why}", test.name))
            });
            let mut cells = vec![
                gpu.number.to_string().into(),
                gpu.name.as_str().into(),
                gpu.kind.as_str().into(),
                fit,
                gpu.turns_max.to_string().into(),
                failed.collect::<Vec<_>>().join("; ").into(),
            ];
            if wide {
                cells.extend([gpu.driver.as_str().into(), gpu.class.as_str().into()]);
            }
            cells
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items
            .iter()
            .map(|gpu| gpu.number.to_string())
            .collect()
    }
}
