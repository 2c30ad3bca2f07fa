//! What is kept of tasks that were begun here, for another peer of the same owner to go on with.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use protocol::job::{Blob, Job};
use steward::Input;
use tokio::sync::mpsc;

use super::{NotBegun, Runs, Wanted, work};
use crate::blobs::Blobs;

impl Runs {
    /// Puts what is kept of the wanted tasks with the blobs, away from the caller's thread, and
    /// tells of it through `told`. What cannot be read, or is too large for a blob, is left out.
    pub fn read_kept(
        &self,
        wanted: Wanted,
        job: Option<Arc<Job>>,
        blobs: Arc<Blobs>,
        told: mpsc::Sender<Input>,
    ) {
        let (runs, name) = (self.clone(), executor::Token(u64::MAX));
        tokio::task::spawn_blocking(move || {
            let job = job.ok_or(NotBegun::Gone(wanted.job));
            let work = job.and_then(|job| work(&wanted, &job, &blobs, name));
            let mut states = Vec::new();
            for task in &wanted.tasks {
                let file = work
                    .as_ref()
                    .ok()
                    .and_then(|work| runs.executor.kept(work, *task));
                states.extend(file.and_then(|file| Some((*task, keep(&blobs, &file)?))));
            }
            let (bundle, found) = (wanted.bundle, states.len());
            tracing::info!(target: "peer::runs", %bundle, found, "kept steps are handed over");
            // The loop has ended when nobody hears this.
            let _ = told.blocking_send(Input::KeptRead { bundle, states });
        });
    }
}

/// Puts a file with the blobs; it stays where it is too.
fn keep(blobs: &Blobs, file: &Path) -> Option<Blob> {
    let link = blobs.incoming();
    let linked = fs::hard_link(file, &link).map_err(|error| error.to_string());
    let kept = linked.and_then(|()| {
        let kept = blobs.keep_file(&link);
        kept.map_err(|error| error.to_string())
    });
    // Nothing is there if it was kept.
    let _ = fs::remove_file(&link);
    kept.inspect_err(|error| {
        tracing::warn!(target: "peer::runs", %error, "a kept step cannot be handed over");
    })
    .ok()
}
