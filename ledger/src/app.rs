//! The application on the chain: makes blocks from the pool, judges those of others.
//!
//! It decides what goes into a block and when a block is made at all; what a block does is the
//! rules' business and is found by [`execute`](crate::execute). Nothing a proposer sends can make
//! two honest members come to different states: the whole heading is compared, and whatever
//! panics while a block is judged makes that block invalid.

use crate::ask::Reader;
use crate::disk::Disk;
use crate::engine::{Application, BlockHash, Branch, Invalid, Judged, Made, Proposed, Wake};
use crate::execute::{self, Executed, Place, TOUCHED_ROWS_MAX, Wrong, agreed_time};
use crate::header::{BLOCK_BYTES_MAX, DATUM_OVERHEAD_BYTES, Datum};
use crate::known::{Checker, Known};
use crate::memory::{CaughtUp, Memory, State};
use crate::pool::Pool;
use crate::thrown::Thrown;
use protocol::units::{Bps, Millis, Moment};
use rules::{Applied, Refusal};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A voter refuses a block whose time is further than this from its own clock.
pub const TIME_SLACK: Millis = Millis::new(1_000);
/// Choosing entries is tried so often; then the block is made without any.
const CHOICES_MAX: usize = 4;
/// Blocks between a block and the agreed head, at most, that are executed again after a restart.
const ANCESTORS_MAX: usize = 4_096;

/// Tells the time of day; handed in, so that a test can bend it.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> Moment;
}

/// What the application and the facade share.
pub(crate) struct Parts {
    pub(crate) disk: Disk,
    pub(crate) pool: Pool,
    pub(crate) checker: Arc<Checker>,
    pub(crate) wake: Arc<Wake>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) thrown: Thrown,
}

/// The application of one member.
pub(crate) struct App {
    parts: Arc<Parts>,
    memory: Memory,
    view_time: Duration,
}

/// How long a leader waits for work when there is none, as a share of the view time: while blocks
/// become agreed one after the other, and when a view was lost. It takes three views in a row to
/// agree on a block, and a silent leader costs its whole view when it falls silent: with three
/// short waits behind it, nobody sees agreed time stand still for two view times.
const PATIENCE_PERCENT: u32 = 60;
const PATIENCE_AFTER_LOSS_PERCENT: u32 = 15;
/// A block becomes agreed when the third one above it is made; if this one is further above the
/// agreed head, a view was lost lately.
const AGREED_BELOW: u64 = 3;

impl App {
    pub(crate) fn new(parts: Arc<Parts>, view_time: Duration) -> Self {
        let memory = Memory::of(&parts.disk);
        Self {
            parts,
            memory,
            view_time,
        }
    }

    /// Takes in what became agreed since the last call.
    fn catch_up(&mut self) {
        let (disk, pool) = (&self.parts.disk, &self.parts.pool);
        match self.memory.catch_up(disk) {
            CaughtUp::Blocks(blocks) => {
                for block in blocks {
                    let lanes = block.entries.iter().map(|known| {
                        let entry = known.entry.value();
                        (entry.sender, entry.lane, entry.nonce.saturating_add(1))
                    });
                    pool.settle(lanes, block.heading.now);
                }
            }
            CaughtUp::Reread => {
                let reader = Reader::new(disk);
                let next = |(party, lane)| (party, lane, rules::read::nonce(&reader, party, lane));
                pool.settle(pool.lanes().into_iter().map(next), reader.now());
            }
        }
    }

    /// What the ancestors of a block that are not agreed yet did, nearest first. Those that are
    /// not remembered are executed again.
    fn ancestors(&mut self, branch: &Branch<'_>) -> Result<Vec<Arc<Executed>>, Invalid> {
        let head = self.parts.disk.head();
        let mut chain = Vec::new();
        let mut next = branch.parent();
        while next != BlockHash::GENESIS {
            let header = branch
                .header(&next)
                .ok_or_else(|| invalid("an ancestor is missing"))?;
            if header.height() <= head {
                break;
            }
            if chain.len() == ANCESTORS_MAX {
                return Err(invalid("too many ancestors wait to be agreed"));
            }
            chain.push((next, header.height(), header.parent(), header.data_hash));
            next = chain[chain.len() - 1].2;
        }
        if next != self.memory.head() {
            return Err(invalid("it does not stand on the agreed head"));
        }
        let mut found: Vec<Arc<Executed>> = Vec::with_capacity(chain.len());
        for (hash, height, parent, data_hash) in chain.into_iter().rev() {
            let executed = match self.memory.find(&data_hash) {
                Some(executed) => executed,
                None => {
                    let datum = branch
                        .datum(&hash)
                        .ok_or_else(|| invalid("it has no datum"))?;
                    let place = Place { height, parent };
                    let below: Vec<_> = found.iter().rev().cloned().collect();
                    self.execute(&datum, data_hash, place, below)
                        .map_err(said)?
                }
            };
            found.push(executed);
        }
        found.reverse();
        Ok(found)
    }

    fn execute(
        &mut self,
        datum: &[u8],
        data_hash: [u8; 32],
        place: Place,
        ancestors: Vec<Arc<Executed>>,
    ) -> Result<Arc<Executed>, Wrong> {
        let (heading, entries) = execute::open(datum, data_hash, place, &self.parts.checker)?;
        if let Some(executed) = self.memory.find(&data_hash) {
            return Ok(executed);
        }
        let below = self.memory.after(&self.parts.disk, ancestors);
        let executed = Arc::new(execute::judge(&below, &below, &heading, entries)?);
        self.memory.keep(data_hash, executed.clone());
        Ok(executed)
    }

