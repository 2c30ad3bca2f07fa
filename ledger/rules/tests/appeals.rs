//! Appeals: while a slash is held the council can reverse it, in whole or in part, and afterwards
//! nothing of it is left to take.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/council.rs"]
mod council_scene;
#[path = "scene/job.rs"]
mod job_scene;
mod scene;

use job_scene::*;
use protocol::entry::{AuditRequest, Body, Correction, EmergencyAct, Place, Proposal};
use protocol::event::{Event, Fault, FaultEvent};
use protocol::ids::{BundleId, Digest, JobId, PeerId};
use protocol::units::{Credits, Millis};
use rules::work::{Hold, HoldState};
use rules::{Account, Refusal, read};
use scene::*;

/// Long enough for a vote and its timelock.
const WINDOW: Millis = Millis::new(40 * 3_600_000);

/// A federation with an emergency committee, in which bundle 0 of a job was shown to differ.
fn disputed() -> (Scene, JobId, PeerId) {
    let mut genesis = genesis();
    genesis.emergency = council_scene::committee();
    genesis.params.appeal_window = WINDOW;
    let mut scene = Scene::of(genesis).ready(cr(1_000), cr(1));
    let job = scene.drawn(terms(2, 2, 2));
    let letters: Vec<(PeerId, char)> = scene.peers(job, 0).into_iter().zip("79".chars()).collect();
    for (peer, letter) in &letters {
        scene.seal(job, *peer, *letter).unwrap();
    }
    scene.close(job).unwrap();
    for (peer, letter) in &letters {
        scene.open(job, *peer, *letter).unwrap();
    }
    scene.dispute(ANNA, job, &letters).unwrap();
    (scene, job, letters[1].0)
}

/// A judged bundle, and its peer whose slash of 128 credits is held.
fn held() -> (Scene, BundleId, PeerId) {
    let (mut scene, job, peer) = disputed();
    scene.judge(job, "77");
    let bundle = BundleId { job, index: 0 };
    assert_eq!(hold(&scene).state, HoldState::Held);
    assert_eq!(scene.bond(peer), cr(1_000 - 128));
    (scene, bundle, peer)
}

fn hold(scene: &Scene) -> Hold {
    read::hold(&scene.rows, 0).unwrap()
}

fn left(scene: &Scene, bundle: BundleId) -> Credits {
    read::account(&scene.rows, Account::SlashHold(bundle)).amount()
}

fn correct(
    scene: &mut Scene,
    bundle: BundleId,
    to: PeerId,
    amount: Credits,
) -> Result<(), Refusal> {
    correct_to(scene, bundle, Place::Bond(to), amount)
}

fn correct_to(
    scene: &mut Scene,
    bundle: BundleId,
    to: Place,
    amount: Credits,
) -> Result<(), Refusal> {
    let from = Place::Slash(bundle);
    scene.decide(Proposal::Reversal {
        corrections: vec![Correction { from, to, amount }],
        reason: Digest::of(b"the panel's machines were broken"),
    })
}

#[test]
fn two_seals_that_are_taken_back_lock_again_what_is_still_open() {
    let mut genesis = genesis();
    genesis.params.appeal_window = WINDOW;
    let mut scene = Scene::of(genesis).ready(cr(1_000), cr(1));
    let mut wide = terms(16, 2, 2);
    wide.seal_window = WINDOW.times(2).unwrap();
    let job = scene.drawn(wide);
    let drawn: Vec<Vec<PeerId>> = (0..8).map(|bundle| scene.peers(job, bundle)).collect();
    let (peer, locked) = drawn
        .iter()
        .flatten()
        .map(|peer| (*peer, scene.locked(*peer)))
        .max_by_key(|(_, locked)| *locked)
        .unwrap();
    assert!(locked > cr(128), "eight bundles of seven peers");
    let index = drawn.iter().position(|runs| runs.contains(&peer)).unwrap();
    let index = u32::try_from(index).unwrap();
    let seals = ['7', '9'].map(|letter| scene.seal_of(job, index, peer, letter));
    let seals = Box::new(seals);
    scene
        .enter(ANNA, Body::Audit(AuditRequest::TwoSeals { job, seals }))
        .unwrap();
    let left = cr(1_000).minus(locked).unwrap();
    assert_eq!((scene.bond(peer), scene.locked(peer)), (left, cr(0)));
    correct(&mut scene, BundleId { job, index }, peer, locked).unwrap();
    // In the bundle of the two seals it is out; its part of the others counts again.
    let again = locked.minus(cr(128)).unwrap();
    assert_eq!((scene.bond(peer), scene.locked(peer)), (cr(1_000), again));
    // Whatever becomes of the bundles, each releases its own part.
    scene.wait(WINDOW);
    scene.wait(WINDOW);
    assert_eq!(scene.locked(peer), Credits::ZERO);
}

