//! Jobs whose outcomes differ between honest machines: whatever their peers open, nobody is found
//! wrong, and only the submitter can say that it is alike.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/job.rs"]
mod job_scene;
mod scene;

use std::collections::BTreeSet;

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

/// Accepts what these peers opened.
fn accept(job: JobId, peers: impl IntoIterator<Item = PeerId>) -> Body {
    let bundle = BundleId { job, index: 0 };
    let mut peers: Vec<PeerId> = peers.into_iter().collect();
    peers.sort_unstable();
    Body::Audit(AuditRequest::Alike { bundle, peers })
}

/// Accepts what all of them opened.
fn alike(job: JobId, letters: &[(PeerId, char)]) -> Body {
    accept(job, letters.iter().map(|(peer, _)| *peer))
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
    who_is_paid(scene).len()
}

fn who_is_paid(scene: &Scene) -> BTreeSet<PeerId> {
    let paid = |event: &Event| match event {
        Event::Paid { peer, .. } => Some(*peer),
        _ => None,
    };
    let paid: Vec<PeerId> = scene.events.iter().filter_map(paid).collect();
    let once: BTreeSet<PeerId> = paid.iter().copied().collect();
    assert_eq!(once.len(), paid.len(), "nobody is paid twice");
    once
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
        assert_eq!(
            scene.enter(who, alike(job, &claims)),
            Err(Refusal::NotYourJob)
        );
    }
    scene.enter(R, alike(job, &claims)).unwrap();
    assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
    assert_eq!(paid(&scene), 3);
    nobody_is_judged(&scene, &claims);
    let again = scene.enter(R, alike(job, &claims));
    assert!(matches!(again, Err(Refusal::WrongState { .. })));
}

#[test]
fn who_is_accepted_is_paid_and_the_others_lose_nothing() {
    // Of three copies, every choice of at least one.
    for chosen in 1..8_u8 {
        let mut scene = ready();
        let before = scene.has(R);
        let (job, claims) = opened(&mut scene, "+79");
        let is_chosen = |at: usize| chosen >> at & 1 == 1;
        let peers = claims.iter().enumerate();
        let peers = peers
            .filter(|(at, _)| is_chosen(*at))
            .map(|(_, (peer, _))| *peer);
        let peers: BTreeSet<PeerId> = peers.collect();
        scene.enter(R, accept(job, peers.clone())).unwrap();
        assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
        assert_eq!(who_is_paid(&scene), peers, "{chosen:03b}");
        nobody_is_judged(&scene, &claims);
        // Each task of half a Gfuel, at 1 credit a Gfuel; `+` has one operator more on its bill.
        let row = read::job(&scene.rows, job).unwrap();
        let bills = Credits::new(1_000_000 * peers.len() as u64);
        let more = Credits::new(u64::from(is_chosen(0)));
        assert_eq!(row.paid, bills.plus(more).unwrap(), "{chosen:03b}");
        let spent = row.paid.plus(row.fees).unwrap();
        assert_eq!(row.escrow, spent.plus(row.refunded).unwrap());
        assert!(before.minus(scene.has(R)).unwrap() < spent.plus(cr(1)).unwrap());
    }
}

#[test]
fn nobody_is_accepted_who_has_not_opened() {
    let mut scene = ready();
    let job = scene.drawn(terms_of(Judge::Submitter, 3));
    let peers = scene.peers(job, 0);
    for (peer, letter) in peers.iter().zip("779".chars()) {
        scene.seal(job, *peer, letter).unwrap();
    }
    scene.close_when(job, |_| true).unwrap();
    scene.open(job, peers[0], '7').unwrap();
    scene.open(job, peers[2], '9').unwrap();
    let early = scene.enter(R, accept(job, [peers[0]]));
    assert!(
        matches!(early, Err(Refusal::WrongState { .. })),
        "{early:?}"
    );
    scene.wait(scene.genesis.params.open_window);
    assert_eq!(scene.state(job), State::Differing);
    let stranger = (0..WORKERS).map(worker).find(|peer| !peers.contains(peer));
    for peer in [peers[1], stranger.unwrap(), node(R.0)] {
        let refused = scene.enter(R, accept(job, [peers[0], peer]));
        assert_eq!(refused, Err(Refusal::NotOpened { peer }));
    }
    assert_eq!(paid(&scene), 0);
    scene.enter(R, accept(job, [peers[0]])).unwrap();
    assert_eq!(who_is_paid(&scene), BTreeSet::from([peers[0]]));
}

#[test]
fn who_was_struck_meanwhile_is_unpaid_and_costs_the_others_nothing() {
    let mut scene = ready();
    let (job, claims) = opened(&mut scene, "779");
    let struck = claims[1].0;
    let seals = Box::new(['7', '9'].map(|letter| scene.seal_of(job, 0, struck, letter)));
    let shown = Body::Audit(AuditRequest::TwoSeals { job, seals });
    scene.enter(ANNA, shown).unwrap();
    assert_eq!(scene.state(job), State::Differing);
    scene.enter(R, accept(job, [claims[0].0, struck])).unwrap();
    assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
    assert_eq!(who_is_paid(&scene), BTreeSet::from([claims[0].0]));
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
    let (job, claims) = opened(&mut scene, "79");
    scene.wait(scene.genesis.params.dispute_window);
    let late = scene.enter(R, alike(job, &claims));
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
    let all = accept(job, peers);
    assert_eq!(scene.enter(R, all), Err(Refusal::NotTheJudge));
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
