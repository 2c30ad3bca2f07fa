//! One machine: the real steward, the facts that stand for its disk and its executor, and how it
//! behaves.

use std::collections::BTreeSet;

use protocol::event::Event;
use protocol::ids::{Digest, JobId, PeerId};
use protocol::message::Message;
use protocol::units::{Millis, Moment};
use steward::{Identity, Steward};

use crate::cast::Role;

/// A machine of the federation.
#[derive(Debug)]
pub(crate) struct Node {
    /// Which group it belongs to.
    pub(crate) group: usize,
    pub(crate) me: Identity,
    pub(crate) steward: Steward,
    pub(crate) role: Box<dyn Role>,
    /// In how many of ten thousand chances it does wrong, and from when on.
    pub(crate) rate_bps: u32,
    pub(crate) from: Moment,
    pub(crate) disk: BTreeSet<Digest>,
    /// What peers told it of its own jobs, kept for its next life.
    pub(crate) heard: Vec<(PeerId, Message)>,
    /// What a slot of it does in a millisecond.
    fuel_per_ms: u64,
    /// When each slot is free.
    slots: Vec<Moment>,
    /// How often it has started, and whether it runs.
    pub(crate) life: u32,
    pub(crate) up: bool,
    /// How many blocks it has heard.
    pub(crate) told: usize,
    /// When it is to be woken.
    pub(crate) wake: Option<Moment>,
    /// Own jobs that have not ended, and when the last of them changed.
    pub(crate) jobs_open: u64,
    own: BTreeSet<JobId>,
    pub(crate) stirred: Moment,
    /// Whether it stands on offer, or need not.
    pub(crate) settled: bool,
}

/// After its own last job has ended, a machine still looks for outputs for so long.
const COLLECTS_FOR: Millis = Millis::new(120_000);

impl Node {
    pub(crate) fn new(me: Identity, role: Box<dyn Role>, group: usize, mfuel: u64) -> Self {
        let slots = usize::from(me.slots.max(2));
        Self {
            group,
            steward: Steward::new(me.clone()),
            role,
            rate_bps: 10_000,
            from: Moment::default(),
            disk: BTreeSet::new(),
            fuel_per_ms: mfuel.saturating_mul(1_000).max(1),
            slots: vec![Moment::default(); slots],
            life: 0,
            up: true,
            told: 0,
            wake: None,
            heard: Vec::new(),
            jobs_open: 0,
            own: BTreeSet::new(),
            stirred: Moment::default(),
            settled: me.slots == 0,
            me,
        }
    }

    /// Ends the process: what it had in memory is gone, its disk stays.
    pub(crate) fn crash(&mut self) {
        self.up = false;
        self.life += 1;
        self.wake = None;
        self.slots.fill(Moment::default());
        self.steward = Steward::new(self.me.clone());
        self.told = 0;
    }

    /// Takes a free slot for so much work, and says when it is done.
    pub(crate) fn work(&mut self, now: Moment, fuel: u64) -> Moment {
        let takes = Millis::new(fuel / self.fuel_per_ms + 1);
        let slot = self
            .slots
            .iter_mut()
            .min()
            .expect("a machine has at least two slots");
        *slot = now.max(*slot).after(takes);
        *slot
    }

    /// How many tasks it runs at once, if all its slots are asked for.
    pub(crate) fn slots_there(&self) -> u16 {
        self.role.slots(self.me.slots)
    }

    /// Takes note of what the ledger says of it.
    pub(crate) fn note(&mut self, event: &Event, now: Moment) {
        match event {
            Event::OfferPublished { peer, .. } if *peer == self.me.peer => self.settled = true,
            Event::JobEnded { job, .. } if self.own.remove(job) => {
                self.jobs_open = self.jobs_open.saturating_sub(1);
                self.stirred = now;
            }
            Event::Submitted { job, terms, .. } if terms.peer == self.me.peer => {
                self.own.insert(*job);
            }
            _ => {}
        }
    }

    /// Whether it wants nothing but to announce its live offer again. Draws are from standing
    /// offers, so those announcements are left out.
    pub(crate) fn is_idle(&self, now: Moment) -> bool {
        self.settled
            && self.jobs_open == 0
            && now > self.stirred.after(COLLECTS_FOR)
            && self.steward.open_work() == (0, 0)
    }
}