    /// How long the leader of a block may wait for work.
    fn patience(&self, branch: &Branch<'_>) -> Duration {
        let above = branch.height().get() - self.parts.disk.head().get();
        let percent = if branch.follows_a_lost_view() || above > AGREED_BELOW {
            PATIENCE_AFTER_LOSS_PERCENT
        } else {
            PATIENCE_PERCENT
        };
        self.view_time * percent / 100
    }

    /// Waits until there is something to put into a block or a reason for an empty one.
    fn gather(&self, below: &State<'_>, patience: Duration) -> (Moment, Vec<Arc<Known>>) {
        let parts = &self.parts;
        let parent = agreed_time(below);
        let due = rules::read::next_due(below);
        let kept = rules::read::params(below).map_or(Bps::ZERO, |params| params.reserved_space);
        let end = Instant::now() + patience;
        loop {
            let seen = parts.pool.arrivals();
            let now = parts.clock.now().max(parent);
            let next = |party: &_, lane| rules::read::nonce(below, *party, lane);
            let room = BLOCK_BYTES_MAX - DATUM_OVERHEAD_BYTES;
            let picked = parts.pool.pick(next, now, room, kept);
            let until_due = due.map_or(Duration::MAX, |due| {
                Duration::from_millis(due.since(now).get())
            });
            let left = end.saturating_duration_since(Instant::now()).min(until_due);
            if !picked.is_empty() || below.is_pressing() || left.is_zero() {
                return (now, picked);
            }
            parts.wake.wait(left, || parts.pool.arrivals() != seen);
            if parts.pool.arrivals() == seen {
                // Its time is over, a deadline is due, or the engine stops.
                return (parts.clock.now().max(parent), Vec::new());
            }
        }
    }

    /// Applies those of `chosen` that a block can take; the others are thrown out of the pool.
    fn choose(
        &self,
        below: &State<'_>,
        place: Place,
        now: Moment,
        mut chosen: Vec<Arc<Known>>,
    ) -> (Vec<Arc<Known>>, Applied) {
        for _ in 0..CHOICES_MAX {
            let tried = catch_unwind(AssertUnwindSafe(|| {
                execute::apply(below, place, now, &chosen)
            }));
            let Ok(applied) = tried else {
                let entries = chosen.len();
                tracing::error!(target: "ledger::app", entries, "the rules panicked");
                self.throw_all(&chosen, "the rules could not apply the block it was in");
                break;
            };
            if applied.updates.len() > TOUCHED_ROWS_MAX {
                if let [alone] = &chosen[..] {
                    self.throw_all(std::slice::from_ref(alone), "it touches too many rows");
                }
                chosen.truncate(chosen.len() / 2);
                continue;
            }
            let answers = applied.answers.iter();
            let worthless = |(known, answer): (&Arc<Known>, &Result<(), Refusal>)| {
                let refusal = answer
                    .as_ref()
                    .err()
                    .filter(|refusal| refusal.left_no_trace())?;
                Some((known.clone(), refusal.clone()))
            };
            let out: Vec<_> = chosen.iter().zip(answers).filter_map(worthless).collect();
            if out.is_empty() {
                return (chosen, applied);
            }
            for (known, refusal) in &out {
                // What comes after a gap may still have its turn.
                if !matches!(refusal, Refusal::NonceInFuture { .. }) {
                    self.throw_all(std::slice::from_ref(known), &refusal.to_string());
                }
            }
            chosen.retain(|known| out.iter().all(|(bad, _)| bad.name != known.name));
        }
        (Vec::new(), execute::apply(below, place, now, &[]))
    }

    fn throw_all(&self, entries: &[Arc<Known>], why: &str) {
        for known in entries {
            self.parts.pool.throw(known);
            self.parts.thrown.put(known, why);
        }
    }

    fn is_bent(&self, time: Moment) -> Option<Wrong> {
        let here = self.parts.clock.now();
        let apart = time.since(here).max(here.since(time));
        (apart > TIME_SLACK).then_some(Wrong::TimeBent { said: time, here })
    }
}

impl Application for App {
    fn make(&mut self, branch: &Branch<'_>) -> Made {
        self.catch_up();
        let ancestors = self
            .ancestors(branch)
            .expect("this member voted for what it builds on");
        let place = Place {
            height: branch.height(),
            parent: branch.parent(),
        };
        let below = self.memory.after(&self.parts.disk, ancestors);
        let (now, picked) = self.gather(&below, self.patience(branch));
        let (entries, applied) = self.choose(&below, place, now, picked);
        let executed = execute::finish(&below, &below, place, now, entries, applied);
        let heading = executed.heading.clone();
        let entries = executed
            .entries
            .iter()
            .map(|known| known.bytes.clone())
            .collect();
        let data_hash = heading.data_hash();
        let datum = Datum { heading, entries }.write();
        self.memory.keep(data_hash, Arc::new(executed));
        Made { data_hash, datum }
    }

    fn judge(&mut self, block: &Proposed<'_>, branch: &Branch<'_>) -> Result<Judged, Invalid> {
        self.catch_up();
        let ancestors = self.ancestors(branch)?;
        let place = Place {
            height: branch.height(),
            parent: branch.parent(),
        };
        let data_hash = block.header.data_hash;
        let executed = self
            .execute(block.datum, data_hash, place, ancestors)
            .map_err(said)?;
        if let Some(bent) = self
            .is_bent(executed.heading.now)
            .filter(|_| !block.catching_up && !block.again)
        {
            return Err(said(bent));
        }
        let rows = executed.updates.iter();
        Ok(Judged {
            rows: rows.map(|(key, row)| (key.clone(), row.clone())).collect(),
            members: executed.members.clone(),
        })
    }
}

fn invalid(why: &str) -> Invalid {
    Invalid(why.into())
}

fn said(wrong: Wrong) -> Invalid {
    Invalid(wrong.to_string())
}
