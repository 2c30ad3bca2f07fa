//! Carries the members' talk about blocks, without reading it: one ordered stream per pair.
//!
//! ```text
//! ledger ──send──▶ outbox (bounded, by lane) ──▶ stream: u32 length | u8 lane | body ──▶ ear
//! ```
//!
//! The member with the lower key opens the stream and opens it again whenever it breaks, first
//! after 100 ms, then ever later, up to 5 s; a new connection wakes it at once. Across a broken
//! stream nothing is promised: the engine says again what matters.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use protocol::ids::PeerId;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

use crate::heard::Ear;
use crate::net::Net;
use crate::patience::Patience;
use crate::scores::Fault;
use crate::streams::{Channel, Class};
use crate::wire::{self, FrameError};

/// A frame has so many bytes at most.
pub const FRAME_BYTES_MAX: usize = 256 * 1_024;
/// A frame of [`Lane::Bulk`] has so many bytes at most.
pub const BULK_BYTES_MAX: usize = 4 << 20;
/// So many frames wait for one member, of so many bytes together.
const OUTBOX_MAX: usize = 256;
const OUTBOX_BYTES_MAX: usize = 8 << 20;
/// A stream that lived so long is a good one: the next wait is short again.
const GOOD_LIFE: Duration = Duration::from_secs(5);

/// How urgent a frame is. Urgent frames overtake others in the outbox, and are dropped last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Votes, proposals, new views of now.
    Urgent = 0,
    /// What can wait a little, such as pending entries.
    Ordinary = 1,
    /// Old blocks for one that has fallen behind: large, and asked for again if lost.
    Bulk = 2,
}

impl Lane {
    const ALL: [Self; 3] = [Self::Urgent, Self::Ordinary, Self::Bulk];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| *lane as u8 == byte)
    }

    /// How many bytes a frame may have.
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::Urgent | Self::Ordinary => FRAME_BYTES_MAX,
            Self::Bulk => BULK_BYTES_MAX,
        }
    }
}

#[derive(Default)]
struct Waiting {
    lanes: [VecDeque<Arc<[u8]>>; 3],
    count: usize,
    bytes: usize,
    dropped: u64,
}

impl Waiting {
    fn pop(&mut self, lane: usize) -> Option<Arc<[u8]>> {
        let frame = self.lanes[lane].pop_front()?;
        self.count -= 1;
        self.bytes -= frame.len();
        Some(frame)
    }
}

/// Frames that wait for one member.
#[derive(Default)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

