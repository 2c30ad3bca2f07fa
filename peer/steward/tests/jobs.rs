//! Stories of a job at its submitter: from the request to the last judged output.

mod scene;

use protocol::entry::Body;
use protocol::event::{Ending, Event, Fault};
use protocol::message::Message;
use protocol::units::{Credits, Moment};
use scene::submitter::*;
use scene::*;
use steward::{Input, JobState, TaskState};

#[test]
fn an_honest_job_takes_five_entries_and_ends_agreed() {
    let (two, three) = (honest(2), honest(3));
    let mut scene = sealed_by(&two, &three);
    scene.agree("closed", vec![closed()], &["tell closed"]);
    scene.hear("p2 opens", 2, two.opens(), &[]);
    scene.hear(
        "p3 opens",
        3,
        three.opens(),
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
        &["tell ended 0 Agreed", "tell job ended"],
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
    scene.step(
        "an output was damaged",
        Input::Lost(right(1).digest),
        &["fetch from p2+p3"],
    );
    assert!(!scene.steward.tasks(&job_id(1), 1..2)[0].here);
    scene.step(
        "it is here again",
        Input::Fetched(right(1).digest),
        &["tell output 1"],
    );
    assert!(scene.steward.tasks(&job_id(1), 1..2)[0].here);
}

/// A liar's first outputs are at home, both copies are opened, and they differ.
fn disputed(two: &Copy, three: &Copy) -> Scene {
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
    scene
}

#[test]
fn a_difference_is_shown_to_the_panel_and_the_judged_output_fetched() {
    let (two, three) = (liar(2), honest(3));
    let mut scene = disputed(&two, &three);
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
fn who_opens_right_behind_its_outcomes_need_not_live_until_the_close() {
    let (two, three) = (honest(2), honest(3));
    let mut scene = sealed_by(&two, &three);
    scene.hear("p2 opens and dies for ever", 2, two.opens(), &[]);
    scene.hear("p3 too", 3, three.opens(), &[]);
    scene.wait("nothing is opened yet", 2 * SECOND, &[]);
    scene.agree(
        "closed: nobody is waited for",
        vec![closed()],
        &["tell closed", "propose open-batch 0/p2 0/p3"],
    );
    scene.hear("p3 tells it once more", 3, three.opens(), &[]);
    let events = vec![
        opened(0, 2, two.root()),
        opened(0, 3, three.root()),
        ended(0, Ending::Agreed),
        job_ended(),
    ];
    scene.agree(
        "both are paid",
        events,
        &["tell ended 0 Agreed", "tell job ended"],
    );
    assert_eq!(scene.steward.wake_at(), None, "all is done");
}

#[test]
fn outcomes_and_opening_may_come_before_the_block_that_drew_their_peer() {
    let (two, three) = (honest(2), honest(3));
    let mut scene = locked(2);
    scene.hear("p2 is ahead of us", 2, two.message(bundle(0), &[]), &[]);
    scene.hear("its opening comes behind", 2, two.opens(), &[]);
    scene.agree(
        "drawn",
        vec![drawn(0, &[2, 3])],
        &["tell drawn 0 p2+p3", "fetch from p2", "fetch from p2"],
    );
    scene.hear(
        "p3 delivers",
        3,
        three.message(bundle(0), &[]),
        &["propose seal-batch 0/p2 0/p3"],
    );
    scene.agree(
        "closed",
        vec![sealed(0, 2), sealed(0, 3), all_sealed(), closed()],
        &["tell all sealed", "tell closed"],
    );
    scene.wait("company does not come", 20, &["propose open-batch 0/p2"]);
}

#[test]
fn only_those_whose_seals_were_taken_are_opened() {
    let (two, three, four) = (honest(2), honest(3), honest(4));
    let mut scene = running();
    let shown = [
        "keep output 0",
        "tell output 0 provisional",
        "keep output 1",
        "tell output 1 provisional",
    ];
    scene.hear("p2 delivers", 2, two.message(bundle(0), &[0, 1]), &shown);
    scene.hear("p2 opens", 2, two.opens(), &[]);
    let replaced = Event::Replaced {
        bundle: bundle(0),
        out: peer(2),
        next: Some(peer(4)),
        seal_by: Moment::new(90 * SECOND),
    };
    scene.agree(
        "its seal came too late",
        vec![replaced],
        &["tell replaced 0 p2 by p4"],
    );
    scene.hear("p3 delivers", 3, three.message(bundle(0), &[]), &[]);
    scene.hear("p3 opens", 3, three.opens(), &[]);
    scene.hear(
        "p4 delivers",
        4,
        four.message(bundle(0), &[]),
        &["propose seal-batch 0/p4 0/p3"],
    );
    scene.hear("p4 opens", 4, four.opens(), &[]);
    scene.agree(
        "p4's seal came too late too, and it is closed by force",
        vec![sealed(0, 3), closed()],
        &["tell closed", "propose open-batch 0/p3"],
    );
}
