//! Publishing and withdrawing standing offers, and what each weighs. A change touches the sums over
//! its own place and over its sponsor's, and nothing else, however many offers there are.

use protocol::event::{Aside, Event};
use protocol::ids::{PartyId, PeerId};
use protocol::job::Class;
use protocol::units::{Credits, Moment};

use crate::market::cards::NEWCOMER_SLOT;
use crate::market::{
    Listed, Offer, Offers, PAGE_OFFERS_MAX, PeerAt, Pile, Pool, PoolHead, PoolHeads, SponsorAt,
    SponsorPlaces, Standing, capacity, caps, index, lease::shelf, sums,
};
use crate::params::SLOTS_MAX;
use crate::people::{Peers, meter, owned, reputation, tier};
use crate::refusal::Refusal;
use crate::state::{Draft, View, row};

/// A score weighs by its hundredths, squared, so that it must change by one to be written anew.
const HUNDREDTH: u64 = 100;

/// Publishes a peer's offer in a class, in place of the one it had there.
///
/// # Errors
/// [`Refusal`] if the peer is not the sender's, is struck, jailed or suspended, the slots are out
/// of range or more than members saw in this epoch, or the roster is full.
pub(crate) fn publish(
    draft: &mut Draft<'_>,
    sender: PartyId,
    (peer, class): (PeerId, Class),
    slots: u16,
    per_gfuel: Credits,
) -> Result<(), Refusal> {
    let owned = owned(draft, peer, sender)?;
    if owned.struck {
        return Err(Refusal::Struck { peer });
    }
    let until = owned
        .jailed_until
        .max(meter::suspended_until(draft, peer, class));
    if until > draft.now() {
        return Err(Refusal::Jailed { peer, until });
    }
    if slots == 0 || slots > SLOTS_MAX {
        let max = SLOTS_MAX;
        return Err(Refusal::SlotsOutOfRange { asked: slots, max });
    }
    capacity::allows(draft, (peer, class), slots)?;
    let standing = Standing {
        peer,
        sponsor: owned.sponsor,
        slots,
        per_gfuel,
    };
    let listed = match draft.row::<Offers>(&(peer, class)) {
        Some(offer) => {
            leave_pile(draft, class, &offer);
            offer.listed
        }
        None => list(draft, class, peer),
    };
    enter_pile(draft, class, standing, listed)?;
    shelf::unpark(draft, (peer, class));
    published(draft, class, &standing);
    Ok(())
}

fn published(draft: &mut Draft<'_>, class: Class, standing: &Standing) {
    draft.say(Event::OfferPublished {
        peer: standing.peer,
        class,
        slots: standing.slots,
        per_gfuel: standing.per_gfuel,
    });
}

/// Takes a peer's offer in a class back. Runs it is already drawn for stay its own.
///
/// # Errors
/// [`Refusal`] if the peer is not the sender's, or has no offer there.
pub(crate) fn withdraw(
    draft: &mut Draft<'_>,
    sender: PartyId,
    peer: PeerId,
    class: Class,
) -> Result<(), Refusal> {
    owned(draft, peer, sender)?;
    // Where leases hold all its slots, there is nothing to take back but its coming back.
    if shelf::unpark(draft, (peer, class)) | remove(draft, peer, class) {
        draft.say(Event::OfferWithdrawn { peer, class });
        Ok(())
    } else {
        Err(Refusal::NoOffer { peer })
    }
}

/// Takes every offer of a peer off the roster because of something it did or did not do. It stands
/// ready again when its owner says so, but not before `until`.
pub(crate) fn set_aside(draft: &mut Draft<'_>, peer: PeerId, why: Aside, until: Moment) {
    for class in Class::ALL {
        take_down(draft, (peer, class), why, until);
    }
}

/// The same in one class. Says whether there was an offer.
pub(crate) fn take_down(
    draft: &mut Draft<'_>,
    (peer, class): (PeerId, Class),
    why: Aside,
    until: Moment,
) -> bool {
    shelf::unpark(draft, (peer, class));
    let there = remove(draft, peer, class);
    if there {
        draft.say(Event::OfferSetAside {
            peer,
            class,
            why,
            until,
        });
    }
    there
}

/// Leaves a peer's offer so many slots, if it has more; without any it is no offer, and there can
/// be none before `until`.
pub(crate) fn cut(draft: &mut Draft<'_>, (peer, class): (PeerId, Class), to: u16, until: Moment) {
    let known = draft.row::<Offers>(&(peer, class));
    match known.filter(|offer| offer.standing.slots > to) {
        Some(_) if to > 0 => resize(draft, (peer, class), to),
        Some(_) => {
            take_down(draft, (peer, class), Aside::Feigned, until);
        }
        None => {}
    }
}

