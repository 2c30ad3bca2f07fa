//! Stories of a member that judges.

mod scene;

use protocol::entry::{Body, DisputedTask};
use protocol::event::{Ending, Event};
use protocol::ids::Digest;
use protocol::outcome::{self, Outcome};
use protocol::units::Moment;
use scene::*;
use steward::{Identity, Input, Listed, Misbehave};

fn judge() -> Identity {
    let misbehave = Some(Misbehave::WrongOutcome { every: 1 });
    Identity {
        member: true,
        misbehave,
        ..identity(1)
    }
}

/// Peers 2 and 3 differ at task 3, the second of bundle 1.
fn called(round: u8) -> Event {
    let claim = |n: u8, list: &[Outcome]| (peer(n), outcome::prove(list, 1).expect("a place"));
    let claims = vec![
        claim(2, &[right(2), right(3)]),
        claim(3, &[right(2), wrong(3)]),
    ];
    Event::PanelCalled {
        bundle: bundle(1),
        tasks: vec![DisputedTask { claims }],
        panel: vec![party(1), party(4)],
        round,
        seal_by: Moment::new(90 * SECOND),
    }
}

fn panel_opening() -> Event {
    Event::PanelOpening {
        bundle: bundle(1),
        open_by: Moment::new(120 * SECOND),
    }
}

fn scene(me: Identity) -> Scene {
    let mut scene = Scene::of(me);
    let submitted = submitted(4, 5, Digest::of(b"end"));
    scene.agree("a job", vec![submitted, drawn(1, &[2, 3]), closed()], &[]);
    scene
}

fn judging() -> Scene {
    let mut scene = scene(judge());
    scene.agree("called", vec![called(1)], &["fetch job from p5+p2+p3"]);
    scene.step("job", job_fetched(4), &["fetch from p5+p2+p3"]);
    scene.step("module", module_fetched(), &["read lists of 2 claims"]);
    scene.step("it judges, and never lies", lists(None), &["judge 1 [3]"]);
    scene
}

fn lists(lists: Option<Vec<Listed>>) -> Input {
    let bundle = bundle(1);
    Input::ListsRead { bundle, lists }
}

#[test]
fn a_judge_runs_the_task_seals_and_opens_what_it_sealed() {
    let mut scene = judging();
    let token = scene.run();
    scene.step(
        "it found",
        done(token, 3, right(3)),
        &["propose panel-seal"],
    );
    let [Body::PanelSeal { seal, .. }] = scene.proposed()[..] else {
        panic!("sealed")
    };
    scene.agree(
        "all have sealed",
        vec![panel_opening()],
        &["propose panel-open"],
    );
    let [Body::PanelOpen { answer, .. }] = &scene.proposed()[..] else {
        panic!("opened")
    };
    assert_eq!(answer.outcomes, [Some(right(3))]);
    assert_eq!(answer.seal(&bundle(1), &party(1)), seal);
    let opened = scene.proposed();
    scene.kill();
    assert_eq!(
        scene.shown(),
        ["fetch job from p5+p2+p3"],
        "a killed judge judges again"
    );
    scene.step("job", job_fetched(4), &["fetch from p5+p2+p3"]);
    scene.step("module", module_fetched(), &["read lists of 2 claims"]);
    scene.step("no steps", lists(None), &["judge 1 [3]"]);
    let token = scene.run();
    scene.step(
        "it found",
        done(token, 3, right(3)),
        &["propose panel-open"],
    );
    assert_eq!(
        scene.proposed(),
        opened,
        "the same answer, with the same salt"
    );
    let verdict = Event::Verdict {
        bundle: bundle(1),
        right: vec![Some(right(3))],
        upheld: vec![peer(2)],
        convicted: vec![peer(3)],
    };
    scene.agree(
        "over",
        vec![verdict, ended(1, Ending::Judged), job_ended()],
        &[],
    );
    scene.wait("nothing is owed", 100 * SECOND, &[]);
    assert_eq!(scene.steward.open_work(), (0, 0));
}

#[test]
fn a_second_round_is_another_answer_with_another_salt() {
    let mut scene = judging();
    let token = scene.run();
    scene.step(
        "it found",
        done(token, 3, right(3)),
        &["propose panel-seal"],
    );
    let first = scene.proposed();
    scene.agree(
        "the panel did not agree: all members",
        vec![called(2)],
        &["judge 1 [3]"],
    );
    let token = scene.run();
    scene.step(
        "it found the same",
        done(token, 3, right(3)),
        &["propose panel-seal"],
    );
    assert_ne!(scene.proposed(), first);
}

#[test]
fn a_judge_that_cannot_run_says_so() {
    let mut scene = judging();
    let token = scene.run();
    let failed = Input::TaskFailed {
        token,
        task: 3,
        why: "out of time".to_owned(),
    };
    scene.step("no outcome here", failed, &["propose panel-seal"]);
    scene.agree("open", vec![panel_opening()], &["propose panel-open"]);
    let [Body::PanelOpen { answer, .. }] = &scene.proposed()[..] else {
        panic!("opened")
    };
    assert_eq!(answer.outcomes, [None]);
}

#[test]
fn who_is_not_called_does_nothing() {
    for me in [
        Identity {
            member: false,
            ..judge()
        },
        Identity {
            party: party(7),
            ..judge()
        },
    ] {
        let mut scene = scene(me);
        scene.agree("others are called", vec![called(1)], &[]);
    }
}
