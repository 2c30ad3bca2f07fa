//! A whole federation of stewards, with the real rules between them: a job must end right, whoever
//! is killed when, whatever is lost, and only a liar may pay for it.

mod scene;
mod world;

use std::collections::BTreeSet;

use protocol::event::{Ending, Event, Fault};
use protocol::outcome::Outcome;
use scene::{peer, right};
use steward::{Answer, Identity, Misbehave};
use world::{PEERS, TASKS, World};

fn all_right() -> Vec<Option<Outcome>> {
    (0..TASKS).map(|task| Some(right(task))).collect()
}

/// Plays a whole job and returns how many turns it took after the submission.
fn play(mut world: World, kill: Option<(u8, usize)>) -> (World, usize) {
    world.ready();
    let before = world.turns;
    world.kill = kill.map(|(n, turn)| (n, before + turn));
    world.submit();
    let what = format!("killed {kill:?}");
    if kill.is_some_and(|(n, _)| n == world.submitter) {
        // What was asked of a peer that dies before it could propose it is asked again.
        let until = before + kill.map_or(0, |(_, turn)| turn) + 1;
        world.until(&what, |world| {
            world.turns >= until && world.coming.is_empty()
        });
        if world.job().is_none() && world.pool.is_empty() {
            world.submit();
        }
    }
    world.until(&what, World::delivered);
    assert_eq!(world.outcomes(), all_right(), "{what}");
    let turns = world.turns - before;
    (world, turns)
}

fn liar(n: u8, me: &mut Identity) {
    if n == 5 {
        me.misbehave = Some(Misbehave::WrongOutcome { every: 1 });
    }
}

#[test]
fn an_honest_federation_ends_a_job_with_a_handful_of_entries() {
    let (world, _) = play(World::new(1, 0, |_, _| {}), None);
    assert_eq!(world.slashed(), BTreeSet::new());
    assert!(matches!(world.answers[..], [Answer::Submitted(_)]));
}

#[test]
fn a_member_s_own_machine_may_submit_and_judge_and_work() {
    for seed in 1..=20 {
        let mut world = World::new(seed, 0, liar);
        world.submitter = 1;
        let (world, _) = play(world, None);
        let honest: Vec<_> = world
            .slashed()
            .into_iter()
            .filter(|(name, _)| name != "p5")
            .collect();
        assert_eq!(honest, [], "seed {seed}");
    }
}

#[test]
fn a_liar_is_caught_whenever_it_is_drawn_and_nobody_else_pays() {
    let mut caught = 0;
    for seed in 1..=20 {
        let (world, _) = play(World::new(seed, 0, liar), None);
        let drawn = world
            .events
            .iter()
            .any(|event| matches!(event, Event::Drawn { peers, .. } if peers.contains(&peer(5))));
        let expected = if drawn {
            vec![("p5".to_owned(), Fault::WrongOutcome)]
        } else {
            vec![]
        };
        assert_eq!(
            world.slashed(),
            expected.into_iter().collect(),
            "seed {seed}"
        );
        caught += usize::from(drawn);
    }
    assert!(caught > 0, "the liar was drawn at least once");
}

#[test]
fn a_job_ends_right_whoever_is_killed_at_whatever_turn() {
    let (_, turns) = play(World::new(3, 0, liar), None);
    for n in 1..=PEERS {
        for turn in (usize::from(n)..turns).step_by(17) {
            let (world, _) = play(World::new(3, 0, liar), Some((n, turn)));
            let honest: Vec<_> = world
                .slashed()
                .into_iter()
                .filter(|(name, _)| name != "p5")
                .collect();
            assert_eq!(honest, [], "killed p{n} at turn {turn}");
        }
    }
}

#[test]
fn a_job_ends_right_where_one_of_five_words_is_lost() {
    for seed in 1..=20 {
        let (world, _) = play(World::new(seed, 20, liar), None);
        let honest: Vec<_> = world
            .slashed()
            .into_iter()
            .filter(|(name, _)| name != "p5")
            .collect();
        assert_eq!(honest, [], "seed {seed}");
    }
}

#[test]
fn who_dies_for_ever_after_sealing_has_opened_all_the_same() {
    for (seed, n) in (1..=6).flat_map(|seed| (1..PEERS).map(move |n| (seed, n))) {
        let what = format!("seed {seed}, p{n} dies");
        let mut world = World::new(seed, 0, |_, _| {});
        world.ready();
        world.submit();
        let sealed = |event: &Event| matches!(event, Event::AllSealed { .. });
        world.until(&what, |world| world.events.iter().any(sealed));
        world.bury(n);
        world.until(&what, World::delivered);
        assert_eq!(world.outcomes(), all_right(), "{what}");
        // A dead member may have been called to audit; that is all it is fined for.
        let silent = BTreeSet::from([(format!("p{n}"), Fault::NoJudgement)]);
        assert!(world.slashed().is_subset(&silent), "{what}");
        let short = world.events.iter().find(
            |event| matches!(event, Event::BundleEnded { ending, .. } if *ending != Ending::Agreed),
        );
        assert_eq!(short, None, "{what}");
    }
}
