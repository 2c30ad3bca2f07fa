//! Taking a lease: every question is asked before a credit moves.

use protocol::entry::Leased;
use protocol::event::{Event, LeaseEvent};
use protocol::ids::{LeaseId, PartyId, PeerId};
use protocol::units::{Credits, mul_div_floor};
use std::num::NonZeroU64;

use super::{EPOCHS_TO_BEGIN, Lease, Leases, list, shelf};
use crate::market::roster;
use crate::money::posting::{Posting, post};
use crate::money::{About, Account, Code, bond, exposure};
use crate::people::Peers;
use crate::refusal::{LeaseRefusal, Refusal};
use crate::state::Draft;
use crate::work::due::{self, Due};

/// The whole of something, in ten-thousandths.
const WHOLE: NonZeroU64 = NonZeroU64::new(10_000).expect("not nothing");

/// What is asked of a peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) peer: PeerId,
    pub(super) what: Leased,
    pub(super) epochs: u16,
    pub(super) price_max: Credits,
}

/// Takes a lease: its whole price is set aside, and what it could cost the peer is locked.
///
/// # Errors
/// [`Refusal`] if the peer leases nothing of this, less, for a shorter time or at a higher price,
/// takes no part now, its bond does not cover it, one side has too many leases, or the sender too
/// few credits.
pub(super) fn take(
    draft: &mut Draft<'_>,
    holder: PartyId,
    name: LeaseId,
    asked: Asked,
) -> Result<(), Refusal> {
    let lease = reckon(draft, holder, &asked)?;
    let Asked { peer, what, .. } = asked;
    let (price, needs) = (lease.price, lease.locked());
    let row = draft.row::<Peers>(&peer).expect("it was asked");
    let free = exposure::free(draft, peer, &row);
    if free < needs {
        return Err(Refusal::Lease(LeaseRefusal::BondUncovering { free, needs }));
    }
    list::has_room(draft, (peer, holder))?;
    post(
        draft,
        Posting {
            from: Account::Wallet(holder),
            to: Account::LeaseEscrow(name),
            amount: lease.escrow(),
            code: Code::LeasePrepaid,
            about: About::Lease(name),
        },
    )?;
    // All questions are asked; from here nothing may fail.
    bond::lock(draft, peer, needs);
    shelf::take(draft, peer, &what);
    list::add(draft, name, &lease);
    due::push(draft, lease.wakes, Due::Lease(name));
    let before = draft.row::<Leases>(&name);
    assert!(before.is_none(), "an entry's id takes a lease once");
    draft.put::<Leases>(&name, &lease);
    draft.say(Event::Lease(LeaseEvent::Taken {
        lease: name,
        peer,
        holder,
        what,
        epochs: lease.epochs,
        price,
        penalty: lease.penalty,
    }));
    Ok(())
}

/// The lease that would be taken.
fn reckon(draft: &Draft<'_>, holder: PartyId, asked: &Asked) -> Result<Lease, Refusal> {
    let no = |refusal| Err(Refusal::Lease(refusal));
    let Asked { peer, what, .. } = *asked;
    let row = draft.row::<Peers>(&peer);
    let row = row.ok_or(Refusal::UnknownPeer { peer })?;
    if row.struck {
        return Err(Refusal::Struck { peer });
    }
    let until = row.jailed_until;
    if until > draft.now() {
        return Err(Refusal::Jailed { peer, until });
    }
    let shelf = shelf::of(draft, peer, what.kind());
    let Some(terms) = shelf.terms else {
        return no(LeaseRefusal::NothingToLease { peer });
    };
    let asks = terms.price;
    if asks > asked.price_max {
        return no(LeaseRefusal::PriceAbove { asks });
    }
    if asked.epochs > terms.epochs_max {
        let max = terms.epochs_max;
        return no(LeaseRefusal::TermTooLong { max });
    }
    let left = terms.capacity.saturating_sub(shelf.taken);
    let left = left.min(ready(draft, peer, &what)?);
    let units = what.units();
    if units > left {
        return no(LeaseRefusal::TooFewUnits { asked: units, left });
    }
    let price = asks.times(units).ok_or(Refusal::AmountTooLarge)?;
    let penalty = mul_div_floor(price.get(), terms.penalty_bps.into(), WHOLE);
    let penalty = penalty.map(Credits::new).ok_or(Refusal::AmountTooLarge)?;
    for each in [price, penalty] {
        let whole = each.times(asked.epochs.into());
        whole.ok_or(Refusal::AmountTooLarge)?;
    }
    let taken = draft.epoch();
    let next = taken.saturating_add(1);
    let (first, wakes) = match what {
        Leased::Slots { .. } => (Some(next), next.saturating_add(asked.epochs.into())),
        Leased::Bytes { .. } => (None, next.saturating_add(EPOCHS_TO_BEGIN)),
    };
    Ok(Lease {
        peer,
        holder,
        what,
        price,
        penalty,
        taken,
        first,
        epochs: asked.epochs,
        settled: 0,
        proved: None,
        wakes: draft.founding().begins(wakes),
    })
}

/// So many units could be leased, whatever was asked: of slots, those that stand ready.
///
/// # Errors
/// [`Refusal::NoOffer`].
fn ready(draft: &Draft<'_>, peer: PeerId, what: &Leased) -> Result<u64, Refusal> {
    match *what {
        Leased::Slots { class, .. } => {
            let offer = roster::offer(draft, peer, class).ok_or(Refusal::NoOffer { peer })?;
            Ok(offer.standing.slots.into())
        }
        Leased::Bytes { .. } => Ok(u64::MAX),
    }
}
