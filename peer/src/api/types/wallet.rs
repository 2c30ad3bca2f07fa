//! What a party holds, and how it came to be so.

use protocol::ids::{JobId, PartyId, PeerId};
use serde::{Deserialize, Serialize};

use super::written::{Id, Kind, Money, Time};

/// Credits that are held, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Such as `escrow of job_…`, `bond of node_…` or `task wallet purse_…`.
    pub why: String,
    /// How much.
    pub amount: Money,
}

/// What a party holds, as last agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceView {
    /// Who.
    pub party: Id<PartyId>,
    /// What it can spend now.
    pub available: Money,
    /// What lies in its task wallets.
    pub set_apart: Money,
    /// What is left of grants to it, expired ones too while nobody has returned them.
    pub granted: Money,
    /// What is set aside for its open jobs.
    pub escrow: Money,
    /// What its peers stand to lose.
    pub bonded: Money,
    /// Of that, what open bundles hold.
    pub locked: Money,
    /// Each held amount and why: task wallets, grants, escrows and bonds, one by one.
    pub held: Vec<Held>,
    /// The height at which this was so.
    pub height: u64,
}

impl Kind for BalanceView {
    const KIND: &'static str = "peer.v1.Balance";
}

/// Which way credits went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Into what the party can spend.
    In,
    /// Out of what the party can spend.
    Out,
}

/// One change of what a party can spend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryItem {
    /// The block that did it.
    pub height: u64,
    /// Agreed time of that block.
    pub at: Time,
    /// Such as `paid for bundle 3` or `escrow`.
    pub what: String,
    /// Which way.
    pub direction: Direction,
    /// How much.
    pub amount: Money,
    /// The job it was for.
    pub job: Option<Id<JobId>>,
    /// The peer it was about.
    pub peer: Option<Id<PeerId>>,
    /// The other party.
    pub other: Option<Id<PartyId>>,
}

/// Changes of a party's balance, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryPage {
    /// Who.
    pub party: Id<PartyId>,
    /// At most as many as were asked for.
    pub items: Vec<HistoryItem>,
    /// Ask with this to get the items before these; `None` if there are none.
    pub next: Option<u64>,
}

impl Kind for HistoryPage {
    const KIND: &'static str = "peer.v1.History";
}
