//! Jobs for which no two machines give the same: the submitter looks whether it is near enough, and
//! whatever it finds, nobody loses a bond.
#![allow(
    clippy::unwrap_used,
    reason = "where a world is not as a story says, the test has failed"
)]

mod scene;
mod world;

use std::collections::BTreeSet;

use protocol::event::{Ending, Event};
use protocol::ids::PeerId;
use scene::{near, peer};
use steward::limits::{CHECK_TRIES_MAX, OUTPUT_WAIT};
use world::{TASKS, World};

/// Plays a job to its end, and says how its bundles ended and how many runs were paid.
fn play(near: bool, lost: u64, kill: Option<(u8, usize)>) -> (World, Vec<Ending>, usize) {
    let mut world = World::new(7, lost, |_, _| {});
    world.near = Some(near);
    world.ready();
    // Nothing happens until a dispute's time is over.
    world.idle_ms = if near { 1_000 } else { 60_000 };
    let before = world.turns;
    world.kill = kill.map(|(n, turn)| (n, before + turn));
    world.submit();
    world.until("a near job", |world| {
        let ended = |event: &Event| matches!(event, Event::JobEnded { .. });
        world.events.iter().any(ended) && world.coming.is_empty()
    });
    let ending = |event: &Event| match event {
        Event::BundleEnded { ending, .. } => Some(*ending),
        _ => None,
    };
    let endings = world.events.iter().filter_map(ending).collect();
    let paid = |event: &&Event| matches!(event, Event::Paid { .. });
    let paid = world.events.iter().filter(paid).count();
    assert_eq!(
        world.slashed(),
        BTreeSet::new(),
        "a bond is never lost here"
    );
    let judged = |event: &Event| matches!(event, Event::PanelCalled { .. });
    assert!(!world.events.iter().any(judged), "no panel is called");
    (world, endings, paid)
}

#[test]
fn what_is_near_enough_is_paid_and_kept() {
    let (mut world, endings, paid) = play(true, 0, None);
    assert_eq!(endings, [Ending::Agreed; 3]);
    assert_eq!(paid, 6, "two copies of each of three bundles");
    world.until("delivery", World::delivered);
    let outcomes = world.outcomes();
    assert_eq!(outcomes.iter().flatten().count(), TASKS as usize);
}

type Peers = BTreeSet<PeerId>;

/// Whom each bundle was drawn for, and who was paid.
fn drawn_and_paid(world: &World) -> Vec<(Peers, Peers)> {
    let drawn = world.events.iter().filter_map(|event| match event {
        Event::Drawn { bundle, peers, .. } => Some((*bundle, peers.iter().copied().collect())),
        _ => None,
    });
    let paid = |of| {
        let paid = world.events.iter().filter_map(move |event| match event {
            Event::Paid { bundle, peer, .. } if *bundle == of => Some(*peer),
            _ => None,
        });
        paid.collect()
    };
    drawn.map(|(bundle, peers)| (peers, paid(bundle))).collect()
}

/// A job of so many copies, of which those of `odd` are like nobody's.
fn with_odd(copies: u8, checker: bool, odd: BTreeSet<u8>, silent: usize) -> World {
    let mut world = World::new(7, 0, |_, _| {});
    (world.near, world.copies, world.checker) = (Some(true), copies, checker);
    (world.odd, world.silent, world.idle_ms) = (odd, silent, 60_000);
    world.ready();
    world.submit();
    world.until("the job ends", |world| {
        let ended = |event: &Event| matches!(event, Event::JobEnded { .. });
        world.events.iter().any(ended) && world.coming.is_empty()
    });
    assert_eq!(world.slashed(), BTreeSet::new());
    world
}

#[test]
fn one_bad_copy_of_three_is_unpaid_and_the_others_are_paid_and_kept() {
    for checker in [false, true] {
        let odd = 2;
        let mut world = with_odd(3, checker, BTreeSet::from([odd]), 0);
        world.until("delivery", World::delivered);
        let (mut with, mut all) = (0, Vec::new());
        for (mut peers, paid) in drawn_and_paid(&world) {
            with += usize::from(peers.remove(&peer(odd)));
            assert_eq!(paid, peers);
            all.extend(paid);
        }
        assert!(with > 0 && all.len() + with == 9, "{with} of three bundles");
        // What is kept is what somebody gave who was paid.
        for (task, outcome) in (0..).zip(world.outcomes()) {
            let gave = |n: &u8| Some(near(*n, task)) == outcome;
            let giver = (1..world::PEERS).find(gave).unwrap();
            assert!(giver != odd && all.contains(&peer(giver)));
        }
    }
}

#[test]
fn who_hides_its_outputs_is_unpaid_and_harms_nobody_else() {
    for checker in [false, true] {
        let hoarder = 2;
        let mut world = World::new(7, 0, |_, _| {});
        (world.near, world.copies, world.checker) = (Some(true), 3, checker);
        (world.hoards, world.idle_ms) = (BTreeSet::from([hoarder]), 60_000);
        world.ready();
        world.submit();
        world.until("delivery", World::delivered);
        let mut with = 0;
        for (mut peers, paid) in drawn_and_paid(&world) {
            with += usize::from(peers.remove(&peer(hoarder)));
            assert_eq!(paid, peers);
        }
        assert!(with > 0, "it is drawn");
        assert_eq!(world.slashed(), BTreeSet::new());
        // The others' outputs were there at once, and it was waited for.
        let times = |wanted: fn(&Event) -> bool| {
            let at = world.times.iter().filter(|(_, event)| wanted(event));
            at.map(|(at, _)| *at).max().unwrap()
        };
        let differed = times(|event| matches!(event, Event::Disputed { .. }));
        let waited = times(|event| matches!(event, Event::Paid { .. })) - differed;
        let wait = OUTPUT_WAIT.get();
        assert!((wait..2 * wait).contains(&waited), "{waited}");
    }
}

