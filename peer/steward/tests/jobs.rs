//! Stories of a job at its submitter: from the request to the last judged output.

#![allow(clippy::too_many_lines, reason = "a story is told in one piece")]

mod common;

use std::sync::Arc;

use common::*;
use protocol::entry::Body;
use protocol::event::{Ending, Event, Fault};
use protocol::ids::Digest;
use protocol::job::Class;
use protocol::message::Message;
use protocol::units::{Credits, Height, Moment};
use steward::{Choices, Fate, Input, JobState, Request, TaskState, Ticket};

fn choices() -> Choices {
    Choices {
        class: Class::Grid,
        copies: 2,
        tasks_per_bundle: Some(2),
        per_gfuel: None,
        seal_window: None,
        budget: None,
    }
}

fn submit(tasks: u32) -> Input {
    let request = Request::Submit {
        digest: job_digest(tasks),
        job: Arc::new(job(tasks)),
        choices: choices(),
    };
    Input::Request {
        ticket: Ticket(7),
        request,
    }
}

fn offers(n: u8, per_gfuel: u64) -> Vec<Event> {
    let (peer, class, per_gfuel) = (peer(n), Class::Grid, Credits::new(per_gfuel));
    vec![
        Event::PeerAdmitted {
            peer,
            owner: party(n),
            sponsor: party(n),
        },
        Event::OfferPublished {
            peer,
            class,
            slots: 2,
            per_gfuel,
        },
    ]
}

/// A job of so many tasks, submitted and agreed; its end of the chain comes with the entry.
fn locked(tasks: u32) -> Scene {
    let mut scene = Scene::of(identity(1));
    scene.agree("peers offer", [offers(2, 10), offers(3, 12)].concat(), &[]);
    scene.step("a researcher submits", submit(tasks), &["propose submit"]);
    let [
        Body::Submit {
            terms: proposed,
            chain,
        },
    ] = &scene.proposed()[..]
    else {
        panic!("one submission")
    };
    assert_eq!(
        proposed.per_gfuel,
        Credits::new(12),
        "both sponsors' offers are within the price"
    );
    let end = *chain;
    let events = vec![submitted(tasks, 1, end)];
    scene.agree(
        "it is agreed, and the next block may draw",
        events,
        &["reply submitted", "tell submitted", "propose start"],
    );
    scene
}

/// The same job with its one bundle drawn for peers 2 and 3.
fn running() -> Scene {
    let mut scene = locked(2);
    scene.agree("drawn", vec![drawn(0, &[2, 3])], &["tell drawn 0 p2+p3"]);
    scene
}

fn honest(n: u8) -> Copy {
    copy_of(n, bundle(0), &[right(0), right(1)])
}

fn liar(n: u8) -> Copy {
    copy_of(n, bundle(0), &[right(0), wrong(1)])
}

/// ... and both copies here and sealed on the ledger.
fn sealed_by(two: &Copy, three: &Copy) -> Scene {
    let mut scene = running();
    scene.hear(
        "p2 delivers",
        2,
        two.message(bundle(0), &[0, 1]),
        &[
            "keep output 0",
            "tell output 0 provisional",
            "keep output 1",
            "tell output 1 provisional",
        ],
    );
    scene.hear(
        "p3 delivers, and all seals are in",
        3,
        three.message(bundle(0), &[]),
        &["propose seal-batch 0/p2 0/p3"],
    );
    scene.agree(
        "sealed",
        vec![sealed(0, 2), sealed(0, 3), all_sealed()],
        &["tell all sealed", "propose close"],
    );
    scene
}

#[test]
fn an_honest_job_takes_five_entries_and_ends_agreed() {
    let (two, three) = (honest(2), honest(3));
    let mut scene = sealed_by(&two, &three);
    scene.agree("closed", vec![closed()], &["tell closed"]);
    let openings = |copy: &Copy| Message::Openings {
        job: job_id(1),
        openings: vec![copy.opening.clone()],
    };
    scene.hear("p2 opens", 2, openings(&two), &[]);
    scene.hear(
        "p3 opens",
        3,
        openings(&three),
        &["propose open-batch 0/p2 0/p3"],
    );
    let events = vec![
        opened(0, 2, two.root()),
        opened(0, 3, three.root()),
        ended(0, Ending::Agreed),
        job_ended(),
    ];
    scene.agree(
        "both roots are equal",
        events,
        &["tell ended 0 Agreed", "tell job ended", "keep outcomes 0"],
    );
    let job = scene.steward.job(&job_id(1)).unwrap();
    assert_eq!(
        (job.state, job.tasks_here, job.tasks_judged),
        (JobState::Ended, 2, 2)
    );
    for task in scene.steward.tasks(&job_id(1), 0..9) {
        assert_eq!(
            (task.state, task.outcome),
            (TaskState::Agreed, Some(right(task.task)))
        );
        assert_eq!((task.here, task.peers), (true, vec![peer(2), peer(3)]));
    }
    assert_eq!(scene.steward.wake_at(), None, "an idle submitter sleeps");
}

