//! Comparing outputs of our own jobs where honest machines may differ. Reading them takes a while,
//! so it is done off the loop.

use std::sync::Arc;

use protocol::bytes;
use protocol::ids::{BundleId, Digest};
use protocol::kernel::{Compare, Program};
use protocol::outcome::{Outcome, TASK_OUTPUT_BYTES_MAX, TaskOutput};
use steward::Input;

use crate::blobs::Blobs;
use crate::perform::Driver;

impl Driver {
    /// Compares outcomes as their job wants it, and tells the steward what was found.
    pub(crate) fn compare(
        &mut self,
        bundle: BundleId,
        job: Digest,
        pairs: Vec<(Outcome, Outcome)>,
    ) {
        let Some(job) = self.book.job(&self.blobs, &job) else {
            let alike = None;
            self.inbox
                .extend([Input::Lost(job), Input::Compared { bundle, alike }]);
            return;
        };
        let compare = match &job.program {
            Program::Wasm => Compare::Exact,
            Program::Wgsl(kernel) => kernel.compare.clone(),
        };
        let (blobs, told) = (Arc::clone(&self.blobs), self.fetched.clone());
        tokio::task::spawn_blocking(move || {
            let (lost, alike) = match are_alike(&blobs, &compare, &pairs) {
                Ok(alike) => (None, Some(alike)),
                Err(digest) => (Some(Input::Lost(digest)), None),
            };
            let compared = Input::Compared { bundle, alike };
            for input in lost.into_iter().chain([compared]) {
                // The loop has ended when nobody hears this.
                let _ = told.blocking_send(input);
            }
        });
    }
}

/// Whether each pair is alike.
///
/// # Errors
/// The digest of an output that is not at home, or damaged there.
pub fn are_alike(
    blobs: &Blobs,
    compare: &Compare,
    pairs: &[(Outcome, Outcome)],
) -> Result<Vec<bool>, Digest> {
    let output = |outcome: &Outcome| match blobs.read(&outcome.digest) {
        Ok(Some(written)) => Ok(bytes::read::<TaskOutput>(&written, TASK_OUTPUT_BYTES_MAX).ok()),
        Ok(None) | Err(_) => Err(outcome.digest),
    };
    let near = |(one, other): &(Outcome, Outcome)| {
        let (Some(left), Some(right)) = (output(one)?, output(other)?) else {
            // It is what the digest names, and no task leaves such a thing.
            return Ok(false);
        };
        Ok(executor::are_alike(
            compare,
            (&left, one.fuel),
            (&right, other.fuel),
        ))
    };
    pairs.iter().map(near).collect()
}
