//! Fills blocks with transfers to itself and its kin, so that nothing else fits.

use protocol::entry::Body;
use protocol::ids::PartyId;
use protocol::units::Credits;

use super::{Role, Seen};
use crate::chance::Chance;

/// Entries it sends for every block it hears of.
const PER_BLOCK: usize = 100;

#[derive(Debug)]
pub(super) struct Spammer;

impl Role for Spammer {
    fn watches(&self) -> bool {
        true
    }

    fn enter(&mut self, seen: &Seen<'_>, _chance: &mut Chance) -> Vec<Body> {
        let me = seen.keys.id;
        let other = seen.kin.iter().find_map(|peer| {
            let owner = rules::read::peer(seen.rows, *peer)?.peer.owner;
            (owner != me).then_some(owner)
        });
        let to = other.unwrap_or(PartyId::new([7; 32]));
        let spam = || Body::Transfer {
            moves: vec![(to, Credits::new(1))],
        };
        std::iter::repeat_with(spam).take(PER_BLOCK).collect()
    }
}
