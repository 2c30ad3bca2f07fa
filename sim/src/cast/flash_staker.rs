//! Bonds, cheats with its kin for a while, and takes its bond out as soon as it can.

use protocol::entry::Body;
use protocol::units::{Credits, Millis, Moment};
use rules::read;

use super::ring::Ring;
use super::{Case, Claim, Role, Seen};
use crate::chance::Chance;

/// How long it cheats before it runs.
const CHEATS_FOR: Millis = Millis::new(2 * 3_600_000);
/// It tries this often to get its bond out.
const TRIES_EVERY: Millis = Millis::new(5 * 60_000);

#[derive(Debug, Default)]
pub(super) struct FlashStaker {
    first: Option<Moment>,
    tried: Option<Moment>,
}

impl Role for FlashStaker {
    fn claim(&mut self, case: &Case<'_>) -> Claim {
        Ring { informed: true }.claim(case)
    }

    fn watches(&self) -> bool {
        true
    }

    fn enter(&mut self, seen: &Seen<'_>, _chance: &mut Chance) -> Vec<Body> {
        let first = *self.first.get_or_insert(seen.now);
        let rested = self
            .tried
            .is_none_or(|at| at.after(TRIES_EVERY) <= seen.now);
        if seen.now < first.after(CHEATS_FOR) || !rested {
            return Vec::new();
        }
        self.tried = Some(seen.now);
        let peer = seen.keys.peer;
        let mut bodies = vec![Body::Withdraw { peer }];
        if let Some(standing) = read::peer(seen.rows, peer) {
            let free = standing
                .bond
                .minus(standing.peer.locked)
                .unwrap_or_default();
            if free > Credits::ZERO {
                bodies.push(Body::Unbond { peer, amount: free });
            }
        }
        bodies
    }
}
