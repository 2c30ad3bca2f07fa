//! Members as voters on blocks: their keys are replaced at an epoch's end and never forgotten, and
//! two votes of one key are shown by anyone and punished by the council (F6).
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/council.rs"]
mod council_scene;
#[path = "scene/job.rs"]
mod job_scene;
mod scene;
#[path = "scene/voter.rs"]
mod voter_scene;

use job_scene::*;
use protocol::bytes::Limited;
use protocol::entry::{CouncilRequest, Joining, KeyRotation, Proposal, VoterRequest};
use protocol::event::{CouncilEvent, Event};
use protocol::ids::{Digest, PublicKey};
use protocol::signed::Signed;
use rules::{GenesisRefused, Refusal, begin, read};
use scene::*;
use voter_scene::*;

fn code(answer: &Result<(), Refusal>) -> u16 {
    answer.as_ref().err().map_or(0, Refusal::code)
}

fn suspend(n: u8, evidence: Digest) -> Proposal {
    let member = member(n).party();
    Proposal::Suspend { member, evidence }
}

/// A fifth member.
fn fifth(scene: &mut Scene) {
    scene
        .decide(Proposal::Join(Joining {
            name: "fifth".into(),
            party: public(R.0),
            consensus: public(120),
            peer: node(121),
            power: 1,
        }))
        .unwrap();
    scene.wait_epochs(1);
}

fn changed(n: u8, consensus: PublicKey, power: u8) -> Event {
    Event::Council(CouncilEvent::MemberChanged {
        member: member(n).party(),
        consensus,
        power,
    })
}

#[test]
fn a_voting_key_is_replaced_when_the_epoch_ends_and_both_keys_are_named() {
    let mut scene = Scene::new();
    rotate(&mut scene, 0, (voting(0), 100)).unwrap();
    let seated = |scene: &Scene| read::members(&scene.rows)[0].consensus;
    assert_eq!(
        seated(&scene),
        public(voting(0)),
        "not before the epoch ends"
    );
    scene.events.clear();
    scene.wait_epochs(1);
    assert_eq!(seated(&scene), public(100));
    let told: Vec<&Event> = scene
        .events
        .iter()
        .filter(|event| matches!(event, Event::Council(CouncilEvent::MemberChanged { .. })))
        .collect();
    let (old, new) = (changed(0, public(voting(0)), 0), changed(0, public(100), 1));
    assert_eq!(told, [&old, &new]);
    assert_eq!(read::counts(&scene.rows).power, 4);
    let retired = read::voter(&scene.rows, public(voting(0))).unwrap();
    assert_eq!(retired.member, member(0).party());
    assert_eq!(retired.next.unwrap().0, public(100));
    // The next from the new key; the old one never comes back.
    assert_eq!(code(&rotate(&mut scene, 0, (100, voting(0)))), 113);
    rotate(&mut scene, 0, (100, 101)).unwrap();
}

#[test]
fn both_keys_must_sign_a_change_for_its_own_member_and_only_so_often() {
    let mut scene = Scene::new();
    let good = KeyRotation {
        federation: scene.genesis.id(),
        member: member(0).party(),
        old: public(voting(0)),
        new: public(100),
    };
    let by = |rotation: KeyRotation, n: u8| Signed::sign(rotation, &key(n)).signature();
    let both = |rotation| [by(rotation, voting(0)), by(rotation, 100)];
    for forged in [
        [by(good, 100), by(good, 100)],
        [by(good, voting(0)), by(good, voting(0))],
    ] {
        assert_eq!(code(&enter(&mut scene, member(0), good, forged)), 277);
    }
    // Not a member's, another member's, another key, another federation's, another's voting key.
    assert_eq!(code(&enter(&mut scene, ANNA, good, both(good))), 250);
    assert_eq!(code(&enter(&mut scene, member(1), good, both(good))), 276);
    assert_eq!(code(&rotate(&mut scene, 0, (voting(1), 100))), 276);
    let elsewhere = KeyRotation {
        federation: protocol::ids::FederationId::new([9; 32]),
        ..good
    };
    let refused = enter(&mut scene, member(0), elsewhere, both(elsewhere));
    assert_eq!(refused, Err(Refusal::ForeignFederation));
    assert_eq!(code(&rotate(&mut scene, 0, (voting(0), voting(1)))), 113);
    // One at a time, and three in an unbond window.
    enter(&mut scene, member(0), good, both(good)).unwrap();
    assert_eq!(code(&rotate(&mut scene, 0, (voting(0), 101))), 113);
    for n in 101..103 {
        scene.wait_epochs(1);
        rotate(&mut scene, 0, (n - 1, n)).unwrap();
    }
    scene.wait_epochs(1);
    assert_eq!(code(&rotate(&mut scene, 0, (102, 103))), 116);
    scene.wait_epochs(168);
    rotate(&mut scene, 0, (102, 103)).unwrap();
}

