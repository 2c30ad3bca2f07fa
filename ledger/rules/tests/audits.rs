//! Audits: who is called, what is found, what follows. Copies that all lie alike are caught here.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/audit.rs"]
mod audit_scene;
#[path = "scene/job.rs"]
mod job_scene;
mod scene;

use std::collections::BTreeSet;

use job_scene::*;
use protocol::entry::{AuditRequest, Body, Findings, chain};
use protocol::event::{Ending, Event, Fault};
use protocol::ids::{BundleId, Digest, JobId, PartyId, PeerId};
use protocol::job::{Care, Terms};
use protocol::units::{Bps, Credits};
use rules::work::{AuditStage, Phase, SeatStage, State};
use rules::{Refusal, read};
use scene::*;

/// One bundle of two tasks at two peers, sealed with these letters; its second task is audited.
fn audited(letters: &str) -> (Scene, JobId, Vec<(PeerId, char)>) {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let job = scene.drawn(terms(2, 2, 2));
    let letters = scene.audited(job, letters);
    assert_eq!(scene.state(job), State::Auditing);
    (scene, job, letters)
}

/// As far as the comparison: the auditor found `found`.
fn compared(letters: &str, found: char) -> (Scene, JobId, Who, Vec<(PeerId, char)>) {
    let (mut scene, job, letters) = audited(letters);
    let auditor = scene.auditor(job);
    scene.audit_seal(auditor, job, found).unwrap();
    scene.open_all(job, &letters);
    assert_eq!(scene.state(job), State::Checking);
    scene.audit_open(auditor, job, found).unwrap();
    (scene, job, auditor, letters)
}

fn slashed(scene: &Scene) -> Vec<(PeerId, Fault, Credits)> {
    let slashes = scene.events.iter().filter_map(|event| match event {
        Event::Slashed {
            peer,
            fault,
            amount,
            ..
        } => Some((*peer, *fault, *amount)),
        _ => None,
    });
    slashes.collect()
}

#[test]
fn an_honest_job_is_audited_paid_and_the_rest_refunded() {
    let (mut scene, job, auditor, letters) = compared("77", '7');
    let has = scene.has(auditor);
    let row = read::job(&scene.rows, job).unwrap();
    // Runs 4 and their fee, deposit 16, at most 2 audits of a credit each.
    let escrow = Credits::new(22_080_000);
    assert_eq!((row.escrow, row.audits), (escrow, cr(2)));
    assert_eq!(row.phase, Phase::Checking);
    scene.accept(R, job).unwrap();
    assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
    let row = read::job(&scene.rows, job).unwrap();
    // Each run of two tasks cost a credit, and the audited task half a credit.
    assert_eq!(row.paid, Credits::new(2_500_000));
    // A fiftieth of what runs were paid is the federation's, on top.
    assert_eq!(row.fees, Credits::new(40_000));
    let all = row.paid.plus(row.fees).unwrap().plus(row.refunded);
    assert_eq!(all, Some(row.escrow));
    let paid = scene.has(auditor).minus(has).unwrap();
    assert_eq!(paid, Credits::new(500_000));
    assert!(slashed(&scene).is_empty());
    for (peer, _) in letters {
        assert_eq!(scene.locked(peer), Credits::ZERO);
    }
}

#[test]
fn a_submitter_that_says_nothing_holds_up_nobody_for_ever() {
    let (mut scene, job, ..) = compared("77", '7');
    assert_eq!(scene.state(job), State::Checking);
    scene.wait(scene.genesis.params.dispute_window);
    assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
    // Nobody else may be content in its place.
    let (mut scene, job, ..) = compared("77", '7');
    assert_eq!(scene.accept(ANNA, job), Err(Refusal::NotYourJob));
}

