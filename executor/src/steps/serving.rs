//! A worker's side of step tasks: snapshots come and go in pieces between it and its parent, since
//! it can open no file.

use std::io::{self, BufWriter, Read, StdinLock, Write};

use protocol::ids::Digest;
use protocol::units::Fuel;

use super::replay::{NotReplayed, replay, snapshot_at};
use super::{Keep, Stepper, go_on};
use crate::facts::Entry;
use crate::frame::{self, Order, PART_BYTES, Part, Reply};
use crate::task::{Ran, Runner};
use crate::worker::say;

/// A state is kept only when the task has used so much fuel since for each byte of it, so that
/// keeping stays cheap however large the state is.
const FUEL_PER_BYTE_KEPT: u64 = 1_024;

/// What an order to a module's worker comes to; a snapshot that belongs to it comes by `orders`.
///
/// # Errors
/// In words, if the parent is gone or says what no parent says.
pub(crate) fn answer(
    runner: &Runner,
    order: Order,
    orders: &mut StdinLock<'_>,
) -> Result<Reply, String> {
    let steps = runner.entry() == Entry::Steps;
    match order {
        Order::Run {
            task,
            keep_every,
            roots,
        } if steps => run(runner, task, keep_every, roots, orders),
        Order::Run { task, .. } => Ok(ended(runner.run(task))),
        Order::Replay { task, root } if steps => {
            let mut parts = Parts::new(orders);
            let from = root.map(|root| (root, &mut parts as &mut dyn Read));
            let replayed = replay(runner, task, from);
            if root.is_some() {
                parts.end()?;
            }
            Ok(replayed.map_or_else(not_replayed, Reply::Replayed))
        }
        Order::Snapshot {
            task,
            steps: wanted,
        } if steps => {
            let mut parts = BufWriter::with_capacity(PART_BYTES, Parted);
            let taken = snapshot_at(runner, task, wanted, &mut parts);
            let taken = taken.map_err(|error| error.to_string())?;
            say(&Reply::Part(Vec::new()))?;
            Ok(taken.map_or_else(not_replayed, Reply::SnapshotTaken))
        }
        Order::Replay { .. } | Order::Snapshot { .. } => Ok(Reply::NoSuchStep),
    }
}

fn run(
    runner: &Runner,
    task: u32,
    every: Fuel,
    roots: Vec<Digest>,
    orders: &mut StdinLock<'_>,
) -> Result<Reply, String> {
    let mut state = Stepper::new(runner, task);
    if let Some(root) = roots.last() {
        let mut parts = Parts::new(orders);
        let restored = state.restore(&mut parts, *root);
        parts.end()?;
        if let Err(why) = restored {
            return Ok(Reply::SnapshotRefused(why.to_string()));
        }
    }
    let mut sending = Sending {
        every,
        kept_at: state.used(),
        told: roots.len(),
    };
    Ok(ended(go_on(state, roots, &mut sending)))
}

fn ended(ran: Ran) -> Reply {
    match ran {
        Ran::Ended {
            output,
            fuel,
            entries,
        } => {
            let output = output.to_bytes();
            match entries {
                None => Reply::Ended { output, fuel },
                Some(entries) => Reply::EndedInSteps {
                    output,
                    fuel,
                    entries,
                },
            }
        }
        Ran::StackOverflow { stdout, stderr } => Reply::StackOverflow { stdout, stderr },
        Ran::HostFailed {
            why,
            stdout,
            stderr,
        } => Reply::HostFailed {
            why,
            stdout,
            stderr,
        },
    }
}

fn not_replayed(why: NotReplayed) -> Reply {
    match why {
        NotReplayed::Snapshot(why) => Reply::SnapshotRefused(why.to_string()),
        NotReplayed::Inconclusive(ran) => ended(*ran),
        NotReplayed::Over => Reply::NoSuchStep,
    }
}

/// Sends a state to the parent now and then.
struct Sending {
    every: Fuel,
    kept_at: Fuel,
    /// How many roots the parent knows.
    told: usize,
}

impl Keep for Sending {
    fn passed(&mut self, state: &mut Stepper<'_>, roots: &[Digest]) -> io::Result<()> {
        let since = state.used().get().saturating_sub(self.kept_at.get());
        let bytes = state.memory_bytes().saturating_mul(FUEL_PER_BYTE_KEPT);
        if since < self.every.get().max(bytes) {
            return Ok(());
        }
        let roots_since = roots[self.told..].to_vec();
        say(&Reply::Keeping { roots: roots_since }).map_err(io::Error::other)?;
        state.snapshot(&mut BufWriter::with_capacity(PART_BYTES, Parted))?;
        say(&Reply::Part(Vec::new())).map_err(io::Error::other)?;
        (self.kept_at, self.told) = (state.used(), roots.len());
        Ok(())
    }
}

/// Sends whatever is written as [`Reply::Part`]s.
struct Parted;

impl Write for Parted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = &bytes[..bytes.len().min(PART_BYTES)];
        if !part.is_empty() {
            say(&Reply::Part(part.to_vec())).map_err(io::Error::other)?;
        }
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads what the parent sends as [`Part`]s, up to the empty one.
struct Parts<'a, 'b> {
    orders: &'a mut StdinLock<'b>,
    part: Vec<u8>,
    read: usize,
    over: bool,
}

impl<'a, 'b> Parts<'a, 'b> {
    fn new(orders: &'a mut StdinLock<'b>) -> Self {
        Self {
            orders,
            part: Vec::new(),
            read: 0,
            over: false,
        }
    }

    /// Takes the next piece, if there is one.
    fn next(&mut self) -> io::Result<()> {
        let part = frame::receive::<Part>(self.orders, PART_BYTES + 4)?;
        let Part(part) = part.ok_or(io::ErrorKind::UnexpectedEof)?;
        self.over = part.is_empty();
        (self.part, self.read) = (part, 0);
        Ok(())
    }

    /// Reads over what is left.
    fn end(mut self) -> Result<(), String> {
        while !self.over {
            self.next().map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Read for Parts<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read == self.part.len() && !self.over {
            self.next()?;
        }
        let rest = &self.part[self.read..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}
