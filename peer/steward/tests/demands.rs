//! Outcomes that the ledger demands: the honest show theirs in time, whoever demands them and
//! whatever happened to them since, and a liar that hides its own is convicted.

mod scene;
mod world;

use std::collections::BTreeSet;

use protocol::entry::{AuditRequest, Body};
use protocol::event::{Event, Fault, FaultEvent};
use protocol::ids::BundleId;
use protocol::outcome::{self, Outcome};
use protocol::units::Credits;
use protocol::units::Moment;
use scene::worker::{on_offer, worker};
use scene::{Scene, closed, done, drawn, job_fetched, module_fetched, opened, peer, right, wrong};
use steward::{Identity, Input, Misbehave};
use world::World;

const LIAR: u8 = 5;

fn liar(n: u8, me: &mut Identity) {
    if n == LIAR {
        me.misbehave = Some(Misbehave::WrongOutcome { every: 1 });
    }
}

/// A world in which the liar's bundle has just been found to differ, and who else ran it; `None` if
/// the liar was not drawn.
fn differing(seed: u64, hides: bool) -> Option<(World, BundleId, u8)> {
    let mut world = World::new(seed, 0, liar);
    world.hides.extend(hides.then_some(LIAR));
    world.ready();
    world.submit();
    world.until("openings", |world| {
        world.disputed_with(LIAR).is_some() || ended(world)
    });
    let (bundle, honest) = world.disputed_with(LIAR)?;
    Some((world, bundle, honest))
}

fn ended(world: &World) -> bool {
    let over = |event: &Event| matches!(event, Event::JobEnded { .. });
    world.events.iter().any(over)
}

fn demanded(bundle: BundleId, n: u8) -> Body {
    let peer = peer(n);
    Body::Audit(AuditRequest::Demand { bundle, peer })
}

fn answered(world: &World, bundle: BundleId, n: u8) -> bool {
    let is_it = |event: &Event| {
        matches!(event, Event::Fault(FaultEvent::Answered { bundle: b, peer: p, .. })
            if *b == bundle && *p == peer(n))
    };
    world.events.iter().any(is_it)
}

fn only_the_liar() -> BTreeSet<(String, Fault)> {
    BTreeSet::from([(format!("p{LIAR}"), Fault::WrongOutcome)])
}

#[test]
fn the_honest_answer_a_hostile_demand_and_are_paid_for_it() {
    let mut played = 0;
    for seed in 1..=12 {
        let Some((mut world, bundle, honest)) = differing(seed, false) else {
            continue;
        };
        played += 1;
        let before = world.wallet(LIAR);
        world.enter(LIAR, demanded(bundle, honest));
        let what = format!("seed {seed}");
        world.until(&what, |world| world.demand(bundle, honest).is_some());
        let deposit = world.demand(bundle, honest).unwrap().deposit;
        assert!(deposit > Credits::ZERO);
        world.until(&what, ended);
        assert!(answered(&world, bundle, honest), "{what}");
        assert_eq!(world.slashed(), only_the_liar(), "{what}");
        assert_eq!(world.demand(bundle, honest).unwrap().deposit, Credits::ZERO);
        // Had it come back, the demander had lost a fee, which is less.
        assert!(
            world.wallet(LIAR).plus(deposit).unwrap() <= before,
            "{what}"
        );
    }
    assert!(played > 2, "the liar was drawn now and then");
}

#[test]
fn who_was_killed_runs_again_what_is_demanded_and_answers_in_time() {
    let mut played = 0;
    for seed in 1..=12 {
        let Some((mut world, bundle, honest)) = differing(seed, false) else {
            continue;
        };
        played += 1;
        let what = format!("seed {seed}");
        // No submitter shows the difference: all that counts is who answers.
        let submitter = world.submitter;
        world.bury(submitter);
        world.enter(LIAR, demanded(bundle, honest));
        world.until(&what, |world| world.demand(bundle, honest).is_some());
        world.kill = Some((honest, 0));
        let answer_by = world.demand(bundle, honest).unwrap().answer_by;
        world.until(&what, |world| world.is_past(answer_by));
        assert!(answered(&world, bundle, honest), "{what}");
        assert_eq!(world.slashed(), BTreeSet::new(), "{what}");
    }
    assert!(played > 2, "the liar was drawn now and then");
}

