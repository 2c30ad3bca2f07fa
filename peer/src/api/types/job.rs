//! A job, its tasks, and why it waits.

use protocol::ids::{Digest, JobId, PartyId, PeerId};
use protocol::outcome::{Limit, Status, Trap};
use serde::{Deserialize, Serialize};

use super::written::{Id, Kind, List, Money, Time};

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// Its entry is on the way to a block.
    Proposed,
    /// Its escrow is locked; its peers are not drawn yet.
    Locked,
    /// Peers are drawn and work.
    Running,
    /// All have sealed; results are opened, compared and, where they differ, judged.
    Judging,
    /// Every bundle has ended and the escrow is empty.
    Ended,
    /// It was taken back, or never started; the escrow went back.
    Cancelled,
    /// The ledger said no.
    Refused,
}

impl JobState {
    /// Whether nothing will change any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Ended | Self::Cancelled | Self::Refused)
    }
}

/// How many of a job's tasks are where. They add up to the job's tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// No peer has begun, as far as we heard.
    pub waiting: u32,
    /// Drawn, and no result yet.
    pub running: u32,
    /// A result is here, and is not judged.
    pub provisional: u32,
    /// Judged, and the guest ended with exit code 0.
    pub done: u32,
    /// Judged, and the guest ended with another code, a trap or a limit.
    pub failed: u32,
    /// The bundle ended without a result.
    pub lost: u32,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    /// Its id.
    pub id: Id<JobId>,
    /// What people call it.
    pub name: String,
    /// Where it is in its life.
    pub state: JobState,
    /// Why, where there is something to say: the refusal of a refused job.
    pub why: Option<String>,
    /// Who pays.
    pub sender: Id<PartyId>,
    /// The digest of its written form.
    pub content: Id<Digest>,
    /// The digest of its module.
    pub module: Id<Digest>,
    /// How many tasks it has.
    pub tasks: u32,
    /// The array index of its first task.
    pub first_index: u64,
    /// How far one index is from the next.
    pub index_step: u64,
    /// How many tasks make a bundle.
    pub tasks_per_bundle: u32,
    /// How many bundles it has.
    pub bundles: u32,
    /// How often each bundle runs.
    pub copies: u8,
    /// Where its tasks are.
    pub tally: Tally,
    /// How many of its bundles were, or are, disputed.
    pub disputes: u32,
    /// How many of its bundles ended without a result that members stand behind: nondeterministic,
    /// or different and never disputed.
    pub unjudged: u32,
    /// What is paid for a Gfuel.
    pub per_gfuel: Money,
    /// What was set aside.
    pub escrow: Money,
    /// What its peers were paid so far.
    pub paid: Money,
    /// What came back.
    pub refunded: Money,
    /// Fuel of all judged outcomes, each counted once.
    pub fuel: u64,
    /// What its canaries showed, if it has some.
    pub canaries: Option<CanariesView>,
    /// When it was proposed, by this peer's clock.
    pub submitted: Time,
    /// When its first results were all here, by this peer's clock.
    pub provisional_at: Option<Time>,
    /// When it ended, by this peer's clock.
    pub ended: Option<Time>,
}

/// Tasks of a job that its submitter ran at home before anyone else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanariesView {
    /// How many are opened; 0 as long as peers run the job.
    pub opened: u32,
    /// The array indexes of those where the peers opened something else.
    pub differ: Vec<u64>,
}

impl Kind for JobView {
    const KIND: &'static str = "peer.v1.Job";
}

impl Kind for List<JobView> {
    const KIND: &'static str = "peer.v1.JobList";
}

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    /// No peer has begun, as far as we heard.
    Waiting,
    /// Drawn, and no result yet.
    Running,
    /// A result is here, and is not judged.
    Provisional,
    /// The result is judged: all copies agreed, or a panel found it right.
    Judged,
    /// The bundle ended without a result.
    Lost,
}

/// In which way a guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    /// By itself.
    Exited,
    /// It did something impossible.
    Trapped,
    /// It asked for more than a limit.
    OutOf,
}

/// How a guest ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedView {
    /// In which way.
    pub end: Ends,
    /// Its exit code, if it ended by itself.
    pub code: Option<i32>,
    /// The same in words.
    pub words: String,
}

impl EndedView {
    /// Whether the task did what it was meant to do.
    pub fn is_success(&self) -> bool {
        self.code == Some(0)
    }
}

impl From<Status> for EndedView {
    fn from(status: Status) -> Self {
        let (end, code, words) = match status {
            Status::Exited(0) => (Ends::Exited, Some(0), "done".to_owned()),
            Status::Exited(code) => (Ends::Exited, Some(code), format!("exit code {code}")),
            Status::Trapped(trap) => (Ends::Trapped, None, format!("trapped: {}", words(trap))),
            Status::OutOf(Limit::Fuel) => (Ends::OutOf, None, "out of fuel".to_owned()),
            Status::OutOf(Limit::Memory) => (Ends::OutOf, None, "out of memory".to_owned()),
            Status::OutOf(Limit::Output) => (Ends::OutOf, None, "too much output".to_owned()),
            Status::OutOf(Limit::Steps) => (Ends::OutOf, None, "too many steps".to_owned()),
        };
        Self { end, code, words }
    }
}

const fn words(trap: Trap) -> &'static str {
    match trap {
        Trap::Unreachable => "unreachable code (an abort or a failed assertion)",
        Trap::MemoryOutOfBounds => "memory access out of bounds",
        Trap::BadTableUse => "bad table access or indirect call",
        Trap::BadArithmetic => "division by zero or overflow",
        Trap::Other => "an operation that cannot be done",
    }
}

/// One task of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    /// The job.
    pub job: Id<JobId>,
    /// Its number in the job, from 0.
    pub task: u32,
    /// The array index it is given.
    pub index: u64,
    /// The bundle it is in.
    pub bundle: u32,
    /// Where it is in its life.
    pub state: TaskState,
    /// How the guest ended, once a result is here.
    pub ended: Option<EndedView>,
    /// What it cost, once a result is here.
    pub fuel: Option<u64>,
    /// The digest of its output ([`protocol::outcome::TaskOutput`]), once a result is here. The
    /// blob of this digest lies at the peer that submitted the job.
    pub output: Option<Id<Digest>>,
    /// Who is drawn for it.
    pub peers: Vec<Id<PeerId>>,
    /// Why it has no result, where we know.
    pub why: Option<String>,
}

impl Kind for TaskView {
    const KIND: &'static str = "peer.v1.Task";
}

impl Kind for List<TaskView> {
    const KIND: &'static str = "peer.v1.TaskList";
}

/// One reason, and how many peers or tasks it holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// How many.
    pub count: u32,
    /// What holds for them, such as `peers ask more than 10 cr per Gfuel`.
    pub what: String,
    /// The command that helps, if there is one.
    pub fix: Option<String>,
}

/// What speaks for or against one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerReason {
    /// The peer.
    pub peer: Id<PeerId>,
    /// Who sponsors it.
    pub sponsor: Option<String>,
    /// Whether it can be drawn for the job.
    pub fits: bool,
    /// Why, in words.
    pub why: String,
}

/// Why a job waits, or what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainView {
    /// The job.
    pub job: Id<JobId>,
    /// Where it is in its life.
    pub state: JobState,
    /// One sentence: what it waits for, or how it ended.
    pub summary: String,
    /// Why, most important first.
    pub reasons: Vec<Reason>,
    /// Every peer we know of.
    pub peers: Vec<PeerReason>,
}

impl Kind for ExplainView {
    const KIND: &'static str = "peer.v1.Explanation";
}
