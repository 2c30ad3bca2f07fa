//! Looks at the ledger, and drafts of changes to it.

use super::{Agreed, Disk, STATE, die};
use protocol::units::Height;
use rocksdb::{Direction, IteratorMode, ReadOptions};

/// The most rows one [`View::scan`] answers.
pub const SCAN_ROWS_MAX: usize = 10_000;

/// The ledger as it was at one moment.
pub struct View<'a> {
    pub(super) disk: &'a Disk,
    pub(super) snapshot: rocksdb::Snapshot<'a>,
    pub(super) head: Height,
}

impl View<'_> {
    /// The newest agreed block when the view was taken, or an older one by a hair.
    pub fn head(&self) -> Height {
        self.head
    }

    /// One row.
    pub fn row(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.snapshot.get_cf(self.disk.part(STATE), key) {
            Ok(found) => found,
            Err(error) => die("read a row", &error),
        }
    }

    /// At most `limit` rows (and never more than [`SCAN_ROWS_MAX`]) whose keys begin with
    /// `prefix` and are not below `from`, in the order of their keys.
    pub fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let start = from.max(prefix);
        let mode = IteratorMode::From(start, Direction::Forward);
        let rows =
            self.snapshot
                .iterator_cf_opt(self.disk.part(STATE), ReadOptions::default(), mode);
        let mut found = Vec::new();
        for row in rows.take(limit.min(SCAN_ROWS_MAX)) {
            match row {
                Ok((key, value)) if key.starts_with(prefix) => {
                    found.push((key.into_vec(), value.into_vec()));
                }
                Ok(_) => break,
                Err(error) => die("read rows", &error),
            }
        }
        found
    }
}

/// Changes that are written together, by a peer that follows the chain without voting, and by the
/// upper half for its own notes.
#[must_use = "a draft changes nothing until it is put on a disk"]
#[derive(Default)]
pub struct Draft {
    pub(super) rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(super) notes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(super) agreed: Vec<Agreed>,
}

impl Draft {
    /// Sets a row of the state, or removes it.
    pub fn row(mut self, key: impl Into<Vec<u8>>, value: Option<Vec<u8>>) -> Self {
        self.rows.push((key.into(), value));
        self
    }

    /// Sets a note, or removes it.
    pub fn note(mut self, key: impl Into<Vec<u8>>, value: Option<Vec<u8>>) -> Self {
        self.notes.push((key.into(), value));
        self
    }

    /// Adds the next block of the chain. Blocks come in order and stand on the head.
    pub fn agreed(mut self, block: Agreed) -> Self {
        self.agreed.push(block);
        self
    }
}
