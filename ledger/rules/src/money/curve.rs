//! What credits cost of the reserve that covers them: a unit each, or more with every credit there
//! is already, along a curve that the genesis chose.
//!
//! ```text
//! price of the next credit   p0 + slope * s                    s: credits in circulation
//! integral(s)                p0 * s + slope * s^2 / 2          rounded up
//! minting a takes            integral(s + a) - integral(s)     of what the reserve must hold
//! redeeming a gives          integral(s) - integral(s - a)     less the spread, rounded down
//! ```
//!
//! What is given back is less than what was needed for the same credits, whatever lies between and
//! in whatever parts: the integral depends on the supply alone and never falls with it. Federations
//! without a curve have a price of one and no spread.

use protocol::genesis::{Curve, Issuance};
use protocol::units::{Bps, Credits, mul_div_floor};
use std::num::NonZeroU64;

use crate::params::SUPPLY_MAX;

/// Micro-credits in a credit.
const CREDIT: u128 = 1_000_000;
/// The ones of a slope.
const ONE_Q32: u128 = 1 << 32;
/// Ten-thousandths in one.
const BPS: u32 = 10_000;

/// Steps that find one of the numbers up to [`SUPPLY_MAX`], which are 2^50 and one.
const HALVINGS: u32 = 51;

/// The curve of a federation, if it has one.
pub(crate) fn of(issuance: &Issuance) -> Option<&Curve> {
    match issuance {
        Issuance::Reserve { curve, .. } => curve.as_ref(),
        Issuance::Fixed | Issuance::Inflation | Issuance::MutualCredit => None,
    }
}

/// What a reserve must hold for so many credits, in millionths of its unit.
pub(crate) fn integral(curve: Option<&Curve>, supply: Credits) -> u128 {
    let supply = u128::from(supply.get());
    let Some(curve) = curve else {
        return supply;
    };
    // With a supply below 2^50 and numbers of 64 bits no product comes near 2^128.
    let flat = u128::from(curve.p0.get())
        .saturating_mul(supply)
        .div_ceil(CREDIT);
    let square = supply.saturating_mul(supply).div_ceil(2 * CREDIT * CREDIT);
    let rise = u128::from(curve.slope_q32)
        .saturating_mul(square)
        .div_ceil(ONE_Q32);
    flat.saturating_add(rise)
}

/// The most credits for which a reserve need not hold more than this.
pub(crate) fn reaches(curve: Option<&Curve>, holds: u128) -> Credits {
    if curve.is_none() {
        return Credits::new(u64::try_from(holds).unwrap_or(u64::MAX));
    }
    // Every step halves what is in question; once that is one number nothing changes any more.
    let (mut least, mut most) = (0, SUPPLY_MAX);
    for _ in 0..HALVINGS {
        let middle = most.saturating_sub(most.saturating_sub(least) / 2);
        if integral(curve, Credits::new(middle)) <= holds {
            least = middle;
        } else {
            most = middle.saturating_sub(1);
        }
    }
    Credits::new(least)
}

/// What is given back of the reserve for credits that end, of so many that there are.
pub(crate) fn gives(curve: Option<&Curve>, supply: Credits, amount: Credits) -> Credits {
    let rest = supply.minus(amount).unwrap_or(Credits::ZERO);
    let whole = integral(curve, supply).saturating_sub(integral(curve, rest));
    let whole = u64::try_from(whole).unwrap_or(u64::MAX);
    let spread = curve.map_or(Bps::ZERO, |curve| curve.spread);
    let kept = u64::from(BPS.saturating_sub(spread.get()));
    let one = NonZeroU64::new(BPS.into()).expect("ten thousand is not nothing");
    let part = mul_div_floor(whole, kept, one).expect("a part of it is no more than it");
    Credits::new(part)
}

