//! Scenes of the repository, for every test that plays.

#![allow(dead_code, unreachable_pub, reason = "a module of several tests")]

use sim::report::{Judged, judge};
use sim::{Scene, Story};

/// A scene by its name in `examples/scenes`.
pub fn scene(name: &str) -> Scene {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = format!("{root}/../examples/scenes/{name}.toml");
    let text = std::fs::read_to_string(&path).expect("the scene is in the repository");
    Scene::read(&text).expect("the scene reads")
}

/// The same, cut short: for tests that every change runs.
pub fn short(name: &str, seconds: u64) -> Scene {
    let mut scene = scene(name);
    scene.seconds = seconds;
    scene
}

pub fn play(scene: &Scene, seeds: std::ops::RangeInclusive<u64>) -> Vec<Story> {
    seeds
        .map(|seed| sim::play(seed, scene).expect("it can be played"))
        .collect()
}

/// The promises of a scene that do not hold.
pub fn broken(scene: &Scene, stories: &[Story]) -> Vec<Judged> {
    let judged = judge(scene, stories).into_iter();
    judged.filter(|one| !one.holds).collect()
}

/// Plays a scene, and everything it promises must hold.
pub fn holds(scene: &Scene, seeds: std::ops::RangeInclusive<u64>) -> Vec<Story> {
    let stories = play(scene, seeds);
    let broken = broken(scene, &stories);
    let alarms: Vec<_> = stories.iter().flat_map(|story| &story.alarms).collect();
    assert!(broken.is_empty(), "{}: {broken:#?} {alarms:#?}", scene.name);
    stories
}
