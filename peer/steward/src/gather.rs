//! Things that many peers sign and one entry carries: gathered for a moment, then cut into batches.
//!
//! ```text
//! loose ──all are in, many are in, or a moment passed──▶ batch ──on the ledger──▶ gone
//!                                      one that is refused falls into batches of one
//! ```

use std::collections::{BTreeMap, BTreeSet};

use protocol::entry::SEALS_MAX;
use protocol::ids::PeerId;
use protocol::units::{Millis, Moment};

/// What came in waits so long for company.
pub const GATHER_FOR: Millis = Millis::new(20);
/// So many together wait no longer.
pub const GATHER_MAX: usize = 256;

const _: () = assert!(GATHER_MAX <= SEALS_MAX);

/// Whose, and of which bundle of the job.
pub(crate) type Place = (u32, PeerId);

#[derive(Debug)]
pub(crate) struct Gather<T> {
    items: BTreeMap<Place, T>,
    loose: BTreeSet<Place>,
    since: Option<Moment>,
    batches: BTreeMap<u32, BTreeSet<Place>>,
    next: u32,
}

impl<T: Clone> Gather<T> {
    pub(crate) const fn new() -> Self {
        Self {
            items: BTreeMap::new(),
            loose: BTreeSet::new(),
            since: None,
            batches: BTreeMap::new(),
            next: 0,
        }
    }

    /// Takes in what is not yet held; returns whether it was not.
    pub(crate) fn put(&mut self, place: Place, item: T, now: Moment) -> bool {
        let is_new = self.items.insert(place, item).is_none();
        if is_new {
            self.loose.insert(place);
            self.since.get_or_insert(now);
        }
        is_new
    }

    /// It is on the ledger, or no longer wanted there.
    pub(crate) fn gone(&mut self, place: Place) {
        self.items.remove(&place);
        self.loose.remove(&place);
        for batch in self.batches.values_mut() {
            batch.remove(&place);
        }
        self.batches.retain(|_, batch| !batch.is_empty());
    }

    /// How many are held that the ledger does not have.
    pub(crate) fn held(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn has_loose(&self) -> bool {
        !self.loose.is_empty()
    }

    /// Cuts what is loose into batches if it has waited long enough, or if no more will come.
    pub(crate) fn cut(&mut self, now: Moment, complete: bool) {
        let waited = self
            .since
            .is_some_and(|since| since.after(GATHER_FOR) <= now);
        if !(complete || waited || self.loose.len() >= GATHER_MAX) {
            return;
        }
        while !self.loose.is_empty() {
            let batch: BTreeSet<Place> = self.loose.iter().take(SEALS_MAX).copied().collect();
            self.loose.retain(|place| !batch.contains(place));
            self.batches.insert(self.next, batch);
            self.next = self.next.wrapping_add(1);
        }
        self.since = None;
    }

    /// The ledger refused a batch for good: each item stands for itself, and a lone one is dropped.
    pub(crate) fn refused(&mut self, batch: u32) {
        let Some(places) = self.batches.remove(&batch) else {
            return;
        };
        let alone = places.len() == 1;
        for place in places {
            if alone {
                self.items.remove(&place);
            } else {
                self.batches.insert(self.next, BTreeSet::from([place]));
                self.next = self.next.wrapping_add(1);
            }
        }
    }

    /// The numbers of the batches that wait for the ledger.
    pub(crate) fn batches(&self) -> Vec<u32> {
        self.batches.keys().copied().collect()
    }

    /// What is in a batch.
    pub(crate) fn batch(&self, number: u32) -> Vec<T> {
        let places = self.batches.get(&number).into_iter().flatten();
        places
            .filter_map(|place| self.items.get(place).cloned())
            .collect()
    }

    pub(crate) fn wake_at(&self) -> Option<Moment> {
        self.since
            .filter(|_| self.has_loose())
            .map(|since| since.after(GATHER_FOR))
    }
}
