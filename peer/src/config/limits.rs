//! What an owner lets others have of a machine: `[work.limits]`.
//!
//! ```toml
//! [work.limits]
//! cpu = 50                              # hundredths of each slot's time
//! gpu = 50                              # hundredths of the adapter's time
//! memory = 4294967296                   # bytes, for all guests together
//! hours = ["mon-fri 18:00-08:00", "sat-sun 00:00-24:00"]
//! utc_offset = "+01:00"                 # whose hours these are
//! idle_minutes = 5                      # only when nobody has used it for so long
//! battery = true                        # also on battery
//! ```

use std::path::PathBuf;

use protocol::units::{Bytes, Millis};
use serde::{Deserialize, Serialize};
use steward::owner::{self, Span, WEEK};

/// So many spans of hours are read at most.
const SPANS_MAX: usize = 64;
const DAY: u16 = 24 * 60;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// What an owner allows. What is absent is not limited, but for batteries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How many hundredths of the time of its slots tasks run, 1 to 100.
    pub cpu: u8,
    /// How many hundredths of the time a graphics adapter works for them, 1 to 100.
    pub gpu: u8,
    /// The memory of all guests together, in bytes; what each may have times the slots, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// When work is taken, as `18:00-08:00`, `sat-sun 00:00-24:00`; always, if empty.
    pub hours: Vec<String>,
    /// By how much the clock of these hours is ahead of UTC, as `+01:00`.
    pub utc_offset: String,
    /// Work is taken only when nobody has used the machine for so many minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_minutes: Option<u16>,
    /// Whether work is taken on battery.
    pub battery: bool,
    /// Where this machine's `/proc`, `/sys` and `/dev` lie; in a container, where the host's do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<PathBuf>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu: 100,
            gpu: 100,
            memory: None,
            hours: Vec::new(),
            utc_offset: "+00:00".to_owned(),
            idle_minutes: None,
            battery: false,
            machine: None,
        }
    }
}

impl Limits {
    /// Whether nobody has said anything.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The memory of all guests together, where each may have so much in so many slots.
    pub fn together(&self, each: Bytes, slots: u16) -> Bytes {
        let all = each.get().saturating_mul(slots.max(1).into());
        Bytes::new(self.memory.map_or(all, |most| most.min(all)))
    }

    /// What is wrong with them, if anything, naming the key.
    pub fn trouble(&self) -> Option<String> {
        for (key, share) in [("cpu", self.cpu), ("gpu", self.gpu)] {
            if !(1..=100).contains(&share) {
                return Some(format!(
                    "`work.limits.{key}` is between 1 and 100, not {share}; `slots = 0` or no \
                     `[work]` at all lends nothing"
                ));
            }
        }
        if self.memory == Some(0) {
            return Some("`work.limits.memory` is at least one byte".to_owned());
        }
        if self.hours.len() > SPANS_MAX {
            return Some(format!(
                "`work.limits.hours` has at most {SPANS_MAX} entries"
            ));
        }
        let read = self.hours.iter().find_map(|hours| spans(hours).err());
        read.map(|why| format!("`work.limits.hours`: {why}"))
            .or_else(|| {
                let why = offset(&self.utc_offset).err()?;
                Some(format!("`work.limits.utc_offset`: {why}"))
            })
    }

    /// As they are decided by. What [`Limits::trouble`] finds is left out.
    pub fn owner(&self) -> owner::Limits {
        let spans = self.hours.iter().filter_map(|hours| spans(hours).ok());
        let idle = self
            .idle_minutes
            .map(|minutes| Millis::new(u64::from(minutes) * 60_000));
        owner::Limits {
            hours: spans.flatten().collect(),
            idle,
            battery: self.battery,
        }
    }

    /// By how many minutes the owner's clock is ahead of UTC.
    pub fn offset(&self) -> i64 {
        offset(&self.utc_offset).unwrap_or(0)
    }
}

/// A time of day in minutes, `24:00` included.
fn minutes(text: &str) -> Result<u16, String> {
    let wrong = || format!("`{text}` is not a time like 18:00");
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    let digits = |text: &str| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (digits(hours), digits(minutes));
    let (hours, minutes) = hours.zip(minutes).ok_or_else(wrong)?;
    let all = hours * 60 + minutes;
    match minutes < 60 && all <= DAY {
        true => Ok(all),
        false => Err(wrong()),
    }
}

fn offset(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is not an offset like +01:00, at most 14 hours");
    let (sign, rest) = match text.as_bytes() {
        [b'+', ..] => (1, &text[1..]),
        [b'-', ..] => (-1, &text[1..]),
        _ => return Err(wrong()),
    };
    let minutes = minutes(rest).map_err(|_| wrong())?;
    match minutes <= 14 * 60 {
        true => Ok(sign * i64::from(minutes)),
        false => Err(wrong()),
    }
}

