//! Stories of a judge that runs single steps, and of a peer that is asked for a state.

mod scene;

use std::collections::VecDeque;
use std::sync::Arc;

use protocol::entry::{Body, DisputedTask};
use protocol::event::{Ending, Event};
use protocol::ids::Digest;
use protocol::job::Blob;
use protocol::message::{Message, StateOf};
use protocol::outcome::{self, Outcome};
use protocol::steps::{STATE_BYTES_MAX, StepEntries};
use protocol::units::{Bytes, Fuel, Moment};
use scene::*;
use steward::{Effect, Identity, Input, Listed, RunToken};

/// What a peer claims of task 3 if its entries are these letters.
fn claim(letters: &str) -> Outcome {
    Outcome {
        digest: Digest::of(letters.as_bytes()),
        fuel: Fuel::new(4),
    }
}

fn entry(letter: char) -> Digest {
    Digest::of(letter.to_string().as_bytes())
}

fn listed(letters: &str) -> Listed {
    let entries = letters.chars().map(entry).collect();
    Listed::Steps(Arc::new(StepEntries::new(entries).expect("a few letters")))
}

/// Peers from 2 on claim these letters of task 3, the second of bundle 1; peers 1 and 4 judge.
fn called(claims: &[&str], round: u8) -> Event {
    let claims = (2..).zip(claims).map(|(n, letters)| {
        let proof = outcome::prove(&[right(2), claim(letters)], 1);
        (peer(n), proof.expect("a place"))
    });
    let claims = claims.collect();
    Event::PanelCalled {
        bundle: bundle(1),
        tasks: vec![DisputedTask { claims }],
        panel: vec![party(1), party(4)],
        round,
        seal_by: Moment::new(90 * SECOND),
    }
}

fn scene(me: Identity, runs: &[u8]) -> Scene {
    let mut scene = Scene::of(me);
    let submitted = submitted(4, 5, Digest::of(b"end"));
    scene.agree("a job", vec![submitted, drawn(1, runs), closed()], &[]);
    scene
}

/// A judge to whom these claims were listed so, and what it does then.
fn judge(claims: &[&str], lists: Option<Vec<Listed>>, then: &[&str]) -> Scene {
    let me = Identity {
        member: true,
        ..identity(1)
    };
    let runs: Vec<u8> = (2..).take(claims.len()).collect();
    let mut scene = scene(me, &runs);
    let from: Vec<String> = runs.iter().map(|n| format!("+p{n}")).collect();
    let from = format!("from p5{}", from.concat());
    let job = format!("fetch job {from}");
    scene.agree("called", vec![called(claims, 1)], &[&job]);
    scene.step("job", job_fetched(4), &[&format!("fetch {from}")]);
    let read = format!("read lists of {} claims", claims.len());
    scene.step("module", module_fetched(), &[&read]);
    let bundle = bundle(1);
    scene.step("lists", Input::ListsRead { bundle, lists }, then);
    scene
}

fn state() -> Blob {
    Blob::of(b"a state")
}

fn gives(steps: u32, state: Option<Blob>) -> Message {
    let (bundle, task) = (bundle(1), 3);
    let of = StateOf {
        bundle,
        task,
        steps,
    };
    Message::State { of, state }
}

/// Its answer, once it has one.
fn answers(scene: &mut Scene, expected: Option<Outcome>) {
    assert_eq!(
        scene.shown().last().map(String::as_str),
        Some("propose panel-seal")
    );
    let opening = Event::PanelOpening {
        bundle: bundle(1),
        open_by: Moment::new(120 * SECOND),
    };
    scene.agree("all have sealed", vec![opening], &["propose panel-open"]);
    let [Body::PanelOpen { answer, .. }] = &scene.proposed()[..] else {
        panic!("opened")
    };
    assert_eq!(answer.outcomes, [expected]);
}

fn replayed(scene: &Scene, letter: char) -> Input {
    let (token, entry) = (scene.run(), entry(letter));
    Input::Replayed { token, entry }
}

#[test]
fn of_two_claims_the_one_that_the_step_gives_stands() {
    for (given, stays, out) in [('c', "abcde", 3), ('x', "abxyz", 2)] {
        let lists = vec![listed("abcde"), listed("abxyz")];
        let asks = ["to p2: ask state 1 of 3", "to p3: ask state 1 of 3"];
        let mut scene = judge(&["abcde", "abxyz"], Some(lists), &asks);
        scene.hear("another state", 2, gives(2, Some(state())), &[]);
        scene.hear("a stranger's", 9, gives(1, Some(state())), &[]);
        let fetch = ["fetch from p3+p5+p2"];
        scene.hear("a state", 3, gives(1, Some(state())), &fetch);
        scene.step(
            "it is here",
            Input::Fetched(state().digest),
            &["step 1 [3]"],
        );
        let shows = format!("step 2 of 3 shows p{out}");
        let told = replayed(&scene, given);
        scene.step("the step", told, &[&shows, "propose panel-seal"]);
        answers(&mut scene, Some(claim(stays)));
    }
}

