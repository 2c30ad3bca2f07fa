//! What was heard and waits for the driver: four bounded queues, read in turn, comings and goings
//! first.
//!
//! | queue     | when full                                        |
//! | --------- | ------------------------------------------------ |
//! | presence  | the oldest is dropped; `Handle::peers` has all   |
//! | consensus | the oldest frame is dropped and counted          |
//! | messages  | the sender waits, then hears that we are busy    |
//! | offers    | the oldest is dropped: offers are announced anew |

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use protocol::ids::PeerId;
use protocol::offer::Offer;
use protocol::signed::Checked;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::consensus::Lane;

/// So many comings and goings wait.
const PRESENCE_MAX: usize = 4_096;
/// So many consensus frames wait, of so many bytes together.
const CONSENSUS_MAX: usize = 4_096;
const CONSENSUS_BYTES_MAX: usize = 32 << 20;
/// So many messages wait, of so many bytes together.
const MESSAGES_MAX: usize = 1_024;
const MESSAGES_BYTES_MAX: usize = 64 << 20;
/// So many offers wait.
const OFFERS_MAX: usize = 1_024;
/// So long a message's sender waits for room.
const ROOM_TIME: Duration = Duration::from_secs(5);

/// Something that came from the network.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A peer announced what it can do. Signature, federation, age and rate have been checked.
    Offer(Checked<Offer>),
    /// A peer sent us a message of at most 1 MiB. It may come twice if a connection broke.
    Message {
        /// Who; proved by its node key.
        from: PeerId,
        /// What, unread.
        bytes: Vec<u8>,
    },
    /// A member said something about blocks.
    Consensus {
        /// Which member.
        from: PeerId,
        /// How urgent it said that was.
        lane: Lane,
        /// What, unread.
        bytes: Vec<u8>,
    },
    /// A peer of this federation is connected.
    PeerUp(PeerId),
    /// Its last connection has ended.
    PeerDown(PeerId),
}

#[derive(Default)]
struct Queues {
    presence: VecDeque<Happening>,
    consensus: VecDeque<(PeerId, Lane, Vec<u8>)>,
    consensus_bytes: usize,
    messages: VecDeque<(PeerId, Vec<u8>)>,
    messages_bytes: usize,
    offers: VecDeque<Checked<Offer>>,
    turn: u8,
    consensus_dropped: u64,
    offers_dropped: u64,
    over: bool,
}

impl Queues {
    fn take(&mut self, turn: u8) -> Option<Happening> {
        match turn {
            0 => self.consensus.pop_front().map(|(from, lane, bytes)| {
                self.consensus_bytes -= bytes.len();
                Happening::Consensus { from, lane, bytes }
            }),
            1 => self.messages.pop_front().map(|(from, bytes)| {
                self.messages_bytes -= bytes.len();
                Happening::Message { from, bytes }
            }),
            _ => self.offers.pop_front().map(Happening::Offer),
        }
    }

    fn next(&mut self) -> Option<Happening> {
        if let Some(first) = self.presence.pop_front() {
            return Some(first);
        }
        for _ in 0..3 {
            let turn = self.turn;
            self.turn = (turn + 1) % 3;
            if let Some(next) = self.take(turn) {
                return Some(next);
            }
        }
        None
    }
}

/// The four queues, shared by those who fill them and the one who reads.
#[derive(Default)]
pub(crate) struct Ear {
    queues: Mutex<Queues>,
    filled: Notify,
    room: Notify,
}

impl Ear {
    fn with<T>(&self, change: impl FnOnce(&mut Queues) -> T) -> T {
        change(&mut self.queues.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn presence(&self, happening: Happening) {
        self.with(|queues| {
            if queues.presence.len() >= PRESENCE_MAX {
                queues.presence.pop_front();
            }
            queues.presence.push_back(happening);
        });
        self.filled.notify_one();
    }

    pub(crate) fn offer(&self, offer: Checked<Offer>) {
        self.with(|queues| {
            if queues.offers.len() >= OFFERS_MAX {
                queues.offers.pop_front();
                queues.offers_dropped += 1;
            }
            queues.offers.push_back(offer);
        });
        self.filled.notify_one();
    }

    pub(crate) fn consensus(&self, from: PeerId, lane: Lane, bytes: Vec<u8>) {
        self.with(|queues| {
            queues.consensus_bytes += bytes.len();
            queues.consensus.push_back((from, lane, bytes));
            while queues.consensus.len() > CONSENSUS_MAX
                || queues.consensus_bytes > CONSENSUS_BYTES_MAX
            {
                let Some((_, _, oldest)) = queues.consensus.pop_front() else {
                    break;
                };
                queues.consensus_bytes -= oldest.len();
                queues.consensus_dropped += 1;
            }
        });
        self.filled.notify_one();
    }

    /// Takes a message; `false` if there was no room for too long.
    pub(crate) async fn message(&self, from: PeerId, bytes: Vec<u8>) -> bool {
        let size = bytes.len();
        let free = timeout(ROOM_TIME, async {
            loop {
                let room = self.room.notified();
                if self.with(|queues| {
                    queues.messages.len() < MESSAGES_MAX
                        && queues.messages_bytes + size <= MESSAGES_BYTES_MAX
                }) {
                    return;
                }
                room.await;
            }
        });
        if free.await.is_err() {
            return false;
        }
        // Another sender may have come in between: the bound then gives by one message each.
        self.with(|queues| {
            queues.messages_bytes += size;
            queues.messages.push_back((from, bytes));
        });
        self.filled.notify_one();
        true
    }

    /// How many offers and consensus frames were dropped here so far.
    pub(crate) fn dropped(&self) -> (u64, u64) {
        self.with(|queues| (queues.offers_dropped, queues.consensus_dropped))
    }

    /// Nothing more will come.
    pub(crate) fn close(&self) {
        self.with(|queues| queues.over = true);
        self.filled.notify_one();
    }

    pub(crate) async fn next(&self) -> Option<Happening> {
        loop {
            let filled = self.filled.notified();
            let (next, over) = self.with(|queues| (queues.next(), queues.over));
            if next.is_some() {
                self.room.notify_one();
                return next;
            }
            if over {
                return None;
            }
            filled.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn full_queues_drop_the_oldest_and_everyone_gets_a_turn() {
        let (ear, peer) = (Ear::default(), PeerId::new([1; 32]));
        for n in 0..CONSENSUS_MAX + 5 {
            ear.consensus(peer, Lane::Urgent, n.to_le_bytes().to_vec());
        }
        assert_eq!(ear.dropped(), (0, 5));
        assert!(ear.message(peer, vec![1]).await);
        ear.presence(Happening::PeerUp(peer));
        assert!(matches!(ear.next().await, Some(Happening::PeerUp(_))));
        let oldest = 5_usize.to_le_bytes();
        match ear.next().await {
            Some(Happening::Consensus { bytes, .. }) => assert_eq!(bytes, oldest),
            other => panic!("consensus first, not {other:?}"),
        }
        assert!(matches!(ear.next().await, Some(Happening::Message { .. })));
        ear.close();
        for _ in 0..CONSENSUS_MAX - 1 {
            assert!(ear.next().await.is_some());
        }
        assert!(ear.next().await.is_none());
    }
}
