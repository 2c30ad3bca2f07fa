//! A job: one module run over n tasks, and everything that a result depends on.
//!
//! A [`Job`] is content: it travels as a blob and is named by its digest. What the ledger needs to
//! know of it (how many tasks, how many copies, what may be spent) stands in its [`Terms`].

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{Limited, Malformed, at_most};
use crate::ids::{Digest, PeerId};
use crate::kernel::Program;
use crate::units::{Bps, Bytes, Credits, Fuel, GFUEL, Millis};

mod care;
mod input;
mod once;

pub use care::{Care, Judge};
pub use input::{INPUT_ROOTS_MAX, Input, WORLD_FOLDERS, is_plain_path};

/// A job's written form may take so many bytes.
pub const JOB_BYTES_MAX: usize = 1 << 20;
/// A job may have so many tasks.
pub const TASKS_MAX: u32 = 1_000_000;
/// A bundle may hold so many tasks.
pub const TASKS_PER_BUNDLE_MAX: u32 = 1_024;
/// A job may be cut into so many bundles.
pub const BUNDLES_MAX: u32 = 1_024;
/// Each bundle may run so many times.
pub const COPIES_MAX: u8 = 7;
/// A job's name may have so many bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// A job may have so many arguments, environment entries and input files, each.
pub const WORDS_MAX: usize = 1_024;
/// One argument, environment name or value may have so many bytes.
pub const WORD_BYTES_MAX: usize = 32 * 1_024;
/// One task may use so much fuel, so that a panel's re-run is bounded.
pub const TASK_FUEL_MAX: Fuel = Fuel::new(1_000_000_000_000);
/// A guest may have so much memory.
pub const MEMORY_MAX: Bytes = Bytes::new(4 << 30);
/// A task's whole output may have so many bytes.
pub const OUTPUT_MAX: Bytes = Bytes::new(OUTPUT_BYTES_MAX as u64);
/// [`OUTPUT_MAX`] as a length in memory.
pub(crate) const OUTPUT_BYTES_MAX: usize = 64 << 20;
/// A task may leave so many output files.
pub const OUTPUT_FILES_MAX: u32 = 10_000;
/// A module may have so many bytes.
pub const MODULE_MAX: Bytes = Bytes::new(128 << 20);

/// A kind of work, with its own copies, audits and bonds.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Class {
    /// Machines of member institutions and their neighbours.
    Grid,
    /// Small machines at home, often away.
    Edge,
    /// Rented machines, always on.
    Cloud,
    /// Machines with accelerators.
    Ai,
}

impl Class {
    /// Every class, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Grid, Self::Edge, Self::Cloud, Self::Ai];

    /// Its name, as people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Edge => "edge",
            Self::Cloud => "cloud",
            Self::Ai => "ai",
        }
    }
}

/// The rules of a guest's world that a result depends on: runtime version, settings, weights. A
/// result is comparable only with results of the same profile.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Profile(pub u16);

impl Profile {
    /// wasmtime 48 with Cranelift, modules rewritten to count their work and to know one NaN, our
    /// WASI preview 1 host. Profiles 1 and 2 had the same results, but other counts of fuel.
    pub const WASM_3: Self = Self(3);
    /// WGSL through naga 29, with the checks and the fuel of decision 0013.
    pub const WGSL_1: Self = Self(0x101);
    /// As [`Profile::WASM_3`], and a guest drives a GPU by the calls of module `gpu`, with shaders
    /// as [`Profile::WGSL_1`] has them in class `exact`: decision 0016.
    pub const WASM_GPU_1: Self = Self(0x201);

    /// Whether its programs are shaders: the high byte says what kind of program a profile runs.
    pub const fn is_shader(self) -> bool {
        self.0 >> 8 == 1
    }

    /// Whether only machines with a graphics adapter run its tasks: shaders, and guests that drive
    /// one.
    pub const fn needs_gpu(self) -> bool {
        self.is_shader() || self.0 >> 8 == 2
    }
}

/// What one task may use. There is no default: nothing runs without limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Limits {
    /// Work; a task that asks for more ends as *out of fuel*.
    pub fuel: Fuel,
    /// The guest's linear memory, and what it has on a GPU; a task that asks for more ends as *out
    /// of memory*, or is told so by the GPU's calls.
    pub memory: Bytes,
    /// stdout, stderr and the output folder together; more ends the task as *out of output*.
    pub output: Bytes,
    /// Files in the output folder.
    pub output_files: u32,
    /// Wall time on one machine. It guards the machine, not the result: a run that meets it has no
    /// outcome, since another machine would have been faster.
    pub wall_ms: Millis,
}

