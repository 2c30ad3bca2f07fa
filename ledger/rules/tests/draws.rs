//! Before a bundle runs: what a job may ask for, when it starts, who is drawn and who takes over.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/job.rs"]
mod job_scene;
mod scene;

use job_scene::*;
use protocol::entry::Body;
use protocol::event::{Ending, Event};
use protocol::ids::{BundleId, Digest, JobId};
use protocol::units::{Credits, Millis};
use rules::work::{Gone, Phase, Stage, State};
use rules::{Refusal, read};
use scene::*;

#[test]
fn a_draw_keeps_sponsors_apart_and_spreads_the_work() {
    let mut scene = Scene::new().ready(cr(50_000), cr(1));
    let job = scene.drawn(terms(96, 4, 2));
    let mut runs = [0; WORKERS as usize];
    for index in 0..24 {
        let bundle = scene.bundle(job, index);
        assert_ne!(bundle.runs[0].sponsor, bundle.runs[1].sponsor);
        for run in bundle.runs {
            let n = (0..WORKERS).find(|n| worker(*n) == run.peer).unwrap();
            runs[usize::from(n)] += 1;
        }
    }
    assert!(runs.iter().all(|runs| (6..=10).contains(runs)), "{runs:?}");
    for (n, runs) in (0..).zip(runs) {
        assert_eq!(scene.locked(worker(n)), cr(128 * runs));
    }
}

#[test]
fn a_machine_far_above_the_caps_is_drawn_as_often_as_they_allow() {
    let mut scene = Scene::new();
    for n in 0..3 {
        scene.admit(n, cr(50_000));
        scene.offer(n, if n == 0 { 100 } else { 1 }, cr(1)).unwrap();
    }
    let job = scene.drawn(terms(96, 4, 2));
    let drawn = |n| {
        (0..24)
            .filter(|index| scene.peers(job, *index).contains(&worker(n)))
            .count()
    };
    let runs: Vec<usize> = (0..3).map(drawn).collect();
    // Half of all runs, which is one of each bundle; a quarter for each of the others.
    assert!(runs[0] >= 20, "{runs:?}");
    assert!(runs[1].min(runs[2]) >= 8, "{runs:?}");
}

#[test]
fn only_who_can_be_held_to_it_is_drawn() {
    // Too dear, no bond, no offer: of six workers three are left.
    let mut scene = Scene::new();
    for n in 0..WORKERS {
        scene.admit(n, if n == 1 { cr(127) } else { cr(1_000) });
        let asks = if n == 2 { cr(2) } else { cr(1) };
        scene.offer(n, 4, asks).unwrap();
    }
    let (peer, class) = (worker(3), protocol::job::Class::Grid);
    scene
        .enter(owner(3), Body::WithdrawOffer { peer, class })
        .unwrap();
    let job = scene.drawn(terms(14, 2, 3));
    for index in 0..7 {
        let mut drawn = scene.peers(job, index);
        drawn.sort();
        let mut ready = vec![worker(0), worker(4), worker(5)];
        ready.sort();
        assert_eq!(drawn, ready);
    }
    // Seven bundles lock 896 of each bond; an eighth is one too many.
    let job = scene.submit(terms(2, 2, 3)).unwrap();
    let short = scene.start(job).unwrap_err();
    assert!(
        matches!(short, Refusal::NotEnoughPeers { bundle: 0, copies: 3, found } if found < 3),
        "{short}"
    );
}

#[test]
fn a_federation_may_ask_for_more_bond_than_a_run_locks() {
    let mut scene = Scene::with(|params| params.coverage = 2);
    for n in 0..WORKERS {
        scene.admit(n, if n == 1 { cr(255) } else { cr(1_000) });
        scene.offer(n, 4, cr(1)).unwrap();
    }
    let job = scene.drawn(terms(10, 2, 2));
    let runs: Vec<_> = (0..5).flat_map(|n| scene.bundle(job, n).runs).collect();
    assert!(
        runs.iter().all(|run| run.lock == cr(128)),
        "a run locks as much as ever"
    );
    assert!(
        runs.iter().all(|run| run.peer != worker(1)),
        "256 are asked for"
    );
}

