//! Payment channels: what they pay, how they end, and that one is as good as a job.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/channel.rs"]
mod channel_scene;
#[path = "scene/job.rs"]
mod job_scene;
mod scene;
#[path = "scene/sign.rs"]
mod sign;

use channel_scene::*;
use job_scene::*;
use protocol::entry::{Body, ChannelRequest, PartyRequest, Root, Scope, Voucher, hash_lock};
use protocol::event::{ChannelEvent, Event};
use protocol::signed::{Signed, UnpackedKey};
use protocol::units::{Bps, Credits, Millis, Moment};
use rules::{Account, ChannelRefusal, Refusal, read};
use scene::*;
use sign::*;

/// A scene in which entries and work cost no fee.
fn free() -> Scene {
    Scene::with(|params| {
        (params.entry_fee, params.byte_fee) = (Credits::ZERO, Credits::ZERO);
        (params.work_fee, params.work_fee_burned) = (Bps::ZERO, Bps::ZERO);
    })
}

#[test]
fn ten_thousand_vouchers_are_two_entries() {
    let mut scene = free();
    let (before, blocks) = ([R, ANNA].map(|who| scene.has(who)), scene.blocks.len());
    let each = Credits::new(7);
    let deposit = each.times(10_000).unwrap();
    let channel = scene.channel(R, ANNA, deposit).unwrap();
    // Off the ledger: the payer signs each, and a receiver checks each before it goes on; here one
    // in a hundred, to save a second.
    let signer = UnpackedKey::of(scene.open_channel(channel).signer).unwrap();
    let mut last = None;
    for number in 1..=10_000 {
        let paid = each.times(number).unwrap();
        let signed = Signed::sign(voucher(&scene, channel, (0, number), paid), &key(R.0));
        last = Some(*signed.unchecked());
        if number % 100 == 0 {
            signed.check_by(&signer).unwrap();
        }
    }
    scene.redeem(ANNA, last.unwrap(), R).unwrap();
    assert_eq!(scene.blocks.len(), blocks + 2, "two entries");
    let after = [R, ANNA].map(|who| scene.has(who));
    assert_eq!(before[0].minus(after[0]), Some(deposit));
    assert_eq!(after[1].minus(before[1]), Some(deposit));
}

#[test]
fn better_vouchers_still_come_while_a_channel_settles() {
    let mut scene = free();
    let before = [R, ANNA].map(|who| scene.has(who));
    let channel = scene.channel(R, ANNA, cr(10)).unwrap();
    scene
        .redeem(ANNA, voucher(&scene, channel, (0, 1), cr(2)), R)
        .unwrap();
    scene.ask(R, ChannelRequest::Settle { channel }).unwrap();
    let until = scene.open_channel(channel).settling_at.unwrap();
    assert_eq!(
        until,
        scene.at.now.after(scene.genesis.params.channel_settle)
    );
    // Lanes count side by side, each by its own nonce.
    scene
        .redeem(ANNA, voucher(&scene, channel, (0, 9), cr(3)), R)
        .unwrap();
    scene
        .redeem(ANNA, voucher(&scene, channel, (15, 1), cr(4)), R)
        .unwrap();
    let row = scene.open_channel(channel);
    assert_eq!((row.redeemed(), row.left()), (cr(7), cr(3)));
    // One more may keep the channel open for longer.
    let min_settle = until.after(Millis::new(1));
    let longer = Voucher {
        min_settle,
        ..voucher(&scene, channel, (1, 1), cr(1))
    };
    scene.redeem(ANNA, longer, R).unwrap();
    assert_eq!(scene.open_channel(channel).settling_at, Some(min_settle));
    scene.wait(scene.genesis.params.channel_settle);
    scene.wait(Millis::new(1));
    let anyone = owner(0);
    scene
        .ask(anyone, ChannelRequest::Collect { channel })
        .unwrap();
    assert_eq!(read::channel(&scene.rows, channel), None);
    let escrow = Account::ChannelEscrow(channel);
    assert_eq!(read::account(&scene.rows, escrow).amount(), Credits::ZERO);
    let after = [R, ANNA].map(|who| scene.has(who));
    assert_eq!(before[0].minus(after[0]), Some(cr(8)));
    assert_eq!(after[1].minus(before[1]), Some(cr(8)));
    let refunded = cr(2);
    let ended = Event::Channel(ChannelEvent::Ended { channel, refunded });
    assert!(scene.events.contains(&ended));
    // The same bytes never open it again, and its vouchers pay nothing more.
    let late = voucher(&scene, channel, (0, 99), cr(9));
    assert_eq!(code(scene.redeem(ANNA, late, R)), 300);
}

