//! What is handed to the executor, and what it hands back.

use std::ops::Range;
use std::path::PathBuf;

use protocol::bytes::Malformed;
use protocol::ids::JobId;
use protocol::job::{Job, Profile};
use protocol::outcome::{Outcome, TaskOutput};
use protocol::steps::StepEntries;
use protocol::units::Bytes;
use thiserror::Error;

/// So many works may wait or run at once.
pub const WORKS_MAX: usize = 64;

/// Names one piece of work for as long as it is with the executor. Chosen by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Some tasks of one job, with its content on this machine's disk.
#[derive(Clone, Debug)]
pub struct Work {
    /// What the caller calls it.
    pub token: Token,
    /// The job as the ledger knows it. A child serves one and no other, even of the same content.
    pub served: JobId,
    /// What guests see as `PEER_JOB_ID`. It is part of what they compute with, so whoever runs the
    /// same tasks must give the same.
    pub job_id: JobId,
    /// The job.
    pub job: Job,
    /// Where `job.module`'s content lies.
    pub module: PathBuf,
    /// Where `job.stdin`'s content lies; there if and only if the job has one.
    pub stdin: Option<PathBuf>,
    /// Where the content of each of `job.inputs` lies, in the same order.
    pub inputs: Vec<PathBuf>,
    /// The numbers of the tasks to run, from 0 to below `job.array.count`.
    pub tasks: Range<u32>,
    /// Where [`Executor::kept`](crate::Executor::kept) files of tasks lie that another executor
    /// began. A task goes on from there unless this one kept a state of it, or the file holds none.
    pub states: Vec<(u32, PathBuf)>,
}

/// Why a work is not taken. Nothing was started, and nothing will be reported of it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refused {
    /// The job breaks a limit that all jobs have.
    #[error("the job is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// The job is for another world than this executor offers.
    #[error("profile {} is not offered here", .0.0)]
    ProfileUnknown(Profile),
    /// The job runs on one device class, and no fit adapter here is of it.
    #[error("no adapter here is of the device class that the job's outputs are compared in")]
    OtherDevice,
    /// The job's tasks want more memory than this machine lends.
    #[error("a task wants {wanted} bytes of memory, and {lent} are lent", wanted = .wanted.get(),
        lent = .lent.get())]
    MemoryTooLarge {
        /// The job's limit.
        wanted: Bytes,
        /// What is lent.
        lent: Bytes,
    },
    /// Its task numbers are not the job's, or there are none.
    #[error("tasks {}..{} are not tasks of a job of {count}", .tasks.start, .tasks.end)]
    NoSuchTasks {
        /// What was asked for.
        tasks: Range<u32>,
        /// How many the job has.
        count: u32,
    },
    /// The paths do not match the job's stdin and inputs.
    #[error("the work brings other files than its job names")]
    FilesDoNotMatch,
    /// Another work has this token.
    #[error("token {} is in use", .0.0)]
    TokenInUse(Token),
    /// Try again when one has finished.
    #[error("{WORKS_MAX} works are waiting or running")]
    Full,
}

/// What the executor says while it works. Of one work, no event follows its `Finished`.
#[derive(Debug)]
pub enum Event {
    /// One task is done. Tasks of one work are done in any order, each exactly once.
    Done {
        /// The work.
        token: Token,
        /// The task's number in its job.
        task: u32,
        /// How it went.
        result: TaskResult,
    },
    /// Every task of the work was reported, or it was cancelled.
    Finished {
        /// The work.
        token: Token,
    },
}

/// How a task went on this machine.
#[derive(Debug)]
pub enum TaskResult {
    /// It ended as it ends on every machine.
    Outcome {
        /// What it left.
        output: Box<TaskOutput>,
        /// The canonical bytes of `output`; their digest is `outcome.digest`.
        bytes: Vec<u8>,
        /// What it gave and cost.
        outcome: Outcome,
        /// What came of each step, if it is a step task; `output.steps` is their list.
        entries: Option<StepEntries>,
    },
    /// It has no outcome: another machine might see another end. Never to be sealed.
    Inconclusive {
        /// Why.
        why: Inconclusive,
        /// What it had written to standard output; empty if its worker was lost.
        stdout: Vec<u8>,
        /// What it had written to standard error; empty if its worker was lost.
        stderr: Vec<u8>,
    },
}

/// Why a task has no outcome.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Inconclusive {
    /// Its stack overflowed; how much fits differs between machines.
    #[error("the guest's stack overflowed")]
    StackOverflow,
    /// It ran longer than `limits.wall_ms` here.
    #[error("the task took longer than its wall time")]
    WallTime,
    /// Its worker ended under it, twice.
    #[error("the task lost its worker twice: {0}")]
    Killed(String),
    /// This machine could not compile or run it.
    #[error("this machine failed: {0}")]
    Host(String),
}
