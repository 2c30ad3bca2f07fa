//! The council: what it can decide, with how much power, how late, and what it cannot.
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
use protocol::entry::{
    Choice, Correction, CouncilRequest, EmergencyAct, Joining, Notice, Place, Proposal, Quota,
    Severity,
};
use protocol::event::{CouncilEvent, Decision, Event};
use protocol::ids::{Digest, PartyId};
use protocol::job::Class;
use protocol::units::{Bps, Credits, Height, Millis, Moment};
use rules::params::ParamsRefused;
use rules::work::State;
use rules::{CouncilRefusal, Refusal, read};
use scene::*;

fn params(changes: &[(u16, u64)]) -> Proposal {
    let changes = changes.to_vec();
    Proposal::Params { changes }
}

fn code(answer: &Result<(), Refusal>) -> u16 {
    answer.as_ref().err().map_or(0, Refusal::code)
}

/// Someone who is nobody yet, as a member.
fn joining(n: u8, power: u8) -> Joining {
    Joining {
        name: format!("N{n}"),
        party: public(n),
        consensus: public(100 + n),
        peer: node(150 + n),
        power,
    }
}

#[test]
fn a_number_changes_by_a_majority_after_its_timelock_and_never_beyond_the_margin() {
    let mut scene = Scene::new();
    let cheating = |answer: Result<u64, Refusal>| match answer {
        Err(Refusal::Council(CouncilRefusal::Params(why))) => why,
        other => panic!("{other:?}"),
    };
    // B10's example, and one within the step.
    let tiny = cheating(scene.propose(params(&[(3, 200)])));
    assert!(matches!(tiny, ParamsRefused::StepTooLarge { .. }));
    let less = cheating(scene.propose(params(&[(5, 96)])));
    assert!(matches!(less, ParamsRefused::CheatingPays { .. }));

    let before = scene.has(member(0));
    let proposal = scene.propose(params(&[(3, 1_250)])).unwrap();
    assert!(scene.has(member(0)) < before.minus(cr(9)).unwrap());
    scene.vote(proposal, "yy");
    assert_eq!(code(&scene.execute(proposal)), 254);
    scene.vote(proposal, "--y");
    assert_eq!(code(&scene.execute(proposal)), 255);
    // The majority is lost and found again: the timelock begins anew.
    scene.wait_epochs(20);
    scene.vote(proposal, "n");
    scene.vote(proposal, "y");
    scene.wait_epochs(20);
    assert_eq!(code(&scene.execute(proposal)), 255);
    scene.wait_epochs(4);
    scene.execute(proposal).unwrap();
    assert_eq!(read::param(&scene.rows, 3).unwrap().1, 1_250);
    assert_eq!(read::params(&scene.rows).unwrap().audit[2], Bps::new(1_250));
    assert!(scene.has(member(0)) > before.minus(cr(1)).unwrap());
    assert_eq!(code(&scene.execute(proposal)), 253);
    assert_eq!(code(&scene.execute(7)), 251);
}

#[test]
fn what_was_fine_when_proposed_is_asked_again_when_it_is_carried_out() {
    let mut scene = Scene::new();
    // Each leaves class cloud a margin of two; both together do not.
    let slash = scene.propose(params(&[(7, 56)])).unwrap();
    let audit = scene.propose(params(&[(3, 870)])).unwrap();
    scene.vote(slash, "yyyy");
    scene.vote(audit, "yyyy");
    scene.wait_epochs(25);
    scene.execute(slash).unwrap();
    let refused = scene.execute(audit).unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("class cloud: cheating costs only")
    );
    assert_eq!(refused.code(), 256);
}

#[test]
fn every_kind_of_proposal_needs_its_share_of_power() {
    let correction = Correction {
        from: Place::Wallet(R.party()),
        to: Place::Wallet(ANNA.party()),
        amount: Credits::new(1),
    };
    let class = Class::Edge;
    let upgrade = Proposal::Upgrade {
        version: 2,
        activation: Height::new(1_000),
        binary: Digest::of(b"binary"),
    };
    let reversal = Proposal::Reversal {
        corrections: vec![correction],
        reason: Digest::of(b"why"),
    };
    let quota = Proposal::Quota {
        member: member(1).party(),
        of: Quota::Grant,
        per_epoch: cr(5),
    };
    for (what, needed) in [
        (params(&[(44, 110)]), 3),
        (Proposal::Class { class, open: false }, 3),
        (quota, 3),
        (upgrade, 3),
        (Proposal::Join(joining(R.0, 1)), 3),
        (reversal, 3),
    ] {
        for votes in ["yy", "yyy", "yyyy"] {
            let mut scene = Scene::new();
            let proposal = scene.propose(what.clone()).unwrap();
            scene.vote(proposal, votes);
            let row = read::proposal(&scene.rows, proposal).unwrap();
            let enough = votes.len() >= needed;
            assert_eq!(row.executable.is_some(), enough, "{} {votes}", what.name());
        }
    }
}

