//! Whatever fails, everything ends once it is healed.

mod scenes;

use scenes::{holds, short};

#[test]
fn every_job_ends_on_bad_wires() {
    holds(&short("bad-wires", 12_000), 1..=2);
}

#[test]
fn every_job_ends_where_demand_grows_and_peers_leave() {
    let mut scene = short("shock", 7_200);
    for work in &mut scene.work {
        work.from_s = work.from_s.min(3_600);
    }
    scene.faults[0].at_s = 3_600;
    holds(&scene, 1..=1);
}

#[test]
fn spam_does_not_silence_a_dispute() {
    holds(&short("spam", 300), 1..=1);
}
