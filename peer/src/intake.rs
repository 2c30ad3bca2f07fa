//! Where a member takes in entries, its own and others': checked and pooled one batch at a time,
//! off the loop, and what no block will take is told to whoever handed it in. At a peer that is no
//! member they are let go unread: it may become one at any block.
//!
//! ```text
//! entries, from whom ──▶ queue ──▶ pool ──▶ block
//!                                   │ no       │ thrown out by the leader
//!                                   └──────────┴──▶ Refused { to, entry, why }
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::{Ledger, PoolRefusal};
use protocol::entry::SignedEntry;
use protocol::ids::{EntryId, PeerId};
use protocol::message::{Message, REASON_BYTES_MAX};

/// So many batches of entries wait to be checked; more are dropped, and their senders try again.
pub const BATCHES_MAX: usize = 256;
/// Of so many entries it is known who handed them in; the oldest are forgotten first.
pub const SENDERS_MAX: usize = 16 * 1_024;
/// So many refusals wait to be told; more are dropped, and come again with the entry.
pub const REFUSED_MAX: usize = 1_024;

/// An entry that will not enter a block from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Who handed it in.
    pub to: PeerId,
    /// The entry.
    pub entry: EntryId,
    /// Why, in words.
    pub why: String,
}

impl Refused {
    /// As the one who handed it in is told.
    pub fn message(&self) -> Message {
        let mut why = self.why.clone();
        let most = why.floor_char_boundary(REASON_BYTES_MAX);
        why.truncate(most);
        let entry = self.entry;
        Message::EntryRefused { entry, why }
    }
}

/// The way into a member's pool.
pub struct Intake {
    batches: SyncSender<(PeerId, Vec<SignedEntry>)>,
    ledger: Arc<Ledger>,
    desk: Arc<Mutex<Desk>>,
}

/// What the loop and the thread that checks share.
#[derive(Default)]
struct Desk {
    senders: BTreeMap<EntryId, PeerId>,
    order: VecDeque<EntryId>,
    refused: Vec<Refused>,
}

impl Intake {
    /// Begins to take in entries for this ledger.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        let (batches, taken) = sync_channel::<(PeerId, Vec<SignedEntry>)>(BATCHES_MAX);
        let desk = Arc::new(Mutex::new(Desk::default()));
        let (pool, noted) = (Arc::clone(&ledger), Arc::clone(&desk));
        std::thread::spawn(move || {
            for (from, entries) in taken {
                for entry in entries {
                    take(&pool, &noted, from, &entry);
                }
            }
        });
        Self {
            batches,
            ledger,
            desk,
        }
    }

    /// Takes in entries that `from` handed over; `false` if too many wait already.
    pub fn put(&self, from: PeerId, entries: Vec<SignedEntry>) -> bool {
        self.batches.try_send((from, entries)).is_ok()
    }

    /// What was refused or thrown out since this was last asked, where it is known who is to be
    /// told.
    pub fn refused(&self) -> Vec<Refused> {
        let thrown = self.ledger.take_thrown_out();
        let mut desk = open(&self.desk);
        let mut refused = std::mem::take(&mut desk.refused);
        refused.extend(thrown.into_iter().filter_map(|thrown| {
            let (entry, why) = (thrown.entry, thrown.why);
            let to = *desk.senders.get(&entry)?;
            Some(Refused { to, entry, why })
        }));
        refused
    }
}

impl Desk {
    /// Remembers who handed an entry in first: who repeats it later may be anyone.
    fn note(&mut self, entry: EntryId, from: PeerId) {
        if self.senders.contains_key(&entry) {
            return;
        }
        if self.order.len() >= SENDERS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.senders.remove(&oldest);
        }
        self.senders.insert(entry, from);
        self.order.push_back(entry);
    }
}

fn take(ledger: &Ledger, desk: &Mutex<Desk>, from: PeerId, entry: &SignedEntry) {
    let id = entry.entry_id();
    let refusal = ledger.propose(entry).err();
    match refusal {
        Some(PoolRefusal::NotAMember) => return,
        Some(PoolRefusal::NotAnEntry(_)) => {
            tracing::warn!(%from, entry = %id, "what was handed in is no entry");
            return;
        }
        Some(_) | None => {}
    }
    let mut desk = open(desk);
    desk.note(id, from);
    let Some(why) = refusal else { return };
    tracing::debug!(%from, entry = %id, %why, "an entry is not pooled");
    let for_good = matches!(why, PoolRefusal::Worthless(_) | PoolRefusal::Expired { .. });
    if for_good && desk.refused.len() < REFUSED_MAX {
        desk.refused.push(Refused {
            to: from,
            entry: id,
            why: why.to_string(),
        });
    }
}

fn open(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    // What a panicking thread left is whole enough: at worst somebody is not told.
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u32) -> EntryId {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        EntryId::new(bytes)
    }

    #[test]
    fn the_first_who_handed_an_entry_in_is_told_and_the_list_has_an_end() {
        let mut desk = Desk::default();
        let (first, second) = (PeerId::new([1; 32]), PeerId::new([2; 32]));
        desk.note(entry(0), first);
        desk.note(entry(0), second);
        assert_eq!(desk.senders[&entry(0)], first);
        for n in 1..=u32::try_from(SENDERS_MAX).unwrap() {
            desk.note(entry(n), second);
        }
        assert_eq!(desk.senders.len(), SENDERS_MAX);
        assert_eq!(desk.order.len(), SENDERS_MAX);
        assert!(!desk.senders.contains_key(&entry(0)), "the oldest goes");
    }

    #[test]
    fn long_reasons_are_cut_between_letters() {
        let refused = Refused {
            to: PeerId::new([1; 32]),
            entry: entry(1),
            why: "ü".repeat(REASON_BYTES_MAX),
        };
        let Message::EntryRefused { why, .. } = refused.message() else {
            panic!("a refusal")
        };
        assert_eq!(why.len(), REASON_BYTES_MAX);
    }
}
