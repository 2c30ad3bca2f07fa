//! What strangers may try with words. Nothing of it is kept, and each fault has its name.

mod scene;

use protocol::ids::{BundleId, Digest};
use protocol::job::{Class, Profile};
use protocol::message::Message;
use protocol::offer::Offer;
use protocol::outcome::Outcome;
use protocol::units::{Bytes, Credits, Fuel, Millis, Moment};
use scene::*;
use steward::{Effect, Input};

/// A submitter whose bundle 0 is drawn for peers 2 and 3.
fn submitter() -> Scene {
    let mut scene = Scene::of(identity(1));
    scene.agree(
        "submitted in an earlier life",
        vec![submitted(4, 1, Digest::of(b"?"))],
        &["secret unknown", "tell submitted"],
    );
    scene.agree("drawn", vec![drawn(0, &[2, 3])], &["tell drawn 0 p2+p3"]);
    scene
}

fn list() -> Vec<Outcome> {
    vec![right(0), right(1)]
}

#[test]
fn outcomes_are_believed_only_from_who_was_drawn_and_sealed_them() {
    let good = || copy_of(2, bundle(0), &list());
    let mut other_bundle = good();
    other_bundle.seal.bundle = 1;
    let mut unsigned = good();
    unsigned.seal.signature[5] ^= 1;
    let mut another_hash = good();
    another_hash.seal.hash = Digest::of(b"another");
    for (what, n, message, fault) in [
        (
            "another's seal",
            3,
            good().message(bundle(0), &[]),
            "p3 WrongSeal",
        ),
        (
            "another bundle's",
            2,
            other_bundle.message(bundle(0), &[]),
            "p2 WrongSeal",
        ),
        (
            "not signed",
            2,
            unsigned.message(bundle(0), &[]),
            "p2 WrongSeal",
        ),
        (
            "hash changed",
            2,
            another_hash.message(bundle(0), &[]),
            "p2 WrongSeal",
        ),
    ] {
        assert_refused(what, n, message, fault);
    }
}

#[test]
fn outcomes_are_believed_only_if_they_can_be_of_the_bundle() {
    let good = || copy_of(2, bundle(0), &list());
    let mut greedy = list();
    greedy[0].fuel = Fuel::new(FUEL_MAX.get() + 1);
    let job = job_id(8);
    let elsewhere = BundleId { job, index: 0 };
    for (what, message, fault) in [
        (
            "too short",
            copy_of(2, bundle(0), &list()[..1]).message(bundle(0), &[]),
            "p2 WrongOutcomes",
        ),
        (
            "too long",
            copy_of(2, bundle(0), &[list(), list()].concat()).message(bundle(0), &[]),
            "p2 WrongOutcomes",
        ),
        (
            "too dear",
            copy_of(2, bundle(0), &greedy).message(bundle(0), &[]),
            "p2 WrongOutcomes",
        ),
        (
            "no such bundle",
            good().message(bundle(9), &[]),
            "p2 UnknownJob",
        ),
        (
            "no such job",
            good().message(elsewhere, &[]),
            "p2 UnknownJob",
        ),
    ] {
        assert_refused(what, 2, message, fault);
    }
}

fn assert_refused(what: &str, n: u8, message: Message, fault: &str) {
    let mut scene = submitter();
    scene.hear(what, n, message, &[&format!("fault {fault}")]);
    let tasks = scene.steward.tasks(&job_id(1), 0..4);
    assert!(
        tasks.iter().all(|task| task.outcome.is_none()),
        "{what}: nothing was kept"
    );
    scene.wait("and nothing is entered", 50, &[]);
}

#[test]
fn who_tells_two_stories_is_held_to_the_first() {
    let (first, second) = (
        copy_of(2, bundle(0), &list()),
        copy_of(2, bundle(0), &[right(0), wrong(1)]),
    );
    let mut scene = submitter();
    scene.hear(
        "first",
        2,
        first.message(bundle(0), &[0]),
        &[
            "keep output 0",
            "tell output 0 provisional",
            "fetch from p2",
        ],
    );
    scene.hear("once more", 2, first.message(bundle(0), &[]), &[]);
    scene.hear(
        "another",
        2,
        second.message(bundle(0), &[]),
        &["fault p2 TwoSeals"],
    );
    assert_eq!(
        scene.steward.tasks(&job_id(1), 1..2)[0].outcome,
        Some(right(1))
    );
    let mut same_seal = second;
    same_seal.seal = first.seal.clone();
    scene.hear(
        "another list",
        2,
        same_seal.message(bundle(0), &[]),
        &["fault p2 WrongOutcomes, hopeless"],
    );
    scene.hear(
        "nobody listens any more",
        2,
        first.message(bundle(0), &[]),
        &[],
    );
}

