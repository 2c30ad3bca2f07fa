//! The owner's limits, obeyed: facts are read, one word is decided, and the steward and the
//! executor are told when it changes.

use std::path::PathBuf;

use executor::Pace;
use protocol::units::{Fuel, Millis, Moment};
use steward::Input;
use steward::owner::{self, May};

use crate::config::Config;
use crate::facts::Reader;
use crate::perform::Driver;

/// The machine is looked at so often.
pub const LOOK_EVERY: Millis = Millis::new(2_000);
/// What one place does in a second where nobody has measured: slower than any machine that works.
const SLOWEST: Fuel = Fuel::new(100_000_000);

/// What the owner allows, and what was last made of it.
#[derive(Debug)]
pub struct Ownership {
    limits: owner::Limits,
    reader: Reader,
    /// Hundredths of the time that tasks run when they may.
    share: u8,
    /// Fuel that one place does in a second.
    speed: Fuel,
    looked: Option<Moment>,
    may: May,
    pace: Pace,
}

impl Ownership {
    /// Nothing was looked at yet: work is taken. `speed` is what was measured, zero if nothing was.
    pub fn new(config: &Config, speed: Fuel) -> Self {
        let limits = config.work.as_ref().map(|work| work.limits.clone());
        let works = limits.is_some();
        let limits = limits.unwrap_or_default();
        let root = limits.machine.clone().unwrap_or_else(|| PathBuf::from("/"));
        let owner = owner::Limits {
            // Who does nothing for others still judges, whatever the plug says.
            battery: limits.battery || !works,
            ..limits.owner()
        };
        Self {
            limits: owner,
            reader: Reader::new(root, limits.offset()),
            share: limits.cpu,
            speed: if speed == Fuel::ZERO { SLOWEST } else { speed },
            looked: None,
            may: May::Take,
            pace: Pace::FULL,
        }
    }

    /// Why no work is taken now, if none is.
    pub fn resting(&self) -> Option<String> {
        self.may.rest().map(|rest| rest.why)
    }

    /// The speed at which work is done while it is done at this share of the time.
    fn speed(&self) -> Fuel {
        Fuel::new(self.speed.get() / 100 * u64::from(self.share))
    }

    fn pace(&self, now: Moment, until: Moment) -> Pace {
        match self.may {
            May::Pause(_) if now < until => Pace::Stopped,
            _ => Pace::Share(self.share),
        }
    }
}

impl Driver {
    /// Looks at the machine when it is time to, and obeys its owner.
    pub(crate) fn obey_owner(&mut self, now: Moment) {
        let own = &mut self.ownership;
        let looked = own.looked.is_some_and(|at| now.since(at) < LOOK_EVERY);
        if looked {
            return;
        }
        own.looked = Some(now);
        let before = own.may;
        if !own.limits.are_none() {
            own.may = owner::decide(&own.limits, &own.reader.read(now));
        }
        let until = self.steward.may_pause_until(own.speed());
        let pace = own.pace(now, until);
        if pace != own.pace {
            own.pace = pace;
            self.runs.pace(pace);
            tracing::info!(target: "peer::owner", ?pace, "tasks run at another pace");
        }
        if own.may != before {
            let why = own.resting();
            match &why {
                Some(why) => tracing::info!(target: "peer::owner", why, "no work is taken"),
                None => tracing::info!(target: "peer::owner", "work is taken again"),
            }
            self.feed(Input::Owner(self.ownership.may.rest()));
        }
    }
}
