//! Garbage in every file that a peer keeps: a clear error, no panic, nothing lost.

mod noise;
mod own_files;
#[allow(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod scene;

use scene::Scene;

/// No peer's log speaks of a panic, and every process of the devnet runs.
fn nobody_fell(scene: &mut Scene) {
    for place in &scene.devnet.plan.places {
        let log = std::fs::read(place.home.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        assert!(!log.contains("panicked"), "{}:\n{log}", place.name);
    }
    scene.devnet.all_run().unwrap();
}
