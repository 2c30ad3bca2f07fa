//! Works in the order they came, and which slot does what: bounded, and cancelled at any point.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::units::Bytes;

use crate::child::Leash;
use crate::work::{Refused, Token, WORKS_MAX, Work};

/// Why no task of a work can run here.
#[derive(Clone, Debug)]
pub(crate) enum Barred {
    /// The module is refused, by every machine.
    Refused(String),
    /// This machine cannot compile or prepare it.
    Failed(String),
}

/// One task that a slot has taken.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) work: Arc<Work>,
    pub(crate) task: u32,
    pub(crate) barred: Option<Barred>,
}

#[derive(Debug)]
struct Entry {
    work: Arc<Work>,
    next: u32,
    running: u32,
    cancelled: bool,
    barred: Option<Barred>,
    leashes: BTreeMap<usize, Leash>,
}

impl Entry {
    fn memory(&self) -> u64 {
        self.work.job.limits.memory.get()
    }

    fn is_over(&self) -> bool {
        self.running == 0 && (self.cancelled || self.next >= self.work.tasks.end)
    }
}

/// All works that wait or run, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: Vec<Entry>,
    closed: bool,
}

impl Queue {
    /// Takes a work at the end of the queue.
    pub(crate) fn push(&mut self, work: Work) -> Result<(), Refused> {
        self.enter(work).map(|_| ())
    }

    /// Takes a work of one task that no slot shall take: whoever called this does it now.
    pub(crate) fn hold(&mut self, work: Work) -> Result<Arc<Work>, Refused> {
        let entry = self.enter(work)?;
        (entry.next, entry.running) = (entry.work.tasks.end, 1);
        Ok(Arc::clone(&entry.work))
    }

    fn enter(&mut self, work: Work) -> Result<&mut Entry, Refused> {
        if self
            .entries
            .iter()
            .any(|entry| entry.work.token == work.token)
        {
            return Err(Refused::TokenInUse(work.token));
        }
        if self.entries.len() >= WORKS_MAX {
            return Err(Refused::Full);
        }
        self.entries.push(Entry {
            next: work.tasks.start,
            work: Arc::new(work),
            running: 0,
            cancelled: false,
            barred: None,
            leashes: BTreeMap::new(),
        });
        Ok(self.entries.last_mut().expect("it was just put there"))
    }

    fn entry(&mut self, token: Token) -> Option<&mut Entry> {
        self.entries
            .iter_mut()
            .find(|entry| entry.work.token == token)
    }

    /// The memory that all running tasks may use.
    fn lent(&self) -> u64 {
        let each = self.entries.iter();
        let lent = each.map(|entry| u64::from(entry.running).saturating_mul(entry.memory()));
        lent.fold(0, u64::saturating_add)
    }

    /// The next task of the oldest work that has one, unless all that run would use more than so
    /// much memory together. None overtakes it meanwhile, so it gets its turn.
    pub(crate) fn take(&mut self, together: Bytes) -> Option<Taken> {
        let lent = self.lent();
        let waits = |entry: &&mut Entry| !entry.cancelled && entry.next < entry.work.tasks.end;
        let entry = self.entries.iter_mut().find(waits)?;
        if lent > 0 && lent.saturating_add(entry.memory()) > together.get() {
            return None;
        }
        let task = entry.next;
        entry.next += 1;
        entry.running += 1;
        Some(Taken {
            work: Arc::clone(&entry.work),
            task,
            barred: entry.barred.clone(),
        })
    }

    /// Notes by which child a slot works on this; `false` if the work was cancelled.
    pub(crate) fn leash(&mut self, token: Token, slot: usize, leash: Leash) -> bool {
        let closed = self.closed;
        match self.entry(token) {
            Some(entry) if !entry.cancelled && !closed => {
                entry.leashes.insert(slot, leash);
                true
            }
            _ => false,
        }
    }

    /// Whether results of this work are no longer wanted.
    pub(crate) fn is_cancelled(&mut self, token: Token) -> bool {
        let closed = self.closed;
        self.entry(token)
            .is_none_or(|entry| entry.cancelled || closed)
    }

    /// Why no task of this work can run, if a slot has found that out.
    pub(crate) fn barred(&mut self, token: Token) -> Option<Barred> {
        self.entry(token)?.barred.clone()
    }

    /// Lets every later task of this work fare like the one that found this out.
    pub(crate) fn bar(&mut self, token: Token, barred: Barred) {
        if let Some(entry) = self.entry(token) {
            entry.barred = Some(barred);
        }
    }

    /// One task of this work is over; `true` if the work is too, and is gone from the queue.
    pub(crate) fn done(&mut self, token: Token, slot: usize) -> bool {
        if let Some(entry) = self.entry(token) {
            entry.running -= 1;
            entry.leashes.remove(&slot);
        }
        self.remove_if_over(token)
    }

    /// Stops a work; `true` if nothing of it was running, and it is gone from the queue.
    pub(crate) fn cancel(&mut self, token: Token) -> bool {
        if let Some(entry) = self.entry(token) {
            entry.cancelled = true;
            for leash in entry.leashes.values() {
                leash.cut();
            }
        }
        self.remove_if_over(token)
    }

    fn remove_if_over(&mut self, token: Token) -> bool {
        let before = self.entries.len();
        self.entries
            .retain(|entry| entry.work.token != token || !entry.is_over());
        self.entries.len() < before
    }

    /// Stops everything, for good.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        for entry in &mut self.entries {
            entry.cancelled = true;
            entry.leashes.values().for_each(Leash::cut);
        }
    }

    /// Whether [`Queue::close`] was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// How many works wait or run.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
