//! Leases of storage: paid from the first proof on, proved once an epoch, and what an epoch without
//! its proof costs (F11).
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
use protocol::entry::{EmergencyAct, Leasable, LeaseTerms};
use protocol::event::{Fault, LeaseEnd};
use protocol::units::{Credits, Millis};
use rules::read;
use rules::work::Ground;
use scene::*;

#[test]
fn storage_is_paid_from_the_first_proof_on_and_proved_once_an_epoch() {
    let mut scene = leasing();
    let (_, content) = blob();
    let lease = scene.takes(R, 0, (content, 3)).unwrap();
    assert_eq!(
        (scene.prepaid(lease), scene.locked(worker(0))),
        (cr(6), cr(12))
    );
    // It has time to fetch the content, and none of that is paid or missed.
    scene.next_epoch();
    scene.next_epoch();
    assert_eq!(scene.due(lease).epochs, 0);
    let owned = scene.has(owner(0));
    scene.proves(0, lease).unwrap();
    assert_eq!(scene.proves(0, lease).unwrap_err().code(), 331);
    for _ in 0..2 {
        scene.next_epoch();
        assert_eq!(scene.due(lease).missed, 0);
        scene.proves(0, lease).unwrap();
    }
    scene.next_epoch();
    assert_eq!(ended(&scene, lease), Some((LeaseEnd::Over, Credits::ZERO)));
    let fees = 4 * 10_000;
    assert!(gained(&scene, owner(0), owned) > 6 * CREDIT - fees);
    assert_eq!(times(&scene, 0), (0, 0));
    assert_eq!(scene.bond(worker(0)), cr(10_000));
}

#[test]
fn f11_an_epoch_without_its_proof_comes_back_and_costs_what_the_terms_say() {
    let mut scene = leasing();
    scene.asks(
        0,
        Leasable::Bytes,
        LeaseTerms {
            penalty_bps: 35_000,
            ..terms(10)
        },
    );
    let (_, content) = blob();
    let lease = scene.takes(R, 0, (content, 4)).unwrap();
    let preview = |scene: &Scene| {
        let fault = Fault::StorageMissed;
        read::slash_preview(&scene.rows, finding(), worker(0), fault).unwrap()
    };
    assert_eq!(preview(&scene).0, Credits::ZERO);
    scene.proves(0, lease).unwrap();
    scene.next_epoch();
    assert_eq!(preview(&scene).0, cr(7));
    scene.next_epoch();
    // One epoch is kept, one missed.
    let due = scene.due(lease);
    assert_eq!((due.epochs, due.missed), (2, 1));
    assert_eq!((due.paid, due.refunded, due.slashed), (cr(2), cr(2), cr(7)));
    let before = (scene.bond(worker(0)), scene.has(R), scene.has(owner(0)));
    scene.collects(lease).unwrap();
    assert_eq!(scene.collects(lease).unwrap_err().code(), 334);
    assert_eq!(scene.bond(worker(0)), before.0.minus(cr(7)).unwrap());
    assert_eq!(gained(&scene, R, before.1), 2 * CREDIT + 2_100_000);
    assert_eq!(gained(&scene, owner(0), before.2), 2 * CREDIT);
    assert_eq!(times(&scene, 0), (0, 1));
    let number = read::holds_of(&scene.rows, read::lease_finding(lease, 3))[0];
    let hold = read::hold(&scene.rows, number).unwrap();
    assert_eq!((hold.fault, hold.amount), (Fault::StorageMissed, cr(7)));
    assert_eq!(hold.ground, Ground::Lease(lease, 3));
    // It proves again, and the last epoch is missed: the lease's end settles it.
    scene.proves(0, lease).unwrap();
    scene.next_epoch();
    scene.next_epoch();
    assert_eq!(ended(&scene, lease), Some((LeaseEnd::Over, Credits::ZERO)));
    assert_eq!(times(&scene, 0), (0, 2));
    assert_eq!(scene.bond(worker(0)), before.0.minus(cr(14)).unwrap());
    assert_eq!(scene.locked(worker(0)), Credits::ZERO);
}