/// Content by digest and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Blob {
    /// BLAKE3 of the content.
    pub digest: Digest,
    /// Its length.
    pub size: Bytes,
}

/// What becomes of a function that a module imports and no peer has. Programs made for another
/// host often import a function that they never call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum UnknownImports {
    /// The module is refused before anything is paid.
    #[default]
    Refuse,
    /// The module runs, and a task that calls such a function ends in a trap.
    Trap,
}

/// The array indexes of a job's tasks: `first`, `first + step`, … for `count` tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Array {
    /// The first task's index.
    pub first: u64,
    /// How far one index is from the next; at least 1.
    pub step: u64,
    /// How many tasks there are; at least 1.
    pub count: u32,
}

impl Array {
    /// The index that task number `task` (from 0) is given.
    pub const fn index(&self, task: u32) -> u64 {
        self.first
            .saturating_add(self.step.saturating_mul(task as u64))
    }
}

/// A job, whole: what is run, on what, within which limits. How it is written: `kernel.rs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What people call it.
    pub name: String,
    /// The guest's world.
    pub profile: Profile,
    /// The program's bytes.
    pub module: Blob,
    /// What becomes of functions that it imports and no peer has.
    pub unknown_imports: UnknownImports,
    /// What kind of program they are, and how it is fed.
    pub program: Program,
    /// Its arguments, without the program's own name.
    pub args: Vec<String>,
    /// Its environment, in the order given; `PEER_*` names are added by the executor.
    pub env: Vec<(String, String)>,
    /// What it reads from standard input; nothing if absent.
    pub stdin: Option<Blob>,
    /// Its input files, sorted by path.
    pub inputs: Vec<Input>,
    /// The indexes of its tasks.
    pub array: Array,
    /// What each task may use.
    pub limits: Limits,
    /// Where the guest's randomness comes from, together with the task's index.
    pub seed: Digest,
}

/// What the ledger must know of a job.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Terms {
    /// The digest of the [`Job`]'s written form.
    pub job: Digest,
    /// The digest of its module: peers refuse a job whose module is another.
    pub module: Digest,
    /// The peer that serves the job's blobs and gathers seals and outputs.
    pub peer: PeerId,
    /// The class whose peers are drawn.
    pub class: Class,
    /// How many tasks there are.
    pub tasks: u32,
    /// How many of them make one bundle; the last bundle may be smaller.
    pub tasks_per_bundle: u32,
    /// How often each bundle runs at least, at different sponsors: more often where a peer is drawn
    /// whose tier asks for it.
    pub copies: u8,
    /// What one task may use.
    pub task_fuel_max: Fuel,
    /// What is paid for a Gfuel. Peers that ask for more are not drawn.
    pub per_gfuel: Credits,
    /// How long a drawn peer has until it must have sealed.
    pub seal_window: Millis,
    /// Who says whether outcomes that differ count as the same.
    pub judge: Judge,
    /// What its submitter wants beyond what every job of the class gets.
    pub care: Care,
}

impl Terms {
    /// How many bundles the job has.
    pub const fn bundles(&self) -> u32 {
        self.tasks.div_ceil(self.tasks_per_bundle)
    }

    /// The numbers of the tasks in a bundle, or an empty range if there is no such bundle.
    pub fn tasks_of(&self, bundle: u32) -> std::ops::Range<u32> {
        let first = bundle.saturating_mul(self.tasks_per_bundle).min(self.tasks);
        first..first.saturating_add(self.tasks_per_bundle).min(self.tasks)
    }

    /// The bundle that a task is in, and its place there.
    ///
    /// # Panics
    /// If the terms were not checked: a bundle has at least one task.
    pub const fn place_of(&self, task: u32) -> (u32, u32) {
        (task / self.tasks_per_bundle, task % self.tasks_per_bundle)
    }

    /// The most that one copy of one task can cost: the *leaf price* of `economy`'s formulas.
    /// `None` if it cannot be written.
    pub fn task_price_max(&self) -> Option<Credits> {
        Credits::for_fuel(self.per_gfuel, self.task_fuel_max)
    }
}

