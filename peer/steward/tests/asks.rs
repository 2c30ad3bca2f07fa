//! Stories of a submitter to which the world is unkind: lost entries, refusals, a restart.

mod scene;

use std::sync::Arc;

use protocol::entry::Body;
use protocol::event::Ending;
use protocol::ids::Digest;
use protocol::message::Message;
use protocol::units::{Credits, Height, Moment};
use scene::submitter::*;
use scene::*;
use steward::{Choices, Fate, Input, Kind, Request, TaskState, Ticket, Trouble};

#[test]
fn what_the_ledger_does_not_answer_is_asked_again_under_the_same_token() {
    let mut scene = locked(2);
    let first = scene.last.clone();
    scene.wait("no answer", 3 * SECOND, &["propose start"]);
    assert!(
        first.contains(&scene.last[0]),
        "the same bytes may be sent again"
    );
    let steward::Effect::Propose { token, .. } = scene.last[0].clone() else {
        panic!("a proposal")
    };
    let fate = Fate::Refused {
        trouble: Trouble::new(Kind::Other, "too early"),
        may_retry: true,
    };
    scene.step(
        "refused",
        Input::Answered { token, fate },
        &["refused start, again: true"],
    );
    scene.wait("a moment later", 200, &["propose start"]);
    assert!(
        !first.contains(&scene.last[0]),
        "what was refused is signed anew"
    );
}

#[test]
fn a_lost_submission_is_answered_in_the_end() {
    let mut scene = Scene::of(identity(1));
    scene.agree("peers offer", [offers(2, 10), offers(3, 12)].concat(), &[]);
    scene.step("a researcher submits", submit(2), &["propose submit"]);
    for _ in 0..steward::limits::TRIES_MAX {
        scene.now += 30 * SECOND;
        scene.steward.handle(Moment::new(scene.now), Input::Tick);
    }
    let effects: Vec<_> = std::iter::from_fn(|| scene.steward.next_effect()).collect();
    let replies = effects
        .iter()
        .filter(|e| matches!(e, steward::Effect::Reply { .. }))
        .count();
    assert_eq!(replies, 1);
    assert_eq!(scene.steward.wake_at(), None);
}

#[test]
fn what_cannot_be_run_is_refused_at_the_door_with_the_reason() {
    let mut scene = Scene::of(identity(1));
    let one = "2 copies need peers of as many sponsors, and 1 offer class grid";
    scene.agree("one peer offers", offers(2, 10), &[]);
    scene.step(
        "too few sponsors",
        submit(2),
        &[&format!("reply refused, Offers: {one}")],
    );
    scene.agree("another", offers(3, 10), &[]);
    let request = Request::Submit {
        digest: job_digest(2),
        job: Arc::new(job(2)),
        choices: Choices {
            budget: Some(Credits::new(39)),
            ..choices()
        },
    };
    scene.step(
        "too small a budget",
        Input::Request {
            ticket: Ticket(1),
            request,
        },
        &["reply refused, Money: it may cost up to 0.00004 cr, the budget is 0.000039 cr"],
    );
    let request = Request::Submit {
        digest: job_digest(2),
        job: Arc::new(job(2)),
        choices: Choices {
            copies: 9,
            ..choices()
        },
    };
    scene.tell_refused(Input::Request {
        ticket: Ticket(1),
        request,
    });
}

#[test]
fn a_job_is_taken_back_before_it_is_drawn_and_not_after() {
    let mut scene = locked(2);
    let cancel = || Input::Request {
        ticket: Ticket(8),
        request: Request::Cancel(job_id(1)),
    };
    scene.step("taken back", cancel(), &["propose cancel"]);
    scene.agree(
        "agreed",
        vec![ended(0, Ending::Cancelled), job_ended()],
        &[
            "tell ended 0 Cancelled",
            "tell job ended",
            "reply cancelled",
        ],
    );
    let mut scene = running();
    scene.step(
        "too late",
        cancel(),
        &["reply refused, Other: its peers are already drawn"],
    );
}

#[test]
fn a_killed_submitter_asks_for_what_it_lost_and_finds_its_secret() {
    let mut scene = locked(2);
    scene.kill();
    assert_eq!(scene.shown(), ["propose start"]);
    scene.agree("drawn", vec![drawn(0, &[2, 3])], &["tell drawn 0 p2+p3"]);
    scene.kill();
    assert_eq!(scene.shown(), ["to p2: ask 0", "to p3: ask 0"]);
    let two = honest(2);
    scene.hear(
        "p2 tells again",
        2,
        two.message(bundle(0), &[]),
        &["fetch from p2", "fetch from p2"],
    );
    scene.agree(
        "sealed",
        vec![sealed(0, 2), sealed(0, 3), all_sealed()],
        &["tell all sealed", "propose close"],
    );
    let [Body::Close { secret, .. }] = scene.proposed()[..] else {
        panic!("one close")
    };
    scene.kill();
    assert_eq!(
        scene.proposed(),
        [Body::Close {
            job: job_id(1),
            secret
        }],
        "the same secret"
    );
}

