//! Seeds that once failed, each with what it taught.

mod scenes;

use scenes::{holds, scene};

/// Auditors who are wrong are slashed without a peer being slashed, and then no judge is paid: the
/// second books once paid them all the same.
#[test]
fn judges_are_paid_from_what_a_peer_lost_and_nothing_else() {
    let mut scene = scene("bent-members");
    scene.seconds = 46_000;
    scene.holds.clear();
    holds(&scene, 1..=1);
}
