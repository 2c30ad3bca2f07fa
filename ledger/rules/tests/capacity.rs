//! F10: members that are drawn for it look how many slots of a peer are there, and what becomes of
//! one that claimed others.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/capacity.rs"]
mod capacity_scene;
#[path = "scene/council.rs"]
mod council_scene;
mod scene;

use std::collections::BTreeSet;

use protocol::entry::{Body, Correction, Place, Proposal};
use protocol::event::{Aside, Event, Fault, FaultEvent};
use protocol::genesis::{Issuance, Params};
use protocol::ids::{Digest, PeerId};
use protocol::job::Class;
use protocol::units::{Bps, Credits, Millis};
use rules::work::{Ground, Hold, HoldState};
use rules::{Refusal, read};
use scene::*;

const CLASS: Class = Class::Grid;

fn code(answer: &Result<(), Refusal>) -> u16 {
    answer.as_ref().err().map_or(0, Refusal::code)
}

/// A federation that mints for standing ready; every worker offers four slots.
fn minting(change: impl FnOnce(&mut Params)) -> Scene {
    let mut genesis = genesis();
    genesis.issuance = Issuance::Inflation;
    change(&mut genesis.params);
    Scene::of(genesis).ready(cr(1_000), cr(1))
}

fn slots(scene: &Scene, peer: PeerId) -> Option<u16> {
    let offer = read::offer(&scene.rows, peer, CLASS);
    offer.map(|offer| offer.slots)
}

fn hold(scene: &Scene) -> Option<Hold> {
    read::hold(&scene.rows, 0)
}

#[test]
fn two_of_three_are_believed_and_one_is_not() {
    let mut scene = minting(|_| {});
    let peer = worker(0);
    let [one, two, three] = scene.challengers(peer).try_into().unwrap();
    scene.sees(one, peer, 0).unwrap();
    assert_eq!(code(&scene.sees(one, peer, 4)), 95);
    scene.sees(two, peer, 4).unwrap();
    assert_eq!(slots(&scene, peer), Some(4));
    assert_eq!(read::faults(&scene.rows, peer).times, [0; 11]);
    scene.sees(three, peer, 1).unwrap();
    // In the middle of 0, 1 and 4.
    assert_eq!(slots(&scene, peer), Some(1));
    assert_eq!(read::faults(&scene.rows, peer).times[9], 1);
    let finding = read::capacity_finding(peer, CLASS, 0);
    let feigned = Event::Fault(FaultEvent::CapacityFeigned {
        finding,
        peer,
        class: CLASS,
        claimed: 4,
        seen: 1,
    });
    assert!(scene.events.contains(&feigned));
    // It had earned nothing, so that nothing is held.
    assert_eq!(hold(&scene), None);
    assert_eq!(code(&scene.offer(0, 2, cr(1))), 293);
    assert_eq!(code(&scene.stands_ready(0)), 293);
    scene.offer(0, 1, cr(1)).unwrap();
    scene.wait_epochs(1);
    scene.offer(0, 2, cr(1)).unwrap();
}

#[test]
fn a_tenth_less_is_enough_and_none_at_all_is_no_offer() {
    let mut scene = minting(|_| {});
    let (peer, other) = (worker(0), worker(1));
    scene.offer(0, 10, cr(1)).unwrap();
    for who in scene.challengers(peer) {
        scene.sees(who, peer, 9).unwrap();
    }
    assert_eq!(slots(&scene, peer), Some(10));
    let trust = read::trust(&scene.rows, other, CLASS).unwrap().reputation;
    scene.two_see(other, 0);
    assert_eq!(slots(&scene, other), None);
    let (_, began) = read::running_epoch(&scene.rows).unwrap();
    let aside = Event::OfferSetAside {
        peer: other,
        class: CLASS,
        why: Aside::Feigned,
        until: began.after(scene.genesis.params.epoch),
    };
    assert!(scene.events.contains(&aside));
    let after = read::trust(&scene.rows, other, CLASS).unwrap().reputation;
    let heavier = u64::from(scene.genesis.params.reputation_fault) << 16;
    assert_eq!(after.wrong, trust.wrong + heavier);
    // Three have spoken, or two: the third has nothing left to find.
    let third = scene.challengers(other)[2];
    assert_eq!(code(&scene.sees(third, other, 0)), 41);
}