#[test]
fn with_five_members_half_is_three_two_thirds_are_four_and_so_are_three_quarters() {
    let mut scene = Scene::new();
    scene.decide(Proposal::Join(joining(R.0, 1))).unwrap();
    let upgrade = Proposal::Upgrade {
        version: 2,
        activation: Height::new(1_000),
        binary: Digest::of(b"binary"),
    };
    for (what, enough) in [(params(&[(44, 110)]), 3), (upgrade, 4)] {
        let proposal = scene.propose(what).unwrap();
        for n in 0..4_usize {
            scene.vote(proposal, &("-".repeat(n) + "y"));
            let row = read::proposal(&scene.rows, proposal).unwrap();
            assert_eq!(row.executable.is_some(), n + 1 >= enough);
        }
    }
}

#[test]
fn credits_buy_no_vote_and_a_veto_takes_the_deposit() {
    let mut scene = Scene::new().ready(cr(100), cr(1));
    let proposal = scene.propose(params(&[(44, 110)])).unwrap();
    let choice = Choice::Yes;
    for who in [ANNA, R, desk(0)] {
        let what = params(&[(44, 110)]);
        assert_eq!(
            code(&scene.council(who, CouncilRequest::Propose { what })),
            250
        );
        let vote = CouncilRequest::Vote { proposal, choice };
        assert_eq!(code(&scene.council(who, vote)), 250);
    }
    let (peer, yes) = (worker(0), true);
    let signal = |yes| CouncilRequest::Signal {
        proposal,
        peer,
        yes,
    };
    assert_eq!(code(&scene.council(ANNA, signal(true))), 34);
    scene.council(owner(0), signal(yes)).unwrap();
    scene.council(owner(0), signal(!yes)).unwrap();
    let row = read::proposal(&scene.rows, proposal).unwrap();
    assert_eq!((row.signals_yes, row.signals_no), (0, 1));
    assert_eq!(read::tally(&scene.rows, proposal).unwrap().yes, 0);

    let treasury = read::supply(&scene.rows).treasury;
    scene.vote(proposal, "yyvv");
    assert!(scene.execute(proposal).is_ok());
    let row = read::proposal(&scene.rows, proposal).unwrap();
    assert_eq!(row.ended, Some(Decision::Vetoed));
    assert!(read::supply(&scene.rows).treasury >= treasury.plus(row.deposit).unwrap());
}

#[test]
fn a_proposal_without_power_lapses_and_its_deposit_comes_back() {
    let mut scene = Scene::new();
    let first = scene.has(member(0));
    let proposal = scene.propose(params(&[(44, 110)])).unwrap();
    scene.vote(proposal, "yn");
    scene.wait_epochs(73);
    let vote = CouncilRequest::Vote {
        proposal,
        choice: Choice::Yes,
    };
    assert_eq!(code(&scene.council(member(2), vote)), 252);
    scene.execute(proposal).unwrap();
    let row = read::proposal(&scene.rows, proposal).unwrap();
    assert_eq!(row.ended, Some(Decision::Lapsed));
    assert!(scene.has(member(0)) > first.minus(cr(1)).unwrap());
    assert_eq!(read::proposals(&scene.rows, u64::MAX, 9).len(), 1);
}

