//! Faults: each with its proof, its penalty and what follows from it. Nobody is slashed without a
//! record of what for, and what a slash would be can be asked before.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/audit.rs"]
mod audit_scene;
#[path = "scene/job.rs"]
mod job_scene;
mod scene;

use job_scene::*;
use proptest::prelude::*;
use protocol::entry::{AuditRequest, Body};
use protocol::event::{Ending, Event, Fault, FaultEvent};
use protocol::ids::{BundleId, JobId, PeerId};
use protocol::job::{Care, Terms};
use protocol::units::{Credits, Millis};
use rules::work::{Ground, Hold, HoldState, Stage, State};
use rules::{Code, Refusal, read};
use scene::*;

/// Bundle 0 of a new job, its peers' seals opened with these letters.
fn opened(scene: &mut Scene, letters: &str) -> (JobId, Vec<(PeerId, char)>) {
    let copies = u8::try_from(letters.len()).unwrap();
    let job = scene.drawn(terms(2, 2, copies));
    let peers = scene.peers(job, 0);
    let letters: Vec<(PeerId, char)> = peers.into_iter().zip(letters.chars()).collect();
    for (peer, letter) in &letters {
        scene.seal(job, *peer, *letter).unwrap();
    }
    scene.close(job).unwrap();
    scene.open_all(job, &letters);
    (job, letters)
}

fn holds(scene: &Scene) -> Vec<Hold> {
    let count = read::counts(&scene.rows).slashes;
    (0..count)
        .map(|n| read::hold(&scene.rows, n).unwrap())
        .collect()
}

fn share(hold: &Hold, code: Code) -> Credits {
    let shares = hold.shares.iter().filter(|share| share.code == code);
    shares.fold(Credits::ZERO, |sum, share| sum.plus(share.amount).unwrap())
}

#[test]
fn a_slash_is_held_for_an_appeal_and_then_shared_as_planned() {
    let window = Millis::new(3_600_000);
    let mut scene = Scene::with(|params| params.appeal_window = window).ready(cr(1_000), cr(1));
    let (job, letters) = opened(&mut scene, "79");
    let name = BundleId { job, index: 0 };
    let preview = read::slash_preview(&scene.rows, name, letters[1].0, Fault::WrongOutcome);
    scene.dispute(ANNA, job, &letters).unwrap();
    let anna = scene.has(ANNA);
    scene.judge(job, "77");
    assert_eq!(scene.state(job), State::Ended(Ending::Judged));
    let hold = holds(&scene).remove(0);
    assert_eq!((hold.state, hold.amount), (HoldState::Held, cr(128)));
    assert_eq!(hold.ground, Ground::Verdict(0));
    let (amount, [burned, victims, finder, treasury]) = preview.unwrap();
    assert_eq!(amount, hold.amount);
    assert_eq!(share(&hold, Code::SlashBurned), burned);
    assert_eq!(share(&hold, Code::SlashVictim), victims);
    assert_eq!(share(&hold, Code::SlashFinder), finder);
    let kept = share(&hold, Code::SlashTreasury).plus(share(&hold, Code::PanelPay));
    assert_eq!(kept, Some(treasury));
    // The bond is less at once, and nobody has any of it yet.
    assert_eq!(scene.bond(letters[1].0), cr(1_000 - 128));
    assert_eq!(scene.has(ANNA), anna);
    scene.wait(Millis::new(window.get() - 1_000));
    assert_eq!(scene.has(ANNA), anna);
    scene.wait(Millis::new(1_000));
    assert_eq!(scene.has(ANNA), anna.plus(finder).unwrap());
    assert_eq!(holds(&scene)[0].state, HoldState::Given);
    let held = rules::Account::SlashHold(name);
    assert_eq!(read::account(&scene.rows, held).amount(), Credits::ZERO);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The parts of a slash are the slash, nothing is slashed without a verdict or a deadline, and
    /// the preview is the slash: whatever is bonded, unbonded and found.
    #[test]
    fn a_preview_is_the_slash(
        bond in 130..2_000_u64,
        leaving in 0..1_000_u64,
        letters in prop::sample::select(vec!["79", "779", "799", "789"]),
    ) {
        let mut scene = Scene::new().ready(cr(bond), cr(1));
        let (job, letters) = opened(&mut scene, letters);
        let name = BundleId { job, index: 0 };
        for n in 0..WORKERS {
            let (peer, amount) = (worker(n), cr(leaving.min(bond - 128)));
            let _ = scene.enter(owner(n), Body::Unbond { peer, amount });
        }
        let preview: Vec<_> = letters
            .iter()
            .map(|(peer, _)| {
                let fault = Fault::WrongOutcome;
                (*peer, read::slash_preview(&scene.rows, name, *peer, fault).unwrap())
            })
            .collect();
        scene.dispute(ANNA, job, &letters).unwrap();
        scene.judge(job, "77");
        for hold in holds(&scene) {
            let (_, (amount, [burned, victims, ..])) =
                preview.iter().find(|(peer, _)| *peer == hold.peer).unwrap();
            prop_assert_eq!(hold.amount, *amount);
            prop_assert_eq!(share(&hold, Code::SlashBurned), *burned);
            prop_assert_eq!(share(&hold, Code::SlashVictim), *victims);
            let sum: u64 = hold.shares.iter().map(|share| share.amount.get()).sum();
            prop_assert_eq!(sum, hold.amount.get());
            let Ground::Verdict(number) = hold.ground else {
                panic!("a wrong outcome is found by a panel");
            };
            let verdict = read::dispute(&scene.rows, number).unwrap().verdict.unwrap();
            prop_assert!(verdict.convicted.contains(&hold.peer));
        }
        let wrong = letters.iter().filter(|(_, letter)| *letter != '7').count();
        prop_assert_eq!(holds(&scene).len(), wrong);
    }
}

