//! What the owner of a machine lets it do for others now: limits and facts in, one word out.
//!
//! ```text
//! on battery, or somebody is at it ──▶ Pause    what runs stands still, while its deadline allows
//! outside the owner's hours        ──▶ Finish   what runs ends, nothing new is taken
//! otherwise                        ──▶ Take
//! ```
//!
//! Hours are known before: what was taken within them was taken knowing that it may run over, and a
//! bond stands behind it, so it is finished. A person who comes back, or a plug that is pulled, is
//! not known before, and wants the machine now.

use std::fmt;

use protocol::units::{Bps, Fuel, Millis, Moment};

use crate::Steward;

/// Minutes of a week, which begins on Monday.
pub const WEEK: u16 = 7 * 24 * 60;
/// While a machine works only when idle, all others may use this share of its processors.
pub const OTHERS_MAX: Bps = Bps::new(2_500);

/// A span of the week, from its first minute to before its last; it may run over the week's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first minute of the week, below [`WEEK`].
    pub from: u16,
    /// The minute after its last; equal to `from` is the whole week.
    pub to: u16,
}

impl Span {
    /// Whether a minute of the week lies in it.
    pub const fn holds(self, minute: u16) -> bool {
        if self.from < self.to {
            self.from <= minute && minute < self.to
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

/// What an owner allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// When it works; always, if empty.
    pub hours: Vec<Span>,
    /// It works only when nobody has used it for so long.
    pub idle: Option<Millis>,
    /// Whether it works on battery.
    pub battery: bool,
}

impl Limits {
    /// Whether there is nothing to look at: it always works.
    pub fn are_none(&self) -> bool {
        self.hours.is_empty() && self.idle.is_none() && self.battery
    }
}

/// What a machine is like now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The minute of the week, by the owner's clock.
    pub minute: u16,
    /// For how long nobody has touched a terminal; absent if it has none.
    pub untouched: Option<Millis>,
    /// The share of its processors that others used of late; absent if it is not known yet.
    pub others: Option<Bps>,
    /// Whether it runs on battery.
    pub on_battery: bool,
}

/// Why a machine takes no work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is outside the hours.
    Hours,
    /// Somebody is at it.
    Touched,
    /// Others use its processors.
    Busy,
    /// It runs on battery.
    Battery,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hours => "it is outside the hours that its owner set",
            Self::Touched => "somebody is at the machine, and its owner lends it only when idle",
            Self::Busy => "others use its processors, and its owner lends it only when idle",
            Self::Battery => "it runs on battery",
        })
    }
}

/// What a machine may do for others now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// Take work.
    Take,
    /// End what runs, and take nothing.
    Finish(Why),
    /// Let what runs stand still while its deadline allows, and take nothing.
    Pause(Why),
}

/// What a machine is told that takes no work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Why.
    pub why: String,
    /// Whether its owner wants it now, so that what runs had better go on elsewhere.
    pub at_once: bool,
}

impl May {
    /// How it rests, if it takes nothing.
    pub fn rest(self) -> Option<Rest> {
        let (why, at_once) = match self {
            Self::Take => return None,
            Self::Finish(why) => (why.to_string(), false),
            Self::Pause(why) => (why.to_string(), true),
        };
        Some(Rest { why, at_once })
    }
}

/// What the owner's limits come to under these facts.
pub fn decide(limits: &Limits, facts: &Facts) -> May {
    if facts.on_battery && !limits.battery {
        return May::Pause(Why::Battery);
    }
    if let Some(idle) = limits.idle {
        if facts.untouched.is_some_and(|untouched| untouched < idle) {
            return May::Pause(Why::Touched);
        }
        if facts.others.is_some_and(|others| others > OTHERS_MAX) {
            return May::Pause(Why::Busy);
        }
    }
    let inside = |span: &Span| span.holds(facts.minute);
    if !limits.hours.is_empty() && !limits.hours.iter().any(inside) {
        return May::Finish(Why::Hours);
    }
    May::Take
}

impl Steward {
    /// Until when the executor may stand still and no deadline is missed, if one place does so much
    /// in a second; the end of all time if nothing waits. Judges and auditors never stand still.
    pub fn may_pause_until(&self, per_second: Fuel) -> Moment {
        if self.duties.open() + self.audits.open() > 0 {
            return Moment::default();
        }
        self.work.must_run_from(per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_run_over_midnight_and_over_the_weeks_end() {
        let night = Span {
            from: 1_320,
            to: 1_800,
        };
        let weekend = Span {
            from: 6_000,
            to: 300,
        };
        let always = Span { from: 7, to: 7 };
        for (minute, in_night, in_weekend) in [
            (0, false, true),
            (299, false, true),
            (300, false, false),
            (1_319, false, false),
            (1_320, true, false),
            (1_799, true, false),
            (1_800, false, false),
            (6_000, false, true),
            (WEEK - 1, false, true),
        ] {
            let found = (night.holds(minute), weekend.holds(minute));
            assert_eq!(found, (in_night, in_weekend), "{minute}");
            assert!(always.holds(minute));
        }
    }

    #[test]
    fn the_first_reason_that_hurts_most_decides() {
        let minutes = |n: u64| Some(Millis::new(n * 60_000));
        let hours = vec![Span { from: 60, to: 120 }];
        let idle = minutes(5);
        let plain = Limits::default();
        let strict = Limits {
            hours,
            idle,
            battery: false,
        };
        let facts = |minute, untouched, others, on_battery| Facts {
            minute,
            untouched,
            others,
            on_battery,
        };
        let share = |percent: u32| Some(Bps::new(percent * 100));
        for (limits, facts, may) in [
            (&plain, facts(0, minutes(0), share(99), false), May::Take),
            (&plain, facts(0, None, None, true), May::Pause(Why::Battery)),
            (&strict, facts(60, None, None, false), May::Take),
            (&strict, facts(60, minutes(5), share(25), false), May::Take),
            (
                &strict,
                facts(60, minutes(4), share(0), false),
                May::Pause(Why::Touched),
            ),
            (
                &strict,
                facts(60, minutes(9), share(26), false),
                May::Pause(Why::Busy),
            ),
            (
                &strict,
                facts(120, minutes(9), share(0), false),
                May::Finish(Why::Hours),
            ),
            // Who is there wants the machine now, whatever the hour.
            (
                &strict,
                facts(120, minutes(0), share(0), false),
                May::Pause(Why::Touched),
            ),
            (
                &strict,
                facts(120, minutes(0), share(99), true),
                May::Pause(Why::Battery),
            ),
        ] {
            assert_eq!(decide(limits, &facts), may, "{limits:?} {facts:?}");
        }
        let bold = Limits {
            battery: true,
            ..plain
        };
        assert_eq!(decide(&bold, &facts(0, None, None, true)), May::Take);
        assert!(bold.are_none());
    }
}
