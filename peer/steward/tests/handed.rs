//! Stories of a run that passes between two peers of one owner.

mod scene;

use protocol::event::{Ending, Event};
use protocol::ids::Digest;
use protocol::job::Blob;
use protocol::message::Message;
use protocol::units::{Bytes, Moment};
use scene::worker::{offering, running, worker};
use scene::*;
use steward::limits::{ASK_KEPT_EVERY, ASK_KEPT_FOR};
use steward::owner::Rest;
use steward::{Effect, Fate, Identity, Input, Kind, Trouble};

/// Our owner's other peers.
const SIBLINGS: [u8; 2] = [7, 8];

fn scene() -> Scene {
    let siblings = SIBLINGS.map(peer).to_vec();
    offering(Identity {
        siblings,
        ..worker()
    })
}

fn rest(at_once: bool) -> Input {
    let why = if at_once { "battery" } else { "hours" }.to_owned();
    Input::Owner(Some(Rest { why, at_once }))
}

fn replaced(out: u8, next: u8) -> Event {
    Event::Replaced {
        bundle: bundle(0),
        out: peer(out),
        next: Some(peer(next)),
        seal_by: Moment::new(80 * SECOND),
    }
}

/// The ledger refuses what was proposed last.
fn refused(scene: &Scene, may_retry: bool) -> Input {
    let mut tokens = scene.last.iter().filter_map(|effect| match effect {
        Effect::Propose { token, .. } => Some(*token),
        _ => None,
    });
    let trouble = Trouble::new(Kind::Other, "it cannot");
    let fate = Fate::Refused { trouble, may_retry };
    let token = tokens.next_back().expect("something was proposed");
    Input::Answered { token, fate }
}

fn state() -> Blob {
    Blob {
        digest: Digest::of(b"kept"),
        size: Bytes::new(4),
    }
}

fn ask() -> Message {
    Message::AskKept { bundle: bundle(0) }
}

fn kept(tasks: &[u32]) -> Message {
    Message::Kept {
        bundle: bundle(0),
        states: tasks.iter().map(|task| (*task, state())).collect(),
    }
}

#[test]
fn what_runs_goes_to_the_first_sibling_that_can_take_it_with_what_was_kept() {
    let mut scene = running(scene());
    let leaves = [
        "propose withdraw-offer",
        "cancel run",
        "0 goes to p7: battery",
        "propose decline for p7",
    ];
    scene.step("unplugged", rest(true), &leaves);
    let next = [
        "refused decline, again: false",
        "0 goes to p8: battery",
        "propose decline for p8",
    ];
    let no = refused(&scene, false);
    scene.step("p7 cannot", no, &next);
    scene.agree("p8 has it", vec![replaced(1, 8)], &[]);

    scene.hear("it is not p7's", 7, ask(), &[]);
    scene.hear("p8 asks", 8, ask(), &["read kept 0 [0, 1]"]);
    scene.hear("p8 asks again", 8, ask(), &[]);
    let (bundle, states) = (bundle(0), vec![(1, state())]);
    let read = Input::KeptRead { bundle, states };
    scene.step("read", read, &["to p8: kept 0 [1]"]);
    scene.hear("it was lost", 8, ask(), &["to p8: kept 0 [1]"]);
    scene.restart();
    scene.hear("after a restart", 8, ask(), &["read kept 0 [0, 1]"]);
    scene.agree("it is over", vec![ended(0, Ending::Agreed)], &[]);
    scene.hear("too late", 8, ask(), &[]);
}

#[test]
fn where_no_sibling_can_take_it_what_runs_goes_on_here() {
    let mut scene = running(scene());
    scene.step(
        "the hour is over: it is finished",
        rest(false),
        &["propose withdraw-offer"],
    );
    let leaves = [
        "cancel run",
        "0 goes to p7: battery",
        "propose decline for p7",
    ];
    scene.step("unplugged", rest(true), &leaves);
    let no = refused(&scene, true);
    let next = [
        "refused decline, again: true",
        "0 goes to p8: battery",
        "propose decline for p8",
    ];
    scene.step("p7 cannot now", no, &next);
    let no = refused(&scene, false);
    let goes_on = ["refused decline, again: false", "run 0 [0, 1]"];
    scene.step("nor can p8", no, &goes_on);
}

#[test]
fn what_has_not_begun_goes_to_a_sibling_or_to_whoever_is_drawn() {
    let mut scene = scene();
    scene.step("the hour is over", rest(false), &["propose withdraw-offer"]);
    let leaves = ["0 goes to p7: hours", "propose decline for p7"];
    scene.agree("drawn", vec![drawn(0, &[2, 1])], &leaves);
    let no = refused(&scene, false);
    scene.step(
        "p7 cannot",
        no,
        &[
            "refused decline, again: false",
            "0 goes to p8: hours",
            "propose decline for p8",
        ],
    );
    let no = refused(&scene, false);
    scene.step(
        "nor can p8",
        no,
        &[
            "refused decline, again: false",
            "cannot run 0: hours",
            "to p5: failed 0: hours",
            "propose decline",
        ],
    );
}

#[test]
fn a_siblings_run_goes_on_where_it_stopped() {
    let mut scene = scene();
    scene.agree("drawn", vec![drawn(0, &[2, 7])], &[]);
    scene.agree("it is ours", vec![replaced(7, 1)], &["to p7: ask kept 0"]);
    scene.hear("who is that", 8, kept(&[0, 1]), &[]);
    let every = ASK_KEPT_EVERY.get();
    scene.wait("not yet", every - 1, &[]);
    scene.wait("again", 1, &["to p7: ask kept 0"]);
    scene.hear("told", 7, kept(&[1, 3]), &["fetch from p7"]);
    scene.hear("once is enough", 7, kept(&[0]), &[]);
    let here = Input::Fetched(state().digest);
    scene.step("here", here, &["fetch job from p5+p2"]);
    scene.step("the job is here", job_fetched(4), &["fetch from p5+p2"]);
    let goes_on = ["run 0 [0, 1] going on [1]"];
    scene.step("the module is here", module_fetched(), &goes_on);
}

#[test]
fn where_a_sibling_says_nothing_the_run_begins_anew() {
    let mut scene = scene();
    scene.agree("drawn", vec![drawn(0, &[2, 7])], &[]);
    scene.agree("it is ours", vec![replaced(7, 1)], &["to p7: ask kept 0"]);
    scene.now += ASK_KEPT_FOR.get();
    scene.step("long after", Input::Tick, &["fetch job from p5+p2"]);
    scene.hear("late", 7, kept(&[1]), &[]);
}

#[test]
fn nobody_else_is_believed_or_told() {
    let mut scene = scene();
    scene.agree("drawn", vec![drawn(0, &[2, 9])], &[]);
    scene.agree(
        "it is ours",
        vec![replaced(9, 1)],
        &["fetch job from p5+p2"],
    );
    scene.hear("p9 knows", 9, kept(&[0]), &[]);
    scene.hear("and wants to", 9, ask(), &[]);
    scene.agree("it passes on", vec![replaced(1, 9)], &[]);
    scene.hear("p9 wants it again", 9, ask(), &[]);
}