#[test]
fn members_come_and_go_with_their_power_bond_and_votes_on_blocks() {
    let mut scene = Scene::new();
    let party = R.party();
    let [first, second] = [R, ANNA].map(|who| {
        let proposal = scene.propose(Proposal::Join(joining(who.0, 1))).unwrap();
        scene.vote(proposal, "yyyy");
        proposal
    });
    scene.wait_epochs(25);
    scene.execute(first).unwrap();
    // One of five moved in this epoch; a second would be more than a third.
    assert_eq!(code(&scene.execute(second)), 261);
    let joined = Event::Council(CouncilEvent::MemberChanged {
        member: party,
        consensus: public(100 + R.0),
        power: 1,
    });
    assert!(scene.events.contains(&joined));
    assert_eq!(read::member_bond(&scene.rows, party), cr(1_000));
    assert_eq!(read::counts(&scene.rows).power, 5);
    let seat = read::peer(&scene.rows, node(150 + R.0)).unwrap();
    assert_eq!(seat.peer.sponsor, party);
    assert_eq!(
        code(&scene.propose(Proposal::Join(joining(R.0, 1))).map(drop)),
        262
    );
    scene.wait_epochs(1);
    scene.execute(second).unwrap();

    let leave = Proposal::Leave { member: party };
    let proposal = scene.propose(leave.clone()).unwrap();
    scene.vote(proposal, "yyyy");
    let choice = Choice::Yes;
    let vote = CouncilRequest::Vote { proposal, choice };
    scene.council(R, vote).unwrap();
    scene.wait_epochs(25);
    scene.execute(proposal).unwrap();
    assert_eq!(read::member(&scene.rows, party), None);
    assert_eq!(read::counts(&scene.rows).members, 5);
    assert!(!read::sponsor(&scene.rows, party).unwrap().member);
    assert_eq!(code(&scene.council(R, CouncilRequest::TakeMemberBond)), 264);
    scene.wait_epochs(169);
    scene.council(R, CouncilRequest::TakeMemberBond).unwrap();
    assert_eq!(read::member_bond(&scene.rows, party), cr(0));
    assert_eq!(code(&scene.propose(leave).map(drop)), 250);
}

#[test]
fn no_few_members_can_ever_stop_or_carry_the_others() {
    let mut scene = Scene::new();
    let leave = |n| Proposal::Leave {
        member: member(n).party(),
    };
    let power = |n, power| Proposal::Power {
        member: member(n).party(),
        power,
    };
    assert_eq!(code(&scene.propose(leave(1)).map(drop)), 259);
    assert_eq!(code(&scene.propose(power(1, 2)).map(drop)), 258);
    assert_eq!(code(&scene.propose(power(1, 1)).map(drop)), 257);
    let strong = Proposal::Join(joining(R.0, 2));
    assert_eq!(code(&scene.propose(strong).map(drop)), 261);
    scene.decide(Proposal::Join(joining(R.0, 1))).unwrap();
    scene.wait_epochs(1);
    scene.decide(power(1, 2)).unwrap();
    assert_eq!(
        read::member(&scene.rows, member(1).party()).unwrap().power,
        2
    );
    let poor = Proposal::Join(joining(99, 1));
    let party = PartyId::of(&public(99));
    let refused = scene.propose(poor).unwrap_err();
    assert_eq!(refused, Refusal::UnknownParty { party });
}

#[test]
fn a_federation_has_so_many_members_and_no_more() {
    let mut genesis = genesis();
    for n in 0..60 {
        let mut member = genesis.members[0].clone();
        member.name = format!("N{n}");
        member.party = public(130 + n);
        member.consensus = public(190 + n);
        member.peer = node(66 + n);
        member.bond = Credits::ZERO;
        genesis.members.push(member);
    }
    let mut scene = Scene::of(genesis);
    assert_eq!(
        code(&scene.propose(Proposal::Join(joining(R.0, 1))).map(drop)),
        260
    );
}

#[test]
fn a_member_that_voted_twice_pays_a_twentieth_and_loses_its_seat_if_four_are_left() {
    let suspend = |n| Proposal::Suspend {
        member: member(n).party(),
        evidence: Digest::of(b"two votes"),
    };
    let mut scene = Scene::new();
    scene.decide(suspend(3)).unwrap();
    assert_eq!(read::member_bond(&scene.rows, member(3).party()), cr(950));
    assert!(read::member(&scene.rows, member(3).party()).is_some());
    scene.decide(Proposal::Join(joining(R.0, 1))).unwrap();
    scene.wait_epochs(1);
    scene.decide(suspend(2)).unwrap();
    assert_eq!(read::member(&scene.rows, member(2).party()), None);
    assert_eq!(read::member_bond(&scene.rows, member(2).party()), cr(950));
    assert!(read::supply(&scene.rows).burned >= cr(100));
}

