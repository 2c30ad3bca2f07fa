//! Everything peers say to each other outside the ledger. No message moves credits: what counts is
//! entered in the ledger, by either side.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{Limited, Malformed, at_most};
use crate::entry::{Opening, PeerSeal, SEALS_MAX, SignedEntry};
use crate::ids::{BundleId, EntryId, JobId};
use crate::job::{Blob, TASKS_PER_BUNDLE_MAX};
use crate::outcome::Outcome;
use crate::steps::STEPS_MAX;

/// A message may take so many bytes.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// One message carries so many entries at most.
pub const ENTRIES_MAX: usize = 1_024;
/// Outputs up to this size travel inside [`Message::Outcomes`]; larger ones are fetched as blobs.
pub const INLINE_BYTES_MAX: usize = 512 * 1_024;
/// A refusal's reason may have so many bytes.
pub const REASON_BYTES_MAX: usize = 512;

/// What one peer tells another.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// To a member: please put these into a block.
    Entries(Vec<SignedEntry>),
    /// From a member: this entry will not enter a block, and why.
    EntryRefused {
        /// Which entry.
        entry: EntryId,
        /// The refusal, in words.
        why: String,
    },
    /// To a submitter: my outcomes of a bundle are ready. They are provisional: nothing is judged.
    Outcomes {
        /// The bundle.
        bundle: BundleId,
        /// One outcome per task, in order.
        outcomes: Vec<Outcome>,
        /// The canonical outputs that are small enough, in any order; others are fetched by digest.
        inline: Vec<Vec<u8>>,
        /// The signed seal of these outcomes, to be entered by the submitter.
        seal: PeerSeal,
    },
    /// To a drawn peer: I am the submitter and lack your outcomes of this bundle; say them again.
    AskOutcomes {
        /// The bundle.
        bundle: BundleId,
    },
    /// To a submitter: these are my openings of the job, to be entered once it is closed. A peer
    /// says them right after its outcomes, so that its death does not silence it.
    Openings {
        /// The job.
        job: JobId,
        /// Mine.
        openings: Vec<Opening>,
    },
    /// To a submitter: I cannot run this bundle because this is missing or wrong.
    RunFailed {
        /// The bundle.
        bundle: BundleId,
        /// What happened, in words.
        why: String,
    },
    /// From a judge to a peer that opened a disputed bundle: give me the state of this task after
    /// so many steps, so that I can run the next one.
    AskState(StateOf),
    /// To a judge: this is that state.
    State {
        /// Which.
        of: StateOf,
        /// The snapshot, to be fetched; `None` if it cannot be had here.
        state: Option<Blob>,
    },
    /// To a peer of my owner that handed me this bundle: how far did you come?
    AskKept {
        /// The bundle.
        bundle: BundleId,
    },
    /// To the peer of my owner that has this bundle now: so far did I come.
    Kept {
        /// The bundle.
        bundle: BundleId,
        /// Numbers of tasks in the job, each with its roots and its last state, to be fetched.
        states: Vec<(u32, Blob)>,
    },
}

/// Names one state of a step task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct StateOf {
    /// The bundle.
    pub bundle: BundleId,
    /// The task's number in its job.
    pub task: u32,
    /// How many steps it has taken; 0 is the state after `init`.
    pub steps: u32,
}

impl Limited for Message {
    fn within_limits(&self) -> Result<(), Malformed> {
        match self {
            Self::Entries(entries) => {
                at_most("entries", entries.len(), ENTRIES_MAX)?;
                entries.iter().try_for_each(Limited::within_limits)
            }
            Self::EntryRefused { why, .. } | Self::RunFailed { why, .. } => {
                at_most("reason", why.len(), REASON_BYTES_MAX)
            }
            Self::Outcomes {
                outcomes, inline, ..
            } => {
                at_most("outcomes", outcomes.len(), TASKS_PER_BUNDLE_MAX as usize)?;
                at_most("outputs", inline.len(), TASKS_PER_BUNDLE_MAX as usize)
            }
            Self::Openings { openings, .. } => at_most("openings", openings.len(), SEALS_MAX),
            Self::AskState(of) | Self::State { of, .. } => {
                at_most("steps", of.steps as usize, STEPS_MAX)
            }
            Self::Kept { states, .. } => {
                at_most("states", states.len(), TASKS_PER_BUNDLE_MAX as usize)
            }
            Self::AskOutcomes { .. } | Self::AskKept { .. } => Ok(()),
        }
    }
}
