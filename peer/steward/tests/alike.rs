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

#[test]
fn one_bad_copy_of_three_is_unpaid_and_the_others_are_paid_and_kept() {
    let odd = 2;
    let mut world = World::new(7, 0, |_, _| {});
    (world.near, world.copies) = (Some(true), 3);
    world.odd = BTreeSet::from([odd]);
    world.ready();
    world.submit();
    world.until("delivery", World::delivered);
    let (mut with, mut all) = (0, Vec::new());
    for event in &world.events {
        let Event::Drawn { bundle, peers, .. } = event else {
            continue;
        };
        let paid = |event: &Event| match event {
            Event::Paid {
                bundle: of, peer, ..
            } if of == bundle => Some(*peer),
            _ => None,
        };
        let paid: BTreeSet<PeerId> = world.events.iter().filter_map(paid).collect();
        let good = peers.iter().filter(|drawn| **drawn != peer(odd));
        let good: BTreeSet<PeerId> = good.copied().collect();
        with += usize::from(good.len() < peers.len());
        assert_eq!(paid, good);
        all.extend(paid);
    }
    assert!(with > 0 && all.len() + with == 9, "{with} of three bundles");
    assert_eq!(world.slashed(), BTreeSet::new());
    // What is kept is what somebody gave who was paid.
    for (task, outcome) in (0..).zip(world.outcomes()) {
        let gave = |n: &u8| Some(near(*n, task)) == outcome;
        let giver = (1..world::PEERS).find(gave).unwrap();
        assert!(giver != odd && all.contains(&peer(giver)));
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