#[test]
fn a_key_that_signs_no_votes_is_let_in_by_no_door() {
    // No point of the curve, and one of small order, for which anybody's signature holds.
    for bytes in [[2; 32], [0; 32]] {
        let junk = PublicKey::new(bytes);
        let mut genesis = genesis();
        genesis.members[3].consensus = junk;
        assert!(matches!(begin(&genesis), Err(GenesisRefused::Malformed(_))));
        let joining = Joining {
            name: "fifth".into(),
            party: public(R.0),
            consensus: junk,
            peer: node(121),
            power: 1,
        };
        assert!(Proposal::Join(joining).within_limits().is_err());
        let rotation = KeyRotation {
            federation: genesis.id(),
            member: member(0).party(),
            old: public(voting(0)),
            new: junk,
        };
        let rotate = VoterRequest::Rotate {
            rotation: Box::new(rotation),
            by_old: [0; 64],
            by_new: [0; 64],
        };
        assert!(rotate.within_limits().is_err());
    }
}

#[test]
fn not_a_third_of_the_power_gets_new_keys_in_one_epoch() {
    let mut scene = Scene::new();
    rotate(&mut scene, 0, (voting(0), 100)).unwrap();
    assert_eq!(code(&rotate(&mut scene, 1, (voting(1), 101))), 261);
    scene.wait_epochs(1);
    rotate(&mut scene, 1, (voting(1), 101)).unwrap();
    assert_eq!(code(&rotate(&mut scene, 2, (voting(2), 102))), 261);
}

#[test]
fn a_member_that_leaves_takes_no_new_key_with_it() {
    let mut scene = Scene::new();
    fifth(&mut scene);
    let leave = Proposal::Leave {
        member: member(2).party(),
    };
    let proposal = scene.propose(leave).unwrap();
    scene.vote(proposal, "yyyy");
    scene.wait_epochs(25);
    rotate(&mut scene, 2, (voting(2), 100)).unwrap();
    scene.execute(proposal).unwrap();
    scene.wait_epochs(1);
    assert_eq!(read::members(&scene.rows).len(), 4);
    let seated = read::members(&scene.rows);
    assert!(seated.iter().all(|member| member.consensus != public(100)));
}

#[test]
fn two_votes_are_shown_by_anyone_and_cost_nothing_until_the_council_says_so() {
    let mut scene = Scene::new();
    let proof = votes(&scene, voting(3), 7);
    let mut forged = proof;
    forged.second.signature[5] ^= 1;
    assert_eq!(code(&show(&mut scene, ANNA, forged)), 278);
    let stranger = votes(&scene, 99, 7);
    assert_eq!(code(&show(&mut scene, ANNA, stranger)), 276);
    show(&mut scene, ANNA, proof).unwrap();
    let party = member(3).party();
    let shown = read::accusation(&scene.rows, party).unwrap();
    assert_eq!((shown.evidence, shown.view), (proof.id(), 7));
    assert_eq!(read::member_bond(&scene.rows, party), cr(1_000));
    assert_eq!(code(&show(&mut scene, ANNA, proof)), 279);

    scene.decide(suspend(3, proof.id())).unwrap();
    assert_eq!(read::member_bond(&scene.rows, party), cr(950));
    let peer = read::member(&scene.rows, party).unwrap().peer;
    assert_eq!(read::faults(&scene.rows, peer).times[5], 1, "F6");
    // Once for a view, and the same proof does not serve twice.
    assert_eq!(code(&show(&mut scene, ANNA, proof)), 279);
    let again = scene.propose(suspend(3, proof.id())).map(drop);
    assert_eq!(code(&again), 257);
    let later = votes(&scene, voting(3), 8);
    show(&mut scene, ANNA, later).unwrap();
}

