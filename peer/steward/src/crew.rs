//! How much of the executor is taken, so that it always has work and never a long queue.

use std::collections::BTreeMap;

use protocol::units::{Millis, Moment};

use crate::effect::RunToken;

/// For each place of the executor so many tasks may be handed over and unfinished.
pub const TASKS_PER_SLOT: u32 = 2;
/// After the executor said that it is full, nothing is handed over for so long.
pub const REST: Millis = Millis::new(100);

#[derive(Debug)]
pub(crate) struct Crew {
    places: u32,
    busy: BTreeMap<RunToken, u32>,
    next: u64,
    rest_until: Option<Moment>,
}

impl Crew {
    pub(crate) fn new(slots: u16) -> Self {
        Self {
            places: u32::from(slots.max(1)),
            busy: BTreeMap::new(),
            next: 0,
            rest_until: None,
        }
    }

    /// How many tasks the executor has from us.
    pub(crate) fn tasks(&self) -> u32 {
        self.busy.values().sum()
    }

    /// A place for a run, or `None` for now. A run larger than the executor still gets its turn.
    pub(crate) fn take(&mut self, tasks: usize, now: Moment) -> Option<RunToken> {
        let resting = self.rest_until.is_some_and(|until| until > now);
        if resting || self.tasks() >= self.places * TASKS_PER_SLOT {
            return None;
        }
        self.rest_until = None;
        let token = RunToken(self.next);
        self.next += 1;
        self.busy
            .insert(token, u32::try_from(tasks).unwrap_or(u32::MAX / 2));
        Some(token)
    }

    /// A task of a run ended.
    pub(crate) fn one_less(&mut self, token: RunToken) {
        if let Some(left) = self.busy.get_mut(&token) {
            *left = left.saturating_sub(1);
        }
    }

    /// A run is over.
    pub(crate) fn free(&mut self, token: RunToken) {
        self.busy.remove(&token);
    }

    /// The executor is full.
    pub(crate) fn rest(&mut self, now: Moment) {
        self.rest_until = Some(now.after(REST));
    }

    pub(crate) fn wake_at(&self) -> Option<Moment> {
        self.rest_until
    }

    /// After everybody had the chance to take a place.
    pub(crate) fn sweep(&mut self, now: Moment) {
        self.rest_until = self.rest_until.filter(|until| *until > now);
    }
}
