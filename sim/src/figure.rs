//! Figures of reports, in thousandths: the simulator counts in integers like the rules do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de::Error};

/// A measured number with three decimals, or more than can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Figure(i128);

impl Figure {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Without bound, as a ratio to nothing is.
    pub const ENDLESS: Self = Self(i128::MAX);

    /// A whole number.
    pub fn whole(number: impl Into<i128>) -> Self {
        Self(number.into().saturating_mul(1_000))
    }

    /// So many thousandths.
    pub const fn milli(thousandths: i128) -> Self {
        Self(thousandths)
    }

    /// How many thousandths.
    pub const fn in_milli(self) -> i128 {
        self.0
    }

    /// `part` for each of `of`, rounded to nearest; endless where `of` is nothing and `part` is
    /// not, and nothing where both are.
    pub fn ratio(part: i128, of: i128) -> Self {
        match (part, of) {
            (0, 0) => Self::ZERO,
            (part, 0) if part > 0 => Self::ENDLESS,
            (_, 0) => Self(i128::MIN),
            (part, of) => Self((part * 1_000 + of / 2).div_euclid(of)),
        }
    }

    /// Whether it is a number at all.
    pub const fn is_endless(self) -> bool {
        self.0 == i128::MAX || self.0 == i128::MIN
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_endless() {
            return f.write_str(if self.0 > 0 { "inf" } else { "-inf" });
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.unsigned_abs() / 1_000, self.0.unsigned_abs() % 1_000);
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let part = format!("{part:03}");
        write!(f, "{sign}{whole}.{}", part.trim_end_matches('0'))
    }
}

/// The text is no figure.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no figure: digits, and at most three after the point")]
pub struct NoFigure(String);

impl FromStr for Figure {
    type Err = NoFigure;

    fn from_str(text: &str) -> Result<Self, NoFigure> {
        let no = || NoFigure(text.chars().take(40).collect());
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(part) || part.len() > 3 || whole.len() > 18 {
            return Err(no());
        }
        let whole: i128 = whole.parse().map_err(|_| no())?;
        let part: i128 = format!("{part:0<3}").parse().map_err(|_| no())?;
        let all = whole * 1_000 + part;
        Ok(Self(if negative { -all } else { all }))
    }
}

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_read_as_it_is_shown() {
        for (text, milli) in [
            ("2", 2_000),
            ("0.05", 50),
            ("-1.5", -1_500),
            ("2.463", 2_463),
        ] {
            assert_eq!(text.parse(), Ok(Figure::milli(milli)));
            assert_eq!(Figure::milli(milli).to_string(), text);
        }
        for text in ["", ".", "1.", "1.2345", "1e3", "two", "--1"] {
            assert!(text.parse::<Figure>().is_err(), "{text}");
        }
        assert_eq!(Figure::ratio(1, 0), Figure::ENDLESS);
        assert_eq!(Figure::ratio(1, 3).to_string(), "0.333");
    }
}
