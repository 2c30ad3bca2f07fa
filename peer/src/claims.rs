//! What claims say of a task's steps: their outputs and lists are brought home and read.

use std::sync::Arc;

use executor::Entry;
use gossip::Handle;
use protocol::bytes;
use protocol::ids::{BundleId, Digest, PeerId};
use protocol::job::{Blob, Job};
use protocol::outcome::{Outcome, TASK_OUTPUT_BYTES_MAX, TaskOutput};
use protocol::steps::{ENTRIES_BYTES_MAX, StepEntries};
use protocol::units::Bytes;
use steward::{Claimed, Input, Listed, Size};

use crate::blobs::Blobs;
use crate::perform::Driver;
use crate::serving;

impl Driver {
    /// Reads the lists of claims away from the loop, and tells the steward.
    pub(crate) fn read_lists(&mut self, bundle: BundleId, job: Digest, claimed: Vec<Claimed>) {
        let Some(job) = self.book.job(&self.blobs, &job) else {
            self.inbox.push_back(Input::ListsRead {
                bundle,
                lists: None,
            });
            return;
        };
        let (blobs, gossip) = (Arc::clone(&self.blobs), self.gossip.clone());
        let told = self.fetched.clone();
        tokio::spawn(async move {
            let blobs_here = Arc::clone(&blobs);
            let looked = tokio::task::spawn_blocking(move || runs_in_steps(&blobs_here, &job));
            let lists = match looked.await {
                Ok(true) => {
                    let mut lists = Vec::with_capacity(claimed.len());
                    for claimed in claimed {
                        lists.push(read(&blobs, &gossip, claimed).await);
                    }
                    Some(lists)
                }
                _ => None,
            };
            // The loop has ended when nobody hears this.
            let _ = told.send(Input::ListsRead { bundle, lists }).await;
        });
    }
}

/// Whether a job's module is one that runs in steps.
fn runs_in_steps(blobs: &Blobs, job: &Job) -> bool {
    let module = blobs.read(&job.module.digest).ok().flatten();
    let facts = module
        .filter(|_| !job.profile.needs_gpu())
        .map(|module| executor::check_module(&module, job.unknown_imports, job.profile));
    matches!(facts, Some(Ok(facts)) if facts.entry == Entry::Steps)
}

/// Brings a blob home, unless it is there.
async fn bring(
    blobs: &Blobs,
    gossip: &Handle,
    (digest, size): (Digest, Size),
    from: &[PeerId],
) -> Result<Vec<u8>, String> {
    let read = || blobs.read(&digest).map_err(|error| error.to_string());
    if let Some(content) = read()? {
        return Ok(content);
    }
    serving::bring(blobs, gossip, digest, size, from).await?;
    read()?.ok_or_else(|| "it is damaged here".to_owned())
}

async fn read(blobs: &Arc<Blobs>, gossip: &Handle, claimed: Claimed) -> Listed {
    match try_read(blobs, gossip, &claimed).await {
        Ok(listed) => listed,
        Err(why) => {
            let (task, peers) = (claimed.task, claimed.peers.len());
            tracing::info!(target: "peer::runs", task, peers, %why, "no list of steps");
            Listed::Missing
        }
    }
}

async fn try_read(blobs: &Blobs, gossip: &Handle, claimed: &Claimed) -> Result<Listed, String> {
    let outcome = claimed.outcome;
    let size = Size::AtMost(Bytes::new(TASK_OUTPUT_BYTES_MAX as u64));
    let output = bring(blobs, gossip, (outcome.digest, size), &claimed.peers).await?;
    let Some((output, list)) = list_of(&output) else {
        return Ok(Listed::Forged);
    };
    let size = Size::Exactly(list.size);
    let list = bring(blobs, gossip, (list.digest, size), &claimed.peers).await?;
    Ok(entries_of(&list, outcome, &output).map_or(Listed::Forged, |all| Listed::Steps(all.into())))
}

/// An output, and where it says its list is; `None` if no step task leaves it.
fn list_of(output: &[u8]) -> Option<(TaskOutput, Blob)> {
    let output = bytes::read::<TaskOutput>(output, TASK_OUTPUT_BYTES_MAX).ok()?;
    let list = output.steps?.blob();
    Some((output, list))
}

/// The entries in a written list, if they end with this outcome.
fn entries_of(list: &[u8], outcome: Outcome, output: &TaskOutput) -> Option<StepEntries> {
    let entries = bytes::read::<StepEntries>(list, ENTRIES_BYTES_MAX).ok()?;
    entries.are_of(outcome, output).then_some(entries)
}
