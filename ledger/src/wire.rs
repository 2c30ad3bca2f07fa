//! What members tell each other, on its way out of the engine and into it.
//!
//! ```text
//! carrier ─▶ deliver ─▶ inbox ─▶ flow ─▶ engine ─▶ held votes ─▶ disk synced ─▶ guard ─▶ carrier
//!            length      share    order            one per view
//!            shape       rate     sense
//!            member
//! ```
//!
//! The engine, as published, trusts its network for all of this: it can be stopped by one long
//! list, one large number or one message that comes early. The wire knows no sockets: a
//! [`Carrier`] moves bytes, over links that prove who is at the other end and keep their order.

mod door;
mod flow;
mod inbox;
mod network;
mod pacer;
mod rescue;
mod serve;
mod silence;

pub use door::{BLOCK_EXTRA_BYTES, SMALL_FRAME_BYTES_MAX, SYNC_BLOCKS_MAX};
pub use inbox::{WAITING_BYTES_MAX, WAITING_FRAMES_MAX};
pub(crate) use network::Wire;
pub(crate) use rescue::Timeouts;

use crate::disk::{Disk, Electorate, Step};
use crate::engine::{BlockHash, MemberKey};
use crate::evidence::{Evidence, SignedVote};
use crate::guard::{Ballot, Guard};
use borsh_engine::BorshSerialize;
use door::Kind;
use ed25519_dalek::SigningKey;
use flow::{Flow, Sight};
use hotstuff_rs::block_sync::messages::{AdvertisePC, BlockSyncAdvertiseMessage, BlockSyncMessage};
use hotstuff_rs::hotstuff::messages::{HotStuffMessage, PhaseVote};
use hotstuff_rs::hotstuff::types::PhaseCertificate;
use hotstuff_rs::networking::messages::{Message, ProgressMessage};
use hotstuff_rs::types::data_types::ChainID;
use hotstuff_rs::types::validator_set::VerifyingKey;
use inbox::{Inbox, Parcel};
use pacer::Pacer;
use silence::Silence;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Own votes that may wait for the disk; the engine casts one in each view.
const HELD_VOTES_MAX: usize = 16;

/// The order in which a carrier sends what waits for one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Proposals, votes and views: first, and in the order they were given.
    Votes,
    /// Blocks for a member that catches up, and what it needs to find them.
    Bulk,
}

/// Moves frames to other members. Links are authenticated, and keep the order of each lane.
pub trait Carrier: Send + Sync {
    /// Sends a frame, or drops and counts it if too many wait. It never blocks.
    fn send(&self, to: &MemberKey, lane: Lane, bytes: Vec<u8>);
}

/// Why a frame was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The engine has stopped.
    #[error("the engine has stopped")]
    Stopped,
    /// Only members take part.
    #[error("the sender is no member")]
    NotAMember,
    /// It is too long, too short, or of no known shape. An honest member never sends this.
    #[error("the frame is malformed")]
    Malformed,
    /// The sender is over its rate or its share of the queue.
    #[error("too much from one member")]
    TooMuch,
    /// An answer that nobody asked for.
    #[error("nobody asked for this")]
    NotAsked,
}

/// What the wire has seen since the engine was started; only ever grows.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) taken: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) votes_held_back: AtomicU64,
    pub(crate) fetched: AtomicU64,
    pub(crate) left_early: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What stays the same when the engine is started again in the same process.
#[derive(Clone)]
pub(crate) struct Kit {
    pub(crate) me: VerifyingKey,
    pub(crate) key: SigningKey,
    pub(crate) chain: u64,
    pub(crate) block_bytes_max: usize,
    /// How long a view lasts; also how often this member says where it is.
    pub(crate) view_time: Duration,
    pub(crate) disk: Disk,
    pub(crate) carrier: Arc<dyn Carrier>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) evidence: Arc<Evidence>,
    pub(crate) timeouts: Arc<Timeouts>,
    pub(crate) counts: Arc<Counts>,
}

struct HeldVote {
    ballot: Ballot,
    to: MemberKey,
    message: Message,
}

/// One run of the engine's network.
pub(crate) struct Post {
    kit: Kit,
    me: MemberKey,
    inbox: Inbox,
    flow: Mutex<Flow>,
    held: Mutex<VecDeque<HeldVote>>,
    asked: Mutex<Option<MemberKey>>,
    pacer: Pacer,
    silence: Silence,
    stopping: AtomicBool,
}

impl Post {
    pub(crate) fn new(kit: Kit) -> Self {
        Self {
            me: MemberKey::from(&kit.me),
            pacer: Pacer::new(kit.view_time),
            inbox: Inbox::default(),
            flow: Mutex::default(),
            held: Mutex::default(),
            asked: Mutex::default(),
            silence: Silence::default(),
            stopping: AtomicBool::new(false),
            kit,
        }
    }

    /// Takes in a frame that came over the authenticated link of `from`.
    pub(crate) fn deliver(&self, from: MemberKey, frame: &[u8]) -> Result<(), NotTaken> {
        let taken = self.take_in(from, frame);
        count(match taken {
            Ok(()) => &self.kit.counts.taken,
            Err(_) => &self.kit.counts.refused,
        });
        taken
    }

