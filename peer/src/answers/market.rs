//! Who is there and what they offer.

use std::collections::{BTreeMap, BTreeSet};

use protocol::ids::PeerId;
use protocol::job::Class;
use protocol::offer::Offer;
use protocol::units::{Credits, Moment};

use super::{ROWS_MAX, Sources, sponsor_name};
use crate::api::types::{LiveOffer, NodeView, OfferView};

/// Where a connected peer is reached.
pub type Reached = BTreeMap<PeerId, Option<String>>;

/// Every peer of the federation that the ledger or this peer knows, by id.
pub fn nodes(from: &Sources<'_>, reached: &Reached, now: Moment) -> Vec<NodeView> {
    let view = from.ledger.ask();
    let admitted = rules::read::counts(&view).peers.min(ROWS_MAX);
    let numbered = (0..admitted).filter_map(|n| rules::read::peer_numbered(&view, n));
    let known: BTreeSet<PeerId> = numbered
        .chain(reached.keys().copied())
        .chain([from.me])
        .collect();
    let heard: BTreeMap<PeerId, Moment> = from
        .steward
        .live_offers()
        .into_iter()
        .map(|offer| (offer.peer, offer.issued))
        .collect();
    let members = rules::read::members(&view);
    let node = |peer: PeerId| {
        let standing = rules::read::peer(&view, peer);
        let row = standing.as_ref().map(|standing| &standing.peer);
        let jailed = row.map(|row| row.jailed_until).filter(|until| *until > now);
        let member = members.iter().find(|member| member.peer == peer);
        let me = peer == from.me;
        NodeView {
            peer: peer.into(),
            me,
            member: member.map(|member| member.name.clone()),
            sponsor: row.and_then(|row| sponsor_name(&view, row.sponsor)),
            owner: row.map(|row| row.owner.into()),
            connected: me || reached.contains_key(&peer),
            address: reached.get(&peer).cloned().flatten(),
            heard: heard.get(&peer).map(|at| (*at).into()),
            bond: standing
                .as_ref()
                .map_or(Credits::ZERO, |standing| standing.bond)
                .into(),
            locked: row.map_or(Credits::ZERO, |row| row.locked).into(),
            jailed_until: jailed.map(Into::into),
        }
    };
    known.into_iter().map(node).collect()
}

/// Every offer, standing or live, by class and peer.
pub fn offers(from: &Sources<'_>) -> Vec<OfferView> {
    let view = from.ledger.ask();
    let mut live: BTreeMap<(Class, PeerId), Offer> = from
        .steward
        .live_offers()
        .into_iter()
        .map(|offer| ((offer.class, offer.peer), offer))
        .collect();
    let mut all = Vec::new();
    for class in Class::ALL {
        let pages = 0..rules::read::roster_pages(&view, class);
        let standing = pages.flat_map(|page| rules::read::roster_page(&view, class, page));
        all.extend(standing.map(|offer| OfferView {
            peer: offer.peer.into(),
            sponsor: sponsor_name(&view, offer.sponsor),
            class: class.name().to_owned(),
            slots: offer.slots,
            per_gfuel: offer.per_gfuel.into(),
            live: live.remove(&(class, offer.peer)).map(live_offer),
        }));
    }
    let only_live = live.into_values().map(|offer| OfferView {
        peer: offer.peer.into(),
        sponsor: rules::read::peer(&view, offer.peer)
            .and_then(|standing| sponsor_name(&view, standing.peer.sponsor)),
        class: offer.class.name().to_owned(),
        slots: 0,
        per_gfuel: offer.per_gfuel.into(),
        live: Some(live_offer(offer)),
    });
    all.extend(only_live);
    all
}

fn live_offer(offer: Offer) -> LiveOffer {
    LiveOffer {
        slots_total: offer.slots_total,
        slots_free: offer.slots_free,
        memory: offer.memory.get(),
        profiles: offer.profiles.iter().map(|profile| profile.0).collect(),
        speed: offer.speed.get(),
        gcu: offer.gcu,
        issued: offer.issued.into(),
        until: offer.issued.after(offer.ttl).into(),
    }
}
