//! An open adapter and how it is used: pass by pass, in slices of bounded time, and counted.

use std::time::{Duration, Instant};

use protocol::outcome::Trap;
use wgpu::Buffer;

use super::device::{Gpu, Ready};
use super::fuel::TURNS_MAX;
use super::plan::PassPlan;

/// The meter's words: what it has counted, then what a slice is told.
const METER_WORDS: usize = 20;
/// So many of them, at the begin, are what it has counted.
const COUNTED_WORDS: usize = 4;
/// The first slice has so many workgroups; later ones as many as take about this long.
const FIRST_SLICE: u64 = 64;
const SLICE: Duration = Duration::from_millis(100);
/// A slice grows and shrinks by this factor.
const STEP: u64 = 4;

/// An adapter, open for whatever runs shaders that were written anew.
pub(crate) struct Adapter {
    gpu: Gpu,
    /// More turns of one invocation than this, and the driver may have ended a loop early.
    turns_max: u64,
    /// How many hundredths of the time the device works; it rests between slices.
    share: u8,
}

/// What passes have counted so far, on the device.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) fuel: u64,
    /// The most turns of one invocation in one pass.
    turns: u64,
    /// What no shader may do and one did, a bit for each kind.
    wrong: u32,
    /// How long the device worked at it, from each slice's start to its end.
    pub(crate) busy: Duration,
}

impl Counted {
    /// Whether it is more than may be counted: so much fuel, and so many turns as any may turn.
    /// More can only be more, so this is the same wherever it is asked.
    pub(crate) const fn is_over(&self, fuel_max: u64) -> bool {
        self.fuel > fuel_max || self.turns > TURNS_MAX
    }
}

/// How passes ended; the same on every device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Well,
    OutOfFuel,
    /// A shader did what none may, in words.
    Trapped(Trap, &'static str),
}

impl Adapter {
    pub(crate) fn new(gpu: Gpu, turns_max: u64, share: u8) -> Self {
        Self {
            gpu,
            turns_max,
            share: share.clamp(1, 100),
        }
    }

    /// The device, for buffers and shaders.
    pub(crate) const fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// The device, for another use.
    pub(crate) fn into_gpu(self) -> Gpu {
        self.gpu
    }

    /// A meter that has counted nothing.
    pub(crate) fn meter(&self) -> Buffer {
        self.gpu.buffer(4 * METER_WORDS as u64, &[])
    }

    /// Runs one pass in slices, until its end or until more than `fuel_max` is counted.
    ///
    /// # Errors
    /// What the device says.
    pub(crate) fn pass(
        &self,
        (pass, ready): (&PassPlan, &Ready),
        (buffers, meter): (&[Buffer], &Buffer),
        (all, fuel_max): (&mut Counted, u64),
    ) -> Result<(), String> {
        let bound = self.gpu.bind(ready, pass, (buffers, meter));
        let (mut at, mut wanted) = ([0; 3], FIRST_SLICE);
        while let Some(sides) = slice(pass.groups, at, wanted) {
            self.gpu.write(meter, 0, &told(pass, at));
            let begin = Instant::now();
            self.gpu.dispatch(ready, &bound, sides)?;
            let took = begin.elapsed();
            all.busy = all.busy.saturating_add(took);
            let share = u32::from(self.share);
            std::thread::sleep(took.saturating_mul(100 - share) / share);
            let words = self.gpu.read(meter, 0, 4 * COUNTED_WORDS as u64)?;
            let word = |n: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| words[4 * n + byte]));
            let fuel = u64::from(word(1)) << 32 | u64::from(word(0));
            all.fuel = all.fuel.saturating_add(fuel);
            all.turns = all.turns.max(word(2).into());
            all.wrong |= word(3);
            if all.is_over(fuel_max) {
                return Ok(());
            }
            at = after(pass.groups, at, sides);
            if took < SLICE / 2 {
                wanted = wanted.saturating_mul(STEP);
            } else if took > SLICE * 2 {
                wanted = (wanted / STEP).max(1);
            }
        }
        Ok(())
    }

    /// How passes ended that counted this.
    ///
    /// # Errors
    /// If this device may have got it wrong.
    pub(crate) fn ending(&self, all: &Counted, fuel_max: u64) -> Result<Ending, String> {
        if all.is_over(fuel_max) {
            return Ok(Ending::OutOfFuel);
        }
        if all.turns > self.turns_max {
            let why = "this driver may end loops of so many turns early, and says nothing";
            return Err(format!("{} turns: {why}", all.turns));
        }
        let (trap, why) = match all.wrong {
            0 => return Ok(Ending::Well),
            wrong if wrong & 1 != 0 => (
                Trap::MemoryOutOfBounds,
                "an invocation touched an element of a written array that is not its own",
            ),
            wrong if wrong & 2 != 0 => {
                (Trap::BadArithmetic, "a float became infinite, or no number")
            }
            _ => (
                Trap::BadArithmetic,
                "a whole number beyond 2^24 became a float",
            ),
        };
        Ok(Ending::Trapped(trap, why))
    }
}

/// The meter at the begin of a slice.
fn told(pass: &PassPlan, at: [u32; 3]) -> Vec<u8> {
    let mut words = vec![0; 5];
    words.extend(at);
    words.extend(pass.groups);
    words.push(0);
    words.extend(pass.own);
    words
        .iter()
        .flat_map(|word: &u32| word.to_le_bytes())
        .collect()
}

/// The largest box of at most `wanted` workgroups that begins at `at` and leaves a begin for the
/// next; `None` after the last.
fn slice(groups: [u32; 3], at: [u32; 3], wanted: u64) -> Option<[u32; 3]> {
    let [x, y, z] = groups;
    let fit = |each: u64, left: u32| {
        let many = u32::try_from((wanted / each).max(1)).unwrap_or(u32::MAX);
        many.min(left)
    };
    let (row, layer) = (u64::from(x), u64::from(x) * u64::from(y));
    if at[2] >= z {
        return None;
    }
    Some(match at {
        [0, 0, done] if wanted >= layer => [x, y, fit(layer, z - done)],
        [0, done, _] if wanted >= row => [x, fit(row, y - done), 1],
        [done, _, _] => [fit(1, x - done), 1, 1],
    })
}

/// Where the next slice begins.
fn after(groups: [u32; 3], at: [u32; 3], done: [u32; 3]) -> [u32; 3] {
    let [mut x, mut y, mut z] = at;
    x += done[0];
    if x < groups[0] {
        return [x, y, z];
    }
    x = 0;
    y += done[1];
    if y < groups[1] {
        return [x, y, z];
    }
    y = 0;
    z += done[2];
    [x, y, z]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_cover_every_workgroup_once() {
        for groups in [[1, 1, 1], [7, 5, 3], [100, 1, 2], [1, 9, 4]] {
            for wanted in [1, 2, 6, 7, 36, 1_000] {
                let mut seen = std::collections::BTreeSet::new();
                let mut at = [0; 3];
                while let Some(sides) = slice(groups, at, wanted) {
                    for z in at[2]..at[2] + sides[2] {
                        for y in at[1]..at[1] + sides[1] {
                            for x in at[0]..at[0] + sides[0] {
                                assert!(seen.insert([x, y, z]), "{groups:?} {wanted}");
                            }
                        }
                    }
                    at = after(groups, at, sides);
                }
                let all: u32 = groups.iter().product();
                assert_eq!(u32::try_from(seen.len()), Ok(all));
            }
        }
    }
}