#[test]
fn an_epoch_without_lots_in_time_or_without_blocks_asks_for_nothing() {
    let epoch = genesis().params.epoch.get();
    for (blocks, missed) in [
        // None of them; the first alone; one in its last quarter alone.
        (vec![], 0),
        (vec![1, 2], 0),
        (vec![epoch - 9, epoch - 8], 0),
        // Lots after its half.
        (vec![1, epoch / 2 + 1, epoch - 8], 0),
        // In time, with a block in which to answer.
        (vec![1, epoch / 2 - 1, epoch - 8], 1),
        (vec![1, 2, epoch * 3 / 4], 1),
    ] {
        let mut scene = leasing();
        let (_, content) = blob();
        let lease = scene.takes(R, 0, (content, 9)).unwrap();
        scene.proves(0, lease).unwrap();
        let (_, began) = read::running_epoch(&scene.rows).unwrap();
        let next = began.after(scene.genesis.params.epoch);
        for after in &blocks {
            let when = next.after(Millis::new(*after));
            scene.wait(when.since(scene.at.now));
        }
        let over = next.after(scene.genesis.params.epoch);
        scene.wait(over.since(scene.at.now));
        let due = scene.due(lease);
        assert_eq!((due.epochs, due.missed), (2, missed), "{blocks:?}");
    }
}

#[test]
fn while_deadlines_are_extended_nothing_is_missed() {
    let mut genesis = genesis();
    genesis.emergency = council_scene::committee();
    let mut scene = Scene::of(genesis).ready(cr(10_000), cr(1));
    scene.asks(0, Leasable::Bytes, terms(10));
    scene.next_epoch();
    let (_, content) = blob();
    let lease = scene.takes(R, 0, (content, 2)).unwrap();
    scene.proves(0, lease).unwrap();
    scene.asks(0, SLOTS, terms(4));
    let other = scene.takes(R, 0, (slots(4), 1)).unwrap();
    scene.next_epoch();
    let order = scene.order(EmergencyAct::ExtendDeadlines, true);
    scene.emergency(order, &[0, 1]).unwrap();
    scene.next_epoch();
    // Its end waits too; whoever asks for it has it.
    assert!(scene.leased(lease).is_some());
    assert_eq!((scene.due(lease).epochs, scene.due(lease).missed), (2, 0));
    scene.collects(lease).unwrap();
    assert_eq!(ended(&scene, lease), Some((LeaseEnd::Over, Credits::ZERO)));
    // Its slots are claimed still, and its epochs are over: there is nothing to be missed.
    scene.two_see(worker(0), 0);
    assert_eq!(scene.leased(other).unwrap().left(), 1);
    assert_eq!(times(&scene, 0), (0, 0));
    // What waited for the end finds nothing.
    let order = scene.order(EmergencyAct::ExtendDeadlines, false);
    scene.emergency(order, &[0, 1]).unwrap();
    scene.wait(Millis::new(1));
}

#[test]
fn content_that_was_never_shown_binds_nobody() {
    let mut scene = leasing();
    let (_, content) = blob();
    let paid = cr(2 * 3);
    let lapsed = scene.takes(R, 0, (content, 3)).unwrap();
    let declined = scene.takes(R, 1, (content, 3)).unwrap();
    let taken_back = scene.takes(R, 2, (content, 3)).unwrap();
    scene.ends(owner(1), declined).unwrap();
    scene.ends(R, taken_back).unwrap();
    for _ in 0..2 {
        scene.next_epoch();
        assert_eq!(scene.collects(lapsed).unwrap_err().code(), 334);
    }
    scene.next_epoch();
    for lease in [lapsed, declined, taken_back] {
        assert_eq!(ended(&scene, lease), Some((LeaseEnd::NotBegun, paid)));
    }
    for n in 0..3 {
        assert_eq!(
            (scene.bond(worker(n)), scene.locked(worker(n))),
            (cr(10_000), cr(0))
        );
        assert_eq!(times(&scene, n), (0, 0));
    }
}