#[test]
fn evidence_that_is_not_shown_needs_as_much_power_as_a_correction() {
    // Of seven members five are more than two thirds, and six are three quarters.
    let mut genesis = genesis();
    for (n, who) in (0..).zip([R, desk(0), ANNA]) {
        let mut member = genesis.members[0].clone();
        member.name = format!("N{n}");
        member.party = public(who.0);
        member.consensus = public(122 + n);
        member.peer = node(126 + n);
        genesis.members.push(member);
    }
    genesis.desks.remove(0);
    let mut scene = Scene::of(genesis);
    let proof = votes(&scene, voting(3), 7);
    show(&mut scene, ANNA, proof).unwrap();
    for (evidence, enough) in [(proof.id(), 5), (Digest::of(b"a document"), 6)] {
        let proposal = scene.propose(suspend(3, evidence)).unwrap();
        scene.vote(proposal, "yyyy");
        for (more, who) in [(5, R), (6, desk(0))] {
            let choice = protocol::entry::Choice::Yes;
            let vote = CouncilRequest::Vote { proposal, choice };
            scene.council(who, vote).unwrap();
            let row = read::proposal(&scene.rows, proposal).unwrap();
            assert_eq!(row.executable.is_some(), more >= enough, "{more} of 7");
        }
    }
}

#[test]
fn late_evidence_finds_its_owner_behind_a_new_key_and_after_it_left() {
    let mut scene = Scene::new();
    fifth(&mut scene);
    rotate(&mut scene, 3, (voting(3), 100)).unwrap();
    scene.wait_epochs(1);
    let party = member(3).party();
    scene.decide(Proposal::Leave { member: party }).unwrap();
    scene.wait_epochs(100);
    let proof = votes(&scene, voting(3), 7);
    show(&mut scene, ANNA, proof).unwrap();
    assert_eq!(read::accusation(&scene.rows, party).unwrap().view, 7);
    // Its bond does not leave while the council has time to speak.
    scene.wait_epochs(68);
    let take = CouncilRequest::TakeMemberBond;
    assert_eq!(code(&scene.council(member(3), take.clone())), 264);
    let proposal = scene.propose(suspend(3, proof.id())).unwrap();
    scene.vote(proposal, "yyy");
    scene.wait_epochs(25);
    scene
        .council(R, CouncilRequest::Execute { proposal })
        .unwrap();
    assert_eq!(read::member_bond(&scene.rows, party), cr(950));
    scene.wait_epochs(48);
    scene.council(member(3), take).unwrap();
    let again = votes(&scene, 100, 9);
    assert_eq!(code(&show(&mut scene, ANNA, again)), 276, "nothing is left");
}

#[test]
fn who_is_accused_judges_in_no_first_panel() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    for n in [0, 1] {
        let proof = votes(&scene, voting(n), 7);
        show(&mut scene, ANNA, proof).unwrap();
    }
    for _ in 0..4 {
        let job = scene.drawn(terms(2, 2, 2));
        let peers = scene.peers(job, 0);
        let letters: Vec<_> = peers.into_iter().zip("79".chars()).collect();
        for (peer, letter) in &letters {
            scene.seal(job, *peer, *letter).unwrap();
        }
        scene.close(job).unwrap();
        for (peer, letter) in &letters {
            scene.open(job, *peer, *letter).unwrap();
        }
        scene.dispute(ANNA, job, &letters).unwrap();
        let mut panel = scene.panel();
        panel.sort();
        let mut others = [2, 3].map(|n| member(n).party());
        others.sort();
        assert_eq!(panel, others);
    }
}
