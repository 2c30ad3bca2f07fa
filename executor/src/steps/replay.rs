//! One step run again, for whoever judges between two runs that part there.

use std::io::{self, Read, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::ids::Digest;
use protocol::units::Fuel;

use super::snapshot::NotRestored;
use super::{Advanced, Stepper};
use crate::task::{Ran, Runner};

/// The entry that one step gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Replayed {
    /// The entry: the next root, or the end.
    pub entry: Digest,
    /// Whether the task ended in this step.
    pub ended: bool,
    /// The fuel that the task has used by then, from its start.
    pub used: Fuel,
}

/// Why a step has no entry.
pub(crate) enum NotReplayed {
    /// The snapshot was not taken.
    Snapshot(NotRestored),
    /// It has no outcome: the run.
    Inconclusive(Box<Ran>),
    /// The task ended before it came to this step.
    Over,
}

/// Runs one step of a task: the one after the snapshot with this root, or `init`.
///
/// # Errors
/// [`NotReplayed`].
pub(crate) fn replay(
    runner: &Runner,
    task: u32,
    from: Option<(Digest, &mut dyn Read)>,
) -> Result<Replayed, NotReplayed> {
    let mut state = Stepper::new(runner, task);
    if let Some((root, snapshot)) = from {
        state
            .restore(snapshot, root)
            .map_err(NotReplayed::Snapshot)?;
    }
    let result = match state.advance() {
        Ok(Advanced::Root(entry)) => {
            return Ok(Replayed {
                entry,
                ended: false,
                used: state.used(),
            });
        }
        Ok(Advanced::Ended(code)) => Ok(code),
        Err(error) => Err(error),
    };
    match state.end(result, Vec::new()) {
        Ran::Ended {
            entries: Some(entries),
            fuel: used,
            ..
        } => Ok(Replayed {
            entry: entries.all()[0],
            ended: true,
            used,
        }),
        other => Err(NotReplayed::Inconclusive(Box::new(other))),
    }
}

/// Runs a task from its start until so many steps are taken, writes that state, and says its root.
///
/// # Errors
/// [`NotReplayed`], or what the writer says.
pub(crate) fn snapshot_at(
    runner: &Runner,
    task: u32,
    steps: u32,
    to: &mut dyn Write,
) -> io::Result<Result<Digest, NotReplayed>> {
    let mut state = Stepper::new(runner, task);
    for taken in 0..=steps {
        match state.advance() {
            Ok(Advanced::Root(root)) if taken == steps => {
                state.snapshot(to)?;
                return Ok(Ok(root));
            }
            Ok(Advanced::Root(_)) => {}
            Ok(Advanced::Ended(_)) => return Ok(Err(NotReplayed::Over)),
            Err(error) => {
                return Ok(Err(match state.end(Err(error), Vec::new()) {
                    Ran::Ended { .. } => NotReplayed::Over,
                    other => NotReplayed::Inconclusive(Box::new(other)),
                }));
            }
        }
    }
    Ok(Err(NotReplayed::Over))
}
