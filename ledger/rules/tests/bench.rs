//! How fast peers are, as members saw it, and what a second of them is quoted at.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/council.rs"]
mod council_scene;
#[path = "scene/job.rs"]
mod job_scene;
mod scene;

use job_scene::terms;
use protocol::entry::{Body, CouncilRequest, Proposal};
use protocol::event::{Aside, Event};
use protocol::ids::PeerId;
use protocol::job::Class;
use protocol::units::Millis;
use rules::{Account, Refusal, read};
use scene::*;

fn see(scene: &mut Scene, who: Who, peer: PeerId, score: u32) -> Result<(), Refusal> {
    let class = Class::Grid;
    let report = CouncilRequest::ReportBench { peer, class, score };
    scene.enter(who, Body::Council(report))
}

#[test]
fn prices_differ_as_what_three_members_saw_does() {
    let mut scene = Scene::new().ready(cr(100), cr(1));
    let (slow, fast, class) = (worker(0), worker(1), Class::Grid);
    for (n, score) in [(0, 900), (1, 1_000), (2, 1_000_000)] {
        assert_eq!(read::bench(&scene.rows, slow, class), None);
        see(&mut scene, member(n), slow, score).unwrap();
        see(&mut scene, member(n), fast, score * 3).unwrap();
    }
    assert_eq!(read::bench(&scene.rows, slow, class), Some(1_000));
    let per_second = |peer| read::per_second(&scene.rows, peer, class).unwrap().get();
    assert!(per_second(fast).abs_diff(3 * per_second(slow)) <= 1);
    assert_eq!(per_second(slow), 10_000);
    // A member's later word stands in place of its earlier one.
    see(&mut scene, member(2), slow, 10).unwrap();
    assert_eq!(read::bench(&scene.rows, slow, class), Some(900));
    assert_eq!(read::bench(&scene.rows, slow, Class::Ai), None);

    for (who, peer, score, code) in [
        (ANNA, slow, 1, 250),
        (member(0), node(21), 1, 274),
        (member(0), PeerId::new([9; 32]), 1, 33),
        (member(0), slow, 0, 20),
    ] {
        assert_eq!(see(&mut scene, who, peer, score).unwrap_err().code(), code);
    }
}

#[test]
fn an_injected_meter_fault_suspends_the_peer_until_it_publishes_anew() {
    let mut scene = Scene::new().ready(cr(100), cr(1));
    let (steady, broken, class) = (worker(0), worker(1), Class::Grid);
    for (n, score) in [(0, 1_000), (1, 1_100), (2, 900)] {
        see(&mut scene, member(n), steady, score).unwrap();
    }
    assert!(read::offer(&scene.rows, steady, class).is_some());
    // One member that lies, or errs, decides nothing.
    see(&mut scene, member(3), steady, 9).unwrap();
    assert!(read::offer(&scene.rows, steady, class).is_some());

    for (n, score) in [(0, 1_000), (1, 1_200)] {
        see(&mut scene, member(n), broken, score).unwrap();
    }
    assert!(read::offer(&scene.rows, broken, class).is_some());
    see(&mut scene, member(2), broken, 2_000).unwrap();
    assert_eq!(read::offer(&scene.rows, broken, class), None);
    let aside = Event::OfferSetAside {
        peer: broken,
        class,
        why: Aside::Metered,
        until: scene.at.now,
    };
    assert!(scene.events.contains(&aside));
    assert_eq!(read::bench(&scene.rows, broken, class), None);
    scene.offer(1, 4, cr(1)).unwrap();
    assert!(read::offer(&scene.rows, broken, class).is_some());
}

#[test]
fn changing_utility_moves_quotes_and_no_past_escrow() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let (peer, class) = (worker(0), Class::Grid);
    for n in 0..3 {
        see(&mut scene, member(n), peer, 1_000).unwrap();
    }
    let mut long = terms(2, 2, 2);
    long.seal_window = Millis::new(3 * 24 * 3_600_000);
    let job = scene.drawn(long);
    let before = read::job(&scene.rows, job).unwrap();
    // Long enough for the index to rest on its floor.
    scene.wait_epochs(1);
    let index = read::index(&scene.rows, class).unwrap().price;
    assert_eq!(read::quoted(&scene.rows, class), Some(index));
    let changes = vec![(32, 12_500)];
    scene.decide(Proposal::Params { changes }).unwrap();
    let index = read::index(&scene.rows, class).unwrap().price;
    let quoted = read::quoted(&scene.rows, class).unwrap();
    assert_eq!(quoted.get(), index.get() * 12_500 / 10_000);
    assert_eq!(read::per_second(&scene.rows, peer, class), Some(quoted));
    let cloud = read::index(&scene.rows, Class::Cloud).unwrap().price;
    assert_eq!(read::quoted(&scene.rows, Class::Cloud), Some(cloud));

    let after = read::job(&scene.rows, job).unwrap();
    assert_eq!((after.escrow, after.lock), (before.escrow, before.lock));
    let escrow = Account::Escrow(job);
    assert_eq!(read::account(&scene.rows, escrow).amount(), before.escrow);
}
