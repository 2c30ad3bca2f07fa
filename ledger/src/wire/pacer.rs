//! Rest for the engine's sync server, whose loop has none: it advertises, and sleeps here until
//! the next advertisement is due. Requests for blocks are answered elsewhere.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Its step while the engine stops.
const STEP: Duration = Duration::from_millis(1);

struct State {
    due: [Instant; 2],
    stopping: bool,
}

pub(super) struct Pacer {
    every: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

impl Pacer {
    /// Lets each of the two advertisements out once in `every`.
    pub(super) fn new(every: Duration) -> Self {
        let now = Instant::now();
        let state = State {
            due: [now, now],
            stopping: false,
        };
        Self {
            every,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Whether this advertisement is due; asking counts as sending it.
    pub(super) fn is_due(&self, is_last: bool) -> bool {
        let mut state = self.lock();
        let now = Instant::now();
        let due = &mut state.due[usize::from(is_last)];
        let is_due = now >= *due;
        if is_due {
            *due = now + self.every;
        }
        is_due
    }

    /// Sleeps until the next advertisement is due, or the engine stops.
    pub(super) fn rest(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if state.stopping {
                drop(state);
                return std::thread::sleep(STEP);
            }
            let until = state.due[1];
            if now >= until {
                return;
            }
            let woken = self.changed.wait_timeout(state, until - now);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// From now on [`Pacer::rest`] returns at once.
    pub(super) fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
