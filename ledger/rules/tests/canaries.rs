//! Canaries: the submitter knew what a task gives. It tells a lie of all copies from the truth, and
//! the submitter pays who judged for nothing.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/audit.rs"]
mod audit_scene;
#[path = "scene/canary.rs"]
mod canary_scene;
#[path = "scene/job.rs"]
mod job_scene;
mod scene;

use canary_scene::*;
use job_scene::*;
use protocol::entry::{AuditRequest, Body, Canary};
use protocol::event::{Ending, Event, Fault};
use protocol::ids::{BundleId, JobId, PeerId};
use protocol::job::{Care, Class, Terms};
use protocol::outcome::prove;
use protocol::units::{Bps, Credits};
use rules::work::{Phase, SeatStage, State};
use rules::{Refusal, read};
use scene::*;

/// A scene in which one job's canary says `known`, and its peers sealed and opened these letters.
fn opened(known: char, letters: &str) -> (Scene, JobId, Vec<PeerId>) {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let (job, peers) = scene.with_canary(known, letters);
    (scene, job, peers)
}

fn slashed(scene: &Scene) -> Vec<(PeerId, Fault)> {
    let slashes = scene.events.iter().filter_map(|event| match event {
        Event::Slashed { peer, fault, .. } => Some((*peer, *fault)),
        _ => None,
    });
    slashes.collect()
}

/// What the judges called last have in all.
fn judges_have(scene: &Scene) -> u64 {
    let panel = scene.panel();
    let judges = panel.into_iter().map(|party| scene.juror(party));
    judges.map(|who| scene.has(who).get()).sum()
}

#[test]
fn a_lie_that_all_copies_tell_is_found_by_a_canary_where_nobody_audits() {
    let (mut scene, job, peers) = opened('7', "99");
    assert_eq!(scene.state(job), State::Checking, "it waits for canaries");
    let has = scene.owns();
    scene.open_canaries(R, job, &[canary(1, '7')]).unwrap();
    let name = BundleId { job, index: 0 };
    assert_eq!(read::canaries(&scene.rows, name), [canary(1, '7')]);
    scene.contest(R, job, '9').unwrap();
    scene.judge(job, "77");
    assert_eq!(scene.state(job), State::Ended(Ending::Judged));
    let wrong = peers.iter().map(|peer| (*peer, Fault::WrongOutcome));
    assert_eq!(slashed(&scene), wrong.collect::<Vec<_>>());
    let row = read::job(&scene.rows, job).unwrap();
    assert_eq!((row.phase, row.paid), (Phase::Ended, Credits::ZERO));
    // A fifth of each slash is the finder's.
    let won = scene.owns() - has;
    assert!(won >= 2 * 25_600_000 - 1_000_000, "{won}");
}

#[test]
fn a_wrong_canary_costs_its_submitter_the_panel_and_nobody_else_anything() {
    let (mut scene, job, peers) = opened('9', "77");
    let (has, bonds) = (scene.owns(), peers.iter().map(|peer| scene.bond(*peer)));
    let bonds: Vec<Credits> = bonds.collect();
    scene.open_canaries(R, job, &[canary(1, '9')]).unwrap();
    let deposit = read::job(&scene.rows, job).unwrap().deposit;
    scene.contest(R, job, '7').unwrap();
    let left = read::job(&scene.rows, job).unwrap().deposit;
    assert_eq!(deposit.minus(left), Some(cr(2)), "a credit for each of two");
    let before = judges_have(&scene);
    scene.judge(job, "77");
    assert_eq!(scene.state(job), State::Ended(Ending::Judged));
    assert!(slashed(&scene).is_empty());
    let after: Vec<Credits> = peers.iter().map(|peer| scene.bond(*peer)).collect();
    assert_eq!(after, bonds);
    let fees = 4 * scene.genesis.params.entry_fee.get() + 1_000_000;
    assert!(judges_have(&scene) + fees > before + 2_000_000);
    // Two runs and their fee, two judges, and the fees of its entries.
    let row = read::job(&scene.rows, job).unwrap();
    assert_eq!(row.paid, cr(4));
    let cost = has - scene.owns();
    assert!(cost >= 4_040_000, "{cost}");
}

