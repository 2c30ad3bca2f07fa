//! What this machine may honestly offer.

use executor::GpuFigures;
use serde::{Deserialize, Serialize};

use super::written::{Kind, Time};
use crate::devices::Found;

/// The figures of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicesView {
    /// When they were measured.
    pub measured: Time,
    /// Whether that was just now.
    pub fresh: bool,
    /// Digest of what they depend on: the runtime, its settings, and the reference programs.
    pub runtime: String,
    /// The processors.
    pub cpu: CpuView,
    /// Each graphics adapter that passed its tests.
    pub gpus: Vec<GpuFiguresView>,
}

/// How fast the processors run guests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuView {
    /// What the processor calls itself.
    pub name: String,
    /// How many of them this user's programs may use.
    pub processors: u32,
    /// How many tasks run at once, each at nine tenths of its speed alone or better.
    pub slots: u16,
    /// Fuel a second of one task alone.
    pub fuel_alone: u64,
    /// Fuel a second of one task on each processor, all together.
    pub fuel_together: u64,
    /// What they do in an hour, in whole GCU.
    pub gcu: u64,
    /// What `peer node bench` would report: millions of operators a second, in one task.
    pub score: u32,
}

/// How fast a graphics adapter is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuFiguresView {
    /// Its name.
    pub name: String,
    /// Its device class.
    pub class: String,
    /// Operations on 32-bit whole numbers, a second.
    pub whole: u64,
    /// Bytes read, a second.
    pub bytes: u64,
    /// Products and sums of `f32` behind fences, a second.
    pub floats: u64,
    /// What it does in an hour, in whole GCU.
    pub gcu: u64,
    /// Why it could not be measured; absent if it was.
    pub failed: Option<String>,
}

impl Kind for DevicesView {
    const KIND: &'static str = "peer.v1.Devices";
}

impl From<&Found> for DevicesView {
    fn from(found: &Found) -> Self {
        let figures = &found.figures;
        let cpu = &figures.cpu;
        Self {
            measured: figures.measured.into(),
            fresh: found.fresh,
            runtime: figures.runtime.full(),
            cpu: CpuView {
                name: cpu.name.clone(),
                processors: cpu.processors,
                slots: cpu.slots(),
                fuel_alone: cpu.alone.get(),
                fuel_together: cpu.together.get(),
                gcu: cpu.gcu(),
                score: cpu.score(),
            },
            gpus: figures.gpus.iter().map(GpuFiguresView::from).collect(),
        }
    }
}

impl From<&GpuFigures> for GpuFiguresView {
    fn from(figures: &GpuFigures) -> Self {
        Self {
            name: figures.name.clone(),
            class: figures.class.clone(),
            whole: figures.whole,
            bytes: figures.bytes,
            floats: figures.floats,
            gcu: figures.gcu(),
            failed: figures.failed.clone(),
        }
    }
}