#[test]
fn a_checker_is_run_once_for_each_output_and_says_of_each_whether_it_is_good() {
    // Of two copies the good one is paid alone: which it is, a tolerance could not tell.
    let odd: BTreeSet<u8> = (1..=4).collect();
    let world = with_odd(2, true, odd.clone(), 0);
    let mut runs = 0;
    for (peers, paid) in drawn_and_paid(&world) {
        let good = |id: &&PeerId| !odd.iter().any(|n| peer(*n) == **id);
        let good: Peers = peers.iter().filter(good).copied().collect();
        // Two tasks of each good copy, and the first of each bad one.
        runs += peers.len() + good.len();
        assert_eq!(paid, good);
    }
    assert_eq!(world.checked.len(), runs);
    let once: BTreeSet<_> = world.checked.iter().collect();
    assert_eq!(once.len(), runs);

    let world = with_odd(3, true, (1..=7).collect(), 0);
    let all = drawn_and_paid(&world);
    assert!(all.iter().all(|(_, paid)| paid.is_empty()));
    assert_eq!(world.checked.len(), 9);
}

#[test]
fn where_all_copies_are_equal_the_checker_is_asked_and_nothing_follows_from_it() {
    for (checker, odd, silent, words) in [
        (true, BTreeSet::new(), 0, None),
        (
            true,
            BTreeSet::from([1]),
            0,
            Some("but the checker refuses them"),
        ),
        (
            true,
            BTreeSet::new(),
            usize::MAX,
            Some("gives no answer: its stack overflowed"),
        ),
        (false, BTreeSet::from([1]), 0, None),
    ] {
        let mut world = World::new(7, 0, |_, _| {});
        (world.near, world.equal, world.checker) = (Some(true), true, checker);
        (world.odd, world.silent) = (odd, silent);
        world.ready();
        world.submit();
        world.until("delivery", World::delivered);
        world.until("what is coming has happened", |world| {
            world.coming.is_empty()
        });
        let all = drawn_and_paid(&world);
        assert!(
            all.iter().all(|(peers, paid)| peers == paid),
            "all are paid"
        );
        let disputed = |event: &Event| matches!(event, Event::Disputed { .. });
        assert!(!world.events.iter().any(disputed));
        let reasons = world.explained().unwrap().reasons;
        let said = reasons.iter().find(|reason| reason.why.contains("checker"));
        assert_eq!(said.is_some(), words.is_some(), "{reasons:?}");
        if let (Some(said), Some(words)) = (said, words) {
            assert!(said.why.contains(words) && said.count == 3, "{said:?}");
        }
        assert_eq!(world.checked.is_empty(), !checker);
        // It is not asked for ever, nor again after a restart.
        let asked = world.checked.len();
        world.kill = Some((world::PEERS, world.turns + 1));
        let later = world.turns + 50;
        world.until("some time", |world| world.turns > later);
        assert_eq!(world.checked.len(), asked);
    }
}

#[test]
fn a_checker_that_gives_no_answer_is_tried_again_so_often_and_no_more() {
    let tries = CHECK_TRIES_MAX as usize;
    let world = with_odd(2, true, BTreeSet::new(), tries - 1);
    let all = drawn_and_paid(&world);
    assert!(all.iter().all(|(peers, paid)| peers == paid));
    assert_eq!(world.checked.len(), 12 + tries - 1);
    let world = with_odd(2, true, BTreeSet::new(), usize::MAX);
    let all = drawn_and_paid(&world);
    assert!(all.iter().all(|(_, paid)| paid.is_empty()));
    assert_eq!(world.checked.len(), 3 * tries);
}

#[test]
fn a_checker_looks_again_after_a_restart() {
    for turn in (60..400).step_by(20) {
        let mut world = World::new(7, 0, |_, _| {});
        (world.near, world.checker) = (Some(true), true);
        world.ready();
        world.kill = Some((world::PEERS, world.turns + turn));
        world.submit();
        world.until("delivery", World::delivered);
        let all = drawn_and_paid(&world);
        let paid = all.iter().all(|(peers, paid)| peers == paid);
        assert!(paid, "killed at {turn}");
    }
}

#[test]
fn what_is_too_far_apart_is_unpaid_and_unslashed() {
    let (world, endings, paid) = play(false, 0, None);
    assert_eq!(endings, [Ending::Undisputed; 3]);
    assert_eq!(paid, 0);
    let refunded = world.events.iter().find_map(|event| match event {
        Event::JobEnded { paid, .. } => Some(*paid),
        _ => None,
    });
    assert_eq!(refunded, Some(protocol::units::Credits::ZERO));
}

#[test]
fn it_is_looked_at_whatever_is_lost_and_after_a_restart() {
    let (_, endings, _) = play(true, 20, None);
    assert_eq!(endings, [Ending::Agreed; 3]);
    for turn in (60..400).step_by(20) {
        let (world, endings, _) = play(true, 0, Some((world::PEERS, turn)));
        assert_eq!(
            endings,
            [Ending::Agreed; 3],
            "killed at {turn}: {}",
            world.turns
        );
    }
}