#[test]
fn a_difference_is_shown_to_the_panel_and_the_judged_output_fetched() {
    let (two, three) = (liar(2), honest(3));
    let mut scene = running();
    scene.hear(
        "the liar delivers first",
        2,
        two.message(bundle(0), &[0]),
        &[
            "keep output 0",
            "tell output 0 provisional",
            "fetch from p2",
        ],
    );
    scene.step(
        "its lie is fetched",
        Input::Fetched(wrong(1).digest),
        &["tell output 1 provisional"],
    );
    scene.hear(
        "p3 delivers",
        3,
        three.message(bundle(0), &[]),
        &["propose seal-batch 0/p2 0/p3"],
    );
    scene.agree(
        "sealed",
        vec![sealed(0, 2), sealed(0, 3), all_sealed()],
        &["tell all sealed", "propose close"],
    );
    scene.agree("closed", vec![closed()], &["tell closed"]);
    let roots = vec![(peer(2), two.root()), (peer(3), three.root())];
    let dispute_by = Moment::new(400 * SECOND);
    let events = vec![
        opened(0, 2, two.root()),
        opened(0, 3, three.root()),
        Event::Disputed {
            bundle: bundle(0),
            roots,
            dispute_by,
        },
    ];
    scene.agree(
        "the peers opened by themselves, and differ",
        events,
        &["tell disputed 0 p2+p3", "propose dispute 0 [1]"],
    );
    let [Body::Dispute { tasks, .. }] = &scene.proposed()[..] else {
        panic!("one dispute")
    };
    for (claimant, proof) in &tasks[0].claims {
        let root = if *claimant == peer(2) {
            two.root()
        } else {
            three.root()
        };
        assert_eq!(proof.root(2), Some(root), "each claim leads to its root");
    }
    let panel_called = Event::PanelCalled {
        bundle: bundle(0),
        tasks: tasks.clone(),
        panel: vec![party(1), party(2)],
        round: 1,
        seal_by: Moment::new(500 * SECOND),
    };
    scene.agree("members judge", vec![panel_called], &["tell panel 0 [1]"]);
    let verdict = Event::Verdict {
        bundle: bundle(0),
        right: vec![Some(right(1))],
        upheld: vec![peer(3)],
        convicted: vec![peer(2)],
    };
    let slashed = Event::Slashed {
        bundle: bundle(0),
        peer: peer(2),
        fault: Fault::WrongOutcome,
        amount: Credits::new(100),
    };
    let events = vec![verdict, slashed, ended(0, Ending::Judged), job_ended()];
    scene.agree(
        "the liar is found",
        events,
        &[
            "tell verdict 0 right p3 wrong p2",
            "tell slashed p2 F1",
            "tell ended 0 Judged",
            "tell job ended",
            "keep outcomes 0",
            "fetch from p3",
        ],
    );
    scene.step(
        "the right output arrives",
        Input::Fetched(right(1).digest),
        &["tell output 1"],
    );
    let tasks = scene.steward.tasks(&job_id(1), 0..2);
    assert!(
        tasks
            .iter()
            .all(|task| task.state == TaskState::Judged && task.here)
    );
    assert_eq!(tasks[1].outcome, Some(right(1)));
    assert_eq!(tasks[1].peers, [peer(3)], "only who was right gave it");
}

