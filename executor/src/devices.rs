//! What this machine may honestly offer: its processors and graphics adapters, measured.
//!
//! The reference module and the reference kernels run the way of every task, in jailed children, so
//! a figure is what a job gets. Measuring takes a few seconds; [`Figures`] are kept with what they
//! depend on, and measured again only when that changes or somebody asks.
//!
//! **GCU.** One grid compute unit is 10^12 operations: fuel of the reference module on a processor,
//! whole numbers of the reference kernel on an adapter. What is offered is GCU an hour, rounded
//! down. A machine's *slots* are how many reference modules run at once there, each at nine tenths
//! of its speed alone or better: what a member that looks must see (F10).

mod cpu;
mod disk;
mod kept;

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::ids::Digest;
use protocol::units::{Fuel, Moment};

pub use disk::free_bytes;
pub use kept::{KeepError, keep, kept};

use crate::gpu::{self, GpuFacts, GpuFigures};

/// Operations of one GCU.
pub const GCU: u64 = 1_000_000_000_000;
const HOUR: u64 = 3_600;
/// A task place counts if what is done grows by this much of what one place does alone, in tenths.
const PLACE_TENTHS: u64 = 9;

/// How fast this machine's processors run guests.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CpuFigures {
    /// What the processor calls itself.
    pub name: String,
    /// How many this process may use.
    pub processors: u32,
    /// Fuel of the reference module, a second, when it runs alone.
    pub alone: Fuel,
    /// The same, when one runs on every processor: all of them together.
    pub together: Fuel,
}

impl CpuFigures {
    /// How many tasks run here at once without being in each other's way, at least one.
    pub fn slots(&self) -> u16 {
        let place = (self.alone.get() / 10).saturating_mul(PLACE_TENTHS).max(1);
        let places = (self.together.get() / place).clamp(1, self.processors.max(1).into());
        u16::try_from(places).unwrap_or(u16::MAX)
    }

    /// What all processors together do in an hour, in whole GCU.
    pub fn gcu(&self) -> u64 {
        gcu(self.together.get())
    }

    /// What a member reports of such a peer: millions of operators a second, in one task.
    pub fn score(&self) -> u32 {
        u32::try_from(self.alone.get() / 1_000_000).unwrap_or(u32::MAX)
    }
}

impl GpuFigures {
    /// What it does in an hour, in whole GCU.
    pub fn gcu(&self) -> u64 {
        gcu(self.whole)
    }
}

impl Figures {
    /// What a machine offers that runs so many tasks at once, and shaders on its best adapter or
    /// not: the fuel that one place does in a second, and whole GCU that it all does in an hour.
    pub fn offered(&self, slots: u16, shaders: bool) -> (Fuel, u32) {
        let slots = u64::from(slots.max(1));
        let (alone, together) = (self.cpu.alone.get(), self.cpu.together.get());
        let one = alone.min(together / slots);
        let adapter = self.gpus.first().filter(|_| shaders);
        let gcu = gcu(one.saturating_mul(slots)).saturating_add(adapter.map_or(0, GpuFigures::gcu));
        (Fuel::new(one), u32::try_from(gcu).unwrap_or(u32::MAX))
    }
}

/// What so many operations a second are in an hour, in whole GCU.
fn gcu(per_second: u64) -> u64 {
    let hour = u128::from(per_second) * u128::from(HOUR) / u128::from(GCU);
    u64::try_from(hour).unwrap_or(u64::MAX)
}

/// Everything that was measured, and what it depends on.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Figures {
    /// When, by this machine's clock.
    pub measured: Moment,
    /// The runtime, its settings and the reference programs: other ones measure again.
    pub runtime: Digest,
    /// The processors.
    pub cpu: CpuFigures,
    /// Each adapter that passed its tests.
    pub gpus: Vec<GpuFigures>,
}

