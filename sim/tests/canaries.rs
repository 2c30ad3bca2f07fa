//! What a submitter knows finds a ring where audits do not.

mod scenes;

use scenes::{holds, play, short};
use sim::Figure;

#[test]
fn a_ring_that_holds_every_copy_is_found_by_canaries_and_hardly_by_few_audits() {
    let scene = short("canaries", 3_000);
    let convicted = |story: &sim::Story| story.measures["ring.convicted"];
    let with = holds(&scene, 1..=2);
    let mut blind = scene.clone();
    blind.work[0].canaries = false;
    let without = play(&blind, 1..=2);
    for (with, without) in with.iter().zip(&without) {
        assert!(convicted(with) > convicted(without), "seed {}", with.seed);
        let wrong = without.measures["wrong_accepted"];
        assert!(wrong > Figure::ZERO, "seed {}", without.seed);
    }
}