#[test]
fn a_killed_submitter_believes_what_it_kept_only_if_it_was_agreed() {
    let (two, three) = (honest(2), honest(3));
    let mut scene = sealed_by(&two, &three);
    scene.kill();
    let events = vec![
        closed(),
        opened(0, 2, two.root()),
        opened(0, 3, three.root()),
        ended(0, Ending::Agreed),
        job_ended(),
    ];
    scene.agree(
        "all else went on without us",
        events,
        &["tell closed", "tell ended 0 Agreed", "tell job ended"],
    );
    scene.kept = vec![(peer(2), liar(2).message(bundle(0), &[]))];
    scene.restart();
    assert_eq!(
        scene.shown(),
        ["to p2: ask 0", "to p3: ask 0"],
        "what was kept is not what was agreed, so results are still wanted"
    );
    scene.kept = vec![(peer(3), three.message(bundle(0), &[]))];
    scene.restart();
    assert_eq!(scene.shown(), ["fetch from p3", "fetch from p3"]);
    scene.step(
        "outputs are at home",
        Input::Fetched(right(0).digest),
        &["tell output 0"],
    );
    assert_eq!(
        scene.steward.tasks(&job_id(1), 0..1)[0].state,
        TaskState::Agreed
    );
}

#[test]
fn a_killed_submitter_opens_for_a_peer_that_never_comes_back() {
    let (two, three) = (honest(2), honest(3));
    let mut scene = running();
    for (n, copy) in [(2, &two), (3, &three)] {
        scene.tell_heard(n, copy.message(bundle(0), &[]));
        scene.tell_heard(n, copy.opens());
        scene.tell_heard(n, copy.opens());
    }
    assert_eq!(scene.kept.len(), 4, "what is told twice is kept once");
    scene.restart();
    assert_eq!(scene.kept.len(), 4, "what was kept is not kept again");
    let events = vec![sealed(0, 2), sealed(0, 3), all_sealed()];
    scene.agree("sealed", events, &["tell all sealed", "propose close"]);
    scene.restart();
    scene.agree(
        "both are dead",
        vec![closed()],
        &["tell closed", "propose open-batch 0/p2 0/p3"],
    );
}

#[test]
fn a_block_of_another_party_s_job_is_none_of_our_business() {
    let mut scene = Scene::of(identity(1));
    scene.agree(
        "another's job",
        vec![submitted(2, 5, Digest::of(b"x"))],
        &[],
    );
    scene.agree("drawn", vec![drawn(0, &[2, 3])], &[]);
    assert_eq!(scene.steward.jobs(), []);
    assert_eq!(scene.steward.height(), Height::new(2));
}

#[test]
fn what_comes_before_its_block_is_held_for_it() {
    let mut scene = locked(2);
    let (two, three) = (honest(2), honest(3));
    scene.hear(
        "p2 saw the draw before us",
        2,
        two.message(bundle(0), &[0, 1]),
        &[],
    );
    let events = vec![drawn(0, &[2, 3])];
    scene.agree(
        "then we do",
        events,
        &["tell drawn 0 p2+p3", "fetch from p2", "fetch from p2"],
    );
    scene.hear(
        "p3 delivers",
        3,
        three.message(bundle(0), &[]),
        &["propose seal-batch 0/p2 0/p3"],
    );
    let openings = |copy: &Copy| Message::Openings {
        job: job_id(1),
        openings: vec![copy.opening.clone()],
    };
    scene.hear("p2 saw the close before us", 2, openings(&two), &[]);
    scene.hear("and p3", 3, openings(&three), &[]);
    let events = vec![sealed(0, 2), sealed(0, 3), all_sealed(), closed()];
    scene.agree(
        "then we do",
        events,
        &[
            "tell all sealed",
            "tell closed",
            "propose open-batch 0/p2 0/p3",
        ],
    );
}

#[test]
fn an_output_that_was_not_to_be_had_is_sought_again_when_asked() {
    let mut scene = running();
    let (two, three) = (honest(2), honest(3));
    scene.hear(
        "p2 delivers one of two",
        2,
        two.message(bundle(0), &[0]),
        &[
            "keep output 0",
            "tell output 0 provisional",
            "fetch from p2",
        ],
    );
    let gone = || Input::FetchFailed {
        digest: right(1).digest,
        why: "gone".to_owned(),
    };
    scene.step("p2 has lost it", gone(), &[]);
    for (wait, expected) in [
        (500, &["propose seal-batch 0/p2", "fetch from p2"][..]),
        (1_000, &["fetch from p2"]),
        (2_000, &["propose seal-batch 0/p2", "fetch from p2"]),
    ] {
        scene.wait("again", wait, expected);
        scene.step("lost", gone(), &[]);
    }
    scene.hear(
        "p3 has it too",
        3,
        three.message(bundle(0), &[]),
        &["propose seal-batch 0/p3"],
    );
    let collect = Input::Request {
        ticket: Ticket(1),
        request: Request::Collect(job_id(1)),
    };
    scene.step(
        "sought again",
        collect,
        &["reply 1 missing", "fetch from p2+p3"],
    );
}
