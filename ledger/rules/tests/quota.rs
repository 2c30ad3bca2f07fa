//! Entries that cost nothing: a newcomer needs no money, and making up newcomers brings no more.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

mod scene;
#[path = "scene/sign.rs"]
mod sign;

use protocol::entry::{Body, PartyRequest};
use protocol::ids::JobId;
use protocol::units::{Credits, Millis};
use rules::{Refusal, read};
use scene::*;
use sign::*;

/// Something that anyone may ask and that is refused after its fee.
fn sweep() -> Body {
    let job = JobId::new([9; 32]);
    Body::Sweep { job }
}

fn register(scene: &mut Scene, by: Who, n: u8) -> Who {
    let key = public(n);
    scene.enter(by, Body::Register { key }).unwrap();
    Who(n)
}

#[test]
fn a_newcomer_enters_sixty_entries_an_epoch_without_a_credit() {
    let mut scene = Scene::new();
    let newcomer = register(&mut scene, desk(0), 99);
    assert_eq!(read::free_entries(&scene.rows, newcomer.party()), 60);
    for _ in 0..60 {
        assert_eq!(code(scene.enter(newcomer, sweep())), 54);
    }
    let answer = scene.enter(newcomer, sweep()).unwrap_err();
    assert!(matches!(answer, Refusal::FeeUnpayable { has, .. } if has == Credits::ZERO));
    let epoch = scene.genesis.params.epoch.get();
    scene.wait(Millis::new(epoch / 60));
    assert_eq!(code(scene.enter(newcomer, sweep())), 54);
    assert_eq!(code(scene.enter(newcomer, sweep())), 9);
    // With money it goes on, for a fee.
    scene.enter(R, pay(newcomer, cr(1))).unwrap();
    let had = scene.has(newcomer);
    assert_eq!(code(scene.enter(newcomer, sweep())), 54);
    assert!(scene.has(newcomer) < had);
}

#[test]
fn a_sponsor_answers_for_all_of_its_newcomers_together() {
    let mut scene = Scene::with(|params| params.quota_sponsor = 10);
    let crowd: Vec<Who> = (90..95).map(|n| register(&mut scene, desk(0), n)).collect();
    let left = read::free_entries(&scene.rows, crowd[0].party());
    assert_eq!(left, 5, "the desk has used five for registering them");
    for who in &crowd {
        assert_eq!(code(scene.enter(*who, sweep())), 54);
    }
    for who in &crowd {
        assert_eq!(code(scene.enter(*who, sweep())), 9);
        assert_eq!(read::free_entries(&scene.rows, who.party()), 0);
    }
    let other = register(&mut scene, desk(1), 99);
    assert_eq!(code(scene.enter(other, sweep())), 54);
}

#[test]
fn whom_nobody_answers_for_pays_until_a_sponsor_vouches() {
    let mut scene = Scene::new();
    let party = register(&mut scene, R, 99).party();
    assert_eq!(code(scene.enter(Who(99), sweep())), 9);
    let vouch = |party| Body::Party(PartyRequest::Vouch { party });
    assert_eq!(code(scene.enter(R, vouch(party))), 31);
    assert_eq!(code(scene.enter(desk(0), vouch(Who(98).party()))), 3);
    scene.enter(desk(0), vouch(party)).unwrap();
    assert_eq!(code(scene.enter(Who(99), sweep())), 54);
    assert_eq!(code(scene.enter(desk(1), vouch(party))), 121);
    let guardian = read::party(&scene.rows, party).unwrap().guardian;
    assert_eq!(guardian, None, "who answers for entries is no guardian");
}

#[test]
fn a_large_entry_counts_as_many_and_a_payers_quota_is_used() {
    let mut scene = Scene::new();
    let newcomer = register(&mut scene, desk(0), 99);
    let moves = vec![(R.party(), cr(1)); 64];
    let many = Body::Transfer { moves };
    let bytes = protocol::bytes::write(&many).len();
    assert!(bytes < 4_096);
    assert_eq!(code(scene.enter(newcomer, many)), 23);
    assert_eq!(read::free_entries(&scene.rows, newcomer.party()), 59);

    let seal = protocol::entry::PeerSeal {
        bundle: 0,
        peer: worker(0),
        hash: protocol::ids::Digest::of(b"seal"),
        signature: [0; 64],
    };
    let job = JobId::new([9; 32]);
    let seals = vec![seal; 64];
    let large = Body::SealBatch { job, seals };
    let units = (protocol::bytes::write(&large).len() / 4_096 + 1) as u64;
    assert_eq!(code(scene.enter(newcomer, large)), 54);
    let left = read::free_entries(&scene.rows, newcomer.party());
    assert_eq!(left, 59 - units);

    let paid = scene.enter_paid_by((R, newcomer), &[R, newcomer], sweep());
    assert_eq!(code(paid), 54);
    let after = read::free_entries(&scene.rows, newcomer.party());
    assert_eq!(after, left - 1);
}