#[test]
fn a_liar_that_hides_its_outcomes_is_convicted_all_the_same() {
    let mut played = 0;
    for seed in 1..=12 {
        let Some((mut world, bundle, _)) = differing(seed, true) else {
            continue;
        };
        played += 1;
        let what = format!("seed {seed}");
        world.until(&what, ended);
        assert_eq!(world.slashed(), only_the_liar(), "{what}");
        let withheld = Event::Fault(FaultEvent::Withheld {
            bundle,
            peer: peer(LIAR),
        });
        assert!(world.events.contains(&withheld), "{what}");
    }
    assert!(played > 2, "the liar was drawn now and then");
}

/// Whether the peers of this bundle opened different roots.
fn differed(world: &World, bundle: BundleId) -> bool {
    let is_it = |event: &Event| matches!(event, Event::Disputed { bundle: b, .. } if *b == bundle);
    world.events.iter().any(is_it)
}

#[test]
fn liars_of_one_mind_that_hide_from_an_auditor_are_convicted_too() {
    let (mut caught, liars) = (0, 3..=7);
    // One bundle in some ten is audited: as many plays as it takes.
    for seed in 1..=72 {
        if caught > 2 {
            break;
        }
        let mut world = World::new(seed, 0, |n, me| {
            if liars.contains(&n) {
                me.misbehave = Some(Misbehave::WrongOutcome { every: 1 });
            }
        });
        world.hides.extend(liars.clone());
        world.ready();
        world.submit();
        let what = format!("seed {seed}");
        world.until(&what, ended);
        let slashed = world.slashed();
        let honest = [1, 2].map(|n| format!("p{n}"));
        assert!(
            !slashed.iter().any(|(name, _)| honest.contains(name)),
            "{what}"
        );
        let withheld = world.events.iter().filter_map(|event| match event {
            Event::Fault(FaultEvent::Withheld { bundle, .. }) => Some(*bundle),
            _ => None,
        });
        caught += withheld.filter(|bundle| !differed(&world, *bundle)).count();
    }
    assert!(caught > 2, "an audit found some of them");
}

/// A peer that was killed after it had opened bundle 0 of these outcomes, and has them demanded.
fn killed_and_demanded(list: &[Outcome]) -> Scene {
    let mut scene = Scene::of(worker());
    scene.agree("on offer", vec![on_offer()], &[]);
    let submitted = scene::submitted(4, 5, protocol::ids::Digest::of(b"end"));
    scene.agree("p5 submits", vec![submitted], &[]);
    scene.agree("drawn", vec![drawn(0, &[2, 1])], &["fetch job from p5+p2"]);
    let root = outcome::root(list).expect("a list is not empty");
    let all = vec![scene::sealed(0, 1), closed(), opened(0, 1, root)];
    scene.agree("opened by its submitter", all, &[]);
    scene.kill();
    assert_eq!(scene.shown(), [""; 0], "what was opened is not run again");
    let demanded = Event::Fault(FaultEvent::Demanded {
        bundle: scene::bundle(0),
        peer: peer(1),
        by: scene::party(5),
        answer_by: Moment::new(900_000),
    });
    scene.agree("demanded", vec![demanded], &["fetch job from p5+p2"]);
    scene.step("job", job_fetched(4), &["fetch from p5+p2"]);
    scene.step("module", module_fetched(), &["run 0 [0, 1]"]);
    scene
}

#[test]
fn a_run_that_fails_where_it_must_not_is_tried_again() {
    let mut scene = killed_and_demanded(&[right(0), right(1)]);
    let (token, why) = (scene.run(), "the executor died".to_owned());
    let cannot = "cannot run 0: the executor died";
    scene.step("it fails", Input::RunFailed { token, why }, &[cannot]);
    scene.wait("not at once", 4_000, &[]);
    scene.wait("again", 1_000, &["run 0 [0, 1]"]);
    let token = scene.run();
    scene.step("one", done(token, 0, right(0)), &[]);
    let answers = ["sign 0", "propose answer-leaves"];
    scene.step("both", done(token, 1, right(1)), &answers);
    let answered = Event::Fault(FaultEvent::Answered {
        bundle: scene::bundle(0),
        peer: peer(1),
        outcomes: vec![right(0), right(1)],
    });
    scene.agree("answered", vec![answered], &[]);
    scene.wait("that was it", 60_000, &[]);
}

#[test]
fn nothing_is_answered_or_sealed_but_what_was_opened() {
    let mut scene = killed_and_demanded(&[right(0), wrong(1)]);
    let token = scene.run();
    scene.step("one", done(token, 0, right(0)), &[]);
    let other = "cannot run 0: it gave something else than what this peer opened";
    scene.step("both", done(token, 1, right(1)), &[other]);
    scene.wait("again", 5_000, &["run 0 [0, 1]"]);
}
