//! The pool, entry by entry.

use super::*;
use crate::header::ENTRY_OVERHEAD_BYTES;
use crate::known::Checker;
use ed25519_dalek::SigningKey;
use protocol::bytes::write;
use protocol::entry::{AuditRequest, Body, DisputedTask, Entry, PanelAnswer, SignedEntry};
use protocol::ids::{BundleId, Digest, FederationId, JobId, PeerId, PublicKey};
use protocol::outcome::{Outcome, prove};
use protocol::signed::Signed;
use protocol::units::{Credits, Fuel};

pub(crate) const FEDERATION: FederationId = FederationId::new([1; 32]);
const NOW: Moment = Moment::new(1_000);
const QUARTER: Bps = Bps::new(2_500);

fn party(seed: u8) -> PartyId {
    PartyId::of(&PublicKey::new(
        SigningKey::from_bytes(&[seed; 32])
            .verifying_key()
            .to_bytes(),
    ))
}

pub(crate) fn signed(seed: u8, lane: u16, nonce: u64) -> SignedEntry {
    until(seed, lane, nonce, 2_000)
}

fn until(seed: u8, lane: u16, nonce: u64, end: u64) -> SignedEntry {
    let entry = Entry {
        federation: FEDERATION,
        sender: party(seed),
        lane,
        nonce,
        valid_until: Moment::new(end),
        fee_payer: None,
        cosigners: Vec::new(),
        body: Body::Transfer {
            moves: vec![(party(200), Credits::new(end))],
        },
    };
    Signed::sign(entry, &SigningKey::from_bytes(&[seed; 32]))
}

/// An entry of a judge: a dispute, or a panel's seal or opening, or an auditor's.
fn judging(seed: u8, nonce: u64, body: Body) -> SignedEntry {
    let entry = Entry {
        body,
        ..signed(seed, 9, nonce).unchecked().clone()
    };
    Signed::sign(entry, &SigningKey::from_bytes(&[seed; 32]))
}

fn known(entry: &SignedEntry) -> Arc<Known> {
    Checker::new(FEDERATION).check(&write(entry)).unwrap()
}

fn picked(pool: &Pool, next: u64, bytes: usize) -> Vec<(PartyId, u64)> {
    let of = |known: Arc<Known>| (known.entry.value().sender, known.entry.value().nonce);
    pool.pick(|_, _| next, NOW, bytes, QUARTER)
        .into_iter()
        .map(of)
        .collect()
}

#[test]
fn lanes_are_served_in_nonce_order_and_a_gap_waits() {
    let pool = Pool::default();
    for nonce in [2, 0, 4, 1] {
        pool.put(known(&signed(1, 0, nonce)), 0, NOW).unwrap();
    }
    pool.put(known(&signed(2, 0, 1)), 0, NOW).unwrap();
    let of_one = |nonces: &[u64]| nonces.iter().map(|n| (party(1), *n)).collect::<Vec<_>>();
    assert_eq!(picked(&pool, 0, 10_000), of_one(&[0, 1, 2]));
    assert_eq!(
        picked(&pool, 0, 10_000),
        of_one(&[0, 1, 2]),
        "picking takes nothing out"
    );
    pool.settle([(party(1), 0, 2)], NOW);
    assert_eq!(pool.len(), 3);
    assert_eq!(picked(&pool, 2, 10_000), of_one(&[2]));
    assert_eq!(
        pool.put(known(&signed(1, 0, 3)), 2, NOW).map(|_| ()),
        Ok(())
    );
    assert_eq!(picked(&pool, 2, 10_000), of_one(&[2, 3, 4]));
}

#[test]
fn an_entry_is_refused_for_what_is_wrong_with_it_and_replaces_nothing() {
    let pool = Pool::default();
    let first = known(&signed(1, 0, 5));
    assert_eq!(pool.put(first.clone(), 5, NOW), Ok(first.id));
    assert_eq!(
        pool.put(first.clone(), 5, NOW),
        Ok(first.id),
        "the same again changes nothing"
    );
    let rival = known(&until(1, 0, 5, 1_999));
    let put = |entry: &SignedEntry, next| pool.put(known(entry), next, NOW).unwrap_err();
    let taken = PoolRefusal::NonceTaken {
        nonce: 5,
        by: first.id,
    };
    assert_eq!(pool.put(rival, 5, NOW), Err(taken));
    let used = PoolRefusal::NonceUsed { nonce: 5, next: 6 };
    assert_eq!(put(&signed(1, 0, 5), 6), used);
    let far = NONCE_AHEAD_MAX + 1;
    let ahead = PoolRefusal::NonceAhead {
        nonce: far,
        next: 0,
    };
    assert_eq!(put(&signed(1, 0, far), 0), ahead);
    let late = PoolRefusal::Expired {
        valid_until: Moment::new(999),
        now: NOW,
    };
    assert_eq!(put(&until(1, 1, 0, 999), 0), late);
    assert_eq!(pool.len(), 1);
}

