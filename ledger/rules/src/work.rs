//! The life of a bundle, from the submission of its job to its one ending.
//!
//! ```text
//! Waiting ──Drawn──▶ Drawn ──AllSealed──▶ Sealed ──Closed──▶ Opening ──Agreed──────────▶ Ended
//!    │                │  ▲ Sealed,           │                  │  ▲ Opened             Agreed
//!    │                │  └ Replaced          │                  │  └──┘
//!    │                └──────TooFew──────────┴──────TooFew──────┤──────────────────────▶ Short
//!    │                                                          │ Differed
//!    │                                                          ▼
//!    │                                                      Differing ──NotShown──▶ Undisputed
//!    │                                                          │ Shown, or ShownToAll
//!    │                              ┌──JurorsSealed──┐          ▼
//!    │                PanelOpening ◀┘        PanelSealing ◀─────┘   (First or Whole round)
//!    │                  │   │ Split, in First      ▲ │
//!    │                  │   └──▶ PanelSealing(Whole) └ JurorsSilent
//!    │                  ├──Judged───────────────────────────────────────────────────▶ Judged
//!    │                  └──Split, in Whole (or JurorsSilent in Whole)───▶ Nondeterministic
//!    └──Cancelled───────────────────────────────────────────────────────────────▶ Cancelled
//! ```
//!
//! [`step`] is that picture as a table; nothing else moves a bundle. Every state but `Waiting` and
//! `Sealed`, whose deadline is the job's, has a deadline with a default in [`due`], so a bundle ends
//! whoever falls silent. Audits slot in between `Sealed` and `Opening`, as a state of their own with
//! the number 3 that is kept free for it.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::DisputedTask;
use protocol::event::{Ending, Fault};
use protocol::ids::{BundleId, Digest, JobId, PartyId, PeerId};
use protocol::job::Terms;
use protocol::outcome::{Outcome, Root};
use protocol::units::{Credits, Height, Moment};

use crate::state::table;

pub(crate) mod case;
pub(crate) mod close;
pub(crate) mod compare;
pub(crate) mod dispute;
pub(crate) mod draw;
pub(crate) mod due;
pub(crate) mod open;
pub(crate) mod seal;
pub(crate) mod sentence;
pub(crate) mod settle;
pub(crate) mod slash;
pub(crate) mod submit;
pub(crate) mod verdict;

/// Which members a panel is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Round {
    /// A few that are related to nobody in the bundle; all must agree.
    First,
    /// Every member; more than two thirds of power decide.
    Whole,
}

/// Where a bundle stands. The numbers are frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum State {
    /// Its job is submitted, its peers are not drawn.
    Waiting = 0,
    /// Its peers run it and seal.
    Drawn = 1,
    /// All have sealed; the job waits for its close.
    Sealed = 2,
    /// Its peers open.
    Opening = 4,
    /// Opened roots differ; someone must show where.
    Differing = 5,
    /// A panel runs the disputed tasks and seals.
    PanelSealing(Round) = 6,
    /// A panel opens.
    PanelOpening(Round) = 7,
    /// It is over.
    Ended(Ending) = 8,
}

/// What can happen to a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Its peers were drawn.
    Drawn,
    /// A run was handed on, or given up because no peer was left.
    Replaced,
    /// One peer sealed.
    Sealed,
    /// The last run that can seal has sealed.
    AllSealed,
    /// The job was closed.
    Closed,
    /// One peer opened.
    Opened,
    /// All opened roots are equal.
    Agreed,
    /// Opened roots differ.
    Differed,
    /// Too few are left that sealed or opened.
    TooFew,
    /// A dispute was shown to a first panel.
    Shown,
    /// A dispute was shown, and too few members are unrelated: all are called.
    ShownToAll,
    /// Nobody showed where the roots differ.
    NotShown,
    /// One juror sealed.
    JurorSealed,
    /// All jurors sealed, or enough of them.
    JurorsSealed,
    /// Too few jurors sealed in time.
    JurorsSilent,
    /// One juror opened.
    JurorOpened,
    /// The panel found what is right.
    Judged,
    /// The panel did not agree.
    Split,
    /// The job was taken back or never started.
    Cancelled,
}