#[test]
fn what_standing_ready_earned_within_the_span_is_taken_and_the_rest_is_void() {
    let mut scene = minting(|params| params.feigned_span = 16);
    let peer = worker(0);
    for _ in 0..20 {
        scene.earns(0);
        scene.wait(Millis::new(1));
    }
    let last = read::reward_due(&scene.rows, peer, 20);
    assert_eq!(last, Credits::ZERO, "it has not ended");
    let each = read::epoch(&scene.rows, 19).pools.availability;
    let each = each.share(Bps::new(2_000)).get();
    scene.stands_ready(0).unwrap();
    scene.wait_epochs(1);
    scene.wait(Millis::new(1));
    let unclaimed = read::reward_due(&scene.rows, peer, 20);
    assert!(unclaimed > Credits::ZERO);
    scene.stands_ready(0).unwrap();

    let finding = read::capacity_finding(peer, CLASS, 21);
    let fault = Fault::FakeCapacity;
    let preview = read::slash_preview(&scene.rows, finding, peer, fault).unwrap();
    let (bond, supply) = (scene.bond(peer), read::supply(&scene.rows));
    scene.two_see(peer, 2);
    let hold = hold(&scene).unwrap();
    assert_eq!((hold.fault, hold.bundle), (fault, finding));
    assert_eq!(hold.ground, Ground::Capacity(CLASS, 21));
    assert_eq!((hold.amount, hold.state), (preview.0, HoldState::Given));
    assert_eq!(scene.bond(peer), bond.minus(hold.amount).unwrap());
    // Of sixteen epochs, what fell into two of them may be forgotten; what differs from epoch to
    // epoch is far less than one of them.
    let taken = hold.amount.get();
    assert!(taken > 13 * each && taken < 17 * each, "{taken} of {each}");
    let burned = read::supply(&scene.rows)
        .burned
        .minus(supply.burned)
        .unwrap();
    assert!(burned >= preview.1[0]);
    assert_eq!(preview.1[1], Credits::ZERO);
    assert_eq!(preview.1[2], Credits::ZERO);

    assert_eq!(read::reward_due(&scene.rows, peer, 20), Credits::ZERO);
    assert_eq!(code(&scene.claims(0, 20)), 290);
    // What it had said to stand ready with takes nothing from others.
    assert_eq!(read::epoch(&scene.rows, 21).ready, 0);
    // The next finding takes what was earned since: nothing.
    scene.wait_epochs(1);
    scene.wait(Millis::new(1));
    scene.two_see(peer, 0);
    assert_eq!(read::hold(&scene.rows, 1), None);
}

#[test]
fn no_more_is_taken_than_the_bond_holds() {
    let mut scene = minting(|params| {
        params.inflation_cap = Bps::new(1_000);
        params.earn_to_bond_until = cr(1);
        params.reward_cap_sponsor = Bps::ONE;
        params.reward_cap_peer = Bps::ONE;
    });
    let (peer, amount) = (worker(0), cr(998));
    for _ in 0..3 {
        scene.earns(0);
        scene.wait(Millis::new(1));
    }
    scene
        .enter(owner(0), Body::Unbond { peer, amount })
        .unwrap();
    scene.wait(scene.genesis.params.unbond_window);
    scene.enter(owner(0), Body::Withdraw { peer }).unwrap();
    scene.wait(Millis::new(1));
    let name = read::capacity_finding(peer, CLASS, 0);
    let preview = read::slash_preview(&scene.rows, name, peer, Fault::FakeCapacity).unwrap();
    assert_eq!(preview.0, cr(2));
    scene.two_see(peer, 0);
    assert_eq!(hold(&scene).unwrap().amount, cr(2));
    assert_eq!(scene.bond(peer), Credits::ZERO);
}

