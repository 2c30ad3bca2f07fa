//! Jobs that run in steps, judged by the one step in which claims part; real rules, many stewards.

mod scene;
mod world;

use std::collections::BTreeSet;

use protocol::event::{Event, Fault};
use protocol::outcome::Outcome;
use scene::{peer, right};
use steward::{Identity, Misbehave};
use world::{TASKS, World};

fn all_right() -> Vec<Option<Outcome>> {
    (0..TASKS).map(|task| Some(right(task))).collect()
}

fn liar(n: u8, me: &mut Identity) {
    if n == 5 {
        me.misbehave = Some(Misbehave::WrongOutcome { every: 1 });
    }
}

/// A job in steps with a liar in the federation, `change`d; `None` if the liar was not drawn.
fn play(seed: u64, lost: u64, change: impl Fn(&mut World)) -> Option<World> {
    let mut world = World::new(seed, lost, liar);
    world.in_steps = true;
    change(&mut world);
    world.ready();
    let before = world.turns;
    world.kill = world.kill.map(|(n, turn)| (n, before + turn));
    world.submit();
    world.until(&format!("seed {seed}"), World::delivered);
    assert_eq!(world.outcomes(), all_right(), "seed {seed}");
    let is_its =
        |event: &Event| matches!(event, Event::Drawn { peers, .. } if peers.contains(&peer(5)));
    let drawn = world.events.iter().any(is_its);
    let slashed = drawn.then(|| ("p5".to_owned(), Fault::WrongOutcome));
    let slashed: BTreeSet<_> = slashed.into_iter().collect();
    assert_eq!(world.slashed(), slashed, "seed {seed}");
    drawn.then_some(world)
}

/// How many answers of judges a verdict rests on, all together.
fn answers(world: &World) -> usize {
    let called = |event: &Event| match event {
        Event::PanelCalled { tasks, panel, .. } => tasks.len() * panel.len(),
        _ => 0,
    };
    world.events.iter().map(called).sum()
}

#[test]
fn a_panel_runs_one_step_of_each_disputed_task_and_none_whole() {
    let mut caught = 0;
    for seed in 1..=20 {
        let Some(world) = play(seed, 0, |_| {}) else {
            continue;
        };
        assert_eq!(world.judged, (answers(&world), 0), "seed {seed}");
        caught += 1;
    }
    assert!(caught > 5, "{caught}");
}

#[test]
fn a_state_that_only_one_claimant_gives_is_enough() {
    for seed in 1..=20 {
        // The liar knows better than to help.
        if let Some(world) = play(seed, 0, |world| world.silent_on_states = [5].into()) {
            assert_eq!(world.judged, (answers(&world), 0), "seed {seed}");
        }
    }
}

#[test]
fn where_nobody_gives_a_state_the_task_is_run_whole() {
    for seed in 1..=20 {
        if let Some(world) = play(seed, 0, |world| world.silent_on_states = (1..=8).collect()) {
            assert_eq!(world.judged, (0, answers(&world)), "seed {seed}");
        }
    }
}

#[test]
fn lost_messages_and_killed_judges_change_nothing() {
    let mut by_step = 0;
    for seed in 1..=10 {
        for turn in (200..1_000).step_by(100) {
            let kill = Some((1 + u8::try_from(seed % 8).expect("below 8"), turn));
            if let Some(world) = play(seed, 20, |world| world.kill = kill) {
                by_step += world.judged.0;
            }
        }
    }
    assert!(by_step > 0);
}
