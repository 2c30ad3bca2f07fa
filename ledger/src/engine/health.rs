//! How a member's engine is doing, as numbers that somebody can look at.

use crate::disk::Disk;
use crate::wire::Counts;
use protocol::units::Height;
use std::sync::atomic::{AtomicU64, Ordering};

/// How the engine is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The newest agreed block.
    pub head: Height,
    /// The view this member is in.
    pub view: u64,
    /// The view of the highest certificate it has seen.
    pub certified: u64,
    /// Frames taken in.
    pub taken: u64,
    /// Frames refused at the door.
    pub refused: u64,
    /// Messages dropped later, because they made no sense any more.
    pub dropped: u64,
    /// Own votes that the guard did not let out.
    pub votes_held_back: u64,
    /// Blocks fetched because their proposal was missed.
    pub fetched: u64,
    /// Views that this member voted to leave early, because their leader was silent.
    pub left_early: u64,
    /// How often the engine was started again in a higher view.
    pub rescues: u64,
}

impl Health {
    pub(super) fn of(disk: &Disk, counts: &Counts, rescues: u64) -> Self {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            head: disk.head(),
            view: read(&disk.pulse().view),
            certified: read(&disk.pulse().certified),
            taken: read(&counts.taken),
            refused: read(&counts.refused),
            dropped: read(&counts.dropped),
            votes_held_back: read(&counts.votes_held_back),
            fetched: read(&counts.fetched),
            left_early: read(&counts.left_early),
            rescues,
        }
    }
}
