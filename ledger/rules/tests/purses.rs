//! Credits set apart for jobs: what a delegate may spend of a task wallet, and what a grant is and
//! is not good for.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/job.rs"]
mod job_scene;
mod scene;
#[path = "scene/sign.rs"]
mod sign;

use job_scene::*;
use protocol::entry::{BankRequest, Body, Classes, OpKeyPowers, Scope, SpendPolicy, chain};
use protocol::ids::{JobId, PurseId};
use protocol::job::{Class, Terms};
use protocol::units::{Credits, Millis};
use rules::work::Phase;
use rules::{Account, Refusal, read};
use scene::*;
use sign::*;

/// What a job of one task with two copies sets aside.
fn cost() -> Credits {
    let mut scene = ready();
    let job = scene.submit(terms(1, 1, 2)).unwrap();
    read::job(&scene.rows, job).unwrap().escrow
}

fn less(whole: Credits, part: Credits) -> Credits {
    whole.minus(part).unwrap()
}

/// A micro-credit too little.
fn almost(enough: Credits) -> Credits {
    less(enough, Credits::new(1))
}

impl Scene {
    fn bank(&mut self, who: Who, request: BankRequest) -> Result<PurseId, Refusal> {
        let entry = self.sign(who, Body::Bank(request));
        let name = PurseId::new(*entry.entry_id().bytes());
        self.block(10, vec![entry]).remove(0).map(|()| name)
    }

    fn submit_from(&mut self, who: Who, purse: PurseId, terms: Terms) -> Result<JobId, Refusal> {
        let (chain, purse) = (chain(&chain(&secret())), Some(purse));
        let body = Body::Submit {
            terms,
            chain,
            purse,
        };
        let entry = self.sign(who, body);
        let job = JobId::new(*entry.entry_id().bytes());
        self.block(10, vec![entry]).remove(0).map(|()| job)
    }

    fn left_in(&self, purse: PurseId) -> Credits {
        read::purse(&self.rows, purse).unwrap().available
    }

    fn task_wallet(&mut self, owner: Who, amount: u64) -> PurseId {
        let amount = cr(amount);
        self.bank(owner, BankRequest::OpenTaskWallet { amount })
            .unwrap()
    }

    fn allow(&mut self, purse: PurseId, delegate: Who, policy: SpendPolicy) {
        let delegate = delegate.party();
        let allow = BankRequest::Allow {
            purse,
            delegate,
            policy,
        };
        self.bank(R, allow).unwrap();
    }

    /// Lets a job that nobody starts come to its end.
    fn give_up(&mut self, job: JobId) {
        self.wait(self.genesis.params.start_window);
        self.wait(Millis::new(1));
        let phase = read::job(&self.rows, job).unwrap().phase;
        assert_eq!(phase, Phase::Ended);
    }
}

fn ready() -> Scene {
    Scene::new().ready(cr(2_000), cr(1))
}

fn policy(scene: &Scene) -> SpendPolicy {
    SpendPolicy {
        per_task: cr(100),
        per_epoch: cr(1_000),
        total: cr(1_000),
        classes: Classes::ALL,
        expires: later(scene, 30 * 86_400_000),
    }
}

#[test]
fn a_delegate_spends_of_a_task_wallet_within_every_limit() {
    let mut scene = ready();
    let purse = scene.task_wallet(R, 500);
    let wide = policy(&scene);
    let job = terms(1, 1, 2);
    for (change, expected) in [
        (wide, 0),
        (
            SpendPolicy {
                per_task: cr(2),
                ..wide
            },
            0,
        ),
        (
            SpendPolicy {
                per_task: almost(cr(2)),
                ..wide
            },
            140,
        ),
        (
            SpendPolicy {
                per_epoch: almost(cost()),
                ..wide
            },
            141,
        ),
        (
            SpendPolicy {
                total: almost(cost()),
                ..wide
            },
            142,
        ),
        (
            SpendPolicy {
                classes: Classes::NONE.and(Class::Edge),
                ..wide
            },
            139,
        ),
        (
            SpendPolicy {
                expires: scene.at.now,
                ..wide
            },
            138,
        ),
    ] {
        let mut scene = ready();
        let purse = scene.task_wallet(R, 500);
        scene.allow(purse, ANNA, change);
        let before = scene.has(ANNA);
        let answer = scene.submit_from(ANNA, purse, job.clone());
        assert_eq!(code(answer.map(|_| ())), expected, "{change:?}");
        let fee = less(before, scene.has(ANNA));
        assert!(fee < cr(1), "the delegate pays the fee alone");
        let spent = if expected == 0 { cost() } else { cr(0) };
        assert_eq!(scene.left_in(purse), less(cr(500), spent));
    }
    let nobody = scene.submit_from(ANNA, purse, job.clone());
    assert_eq!(code(nobody.map(|_| ())), 137);
    let owner = scene.submit_from(R, purse, job);
    assert_eq!(code(owner.map(|_| ())), 0, "its owner needs no allowance");
}