#[test]
fn a_run_is_handed_on_as_often_as_allowed_and_then_given_up() {
    let mut scene = Scene::with(|params| params.replacements_max = 2).ready(cr(1_000), cr(1));
    let job = scene.drawn(terms(2, 2, 2));
    let peers = scene.peers(job, 0);
    scene.seal(job, peers[1], '7').unwrap();
    let bundle = BundleId { job, index: 0 };
    let n = (0..WORKERS).find(|n| worker(*n) == peers[0]).unwrap();
    let peer = peers[0];
    let to = None;
    let decline = Body::Decline { bundle, peer, to };
    assert_eq!(
        scene.enter(R, decline.clone()),
        Err(Refusal::NotYourPeer { peer })
    );
    scene.enter(owner(n), decline.clone()).unwrap();
    let second = scene.peers(job, 0)[0];
    assert!(!peers.contains(&second));
    assert_eq!(scene.locked(peer), Credits::ZERO);
    assert_eq!(scene.bond(peer), cr(1_000));
    assert_eq!(
        scene.enter(owner(n), decline),
        Err(Refusal::NotDrawn { peer })
    );

    scene.wait(Millis::new(60_000));
    let third = scene.peers(job, 0)[0];
    assert!(third != second && !peers.contains(&third));
    assert_eq!(scene.bond(second), Credits::new(999_750_000));
    assert_eq!(
        scene.seal(job, second, '7'),
        Err(Refusal::NotDrawn { peer: second })
    );

    scene.wait(Millis::new(60_000));
    let row = scene.bundle(job, 0);
    assert_eq!(row.runs[0].stage, Stage::Gone(Gone::Late));
    assert_eq!(row.state, State::Ended(Ending::Short));
}

#[test]
fn a_run_goes_to_another_peer_of_its_owner_that_could_be_drawn() {
    let mut scene = Scene::new().ready(cr(50_000), cr(1));
    let first = WORKERS;
    let siblings = [(0, 1_000), (1, 1_000), (0, 127), (0, 1_000), (0, 1_000)];
    for (n, (sponsor, bond)) in (first..).zip(siblings) {
        let (peer, amount) = (worker(n), cr(bond));
        let admit = Body::AdmitPeer {
            peer,
            owner: owner(0).party(),
        };
        scene.enter(desk(sponsor), admit).unwrap();
        scene.enter(owner(0), Body::Bond { peer, amount }).unwrap();
    }
    let job = scene.drawn(terms(96, 4, 2));
    let with = |scene: &Scene, other: u8| {
        let pair = [worker(0), worker(other)];
        let is_pair = |index: &u32| {
            pair.iter()
                .all(|one| scene.peers(job, *index).contains(one))
        };
        (0..24).find(is_pair).unwrap()
    };
    let [beside_1, beside_2] = [1, 2].map(|other| with(&scene, other));
    for (n, asks) in (first..).zip([1, 1, 1, 2]) {
        let offer = Body::PublishOffer {
            peer: worker(n),
            class: protocol::job::Class::Grid,
            slots: 4,
            per_gfuel: cr(asks),
        };
        scene.enter(owner(0), offer).unwrap();
    }
    let hand = |scene: &mut Scene, index, from, to| {
        let bundle = BundleId { job, index };
        let (peer, to) = (worker(from), Some(worker(to)));
        scene.enter(owner(0), Body::Decline { bundle, peer, to })
    };
    // Somebody else's; the bond too small; too dear; not on offer; it itself; at the sponsor of
    // the other copy.
    let peer = worker(3);
    assert_eq!(
        hand(&mut scene, beside_2, 0, 3),
        Err(Refusal::NotYourPeer { peer })
    );
    for n in [first + 2, first + 3, first + 4, 0] {
        let peer = worker(n);
        let refused = Err(Refusal::CannotTakeOver { peer });
        assert_eq!(hand(&mut scene, beside_2, 0, n), refused, "{n}");
    }
    let peer = worker(first + 1);
    let refused = Err(Refusal::CannotTakeOver { peer });
    assert_eq!(hand(&mut scene, beside_1, 0, first + 1), refused);

    let locked = scene.locked(worker(0));
    hand(&mut scene, beside_1, 0, first).unwrap();
    hand(&mut scene, beside_2, 0, first + 1).unwrap();
    assert_eq!(scene.locked(worker(0)), locked.minus(cr(256)).unwrap());
    for (index, n) in [(beside_1, first), (beside_2, first + 1)] {
        assert_eq!(scene.locked(worker(n)), cr(128));
        assert!(scene.peers(job, index).contains(&worker(n)));
    }
    // It may not come back.
    let refused = Err(Refusal::CannotTakeOver { peer: worker(0) });
    assert_eq!(hand(&mut scene, beside_1, first, 0), refused);
}

