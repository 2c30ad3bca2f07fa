//! Where credits come from: epochs that mint under a cap and pay who worked, members who owe each
//! other, a reserve that covers what there is.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/council.rs"]
mod council_scene;
#[path = "scene/job.rs"]
mod job_scene;
mod scene;

use council_scene::*;
use job_scene::*;
use proptest::prelude::*;
use protocol::entry::{Body, EmergencyAct, IssueRequest, Proposal, Quota, ReserveReport};
use protocol::event::{Event, IssueEvent};
use protocol::genesis::{Issuance, Params};
use protocol::ids::Digest;
use protocol::job::Class;
use protocol::units::{Bps, Credits, Millis, Moment};
use rules::{GenesisRefused, Refusal, begin, read};
use scene::*;

fn code(answer: &Result<(), Refusal>) -> u16 {
    answer.as_ref().err().map_or(0, Refusal::code)
}

fn founded(issuance: Issuance, change: impl FnOnce(&mut Params)) -> Scene {
    let mut genesis = genesis();
    genesis.issuance = issuance;
    genesis.emergency = committee();
    change(&mut genesis.params);
    Scene::of(genesis)
}

/// One job of a task, done by two workers and paid.
fn work(scene: &mut Scene) {
    let job = scene.drawn(terms(1, 1, 2));
    let peers = scene.peers(job, 0);
    for peer in &peers {
        scene.seal(job, *peer, '7').unwrap();
    }
    scene.close(job).unwrap();
    for peer in &peers {
        scene.open(job, *peer, '7').unwrap();
    }
}

fn claim(scene: &mut Scene, n: u8, epoch: u64) -> Result<(), Refusal> {
    let peer = worker(n);
    scene.issue(ANNA, IssueRequest::Claim { peer, epoch })
}

#[test]
fn an_epoch_mints_under_its_cap_and_what_is_not_earned_is_not_minted() {
    let mut scene = founded(Issuance::Inflation, |_| {}).ready(cr(1_000), cr(1));
    let (peer, class) = (worker(5), Class::Grid);
    let ready = IssueRequest::StandReady { peer, class };
    scene.issue(owner(5), ready.clone()).unwrap();
    assert_eq!(code(&scene.issue(owner(5), ready.clone())), 287);
    assert_eq!(code(&scene.issue(owner(4), ready)), 34);
    let unbond = Body::Unbond {
        peer: worker(4),
        amount: cr(950),
    };
    scene.enter(owner(4), unbond).unwrap();
    let peer_of_4 = IssueRequest::StandReady {
        peer: worker(4),
        class,
    };
    assert_eq!(code(&scene.issue(owner(4), peer_of_4)), 288);
    assert_eq!(code(&claim(&mut scene, 5, 0)), 289);
    let before = read::supply(&scene.rows);
    scene.wait_epochs(1);
    let epoch = read::epoch(&scene.rows, 0);
    // 1 800 000 credits at 3 % a year: 6.16 an hour.
    assert_eq!(epoch.cap.get() / 10_000, 616);
    let pools = epoch.pools;
    assert_eq!(pools.availability, epoch.cap.share(Bps::new(1_500)));
    assert!(pools.supply.get() <= epoch.burned.get() / 2);
    assert!(epoch.burned > cr(0));
    let at_once = [pools.demand, pools.members, pools.treasury];
    let at_once: u64 = at_once.iter().map(|part| part.get()).sum();
    let minted = read::supply(&scene.rows)
        .minted
        .minus(before.minted)
        .unwrap();
    assert_eq!((minted.get(), epoch.minted.get()), (at_once, at_once));

    // Only one stood ready, and the peers of no sponsor have more than a fifth of a pool.
    let due = read::reward_due(&scene.rows, peer, 0);
    assert_eq!(due, pools.availability.share(Bps::new(2_000)));
    let has = scene.has(owner(5));
    claim(&mut scene, 5, 0).unwrap();
    assert_eq!(scene.has(owner(5)), has.plus(due).unwrap());
    assert_eq!(code(&claim(&mut scene, 5, 0)), 290);
    assert_eq!(code(&claim(&mut scene, 4, 0)), 290);
    assert_eq!(read::closed_epochs(&scene.rows), 1);
    assert_eq!(code(&scene.issue(member(0), mint(ANNA, cr(1)))), 280);
}