#[test]
fn bytes_that_are_no_outcome_are_not_kept() {
    let mut scene = submitter();
    let message = copy_of(2, bundle(0), &list()).message(bundle(0), &[0, 3]);
    scene.hear(
        "one of two is wrong",
        2,
        message,
        &[
            "keep output 0",
            "tell output 0 provisional",
            "fault p2 WrongBytes",
            "fetch from p2",
        ],
    );
}

#[test]
fn an_opening_must_be_of_the_seal_that_we_hold() {
    let copy = copy_of(2, bundle(0), &list());
    let mut scene = submitter();
    scene.hear(
        "told",
        2,
        copy.message(bundle(0), &[0, 1]),
        &[
            "keep output 0",
            "tell output 0 provisional",
            "keep output 1",
            "tell output 1 provisional",
        ],
    );
    let events = vec![sealed(0, 2), sealed(0, 3), all_sealed(), closed()];
    scene.agree(
        "closed",
        events,
        &["tell all sealed", "tell closed", "to p3: ask 0"],
    );
    let openings = |opening| Message::Openings {
        job: job_id(1),
        openings: vec![opening],
    };
    let other = copy_of(2, bundle(0), &[right(0), wrong(1)]).opening;
    scene.hear(
        "another root",
        2,
        openings(other),
        &["fault p2 WrongOpening"],
    );
    scene.hear(
        "in another's name",
        3,
        openings(copy.opening.clone()),
        &["fault p3 NotDrawn"],
    );
    let mut far = copy.opening.clone();
    far.bundle = u32::MAX;
    scene.hear("of no bundle", 3, openings(far), &["fault p3 UnknownJob"]);
    let unchecked = copy_of(3, bundle(0), &list()).opening;
    scene.hear("we hold no seal of p3", 3, openings(unchecked), &[]);
    scene.wait("so nothing of it is entered", 50, &[]);
    scene.hear("the right one", 2, openings(copy.opening), &[]);
    scene.wait("is", 20, &["propose open-batch 0/p2"]);
}

#[test]
fn the_book_holds_the_freshest_offer_of_each_and_no_more_than_it_may() {
    let mut scene = Scene::of(identity(1));
    let offer = |n: u32, seq| {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&n.to_le_bytes());
        Offer {
            federation: FEDERATION,
            peer: protocol::ids::PeerId::new(id),
            boot: Moment::new(1),
            seq,
            issued: Moment::new(u64::MAX),
            ttl: Millis::new(60_000 + u64::from(n)),
            class: Class::Grid,
            profiles: vec![Profile::WASM_3],
            slots_total: 2,
            slots_free: 1,
            memory: Bytes::new(1),
            per_gfuel: Credits::new(u64::from(seq)),
            speed: Fuel::ZERO,
            gcu: 0,
        }
    };
    let most = steward::limits::OFFERS_MAX;
    for n in 0..=u32::try_from(most).unwrap() {
        scene.step("heard", Input::Offered(offer(n, 2)), &[]);
    }
    assert_eq!(scene.steward.live_offers().len(), most);
    scene.step("an old one", Input::Offered(offer(9, 1)), &[]);
    scene.step("a newer one", Input::Offered(offer(8, 3)), &[]);
    scene.step(
        "one withdrawn",
        Input::Offered(Offer {
            ttl: Millis::ZERO,
            ..offer(7, 3)
        }),
        &[],
    );
    let offers = scene.steward.live_offers();
    assert_eq!(offers.len(), most - 1);
    let seq = |n: usize| {
        offers
            .iter()
            .find(|o| o.peer.bytes()[..2] == [u8::try_from(n).unwrap(), 0])
    };
    assert_eq!(
        (seq(9).map(|o| o.seq), seq(8).map(|o| o.seq), seq(7)),
        (Some(2), Some(3), None)
    );
    let foreign = Offer {
        federation: protocol::ids::FederationId::new([1; 32]),
        ..offer(7, 4)
    };
    scene
        .steward
        .handle(Moment::new(scene.now), Input::Offered(foreign));
    assert!(matches!(
        scene.steward.next_effect(),
        Some(Effect::Report(_))
    ));
    scene.wait("offers end, whatever their peer's clock says", 70_000, &[]);
    assert_eq!(scene.steward.live_offers(), []);
}

#[test]
fn who_was_not_drawn_is_not_believed_and_not_heard_without_end() {
    let mut scene = submitter();
    let four = copy_of(4, bundle(0), &list());
    for _ in 0..steward::limits::EARLY_PER_PEER_MAX {
        scene.hear(
            "it may be ahead of us",
            4,
            four.message(bundle(0), &[]),
            &[],
        );
    }
    scene.hear(
        "it is not",
        4,
        four.message(bundle(0), &[]),
        &["fault p4 NotDrawn"],
    );
    let tasks = scene.steward.tasks(&job_id(1), 0..4);
    assert!(tasks.iter().all(|task| task.outcome.is_none()));
    scene.agree("time passes", vec![], &[]);
    scene.wait("and it is forgotten", 20_000, &[]);
}