#[test]
fn claims_that_part_at_the_beginning_need_no_state() {
    let lists = vec![listed("abc"), listed("xyz")];
    let mut scene = judge(&["abc", "xyz"], Some(lists), &["begin 1 [3]"]);
    let told = replayed(&scene, 'a');
    let shown = ["step 0 of 3 shows p3", "propose panel-seal"];
    scene.step("the step", told, &shown);
    answers(&mut scene, Some(claim("abc")));
}

#[test]
fn of_many_claims_one_after_the_other_is_out() {
    // Peers 2 and 5 claim the same; 3 lies early, 4 late, and both in another way.
    let claims = ["abcde", "axyzw", "abcqq", "abcde"];
    let lists = vec![listed("abcde"), listed("axyzw"), listed("abcqq")];
    let asks = [2, 5, 3].map(|n| format!("to p{n}: ask state 0 of 3"));
    let asks: Vec<&str> = asks.iter().map(String::as_str).collect();
    let me = Identity {
        member: true,
        ..identity(1)
    };
    let mut scene = scene(me, &[2, 3, 4, 5]);
    let from = "from p5+p2+p3+p4";
    scene.agree(
        "called",
        vec![called(&claims, 1)],
        &[&format!("fetch job {from}")],
    );
    scene.step("job", job_fetched(4), &[&format!("fetch {from}")]);
    scene.step("module", module_fetched(), &["read lists of 3 claims"]);
    let (bundle, lists) = (bundle(1), Some(lists));
    scene.step("lists", Input::ListsRead { bundle, lists }, &asks);
    scene.hear(
        "a state",
        2,
        gives(0, Some(state())),
        &["fetch from p2+p5+p3+p4"],
    );
    scene.step(
        "it is here",
        Input::Fetched(state().digest),
        &["step 1 [3]"],
    );
    let told = replayed(&scene, 'b');
    let asks = [2, 5, 4].map(|n| format!("to p{n}: ask state 2 of 3"));
    let mut shown = vec!["step 1 of 3 shows p3"];
    shown.extend(asks.iter().map(String::as_str));
    scene.step("the step", told, &shown);
    scene.hear(
        "the same state",
        4,
        gives(2, Some(state())),
        &["step 1 [3]"],
    );
    let told = replayed(&scene, 'd');
    let shown = ["step 3 of 3 shows p4", "propose panel-seal"];
    scene.step("the step", told, &shown);
    answers(&mut scene, Some(claim("abcde")));
}

#[test]
fn where_no_claim_stands_the_task_is_run_whole() {
    let lists = vec![listed("abcde"), listed("abxyz")];
    let asks = ["to p2: ask state 1 of 3", "to p3: ask state 1 of 3"];
    let mut scene = judge(&["abcde", "abxyz"], Some(lists), &asks);
    scene.hear(
        "a state",
        2,
        gives(1, Some(state())),
        &["fetch from p2+p5+p3"],
    );
    scene.step(
        "it is here",
        Input::Fetched(state().digest),
        &["step 1 [3]"],
    );
    let told = replayed(&scene, 'q');
    let shown = ["step 2 of 3 shows p3+p2", "judge 1 [3]"];
    scene.step("both lied", told, &shown);
    let told = done(scene.run(), 3, right(3));
    scene.step("it found", told, &["propose panel-seal"]);
    answers(&mut scene, Some(right(3)));
}

#[test]
fn a_claim_that_is_not_its_list_s_end_is_out_unseen() {
    let lists = vec![Listed::Forged, listed("abc")];
    let mut scene = judge(&["abd", "abc"], Some(lists), &["propose panel-seal"]);
    answers(&mut scene, Some(claim("abc")));
    let lists = vec![Listed::Forged, Listed::Forged];
    judge(&["abd", "abc"], Some(lists), &["judge 1 [3]"]);
}

#[test]
fn what_is_missing_has_the_task_run_whole() {
    judge(&["abd", "abc"], None, &["judge 1 [3]"]);
    let lists = vec![Listed::Missing, listed("abc")];
    judge(&["abd", "abc"], Some(lists), &["judge 1 [3]"]);
    let lists = vec![listed("abd"), Listed::Missing];
    judge(&["abd", "abc"], Some(lists), &["judge 1 [3]"]);
}

#[test]
fn a_state_that_is_none_is_not_taken_from_there_again() {
    let lists = Some(vec![listed("abcde"), listed("abxyz")]);
    let asks = ["to p2: ask state 1 of 3", "to p3: ask state 1 of 3"];
    let mut scene = judge(&["abcde", "abxyz"], lists.clone(), &asks);
    scene.wait("it asks again", 5 * SECOND, &asks);
    scene.hear(
        "a lie",
        2,
        gives(1, Some(state())),
        &["fetch from p2+p5+p3"],
    );
    scene.step(
        "it is here",
        Input::Fetched(state().digest),
        &["step 1 [3]"],
    );
    let (token, why) = (scene.run(), "another root".to_owned());
    let failed = Input::RunFailed { token, why };
    scene.step("it does not hold", failed, &["to p3: ask state 1 of 3"]);
    let huge = Blob {
        size: Bytes::new(STATE_BYTES_MAX + 1),
        ..state()
    };
    scene.hear("too large", 3, gives(1, Some(huge)), &["judge 1 [3]"]);

    let mut scene = judge(&["abcde", "abxyz"], lists, &asks);
    scene.hear("it has none", 3, gives(1, None), &[]);
    scene.hear("neither", 2, gives(1, None), &["judge 1 [3]"]);
}

