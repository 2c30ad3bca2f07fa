//! Peers: their owners, bonds, backers and offers.

use borsh::BorshDeserialize;
use protocol::entry::{AuditRequest, Body, StakeRequest};
use protocol::job::Class;
use rules::read;

use crate::Refused;
use crate::job_scene::terms;
use crate::scene::*;

pub(crate) fn tell(no: &mut Refused) {
    bonds(no);
    backers(no);
    offers(no);
    jailed(no);
}

fn bonds(no: &mut Refused) {
    let mut scene = Scene::new();
    let (peer, amount) = (worker(0), cr(1));
    no.with(33, scene.enter(owner(0), Body::Bond { peer, amount }));
    scene.admit(0, cr(20));
    no.with(34, scene.enter(ANNA, Body::Bond { peer, amount }));
    let amount = cr(21);
    no.with(36, scene.enter(owner(0), Body::Unbond { peer, amount }));
    no.with(38, scene.enter(owner(0), Body::Withdraw { peer }));
    let amount = cr(1);
    for _ in 0..16 {
        scene
            .enter(owner(0), Body::Unbond { peer, amount })
            .unwrap();
    }
    no.with(37, scene.enter(owner(0), Body::Unbond { peer, amount }));
}

fn backers(no: &mut Refused) {
    let mut scene = Scene::new();
    scene.admit(0, cr(10));
    let (peer, amount) = (worker(0), cr(1));
    let back = Body::Stake(StakeRequest::Back { peer, amount });
    no.with(201, scene.enter(owner(0), back.clone()));
    let unback = Body::Stake(StakeRequest::Unback { peer, amount });
    no.with(203, scene.enter(ANNA, unback));
    for who in (0..4).map(member).chain((0..4).map(desk)) {
        scene.enter(who, back.clone()).unwrap();
    }
    no.with(202, scene.enter(ANNA, back));
}

fn offers(no: &mut Refused) {
    let mut scene = Scene::new();
    scene.admit(0, cr(10));
    let (peer, class) = (worker(0), Class::Grid);
    no.with(40, scene.offer(0, 0, cr(1)));
    no.with(
        41,
        scene.enter(owner(0), Body::WithdrawOffer { peer, class }),
    );
    // 262 144 offers of one sponsor would take hours: the ledger is told that they are there.
    scene.offer(0, 1, cr(1)).unwrap();
    for (key, row) in &mut scene.rows {
        if key[0] == 0xA3 {
            let (_, weight) = <(u32, u64)>::try_from_slice(row).unwrap();
            *row = borsh::to_vec(&(64_u32.pow(3), weight)).unwrap();
        }
    }
    let (peer, slots) = (node(95), 1);
    let owner = R.party();
    scene
        .enter(desk(0), Body::AdmitPeer { peer, owner })
        .unwrap();
    let offer = Body::PublishOffer {
        peer,
        class,
        slots,
        per_gfuel: cr(1),
    };
    no.with(42, scene.enter(R, offer));
}

fn jailed(no: &mut Refused) {
    let mut scene = Scene::with(|params| {
        params.missed_of = 2;
        params.replacements_max = 0;
    })
    .ready(cr(10_000), cr(1));
    let job = scene.drawn(terms(48, 4, 2));
    let peer = scene.peers(job, 0)[0];
    let seals = ['7', '9'].map(|letter| scene.seal_of(job, 0, peer, letter));
    scene.wait(protocol::units::Millis::new(60_000));
    let n = (0..WORKERS).find(|n| worker(*n) == peer).unwrap();
    assert!(read::meter(&scene.rows, peer, Class::Grid).missed >= 2);
    no.with(200, scene.offer(n, 4, cr(1)));
    let seals = Box::new(seals);
    let shown = AuditRequest::TwoSeals { job, seals };
    scene.enter(ANNA, Body::Audit(shown)).unwrap();
    no.with(35, scene.offer(n, 4, cr(1)));
}
