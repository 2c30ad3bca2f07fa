//! Governed numbers within their bounds. Numbers that would make cheating pay are refused here, so
//! that the margin is a law of the ledger and not a promise of its documents.
//!
//! An audit finds a wrong task with `q = p(1-fa)(1-b) / (1-bp)`, where `p` is the audit rate, `fa`
//! the share of auditors and `b` the share of block leaders in the ring, both taken as a third.
//! Cheating must cost at least twice what it brings: `margin = q * slash * 0.8 / (1-q) >= 2`, of
//! which a slash counts for 80 % because a ring may win a part of it back as finder.

use protocol::genesis::Params;
use protocol::job::Class;
use protocol::units::Millis;
use thiserror::Error;

/// Deadlines applied in one block, counted in bundles; the rest waits for the next block.
pub const DUE_PER_BLOCK_MAX: u32 = 256;
/// `Start` is accepted from so many blocks after the submission on: the draw's seed takes in the
/// hash of the block before that one, which nobody knows when the job is submitted.
pub const START_BLOCKS: u64 = 3;
/// The fewest copies of a bundle: with one there is nothing to compare.
pub const COPIES_MIN: u8 = 2;
/// A drawn peer has at most so long to seal.
pub const SEAL_WINDOW_MAX: Millis = Millis::new(7 * 24 * 3_600_000);
/// A standing offer has a weight of at most so many slots.
pub const SLOTS_MAX: u16 = 1_024;
/// Credits ever minted and not burned, in micro-credits, so that products fit 128 bits.
pub const SUPPLY_MAX: u64 = 1 << 50;
/// Tasks of a dispute that a panel runs, for which a submitter leaves a deposit.
pub const PANEL_TASKS: u64 = 8;
/// Unbondings of one peer that may wait at the same time.
pub const UNBONDINGS_MAX: usize = 16;

/// Ten-thousandths in one.
const ONE: u128 = 10_000;
/// The share of auditors, and of block leaders, that a ring is thought to hold.
const RING: u128 = 3_333;
/// The share of a slash that a ring really loses.
const REAL_LOSS: u128 = 8_000;
/// The least margin: twice.
pub const MARGIN_MIN: u64 = 20_000;
/// The largest slash, in task prices.
const SLASH_MULT_MAX: u16 = 512;
/// The largest share of a slash that goes to its finder.
const FINDER_MAX: u32 = 2_000;

/// A governed number is out of its bounds.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ParamsRefused {
    /// A ratio is above one.
    #[error("{0} is more than 10 000 ten-thousandths")]
    RatioAboveOne(&'static str),
    /// The parts of a slash are not the slash.
    #[error("the shares of a slash add up to {sum} ten-thousandths, not to 10 000")]
    SlashSplit {
        /// What they add up to.
        sum: u32,
    },
    /// Finding cheats would pay more than cheating costs.
    #[error("a slash's finder gets at most {FINDER_MAX} ten-thousandths")]
    FinderShare,
    /// Too small or too large a multiple.
    #[error("class {class}: a lock is 1 to {SLASH_MULT_MAX} task prices")]
    SlashMult {
        /// The class's name.
        class: &'static str,
    },
    /// Cheating would pay.
    #[error(
        "class {class}: cheating costs only {margin} ten-thousandths of what it brings, where \
         {MARGIN_MIN} are needed: raise the audit rate or the slash multiple"
    )]
    CheatingPays {
        /// The class's name.
        class: &'static str,
        /// The margin these numbers give.
        margin: u64,
    },
    /// A window that closes before it opens.
    #[error("{0} is zero")]
    NoTime(&'static str),
    /// Credits would leave a bond before their peer can be judged.
    #[error("the unbond window is shorter than the dispute window")]
    UnbondTooShort,
    /// A fee so large that it cannot be added up.
    #[error("an entry's fee or the price of a byte is more than all credits there can be")]
    FeeTooLarge,
}