#[test]
fn what_comes_back_may_be_spent_again_but_not_in_the_same_epoch() {
    let mut scene = ready();
    let purse = scene.task_wallet(R, 500);
    let tight = SpendPolicy {
        per_epoch: cost().times(3).unwrap(),
        total: cost().times(2).unwrap(),
        ..policy(&scene)
    };
    scene.allow(purse, ANNA, tight);
    let submit = |scene: &mut Scene| scene.submit_from(ANNA, purse, terms(1, 1, 2));
    let first = submit(&mut scene).unwrap();
    submit(&mut scene).unwrap();
    assert_eq!(code(submit(&mut scene).map(|_| ())), 142);
    scene.give_up(first);
    let back = scene.left_in(purse);
    submit(&mut scene).unwrap();
    assert_eq!(code(submit(&mut scene).map(|_| ())), 141);
    let allowance = read::allowance(&scene.rows, purse, ANNA.party()).unwrap();
    assert!(allowance.in_all <= tight.total && allowance.in_epoch <= tight.per_epoch);
    assert!(back > less(cr(500), tight.total));
    scene.wait(scene.genesis.params.epoch);
    let again = submit(&mut scene);
    assert_eq!(
        code(again.map(|_| ())),
        0,
        "all came back, and it is another epoch"
    );
}

#[test]
fn only_its_owner_fills_changes_and_closes_a_task_wallet() {
    let mut scene = ready();
    let purse = scene.task_wallet(R, 100);
    let (amount, delegate) = (cr(10), ANNA.party());
    let policy = policy(&scene);
    let unknown = PurseId::new([7; 32]);
    let top_up = |purse, amount| BankRequest::TopUp { purse, amount };
    let allow = |delegate| BankRequest::Allow {
        purse,
        delegate,
        policy,
    };
    let disallow = || BankRequest::Disallow { purse, delegate };
    let close = || BankRequest::CloseTaskWallet { purse };
    let give_back = || BankRequest::ReturnGrant { purse };
    for (who, request, expected) in [
        (ANNA, top_up(purse, amount), 131),
        (ANNA, allow(delegate), 131),
        (ANNA, disallow(), 131),
        (ANNA, close(), 131),
        (R, top_up(unknown, amount), 130),
        (R, top_up(purse, cr(0)), 20),
        (R, top_up(purse, cr(1_000_000)), 23),
        (R, allow(Who(99).party()), 3),
        (R, disallow(), 137),
        (R, give_back(), 134),
        (R, top_up(purse, amount), 0),
        (R, allow(delegate), 0),
        (R, disallow(), 0),
        (R, disallow(), 137),
        (R, allow(delegate), 0),
    ] {
        let answer = scene.bank(who, request.clone()).map(|_| ());
        assert_eq!(code(answer), expected, "{request:?}");
    }
    assert_eq!(read::delegate(&scene.rows, purse, 0), Some(delegate));
    assert_eq!(read::delegate(&scene.rows, purse, 1), None, "listed once");
    assert_eq!(read::purse_of(&scene.rows, R.party(), 0), Some(purse));
    assert_eq!(read::purses_of(&scene.rows, R.party()), 1);

    let job = scene.submit_from(ANNA, purse, terms(1, 1, 2)).unwrap();
    let before = scene.has(R);
    scene.bank(R, close()).unwrap();
    let got = scene.has(R).minus(before).unwrap();
    let rest = less(cr(110), cost());
    assert!(got > less(rest, cr(1)) && got < rest);
    for request in [close(), top_up(purse, amount)] {
        assert_eq!(code(scene.bank(R, request).map(|_| ())), 132);
    }
    let closed = scene.submit_from(ANNA, purse, terms(1, 1, 2));
    assert_eq!(code(closed.map(|_| ())), 132);
    let (before, annas) = (scene.has(R), scene.has(ANNA));
    scene.give_up(job);
    assert!(scene.has(R) > before, "what a job gives back follows");
    assert_eq!(scene.has(ANNA), annas);
    assert_eq!(scene.left_in(purse), Credits::ZERO);
}

