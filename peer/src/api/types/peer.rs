//! The peer itself, its keys, its federation and the ledger it follows.

use protocol::ids::{Digest, FederationId, PartyId, PeerId, PublicKey};
use serde::{Deserialize, Serialize};

use super::wallet::BalanceView;
use super::written::{Id, Kind, Money, Time};

/// What a peer does in its federation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It votes on blocks.
    Member,
    /// It runs tasks for others.
    Worker,
    /// It submits jobs.
    Client,
}

/// The federation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FederationView {
    /// Its id.
    pub id: Id<FederationId>,
    /// What people call it.
    pub name: String,
    /// Whether it is a devnet.
    pub devnet: bool,
}

/// A member, as this peer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// What people call it.
    pub name: String,
    /// Its party.
    pub party: Id<PartyId>,
    /// Its node.
    pub peer: Id<PeerId>,
    /// The key that signs its votes.
    pub consensus: Id<PublicKey>,
    /// Its weight in votes.
    pub power: u8,
    /// Whether we have a connection to its node now, or are it.
    pub connected: bool,
}

/// The ledger, as this peer follows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerView {
    /// The last agreed block; 0 is genesis.
    pub height: u64,
    /// Agreed time of that block.
    pub agreed: Time,
    /// The state root after that block.
    pub root: Id<Digest>,
    /// The view that the members are in; `None` at a peer that only listens.
    pub view: Option<u64>,
    /// Entries that wait here for a block.
    pub waiting: u32,
    /// The members.
    pub members: Vec<MemberView>,
}

impl Kind for LedgerView {
    const KIND: &'static str = "peer.v1.Ledger";
}

/// The ledger, replayed from genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyView {
    /// Up to which block.
    pub height: u64,
    /// The state root this peer holds at that block.
    pub root: Id<Digest>,
    /// The state root that replaying gave.
    pub replayed: Id<Digest>,
    /// Whether both are equal.
    pub roots_equal: bool,
    /// The credits that genesis and the rules made, less those burned.
    pub supply: Money,
    /// The credits in all wallets, bonds, escrows and the treasury.
    pub held: Money,
    /// Whether both are equal, to the micro-credit.
    pub conserved: bool,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Kind for VerifyView {
    const KIND: &'static str = "peer.v1.Verification";
}

/// The peer on one screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// The binary's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Where its keys, blobs and ledger lie.
    pub home: String,
    /// The peer.
    pub peer: Id<PeerId>,
    /// What it does; a member usually is a worker too.
    pub roles: Vec<Role>,
    /// Its federation.
    pub federation: FederationView,
    /// When it started.
    pub started: Time,
    /// How many peers it has a connection to.
    pub connected: u32,
    /// Where it listens.
    pub listens: Vec<String>,
    /// The ledger, as it follows it.
    pub ledger: LedgerView,
    /// What its party holds.
    pub wallet: BalanceView,
    /// Jobs of its own that have not ended.
    pub jobs_open: u32,
    /// Runs it is drawn for and has not ended.
    pub runs_open: u32,
    /// Tasks its executor runs at this moment.
    pub tasks_running: u32,
    /// Why it takes no work now, by its owner's limits; absent if it does.
    #[serde(default)]
    pub resting: Option<String>,
    /// The fault it was told to play, on a devnet.
    pub fault: Option<String>,
}

impl Kind for StatusView {
    const KIND: &'static str = "peer.v1.Status";
}

/// The public half of a peer's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysView {
    /// The peer: its node key.
    pub node: Id<PeerId>,
    /// The party it signs for.
    pub party: Id<PartyId>,
    /// That party's root key.
    pub party_key: Id<PublicKey>,
    /// The key that votes on blocks, should the peer be a member's.
    pub consensus: Id<PublicKey>,
    /// Where the secret halves lie.
    pub home: String,
}

impl Kind for KeysView {
    const KIND: &'static str = "peer.v1.Keys";
}
