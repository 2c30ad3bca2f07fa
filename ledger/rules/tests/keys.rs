//! Who speaks for a party, and how far: operational keys, several keys together, new roots.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

mod scene;
#[path = "scene/sign.rs"]
mod sign;

use protocol::entry::{BankRequest, Body, OpKeyPowers, PartyRequest, Root, Scope};
use protocol::ids::JobId;
use protocol::units::{Credits, Millis};
use rules::{Refusal, read};
use scene::*;
use sign::*;

/// Whoever holds an operational key of the researcher.
const KEY: Who = Who(70);
/// New root keys.
const NEW: [Who; 4] = [Who(71), Who(72), Who(73), Who(74)];

fn party(request: PartyRequest) -> Body {
    Body::Party(request)
}

fn rotate(root: Root) -> Body {
    party(PartyRequest::RotateRoot { root })
}

fn one(who: Who) -> Root {
    Root::One(public(who.0))
}

#[test]
fn a_key_may_do_what_its_scope_says_and_never_what_only_a_root_may() {
    let (peer, amount) = (worker(0), cr(1));
    let job = JobId::new([9; 32]);
    let key = public(80);
    let root_only = |scene: &Scene| {
        let powers = powers(scene, Scope::ALL);
        let (purse, delegate) = (protocol::ids::PurseId::new([1; 32]), KEY.party());
        let policy = protocol::entry::SpendPolicy {
            per_task: amount,
            per_epoch: amount,
            total: amount,
            classes: protocol::entry::Classes::ALL,
            expires: later(scene, 1_000),
        };
        vec![
            Body::Unbond { peer, amount },
            party(PartyRequest::SetOpKey { key, powers }),
            rotate(one(KEY)),
            party(PartyRequest::SetGuardian { guardian: None }),
            party(PartyRequest::CancelRecovery { party: R.party() }),
            party(PartyRequest::BeginRecovery {
                party: R.party(),
                root: one(KEY),
            }),
            Body::Bank(BankRequest::Allow {
                purse,
                delegate,
                policy,
            }),
        ]
    };
    let mut scene = Scene::new();
    let everything = powers(&scene, Scope::ALL);
    scene.set_key(R, KEY, everything);
    for body in root_only(&scene) {
        let party = R.party();
        let answer = scene.enter_by(R, &[KEY], body.clone());
        assert_eq!(answer, Err(Refusal::RootNeeded { party }), "{body:?}");
    }
    for (scope, body, expected) in [
        (Scope::SPEND, pay(ANNA, amount), 0),
        (Scope::ALL, pay(ANNA, amount), 0),
        (Scope::SUBMIT, pay(ANNA, amount), 101),
        (Scope::PEER, Body::Bond { peer, amount }, 33),
        (Scope::SPEND, Body::Bond { peer, amount }, 101),
        (Scope::SUBMIT, Body::Cancel { job }, 54),
        (Scope::WORK, Body::Cancel { job }, 101),
        (Scope::WORK, Body::Sweep { job }, 54),
        (Scope::SUBMIT, Body::Sweep { job }, 54),
        (Scope::SPONSOR, Body::Register { key }, 0),
        (Scope::PEER, Body::Register { key }, 101),
        (Scope::REVOKE, party(PartyRequest::RevokeKey { key }), 111),
        (Scope::SPONSOR, party(PartyRequest::RevokeKey { key }), 101),
        (Scope::NONE, Body::Sweep { job }, 101),
    ] {
        let mut scene = Scene::new();
        let some = powers(&scene, scope);
        scene.set_key(R, KEY, some);
        let before = read::nonce(&scene.rows, R.party(), 0);
        let answer = scene.enter_by(R, &[KEY], body.clone());
        let no_trace = answer.as_ref().is_err_and(Refusal::left_no_trace);
        assert_eq!(code(answer), expected, "{scope:?} {body:?}");
        assert_eq!(no_trace, expected == 101);
        let used = read::nonce(&scene.rows, R.party(), 0) - before;
        assert_eq!(used, u64::from(expected != 101), "{scope:?} {body:?}");
    }
}