impl Outbox {
    fn with<T>(&self, change: impl FnOnce(&mut Waiting) -> T) -> T {
        change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a frame in; never waits. What does not fit drops the oldest of the least urgent.
    pub(crate) fn put(&self, frame: Arc<[u8]>, lane: Lane) {
        self.with(|waiting| {
            if frame.len() > lane.bytes_max() {
                waiting.dropped += 1;
                return;
            }
            waiting.count += 1;
            waiting.bytes += frame.len();
            waiting.lanes[lane as usize].push_back(frame);
            while waiting.count > OUTBOX_MAX || waiting.bytes > OUTBOX_BYTES_MAX {
                let least = (0..Lane::ALL.len())
                    .rev()
                    .find(|n| !waiting.lanes[*n].is_empty());
                let Some(least) = least else { break };
                waiting.pop(least);
                waiting.dropped += 1;
            }
        });
        self.filled.notify_one();
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.with(|waiting| waiting.dropped)
    }

    /// The most urgent frame. It stays until it has been [`Self::sent`].
    fn first(&self) -> Option<(Lane, Arc<[u8]>)> {
        self.with(|waiting| {
            let first = |lane| waiting.lanes[lane as usize].front().cloned();
            Lane::ALL
                .into_iter()
                .find_map(|lane| Some((lane, first(lane)?)))
        })
    }

    /// Takes out a frame that was written whole, unless it has been dropped meanwhile.
    fn sent(&self, lane: Lane, frame: &Arc<[u8]>) {
        self.with(|waiting| {
            let lane = lane as usize;
            if waiting.lanes[lane]
                .front()
                .is_some_and(|first| Arc::ptr_eq(first, frame))
            {
                waiting.pop(lane);
            }
        });
    }
}

/// Our end of the pair with one member.
pub(crate) struct Pair {
    pub(crate) outbox: Outbox,
    /// Told when the member is connected.
    pub(crate) awake: Notify,
    /// Takes the streams it opens.
    pub(crate) opened: mpsc::Sender<Channel>,
}

/// So many streams of one member wait to replace the present one.
pub(crate) const OPENED_MAX: usize = 4;

/// Keeps the stream to a member with a higher key.
pub(crate) async fn keep(net: Arc<Net>, member: PeerId, pair: Arc<Pair>) {
    let mut patience = Patience::default();
    loop {
        match net.open(member, Class::Consensus).await {
            Ok(channel) => {
                let begun = tokio::time::Instant::now();
                carry(&net, &pair.outbox, channel).await;
                if begun.elapsed() >= GOOD_LIFE {
                    patience = Patience::default();
                }
            }
            Err(error) => tracing::debug!(%member, %error, "no consensus stream"),
        }
        let _ = timeout(patience.wait(), pair.awake.notified()).await;
        // A peer that takes our streams and drops them at once must not make us spin.
        sleep(Duration::from_millis(20)).await;
    }
}

/// Uses the streams that a member with a lower key opens; the newest replaces the one before.
pub(crate) async fn follow(net: Arc<Net>, pair: Arc<Pair>, mut opened: mpsc::Receiver<Channel>) {
    let mut next = opened.recv().await;
    while let Some(channel) = next {
        next = tokio::select! {
            newer = opened.recv() => newer,
            () = carry(&net, &pair.outbox, channel) => opened.recv().await,
        };
    }
}

/// Carries frames both ways until the stream breaks.
async fn carry(net: &Net, outbox: &Outbox, channel: Channel) {
    let member = channel.peer();
    tracing::debug!(%member, "consensus stream up");
    let (mut reader, mut writer) = channel.split();
    let ended = tokio::select! {
        ended = read(&mut reader, member, &net.ear) => ended,
        ended = write(&mut writer, outbox) => ended,
    };
    if let Err(FrameError::TooLong { .. }) = ended {
        net.note(member, Fault::Malformed);
    }
    tracing::debug!(%member, ?ended, "consensus stream down");
}

async fn read<R: futures::AsyncRead + Unpin>(
    from: &mut R,
    member: PeerId,
    ear: &Ear,
) -> Result<(), FrameError> {
    loop {
        let mut head = [0; 5];
        // Between frames a member may be silent for as long as its connection lives.
        if from.read(&mut head[..1]).await? == 0 {
            return Err(FrameError::Closed);
        }
        wire::within(wire::FRAME_TIME, from.read_exact(&mut head[1..])).await?;
        let [a, b, c, d, lane] = head;
        let len = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let lane = Lane::from_byte(lane).ok_or(FrameError::TooLong { len, max: 0 })?;
        if len > lane.bytes_max() {
            return Err(FrameError::TooLong {
                len,
                max: lane.bytes_max(),
            });
        }
        let mut body = vec![0; len];
        wire::within(wire::FRAME_TIME, from.read_exact(&mut body)).await?;
        ear.consensus(member, lane, body);
    }
}

async fn write<W: futures::AsyncWrite + Unpin>(
    to: &mut W,
    outbox: &Outbox,
) -> Result<(), FrameError> {
    loop {
        let filled = outbox.filled.notified();
        let Some((lane, body)) = outbox.first() else {
            wire::within(wire::WRITE_TIME, to.flush()).await?;
            filled.await;
            continue;
        };
        let len = u32::try_from(body.len()).expect("the outbox takes no frame above 4 MiB");
        let [a, b, c, d] = len.to_le_bytes();
        wire::within(wire::WRITE_TIME, async {
            to.write_all(&[a, b, c, d, lane as u8]).await?;
            to.write_all(&body).await
        })
        .await?;
        outbox.sent(lane, &body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_outbox_drops_the_oldest_of_the_least_urgent() {
        let outbox = Outbox::default();
        let pop = || {
            let (lane, frame) = outbox.first()?;
            outbox.sent(lane, &frame);
            Some((lane, frame))
        };
        let frame = |n: usize| -> Arc<[u8]> { n.to_le_bytes().to_vec().into() };
        outbox.put(vec![0; BULK_BYTES_MAX + 1].into(), Lane::Bulk);
        assert_eq!(outbox.dropped(), 1);
        for n in 0..10 {
            outbox.put(frame(n), Lane::Bulk);
        }
        for n in 0..OUTBOX_MAX {
            outbox.put(frame(n), Lane::Urgent);
        }
        assert_eq!(outbox.dropped(), 11);
        outbox.put(frame(999), Lane::Urgent);
        assert_eq!(outbox.dropped(), 12);
        assert_eq!(pop(), Some((Lane::Urgent, frame(1))));
        outbox.put(frame(7), Lane::Bulk);
        for _ in 1..OUTBOX_MAX {
            assert!(matches!(pop(), Some((Lane::Urgent, _))));
        }
        assert_eq!(pop(), Some((Lane::Bulk, frame(7))));
        assert_eq!(pop(), None);
    }
}