impl Figures {
    /// Whether they still hold for what is used of this machine: its processors, and those of these
    /// adapters that are fit.
    pub fn hold(&self, runtime: Digest, adapters: &[GpuFacts]) -> bool {
        let fit = adapters.iter().filter(|gpu| gpu.is_fit());
        let mut classes = fit.map(|gpu| (&gpu.name, &gpu.class));
        let (name, processors) = cpu::name();
        self.runtime == runtime
            && (&self.cpu.name, self.cpu.processors) == (&name, processors)
            && classes.all(|fit| self.gpus.iter().any(|gpu| (&gpu.name, &gpu.class) == fit))
    }
}

/// What is measured, where, and how.
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    /// The binary that is started as a worker.
    pub program: &'a Path,
    /// The arguments that make it one.
    pub worker_args: &'a [OsString],
    /// Where compiled modules are kept.
    pub cache: &'a Path,
    /// The adapters that were found and tested; those that are fit are measured.
    pub adapters: &'a [GpuFacts],
}

/// What the figures depend on besides this machine's devices.
///
/// # Errors
/// If this machine cannot run the profile.
pub fn runtime(bench: &Bench<'_>) -> Result<Digest, String> {
    let cpu = cpu::measured_with(bench)?;
    let shaders = gpu::measured_with();
    Ok(Digest::derive(
        "tallygrid figures v1",
        &[cpu.bytes(), shaders.bytes()],
    ))
}

/// Measures every device. Takes a few seconds of all processors.
///
/// # Errors
/// Why this machine cannot be measured; an adapter that fails costs only itself.
pub fn measure(bench: &Bench<'_>, now: Moment) -> Result<Figures, String> {
    let runtime = runtime(bench)?;
    let cpu = cpu::measure(bench)?;
    let fit = bench.adapters.iter().filter(|gpu| gpu.is_fit());
    let gpus = fit.map(|gpu| {
        let figures = gpu::measure(bench.program, bench.worker_args, gpu);
        figures.unwrap_or_else(|why| GpuFigures::none(&gpu.name, &gpu.class, why))
    });
    Ok(Figures {
        measured: now,
        runtime,
        cpu,
        gpus: gpus.collect(),
    })
}

/// So much in such a time, in one second.
pub(crate) fn per_second(done: u64, took: Duration) -> u64 {
    let nanos = took.as_nanos().max(1);
    u64::try_from(u128::from(done) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

/// How many processors this process may use.
pub(crate) fn processors() -> NonZeroU32 {
    let found = std::thread::available_parallelism();
    let found = found.map_or(1, |found| u32::try_from(found.get()).unwrap_or(u32::MAX));
    NonZeroU32::new(found).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(alone: u64, together: u64) -> CpuFigures {
        CpuFigures {
            name: "a processor".to_owned(),
            processors: 4,
            alone: Fuel::new(alone),
            together: Fuel::new(together),
        }
    }

    #[test]
    fn slots_are_what_runs_at_once_at_nine_tenths_of_its_speed() {
        for (alone, together, slots) in [
            (1_000, 4_000, 4),
            (1_000, 3_600, 4),
            (1_000, 3_599, 3),
            (1_000, 1_300, 1),
            (1_000, 500, 1),
            (0, 0, 1),
            // Never more than there are processors, whatever was measured.
            (1_000, 90_000, 4),
        ] {
            assert_eq!(cpu(alone, together).slots(), slots, "{alone} {together}");
        }
    }

    #[test]
    fn a_gcu_is_a_million_million_operations() {
        assert_eq!(cpu(0, 2_000_000_000).gcu(), 7);
        assert_eq!(cpu(0, 277_777_777).gcu(), 0);
        assert_eq!(cpu(0, 277_777_778).gcu(), 1);
        assert_eq!(cpu(0, u64::MAX).gcu(), 66_408_278_665);
        assert_eq!(cpu(1_234_567_890, 0).score(), 1_234);
        assert_eq!(per_second(3, Duration::from_millis(1_500)), 2);
        assert_eq!(per_second(u64::MAX, Duration::ZERO), u64::MAX);
    }
}
