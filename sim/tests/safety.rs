//! Whatever is played: the books balance, nothing wrong is accepted that must not be, nobody honest
//! pays, and the same seed is the same story.

mod scenes;

use scenes::{broken, holds, play, short};

#[test]
fn lone_liars_are_found_and_nothing_wrong_is_accepted() {
    let mut scene = short("lone-liars", 6_000);
    // So early nobody has shown its work.
    scene
        .holds
        .retain(|promise| promise.what != "shown_checks_per_task");
    let stories = holds(&scene, 1..=1);
    assert!(stories[0].attacks[0].cost > 0);
}

#[test]
fn griefers_copycats_and_the_two_faced_harm_nobody_honest() {
    holds(&short("griefing", 12_000), 1..=1);
}

#[test]
fn bent_members_change_no_verdict() {
    holds(&short("bent-members", 6_000), 1..=1);
    holds(&short("lazy-auditors", 6_000), 1..=1);
}

#[test]
fn who_comes_back_or_joins_has_the_root_of_all() {
    let scene = short("bad-wires", 8_000);
    assert!(scene.rejoined);
    holds(&scene, 1..=1);
}

#[test]
fn an_honest_federation_settles_everything() {
    let mut scene = short("honest", 20_000);
    // Its seeds are played twice, and an alarm says where the second play was another story.
    scene.rejoined = true;
    assert!(sim::is_played_twice(51) && !sim::is_played_twice(50));
    let story = sim::play_surely(51, &scene).expect("it can be played");
    assert!(story.alarms.is_empty(), "{:?}", story.alarms);
    assert!(broken(&scene, &[story]).is_empty());
}

#[test]
fn spoofed_offers_earn_nothing() {
    // One play of thirty may be lucky: so few bound little, and the mean must hold even so.
    let mut scene = short("spoofed-offers", 8_000);
    scene.holds[0].of = sim::scene::Of::Mean;
    holds(&scene, 1..=3);
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