#[test]
fn what_was_ready_and_is_no_more_on_offer_is_still_claimed() {
    let mut scene = minting(|_| {});
    let peer = worker(0);
    scene.offer(0, 40, cr(1)).unwrap();
    scene.stands_ready(0).unwrap();
    scene.offer(0, 4, cr(1)).unwrap();
    scene.two_see(peer, 4);
    assert_eq!(read::faults(&scene.rows, peer).times[9], 1);
    assert_eq!(read::epoch(&scene.rows, 0).ready, 0);
    assert_eq!(slots(&scene, peer), Some(4));

    // Slots that came after members had looked count in the next epoch, and are no lie in this.
    let grower = worker(1);
    scene.two_see(grower, 4);
    scene.offer(1, 40, cr(1)).unwrap();
    let third = scene.challengers(grower)[2];
    scene.sees(third, grower, 40).unwrap();
    assert_eq!(slots(&scene, grower), Some(40));
    scene.wait_epochs(1);
    scene.wait(Millis::new(1));
    scene.two_see(grower, 40);
    scene.stands_ready(1).unwrap();
    assert_eq!(read::epoch(&scene.rows, 1).ready, 40);
    scene.offer(1, 50, cr(1)).unwrap();
    assert_eq!(read::faults(&scene.rows, grower).times[9], 0);
    let late = worker(2);
    scene.two_see(late, 4);
    scene.offer(2, 50, cr(1)).unwrap();
    scene.stands_ready(2).unwrap();
    assert_eq!(read::epoch(&scene.rows, 1).ready, 44);
}

#[test]
fn a_reversed_finding_gives_back_what_it_took_and_what_it_voided() {
    let mut scene = minting(|params| params.appeal_window = Millis::new(40 * 3_600_000));
    let peer = worker(0);
    scene.earns(0);
    scene.stands_ready(0).unwrap();
    scene.wait_epochs(1);
    scene.wait(Millis::new(1));
    let unclaimed = read::reward_due(&scene.rows, peer, 1);
    assert!(unclaimed > Credits::ZERO);
    scene.two_see(peer, 1);
    let taken = hold(&scene).unwrap();
    assert_eq!(taken.state, HoldState::Held);
    assert_eq!(read::reward_due(&scene.rows, peer, 1), Credits::ZERO);
    let (from, to) = (Place::Slash(taken.bundle), Place::Bond(peer));
    let amount = taken.amount;
    let reversal = Proposal::Reversal {
        corrections: vec![Correction { from, to, amount }],
        reason: Digest::of(b"the challengers' lines were cut"),
    };
    scene.decide(reversal).unwrap();
    assert_eq!(hold(&scene).unwrap().state, HoldState::Returned);
    assert_eq!(scene.bond(peer), cr(1_000));
    assert_eq!(read::faults(&scene.rows, peer).times[9], 0);
    assert_eq!(read::reward_due(&scene.rows, peer, 1), unclaimed);
    // It counts again as earned: the next finding would take it.
    let fault = Fault::FakeCapacity;
    let preview = read::slash_preview(&scene.rows, taken.bundle, peer, fault).unwrap();
    assert_eq!(preview.0, amount);
}

#[test]
fn who_looks_is_drawn_anew_each_epoch_and_never_for_its_own() {
    let mut scene = minting(|_| {});
    let own = node(21);
    let mut seen = BTreeSet::new();
    for _ in 0..12 {
        let challengers = scene.challengers(worker(0));
        assert_eq!(challengers.iter().collect::<BTreeSet<_>>().len(), 3);
        seen.insert(challengers);
        // A member's own node is looked at by the three others.
        let others: BTreeSet<Who> = scene.challengers(own).into_iter().collect();
        assert_eq!(others, (1..4).map(member).collect());
        scene.wait_epochs(1);
        // Nobody knows the hash of an epoch's first block before the second.
        assert_eq!(read::challengers(&scene.rows, own, CLASS), None);
        let answer = scene.sees(member(1), own, 0);
        assert!(matches!(code(&answer), 41 | 292), "{answer:?}");
    }
    assert!(seen.len() > 6, "{seen:?}");
}
