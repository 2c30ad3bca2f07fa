//! Leases of slots, and what all leases share: what is kept is paid, what is missed comes back and
//! costs the peer's bond (F5), and every lease ends with nothing held.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/audit.rs"]
mod audit_scene;
#[path = "scene/capacity.rs"]
mod capacity_scene;
#[path = "scene/council.rs"]
mod council_scene;
#[path = "scene/job.rs"]
mod job_scene;
#[path = "scene/lease.rs"]
mod lease_scene;
mod scene;

use lease_scene::*;
use protocol::entry::{AuditRequest, Body, Correction, LeaseTerms, Place, Proposal};
use protocol::event::{Fault, LeaseEnd};
use protocol::genesis::Issuance;
use protocol::ids::{Digest, LeaseId};
use protocol::job::Class;
use protocol::units::{Credits, Millis};
use rules::work::{Ground, HoldState};
use rules::{Account, Code, read};
use scene::*;

#[test]
fn slots_that_are_leased_are_not_drawn_for_and_come_back() {
    let mut scene = leasing();
    let holder = scene.has(R);
    let lease = scene.takes(R, 0, (slots(3), 2)).unwrap();
    assert_eq!(scene.offers(0), Some(1));
    assert_eq!(scene.prepaid(lease), cr(12));
    // Twice its price stands for every epoch.
    assert_eq!(scene.locked(worker(0)), cr(24));
    let owned = scene.has(owner(0));
    scene.next_epoch();
    scene.next_epoch();
    scene.collects(lease).unwrap();
    assert_eq!(
        (scene.prepaid(lease), scene.locked(worker(0))),
        (cr(6), cr(12))
    );
    assert_eq!(gained(&scene, owner(0), owned), 6 * CREDIT);
    // At its end nobody needs to ask.
    scene.next_epoch();
    assert_eq!(scene.leased(lease), None);
    assert_eq!(ended(&scene, lease), Some((LeaseEnd::Over, Credits::ZERO)));
    assert_eq!(gained(&scene, owner(0), owned), 12 * CREDIT);
    assert!(gained(&scene, R, holder) <= -12 * CREDIT);
    assert_eq!(scene.offers(0), Some(4));
    assert_eq!(scene.locked(worker(0)), Credits::ZERO);
    assert_eq!(read::shelf(&scene.rows, worker(0), SLOTS).taken, 0);
    assert!(read::leases_of(&scene.rows, worker(0)).is_empty());
    assert!(read::leases_held(&scene.rows, R.party()).is_empty());
}

#[test]
fn an_offer_that_is_leased_whole_comes_back_unless_it_was_withdrawn() {
    let mut scene = leasing();
    for n in 0..3 {
        scene.takes(R, n, (slots(4), 1)).unwrap();
        assert_eq!(scene.offers(n), None);
    }
    let withdraw = |scene: &mut Scene, n: u8| {
        let (peer, class) = (worker(n), Class::Grid);
        let withdraw = protocol::entry::Body::WithdrawOffer { peer, class };
        scene.enter(owner(n), withdraw)
    };
    withdraw(&mut scene, 1).unwrap();
    assert_eq!(withdraw(&mut scene, 1).unwrap_err().code(), 41);
    // What its owner offers beside the lease is more than it had.
    scene.offer(2, 2, cr(1)).unwrap();
    scene.next_epoch();
    scene.next_epoch();
    assert_eq!(scene.offers(0), Some(4));
    assert_eq!(scene.offers(1), None);
    assert_eq!(scene.offers(2), Some(6));
}

