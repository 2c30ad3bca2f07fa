//! Entries on their way to the ledger: signed here in nonce order, sent again until agreed.
//!
//! ```text
//! body ──sign──▶ waiting ──agreed, or refused in a block──▶ gone
//!                  │ ▲ sent again every second
//!                  ├─┴── life over ──▶ signed anew in a fresh lane
//!                  └── members refuse it ──▶ given up: kept for its place alone
//! ```
//!
//! An entry that was never agreed blocks every later nonce of its lane. When its life is over it
//! can never be agreed any more, and so neither can those behind it: all of them move to a fresh
//! lane, and none can count twice.

use std::collections::VecDeque;

use protocol::entry::{Body, Entry, SignedEntry};
use protocol::ids::{EntryId, FederationId, PartyId};
use protocol::units::{Millis, Moment};

/// So many entries may wait; more are refused to whoever asks.
pub const WAITING_MAX: usize = 4_096;
/// An entry that was not agreed is sent again after this.
pub const AGAIN_AFTER: Millis = Millis::new(1_000);
/// An entry may be agreed for so long after it was signed.
pub const LIFE: Millis = Millis::new(2 * 60_000);
/// So many entries are sent again at a time.
const AGAIN_MAX: usize = 256;

struct Waiting {
    entry: SignedEntry,
    id: EntryId,
    sent: Moment,
    valid_until: Moment,
    /// Nobody waits for it any more. It may still be agreed, so its nonce is not free.
    given_up: bool,
}

/// The outbox of one party on one machine.
pub struct Outbox {
    federation: FederationId,
    sender: PartyId,
    lane: u16,
    nonce: u64,
    waiting: VecDeque<Waiting>,
}

impl Outbox {
    /// An empty outbox that signs in `lane`, which nothing has used before: a machine takes a new
    /// one each time it starts, so that entries from before a crash cannot collide with new ones.
    pub const fn new(federation: FederationId, sender: PartyId, lane: u16, nonce: u64) -> Self {
        Self {
            federation,
            sender,
            lane,
            nonce,
            waiting: VecDeque::new(),
        }
    }

    /// Whether an entry is of this outbox's party and federation.
    pub fn is_ours(&self, entry: &Entry) -> bool {
        (entry.federation, entry.sender) == (self.federation, self.sender)
    }

    /// Signs a body and keeps the entry until it is agreed; `None` if [`WAITING_MAX`] wait already.
    pub fn sign(
        &mut self,
        now: Moment,
        body: Body,
        sign: impl Fn(Entry) -> SignedEntry,
    ) -> Option<SignedEntry> {
        if self.waiting.len() >= WAITING_MAX {
            return None;
        }
        let valid_until = now.after(LIFE);
        let entry = sign(Entry {
            federation: self.federation,
            sender: self.sender,
            lane: self.lane,
            nonce: self.nonce,
            valid_until,
            fee_payer: None,
            cosigners: Vec::new(),
            body,
        });
        self.nonce += 1;
        let id = entry.entry_id();
        self.waiting.push_back(Waiting {
            entry: entry.clone(),
            id,
            sent: now,
            valid_until,
            given_up: false,
        });
        Some(entry)
    }

    /// An entry is in a block, accepted or refused. Returns its body if it was one of ours.
    pub fn agreed(&mut self, id: EntryId) -> Option<Body> {
        let place = self.waiting.iter().position(|waiting| waiting.id == id)?;
        self.waiting
            .remove(place)
            .map(|waiting| waiting.entry.unchecked().body.clone())
    }

    /// Forgets the entry signed last, which was never sent: its nonce is free again.
    pub fn take_back(&mut self, entry: &SignedEntry) {
        if self
            .waiting
            .back()
            .is_some_and(|last| last.id == entry.entry_id())
        {
            self.waiting.pop_back();
            self.nonce -= 1;
        }
    }

    /// What waits, in the order in which it was signed, and what was given up left out.
    pub fn ids(&self) -> impl Iterator<Item = EntryId> {
        self.wanted().map(|waiting| waiting.id)
    }

    /// One that waits.
    pub fn entry(&self, id: EntryId) -> Option<&SignedEntry> {
        let waiting = self.wanted().find(|waiting| waiting.id == id)?;
        Some(&waiting.entry)
    }