#[test]
fn rewards_that_wait_too_long_or_in_an_emergency_are_not_minted() {
    let mut scene = founded(Issuance::Inflation, |_| {}).ready(cr(1_000), cr(1));
    let (peer, class) = (worker(0), Class::Grid);
    let ready = IssueRequest::StandReady { peer, class };
    scene.issue(owner(0), ready.clone()).unwrap();
    scene.wait_epochs(1);
    let stop = scene.order(EmergencyAct::StopIssuance, true);
    scene.emergency(stop, &[0, 1]).unwrap();
    assert_eq!(code(&claim(&mut scene, 0, 0)), 281);
    let minted = read::supply(&scene.rows).minted;
    scene.wait_epochs(3);
    assert_eq!(read::supply(&scene.rows).minted, minted);
    scene.wait_epochs(60);
    assert_eq!(code(&claim(&mut scene, 0, 0)), 281);
    let lift = scene.order(EmergencyAct::StopIssuance, false);
    scene.emergency(lift, &[0, 1]).unwrap();
    assert_eq!(code(&claim(&mut scene, 0, 0)), 290);
    scene.issue(owner(0), ready).unwrap();
}

#[test]
fn work_is_rewarded_by_what_the_sponsor_earned_with_all_its_names() {
    let mut scene = founded(Issuance::Inflation, |params| {
        params.reward_cap_peer = Bps::ONE;
        params.reward_cap_sponsor = Bps::ONE;
    })
    .ready(cr(1_000), cr(1));
    let mut paid = Credits::ZERO;
    for _ in 0..4 {
        work(&mut scene);
        paid = read::epoch(&scene.rows, 0).paid;
    }
    scene.wait_epochs(1);
    let epoch = read::epoch(&scene.rows, 0);
    assert!(epoch.paid >= paid);
    let mut shared = 0;
    for n in 0..WORKERS {
        let due = read::reward_due(&scene.rows, worker(n), 0);
        let earned = claim(&mut scene, n, 0);
        assert_eq!(earned.is_ok(), due > cr(0));
        shared += due.get();
    }
    let pool = epoch.pools.supply.get();
    if epoch.work > 0 {
        assert!(
            shared <= pool && shared + u64::from(WORKERS) >= pool,
            "{shared} of {pool}"
        );
    }
    let rewarded = scene
        .events
        .iter()
        .filter(|event| matches!(event, Event::Issue(IssueEvent::Rewarded { .. })));
    assert!(rewarded.count() > 0);
}

#[test]
fn many_epochs_that_nobody_saw_are_closed_a_few_in_a_block() {
    let mut scene = founded(Issuance::Inflation, |_| {});
    scene.wait_epochs(9);
    assert_eq!(read::closed_epochs(&scene.rows), 2);
    for _ in 0..4 {
        scene.wait(Millis::new(1));
    }
    assert_eq!(read::closed_epochs(&scene.rows), 9);
    let caps = (0..9).map(|n| read::epoch(&scene.rows, n).cap);
    assert!(caps.is_sorted());
}

#[test]
fn an_index_follows_the_load_of_its_class() {
    let mut scene = founded(Issuance::Fixed, |params| params.replacements_max = 0);
    scene = scene.ready(cr(1_000), cr(1));
    let price = |scene: &Scene, class| read::index(&scene.rows, class).unwrap().price.get();
    assert_eq!(price(&scene, Class::Grid), 10_000);
    scene.wait_epochs(1);
    // Offers and no demand: an eighth down. No offers: nothing is known.
    assert_eq!(price(&scene, Class::Grid), 8_750);
    assert_eq!(price(&scene, Class::Edge), 10_000);
    let mut long = terms(12, 1, 3);
    long.seal_window = Millis::new(20 * 3_600_000);
    let first = scene.drawn(long);
    assert_eq!(read::index(&scene.rows, Class::Grid).unwrap().wanted, 36);
    let drawn = price(&scene, Class::Grid);
    scene.wait_epochs(2);
    let risen = price(&scene, Class::Grid);
    assert!(
        risen > drawn && risen <= drawn * 81 / 64 + 2,
        "{drawn} to {risen}"
    );
    for _ in 0..60 {
        scene.wait_epochs(1);
        // Who missed its run stands ready again.
        for n in 0..WORKERS {
            if read::offer(&scene.rows, worker(n), Class::Grid).is_none() {
                scene.offer(n, 4, cr(1)).unwrap();
            }
        }
    }
    assert_eq!(read::job(&scene.rows, first).unwrap().open, 0);
    assert_eq!(read::index(&scene.rows, Class::Grid).unwrap().wanted, 0);
    assert_eq!(price(&scene, Class::Grid), 1_000);
}

fn mint(to: Who, amount: Credits) -> IssueRequest {
    let to = to.party();
    IssueRequest::Mint { to, amount }
}

