//! Governed numbers within their bounds. Numbers that would make cheating pay are refused here, so
//! that the margin is a law of the ledger and not a promise of its documents.
//!
//! ```text
//! protocol::params   the table: id, name, unit, default, bounds, largest step
//! params::check      bounds, and what must hold between numbers (a genesis, or after a change)
//! params::change     what one decision of the council may make of them
//! params::class      the four presets, read off the numbers
//! ```
//!
//! An audit finds a wrong task with `q = p(1-fa)(1-b) / (1-bp)`, where `p` is the audit rate, `fa`
//! the share of auditors and `b` the share of block leaders in the ring, both taken as a third.
//! Cheating must cost at least twice what it brings: `margin = q * slash * 0.8 / (1-q) >= 2`, of
//! which a slash counts for 80 % because a ring may win a part of it back as finder.

use protocol::genesis::Params;
use protocol::job::Class;
use protocol::params::{PARAMS, ParamSpec};
use protocol::units::{Credits, Millis};
use thiserror::Error;

use crate::people::tier;

mod change;
mod class;

pub use change::change;
pub use class::{Cadence, ClassSpec, Curve, WorkUnit, class, place, slash_mult, window};

/// Deadlines applied in one block, counted in bundles; the rest waits for the next block.
pub const DUE_PER_BLOCK_MAX: u32 = 256;
/// `Start` is accepted from so many blocks after the submission on: the draw's seed takes in the
/// hash of the block before that one, which nobody knows when the job is submitted.
pub const START_BLOCKS: u64 = 3;
/// A drawn peer has at most so long to seal.
pub const SEAL_WINDOW_MAX: Millis = Millis::new(7 * 24 * 3_600_000);
/// A standing offer has a weight of at most so many slots.
pub const SLOTS_MAX: u16 = 1_024;
/// Credits ever minted and not burned, in micro-credits, so that products fit 128 bits.
pub const SUPPLY_MAX: u64 = 1 << 50;
/// Unbondings of one peer that may wait at the same time.
pub const UNBONDINGS_MAX: usize = 16;
/// In a devnet an epoch is at least so long.
pub const DEVNET_EPOCH_MIN: Millis = Millis::new(1_000);
/// A year of 365 days, over which an inflation cap is spread.
pub const YEAR: Millis = Millis::new(8_760 * 3_600_000);

/// Ten-thousandths in one.
const ONE: u128 = 10_000;
/// The share of auditors, and of block leaders, that a ring is thought to hold.
const RING: u128 = 3_333;
/// The share of a slash that a ring really loses.
const REAL_LOSS: u128 = 8_000;
/// The least margin: twice.
pub const MARGIN_MIN: u64 = 20_000;
/// A bond must be slashable so many times longer than a cheat can stay undiscovered.
const UNBOND_FACTOR: u64 = 10;