/// Gives a peer's offer so many slots, whatever it had; without any it is no offer.
pub(crate) fn resize(draft: &mut Draft<'_>, (peer, class): (PeerId, Class), to: u16) {
    let known = draft.row::<Offers>(&(peer, class));
    let offer = known.expect("the caller has seen the offer");
    if to == 0 {
        remove(draft, peer, class);
        draft.say(Event::OfferWithdrawn { peer, class });
        return;
    }
    leave_pile(draft, class, &offer);
    let standing = Standing {
        slots: to,
        ..offer.standing
    };
    enter_pile(draft, class, standing, offer.listed)
        .expect("it has just left a place of the pile that it enters");
    published(draft, class, &standing);
}

/// Publishes an offer again whose slots were all leased. Where the roster has no room for it now,
/// it stays away until its owner publishes it.
pub(crate) fn stand_again(
    draft: &mut Draft<'_>,
    (peer, class): (PeerId, Class),
    slots: u16,
    per_gfuel: Credits,
) {
    let known = draft.row::<Peers>(&peer);
    let standing = Standing {
        peer,
        sponsor: known.expect("only admitted peers have offers").sponsor,
        slots,
        per_gfuel,
    };
    let mut tried = draft.over();
    let listed = list(&mut tried, class, peer);
    if enter_pile(&mut tried, class, standing, listed).is_ok() {
        let changes = tried.into_changes();
        draft.keep(changes);
        published(draft, class, &standing);
    }
}

/// Removes a peer's offer, and says whether there was one.
fn remove(draft: &mut Draft<'_>, peer: PeerId, class: Class) -> bool {
    let Some(offer) = draft.row::<Offers>(&(peer, class)) else {
        return false;
    };
    leave_pile(draft, class, &offer);
    unlist(draft, class, offer.listed);
    draft.remove::<Offers>(&(peer, class));
    true
}

/// Weighs a peer's offer anew, after something changed that its weight follows from.
pub(crate) fn reweigh(draft: &mut Draft<'_>, peer: PeerId, class: Class) {
    let Some(mut offer) = draft.row::<Offers>(&(peer, class)) else {
        return;
    };
    let (pool, weight) = weigh(draft, &offer.standing, class);
    if pool != offer.pool {
        leave_pile(draft, class, &offer);
        // The other pool has room: it was sized for all peers of a sponsor.
        if enter_pile(draft, class, offer.standing, offer.listed).is_err() {
            unlist(draft, class, offer.listed);
            draft.remove::<Offers>(&(peer, class));
            draft.say(Event::OfferWithdrawn { peer, class });
        }
    } else if weight != offer.weight {
        let pile = Pile::Peers(class, pool, offer.standing.sponsor);
        sums::set(draft, pile, offer.place, weight);
        offer.weight = weight;
        draft.put::<Offers>(&(peer, class), &offer);
        weigh_sponsor(draft, class, pool, offer.standing.sponsor);
    }
}

/// The pool that an offer stands in, and what it weighs there.
fn weigh(draft: &Draft<'_>, standing: &Standing, class: Class) -> (Pool, u64) {
    let peer = standing.peer;
    let row = draft
        .row::<Peers>(&peer)
        .expect("only admitted peers have offers");
    let slots = u64::from(standing.slots);
    if !tier::of(draft, peer, &row, class).is_established() {
        return (Pool::Newcomers, slots.saturating_mul(NEWCOMER_SLOT.get()));
    }
    let known = reputation::of(draft, peer, class);
    let lower = known.score(draft.params()).lower / HUNDREDTH;
    let weight = slots.saturating_mul(lower).saturating_mul(lower);
    (Pool::Established, weight)
}

fn enter_pile(
    draft: &mut Draft<'_>,
    class: Class,
    standing: Standing,
    listed: u32,
) -> Result<(), Refusal> {
    let (pool, weight) = weigh(draft, &standing, class);
    let sponsor = standing.sponsor;
    let pile = Pile::Peers(class, pool, sponsor);
    let place = sums::push(draft, pile, weight).ok_or(Refusal::RosterFull)?;
    if draft
        .row::<SponsorPlaces>(&(class, pool, sponsor))
        .is_none()
    {
        let sponsors = Pile::Sponsors(class, pool);
        let place = sums::push(draft, sponsors, 0).ok_or(Refusal::RosterFull)?;
        draft.put::<SponsorPlaces>(&(class, pool, sponsor), &place);
        draft.put::<SponsorAt>(&(class, pool, place), &sponsor);
    }
    draft.put::<PeerAt>(&(class, pool, sponsor, place), &standing.peer);
    let offer = Offer {
        standing,
        pool,
        place,
        weight,
        listed,
    };
    draft.put::<Offers>(&(standing.peer, class), &offer);
    weigh_sponsor(draft, class, pool, sponsor);
    count_pool(draft, class, pool, |head| PoolHead {
        offers: head.offers.saturating_add(1),
        slots: head.slots.saturating_add(standing.slots.into()),
    });
    Ok(())
}

