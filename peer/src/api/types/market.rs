//! Who is there and what they offer.

use protocol::ids::{PartyId, PeerId};
use serde::{Deserialize, Serialize};

use super::written::{Id, Kind, List, Money, Time};

/// A peer of the federation, as this peer knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// The peer.
    pub peer: Id<PeerId>,
    /// Whether it is the one that answers.
    pub me: bool,
    /// The name of the member it is the node of, if it is one.
    pub member: Option<String>,
    /// The name of its sponsor.
    pub sponsor: Option<String>,
    /// Who is paid for its work.
    pub owner: Option<Id<PartyId>>,
    /// Whether we have a connection to it now.
    pub connected: bool,
    /// Where we reach it.
    pub address: Option<String>,
    /// When we last heard it, by our clock.
    pub heard: Option<Time>,
    /// What it stands to lose.
    pub bond: Money,
    /// Of that, what open bundles hold.
    pub locked: Money,
    /// It is not drawn before this moment, because a panel convicted it.
    pub jailed_until: Option<Time>,
}

impl Kind for List<NodeView> {
    const KIND: &'static str = "peer.v1.NodeList";
}

/// What a live announcement adds to a standing offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveOffer {
    /// How many tasks it runs at once.
    pub slots_total: u16,
    /// How many of these places are free.
    pub slots_free: u16,
    /// Bytes of memory for guests.
    pub memory: u64,
    /// The guest worlds it can run.
    pub profiles: Vec<u16>,
    /// The fuel that one place does in a second, as its machine measured; 0 if it did not.
    pub speed: u64,
    /// What it all does in an hour, in whole GCU; 0 if it was not measured.
    pub gcu: u32,
    /// When it was made, by the offering peer's clock.
    pub issued: Time,
    /// Until when it holds.
    pub until: Time,
}

/// An offer: standing on the ledger, and live where we hear the peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferView {
    /// Who offers.
    pub peer: Id<PeerId>,
    /// The name of its sponsor.
    pub sponsor: Option<String>,
    /// The class of work.
    pub class: String,
    /// Its weight in draws; 0 if nothing stands on the ledger.
    pub slots: u16,
    /// What it asks for a Gfuel.
    pub per_gfuel: Money,
    /// What it announced last.
    pub live: Option<LiveOffer>,
}

impl Kind for List<OfferView> {
    const KIND: &'static str = "peer.v1.OfferList";
}