#[test]
fn what_leaves_a_bond_is_slashed_too() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let (job, letters) = opened(&mut scene, "79");
    let liar = letters[1].0;
    let n = (0..WORKERS).find(|n| worker(*n) == liar).unwrap();
    let seals = ['9', '7'].map(|letter| scene.seal_of(job, 0, liar, letter));
    let (peer, amount) = (liar, cr(872));
    scene
        .enter(owner(n), Body::Unbond { peer, amount })
        .unwrap();
    scene.dispute(ANNA, job, &letters).unwrap();
    scene.judge(job, "77");
    assert_eq!(scene.bond(liar), Credits::ZERO);
    // Its second fault finds nothing in the bond, and takes it from what is leaving.
    let seals = Box::new(seals);
    let two = AuditRequest::TwoSeals { job, seals };
    scene.enter(ANNA, Body::Audit(two)).unwrap();
    let standing = read::peer(&scene.rows, liar).unwrap();
    assert_eq!(standing.unbonding, cr(872 - 128));
    let left: u64 = standing
        .peer
        .unbonding
        .iter()
        .map(|(left, _)| left.get())
        .sum();
    assert_eq!(left, standing.unbonding.get());
}

#[test]
fn three_convictions_in_a_month_are_the_last() {
    let mut scene = Scene::with(|params| params.jail = Millis::new(60_000));
    scene = scene.ready(cr(10_000), cr(1));
    let liar = worker(0);
    for times in 1..=3 {
        if times > 1 {
            scene.offer(0, 4, cr(1)).unwrap();
        }
        loop {
            let job = scene.drawn(terms(2, 2, 2));
            let peers = scene.peers(job, 0);
            let says = |peer| (peer, if peer == liar { '9' } else { '7' });
            let letters: Vec<(PeerId, char)> = peers.into_iter().map(says).collect();
            for (peer, letter) in &letters {
                scene.seal(job, *peer, *letter).unwrap();
            }
            scene.close(job).unwrap();
            scene.open_all(job, &letters);
            if scene.state(job) == State::Differing {
                scene.dispute(ANNA, job, &letters).unwrap();
                scene.judge(job, "77");
                break;
            }
        }
        let record = read::faults(&scene.rows, liar);
        assert_eq!(
            (record.times[0], record.convicted.len()),
            (times, times as usize)
        );
        assert_eq!(
            read::peer(&scene.rows, liar).unwrap().peer.struck,
            times == 3
        );
        scene.wait(Millis::new(60_000));
    }
    let struck = Event::Fault(FaultEvent::PeerStruck { peer: liar });
    assert!(scene.events.contains(&struck));
    assert_eq!(
        scene.offer(0, 1, cr(1)),
        Err(Refusal::Struck { peer: liar })
    );
    // Its honest results of the last week are in doubt, and the researcher may claim for each.
    for result in read::tainted(&scene.rows, liar, u64::MAX, 100) {
        assert_eq!((result.submitter, result.paid), (R.party(), cr(1)));
    }
}

