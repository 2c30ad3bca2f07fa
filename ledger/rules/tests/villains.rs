//! Everyone who tries: each line is an attack, and the refusal that meets it.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/job.rs"]
mod job_scene;
mod scene;

use job_scene::*;
use protocol::entry::{Body, Entry, SignedEntry, chain};
use protocol::event::Ending;
use protocol::ids::{BundleId, FederationId, PeerId};
use protocol::units::{Credits, Millis};
use rules::work::State;
use rules::{Refusal, preview, read};
use scene::*;

fn pay(to: Who, amount: Credits) -> Body {
    Body::Transfer {
        moves: vec![(to.party(), amount)],
    }
}

#[test]
fn an_entry_counts_once_here_and_only_for_its_signer() {
    let mut scene = Scene::new();
    let once = scene.sign(R, pay(ANNA, cr(1)));
    let twice = once.clone();
    assert_eq!(
        scene.block(10, vec![once, twice]),
        [Ok(()), Err(Refusal::NonceUsed { next: 1, got: 0 })]
    );
    let later = scene.sign_as(R, 2, pay(ANNA, cr(1)));
    let future = Err(Refusal::NonceInFuture { next: 1, got: 2 });
    assert_eq!(preview(&scene.rows, scene.at.now, &later), future);
    assert_eq!(scene.block(10, vec![later]), [future]);

    let entry = |change: &dyn Fn(&mut Entry)| {
        let mut entry = scene.sign_as(R, 1, pay(ANNA, cr(1))).into_value();
        change(&mut entry);
        entry
    };
    let day = Millis::new(24 * 3_600_000);
    let now = scene.at.now;
    let villains = [
        (entry(&|e| e.federation = FederationId::new([1; 32])), R, 2),
        (entry(&|e| e.sender = Who(99).party()), Who(99), 3),
        (entry(&|_| ()), ANNA, 4),
        (entry(&|e| e.valid_until = now), R, 5),
        (entry(&|e| e.valid_until = now.after(day)), R, 6),
        (entry(&|e| e.body = Body::Transfer { moves: vec![] }), R, 1),
    ];
    for (entry, signer, code) in villains {
        let before = scene.rows.clone();
        let entry = SignedEntry::sign(entry, &key(signer.0)).check().unwrap();
        let refusal = scene.block(10, vec![entry]).remove(0).unwrap_err();
        assert_eq!(refusal.code(), code, "{refusal}");
        assert!(refusal.left_no_trace());
        let wallet = |rows| read::wallet(rows, R.party()).available;
        assert_eq!(wallet(&before), wallet(&scene.rows));
        assert_eq!(read::nonce(&scene.rows, R.party(), 0), 1);
    }
}

#[test]
fn credits_are_spent_once() {
    let mut scene = Scene::new();
    let has = scene.has(R);
    let almost = Credits::new(has.get() - 2_000);
    let first = scene.sign_as(R, 0, pay(ANNA, almost));
    let second = scene.sign_as(R, 1, pay(owner(0), almost));
    let answers = scene.block(10, vec![first, second]);
    assert_eq!(answers[0], Ok(()));
    let refusal = answers[1].clone().unwrap_err();
    assert!(
        matches!(refusal, Refusal::InsufficientBalance { .. }),
        "{refusal}"
    );
    // The refused entry cost its fee and its nonce.
    assert_eq!(read::nonce(&scene.rows, R.party(), 0), 2);
    assert!(scene.has(R) < Credits::new(2_000 - 2 * 200));
}

/// Three drawn peers of one bundle, all sealed and the job closed; B lies.
fn closed() -> (Scene, protocol::ids::JobId, Vec<PeerId>) {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let job = scene.drawn(terms(4, 4, 3));
    let peers = scene.peers(job, 0);
    for (peer, letter) in peers.clone().into_iter().zip("797".chars()) {
        scene.seal(job, peer, letter).unwrap();
    }
    scene.close(job).unwrap();
    (scene, job, peers)
}

