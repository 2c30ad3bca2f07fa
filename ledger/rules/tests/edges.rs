//! Exactly at a limit is within it, and a micro-credit or a millisecond further is not.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/council.rs"]
mod council_scene;
#[path = "scene/job.rs"]
mod job_scene;
mod scene;
#[path = "scene/sign.rs"]
mod sign;

use council_scene::*;
use job_scene::*;
use protocol::entry::{BankRequest, Body, IssueRequest, Proposal, Quota, ReserveReport};
use protocol::genesis::Issuance;
use protocol::ids::{Digest, PurseId};
use protocol::units::{Bps, Credits, Millis, Moment};
use rules::{Account, Refusal, begin, read};
use scene::*;
use sign::*;

const HOUR: u64 = 3_600_000;

fn one() -> Credits {
    Credits::new(1)
}

fn more(credits: Credits) -> Credits {
    credits.plus(one()).unwrap()
}

/// A newcomer whose entries are free, with so much.
fn newcomer(scene: &mut Scene, credits: Credits) -> Who {
    let key = public(99);
    scene.enter(desk(0), Body::Register { key }).unwrap();
    scene.enter(R, pay(Who(99), credits)).unwrap();
    Who(99)
}

#[test]
fn a_party_can_spend_its_last_credit() {
    let mut scene = Scene::new();
    let who = newcomer(&mut scene, cr(5));
    assert_eq!(code(scene.enter(who, pay(R, more(cr(5))))), 23);
    scene.enter(who, pay(R, cr(5))).unwrap();
    assert_eq!(scene.has(who), Credits::ZERO);

    // The last of it for a fee, where nobody answers for its entries.
    let mut scene = Scene::new();
    let key = public(99);
    scene.enter(R, Body::Register { key }).unwrap();
    let sweep = Body::Sweep {
        job: protocol::ids::JobId::new([9; 32]),
    };
    let entry = scene.sign(Who(99), sweep);
    let bytes = protocol::bytes::write(entry.value()).len() + 96;
    let fee = Credits::new(200 + u64::try_from(bytes).unwrap());
    scene
        .enter(R, pay(Who(99), fee.minus(one()).unwrap()))
        .unwrap();
    assert_eq!(code(scene.block(10, vec![entry.clone()]).remove(0)), 9);
    scene.enter(R, pay(Who(99), one())).unwrap();
    assert_eq!(code(scene.block(10, vec![entry]).remove(0)), 54);
    assert_eq!(scene.has(Who(99)), Credits::ZERO);
}

#[test]
fn where_credits_are_fixed_nobody_has_a_line() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let who = member(0);
    let rest = scene.has(who).minus(cr(1)).unwrap();
    scene.enter(who, pay(ANNA, rest)).unwrap();
    let submit = Body::Submit {
        terms: terms(2, 2, 2),
        chain: Digest::of(b"chain"),
        purse: None,
    };
    assert_eq!(code(scene.enter(who, submit)), 23);
}

#[test]
fn as_many_credits_as_there_may_be_can_be_granted_and_not_one_more() {
    let mut genesis = genesis();
    let others: u64 = genesis.grants[1..]
        .iter()
        .map(|grant| grant.amount.get())
        .sum();
    genesis.grants[0].amount = Credits::new((1 << 50) - others);
    assert_eq!(
        read::supply(&begin(&genesis).unwrap()).minted.get(),
        1 << 50
    );
    genesis.grants[0].amount = Credits::new((1 << 50) - others + 1);
    assert!(begin(&genesis).is_err());
}

/// A scene whose treasury holds a little over 40 credits, 40 of which a member may grant.
fn funded() -> Scene {
    let mut scene = Scene::with(|params| {
        params.fee_burned = Bps::ZERO;
        params.grant_quota = cr(40);
        params.entry_fee = cr(20);
    });
    for _ in 0..2 {
        scene.enter(R, pay(ANNA, cr(1))).unwrap();
    }
    scene
}

