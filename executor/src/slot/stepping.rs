//! The parent's side of a task that may run in steps: its states are kept while it runs, and it
//! goes on from the last of them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use protocol::ids::Digest;
use protocol::steps::{ENTRIES_MAX, STATE_BYTES_MAX};
use protocol::units::Fuel;

use super::{Slot, Trouble};
use crate::child::{Broken, Child};
use crate::executor::Shared;
use crate::frame::{Order, PART_BYTES, Part, Reply};
use crate::queue::{Barred, Taken};
use crate::steps::kept::{Found, Place, Shelf, Writing};
use crate::work::{Inconclusive, Refused, Work};

/// Where one task's states are kept, by which slot, and how often.
pub(super) struct Keeping<'a> {
    shelf: &'a Shelf,
    place: Place,
    /// A state that came with the work.
    given: Option<&'a Path>,
    slot: usize,
    every: Fuel,
}

impl<'a> Keeping<'a> {
    /// For a task that a slot has taken.
    pub(super) fn of(shared: &'a Shared, slot: usize, taken: &'a Taken) -> Self {
        let work = &taken.work;
        let mut states = work.states.iter();
        let given = states.find(|(task, _)| *task == taken.task);
        Self {
            shelf: &shared.shelf,
            place: (shared.shelf).place((work.served, work.job_id), &work.job, taken.task),
            given: given.map(|(_, path)| &**path),
            slot,
            every: shared.config.keep_every,
        }
    }

    fn find(&self) -> Option<Found> {
        let kept = self.shelf.find(&self.place);
        kept.or_else(|| Found::read(self.given?))
    }
}

fn disk(error: &io::Error) -> Broken {
    Broken::Gone(format!("a snapshot cannot be read: {error}"))
}

/// Waits for replies until a child has run for so long in all; while it stands still, it does not.
struct Until(Duration);

impl Until {
    fn after(child: &Child, wait: Duration) -> Self {
        Self(child.ran().saturating_add(wait))
    }

    fn reply(&self, child: &mut Child) -> Result<Reply, Broken> {
        match self.0.saturating_sub(child.ran()) {
            Duration::ZERO => Err(Broken::Late),
            left => child.reply(left),
        }
    }
}

/// Sends a snapshot in pieces, and their end.
///
/// # Errors
/// [`Broken`] if it cannot be read or is not taken.
fn send(child: &mut Child, from: &File) -> Result<(), Broken> {
    let mut from = from.take(STATE_BYTES_MAX);
    loop {
        let mut part = Vec::new();
        let read = (&mut from).take(PART_BYTES as u64).read_to_end(&mut part);
        read.map_err(|error| disk(&error))?;
        let over = part.is_empty();
        child.order(&Part(part))?;
        if over {
            return Ok(());
        }
    }
}

/// What whoever judges asks of a worker.
pub(crate) enum Request {
    /// One step: the one after the snapshot with this root, or `init`.
    Replay(Option<(Digest, File)>),
    /// The state after so many steps.
    Snapshot { steps: u32, into: File },
}

impl Request {
    fn ask(&mut self, child: &mut Child, task: u32, wall: Duration) -> Result<Reply, Broken> {
        let until = Until::after(child, wall);
        match self {
            Self::Replay(from) => {
                let root = from.as_ref().map(|(root, _)| *root);
                child.order(&Order::Replay { task, root })?;
                if let Some((_, snapshot)) = from {
                    send(child, snapshot)?;
                }
                until.reply(child)
            }
            Self::Snapshot { steps, into } => {
                let steps = *steps;
                child.order(&Order::Snapshot { task, steps })?;
                let mut left = STATE_BYTES_MAX;
                loop {
                    match until.reply(child)? {
                        Reply::Part(part) => {
                            let fits = left.checked_sub(part.len() as u64);
                            left = fits.ok_or_else(|| disk(&io::ErrorKind::FileTooLarge.into()))?;
                            into.write_all(&part).map_err(|error| disk(&error))?;
                        }
                        reply => return Ok(reply),
                    }
                }
            }
        }
    }
}

