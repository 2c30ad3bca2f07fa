//! Canaries from a submitter's wish to their verdict, with the real rules: what it ran at home
//! tells a lie that everybody else agrees on.

mod scene;
mod world;

use protocol::event::{Event, Fault};
use steward::{Canaries, Identity, JobState, Misbehave};
use world::World;

/// Plays a job with so many canaries to its end.
fn played(seed: u64, canaries: u32, change: fn(u8, &mut Identity)) -> World {
    let mut world = World::new(seed, 0, change);
    world.canaries = canaries;
    world.ready();
    world.submit();
    world.until("the job ends", |world| {
        let view = world.view();
        view.is_some_and(|view| view.state == JobState::Ended)
    });
    world
}

fn honest(_: u8, _: &mut Identity) {}

/// Whoever works lies about everything, and all tell one lie.
fn all_lie(_: u8, me: &mut Identity) {
    me.misbehave = Some(Misbehave::WrongOutcome { every: 1 });
}

fn opened(world: &World) -> usize {
    let opens = |event: &&Event| matches!(event, Event::CanariesOpened { .. });
    world.events.iter().filter(opens).count()
}

#[test]
fn canaries_that_pass_are_opened_once_and_everybody_is_paid() {
    let world = played(1, 1, honest);
    assert_eq!(opened(&world), 1);
    assert!(world.slashed().is_empty());
    let canaries = world.view().and_then(|view| view.canaries);
    let differ = Vec::new();
    assert_eq!(canaries, Some(Canaries { opened: 1, differ }));
    let without = played(1, 0, honest);
    assert_eq!(opened(&without), 0);
    assert_eq!(without.view().and_then(|view| view.canaries), None);
}

#[test]
fn a_lie_that_everybody_tells_is_found_by_one_canary() {
    let mut unseen = 0;
    for seed in 1..=8 {
        unseen += u32::from(played(seed, 0, all_lie).slashed().is_empty());
        let world = played(seed, 1, all_lie);
        assert_eq!(opened(&world), 1, "seed {seed}");
        let canaries = world.view().and_then(|view| view.canaries);
        let differ = canaries.map(|canaries| canaries.differ.len());
        assert_eq!(differ, Some(1), "seed {seed}");
        let slashed = world.slashed();
        let wrong = slashed
            .iter()
            .filter(|(_, fault)| *fault == Fault::WrongOutcome);
        assert!(wrong.count() >= 2, "seed {seed}: {slashed:?}");
    }
    assert!(unseen > 0, "without it some of these plays find nothing");
}
