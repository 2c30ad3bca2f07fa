//! Numbers that may govern, numbers that may not, and what the council can make of them.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows has failed"
)]

use super::*;
use proptest::prelude::*;
use protocol::units::Bps;

#[test]
fn the_margin_is_the_one_of_the_economy() {
    for (audit, slash_mult, expected) in [
        (1_000, 64, 24_631),
        (2_500, 20, 22_066),
        (500, 128, 23_570),
        (500, 64, 11_785),
        (200, 64, 4_597),
    ] {
        assert_eq!(margin(audit, slash_mult), expected, "{audit} {slash_mult}");
    }
    assert_eq!(margin(0, 512), 0);
}

#[test]
fn the_four_presets_have_their_margins() {
    let standard = Params::standard();
    let presets = Class::ALL.map(|named| class(&standard, named));
    let margins = presets.map(|preset| preset.margin);
    assert_eq!(margins, [23_570, 22_066, 24_631, 24_631]);
    let [grid, edge, cloud, ai] = presets;
    assert_eq!((grid.copies, grid.curve), (2, Curve::Linear));
    assert_eq!((edge.copies, edge.curve), (3, Curve::Diminishing));
    assert_eq!(edge.availability, Bps::new(5_000));
    assert_eq!((cloud.unit, ai.unit), (WorkUnit::Gfuel, WorkUnit::Gcu));
    let hour = Millis::new(3_600_000);
    assert_eq!(window(&standard, Class::Edge, hour).get(), 360_000);
    assert_eq!(window(&standard, Class::Grid, hour), hour);
}

#[test]
fn numbers_that_make_cheating_pay_are_refused() {
    assert_eq!(check(&Params::standard()), Ok(()));
    let refused = |change: fn(&mut Params)| {
        let mut params = Params::standard();
        change(&mut params);
        check(&params).expect_err("out of bounds").to_string()
    };
    for (change, why) in [
        (
            (|p| p.slash_mult[0] = 64) as fn(&mut Params),
            "class grid: cheating costs only 11785 ten-thousandths of what it brings, where 20000 \
             are needed: raise the audit rate or the slash multiple",
        ),
        (
            |p| p.slash_split[3] = Bps::ZERO,
            "the shares of a slash add up to 9000 ten-thousandths, not to 10 000",
        ),
        (
            |p| p.epoch_split[4] = Bps::ZERO,
            "the shares of an epoch add up to 9500 ten-thousandths, not to 10 000",
        ),
        (
            |p| p.slash_split = [Bps::ZERO, Bps::ZERO, Bps::ONE, Bps::ZERO],
            "slash_split.finder is 10000: it must be 0 to 2000",
        ),
        (
            |p| p.open_window = Millis::ZERO,
            "open_window is 0: it must be 1000 to 86400000",
        ),
        (
            |p| p.slash_mult[3] = 0,
            "slash_mult.ai is 0: it must be 1 to 512",
        ),
        (
            |p| p.unbond_window = Millis::new(3_600_000),
            "the unbond window is 3600000 ms, and must be 10 times audit and dispute: 54000000 ms",
        ),
        (
            |p| p.work_fee_burned = Bps::new(201),
            "work_fee_burned is more than work_fee",
        ),
        (
            |p| p.subsidy_max = Bps::new(5_001),
            "subsidy_max is 5001: it must be 0 to 5000",
        ),
    ] {
        assert_eq!(refused(change), why);
    }
}

#[test]
fn one_decision_moves_a_number_by_a_quarter_and_linked_ones_together() {
    let standard = Params::standard();
    let refused = |changes: &[(u16, u64)]| {
        let refusal = change(&standard, changes, false).expect_err("too much");
        refusal.to_string()
    };
    assert_eq!(
        refused(&[(3, 200)]),
        "audit.cloud is 1000, and one decision changes it by at most 250, not to 200"
    );
    assert_eq!(refused(&[(999, 1)]), "there is no governed number 999");
    assert_eq!(
        refused(&[(80, 3_500)]),
        "the shares of a slash add up to 9500 ten-thousandths, not to 10 000"
    );
    let both = change(&standard, &[(80, 3_500), (81, 3_500)], false).expect("they add up");
    assert_eq!(both.slash_split[1], Bps::new(3_500));
    // What the margin has to spare can be used; then it holds.
    let less = change(&standard, &[(3, 850)], false).expect("the margin is still twice");
    assert!(matches!(
        change(&less, &[(3, 700)], false),
        Err(ParamsRefused::CheatingPays { class: "cloud", .. })
    ));
}

#[test]
fn only_a_devnet_has_short_epochs() {
    let mut params = Params::standard();
    params.epoch = DEVNET_EPOCH_MIN;
    assert!(check(&params).is_err());
    assert_eq!(check_for(&params, true), Ok(()));
    assert!(change(&params, &[(44, 110)], false).is_err());
    assert!(change(&params, &[(44, 110)], true).is_ok());
    params.epoch = Millis::new(999);
    assert!(check_for(&params, true).is_err());
}

proptest! {
    /// Whatever the council decides, in whatever order: what is accepted keeps bounds and margins.
    #[test]
    fn no_sequence_of_decisions_leaves_bounds_or_margins(
        wishes in prop::collection::vec((0..PARAMS.len(), any::<u64>(), any::<bool>()), 1..60)
    ) {
        let mut params = Params::standard();
        for (place, wish, near) in wishes {
            let spec = PARAMS[place];
            let now = params.get(spec.id).expect("the table lists what there is");
            let to = if near {
                let step = spec.step_from(now);
                now.saturating_sub(step).saturating_add(wish % (2 * step + 1))
            } else {
                wish
            };
            let before = params.clone();
            if let Ok(changed) = change(&params, &[(spec.id, to)], false) {
                params = changed;
                prop_assert!(spec.may_step(now, to));
            }
            prop_assert_eq!(check(&params), Ok(()));
            for place in 0..4 {
                let found = margin(params.audit[place].get(), params.slash_mult[place]);
                prop_assert!(found >= MARGIN_MIN);
            }
            for other in PARAMS.iter().filter(|other| other.id != spec.id) {
                prop_assert_eq!(params.get(other.id), before.get(other.id));
            }
        }
    }
}
