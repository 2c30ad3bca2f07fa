//! What a peer leases, and how much of it is taken. Slots that are leased leave the peer's standing
//! offer, so that nobody is drawn for them, and come back to it when the lease is over.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::{Leasable, LeaseTerms, Leased};
use protocol::ids::PeerId;
use protocol::job::Class;
use protocol::units::Credits;

use super::Lease;
use crate::market::{capacity, roster};
use crate::params::SLOTS_MAX;
use crate::state::{Draft, View, row, table};

/// What a peer leases of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Shelf {
    /// What it asks for it; nothing where it leases none.
    pub terms: Option<LeaseTerms>,
    /// How many units are leased.
    pub taken: u64,
    /// Where leases have taken the last slot of its standing offer: what that asked for a Gfuel.
    pub(crate) parked: Option<Credits>,
}

table!(
    /// What peers lease.
    Shelves, 0xCE, (PeerId, Leasable) => Shelf
);

/// What a peer leases of a kind.
pub(crate) fn of(view: &dyn View, peer: PeerId, what: Leasable) -> Shelf {
    row::<Shelves>(view, &(peer, what)).unwrap_or_default()
}

fn put(draft: &mut Draft<'_>, at: (PeerId, Leasable), shelf: &Shelf) {
    if *shelf == Shelf::default() {
        draft.remove::<Shelves>(&at);
    } else {
        draft.put::<Shelves>(&at, shelf);
    }
}

/// How many of a peer's slots in a class are leased.
pub(crate) fn slots_taken(view: &dyn View, peer: PeerId, class: Class) -> u16 {
    let taken = of(view, peer, Leasable::Slots(class)).taken;
    u16::try_from(taken).unwrap_or(u16::MAX)
}

/// Sets what a peer asks.
pub(super) fn ask(draft: &mut Draft<'_>, at: (PeerId, Leasable), terms: LeaseTerms) {
    let mut shelf = of(draft, at.0, at.1);
    shelf.terms = Some(terms).filter(|terms| terms.capacity > 0);
    put(draft, at, &shelf);
}

/// Takes a lease's units off the shelf. The caller has made sure that they are there, and that so
/// many slots stand ready.
pub(super) fn take(draft: &mut Draft<'_>, peer: PeerId, what: &Leased) {
    let at = (peer, what.kind());
    let mut shelf = of(draft, at.0, at.1);
    let taken = shelf.taken.checked_add(what.units());
    shelf.taken = taken.expect("at most the capacity that was asked for");
    if let Leased::Slots { class, slots } = *what {
        let offer = roster::offer(draft, peer, class).expect("its slots stand ready");
        let left = offer.standing.slots.checked_sub(slots);
        let left = left.expect("so many slots stand ready");
        roster::resize(draft, (peer, class), left);
        shelf.parked = Some(offer.standing.per_gfuel).filter(|_| left == 0);
    }
    put(draft, at, &shelf);
}

/// Puts a lease's units back. Its slots stand ready again, as far as members have not seen in this
/// epoch that there are fewer; nothing comes back to an offer that its owner has withdrawn.
pub(super) fn put_back(draft: &mut Draft<'_>, lease: &Lease) {
    let at = (lease.peer, lease.what.kind());
    let mut shelf = of(draft, at.0, at.1);
    let taken = shelf.taken.checked_sub(lease.what.units());
    shelf.taken = taken.expect("it was taken off the shelf");
    let parked = shelf.parked.take();
    put(draft, at, &shelf);
    let Leased::Slots { class, slots } = lease.what else {
        return;
    };
    let at = (lease.peer, class);
    let offer = roster::offer(draft, lease.peer, class).map(|offer| offer.standing);
    let there = offer.map_or(0, |offer| offer.slots);
    let most = capacity::most(draft, at).min(SLOTS_MAX);
    let slots = there.saturating_add(slots).min(most);
    match (offer, parked) {
        (Some(_), _) if slots > there => roster::resize(draft, at, slots),
        (None, Some(per_gfuel)) if slots > 0 => {
            roster::stand_again(draft, at, slots, per_gfuel);
        }
        _ => {}
    }
}

/// An offer whose last slots are leased does not come back by itself: its owner withdrew it or said
/// something else, or its peer may offer nothing now. Says whether there was one.
pub(crate) fn unpark(draft: &mut Draft<'_>, (peer, class): (PeerId, Class)) -> bool {
    let at = (peer, Leasable::Slots(class));
    let mut shelf = of(draft, at.0, at.1);
    let was_parked = shelf.parked.take().is_some();
    if was_parked {
        put(draft, at, &shelf);
    }
    was_parked
}