#[test]
fn what_has_expired_or_can_never_be_agreed_is_gone() {
    let pool = Pool::default();
    let never = known(&until(1, 0, 0, 1_500));
    pool.put(never.clone(), 0, NOW).unwrap();
    pool.put(known(&until(1, 0, 1, 1_100)), 0, NOW).unwrap();
    pool.settle([], Moment::new(1_100));
    assert_eq!(pool.len(), 2, "valid until that moment, and at it");
    pool.settle([], Moment::new(1_101));
    assert_eq!(pool.len(), 1);
    pool.throw(&known(&until(1, 0, 0, 1_499)));
    assert_eq!(pool.len(), 1, "another entry of that nonce");
    pool.throw(&never);
    let waiting = pool.lock();
    assert!(waiting.lanes.is_empty() && waiting.by_party.is_empty());
    assert!(waiting.by_end.is_empty());
    assert_eq!((waiting.all.entries, waiting.all.bytes), (0, 0));
}

#[test]
fn no_lane_starves_another_and_no_block_is_too_full() {
    let pool = Pool::default();
    for nonce in 0..200 {
        pool.put(known(&signed(1, 0, nonce)), 0, NOW).unwrap();
    }
    pool.put(known(&signed(2, 0, 0)), 0, NOW).unwrap();
    let size = known(&signed(1, 0, 0)).bytes.len() + ENTRY_OVERHEAD_BYTES;
    let both = picked(&pool, 0, 70 * size);
    assert_eq!(both.len(), 70);
    assert!(both.contains(&(party(2), 0)));
    assert!(picked(&pool, 0, size - 1).is_empty());
}

#[test]
fn one_party_cannot_fill_the_pool() {
    let pool = Pool::default();
    for nonce in 0..PARTY_ENTRIES_MAX as u64 {
        pool.lock().count(&party(1), 1);
        assert_eq!(pool.len() as u64, nonce + 1);
    }
    let more = pool.put(known(&signed(1, 0, 0)), 0, NOW);
    assert_eq!(more, Err(PoolRefusal::PartyFull));
    assert!(pool.put(known(&signed(2, 0, 0)), 0, NOW).is_ok());
    pool.lock().all.entries = POOL_ENTRIES_MAX;
    let more = pool.put(known(&signed(3, 0, 0)), 0, NOW);
    assert_eq!(more, Err(PoolRefusal::PoolFull));
}

#[test]
fn a_pool_full_of_spam_lets_disputes_seals_and_verdicts_in() {
    let pool = Pool::default();
    // As many as find room, and every party as many as it may.
    let refused = (0..)
        .map(|n: u64| (u8::try_from(n % 8 + 1).unwrap(), n / 8))
        .map(|(seed, nonce)| pool.put(known(&signed(seed, 0, nonce)), 0, NOW))
        .find_map(Result::err);
    assert_eq!(refused, Some(PoolRefusal::PoolFull));
    assert_eq!(pool.len(), ORDINARY_ENTRIES_MAX);

    let bundle = BundleId {
        job: JobId::new([1; 32]),
        index: 0,
    };
    let seal = Digest::of(b"seal");
    let outcome = Outcome {
        digest: seal,
        fuel: Fuel::new(1),
    };
    let claims = vec![(PeerId::new([7; 32]), prove(&[outcome], 0).unwrap())];
    let answer = PanelAnswer {
        outcomes: vec![Some(outcome)],
        salt: seal,
    };
    let justice = [
        Body::Dispute {
            bundle,
            tasks: vec![DisputedTask { claims }],
        },
        Body::PanelSeal { bundle, seal },
        Body::PanelOpen { bundle, answer },
        Body::Audit(AuditRequest::Seal {
            job: bundle.job,
            hash: seal,
        }),
    ];
    for (seed, body) in (100..).zip(justice) {
        for nonce in 0..100 {
            let entry = judging(seed, nonce, body.clone());
            pool.put(known(&entry), 0, NOW).unwrap();
        }
    }
    let room = 100_000;
    let chosen = pool.pick(|_, _| 0, NOW, room, QUARTER);
    let (judged, others): (Vec<_>, Vec<_>) = chosen.iter().partition(|known| is_justice(known));
    let takes = |known: &Arc<Known>| known.bytes.len() + ENTRY_OVERHEAD_BYTES;
    let judged_bytes: usize = judged.iter().map(|known| takes(known)).sum();
    assert!(judged_bytes > room / 4 - 1_000, "{judged_bytes} bytes");
    assert!(!others.is_empty(), "and what is left is for all");
    for seed in 100..104 {
        let its = judged
            .iter()
            .filter(|known| known.entry.value().sender == party(seed));
        assert!(its.count() > 9, "every judge has its turn");
    }
    // Room that justice does not need is nobody's loss.
    pool.settle((100..104).map(|seed| (party(seed), 9, 100)), NOW);
    let chosen = pool.pick(|_, _| 0, NOW, room, QUARTER);
    let all: usize = chosen.iter().map(takes).sum();
    assert!(all > room - 1_000, "{all} of {room} bytes");
}