#[test]
fn seals_are_the_peers_own_and_in_time() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let job = scene.drawn(terms(4, 4, 2));
    let peers = scene.peers(job, 0);
    let mut forged = scene.seal_of(job, 0, peers[0], '7');
    forged.signature = scene.seal_of(job, 0, peers[1], '7').signature;
    let batch = |seals| Body::SealBatch { job, seals };
    assert_eq!(
        scene.enter(R, batch(vec![forged.clone()])),
        Err(Refusal::SealForged { peer: peers[0] })
    );
    let stranger = (0..WORKERS)
        .map(worker)
        .find(|w| !peers.contains(w))
        .unwrap();
    assert_eq!(
        scene.seal(job, stranger, '7'),
        Err(Refusal::NotDrawn { peer: stranger })
    );
    let mut moved = scene.seal_of(job, 0, peers[0], '7');
    moved.bundle = 1;
    assert_eq!(
        scene.enter(R, batch(vec![moved])),
        Err(Refusal::UnknownBundle)
    );
    assert_eq!(
        scene.open(job, peers[0], '7'),
        Err(Refusal::NotSealed { peer: peers[0] })
    );
    // A forged seal does not hold up a good one beside it.
    let good = scene.seal_of(job, 0, peers[1], '7');
    scene.enter(R, batch(vec![forged, good])).unwrap();
    assert_eq!(
        scene.seal(job, peers[1], '7'),
        Err(Refusal::AlreadySealed { peer: peers[1] })
    );
    let unsealed = scene.close(job);
    assert_eq!(unsealed, Err(Refusal::NotAllSealed { unsealed: 1 }));
    // In the block in which the time is over, the run is already another's.
    let late = vec![scene.seal_of(job, 0, peers[0], '7')];
    let late = scene.sign(R, batch(late));
    let answers = scene.block(60_000, vec![late]);
    assert_eq!(answers, [Err(Refusal::NotDrawn { peer: peers[0] })]);
}

#[test]
fn a_peer_opens_what_it_sealed_and_nothing_else() {
    let (mut scene, job, peers) = closed();
    let peer = peers[0];
    let mismatch = Err(Refusal::OpeningMismatch { peer });
    assert_eq!(scene.open(job, peer, '9'), mismatch);
    let mut salted = opening(0, 4, peer, '7');
    salted.salt = salt(peers[1]);
    let open = |opening| Body::OpenBatch {
        job,
        openings: vec![opening],
    };
    assert_eq!(scene.enter(R, open(salted)), mismatch);
    // A neighbour's opening under one's own name does not fit one's seal.
    let mut copied = opening(0, 4, peers[1], '9');
    copied.peer = peer;
    assert_eq!(scene.enter(R, open(copied)), mismatch);
    scene.open(job, peer, '7').unwrap();
    assert_eq!(
        scene.open(job, peer, '7'),
        Err(Refusal::AlreadyOpened { peer })
    );
    let broken = scene.close(job);
    assert!(
        matches!(broken, Err(Refusal::WrongPhase { .. })),
        "{broken:?}"
    );
}

#[test]
fn an_accuser_must_prove_what_it_says() {
    let (mut scene, job, peers) = closed();
    let claims = [(peers[0], '7'), (peers[1], '9'), (peers[2], '7')];
    let early = scene.dispute(R, job, &claims);
    assert!(
        matches!(early, Err(Refusal::WrongState { .. })),
        "{early:?}"
    );
    for (peer, letter) in claims {
        scene.open(job, peer, letter).unwrap();
    }
    assert_eq!(scene.state(job), State::Differing);
    let bundle = BundleId { job, index: 0 };

    // It cannot put words into a peer's mouth, leave one out, or dispute what is equal.
    let framed = [(peers[0], '9'), (peers[1], '9'), (peers[2], '7')];
    let peer = peers[0];
    assert_eq!(
        scene.dispute(R, job, &framed),
        Err(Refusal::ProofForged { peer })
    );
    assert_eq!(
        scene.dispute(R, job, &claims[..2]),
        Err(Refusal::ClaimsIncomplete)
    );
    let twice = [claims[0], claims[0], claims[1]];
    assert_eq!(
        scene.dispute(R, job, &twice),
        Err(Refusal::ClaimsIncomplete)
    );
    let mut equal = scene.difference(job, &claims);
    for ((_, proof), (_, letter)) in equal[0].claims.iter_mut().zip(claims) {
        *proof = protocol::outcome::prove(&outcomes(4, letter), 0).unwrap();
    }
    let tasks = equal.clone();
    assert_eq!(
        scene.enter(R, Body::Dispute { bundle, tasks }),
        Err(Refusal::NoDifference { place: 0 })
    );
    let mut tasks = scene.difference(job, &claims);
    tasks.push(tasks[0].clone());
    assert_eq!(
        scene.enter(R, Body::Dispute { bundle, tasks }),
        Err(Refusal::TasksOutOfOrder)
    );
    scene.dispute(R, job, &claims).unwrap();
}

