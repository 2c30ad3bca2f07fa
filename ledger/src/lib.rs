//! The agreed ledger of one peer: rules above, consensus in the middle, a disk below.
//!
//! ```text
//! Ledger ── propose, agreed_from, ask, follow: all that a peer needs
//!   seat, roster ── whether this peer votes or follows, and whose nodes the members' are
//!   app ── blocks from the pool, blocks judged        follow ── blocks proven, without a vote
//!     pool, known ── entries waiting, entries checked once
//!     execute ── one block: rules, root, heading      memory ── what was executed, never twice
//!     header, commitment, feed ── what a block says of itself, its state and its results
//!   ask, verify ── reading what is agreed, and replaying it from genesis
//!   engine ── the seam: an [`engine::Application`] in, agreed blocks with proofs out
//!     wire ── what members tell each other, through one checked door
//!     disk ── rows, blocks and votes that survive a crash
//!     guard, evidence ── nobody votes twice; who does is shown
//! ```

pub mod app;
pub mod ask;
pub mod commitment;
pub mod disk;
pub mod engine;
pub mod evidence;
pub mod execute;
pub mod feed;
pub mod follow;
pub mod guard;
pub mod header;
pub mod known;
pub mod pool;
pub mod thrown;
pub mod verify;
pub mod wire;

mod memory;
mod roster;
mod seat;
mod start;

pub use app::Clock;
pub use ask::Reader;
pub use engine::{BlockHash, Health, MemberKey};
pub use evidence::DoubleVote;
pub use feed::{Agreed, Answer, Feed, Refused};
pub use follow::{FRAME_BYTES_MAX, FollowFault, Frame};
pub use pool::PoolRefusal;
pub use start::{Config, NoCarrier, Role, StartError, WallClock};
pub use thrown::ThrownOut;
pub use verify::{Difference, Verified, VerifyError};
pub use wire::{Carrier, Lane, NotTaken};

use disk::Disk;
use ed25519_dalek::SigningKey;
use known::NotAnEntry;
use protocol::bytes;
use protocol::entry::SignedEntry;
use protocol::genesis::Genesis;
use protocol::ids::{Digest, EntryId, PeerId};
use protocol::units::{Height, Moment};
use roster::Roster;
use rules::Refusal;
use seat::{Part, Seat};
use std::sync::Arc;
use std::time::Duration;

/// Where the ledger lies in a peer's home.
pub const LEDGER_FOLDER: &str = "ledger";
/// The vote guard's file in a member's home.
pub const VOTES_FILE: &str = "votes";

/// Why an entry would be refused as things stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is no entry of this federation.
    #[error(transparent)]
    NotAnEntry(#[from] NotAnEntry),
    /// A rule says no.
    #[error(transparent)]
    Refusal(#[from] Refusal),
}

/// How a ledger is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether this peer votes now.
    pub is_member: bool,
    /// The newest agreed block.
    pub height: Height,
    /// Its agreed time.
    pub now: Moment,
    /// The root of the state after it.
    pub root: Digest,
    /// How many members vote.
    pub members: usize,
    /// Entries that wait for a block here.
    pub waiting: usize,
    /// How the engine of a member is doing.
    pub health: Option<Health>,
}

/// The ledger of one running peer. Dropping it stops it.
pub struct Ledger {
    pub(crate) disk: Disk,
    pub(crate) genesis: Genesis,
    pub(crate) checker: Arc<known::Checker>,
    pub(crate) roster: Roster,
    pub(crate) seat: Seat,
}

impl Ledger {
    /// Opens the ledger, founds it if it is new, and takes part in it.
    ///
    /// # Errors
    /// [`StartError`]; nothing was started then.
    pub fn start(config: Config, carrier: Arc<dyn Carrier>) -> Result<Self, StartError> {
        start::start(config, carrier)
    }

    /// Ends taking part and waits for it, at most about one view time. Safe to call again.
    pub fn stop(&self) {
        self.seat.stop();
    }

    /// The member whose node this is, or a former member whose node it was.
    pub fn member_of(&self, peer: &PeerId) -> Option<MemberKey> {
        self.roster.member_of(peer)
    }

    /// The node of this member, or former member.
    pub fn peer_of(&self, member: &MemberKey) -> Option<PeerId> {
        self.roster.peer_of(member)
    }

    /// The nodes of today's members.
    pub fn member_nodes(&self) -> Vec<PeerId> {
        self.roster.nodes()
    }

    /// Takes in a frame that came over the authenticated link of `from`. It never blocks.
    ///
    /// # Errors
    /// [`NotTaken`]; [`NotTaken::Malformed`] is a fault of the sender.
    pub fn deliver(&self, from: &PeerId, frame: &[u8]) -> Result<(), NotTaken> {
        let member = self.member_of(from).ok_or(NotTaken::NotAMember)?;
        self.seat.deliver(member, frame)
    }

