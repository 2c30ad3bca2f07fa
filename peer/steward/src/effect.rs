//! Everything a peer can do about what happened. The driver performs effects in order; none waits.

use std::sync::Arc;

use protocol::entry::{Body, PeerSeal, Seal};
use protocol::event::Ending;
use protocol::ids::{BundleId, Digest, JobId, PeerId};
use protocol::job::Blob;
use protocol::message::Message;
use protocol::offer::Offer;
use protocol::outcome::Outcome;
use protocol::units::{Bytes, Credits};

use crate::trouble::Trouble;

mod report;

pub use report::Report;

/// Names one wish to enter something in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProposalToken(pub u64);

/// Names one run in the executor, until it is done, failed or cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunToken(pub u64);

/// Names who waits for an answer; chosen by the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// How large a blob is, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Exactly so large; anything else is the wrong blob.
    Exactly(Bytes),
    /// No larger than this.
    AtMost(Bytes),
}

/// Why a run is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// We were drawn for it.
    Work,
    /// We judge it.
    Panel,
    /// We audit it.
    Audit,
    /// It is ours, and we want to know what some of its tasks give before we submit it. Its bundle
    /// is named after the job's content: it has no name on the ledger yet.
    Canary,
    /// It is ours, and its checker looks at this output of the one task that is named. What is run
    /// is the checker ([`Job::checking`](protocol::job::Job::checking)), and the answer is
    /// [`crate::Input::Checked`] or [`crate::Input::TaskFailed`].
    Check(Digest),
    /// We judge two claims by the one step in which they part: the step after this state (the root
    /// that both have, and the snapshot), or `init`. The answer is [`crate::Input::Replayed`] or
    /// [`crate::Input::RunFailed`].
    Step(Option<(Digest, Blob)>),
    /// Somebody judges so, and asks for the state after so many steps. The answer is
    /// [`crate::Input::StateTaken`] or [`crate::Input::RunFailed`].
    State(u32),
}

/// What some peers say that a task gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The task's number.
    pub task: u32,
    /// What it gave.
    pub outcome: Outcome,
    /// Who says so, and so has its output and its list of steps.
    pub peers: Vec<PeerId>,
}

/// One thing to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Sign this as an entry and send it to the members. The same token again means: what was
    /// signed under it may be lost, so send *the same bytes* again; sign anew only if they are
    /// forgotten or no longer valid. Answered by [`crate::Input::Answered`].
    Propose {
        /// The wish.
        token: ProposalToken,
        /// What to ask of the ledger.
        body: Body,
    },
    /// Sign this seal with the node's key. Answered by [`crate::Input::SealSigned`].
    SignSeal(Seal),
    /// Say this to a peer. It may be lost.
    Send {
        /// To whom.
        to: PeerId,
        /// What.
        message: Message,
    },
    /// Say [`Message::Outcomes`] to a peer, with the kept bytes of `inline` put in.
    SendOutcomes {
        /// To whom.
        to: PeerId,
        /// The bundle.
        bundle: BundleId,
        /// One per task, in order.
        outcomes: Arc<[Outcome]>,
        /// Outputs whose bytes go into the message; together within `INLINE_BYTES_MAX`.
        inline: Vec<Digest>,
        /// Our seal of them.
        seal: PeerSeal,
    },
    /// Get a job's written form, at most `JOB_BYTES_MAX`, and read it. Answered by
    /// [`crate::Input::JobFetched`] or [`crate::Input::FetchFailed`]; at once if it is at home.
    FetchJob {
        /// Its digest.
        digest: Digest,
        /// Who may have it, best first.
        from: Vec<PeerId>,
    },
    /// Get a blob. Answered by [`crate::Input::Fetched`] (at once if it is at home) or
    /// [`crate::Input::FetchFailed`].
    Fetch {
        /// Its digest.
        digest: Digest,
        /// How large it is.
        size: Size,
        /// Who may have it, best first.
        from: Vec<PeerId>,
    },
    /// Run tasks of a job whose blobs are all at home, keep each canonical output as a blob, and
    /// answer each task with [`crate::Input::TaskDone`] or [`crate::Input::TaskFailed`].
    Run {
        /// The run.
        token: RunToken,
        /// The bundle it is a part of.
        bundle: BundleId,
        /// The job's written form.
        job: Digest,
        /// The numbers of the tasks.
        tasks: Vec<u32>,
        /// Why.
        why: Why,
        /// Tasks whose output is passed through [`crate::misbehave::altered`] before it is kept
        /// and named. Empty but in a `devnet` with the fault switch on.
        alter: Vec<u32>,
        /// What a sibling kept of some tasks, at home: they go on from there. One that does not
        /// hold is of no account.
        states: Vec<(u32, Blob)>,
    },
    /// Put with the blobs what is kept of these tasks of a run that a sibling has now. Answered by
    /// [`crate::Input::KeptRead`].
    ReadKept {
        /// The bundle.
        bundle: BundleId,
        /// The job's written form.
        job: Digest,
        /// The numbers of the tasks.
        tasks: Vec<u32>,
    },
    /// Get what each claim says of its task's steps. The job and its blobs are at home. Answered by
    /// [`crate::Input::ListsRead`].
    ReadLists {
        /// The bundle.
        bundle: BundleId,
        /// The job's written form.
        job: Digest,
        /// The claims.
        claimed: Vec<Claimed>,
    },
    /// Say of each pair of outcomes whether they are alike, as the job has it compared; their
    /// outputs are at home. Answered by [`crate::Input::Compared`].
    Compare {
        /// The bundle they are of.
        bundle: BundleId,
        /// The job's written form.
        job: Digest,
        /// Which; each a task's outcome from one peer and from another, each pair once.
        pairs: Vec<(Outcome, Outcome)>,
    },
    /// Stop a run; nothing more is heard of it.
    CancelRun(RunToken),
    /// Keep these bytes as a blob; their digest was checked.
    KeepOutput {
        /// Their digest.
        digest: Digest,
        /// The output.
        bytes: Vec<u8>,
    },
    /// Remember across restarts what a peer told of a job of ours, to be handed back by
    /// [`crate::Input::Told`]: its outcomes without the outputs, or an opening. The peer may never
    /// be there again to repeat it.
    KeepTold {
        /// The job.
        job: JobId,
        /// Who told it.
        from: PeerId,
        /// What it told.
        message: Message,
    },
    /// Sign this offer and announce it.
    Announce(Offer),
    /// Answer a request; each ticket is answered once.
    Reply {
        /// Whom.
        ticket: Ticket,
        /// With what.
        answer: Answer,
    },
    /// Tell whoever watches our jobs.
    Tell(News),
    /// Write this to the log.
    Report(Report),
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The job is on the ledger and its escrow is locked.
    Submitted(JobId),
    /// The job was taken back.
    Cancelled(JobId),
    /// So many of the job's tasks have no output at home; those that can be had will be told as
    /// [`News::Output`].
    Collecting {
        /// The job.
        job: JobId,
        /// How many.
        missing: u32,
    },
    /// It cannot be done, why, and what would help.
    Refused {
        /// Why.
        trouble: Trouble,
        /// A command that would help; empty if none does.
        help: String,
    },
}

