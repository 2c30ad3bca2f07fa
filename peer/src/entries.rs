//! Our wishes on their way to the ledger: signed, handed to every member, and answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::{Agreed, Ledger};
use protocol::entry::{Body, SignedEntry};
use protocol::ids::{EntryId, FederationId};
use protocol::message::{ENTRIES_MAX, Message};
use protocol::units::{Millis, Moment};
use steward::{Busy, Fate, Input, ProposalToken};

use crate::keys::Keys;
use crate::outbox::Outbox;

/// The entries of one message take so many bytes at most, well below what a message may take.
const BATCH_BYTES_MAX: usize = 512 * 1_024;

/// The entries that this peer signed and that no block holds yet.
pub struct Entries {
    keys: Arc<Keys>,
    ledger: Arc<Ledger>,
    outbox: Outbox,
    tokens: BTreeMap<EntryId, ProposalToken>,
    fresh: Vec<SignedEntry>,
}

impl Entries {
    /// Starts in a lane that this party has not used: a random one, so that what was signed before
    /// a crash and is still on its way cannot collide with what is signed now.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn new(
        federation: FederationId,
        keys: Arc<Keys>,
        ledger: Arc<Ledger>,
    ) -> Result<Self, getrandom::Error> {
        let party = keys.party();
        let lane = random_lane()?;
        let nonce = rules::read::nonce(&ledger.ask(), party, lane);
        let outbox = Outbox::new(federation, party, lane, nonce);
        Ok(Self {
            keys,
            ledger,
            outbox,
            tokens: BTreeMap::new(),
            fresh: Vec::new(),
        })
    }

    /// Signs a wish, or sends again what was signed for it. Answers at once only where the wish
    /// cannot be sent.
    pub fn propose(&mut self, now: Moment, token: ProposalToken, body: Body) -> Option<Input> {
        if self.tokens.values().any(|waiting| *waiting == token) {
            return None;
        }
        let checked_first = matches!(body, Body::Submit { .. });
        let keys = Arc::clone(&self.keys);
        let Some(entry) = self.outbox.sign(now, body, |entry| keys.sign_entry(entry)) else {
            return Some(Input::Busy(Busy::Propose(token)));
        };
        if checked_first && let Err(refused) = self.ledger.preview(&entry) {
            self.outbox.take_back(&entry);
            let fate = Fate::Refused {
                why: refused.to_string(),
                may_retry: false,
            };
            return Some(Input::Answered { token, fate });
        }
        self.tokens.insert(entry.entry_id(), token);
        self.fresh.push(entry);
        None
    }

    /// Learns from a block what became of our entries.
    pub fn agreed(&mut self, block: &Agreed) -> Vec<Input> {
        let mut fates = Vec::new();
        for answer in &block.answers {
            self.outbox.agreed(answer.entry);
            let Some(token) = self.tokens.remove(&answer.entry) else {
                continue;
            };
            let fate = answer
                .refused
                .as_ref()
                .map_or(Fate::Agreed, |refused| Fate::Refused {
                    why: refused.why.clone(),
                    may_retry: true,
                });
            fates.push(Input::Answered { token, fate });
        }
        fates
    }

    /// Adds what was lost or has outlived its time to what is to be sent.
    pub fn tend(&mut self, now: Moment, agreed_time: Moment) {
        self.fresh.extend(self.outbox.again(now));
        let Ok(lane) = random_lane() else { return };
        let keys = Arc::clone(&self.keys);
        let old: Vec<_> = self
            .outbox
            .ids()
            .map(|id| self.tokens.get(&id).copied())
            .collect();
        let renewed = self
            .outbox
            .renew(agreed_time, now, lane, |entry| keys.sign_entry(entry));
        if renewed.is_empty() {
            return;
        }
        let named = renewed.iter().map(SignedEntry::entry_id).zip(old);
        self.tokens = named.filter_map(|(id, token)| Some((id, token?))).collect();
        self.fresh.extend(renewed);
    }

    /// When [`Entries::tend`] next has something to do.
    pub fn wake_at(&self) -> Option<Moment> {
        self.outbox.wake_at()
    }

    /// What is to be handed to every member now, in messages that are small enough.
    pub fn take_messages(&mut self) -> Vec<Message> {
        batches(std::mem::take(&mut self.fresh))
            .into_iter()
            .map(Message::Entries)
            .collect()
    }
}

/// Cuts entries, in order, into lists that fit into a message each.
pub fn batches(entries: Vec<SignedEntry>) -> Vec<Vec<SignedEntry>> {
    let mut batches: Vec<Vec<SignedEntry>> = Vec::new();
    let mut room = 0;
    for entry in entries {
        let size = protocol::bytes::write(&entry).len();
        match batches.last_mut() {
            Some(batch) if size <= room && batch.len() < ENTRIES_MAX => {
                room -= size;
                batch.push(entry);
            }
            _ => {
                room = BATCH_BYTES_MAX.saturating_sub(size);
                batches.push(vec![entry]);
            }
        }
    }
    batches
}

/// How often lost entries are looked for.
pub const TEND_EVERY: Millis = Millis::new(200);

fn random_lane() -> Result<u16, getrandom::Error> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes)?;
    Ok(u16::from_le_bytes(bytes))
}