fn day(text: &str) -> Result<usize, String> {
    let found = DAYS.iter().position(|day| *day == text);
    found.ok_or_else(|| format!("`{text}` is not one of {}", DAYS.join(", ")))
}

/// Reads `[DAYS ]FROM-TO`; a span that ends before it begins ends on the next day.
fn spans(text: &str) -> Result<Vec<Span>, String> {
    let (days, times) = match text.split_once(' ') {
        Some((days, times)) => (days, times),
        None => ("mon-sun", text),
    };
    let (from, to) = times
        .split_once('-')
        .ok_or_else(|| format!("`{text}` is not like `mon-fri 18:00-08:00`"))?;
    let (from, to) = (minutes(from)?, minutes(to)?);
    if from == to || from == DAY {
        return Err(format!("`{text}` has no end; the whole day is 00:00-24:00"));
    }
    let (first, last) = match days.split_once('-') {
        Some((first, last)) => (day(first)?, day(last)?),
        None => (day(days)?, day(days)?),
    };
    let many = (last + DAYS.len() - first) % DAYS.len();
    let long = if from < to {
        to - from
    } else {
        to + DAY - from
    };
    let spans = (0..=many).map(|n| {
        let day = u16::try_from((first + n) % DAYS.len()).unwrap_or(0);
        let from = day * DAY + from;
        let to = (from + long) % WEEK;
        Span { from, to }
    });
    Ok(spans.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_as_people_write_them() {
        let at = |day: u16, hour: u16| day * DAY + hour * 60;
        let holds = |text: &str, minute: u16| {
            let spans = spans(text).unwrap();
            spans.iter().any(|span| span.holds(minute))
        };
        for (text, minute, inside) in [
            ("18:00-08:00", at(0, 18), true),
            ("18:00-08:00", at(3, 7), true),
            ("18:00-08:00", at(0, 3), true),
            ("18:00-08:00", at(3, 8), false),
            ("sat-sun 00:00-24:00", at(6, 23), true),
            ("sat-sun 00:00-24:00", at(0, 0), false),
            ("sun 22:00-06:00", at(0, 5), true),
            ("sun 22:00-06:00", at(6, 21), false),
            ("fri-mon 08:00-10:00", at(6, 9), true),
            ("fri-mon 08:00-10:00", at(2, 9), false),
        ] {
            assert_eq!(holds(text, minute), inside, "{text} {minute}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_named_by_its_key() {
        let good = Limits::default();
        assert_eq!(good.trouble(), None);
        let hours = |text: &str| Limits {
            hours: vec![text.to_owned()],
            ..Limits::default()
        };
        for (limits, key) in [
            (
                Limits {
                    cpu: 0,
                    ..good.clone()
                },
                "work.limits.cpu",
            ),
            (
                Limits {
                    gpu: 101,
                    ..good.clone()
                },
                "work.limits.gpu",
            ),
            (
                Limits {
                    memory: Some(0),
                    ..good.clone()
                },
                "work.limits.memory",
            ),
            (hours("always"), "work.limits.hours"),
            (hours("08:00"), "work.limits.hours"),
            (hours("8:00-9:00"), "work.limits.hours"),
            (hours("25:00-26:00"), "work.limits.hours"),
            (hours("08:60-09:00"), "work.limits.hours"),
            (hours("08:00-08:00"), "work.limits.hours"),
            (hours("someday 08:00-09:00"), "work.limits.hours"),
            (hours("mon-caturday 08:00-09:00"), "work.limits.hours"),
            (
                Limits {
                    utc_offset: "CET".to_owned(),
                    ..good.clone()
                },
                "work.limits.utc_offset",
            ),
            (
                Limits {
                    utc_offset: "+15:00".to_owned(),
                    ..good.clone()
                },
                "work.limits.utc_offset",
            ),
        ] {
            let said = limits.trouble().unwrap_or_default();
            assert!(said.contains(key), "{limits:?}: {said}");
        }
        let west = Limits {
            utc_offset: "-03:30".to_owned(),
            ..good
        };
        assert_eq!(west.offset(), -210);
    }

    #[test]
    fn guests_share_what_is_lent_together() {
        let each = Bytes::new(10);
        let limited = Limits {
            memory: Some(25),
            ..Limits::default()
        };
        assert_eq!(Limits::default().together(each, 4), Bytes::new(40));
        assert_eq!(limited.together(each, 4), Bytes::new(25));
        assert_eq!(limited.together(each, 1), Bytes::new(10));
    }
}
