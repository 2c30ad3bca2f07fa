//! Signs two different results for one bundle, to choose later which to open.

use protocol::entry::{Body, PeerSeal, Seal};
use protocol::event::Event;
use protocol::ids::{Digest, FederationId};
use steward::Identity;

use super::{Role, Seen};
use crate::chance::Chance;

#[derive(Debug, Default)]
pub(super) struct TwoFaced {
    federation: Option<FederationId>,
}

impl Role for TwoFaced {
    fn dress(&mut self, me: &mut Identity) {
        self.federation = Some(me.federation);
    }

    fn watches(&self) -> bool {
        true
    }

    fn enter(&mut self, seen: &Seen<'_>, _chance: &mut Chance) -> Vec<Body> {
        let Some(federation) = self.federation else {
            return Vec::new();
        };
        let me = seen.keys.peer;
        let sealed = seen.events.iter().filter_map(|event| match event {
            Event::Sealed { bundle, peer } if *peer == me => Some(*bundle),
            _ => None,
        });
        let second = |bundle: protocol::ids::BundleId| {
            let hash = Digest::of(b"another face");
            let signature = seen.keys.seal(Seal {
                federation,
                bundle,
                peer: me,
                hash,
            });
            let seal = PeerSeal {
                bundle: bundle.index,
                peer: me,
                hash,
                signature,
            };
            Body::SealBatch {
                job: bundle.job,
                seals: vec![seal],
            }
        };
        sealed.map(second).collect()
    }
}
