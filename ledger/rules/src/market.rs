//! Standing offers by class: who stands ready for draws, at what weight and price.
//!
//! ```text
//! class ──▶ roster head: pages' counts and weights ──▶ page of up to 256 offers
//! peer, class ──▶ the page its offer stands on
//! ```

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::ids::{PartyId, PeerId};
use protocol::job::Class;
use protocol::units::Credits;

use crate::state::table;

pub(crate) mod bench;
pub(crate) mod class;
pub(crate) mod index;
pub(crate) mod roster;

/// Offers on one page.
pub(crate) const PAGE_OFFERS_MAX: usize = 256;
/// Pages of one class.
pub(crate) const PAGES_MAX: usize = 256;

/// A peer that stands ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Standing {
    /// The peer.
    pub peer: PeerId,
    /// The institution that let it in.
    pub sponsor: PartyId,
    /// Its weight in draws: how many tasks it runs at once.
    pub slots: u16,
    /// It is drawn only for jobs that pay at least this for a Gfuel.
    pub per_gfuel: Credits,
}

/// What the head of a roster knows of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct PageHead {
    pub(crate) offers: u32,
    pub(crate) weight: u64,
}

table!(
    /// The page on which a peer's offer stands.
    Offers, 0x40, (PeerId, Class) => u32
);
table!(
    /// The pages of a class.
    RosterHeads, 0x41, Class => Vec<PageHead>
);
table!(
    /// Offers, in the order they came.
    RosterPages, 0x42, (Class, u32) => Vec<Standing>
);
