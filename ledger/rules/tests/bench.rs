//! How fast peers are, as members saw it, and what a second of them is quoted at.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

mod scene;

use protocol::entry::{Body, CouncilRequest};
use protocol::ids::PeerId;
use protocol::job::Class;
use rules::{Refusal, read};
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