#[test]
fn a_reversed_slash_leaves_the_peer_as_it_was_and_nobody_else_richer() {
    let (mut scene, bundle, peer) = held();
    let record = read::faults(&scene.rows, peer);
    assert_eq!(
        (record.convicted.len(), record.tainted.is_some()),
        (1, true)
    );
    let burned = read::supply(&scene.rows).burned;
    correct(&mut scene, bundle, peer, cr(128)).unwrap();
    assert_eq!(scene.bond(peer), cr(1_000));
    assert_eq!(hold(&scene).state, HoldState::Returned);
    let returned = Event::Fault(FaultEvent::SlashReturned {
        number: 0,
        bundle,
        peer,
        amount: cr(128),
    });
    assert!(scene.events.contains(&returned));
    let record = read::faults(&scene.rows, peer);
    assert_eq!((record.convicted.len(), record.tainted), (0, None));
    let standing = read::peer(&scene.rows, peer).unwrap();
    let (_, now) = read::last_block(&scene.rows).unwrap();
    assert!(standing.peer.jailed_until <= now && !standing.peer.struck);
    // The window ends, and there is nothing to share.
    let anna = scene.has(ANNA);
    scene.wait(WINDOW);
    assert_eq!(hold(&scene).state, HoldState::Returned);
    assert_eq!(left(&scene, bundle), Credits::ZERO);
    assert_eq!(read::supply(&scene.rows).burned, burned);
    assert_eq!(scene.has(ANNA), anna);
    assert_eq!(scene.bond(peer), cr(1_000));
}

#[test]
fn a_slash_reversed_in_part_stays_a_slash_and_only_its_rest_is_shared() {
    let (mut scene, bundle, peer) = held();
    correct(&mut scene, bundle, peer, cr(100)).unwrap();
    assert_eq!(scene.bond(peer), cr(1_000 - 28));
    assert_eq!(hold(&scene).state, HoldState::Held);
    assert_eq!(read::faults(&scene.rows, peer).convicted.len(), 1);
    scene.wait(WINDOW);
    assert_eq!(hold(&scene).state, HoldState::Given);
    assert_eq!(left(&scene, bundle), Credits::ZERO);
}

#[test]
fn what_was_shared_out_or_is_another_s_cannot_be_reversed() {
    let (mut scene, bundle, peer) = held();
    // To a bond that it was not taken from: credits move, and the fault stays.
    let other = scene.peers(bundle.job, 0)[0];
    correct(&mut scene, bundle, other, cr(28)).unwrap();
    assert_eq!(hold(&scene).state, HoldState::Held);
    assert_eq!(read::faults(&scene.rows, peer).convicted.len(), 1);
    scene.wait(WINDOW);
    assert_eq!(hold(&scene).fault, Fault::WrongOutcome);
    let late = correct(&mut scene, bundle, peer, cr(100));
    assert!(
        matches!(late, Err(Refusal::InsufficientBalance { .. })),
        "{late:?}"
    );
    assert_eq!(hold(&scene).state, HoldState::Given);
}

#[test]
fn two_reversals_in_part_are_together_as_good_as_one() {
    let (mut scene, bundle, peer) = held();
    let number = scene
        .propose(Proposal::Reversal {
            corrections: vec![28, 100]
                .into_iter()
                .map(|amount| Correction {
                    from: Place::Slash(bundle),
                    to: Place::Bond(peer),
                    amount: cr(amount),
                })
                .collect(),
            reason: Digest::of(b"in two postings"),
        })
        .unwrap();
    scene.vote(number, "yyyy");
    scene.wait_epochs(25);
    assert_eq!(hold(&scene).state, HoldState::Held);
    scene.execute(number).unwrap();
    let hold = hold(&scene);
    assert_eq!((hold.state, hold.returned), (HoldState::Returned, cr(128)));
    assert_eq!(scene.bond(peer), cr(1_000));
    assert_eq!(read::faults(&scene.rows, peer).convicted.len(), 0);
    assert_eq!(left(&scene, bundle), Credits::ZERO);
}

