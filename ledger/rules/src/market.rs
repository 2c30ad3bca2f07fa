//! Standing offers by class: who stands ready for draws, at what weight and price.
//!
//! ```text
//! class, pool ──▶ sponsors by weight ──▶ a sponsor's peers by weight ──▶ peer ──▶ its offer
//! class       ──▶ every offer, one after the other, for people to read
//! ```
//!
//! A pool is whom a draw turns to: those who have shown their work, or newcomers. Sponsors are
//! drawn before their peers, so that what a sponsor weighs is one number: however many names it
//! gives its machines, it is capped as one.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::ids::{PartyId, PeerId};
use protocol::job::Class;
use protocol::units::Credits;

use crate::state::table;

pub(crate) mod bench;
pub(crate) mod capacity;
pub(crate) mod caps;
pub(crate) mod cards;
pub(crate) mod class;
pub(crate) mod deck;
pub(crate) mod index;
pub(crate) mod lease;
pub(crate) mod roster;
pub(crate) mod sums;

use sums::RowAt;

/// Offers that are read together, in [`crate::read::roster_page`].
pub(crate) const PAGE_OFFERS_MAX: u32 = 256;

/// A peer that stands ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Standing {
    /// The peer.
    pub peer: PeerId,
    /// The institution that let it in.
    pub sponsor: PartyId,
    /// How many tasks it runs at once.
    pub slots: u16,
    /// It is drawn only for jobs that pay at least this for a Gfuel.
    pub per_gfuel: Credits,
}

/// Whom a draw turns to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Pool {
    /// Peers that have shown their work, by what they have shown.
    Established,
    /// All others, by their slots alone.
    Newcomers,
}

/// A row of weights that something is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub(crate) enum Pile {
    /// Sponsors, each with the weight of its peers.
    Sponsors(Class, Pool),
    /// The peers of a sponsor.
    Peers(Class, Pool, PartyId),
}

/// How long a pile is, and what it weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct PileHead {
    pub(crate) places: u32,
    pub(crate) weight: u64,
}

/// A standing offer, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Offer {
    pub(crate) standing: Standing,
    pub(crate) pool: Pool,
    /// Its place in its sponsor's pile.
    pub(crate) place: u32,
    /// What it weighs there.
    pub(crate) weight: u64,
    /// Its place in the class's list.
    pub(crate) listed: u32,
}

/// What a class's roster knows of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct PoolHead {
    pub(crate) offers: u32,
    pub(crate) slots: u64,
}

table!(
    /// A peer's standing offer in a class.
    Offers, 0xA1, (PeerId, Class) => Offer
);
table!(
    /// Every offer of a class.
    Listed, 0xA2, (Class, u32) => PeerId
);
table!(
    /// How long a pile is.
    PileHeads, 0xA3, Pile => PileHead
);
table!(
    /// A pile's weights and their sums.
    PileSums, 0xA4, (Pile, RowAt) => Vec<u64>
);
table!(
    /// Which peer stands at a place of a sponsor's pile.
    PeerAt, 0xA5, (Class, Pool, PartyId, u32) => PeerId
);
table!(
    /// Which sponsor stands at a place.
    SponsorAt, 0xA6, (Class, Pool, u32) => PartyId
);
table!(
    /// Where a sponsor stands; it keeps its place.
    SponsorPlaces, 0xA7, (Class, Pool, PartyId) => u32
);
table!(
    /// The heaviest sponsors of a pool, heaviest first.
    Heaviest, 0xA8, (Class, Pool) => Vec<(PartyId, u64)>
);
table!(
    /// How many offers a pool has.
    PoolHeads, 0xA9, (Class, Pool) => PoolHead
);