#[test]
fn whoever_is_paid_can_end_a_channel_at_once_and_the_payer_cannot() {
    let mut scene = free();
    let until = later(&scene, 20 * 86_400_000);
    let before = scene.has(R);
    let open = |scene: &mut Scene| scene.channel_signed_by((R, R), ANNA, cr(10), until);
    let channel = open(&mut scene).unwrap();
    let close = ChannelRequest::Close { channel };
    assert_eq!(code(scene.ask(R, close.clone())), 301);
    scene.ask(ANNA, close).unwrap();
    assert_eq!(scene.has(R), before);
    // What is locked until a moment is not collected before it, whoever settles.
    let channel = open(&mut scene).unwrap();
    scene.ask(ANNA, ChannelRequest::Settle { channel }).unwrap();
    assert_eq!(scene.open_channel(channel).settling_at, Some(until));
    // A voucher that locks it no longer says nothing of when it ends.
    let said = |scene: &Scene| {
        let ending = Event::Channel(ChannelEvent::Settling { channel, until });
        scene
            .events
            .iter()
            .filter(|event| **event == ending)
            .count()
    };
    assert_eq!(said(&scene), 1);
    let paid = voucher(&scene, channel, (0, 1), cr(1));
    scene.redeem(ANNA, paid, R).unwrap();
    assert_eq!(said(&scene), 1);
}

#[test]
fn a_settled_channel_is_collected_from_its_moment_on() {
    let mut scene = free();
    let channel = scene.channel(R, ANNA, cr(10)).unwrap();
    scene.ask(R, ChannelRequest::Settle { channel }).unwrap();
    let window = scene.genesis.params.channel_settle;
    let from = scene.at.now.after(window);
    scene.wait(Millis::new(window.get() - 11));
    let collect = ChannelRequest::Collect { channel };
    let early = ChannelRefusal::NotSettled {
        from,
        now: later(&scene, 10),
    };
    let refused = scene.ask(R, collect.clone());
    assert_eq!(refused, Err(Refusal::Channel(early)));
    let entry = scene.sign(R, Body::Channel(collect));
    assert_eq!(scene.block(1, vec![entry]), [Ok(())]);
    assert_eq!(scene.at.now, from);
}

#[test]
fn a_channel_is_locked_for_a_year_at_most() {
    const YEAR: u64 = 31_536_000_000;
    let mut scene = free();
    // The block that opens it comes ten milliseconds later.
    let latest = later(&scene, YEAR + 10);
    let beyond = latest.after(Millis::new(1));
    let refused = scene.channel_signed_by((R, R), ANNA, cr(10), beyond);
    let too_long = ChannelRefusal::LockedTooLong { latest };
    assert_eq!(refused, Err(Refusal::Channel(too_long)));
    let latest = later(&scene, YEAR + 10);
    let channel = scene.channel_signed_by((R, R), ANNA, cr(10), latest);
    let channel = channel.unwrap();
    assert_eq!(scene.open_channel(channel).min_settle, latest);
    // Nor does a voucher lock it for longer.
    let min_settle = later(&scene, YEAR + 11);
    let longer = Voucher {
        min_settle,
        ..voucher(&scene, channel, (0, 1), cr(1))
    };
    assert_eq!(code(scene.redeem(ANNA, longer, R)), 305);
    scene.redeem(ANNA, longer, R).unwrap();
}

#[test]
fn a_channel_grows_until_it_is_settled() {
    let mut scene = free();
    let channel = scene.channel(R, ANNA, cr(1)).unwrap();
    let more = voucher(&scene, channel, (0, 1), cr(2));
    assert_eq!(code(scene.redeem(ANNA, more, R)), 316);
    let amount = cr(1);
    let top_up = ChannelRequest::TopUp { channel, amount };
    assert_eq!(code(scene.ask(ANNA, top_up.clone())), 301);
    scene.ask(R, top_up.clone()).unwrap();
    scene.redeem(ANNA, more, R).unwrap();
    scene.ask(ANNA, ChannelRequest::Settle { channel }).unwrap();
    assert_eq!(code(scene.ask(R, top_up)), 306);
}

