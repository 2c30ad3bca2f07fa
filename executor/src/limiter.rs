//! The guest's memory limit, told apart from this machine's own shortage.

use protocol::job::MEMORY_MAX;
use protocol::outcome::Limit;
use protocol::units::Bytes;
use wasmtime::{Error, ResourceLimiter, Result};

use crate::wasi::End;

/// A guest's tables may have so many elements, each.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 1 << 20;
/// A guest may have so many tables.
pub(crate) const TABLES_MAX: usize = 16;

/// Ends a task that asks for more memory than its limit, the same way on every machine, and a task
/// whose machine has no memory left without any outcome.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// All that it may have.
    memory: usize,
    /// What it has beside its memory: buffers on a GPU.
    beside: usize,
}

impl Limiter {
    /// For a task with this limit.
    pub(crate) fn new(memory: Bytes) -> Self {
        let memory = memory.get().min(MEMORY_MAX.get());
        Self {
            memory: usize::try_from(memory).unwrap_or(usize::MAX),
            beside: 0,
        }
    }

    /// Whether a guest whose memory has so many bytes may have `more` beside it; then it has them.
    pub(crate) fn take(&mut self, more: u64, memory: usize) -> bool {
        let more = usize::try_from(more).unwrap_or(usize::MAX);
        let beside = self.beside.saturating_add(more);
        let fits = beside.saturating_add(memory) <= self.memory;
        if fits {
            self.beside = beside;
        }
        fits
    }

    /// Takes back what [`Limiter::take`] gave.
    pub(crate) fn give_back(&mut self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let left = self.beside.checked_sub(bytes);
        self.beside = left.expect("only what was taken is given back");
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, _: usize, want: usize, most: Option<usize>) -> Result<bool> {
        if want.saturating_add(self.beside) > self.memory {
            return Err(Error::new(End::Limit(Limit::Memory)));
        }
        Ok(most.is_none_or(|most| want <= most))
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        // Only growth that was granted above comes here: pages of 64 KiB fit every memory's type.
        Err(Error::new(End::Host(format!(
            "no memory for the guest: {error}"
        ))))
    }

    fn table_growing(&mut self, _: usize, want: usize, most: Option<usize>) -> Result<bool> {
        if want > TABLE_ELEMENTS_MAX {
            return Err(Error::new(End::Limit(Limit::Memory)));
        }
        Ok(most.is_none_or(|most| want <= most))
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        Err(Error::new(End::Host(format!(
            "no memory for a table: {error}"
        ))))
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        1
    }
}