#[test]
fn a_job_that_is_never_started_goes_back_whole() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let before = scene.has(R);
    let job = scene.submit(terms(6, 2, 2)).unwrap();
    scene.wait(scene.genesis.params.start_window);
    let row = read::job(&scene.rows, job).unwrap();
    assert_eq!((row.phase, row.refunded), (Phase::Ended, row.escrow));
    assert!(scene.has(R).plus(Credits::new(1_000)).unwrap() > before);
    let endings = scene.events.iter().filter(|event| {
        matches!(
            event,
            Event::BundleEnded {
                ending: Ending::Cancelled,
                ..
            }
        )
    });
    assert_eq!(endings.count(), 3);

    let job = scene.submit(terms(6, 2, 2)).unwrap();
    assert_eq!(
        scene.enter(ANNA, Body::Cancel { job }),
        Err(Refusal::NotYourJob)
    );
    scene.enter(R, Body::Cancel { job }).unwrap();
    assert_eq!(read::job(&scene.rows, job).unwrap().phase, Phase::Ended);
    assert!(scene.enter(R, Body::Cancel { job }).is_err());
}

#[test]
fn what_a_job_asks_for_must_be_possible() {
    let mut scene = Scene::with(|params| params.copies_trusted = 2);
    for n in 0..2 {
        scene.admit(n, cr(1_000));
        scene.offer(n, 4, cr(1)).unwrap();
    }
    let good = terms(2, 2, 2);
    let with = |change: &dyn Fn(&mut protocol::job::Terms)| {
        let mut terms = good.clone();
        change(&mut terms);
        terms
    };
    for (terms, code) in [
        (with(&|t| t.copies = 1), 50),
        (with(&|t| t.seal_window = Millis::new(59_999)), 51),
        (with(&|t| t.per_gfuel = Credits::ZERO), 52),
        (with(&|t| t.copies = 3), 53),
        (with(&|t| t.class = protocol::job::Class::Ai), 53),
        (with(&|t| t.tasks = 0), 1),
        (with(&|t| t.per_gfuel = cr(100_000)), 23),
    ] {
        assert_eq!(scene.submit(terms).unwrap_err().code(), code);
    }
    scene.submit(good).unwrap();
}

#[test]
fn a_job_is_started_in_its_time_by_its_submitter_with_its_chain() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let job = scene.submit(terms(2, 2, 2)).unwrap();
    let link = protocol::entry::chain(&secret());
    let start = Body::Start { job, link };
    assert_eq!(scene.enter(ANNA, start.clone()), Err(Refusal::NotYourJob));
    let early = scene.enter(R, start.clone());
    assert!(
        matches!(early, Err(Refusal::StartTooEarly { .. })),
        "{early:?}"
    );
    let wrong = Body::Start {
        job,
        link: Digest::of(b"another"),
    };
    assert_eq!(scene.enter(R, wrong), Err(Refusal::BrokenChain));
    scene.enter(R, start.clone()).unwrap();
    let again = scene.enter(R, start);
    assert!(
        matches!(again, Err(Refusal::WrongPhase { .. })),
        "{again:?}"
    );
    let job = JobId::new([9; 32]);
    assert_eq!(
        scene.enter(R, Body::Sweep { job }),
        Err(Refusal::UnknownJob)
    );
}
