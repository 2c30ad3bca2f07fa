//! Whose leases there are: a short row of names for each peer and for each holder.

use protocol::ids::{LeaseId, PartyId, PeerId};

use super::{HELD_MAX, LEASES_MAX, Lease};
use crate::refusal::{LeaseRefusal, Refusal};
use crate::state::{Draft, View, row, table};

table!(
    /// A peer's leases, in the order in which they were taken.
    LeasesOf, 0xCC, PeerId => Vec<LeaseId>
);
table!(
    /// The leases that a party holds, in the order in which they were taken.
    LeasesHeld, 0xCD, PartyId => Vec<LeaseId>
);

/// A peer's leases, in the order in which they were taken.
pub(crate) fn of_peer(view: &dyn View, peer: PeerId) -> Vec<LeaseId> {
    row::<LeasesOf>(view, &peer).unwrap_or_default()
}

/// The leases that a party holds, in the order in which they were taken.
pub(crate) fn held(view: &dyn View, holder: PartyId) -> Vec<LeaseId> {
    row::<LeasesHeld>(view, &holder).unwrap_or_default()
}

/// Asks whether a peer and a holder have room for one more.
///
/// # Errors
/// [`LeaseRefusal::TooManyLeases`] or [`LeaseRefusal::TooManyHeld`].
pub(super) fn has_room(
    draft: &Draft<'_>,
    (peer, holder): (PeerId, PartyId),
) -> Result<(), Refusal> {
    if of_peer(draft, peer).len() >= LEASES_MAX {
        let max = LEASES_MAX;
        return Err(Refusal::Lease(LeaseRefusal::TooManyLeases { max }));
    }
    if held(draft, holder).len() >= HELD_MAX {
        let max = HELD_MAX;
        return Err(Refusal::Lease(LeaseRefusal::TooManyHeld { max }));
    }
    Ok(())
}

/// Adds a lease to both lists.
pub(super) fn add(draft: &mut Draft<'_>, name: LeaseId, lease: &Lease) {
    let (mut of, mut by) = (of_peer(draft, lease.peer), held(draft, lease.holder));
    of.push(name);
    by.push(name);
    draft.put::<LeasesOf>(&lease.peer, &of);
    draft.put::<LeasesHeld>(&lease.holder, &by);
}

/// Takes a lease out of both lists; an empty one leaves no row.
pub(super) fn remove(draft: &mut Draft<'_>, name: LeaseId, lease: &Lease) {
    let (mut of, mut by) = (of_peer(draft, lease.peer), held(draft, lease.holder));
    of.retain(|one| *one != name);
    by.retain(|one| *one != name);
    if of.is_empty() {
        draft.remove::<LeasesOf>(&lease.peer);
    } else {
        draft.put::<LeasesOf>(&lease.peer, &of);
    }
    if by.is_empty() {
        draft.remove::<LeasesHeld>(&lease.holder);
    } else {
        draft.put::<LeasesHeld>(&lease.holder, &by);
    }
}
