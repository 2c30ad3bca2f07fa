//! Settling epochs that are over: who kept them is paid, and where they were missed the holder has
//! its price back.

use protocol::entry::Leased;
use protocol::event::{Event, LeaseEvent};
use protocol::ids::{LeaseId, PartyId};
use protocol::units::Credits;

use super::{Lease, Leases, challenge, miss, of_epochs, release};
use crate::money::{Code, bond};
use crate::people::Peers;
use crate::state::{Draft, View};

/// What settling the epochs of a lease that are over would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseDue {
    /// How many epochs are over and not settled.
    pub epochs: u64,
    /// How many of them had no proof.
    pub missed: u64,
    /// What the peer's owner would have.
    pub paid: Credits,
    /// What the holder would have back.
    pub refunded: Credits,
    /// What would be taken from the peer's bond.
    pub slashed: Credits,
}

/// What settling a lease would do in an epoch.
pub(crate) fn due(view: &dyn View, lease: &Lease, running: u64) -> LeaseDue {
    let (Some(next), Some(ends)) = (lease.next(), lease.ends()) else {
        return LeaseDue::default();
    };
    let until = running.min(ends);
    let epochs = until.saturating_sub(next);
    let missed = match lease.what {
        // What was missed of slots was settled when members saw it.
        Leased::Slots { .. } => 0,
        Leased::Bytes { .. } => challenge::missed(view, next..until, lease.proved),
    };
    let refunded = of_epochs(lease.price, missed);
    LeaseDue {
        epochs,
        missed,
        paid: of_epochs(lease.price, epochs.saturating_sub(missed)),
        refunded,
        slashed: of_epochs(lease.penalty, missed),
    }
}

/// Settles all epochs that are over, and says whether there were any. The lease's row is written.
pub(super) fn over(draft: &mut Draft<'_>, name: LeaseId, lease: &mut Lease) -> bool {
    let due = due(draft, lease, draft.epoch());
    if due.epochs == 0 {
        return false;
    }
    settled(draft, name, lease, &due);
    if due.missed > 0 {
        let until = lease.next().expect("it has begun");
        miss::storage(draft, (name, lease), until, (due.missed, due.slashed));
    }
    true
}

/// Moves a lease on by some epochs: pays and refunds them, and releases what they had locked.
pub(super) fn settled(draft: &mut Draft<'_>, name: LeaseId, lease: &mut Lease, due: &LeaseDue) {
    let epochs = u16::try_from(due.epochs).expect("not more epochs than the lease has");
    release(
        draft,
        name,
        owner(draft, lease),
        (due.paid, Code::LeasePaid),
    );
    let back = (due.refunded, Code::LeaseReturned);
    release(draft, name, lease.holder, back);
    bond::unlock(draft, lease.peer, of_epochs(lease.penalty, due.epochs));
    lease.settled = lease.settled.saturating_add(epochs);
    assert!(lease.settled <= lease.epochs, "each epoch is settled once");
    draft.put::<Leases>(&name, lease);
    draft.say(Event::Lease(LeaseEvent::Settled {
        lease: name,
        until: lease.next().expect("it has begun"),
        paid: due.paid,
        refunded: due.refunded,
    }));
}

/// Who is paid for what a lease's peer keeps.
pub(super) fn owner(draft: &Draft<'_>, lease: &Lease) -> PartyId {
    let row = draft.row::<Peers>(&lease.peer);
    row.expect("only admitted peers lease anything").owner
}
