//! How people write amounts: `0-9:2`, `64MiB`, `90s`, `1.5cr`, `10G`, `NAME=PATH`.

mod terms;

use std::time::Duration;

use protocol::job::{Array, TASKS_MAX};
use protocol::units::{Bps, Bytes, Credits, Fuel, MICRO_PER_CREDIT, Millis};

pub use terms::{class, classes, emergency, fault, place, scope};

/// Array indexes: `0-9`, `0-99:10`, or one number.
///
/// # Errors
/// What is wrong with it, in words.
pub fn array(text: &str) -> Result<Array, String> {
    const LOOKS: &str = "an array looks like 0-9, or 0-99:10 for every tenth";
    if text.contains('%') {
        return Err("how many tasks run at once is up to the peers; leave out `%`".to_owned());
    }
    let (range, step) = text.split_once(':').unwrap_or((text, "1"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let number = |digits: &str| digits.parse::<u64>().map_err(|_| LOOKS.to_owned());
    let (first, last, step) = (number(first)?, number(last)?, number(step)?);
    if step == 0 || last < first {
        return Err(LOOKS.to_owned());
    }
    let tasks = ((last - first) / step).checked_add(1);
    let count = tasks.and_then(|tasks| u32::try_from(tasks).ok());
    match count.filter(|count| *count <= TASKS_MAX) {
        Some(count) => Ok(Array { first, step, count }),
        None => Err(format!("an array has at most {TASKS_MAX} tasks")),
    }
}

/// Data: `1000`, `64MiB`, `64M` (binary), `2GB` (decimal).
///
/// # Errors
/// What is wrong with it, in words.
pub fn size(text: &str) -> Result<Bytes, String> {
    let (digits, unit) = number_and_unit(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err("a size looks like 1000, 64KiB, 64MiB or 2GiB".to_owned()),
    };
    scaled(digits, factor)
        .map(Bytes::new)
        .ok_or_else(|| "a size looks like 1000, 64KiB, 64MiB or 2GiB".to_owned())
}

/// Fuel: `1000000`, `500M`, `10G`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn fuel(text: &str) -> Result<Fuel, String> {
    let (digits, unit) = number_and_unit(text);
    let factor: Option<u64> = match unit.to_ascii_lowercase().as_str() {
        "" => Some(1),
        "k" => Some(1_000),
        "m" => Some(1_000_000),
        "g" | "gfuel" => Some(1_000_000_000),
        "t" => Some(1_000_000_000_000),
        _ => None,
    };
    factor
        .and_then(|factor| scaled(digits, factor))
        .map(Fuel::new)
        .ok_or_else(|| "fuel looks like 1000000, 500M or 10G".to_owned())
}

/// Credits: `30`, `1.5`, `1.5cr`, at most six decimals.
///
/// # Errors
/// What is wrong with it, in words.
pub fn credits(text: &str) -> Result<Credits, String> {
    let (digits, unit) = number_and_unit(text);
    let known = matches!(unit.to_ascii_lowercase().as_str(), "" | "cr" | "cu");
    Some(digits)
        .filter(|_| known)
        .and_then(|digits| scaled(digits, MICRO_PER_CREDIT))
        .map(Credits::new)
        .ok_or_else(|| "credits look like 30, 1.5 or 0.000001".to_owned())
}

/// Time: `90s`, `2m`, `1h 30m`, or seconds alone.
///
/// # Errors
/// What is wrong with it, in words.
pub fn millis(text: &str) -> Result<Millis, String> {
    let span = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(text)
            .map_err(|_| "a time looks like 500ms, 90s, 2m or 1h".to_owned())?,
    };
    let ms = u64::try_from(span.as_millis()).map_err(|_| "that is too long".to_owned())?;
    Ok(Millis::new(ms))
}

/// A share: `0` to `1`, at most four decimals.
///
/// # Errors
/// What is wrong with it, in words.
pub fn share(text: &str) -> Result<Bps, String> {
    let whole = u64::from(Bps::ONE.get());
    let parts = scaled(text, whole).filter(|parts| *parts <= whole);
    parts
        .and_then(|parts| u32::try_from(parts).ok())
        .map(Bps::new)
        .ok_or_else(|| "a share is between 0 and 1, such as 0.2".to_owned())
}

/// `NAME=VALUE`, with a name.
///
/// # Errors
/// What is wrong with it, in words.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it looks like NAME=VALUE".to_owned()),
    }
}

fn number_and_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|letter: char| letter.is_ascii_alphabetic());
    let (digits, unit) = text.split_at(end.unwrap_or(text.len()));
    (digits.trim_end(), unit)
}

/// A decimal number times `factor`; `None` if it is none, does not come out even, or is too large.
fn scaled(text: &str, factor: u64) -> Option<u64> {
    let text = text.replace('_', "");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    if whole.is_empty()
        || !whole
            .bytes()
            .chain(part.bytes())
            .all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let places = u32::try_from(part.trim_end_matches('0').len()).ok()?;
    let part: u128 = match part.trim_end_matches('0') {
        "" => 0,
        digits => digits.parse().ok()?,
    };
    let ten_to = 10_u128.checked_pow(places)?;
    let part = part.checked_mul(factor.into())?;
    if !part.is_multiple_of(ten_to) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    whole
        .checked_mul(factor)?
        .checked_add(u64::try_from(part / ten_to).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays() {
        let array_of = |first, step, count| Ok(Array { first, step, count });
        assert_eq!(array("0-9"), array_of(0, 1, 10));
        assert_eq!(array("5"), array_of(5, 1, 1));
        assert_eq!(array("0-99:10"), array_of(0, 10, 10));
        assert_eq!(array("3-9:4"), array_of(3, 4, 2));
        for bad in [
            "",
            "-",
            "9-0",
            "0-9:0",
            "a-b",
            "0-9%2",
            "0-1000000",
            "0-18446744073709551615",
        ] {
            assert!(array(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn amounts() {
        assert_eq!(size("64MiB"), Ok(Bytes::new(64 << 20)));
        assert_eq!(size("1.5K"), Ok(Bytes::new(1_536)));
        assert_eq!(size("2 GB"), Ok(Bytes::new(2_000_000_000)));
        assert_eq!(fuel("10G"), Ok(Fuel::new(10_000_000_000)));
        assert_eq!(fuel("1_000"), Ok(Fuel::new(1_000)));
        assert_eq!(credits("1.5"), Ok(Credits::new(1_500_000)));
        assert_eq!(credits("0.000001cr"), Ok(Credits::new(1)));
        assert_eq!(credits("30 CU"), Ok(Credits::new(30_000_000)));
        assert_eq!(millis("90s"), Ok(Millis::new(90_000)));
        assert_eq!(millis("90"), Ok(Millis::new(90_000)));
        assert_eq!(share("0.2"), Ok(Bps::new(2_000)));
        assert_eq!(share("1"), Ok(Bps::ONE));
        for bad in [
            "",
            "x",
            "-1",
            "1.0000001",
            "99999999999999999999",
            "1e9",
            ".5",
            "1.2.3",
        ] {
            assert!(credits(bad).is_err(), "{bad}");
        }
        assert!(share("1.1").is_err() && size("1 furlong").is_err() && fuel("0.5").is_err());
        assert!(size("99999999999G").is_err() && millis("soon").is_err());
    }

    #[test]
    fn pairs() {
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(pair("a="), Ok(("a".to_owned(), String::new())));
        assert!(pair("a").is_err() && pair("=b").is_err());
    }
}