    fn take_in(&self, from: MemberKey, frame: &[u8]) -> Result<(), NotTaken> {
        if self.stopping.load(Ordering::SeqCst) {
            return Err(NotTaken::Stopped);
        }
        if from == self.me || self.electorate().knows(&from).is_none() {
            return Err(NotTaken::NotAMember);
        }
        self.silence.heard(from);
        let kind = door::kind(frame, self.kit.block_bytes_max).map_err(|_| NotTaken::Malformed)?;
        if kind == Kind::SyncResponse {
            let mut asked = lock(&self.asked);
            if *asked != Some(from) {
                return Err(NotTaken::NotAsked);
            }
            *asked = None;
        }
        door::check(kind, frame).map_err(|_| NotTaken::Malformed)?;
        let view = self.kit.disk.pulse().view.load(Ordering::SeqCst);
        if self.inbox.put(from, kind, frame, view) {
            Ok(())
        } else {
            Err(NotTaken::TooMuch)
        }
    }

    /// The engine has come so far.
    pub(crate) fn step(&self, step: Step) {
        match step {
            Step::Entered(view) => self.silence.entered(view, Instant::now()),
            Step::Voted(view) => self.release(view),
        }
    }

    /// Lets out the votes that the disk has recorded, up to `view`.
    fn release(&self, view: u64) {
        let votes: Vec<HeldVote> = lock(&self.held).drain(..).collect();
        for vote in votes {
            if vote.ballot.view > view {
                lock(&self.held).push_back(vote);
                continue;
            }
            match self.kit.guard.allow(vote.ballot) {
                Ok(()) => self.tell_all(Some(vote.to), Lane::Votes, vote.message),
                Err(held_back) => {
                    count(&self.kit.counts.votes_held_back);
                    tracing::debug!(target: "ledger::wire", %held_back, "a vote was held back");
                }
            }
        }
    }

    /// Makes the engine's threads come to an end when they are next asked to.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.pacer.stop();
        self.inbox.wake();
    }

    fn electorate(&self) -> Arc<Electorate> {
        let electorate = self.kit.disk.electorate();
        electorate.expect("an engine starts on a disk that knows who votes")
    }

    fn tell_all(&self, also: Option<MemberKey>, lane: Lane, message: Message) {
        let frame = message.try_to_vec().expect("a Vec takes all bytes");
        let electorate = self.electorate();
        let also = also.filter(|also| electorate.voters().all(|member| member != *also));
        for member in electorate.voters().chain(also) {
            if member != self.me {
                self.kit.carrier.send(&member, lane, frame.clone());
            }
        }
        self.tell_me(message);
    }

    fn tell_me(&self, message: Message) {
        if !self.inbox.put_own(message) {
            count(&self.kit.counts.dropped);
        }
    }

    fn hold(&self, to: MemberKey, vote: &PhaseVote, message: Message) {
        let block = BlockHash::new(vote.block.bytes());
        let ballot = Ballot {
            view: vote.view.int(),
            phase: vote.phase as u8,
            block,
        };
        let mut held = lock(&self.held);
        if held.len() == HELD_VOTES_MAX {
            held.pop_front();
        }
        held.push_back(HeldVote {
            ballot,
            to,
            message,
        });
    }

    /// A message that says nothing: it makes the engine's loop go round once.
    fn nothing(&self) -> (VerifyingKey, Message) {
        let mut highest_pc = PhaseCertificate::genesis_pc();
        highest_pc.chain_id = ChainID::new(self.kit.chain);
        let advert = BlockSyncAdvertiseMessage::AdvertisePC(AdvertisePC { highest_pc });
        (self.kit.me, Message::from(advert))
    }

    fn admit(&self, flow: &mut Flow, parcel: Parcel) {
        let (from, message) = match parcel {
            Parcel::Own(message) => (self.me, *message),
            Parcel::Frame { from, kind, bytes } => match door::open(kind, &bytes) {
                Ok(message) => (from, message),
                Err(_) => return count(&self.kit.counts.dropped),
            },
        };
        let electorate = self.electorate();
        let Some(key) = electorate.knows(&from) else {
            return count(&self.kit.counts.dropped);
        };
        if let Message::BlockSyncMessage(BlockSyncMessage::BlockSyncRequest(request)) = &message {
            return self.serve(&from, request);
        }
        self.look_for_evidence(from, &message);
        let sight = Sight {
            me: self.me,
            chain: self.kit.chain,
            view: self.kit.disk.pulse().view.load(Ordering::SeqCst),
            certified: self.kit.disk.pulse().certified.load(Ordering::SeqCst),
            disk: &self.kit.disk,
            electorate: &electorate,
            timeouts: &self.kit.timeouts,
        };
        if !flow.admit(&sight, (from, key), message) {
            count(&self.kit.counts.dropped);
        }
    }

    fn look_for_evidence(&self, from: MemberKey, message: &Message) {
        let Message::ProgressMessage(ProgressMessage::HotStuffMessage(HotStuffMessage::PhaseVote(
            vote,
        ))) = message
        else {
            return;
        };
        if from == self.me || vote.chain_id.int() != self.kit.chain {
            return;
        }
        let view = vote.view.int();
        let entered = self.kit.disk.pulse().view.load(Ordering::SeqCst);
        if view > entered.saturating_add(flow::VIEWS_AHEAD_MAX) {
            return;
        }
        let signed = SignedVote {
            block: BlockHash::new(vote.block.bytes()),
            signature: vote.signature.bytes(),
        };
        self.kit
            .evidence
            .look(self.kit.chain, from, (view, vote.phase as u8), signed);
    }
}
