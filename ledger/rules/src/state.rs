//! Tables with types, over bytes: the agreed [`View`] below, the [`Draft`] of a block above it.
//!
//! A key is its table's prefix and the borsh bytes of the key; a row is borsh. Prefixes lie in
//! `0x10..=0xEF` and never change their meaning; all other first bytes belong to the ledger.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::event::Event;
use protocol::genesis::{Committee, Issuance, Params};
use protocol::ids::{Digest, FederationId};
use protocol::units::{Height, Millis, Moment};

use crate::council::emergency;

/// So many hashes of the latest blocks are kept as rows; older ones are forgotten.
pub(crate) const BLOCK_HASHES_KEPT: u64 = 65_536;

/// The state a block is applied to: point reads only.
pub trait View {
    /// The row under this key, if there is one.
    fn read(&self, key: &[u8]) -> Option<Vec<u8>>;
}

impl View for BTreeMap<Vec<u8>, Vec<u8>> {
    fn read(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.get(key).cloned()
    }
}

/// Where in the chain of blocks the rules stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The number of the block being applied; the first after genesis is 1.
    pub height: Height,
    /// Its agreed time.
    pub now: Moment,
    /// The hash of the block before it.
    pub parent: Digest,
}

/// A kind of row: its prefix, what finds it, what it holds.
pub(crate) trait Table {
    const PREFIX: u8;
    type Key: BorshSerialize;
    type Row: BorshSerialize + BorshDeserialize;
}

macro_rules! table {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $key:ty => $row:ty) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl $crate::state::Table for $name {
            const PREFIX: u8 = $prefix;
            type Key = $key;
            type Row = $row;
        }
    };
}
pub(crate) use table;

table!(
    /// The federation and its governed numbers.
    Federation, 0x10, () => Founding
);
table!(
    /// Where the last applied block stood.
    Clock, 0x12, () => (Height, Moment)
);
table!(
    /// The hash of a block, written while the next one is applied.
    BlockHashes, 0x13, Height => Digest
);
table!(
    /// How many there are of what is numbered.
    Counted, 0x14, () => Counts
);

/// What a genesis fixed once, and the numbers governance may change.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Founding {
    pub(crate) id: FederationId,
    pub(crate) name: String,
    pub(crate) devnet: bool,
    pub(crate) params: Params,
    /// An epoch, and when it began: from there on epochs are counted.
    pub(crate) epochs: (u64, Moment),
    pub(crate) issuance: Issuance,
    pub(crate) emergency: Committee,
}

impl Founding {
    /// The number of the epoch that a moment is in, and when that epoch began.
    pub(crate) fn epoch_at(&self, now: Moment) -> (u64, Moment) {
        let (number, began) = self.epochs;
        let passed = now.since(began).get().checked_div(self.params.epoch.get());
        let passed = passed.expect("an epoch is never nothing");
        let spent = Millis::new(passed.saturating_mul(self.params.epoch.get()));
        (number.saturating_add(passed), began.after(spent))
    }

    /// When an epoch begins, if it is not before those that are counted now.
    pub(crate) fn begins(&self, epoch: u64) -> Moment {
        let (number, began) = self.epochs;
        let length = self.params.epoch.get();
        let passed = epoch.saturating_sub(number).saturating_mul(length);
        began.after(Millis::new(passed))
    }
}

/// How many there are of everything that is numbered from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Counts {
    /// Members, in the order of the genesis.
    pub members: u32,
    /// Community desks.
    pub desks: u32,
    /// Peers ever admitted.
    pub peers: u64,
    /// Jobs ever submitted.
    pub jobs: u64,
    /// Disputes ever shown to a panel.
    pub disputes: u64,
    /// The power of all members together.
    pub power: u64,
    /// Slashes ever taken.
    pub slashes: u64,
}

/// Most keys and most rows are no longer than this: room for them is asked for once.
const BYTES_EXPECTED: usize = 128;

/// The bytes that find a row.
pub(crate) fn key<T: Table>(key: &T::Key) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BYTES_EXPECTED);
    bytes.push(T::PREFIX);
    key.serialize(&mut bytes)
        .expect("writing to memory cannot fail");
    bytes
}

/// The row under `at`, if there is one.
pub(crate) fn row<T: Table>(view: &dyn View, at: &T::Key) -> Option<T::Row> {
    let bytes = view.read(&key::<T>(at))?;
    Some(borsh::from_slice(&bytes).expect("rows are written by Draft::put alone, of this type"))
}

/// Whether there is a row under `at`.
pub(crate) fn has<T: Table>(view: &dyn View, at: &T::Key) -> bool {
    view.read(&key::<T>(at)).is_some()
}

/// Rows that a block or an entry would change, over a view that stays as it is.
pub(crate) struct Draft<'v> {
    below: &'v dyn View,
    founding: &'v Founding,
    at: At,
    updates: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    events: Vec<Event>,
}

