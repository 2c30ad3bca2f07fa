//! One step of a step task run again: what whoever judges between two runs needs, and no more.
//!
//! ```text
//! two lists of entries ──part──▶ the last root both have ──▶ its snapshot ──▶ one step ──▶ judge
//! ```
//!
//! The lists are compared by [`StepEntries::part`](protocol::steps::StepEntries::part), and what
//! the step gave is compared with both by [`Parting::judge`](protocol::steps::Parting::judge).
//! That says who is wrong. It does not say that the other is right: that one may be wrong later.

use std::fs::File;
use std::io;
use std::path::Path;

use protocol::ids::Digest;
use thiserror::Error;

use crate::executor::Executor;
use crate::frame::Reply;
use crate::slot::{self, Request};
use crate::steps::Replayed;
use crate::work::{Inconclusive, Refused, Work};

/// Why a step gave nothing.
#[derive(Debug, Error)]
pub enum NoStep {
    /// The work is not taken, or is not one task.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// What was given is not the state with the root that was named. Nothing of it has run.
    #[error("{0}")]
    Snapshot(String),
    /// The task ends before this step, or does not run in steps.
    #[error("the task has no such step")]
    NoSuchStep,
    /// The step has no entry here.
    #[error(transparent)]
    Inconclusive(#[from] Inconclusive),
    /// The snapshot's file fails.
    #[error("cannot use the snapshot's file")]
    Disk(#[from] io::Error),
}

impl Executor {
    /// Runs one step of a work's one task in a fresh worker: the step after the snapshot in this
    /// file, if that has this root, or else the task's `init`. Waits for it.
    ///
    /// # Errors
    /// [`NoStep`].
    pub fn replay(&self, work: Work, from: Option<(Digest, &Path)>) -> Result<Replayed, NoStep> {
        let from = match from {
            Some((root, path)) => Some((root, File::open(path)?)),
            None => None,
        };
        match self.judge(work, &mut Request::Replay(from))? {
            Reply::Replayed(replayed) => Ok(replayed),
            other => Err(no_step(other)),
        }
    }

    /// Runs a work's one task from its start until it has taken so many steps, writes the state
    /// into this file, and says its root. Waits for it.
    ///
    /// # Errors
    /// [`NoStep`]; what is in the file then is of no use.
    pub fn snapshot(&self, work: Work, steps: u32, into: &Path) -> Result<Digest, NoStep> {
        let into = File::create(into)?;
        match self.judge(work, &mut Request::Snapshot { steps, into })? {
            Reply::SnapshotTaken(root) => Ok(root),
            other => Err(no_step(other)),
        }
    }

    fn judge(&self, work: Work, request: &mut Request) -> Result<Reply, NoStep> {
        self.check(&work)?;
        if work.tasks.len() != 1 {
            let (tasks, count) = (work.tasks, work.job.array.count);
            return Err(Refused::NoSuchTasks { tasks, count }.into());
        }
        Ok(slot::ask(self.shared(), work, request)??)
    }
}

fn no_step(reply: Reply) -> NoStep {
    match reply {
        Reply::SnapshotRefused(why) => NoStep::Snapshot(why),
        Reply::NoSuchStep => NoStep::NoSuchStep,
        Reply::StackOverflow { .. } => Inconclusive::StackOverflow.into(),
        Reply::HostFailed { why, .. } => Inconclusive::Host(why).into(),
        _ => Inconclusive::Killed("the worker answers something else".to_owned()).into(),
    }
}
