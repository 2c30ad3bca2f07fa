//! How a lease ends: its epochs are over, its holder gives up the rest, the peer never showed the
//! content, or takes no part any more. Its escrow is empty then, its row is gone, and its units are
//! free again.
//!
//! Of what a holder gives up, half comes back: it frees what it does not need, and the peer that
//! kept it free for the whole term is not left with nothing. Were none refunded, nobody would ever
//! free anything; were all of it, the whole capacity could be taken in advance for the price of an
//! epoch.

use protocol::event::{Event, LeaseEnd, LeaseEvent};
use protocol::ids::{LeaseId, PartyId, PeerId};
use protocol::units::{Bps, Credits};

use super::{EPOCHS_TO_BEGIN, Lease, Leases, find, list, of, of_epochs, release, settle, shelf};
use crate::money::{Account, Code, balance, bond};
use crate::people::Peers;
use crate::refusal::{LeaseRefusal, Refusal};
use crate::state::Draft;
use crate::work::due::{self, Due};

/// The holder's share of what it gives up.
const GIVEN_BACK: Bps = Bps::new(5_000);

/// Settles what is over of a lease.
///
/// # Errors
/// [`LeaseRefusal::UnknownLease`], or [`LeaseRefusal::NothingToSettle`].
pub(super) fn collect(draft: &mut Draft<'_>, name: LeaseId) -> Result<(), Refusal> {
    let mut lease = of(draft, name)?;
    if is_struck(draft, lease.peer) {
        at_once(draft, name, &mut lease, LeaseEnd::Struck);
    } else if has_lapsed(draft, &lease) {
        at_once(draft, name, &mut lease, LeaseEnd::NotBegun);
    } else if settle::over(draft, name, &mut lease) {
        if_over(draft, name, &lease);
    } else {
        return Err(Refusal::Lease(LeaseRefusal::NothingToSettle));
    }
    Ok(())
}

/// Gives up the rest of a lease from the next epoch on; a lease that has not begun ends at once.
///
/// # Errors
/// [`Refusal`] if the lease is not the sender's, or nothing is left after the running epoch.
pub(super) fn give_up(
    draft: &mut Draft<'_>,
    sender: PartyId,
    name: LeaseId,
) -> Result<(), Refusal> {
    let mut lease = of(draft, name)?;
    let owner = settle::owner(draft, &lease);
    let may = sender == lease.holder || (sender == owner && lease.first.is_none());
    if !may {
        return Err(Refusal::Lease(LeaseRefusal::NotYourLease));
    }
    let Some(first) = lease.first else {
        at_once(draft, name, &mut lease, LeaseEnd::NotBegun);
        return Ok(());
    };
    let ends = draft.epoch().saturating_add(1);
    let kept = u16::try_from(ends.saturating_sub(first)).unwrap_or(u16::MAX);
    if kept >= lease.epochs {
        return Err(Refusal::Lease(LeaseRefusal::NothingToGiveUp));
    }
    settle::over(draft, name, &mut lease);
    let rest = u64::from(lease.epochs.saturating_sub(kept));
    let whole = of_epochs(lease.price, rest);
    let refunded = whole.share(GIVEN_BACK);
    let paid = whole.minus(refunded).expect("a share of it");
    release(draft, name, owner, (paid, Code::LeasePaid));
    release(draft, name, lease.holder, (refunded, Code::LeaseReturned));
    bond::unlock(draft, lease.peer, of_epochs(lease.penalty, rest));
    lease.epochs = kept;
    draft.say(Event::Lease(LeaseEvent::GivenUp {
        lease: name,
        ends,
        paid,
        refunded,
    }));
    wake_at(draft, name, &mut lease, ends);
    draft.put::<Leases>(&name, &lease);
    if_over(draft, name, &lease);
    Ok(())
}

