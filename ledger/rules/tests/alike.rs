//! Jobs whose outcomes differ between honest machines: whatever their peers open, nobody is found
//! wrong, and only the submitter can say that it is alike.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/job.rs"]
mod job_scene;
mod scene;

use job_scene::*;
use protocol::entry::{AuditRequest, Body};
use protocol::event::{Ending, Event};
use protocol::ids::{BundleId, Digest, JobId, PeerId};
use protocol::job::{Care, Class, Judge, Terms};
use protocol::units::{Bps, Credits};
use rules::work::State;
use rules::{Refusal, read};
use scene::*;

/// A class in which every task of an ordinary job is audited.
fn ready() -> Scene {
    Scene::with(|params| params.audit = [Bps::ONE; 4]).ready(cr(1_000), cr(1))
}

fn terms_of(judge: Judge, copies: u8) -> Terms {
    Terms {
        judge,
        ..terms(2, 2, copies)
    }
}

/// A job whose peers opened these letters.
fn opened(scene: &mut Scene, letters: &str) -> (JobId, Vec<(PeerId, char)>) {
    let copies = u8::try_from(letters.len()).unwrap();
    let job = scene.drawn(terms_of(Judge::Submitter, copies));
    let peers = scene.peers(job, 0).into_iter();
    let letters: Vec<(PeerId, char)> = peers.zip(letters.chars()).collect();
    for (peer, letter) in &letters {
        scene.seal(job, *peer, *letter).unwrap();
    }
    scene.close_when(job, |_| true).unwrap();
    for (peer, letter) in &letters {
        scene.open(job, *peer, *letter).unwrap();
    }
    (job, letters)
}

fn alike(job: JobId) -> Body {
    let bundle = BundleId { job, index: 0 };
    Body::Audit(AuditRequest::Alike { bundle })
}

/// That none of them lost, is locked for, or is trusted for anything.
fn nobody_is_judged(scene: &Scene, letters: &[(PeerId, char)]) {
    let judged = |event: &Event| {
        matches!(
            event,
            Event::Slashed { .. }
                | Event::PanelCalled { .. }
                | Event::AuditDrawn { .. }
                | Event::Verdict { .. }
        )
    };
    assert!(!scene.events.iter().any(judged));
    for (peer, _) in letters {
        assert_eq!(scene.bond(*peer), cr(1_000));
        assert_eq!(scene.locked(*peer), Credits::ZERO);
        let trust = read::trust(&scene.rows, *peer, Class::Grid).unwrap();
        let new = read::trust(&ready().rows, worker(0), Class::Grid).unwrap();
        assert_eq!(trust.score, new.score, "nobody is trusted more for it");
    }
}

fn paid(scene: &Scene) -> usize {
    let paid = |event: &&Event| matches!(event, Event::Paid { .. });
    scene.events.iter().filter(paid).count()
}

#[test]
fn what_differs_is_unpaid_and_unslashed() {
    for letters in ["79", "+7", "779", "799", "777779"] {
        let mut scene = ready();
        let before = scene.has(R);
        let (job, claims) = opened(&mut scene, letters);
        assert_eq!(scene.state(job), State::Differing);
        for who in [R, ANNA, member(0)] {
            let shown = scene.dispute(who, job, &claims);
            assert_eq!(shown, Err(Refusal::NotTheJudge), "{letters}");
        }
        scene.wait(scene.genesis.params.dispute_window);
        assert_eq!(scene.state(job), State::Ended(Ending::Undisputed));
        assert_eq!(paid(&scene), 0, "{letters}");
        nobody_is_judged(&scene, &claims);
        let job = read::job(&scene.rows, job).unwrap();
        assert_eq!(job.escrow, job.refunded);
        assert!(before.minus(scene.has(R)).unwrap() < cr(1), "only fees");
    }
}

#[test]
fn the_submitter_alone_finds_outcomes_alike_and_then_all_are_paid() {
    let mut scene = ready();
    let (job, claims) = opened(&mut scene, "+79");
    for who in [ANNA, member(0), owner(0)] {
        assert_eq!(scene.enter(who, alike(job)), Err(Refusal::NotYourJob));
    }
    scene.enter(R, alike(job)).unwrap();
    assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
    assert_eq!(paid(&scene), 3);
    nobody_is_judged(&scene, &claims);
    let again = scene.enter(R, alike(job));
    assert!(matches!(again, Err(Refusal::WrongState { .. })));
}

#[test]
fn what_is_the_same_bit_by_bit_is_paid_at_once() {
    let mut scene = ready();
    let (job, claims) = opened(&mut scene, "77");
    assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
    assert_eq!(paid(&scene), 2);
    nobody_is_judged(&scene, &claims);
}

#[test]
fn too_late_is_too_late() {
    let mut scene = ready();
    let (job, _) = opened(&mut scene, "79");
    scene.wait(scene.genesis.params.dispute_window);
    let late = scene.enter(R, alike(job));
    assert!(matches!(late, Err(Refusal::WrongState { .. })), "{late:?}");
    assert_eq!(paid(&scene), 0);
}

#[test]
fn where_bits_are_equal_the_submitter_is_not_asked() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let job = scene.drawn(terms_of(Judge::Panel, 2));
    let peers = scene.peers(job, 0);
    for (peer, letter) in peers.iter().zip("79".chars()) {
        scene.seal(job, *peer, letter).unwrap();
    }
    scene.close(job).unwrap();
    for (peer, letter) in peers.iter().zip("79".chars()) {
        scene.open(job, *peer, letter).unwrap();
    }
    assert_eq!(scene.enter(R, alike(job)), Err(Refusal::NotTheJudge));
}

#[test]
fn it_costs_neither_audits_nor_a_panels_deposit_and_may_ask_for_neither() {
    let mut scene = ready();
    let exact = scene.submit(terms_of(Judge::Panel, 2)).unwrap();
    let own = scene.submit(terms_of(Judge::Submitter, 2)).unwrap();
    let row = |job| read::job(&scene.rows, job).unwrap();
    assert_eq!(row(own).deposit, Credits::ZERO);
    assert_eq!(row(own).audits, Credits::ZERO);
    assert!(row(own).escrow < row(exact).escrow);
    for care in [
        Care {
            audit: Bps::new(1),
            ..Care::default()
        },
        Care {
            canaries: Some(Digest::of(b"known")),
            ..Care::default()
        },
    ] {
        let terms = Terms {
            care,
            ..terms_of(Judge::Submitter, 2)
        };
        use protocol::bytes::Limited;
        assert!(terms.within_limits().is_err());
    }
}