/// Grants the newcomer something, good until so long after the block of the grant.
fn grant(scene: &mut Scene, amount: Credits, life: u64) -> Result<PurseId, Refusal> {
    let give = Body::Bank(BankRequest::MintGrant {
        to: ANNA.party(),
        amount,
        expires: later(scene, 10 + life),
    });
    let entry = scene.sign(member(0), give);
    let name = PurseId::new(*entry.entry_id().bytes());
    scene.block(10, vec![entry]).remove(0).map(|()| name)
}

fn left_in(scene: &Scene, purse: PurseId) -> Credits {
    read::account(&scene.rows, Account::Grant(purse)).amount()
}

#[test]
fn a_grant_may_be_all_that_is_left_for_as_long_as_there_is() {
    let mut scene = funded();
    let longest = scene.genesis.params.grant_life.get();
    assert_eq!(code(grant(&mut scene, cr(1), longest + 1).map(drop)), 144);
    assert_eq!(code(grant(&mut scene, cr(1), 0).map(drop)), 144);
    assert_eq!(
        code(grant(&mut scene, more(cr(40)), longest).map(drop)),
        145
    );
    let purse = grant(&mut scene, cr(40), longest).unwrap();
    assert_eq!(left_in(&scene, purse), cr(40));
}

#[test]
fn a_grant_can_be_brought_back_from_its_last_moment_on() {
    for (wait, expected) in [(4_989, 136), (4_990, 0)] {
        let mut scene = funded();
        let purse = grant(&mut scene, cr(30), 5_000).unwrap();
        scene.wait(Millis::new(wait));
        let back = Body::Bank(BankRequest::ReturnGrant { purse });
        assert_eq!(code(scene.enter(R, back)), expected);
    }
}

#[test]
fn a_grant_comes_back_with_the_first_block_of_the_hour_after_its_end() {
    let mut scene = funded();
    let began = scene.at.now.ms() / HOUR;
    let purse = grant(&mut scene, cr(30), 3 * HOUR).unwrap();
    let expires = scene.at.now.after(Millis::new(3 * HOUR));
    assert_eq!(began, 0);
    let hour = Moment::new((expires.ms() / HOUR + 1) * HOUR);
    // Blocks in between, so that the walk over the hours is as far as it can be.
    for ahead in [2 * HOUR, HOUR, 1] {
        scene.wait(Millis::new(hour.since(scene.at.now).get() - ahead));
        assert_eq!(left_in(&scene, purse), cr(30), "{ahead} ms before");
    }
    scene.wait(Millis::new(1));
    assert_eq!(left_in(&scene, purse), Credits::ZERO);
    // Those that come later are brought back in their turn too.
    let next = grant(&mut scene, cr(1), HOUR).unwrap();
    scene.wait(Millis::new(HOUR - 10));
    assert_eq!(left_in(&scene, next), cr(1));
    scene.wait(Millis::new(HOUR));
    assert_eq!(left_in(&scene, next), Credits::ZERO);
}

/// A federation whose credits a reserve covers, and whose first member may mint.
fn covered(holds: Credits) -> Scene {
    let mut genesis = genesis();
    genesis.issuance = Issuance::Reserve {
        custodians: committee(),
        holds,
        redeemable: true,
        curve: None,
    };
    let mut scene = Scene::of(genesis);
    let quota = Proposal::Quota {
        member: member(0).party(),
        of: Quota::Mint,
        per_epoch: cr(500),
    };
    scene.decide(quota).unwrap();
    scene
}

fn report(scene: &mut Scene, holds: Credits, as_of: Moment) -> u16 {
    let report = ReserveReport {
        federation: scene.genesis.id(),
        holds,
        as_of,
    };
    let approvals = approvals(&report, &[0, 1]);
    code(scene.issue(ANNA, IssueRequest::ReportReserve { report, approvals }))
}

fn mint(scene: &mut Scene, amount: Credits) -> u16 {
    let to = ANNA.party();
    code(scene.issue(member(0), IssueRequest::Mint { to, amount }))
}

fn redeem(scene: &mut Scene, amount: Credits) -> u16 {
    let memo = Digest::of(b"account");
    code(scene.issue(ANNA, IssueRequest::Redeem { amount, memo }))
}