/// Leaves a sponsor's pile; the last of the pile takes the place.
fn leave_pile(draft: &mut Draft<'_>, class: Class, offer: &Offer) {
    let (pool, sponsor) = (offer.pool, offer.standing.sponsor);
    let last = sums::leave(draft, Pile::Peers(class, pool, sponsor), offer.place);
    let moved = draft
        .row::<PeerAt>(&(class, pool, sponsor, last))
        .expect("every place of a pile is someone's");
    if last != offer.place {
        draft.put::<PeerAt>(&(class, pool, sponsor, offer.place), &moved);
        let mut row = draft
            .row::<Offers>(&(moved, class))
            .expect("who has a place has an offer");
        row.place = offer.place;
        draft.put::<Offers>(&(moved, class), &row);
    }
    draft.remove::<PeerAt>(&(class, pool, sponsor, last));
    weigh_sponsor(draft, class, pool, sponsor);
    count_pool(draft, class, pool, |head| PoolHead {
        offers: head.offers.saturating_sub(1),
        slots: head.slots.saturating_sub(offer.standing.slots.into()),
    });
}

/// Gives a sponsor the weight of its peers.
fn weigh_sponsor(draft: &mut Draft<'_>, class: Class, pool: Pool, sponsor: PartyId) {
    let place = draft
        .row::<SponsorPlaces>(&(class, pool, sponsor))
        .expect("a sponsor keeps the place it was given with its first peer");
    let weight = sums::head(draft, Pile::Peers(class, pool, sponsor)).weight;
    sums::set(draft, Pile::Sponsors(class, pool), place, weight);
    caps::note(draft, (class, pool), sponsor, weight);
}

fn count_pool(
    draft: &mut Draft<'_>,
    class: Class,
    pool: Pool,
    change: impl FnOnce(PoolHead) -> PoolHead,
) {
    let head = pool_head(draft, class, pool);
    draft.put::<PoolHeads>(&(class, pool), &change(head));
    index::offers_changed(draft, class);
}

/// What the roster of a class knows of a pool.
pub(crate) fn pool_head(view: &dyn View, class: Class, pool: Pool) -> PoolHead {
    row::<PoolHeads>(view, &(class, pool)).unwrap_or_default()
}

/// How many offers a class has.
pub(crate) fn count(view: &dyn View, class: Class) -> u32 {
    let pools = [Pool::Established, Pool::Newcomers];
    let offers = pools.map(|pool| pool_head(view, class, pool).offers);
    offers[0].saturating_add(offers[1])
}

/// How many slots stand ready in a class.
pub(crate) fn slots(view: &dyn View, class: Class) -> u64 {
    let pools = [Pool::Established, Pool::Newcomers];
    let slots = pools.map(|pool| pool_head(view, class, pool).slots);
    slots[0].saturating_add(slots[1])
}

/// A peer's offer in a class.
pub(crate) fn offer(view: &dyn View, peer: PeerId, class: Class) -> Option<Offer> {
    row::<Offers>(view, &(peer, class))
}

/// The offers on a page of a class's list.
pub(crate) fn page(view: &dyn View, class: Class, page: u32) -> Vec<Standing> {
    let first = page.saturating_mul(PAGE_OFFERS_MAX);
    let places = first..first.saturating_add(PAGE_OFFERS_MAX);
    let peers = places.map_while(|place| row::<Listed>(view, &(class, place)));
    let offers = peers.filter_map(|peer| offer(view, peer, class));
    offers.map(|offer| offer.standing).collect()
}

/// Puts a peer at the end of its class's list.
fn list(draft: &mut Draft<'_>, class: Class, peer: PeerId) -> u32 {
    let place = count(draft, class);
    draft.put::<Listed>(&(class, place), &peer);
    place
}

/// Takes a place off the list, after its offer was counted out; the last of the list takes it.
fn unlist(draft: &mut Draft<'_>, class: Class, place: u32) {
    let last = count(draft, class);
    if place != last {
        let moved = draft
            .row::<Listed>(&(class, last))
            .expect("the list has no gaps");
        draft.put::<Listed>(&(class, place), &moved);
        let mut row = draft
            .row::<Offers>(&(moved, class))
            .expect("who is listed has an offer");
        row.listed = place;
        draft.put::<Offers>(&(moved, class), &row);
    }
    draft.remove::<Listed>(&(class, last));
}