#[test]
fn canaries_that_are_never_opened_or_never_contested_change_nothing() {
    // The submitter is content, whether it opened them or not: all are paid at once.
    for opens in [false, true] {
        let (mut scene, job, _) = opened('7', "77");
        if opens {
            scene.open_canaries(R, job, &[canary(1, '7')]).unwrap();
        }
        scene.accept(R, job).unwrap();
        assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
        assert_eq!(read::job(&scene.rows, job).unwrap().paid, cr(2));
        assert!(slashed(&scene).is_empty());
    }
    // It says nothing, although a canary differs: its time passes.
    let (mut scene, job, _) = opened('9', "77");
    scene.open_canaries(R, job, &[canary(1, '9')]).unwrap();
    scene.wait(scene.genesis.params.dispute_window);
    assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
    assert!(slashed(&scene).is_empty());
}

#[test]
fn nobody_opens_canaries_early_twice_or_others_than_it_committed_to() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let known = [canary(1, '7')];
    let job = scene.drawn(with_canaries(terms(2, 2, 2), &known));
    scene.seal_as(job, "77");
    let early = scene.open_canaries(R, job, &known);
    assert!(
        matches!(early, Err(Refusal::WrongPhase { .. })),
        "{early:?}"
    );
    scene.close_unaudited(job);
    assert_eq!(
        scene.open_canaries(R, job, &known),
        Err(Refusal::PeersFirst)
    );
    scene.open_as(job, "77");
    for others in [canary(1, '9'), canary(0, '7')] {
        let refused = scene.open_canaries(R, job, &[others]);
        assert_eq!(refused, Err(Refusal::CanariesMismatch));
    }
    let foreign = scene.open_canaries(ANNA, job, &known);
    assert_eq!(foreign, Err(Refusal::NotYourJob));
    scene.open_canaries(R, job, &known).unwrap();
    let again = scene.open_canaries(R, job, &known);
    assert_eq!(again, Err(Refusal::NoCanaries));
}

#[test]
fn only_the_submitter_contests_by_a_canary_and_only_where_it_differs() {
    let (mut scene, job, _) = opened('9', "77");
    // Not opened yet, it is nobody's ground.
    let early = scene.contest(R, job, '7');
    assert_eq!(early, Err(Refusal::NotAudited { place: 1 }));
    scene.open_canaries(R, job, &[canary(1, '9')]).unwrap();
    assert_eq!(scene.contest(ANNA, job, '7'), Err(Refusal::NotYourJob));
    let (mut scene, job, _) = opened('7', "77");
    scene.open_canaries(R, job, &[canary(1, '7')]).unwrap();
    let same = scene.contest(R, job, '7');
    assert_eq!(same, Err(Refusal::NoDifference { place: 1 }));
}

#[test]
fn where_an_audit_was_drawn_a_canary_finds_nothing_for_its_submitter() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let known = [canary(1, '7')];
    let job = scene.drawn(all_audited(with_canaries(terms(2, 2, 2), &known)));
    let peers = scene.seal_as(job, "99");
    scene.close_when(job, |_| true).unwrap();
    // The ring's auditor seals the ring's lie, and the others the truth of the first task.
    let auditors: Vec<Who> = scene
        .seats(job)
        .iter()
        .map(|seat| scene.juror(seat.member))
        .collect();
    for who in &auditors {
        scene.audit_seal(*who, job, '9').unwrap();
    }
    scene.open_as(job, "99");
    for who in &auditors {
        scene.audit_open(*who, job, '9').unwrap();
    }
    scene.open_canaries(R, job, &known).unwrap();
    scene.contest(R, job, '9').unwrap();
    scene.judge(job, "77");
    let convicted = slashed(&scene);
    for peer in &peers {
        assert!(convicted.contains(&(*peer, Fault::WrongOutcome)));
    }
    // The auditor who sealed the lie pays for it too, and the finder's share is nobody's.
    assert!(
        convicted
            .iter()
            .any(|(_, fault)| *fault == Fault::WrongJudgement)
    );
    assert!(
        scene
            .seats(job)
            .iter()
            .any(|seat| seat.stage == SeatStage::Wrong)
    );
    let holds = read::holds_of(&scene.rows, BundleId { job, index: 0 });
    let holds = holds
        .into_iter()
        .map(|number| read::hold(&scene.rows, number).unwrap());
    for hold in holds.filter(|hold| hold.fault == Fault::WrongOutcome) {
        let found = hold
            .shares
            .iter()
            .any(|share| share.code == rules::Code::SlashFinder);
        assert!(!found, "{hold:?}");
    }
}

