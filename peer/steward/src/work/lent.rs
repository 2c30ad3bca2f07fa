//! Runs on a machine whose owner wants it back.

use protocol::ids::{BundleId, PeerId};
use protocol::units::{Fuel, Millis, Moment};

use super::Work;
use super::run::Run;
use crate::desk::{Aim, Desk};
use crate::effect::Report;
use crate::errand::{Errand, Stage};
use crate::hand::Hand;

/// A run that stood still goes on so long before it is due, beyond what its work may take.
pub const SEAL_TIME: Millis = Millis::new(20_000);

impl Work {
    /// How many runs wait for their outcomes.
    pub(crate) fn open(&self) -> usize {
        let runs = self.jobs.values().flat_map(|job| job.runs.values());
        runs.filter(|run| run.is_open()).count()
    }

    /// The ledger does not let a sibling have a run: the next one is asked for, if there is one.
    pub(crate) fn passed_over(&mut self, bundle: BundleId, desk: &mut Desk) {
        let job = self.jobs.get_mut(&bundle.job);
        let run = job.and_then(|job| job.runs.get_mut(&bundle.index));
        if run.is_some_and(Run::passed_over) {
            desk.forget(Aim::Decline(bundle));
        }
    }

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
    /// Lets another peer have it, if the owner of this machine wants no work: one of the same owner
    /// where that can take it, also when it has begun and the machine is wanted at once.
    pub(super) fn obey_owner(&mut self, job_closed: bool, hand: &mut Hand<'_>) {
        let me = hand.me;
        let Some(rest) = me.rest.as_ref().filter(|_| !job_closed && self.can_go()) else {
            return;
        };
        let running = |errand: &Errand| matches!(errand.stage, Stage::Running(_) | Stage::Done);
        let begun = self.begun || self.errand.as_ref().is_some_and(running);
        match me.siblings.get(self.passed_over) {
            Some(to) if rest.at_once || !begun => {
                self.begun = begun;
                self.hand_over(*to, rest.why.clone(), hand);
            }
            None if !begun => self.decline(rest.why.clone(), hand),
            Some(_) | None => {}
        }
    }

    /// Whether it can still go to another peer at no loss but our own.
    const fn can_go(&self) -> bool {
        self.is_open() && self.demanded.is_none() && !self.landed && !self.asked
    }

    /// Stops what runs of it here; the ledger is asked to let a sibling have it. What was kept of
    /// it stays on this disk until the sibling has it, or it goes on here after all.
    fn hand_over(&mut self, to: PeerId, why: String, hand: &mut Hand<'_>) {
        if let Some(mut errand) = self.errand.take() {
            errand.stop("it goes to another peer", hand.crew, hand.out);
        }
        let bundle = self.bundle;
        self.to = Some(to);
        self.declined = Some(why.clone());
        hand.out.report(Report::HandedOver { bundle, to, why });
    }

    /// A sibling may not have it. Returns whether it was to.
    fn passed_over(&mut self) -> bool {
        if self.to.take().is_none() {
            return false;
        }
        self.declined = None;
        self.passed_over = self.passed_over.saturating_add(1);
        true
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
