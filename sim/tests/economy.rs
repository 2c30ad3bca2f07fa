//! Cheating costs more than it brings; and with numbers or rules that let it pay, the suite sees
//! it. `./x sim` plays the same scenes whole, with thirty seeds each.

mod scenes;

use scenes::{broken, holds, mutated, play, short, shortened};
use sim::{Figure, Scene};

#[test]
fn a_ring_loses_more_than_it_wins() {
    let mut scene = short("collusion-33", 8_000);
    // So few seeds bound little; the mean must hold even so, of a ring that lies where it can.
    scene.holds[0].of = sim::scene::Of::Mean;
    scene.peers[1].rate_bps = 10_000;
    let stories = holds(&scene, 1..=2);
    assert!(
        stories
            .iter()
            .any(|story| story.attacks.iter().any(|one| one.gain > 0))
    );
}

#[test]
fn splitting_into_names_and_washing_do_not_pay() {
    holds(&short("sybil", 20_000), 1..=1);
    holds(&short("wash-trading", 10_000), 1..=1);
}

#[test]
fn a_ring_with_little_to_lose_holds_no_bundle() {
    holds(&short("little-to-lose", 8_000), 1..=1);
}

#[test]
fn without_coverage_the_suite_turns_red() {
    // In two hours of one seed the ring may hold no bundle whole.
    let mutation = shortened(mutated("no-coverage"), 8_000);
    let stories = play(&mutation, 1..=4);
    let broken = broken(&mutation, &stories);
    assert!(
        broken.iter().any(|one| one.what == "ring.surplus"),
        "{broken:?}"
    );
}

#[test]
fn with_caps_per_identity_the_suite_turns_red() {
    let mutation = shortened(mutated("caps-per-identity"), 20_000);
    let stories = play(&mutation, 1..=1);
    let broken = broken(&mutation, &stories);
    assert!(
        broken.iter().any(|one| one.what.contains("fifty.rewarded")),
        "{broken:?}"
    );
}

#[test]
fn numbers_that_let_cheating_pay_come_in_by_no_common_door() {
    for name in ["audit", "no-coverage"] {
        let mut scene = mutated(name);
        scene.unchecked = false;
        assert!(
            sim::play(1, &scene).is_err(),
            "{name}: no federation may begin with it"
        );
    }
}

#[test]
fn with_half_the_audits_and_the_same_slash_the_suite_turns_red() {
    // The same seeds by the numbers of today: what differs is the audits alone. What a ring loses
    // is a matter of a few convictions, so fewer seeds than these tell little.
    let ratio = |scene: &Scene| {
        let stories = play(scene, 1..=16);
        let bounds = sim::report::bounds("ring.ratio", &stories);
        let mean = bounds.expect("the ring's ratio is measured").mean;
        let broken = broken(scene, &stories);
        (mean, broken.iter().any(|one| one.what == "ring.ratio"))
    };
    let (good, red) = ratio(&short("collusion-kin", 10_000));
    assert!(!red, "cheating costs {good} of what it brings");
    let (bad, red) = ratio(&shortened(mutated("audit"), 10_000));
    assert!(red, "cheating costs {bad} of what it brings");
    assert!(
        bad < Figure::whole(2),
        "cheating costs {bad} of what it brings, where it did cost {good}"
    );
}
