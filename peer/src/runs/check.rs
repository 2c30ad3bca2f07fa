//! The runs of a job's checker: like others, but over an output that is laid out for it.

use std::sync::Arc;

use executor::{Token, Work};
use protocol::ids::{Digest, JobId};
use protocol::job::Job;
use steward::Input;
use tokio::sync::mpsc;

use super::{NotBegun, Runs, Wanted, locked, path, stretches};
use crate::blobs::Blobs;
use crate::checker;

impl Runs {
    /// Begins to run the checker of `job` over an output, away from the caller's thread. What comes
    /// of it, and why it was not begun, is told through `told`.
    pub fn start_check(
        &self,
        (wanted, output): (Wanted, Digest),
        job: Option<Arc<Job>>,
        blobs: Arc<Blobs>,
        told: mpsc::Sender<Input>,
    ) {
        let (runs, token) = (self.clone(), wanted.token);
        let name = self.name(&wanted);
        tokio::task::spawn_blocking(move || {
            let job = job.ok_or(NotBegun::Gone(wanted.job));
            let begun = job.and_then(|job| runs.check(name, (&wanted, output), &job, &blobs));
            let refused = Input::Checked {
                token,
                accepted: false,
            };
            let inputs = match begun {
                Ok(true) => return,
                Ok(false) => vec![refused],
                Err(why) => why.told(token),
            };
            locked(&runs.works).of.remove(&name);
            for input in inputs {
                // The loop has ended when nobody hears this.
                let _ = told.blocking_send(input);
            }
        });
    }

    /// Begins to run a checker; false if the output is refused without it.
    fn check(
        &self,
        name: Token,
        (wanted, output): (&Wanted, Digest),
        job: &Job,
        blobs: &Blobs,
    ) -> Result<bool, NotBegun> {
        let place = (&*self.checked, name.0);
        let Some((checking, laid)) = checker::prepare(place, job, output, blobs)? else {
            let task = wanted.tasks.first();
            tracing::info!(bundle = %wanted.bundle, ?task, "what no task leaves is refused unseen");
            return Ok(false);
        };
        let module = path(blobs, &checking.module.digest)?;
        let inputs = checking
            .inputs
            .iter()
            .map(|input| match laid.file(&input.path) {
                Some(file) => Ok(file.to_owned()),
                None => path(blobs, &input.blob.digest),
            });
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        match locked(&self.works).of.get_mut(&name) {
            Some(stretch) => stretch.output = Some(Arc::new(laid)),
            // It was cancelled meanwhile.
            None => return Ok(true),
        }
        for tasks in stretches(&wanted.tasks) {
            self.executor.run(Work {
                token: name,
                served: wanted.bundle.job,
                job_id: JobId::new(*wanted.job.bytes()),
                job: checking.clone(),
                module: module.clone(),
                stdin: None,
                inputs: inputs.clone(),
                tasks,
                states: Vec::new(),
            })?;
        }
        Ok(true)
    }
}