/// What a draft would change and say.
pub(crate) struct Changes {
    pub(crate) updates: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(crate) events: Vec<Event>,
}

impl<'v> Draft<'v> {
    /// Nothing changed yet.
    pub(crate) fn new(below: &'v dyn View, founding: &'v Founding, at: At) -> Self {
        Self {
            below,
            founding,
            at,
            updates: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    /// A draft over this one, to be kept whole or dropped whole.
    pub(crate) fn over(&self) -> Draft<'_> {
        Draft::new(self, self.founding, self.at)
    }

    /// What it changed.
    pub(crate) fn into_changes(self) -> Changes {
        Changes {
            updates: self.updates,
            events: self.events,
        }
    }

    /// Takes over what a draft above this one changed.
    pub(crate) fn keep(&mut self, changes: Changes) {
        // Not `append`: that walks all rows the block has changed so far, for every entry of it.
        self.updates.extend(changes.updates);
        self.events.extend(changes.events);
    }

    pub(crate) const fn at(&self) -> At {
        self.at
    }

    pub(crate) const fn now(&self) -> Moment {
        self.at.now
    }

    /// The moment that deadlines of jobs are measured by: agreed time, unless an emergency extends
    /// them.
    pub(crate) fn deadline_now(&self) -> Moment {
        emergency::deadline_clock(self, self.at.now)
    }

    pub(crate) const fn params(&self) -> &'v Params {
        &self.founding.params
    }

    /// The number of the epoch that agreed time is in.
    pub(crate) fn epoch(&self) -> u64 {
        self.founding.epoch_at(self.at.now).0
    }

    /// What a genesis fixed, and the numbers as they were when the block began.
    pub(crate) const fn founding(&self) -> &'v Founding {
        self.founding
    }

    pub(crate) const fn federation(&self) -> FederationId {
        self.founding.id
    }

    pub(crate) fn row<T: Table>(&self, at: &T::Key) -> Option<T::Row> {
        row::<T>(self, at)
    }

    pub(crate) fn put<T: Table>(&mut self, at: &T::Key, row: &T::Row) {
        let mut bytes = Vec::with_capacity(BYTES_EXPECTED);
        row.serialize(&mut bytes)
            .expect("writing to memory cannot fail");
        self.updates.insert(key::<T>(at), Some(bytes));
    }

    pub(crate) fn remove<T: Table>(&mut self, at: &T::Key) {
        self.updates.insert(key::<T>(at), None);
    }

    pub(crate) fn say(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Changes the counters, and gives them as they were.
    pub(crate) fn count(&mut self, change: impl FnOnce(&mut Counts)) -> Counts {
        let before = self.row::<Counted>(&()).unwrap_or_default();
        let mut after = before;
        change(&mut after);
        self.put::<Counted>(&(), &after);
        before
    }

    #[cfg(test)]
    pub(crate) fn said(&self) -> &[Event] {
        &self.events
    }

    pub(crate) fn updates(&self) -> &BTreeMap<Vec<u8>, Option<Vec<u8>>> {
        &self.updates
    }
}

impl View for Draft<'_> {
    fn read(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.updates.get(key) {
            Some(changed) => changed.clone(),
            None => self.below.read(key),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Does something on an empty state.
    pub(crate) fn on_nothing<T>(act: impl FnOnce(&mut Draft<'_>) -> T) -> T {
        on_nothing_at(Moment::new(1), act)
    }

    /// Does something on an empty state, at a moment.
    pub(crate) fn on_nothing_at<T>(now: Moment, act: impl FnOnce(&mut Draft<'_>) -> T) -> T {
        let founding = Founding {
            id: FederationId::new([0; 32]),
            name: String::new(),
            devnet: true,
            params: Params::standard(),
            epochs: (0, Moment::new(0)),
            issuance: Issuance::Fixed,
            emergency: Committee::NOBODY,
        };
        let at = At {
            height: Height::new(1),
            now,
            parent: Digest::of(b""),
        };
        let rows: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        act(&mut Draft::new(&rows, &founding, at))
    }

    #[test]
    fn a_dropped_draft_changes_nothing_and_a_kept_one_everything() {
        on_nothing(|block| {
            block.count(|counts| counts.jobs = 1);

            let mut entry = block.over();
            entry.count(|counts| counts.jobs = 2);
            entry.remove::<Clock>(&());
            drop(entry);
            assert_eq!(block.row::<Counted>(&()).map(|c| c.jobs), Some(1));

            let mut entry = block.over();
            entry.count(|counts| counts.jobs = 3);
            let changes = entry.into_changes();
            block.keep(changes);
            assert_eq!(block.row::<Counted>(&()).map(|c| c.jobs), Some(3));
        });
    }
}