#[test]
fn two_seals_are_shown_by_anyone_also_when_all_is_over() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let (job, letters) = opened(&mut scene, "77");
    assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
    let peer = letters[0].0;
    let good = scene.seal_of(job, 0, peer, '7');
    let bad = scene.seal_of(job, 0, peer, '9');
    let show = |one: &protocol::entry::PeerSeal, other: &protocol::entry::PeerSeal| {
        let seals = Box::new([one.clone(), other.clone()]);
        Body::Audit(AuditRequest::TwoSeals { job, seals })
    };
    assert_eq!(
        scene.enter(ANNA, show(&good, &good)),
        Err(Refusal::NotTwoSeals)
    );
    let mut forged = bad.clone();
    forged.signature = good.signature;
    let refused = scene.enter(ANNA, show(&good, &forged));
    assert_eq!(refused, Err(Refusal::SealForged { peer }));
    let kept = (scene.rows.clone(), scene.at);
    scene.wait(scene.genesis.params.unbond_window);
    scene.wait(scene.genesis.params.dispute_window);
    let late = scene.enter(ANNA, show(&good, &bad));
    assert!(
        matches!(late, Err(Refusal::DeadlinePassed { .. })),
        "{late:?}"
    );
    (scene.rows, scene.at) = kept;
    let anna = scene.has(ANNA);
    scene.enter(ANNA, show(&good, &bad)).unwrap();
    // Nothing of it is locked any more: the lock of that bundle is what it loses.
    assert_eq!(scene.bond(peer), cr(1_000 - 128));
    assert!(scene.has(ANNA) > anna);
    assert!(read::peer(&scene.rows, peer).unwrap().peer.struck);
    assert_eq!(
        scene.enter(ANNA, show(&good, &bad)),
        Err(Refusal::Struck { peer })
    );
}

#[test]
fn a_module_with_no_one_outcome_is_not_taken_again() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let (job, letters) = opened(&mut scene, "79");
    scene.dispute(ANNA, job, &letters).unwrap();
    scene.judge(job, "79");
    scene.judge(job, "7799");
    assert_eq!(scene.state(job), State::Ended(Ending::Nondeterministic));
    assert!(holds(&scene).is_empty(), "nobody is slashed for it");
    let module = terms(2, 2, 2).module;
    assert_eq!(read::module_flag(&scene.rows, module).unwrap().job, job);
    let again = scene.submit(terms(2, 2, 2));
    assert_eq!(again, Err(Refusal::ModuleFlagged { module, job }));
    let other = protocol::ids::Digest::of(b"another module");
    let module = other;
    scene
        .submit(Terms {
            module,
            ..terms(2, 2, 2)
        })
        .unwrap();
    // Where no judge has any outcome the input was missing, and the module is not to blame.
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let (job, letters) = opened(&mut scene, "79");
    scene.dispute(ANNA, job, &letters).unwrap();
    scene.judge(job, "!!");
    scene.judge(job, "!!!!");
    assert_eq!(scene.state(job), State::Ended(Ending::Nondeterministic));
    scene.submit(terms(2, 2, 2)).unwrap();
}