impl Happening {
    /// Everything that can happen.
    pub const ALL: [Self; 19] = [
        Self::Drawn,
        Self::Replaced,
        Self::Sealed,
        Self::AllSealed,
        Self::Closed,
        Self::Opened,
        Self::Agreed,
        Self::Differed,
        Self::TooFew,
        Self::Shown,
        Self::ShownToAll,
        Self::NotShown,
        Self::JurorSealed,
        Self::JurorsSealed,
        Self::JurorsSilent,
        Self::JurorOpened,
        Self::Judged,
        Self::Split,
        Self::Cancelled,
    ];

    /// It, as the thing that someone asked for.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Drawn => "drawing",
            Self::Replaced => "declining",
            Self::Sealed | Self::AllSealed => "sealing",
            Self::Closed => "closing",
            Self::Opened => "opening",
            Self::Agreed | Self::Differed => "comparing",
            Self::TooFew => "giving up",
            Self::Shown | Self::ShownToAll | Self::NotShown => "disputing",
            Self::JurorSealed | Self::JurorsSealed | Self::JurorsSilent => "sealing a judgement",
            Self::JurorOpened => "opening a judgement",
            Self::Judged | Self::Split => "judging",
            Self::Cancelled => "cancelling",
        }
    }
}

impl State {
    /// Every state; the ending is any one.
    pub const ALL: [Self; 10] = [
        Self::Waiting,
        Self::Drawn,
        Self::Sealed,
        Self::Opening,
        Self::Differing,
        Self::PanelSealing(Round::First),
        Self::PanelSealing(Round::Whole),
        Self::PanelOpening(Round::First),
        Self::PanelOpening(Round::Whole),
        Self::Ended(Ending::Agreed),
    ];

    /// It, in words that follow "the bundle is".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Waiting => "waiting for its draw",
            Self::Drawn => "drawn and being run",
            Self::Sealed => "sealed",
            Self::Opening => "being opened",
            Self::Differing => "waiting for a dispute of its different results",
            Self::PanelSealing(_) => "being run by a panel",
            Self::PanelOpening(_) => "waiting for its panel to open",
            Self::Ended(_) => "ended",
        }
    }

    /// Whether it is over.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Ended(_))
    }
}

/// The one table of a bundle's life: where it stands after something happened, or `None` if that
/// cannot happen there.
pub const fn step(state: State, happening: Happening) -> Option<State> {
    use Happening as H;
    use State as S;
    Some(match (state, happening) {
        (S::Waiting, H::Drawn) => S::Drawn,
        (S::Waiting, H::Cancelled) => S::Ended(Ending::Cancelled),
        (S::Drawn, H::Sealed | H::Replaced) => S::Drawn,
        (S::Drawn, H::AllSealed) => S::Sealed,
        (S::Sealed, H::Closed) => S::Opening,
        (S::Opening, H::Opened) => S::Opening,
        (S::Opening, H::Agreed) => S::Ended(Ending::Agreed),
        (S::Opening, H::Differed) => S::Differing,
        (S::Drawn | S::Sealed | S::Opening, H::TooFew) => S::Ended(Ending::Short),
        (S::Differing, H::Shown) => S::PanelSealing(Round::First),
        (S::Differing, H::ShownToAll) => S::PanelSealing(Round::Whole),
        (S::Differing, H::NotShown) => S::Ended(Ending::Undisputed),
        (S::PanelSealing(round), H::JurorSealed) => S::PanelSealing(round),
        (S::PanelSealing(round), H::JurorsSealed) => S::PanelOpening(round),
        (S::PanelOpening(round), H::JurorOpened) => S::PanelOpening(round),
        (S::PanelSealing(Round::First), H::JurorsSilent)
        | (S::PanelOpening(Round::First), H::Split) => S::PanelSealing(Round::Whole),
        (S::PanelSealing(Round::Whole), H::JurorsSilent)
        | (S::PanelOpening(Round::Whole), H::Split) => S::Ended(Ending::Nondeterministic),
        (S::PanelOpening(_), H::Judged) => S::Ended(Ending::Judged),
        _ => return None,
    })
}

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
