//! Cheating costs more than it brings; and with numbers or rules that let it pay, the suite sees
//! it. `./x sim` plays the same scenes whole, with thirty seeds each.

mod scenes;

use protocol::genesis::Params;
use rules::params;
use scenes::{broken, holds, play, scene, short};

#[test]
fn a_ring_loses_more_than_it_wins() {
    let mut scene = short("collusion-33", 12_000);
    // A few seeds bound little; the mean must hold even so.
    scene.holds[0].of = sim::scene::Of::Mean;
    holds(&scene, 1..=2);
}

#[test]
fn splitting_into_names_and_washing_do_not_pay() {
    holds(&short("sybil", 30_000), 1..=1);
    holds(&short("wash-trading", 10_000), 1..=1);
}

#[test]
fn caps_per_identity_turn_the_suite_red() {
    let mutation = short("mutations/caps-per-identity", 30_000);
    let stories = play(&mutation, 1..=1);
    let broken = broken(&mutation, &stories);
    assert!(
        broken.iter().any(|one| one.what.contains("split.rewarded")),
        "{broken:?}"
    );
}

#[test]
fn half_the_audits_with_the_same_slash_turn_the_suite_red() {
    let mutation = scene("mutations/audit");
    let mut numbers = Params::standard();
    numbers.audit[2] = protocol::units::Bps::new(500);
    assert!(
        params::check(&numbers).is_err(),
        "no federation may begin with them"
    );
    let honest = sim::Scene {
        unchecked: false,
        ..mutation.clone()
    };
    assert!(
        sim::play(1, &honest).is_err(),
        "nor may the simulator by the common door"
    );
    // The same seeds by the numbers of today: what differs is the audits alone.
    let standard = scene("collusion-kin");
    let ratio = |scene: &sim::Scene| {
        let stories = play(scene, 1..=3);
        let bounds = sim::report::bounds("ring.ratio", &stories);
        (
            bounds.expect("the ring's ratio is measured").mean,
            broken(scene, &stories),
        )
    };
    let (good, _) = ratio(&standard);
    let (bad, red) = ratio(&mutation);
    assert!(
        good >= sim::Figure::whole(2),
        "cheating costs {good} of what it brings"
    );
    // So few seeds bound little: the promise is red by its bound, and the mean falls with the
    // audits.
    assert!(
        bad.in_milli() * 4 < good.in_milli() * 3,
        "cheating costs {bad} of what it brings, where it did cost {good}"
    );
    assert!(red.iter().any(|one| one.what == "ring.ratio"), "{red:?}");
}