#[test]
fn what_is_fixed_at_the_beginning_stays_so() {
    let mut scene = founded(Issuance::Fixed, |_| {}).ready(cr(1_000), cr(1));
    let minted = read::supply(&scene.rows).minted;
    assert_eq!(code(&scene.issue(member(0), mint(ANNA, cr(1)))), 280);
    let (member, of, per_epoch) = (member(0).party(), Quota::Mint, cr(1));
    let quota = Proposal::Quota {
        member,
        of,
        per_epoch,
    };
    assert_eq!(code(&scene.propose(quota).map(drop)), 280);
    work(&mut scene);
    scene.wait_epochs(5);
    assert_eq!(read::supply(&scene.rows).minted, minted);
    let (amount, memo) = (cr(1), Digest::of(b"account"));
    assert_eq!(
        code(&scene.issue(ANNA, IssueRequest::Redeem { amount, memo })),
        286
    );
}

#[test]
fn a_member_owes_for_work_and_for_nothing_else() {
    let mut genesis = genesis();
    genesis.issuance = Issuance::MutualCredit;
    genesis.params.quota_party = 0;
    genesis.grants.clear();
    for member in &mut genesis.members {
        member.bond = Credits::ZERO;
    }
    let mut scene = Scene::of(genesis);
    let (who, peer) = (member(0), node(21));
    let moves = vec![(member(1).party(), cr(1))];
    assert_eq!(code(&scene.enter(who, Body::Transfer { moves })), 23);
    let amount = cr(1);
    assert_eq!(code(&scene.enter(who, Body::Bond { peer, amount })), 23);
    // Fees were paid on credit; what one owes is what others have.
    let owed = read::owed(&scene.rows, who.party());
    assert!(owed > cr(0));
    let supply = read::supply(&scene.rows);
    assert_eq!((supply.minted, supply.burned), (cr(0), cr(0)));
    assert_eq!(supply.treasury, owed);
    let member = who.party();
    assert_eq!(
        code(&scene.propose(Proposal::Leave { member }).map(drop)),
        263
    );
    let what = Proposal::Class {
        class: Class::Edge,
        open: false,
    };
    assert_eq!(code(&scene.propose(what).map(drop)), 23);
}

#[test]
fn a_line_has_an_end_and_pays_for_jobs() {
    let mut scene = founded(Issuance::MutualCredit, |params| {
        params.credit_line = cr(100);
    })
    .ready(cr(1_000), cr(1));
    let who = member(0);
    let all = scene.has(who).minus(cr(1)).unwrap();
    let moves = vec![(ANNA.party(), all)];
    scene.enter(who, Body::Transfer { moves }).unwrap();
    let chain = Digest::of(b"chain");
    let submit = |tasks| Body::Submit {
        terms: terms(tasks, 1, 2),
        chain,
        purse: None,
    };
    assert_eq!(code(&scene.enter(who, submit(100))), 23);
    scene.enter(who, submit(20)).unwrap();
    let owed = read::owed(&scene.rows, who.party());
    assert!(owed > cr(1) && owed <= cr(100), "{owed}");
    assert_eq!(scene.has(who), cr(0));
    // Those who are no members have no line.
    let poor = owner(5);
    let rest = scene.has(poor).minus(cr(1)).unwrap();
    let moves = vec![(ANNA.party(), rest)];
    scene.enter(poor, Body::Transfer { moves }).unwrap();
    assert_eq!(code(&scene.enter(poor, submit(20))), 23);
}

fn reserve(holds: Credits) -> Issuance {
    Issuance::Reserve {
        custodians: committee(),
        holds,
        redeemable: true,
        curve: None,
    }
}

fn report(scene: &mut Scene, holds: Credits, keys: &[u8]) -> Result<(), Refusal> {
    let report = ReserveReport {
        federation: scene.genesis.id(),
        holds,
        as_of: scene.at.now,
    };
    let approvals = approvals(&report, keys);
    scene.issue(ANNA, IssueRequest::ReportReserve { report, approvals })
}