#[test]
fn f5_slots_that_are_not_there_cost_twice_their_price_and_come_back() {
    let mut scene = leasing();
    let old = scene.takes(R, 0, (slots(2), 3)).unwrap();
    let young = scene.takes(ANNA, 0, (slots(1), 3)).unwrap();
    // Not begun, so that nothing of it can be missed.
    scene.next_epoch();
    let late = scene.takes(ANNA, 0, (slots(1), 1)).unwrap();
    let peer = worker(0);
    let preview = read::slash_preview(&scene.rows, finding(), peer, Fault::LeaseMissed).unwrap();
    assert_eq!(preview.0, cr(12), "two slots and one, at twice two credits");
    let before = (
        scene.bond(peer),
        scene.has(R),
        scene.has(owner(0)),
        scene.has(ANNA),
    );
    let treasury = read::supply(&scene.rows).treasury;
    scene.two_see(peer, 1);
    // The older lease has what is there: it misses one, and the younger its only one.
    let slash = |name, amount| {
        let finding = read::lease_finding(name, 2);
        let number = read::holds_of(&scene.rows, finding)[0];
        let hold = read::hold(&scene.rows, number).unwrap();
        assert_eq!((hold.fault, hold.amount), (Fault::LeaseMissed, amount));
        assert_eq!(hold.ground, Ground::Lease(name, 2));
        assert_eq!(hold.state, HoldState::Given);
        let to: Vec<Code> = hold.shares.iter().map(|share| share.code).collect();
        assert_eq!(
            to,
            [Code::SlashBurned, Code::SlashVictim, Code::SlashTreasury]
        );
    };
    slash(old, cr(4));
    slash(young, cr(4));
    assert_eq!(times(&scene, 0), (2, 0));
    assert_eq!(scene.bond(peer), before.0.minus(cr(8)).unwrap());
    // The holder has the missed slot's price back and 30 % of the slash; the rest of the epoch is
    // paid.
    assert_eq!(gained(&scene, R, before.1), 2 * CREDIT + 1_200_000);
    assert_eq!(gained(&scene, ANNA, before.3), 2 * CREDIT + 1_200_000);
    assert_eq!(gained(&scene, owner(0), before.2), 2 * CREDIT);
    let gained = read::supply(&scene.rows).treasury.get() - treasury.get();
    assert!(
        gained >= 2 * 1_200_000,
        "the treasury has the finder's share too"
    );
    // Nothing stood ready, so that nothing was feigned; and the epoch is settled.
    assert_eq!(read::faults(&scene.rows, peer).times[9], 0);
    assert_eq!(scene.due(old).epochs, 0);
    assert_eq!(scene.leased(late).unwrap().settled, 0);
    scene.next_epoch();
    scene.collects(late).unwrap_err();
    scene.collects(old).unwrap_err();
    scene.next_epoch();
    assert_eq!(scene.leased(late), None);
    assert_eq!(times(&scene, 0), (2, 0));
}

#[test]
fn f5_the_whole_of_what_a_preview_says_is_taken_where_nothing_is_there() {
    let mut scene = leasing();
    scene.takes(R, 0, (slots(4), 2)).unwrap();
    scene.next_epoch();
    let peer = worker(0);
    let (taken, parts) =
        read::slash_preview(&scene.rows, finding(), peer, Fault::LeaseMissed).unwrap();
    let bond = scene.bond(peer);
    scene.two_see(peer, 0);
    assert_eq!(scene.bond(peer), bond.minus(taken).unwrap());
    let hold = read::hold(&scene.rows, 0).unwrap();
    let amounts: Vec<Credits> = hold.shares.iter().map(|share| share.amount).collect();
    assert_eq!(amounts, [parts[0], parts[1], parts[3]]);
    assert_eq!(taken, cr(16));
    // It cannot feign the same in this epoch again, and nothing comes back before the next.
    let third = scene.challengers(peer)[2];
    scene.sees(third, peer, 0).unwrap();
    assert_eq!(scene.bond(peer), bond.minus(taken).unwrap());
    assert_eq!(scene.offer(0, 1, cr(1)).unwrap_err().code(), 293);
    scene.next_epoch();
    assert_eq!(times(&scene, 0), (1, 0));
}

#[test]
fn f5_a_bond_that_just_covers_its_leases_is_previewed_with_what_the_epoch_releases() {
    let mut scene = leasing();
    let peer = worker(0);
    // Four slots for two epochs at twice 625 credits: all of the bond.
    let price = cr(625);
    scene.asks(0, SLOTS, LeaseTerms { price, ..terms(4) });
    scene.takes(R, 0, (slots(4), 2)).unwrap();
    assert_eq!(scene.locked(peer), scene.bond(peer));
    scene.next_epoch();
    let (taken, _) = read::slash_preview(&scene.rows, finding(), peer, Fault::LeaseMissed).unwrap();
    assert_eq!(taken, cr(5_000));
    scene.two_see(peer, 0);
    assert_eq!(scene.bond(peer), cr(10_000).minus(taken).unwrap());
}

#[test]
fn f5_and_f10_of_one_finding_have_two_names_and_leases_are_served_first() {
    let mut scene = leasing();
    let lease = scene.takes(R, 0, (slots(2), 5)).unwrap();
    scene.next_epoch();
    let peer = worker(0);
    // All that is leased is there, and of two on offer one.
    scene.two_see(peer, 3);
    assert_eq!(times(&scene, 0), (0, 0));
    assert_eq!(read::faults(&scene.rows, peer).times[9], 1);
    assert_eq!(scene.offers(0), Some(1));
    scene.next_epoch();
    scene.offer(0, 2, cr(1)).unwrap();
    scene.two_see(peer, 1);
    assert_eq!(times(&scene, 0), (1, 0));
    assert_eq!(read::faults(&scene.rows, peer).times[9], 2);
    assert_eq!(scene.offers(0), None);
    let names = [
        read::lease_finding(lease, 3),
        read::capacity_finding(peer, Class::Grid, 3),
    ];
    assert_ne!(names[0], names[1]);
    assert_eq!(read::holds_of(&scene.rows, names[0]).len(), 1);
}

