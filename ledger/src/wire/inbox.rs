//! The inbox: frames from members wait here, counted in pieces and bytes, each member in its own
//! share, so that one who floods us loses its own frames and nobody else's.

use super::door::{KINDS, Kind};
use crate::engine::MemberKey;
use hotstuff_rs::networking::messages::Message;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Frames of one member that may wait.
pub const WAITING_FRAMES_MAX: usize = 1024;
/// Bytes of one member that may wait.
pub const WAITING_BYTES_MAX: usize = 16 << 20;
/// Our own messages to ourselves that may wait; the engine makes a few in each view.
const OWN_WAITING_MAX: usize = 1024;

/// How fast one member may send one kind: so many at once, so many a second, and so many more for
/// each view we enter, because a fast chain has more to say.
struct Rate {
    burst: f64,
    per_second: f64,
    per_view: f64,
}

fn rate(kind: Kind) -> Rate {
    let (burst, per_second, per_view) = match kind {
        Kind::Proposal | Kind::Nudge | Kind::NewView => (100.0, 50.0, 2.0),
        Kind::Vote | Kind::AdvanceView => (400.0, 100.0, 4.0),
        Kind::TimeoutVote | Kind::AdvertiseBlock | Kind::AdvertiseCertificate => (40.0, 10.0, 0.0),
        Kind::SyncRequest | Kind::SyncResponse => (64.0, 64.0, 0.0),
    };
    Rate {
        burst,
        per_second,
        per_view,
    }
}

/// A token bucket.
struct Bucket {
    tokens: f64,
    filled: Instant,
    view: u64,
}

impl Bucket {
    fn take(&mut self, rate: &Rate, now: Instant, view: u64) -> bool {
        let seconds = now.saturating_duration_since(self.filled).as_secs_f64();
        // More views than a burst pays for fill the bucket anyway.
        let views = u32::try_from(view.saturating_sub(self.view)).unwrap_or(u32::MAX);
        let more = seconds * rate.per_second + f64::from(views) * rate.per_view;
        self.tokens = (self.tokens + more).min(rate.burst);
        (self.filled, self.view) = (now, view);
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

#[derive(Default)]
struct Sender {
    buckets: [Option<Bucket>; KINDS],
    frames: usize,
    bytes: usize,
}

/// What waits: a frame from another member, or a message of our own.
pub(super) enum Parcel {
    Frame {
        from: MemberKey,
        kind: Kind,
        bytes: Vec<u8>,
    },
    Own(Box<Message>),
}

#[derive(Default)]
struct Waiting {
    queue: VecDeque<Parcel>,
    senders: BTreeMap<MemberKey, Sender>,
    own: usize,
}

/// The bounded queue between the network and the engine.
#[derive(Default)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

impl Inbox {
    /// Takes in a frame; false if the sender is over its rate or its share is full.
    pub(super) fn put(&self, from: MemberKey, kind: Kind, bytes: &[u8], view: u64) -> bool {
        {
            let mut waiting = self.lock();
            let sender = waiting.senders.entry(from).or_default();
            let (rate, now) = (rate(kind), Instant::now());
            let bucket = sender.buckets[kind as usize].get_or_insert(Bucket {
                tokens: rate.burst,
                filled: now,
                view,
            });
            if !bucket.take(&rate, now, view)
                || sender.frames >= WAITING_FRAMES_MAX
                || sender.bytes + bytes.len() > WAITING_BYTES_MAX
            {
                return false;
            }
            sender.frames += 1;
            sender.bytes += bytes.len();
            waiting.queue.push_back(Parcel::Frame {
                from,
                kind,
                bytes: bytes.to_vec(),
            });
        }
        self.filled.notify_one();
        true
    }

    /// Takes in a message of ours to ourselves; false if too many wait.
    pub(super) fn put_own(&self, message: Message) -> bool {
        {
            let mut waiting = self.lock();
            if waiting.own >= OWN_WAITING_MAX {
                return false;
            }
            waiting.own += 1;
            waiting.queue.push_back(Parcel::Own(Box::new(message)));
        }
        self.filled.notify_one();
        true
    }

    /// The next parcel, waiting for one at most `patience`.
    pub(super) fn take(&self, patience: Duration) -> Option<Parcel> {
        let mut waiting = self.lock();
        if waiting.queue.is_empty() {
            let woken = self.filled.wait_timeout(waiting, patience);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        let parcel = waiting.queue.pop_front()?;
        match &parcel {
            Parcel::Own(_) => waiting.own -= 1,
            Parcel::Frame { from, bytes, .. } => {
                let sender = waiting.senders.get_mut(from).expect("put() made it");
                sender.frames -= 1;
                sender.bytes -= bytes.len();
            }
        }
        Some(parcel)
    }

    /// Wakes whoever waits in [`Inbox::take`].
    pub(super) fn wake(&self) {
        self.filled.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_while_another_member_is_heard() {
        let inbox = Inbox::default();
        let (loud, calm) = (MemberKey::new([1; 32]), MemberKey::new([2; 32]));
        let heard = (0..10_000)
            .filter(|_| inbox.put(loud, Kind::NewView, &[0; 8], 5))
            .count();
        assert!(
            (100..5_000).contains(&heard),
            "{heard} of a flood were heard"
        );
        assert!(inbox.put(calm, Kind::NewView, &[0; 8], 5));
        while inbox.take(Duration::ZERO).is_some() {}
        let heard = (0..100_u64).filter(|view| inbox.put(loud, Kind::Vote, &[0; 8], 5 + view));
        assert_eq!(heard.count(), 100, "a fast chain is heard");
    }

    #[test]
    fn waiting_bytes_are_bounded() {
        let inbox = Inbox::default();
        let from = MemberKey::new([1; 32]);
        let large = vec![0; 1 << 20];
        let heard = (0..64)
            .filter(|_| inbox.put(from, Kind::SyncResponse, &large, 1))
            .count();
        assert_eq!(heard, 16);
        assert!(inbox.take(Duration::ZERO).is_some());
        assert!(inbox.take(Duration::ZERO).is_some());
    }
}
