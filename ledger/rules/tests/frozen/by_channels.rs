//! Payment channels and their vouchers.

use protocol::entry::{ChannelRequest, Scope, Voucher, hash_lock};
use protocol::ids::{ChannelId, Digest};
use protocol::units::{Credits, Millis, Moment};

use crate::Refused;
use crate::channel_scene::*;
use crate::scene::*;
use crate::sign::*;

pub(crate) fn tell(no: &mut Refused) {
    openings(no);
    too_many(no);
    vouchers(no);
    endings(no);
}

fn openings(no: &mut Refused) {
    let mut scene = Scene::new();
    no.with(302, scene.channel(R, R, cr(1)));
    let locked = scene.at.now.after(Millis::new(366 * 86_400_000));
    no.with(305, scene.channel_signed_by((R, R), ANNA, cr(1), locked));
    let at_once = Moment::new(0);
    let by = |scene: &mut Scene, signer| scene.channel_signed_by((R, signer), ANNA, cr(1), at_once);
    no.with(304, by(&mut scene, Who(90)));
    let may_work = powers(&scene, Scope::WORK);
    scene.set_key(R, Who(90), may_work);
    no.with(304, by(&mut scene, Who(90)));
    let may_spend = powers(&scene, Scope::SPEND);
    scene.set_key(R, Who(90), may_spend);
    by(&mut scene, Who(90)).unwrap();
}

fn too_many(no: &mut Refused) {
    let mut scene = Scene::new();
    for _ in 0..256 {
        scene.channel(R, ANNA, Credits::new(1)).unwrap();
    }
    no.with(303, scene.channel(R, ANNA, Credits::new(1)));
    // Whoever is paid has no such limit.
    scene.channel(ANNA, R, Credits::new(1)).unwrap();
}

fn vouchers(no: &mut Refused) {
    let mut scene = Scene::new();
    let channel = scene.channel(R, ANNA, cr(10)).unwrap();
    let good = voucher(&scene, channel, (0, 1), cr(1));
    let unknown = ChannelId::new([7; 32]);
    no.with(
        300,
        scene.redeem(ANNA, voucher(&scene, unknown, (0, 1), cr(1)), R),
    );
    no.with(301, scene.redeem(R, good, R));
    no.with(311, scene.redeem(ANNA, good, ANNA));
    let lock = Some(hash_lock(&Digest::of(b"outcome")));
    let (early, now) = (later(&scene, 9_999), scene.at.now);
    for (number, bad) in [
        (
            310,
            Voucher {
                federation: ELSEWHERE,
                ..good
            },
        ),
        (
            312,
            Voucher {
                not_before: early,
                ..good
            },
        ),
        (
            313,
            Voucher {
                expires: now,
                ..good
            },
        ),
        (
            316,
            Voucher {
                cumulative: cr(11),
                ..good
            },
        ),
        (
            317,
            Voucher {
                hash_lock: lock,
                ..good
            },
        ),
    ] {
        no.with(number, scene.redeem(ANNA, bad, R));
    }
    let shown = Some(Digest::of(b"another"));
    no.with(317, scene.enter(ANNA, redeeming(good, R, shown)));
    scene.redeem(ANNA, good, R).unwrap();
    no.with(314, scene.redeem(ANNA, good, R));
    no.with(315, scene.redeem(ANNA, Voucher { nonce: 2, ..good }, R));
}

fn endings(no: &mut Refused) {
    let mut scene = Scene::new();
    let channel = scene.channel(R, ANNA, cr(10)).unwrap();
    let good = voucher(&scene, channel, (0, 1), cr(1));
    let collect = ChannelRequest::Collect { channel };
    let settle = ChannelRequest::Settle { channel };
    no.with(301, scene.ask(owner(0), settle.clone()));
    no.with(307, scene.ask(R, collect.clone()));
    scene.ask(R, settle.clone()).unwrap();
    no.with(306, scene.ask(ANNA, settle));
    no.with(308, scene.ask(R, collect.clone()));
    scene.wait(scene.genesis.params.channel_settle);
    no.with(309, scene.redeem(ANNA, good, R));
    scene.ask(owner(0), collect).unwrap();
}
