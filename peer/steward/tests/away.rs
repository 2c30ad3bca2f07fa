//! Stories of a peer whose offers were set aside: it stands ready again once it is there, later
//! each time, until it is paid for a run. And of one whose slots are leased.

mod scene;

use protocol::entry::Leased;
use protocol::event::{Aside, Event, FaultEvent, LeaseEnd, LeaseEvent};
use protocol::ids::LeaseId;
use protocol::job::Class;
use protocol::units::{Credits, Moment};
use scene::*;
use steward::Identity;

fn worker() -> Identity {
    Identity {
        slots: 2,
        classes: vec![Class::Grid],
        ..identity(1)
    }
}

fn on_offer() -> Event {
    let (peer, class, per_gfuel) = (peer(1), Class::Grid, Credits::new(5));
    Event::OfferPublished {
        peer,
        class,
        slots: 2,
        per_gfuel,
    }
}

fn set_aside(why: Aside, until: u64) -> Event {
    Event::OfferSetAside {
        peer: peer(1),
        class: Class::Grid,
        why,
        until: Moment::new(until),
    }
}

#[test]
fn it_stands_ready_again_and_waits_twice_as_long_each_time() {
    let mut scene = Scene::of(worker());
    scene.agree("it is on offer", vec![on_offer()], &[]);
    let missed = || vec![set_aside(Aside::Missed, 0)];
    scene.agree("it missed a run", missed(), &[]);
    scene.wait("a moment", 5 * SECOND, &[]);
    scene.wait("ten seconds", 6 * SECOND, &["propose publish-offer"]);
    scene.agree("it is on offer", vec![on_offer()], &[]);
    scene.agree("it missed again", missed(), &[]);
    scene.wait("ten seconds", 11 * SECOND, &[]);
    scene.wait("twenty", 10 * SECOND, &["propose publish-offer"]);
    scene.agree("it is on offer", vec![on_offer()], &[]);
    let paid = Event::Paid {
        bundle: bundle(0),
        peer: peer(1),
        owner: party(1),
        amount: Credits::new(1),
    };
    scene.agree("it is paid", vec![paid], &[]);
    scene.agree("and misses once more", missed(), &[]);
    scene.wait("ten seconds", 11 * SECOND, &["propose publish-offer"]);
}

#[test]
fn who_is_suspended_waits_until_that_is_over() {
    let mut scene = Scene::of(worker());
    scene.agree("it is on offer", vec![on_offer()], &[]);
    let suspended = vec![set_aside(Aside::Suspended, 100 * SECOND)];
    scene.agree("it is suspended", suspended, &[]);
    scene.wait("not yet", 60 * SECOND, &[]);
    scene.wait("over", 60 * SECOND, &["propose publish-offer"]);
}

#[test]
fn who_offered_slots_that_are_not_there_offers_them_no_more() {
    let mut scene = Scene::of(worker());
    scene.agree("it is on offer", vec![on_offer()], &[]);
    let feigned = |seen| {
        Event::Fault(FaultEvent::CapacityFeigned {
            finding: bundle(0),
            peer: peer(1),
            class: Class::Grid,
            claimed: 2,
            seen,
        })
    };
    let offered = |slots| Event::OfferPublished {
        peer: peer(1),
        class: Class::Grid,
        slots,
        per_gfuel: worker().per_gfuel,
    };
    scene.agree(
        "one of two is there",
        vec![feigned(1), offered(1)],
        &["1 slots seen"],
    );
    scene.wait("an hour", 3_600 * SECOND, &[]);
    scene.agree("its owner found the other", vec![offered(2)], &[]);
    scene.agree(
        "none was there",
        vec![feigned(0), set_aside(Aside::Feigned, 0)],
        &["0 slots seen"],
    );
    scene.wait("an hour", 3_600 * SECOND, &[]);
    scene.kill();
    assert_eq!(scene.shown(), [""; 0], "it remembers that in its next life");
}

#[test]
fn slots_that_are_leased_are_not_offered_until_the_lease_is_over() {
    let mut scene = Scene::of(worker());
    let (peer, class) = (peer(1), Class::Grid);
    let price = worker().per_gfuel;
    let offered = |slots| Event::OfferPublished {
        peer,
        class,
        slots,
        per_gfuel: price,
    };
    let taken = |n: u8, slots| {
        Event::Lease(LeaseEvent::Taken {
            lease: LeaseId::new([n; 32]),
            peer,
            holder: party(9),
            what: Leased::Slots { class, slots },
            epochs: 2,
            price,
            penalty: price,
        })
    };
    let ended = |n: u8| {
        Event::Lease(LeaseEvent::Ended {
            lease: LeaseId::new([n; 32]),
            how: LeaseEnd::Over,
            refunded: Credits::ZERO,
        })
    };
    scene.agree("it is on offer", vec![offered(2)], &[]);
    scene.agree("one is leased", vec![offered(1), taken(1, 1)], &[]);
    let withdrawn = Event::OfferWithdrawn { peer, class };
    scene.agree("and the other", vec![withdrawn, taken(2, 1)], &[]);
    scene.wait("an hour", 3_600 * SECOND, &[]);
    scene.agree("the first is over", vec![offered(1), ended(1)], &[]);
    // The ledger may have no room for the offer: then it is published by hand.
    scene.agree(
        "the other is, too",
        vec![ended(2)],
        &["propose publish-offer"],
    );
}
