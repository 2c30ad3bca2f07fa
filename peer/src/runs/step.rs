//! Single steps, for judging: one that is run again, and the state before one.

use std::sync::Arc;

use executor::{NoStep, Token, Work};
use protocol::job::Job;
use steward::{Input, Why};
use tokio::sync::mpsc;

use super::{NotBegun, Runs, Wanted, locked, path, work};
use crate::blobs::Blobs;

impl Runs {
    /// Runs a step of the one task that is wanted, or takes its state, away from the caller's
    /// thread. What comes of it is told through `told`.
    pub fn start_step(
        &self,
        wanted: Wanted,
        job: Option<Arc<Job>>,
        blobs: Arc<Blobs>,
        told: mpsc::Sender<Input>,
    ) {
        let (runs, name) = (self.clone(), self.name(&wanted));
        tokio::task::spawn_blocking(move || {
            let job = job.ok_or(NotBegun::Gone(wanted.job));
            let said = job.and_then(|job| runs.one_step(name, &wanted, &job, &blobs));
            // Nobody waits for what was cancelled.
            if locked(&runs.works).of.remove(&name).is_none() {
                return;
            }
            for input in said.map_or_else(|why| why.told(wanted.token), |input| vec![input]) {
                // The loop has ended when nobody hears this.
                let _ = told.blocking_send(input);
            }
        });
    }

    fn one_step(
        &self,
        name: Token,
        wanted: &Wanted,
        job: &Job,
        blobs: &Blobs,
    ) -> Result<Input, NotBegun> {
        let token = wanted.token;
        let task = wanted.tasks.first().copied().unwrap_or(u32::MAX);
        let work = Work {
            tasks: task..task.saturating_add(1),
            ..work(wanted, job, blobs, name)?
        };
        let failed = |why: NoStep| match why {
            NoStep::Refused(refused) => refused.into(),
            other => NotBegun::Failed(other.to_string()),
        };
        match wanted.why {
            Why::State(steps) => {
                let into = blobs.incoming();
                let taken = self.executor.snapshot(work, steps, &into);
                let kept = taken.map_err(failed).and_then(|_| {
                    let kept = blobs.keep_file(&into);
                    kept.map_err(|error| NotBegun::Failed(error.to_string()))
                });
                // Half a state is of no use; what stays is cleared at the next start.
                let _ = std::fs::remove_file(&into);
                kept.map(|state| Input::StateTaken { token, state })
            }
            Why::Step(from) => {
                let state = from.map(|(_, state)| path(blobs, &state.digest));
                let (root, state) = (from.map(|(root, _)| root), state.transpose()?);
                let from = root.zip(state.as_deref());
                let replayed = self.executor.replay(work, from).map_err(failed)?;
                let entry = replayed.entry;
                Ok(Input::Replayed { token, entry })
            }
            _ => Err(NotBegun::Failed("no single step is wanted".to_owned())),
        }
    }
}
