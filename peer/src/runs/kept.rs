//! What is kept of tasks that were begun here, for another peer of the same owner to go on with.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use protocol::ids::{BundleId, JobId};
use protocol::job::{Blob, Job};
use steward::Input;
use tokio::sync::mpsc;

use super::Runs;
use crate::blobs::Blobs;

impl Runs {
    /// Puts what is kept of these tasks with the blobs, away from the caller's thread, and tells of
    /// it through `told`. What cannot be read, or is too large for a blob, is left out.
    pub fn read_kept(
        &self,
        (bundle, ids): (BundleId, (JobId, JobId)),
        (job, tasks): (Arc<Job>, Vec<u32>),
        blobs: Arc<Blobs>,
        told: mpsc::Sender<Input>,
    ) {
        let runs = self.clone();
        tokio::task::spawn_blocking(move || {
            let read = |task| {
                let file = runs.executor.kept(ids, &job, task)?;
                Some((task, keep(&blobs, &file)?))
            };
            let states: Vec<(u32, Blob)> = tasks.into_iter().filter_map(read).collect();
            let found = states.len();
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
