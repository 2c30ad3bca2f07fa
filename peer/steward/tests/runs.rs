//! Stories of a run at a drawn peer: from the draw to the opening.

mod scene;

use protocol::event::{Ending, Event};
use protocol::ids::Digest;
use protocol::message::Message;
use protocol::outcome;
use protocol::units::Moment;
use scene::worker::{offering, on_offer, running, worker};
use scene::*;
use steward::{Busy, Effect, Identity, Input, Misbehave};

/// What p5 hears of a finished bundle 0: the opening comes right behind, to be entered later.
const TOLD: [&str; 2] = ["to p5: outcomes 0 (2, 2 inline)", "to p5: openings (1)"];

fn scene() -> Scene {
    offering(worker())
}

/// ... and told the submitter.
fn told() -> Scene {
    let mut scene = running(scene());
    let token = scene.run();
    scene.step("one task is done", done(token, 1, right(1)), &[]);
    scene.step("the other", done(token, 0, right(0)), &["sign 0"]);
    scene.step("signed", scene.signed(), &TOLD);
    scene
}

#[test]
fn an_honest_run_tells_seals_and_opens() {
    let mut scene = told();
    let Effect::SendOutcomes { outcomes, seal, .. } = scene.last[0].clone() else {
        panic!("told")
    };
    assert_eq!(*outcomes, [right(0), right(1)], "in task order");
    assert!(seal.signed(FEDERATION, job_id(1)).check().is_ok());
    scene.agree("the submitter entered it", vec![sealed(0, 1)], &[]);
    scene.agree("all have sealed", vec![sealed(0, 2), all_sealed()], &[]);
    scene.agree("closed: it opens", vec![closed()], &["to p5: openings (1)"]);
    let Effect::Send {
        message: Message::Openings { openings, .. },
        ..
    } = &scene.last[0]
    else {
        panic!("openings")
    };
    assert_eq!(
        openings[0].seal(&job_id(1)),
        seal.hash,
        "what was sealed is opened"
    );
    let root = outcome::root(&outcomes).unwrap();
    scene.agree(
        "opened and paid",
        vec![opened(0, 1, root), ended(0, Ending::Agreed)],
        &[],
    );
    scene.agree("over", vec![job_ended()], &[]);
}

#[test]
fn a_peer_enters_its_own_seal_and_opening_where_the_submitter_is_silent() {
    let mut scene = told();
    scene.wait("not yet", 4 * SECOND, &[]);
    assert_eq!(scene.steward.wake_at(), Some(Moment::new(15 * SECOND)));
    scene.wait("time is up", SECOND, &[]);
    scene.wait("with company", 20, &["propose seal-batch 0/p1"]);
    scene.agree(
        "sealed, and closed by force",
        vec![sealed(0, 1), closed()],
        &["to p5: openings (1)"],
    );
    scene.wait("nobody enters the opening", 5 * SECOND, &[]);
    scene.wait("so we do", 20, &["propose open-batch 0/p1"]);
    let list = [right(0), right(1)];
    let root = outcome::root(&list).unwrap();
    scene.agree("opened", vec![opened(0, 1, root)], &[]);
}

#[test]
fn a_seal_is_entered_in_time_even_when_time_is_short() {
    let mut scene = scene();
    let peers = vec![peer(2), peer(1)];
    let seal_by = Moment::new(scene.now + 2 * SECOND);
    let drawn = Event::Drawn {
        bundle: bundle(0),
        peers,
        seal_by,
    };
    scene.agree(
        "drawn for two seconds",
        vec![drawn],
        &["fetch job from p5+p2"],
    );
    scene.step("job", job_fetched(4), &["fetch from p5+p2"]);
    scene.step("module", module_fetched(), &["run 0 [0, 1]"]);
    let token = scene.run();
    scene.step("done", done(token, 0, right(0)), &[]);
    scene.step("done", done(token, 1, right(1)), &["sign 0"]);
    scene.step("signed", scene.signed(), &TOLD);
    scene.wait("half of what is left", SECOND, &[]);
    scene.wait("with company", 20, &["propose seal-batch 0/p1"]);
}

