//! Runs nothing, and seals as its own what a neighbour sealed.

use protocol::entry::{Body, PeerSeal, Seal};
use protocol::ids::FederationId;
use steward::{Effect, Identity};

use super::{Role, Seen};
use crate::chance::Chance;

#[derive(Debug, Default)]
pub(super) struct Copycat {
    federation: Option<FederationId>,
}

impl Role for Copycat {
    fn dress(&mut self, me: &mut Identity) {
        self.federation = Some(me.federation);
    }

    fn bend(&mut self, effect: Effect) -> Option<Effect> {
        (!matches!(effect, Effect::Run { .. })).then_some(effect)
    }

    fn watches(&self) -> bool {
        true
    }

    fn enter(&mut self, seen: &Seen<'_>, _chance: &mut Chance) -> Vec<Body> {
        let Some(federation) = self.federation else {
            return Vec::new();
        };
        let peer = seen.keys.peer;
        let mut bodies = Vec::new();
        for entry in seen.entries {
            let Body::SealBatch { job, seals } = &entry.value().body else {
                continue;
            };
            for seal in seals.iter().filter(|seal| seal.peer != peer) {
                let index = seal.bundle;
                let bundle = protocol::ids::BundleId { job: *job, index };
                if !seen
                    .seats
                    .get(&bundle)
                    .is_some_and(|seats| seats.contains(&peer))
                {
                    continue;
                }
                let hash = seal.hash;
                let copied = Seal {
                    federation,
                    bundle,
                    peer,
                    hash,
                };
                let signature = seen.keys.seal(copied);
                let seals = vec![PeerSeal {
                    bundle: index,
                    peer,
                    hash,
                    signature,
                }];
                bodies.push(Body::SealBatch { job: *job, seals });
            }
        }
        bodies
    }
}
