//! Whatever is played: the books balance, nothing wrong is accepted that must not be, nobody honest
//! pays, and the same seed is the same story.

mod scenes;

use scenes::{holds, play, short};

#[test]
fn lone_liars_are_found_and_nothing_wrong_is_accepted() {
    let mut scene = short("lone-liars", 6_000);
    // In so short a time not every liar is drawn.
    scene
        .holds
        .retain(|promise| promise.what != "checks_per_task");
    let stories = holds(&scene, 1..=1);
    assert!(stories[0].attacks[0].cost > 0);
}

#[test]
fn griefers_copycats_and_the_two_faced_harm_nobody_honest() {
    holds(&short("griefing", 12_000), 1..=1);
}

#[test]
fn bent_members_change_no_verdict() {
    let mut scene = short("bent-members", 12_000);
    scene.holds.retain(|promise| !promise.what.contains("lazy"));
    holds(&scene, 1..=1);
}

#[test]
fn an_honest_federation_settles_everything() {
    holds(&short("honest", 20_000), 1..=1);
}

#[test]
fn the_same_seed_is_the_same_story_and_another_is_another() {
    let scene = short("griefing", 3_000);
    let [one, again, other] = [1, 1, 2].map(|seed| play(&scene, seed..=seed).remove(0));
    assert_eq!(one, again);
    assert_ne!(one.root, other.root);
    let told = sim::tell(1, &scene).expect("it can be told");
    assert_eq!(told.root, one.root, "telling changes nothing");
    assert!(!told.lines.is_empty());
}