#[test]
fn a_key_costs_its_party_so_much_an_entry_and_so_much_an_epoch() {
    let mut scene = Scene::new();
    let limited = OpKeyPowers {
        per_entry: cr(10),
        per_epoch: cr(25),
        ..powers(&scene, Scope::SPEND)
    };
    scene.set_key(R, KEY, limited);
    let had = scene.has(R);
    for (amount, expected) in [(9, 0), (10, 110), (9, 0), (7, 110), (6, 0), (1, 110)] {
        let answer = scene.enter_by(R, &[KEY], pay(ANNA, cr(amount)));
        assert_eq!(code(answer), expected, "{amount}");
    }
    let cost = had.minus(scene.has(R)).unwrap();
    let spent = read::op_key(&scene.rows, R.party(), public(KEY.0))
        .unwrap()
        .spent;
    assert_eq!(cost, spent, "refused entries' fees count too");
    assert!(cost > cr(24) && cost < cr(25));
    scene.wait(scene.genesis.params.epoch);
    assert_eq!(scene.enter_by(R, &[KEY], pay(ANNA, cr(9))), Ok(()));
    // Setting it anew does not forgive what it has spent in this epoch.
    let tighter = OpKeyPowers {
        per_epoch: cr(10),
        ..limited
    };
    scene.set_key(R, KEY, tighter);
    assert_eq!(code(scene.enter_by(R, &[KEY], pay(ANNA, cr(2)))), 110);
    let nothing = OpKeyPowers {
        per_entry: Credits::new(50),
        ..limited
    };
    scene.set_key(R, KEY, nothing);
    let broke = scene.enter_by(R, &[KEY], pay(ANNA, cr(2))).unwrap_err();
    assert_eq!((broke.code(), broke.left_no_trace()), (105, true));
}

#[test]
fn a_revoked_or_expired_key_is_nobodys() {
    let mut scene = Scene::new();
    let key = public(KEY.0);
    let until = later(&scene, 5_000);
    let born_expired = OpKeyPowers {
        expires: scene.at.now,
        ..powers(&scene, Scope::ALL)
    };
    let set = |powers| party(PartyRequest::SetOpKey { key, powers });
    assert_eq!(code(scene.enter(R, set(born_expired))), 114);
    let short = OpKeyPowers {
        expires: until,
        ..powers(&scene, Scope::ALL)
    };
    scene.enter(R, set(short)).unwrap();
    scene.enter_by(R, &[KEY], pay(ANNA, cr(1))).unwrap();
    scene.wait(Millis::new(5_000));
    let late = scene.enter_by(R, &[KEY], pay(ANNA, cr(1))).unwrap_err();
    assert!(matches!(late, Refusal::KeyExpired { expires, .. } if expires == until));
    assert!(late.left_no_trace());

    // A key may end itself, in the very block before another entry of its.
    let fresh = powers(&scene, Scope::ALL);
    scene.enter(R, set(fresh)).unwrap();
    let revoke = scene.joint(R, &[KEY], None, party(PartyRequest::RevokeKey { key }));
    let mut after = scene
        .joint(R, &[KEY], None, pay(ANNA, cr(1)))
        .value()
        .clone();
    after.nonce += 1;
    let after = protocol::entry::SignedEntry::sign(after, &scene::key(KEY.0));
    let party_id = R.party();
    assert_eq!(
        scene.block(10, vec![revoke, after.check().unwrap()]),
        [Ok(()), Err(Refusal::ForeignKey { party: party_id })]
    );
    assert_eq!(read::op_keys(&scene.rows, party_id), []);
    let revoke = party(PartyRequest::RevokeKey { key });
    assert_eq!(scene.enter(R, revoke), Err(Refusal::UnknownKey { key }));
}

