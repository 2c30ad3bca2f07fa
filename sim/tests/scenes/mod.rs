//! Scenes of the repository, for every test that plays.

#![allow(dead_code, unreachable_pub, reason = "a module of several tests")]

use sim::report::{Judged, judge};
use sim::{Scene, Story};

/// A scene by its name in `examples/scenes`.
pub fn scene(name: &str) -> Scene {
    Scene::read(&text(name)).expect("the scene reads")
}

/// The same, cut short: for tests that every change runs.
pub fn short(name: &str, seconds: u64) -> Scene {
    shortened(scene(name), seconds)
}

/// A scene cut short.
pub fn shortened(scene: Scene, seconds: u64) -> Scene {
    Scene { seconds, ..scene }
}

/// The scene that a file of `examples/scenes/mutations` breaks, with the numbers of that file.
pub fn mutated(name: &str) -> Scene {
    let numbers = text(&format!("mutations/{name}"));
    let first = numbers.lines().next().unwrap_or_default();
    let broken = first
        .split('`')
        .nth(1)
        .expect("its first line names what it breaks");
    let mut scene = scene(broken);
    scene.override_params(&numbers).expect("they are numbers");
    scene.unchecked = true;
    scene
}

fn text(name: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = format!("{root}/../examples/scenes/{name}.toml");
    std::fs::read_to_string(&path).expect("it is in the repository")
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
