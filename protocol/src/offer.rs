//! What a peer can do, at what price, until when: *live* in gossip, with its load of the moment.
//! The standing offer on the ledger is an entry ([`crate::entry::Body::PublishOffer`]).

use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{Limited, Malformed, at_most};
use crate::ids::{FederationId, PeerId};
use crate::job::{Class, Profile};
use crate::signed::Signable;
use crate::units::{Bytes, Credits, Fuel, Millis, Moment};

/// A signed offer may take so many bytes.
pub const OFFER_BYTES_MAX: usize = 4 * 1_024;
/// An offer may list so many profiles.
pub const PROFILES_MAX: usize = 8;
/// An offer may live so long before it is announced again.
pub const TTL_MAX: Millis = Millis::new(15 * 60 * 1_000);

/// A live offer. The newest of a peer, by `(boot, seq)`, replaces all older ones.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Offer {
    /// Which federation's peers it is meant for.
    pub federation: FederationId,
    /// Who offers; the key that signs.
    pub peer: PeerId,
    /// When this peer last started: orders its offers across restarts.
    pub boot: Moment,
    /// Grows by one with each offer since then.
    pub seq: u32,
    /// When it was made, by the peer's own clock.
    pub issued: Moment,
    /// How long it holds; zero withdraws it.
    pub ttl: Millis,
    /// The class of work.
    pub class: Class,
    /// The guest worlds it can run.
    pub profiles: Vec<Profile>,
    /// How many tasks it can run at once, and how many of these places are free.
    pub slots_total: u16,
    /// See `slots_total`.
    pub slots_free: u16,
    /// Memory for guests.
    pub memory: Bytes,
    /// What it asks for a Gfuel.
    pub per_gfuel: Credits,
    /// The fuel that one of its places does in a second, as its machine measured; zero if it did
    /// not measure. A word of its own: what members saw is on the ledger.
    pub speed: Fuel,
    /// What all its places and fit adapters together do in an hour, in whole GCU (10^12
    /// operations); zero if it did not measure.
    pub gcu: u32,
}

impl Limited for Offer {
    fn within_limits(&self) -> Result<(), Malformed> {
        at_most("profiles", self.profiles.len(), PROFILES_MAX)?;
        if self.ttl > TTL_MAX || self.slots_free > self.slots_total {
            return Err(Malformed::Senseless(
                "an offer lives too long or has more free than all",
            ));
        }
        Ok(())
    }
}

impl Signable for Offer {
    const CONTEXT: &'static str = "tallygrid offer v1";
}