    /// The members refuse an entry: it is neither sent again nor signed anew. If nothing else
    /// waits, what is signed from now on goes by `fresh_lane` and does not wait behind it.
    pub fn give_up(&mut self, id: EntryId, fresh_lane: u16) {
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.id == id) {
            waiting.given_up = true;
        }
        if self.wanted().next().is_none() {
            self.waiting.clear();
            (self.lane, self.nonce) = (fresh_lane, 0);
        }
    }

    fn wanted(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter().filter(|waiting| !waiting.given_up)
    }

    /// The entries to send again now.
    pub fn again(&mut self, now: Moment) -> Vec<SignedEntry> {
        self.waiting
            .iter_mut()
            .filter(|waiting| !waiting.given_up && now.since(waiting.sent) >= AGAIN_AFTER)
            .take(AGAIN_MAX)
            .map(|waiting| {
                waiting.sent = now;
                waiting.entry.clone()
            })
            .collect()
    }

    /// Once the oldest entry's life is over by agreed time: signs everything that waits anew, in
    /// `fresh_lane`, and returns it. Empty while nothing has run out.
    pub fn renew(
        &mut self,
        agreed_time: Moment,
        now: Moment,
        fresh_lane: u16,
        sign: impl Fn(Entry) -> SignedEntry,
    ) -> Vec<SignedEntry> {
        let lives = |oldest: &Waiting| agreed_time <= oldest.valid_until;
        if self.waiting.front().is_none_or(lives) {
            return Vec::new();
        }
        self.lane = fresh_lane;
        self.nonce = 0;
        let bodies: Vec<Body> = self
            .waiting
            .drain(..)
            .filter(|waiting| !waiting.given_up)
            .map(|waiting| waiting.entry.unchecked().body.clone())
            .collect();
        bodies
            .into_iter()
            .filter_map(|body| self.sign(now, body, &sign))
            .collect()
    }

    /// When [`Outbox::again`] next has something to send.
    pub fn wake_at(&self) -> Option<Moment> {
        self.wanted()
            .map(|waiting| waiting.sent.after(AGAIN_AFTER))
            .min()
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use protocol::ids::JobId;
    use protocol::signed::Signed;

    use super::*;

    fn sign(entry: Entry) -> SignedEntry {
        Signed::sign(entry, &SigningKey::from_bytes(&[1; 32]))
    }

    fn outbox() -> Outbox {
        Outbox::new(FederationId::new([1; 32]), PartyId::new([2; 32]), 7, 0)
    }

    fn body() -> Body {
        Body::Sweep {
            job: JobId::new([3; 32]),
        }
    }

    #[test]
    fn an_entry_is_sent_again_until_it_is_agreed() {
        let (mut outbox, start) = (outbox(), Moment::new(1_000));
        let first = outbox.sign(start, body(), sign).expect("there is room");
        let second = outbox.sign(start, body(), sign).expect("there is room");
        assert_eq!(first.unchecked().nonce + 1, second.unchecked().nonce);
        assert_eq!(outbox.again(start), []);
        assert_eq!(outbox.wake_at(), Some(start.after(AGAIN_AFTER)));
        assert_eq!(
            outbox.again(start.after(AGAIN_AFTER)),
            [first.clone(), second.clone()]
        );
        assert_eq!(outbox.agreed(first.entry_id()), Some(body()));
        assert_eq!(outbox.agreed(first.entry_id()), None);
        let later = start.after(AGAIN_AFTER).after(AGAIN_AFTER);
        assert_eq!(outbox.again(later), [second]);
    }

    #[test]
    fn what_ran_out_moves_to_a_fresh_lane_with_all_that_waits_behind_it() {
        let (mut outbox, start) = (outbox(), Moment::new(1_000));
        for _ in 0..3 {
            outbox.sign(start, body(), sign).expect("there is room");
        }
        assert_eq!(outbox.renew(start.after(LIFE), start, 8, sign), []);
        let over = start.after(LIFE).after(Millis::new(1));
        let renewed = outbox.renew(over, over, 8, sign);
        let places: Vec<_> = renewed
            .iter()
            .map(|e| (e.unchecked().lane, e.unchecked().nonce))
            .collect();
        assert_eq!(places, [(8, 0), (8, 1), (8, 2)]);
    }

    #[test]
    fn what_is_given_up_keeps_its_nonce_only_while_others_wait_behind_it() {
        let (mut outbox, start) = (outbox(), Moment::new(1_000));
        let first = outbox.sign(start, body(), sign).expect("there is room");
        let second = outbox.sign(start, body(), sign).expect("there is room");
        outbox.give_up(first.entry_id(), 8);
        assert!(outbox.entry(first.entry_id()).is_none());
        assert_eq!(
            outbox.again(start.after(AGAIN_AFTER)),
            [second],
            "only what is wanted is sent again"
        );
        let over = start.after(LIFE).after(Millis::new(1));
        let renewed = outbox.renew(over, over, 9, sign);
        assert_eq!(renewed.len(), 1, "only what is wanted is signed anew");
        outbox.give_up(renewed[0].entry_id(), 10);
        let next = outbox.sign(over, body(), sign).expect("there is room");
        assert_eq!((next.unchecked().lane, next.unchecked().nonce), (10, 0));
    }

    #[test]
    fn a_full_outbox_says_so() {
        let mut outbox = outbox();
        for _ in 0..WAITING_MAX {
            assert!(outbox.sign(Moment::new(1), body(), sign).is_some());
        }
        assert_eq!(outbox.sign(Moment::new(1), body(), sign), None);
    }
}