#[test]
fn a_judge_is_called_and_bound_to_what_it_sealed() {
    let (mut scene, job, peers) = closed();
    let claims = [(peers[0], '7'), (peers[1], '9'), (peers[2], '7')];
    for (peer, letter) in claims {
        scene.open(job, peer, letter).unwrap();
    }
    scene.dispute(R, job, &claims).unwrap();
    let panel: Vec<Who> = scene.panel().into_iter().map(|p| scene.juror(p)).collect();
    let uncalled = (0..4).map(member).find(|who| !panel.contains(who)).unwrap();
    let party = uncalled.party();
    assert_eq!(
        scene.panel_seal(uncalled, job, '9'),
        Err(Refusal::NotCalled { party })
    );
    let party = panel[0].party();
    scene.panel_seal(panel[0], job, '7').unwrap();
    assert_eq!(
        scene.panel_seal(panel[0], job, '9'),
        Err(Refusal::AlreadyAnswered { party })
    );
    let early = scene.panel_open(panel[0], job, '7');
    assert!(
        matches!(early, Err(Refusal::WrongState { .. })),
        "{early:?}"
    );
    scene.panel_seal(panel[1], job, '7').unwrap();
    assert_eq!(
        scene.panel_open(panel[0], job, '9'),
        Err(Refusal::AnswerMismatch { party })
    );
    scene.panel_open(panel[0], job, '7').unwrap();
    assert_eq!(
        scene.panel_open(panel[0], job, '7'),
        Err(Refusal::AlreadyAnswered { party })
    );
    scene.panel_open(panel[1], job, '7').unwrap();
    assert_eq!(scene.state(job), State::Ended(Ending::Judged));
    assert_eq!(scene.bond(peers[1]), cr(1_000 - 128));
}

#[test]
fn a_ring_of_two_cannot_slash_the_honest_third() {
    for honest in 0..3 {
        let mut scene = Scene::new().ready(cr(1_000), cr(1));
        let job = scene.drawn(terms(4, 4, 3));
        let peers = scene.peers(job, 0);
        let says = |n| if n == honest { '7' } else { '9' };
        let claims: Vec<(PeerId, char)> = (0..3).map(|n| (peers[n], says(n))).collect();
        for (peer, letter) in &claims {
            scene.seal(job, *peer, *letter).unwrap();
        }
        scene.close(job).unwrap();
        for (peer, letter) in &claims {
            scene.open(job, *peer, *letter).unwrap();
        }
        scene.dispute(R, job, &claims).unwrap();
        scene.judge(job, "77");
        for (n, peer) in peers.iter().enumerate() {
            let lost = if n == honest { 0 } else { 128 };
            assert_eq!(scene.bond(*peer), cr(1_000 - lost));
        }
    }
}

#[test]
fn a_finder_gets_nothing_for_its_own_peer() {
    let (mut scene, job, peers) = closed();
    let claims = [(peers[0], '7'), (peers[1], '9'), (peers[2], '7')];
    for (peer, letter) in claims {
        scene.open(job, peer, letter).unwrap();
    }
    let liar = (0..WORKERS).find(|n| worker(*n) == peers[1]).unwrap();
    scene.dispute(owner(liar), job, &claims).unwrap();
    let before = scene.has(owner(liar));
    scene.judge(job, "77");
    assert_eq!(scene.has(owner(liar)), before);
}

#[test]
fn a_chain_that_does_not_end_where_it_began_does_not_close() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let job = scene.drawn(terms(2, 2, 2));
    for peer in scene.peers(job, 0) {
        scene.seal(job, peer, '7').unwrap();
    }
    let secret = chain(&secret());
    assert_eq!(
        scene.enter(R, Body::Close { job, secret }),
        Err(Refusal::BrokenChain)
    );
    assert_eq!(
        scene.enter(R, Body::Sweep { job }),
        Err(Refusal::NothingDue)
    );
}

#[test]
fn who_let_the_submitter_s_own_peer_in_judges_none_of_its_jobs() {
    let mut scene = Scene::new();
    let (peer, owner) = (worker(0), owner(0).party());
    let admit = Body::AdmitPeer { peer, owner };
    scene.enter(member(0), admit).unwrap();
    for n in 1..WORKERS {
        scene.admit(n, cr(1_000));
        scene.offer(n, 4, cr(1)).unwrap();
    }
    for _ in 0..3 {
        let job = scene.drawn(protocol::job::Terms {
            peer,
            ..terms(2, 2, 2)
        });
        let letters: Vec<_> = scene.peers(job, 0).into_iter().zip("79".chars()).collect();
        for (peer, letter) in &letters {
            scene.seal(job, *peer, *letter).unwrap();
        }
        scene.close(job).unwrap();
        for (peer, letter) in &letters {
            scene.open(job, *peer, *letter).unwrap();
        }
        scene.dispute(ANNA, job, &letters).unwrap();
        let panel = scene.panel();
        assert!(!panel.is_empty() && !panel.contains(&member(0).party()));
    }
}
