//! Runs on a machine whose owner wants it back.

use protocol::units::{Fuel, Millis, Moment};

use super::Work;
use super::run::Run;
use crate::errand::{Errand, Stage};
use crate::hand::Hand;

/// A run that stood still goes on so long before it is due, beyond what its work may take.
pub const SEAL_TIME: Millis = Millis::new(20_000);

impl Work {
    /// From when on the first run can be late, if one place does so much in a second; never, if
    /// none is open.
    pub(crate) fn must_run_from(&self, per_second: Fuel) -> Moment {
        let runs = self.jobs.values().flat_map(|job| job.runs.values());
        let open = runs.filter(|run| run.is_open());
        let from = open.map(|run| run.must_run_from(per_second));
        from.min().unwrap_or(Moment::new(u64::MAX))
    }
}

impl Run {
    /// Lets another peer have it, if the owner of this machine wants no work and it has not begun.
    pub(super) fn obey_owner(&mut self, job_closed: bool, hand: &mut Hand<'_>) {
        if let Some(why) = &hand.me.closed
            && self.has_not_begun()
            && !job_closed
        {
            self.decline(why.clone(), hand);
        }
    }

    /// Whether it can still go to another peer at no loss but our own.
    fn has_not_begun(&self) -> bool {
        let running = |errand: &Errand| matches!(errand.stage, Stage::Running(_) | Stage::Done);
        self.is_open()
            && self.demanded.is_none()
            && !self.landed
            && !self.asked
            && !self.errand.as_ref().is_some_and(running)
    }

    /// From when on it can be late: it may need all the fuel of all its tasks, one after the other,
    /// and then a while to be sealed. What the ledger demands cannot wait.
    fn must_run_from(&self, per_second: Fuel) -> Moment {
        if self.demanded.is_some() || self.asked {
            return Moment::default();
        }
        let tasks = u64::from(self.terms.tasks_per_bundle);
        let fuel = self.terms.task_fuel_max.get().saturating_mul(tasks);
        let work = fuel.saturating_mul(1_000) / per_second.get().max(1);
        let needed = work.saturating_add(SEAL_TIME.get());
        Moment::new(self.seal_by.ms().saturating_sub(needed))
    }
}