#[test]
fn a_reversal_is_new_postings_that_take_what_is_there() {
    let mut scene = Scene::new().ready(cr(100), cr(1));
    let mut correct = |from, to, amount| {
        let corrections = vec![Correction { from, to, amount }];
        let reason = Digest::of(b"stolen");
        scene.decide(Proposal::Reversal {
            corrections,
            reason,
        })
    };
    let wallet = |who: Who| Place::Wallet(who.party());
    correct(wallet(ANNA), wallet(R), cr(1_000)).unwrap();
    correct(Place::Bond(worker(0)), wallet(owner(0)), cr(40)).unwrap();
    correct(wallet(owner(0)), Place::Bond(worker(0)), cr(10)).unwrap();
    assert_eq!(code(&correct(wallet(ANNA), wallet(R), cr(99_999))), 23);
    assert_eq!(
        code(&correct(Place::Bond(worker(0)), wallet(R), cr(71))),
        36
    );
    assert_eq!(code(&correct(wallet(ANNA), wallet(Who(99)), cr(1))), 21);
    assert_eq!(code(&correct(wallet(ANNA), wallet(R), cr(0))), 20);
    let held = Place::Slash(protocol::ids::BundleId {
        job: protocol::ids::JobId::new([9; 32]),
        index: 0,
    });
    assert_eq!(code(&correct(wallet(ANNA), held, cr(1))), 265);
    assert_eq!(code(&correct(held, wallet(ANNA), cr(1))), 23);
    assert_eq!(scene.bond(worker(0)), cr(70));
    assert!(scene.has(R) > cr(100_999));
}

fn with_committee() -> Scene {
    let mut genesis = genesis();
    genesis.emergency = committee();
    Scene::of(genesis)
}

#[test]
fn two_of_three_keys_pause_a_class_for_a_while_and_nothing_for_ever() {
    let mut scene = with_committee().ready(cr(1_000), cr(1));
    let pause = EmergencyAct::PauseClass(Class::Grid);
    let order = scene.order(pause, true);
    assert_eq!(code(&scene.emergency(order, &[1])), 269);
    assert_eq!(code(&scene.emergency(order, &[1, 1])), 268);
    assert_eq!(code(&scene.emergency(order, &[1, 4])), 268);
    let late = protocol::entry::EmergencyOrder { number: 1, ..order };
    assert_eq!(code(&scene.emergency(late, &[0, 1])), 267);
    let forged = CouncilRequest::Emergency {
        order,
        approvals: approvals(&late, &[0, 1]),
    };
    assert_eq!(code(&scene.council(ANNA, forged)), 268);
    scene.emergency(order, &[0, 2]).unwrap();
    assert_eq!(code(&scene.emergency(order, &[0, 2])), 267);
    let again = scene.order(pause, true);
    assert_eq!(code(&scene.emergency(again, &[0, 1])), 270);
    assert!(!read::class_takes_jobs(&scene.rows, Class::Grid));
    assert_eq!(scene.submit(terms(1, 1, 2)).unwrap_err().code(), 273);
    // It ends by itself, and cannot simply begin anew.
    scene.wait_epochs(72);
    scene.submit(terms(1, 1, 2)).unwrap();
    assert_eq!(code(&scene.emergency(again, &[0, 1])), 271);
    scene.wait_epochs(72);
    scene.emergency(again, &[0, 1]).unwrap();
    let lift = scene.order(pause, false);
    scene.emergency(lift, &[0, 1]).unwrap();
    let lift = scene.order(pause, false);
    assert_eq!(code(&scene.emergency(lift, &[0, 1])), 272);
    scene.submit(terms(1, 1, 2)).unwrap();
    assert!(Scene::new().emergency(order, &[0, 1]).is_err());
}

#[test]
fn extended_deadlines_do_not_pass_until_they_are_extended_no_more() {
    let mut scene = with_committee().ready(cr(1_000), cr(1));
    let job = scene.drawn(terms(1, 1, 2));
    let peers = scene.peers(job, 0);
    scene.seal(job, peers[0], '7').unwrap();
    let extend = scene.order(EmergencyAct::ExtendDeadlines, true);
    scene.emergency(extend, &[0, 1]).unwrap();
    scene.wait(Millis::new(10 * 3_600_000));
    assert_eq!(scene.peers(job, 0), peers);
    assert!(read::next_due(&scene.rows) > Some(scene.at.now));
    scene.seal(job, peers[1], '7').unwrap();
    assert_eq!(scene.state(job), State::Sealed);
    scene.wait_epochs(72);
    scene.wait(Millis::new(10));
    assert_ne!(scene.state(job), State::Sealed);
}