/// The slot number of whoever judges: no slot has it.
const JUDGE: usize = usize::MAX;

/// Asks a fresh worker about a work's one task, and waits for its answer.
///
/// # Errors
/// [`Refused`] if the work is not taken; [`Inconclusive`] if there is no answer.
pub(crate) fn ask(
    shared: &Shared,
    work: Work,
    request: &mut Request,
) -> Result<Result<Reply, Inconclusive>, Refused> {
    let work = shared.queue().hold(work)?;
    let wall = Duration::from_millis(work.job.limits.wall_ms.get());
    let mut slot = Slot {
        shared,
        number: JUDGE,
        worker: None,
    };
    let ready = slot.worker_for(&work);
    let reply = match (ready, &mut slot.worker) {
        (Ok(()), Some(worker)) => match request.ask(&mut worker.child, work.tasks.start, wall) {
            Ok(reply) => Ok(reply),
            Err(Broken::Late) => Err(Inconclusive::WallTime),
            Err(Broken::Gone(why)) => Err(Inconclusive::Killed(why)),
        },
        (Err(Trouble::Barred(Barred::Refused(_))), _) => Ok(Reply::NoSuchStep),
        (Err(Trouble::Barred(Barred::Failed(why))), _) => Err(Inconclusive::Host(why)),
        (Err(Trouble::Died(why)), _) => Err(Inconclusive::Killed(why)),
        (Err(Trouble::Cancelled) | Ok(()), _) => Err(Inconclusive::Killed("cancelled".to_owned())),
    };
    drop(slot);
    shared.queue().done(work.token, JUDGE);
    Ok(reply)
}

/// Has a task run to its end, from its last kept state if there is one.
///
/// # Errors
/// [`Broken`] if the worker gives no last reply within `wall`.
pub(super) fn run(
    child: &mut Child,
    task: u32,
    wall: Duration,
    keeping: &Keeping<'_>,
) -> Result<Reply, Broken> {
    let until = Until::after(child, wall);
    let mut found = keeping.find();
    loop {
        let roots = found.as_ref().map(|found| found.roots.clone());
        let roots = roots.unwrap_or_default();
        child.order(&Order::Run {
            task,
            keep_every: keeping.every,
            roots: roots.clone(),
        })?;
        if let Some(found) = &found {
            let entries = found.roots.len();
            tracing::info!(target: "executor", task, entries, "a task goes on from a kept step");
            send(child, &found.snapshot)?;
        }
        match follow(child, &until, roots, keeping)? {
            Reply::SnapshotRefused(why) if found.is_some() => {
                tracing::warn!(target: "executor", task, why, "a kept step does not hold");
                keeping.shelf.forget(&keeping.place);
                found = None;
            }
            reply => return Ok(reply),
        }
    }
}

/// Keeps what a task wants kept, until its last reply.
fn follow(
    child: &mut Child,
    until: &Until,
    mut roots: Vec<Digest>,
    keeping: &Keeping<'_>,
) -> Result<Reply, Broken> {
    let mut writing: Option<Writing> = None;
    let note = |error: io::Error| {
        tracing::warn!(target: "executor", %error, "a step cannot be kept");
    };
    loop {
        match until.reply(child)? {
            Reply::Keeping { roots: since } => {
                roots.extend(since);
                roots.truncate(ENTRIES_MAX);
                let begun = keeping.shelf.begin(&keeping.place, keeping.slot, &roots);
                writing = begun.map_err(note).ok();
            }
            Reply::Part(part) if part.is_empty() => {
                if let Some(whole) = writing.take() {
                    keeping.shelf.finish(&whole).unwrap_or_else(note);
                }
            }
            Reply::Part(part) => {
                let failed = writing
                    .as_mut()
                    .and_then(|writing| writing.part(&part).err());
                if let Some(error) = failed {
                    note(error);
                    writing = None;
                }
            }
            reply => return Ok(reply),
        }
    }
}