#[test]
fn who_holds_a_lease_does_not_judge_its_peer() {
    let mut scene = leasing();
    for who in scene.challengers(worker(0)).into_iter().take(2) {
        scene.takes(who, 0, (slots(1), 3)).unwrap();
        assert!(!scene.challengers(worker(0)).contains(&who));
    }
    assert_eq!(scene.challengers(worker(0)).len(), 2);
}

#[test]
fn of_what_is_given_up_half_comes_back_and_the_epoch_runs_to_its_end() {
    let mut scene = leasing();
    let lease = scene.takes(R, 0, (slots(4), 10)).unwrap();
    let never = scene.takes(R, 1, (slots(4), 10)).unwrap();
    let before = (scene.has(R), scene.has(owner(1)));
    scene.ends(R, never).unwrap();
    assert_eq!(ended(&scene, never), Some((LeaseEnd::Over, Credits::ZERO)));
    assert_eq!(gained(&scene, owner(1), before.1), 40 * CREDIT);
    assert!(gained(&scene, R, before.0) > 39 * CREDIT);
    scene.next_epoch();
    scene.next_epoch();
    let owned = scene.has(owner(0));
    scene.ends(R, lease).unwrap();
    // Eight of ten epochs are left after this: half of 64 credits; one is paid, one runs.
    assert_eq!(gained(&scene, owner(0), owned), (8 + 32) * CREDIT);
    assert_eq!(
        (scene.prepaid(lease), scene.locked(worker(0))),
        (cr(8), cr(16))
    );
    assert_eq!(scene.ends(R, lease).unwrap_err().code(), 335);
    assert_eq!(scene.offers(0), None);
    scene.next_epoch();
    assert_eq!(scene.leased(lease), None);
    assert_eq!(scene.offers(0), Some(4));
    assert_eq!(gained(&scene, owner(0), owned), (8 + 32 + 8) * CREDIT);
}

#[test]
fn a_held_slash_of_a_lease_can_be_reversed() {
    let mut genesis = genesis();
    genesis.params.appeal_window = Millis::new(40 * 3_600_000);
    let mut scene = Scene::of(genesis).ready(cr(10_000), cr(1));
    scene.asks(0, SLOTS, terms(4));
    let lease = scene.takes(R, 0, (slots(4), 2)).unwrap();
    scene.next_epoch();
    scene.two_see(worker(0), 0);
    let finding = read::lease_finding(lease, 1);
    let held = read::hold(&scene.rows, read::holds_of(&scene.rows, finding)[0]).unwrap();
    assert_eq!((held.state, held.amount), (HoldState::Held, cr(16)));
    let hold = read::account(&scene.rows, Account::SlashHold(finding));
    assert_eq!(hold.amount(), cr(16));
    let (from, to) = (Place::Slash(finding), Place::Bond(worker(0)));
    let amount = held.amount;
    let reversal = Proposal::Reversal {
        corrections: vec![Correction { from, to, amount }],
        reason: Digest::of(b"the challengers' lines were cut"),
    };
    scene.decide(reversal).unwrap();
    assert_eq!(scene.bond(worker(0)), cr(10_000));
    assert_eq!(times(&scene, 0), (0, 0));
}

#[test]
fn longer_epochs_move_the_end_of_a_lease() {
    let mut scene = leasing();
    let (_, content) = blob();
    let lease = scene.takes(R, 0, (slots(4), 40)).unwrap();
    let storage = scene.takes(R, 1, (content, 40)).unwrap();
    scene.proves(1, storage).unwrap();
    let longer = Proposal::Params {
        changes: vec![(180, scene.genesis.params.epoch.get() * 5 / 4)],
    };
    let decided = scene.decide(longer);
    assert!(decided.is_ok(), "{decided:?}");
    let ends = scene.leased(lease).unwrap().ends().unwrap();
    while read::running_epoch(&scene.rows).unwrap().0 < ends - 1 {
        scene.next_epoch();
        assert!(scene.leased(lease).is_some());
    }
    scene.next_epoch();
    assert_eq!(ended(&scene, lease), Some((LeaseEnd::Over, Credits::ZERO)));
    assert_eq!(
        ended(&scene, storage),
        Some((LeaseEnd::Over, Credits::ZERO))
    );
}