#[test]
fn a_voucher_pays_from_its_first_moment_until_just_before_its_last() {
    let mut scene = free();
    let channel = scene.channel(R, ANNA, cr(10)).unwrap();
    let mut number = 0;
    let mut pays = |scene: &mut Scene, not_before, expires| {
        number += 1;
        // It comes ten milliseconds from now.
        let (not_before, expires) = (later(scene, not_before), later(scene, expires));
        let bare = voucher(scene, channel, (0, number), Credits::new(number));
        let timed = Voucher {
            not_before,
            expires,
            ..bare
        };
        scene
            .redeem(ANNA, timed, R)
            .map_or_else(|no| no.code(), |()| 0)
    };
    assert_eq!(pays(&mut scene, 11, 12), 312);
    assert_eq!(pays(&mut scene, 10, 11), 0);
    assert_eq!(pays(&mut scene, 10, 10), 313);
    scene.ask(R, ChannelRequest::Settle { channel }).unwrap();
    let window = scene.genesis.params.channel_settle.get();
    scene.wait(Millis::new(window - 11));
    assert_eq!(pays(&mut scene, 0, 11), 0);
    let entry = redeeming(voucher(&scene, channel, (0, 99), cr(9)), R, None);
    let entry = scene.sign(ANNA, entry);
    let since = later(&scene, 1);
    let over = ChannelRefusal::VouchersOver { since };
    let refused = scene.block(1, vec![entry]).remove(0);
    assert_eq!(refused, Err(Refusal::Channel(over)));
}

#[test]
fn a_payer_cannot_take_back_its_vouchers_with_its_key() {
    let mut scene = free();
    let machine = Who(90);
    let may_spend = powers(&scene, Scope::SPEND);
    scene.set_key(R, machine, may_spend);
    let never = Moment::new(0);
    let by_machine = scene
        .channel_signed_by((R, machine), ANNA, cr(10), never)
        .unwrap();
    let by_root = scene.channel(R, ANNA, cr(10)).unwrap();
    let key = public(machine.0);
    let revoke = Body::Party(PartyRequest::RevokeKey { key });
    scene.enter(R, revoke).unwrap();
    let root = Root::One(public(91));
    let rotate = Body::Party(PartyRequest::RotateRoot { root });
    scene.enter_by(R, &[R, Who(91)], rotate).unwrap();
    for (channel, signer) in [(by_machine, machine), (by_root, R)] {
        let promised = voucher(&scene, channel, (0, 1), cr(10));
        assert_eq!(code(scene.redeem(ANNA, promised, Who(91))), 311);
        scene.redeem(ANNA, promised, signer).unwrap();
    }
}

#[test]
fn what_a_key_sets_aside_counts_against_its_limits() {
    let mut scene = free();
    let machine = Who(90);
    let limited = protocol::entry::OpKeyPowers {
        per_epoch: cr(10),
        ..powers(&scene, Scope::SPEND)
    };
    scene.set_key(R, machine, limited);
    let open = |deposit| {
        let open = ChannelRequest::Open {
            to: ANNA.party(),
            deposit,
            min_settle: Moment::new(0),
            signer: public(machine.0),
        };
        Body::Channel(open)
    };
    assert_eq!(code(scene.enter_by(R, &[machine], open(cr(11)))), 110);
    scene.enter_by(R, &[machine], open(cr(10))).unwrap();
    assert_eq!(code(scene.enter_by(R, &[machine], open(cr(1)))), 110);
}

