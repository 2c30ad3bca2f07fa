//! One task of a shader on one device: slices of work, summed up, until it ends or a limit does.

use std::time::{Duration, Instant};

use protocol::job::Job;
use protocol::kernel::{Buffer as Declared, Kernel, parameters};
use protocol::outcome::{Limit, Status, TaskOutput, Trap};
use protocol::units::Fuel;
use wgpu::Buffer;

use super::device::{Gpu, Ready};
use super::fuel::TURNS_MAX;
use super::plan::{PassPlan, Plan};

/// The meter's words: what it has counted, then what a slice is told.
const METER_WORDS: usize = 20;
/// The first slice has so many workgroups; later ones as many as take about this long.
const FIRST_SLICE: u64 = 64;
const SLICE: Duration = Duration::from_millis(100);
/// A slice grows and shrinks by this factor.
const STEP: u64 = 4;

/// A shader that is ready to run all tasks of its job.
pub(crate) struct Runner {
    gpu: Gpu,
    ready: Vec<Ready>,
    plan: Plan,
    job: Job,
    kernel: Kernel,
    /// The content of each input file, in the order of `job.inputs`.
    inputs: Vec<Vec<u8>>,
    /// More turns of one invocation than this, and the driver may have ended a loop early.
    turns_max: u64,
    /// How many hundredths of the time the device works; it rests between slices.
    share: u8,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    fuel: u64,
    turns: u64,
    wrong: u32,
    busy: Duration,
}

/// What a task gave.
pub(crate) struct Ended {
    pub(crate) output: TaskOutput,
    pub(crate) fuel: Fuel,
    /// How long the device worked at it, from each slice's start to its end.
    pub(crate) busy: Duration,
}

impl Runner {
    /// Builds the shader on the device.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn new(
        gpu: Gpu,
        plan: Plan,
        (job, kernel): (Job, Kernel),
        inputs: Vec<Vec<u8>>,
        turns_max: u64,
    ) -> Result<Self, String> {
        let ready = gpu.prepare(&plan.text, &plan.passes)?;
        Ok(Self {
            gpu,
            ready,
            plan,
            job,
            kernel,
            inputs,
            turns_max,
            share: 100,
        })
    }

    /// The same, where the device works so many hundredths of the time.
    pub(crate) fn at_share(self, share: u8) -> Self {
        let share = share.clamp(1, 100);
        Self { share, ..self }
    }

    /// The device, for another shader.
    pub(crate) fn into_gpu(self) -> Gpu {
        self.gpu
    }

    /// Runs one task from its start to its end.
    ///
    /// # Errors
    /// How this machine failed it.
    pub(crate) fn run(&self, task: u32) -> Result<Ended, String> {
        let buffers = self.buffers(task);
        let meter = self.gpu.buffer(4 * METER_WORDS as u64, &[]);
        let mut all = Counted::default();
        for (pass, ready) in self.plan.passes.iter().zip(&self.ready) {
            self.pass(pass, ready, (&buffers, &meter), &mut all)?;
            if self.is_over(&all) {
                break;
            }
        }
        if all.turns > self.turns_max && !self.is_over(&all) {
            let why = "this driver may end loops of so many turns early, and says nothing";
            return Err(format!("{} turns: {why}", all.turns));
        }
        let status = match all.wrong {
            _ if self.is_over(&all) => Status::OutOf(Limit::Fuel),
            0 => Status::Exited(0),
            wrong if wrong & 1 != 0 => Status::Trapped(Trap::MemoryOutOfBounds),
            _ => Status::Trapped(Trap::BadArithmetic),
        };
        let files = match status {
            Status::Exited(_) => self.files(&buffers)?,
            _ => Vec::new(),
        };
        let limit = self.job.limits.fuel;
        let output = TaskOutput {
            profile: self.job.profile,
            status,
            stdout: Vec::new(),
            stderr: reason(status, all.wrong).into(),
            files,
            steps: None,
        };
        let fuel = if status.is_success() {
            Fuel::new(all.fuel.max(1))
        } else {
            limit
        };
        let busy = all.busy;
        Ok(Ended { output, fuel, busy })
    }

    /// Whether the task is out of fuel: more can only be more.
    fn is_over(&self, all: &Counted) -> bool {
        all.fuel > self.job.limits.fuel.get() || all.turns > TURNS_MAX
    }

    fn buffers(&self, task: u32) -> Vec<Buffer> {
        let declared = self.kernel.buffers.iter().zip(&self.plan.sizes);
        let buffers = declared.map(|(declared, size)| match declared {
            Declared::Input { path } => {
                let place = self.job.inputs.iter().position(|input| input.path == *path);
                let content = place.and_then(|place| self.inputs.get(place));
                self.gpu.buffer(*size, content.map_or(&[], Vec::as_slice))
            }
            Declared::Parameters => {
                let words = parameters(&self.job, task).unwrap_or_default();
                let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                self.gpu.buffer(*size, &bytes)
            }
            Declared::Scratch { .. } | Declared::Output { .. } => self.gpu.buffer(*size, &[]),
        });
        buffers.collect()
    }

    fn files(&self, buffers: &[Buffer]) -> Result<Vec<(String, Vec<u8>)>, String> {
        let mut files = Vec::new();
        for (declared, buffer) in self.kernel.buffers.iter().zip(buffers) {
            if let Declared::Output { name, size } = declared {
                files.push((name.clone(), self.gpu.read(buffer, size.get())?));
            }
        }
        files.sort();
        Ok(files)
    }

    fn pass(
        &self,
        pass: &PassPlan,
        ready: &Ready,
        (buffers, meter): (&[Buffer], &Buffer),
        all: &mut Counted,
    ) -> Result<(), String> {
        let bound = self.gpu.bind(ready, pass, (buffers, meter));
        let (mut at, mut wanted) = ([0; 3], FIRST_SLICE);
        while let Some(sides) = slice(pass.groups, at, wanted) {
            self.gpu.write(meter, &told(pass, at));
            let begin = Instant::now();
            self.gpu.dispatch(ready, &bound, sides)?;
            let took = begin.elapsed();
            all.busy = all.busy.saturating_add(took);
            let share = u32::from(self.share);
            std::thread::sleep(took.saturating_mul(100 - share) / share);
            let words = self.gpu.read(meter, 16)?;
            let word = |n: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| words[4 * n + byte]));
            let fuel = u64::from(word(1)) << 32 | u64::from(word(0));
            all.fuel = all.fuel.saturating_add(fuel);
            all.turns = all.turns.max(word(2).into());
            all.wrong |= word(3);
            if self.is_over(all) {
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

/// What a task that did not end well says on its standard error.
fn reason(status: Status, wrong: u32) -> &'static str {
    match status {
        Status::OutOf(_) => "more fuel than the task may use, or an invocation of 60000 turns\n",
        Status::Trapped(_) if wrong & 1 != 0 => {
            "an invocation touched an element of a written array that is not its own\n"
        }
        Status::Trapped(_) if wrong & 2 != 0 => "a float became infinite, or no number\n",
        Status::Trapped(_) => "a whole number beyond 2^24 became a float\n",
        Status::Exited(_) => "",
    }
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