#[test]
fn a_frozen_slash_waits_until_the_freeze_is_lifted_or_ends_by_itself() {
    for lifted in [true, false] {
        let (mut scene, bundle, _) = held();
        let freeze = EmergencyAct::FreezeSlash(bundle);
        scene.wait(Millis::new(39 * 3_600_000));
        let order = scene.order(freeze, true);
        scene.emergency(order, &[0, 1]).unwrap();
        let anna = scene.has(ANNA);
        scene.wait_epochs(30);
        assert_eq!(hold(&scene).state, HoldState::Held, "its window is over");
        if lifted {
            let order = scene.order(freeze, false);
            scene.emergency(order, &[0, 2]).unwrap();
            scene.wait(Millis::new(1));
        } else {
            scene.wait_epochs(41);
            assert_eq!(hold(&scene).state, HoldState::Held);
            scene.wait_epochs(1);
        }
        assert_eq!(hold(&scene).state, HoldState::Given);
        assert_eq!(left(&scene, bundle), Credits::ZERO);
        assert!(scene.has(ANNA) > anna, "who showed it has its share");
        // What is over is over: the other deadline of the freeze does nothing.
        let anna = scene.has(ANNA);
        scene.wait_epochs(72);
        assert_eq!(scene.has(ANNA), anna);
    }
}

#[test]
fn a_frozen_slash_can_still_be_reversed() {
    let (mut scene, bundle, peer) = held();
    let order = scene.order(EmergencyAct::FreezeSlash(bundle), true);
    scene.emergency(order, &[0, 1]).unwrap();
    scene.wait_epochs(45);
    correct(&mut scene, bundle, peer, cr(128)).unwrap();
    assert_eq!(hold(&scene).state, HoldState::Returned);
    assert_eq!(scene.bond(peer), cr(1_000));
}

#[test]
fn a_judge_s_slash_goes_back_into_its_bond_as_a_judge() {
    let (mut scene, job, _) = disputed();
    // The first panel splits; of all members one stands against the verdict.
    scene.judge(job, "79");
    scene.judge(job, "7779");
    let bundle = BundleId { job, index: 0 };
    let holds: Vec<Hold> = read::holds_of(&scene.rows, bundle)
        .into_iter()
        .map(|number| read::hold(&scene.rows, number).unwrap())
        .filter(|hold| hold.fault == Fault::WrongJudgement)
        .collect();
    let held = holds.first().unwrap();
    let Account::MemberBond(party) = held.from else {
        panic!("a judge loses of its bond as a judge: {held:?}");
    };
    assert_eq!(read::member_bond(&scene.rows, party), cr(1_000 - 256));
    let to = Place::MemberBond(party);
    correct_to(&mut scene, bundle, to, cr(256)).unwrap();
    assert_eq!(read::member_bond(&scene.rows, party), cr(1_000));
    let hold = read::hold(&scene.rows, held.number).unwrap();
    assert_eq!(hold.state, HoldState::Returned);
    assert_eq!(read::faults(&scene.rows, hold.peer).times[6], 0);
    // Nobody else has such a bond, and nothing is corrected out of one.
    let stranger = Place::MemberBond(ANNA.party());
    let refused = correct_to(&mut scene, bundle, stranger, cr(1)).unwrap_err();
    assert_eq!(refused.code(), 250);
    let corrections = vec![Correction {
        from: to,
        to: Place::Treasury,
        amount: cr(1),
    }];
    let reason = Digest::of(b"envy");
    let refused = scene.propose(Proposal::Reversal {
        corrections,
        reason,
    });
    assert_eq!(refused.unwrap_err().code(), 275);
}

#[test]
fn a_flagged_module_is_taken_again_when_the_council_says_so() {
    let (mut scene, job, _) = disputed();
    scene.judge(job, "79");
    scene.judge(job, "7799");
    let module = terms(2, 2, 2).module;
    let again = scene.submit(terms(2, 2, 2));
    assert_eq!(again, Err(Refusal::ModuleFlagged { module, job }));
    scene.decide(Proposal::ClearModule { module }).unwrap();
    assert_eq!(read::module_flag(&scene.rows, module), None);
    let cleared = Event::Fault(FaultEvent::ModuleCleared { module });
    assert!(scene.events.contains(&cleared));
    scene.submit(terms(2, 2, 2)).unwrap();
    let nothing = scene.propose(Proposal::ClearModule { module });
    assert_eq!(nothing.unwrap_err().code(), 257);
}
