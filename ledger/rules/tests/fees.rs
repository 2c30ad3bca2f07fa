//! What is paid beside work: for what is declared to be at risk, for a job that is not started, for
//! a peer that is let in.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/job.rs"]
mod job_scene;
mod scene;

use job_scene::*;
use protocol::entry::Body;
use protocol::event::{Event, IssueEvent};
use protocol::genesis::Issuance;
use protocol::ids::JobId;
use protocol::job::{Care, Terms};
use protocol::units::{Bps, Credits, Millis};
use rules::{Refusal, read};
use scene::*;

/// Terms of two tasks, two copies, with so much at risk by each.
fn risky(at_risk: Credits) -> Terms {
    Terms {
        care: Care {
            value_at_risk: at_risk,
            ..Care::default()
        },
        ..terms(2, 2, 2)
    }
}

/// Runs a job to its end, and says what its fees were.
fn fees(scene: &mut Scene, terms: Terms) -> Credits {
    let job = scene.drawn(terms);
    let peers = scene.peers(job, 0);
    for peer in &peers {
        scene.seal(job, *peer, '7').unwrap();
    }
    scene.close(job).unwrap();
    for peer in &peers {
        scene.open(job, *peer, '7').unwrap();
    }
    let row = read::job(&scene.rows, job).unwrap();
    let parts = [row.paid, row.fees, row.refunded];
    let sum: u64 = parts.iter().map(|part| part.get()).sum();
    assert_eq!(sum, row.escrow.get(), "nothing of it is left");
    row.fees
}

#[test]
fn who_declares_more_at_risk_pays_a_higher_fee_for_it() {
    let mut scene = Scene::new().ready(cr(90_000), cr(1));
    // Two copies of two tasks that cost half of their price: two credits of pay, at 2 %.
    let plain = fees(&mut scene, terms(2, 2, 2));
    assert_eq!(plain, Credits::new(40_000));
    let declared_its_price = fees(&mut scene, risky(cr(1)));
    assert_eq!(declared_its_price, plain);
    // Nine prices beyond the price, at 25 of 10 000, for two prices of pay.
    let tenfold = fees(&mut scene, risky(cr(10)));
    assert_eq!(tenfold, Credits::new(40_000 + 2 * 22_500));
    let most = fees(&mut scene, risky(cr(700)));
    assert_eq!(most, Credits::new(40_000 + 2 * 1_747_500));
}

#[test]
fn what_is_set_aside_covers_the_fee_of_every_run() {
    let mut scene = Scene::new().ready(cr(90_000), cr(1));
    let escrow = |scene: &mut Scene, terms: Terms| {
        let job = scene.submit(terms).unwrap();
        read::job(&scene.rows, job).unwrap().escrow
    };
    let plain = escrow(&mut scene, terms(2, 2, 2));
    let tenfold = escrow(&mut scene, risky(cr(10)));
    assert_eq!(
        tenfold.minus(plain),
        Some(Credits::new(2 * 2 * 22_500)),
        "two copies of two tasks"
    );
}

/// What an epoch says was burned is what paid for work: where credits are minted for it too, and
/// where the same goes to the treasury instead.
#[test]
fn an_epoch_tells_what_its_fees_have_burned() {
    for (issuance, burns) in [
        (Issuance::Fixed, true),
        (Issuance::Inflation, true),
        (Issuance::MutualCredit, false),
    ] {
        let mut genesis = genesis();
        genesis.issuance = issuance;
        let mut scene = Scene::of(genesis).ready(cr(90_000), cr(1));
        let paid = fees(&mut scene, terms(2, 2, 2));
        let of_work = scene.events.iter().filter_map(|event| match event {
            Event::Issue(IssueEvent::WorkFee { burned, kept, .. }) => {
                Some([*burned, *kept].map(Credits::get))
            }
            _ => None,
        });
        let [burned, kept] = of_work.fold([0, 0], |sum, one| [sum[0] + one[0], sum[1] + one[1]]);
        assert_eq!(burned + kept, paid.get());
        assert_eq!(burned > 0, burns);
        let all = read::supply(&scene.rows).burned;
        assert_eq!(all.get() > burned, burns, "of entries too");
        scene.wait(scene.genesis.params.epoch);
        assert_eq!(read::epoch(&scene.rows, 0).burned, all);
    }
}

