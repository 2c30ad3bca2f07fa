//! Everything that can happen to a peer. What comes from strangers has passed the checked door
//! before it is put in here: decoded within limits, an offer's signature checked, a message's
//! sender known from its connection.

use std::sync::Arc;

use protocol::event::Event;
use protocol::ids::{BundleId, Digest, JobId, PeerId, PurseId};
use protocol::job::{Blob, Class, Job};
use protocol::message::Message;
use protocol::offer::Offer;
use protocol::outcome::Outcome;
use protocol::steps::StepEntries;
use protocol::units::{Bytes, Credits, Height, Millis, Moment};

use crate::effect::{ProposalToken, RunToken, Ticket};
use crate::owner::Rest;
use crate::trouble::Trouble;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A block was agreed. Every block comes once, in order, from genesis on.
    Agreed {
        /// Its number.
        height: Height,
        /// Its agreed time.
        time: Moment,
        /// What it made true, in order.
        events: Vec<Event>,
    },
    /// The blocks agreed before our start have all been told: from now on we act.
    CaughtUp,
    /// Somebody at our own door asks for something.
    Request {
        /// Who waits for the answer.
        ticket: Ticket,
        /// What is asked.
        request: Request,
    },
    /// A live offer was heard; its signature was checked.
    Offered(Offer),
    /// A peer said something to us.
    Heard {
        /// Who, as its connection proves.
        from: PeerId,
        /// What.
        message: Message,
    },
    /// A peer can be reached.
    PeerUp(PeerId),
    /// A peer can no longer be reached.
    PeerDown(PeerId),
    /// A job's written form is at home and readable.
    JobFetched {
        /// Its digest.
        digest: Digest,
        /// The job.
        job: Arc<Job>,
    },
    /// A blob is at home.
    Fetched(Digest),
    /// A blob, or a job's written form, could not be had or read.
    FetchFailed {
        /// Its digest.
        digest: Digest,
        /// Why.
        why: String,
    },
    /// A task ended; its canonical output is kept as a blob.
    TaskDone {
        /// The run.
        token: RunToken,
        /// The task's number.
        task: u32,
        /// What it gave.
        outcome: Outcome,
        /// How large its output is.
        size: Bytes,
    },
    /// A task has no outcome: this machine's limit or trouble ended it.
    TaskFailed {
        /// The run.
        token: RunToken,
        /// The task's number.
        task: u32,
        /// Why.
        why: String,
    },
    /// A checker ended as it ends on every machine.
    Checked {
        /// The run.
        token: RunToken,
        /// Whether it accepted the output.
        accepted: bool,
    },
    /// A step was run again.
    Replayed {
        /// The run.
        token: RunToken,
        /// The entry that it gave.
        entry: Digest,
    },
    /// A state is kept as a blob.
    StateTaken {
        /// The run.
        token: RunToken,
        /// The snapshot.
        state: Blob,
    },
    /// What claims say of their steps.
    ListsRead {
        /// The bundle.
        bundle: BundleId,
        /// Of each claim, in the order they were named; `None` if the job does not run in steps.
        lists: Option<Vec<Listed>>,
    },
    /// A whole run cannot be run; nothing more is heard of it.
    RunFailed {
        /// The run.
        token: RunToken,
        /// Why.
        why: String,
    },
    /// The node's key signed our seal of a bundle.
    SealSigned {
        /// The bundle.
        bundle: BundleId,
        /// The signature.
        signature: [u8; 64],
    },
    /// What became of something we proposed.
    Answered {
        /// The wish.
        token: ProposalToken,
        /// Its fate.
        fate: Fate,
    },
    /// What a peer told of a job of ours in an earlier life, as [`crate::Effect::KeepTold`] said
    /// to keep it. Comes after the blocks that were agreed then and before [`Input::CaughtUp`], in
    /// the order it was kept; what no longer makes sense is let go.
    Told {
        /// Who told it.
        from: PeerId,
        /// What it told.
        message: Message,
    },
    /// Outputs of a bundle were compared.
    Compared {
        /// The bundle.
        bundle: BundleId,
        /// Whether each pair is alike, in the order they were named; `None` if an output was not at
        /// home after all.
        alike: Option<Vec<bool>>,
    },
    /// A blob that was at home is gone or damaged: it is fetched again where it is needed.
    Lost(Digest),
    /// Something asked for was not even begun, because its part is full.
    Busy(Busy),
    /// From now on this peer is the node of a member: it judges when its party is called, and its
    /// party may let peers in. Whoever loses its seat is not called any more.
    Seated,
    /// What a handed-over run left on this disk lies with the blobs now: numbers of tasks, each
    /// with its roots and its last state.
    KeptRead {
        /// The bundle.
        bundle: BundleId,
        /// The states; none of a task that left none, or none that is small enough to travel.
        states: Vec<(u32, Blob)>,
    },
    /// The owner of the machine lets no work in from now on, and why; or does again. What was drawn
    /// and has not begun goes to another peer. What runs goes to a sibling if the machine is wanted
    /// at once and one can take it; else it is finished.
    Owner(Option<Rest>),
    /// Nothing happened but time.
    Tick,
}

/// What a claim says of its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// These entries, which end with the claimed outcome.
    Steps(Arc<StepEntries>),
    /// Something that no honest run gives: no list, or one that ends with another outcome.
    Forged,
    /// It could not be had.
    Missing,
}

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in an agreed block.
    Agreed,
    /// It will not enter a block.
    Refused {
        /// Why.
        trouble: Trouble,
        /// Whether the same may pass later.
        may_retry: bool,
    },
}

/// What was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// A run: the executor is full.
    Run(RunToken),
    /// A fetch: too many are under way.
    Fetch(Digest),
    /// A message to this peer was dropped.
    Send(PeerId),
    /// A proposal could not be handed on.
    Propose(ProposalToken),
}

/// What the API asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Submit a job whose written form, module and inputs are kept as blobs. Answered when it is
    /// on the ledger.
    Submit {
        /// Digest of the job's written form.
        digest: Digest,
        /// The job.
        job: Arc<Job>,
        /// How it is to be run.
        choices: Choices,
    },
    /// Take a job back before it is drawn. Answered when it has ended.
    Cancel(JobId),
    /// Look once more for outputs of a job that are not at home. Answered at once.
    Collect(JobId),
}

/// How a job is to be run; what is left open is chosen from the standing offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// The class whose peers are drawn.
    pub class: Class,
    /// How often each bundle runs.
    pub copies: u8,
    /// How many tasks make a bundle.
    pub tasks_per_bundle: Option<u32>,
    /// What is paid for a Gfuel.
    pub per_gfuel: Option<Credits>,
    /// How long drawn peers have to seal.
    pub seal_window: Option<Millis>,
    /// The most that all runs together may cost.
    pub budget: Option<Credits>,
    /// The task wallet or grant that pays; the party's own wallet, if none.
    pub purse: Option<PurseId>,
    /// So many of its tasks are run at home before it is submitted, and planted as canaries; none
    /// for 0. More than [`protocol::entry::canaries_most`] gives for the federation is refused.
    pub canaries: u32,
}
