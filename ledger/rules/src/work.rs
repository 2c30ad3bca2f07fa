//! The life of a bundle, from the submission of its job to its one ending.
//!
//! ```text
//! Waiting ─Drawn─▶ Drawn ─AllSealed─▶ Sealed ─Closed────────────────────▶ Opening (Opened)
//!    │             (Sealed,             │ └─Called─▶ Auditing ─AuditsSealed─▲ │ │ │ │
//! Cancelled         Replaced)           │               │                     │ │ │ │
//!    ▼                 │                │               │                     │ │ │ │
//! Cancelled            └────TooFew──────┴────TooFew─────┴──▶ Short ◀──TooFew──┘ │ │ │
//!                                                                               │ │ │
//! Agreed ◀──────────────────────────────Agreed──────────────────────────────────┘ │ │
//!   ▲                                                                             │ │
//!   ├─Compared── Checking ◀─────────────Matched───────────────────────────────────┘ │
//!   │               │ └─TooFew─▶ Short                                              │
//!   └─Agreed──── Differing ◀────────────Differed────────────────────────────────────┘
//!                   │ ├─TooFew─▶ Short
//!                   │ └─NotShown─▶ Undisputed
//!   Shown, ShownToAll, of both
//!                   ▼
//!             PanelSealing ◀──────────Split, JurorsSilent of the First round:
//!             (JurorSealed)                  the Whole one is called
//!                   │                                   │
//!             JurorsSealed                              │
//!                   ▼                                   │
//!             PanelOpening ─────────────────────────────┤
//!             (JurorOpened)                             │
//!                   │                 Split, JurorsSilent of the Whole
//!                 Judged                                │
//!                   ▼                                   ▼
//!                 Judged                         Nondeterministic
//! ```
//!
//! [`step`] is that picture as a table; nothing else moves a bundle. `Waiting`, `Sealed`,
//! `Auditing` and `Checking` have the job's deadline, every other state has its own, each with a
//! default in `work/due.rs`: so a bundle ends whoever falls silent.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::AuditRequest;
use protocol::event::Ending;
use protocol::ids::PartyId;

use crate::refusal::Refusal;
use crate::state::Draft;

pub(crate) mod audit;
pub(crate) mod canary;
pub(crate) mod case;
pub(crate) mod check;
pub(crate) mod close;
pub(crate) mod compare;
pub(crate) mod demand;
pub(crate) mod dispute;
pub(crate) mod draw;
pub(crate) mod due;
pub(crate) mod equivocate;
pub(crate) mod faults;
pub(crate) mod feigned;
pub(crate) mod hold;
pub(crate) mod open;
pub(crate) mod records;
pub(crate) mod redress;
pub(crate) mod seal;
pub(crate) mod sentence;
pub(crate) mod settle;
pub(crate) mod silence;
pub(crate) mod slash;
pub(crate) mod submit;
pub(crate) mod verdict;

pub use demand::Demand;
pub use faults::{FaultRecord, ModuleFlag, PaidResult};
pub use hold::{Ground, Hold, HoldState, Share};
pub use records::{
    Audit, AuditStage, AuditedTask, Bundle, Dispute, Gone, Job, Juror, Phase, Run, Seat, SeatStage,
    Stage, Verdict,
};
pub(crate) use records::{
    Audited, Audits, Bundles, Disputes, Found, JobNumbers, Jobs, JobsOf, Submitters,
};
pub use redress::Redress;
pub use silence::Silence;

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
    /// Auditors run some of its job's tasks and seal.
    Auditing = 3,
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
    /// Its peers opened the same: it is compared with what auditors found or the submitter knew.
    Checking = 9,
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
    /// The job was closed, and nothing of it is audited.
    Closed,
    /// The job was closed, and auditors were called.
    Called,
    /// Auditors have sealed, or their time is over.
    AuditsSealed,
    /// One peer opened.
    Opened,
    /// All opened roots are equal.
    Agreed,
    /// All opened roots are equal, and some of its tasks are audited, or the job has canaries.
    Matched,
    /// Nobody showed that an audit or a canary differs.
    Compared,
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
    pub const ALL: [Self; 23] = [
        Self::Drawn,
        Self::Replaced,
        Self::Sealed,
        Self::AllSealed,
        Self::Closed,
        Self::Called,
        Self::AuditsSealed,
        Self::Opened,
        Self::Agreed,
        Self::Matched,
        Self::Compared,
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
            Self::Closed | Self::Called => "closing",
            Self::AuditsSealed => "auditing",
            Self::Opened => "opening",
            Self::Agreed | Self::Differed | Self::Matched | Self::Compared => "comparing",
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
    pub const ALL: [Self; 12] = [
        Self::Waiting,
        Self::Drawn,
        Self::Sealed,
        Self::Auditing,
        Self::Opening,
        Self::Checking,
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
            Self::Auditing => "being audited",
            Self::Opening => "being opened",
            Self::Checking => "being compared with its audits",
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

/// One match from what is asked about audits and faults to the rule that answers; nothing else.
pub(crate) fn rule(
    draft: &mut Draft<'_>,
    sender: PartyId,
    request: &AuditRequest,
) -> Result<(), Refusal> {
    match request {
        AuditRequest::Seal { job, hash } => audit::seal(draft, sender, *job, *hash),
        AuditRequest::Open {
            job,
            openings,
            findings,
            content,
        } => check::enter(draft, sender, *job, (openings, findings), *content),
        AuditRequest::Contest { bundle, proofs } => check::contest(draft, sender, *bundle, proofs),
        AuditRequest::Demand { bundle, peer } => demand::ask(draft, sender, *bundle, *peer),
        AuditRequest::Answer {
            bundle,
            peer,
            outcomes,
        } => demand::answer(draft, *bundle, *peer, outcomes),
        AuditRequest::Canaries {
            job,
            salt,
            canaries,
        } => canary::open(draft, sender, *job, salt, canaries),
        AuditRequest::Redress { slash, results } => redress::claim(draft, sender, *slash, results),
        AuditRequest::Alike { bundle, peers } => dispute::alike(draft, sender, *bundle, peers),
        AuditRequest::TwoSeals { job, seals } => equivocate::show(draft, sender, *job, seals),
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
        (S::Sealed, H::Closed) | (S::Auditing, H::AuditsSealed) => S::Opening,
        (S::Sealed, H::Called) => S::Auditing,
        (S::Opening, H::Opened) => S::Opening,
        (S::Opening, H::Matched) => S::Checking,
        (S::Opening | S::Differing, H::Agreed) | (S::Checking, H::Compared) => {
            S::Ended(Ending::Agreed)
        }
        (S::Opening, H::Differed) => S::Differing,
        (
            S::Drawn | S::Sealed | S::Auditing | S::Opening | S::Checking | S::Differing,
            H::TooFew,
        ) => S::Ended(Ending::Short),
        (S::Differing | S::Checking, H::Shown) => S::PanelSealing(Round::First),
        (S::Differing | S::Checking, H::ShownToAll) => S::PanelSealing(Round::Whole),
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