#[test]
fn the_deposit_bounds_how_many_canaries_are_contested_at_a_time() {
    // Ten bundles of ten tasks, with a canary that differs in each; the deposit is worth eight.
    let mut scene = Scene::with(|params| params.canary = Bps::new(1_000));
    scene = scene.ready(cr(20_000), cr(1));
    let known: Vec<Canary> = (0..10).map(|bundle| canary(bundle * 10 + 9, '9')).collect();
    let job = scene.drawn(with_canaries(terms(100, 10, 2), &known));
    let runs: Vec<(u32, PeerId)> = (0..10)
        .flat_map(|index| {
            scene
                .peers(job, index)
                .into_iter()
                .map(move |peer| (index, peer))
        })
        .collect();
    let seal = |(index, peer): &(u32, PeerId)| scene.seal_of(job, *index, *peer, '7');
    let seals = runs.iter().map(seal).collect();
    scene.enter(R, Body::SealBatch { job, seals }).unwrap();
    scene.close_unaudited(job);
    let open = |(index, peer): &(u32, PeerId)| opening(*index, 10, *peer, '7');
    let openings = runs.iter().map(open).collect();
    scene.enter(R, Body::OpenBatch { job, openings }).unwrap();
    scene.open_canaries(R, job, &known).unwrap();
    let contest = |scene: &mut Scene, index: u32| {
        let proofs = vec![prove(&outcomes(10, '7'), 9).unwrap()];
        let bundle = BundleId { job, index };
        scene.enter(R, Body::Audit(AuditRequest::Contest { bundle, proofs }))
    };
    for index in 0..8 {
        contest(&mut scene, index).unwrap();
    }
    let (needs, has) = (cr(2), Credits::ZERO);
    let ninth = contest(&mut scene, 8);
    assert_eq!(ninth, Err(Refusal::DepositTooSmall { needs, has }));
}

#[test]
fn a_pass_weighs_as_an_audit_of_that_task_would_and_no_oftener() {
    // Each task is audited every fourth time. Of the draws that audit nothing of the job, every
    // fourth should count its canary as they would have counted the audit.
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let known = [canary(1, '7')];
    let terms = with_canaries(terms(2, 2, 2), &known);
    let care = Care {
        audit: Bps::new(2_500),
        ..terms.care
    };
    let job = scene.drawn(Terms { care, ..terms });
    let peers = scene.seal_as(job, "77");
    let (rows, at) = (scene.rows.clone(), scene.at);
    let (mut passes, mut weighed) = (0, 0);
    for later in 10..250 {
        (scene.rows, scene.at) = (rows.clone(), at);
        let secret = secret();
        let close = scene.sign(R, Body::Close { job, secret });
        scene.block(later, vec![close]).remove(0).unwrap();
        if !scene.seats(job).is_empty() {
            continue;
        }
        scene.open_as(job, "77");
        scene.open_canaries(R, job, &known).unwrap();
        scene.accept(R, job).unwrap();
        let gained = peers.iter().map(|peer| right(&scene, *peer));
        let gained: Vec<u64> = gained.collect();
        assert_eq!(gained[0], gained[1]);
        passes += 1;
        // An agreement over a credit weighs ten.
        weighed += u32::from(gained[0] == 40 * 65_536);
        assert!([10, 40].contains(&(gained[0] / 65_536)), "{gained:?}");
    }
    assert!(
        passes >= 80 && weighed * 8 > passes && weighed * 5 < passes * 2,
        "{weighed} of {passes}"
    );
}

fn right(scene: &Scene, peer: PeerId) -> u64 {
    let trust = read::trust(&scene.rows, peer, Class::Grid);
    trust.unwrap().reputation.right
}