#[test]
fn credits_are_minted_against_a_reserve_within_a_quota_and_redeemed_from_it() {
    let mut genesis = genesis();
    genesis.issuance = reserve(cr(1_799_999));
    assert_eq!(begin(&genesis), Err(GenesisRefused::ReserveShort));

    let mut scene = founded(reserve(cr(1_800_000)), |_| {});
    let (by, of, per_epoch) = (member(0), Quota::Mint, cr(500));
    let quota = Proposal::Quota {
        member: by.party(),
        of,
        per_epoch,
    };
    scene.decide(quota).unwrap();
    assert_eq!(read::quota(&scene.rows, by.party(), of), Some(per_epoch));
    assert_eq!(code(&scene.issue(ANNA, mint(ANNA, cr(1)))), 250);
    assert_eq!(code(&scene.issue(by, mint(ANNA, cr(1)))), 283);
    assert_eq!(code(&report(&mut scene, cr(1_801_000), &[0])), 269);
    report(&mut scene, cr(1_801_000), &[0, 1]).unwrap();
    assert_eq!(code(&scene.issue(by, mint(ANNA, cr(501)))), 282);
    scene.issue(by, mint(ANNA, cr(400))).unwrap();
    assert_eq!(code(&scene.issue(by, mint(ANNA, cr(101)))), 282);
    scene.wait_epochs(1);
    scene.issue(by, mint(ANNA, cr(500))).unwrap();
    scene.wait_epochs(1);
    assert_eq!(code(&scene.issue(by, mint(ANNA, cr(200)))), 283);

    let memo = Digest::of(b"account");
    let redeem = |amount| IssueRequest::Redeem { amount, memo };
    scene.issue(ANNA, redeem(cr(300))).unwrap();
    assert_eq!(read::reserve(&scene.rows).unwrap().holds, cr(1_800_700));
    // Less in the reserve than there are credits: nothing is minted or redeemed.
    report(&mut scene, cr(1_800_000), &[1, 2]).unwrap();
    assert_eq!(code(&scene.issue(ANNA, redeem(cr(1)))), 283);
    let stale = ReserveReport {
        federation: scene.genesis.id(),
        holds: cr(9_000_000),
        as_of: Moment::new(1_000_000),
    };
    let old = IssueRequest::ReportReserve {
        report: stale,
        approvals: approvals(&stale, &[0, 1]),
    };
    assert_eq!(code(&scene.issue(ANNA, old)), 285);
    report(&mut scene, cr(2_000_000), &[0, 2]).unwrap();
    scene.wait_epochs(721);
    assert_eq!(code(&scene.issue(ANNA, redeem(cr(1)))), 284);
    assert_eq!(code(&scene.issue(by, mint(ANNA, cr(1)))), 284);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// I17: whatever is reported, minted and redeemed, what is minted or redeemed leaves the rest
    /// covered, at the ratio that governs.
    #[test]
    fn nothing_is_minted_or_redeemed_without_cover(
        ratio in 10_000..20_000_u32,
        acts in prop::collection::vec((0..4_u8, 0..4_000_u64), 1..60),
    ) {
        let holds = cr(1_800_000 * 2);
        let mut scene = founded(reserve(holds), |params| {
            params.reserve_min = ratio;
            params.timelock = 1;
        });
        let by = member(0);
        let (of, per_epoch) = (Quota::Mint, cr(1_000_000_000));
        scene.decide(Proposal::Quota { member: by.party(), of, per_epoch }).unwrap();
        for (kind, amount) in acts {
            let amount = cr(amount * 1_000);
            let memo = Digest::of(b"");
            let done = match kind {
                0 => report(&mut scene, amount, &[0, 1]).is_err(),
                1 => scene.issue(by, mint(ANNA, amount)).is_ok(),
                2 => scene.issue(R, IssueRequest::Redeem { amount, memo }).is_ok(),
                _ => {
                    scene.wait_epochs(1);
                    false
                }
            };
            if done {
                let holds = u128::from(read::reserve(&scene.rows).unwrap().holds.get());
                let there = u128::from(read::supply(&scene.rows).circulating.get());
                prop_assert!(kind == 0 || there * u128::from(ratio) <= holds * 10_000);
            }
        }
    }

    /// I8: whatever happens in them, no epoch has ever minted more than its cap.
    #[test]
    fn no_epoch_mints_more_than_its_cap(
        acts in prop::collection::vec((0..4_u8, 0..WORKERS, 0..9_u64), 1..40),
    ) {
        let mut scene = founded(Issuance::Inflation, |_| {}).ready(cr(1_000), cr(1));
        let mut minted = read::supply(&scene.rows).minted;
        for (kind, n, back) in acts {
            let (peer, class) = (worker(n), Class::Grid);
            let closed = read::closed_epochs(&scene.rows);
            match kind {
                0 => drop(scene.issue(owner(n), IssueRequest::StandReady { peer, class })),
                1 => drop(claim(&mut scene, n, closed.saturating_sub(back))),
                2 => work(&mut scene),
                _ => scene.wait_epochs(1),
            }
        }
        let closed = read::closed_epochs(&scene.rows);
        let mut all = 0;
        for number in 0..closed {
            let epoch = read::epoch(&scene.rows, number);
            prop_assert!(epoch.minted <= epoch.pools.sum() && epoch.pools.sum() <= epoch.cap);
            prop_assert!(epoch.pools.supply.get() <= epoch.burned.get() / 2);
            all += epoch.minted.get();
        }
        minted = minted.plus(Credits::new(all)).unwrap();
        prop_assert_eq!(read::supply(&scene.rows).minted, minted);
    }
}
