//! The council lets a member in and another go: the one follows first and then votes, the other
//! votes first and then follows, and every ledger can be checked across the changes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "other tests use more of it")]
#[path = "federation/town.rs"]
mod town;

use ledger::{MemberKey, WallClock};
use protocol::entry::{Body, Choice, CouncilRequest, Joining, KeyRotation, Proposal, VoterRequest};
use protocol::genesis::Genesis;
use protocol::signed::Signed;
use protocol::units::{Credits, Height, Millis};
use std::sync::Arc;
use std::time::{Duration, Instant};
use town::{
    PATIENCE, Town, await_entries, consensus, key, next_consensus, party, peer, public, root_at,
};

/// The member who is none yet, and whose its party is.
const NEW: u8 = 4;
const NEW_PARTY: u8 = 10;

/// A federation whose council decides within seconds.
fn quick() -> Genesis {
    let mut genesis = town::genesis();
    genesis.params.epoch = Millis::new(2_000);
    genesis.params.voting = 30;
    genesis.params.timelock = 1;
    genesis.params.member_bond = Credits::new(10_000_000);
    for member in &mut genesis.members {
        member.power = 2;
    }
    genesis
}

/// Hands agreed blocks to those who follow, until `ready`.
fn until(town: &Town, what: &str, mut ready: impl FnMut(&Town) -> bool) {
    let end = Instant::now() + PATIENCE;
    while !ready(town) {
        assert!(Instant::now() < end, "waited too long: {what}");
        for to in town.running().filter(|ledger| ledger.follows()) {
            for from in town.running() {
                if let Some(frame) = from.follow_out(to.follow_from(), Duration::ZERO) {
                    to.follow_in(&frame.bytes).unwrap();
                }
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn agree(town: &mut Town, from: u8, body: Body) -> Height {
    let entry = town.entry(from, body);
    let id = town.propose(&entry);
    let voter = town.running().find(|ledger| ledger.status().is_member);
    await_entries(voter.unwrap(), Height::new(1), &[id])
}

/// The council of `voters`, members by their parties, decides this, and carries it out.
fn decide(town: &mut Town, proposal: u64, what: Proposal, voters: &[u8]) -> Height {
    agree(
        town,
        voters[0],
        Body::Council(CouncilRequest::Propose { what }),
    );
    for voter in voters {
        let choice = Choice::Yes;
        agree(
            town,
            *voter,
            Body::Council(CouncilRequest::Vote { proposal, choice }),
        );
    }
    let executable = rules::read::proposal(&town.running().next().unwrap().ask(), proposal);
    let from = executable.unwrap().executable.unwrap();
    until(town, "the timelock is over", |town| {
        town.running().next().unwrap().ask().now() > from
    });
    agree(
        town,
        voters[0],
        Body::Council(CouncilRequest::Execute { proposal }),
    )
}

fn is_member(town: &Town, number: u8) -> bool {
    town.member(number).status().is_member
}

fn joining() -> Proposal {
    Proposal::Join(Joining {
        name: "the fifth".into(),
        party: public(&key(NEW_PARTY)),
        consensus: public(&consensus(NEW)),
        peer: peer(NEW),
        power: 2,
    })
}

#[test]
fn a_member_joins_by_following_and_another_leaves_to_follow() {
    let mut town = Town::of(quick());
    town.start(NEW, Arc::new(WallClock));
    assert!(!is_member(&town, NEW), "it follows");
    decide(&mut town, 0, joining(), &[1, 2, 3]);
    until(&town, "the fifth votes", |town| is_member(town, NEW));
    assert!(!town.member(NEW).follows());
    assert_eq!(town.member(0).status().members, 5);
    assert_eq!(town.member(0).member_nodes().len(), 5);

    // Four of five decide: now nothing would be agreed on without it.
    town.stop(3);
    let entry = town.transfer(11, 20, 5);
    let id = town.propose(&entry);
    let last = await_entries(town.member(NEW), Height::new(1), &[id]);
    until(&town, "all have it", |town| {
        town.running().all(|ledger| ledger.status().height >= last)
    });
    assert_eq!(
        root_at(town.member(NEW), last),
        root_at(town.member(0), last)
    );

    // The one that is away loses its seat, and hears of it when it is back.
    decide(
        &mut town,
        1,
        Proposal::Leave { member: party(4) },
        &[1, 2, 3, NEW_PARTY],
    );
    let entry = town.transfer(11, 20, 5);
    let id = town.propose(&entry);
    let last = await_entries(town.member(0), last, &[id]);
    town.start(3, Arc::new(WallClock));
    until(&town, "who left follows the others", |town| {
        !is_member(town, 3) && town.member(3).status().height >= last
    });
    assert_eq!(root_at(town.member(3), last), root_at(town.member(0), last));
    for number in [0, 3, NEW] {
        assert!(town.member(number).verify().is_ok(), "member {number}");
    }
    // Opened again, each takes the place that its own ledger gives it.
    for number in [0, 3, NEW] {
        town.stop(number);
        town.start(number, Arc::new(WallClock));
        assert_eq!(is_member(&town, number), number != 3);
    }
    let entry = town.transfer(11, 20, 5);
    let id = town.propose(&entry);
    await_entries(town.member(NEW), last, &[id]);
}

#[test]
fn who_missed_the_end_of_its_seat_and_more_takes_proven_blocks() {
    let mut town = Town::of(quick());
    town.start(NEW, Arc::new(WallClock));
    decide(&mut town, 0, joining(), &[1, 2, 3]);
    until(&town, "the fifth votes", |town| is_member(town, NEW));
    town.stop(3);
    let leave = Proposal::Leave { member: party(4) };
    decide(&mut town, 1, leave, &[1, 2, 3, NEW_PARTY]);
    let lighter = Proposal::Power {
        member: party(1),
        power: 1,
    };
    let last = decide(&mut town, 2, lighter, &[1, 2, 3, NEW_PARTY]);
    // Its own ledger still calls it a member, and nobody who votes now has heard of it.
    town.start(3, Arc::new(WallClock));
    assert!(is_member(&town, 3));
    until(&town, "it stands still, and follows the others", |town| {
        !is_member(town, 3) && town.member(3).status().height >= last
    });
    assert_eq!(root_at(town.member(3), last), root_at(town.member(0), last));
    assert!(town.member(3).verify().is_ok());
}

/// All voting keys are replaced, a third of the power in an epoch at most; each member goes on with
/// its new one, which is the only one that counts, and nothing is started again for it.
#[test]
fn voting_keys_are_replaced_while_all_members_run() {
    let mut town = Town::of(quick());
    let federation = town.genesis.id();
    let replaced = |town: &Town, number: u8| {
        let known = town.member(number).member_of(&peer(number));
        known == Some(MemberKey::of(&next_consensus(number)))
    };
    for number in 0..town::MEMBERS {
        let (old, new) = (consensus(number), next_consensus(number));
        let rotation = KeyRotation {
            federation,
            member: party(1 + number),
            old: public(&old),
            new: public(&new),
        };
        let [by_old, by_new] = [old, new].map(|key| Signed::sign(rotation, &key).signature());
        let request = VoterRequest::Rotate {
            rotation: Box::new(rotation),
            by_old,
            by_new,
        };
        let body = Body::Council(CouncilRequest::Voter(request));
        agree(&mut town, 1 + number, body);
        until(&town, "its key is replaced", |town| {
            replaced(town, number) && !town.member(number).follows()
        });
    }
    let before = town.member(0).status().height;
    let entry = town.transfer(11, 20, 5);
    let id = town.propose(&entry);
    let last = await_entries(town.member(0), before, &[id]);
    // Opened again, each finds the key that counts; any one may be away.
    for number in 0..town::MEMBERS {
        town.stop(number);
        let entry = town.transfer(11, 20, 5);
        let id = town.propose(&entry);
        await_entries(town.member((number + 1) % town::MEMBERS), last, &[id]);
        town.start(number, Arc::new(WallClock));
        assert!(is_member(&town, number));
    }
    for ledger in town.running() {
        assert!(ledger.take_evidence().is_empty(), "nobody voted twice");
        assert!(ledger.verify().is_ok());
    }
}
