//! What the ledger keeps of jobs, bundles, runs and disputes: the rows, and nothing they do.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::DisputedTask;
use protocol::event::Fault;
use protocol::ids::{BundleId, Digest, JobId, PartyId, PeerId};
use protocol::job::Terms;
use protocol::outcome::{Outcome, Root};
use protocol::units::{Credits, Height, Moment};

use crate::state::table;
use crate::work::{Round, State};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Phase {
    /// Its escrow is locked.
    Submitted,
    /// Its bundles are drawn and being sealed.
    Sealing,
    /// Every bundle that still runs is sealed.
    Sealed,
    /// It is closed, and its bundles are opened and judged.
    Opening,
    /// All bundles have ended and the escrow is empty.
    Ended,
}

impl Phase {
    /// It, in words that follow "the job is".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Submitted => "submitted and not started",
            Self::Sealing => "being run",
            Self::Sealed => "sealed and not closed",
            Self::Opening => "closed and being judged",
            Self::Ended => "ended",
        }
    }
}

/// A job on the ledger.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Job {
    /// Its number, in order of submission.
    pub number: u64,
    /// Who pays.
    pub sender: PartyId,
    /// What the ledger knows of it.
    pub terms: Terms,
    /// The last known link of the submitter's hash chain.
    pub chain: Digest,
    /// Where it stands.
    pub phase: Phase,
    /// When it was submitted.
    pub submitted: Moment,
    /// The block from which on it can be started.
    pub start_from: Height,
    /// By when it must be started; then closed, once it is sealed; then opened.
    pub due: Moment,
    /// The most that one copy of one task can cost.
    pub price: Credits,
    /// What each drawn peer locks per bundle.
    pub lock: Credits,
    /// What was set aside when it was submitted.
    pub escrow: Credits,
    /// What of that pays panels if there is no one result.
    pub deposit: Credits,
    /// What its peers are drawn from, once it is started.
    pub seed: Option<Digest>,
    /// What panels (and audits) are drawn from, once it is closed: unknown while peers sealed.
    pub judges: Option<Digest>,
    /// Bundles whose peers still have to seal.
    pub unsealed: u32,
    /// Bundles that have not ended.
    pub open: u32,
    /// What its runs were paid.
    pub paid: Credits,
    /// What went back to the submitter.
    pub refunded: Credits,
}

/// A bundle on the ledger.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Bundle {
    /// Where it stands.
    pub state: State,
    /// Its runs, one per copy, in draw order.
    pub runs: Vec<Run>,
    /// Every peer ever drawn for it: none is drawn twice.
    pub past: Vec<PeerId>,
    /// The deadline of its state, where that is not a run's or the job's.
    pub due: Moment,
    /// The number of its dispute, if it has one.
    pub dispute: Option<u64>,
}

/// A peer's share of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Run {
    /// Who runs it.
    pub peer: PeerId,
    /// The institution that let it in.
    pub sponsor: PartyId,
    /// How far it is.
    pub stage: Stage,
    /// By when it must have sealed.
    pub seal_by: Moment,
    /// How often it was handed on.
    pub handed: u8,
    /// Its peer signed two results for this bundle: it is not paid.
    pub struck: bool,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Stage {
    /// It runs.
    Running,
    /// It sealed this hash.
    Sealed(Digest),
    /// It sealed this hash and opened this root.
    Opened(Digest, Root),
    /// It is given up, and nobody took it over.
    Gone(Gone),
}

/// Why a run was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Gone {
    /// Its peer said no.
    Declined,
    /// Its peer did not seal in time.
    Late,
    /// Its peer sealed and did not open.
    NotOpened,
    /// Its peer signed two results.
    TwoSeals,
}

impl Run {
    /// The root it opened, if it did.
    pub const fn root(&self) -> Option<Root> {
        match self.stage {
            Stage::Opened(_, root) => Some(root),
            Stage::Running | Stage::Sealed(_) | Stage::Gone(_) => None,
        }
    }

    /// Whether it still takes part, and holds a lock on its peer's bond.
    pub const fn takes_part(&self) -> bool {
        !matches!(self.stage, Stage::Gone(_))
    }
}

/// A difference that was shown to a panel.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Dispute {
    /// Its number, in order of showing.
    pub number: u64,
    /// The bundle.
    pub bundle: BundleId,
    /// When it was shown.
    pub when: Moment,
    /// Who showed it.
    pub finder: PartyId,
    /// The tasks, and what each opened peer claims.
    pub tasks: Vec<DisputedTask>,
    /// Which panel judges, or judged.
    pub round: Round,
    /// That panel.
    pub jurors: Vec<Juror>,
    /// The first panel, if the whole had to be called after it.
    pub earlier: Vec<Juror>,
    /// What was found, once it is.
    pub verdict: Option<Verdict>,
}

/// A member called to judge.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Juror {
    /// Its party.
    pub member: PartyId,
    /// Its node.
    pub peer: PeerId,
    /// Its power.
    pub power: u8,
    /// What it sealed.
    pub seal: Option<Digest>,
    /// What it opened.
    pub answer: Option<Vec<Option<Outcome>>>,
}

/// What a panel found, and what followed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Verdict {
    /// What is right, per disputed task; `None` where the members themselves differ.
    pub right: Vec<Option<Outcome>>,
    /// Peers whose every judged outcome is right.
    pub upheld: Vec<PeerId>,
    /// Peers with a wrong one.
    pub convicted: Vec<PeerId>,
    /// Who lost what, peers and judges.
    pub slashed: Vec<(PeerId, Fault, Credits)>,
}

/// What a party has to do with jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Submitter {
    pub(crate) jobs: u64,
    pub(crate) escrowed: Credits,
}

table!(
    /// Every job.
    Jobs, 0x50, JobId => Job
);
table!(
    /// Jobs by number.
    JobNumbers, 0x51, u64 => JobId
);
table!(
    /// A party's jobs by number.
    JobsOf, 0x52, (PartyId, u64) => JobId
);
table!(
    /// What a party has to do with jobs.
    Submitters, 0x53, PartyId => Submitter
);
table!(
    /// Bundles of started jobs.
    Bundles, 0x54, BundleId => Bundle
);
table!(
    /// Disputes by number.
    Disputes, 0x55, u64 => Dispute
);