/// What the next whole credit needs of the reserve, and what the last one would give back.
pub(crate) fn prices(curve: Option<&Curve>, supply: Credits) -> (Credits, Credits) {
    let credit = Credits::new(1_000_000);
    let next = supply.plus(credit).unwrap_or(supply);
    let needs = integral(curve, next).saturating_sub(integral(curve, supply));
    let needs = Credits::new(u64::try_from(needs).unwrap_or(u64::MAX));
    (needs, gives(curve, supply, credit))
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows has failed"
)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curves() -> impl Strategy<Value = Curve> {
        let p0 = prop_oneof![
            1..10_u64,
            1..5_000_000_u64,
            any::<u64>().prop_map(|p| p.max(1))
        ];
        let slope = prop_oneof![Just(0), 0..1_u64 << 20, 0..1_u64 << 40, any::<u64>()];
        (p0, slope, 50..10_000_u32).prop_map(|(p0, slope_q32, spread)| Curve {
            p0: Credits::new(p0),
            slope_q32,
            spread: Bps::new(spread),
        })
    }

    fn credits(amount: u64) -> Credits {
        Credits::new(amount)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// P8: whoever mints and redeems, in whatever parts, never has more of the reserve than
        /// before; and (I18) the reserve covers the integral after each of them.
        #[test]
        fn no_round_trip_gains_and_the_reserve_covers_the_integral(
            curve in curves(),
            start in 0..SUPPLY_MAX / 4,
            parts in prop::collection::vec((any::<bool>(), 0..SUPPLY_MAX / 64), 1..24),
        ) {
            let curve = Some(&curve);
            let first = credits(start);
            let (mut supply, mut holds) = (first, integral(curve, first));
            for (mints, amount) in parts {
                let amount = credits(amount);
                if mints {
                    let after = supply.plus(amount).unwrap();
                    // The reserve grows by what minting needs, to the last millionth.
                    holds += integral(curve, after) - integral(curve, supply);
                    supply = after;
                } else {
                    let amount = amount.min(supply);
                    holds -= u128::from(gives(curve, supply, amount).get());
                    supply = supply.minus(amount).unwrap();
                }
                prop_assert!(holds >= integral(curve, supply));
            }
            // Back where it began.
            if supply > first {
                let amount = supply.minus(first).unwrap();
                holds -= u128::from(gives(curve, supply, amount).get());
            } else {
                holds += integral(curve, first) - integral(curve, supply);
            }
            prop_assert!(holds >= integral(curve, first), "somebody gained");
        }

        #[test]
        fn a_reserve_reaches_as_far_as_its_integral(
            curve in curves(),
            supply in 0..SUPPLY_MAX,
            holds in any::<u64>(),
        ) {
            let curve = Some(&curve);
            let (supply, next) = (credits(supply), credits(supply + 1));
            prop_assert!(integral(curve, supply) <= integral(curve, next));
            let reached = reaches(curve, holds.into());
            prop_assert!(integral(curve, reached) <= holds.into());
            if reached.get() < SUPPLY_MAX {
                let beyond = credits(reached.get() + 1);
                prop_assert!(integral(curve, beyond) > holds.into());
            }
        }
    }

    #[test]
    fn a_credit_is_a_unit_without_a_curve_and_dearer_with_each_along_one() {
        assert_eq!(integral(None, credits(7)), 7);
        assert_eq!(gives(None, credits(7), credits(3)), credits(3));
        assert_eq!(reaches(None, 7), credits(7));
        // The first credit costs half a unit, and each a millionth of a unit more.
        let curve = Curve {
            p0: credits(500_000),
            slope_q32: 1 << 32,
            spread: Bps::new(100),
        };
        let curve = Some(&curve);
        let (million, most) = (credits(1_000_000_000_000), credits(1 << 50));
        // 500 000 and a million, less half a millionth that is rounded up.
        assert_eq!(integral(curve, million), 1_000_000_000_000);
        assert_eq!(
            prices(curve, million),
            (credits(1_500_001), credits(1_484_999))
        );
        assert!(integral(curve, most) > integral(curve, million));
        assert_eq!(reaches(curve, 1_000_000_000_000), million);
    }
}