#[test]
fn the_submitter_may_ask_again_and_nobody_else() {
    let mut scene = told();
    let ask = || Message::AskOutcomes { bundle: bundle(0) };
    scene.hear("p5 asks", 5, ask(), &TOLD);
    scene.hear(
        "p2 asks: it wants to copy",
        2,
        ask(),
        &["fault p2 NotSubmitter"],
    );
    scene.step("p5 is back", Input::PeerUp(peer(5)), &TOLD);
    scene.agree("sealed", vec![sealed(0, 1)], &[]);
    scene.step(
        "p5 is back once more: it knows",
        Input::PeerUp(peer(5)),
        &[],
    );
    scene.kill();
    assert_eq!(
        scene.shown(),
        ["fetch job from p5+p2"],
        "it must run again to open"
    );
    scene.agree("closed", vec![closed()], &[]);
    scene.step("job", job_fetched(4), &["fetch from p5+p2"]);
    scene.step("module", module_fetched(), &["run 0 [0, 1]"]);
    let token = scene.run();
    scene.step("done", done(token, 0, right(0)), &[]);
    scene.step(
        "done",
        done(token, 1, right(1)),
        &["sign 0", "to p5: openings (1)"],
    );
}

#[test]
fn what_cannot_be_run_is_declined_with_its_reason() {
    let mut scene = running(scene());
    let token = scene.run();
    let failed = Input::TaskFailed {
        token,
        task: 0,
        why: "out of time".to_owned(),
    };
    scene.step("this machine is too slow", failed, &[]);
    scene.step(
        "the other task",
        done(token, 1, right(1)),
        &[
            "cannot run 0: out of time",
            "to p5: failed 0: out of time",
            "propose decline",
        ],
    );
    let next = Some(peer(3));
    let seal_by = Moment::new(90 * SECOND);
    let replaced = Event::Replaced {
        bundle: bundle(0),
        out: peer(1),
        next,
        seal_by,
    };
    scene.agree("another takes it", vec![replaced], &[]);
    scene.wait("it is forgotten", 100 * SECOND, &[]);
}

#[test]
fn a_job_that_is_not_what_its_terms_say_is_declined() {
    for (tasks, memory, why) in [
        (
            5,
            1 << 30,
            "the job has another number of tasks than its terms say",
        ),
        (4, 1 << 10, "this peer has less memory than the job may use"),
    ] {
        let memory = protocol::units::Bytes::new(memory);
        let mut scene = Scene::of(Identity { memory, ..worker() });
        scene.agree("on offer", vec![on_offer()], &[]);
        let events = vec![submitted(4, 5, Digest::of(b"end")), drawn(0, &[2, 1])];
        scene.agree("drawn", events, &["fetch job from p5+p2"]);
        let job = std::sync::Arc::new(job(tasks));
        let fetched = Input::JobFetched {
            digest: job_digest(4),
            job,
        };
        let (cannot, told) = (
            format!("cannot run 0: {why}"),
            format!("to p5: failed 0: {why}"),
        );
        scene.step(
            "it does not fit",
            fetched,
            &[&cannot, &told, "propose decline"],
        );
    }
}

#[test]
fn a_blob_that_nobody_has_is_asked_for_again_and_then_given_up() {
    let mut scene = scene();
    scene.agree("drawn", vec![drawn(0, &[2, 1])], &["fetch job from p5+p2"]);
    let failed = || Input::FetchFailed {
        digest: job_digest(4),
        why: "nobody".to_owned(),
    };
    for wait in [500, 1_000, 2_000] {
        scene.step("not to be had", failed(), &[]);
        scene.wait("again", wait, &["fetch job from p5+p2"]);
    }
    let why = "the job's description: nobody";
    scene.step(
        "given up",
        failed(),
        &[
            &format!("cannot run 0: {why}"),
            &format!("to p5: failed 0: {why}"),
            "propose decline",
        ],
    );
}

