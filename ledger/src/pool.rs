//! Entries waiting for a block: bounded, signed, in nonce order.
//!
//! ```text
//! put ──▶ lane of (party, lane): 5, 6, 7, _, 9    9 waits for 8
//!            │ pick: from the next nonce of the block's parent upwards; nothing is taken out
//!            └ settle: what a block has settled, and what has expired, is gone
//! ```
//!
//! A share of each block, and of the pool, is kept for entries by which a wrong is shown, answered
//! or judged. That is a leader's duty and no rule: a block without it is as valid as any, because
//! nobody can prove what a leader had heard of; the next leader is another.
//!
//! Picking leaves everything where it is, so entries of a block that is never agreed come up again
//! by themselves. An entry never replaces another: the first one of its nonce stays until a block
//! settles it or it expires.

mod pick;

use crate::header::BLOCK_ENTRIES_MAX;
use crate::known::{Known, NotAnEntry};
use pick::{Pick, Room};
use protocol::ids::{EntryId, PartyId};
use protocol::units::{Bps, Moment};
use rules::{Refusal, Space};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Entries that wait at most.
pub const POOL_ENTRIES_MAX: usize = 16_384;
/// What they may take together.
pub const POOL_BYTES_MAX: usize = 64 << 20;
/// Entries that are not for justice find no room once so many wait,
pub const ORDINARY_ENTRIES_MAX: usize = POOL_ENTRIES_MAX / 4 * 3;
/// or so many bytes: a flood of them leaves room for those that are.
pub const ORDINARY_BYTES_MAX: usize = POOL_BYTES_MAX / 4 * 3;
/// Of one party, so many wait at most,
pub const PARTY_ENTRIES_MAX: usize = 4_096;
/// and take so much at most.
pub const PARTY_BYTES_MAX: usize = 8 << 20;
/// A nonce may be so far ahead of the next one that its lane needs.
pub const NONCE_AHEAD_MAX: u64 = 4_096;
/// A lane is served so many entries, then the next lane has its turn.
const TURN: usize = 64;
/// In the room for justice so many, so that no judge waits for another's flood.
const JUDGE_TURN: usize = 4;

