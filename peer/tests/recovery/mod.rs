//! How fast a federation gets over a death, measured on real processes.
//!
//! The bounds are the project's own promise, so they are asserted. What the machine itself loses is
//! not held against the federation: a pacemaker that only sleeps and syncs a byte runs beside it,
//! and three times its worst delay is granted (a block stands on three synced writes in a row). On
//! a quiet machine that is a few milliseconds; a federation that stalls fails all the same.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use peer::api::Client;
use peer::api::types::LedgerView;
use tokio::task::JoinHandle;

use crate::scene::{PATIENCE, Scene};

/// How long a view of a devnet lasts.
pub(crate) const VIEW: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A peer that is so many blocks behind another has caught up: blocks go on while we look.
const CLOSE: u64 = 3;

/// Beats steadily and notes when the machine does not let it.
pub(crate) struct Pace {
    beats: Arc<Mutex<Vec<(Instant, Duration)>>>,
    stop: Arc<AtomicBool>,
}

impl Pace {
    pub(crate) fn start(scene: &Scene) -> Self {
        let mut file = File::create(scene.dir.path().join("pace")).unwrap();
        let beats = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (noted, stopped) = (Arc::clone(&beats), Arc::clone(&stop));
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let began = Instant::now();
                std::thread::sleep(LOOK_EVERY);
                file.write_all(b".").unwrap();
                file.sync_data().unwrap();
                let late = began.elapsed().saturating_sub(LOOK_EVERY);
                noted.lock().unwrap().push((Instant::now(), late));
            }
        });
        Self { beats, stop }
    }

    /// What the machine may have cost since then.
    pub(crate) fn granted(&self, since: Instant) -> Duration {
        let beats = self.beats.lock().unwrap();
        let late = beats.iter().filter(|(at, _)| *at >= since);
        late.map(|(_, late)| *late).max().unwrap_or_default() * 3
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Watches the agreed height at one peer until it is asked for what it saw.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    longest: JoinHandle<Duration>,
}

impl Watch {
    pub(crate) fn start(client: Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let longest = tokio::spawn(async move {
            let (mut height, mut since, mut longest) = (0, Instant::now(), Duration::ZERO);
            while !stopped.load(Ordering::Relaxed) {
                if let Some(view) = ledger(&client).await
                    && view.height > height
                {
                    longest = longest.max(since.elapsed());
                    (height, since) = (view.height, Instant::now());
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            longest.max(since.elapsed())
        });
        Self { stop, longest }
    }

    /// The longest time in which no block was agreed.
    pub(crate) async fn longest_stall(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.longest.await.unwrap()
    }
}

/// What was measured, and what it is held against.
#[derive(Debug)]
pub(crate) struct Measure {
    took: Duration,
    promised: Duration,
    granted: Duration,
}

impl Measure {
    /// Notes and prints a measure.
    pub(crate) fn of(what: &str, took: Duration, promised: Duration, granted: Duration) -> Self {
        eprintln!("{what}: {took:.2?} of {promised:?}, and {granted:.2?} for the machine");
        Self {
            took,
            promised,
            granted,
        }
    }

    pub(crate) fn holds(&self) -> bool {
        self.took <= self.promised + self.granted
    }
}

async fn ledger(client: &Client) -> Option<LedgerView> {
    client.get::<LedgerView>("/ledger").await.ok()
}

impl Scene {
    /// How long it takes from now until the peer of this name has what a member that never stopped
    /// has: about the same height, and at one height the same root.
    pub(crate) async fn until_caught_up(&self, name: &str, with: &str) -> Duration {
        let (back, other) = (self.client(name), self.client(with));
        let began = Instant::now();
        let mut seen = [BTreeMap::new(), BTreeMap::new()];
        loop {
            let views = tokio::join!(ledger(&back), ledger(&other));
            for (view, seen) in [views.0, views.1].into_iter().zip(&mut seen) {
                seen.extend(view.map(|view| (view.height, view.root.full())));
            }
            let [mine, theirs] = &seen;
            let common = mine.iter().find(|(height, _)| theirs.contains_key(height));
            if let Some((height, root)) = common {
                assert_eq!(&theirs[height], root, "roots differ at height {height}");
            }
            let newest = |seen: &BTreeMap<u64, String>| seen.last_key_value().map(|(at, _)| *at);
            if common.is_some() && newest(mine).map(|at| at + CLOSE) >= newest(theirs) {
                return began.elapsed();
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{name} never caught up\n{}",
                self.logs()
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The highest block that any member has agreed on.
    pub(crate) async fn height(&self) -> u64 {
        let mut highest = 0;
        for name in self.members() {
            let view = ledger(&self.client(&name)).await;
            highest = highest.max(view.map_or(0, |view| view.height));
        }
        highest
    }

    /// Waits for a block of this height, and says when it was seen.
    pub(crate) async fn until_height(&self, height: u64) -> Instant {
        let end = Instant::now() + PATIENCE;
        while self.height().await < height {
            assert!(Instant::now() < end, "no new blocks\n{}", self.logs());
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Instant::now()
    }
}
