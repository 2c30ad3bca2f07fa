//! The watch over a running engine: is it alive, and is it where the others are?

use super::{Application, Core, stop_the_process};
use crate::engine::{MemberKey, members_of};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often the watch looks.
const EVERY: Duration = Duration::from_millis(100);
/// The engine's thread goes round at least once in a view; after so many looks without that, and
/// never less than a minute, it is dead. Looks are counted rather than time, so that a process
/// that was paused is not taken for a dead one.
const SILENT_LOOKS_MAX: u64 = 600;
/// Behind the others for so many view times, the engine is started again where they are.
const BEHIND_VIEWS: u32 = 2;
/// And after so many, where one of them is.
const ALONE_VIEWS: u32 = 4;

/// Looks after `core` until it stops.
pub(super) fn watch<A: Application + 'static>(core: &Core<A>) {
    let me = MemberKey::from(&core.kit.me);
    let looks_max = SILENT_LOOKS_MAX.max(core.view_time.as_secs().saturating_mul(100));
    let (mut beats, mut silent) = (0, 0);
    let mut stuck = Stuck::default();
    while !core.stopping.load(Ordering::SeqCst) {
        std::thread::sleep(EVERY);
        let now = core.disk.pulse().beats.load(Ordering::Relaxed);
        silent = if now == beats { silent + 1 } else { 0 };
        beats = now;
        if silent > looks_max {
            stop_the_process("the engine's thread has not moved for a minute");
        }
        if let Some(view) = stuck.look(core, &me) {
            tracing::warn!(target: "ledger::engine", view, "stuck below the others, moving up");
            core.rescues.fetch_add(1, Ordering::Relaxed);
            core.end();
            if core.stopping.load(Ordering::SeqCst) {
                return;
            }
            core.disk.raise_view(view.saturating_sub(1));
            core.run();
            if core.stopping.load(Ordering::SeqCst) {
                core.end();
            }
            stuck = Stuck::default();
        }
    }
}

/// Since when nothing has moved here.
#[derive(Default)]
struct Stuck {
    view: u64,
    since: Option<Instant>,
}

impl Stuck {
    /// The view to move up to, if it is time.
    fn look<A: Application + 'static>(&mut self, core: &Core<A>, me: &MemberKey) -> Option<u64> {
        let timeouts = &core.kit.timeouts;
        let entered = core.disk.pulse().view.load(Ordering::SeqCst);
        // Before its first timeout nobody knows where this member is, itself included.
        let here = timeouts.mine(me)?.max(entered);
        if here != self.view || self.since.is_none() {
            (self.view, self.since) = (here, Some(Instant::now()));
        }
        let waited = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        let members = members_of(&core.disk);
        let reached = timeouts.reached(me, &members).filter(|view| *view > here);
        if waited >= core.view_time * BEHIND_VIEWS && reached.is_some() {
            return reached;
        }
        if waited >= core.view_time * ALONE_VIEWS {
            return timeouts.claimed(me, &members, here);
        }
        None
    }
}