/// Governed numbers are out of their bounds, or would make cheating pay.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ParamsRefused {
    /// There is no such number.
    #[error("there is no governed number {id}")]
    Unknown {
        /// Its id.
        id: u16,
    },
    /// A number is out of its bounds.
    #[error("{name} is {value}: it must be {min} to {max}")]
    OutOfBounds {
        /// Its name.
        name: &'static str,
        /// What it would be.
        value: u64,
        /// The least it may be.
        min: u64,
        /// The most it may be.
        max: u64,
    },
    /// One decision would change a number too much.
    #[error("{name} is {from}, and one decision changes it by at most {step}, not to {to}")]
    StepTooLarge {
        /// Its name.
        name: &'static str,
        /// What it is.
        from: u64,
        /// What it would be.
        to: u64,
        /// By how much it may change.
        step: u64,
    },
    /// The parts of a whole are not the whole.
    #[error("the shares of {what} add up to {sum} ten-thousandths, not to 10 000")]
    Shares {
        /// Of what.
        what: &'static str,
        /// What they add up to.
        sum: u64,
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
    /// Two numbers stand the wrong way round.
    #[error("{low} is more than {high}")]
    Order {
        /// The name of the one that must not be more.
        low: &'static str,
        /// The name of the other.
        high: &'static str,
    },
    /// Credits would leave a bond before their peer can be judged.
    #[error("the unbond window is {window} ms, and must be 10 times audit and dispute: {least} ms")]
    UnbondTooShort {
        /// What it is.
        window: u64,
        /// What it must be at least.
        least: u64,
    },
    /// Buying one's own work would earn more than it costs.
    #[error("the subsidy of work must be at most half of what is burned for it")]
    WashingPays,
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
/// The first number, or the first condition between numbers, that does not hold.
pub fn check(params: &Params) -> Result<(), ParamsRefused> {
    check_for(params, false)
}

/// Asks the same of a devnet, where an epoch may be as short as [`DEVNET_EPOCH_MIN`], so that
/// people can look on while the council decides.
///
/// # Errors
/// The first number, or the first condition between numbers, that does not hold.
pub fn check_for(params: &Params, devnet: bool) -> Result<(), ParamsRefused> {
    let mut asked = params.clone();
    if devnet && params.epoch >= DEVNET_EPOCH_MIN {
        asked.epoch = Params::standard().epoch.max(params.epoch);
    }
    check_all(&asked)
}

fn check_all(params: &Params) -> Result<(), ParamsRefused> {
    PARAMS.iter().try_for_each(|spec| bounded(params, spec))?;
    shares("a slash", &params.slash_split)?;
    shares("an epoch", &params.epoch_split)?;
    for class in Class::ALL {
        let place = place(class);
        let margin = margin(params.audit[place].get(), params.slash_mult[place]);
        if margin < MARGIN_MIN {
            let class = class.name();
            return Err(ParamsRefused::CheatingPays { class, margin });
        }
    }
    unbonding(params)?;
    for (low, high, holds) in [
        (
            "work_fee_burned",
            "work_fee",
            params.work_fee_burned <= params.work_fee,
        ),
        (
            "curve_until.full",
            "curve_until.half",
            params.curve_until[0] <= params.curve_until[1],
        ),
        (
            "reward_cap_sponsor",
            "reward_cap_peer",
            params.reward_cap_sponsor <= params.reward_cap_peer,
        ),
        (
            "copies_trusted",
            "copies_normal",
            params.copies_trusted <= params.copies_normal,
        ),
        (
            "copies_normal",
            "copies_probation",
            params.copies_normal <= params.copies_probation,
        ),
        (
            "normal_score",
            "trusted_score",
            params.normal_score <= params.trusted_score,
        ),
        (
            "quorum_member",
            "quorum_reversal",
            params.quorum_member <= params.quorum_reversal,
        ),
    ] {
        if !holds {
            return Err(ParamsRefused::Order { low, high });
        }
    }
    Ok(())
}

fn bounded(params: &Params, spec: &ParamSpec) -> Result<(), ParamsRefused> {
    let value = params.get(spec.id).expect("the table lists what there is");
    if (spec.min..=spec.max).contains(&value) {
        return Ok(());
    }
    Err(ParamsRefused::OutOfBounds {
        name: spec.name,
        value,
        min: spec.min,
        max: spec.max,
    })
}

fn shares(what: &'static str, shares: &[protocol::units::Bps]) -> Result<(), ParamsRefused> {
    let sum = shares
        .iter()
        .fold(0, |sum: u64, share| sum.saturating_add(share.get().into()));
    if u128::from(sum) == ONE {
        Ok(())
    } else {
        Err(ParamsRefused::Shares { what, sum })
    }
}

fn unbonding(params: &Params) -> Result<(), ParamsRefused> {
    let hidden = params
        .audit_window
        .plus(params.dispute_window)
        .unwrap_or(Millis::MAX);
    let least = hidden.times(UNBOND_FACTOR).unwrap_or(Millis::MAX).get();
    let window = params.unbond_window.get();
    if window < least {
        return Err(ParamsRefused::UnbondTooShort { window, least });
    }
    Ok(())
}

/// The most that work may be subsidised with in an epoch in which so much was burned for it: a half
/// at most, so that buying one's own work never pays.
pub fn subsidy_max(params: &Params, burned: Credits) -> Credits {
    let subsidy = burned.share(params.subsidy_max);
    assert!(
        subsidy.get() <= burned.get() / 2,
        "the share of burned fees that may be given back is bounded by a half"
    );
    subsidy
}

/// The most copies of a bundle that the tiers of drawn peers ask for.
pub fn copies_asked(params: &Params) -> u8 {
    tier::copies_max(params, 1)
}

#[cfg(test)]
mod tests;
