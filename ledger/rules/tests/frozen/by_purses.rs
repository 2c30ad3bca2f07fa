//! Task wallets, those who may spend of them, and grants.

use protocol::entry::{BankRequest, Body, Classes, SpendPolicy, chain};
use protocol::ids::{JobId, PurseId};
use protocol::job::Class;
use protocol::units::{Bps, Credits, Millis};
use rules::Refusal;

use crate::Refused;
use crate::job_scene::{secret, terms};
use crate::scene::*;
use crate::sign::*;

pub(crate) fn tell(no: &mut Refused) {
    owners(no);
    delegates(no);
    grants(no);
}

fn bank(scene: &mut Scene, who: Who, request: BankRequest) -> Result<PurseId, Refusal> {
    let entry = scene.sign(who, Body::Bank(request));
    let name = PurseId::new(*entry.entry_id().bytes());
    scene.block(10, vec![entry]).remove(0).map(|()| name)
}

fn submit(scene: &mut Scene, who: Who, purse: PurseId) -> Result<JobId, Refusal> {
    let body = Body::Submit {
        terms: terms(1, 1, 2),
        chain: chain(&chain(&secret())),
        purse: Some(purse),
    };
    let entry = scene.sign(who, body);
    let job = JobId::new(*entry.entry_id().bytes());
    scene.block(10, vec![entry]).remove(0).map(|()| job)
}

fn open(scene: &mut Scene) -> PurseId {
    let amount = cr(500);
    bank(scene, R, BankRequest::OpenTaskWallet { amount }).unwrap()
}

fn owners(no: &mut Refused) {
    let mut scene = Scene::new();
    let purse = open(&mut scene);
    let top_up = |purse| BankRequest::TopUp {
        purse,
        amount: cr(1),
    };
    no.with(130, bank(&mut scene, R, top_up(PurseId::new([7; 32]))));
    no.with(131, bank(&mut scene, ANNA, top_up(purse)));
    no.with(134, bank(&mut scene, R, BankRequest::ReturnGrant { purse }));
    bank(&mut scene, R, BankRequest::CloseTaskWallet { purse }).unwrap();
    no.with(132, bank(&mut scene, R, top_up(purse)));
}

fn delegates(no: &mut Refused) {
    let mut scene = Scene::new().ready(cr(2_000), cr(1));
    let purse = open(&mut scene);
    no.with(137, submit(&mut scene, ANNA, purse));
    let wide = SpendPolicy {
        per_task: cr(100),
        per_epoch: cr(1_000),
        total: cr(1_000),
        classes: Classes::ALL,
        expires: later(&scene, 86_400_000),
    };
    let (little, expires) = (Credits::new(1), scene.at.now);
    let classes = Classes::NONE.and(Class::Edge);
    for (number, policy) in [
        (138, SpendPolicy { expires, ..wide }),
        (139, SpendPolicy { classes, ..wide }),
        (
            140,
            SpendPolicy {
                per_task: little,
                ..wide
            },
        ),
        (
            141,
            SpendPolicy {
                per_epoch: little,
                ..wide
            },
        ),
        (
            142,
            SpendPolicy {
                total: little,
                ..wide
            },
        ),
    ] {
        let delegate = ANNA.party();
        let allow = BankRequest::Allow {
            purse,
            delegate,
            policy,
        };
        bank(&mut scene, R, allow).unwrap();
        no.with(number, submit(&mut scene, ANNA, purse));
    }
}

const DAY: u64 = 86_400_000;

fn grants(no: &mut Refused) {
    let mut scene = Scene::with(|params| {
        params.fee_burned = Bps::ZERO;
        params.grant_quota = cr(100);
        params.entry_fee = cr(20);
    });
    for _ in 0..2 {
        scene.enter(R, pay(ANNA, cr(1))).unwrap();
    }
    let grant = |scene: &mut Scene, by: Who, amount, ms| {
        let (to, expires) = (ANNA.party(), later(scene, ms));
        let give = BankRequest::MintGrant {
            to,
            amount,
            expires,
        };
        bank(scene, by, give)
    };
    no.with(143, grant(&mut scene, R, cr(1), DAY));
    no.with(144, grant(&mut scene, member(0), cr(1), 91 * DAY));
    no.with(145, grant(&mut scene, member(0), cr(101), DAY));
    let mut scene = scene.ready(cr(2_000), cr(1));
    let purse = grant(&mut scene, member(0), cr(40), DAY).unwrap();
    no.with(
        133,
        bank(&mut scene, ANNA, BankRequest::CloseTaskWallet { purse }),
    );
    no.with(
        136,
        bank(&mut scene, ANNA, BankRequest::ReturnGrant { purse }),
    );
    scene.wait(Millis::new(DAY));
    no.with(135, submit(&mut scene, ANNA, purse));
}
