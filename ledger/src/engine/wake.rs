//! The bell of an application that waits for work.

use super::locked;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wakes an application that waits for work in [`Application::make`].
#[derive(Default)]
pub struct Wake {
    bell: Mutex<Bell>,
    rung: Condvar,
}

#[derive(Default)]
struct Bell {
    rings: u64,
    closed: bool,
}

impl Wake {
    /// There is work: whoever waits looks again.
    pub fn ring(&self) {
        let mut bell = locked(&self.bell);
        bell.rings = bell.rings.wrapping_add(1);
        drop(bell);
        self.rung.notify_all();
    }

    /// Waits until `ready` says so, at most `patience`, and not at all once the engine stops.
    /// `ready` is asked at first and after each ring, while no lock of this is held.
    pub fn wait(&self, patience: Duration, mut ready: impl FnMut() -> bool) {
        let end = Instant::now() + patience;
        let mut heard = locked(&self.bell).rings;
        while !ready() {
            let mut bell = locked(&self.bell);
            while bell.rings == heard && !bell.closed {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return;
                }
                let woken = self.rung.wait_timeout(bell, left);
                bell = woken.unwrap_or_else(PoisonError::into_inner).0;
            }
            if bell.closed || Instant::now() >= end {
                return;
            }
            heard = bell.rings;
        }
    }

    /// Nobody waits any more.
    pub(super) fn close(&self) {
        locked(&self.bell).closed = true;
        self.rung.notify_all();
    }
}