#[test]
fn a_task_wallet_that_runs_out_pays_for_no_more() {
    let mut scene = ready();
    let enough_for_two = cost().times(2).unwrap().get() / 1_000_000 + 1;
    let purse = scene.task_wallet(R, enough_for_two);
    let policy = policy(&scene);
    scene.allow(purse, ANNA, policy);
    scene.allow(purse, desk(0), policy);
    let mut submit = |who| scene.submit_from(who, purse, terms(1, 1, 2)).map(|_| ());
    assert_eq!(code(submit(ANNA)), 0);
    assert_eq!(code(submit(desk(0))), 0);
    assert_eq!(code(submit(ANNA)), 23);
    let other = scene.submit_from(R, PurseId::new([7; 32]), terms(1, 1, 2));
    assert_eq!(code(other.map(|_| ())), 130);
}

#[test]
fn an_operational_key_is_held_to_its_limit_in_a_task_wallet_too() {
    let mut scene = ready();
    let purse = scene.task_wallet(R, 500);
    let key = Who(70);
    let limited = OpKeyPowers {
        per_entry: cost(),
        ..powers(&scene, Scope::SUBMIT)
    };
    scene.set_key(R, key, limited);
    let body = || Body::Submit {
        terms: terms(1, 1, 2),
        chain: chain(&chain(&secret())),
        purse: Some(purse),
    };
    assert_eq!(code(scene.enter_by(R, &[key], body())), 110);
    let limited = OpKeyPowers {
        per_entry: cost().plus(cr(1)).unwrap(),
        ..limited
    };
    scene.set_key(R, key, limited);
    assert_eq!(code(scene.enter_by(R, &[key], body())), 0);
}

/// A scene whose treasury holds a little over 40 credits.
fn funded() -> Scene {
    let mut scene = Scene::with(|params| {
        params.fee_burned = protocol::units::Bps::ZERO;
        params.grant_quota = cr(100);
        params.entry_fee = cr(20);
    });
    for _ in 0..2 {
        scene.enter(R, pay(ANNA, cr(1))).unwrap();
    }
    scene
}

impl Scene {
    fn grant(&mut self, by: Who, to: Who, amount: u64, ms: u64) -> Result<PurseId, Refusal> {
        let expires = later(self, ms);
        let (to, amount) = (to.party(), cr(amount));
        let give = BankRequest::MintGrant {
            to,
            amount,
            expires,
        };
        self.bank(by, give)
    }
}

const DAY: u64 = 86_400_000;

#[test]
fn a_member_grants_within_its_quota_and_what_the_treasury_has() {
    let mut scene = funded();
    for (by, to, amount, ms, expected) in [
        (R, ANNA, 1, DAY, 143),
        (desk(0), ANNA, 1, DAY, 143),
        (member(0), ANNA, 0, DAY, 20),
        (member(0), Who(99), 1, DAY, 21),
        (member(0), ANNA, 1, 10, 144),
        (member(0), ANNA, 1, 91 * DAY, 144),
        (member(0), ANNA, 101, DAY, 145),
        (member(0), ANNA, 99, DAY, 23),
        (member(0), ANNA, 20, DAY, 0),
        (member(0), ANNA, 81, DAY, 145),
        (member(1), ANNA, 18, DAY, 0),
    ] {
        let answer = scene.grant(by, to, amount, ms).map(|_| ());
        assert_eq!(code(answer), expected, "{amount} for {ms} ms");
    }
    let left = |scene: &Scene| read::grant_quota(&scene.rows, member(0).party());
    assert_eq!(left(&scene), cr(80));
    scene.wait(scene.genesis.params.epoch);
    assert_eq!(left(&scene), cr(100));
}