/// The reserve of a report in a block that is entered now, so that nothing is left over.
fn all_covered(scene: &mut Scene, beyond: Credits) {
    let there = read::supply(&scene.rows).circulating;
    let now = scene.at.now;
    assert_eq!(report(scene, there.plus(beyond).unwrap(), now), 0);
}

#[test]
fn a_reserve_covers_to_the_last_micro_credit() {
    let mut scene = covered(cr(1_800_000));
    // The fee of the report and of the minting are burned in part: the rest is minted on top.
    all_covered(&mut scene, cr(100));
    let holds = read::reserve(&scene.rows).unwrap().holds;
    let room = |scene: &Scene| {
        let there = read::supply(&scene.rows).circulating;
        holds.minus(there).unwrap()
    };
    let asked = more(room(&scene));
    assert_eq!(mint(&mut scene, asked), 283);
    let asked = room(&scene);
    assert_eq!(mint(&mut scene, asked), 0);
}

#[test]
fn what_is_just_covered_is_redeemed() {
    // Without fees nothing is burned between the report and what is asked.
    let mut genesis = genesis();
    genesis.issuance = Issuance::Reserve {
        custodians: committee(),
        holds: cr(1_800_000),
        redeemable: true,
        curve: None,
    };
    genesis.params.entry_fee = Credits::ZERO;
    genesis.params.byte_fee = Credits::ZERO;
    let mut scene = Scene::of(genesis);
    let there = read::supply(&scene.rows).circulating;
    let now = scene.at.now;
    assert_eq!(report(&mut scene, there, now.after(Millis::new(5))), 0);
    assert_eq!(redeem(&mut scene, one()), 0);
    let there = read::supply(&scene.rows).circulating.minus(one()).unwrap();
    let now = scene.at.now;
    assert_eq!(report(&mut scene, there, now.after(Millis::new(5))), 0);
    assert_eq!(redeem(&mut scene, one()), 283);
}

#[test]
fn a_report_comes_after_the_last_and_not_from_the_future() {
    let mut scene = covered(cr(1_800_000));
    let holds = cr(2_000_000);
    let now = scene.at.now;
    assert_eq!(report(&mut scene, holds, now.after(Millis::new(11))), 285);
    let exact = scene.at.now.after(Millis::new(10));
    assert_eq!(report(&mut scene, holds, exact), 0);
    assert_eq!(report(&mut scene, holds, exact), 285);
    assert_eq!(report(&mut scene, holds, exact.after(Millis::new(1))), 0);
    // It is good for so long, and no longer.
    let params = &scene.genesis.params;
    let life = params.epoch.get() * u64::from(params.report_life);
    let as_of = exact.after(Millis::new(1));
    scene.wait(Millis::new(as_of.ms() + life - 10 - scene.at.now.ms()));
    assert_eq!(redeem(&mut scene, one()), 0);
    scene.wait(Millis::new(1));
    assert_eq!(redeem(&mut scene, one()), 284);
}

#[test]
fn what_a_job_gives_back_to_an_expired_grant_is_the_treasury_s() {
    let mut scene = funded().ready(cr(2_000), cr(1));
    let purse = grant(&mut scene, cr(40), 20_000).unwrap();
    let submit = Body::Submit {
        terms: terms(1, 1, 2),
        chain: Digest::of(b"chain"),
        purse: Some(purse),
    };
    let entry = scene.sign(ANNA, submit);
    let job = protocol::ids::JobId::new(*entry.entry_id().bytes());
    scene.block(10, vec![entry]).remove(0).unwrap();
    scene.wait(Millis::new(20_000));
    let back = Body::Bank(BankRequest::ReturnGrant { purse });
    scene.enter(R, back).unwrap();
    let treasury = read::supply(&scene.rows).treasury;
    let escrow = read::job(&scene.rows, job).unwrap().escrow;
    scene.enter(ANNA, Body::Cancel { job }).unwrap();
    assert_eq!(left_in(&scene, purse), Credits::ZERO);
    let after = read::supply(&scene.rows).treasury;
    // Who takes a job back pays a hundredth of it, of which a part is burned.
    assert!(after >= treasury.plus(escrow.share(Bps::new(9_900))).unwrap());
}
