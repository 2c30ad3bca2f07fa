//! How fast the owner of the machine lets tasks run: always, a share of the time, or not at all.
//!
//! Workers are stopped and woken by signals, which needs no rights and which no guest can keep from
//! happening. A worker that stands still pays with nothing but time: the waits for its answers grow
//! by as much, and fuel is counted, not timed.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A worker that runs a share of the time is stopped once in so long.
const PERIOD: Duration = Duration::from_millis(200);

/// How fast tasks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// So many hundredths of the time, 1 to 100; other numbers count as the nearest of these.
    Share(u8),
    /// Not at all, and none begins.
    Stopped,
}

impl Pace {
    /// As fast as the machine can.
    pub const FULL: Self = Self::Share(100);
}

#[derive(Debug)]
struct Inner {
    children: BTreeSet<i32>,
    pace: Pace,
    /// Since when all stand still, if they do.
    since: Option<Instant>,
    /// For how long all stood still before that.
    stood: Duration,
    closed: bool,
}

/// All workers of an executor, and who stops and wakes them.
#[derive(Debug)]
pub(crate) struct Herd {
    inner: Mutex<Inner>,
    changed: Condvar,
}

fn signal(child: i32, signal: libc::c_int) {
    // SAFETY: it takes numbers alone. A child is in the herd only as long as it was not waited for,
    // so its number is nobody else's.
    #[allow(unsafe_code)]
    let answer = unsafe { libc::kill(child, signal) };
    if answer != 0 {
        let error = io::Error::last_os_error();
        tracing::debug!(target: "executor", child, %error, "a worker was not signalled");
    }
}

impl Inner {
    fn stop(&mut self) {
        if self.since.is_none() {
            self.since = Some(Instant::now());
            for child in &self.children {
                signal(*child, libc::SIGSTOP);
            }
        }
    }

    fn wake(&mut self) {
        if let Some(since) = self.since.take() {
            self.stood = self.stood.saturating_add(since.elapsed());
            for child in &self.children {
                signal(*child, libc::SIGCONT);
            }
        }
    }
}

impl Herd {
    /// One that runs as fast as the machine can.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Inner {
                children: BTreeSet::new(),
                pace: Pace::FULL,
                since: None,
                stood: Duration::ZERO,
                closed: false,
            }),
            changed: Condvar::new(),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // It is whole between any two statements that hold it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A child was started. It stands still if all others do.
    pub(crate) fn enter(&self, child: u32) {
        let Ok(child) = i32::try_from(child) else {
            return;
        };
        let mut inner = self.inner();
        if inner.since.is_some() {
            signal(child, libc::SIGSTOP);
        }
        inner.children.insert(child);
    }

    /// A child is about to be waited for: afterwards its number may be another's.
    pub(crate) fn leave(&self, child: u32) {
        if let Ok(child) = i32::try_from(child) {
            self.inner().children.remove(&child);
        }
    }

    /// For how long all stood still so far.
    pub(crate) fn stood(&self) -> Duration {
        let inner = self.inner();
        let now = inner.since.map_or(Duration::ZERO, |since| since.elapsed());
        inner.stood.saturating_add(now)
    }

    /// Whether no task may begin.
    pub(crate) fn is_stopped(&self) -> bool {
        self.inner().pace == Pace::Stopped
    }

    /// Sets the pace.
    pub(crate) fn set(&self, pace: Pace) {
        self.inner().pace = pace;
        self.changed.notify_all();
    }

    /// Wakes all, for good.
    pub(crate) fn close(&self) {
        self.inner().closed = true;
        self.changed.notify_all();
    }

    /// Starts the thread that keeps the pace.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn keep_pace(self: &Arc<Self>) -> io::Result<JoinHandle<()>> {
        let herd = Arc::clone(self);
        let thread = std::thread::Builder::new().name("pace".to_owned());
        thread.spawn(move || herd.drive())
    }

    fn drive(&self) {
        let mut inner = self.inner();
        while !inner.closed {
            let share = match inner.pace {
                Pace::Share(share) => u32::from(share.clamp(1, 100)),
                Pace::Stopped => 0,
            };
            let works = PERIOD * share / 100;
            inner = match share {
                0 => {
                    inner.stop();
                    self.wait(inner)
                }
                100 => {
                    inner.wake();
                    self.wait(inner)
                }
                _ => {
                    inner.wake();
                    let pace = inner.pace;
                    let mut inner = self.wait_for(inner, works);
                    if inner.pace == pace && !inner.closed {
                        inner.stop();
                        inner = self.wait_for(inner, PERIOD - works);
                    }
                    inner
                }
            };
        }
        inner.wake();
    }

    fn wait<'a>(&self, inner: MutexGuard<'a, Inner>) -> MutexGuard<'a, Inner> {
        let pace = inner.pace;
        let same = |inner: &mut Inner| inner.pace == pace && !inner.closed;
        let waited = self.changed.wait_while(inner, same);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for<'a>(&self, inner: MutexGuard<'a, Inner>, long: Duration) -> MutexGuard<'a, Inner> {
        let pace = inner.pace;
        let same = |inner: &mut Inner| inner.pace == pace && !inner.closed;
        let waited = self.changed.wait_timeout_while(inner, long, same);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