#[test]
fn a_party_has_so_many_keys_and_its_root_is_none_of_them() {
    let mut scene = Scene::new();
    let powers = powers(&scene, Scope::WORK);
    let set = |n: u8| {
        let key = public(n);
        party(PartyRequest::SetOpKey { key, powers })
    };
    assert_eq!(code(scene.enter(R, set(R.0))), 113);
    for n in 100..132 {
        scene.enter(R, set(n)).unwrap();
    }
    assert_eq!(code(scene.enter(R, set(132))), 112);
    assert_eq!(scene.enter(R, set(131)), Ok(()), "it has that one");
    assert_eq!(read::op_keys(&scene.rows, R.party()).len(), 32);
}

#[test]
fn two_of_three_keys_pay_and_one_does_not() {
    let mut scene = Scene::new();
    let [a, b, c, stray] = NEW;
    let root = quorum(&[(a, 1), (b, 1), (c, 1)], 2);
    let unsigned = scene.enter_by(R, &[R, a], rotate(root.clone()));
    assert_eq!(unsigned, Err(Refusal::NewRootUnsigned));
    scene.enter_by(R, &[R, a, b], rotate(root)).unwrap();
    for (keys, expected) in [
        (&[a, b][..], 0),
        (&[b, a], 0),
        (&[c, b, a], 0),
        (&[a], 103),
        (&[a, stray], 103),
        (&[a, b, stray], 104),
        (&[stray], 4),
        (&[R], 4),
        (&[R, a, b], 104),
    ] {
        let answer = scene.enter_by(R, keys, pay(ANNA, cr(1)));
        assert_eq!(code(answer), expected, "{keys:?}");
    }
    // Weights: one heavy key, or both light ones.
    let root = quorum(&[(a, 2), (b, 1), (c, 1)], 2);
    scene.enter_by(R, &[b, c, a], rotate(root)).unwrap();
    assert_eq!(scene.enter_by(R, &[a], pay(ANNA, cr(1))), Ok(()));
    assert_eq!(code(scene.enter_by(R, &[b], pay(ANNA, cr(1)))), 103);
    assert_eq!(scene.enter_by(R, &[b, c], pay(ANNA, cr(1))), Ok(()));
    assert_eq!(scene.enter_by(R, &[a, stray], rotate(one(stray))), Ok(()));
    assert_eq!(scene.enter_by(R, &[stray], pay(ANNA, cr(1))), Ok(()));
}

#[test]
fn another_pays_the_fee_if_it_signs() {
    let mut scene = Scene::new();
    let key = public(99);
    let poor = Who(99);
    scene.enter(R, Body::Register { key }).unwrap();
    let sweep = || Body::Sweep {
        job: JobId::new([9; 32]),
    };
    assert_eq!(code(scene.enter_by(poor, &[poor], sweep())), 9);
    let had = scene.has(ANNA);
    let signed = scene.enter_paid_by((poor, ANNA), &[poor, ANNA], sweep());
    assert_eq!(code(signed), 54);
    assert!(scene.has(ANNA) < had);
    let unsigned = scene.enter_paid_by((poor, ANNA), &[poor], sweep());
    let party = ANNA.party();
    assert_eq!(unsigned, Err(Refusal::ForeignKey { party }));
    let unknown = scene.enter_paid_by((poor, Who(98)), &[poor, Who(98)], sweep());
    assert_eq!(code(unknown), 3);
    // The payer's operational key may sign for it, within its own limits.
    let limited = OpKeyPowers {
        per_epoch: Credits::new(1_300),
        ..powers(&scene, Scope::SPEND)
    };
    scene.set_key(ANNA, KEY, limited);
    for expected in [54, 54, 105] {
        let answer = scene.enter_paid_by((poor, ANNA), &[poor, KEY], sweep());
        assert_eq!(code(answer), expected);
    }
    let worker_key = powers(&scene, Scope::WORK);
    scene.set_key(ANNA, KEY, worker_key);
    let answer = scene.enter_paid_by((poor, ANNA), &[poor, KEY], sweep());
    assert_eq!(code(answer), 101);
}