#[test]
fn the_executor_is_fed_by_places_and_not_by_draws() {
    let mut scene = scene();
    let events = (0..2).map(|index| drawn(index, &[2, 1])).collect();
    scene.agree("drawn twice", events, &["fetch job from p5+p2"]);
    scene.step("job", job_fetched(4), &["fetch from p5+p2"]);
    scene.step(
        "module",
        module_fetched(),
        &["run 0 [0, 1]", "run 1 [2, 3]"],
    );
    let token = scene.run();
    scene.step("the executor is full", Input::Busy(Busy::Run(token)), &[]);
    scene.wait("a moment later", 100, &["run 0 [0, 1]"]);
    let token = scene.run();
    let Input::Fetched(module) = module_fetched() else {
        panic!("a blob")
    };
    scene.step("the module was damaged", Input::Lost(module), &[]);
    scene.step(
        "so it was not begun",
        Input::Busy(Busy::Run(token)),
        &["fetch from p5+p2"],
    );
    scene.step("it is here again", module_fetched(), &[]);
    scene.wait("a moment later", 100, &["run 0 [0, 1]"]);
    scene.agree(
        "taken away",
        vec![ended(0, Ending::Cancelled)],
        &["cancel run"],
    );
}

#[test]
fn a_peer_with_too_many_runs_declines_at_once() {
    let mut scene = Scene::of(worker());
    let most = u32::try_from(steward::limits::RUNS_OPEN_MAX).unwrap();
    let mut terms = terms(2 * (most + 1), 5);
    terms.tasks = 2 * (most + 1);
    let Event::Submitted {
        job,
        sender,
        chain,
        escrow,
        start_from,
        start_by,
        ..
    } = submitted(2, 5, Digest::of(b"end"))
    else {
        panic!("submitted")
    };
    let submitted = Event::Submitted {
        job,
        sender,
        terms,
        chain,
        escrow,
        start_from,
        start_by,
    };
    let mut events = vec![on_offer(), submitted];
    events.extend((0..=most).map(|index| drawn(index, &[2, 1])));
    let why = "this peer has too many open runs";
    scene.agree(
        "drawn too often",
        events,
        &[
            "fetch job from p5+p2",
            &format!("cannot run {most}: {why}"),
            &format!("to p5: failed {most}: {why}"),
            "propose decline",
        ],
    );
}

#[test]
fn a_killed_peer_runs_again_what_it_had_not_opened() {
    let (mut killed, mut whole) = (running(scene()), told());
    killed.kill();
    assert_eq!(killed.shown(), ["fetch job from p5+p2"]);
    killed.step("job", job_fetched(4), &["fetch from p5+p2"]);
    killed.step("module", module_fetched(), &["run 0 [0, 1]"]);
    let token = killed.run();
    killed.step("done", done(token, 0, right(0)), &[]);
    killed.step("done", done(token, 1, right(1)), &["sign 0"]);
    killed.step("signed", killed.signed(), &TOLD);
    whole.hear(
        "p5 asks",
        5,
        Message::AskOutcomes { bundle: bundle(0) },
        &TOLD,
    );
    assert_eq!(killed.last, whole.last, "the same seal, with the same salt");
}

#[test]
fn a_liar_lies_only_in_a_devnet_and_loudly() {
    let misbehave = Some(Misbehave::WrongOutcome { every: 3 });
    for (devnet, first, second) in [
        (
            true,
            vec!["LYING 0 [0]", "run 0 [0, 1] lying [0]"],
            vec!["LYING 1 [3]", "run 1 [2, 3] lying [3]"],
        ),
        (false, vec!["run 0 [0, 1]"], vec!["run 1 [2, 3]"]),
    ] {
        let mut scene = Scene::of(Identity {
            misbehave,
            devnet,
            ..worker()
        });
        let mut events = vec![on_offer(), submitted(4, 5, Digest::of(b"end"))];
        events.extend([drawn(0, &[2, 1]), drawn(1, &[2, 1])]);
        scene.agree("drawn twice", events, &["fetch job from p5+p2"]);
        scene.step("job", job_fetched(4), &["fetch from p5+p2"]);
        scene.step("module", module_fetched(), &[first, second].concat());
    }
}

#[test]
fn a_live_offer_is_announced_again_and_again_and_with_the_load() {
    let mut scene = running(scene());
    let announced = |scene: &Scene| {
        let free = |effect: &Effect| match effect {
            Effect::Announce(offer) => Some((offer.seq, offer.slots_free)),
            _ => None,
        };
        scene.last.iter().find_map(free)
    };
    assert_eq!(announced(&scene), None, "it was announced a moment ago");
    scene.wait("the load changed", 2 * SECOND, &[]);
    assert_eq!(announced(&scene), Some((1, 0)));
    scene.wait("nothing changed", 25 * SECOND, &[]);
    assert_eq!(announced(&scene), Some((2, 0)));
}
