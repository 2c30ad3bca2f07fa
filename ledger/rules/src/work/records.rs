//! What the ledger keeps of jobs, bundles, runs and disputes: the rows, and nothing they do.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::{AUDITED_PER_PART, DisputedTask};
use protocol::event::Fault;
use protocol::ids::{BundleId, Digest, JobId, PartyId, PeerId, PurseId};
use protocol::job::Terms;
use protocol::outcome::{Outcome, Root};
use protocol::units::{Bps, Credits, Height, Moment};

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
    /// It is closed, and auditors run what was drawn and seal.
    Auditing,
    /// All its peers have opened, and what auditors found is compared.
    Checking,
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
            Self::Auditing => "closed and being audited",
            Self::Checking => "being compared with its audits",
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
    /// By when it must be started; then closed, once it is sealed; audited; opened; compared.
    pub due: Moment,
    /// Runs that are not sealed by then are worth nothing to the submitter.
    pub deadline: Option<Moment>,
    /// The most that one copy of one task can cost.
    pub price: Credits,
    /// How often a task is audited.
    pub audit: Bps,
    /// What was set aside for audits.
    pub audits: Credits,
    /// What each drawn peer locks per bundle.
    pub lock: Credits,
    /// The most copies of a bundle that the tiers of its peers can ask for.
    pub copies_max: u8,
    /// What was set aside when it was submitted.
    pub escrow: Credits,
    /// What of that pays panels if there is no one result.
    pub deposit: Credits,
    /// What its peers are drawn from, once it is started.
    pub seed: Option<Digest>,
    /// The block in which the last peer sealed.
    pub sealed: Height,
    /// What audits and panels are drawn from, once it is closed: unknown while peers sealed.
    pub judges: Option<Digest>,
    /// Bundles whose peers still have to seal.
    pub unsealed: u32,
    /// Bundles whose peers still have to open.
    pub unopened: u32,
    /// Whether what its peers open is compared before it is paid: some of its tasks are audited, or
    /// its submitter has canaries.
    pub audited: bool,
    /// How many canaries the submitter may open; none once it has.
    pub canaries: u32,
    /// Bundles that have not ended.
    pub open: u32,
    /// What its runs were paid.
    pub paid: Credits,
    /// What is paid to the federation on top of every payment for work.
    pub work_fee: Bps,
    /// And what more for each task's price, for what is declared to be at risk.
    pub risk: Credits,
    /// How much of that was paid.
    pub fees: Credits,
    /// What went back to the submitter.
    pub refunded: Credits,
    /// What paid for it, if that was not the submitter's wallet.
    pub purse: Option<PurseId>,
    /// The sponsor whose peers are not drawn for it, because it granted what pays for it.
    pub excluded: Option<PartyId>,
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
    /// What it locks of its bond: less than the job asks for only where a beginner earns its bond.
    pub lock: Credits,
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
    /// Its peer opened a root and kept the outcomes to itself.
    Withheld,
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
    /// Auditors who found something else than the peers opened, and so judge in no first panel.
    pub auditors: Vec<PartyId>,
    /// The tasks, and what each opened peer claims.
    pub tasks: Vec<DisputedTask>,
    /// What of the submitter's deposit is set aside for its judges, because nothing but canaries
    /// speaks for it: theirs if the peers were right.
    pub stake: Credits,
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

/// A job's audits.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Audit {
    /// How far they are.
    pub stage: AuditStage,
    /// Who audits what; a seat keeps its number.
    pub seats: Vec<Seat>,
    /// Whether the submitter has compared and found no difference.
    pub content: bool,
}

/// How far a job's audits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum AuditStage {
    /// Auditors run and seal.
    Sealing,
    /// All have sealed; the job's peers open.
    Waiting,
    /// Auditors open.
    Opening,
    /// All have opened; differences can be shown.
    Contest,
    /// What was not contested is settled.
    Over,
}

/// A member as an auditor, with the tasks it was dealt together.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Seat {
    /// The auditor's party.
    pub member: PartyId,
    /// Its node.
    pub peer: PeerId,
    /// How many tasks it audits.
    pub tasks: u32,
    /// How far it is.
    pub stage: SeatStage,
    /// The parts of its findings that are opened.
    pub opened: Vec<u32>,
    /// What it has a claim to.
    pub owed: Credits,
    /// Whether its tasks were another's before, who fell silent.
    pub again: bool,
}

/// How far an auditor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum SeatStage {
    /// It is called.
    Called,
    /// It sealed this hash.
    Sealed(Digest),
    /// It fell silent, and its tasks are not its any more.
    Silent,
    /// A panel found it wrong: it is not paid.
    Wrong,
}

impl Seat {
    /// In how many parts its findings are opened.
    pub fn parts(&self) -> u32 {
        self.tasks.div_ceil(Self::PART)
    }

    /// How many tasks a part of its findings has.
    pub fn tasks_in(&self, part: u32) -> usize {
        let before = part.saturating_mul(Self::PART);
        self.tasks.saturating_sub(before).min(Self::PART) as usize
    }

    /// Whether all its findings are opened.
    pub fn has_opened(&self) -> bool {
        self.opened.len() == self.parts() as usize
    }

    const PART: u32 = AUDITED_PER_PART;
}

/// A task that is audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AuditedTask {
    /// Its place in its bundle.
    pub place: u32,
    /// Whose seat audits it.
    pub seat: u16,
}

table!(
    /// A job's audits.
    Audits, 0x90, JobId => Audit
);
table!(
    /// Which tasks of a bundle are audited, by rising place.
    Audited, 0x91, BundleId => Vec<AuditedTask>
);
table!(
    /// The tasks of one part of a seat's findings, by their number in the job.
    AuditTasks, 0x92, (JobId, u16, u32) => Vec<u32>
);
table!(
    /// What an auditor opened: a part of a seat's findings.
    Found, 0x94, (JobId, u16, u32) => Vec<Option<Outcome>>
);
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