#[test]
fn an_informed_ring_is_caught_and_its_finder_is_the_auditor() {
    let (mut scene, job, auditor, letters) = compared("99", '7');
    let has = scene.has(auditor);
    // The ring shows itself: the finder's share is not its own.
    scene.contest(owner(0), job, '9').unwrap();
    let panel = scene.panel();
    assert!(!panel.contains(&auditor.party()), "an auditor is no judge");
    scene.judge(job, "77");
    assert_eq!(scene.state(job), State::Ended(Ending::Judged));
    let liars: BTreeSet<PeerId> = letters.iter().map(|(peer, _)| *peer).collect();
    let slashes = slashed(&scene);
    assert_eq!(slashes.len(), 2);
    for (peer, fault, amount) in slashes {
        assert!(liars.contains(&peer));
        assert_eq!((fault, amount), (Fault::WrongOutcome, cr(128)));
    }
    // Two finder's shares of a fifth, and half a credit for its run.
    let won = scene.has(auditor).minus(has).unwrap();
    assert_eq!(won, Credits::new(2 * 25_600_000 + 500_000));
}

#[test]
fn an_auditor_who_is_wrong_pays_twice_the_lock_and_earns_nothing() {
    let (mut scene, job, auditor, letters) = compared("77", '9');
    let party = auditor.party();
    let (bond, has) = (read::member_bond(&scene.rows, party), scene.has(auditor));
    scene.contest(R, job, '7').unwrap();
    scene.judge(job, "77");
    assert_eq!(scene.state(job), State::Ended(Ending::Judged));
    let after = read::member_bond(&scene.rows, party);
    assert_eq!(bond.minus(after), Some(cr(256)));
    assert_eq!(scene.has(auditor), has);
    assert_eq!(scene.seats(job)[0].stage, SeatStage::Wrong);
    for (peer, _) in letters {
        assert_eq!(scene.bond(peer), cr(1_000));
    }
    assert_eq!(slashed(&scene).len(), 1);
}

#[test]
fn a_silent_auditor_is_fined_replaced_once_and_never_waited_for_again() {
    let (mut scene, job, letters) = audited("77");
    let window = scene.genesis.params.audit_window;
    let first = scene.auditor(job);
    scene.wait(window);
    let second = scene.auditor(job);
    assert_ne!(first, second);
    assert_eq!(scene.state(job), State::Auditing);
    let late = scene.audit_seal(first, job, '7');
    let party = first.party();
    assert_eq!(late, Err(Refusal::AlreadyAnswered { party }));
    assert_eq!(slashed(&scene).len(), 1);
    assert_eq!(read::silence(&scene.rows, first.party()).times, 1);

    // The second does its duty.
    let kept = scene.rows.clone();
    let at = scene.at;
    scene.audit_seal(second, job, '7').unwrap();
    scene.open_all(job, &letters);
    scene.audit_open(second, job, '7').unwrap();
    scene.accept(R, job).unwrap();
    assert_eq!(scene.state(job), State::Ended(Ending::Agreed));

    // Or does not: then nothing is audited, and the peers open.
    (scene.rows, scene.at) = (kept, at);
    scene.wait(window);
    assert_eq!(scene.state(job), State::Opening);
    scene.open_all(job, &letters);
    assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
    assert_eq!(slashed(&scene).len(), 2);
}

#[test]
fn an_auditor_that_seals_and_does_not_open_is_fined_and_the_job_goes_on() {
    let (mut scene, job, letters) = audited("77");
    let auditor = scene.auditor(job);
    scene.audit_seal(auditor, job, '7').unwrap();
    scene.open_all(job, &letters);
    scene.wait(scene.genesis.params.open_window);
    assert_eq!(scene.seats(job)[0].stage, SeatStage::Silent);
    let late = scene.audit_open(auditor, job, '7');
    assert!(
        matches!(late, Err(Refusal::DeadlinePassed { .. })),
        "{late:?}"
    );
    scene.accept(R, job).unwrap();
    assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
    let slashes = slashed(&scene);
    assert_eq!(slashes.len(), 1);
    assert_eq!((slashes[0].1, slashes[0].2), (Fault::NoJudgement, cr(1)));
}