#[test]
fn a_dispute_names_at_most_so_many_tasks_and_waits_for_every_list() {
    let list: Vec<_> = (0..2).map(right).collect();
    let lies: Vec<_> = (0..2).map(wrong).collect();
    let (two, three) = (copy_of(2, bundle(0), &list), copy_of(3, bundle(0), &lies));
    let mut scene = running();
    scene.hear(
        "only p2 delivers",
        2,
        two.message(bundle(0), &[0, 1]),
        &[
            "keep output 0",
            "tell output 0 provisional",
            "keep output 1",
            "tell output 1 provisional",
        ],
    );
    scene.wait(
        "company for its seal does not come",
        20,
        &["propose seal-batch 0/p2"],
    );
    let events = vec![sealed(0, 2), sealed(0, 3), all_sealed(), closed()];
    scene.agree(
        "p3 entered its seal by itself: we ask it",
        events,
        &["tell all sealed", "tell closed", "to p3: ask 0"],
    );
    let roots = vec![(peer(2), two.root()), (peer(3), three.root())];
    let dispute_by = Moment::new(400 * SECOND);
    let events = vec![
        opened(0, 2, two.root()),
        opened(0, 3, three.root()),
        Event::Disputed {
            bundle: bundle(0),
            roots,
            dispute_by,
        },
    ];
    scene.agree(
        "they differ, but we cannot show where",
        events,
        &["tell disputed 0 p2+p3"],
    );
    scene.wait("so we ask again", 3 * SECOND, &["to p3: ask 0"]);
    let explained = scene.steward.explain(&job_id(1)).unwrap();
    assert!(
        explained.reasons[0].why.contains("to show the difference"),
        "{explained:?}"
    );
    let made_up = copy_of(3, bundle(0), &list);
    scene.hear(
        "p3 tells a list that it did not open",
        3,
        made_up.message(bundle(0), &[]),
        &["fault p3 WrongRoot"],
    );
    scene.hear(
        "then the one it opened",
        3,
        three.message(bundle(0), &[]),
        &["propose dispute 0 [0, 1]"],
    );
}

#[test]
fn a_run_that_passes_to_another_peer_is_waited_for_there() {
    let mut scene = running();
    let failed = Message::RunFailed {
        bundle: bundle(0),
        why: "no memory".to_owned(),
    };
    scene.hear("p2 cannot", 2, failed, &["tell failed 0 p2"]);
    let explained = scene.steward.explain(&job_id(1)).unwrap();
    assert!(
        explained
            .reasons
            .iter()
            .any(|r| r.why.contains("no memory")),
        "{explained:?}"
    );
    let next = Some(peer(4));
    let seal_by = Moment::new(90 * SECOND);
    let replaced = Event::Replaced {
        bundle: bundle(0),
        out: peer(2),
        next,
        seal_by,
    };
    scene.agree(
        "another takes it",
        vec![replaced],
        &["tell replaced 0 p2 by p4"],
    );
    scene.hear(
        "p2 speaks nevertheless",
        2,
        honest(2).message(bundle(0), &[]),
        &[],
    );
    let four = copy_of(4, bundle(0), &[right(0), right(1)]);
    scene.hear(
        "p4 delivers",
        4,
        four.message(bundle(0), &[0, 1]),
        &[
            "keep output 0",
            "tell output 0 provisional",
            "keep output 1",
            "tell output 1 provisional",
        ],
    );
    scene.wait(
        "its seal waits no longer for p3's",
        20,
        &["propose seal-batch 0/p4"],
    );
}

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
        why: "too early".to_owned(),
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
        &[&format!("reply refused: {one}")],
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
        &["reply refused: it may cost up to 0.00004 cr, the budget is 0.000039 cr"],
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

impl Scene {
    fn tell_refused(&mut self, input: Input) {
        self.steward.handle(Moment::new(self.now), input);
        let effects: Vec<_> = std::iter::from_fn(|| self.steward.next_effect()).collect();
        let refused = |effect: &steward::Effect| {
            matches!(
                effect,
                steward::Effect::Reply {
                    answer: steward::Answer::Refused { .. },
                    ..
                }
            )
        };
        assert!(
            effects.iter().all(refused) && effects.len() == 1,
            "{effects:?}"
        );
    }
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
        &["reply refused: its peers are already drawn"],
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
    let (two, three) = (honest(2), honest(3));
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
    let events = vec![
        closed(),
        opened(0, 2, two.root()),
        opened(0, 3, three.root()),
        ended(0, Ending::Agreed),
        job_ended(),
    ];
    scene.agree(
        "all else went on without us",
        events.clone(),
        &["tell closed", "tell ended 0 Agreed", "tell job ended"],
    );
    scene.kill();
    assert_eq!(
        scene.shown(),
        ["to p2: ask 0", "to p3: ask 0"],
        "results are still wanted"
    );
    let outcomes = vec![right(0), wrong(1)];
    scene.step(
        "wrong outcomes were kept",
        Input::KeptOutcomes {
            bundle: bundle(0),
            outcomes,
        },
        &[],
    );
    let outcomes = vec![right(0), right(1)];
    scene.step(
        "the right ones",
        Input::KeptOutcomes {
            bundle: bundle(0),
            outcomes,
        },
        &["keep outcomes 0", "fetch from p2", "fetch from p2"],
    );
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
