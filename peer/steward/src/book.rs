//! Live offers heard: the freshest of each peer and class, bounded.

use std::collections::BTreeMap;

use protocol::ids::{FederationId, PeerId};
use protocol::job::Class;
use protocol::offer::Offer;
use protocol::units::{Millis, Moment};

/// So many offers are held; a newcomer then takes the place of the one that ends first.
pub const OFFERS_MAX: usize = 4_096;

#[derive(Debug)]
struct Heard {
    offer: Offer,
    /// By our own clock: a stranger's clock cannot make an offer last.
    until: Moment,
}

/// The live offers of a federation.
#[derive(Debug, Default)]
pub(crate) struct Book {
    heard: BTreeMap<(PeerId, Class), Heard>,
}

impl Book {
    /// Takes in an offer whose signature was checked; an older one of its peer and
    /// class is replaced.
    /// Returns whether it was meant for this federation.
    pub(crate) fn hear(&mut self, offer: Offer, federation: FederationId, now: Moment) -> bool {
        if offer.federation != federation {
            return false;
        }
        self.heard.retain(|_, heard| heard.until > now);
        let (age, key) = (
            |offer: &Offer| (offer.boot, offer.seq),
            (offer.peer, offer.class),
        );
        if self
            .heard
            .get(&key)
            .is_some_and(|held| age(&held.offer) >= age(&offer))
        {
            return true;
        }
        if offer.ttl == Millis::ZERO {
            self.heard.remove(&key);
            return true;
        }
        if self.heard.len() >= OFFERS_MAX && !self.heard.contains_key(&key) {
            let first = self.heard.iter().min_by_key(|(_, heard)| heard.until);
            if let Some(first) = first.map(|(key, _)| *key) {
                self.heard.remove(&first);
            }
        }
        let until = now.after(offer.ttl.min(protocol::offer::TTL_MAX));
        self.heard.insert(key, Heard { offer, until });
        true
    }

    /// The offers that hold now.
    pub(crate) fn live(&self, now: Moment) -> impl Iterator<Item = &Offer> {
        self.heard
            .values()
            .filter(move |heard| heard.until > now)
            .map(|heard| &heard.offer)
    }
}
