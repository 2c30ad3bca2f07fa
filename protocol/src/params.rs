//! The governed numbers, as one table: each has an id that never changes its meaning, a default,
//! bounds, and the largest change that one decision of the council may make.
//!
//! ```text
//! table.rs: one line per number ──▶ Params { audit: [Bps; 4], .. }   typed, for the rules
//!                               └─▶ PARAMS: &[ParamSpec]            by id, for the council
//! ```
//!
//! To add a number, add a line (or a field with its lines) to `params/table.rs` with an id that was
//! never used, and bless the golden files. Conditions that hold between numbers, such as the margin
//! of cheating, are `rules::params::check`'s.

use crate::units::{Bps, Credits, Millis};

mod table;

pub use table::{PARAMS, Params};

/// One decision of the council changes a number by at most so much of what it was, in
/// ten-thousandths.
pub const STEP_BPS: u32 = 2_500;
/// A decision may always change a number by this part of its default, so that zero is no trap.
const LEAST_STEP: u64 = 100;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// Ten-thousandths.
    Ratio,
    /// Micro-credits.
    Money,
    /// Milliseconds.
    Span,
    /// Epochs.
    Epochs,
    /// Just how many.
    Count,
}

impl Unit {
    /// It, in words that follow a number.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Ratio => "bps",
            Self::Money => "µcr",
            Self::Span => "ms",
            Self::Epochs => "epochs",
            Self::Count => "",
        }
    }
}

/// What is known of a governed number, whatever its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamSpec {
    /// Its number; frozen.
    pub id: u16,
    /// Its name, as people write it.
    pub name: &'static str,
    /// What it is for.
    pub what: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// What it is unless a genesis says otherwise.
    pub default: u64,
    /// The least it may be.
    pub min: u64,
    /// The most it may be.
    pub max: u64,
    /// The largest change of one decision, in ten-thousandths of what it was.
    pub step_bps: u32,
}

impl ParamSpec {
    /// The spec of a number.
    pub fn of(id: u16) -> Option<&'static Self> {
        let place = PARAMS.binary_search_by_key(&id, |spec| spec.id).ok()?;
        PARAMS.get(place)
    }

    /// The spec of a number by its name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PARAMS.iter().find(|spec| spec.name == name)
    }

    /// By how much one decision may change it from what it is.
    pub fn step_from(&self, now: u64) -> u64 {
        let share = u128::from(now) * u128::from(self.step_bps) / 10_000;
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        share.max(self.default / LEAST_STEP).max(1)
    }

    /// Whether one decision may change it so.
    pub fn may_step(&self, from: u64, to: u64) -> bool {
        from.abs_diff(to) <= self.step_from(from)
    }
}

/// Shares of an epoch's issuance, by their place in [`Params::epoch_split`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub enum Pool {
    /// Grants of members to those they serve.
    Demand = 0,
    /// Peers that stood ready.
    Availability = 1,
    /// Members that voted and audited.
    Members = 2,
    /// Peers that worked.
    Supply = 3,
    /// The federation.
    Treasury = 4,
}

/// One kind of number among the governed ones.
trait Number: Copy {
    fn from_u64(number: u64) -> Option<Self>;
    fn to_u64(self) -> u64;
}

/// A field of [`Params`]: one number, or one per class.
trait Field: Sized {
    fn standard(defaults: &[u64]) -> Self;
    fn at(&self, place: usize) -> Option<u64>;
    fn put(&mut self, place: usize, number: u64) -> bool;
}

macro_rules! number {
    ($($kind:ty: $to:expr, $from:expr;)+) => {$(
        impl Number for $kind {
            fn from_u64(number: u64) -> Option<Self> {
                let from: fn(u64) -> Option<Self> = $from;
                from(number)
            }

            fn to_u64(self) -> u64 {
                let to: fn(Self) -> u64 = $to;
                to(self)
            }
        }
    )+};
}

number! {
    u8: u64::from, |n| Self::try_from(n).ok();
    u16: u64::from, |n| Self::try_from(n).ok();
    u32: u64::from, |n| Self::try_from(n).ok();
    u64: |n| n, Some;
    Credits: Self::get, |n| Some(Self::new(n));
    Millis: Self::get, |n| Some(Self::new(n));
    Bps: |bps| bps.get().into(), |n| u32::try_from(n).ok().map(Self::new);
}

impl<N: Number> Field for N {
    fn standard(defaults: &[u64]) -> Self {
        let default = defaults.first().copied().and_then(Self::from_u64);
        default.expect("a default is a number of its field")
    }

    fn at(&self, place: usize) -> Option<u64> {
        (place == 0).then(|| self.to_u64())
    }

    fn put(&mut self, _: usize, number: u64) -> bool {
        Self::from_u64(number)
            .map(|number| *self = number)
            .is_some()
    }
}

impl<N: Number, const LEN: usize> Field for [N; LEN] {
    fn standard(defaults: &[u64]) -> Self {
        std::array::from_fn(|place| N::standard(&defaults[place..]))
    }

    fn at(&self, place: usize) -> Option<u64> {
        self.get(place).map(|number| number.to_u64())
    }

    fn put(&mut self, place: usize, number: u64) -> bool {
        let slot = self.get_mut(place).zip(N::from_u64(number));
        slot.map(|(slot, number)| *slot = number).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_names_differ_and_every_default_is_within_its_bounds() {
        let standard = Params::standard();
        for pair in PARAMS.windows(2) {
            assert!(
                pair[0].id < pair[1].id,
                "{} before {}",
                pair[0].name,
                pair[1].name
            );
        }
        for spec in PARAMS {
            assert!(
                (spec.min..=spec.max).contains(&spec.default),
                "{}",
                spec.name
            );
            assert_eq!(standard.get(spec.id), Some(spec.default), "{}", spec.name);
            assert_eq!(ParamSpec::named(spec.name), Some(spec));
            assert_eq!(ParamSpec::of(spec.id), Some(spec));
            assert!(!spec.what.is_empty());
        }
        assert_eq!((standard.get(0), ParamSpec::of(0)), (None, None));
    }

    #[test]
    fn a_number_is_set_by_its_id_and_every_bound_fits_its_field() {
        for spec in PARAMS {
            for bound in [spec.min, spec.max] {
                let mut params = Params::standard();
                assert!(params.set(spec.id, bound), "{}", spec.name);
                assert_eq!(params.get(spec.id), Some(bound), "{}", spec.name);
                let others = PARAMS.iter().filter(|other| other.id != spec.id);
                assert!(
                    others
                        .clone()
                        .all(|other| params.get(other.id) == Some(other.default))
                );
            }
        }
        let mut params = Params::standard();
        assert!(!params.set(0, 1));
        assert_eq!(params, Params::standard());
        assert!(params.set(2, 3_000));
        assert_eq!(params.audit[1], Bps::new(3_000));
    }

    #[test]
    fn a_quarter_is_the_largest_step_and_zero_is_no_trap() {
        let spec = ParamSpec::named("audit.edge").expect("a class has an audit rate");
        assert!(spec.may_step(2_500, 3_125));
        assert!(!spec.may_step(2_500, 3_126));
        assert!(spec.may_step(2_500, 1_875));
        assert!(spec.may_step(0, 25));
        assert!(!spec.may_step(0, 26));
        assert_eq!(
            ParamSpec {
                max: u64::MAX,
                ..*spec
            }
            .step_from(u64::MAX),
            u64::MAX / 4
        );
    }
}
