//! Leases and what peers ask for them, as documents.

use protocol::ids::{Digest, LeaseId, PartyId, PeerId};
use serde::{Deserialize, Serialize};

use super::written::{Id, Kind, List, Money};

/// A lease that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseView {
    /// Its id.
    pub lease: Id<LeaseId>,
    /// `waiting` (the peer has not shown that it has the content), `ahead`, `running` or `over`.
    pub state: String,
    /// The peer that keeps it.
    pub peer: Id<PeerId>,
    /// Whom for.
    pub holder: Id<PartyId>,
    /// What, in words: `3 grid slots`, `5000 bytes`.
    pub what: String,
    /// The leased content.
    pub content: Option<Id<Digest>>,
    /// Its length.
    pub bytes: Option<u64>,
    /// What an epoch costs.
    pub price: Money,
    /// What an epoch that is missed whole costs the peer beside that.
    pub penalty: Money,
    /// Its first epoch, once that is known.
    pub first: Option<u64>,
    /// How many epochs it has.
    pub epochs: u16,
    /// How many of them are settled.
    pub settled: u16,
    /// What it holds for those that are not.
    pub prepaid: Money,
    /// What it holds of the peer's bond.
    pub locked: Money,
    /// What settling it now would pay the peer's owner.
    pub due: Money,
    /// What settling it now would bring back to the holder.
    pub back: Money,
    /// What settling it now would take from the peer's bond.
    pub slash: Money,
    /// The last epoch whose chunk was shown.
    pub proved: Option<u64>,
    /// The epoch that runs, and the chunk it asks for, from 0: none before its lots are cast.
    pub asked: Option<(u64, u64)>,
}

impl Kind for LeaseView {
    const KIND: &'static str = "peer.v1.Lease";
}

impl Kind for List<LeaseView> {
    const KIND: &'static str = "peer.v1.LeaseList";
}

/// What a peer leases of a kind, and at what price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseTermsView {
    /// The peer.
    pub peer: Id<PeerId>,
    /// `slots` or `storage`.
    pub what: String,
    /// The class of slots.
    pub class: Option<String>,
    /// How many slots, or MiB, it leases at once.
    pub capacity: u64,
    /// How many are leased.
    pub taken: u64,
    /// What it asks for a slot, or a MiB, and an epoch.
    pub price: Money,
    /// How many epochs a lease has at most.
    pub epochs_max: u16,
    /// What a missed slot, or MiB, costs it in ten-thousandths of that price.
    pub penalty_bps: u32,
}

impl Kind for List<LeaseTermsView> {
    const KIND: &'static str = "peer.v1.LeaseTermsList";
}
