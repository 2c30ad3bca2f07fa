//! Governed numbers as people write and read them: `5 %`, `0.01 cr`, `10m`, `3 epochs`, `128`.

use std::time::Duration;

use protocol::params::Unit;
use protocol::units::{Credits, Millis};

use crate::cli::parse;

/// A number of this unit, for people.
pub fn of_param(unit: Unit, value: u64) -> String {
    match unit {
        Unit::Ratio => percent(value),
        Unit::Money => Credits::new(value).to_string(),
        Unit::Span => span(Millis::new(value)),
        Unit::Epochs => format!("{value} epochs"),
        Unit::Count => value.to_string(),
    }
}

/// Ten-thousandths as per cent, exactly: `12.5 %`.
pub fn percent(bps: u64) -> String {
    let (whole, rest) = (bps / 100, bps % 100);
    match rest {
        0 => format!("{whole} %"),
        rest if rest % 10 == 0 => format!("{whole}.{} %", rest / 10),
        rest => format!("{whole}.{rest:02} %"),
    }
}

/// Ten-thousandths as a multiple, rounded to hundredths: `2.14 x`.
pub fn multiple(bps: u64) -> String {
    let hundredths = bps.saturating_add(50) / 100;
    format!("{}.{:02} x", hundredths / 100, hundredths % 100)
}

/// A length of time: `1h 30m`.
pub fn span(span: Millis) -> String {
    humantime::format_duration(Duration::from_millis(span.get())).to_string()
}

/// Reads what [`of_param`] writes; with `bps`, `ucr` or `ms` also what the ledger keeps. A unit is
/// asked for wherever there is one, so that nobody means credits and says micro-credits.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read_param(unit: Unit, text: &str) -> Result<u64, String> {
    let text = text.trim();
    let whole = |digits: &str, looks: &str| digits.trim().parse().map_err(|_| looks.to_owned());
    match unit {
        Unit::Ratio => match text.strip_suffix("bps") {
            Some(digits) => whole(digits, RATIO_LOOKS),
            None => read_percent(text).ok_or_else(|| RATIO_LOOKS.to_owned()),
        },
        Unit::Money => match (text.strip_suffix("ucr"), text.strip_suffix("cr")) {
            (Some(digits), _) => whole(digits, MONEY_LOOKS),
            (None, Some(digits)) => parse::credits(digits.trim()).map(Credits::get),
            (None, None) => Err(MONEY_LOOKS.to_owned()),
        },
        Unit::Span if text.bytes().all(|digit| digit.is_ascii_digit()) => {
            Err("write a time with its unit, such as 500ms, 90s or 1h".to_owned())
        }
        Unit::Span => parse::millis(text).map(Millis::get),
        Unit::Epochs => {
            let digits = text.strip_suffix("epochs").unwrap_or(text);
            whole(digits, "write how many epochs, such as 24")
        }
        Unit::Count => whole(text, "write a whole number"),
    }
}

const RATIO_LOOKS: &str = "write a share with its unit, such as 12.5% or 1250bps";
const MONEY_LOOKS: &str = "write an amount with its unit, such as 0.5cr or 500000ucr";

/// `12.5%` or `12.5 %` as ten-thousandths.
fn read_percent(text: &str) -> Option<u64> {
    let number = text.strip_suffix('%')?.trim();
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if part.len() > 2 || !part.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part: u64 = format!("{part:0<2}").parse().ok()?;
    whole.checked_mul(100)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_back() {
        for (unit, value, shown) in [
            (Unit::Ratio, 500, "5 %"),
            (Unit::Ratio, 1_250, "12.5 %"),
            (Unit::Ratio, 3_334, "33.34 %"),
            (Unit::Ratio, 3_304, "33.04 %"),
            (Unit::Money, 10_000, "0.01 cr"),
            (Unit::Span, 5_400_000, "1h 30m"),
            (Unit::Epochs, 24, "24 epochs"),
            (Unit::Count, 128, "128"),
        ] {
            assert_eq!(of_param(unit, value), shown);
            assert_eq!(read_param(unit, shown), Ok(value), "{shown}");
            let raw = format!("{value}{}", unit.words().replace('µ', "u"));
            assert_eq!(read_param(unit, &raw), Ok(value), "{raw}");
        }
        assert_eq!(multiple(21_399), "2.14 x");
        assert_eq!(multiple(19_999), "2.00 x");
    }

    #[test]
    fn what_has_no_unit_or_makes_no_sense_is_refused() {
        for (unit, text) in [
            (Unit::Ratio, "5"),
            (Unit::Ratio, "5.123%"),
            (Unit::Ratio, "x%"),
            (Unit::Ratio, "1.-1%"),
            (Unit::Ratio, "99999999999999999999%"),
            (Unit::Money, "30"),
            (Unit::Money, "cr"),
            (Unit::Count, "many"),
            (Unit::Epochs, "an hour"),
            (Unit::Span, "90"),
            (Unit::Span, "-1s"),
        ] {
            assert!(read_param(unit, text).is_err(), "{text}");
        }
    }
}