/// What cheating costs, in ten-thousandths of what it brings, with these numbers in the worst case.
/// `u64::MAX` if every outcome is checked.
pub fn margin(audit: u32, slash_mult: u16) -> u64 {
    let audit = u128::from(audit).min(ONE);
    let honest = ONE.saturating_sub(RING);
    let found = audit.saturating_mul(honest).saturating_mul(honest);
    let base = ONE.saturating_sub(RING.saturating_mul(audit) / ONE);
    let per = ONE.saturating_mul(base);
    let q = found.checked_div(per).unwrap_or(0).min(ONE);
    let lost = q
        .saturating_mul(slash_mult.into())
        .saturating_mul(REAL_LOSS);
    lost.checked_div(ONE.saturating_sub(q))
        .and_then(|margin| u64::try_from(margin).ok())
        .unwrap_or(u64::MAX)
}

/// Asks whether these numbers may govern a federation.
///
/// # Errors
/// The first number that may not.
pub fn check(params: &Params) -> Result<(), ParamsRefused> {
    let whole = |what, bps: u32| {
        if bps > 10_000 {
            Err(ParamsRefused::RatioAboveOne(what))
        } else {
            Ok(())
        }
    };
    whole("the burned share of fees", params.fee_burned.get())?;
    for share in params.slash_split.iter().chain(&params.audit) {
        whole("a share of a slash or an audit rate", share.get())?;
    }
    let sum = params.slash_split.iter().map(|share| share.get()).sum();
    if sum != 10_000 {
        return Err(ParamsRefused::SlashSplit { sum });
    }
    if params.slash_split[2].get() > FINDER_MAX {
        return Err(ParamsRefused::FinderShare);
    }
    for (class, (audit, mult)) in Class::ALL
        .iter()
        .zip(params.audit.iter().zip(params.slash_mult))
    {
        let class = class.name();
        if mult == 0 || mult > SLASH_MULT_MAX {
            return Err(ParamsRefused::SlashMult { class });
        }
        let margin = margin(audit.get(), mult);
        if margin < MARGIN_MIN {
            return Err(ParamsRefused::CheatingPays { class, margin });
        }
    }
    windows(params)?;
    if params.entry_fee.get() > SUPPLY_MAX || params.byte_fee.get() > SUPPLY_MAX {
        return Err(ParamsRefused::FeeTooLarge);
    }
    Ok(())
}

fn windows(params: &Params) -> Result<(), ParamsRefused> {
    for (what, window) in [
        ("the start window", params.start_window),
        ("the seal window", params.seal_window_min),
        ("the close window", params.close_window),
        ("the open window", params.open_window),
        ("the dispute window", params.dispute_window),
        ("the panel window", params.panel_window),
        ("the unbond window", params.unbond_window),
        ("an entry's life", params.entry_life_max),
    ] {
        if window == Millis::ZERO {
            return Err(ParamsRefused::NoTime(what));
        }
    }
    if params.unbond_window < params.dispute_window {
        return Err(ParamsRefused::UnbondTooShort);
    }
    Ok(())
}

/// What a drawn peer locks per bundle of a class, in task prices.
pub fn slash_mult(params: &Params, class: Class) -> u64 {
    let place = match class {
        Class::Grid => 0,
        Class::Edge => 1,
        Class::Cloud => 2,
        Class::Ai => 3,
    };
    params.slash_mult[place].into()
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn numbers_that_make_cheating_pay_are_refused() {
        let standard = Params::standard();
        assert_eq!(check(&standard), Ok(()));
        let refused = |change: fn(&mut Params)| {
            let mut params = Params::standard();
            change(&mut params);
            check(&params).expect_err("out of bounds")
        };
        assert_eq!(
            refused(|p| p.slash_mult[0] = 64),
            ParamsRefused::CheatingPays {
                class: "grid",
                margin: 11_785
            }
        );
        assert_eq!(
            refused(|p| p.slash_split[3] = Bps::ZERO),
            ParamsRefused::SlashSplit { sum: 9_000 }
        );
        assert_eq!(
            refused(|p| p.slash_split = [Bps::ZERO, Bps::ZERO, Bps::ONE, Bps::ZERO]),
            ParamsRefused::FinderShare
        );
        assert_eq!(
            refused(|p| p.open_window = Millis::ZERO),
            ParamsRefused::NoTime("the open window")
        );
        assert_eq!(
            refused(|p| p.slash_mult[3] = 0),
            ParamsRefused::SlashMult { class: "ai" }
        );
    }
}