#[test]
fn a_new_root_signs_and_the_old_one_still_leads_to_its_party() {
    let mut scene = Scene::new();
    let (me, [first, second, third, fourth]) = (R.party(), NEW);
    assert_eq!(
        scene.enter(R, rotate(one(first))),
        Err(Refusal::NewRootUnsigned)
    );
    let anna = scene.enter_by(R, &[R, ANNA], rotate(one(ANNA)));
    assert_eq!(code(anna), 113, "another party's root");
    scene.enter_by(R, &[R, first], rotate(one(first))).unwrap();
    assert_eq!(code(scene.enter(R, pay(ANNA, cr(1)))), 4);
    assert_eq!(scene.enter_by(R, &[first], pay(ANNA, cr(1))), Ok(()));
    for key in [R, first] {
        assert_eq!(read::owner_of(&scene.rows, public(key.0)), Some(me));
    }
    let back = scene.enter_by(R, &[first, R], rotate(one(R)));
    assert_eq!(code(back), 113, "a retired key never comes back");
    let taken = Body::Register {
        key: public(first.0),
    };
    assert_eq!(code(scene.enter(ANNA, taken)), 113);
    scene
        .enter_by(R, &[first, second], rotate(one(second)))
        .unwrap();
    scene
        .enter_by(R, &[second, third], rotate(one(third)))
        .unwrap();
    let again = scene.enter_by(R, &[third, fourth], rotate(one(fourth)));
    assert_eq!(code(again), 116);
    scene.wait(scene.genesis.params.unbond_window);
    let later = scene.enter_by(R, &[third, fourth], rotate(one(fourth)));
    assert_eq!(later, Ok(()));
    let row = read::party(&scene.rows, me).unwrap();
    assert_eq!((row.root, row.roots), (one(fourth), 4));
    let retired = (0..5).filter_map(|n| read::retired_root(&scene.rows, me, n));
    let retired: Vec<Root> = retired.map(|retired| retired.root).collect();
    assert_eq!(retired, [R, first, second, third].map(one));
}

/// A newcomer whom the desk of worker 0 has made known, with a little money.
fn newcomer(scene: &mut Scene) -> Who {
    let key = public(90);
    scene.enter(desk(0), Body::Register { key }).unwrap();
    scene.enter(R, pay(Who(90), cr(5))).unwrap();
    Who(90)
}

fn begin(who: Who, root: Root) -> Body {
    let party = who.party();
    Body::Party(PartyRequest::BeginRecovery { party, root })
}