#[test]
fn a_grant_is_spent_on_jobs_and_comes_back_when_it_expires() {
    let mut scene = funded().ready(cr(2_000), cr(1));
    let purse = scene.grant(member(0), ANNA, 40, DAY).unwrap();
    let moves = [
        (
            BankRequest::TopUp {
                purse,
                amount: cr(1),
            },
            133,
        ),
        (BankRequest::CloseTaskWallet { purse }, 133),
        (BankRequest::ReturnGrant { purse }, 136),
    ];
    for (request, expected) in moves {
        assert_eq!(code(scene.bank(ANNA, request).map(|_| ())), expected);
    }
    let job = scene.submit_from(ANNA, purse, terms(1, 1, 2)).unwrap();
    assert_eq!(scene.left_in(purse), less(cr(40), cost()));
    scene.give_up(job);
    assert_eq!(
        scene.left_in(purse),
        cr(40),
        "a refund goes back into the grant"
    );
    let last = scene.submit_from(ANNA, purse, terms(1, 1, 2)).unwrap();

    // A day's hours without grants are walked over first, some in every block.
    for _ in 0..3 {
        scene.wait(Millis::new(DAY / 2 + 3_600_000));
    }
    assert_eq!(
        scene.left_in(purse),
        Credits::ZERO,
        "the rest has gone back"
    );
    let row = read::job(&scene.rows, last).unwrap();
    assert_eq!(row.refunded, cost());
    let account = read::account(&scene.rows, Account::Treasury).amount();
    assert!(account >= cr(40));
    let late = scene.submit_from(ANNA, purse, terms(1, 1, 2));
    assert_eq!(code(late.map(|_| ())), 135);
    let again = scene.bank(R, BankRequest::ReturnGrant { purse });
    assert_eq!(code(again.map(|_| ())), 20, "there is nothing left");
}

#[test]
fn anyone_brings_an_expired_grant_back_before_its_hour_is_over() {
    let mut scene = funded();
    let purse = scene.grant(member(0), ANNA, 30, 1_000).unwrap();
    scene.wait(Millis::new(1_000));
    assert_eq!(scene.left_in(purse), cr(30));
    let before = read::supply(&scene.rows).treasury;
    scene.bank(R, BankRequest::ReturnGrant { purse }).unwrap();
    assert_eq!(scene.left_in(purse), Credits::ZERO);
    assert!(read::supply(&scene.rows).treasury >= before.plus(cr(30)).unwrap());
}

#[test]
fn many_grants_that_expire_at_once_come_back_a_few_a_block() {
    let mut scene = funded();
    let purses: Vec<PurseId> = (0..40)
        .map(|_| scene.grant(member(0), ANNA, 1, DAY).unwrap())
        .collect();
    let waiting = |scene: &Scene| {
        let left = purses.iter().map(|purse| scene.left_in(*purse));
        left.filter(|left| *left > Credits::ZERO).count()
    };
    assert_eq!(waiting(&scene), 40);
    // Twenty-five hours without grants are walked over first, sixteen steps a block.
    scene.wait(Millis::new(DAY + 3_600_000));
    let mut before = waiting(&scene);
    for _ in 0..5 {
        scene.wait(Millis::new(10));
        let now = waiting(&scene);
        assert!(before - now <= 16, "{before} to {now}");
        before = now;
    }
    assert_eq!(before, 0);
}

#[test]
fn a_grant_never_pays_the_peers_of_who_gave_it() {
    let mut scene = funded();
    let own = node(21);
    let bond = Body::Bond {
        peer: own,
        amount: cr(2_000),
    };
    scene.enter(member(0), bond).unwrap();
    let offer = Body::PublishOffer {
        peer: own,
        class: Class::Grid,
        slots: 4,
        per_gfuel: cr(1),
    };
    scene.enter(member(0), offer).unwrap();
    for n in 0..2 {
        scene.admit(n, cr(2_000));
        scene.offer(n, 1, cr(1)).unwrap();
    }
    let purse = scene.grant(member(0), R, 40, DAY).unwrap();
    let granted = scene.submit_from(R, purse, terms(2, 1, 2)).unwrap();
    scene.start(granted).unwrap();
    for index in 0..2 {
        let mut drawn = scene.peers(granted, index);
        drawn.sort();
        let mut others = vec![worker(0), worker(1)];
        others.sort();
        assert_eq!(drawn, others);
    }
    // Jobs that no grant pays for have no such bar: one of three is dealt to it too.
    let free: Vec<_> = (0..3).map(|_| scene.drawn(terms(4, 1, 2))).collect();
    let of = |job| (0..4).flat_map(move |index| [(job, index)]);
    let mut bundles = free.into_iter().flat_map(of);
    assert!(bundles.any(|(job, index)| scene.peers(job, index).contains(&own)));

    // It pays for what it covers, and a job that needs more is refused.
    let enough = cost().get().div_ceil(1_000_000);
    let purse = scene.grant(member(1), R, enough, DAY).unwrap();
    let dear = scene.submit_from(R, purse, terms(2, 1, 2)).unwrap_err();
    assert_eq!(dear.code(), 23);
    let job = scene.submit_from(R, purse, terms(1, 1, 2)).unwrap();
    let excluded = read::job(&scene.rows, job).unwrap().excluded;
    assert_eq!(excluded, Some(member(1).party()));
}
