//! Publishing and withdrawing standing offers. An offer goes to the first page with room and stays
//! on it, so a change touches one page and the roster's head.

use protocol::event::Event;
use protocol::ids::{PartyId, PeerId};
use protocol::job::Class;
use protocol::units::Credits;

use crate::market::{
    Offers, PAGE_OFFERS_MAX, PAGES_MAX, PageHead, RosterHeads, RosterPages, Standing, index,
};
use crate::params::SLOTS_MAX;
use crate::people::owned;
use crate::refusal::Refusal;
use crate::state::{Draft, View, row};

/// Publishes a peer's offer in a class, in place of the one it had there.
///
/// # Errors
/// [`Refusal`] if the peer is not the sender's or is struck, the slots are out of range, or the
/// roster is full.
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
    if slots == 0 || slots > SLOTS_MAX {
        let max = SLOTS_MAX;
        return Err(Refusal::SlotsOutOfRange { asked: slots, max });
    }
    let standing = Standing {
        peer,
        sponsor: owned.sponsor,
        slots,
        per_gfuel,
    };
    let page = match draft.row::<Offers>(&(peer, class)) {
        Some(page) => page,
        None => page_with_room(draft, class)?,
    };
    change_page(draft, class, page, |offers| {
        match offers.iter_mut().find(|offer| offer.peer == peer) {
            Some(offer) => *offer = standing,
            None => offers.push(standing),
        }
    });
    draft.put::<Offers>(&(peer, class), &page);
    draft.say(Event::OfferPublished {
        peer,
        class,
        slots,
        per_gfuel,
    });
    Ok(())
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
    if remove(draft, peer, class) {
        Ok(())
    } else {
        Err(Refusal::NoOffer { peer })
    }
}

/// Removes a peer's offer, and says whether there was one.
pub(crate) fn remove(draft: &mut Draft<'_>, peer: PeerId, class: Class) -> bool {
    let Some(page) = draft.row::<Offers>(&(peer, class)) else {
        return false;
    };
    change_page(draft, class, page, |offers| {
        offers.retain(|offer| offer.peer != peer);
    });
    draft.remove::<Offers>(&(peer, class));
    draft.say(Event::OfferWithdrawn { peer, class });
    true
}

/// How many offers a class has.
pub(crate) fn count(view: &dyn View, class: Class) -> u32 {
    heads(view, class)
        .iter()
        .fold(0, |sum: u32, page| sum.saturating_add(page.offers))
}

/// How many slots stand ready in a class.
pub(crate) fn slots(view: &dyn View, class: Class) -> u64 {
    heads(view, class)
        .iter()
        .fold(0, |sum: u64, page| sum.saturating_add(page.weight))
}

/// What the roster's head knows of each page of a class.
pub(crate) fn heads(view: &dyn View, class: Class) -> Vec<PageHead> {
    row::<RosterHeads>(view, &class).unwrap_or_default()
}

/// The offers on a page.
pub(crate) fn page(view: &dyn View, class: Class, page: u32) -> Vec<Standing> {
    row::<RosterPages>(view, &(class, page)).unwrap_or_default()
}

fn page_with_room(draft: &Draft<'_>, class: Class) -> Result<u32, Refusal> {
    let heads = heads(draft, class);
    let room = heads
        .iter()
        .position(|page| (page.offers as usize) < PAGE_OFFERS_MAX)
        .unwrap_or(heads.len());
    if room >= PAGES_MAX {
        return Err(Refusal::RosterFull);
    }
    Ok(u32::try_from(room).expect("a roster has at most 256 pages"))
}

fn change_page(
    draft: &mut Draft<'_>,
    class: Class,
    number: u32,
    change: impl FnOnce(&mut Vec<Standing>),
) {
    let mut offers = page(draft, class, number);
    change(&mut offers);
    let weight = offers
        .iter()
        .fold(0, |sum: u64, offer| sum.saturating_add(offer.slots.into()));
    let place = usize::try_from(number).expect("a roster has at most 256 pages");
    let mut heads = heads(draft, class);
    if heads.len() <= place {
        heads.resize(place.saturating_add(1), PageHead::default());
    }
    heads[place] = PageHead {
        offers: u32::try_from(offers.len()).expect("a page holds at most 256 offers"),
        weight,
    };
    draft.put::<RosterPages>(&(class, number), &offers);
    draft.put::<RosterHeads>(&class, &heads);
    index::offers_changed(draft, class);
}