fn demand(job: JobId, peer: PeerId) -> Body {
    let bundle = BundleId { job, index: 0 };
    Body::Audit(AuditRequest::Demand { bundle, peer })
}

fn answers(job: JobId, peer: PeerId, letter: char) -> Body {
    let bundle = BundleId { job, index: 0 };
    let outcomes = outcomes(2, letter);
    Body::Audit(AuditRequest::Answer {
        bundle,
        peer,
        outcomes,
    })
}

#[test]
fn who_opens_a_root_and_hides_its_outcomes_is_taken_for_a_liar() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let (job, letters) = opened(&mut scene, "79");
    let (honest, liar) = (letters[0].0, letters[1].0);
    let bundle = BundleId { job, index: 0 };
    assert_eq!(scene.enter(ANNA, demand(job, liar)), Err(Refusal::NoStake));
    let before = scene.owns();
    scene.enter(R, demand(job, liar)).unwrap();
    let deposit = read::demand(&scene.rows, bundle, liar).unwrap().deposit;
    assert!(deposit > Credits::ZERO && scene.owns() < before);
    let again = scene.enter(R, demand(job, liar));
    assert_eq!(again, Err(Refusal::AlreadyDemanded { peer: liar }));
    let other = scene.enter(ANNA, answers(job, liar, '7'));
    assert_eq!(other, Err(Refusal::OpeningMismatch { peer: liar }));
    let n = (0..WORKERS).find(|n| worker(*n) == honest).unwrap();
    let has = scene.has(owner(n));
    scene.wait(scene.genesis.params.answer_window);
    assert_eq!(scene.state(job), State::Ended(Ending::Short));
    assert_eq!(scene.bond(liar), cr(1_000 - 128));
    assert_eq!(scene.bond(honest), cr(1_000));
    // The honest is paid out of the slash, and the deposit came back.
    assert_eq!(scene.has(owner(n)), has.plus(cr(1)).unwrap());
    assert_eq!(
        read::demand(&scene.rows, bundle, liar).unwrap().deposit,
        Credits::ZERO
    );
    assert!(scene.owns() > before);
    assert!(matches!(scene.bundle(job, 0).runs[1].stage, Stage::Gone(_)));
    assert!(read::faults(&scene.rows, liar).tainted.is_some());
}

#[test]
fn who_answers_and_is_right_has_the_deposit_and_who_is_wrong_has_not() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let (job, letters) = opened(&mut scene, "79");
    let bundle = BundleId { job, index: 0 };
    for (peer, letter) in &letters {
        scene.enter(R, demand(job, *peer)).unwrap();
        scene.enter(ANNA, answers(job, *peer, *letter)).unwrap();
        let again = scene.enter(ANNA, answers(job, *peer, *letter));
        assert_eq!(again, Err(Refusal::NotDemanded { peer: *peer }));
    }
    let deposit = read::demand(&scene.rows, bundle, letters[0].0)
        .unwrap()
        .deposit;
    let owner_of = |peer: PeerId| owner((0..WORKERS).find(|n| worker(*n) == peer).unwrap());
    let has = |scene: &Scene, place: usize| scene.has(owner_of(letters[place].0));
    let before = (has(&scene, 0), has(&scene, 1));
    scene.wait(scene.genesis.params.answer_window);
    assert_eq!(scene.state(job), State::Differing, "they answered");
    scene.dispute(R, job, &letters).unwrap();
    scene.judge(job, "77");
    let pay = cr(1).plus(deposit).unwrap();
    assert_eq!(has(&scene, 0), before.0.plus(pay).unwrap());
    assert_eq!(has(&scene, 1), before.1);
}

#[test]
fn a_ring_that_hides_what_is_audited_does_not_escape() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let job = scene.drawn(terms(2, 2, 2));
    let letters = scene.audited(job, "99");
    let auditor = scene.auditor(job);
    scene.audit_seal(auditor, job, '7').unwrap();
    scene.open_all(job, &letters);
    scene.audit_open(auditor, job, '7').unwrap();
    for (peer, _) in &letters {
        scene.enter(auditor, demand(job, *peer)).unwrap();
    }
    scene.wait(scene.genesis.params.answer_window);
    assert_eq!(scene.state(job), State::Ended(Ending::Short));
    for (peer, _) in &letters {
        assert_eq!(scene.bond(*peer), cr(1_000 - 128));
    }
}

