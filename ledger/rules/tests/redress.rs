//! Earlier results of a convicted peer: who paid for them has it back out of the slash, each once,
//! as long as something is kept for that; the rest goes to who showed the lie.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/job.rs"]
mod job_scene;
#[path = "scene/redress.rs"]
mod redress_scene;
mod scene;

use protocol::event::{Event, FaultEvent};
use protocol::ids::PartyId;
use protocol::units::{Bps, Credits, Millis};
use redress_scene::*;
use rules::{Account, Refusal, read};
use scene::*;

fn left(scene: &Scene, slash: u64) -> Credits {
    read::account(&scene.rows, Account::Redress(slash)).amount()
}

/// What Anna has of what is kept; her other jobs may end meanwhile, and give her something too.
fn given(scene: &Scene, slash: u64) -> Option<Credits> {
    let lines = read::history(&scene.rows, ANNA.party(), u64::MAX, 10);
    let mut given = lines.iter().filter(|l| l.other == Account::Redress(slash));
    given.next().map(|line| line.amount)
}

/// The numbers of the liar's doubtful results that this party paid for, rising.
fn doubtful(scene: &Scene, party: PartyId) -> Vec<u64> {
    let all = read::tainted(&scene.rows, liar(), u64::MAX, 100);
    let theirs = all.iter().filter(|result| result.submitter == party);
    let mut numbers: Vec<u64> = theirs.map(|result| result.number).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn who_paid_for_doubtful_results_has_it_back_once_and_who_showed_the_lie_the_rest() {
    let (mut scene, slash, count) = convicted();
    let victims = cr(128).share(Bps::new(3_000));
    assert_eq!(left(&scene, slash), victims, "nobody has it yet");
    let (redress, _) = read::redress(&scene.rows, slash).unwrap();
    assert_eq!((redress.peer, redress.rest_to), (liar(), ANNA.party()));

    let numbers = doubtful(&scene, R.party());
    assert_eq!(numbers.len(), count);
    let before = scene.has(R);
    claim(&mut scene, R, slash, &numbers).unwrap();
    // Each run of two tasks that cost half their price was paid one credit.
    let back = cr(1).times(count as u64).unwrap();
    assert_eq!(scene.has(R), before.plus(back).unwrap());
    assert_eq!(left(&scene, slash), victims.minus(back).unwrap());
    let again = claim(&mut scene, R, slash, &numbers);
    let (peer, number) = (liar(), numbers[0]);
    assert_eq!(again, Err(Refusal::NotInDoubt { peer, number }));

    scene.wait(Millis::new(72 * 3_600_000 - 1_000));
    assert_eq!(given(&scene, slash), None);
    scene.wait(Millis::new(2_000));
    let rest = victims.minus(back).unwrap();
    assert_eq!(given(&scene, slash), Some(rest));
    assert_eq!(left(&scene, slash), Credits::ZERO);
    assert!(
        scene
            .events
            .contains(&Event::Fault(FaultEvent::RedressOver {
                slash,
                peer: liar(),
                to: ANNA.party(),
                amount: rest,
            }))
    );
    let late = claim(&mut scene, R, slash, &numbers);
    assert_eq!(late, Err(Refusal::NoRedress { slash }));
}

#[test]
fn nobody_claims_for_another_s_results_nor_a_peer_s_own_people() {
    let (mut scene, slash, _) = convicted();
    let numbers = doubtful(&scene, R.party());
    let (peer, number) = (liar(), numbers[0]);
    let refused = claim(&mut scene, member(0), slash, &numbers);
    assert_eq!(refused, Err(Refusal::NotInDoubt { peer, number }));
    for kin in [owner(0), desk(0)] {
        let refused = claim(&mut scene, kin, slash, &numbers);
        assert_eq!(refused, Err(Refusal::NoStake));
    }
    let malformed = claim(&mut scene, R, slash, &[]);
    assert_eq!(malformed.unwrap_err().code(), 1);
    let malformed = claim(&mut scene, R, slash, &[number, number]);
    assert_eq!(malformed.unwrap_err().code(), 1);
    // What applies is paid, whatever else was named.
    let before = scene.has(R);
    claim(&mut scene, R, slash, &[number, 99]).unwrap();
    assert_eq!(scene.has(R), before.plus(cr(1)).unwrap());
}
