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
use protocol::entry::{Correction, Place, Proposal};
use protocol::event::{Event, Fault, FaultEvent};
use protocol::ids::{BundleId, Digest, PeerId};
use protocol::units::{Credits, Millis};
use rules::work::{Hold, HoldState};
use rules::{Account, Refusal, read};
use scene::*;

/// Long enough for a vote and its timelock.
const WINDOW: Millis = Millis::new(40 * 3_600_000);

/// A judged bundle, and its peer whose slash of 128 credits is held.
fn held() -> (Scene, BundleId, PeerId) {
    let mut scene = Scene::with(|params| params.appeal_window = WINDOW).ready(cr(1_000), cr(1));
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
    scene.judge(job, "77");
    let (bundle, peer) = (BundleId { job, index: 0 }, letters[1].0);
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
    let (from, to) = (Place::Slash(bundle), Place::Bond(to));
    scene.decide(Proposal::Reversal {
        corrections: vec![Correction { from, to, amount }],
        reason: Digest::of(b"the panel's machines were broken"),
    })
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
