//! Seeds that once failed, each with what it taught.

mod scenes;

use scenes::{holds, scene};

/// Auditors who are wrong are slashed without a peer being slashed, and then no judge is paid: the
/// second books once paid them all the same.
#[test]
fn judges_are_paid_from_what_a_peer_lost_and_nothing_else() {
    let mut scene = scene("bent-members");
    scene.seconds = 15_000;
    scene.holds.clear();
    holds(&scene, 1..=1);
}

/// Two peers fined for hiding one bundle's results met the same claims of the third twice: the
/// second books once paid it too much.
#[test]
fn a_claim_is_met_once_however_many_are_fined() {
    let mut scene = scene("griefing");
    scene.seconds = 12_000;
    scene.holds.clear();
    holds(&scene, 3..=3);
}