#[test]
fn a_lost_root_is_given_back_slowly_and_the_old_one_can_say_no() {
    let mut scene = Scene::new();
    let who = newcomer(&mut scene);
    let (party, [new, ..]) = (who.party(), NEW);
    let ask = |request: fn(protocol::ids::PartyId) -> PartyRequest| Body::Party(request(party));
    let cancel = || ask(|party| PartyRequest::CancelRecovery { party });
    let finish = || ask(|party| PartyRequest::FinishRecovery { party });
    for (by, keys, body, expected) in [
        (R, &[R, new][..], begin(who, one(new)), 117),
        (desk(0), &[desk(0)], begin(who, one(new)), 115),
        (desk(0), &[desk(0), R], begin(who, one(R)), 113),
        (desk(0), &[desk(0), new], begin(Who(99), one(new)), 3),
        (desk(0), &[desk(0)], cancel(), 119),
        (R, &[R], finish(), 119),
        (desk(0), &[desk(0), new], begin(who, one(new)), 0),
        (desk(0), &[desk(0), new], begin(who, one(new)), 118),
        (R, &[R], finish(), 120),
        (R, &[R], cancel(), 117),
        (who, &[who], cancel(), 0),
        (desk(0), &[desk(0), new], begin(who, one(new)), 0),
        (desk(0), &[desk(0)], cancel(), 0),
        (desk(0), &[desk(0), new], begin(who, one(new)), 0),
    ] {
        let answer = scene.enter_by(by, keys, body.clone());
        assert_eq!(code(answer), expected, "{body:?}");
    }
    // Whoever changes the root by itself has it, so nothing is to be recovered.
    let other = NEW[1];
    scene
        .enter_by(who, &[who, other], rotate(one(other)))
        .unwrap();
    assert_eq!(read::recovery(&scene.rows, party), None);

    let everything = powers(&scene, Scope::ALL);
    let set = PartyRequest::SetOpKey {
        key: public(KEY.0),
        powers: everything,
    };
    scene.enter_by(who, &[other], Body::Party(set)).unwrap();
    scene
        .enter_by(desk(0), &[desk(0), new], begin(who, one(new)))
        .unwrap();
    let pending = read::recovery(&scene.rows, party).unwrap();
    let delay = pending.ready.since(scene.at.now);
    assert_eq!(delay, Millis::new(168 * 3_600_000));
    scene.wait(delay);
    scene.enter(R, finish()).unwrap();
    assert_eq!(code(scene.enter_by(who, &[other], pay(R, cr(1)))), 4);
    assert_eq!(code(scene.enter_by(who, &[KEY], pay(R, cr(1)))), 4);
    assert_eq!(scene.enter_by(who, &[new], pay(R, cr(1))), Ok(()));
    assert_eq!(read::op_keys(&scene.rows, party), []);
}

#[test]
fn a_party_chooses_its_guardian_and_a_change_ends_what_the_old_one_began() {
    let mut scene = Scene::new();
    let who = newcomer(&mut scene);
    let new = NEW[0];
    scene
        .enter_by(desk(0), &[desk(0), new], begin(who, one(new)))
        .unwrap();
    let guardian = |guardian: Option<Who>| {
        let guardian = guardian.map(Who::party);
        Body::Party(PartyRequest::SetGuardian { guardian })
    };
    assert_eq!(code(scene.enter(who, guardian(Some(R)))), 31);
    scene.enter(who, guardian(Some(member(1)))).unwrap();
    assert_eq!(read::recovery(&scene.rows, who.party()), None);
    let answer = scene.enter_by(desk(0), &[desk(0), new], begin(who, one(new)));
    assert_eq!(code(answer), 117);
    let answer = scene.enter_by(member(1), &[member(1), new], begin(who, one(new)));
    assert_eq!(code(answer), 0);
    scene.enter(who, guardian(None)).unwrap();
    let answer = scene.enter_by(member(1), &[member(1), new], begin(who, one(new)));
    assert_eq!(code(answer), 117);
}

#[test]
fn a_sponsor_suspends_its_own_peers_and_no_others() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let suspend = |n: u8, suspended: bool| {
        let peer = worker(n);
        party(PartyRequest::SuspendPeer { peer, suspended })
    };
    let other = scene.enter(desk(1), suspend(0, true));
    assert_eq!(code(other), 122);
    assert_eq!(code(scene.enter(desk(0), suspend(50, true))), 33);
    scene.enter(desk(0), suspend(0, true)).unwrap();
    assert!(read::peer(&scene.rows, worker(0)).unwrap().peer.suspended);
    scene.enter(desk(0), suspend(0, false)).unwrap();
    assert!(!read::peer(&scene.rows, worker(0)).unwrap().peer.suspended);
}

#[test]
fn an_entry_keeps_its_name_whoever_sends_it_and_loses_it_with_a_cosigner() {
    let scene = Scene::new();
    let [a, b, c, _] = NEW;
    let of = |keys: &[Who]| scene.joint(R, keys, None, pay(ANNA, cr(1))).entry_id();
    assert_eq!(of(&[a, b]), of(&[c, b]));
    assert_ne!(of(&[a, b]), of(&[a, c]));
    assert_ne!(of(&[a, b]), of(&[a]));
}
