//! A job as it is handed in: all content by digest, uploaded as blobs before.

use clap::ValueEnum;
use protocol::bytes::{Limited, Malformed};
use protocol::ids::{Digest, JobId, PurseId};
use protocol::job::{
    Array, Blob, Class, Input, Job, Limits, MEMORY_MAX, OUTPUT_FILES_MAX, OUTPUT_MAX, Profile,
    TASK_FUEL_MAX, UnknownImports,
};
use protocol::kernel::Program;
use protocol::units::{Bytes, Credits, Fuel, Millis};
use serde::{Deserialize, Serialize};

use super::kernel::{CheckerForm, KernelForm};
use super::written::{Id, Kind, Money};

/// Content that lies at the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobForm {
    /// Its digest.
    pub digest: Id<Digest>,
    /// Its length in bytes.
    pub size: u64,
}

impl From<BlobForm> for Blob {
    fn from(form: BlobForm) -> Self {
        Self {
            digest: form.digest.0,
            size: Bytes::new(form.size),
        }
    }
}

impl Kind for BlobForm {
    const KIND: &'static str = "peer.v1.Blob";
}

/// An input file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputForm {
    /// Where the guest finds it, below `/in/`, or with a `/` in front where it says.
    pub path: String,
    /// What is in it.
    pub blob: BlobForm,
}

/// An entry of the guest's environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvForm {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The indexes of a job's tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArrayForm {
    /// The first.
    pub first: u64,
    /// How far one is from the next.
    pub step: u64,
    /// How many.
    pub count: u32,
}

/// What becomes of a function that the module imports and no peer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum UnknownImportsForm {
    /// The job is refused.
    #[default]
    Refuse,
    /// The module runs, and a task that calls the function ends in a trap.
    Trap,
}

impl From<UnknownImportsForm> for UnknownImports {
    fn from(form: UnknownImportsForm) -> Self {
        match form {
            UnknownImportsForm::Refuse => Self::Refuse,
            UnknownImportsForm::Trap => Self::Trap,
        }
    }
}

/// What each task may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsForm {
    /// Work, in fuel.
    pub fuel: u64,
    /// Memory, in bytes.
    pub memory: u64,
    /// stdout, stderr and output files together, in bytes.
    pub output: u64,
    /// How many output files.
    pub output_files: u32,
    /// Wall time on one machine, in milliseconds.
    pub wall_ms: u64,
}

/// What the submitter wishes of the market; what is absent, the peer chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The class whose peers are drawn.
    pub class: Option<Class>,
    /// How often each bundle runs.
    pub copies: Option<u8>,
    /// How many tasks make a bundle.
    pub tasks_per_bundle: Option<u32>,
    /// What is paid for a Gfuel.
    pub per_gfuel: Option<Credits>,
    /// The most that may be set aside, everything included.
    pub budget: Option<Credits>,
    /// How long a drawn peer has until it must have sealed.
    pub seal_window: Option<Millis>,
    /// The task wallet or grant that pays; the party's own wallet, if none.
    pub purse: Option<PurseId>,
    /// Whether as many canaries as the federation allows are run at home first, and planted.
    pub canaries: bool,
}

/// A job as it is handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobForm {
    /// What people call it.
    pub name: String,
    /// The program.
    pub module: BlobForm,
    /// `refuse` or `trap`: what becomes of functions it imports and no peer has.
    #[serde(default)]
    pub unknown_imports: UnknownImportsForm,
    /// How it is fed and run, if it is a shader; a WASI module if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<KernelForm>,
    /// Whether it is a WASI module that drives a GPU.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gpu_calls: bool,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Its environment.
    #[serde(default)]
    pub env: Vec<EnvForm>,
    /// Its standard input.
    #[serde(default)]
    pub stdin: Option<BlobForm>,
    /// Its input files, in any order.
    #[serde(default)]
    pub inputs: Vec<InputForm>,
    /// The indexes of its tasks.
    pub array: ArrayForm,
    /// What each task may use.
    pub limits: LimitsForm,
    /// Where the guest's randomness comes from; the module's digest if absent.
    #[serde(default)]
    pub seed: Option<Id<Digest>>,
    /// `grid`, `edge`, `cloud` or `ai`; the peer chooses if absent, as it does for all below.
    #[serde(default)]
    pub class: Option<String>,
    /// How often each bundle runs.
    #[serde(default)]
    pub copies: Option<u8>,
    /// How many tasks make a bundle.
    #[serde(default)]
    pub tasks_per_bundle: Option<u32>,
    /// What is paid for a Gfuel.
    #[serde(default)]
    pub per_gfuel: Option<Money>,
    /// The most that may be set aside.
    #[serde(default)]
    pub budget: Option<Money>,
    /// How long a drawn peer has until it must have sealed, in milliseconds.
    #[serde(default)]
    pub seal_window_ms: Option<u64>,
    /// The task wallet or grant that pays; the party's own wallet, if none.
    #[serde(default)]
    pub purse: Option<Id<PurseId>>,
    /// Whether the peer runs a few tasks itself first, and compares.
    #[serde(default)]
    pub canaries: bool,
}