fn aborted(scene: &Scene, job: JobId) -> Credits {
    let fees = scene.events.iter().filter_map(|event| match event {
        Event::Issue(IssueEvent::WorkFee {
            job: of,
            burned,
            kept,
        }) if *of == job => {
            assert_eq!(*burned, Credits::ZERO);
            Some(kept.get())
        }
        _ => None,
    });
    Credits::new(fees.sum())
}

#[test]
fn who_could_start_a_job_and_does_not_pays_a_hundredth_of_its_escrow() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    // Taken back before anybody can know who would be drawn: nothing.
    let job = scene.submit(terms(2, 2, 2)).unwrap();
    let escrow = read::job(&scene.rows, job).unwrap().escrow;
    scene.enter(R, Body::Cancel { job }).unwrap();
    assert_eq!(aborted(&scene, job), Credits::ZERO);
    assert_eq!(read::job(&scene.rows, job).unwrap().refunded, escrow);
    // Taken back after that, and left alone.
    let treasury = read::supply(&scene.rows).treasury;
    let job = scene.submit(terms(2, 2, 2)).unwrap();
    let alone = scene.submit(terms(2, 2, 2)).unwrap();
    for _ in 0..3 {
        scene.block(10, vec![]);
    }
    scene.enter(R, Body::Cancel { job }).unwrap();
    let fee = escrow.share(Bps::new(100));
    assert_eq!(aborted(&scene, job), fee);
    scene.wait(scene.genesis.params.start_window);
    assert_eq!(aborted(&scene, alone), fee);
    let row = read::job(&scene.rows, alone).unwrap();
    assert_eq!((row.fees, row.refunded), (fee, escrow.minus(fee).unwrap()));
    let both = fee.plus(fee).unwrap();
    assert!(read::supply(&scene.rows).treasury >= treasury.plus(both).unwrap());
}

#[test]
fn a_job_for_which_there_are_too_few_peers_costs_its_submitter_nothing() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let job = scene.submit(terms(2, 2, 2)).unwrap();
    for n in 0..WORKERS {
        let (peer, amount) = (worker(n), cr(1_000));
        scene
            .enter(owner(n), Body::Unbond { peer, amount })
            .unwrap();
    }
    let refused = scene.start(job);
    assert!(
        matches!(refused, Err(Refusal::NotEnoughPeers { .. })),
        "{refused:?}"
    );
    scene.wait(scene.genesis.params.start_window);
    assert_eq!(aborted(&scene, job), Credits::ZERO);
    let row = read::job(&scene.rows, job).unwrap();
    assert_eq!(row.refunded, row.escrow);
}

#[test]
fn letting_a_peer_in_can_cost_its_sponsor_credits_for_good() {
    let mut scene = Scene::with(|params| params.admission_fee = cr(100));
    let (peer, owner) = (worker(0), owner(0).party());
    let (burned, has) = (read::supply(&scene.rows).burned, scene.has(desk(0)));
    scene
        .enter(desk(0), Body::AdmitPeer { peer, owner })
        .unwrap();
    assert_eq!(scene.has(desk(0)), has.minus(cr(100)).unwrap());
    assert_eq!(
        read::supply(&scene.rows).burned,
        burned.plus(cr(100)).unwrap()
    );
    let rest = scene.has(desk(0));
    let moves = vec![(ANNA.party(), rest)];
    scene.enter(desk(0), Body::Transfer { moves }).unwrap();
    let peer = worker(1);
    let refused = scene.enter(desk(0), Body::AdmitPeer { peer, owner });
    assert_eq!(refused.unwrap_err().code(), 23);
    assert!(read::peer(&scene.rows, peer).is_none());
    scene.wait(Millis::new(1));
}