#[test]
fn an_auditor_cannot_copy_open_early_or_change_its_mind() {
    let (mut scene, job, letters) = audited("77");
    let auditor = scene.auditor(job);
    let other = (0..4).map(member).find(|who| *who != auditor).unwrap();
    let party = other.party();
    let hash = scene.findings(auditor, job, '7')[0].seal(&job);
    let seal = Body::Audit(AuditRequest::Seal { job, hash });
    assert_eq!(scene.enter(other, seal), Err(Refusal::NotAuditor { party }));
    scene.audit_seal(auditor, job, '7').unwrap();
    let party = auditor.party();
    let again = scene.audit_seal(auditor, job, '9');
    assert!(
        matches!(again, Err(Refusal::WrongPhase { .. })),
        "{again:?}"
    );
    let early = scene.audit_open(auditor, job, '7');
    assert_eq!(early, Err(Refusal::PeersFirst));
    assert_eq!(scene.accept(R, job), Err(Refusal::PeersFirst));
    scene.open_all(job, &letters);
    let changed = scene.audit_open(auditor, job, '9');
    assert_eq!(changed, Err(Refusal::FindingsMismatch { party }));
    // A part of what was sealed with other outcomes inside is no part of it.
    let mut forged = scene.findings(auditor, job, '7');
    forged[0].outcomes[0] = Some(outcome('9'));
    let open = |findings: Vec<Findings>| {
        let (openings, content) = (vec![], false);
        Body::Audit(AuditRequest::Open {
            job,
            openings,
            findings,
            content,
        })
    };
    let forged = scene.enter(auditor, open(forged));
    assert_eq!(forged, Err(Refusal::FindingsMismatch { party }));
    let findings = scene.findings(auditor, job, '7');
    scene.enter(ANNA, open(findings)).unwrap();
    assert_eq!(
        read::audit(&scene.rows, job).unwrap().stage,
        AuditStage::Contest
    );
    // There is nothing to contest.
    assert_eq!(
        scene.contest(R, job, '7'),
        Err(Refusal::NoDifference { place: 1 })
    );
    let peer = letters[0].0;
    assert_eq!(
        scene.contest(R, job, '9'),
        Err(Refusal::ProofForged { peer })
    );
}

#[test]
fn who_hides_what_is_audited_loses_its_whole_lock() {
    let (mut scene, job, letters) = audited("77");
    let auditor = scene.auditor(job);
    scene.audit_seal(auditor, job, '7').unwrap();
    scene.open(job, letters[0].0, '7').unwrap();
    scene.wait(scene.genesis.params.open_window);
    let slashes = slashed(&scene);
    assert_eq!(slashes, [(letters[1].0, Fault::NoOpening, cr(128))]);
}

#[test]
fn auditors_are_unrelated_and_as_many_as_there_are() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let care = Care {
        audit: Bps::ONE,
        ..Care::default()
    };
    let job = scene.drawn(Terms {
        care,
        ..terms(16, 8, 2)
    });
    let seals = (0..2).flat_map(|index| {
        let peers = scene.peers(job, index);
        let seal = |peer| scene.seal_of(job, index, peer, '7');
        peers.into_iter().map(seal).collect::<Vec<_>>()
    });
    let seals = seals.collect();
    scene.enter(R, Body::SealBatch { job, seals }).unwrap();
    scene.close_when(job, |_| true).unwrap();
    for index in 0..2 {
        let audited = read::audited(&scene.rows, BundleId { job, index });
        assert_eq!(audited.len(), 8, "all tasks are audited");
        let seats: BTreeSet<u16> = audited.iter().map(|task| task.seat).collect();
        assert_eq!(seats.len(), 4, "by all four members");
    }
    let tasks: usize = (0..4)
        .map(|seat| read::audit_tasks(&scene.rows, job, seat).len())
        .sum();
    assert_eq!(tasks, 16);

    // A member that sponsors a run audits nothing of that bundle.
    let mut scene = Scene::new();
    for n in 0..2 {
        let (peer, party) = (worker(n), owner(n).party());
        let admit = Body::AdmitPeer { peer, owner: party };
        scene.enter(member(n), admit).unwrap();
        let amount = cr(1_000);
        scene.enter(owner(n), Body::Bond { peer, amount }).unwrap();
        scene.offer(n, 4, cr(1)).unwrap();
    }
    let job = scene.drawn(Terms {
        care,
        ..terms(8, 8, 2)
    });
    for peer in scene.peers(job, 0) {
        scene.seal(job, peer, '7').unwrap();
    }
    scene.close_when(job, |_| true).unwrap();
    let auditors: BTreeSet<PartyId> = scene.seats(job).iter().map(|seat| seat.member).collect();
    assert_eq!(auditors, [member(2).party(), member(3).party()].into());
}