#[test]
fn who_declares_more_at_risk_has_more_locked_for_it() {
    let mut scene = Scene::new().ready(cr(5_000), cr(1));
    let care = |risk| Care {
        value_at_risk: risk,
        ..Care::default()
    };
    let job = scene.drawn(Terms {
        care: care(cr(10)),
        ..terms(2, 2, 2)
    });
    for peer in scene.peers(job, 0) {
        assert_eq!(scene.locked(peer), cr(1_280));
    }
    // With less than that free nobody is drawn.
    let job = scene
        .submit(Terms {
            care: care(cr(40)),
            ..terms(2, 2, 2)
        })
        .unwrap();
    let short = scene.start(job);
    assert!(
        matches!(short, Err(Refusal::NotEnoughPeers { .. })),
        "{short:?}"
    );
    let most = cr(1_000);
    let mad = scene.submit(Terms {
        care: care(cr(1_001)),
        ..terms(2, 2, 2)
    });
    assert_eq!(mad, Err(Refusal::RiskTooHigh { most }));
}

#[test]
fn what_is_not_sealed_by_the_deadline_goes_back_by_itself() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let care = Care {
        deadline: Some(Millis::new(90_000)),
        ..Care::default()
    };
    let job = scene
        .submit(Terms {
            care,
            ..terms(4, 2, 2)
        })
        .unwrap();
    let before = scene.owns();
    scene.start(job).unwrap();
    // Bundle 0 is sealed in time; of bundle 1 one copy is not, whoever it is handed on to.
    for peer in scene.peers(job, 0) {
        scene.seal(job, peer, '7').unwrap();
    }
    let prompt = scene.peers(job, 1)[0];
    let seals = vec![scene.seal_of(job, 1, prompt, '7')];
    scene.enter(R, Body::SealBatch { job, seals }).unwrap();
    scene.wait(Millis::new(60_000));
    assert_eq!(scene.bundle(job, 1).state, State::Drawn, "handed on");
    scene.wait(Millis::new(30_000));
    let late = scene.bundle(job, 1);
    assert_eq!(late.state, State::Ended(Ending::Short));
    assert_eq!(scene.state(job), State::Sealed, "what is in time goes on");
    let row = read::job(&scene.rows, job).unwrap();
    assert_eq!(row.deadline, Some(row.submitted.after(Millis::new(90_000))));
    scene.wait(scene.genesis.params.close_window);
    scene.wait(scene.genesis.params.audit_window);
    scene.wait(scene.genesis.params.audit_window);
    scene.wait(scene.genesis.params.open_window);
    let row = read::job(&scene.rows, job).unwrap();
    assert_eq!((row.paid, row.refunded), (Credits::ZERO, row.escrow));
    assert!(
        scene.owns() > before,
        "all came back, with its share of the fines"
    );
}

#[test]
fn an_anchor_is_drawn_at_the_submitter_s_own_institution() {
    let mut scene = Scene::new().ready(cr(5_000), cr(1));
    let care = Care {
        anchor: true,
        ..Care::default()
    };
    let wanted = |peer| Terms {
        care,
        peer,
        ..terms(8, 1, 2)
    };
    // Nobody knows which institution that would be.
    let stranger = node(R.0);
    let refused = scene.submit(wanted(stranger));
    assert_eq!(refused, Err(Refusal::UnknownPeer { peer: stranger }));
    let job = scene.drawn(wanted(worker(3)));
    for index in 0..8 {
        let runs = scene.bundle(job, index).runs;
        assert_eq!(runs[0].sponsor, desk(3).party());
        assert_ne!(runs[1].sponsor, desk(3).party());
    }
}