/// What happened to a job of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It is on the ledger.
    Submitted(JobId),
    /// A bundle has its peers.
    Drawn {
        /// The bundle.
        bundle: BundleId,
        /// Who runs it.
        peers: Vec<PeerId>,
    },
    /// A run passed to another peer, or to none.
    Replaced {
        /// The bundle.
        bundle: BundleId,
        /// Whose it was.
        out: PeerId,
        /// Whose it is.
        next: Option<PeerId>,
    },
    /// A drawn peer says that it cannot.
    RunFailed {
        /// The bundle.
        bundle: BundleId,
        /// Who says so.
        peer: PeerId,
        /// In its words.
        why: String,
    },
    /// A task's output is at home. Until its bundle ends it is provisional.
    Output {
        /// The job.
        job: JobId,
        /// The task's number.
        task: u32,
        /// What it gave.
        outcome: Outcome,
        /// Whether nothing is judged yet.
        provisional: bool,
    },
    /// Every seal is on the ledger.
    AllSealed(JobId),
    /// Sealing is over.
    Closed(JobId),
    /// Opened outcomes differ.
    Disputed {
        /// The bundle.
        bundle: BundleId,
        /// Who opened.
        peers: Vec<PeerId>,
    },
    /// Members run the disputed tasks.
    PanelCalled {
        /// The bundle.
        bundle: BundleId,
        /// The disputed tasks' numbers in the job.
        tasks: Vec<u32>,
        /// How many members.
        judges: usize,
        /// Which round.
        round: u8,
    },
    /// They have judged.
    Verdict {
        /// The bundle.
        bundle: BundleId,
        /// Who was right.
        upheld: Vec<PeerId>,
        /// Who was wrong.
        convicted: Vec<PeerId>,
    },
    /// A peer was punished for a bundle of ours.
    Slashed {
        /// The bundle.
        bundle: BundleId,
        /// Who.
        peer: PeerId,
        /// What for.
        fault: protocol::event::Fault,
        /// How much.
        amount: Credits,
    },
    /// A bundle has ended.
    BundleEnded {
        /// The bundle.
        bundle: BundleId,
        /// How.
        ending: Ending,
    },
    /// The job has ended.
    Ended {
        /// The job.
        job: JobId,
        /// What its runs were paid.
        paid: Credits,
        /// What came back.
        refunded: Credits,
    },
}

/// What is to be done, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Outbox(std::collections::VecDeque<Effect>);

impl Outbox {
    pub(crate) fn push(&mut self, effect: Effect) {
        self.0.push_back(effect);
    }

    pub(crate) fn report(&mut self, report: Report) {
        self.push(Effect::Report(report));
    }

    pub(crate) fn next(&mut self) -> Option<Effect> {
        self.0.pop_front()
    }
}