#[test]
fn a_closed_class_takes_no_jobs_until_it_is_opened_and_members_give_notice() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let class = Class::Grid;
    assert_eq!(
        code(
            &scene
                .propose(Proposal::Class { class, open: true })
                .map(drop)
        ),
        257
    );
    scene
        .decide(Proposal::Class { class, open: false })
        .unwrap();
    assert_eq!(scene.submit(terms(1, 1, 2)).unwrap_err().code(), 273);
    scene.decide(Proposal::Class { class, open: true }).unwrap();
    scene.submit(terms(1, 1, 2)).unwrap();

    let notice = Notice {
        severity: Severity::Warning,
        document: Digest::of(b"plan"),
        text: "maintenance on Sunday".into(),
    };
    let notify = |notice: &Notice| CouncilRequest::Notify {
        notice: notice.clone(),
    };
    assert_eq!(code(&scene.council(ANNA, notify(&notice))), 250);
    scene.council(member(2), notify(&notice)).unwrap();
    assert_eq!(read::notice(&scene.rows, 0).unwrap().notice, notice);
    let long = Notice {
        text: "x".repeat(281),
        ..notice
    };
    assert_eq!(code(&scene.council(member(2), notify(&long))), 1);
    let early = Proposal::Upgrade {
        version: 2,
        activation: Height::new(1),
        binary: Digest::of(b"binary"),
    };
    assert_eq!(code(&scene.propose(early).map(drop)), 266);
}

#[test]
fn another_length_of_epochs_counts_on_from_the_one_that_runs() {
    let mut scene = Scene::new();
    scene.wait_epochs(10);
    let (before, began) = read::running_epoch(&scene.rows).unwrap();
    assert_eq!((before, began), (10, Moment::new(1_000_000 + 36_000_000)));
    scene.decide(params(&[(180, 4_500_000)])).unwrap();
    let (after, began) = read::running_epoch(&scene.rows).unwrap();
    assert_eq!(after, before + 25);
    scene.wait(Millis::new(4_500_000 - scene.at.now.since(began).get()));
    assert_eq!(
        read::running_epoch(&scene.rows).unwrap(),
        (36, scene.at.now)
    );
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// I15: whatever members decide about members, none of them is ever a third alone, four are
    /// left, and within an epoch less than a third of power moves.
    #[test]
    fn power_never_gathers(acts in prop::collection::vec((0..3_u8, 0..10_u8, 1..8_u8), 1..24)) {
        let mut scene = Scene::with(|params| params.timelock = 1);
        let mut moved = (0_u64, 0_u64);
        for (kind, who, power) in acts {
            let party = Who([1, 2, 3, 4, 61, 62, 41, 42, 43, 44][usize::from(who)]);
            let member = party.party();
            let what = match kind {
                0 => Proposal::Join(joining(party.0, power)),
                1 => Proposal::Leave { member },
                _ => Proposal::Power { member, power },
            };
            let before = read::counts(&scene.rows).power;
            let by = read::members(&scene.rows);
            let by: Vec<Who> = (0..=255).map(Who).filter(|who| {
                by.iter().any(|member| member.party == who.party())
            }).collect();
            let proposal = read::council(&scene.rows).proposals;
            if scene.council(by[0], CouncilRequest::Propose { what }).is_err() {
                continue;
            }
            for who in by {
                let choice = Choice::Yes;
                scene.council(who, CouncilRequest::Vote { proposal, choice }).unwrap();
            }
            scene.wait_epochs(1);
            let carried = scene.council(ANNA, CouncilRequest::Execute { proposal });
            let members = read::members(&scene.rows);
            let all: u64 = members.iter().map(|member| u64::from(member.power)).sum();
            prop_assert!(members.len() >= 4);
            prop_assert_eq!(all, read::counts(&scene.rows).power);
            for member in &members {
                prop_assert!(u64::from(member.power) * 3 <= all);
                let found = read::member(&scene.rows, member.party);
                prop_assert_eq!(found.as_ref(), Some(member));
            }
            if carried.is_ok() {
                let epoch = read::running_epoch(&scene.rows).unwrap().0;
                let so_far = if moved.0 == epoch { moved.1 } else { 0 };
                moved = (epoch, so_far + before.abs_diff(all));
                prop_assert!(moved.1 * 10_000 <= before.max(all) * 3_333);
            }
        }
    }
}