impl JobForm {
    /// Every blob it names.
    pub fn blobs(&self) -> impl Iterator<Item = BlobForm> {
        let inputs = self.inputs.iter().map(|input| input.blob);
        let checker = match self.gpu.as_ref().and_then(KernelForm::checker) {
            Some(CheckerForm::Kept(blob)) => Some(*blob),
            _ => None,
        };
        let programs = [self.module].into_iter().chain(checker);
        programs.chain(self.stdin).chain(inputs)
    }

    /// The job and the wishes it stands for.
    ///
    /// # Errors
    /// [`Malformed`] if the job breaks a limit of [`Job`], or the class is none.
    pub fn read(self) -> Result<(Job, Wish), Malformed> {
        let wish = Wish {
            class: self.class.as_deref().map(class).transpose()?,
            copies: self.copies,
            tasks_per_bundle: self.tasks_per_bundle,
            per_gfuel: self.per_gfuel.map(|money| money.0),
            budget: self.budget.map(|money| money.0),
            seal_window: self.seal_window_ms.map(Millis::new),
            purse: self.purse.map(|purse| purse.0),
            canaries: self.canaries,
        };
        let mut inputs: Vec<Input> = self.inputs.into_iter().map(input).collect();
        inputs.sort_by(|a, b| a.path.cmp(&b.path));
        let (profile, program) = match self.gpu {
            None if self.gpu_calls => (Profile::WASM_GPU_1, Program::Wasm),
            None => (Profile::WASM_3, Program::Wasm),
            Some(_) if self.gpu_calls => {
                return Err(Malformed::Senseless(
                    "a job has `gpu` or `gpu_calls`, not both: a shader drives nothing",
                ));
            }
            Some(kernel) => (Profile::WGSL_1, Program::Wgsl(kernel.read()?)),
        };
        let job = Job {
            name: self.name,
            profile,
            module: self.module.into(),
            unknown_imports: self.unknown_imports.into(),
            program,
            args: self.args,
            env: self.env.into_iter().map(|e| (e.name, e.value)).collect(),
            stdin: self.stdin.map(Blob::from),
            inputs,
            array: Array {
                first: self.array.first,
                step: self.array.step,
                count: self.array.count,
            },
            limits: Limits {
                fuel: Fuel::new(self.limits.fuel),
                memory: Bytes::new(self.limits.memory),
                output: Bytes::new(self.limits.output),
                output_files: self.limits.output_files,
                wall_ms: Millis::new(self.limits.wall_ms),
            },
            seed: self.seed.map_or(self.module.digest.0, |seed| seed.0),
        };
        limits(&job.limits)?;
        job.within_limits()?;
        Ok((job, wish))
    }
}

const _: () = assert!(
    TASK_FUEL_MAX.get() == 1_000_000_000_000,
    "the words below say so"
);
const _: () = assert!(MEMORY_MAX.get() == 4 << 30, "the words below say so");
const _: () = assert!(OUTPUT_MAX.get() == 64 << 20, "the words below say so");
const _: () = assert!(OUTPUT_FILES_MAX == 10_000, "the words below say so");

/// Which limit of a task is out of range, in the words of who set it.
fn limits(limits: &Limits) -> Result<(), Malformed> {
    let fuel = limits.fuel >= Fuel::new(1) && limits.fuel <= TASK_FUEL_MAX;
    for (within, why) in [
        (fuel, "the fuel of a task is between 1 and 1T"),
        (
            limits.memory <= MEMORY_MAX,
            "the memory of a task is at most 4GiB",
        ),
        (
            limits.output <= OUTPUT_MAX,
            "the output of a task is at most 64MiB",
        ),
        (
            limits.output_files <= OUTPUT_FILES_MAX,
            "a task leaves at most 10000 output files",
        ),
        (
            limits.wall_ms > Millis::ZERO,
            "the wall time of a task is more than zero",
        ),
    ] {
        if !within {
            return Err(Malformed::Senseless(why));
        }
    }
    Ok(())
}

fn class(name: &str) -> Result<Class, Malformed> {
    let known = Class::ALL.into_iter().find(|class| class.name() == name);
    known.ok_or(Malformed::Senseless("a class is grid, edge, cloud or ai"))
}

fn input(form: InputForm) -> Input {
    Input {
        path: form.path,
        blob: form.blob.into(),
    }
}

/// What was agreed to when a job was handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedView {
    /// Its id.
    pub job: Id<JobId>,
    /// What people call it.
    pub name: String,
    /// How many tasks it has.
    pub tasks: u32,
    /// How many bundles.
    pub bundles: u32,
    /// How often each bundle runs.
    pub copies: u8,
    /// What is paid for a Gfuel.
    pub per_gfuel: Money,
    /// What is set aside, everything included; what is not used comes back.
    pub escrow: Money,
    /// How many peers can be drawn for it, as far as we know.
    pub peers: u32,
}

impl Kind for SubmittedView {
    const KIND: &'static str = "peer.v1.Submitted";
}