/// The moment has come for which a lease waits: its end, or the end of the time to begin.
pub(crate) fn wake(draft: &mut Draft<'_>, name: LeaseId) {
    let Some(mut lease) = find(draft, name) else {
        return;
    };
    if lease.wakes > draft.deadline_now() {
        // It was to be looked at later since; that waits too.
        return;
    }
    if collect(draft, name).is_ok() {
        let Some(rest) = find(draft, name) else {
            return;
        };
        lease = rest;
    }
    // Epochs are longer now than they were when it was reckoned.
    let ends = lease.ends();
    let epoch = ends.unwrap_or_else(|| first_lapsed(&lease));
    wake_at(draft, name, &mut lease, epoch);
    draft.put::<Leases>(&name, &lease);
}

/// Lets a lease be looked at when an epoch begins.
pub(super) fn wake_at(draft: &mut Draft<'_>, name: LeaseId, lease: &mut Lease, epoch: u64) {
    lease.wakes = draft.founding().begins(epoch);
    due::push(draft, lease.wakes, Due::Lease(name));
}

/// A peer takes no part any more: its leases end with the next block, when what is slashed for that
/// has been taken.
pub(crate) fn struck(draft: &mut Draft<'_>, peer: PeerId) {
    let now = draft.now();
    for name in list::of_peer(draft, peer) {
        let mut lease = find(draft, name).expect("what is listed has not ended");
        lease.wakes = now;
        draft.put::<Leases>(&name, &lease);
        due::push(draft, now, Due::Lease(name));
    }
}

/// All that a peer had locked is taken, for its leases too: they lock nothing any more. Gives what
/// they had locked.
pub(crate) fn forfeit(draft: &mut Draft<'_>, peer: PeerId) -> Credits {
    let mut locked = Credits::ZERO;
    for name in list::of_peer(draft, peer) {
        let mut lease = find(draft, name).expect("what is listed has not ended");
        let all = locked.plus(lease.locked());
        locked = all.expect("what is locked together fits");
        lease.penalty = Credits::ZERO;
        draft.put::<Leases>(&name, &lease);
    }
    locked
}

fn is_struck(draft: &Draft<'_>, peer: PeerId) -> bool {
    draft.row::<Peers>(&peer).is_some_and(|row| row.struck)
}

/// Whether the time is over in which a peer could show that it has the content.
pub(super) fn has_lapsed(draft: &Draft<'_>, lease: &Lease) -> bool {
    lease.first.is_none() && draft.epoch() >= first_lapsed(lease)
}

const fn first_lapsed(lease: &Lease) -> u64 {
    lease
        .taken
        .saturating_add(EPOCHS_TO_BEGIN)
        .saturating_add(1)
}

/// Ends a lease whose epochs are all settled.
pub(super) fn if_over(draft: &mut Draft<'_>, name: LeaseId, lease: &Lease) {
    if lease.left() == 0 {
        finish(draft, name, lease, (LeaseEnd::Over, Credits::ZERO));
    }
}

/// Ends a lease now: what is over is settled, and the holder has all the rest back.
fn at_once(draft: &mut Draft<'_>, name: LeaseId, lease: &mut Lease, how: LeaseEnd) {
    settle::over(draft, name, lease);
    let (rest, locked) = (lease.escrow(), lease.locked());
    release(draft, name, lease.holder, (rest, Code::LeaseReturned));
    bond::unlock(draft, lease.peer, locked);
    finish(draft, name, lease, (how, rest));
}

fn finish(
    draft: &mut Draft<'_>,
    name: LeaseId,
    lease: &Lease,
    (how, refunded): (LeaseEnd, Credits),
) {
    let rest = balance(draft, Account::LeaseEscrow(name)).amount();
    assert_eq!(rest, Credits::ZERO, "an ended lease holds no credits");
    list::remove(draft, name, lease);
    draft.remove::<Leases>(&name);
    shelf::put_back(draft, lease);
    let lease = name;
    draft.say(Event::Lease(LeaseEvent::Ended {
        lease,
        how,
        refunded,
    }));
}
