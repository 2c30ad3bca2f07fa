//! A ledger at one height. Whoever applies the same blocks to it, from wherever, has the same root.

use std::collections::BTreeMap;

use protocol::entry::CheckedEntry;
use protocol::event::Event;
use protocol::ids::Digest;
use protocol::units::{Height, Moment};
use rules::{At, Refusal, apply_block};

use crate::sequencer::Block;

/// Its rows, and the block they follow from.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    seed: u64,
    pub(crate) rows: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) height: Height,
    parent: Digest,
}

impl Chain {
    /// A ledger before its first block.
    pub(crate) fn new(seed: u64, rows: BTreeMap<Vec<u8>, Vec<u8>>) -> Self {
        Self {
            seed,
            rows,
            height: Height::GENESIS,
            parent: Digest::of(&seed.to_le_bytes()),
        }
    }

    /// Applies the next block; says what became of its entries, and what happened.
    pub(crate) fn apply(
        &mut self,
        now: Moment,
        entries: &[CheckedEntry],
    ) -> (Vec<Result<(), Refusal>>, Vec<Event>) {
        let height = self.height.after(1);
        let parent = self.parent;
        let at = At {
            height,
            now,
            parent,
        };
        let applied = apply_block(&self.rows, &at, entries);
        for (row, value) in applied.updates {
            match value {
                Some(value) => self.rows.insert(row, value),
                None => self.rows.remove(&row),
            };
        }
        let mut parts: Vec<&[u8]> = vec![parent.bytes()];
        let (seed, number) = (self.seed.to_le_bytes(), height.get().to_le_bytes());
        parts.extend([&seed[..], &number[..]]);
        let names: Vec<_> = entries.iter().map(CheckedEntry::entry_id).collect();
        parts.extend(names.iter().map(|name| &name.bytes()[..]));
        (self.height, self.parent) = (height, Digest::derive("tallygrid sim block v1", &parts));
        (applied.answers, applied.events)
    }

    /// Applies those of all blocks that it lacks.
    pub(crate) fn catch_up<'b>(&mut self, blocks: impl Iterator<Item = &'b Block>) {
        for block in blocks {
            if block.height > self.height {
                self.apply(block.now, &block.entries);
            }
        }
    }

    /// The digest of every row: what all members must agree on.
    pub(crate) fn root(&self) -> Digest {
        let lengths: Vec<_> = self
            .rows
            .iter()
            .map(|(key, row)| {
                (
                    (key.len() as u64).to_le_bytes(),
                    (row.len() as u64).to_le_bytes(),
                )
            })
            .collect();
        let rows = self.rows.iter().zip(&lengths);
        let parts = rows.flat_map(|((key, row), (k, r))| [&k[..], &key[..], &r[..], &row[..]]);
        Digest::derive("tallygrid sim state v1", &parts.collect::<Vec<_>>())
    }
}
