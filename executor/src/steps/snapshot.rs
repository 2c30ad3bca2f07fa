//! A step task's whole state as bytes, and the checked way back.
//!
//! ```text
//! head (its length first): steps taken, fuel used, globals, host, pages in all, pages that follow
//! then each page that is not all zeros: its number, and its 65 536 bytes; numbers rise
//! ```

use std::io::{self, Read, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::ids::Digest;
use protocol::outcome::TASK_OUTPUT_BYTES_MAX;
use protocol::steps::STEPS_MAX;
use protocol::units::Fuel;
use wasmtime::Result;

use super::Stepper;
use super::state::{PAGE, Value, is_zero};
use crate::frame;
use crate::wasi::HostImage;

/// A snapshot's head may take so many bytes: files and streams, names, listings, globals.
const HEAD_BYTES_MAX: usize = TASK_OUTPUT_BYTES_MAX + (64 << 20);

#[derive(Debug, BorshSerialize, BorshDeserialize)]
struct Head {
    taken: u32,
    used: Fuel,
    globals: Vec<Value>,
    host: Vec<u8>,
    pages: u32,
    filled: u32,
}

/// Why a state was not put back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRestored {
    /// The bytes cannot be had.
    #[error("a snapshot cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// They are no state of this task, or not the one with the root that was asked for.
    #[error("a snapshot is refused: {0}")]
    Refused(String),
}

fn refused(why: impl ToString) -> NotRestored {
    NotRestored::Refused(why.to_string())
}

impl Stepper<'_> {
    /// How many bytes the guest's memory has: what a snapshot takes at most, besides its head.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let guest = self.guest.as_ref();
        guest.map_or(0, |guest| guest.memory.data_size(&self.store) as u64)
    }

    /// Writes the state between two steps. The same state gives the same bytes everywhere.
    ///
    /// # Errors
    /// If `to` does not take it, or the task has not begun.
    pub(crate) fn snapshot(&mut self, to: &mut dyn Write) -> io::Result<()> {
        let taken = self
            .taken
            .ok_or_else(|| io::Error::other("the task has not begun"))?;
        let globals = self
            .values()
            .map_err(|error| io::Error::other(error.to_string()))?;
        let used = self.used();
        let Some(guest) = &self.guest else {
            return Err(io::Error::other("the task has not begun"));
        };
        let mut host = Vec::new();
        self.store.data().write(&mut host)?;
        let memory = guest.memory.data(&self.store);
        let number = |count: usize| u32::try_from(count).map_err(io::Error::other);
        let pages = || {
            memory
                .chunks(PAGE)
                .enumerate()
                .filter(|(_, page)| !is_zero(page))
        };
        let head = Head {
            taken,
            used,
            globals,
            host,
            pages: number(memory.len() / PAGE)?,
            filled: number(pages().count())?,
        };
        let mut to = to;
        frame::send(&mut to, &head, HEAD_BYTES_MAX)?;
        for (place, page) in pages() {
            to.write_all(&number(place)?.to_le_bytes())?;
            to.write_all(page)?;
        }
        to.flush()
    }

    /// Puts a task that has not begun into the state of a snapshot, if its root is `root`. Nothing
    /// of the guest has run then.
    ///
    /// # Errors
    /// [`NotRestored`]; the task is of no use after that.
    pub(crate) fn restore(
        &mut self,
        from: &mut dyn Read,
        root: Digest,
    ) -> std::result::Result<(), NotRestored> {
        let mut from = from;
        let head: Head =
            frame::receive(&mut from, HEAD_BYTES_MAX)?.ok_or_else(|| refused("it is empty"))?;
        let limit = self.runner.limits().fuel;
        let left = limit.get().checked_sub(head.used.get());
        let left = left.ok_or_else(|| refused("it used more fuel than the task has"))?;
        if head.taken as usize > STEPS_MAX {
            return Err(refused("it took more steps than a task may"));
        }
        self.put_globals(&head.globals).map_err(refused)?;
        let host: HostImage = borsh::from_slice(&head.host).map_err(refused)?;
        self.store.data_mut().take(host).map_err(refused)?;
        self.put_memory(&head, &mut from)?;
        let parts = self.parts().map_err(refused)?;
        let found = parts.root(head.taken, head.used);
        if found != root {
            return Err(refused(format!(
                "its root is {found}, and {root} was asked for"
            )));
        }
        self.set_left(left).map_err(refused)?;
        self.taken = Some(head.taken);
        Ok(())
    }

    fn put_globals(&mut self, values: &[Value]) -> Result<()> {
        let globals = self.guest()?.globals.clone();
        if globals.len() != values.len() {
            return Err(wasmtime::Error::msg("it has other globals than the module"));
        }
        for (global, value) in globals.iter().zip(values) {
            global.set(&mut self.store, value.val())?;
        }
        Ok(())
    }

    fn put_memory(
        &mut self,
        head: &Head,
        from: &mut &mut dyn Read,
    ) -> std::result::Result<(), NotRestored> {
        let memory = self.guest().map_err(refused)?.memory;
        let more = u64::from(head.pages).checked_sub(memory.size(&self.store));
        let more = more.ok_or_else(|| refused("it has less memory than the module"))?;
        memory.grow(&mut self.store, more).map_err(refused)?;
        let content = memory.data_mut(&mut self.store);
        let mut next = 0;
        for _ in 0..head.filled {
            let mut place = [0; 4];
            from.read_exact(&mut place)?;
            let place = u32::from_le_bytes(place) as usize;
            if place < next || place >= head.pages as usize {
                return Err(refused("its pages are not in order"));
            }
            clear(&mut content[next * PAGE..place * PAGE]);
            from.read_exact(&mut content[place * PAGE..(place + 1) * PAGE])?;
            next = place + 1;
        }
        clear(&mut content[next * PAGE..]);
        Ok(())
    }
}

/// Fills pages with zeros, without touching those that have nothing else.
fn clear(pages: &mut [u8]) {
    for page in pages.chunks_mut(PAGE).filter(|page| !is_zero(page)) {
        page.fill(0);
    }
}
