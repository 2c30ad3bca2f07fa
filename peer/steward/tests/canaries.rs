//! Canaries from a submitter's wish to their verdict, with the real rules: what it ran at home
//! tells a lie that everybody else agrees on.

mod scene;
mod world;

use protocol::event::{Event, Fault};
use scene::submitter::{offers, submit};
use scene::{Scene, identity, job_fetched, module_fetched};
use steward::{Canaries, Identity, Input, JobState, Misbehave, PLANTING_MAX, Request};
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

#[test]
fn what_takes_too_long_to_run_at_home_is_stopped_and_not_submitted() {
    let mut scene = Scene::of(identity(1));
    scene.agree("peers offer", [offers(2, 10), offers(3, 12)].concat(), &[]);
    let mut wish = submit(1);
    if let Input::Request {
        request: Request::Submit { choices, .. },
        ..
    } = &mut wish
    {
        choices.canaries = 1;
    }
    scene.step("a job with a canary", wish, &["fetch job from "]);
    scene.step("its words are here", job_fetched(1), &["fetch from "]);
    scene.step("its module is here", module_fetched(), &["know 0 [0]"]);
    let refused = "reply refused, Other: its canaries could not be run here: \
                   they take longer than 9 minutes";
    scene.wait("its time is nearly over", PLANTING_MAX.get() - 1, &[]);
    assert!(scene.steward.wake_at().is_some());
    scene.wait("its time is over", 1, &["cancel run", refused]);
    assert_eq!(scene.steward.wake_at(), None);
}

#[test]
fn an_explanation_says_what_canaries_wait_for_and_where_one_differs() {
    let mut world = World::new(1, 0, all_lie);
    world.canaries = 1;
    world.ready();
    world.submit();
    for words in ["opened once every peer has opened", "a canary differs"] {
        world.until(words, |world| {
            let reasons = world.explained().map(|said| said.reasons);
            reasons.is_some_and(|all| all.iter().any(|reason| reason.why.contains(words)))
        });
    }
}
