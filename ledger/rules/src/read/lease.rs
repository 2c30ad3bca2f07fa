//! Reading what is leased: what peers ask, what is taken, what settling would do now.

use protocol::entry::Leasable;
use protocol::ids::{BundleId, LeaseId, PartyId, PeerId};

use super::running_epoch;
use crate::market::lease::{self, challenge, shelf};
use crate::state::View;

pub use crate::market::lease::Lease;
pub use crate::market::lease::settle::LeaseDue;
pub use crate::market::lease::shelf::Shelf;

/// What a peer leases of a kind, and how much of that is taken.
pub fn shelf(view: &dyn View, peer: PeerId, what: Leasable) -> Shelf {
    shelf::of(view, peer, what)
}

/// A lease that has not ended; its [`Lease::escrow`] is what its account holds, its
/// [`Lease::locked`] what it holds of its peer's bond.
pub fn lease(view: &dyn View, name: LeaseId) -> Option<Lease> {
    lease::find(view, name)
}

/// A peer's leases, at most 16, in the order in which they were taken.
pub fn leases_of(view: &dyn View, peer: PeerId) -> Vec<LeaseId> {
    lease::of_peer(view, peer)
}

/// The leases that a party holds, at most 64, in the order in which they were taken.
pub fn leases_held(view: &dyn View, holder: PartyId) -> Vec<LeaseId> {
    lease::held(view, holder)
}

/// What settling a lease would do now: paid, refunded, slashed.
pub fn lease_due(view: &dyn View, name: LeaseId) -> Option<LeaseDue> {
    let (running, _) = running_epoch(view)?;
    Some(lease::due(view, &lease(view, name)?, running))
}

/// The epoch that runs, and the chunk of a leased blob that it asks for: none before its lots are
/// cast, and none of a lease of slots.
pub fn storage_challenge(view: &dyn View, name: LeaseId) -> Option<(u64, u64)> {
    let (running, _) = running_epoch(view)?;
    challenge::asked(view, name, running)
}

/// The name under which a slash for what was not kept of a lease (F5, F11) is held and appealed:
/// of an epoch in which slots were missing, or of the one before which proofs were.
pub fn lease_finding(name: LeaseId, epoch: u64) -> BundleId {
    lease::finding(name, epoch)
}