fn called(scene: &Scene, job: JobId) -> Vec<Who> {
    let seats = scene.seats(job);
    seats.iter().map(|seat| scene.juror(seat.member)).collect()
}

fn submission(terms: Terms, chain: Digest) -> Body {
    let purse = None;
    Body::Submit {
        terms,
        chain,
        purse,
    }
}

/// A job of so many bundles of 100 tasks, from submission to its end in as few entries as can be.
/// Returns the entries, by their size.
fn in_batches(bundles: u32, audit: Bps) -> Vec<usize> {
    let mut scene = Scene::new().ready(cr(20_000), cr(1));
    let care = Care {
        audit,
        ..Care::default()
    };
    let terms = Terms {
        care,
        ..terms(bundles * 100, 100, 2)
    };
    let chain = chain(&chain(&secret()));
    let mut sizes = Vec::new();
    let mut enter = |scene: &mut Scene, who: Who, body: Body| {
        let entry = scene.sign(who, body);
        sizes.push(protocol::bytes::write(entry.value()).len() + 96);
        let id = JobId::new(*entry.entry_id().bytes());
        scene.block(10, vec![entry]).remove(0).unwrap();
        id
    };
    let job = enter(&mut scene, R, submission(terms, chain));
    while scene.at.height.after(1) < read::job(&scene.rows, job).unwrap().start_from {
        scene.block(10, vec![]);
    }
    let link = protocol::entry::chain(&secret());
    enter(&mut scene, R, Body::Start { job, link });
    let runs: Vec<(u32, PeerId)> = (0..bundles)
        .flat_map(|index| {
            scene
                .peers(job, index)
                .into_iter()
                .map(move |peer| (index, peer))
        })
        .collect();
    let seals = runs
        .iter()
        .map(|(index, peer)| scene.seal_of(job, *index, *peer, '0'))
        .collect();
    enter(&mut scene, R, Body::SealBatch { job, seals });
    let secret = secret();
    enter(&mut scene, R, Body::Close { job, secret });
    let found: Vec<Findings> = called(&scene, job)
        .iter()
        .flat_map(|who| scene.findings(*who, job, '0'))
        .collect();
    for (who, findings) in called(&scene, job).iter().zip(&found) {
        let hash = findings.seal(&job);
        enter(
            &mut scene,
            *who,
            Body::Audit(AuditRequest::Seal { job, hash }),
        );
    }
    let openings = runs
        .iter()
        .map(|(index, peer)| opening(*index, 100, *peer, '0'))
        .collect();
    let open = AuditRequest::Open {
        job,
        openings,
        findings: found,
        content: true,
    };
    enter(&mut scene, R, Body::Audit(open));
    let row = read::job(&scene.rows, job).unwrap();
    assert_eq!((row.phase, row.open), (Phase::Ended, 0));
    sizes
}

#[test]
fn ten_thousand_tasks_take_five_entries_one_per_auditor_and_under_a_hundred_kilobytes() {
    let sizes = in_batches(100, Bps::ZERO);
    assert_eq!(sizes.len(), 5 + 4);
    let all: usize = sizes.iter().sum();
    assert!(all < 100_000, "{all} bytes: {sizes:?}");
    // At the tenth of clouds too.
    let sizes = in_batches(100, Bps::new(1_000));
    assert_eq!(sizes.len(), 5 + 4);
    let all: usize = sizes.iter().sum();
    assert!(all < 100_000, "{all} bytes: {sizes:?}");
}

#[test]
fn what_an_auditor_could_not_run_is_neither_paid_nor_contested() {
    let (mut scene, job, letters) = audited("77");
    let auditor = scene.auditor(job);
    scene.audit_seal(auditor, job, '!').unwrap();
    scene.open_all(job, &letters);
    let has = scene.has(auditor);
    let findings = scene.findings(auditor, job, '!');
    assert_eq!(findings[0].outcomes, [None]);
    scene.audit_open(auditor, job, '!').unwrap();
    assert_eq!(
        scene.contest(R, job, '7'),
        Err(Refusal::NotAudited { place: 1 })
    );
    scene.accept(R, job).unwrap();
    assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
    assert!(scene.has(auditor) <= has, "it earned nothing");
}