#[test]
fn a_list_of_channels_has_no_gaps_and_leaves_nothing_behind() {
    let mut scene = free();
    let rows = scene.rows.len();
    let mut names = Vec::new();
    for n in 0..6 {
        let (from, to) = if n % 2 == 0 { (R, ANNA) } else { (ANNA, R) };
        names.push(scene.channel(from, to, cr(1)).unwrap());
    }
    for place in [1, 0, 3, 0, 1, 0] {
        let channel = names.remove(place);
        let row = scene.open_channel(channel);
        let receiver = if row.to == R.party() { R } else { ANNA };
        scene
            .ask(receiver, ChannelRequest::Close { channel })
            .unwrap();
        for who in [R, ANNA] {
            let mut listed = scene.channels(who);
            listed.sort();
            let mut expected = names.clone();
            expected.sort();
            assert_eq!(listed, expected);
        }
    }
    // Accounts and lines of history are never forgotten; of channels nothing is left.
    let kept = [0x40, 0x41, 0x42].map(|table| {
        let keys = scene.rows.keys().filter(|key| key[0] == table);
        keys.count()
    });
    assert_eq!(kept, [0, 0, 0]);
    assert!(scene.rows.len() > rows);
}

/// Runs a job of two peers to its end.
fn run(scene: &mut Scene, tasks: u32, per_bundle: u32) {
    let job = scene.drawn(terms(tasks, per_bundle, 2));
    let bundles = read::job(&scene.rows, job).unwrap().terms.bundles();
    let runs: Vec<_> = (0..bundles)
        .flat_map(|index| [0, 1].map(|n| (index, worker(n))))
        .collect();
    let seal = |(index, peer): &(u32, _)| scene.seal_of(job, *index, *peer, '7');
    let seals = runs.iter().map(seal).collect();
    scene.enter(R, Body::SealBatch { job, seals }).unwrap();
    scene.close(job).unwrap();
    let open = |(index, peer): &(u32, _)| opening(*index, scene.tasks(job, *index), *peer, '7');
    let openings = runs.iter().map(open).collect();
    scene.enter(R, Body::OpenBatch { job, openings }).unwrap();
    let row = read::job(&scene.rows, job).unwrap();
    assert_eq!(row.phase, rules::work::Phase::Ended);
}

/// Pays each worker for its tasks as it delivers them: a voucher a task, locked by the digest of
/// its outcome; the last of a channel is redeemed.
fn pay_by_channel(scene: &mut Scene, tasks: u64) {
    for n in [0, 1] {
        let channel = scene.channel(R, owner(n), cr(100)).unwrap();
        let all = outcomes(u32::try_from(tasks).unwrap(), '7');
        let mut last = None;
        for (number, outcome) in (1..).zip(&all) {
            // Half a Gfuel at one credit for a Gfuel.
            let paid = Credits::new(500_000 * number);
            let lock = Some(hash_lock(&outcome.digest));
            let bare = voucher(scene, channel, (0, number), paid);
            last = Some((
                Voucher {
                    hash_lock: lock,
                    ..bare
                },
                outcome.digest,
            ));
        }
        let (voucher, digest) = last.unwrap();
        assert_eq!(code(scene.redeem(owner(n), voucher, R)), 317);
        let redeem = redeeming(voucher, R, Some(digest));
        scene.enter(owner(n), redeem).unwrap();
        scene
            .ask(owner(n), ChannelRequest::Close { channel })
            .unwrap();
    }
}

/// S1: fees aside, the same work leaves the same balances, whichever way it is paid.
#[test]
fn one_job_a_batch_and_a_channel_pay_the_same() {
    const TASKS: u32 = 8;
    let two_peers = || {
        let mut scene = free();
        for n in [0, 1] {
            scene.admit(n, cr(10_000));
            scene.offer(n, 16, cr(1)).unwrap();
        }
        scene
    };
    let balances = |scene: &Scene| [R, owner(0), owner(1)].map(|who| scene.has(who));
    let [mut direct, mut batch, mut channel] = [(); 3].map(|()| two_peers());
    let before = balances(&direct);
    run(&mut direct, TASKS, TASKS);
    run(&mut batch, TASKS, 1);
    pay_by_channel(&mut channel, TASKS.into());
    let after = balances(&direct);
    assert_eq!(
        before[0].minus(after[0]),
        Some(cr(8)),
        "two copies of eight tasks"
    );
    assert_eq!(after[1].minus(before[1]), Some(cr(4)));
    assert_eq!(balances(&batch), after);
    assert_eq!(balances(&channel), after);
}
