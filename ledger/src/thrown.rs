//! Entries that a leader threw out because no block can take them, until their senders are told.

use crate::known::Known;
use protocol::ids::{EntryId, PartyId};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// So many are kept; the oldest go first.
pub const THROWN_MAX: usize = 1_024;

/// An entry that will not enter a block from here, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrownOut {
    /// The entry.
    pub entry: EntryId,
    /// Who sent it.
    pub sender: PartyId,
    /// Why, in words.
    pub why: String,
}

/// The list of one member; safe to share.
#[derive(Default)]
pub(crate) struct Thrown(Mutex<VecDeque<ThrownOut>>);

impl Thrown {
    pub(crate) fn put(&self, known: &Known, why: &str) {
        let sender = known.entry.value().sender;
        let out = ThrownOut {
            entry: known.id,
            sender,
            why: why.into(),
        };
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() == THROWN_MAX {
            list.pop_front();
        }
        list.push_back(out);
    }

    /// Hands out the list, oldest first, and forgets it.
    pub(crate) fn take(&self) -> Vec<ThrownOut> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
            .collect()
    }
}