#[test]
fn a_struck_peer_loses_its_leases_and_their_locks_and_its_holders_have_the_rest_back() {
    let mut scene = leasing();
    let (_, content) = blob();
    let leases: Vec<[LeaseId; 2]> = (0..WORKERS)
        .map(|n| [(slots(1), 20), (content, 20)].map(|what| scene.takes(R, n, what).unwrap()))
        .collect();
    for (n, [_, storage]) in (0..).zip(&leases) {
        scene.proves(n, *storage).unwrap();
    }
    let job = scene.drawn(job_scene::terms(2, 2, 2));
    let peer = scene.peers(job, 0)[0];
    let whole = (0..WORKERS).find(|n| worker(*n) == peer).unwrap();
    scene.takes(ANNA, whole, (slots(3), 20)).unwrap();
    assert_eq!(scene.offers(whole), None);
    let n = (0..WORKERS).find(|n| worker(*n) == peer).unwrap();
    for peer in scene.peers(job, 0) {
        scene.seal(job, peer, '7').unwrap();
    }
    let locked = scene.locked(peer);
    assert!(locked > cr(2 * 20 * 4));
    let seals = ['9', '7'].map(|letter| scene.seal_of(job, 0, peer, letter));
    let seals = Box::new(seals);
    let bond = scene.bond(peer);
    let bundle = protocol::ids::BundleId { job, index: 0 };
    let preview = read::slash_preview(&scene.rows, bundle, peer, Fault::TwoSeals).unwrap();
    scene
        .enter(ANNA, Body::Audit(AuditRequest::TwoSeals { job, seals }))
        .unwrap();
    // All it had locked, for its leases too.
    assert_eq!(preview.0, locked);
    assert_eq!(scene.bond(peer), bond.minus(locked).unwrap());
    for lease in leases[usize::from(n)] {
        assert_eq!(scene.leased(lease).unwrap().locked(), Credits::ZERO);
    }
    let before = scene.has(R);
    scene.wait(Millis::new(1));
    assert_eq!(scene.offers(n), None);
    for lease in leases[usize::from(n)] {
        assert_eq!(ended(&scene, lease), Some((LeaseEnd::Struck, cr(40))));
    }
    assert_eq!(gained(&scene, R, before), 80 * CREDIT);
    assert_eq!(scene.bond(peer), bond.minus(locked).unwrap());
    assert_eq!(scene.takes(R, n, (content, 1)).unwrap_err().code(), 35);
    let open = leases.iter().flatten();
    let open = open.filter(|lease| scene.leased(**lease).is_some());
    assert_eq!(open.count(), 2 * usize::from(WORKERS) - 2);
}

#[test]
fn f5_what_is_there_goes_to_the_oldest_lease_and_the_last_bears_what_is_missing() {
    let mut scene = leasing();
    let taken = |scene: &mut Scene, many| scene.takes(R, 0, (slots(many), 3)).unwrap();
    let leases = [2, 1, 1].map(|many| taken(&mut scene, many));
    scene.next_epoch();
    scene.two_see(worker(0), 3);
    let found = leases.map(|name| read::holds_of(&scene.rows, read::lease_finding(name, 2)).len());
    assert_eq!(found, [0, 0, 1]);
}

#[test]
fn no_more_slots_come_back_than_members_saw_in_this_epoch() {
    let mut scene = leasing();
    let lease = scene.takes(R, 0, (slots(4), 1)).unwrap();
    scene.next_epoch();
    scene.two_see(worker(0), 3);
    // Its only epoch is settled with that.
    assert_eq!(ended(&scene, lease), Some((LeaseEnd::Over, Credits::ZERO)));
    assert_eq!(scene.offers(0), Some(3));
    assert_eq!(scene.offer(0, 4, cr(1)).unwrap_err().code(), 293);
}

#[test]
fn who_is_jailed_leases_nothing() {
    let mut scene = leasing();
    let job = scene.drawn(job_scene::terms(2, 2, 2));
    let peers = scene.peers(job, 0);
    let letters: Vec<_> = peers.into_iter().zip(['7', '9']).collect();
    for (peer, letter) in &letters {
        scene.seal(job, *peer, *letter).unwrap();
    }
    scene.close(job).unwrap();
    scene.open_all(job, &letters);
    scene.dispute(ANNA, job, &letters).unwrap();
    scene.judge(job, "77");
    let n = (0..WORKERS).find(|n| worker(*n) == letters[1].0).unwrap();
    assert_eq!(scene.takes(R, n, (blob().1, 1)).unwrap_err().code(), 200);
}

#[test]
fn leased_slots_do_not_count_for_standing_ready() {
    let mut genesis = genesis();
    genesis.issuance = Issuance::Inflation;
    let mut scene = Scene::of(genesis).ready(cr(10_000), cr(1));
    scene.asks(0, SLOTS, terms(4));
    scene.next_epoch();
    scene.takes(R, 0, (slots(2), 1)).unwrap();
    // Two on offer and two leased were seen; what is offered afterwards counts in the next epoch.
    scene.two_see(worker(0), 4);
    scene.offer(0, 4, cr(1)).unwrap();
    scene.stands_ready(0).unwrap();
    assert_eq!(read::epoch(&scene.rows, 1).ready, 2);
}
