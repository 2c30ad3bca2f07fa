//! Cheats under one name after the other: the next stands up when the last is convicted.

use std::collections::BTreeSet;

use protocol::entry::Body;
use protocol::event::{Event, Fault};
use protocol::ids::PeerId;
use protocol::job::Class;
use protocol::units::Credits;
use steward::{Effect, Identity};

use super::ring::Ring;
use super::{Case, Claim, Role, Seen};
use crate::chance::Chance;

/// So many names of a group cheat at the same time.
const AT_ONCE: usize = 2;

#[derive(Debug, Default)]
pub(super) struct Whitewasher {
    me: Option<(PeerId, Class, u16, Credits)>,
    gone: BTreeSet<PeerId>,
    stood_up: bool,
}

impl Role for Whitewasher {
    fn dress(&mut self, me: &mut Identity) {
        let class = me.classes.first().copied().unwrap_or(Class::Grid);
        self.me = Some((me.peer, class, me.slots, me.per_gfuel));
    }

    fn claim(&mut self, case: &Case<'_>) -> Claim {
        Ring { informed: true }.claim(case)
    }

    /// Its steward would offer at once; it waits for its turn.
    fn bend(&mut self, effect: Effect) -> Option<Effect> {
        let offers = matches!(
            effect,
            Effect::Propose {
                body: Body::PublishOffer { .. },
                ..
            }
        );
        (!offers).then_some(effect)
    }

    fn watches(&self) -> bool {
        true
    }

    fn enter(&mut self, seen: &Seen<'_>, _chance: &mut Chance) -> Vec<Body> {
        for event in seen.events {
            if let Event::Slashed { peer, fault, .. } = event
                && *fault == Fault::WrongOutcome
                && seen.kin.contains(peer)
            {
                self.gone.insert(*peer);
            }
        }
        let Some((peer, class, slots, per_gfuel)) = self.me.filter(|_| !self.stood_up) else {
            return Vec::new();
        };
        let bonded = rules::read::peer(seen.rows, peer).is_some_and(|p| p.bond > Credits::ZERO);
        let left = seen.kin.iter().filter(|kin| !self.gone.contains(kin));
        if !bonded || !left.take(AT_ONCE).any(|kin| *kin == peer) {
            return Vec::new();
        }
        self.stood_up = true;
        vec![Body::PublishOffer {
            peer,
            class,
            slots,
            per_gfuel,
        }]
    }
}
