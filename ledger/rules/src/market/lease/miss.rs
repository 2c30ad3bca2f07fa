//! F5 and F11: what a peer did not keep of what it leased. The epoch's lock is released and what
//! was missed is taken from the bond; the holder, who was harmed, has the victim's share of it, and
//! nobody the finder's.
//!
//! Leased slots go before those that stand ready for draws, and older leases before younger ones:
//! so many slots as members saw are given out in that order, and what is left over is missed.

use protocol::entry::Leased;
use protocol::event::{Event, Fault, LeaseEvent};
use protocol::ids::{LeaseId, PeerId};
use protocol::job::Class;
use protocol::units::{Credits, mul_div_floor};
use std::num::NonZeroU64;

use super::settle::{self, LeaseDue};
use super::{Lease, end, find, finding, list};
use crate::state::{Clock, Draft, Federation, View, row};
use crate::work::hold::Ground;
use crate::work::slash::{self, Slash};

/// Two of three members saw only so many slots of a peer in a class: punishes it for those that it
/// leased beyond, and settles the running epoch of these leases.
pub(crate) fn convict(draft: &mut Draft<'_>, (peer, class): (PeerId, Class), seen: u16) {
    let (running, mut there) = (draft.epoch(), seen);
    for name in list::of_peer(draft, peer) {
        let mut lease = find(draft, name).expect("what is listed has not ended");
        let Some(slots) = slots_in(&lease, class, running) else {
            continue;
        };
        let kept = slots.min(there);
        there = there.saturating_sub(kept);
        let missed = slots.saturating_sub(kept);
        if missed == 0 {
            continue;
        }
        settle::over(draft, name, &mut lease);
        let part = |whole: Credits| part(whole, missed, slots);
        let (refunded, slashed) = (part(lease.price), part(lease.penalty));
        let due = LeaseDue {
            epochs: 1,
            missed: 1,
            paid: lease.price.minus(refunded).expect("a part of the price"),
            refunded,
            slashed,
        };
        settle::settled(draft, name, &mut lease, &due);
        let what = (Fault::LeaseMissed, u64::from(missed), slashed);
        punish(draft, (name, &lease), running, what);
        end::if_over(draft, name, &lease);
    }
}

/// How many slots of a class a lease asks for in an epoch that is not settled.
fn slots_in(lease: &Lease, class: Class, epoch: u64) -> Option<u16> {
    let (next, ends) = (lease.next()?, lease.ends()?);
    match lease.what {
        Leased::Slots { class: of, slots } if of == class => {
            (next..ends).contains(&epoch).then_some(slots)
        }
        Leased::Slots { .. } | Leased::Bytes { .. } => None,
    }
}

/// What so many of its slots are of a lease's price or penalty; both are a multiple of them.
fn part(whole: Credits, missed: u16, slots: u16) -> Credits {
    let slots = NonZeroU64::new(slots.into()).expect("a lease of slots has one");
    let part = mul_div_floor(whole.get(), missed.into(), slots);
    Credits::new(part.expect("a part of what fits"))
}

/// So many epochs of a storage lease, all before `until`, had no proof.
pub(super) fn storage(
    draft: &mut Draft<'_>,
    (name, lease): (LeaseId, &Lease),
    until: u64,
    (missed, slashed): (u64, Credits),
) {
    let what = (Fault::StorageMissed, missed, slashed);
    punish(draft, (name, lease), until, what);
}

fn punish(
    draft: &mut Draft<'_>,
    (name, lease): (LeaseId, &Lease),
    epoch: u64,
    (fault, missed, amount): (Fault, u64, Credits),
) {
    let finding = finding(name, epoch);
    draft.say(Event::Lease(LeaseEvent::Missed {
        finding,
        lease: name,
        peer: lease.peer,
        fault,
        missed,
    }));
    let slash = Slash::peer(lease.peer, fault, amount, Ground::Lease(name, epoch));
    slash::take_apart(draft, finding, slash, Some(lease.holder));
}

/// What the running epoch would cost a peer in which it kept nothing of what it leased: slots for
/// F5, storage for F11. Nothing for other faults.
pub(crate) fn at_stake(view: &dyn View, peer: PeerId, fault: Fault) -> Credits {
    let (founding, clock) = (row::<Federation>(view, &()), row::<Clock>(view, &()));
    let running = founding
        .zip(clock)
        .map(|(founding, (_, now))| founding.epoch_at(now).0);
    let Some(running) = running else {
        return Credits::ZERO;
    };
    let leases = list::of_peer(view, peer).into_iter();
    let leases = leases.filter_map(|name| find(view, name));
    let runs = |lease: &Lease| {
        let is_it = match lease.what {
            Leased::Slots { .. } => fault == Fault::LeaseMissed,
            Leased::Bytes { .. } => fault == Fault::StorageMissed,
        };
        let (next, ends) = (lease.next(), lease.ends());
        is_it && next.is_some_and(|next| next <= running) && ends.is_some_and(|e| running < e)
    };
    leases
        .filter(runs)
        .try_fold(Credits::ZERO, |sum, lease| sum.plus(lease.penalty))
        .expect("what is locked together fits")
}
