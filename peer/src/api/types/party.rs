//! Parties: their keys, their task wallets and grants, and what they ask of the ledger.

use protocol::ids::{ChannelId, EntryId, FederationId, LeaseId, PartyId, PublicKey, PurseId};
use serde::{Deserialize, Serialize};

use super::written::{Id, Kind, List, Money, Time};

/// A party, and the keys that speak for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyView {
    /// Its id.
    pub party: Id<PartyId>,
    /// What people call it, if it is a sponsor.
    pub name: Option<String>,
    /// The keys of its root.
    pub root: Vec<RootKeyView>,
    /// How much weight of these must sign.
    pub threshold: u32,
    /// The block in which it became known.
    pub since: u64,
    /// Who answers for its free entries.
    pub sponsor: Option<Id<PartyId>>,
    /// Who may give it a new root when the old one is lost.
    pub guardian: Option<Id<PartyId>>,
    /// A recovery that has begun can be finished from then on.
    pub recovery_ready: Option<Time>,
    /// How many roots it had before this one.
    pub roots_before: u32,
    /// Entries that it may enter for nothing in this epoch.
    pub free_entries: u64,
    /// Its operational keys.
    pub keys: Vec<OpKeyView>,
}

/// A key of a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootKeyView {
    /// The key.
    pub key: Id<PublicKey>,
    /// What it weighs.
    pub weight: u16,
}

/// An operational key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpKeyView {
    /// The key.
    pub key: Id<PublicKey>,
    /// Kinds of things that it may do.
    pub scope: Vec<String>,
    /// From when on it may do nothing.
    pub expires: Time,
    /// Whether that has come.
    pub expired: bool,
    /// What one entry of its may cost.
    pub per_entry: Money,
    /// What all its entries of one epoch may cost.
    pub per_epoch: Money,
    /// What they have cost in this epoch.
    pub spent: Money,
}

impl Kind for PartyView {
    const KIND: &'static str = "peer.v1.Party";
}

/// Credits set apart for jobs: a task wallet or a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurseView {
    /// Its id.
    pub purse: Id<PurseId>,
    /// `task-wallet` or `grant`.
    pub is: String,
    /// Whose it is.
    pub owner: Id<PartyId>,
    /// What can be spent of it.
    pub available: Money,
    /// Whether it is a task wallet that was closed, or a grant that has expired.
    pub over: bool,
    /// The member that gave it; its own peers are not paid with it.
    pub by: Option<Id<PartyId>>,
    /// From when on the rest of a grant belongs to the treasury.
    pub expires: Option<Time>,
    /// Who else may spend of it.
    pub delegates: Vec<AllowanceView>,
}

/// What a party may spend of another's purse, and has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowanceView {
    /// Who.
    pub party: Id<PartyId>,
    /// Its limits; `None` once they were taken away.
    pub limits: Option<LimitsView>,
    /// What its jobs of this epoch set aside.
    pub in_epoch: Money,
    /// What its jobs ever set aside, less what came back.
    pub in_all: Money,
}

/// What a delegate may spend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsView {
    /// What one task may cost, all its copies together.
    pub per_task: Money,
    /// What all jobs submitted in one epoch may set aside.
    pub per_epoch: Money,
    /// What may be set aside ever.
    pub total: Money,
    /// For which classes.
    pub classes: Vec<String>,
    /// From when on nothing more may be spent.
    pub expires: Time,
}

impl Kind for PurseView {
    const KIND: &'static str = "peer.v1.Purse";
}

impl Kind for List<PurseView> {
    const KIND: &'static str = "peer.v1.PurseList";
}

/// What whoever signs an entry must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningView {
    /// The federation.
    pub federation: Id<FederationId>,
    /// For whom a key speaks: as its root, or else the party of the peer that answers.
    pub party: Id<PartyId>,
    /// The next nonce of the lane that was asked for.
    pub nonce: u64,
    /// Agreed time.
    pub now: Time,
}

impl Kind for SigningView {
    const KIND: &'static str = "peer.v1.Signing";
}

/// An entry that is to be agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryForm {
    /// Hexadecimal digits: a signed entry as peers pass it on, or, where `signed` is false, an
    /// unsigned one, of which the peer takes the body and signs that as its own party.
    pub bytes: String,
    /// Whether it is signed.
    pub signed: bool,
}

/// An entry that was agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// Its id.
    pub entry: Id<EntryId>,
    /// Its kind, such as `transfer`.
    pub what: String,
    /// The block that holds it.
    pub height: u64,
    /// Agreed time of that block.
    pub at: Time,
    /// The proposal that it made.
    pub proposal: Option<u64>,
    /// The task wallet or grant that it made.
    pub purse: Option<Id<PurseId>>,
    /// The payment channel that it opened.
    pub channel: Option<Id<ChannelId>>,
    /// The lease that it took.
    pub lease: Option<Id<LeaseId>>,
}

impl Kind for EntryView {
    const KIND: &'static str = "peer.v1.Entry";
}