#[test]
fn a_quarter_of_the_time_is_spent_on_single_steps() {
    let lists = vec![listed("abcde"), listed("abxyz")];
    let asks = ["to p2: ask state 1 of 3", "to p3: ask state 1 of 3"];
    let mut scene = judge(&["abcde", "abxyz"], Some(lists), &asks);
    for _ in 0..3 {
        scene.wait("it asks again", 5 * SECOND, &asks);
    }
    scene.wait("its time is over", 5 * SECOND, &["judge 1 [3]"]);
    scene.hear("too late", 2, gives(1, Some(state())), &[]);
}

#[test]
fn all_members_run_the_task_whole() {
    let lists = vec![listed("abcde"), listed("abxyz")];
    let asks = ["to p2: ask state 1 of 3", "to p3: ask state 1 of 3"];
    let mut scene = judge(&["abcde", "abxyz"], Some(lists), &asks);
    let again = called(&["abcde", "abxyz"], 2);
    scene.agree("not unanimous", vec![again], &["judge 1 [3]"]);
}

/// Peer 1 claims something else of task 3 than peer 3, and is not a member.
fn claimant() -> Scene {
    let mut scene = scene(identity(1), &[2, 3]);
    let mut called = called(&["abcde", "abxyz"], 1);
    if let Event::PanelCalled { tasks, .. } = &mut called {
        tasks[0].claims[0].0 = peer(1);
    }
    scene.agree("a panel", vec![called], &[]);
    scene
}

fn ask(task: u32, steps: u32) -> Message {
    let bundle = bundle(1);
    Message::AskState(StateOf {
        bundle,
        task,
        steps,
    })
}

#[test]
fn who_claims_gives_the_state_to_every_judge_that_asks() {
    let mut scene = claimant();
    scene.hear("no disputed task", 4, ask(2, 1), &[]);
    scene.hear("a judge", 4, ask(3, 1), &["fetch job from p5+p2+p3"]);
    scene.step("job", job_fetched(4), &["fetch from p5+p2+p3"]);
    scene.hear("another judge", 6, ask(3, 1), &[]);
    scene.step("module", module_fetched(), &["state 1 [3]"]);
    let (token, state) = (scene.run(), state());
    let tells = ["to p6: state 1 of 3", "to p4: state 1 of 3"];
    let taken = Input::StateTaken { token, state };
    scene.step("taken", taken, &tells);
    scene.hear("it did not arrive", 6, ask(3, 1), &["to p6: state 1 of 3"]);
    scene.hear("another state", 4, ask(3, 2), &["state 1 [3]"]);
    let (token, why) = (scene.run(), "its stack overflowed".to_owned());
    let failed = Input::RunFailed { token, why };
    scene.step("it cannot", failed, &["to p4: no state 2 of 3"]);
    scene.hear("a third", 4, ask(3, 3), &["state 1 [3]"]);
    scene.agree("over", vec![ended(1, Ending::Judged)], &["cancel run"]);
    scene.hear("too late", 4, ask(3, 1), &[]);
}

#[test]
fn so_many_states_of_a_bundle_are_given_and_no_more() {
    let mut scene = claimant();
    scene.hear("the first", 4, ask(3, 0), &["fetch job from p5+p2+p3"]);
    for steps in 1..64 {
        scene.hear("more", 4, ask(3, steps), &[]);
    }
    scene.hear("too many", 4, ask(3, 64), &[]);
    scene.step("job", job_fetched(4), &["fetch from p5+p2+p3"]);
    scene.step("module", module_fetched(), &["state 1 [3]", "state 1 [3]"]);
    let mut tokens: VecDeque<RunToken> = begun(&scene).collect();
    let mut given = 0;
    while let Some(token) = tokens.pop_front() {
        let (state, tells) = (state(), format!("to p4: state {given} of 3"));
        let begins = ["state 1 [3]"].into_iter().filter(|_| given < 62);
        let shown: Vec<&str> = [tells.as_str()].into_iter().chain(begins).collect();
        scene.step(
            "one after the other",
            Input::StateTaken { token, state },
            &shown,
        );
        tokens.extend(begun(&scene));
        given += 1;
    }
    assert_eq!(given, 64);
}

/// The runs that the last step began.
fn begun(scene: &Scene) -> impl Iterator<Item = RunToken> {
    scene.last.iter().filter_map(|effect| match effect {
        Effect::Run { token, .. } => Some(*token),
        _ => None,
    })
}
