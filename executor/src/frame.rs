//! What a parent and its worker say to each other: one value at a time, its length first.
//!
//! The worker reads its parent's orders and is trusted with nothing; the parent reads a worker that
//! a guest may have taken over, so it checks every length before it makes room for it.

use std::io::{self, Read, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::ids::{Digest, JobId};
use protocol::job::{Job, Profile, UnknownImports};
use protocol::outcome::TASK_OUTPUT_BYTES_MAX;
use protocol::steps::{ENTRIES_BYTES_MAX, StepEntries};
use protocol::units::Fuel;

use crate::gpu::{GpuFacts, GpuFigures};
use crate::jail::Jail;
use crate::steps::Replayed;

/// An order may take so many bytes: a job, and a path for each of its inputs.
pub(crate) const ORDER_BYTES_MAX: usize = 16 << 20;
/// A reply may take so many bytes: a task's output, what came of its steps, and a few words.
pub(crate) const REPLY_BYTES_MAX: usize = TASK_OUTPUT_BYTES_MAX + ENTRIES_BYTES_MAX + (64 << 10);
/// A snapshot travels in pieces of at most so many bytes.
pub(crate) const PART_BYTES: usize = 1 << 20;

/// A path on this machine, as its bytes.
pub(crate) type PathBytes = Vec<u8>;

/// The first order: what this child is for.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(crate) enum Begin {
    /// Compile one module and end.
    Compile(CompileOrder),
    /// Run tasks of one job until told no more.
    Serve(ServeOrder),
    /// Run tasks of one shader's job until told no more.
    ServeShader(ShaderOrder),
    /// Say which adapters there are.
    ListGpus,
    /// Test the adapter of this number.
    TestGpu(u32),
    /// Measure the adapter of this number, where one invocation may turn so often.
    MeasureGpu(u32, u64),
    /// Try to get out of the jail, say what held, and end.
    TryEscapes,
}

/// Compile this module into that file.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct CompileOrder {
    pub(crate) module: PathBytes,
    pub(crate) digest: Digest,
    pub(crate) unknown_imports: UnknownImports,
    pub(crate) into: PathBytes,
    /// The job, where the module is a shader.
    pub(crate) shader_of: Option<Job>,
    /// What its guests may import.
    pub(crate) profile: Profile,
}

/// Open this adapter, and use it no more than this.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct AdapterOrder {
    pub(crate) number: u32,
    /// How often one invocation may turn there.
    pub(crate) turns_max: u64,
    /// How many hundredths of the time the device works.
    pub(crate) share: u8,
}

/// Run tasks of this job.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct ServeOrder {
    pub(crate) code: PathBytes,
    pub(crate) checksum: Digest,
    pub(crate) job_id: JobId,
    pub(crate) job: Job,
    pub(crate) stdin: Option<PathBytes>,
    pub(crate) inputs: Vec<PathBytes>,
    pub(crate) tasks_max: u32,
    /// What its guests drive, if they may drive a GPU.
    pub(crate) adapter: Option<AdapterOrder>,
}

/// Run tasks of this shader's job.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct ShaderOrder {
    pub(crate) plan: PathBytes,
    pub(crate) checksum: Digest,
    pub(crate) job: Job,
    pub(crate) inputs: Vec<PathBytes>,
    pub(crate) tasks_max: u32,
    pub(crate) adapter: AdapterOrder,
}

/// Every later order to a shader's worker: the number of the task to run.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Task(pub(crate) u32);

/// Every later order to a module's worker.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(crate) enum Order {
    /// Run a task.
    Run {
        task: u32,
        /// A step task's state is kept whenever it has used so much fuel since it last was.
        keep_every: Fuel,
        /// The roots of the steps that were taken before. If there are any, the snapshot with the
        /// last of them follows, as [`Part`]s, and the task goes on from there.
        roots: Vec<Digest>,
    },
    /// Run one step of a task: the one after the snapshot with this root, which follows as
    /// [`Part`]s, or `init`.
    Replay { task: u32, root: Option<Digest> },
    /// Run a task until it has taken so many steps, and give the snapshot, as [`Reply::Part`]s.
    Snapshot { task: u32, steps: u32 },
}

/// A piece of a snapshot on its way to a worker; an empty one ends it.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Part(pub(crate) Vec<u8>);

/// What a worker answers.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(crate) enum Reply {
    /// Everything is open and the jail is shut: send tasks.
    Ready,
    /// The compiled code is not what it was when it was written.
    StaleCode,
    /// The code lies in the file, and this is its digest.
    Compiled(Digest),
    /// No machine can ever run this module.
    ModuleRefused(String),
    /// This machine cannot do it.
    Failed(String),
    /// The task ended, the same way as on every machine: a `TaskOutput`'s bytes.
    Ended { output: Vec<u8>, fuel: Fuel },
    /// The same of a step task, with what came of each step.
    EndedInSteps {
        output: Vec<u8>,
        fuel: Fuel,
        entries: StepEntries,
    },
    /// The task goes on after a step that is to be kept. These are the roots since the one before
    /// that; the snapshot with the last of them follows as [`Reply::Part`]s.
    Keeping { roots: Vec<Digest> },
    /// A piece of a snapshot; an empty one ends it.
    Part(Vec<u8>),
    /// The snapshot that was sent is not the one that was named, and why.
    SnapshotRefused(String),
    /// The snapshot that was asked for has gone out, and this is its root.
    SnapshotTaken(Digest),
    /// What one step gave.
    Replayed(Replayed),
    /// The task ends before the step that was asked for, or does not run in steps.
    NoSuchStep,
    /// The guest's stack overflowed.
    StackOverflow { stdout: Vec<u8>, stderr: Vec<u8> },
    /// This machine failed the guest.
    HostFailed {
        why: String,
        stdout: Vec<u8>,
        stderr: Vec<u8>,
    },
    /// Every adapter, the preferred first, not tested yet.
    Gpus(Vec<GpuFacts>),
    /// What a tested adapter is fit for.
    Gpu(GpuFacts),
    /// How fast a fit adapter is.
    GpuFigures(GpuFigures),
    /// What the jail is made of, and every way out that was tried.
    Escapes(Jail),
}

/// Sends one value.
///
/// # Errors
/// If the other side is gone, or the value has more than `max` bytes.
pub(crate) fn send<T: BorshSerialize>(
    to: &mut impl Write,
    value: &T,
    max: usize,
) -> io::Result<()> {
    let mut frame = vec![0; 4];
    borsh::to_writer(&mut frame, value)?;
    let len = frame.len() - 4;
    let written = u32::try_from(len).ok().filter(|_| len <= max);
    let written = written.ok_or_else(|| io::Error::other(format!("{len} bytes are too many")))?;
    frame[..4].copy_from_slice(&written.to_le_bytes());
    to.write_all(&frame)?;
    to.flush()
}

/// Receives one value; `None` if the other side has ended between two values.
///
/// # Errors
/// If the other side ends within a value, sends more than `max` bytes, or something else.
pub(crate) fn receive<T: BorshDeserialize>(
    from: &mut impl Read,
    max: usize,
) -> io::Result<Option<T>> {
    let mut len = [0; 4];
    if from.read(&mut len[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut len[1..])?;
    let len = u32::from_le_bytes(len) as usize;
    if len > max {
        return Err(io::Error::other(format!(
            "a value of {len} bytes is announced"
        )));
    }
    let mut bytes = vec![0; len];
    from.read_exact(&mut bytes)?;
    borsh::from_slice(&bytes).map(Some)
}