    /// Lets this peer vote with one more key, from the block on that makes it its member's. Nothing
    /// happens at one that was started to follow only.
    pub fn may_vote_with(&self, key: SigningKey) {
        self.seat.add_key(key);
    }

    /// Lets an entry wait for a block. The ledger does not pass it on: whoever signed it hands it
    /// to every member, because the next leader may be any of them.
    ///
    /// # Errors
    /// [`PoolRefusal`], and nothing changed. Another member may take it all the same.
    pub fn propose(&self, entry: &SignedEntry) -> Result<EntryId, PoolRefusal> {
        let Part::Member { parts, .. } = &*self.seat.part() else {
            return Err(PoolRefusal::NotAMember);
        };
        let known = parts.checker.check(&bytes::write(entry))?;
        let reader = self.ask();
        let now = reader.now();
        let entry = known.entry.value();
        let next = rules::read::nonce(&reader, entry.sender, entry.lane);
        if entry.nonce == next {
            // Whatever leaves a trace is for the block to answer: its state is newer than ours.
            match rules::preview(&reader, now, &known.entry) {
                Err(Refusal::NonceInFuture { .. } | Refusal::NonceUsed { .. }) => {}
                Err(refusal) if refusal.left_no_trace() => return Err(refusal.into()),
                Ok(()) | Err(_) => {}
            }
        }
        let id = parts.pool.put(known, next, now)?;
        parts.wake.ring();
        Ok(id)
    }

    /// What the rules would say to this entry on the agreed state. An entry whose turn has not
    /// come is fine. It costs nothing: ask before an entry is sent, because a refused one pays.
    ///
    /// # Errors
    /// [`Rejected`], in the rules' words.
    pub fn preview(&self, entry: &SignedEntry) -> Result<(), Rejected> {
        let known = self.checker.check(&bytes::write(entry))?;
        let reader = self.ask();
        match rules::preview(&reader, reader.now(), &known.entry) {
            Ok(()) | Err(Refusal::NonceInFuture { .. }) => Ok(()),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Entries that this member threw out since this was last asked, for their senders to know.
    pub fn take_thrown_out(&self) -> Vec<ThrownOut> {
        match &*self.seat.part() {
            Part::Member { parts, .. } => parts.thrown.take(),
            Part::Follower(_) | Part::Between => Vec::new(),
        }
    }

    /// Agreed blocks from `height` on, each once and in order; the first block is 1.
    pub fn agreed_from(&self, height: Height) -> Feed {
        Feed::new(self.disk.clone(), height)
    }

    /// The agreed state as it is now.
    pub fn ask(&self) -> Reader<'_> {
        Reader::new(&self.disk)
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        let reader = self.ask();
        let (waiting, health) = match &*self.seat.part() {
            Part::Member { engine, parts, .. } => (parts.pool.len(), Some(engine.health())),
            Part::Follower(_) | Part::Between => (0, None),
        };
        Status {
            is_member: health.is_some(),
            height: reader.height(),
            now: reader.now(),
            root: reader.root(),
            members: self.roster.nodes().len(),
            waiting,
            health,
        }
    }

    /// Replays everything up to what is agreed now, and compares. A long ledger takes long.
    ///
    /// # Errors
    /// The first [`Difference`].
    pub fn verify(&self) -> Result<Verified, Difference> {
        verify::replay_disk(&self.disk, &self.genesis)
    }

    /// Double votes of members seen since this was last asked.
    pub fn take_evidence(&self) -> Vec<DoubleVote> {
        match &*self.seat.part() {
            Part::Member { engine, .. } => engine.take_evidence(),
            Part::Follower(_) | Part::Between => Vec::new(),
        }
    }

    /// The height that is missing here next.
    pub fn follow_from(&self) -> Height {
        self.disk.head().after(1)
    }

    /// Proven blocks from `from` on, for a peer that follows. Waits at most `patience` for the
    /// first of them; `None` if there is none.
    pub fn follow_out(&self, from: Height, patience: Duration) -> Option<Frame> {
        follow::out(&self.disk, from, patience)
    }

    /// Whether this peer needs blocks by [`Ledger::follow_in`] now. Ask it about once a second: a
    /// member whose seat has ended stops voting here and becomes a follower, which takes at most
    /// about one view time.
    pub fn follows(&self) -> bool {
        self.seat.follows()
    }

    /// Takes in a frame that another peer's [`Ledger::follow_out`] made. Returns the new head. A
    /// peer that may vote does so from the block on that makes it a member.
    ///
    /// # Errors
    /// [`FollowFault`]; where [`FollowFault::is_senders`] says so, ask another peer.
    pub fn follow_in(&self, frame: &[u8]) -> Result<Height, FollowFault> {
        self.seat.follow_in(frame)
    }
}