impl Limited for Terms {
    fn within_limits(&self) -> Result<(), Malformed> {
        let bad = |why| Err(Malformed::Senseless(why));
        at_most("tasks", self.tasks as usize, TASKS_MAX as usize)?;
        at_most(
            "tasks per bundle",
            self.tasks_per_bundle as usize,
            TASKS_PER_BUNDLE_MAX as usize,
        )?;
        at_most("copies", self.copies.into(), COPIES_MAX.into())?;
        if self.tasks == 0 || self.tasks_per_bundle == 0 || self.copies == 0 {
            return bad("a job has at least one task, one task per bundle and one copy");
        }
        at_most("bundles", self.bundles() as usize, BUNDLES_MAX as usize)?;
        if self.task_fuel_max < Fuel::new(1) || self.task_fuel_max > TASK_FUEL_MAX {
            return bad("a task's fuel is between 1 and 10^12");
        }
        if self.per_gfuel > Credits::new(GFUEL.get() * 1_000) {
            return bad("a Gfuel costs at most 1 000 000 credits");
        }
        if self.care.audit > Bps::ONE {
            return bad("a task is audited at most once");
        }
        let checked = self.care.audit > Bps::ZERO || self.care.canaries.is_some();
        if self.judge == Judge::Submitter && checked {
            return bad("what its submitter compares has neither audits nor canaries");
        }
        Ok(())
    }
}

impl Limited for Job {
    fn within_limits(&self) -> Result<(), Malformed> {
        let bad = |why| Err(Malformed::Senseless(why));
        at_most("job name", self.name.len(), NAME_BYTES_MAX)?;
        if self.name.chars().any(char::is_control) {
            return bad("a job's name has no control characters");
        }
        at_most("arguments", self.args.len(), WORDS_MAX)?;
        at_most("environment", self.env.len(), WORDS_MAX)?;
        at_most("input files", self.inputs.len(), WORDS_MAX)?;
        let env = self.env.iter().flat_map(|(name, value)| [name, value]);
        for word in self
            .args
            .iter()
            .chain(env)
            .chain(self.inputs.iter().map(|i| &i.path))
        {
            at_most("word", word.len(), WORD_BYTES_MAX)?;
            if word.contains('\0') {
                return bad("arguments, environment and paths have no zero byte");
            }
        }
        if self
            .env
            .iter()
            .any(|(name, _)| name.is_empty() || name.contains('='))
        {
            return bad("an environment name is not empty and has no `=`");
        }
        if !self.inputs.iter().all(Input::has_a_place) {
            return bad(
                "an input path has no empty part, `.` or `..`; an absolute one is in a folder that \
                 is not /in, /out or /tmp",
            );
        }
        let roots: BTreeSet<&str> = self.inputs.iter().filter_map(Input::root).collect();
        at_most("folders of inputs", roots.len(), INPUT_ROOTS_MAX)?;
        if !self.inputs.is_sorted_by(|a, b| a.path < b.path) {
            return bad("inputs are sorted by path, each path once");
        }
        if self.array.count == 0 || self.array.step == 0 || self.array.count > TASKS_MAX {
            return bad("an array has 1 to 1 000 000 tasks and a step of at least 1");
        }
        self.limits.within_limits()?;
        self.program.fits(self)?;
        let module = usize::try_from(self.module.size.get()).unwrap_or(usize::MAX);
        at_most(
            "module",
            module,
            usize::try_from(MODULE_MAX.get()).unwrap_or(usize::MAX),
        )
    }
}

impl Limited for Limits {
    fn within_limits(&self) -> Result<(), Malformed> {
        let within = self.fuel >= Fuel::new(1)
            && self.fuel <= TASK_FUEL_MAX
            && self.memory <= MEMORY_MAX
            && self.output <= OUTPUT_MAX
            && self.output_files <= OUTPUT_FILES_MAX
            && self.wall_ms > Millis::ZERO;
        if within {
            Ok(())
        } else {
            Err(Malformed::Senseless("a task's limits are out of range"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_in_one_bundle() {
        let terms = Terms {
            job: Digest::of(b""),
            module: Digest::of(b""),
            peer: PeerId::new([0; 32]),
            class: Class::Grid,
            tasks: 94,
            tasks_per_bundle: 4,
            copies: 2,
            task_fuel_max: GFUEL,
            per_gfuel: Credits::new(10),
            seal_window: Millis::new(1),
            judge: Judge::Panel,
            care: Care::default(),
        };
        let all: Vec<u32> = (0..terms.bundles())
            .flat_map(|b| terms.tasks_of(b))
            .collect();
        assert_eq!(all, (0..94).collect::<Vec<_>>());
        assert_eq!(terms.tasks_of(24), 94..94);
        assert_eq!(terms.within_limits(), Ok(()));
        assert!(
            Terms {
                tasks: 0,
                ..terms.clone()
            }
            .within_limits()
            .is_err()
        );
        assert!(
            Terms {
                tasks: TASKS_MAX,
                ..terms
            }
            .within_limits()
            .is_err()
        );
    }
}