/// Why an entry does not wait for a block. Listed in the order of the questions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolRefusal {
    /// This peer does not vote, so it makes no blocks.
    #[error("this peer is no member: hand the entry to one")]
    NotAMember,
    /// It is no entry of this federation.
    #[error(transparent)]
    NotAnEntry(#[from] NotAnEntry),
    /// Its time is over.
    #[error("the entry was valid until {valid_until}, and it is {now}")]
    Expired {
        /// Until when it was valid.
        valid_until: Moment,
        /// Agreed time.
        now: Moment,
    },
    /// The rules would not even take its fee: the sender is unknown, cannot pay, or has not signed.
    #[error(transparent)]
    Worthless(#[from] Refusal),
    /// An entry with this nonce is agreed already.
    #[error("nonce {nonce} is used: the next one of this sender and lane is {next}")]
    NonceUsed {
        /// Its nonce.
        nonce: u64,
        /// The next one that a block can take.
        next: u64,
    },
    /// It is more than [`NONCE_AHEAD_MAX`] ahead.
    #[error("nonce {nonce} is too far ahead of {next}")]
    NonceAhead {
        /// Its nonce.
        nonce: u64,
        /// The next one that a block can take.
        next: u64,
    },
    /// Another entry with this nonce waits, and keeps its place.
    #[error("nonce {nonce} is taken by {by}, which waits for a block")]
    NonceTaken {
        /// Its nonce.
        nonce: u64,
        /// The entry that waits.
        by: EntryId,
    },
    /// The sender has as much waiting as it may. May pass later.
    #[error("too many entries of this sender wait; try again later")]
    PartyFull,
    /// The pool has no room. May pass later.
    #[error("too many entries wait; try again later")]
    PoolFull,
}

type LaneId = (PartyId, u16);
type Place = (LaneId, u64);

#[derive(Clone, Copy, Default)]
struct Load {
    entries: usize,
    bytes: usize,
}

#[derive(Default)]
struct Waiting {
    lanes: BTreeMap<LaneId, BTreeMap<u64, Arc<Known>>>,
    by_party: BTreeMap<PartyId, Load>,
    by_end: BTreeSet<(Moment, Place)>,
    all: Load,
    /// Grows with every entry that comes in.
    arrivals: u64,
    /// The lane that was served last.
    served: Option<LaneId>,
    /// The lane that was served last in the room for justice.
    judged: Option<LaneId>,
}

fn is_justice(known: &Known) -> bool {
    rules::space_of(&known.entry.value().body) == Space::Justice
}

fn share(of: usize, kept: Bps) -> usize {
    let whole = usize::try_from(Bps::ONE.get()).unwrap_or(usize::MAX);
    let kept = usize::try_from(kept.get()).map_or(whole, |kept| kept.min(whole));
    of * kept / whole
}

/// The pool of one member; safe to share.
#[derive(Default)]
pub struct Pool {
    waiting: Mutex<Waiting>,
}

impl Pool {
    /// Lets an entry wait. The same entry again is let through and changes nothing. `next` is the
    /// nonce that its lane needs next, and `now` is agreed time.
    ///
    /// # Errors
    /// [`PoolRefusal`], and nothing changed.
    pub fn put(&self, known: Arc<Known>, next: u64, now: Moment) -> Result<EntryId, PoolRefusal> {
        let entry = known.entry.value();
        let (nonce, valid_until, id) = (entry.nonce, entry.valid_until, known.id);
        let place: Place = ((entry.sender, entry.lane), nonce);
        if valid_until < now {
            return Err(PoolRefusal::Expired { valid_until, now });
        }
        if nonce < next {
            return Err(PoolRefusal::NonceUsed { nonce, next });
        }
        if nonce - next > NONCE_AHEAD_MAX {
            return Err(PoolRefusal::NonceAhead { nonce, next });
        }
        let mut waiting = self.lock();
        if let Some(first) = waiting
            .lanes
            .get(&place.0)
            .and_then(|lane| lane.get(&nonce))
        {
            let by = first.id;
            return if by == id {
                Ok(id)
            } else {
                Err(PoolRefusal::NonceTaken { nonce, by })
            };
        }
        waiting.has_room(&known)?;
        waiting.by_end.insert((valid_until, place));
        waiting.count(&entry.sender, known.bytes.len());
        waiting
            .lanes
            .entry(place.0)
            .or_default()
            .insert(nonce, known);
        waiting.arrivals += 1;
        Ok(id)
    }

    /// Chooses entries for a block, fairly between lanes and in nonce order within each. `next`
    /// says what nonce a lane needs after the block's parent; `bytes` is the room there is, and
    /// `kept` the share of it that is for justice.
    ///
    /// What is for justice and has its turn in its lane comes first, up to that share; then all
    /// others, which may take what is left. An entry of justice behind others in its own lane waits
    /// with them: who judges uses a lane for it.
    pub fn pick(
        &self,
        next: impl FnMut(&PartyId, u16) -> u64,
        now: Moment,
        bytes: usize,
        kept: Bps,
    ) -> Vec<Arc<Known>> {
        let mut waiting = self.lock();
        let mut pick = Pick {
            next,
            now,
            cursors: BTreeMap::new(),
            picked: Vec::new(),
        };
        let room = Room {
            entries: share(BLOCK_ENTRIES_MAX, kept),
            bytes: share(bytes, kept),
        };
        let (full, left) = pick.fill(&waiting, (waiting.judged, JUDGE_TURN), room, &is_justice);
        waiting.judged = full.or(waiting.judged);
        let room = Room {
            entries: BLOCK_ENTRIES_MAX - pick.picked.len(),
            bytes: bytes - (room.bytes - left),
        };
        let (full, _) = pick.fill(&waiting, (waiting.served, TURN), room, &|_| true);
        waiting.served = full.or(waiting.served);
        pick.picked
    }

    /// Forgets what is settled: these lanes are now at these next nonces. Forgets also all that has
    /// expired at `now`.
    pub fn settle(&self, lanes: impl IntoIterator<Item = (PartyId, u16, u64)>, now: Moment) {
        let mut waiting = self.lock();
        for (party, lane, next) in lanes {
            let lane_id = (party, lane);
            while let Some(nonce) = waiting.lowest(&lane_id).filter(|nonce| *nonce < next) {
                waiting.remove(&(lane_id, nonce));
            }
        }
        while let Some((end, place)) = waiting.by_end.first().copied() {
            if end >= now {
                break;
            }
            waiting.remove(&place);
        }
    }

    /// Throws out one entry that no block can take.
    pub fn throw(&self, known: &Known) {
        let entry = known.entry.value();
        let place = ((entry.sender, entry.lane), entry.nonce);
        let mut waiting = self.lock();
        if waiting.at(&place).is_some_and(|waits| waits.id == known.id) {
            waiting.remove(&place);
        }
    }

    /// The lanes in which entries wait.
    pub fn lanes(&self) -> Vec<(PartyId, u16)> {
        self.lock().lanes.keys().copied().collect()
    }

    /// How many entries wait.
    pub fn len(&self) -> usize {
        self.lock().all.entries
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A count that grows with every entry that comes in.
    pub fn arrivals(&self) -> u64 {
        self.lock().arrivals
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn has_room(&self, known: &Known) -> Result<(), PoolRefusal> {
        let (party, bytes) = (known.entry.value().sender, known.bytes.len());
        let its = self.by_party.get(&party).copied().unwrap_or_default();
        if its.entries >= PARTY_ENTRIES_MAX || its.bytes + bytes > PARTY_BYTES_MAX {
            return Err(PoolRefusal::PartyFull);
        }
        let (entries_max, bytes_max) = if is_justice(known) {
            (POOL_ENTRIES_MAX, POOL_BYTES_MAX)
        } else {
            (ORDINARY_ENTRIES_MAX, ORDINARY_BYTES_MAX)
        };
        if self.all.entries >= entries_max || self.all.bytes + bytes > bytes_max {
            return Err(PoolRefusal::PoolFull);
        }
        Ok(())
    }

    fn count(&mut self, party: &PartyId, bytes: usize) {
        for load in [&mut self.all, self.by_party.entry(*party).or_default()] {
            load.entries += 1;
            load.bytes += bytes;
        }
    }

    /// All lanes, beginning after the one that was served last: `served`.
    fn turns(&self, served: Option<LaneId>) -> Vec<LaneId> {
        let Some(served) = served else {
            return self.lanes.keys().copied().collect();
        };
        let after = self
            .lanes
            .range((Bound::Excluded(served), Bound::Unbounded));
        let until = self.lanes.range(..=served);
        after.chain(until).map(|(id, _)| *id).collect()
    }

    fn lowest(&self, lane: &LaneId) -> Option<u64> {
        self.lanes
            .get(lane)?
            .first_key_value()
            .map(|(nonce, _)| *nonce)
    }

    fn at(&self, place: &Place) -> Option<&Arc<Known>> {
        self.lanes.get(&place.0)?.get(&place.1)
    }

    fn remove(&mut self, place: &Place) {
        let Some(lane) = self.lanes.get_mut(&place.0) else {
            return;
        };
        let Some(known) = lane.remove(&place.1) else {
            return;
        };
        if lane.is_empty() {
            self.lanes.remove(&place.0);
        }
        self.by_end
            .remove(&(known.entry.value().valid_until, *place));
        let party = place.0.0;
        let its = self.by_party.entry(party).or_default();
        for load in [&mut self.all, &mut *its] {
            load.entries -= 1;
            load.bytes -= known.bytes.len();
        }
        if self
            .by_party
            .get(&party)
            .is_some_and(|its| its.entries == 0)
        {
            self.by_party.remove(&party);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
