//! How far a peer is trusted, what it stands to lose, and what faults cost.

use protocol::ids::{JobId, PartyId, PeerId};
use serde::{Deserialize, Serialize};

use super::market::NodeView;
use super::written::{Id, Kind, List, Money, Time};

/// A peer in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFullView {
    /// As in the list of peers.
    pub node: NodeView,
    /// When its sponsor let it in; `None` if it is not admitted.
    pub admitted: Option<Time>,
    /// Its bond, whoever put it in.
    pub bond: Money,
    /// What of that counts: the least it was in the look-back.
    pub counts: Money,
    /// What open bundles hold of it.
    pub locked: Money,
    /// What counts and is not locked: what it can be drawn with.
    pub usable: Money,
    /// What leaves the bond, and when each part matures.
    pub unbonding: Vec<LeavingView>,
    /// Who else put a part of the bond in.
    pub backers: Vec<BackerView>,
    /// Whether it signed two results, or was convicted too often: never drawn again.
    pub struck: bool,
    /// Whether its sponsor keeps it out of draws.
    pub suspended: bool,
    /// When it was convicted, as far as that still counts.
    pub convictions: Vec<Time>,
    /// What it was found guilty of, and how often.
    pub faults: Vec<FaultCount>,
    /// What is known of it in each class.
    pub classes: Vec<TrustView>,
}

/// How often a peer was found guilty of a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultCount {
    /// The fault's code, such as `F1`.
    pub fault: String,
    /// How often.
    pub times: u32,
}

/// A part of a bond on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeavingView {
    /// How much.
    pub amount: Money,
    /// When it can be withdrawn.
    pub matures: Time,
}

/// Who stands in for a peer that is not its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackerView {
    /// Who.
    pub party: Id<PartyId>,
    /// With how much.
    pub amount: Money,
}

/// What is known of a peer in a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustView {
    /// The class.
    pub class: String,
    /// `probation`, `member`, `normal` or `trusted`.
    pub tier: String,
    /// The expected share of right outcomes, in ten-thousandths.
    pub score_bps: u64,
    /// What it is at least (the lower confidence bound), in ten-thousandths.
    pub lower_bps: u64,
    /// How many of its runs were ever checked and right.
    pub verified: u64,
    /// Runs it was drawn for in the last epoch in which it was drawn.
    pub drawn: u64,
    /// Of those, how many it missed.
    pub missed: u64,
    /// Slots of its standing offer; 0 if none stands.
    pub slots: u16,
    /// What its offer weighs in draws, with the caps.
    pub weight: Option<WeightView>,
    /// Millions of operators a second: the median of what members saw.
    pub bench: Option<u32>,
    /// The members that may say in this epoch how many of its slots are there.
    pub challengers: Vec<Id<PartyId>>,
    /// What those who did saw, in the epoch of the last of them.
    pub seen: Vec<u16>,
}

/// What an offer weighs in draws.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightView {
    /// `shown` (peers that have shown their work) or `new`.
    pub pool: String,
    /// What it weighs.
    pub weight: u64,
    /// What one peer counts at most.
    pub peer_cap: u64,
    /// What all offers of its sponsor weigh.
    pub sponsor: u64,
    /// What they count at most.
    pub sponsor_cap: u64,
    /// What all offers of the pool weigh.
    pub all: u64,
}

impl Kind for NodeFullView {
    const KIND: &'static str = "peer.v1.Node";
}

/// Why a peer is drawn or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyView {
    /// The peer.
    pub peer: Id<PeerId>,
    /// In which class.
    pub class: String,
    /// For which job; `None` for jobs at large.
    pub job: Option<Id<JobId>>,
    /// Whether its card is in the deck.
    pub drawn: bool,
    /// Every reason why not, or seldom.
    pub reasons: Vec<WhyNot>,
}

/// One reason, and what helps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyNot {
    /// The reason.
    pub what: String,
    /// What helps; `None` where only time does.
    pub fix: Option<String>,
}

impl Kind for WhyView {
    const KIND: &'static str = "peer.v1.WhyNotDrawn";
}

/// A slash, held or shared out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldView {
    /// Its number.
    pub number: u64,
    /// The job it was in.
    pub job: Id<JobId>,
    /// The bundle.
    pub bundle: u32,
    /// The peer; for a judge's fault, the member's node.
    pub peer: Id<PeerId>,
    /// The fault's code, such as `F1`.
    pub fault: String,
    /// The fault in words.
    pub words: String,
    /// What proves it.
    pub ground: String,
    /// How much.
    pub amount: Money,
    /// `held`, `given` or `returned`.
    pub state: String,
    /// When it is shared out, unless it is frozen.
    pub until: Time,
    /// How it is shared.
    pub shares: Vec<ShareView>,
    /// Proposals that would correct it and are not over.
    pub appeals: Vec<u64>,
    /// What of it is kept for who paid for doubtful results, while it is; not in lists.
    pub kept: Option<KeptView>,
}

/// What of a slash is kept for those who paid for doubtful results of the peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptView {
    /// How much is left.
    pub left: Money,
    /// Until when it can be claimed.
    pub until: Time,
    /// Who has the rest then.
    pub rest_to: Id<PartyId>,
    /// The peer's newest doubtful results, newest first, at most 256.
    pub results: Vec<DoubtView>,
}

/// A result that is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubtView {
    /// Its number among the peer's.
    pub number: u64,
    /// The job.
    pub job: Id<JobId>,
    /// The bundle.
    pub bundle: u32,
    /// Who paid for it, and may claim that.
    pub submitter: Id<PartyId>,
    /// How much was paid.
    pub paid: Money,
    /// Whether that was claimed.
    pub redressed: bool,
}

/// A part of a slash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareView {
    /// Who has it.
    pub to: String,
    /// How much.
    pub amount: Money,
}

impl Kind for HoldView {
    const KIND: &'static str = "peer.v1.Slash";
}

impl Kind for List<HoldView> {
    const KIND: &'static str = "peer.v1.SlashList";
}

/// What a fault would cost a peer now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewView {
    /// The job.
    pub job: Id<JobId>,
    /// The bundle.
    pub bundle: u32,
    /// The peer.
    pub peer: Id<PeerId>,
    /// The fault's code.
    pub fault: String,
    /// The fault in words.
    pub words: String,
    /// What would be taken.
    pub amount: Money,
    /// Of that, burned.
    pub burned: Money,
    /// For those harmed.
    pub harmed: Money,
    /// For who shows it.
    pub finder: Money,
    /// For the federation.
    pub treasury: Money,
}

impl Kind for PreviewView {
    const KIND: &'static str = "peer.v1.SlashPreview";
}

impl Kind for List<PreviewView> {
    const KIND: &'static str = "peer.v1.SlashPreviewList";
}
