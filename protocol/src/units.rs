//! Amounts nobody can mix up. None of them can be made from another by accident, and none wraps.

use std::fmt;
use std::num::NonZeroU64;
use std::ops::{Add, AddAssign};

use borsh::{BorshDeserialize, BorshSerialize};

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone,
            Copy,
            Debug,
            Default,
            PartialEq,
            Eq,
            PartialOrd,
            Ord,
            Hash,
            BorshSerialize,
            BorshDeserialize,
        )]
        pub struct $name(u64);

        impl $name {
            /// None of it.
            pub const ZERO: Self = Self(0);
            /// The most that can be written.
            pub const MAX: Self = Self(u64::MAX);

            /// So much of it.
            pub const fn new(amount: u64) -> Self {
                Self(amount)
            }

            /// The bare number, for arithmetic at the edge and for people.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// Both together, or `None` if that cannot be written.
            pub const fn plus(self, more: Self) -> Option<Self> {
                match self.0.checked_add(more.0) {
                    Some(sum) => Some(Self(sum)),
                    None => None,
                }
            }

            /// What is left, or `None` if there is not enough.
            pub const fn minus(self, less: Self) -> Option<Self> {
                match self.0.checked_sub(less.0) {
                    Some(rest) => Some(Self(rest)),
                    None => None,
                }
            }

            /// So many times as much, or `None` if that cannot be written.
            pub const fn times(self, factor: u64) -> Option<Self> {
                match self.0.checked_mul(factor) {
                    Some(product) => Some(Self(product)),
                    None => None,
                }
            }
        }
    };
}

unit!(
    /// The ledger's money, in micro-credits: 1 credit is 1 000 000 of them.
    Credits
);
unit!(
    /// A span of time, in milliseconds.
    Millis
);
unit!(
    /// Work as a machine-independent count of executed operators (wasmtime's default weights).
    Fuel
);
unit!(
    /// An amount of data.
    Bytes
);

/// Micro-credits in one credit.
pub const MICRO_PER_CREDIT: u64 = 1_000_000;

/// One Gfuel, the amount of work that a price is named for.
pub const GFUEL: Fuel = Fuel::new(1_000_000_000);

/// `a * b / c` rounded down, or `None` if the result cannot be written.
pub fn mul_div_floor(a: u64, b: u64, c: NonZeroU64) -> Option<u64> {
    u64::try_from(u128::from(a) * u128::from(b) / u128::from(c.get())).ok()
}

/// `a * b / c` rounded up, or `None` if the result cannot be written.
pub fn mul_div_ceil(a: u64, b: u64, c: NonZeroU64) -> Option<u64> {
    u64::try_from((u128::from(a) * u128::from(b)).div_ceil(u128::from(c.get()))).ok()
}

impl Credits {
    /// An equal share for each of `heads`, and the remainder that no one may lose.
    pub const fn split(self, heads: NonZeroU64) -> (Self, Self) {
        (Self(self.0 / heads.get()), Self(self.0 % heads.get()))
    }

    /// This share of it, rounded down: rounding is against the claimant.
    pub fn share(self, share: Bps) -> Self {
        let bps = share.0.min(Bps::ONE.0);
        let part = u128::from(self.0) * u128::from(bps) / u128::from(Bps::ONE.0);
        Self(u64::try_from(part).expect("a share of at most the whole fits where the whole did"))
    }

    /// The price of `fuel` at so much per Gfuel, rounded up; `None` if it cannot be written.
    pub fn for_fuel(per_gfuel: Self, fuel: Fuel) -> Option<Self> {
        let gfuel = NonZeroU64::new(GFUEL.get()).expect("a Gfuel is not nothing");
        mul_div_ceil(per_gfuel.get(), fuel.get(), gfuel).map(Self)
    }
}

impl fmt::Display for Credits {
    /// As credits, with the micro-credits that are there: `1.5 cr`, `0.000001 cr`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, micro) = (self.0 / MICRO_PER_CREDIT, self.0 % MICRO_PER_CREDIT);
        if micro == 0 {
            return write!(f, "{whole} cr");
        }
        let micro = format!("{micro:06}");
        write!(f, "{whole}.{} cr", micro.trim_end_matches('0'))
    }
}

/// A ratio in ten-thousandths, from 0 to 1.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct Bps(u32);

impl Bps {
    /// Nothing of it.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const ONE: Self = Self(10_000);

    /// So many ten-thousandths; more than all is all.
    pub const fn new(bps: u32) -> Self {
        if bps > Self::ONE.0 {
            Self::ONE
        } else {
            Self(bps)
        }
    }

    /// How many ten-thousandths: 0 to 10 000 when made by [`Bps::new`]. A decoded value may be
    /// larger until its owner's limits are checked.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A point in agreed time: milliseconds since 1970-01-01 UTC, taken from a block's header.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct Moment(u64);

impl Moment {
    /// So many milliseconds after 1970 began.
    pub const fn new(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970 began.
    pub const fn ms(self) -> u64 {
        self.0
    }

    /// So much later; the end of time where that cannot be written.
    pub const fn after(self, span: Millis) -> Self {
        Self(self.0.saturating_add(span.get()))
    }

    /// How long it has been since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Millis {
        Millis::new(self.0.saturating_sub(earlier.0))
    }
}

/// The number of an agreed block; genesis is 0, the first block 1.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct Height(u64);

impl Height {
    /// Genesis.
    pub const GENESIS: Self = Self(0);

    /// The block of this number.
    pub const fn new(height: u64) -> Self {
        Self(height)
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// So many blocks later.
    pub const fn after(self, blocks: u64) -> Self {
        Self(self.0.saturating_add(blocks))
    }
}

impl Add<Self> for Fuel {
    type Output = Self;

    /// Saturates: a count of work stops at the most that can be written.
    fn add(self, more: Self) -> Self {
        Self(self.0.saturating_add(more.0))
    }
}

impl AddAssign for Fuel {
    fn add_assign(&mut self, more: Self) {
        *self = *self + more;
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credit_is_lost_in_a_split_and_rounding_is_against_the_claimant() {
        let heads = NonZeroU64::new(3).expect("three is not zero");
        assert_eq!(
            Credits::new(10).split(heads),
            (Credits::new(3), Credits::new(1))
        );
        assert_eq!(Credits::new(99).share(Bps::new(5_000)), Credits::new(49));
        assert_eq!(Credits::MAX.share(Bps::ONE), Credits::MAX);
        assert_eq!(
            Credits::for_fuel(Credits::new(3), Fuel::new(1)),
            Some(Credits::new(1))
        );
        assert_eq!(Credits::for_fuel(Credits::MAX, Fuel::MAX), None);
    }

    #[test]
    fn credits_are_shown_as_people_write_them() {
        for (micro, shown) in [
            (0, "0 cr"),
            (1, "0.000001 cr"),
            (1_500_000, "1.5 cr"),
            (2_000_000, "2 cr"),
        ] {
            assert_eq!(Credits::new(micro).to_string(), shown);
        }
    }
}
