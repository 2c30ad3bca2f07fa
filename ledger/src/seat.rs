//! Whether this peer votes or follows, and how it goes from one to the other.
//!
//! ```text
//!              the blocks it followed say that its key is a member's
//!   follows ────────────────────────────────────────────────────────▶ votes
//!      ▲                                                                │
//!      └── the block that ends its seat is agreed, or it stands still ──┘
//!          and somebody else proves blocks that it has not heard of
//! ```
//!
//! A member that was away while its seat ended, or while all whom it knew were replaced, hears
//! nothing any more from those who vote now. It gets on by following, like anybody else.
//!
//! A member whose voting key is replaced holds both keys for a while, and votes with the one that
//! the ledger names; the guard is the same for both.

use crate::app::{App, Clock, Parts};
use crate::ask::Reader;
use crate::disk::Disk;
use crate::engine::{BLOCK_BYTES_MAX, Engine, EngineConfig, EngineError, MemberKey, Members};
use crate::execute;
use crate::follow::{FollowFault, Follower};
use crate::known::Checker;
use crate::pool::Pool;
use crate::start::FirstRows;
use crate::thrown::Thrown;
use crate::wire::{Carrier, NotTaken};
use ed25519_dalek::SigningKey;
use protocol::units::Height;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

/// A member on whose ledger nothing is agreed for so long asks others for blocks.
const STILL_FOR: Duration = Duration::from_secs(30);

/// Keys that are remembered; the oldest are forgotten first.
pub(crate) const KEYS_MAX: usize = 8;

/// What this peer does with blocks.
pub(crate) enum Part {
    Member {
        engine: Engine,
        parts: Arc<Parts>,
        /// Whose votes it signs.
        me: MemberKey,
    },
    Follower(Follower),
    /// It is going from one to the other.
    Between,
}

/// What a peer needs for voting, if its key is or becomes a member's.
pub(crate) struct Vote {
    /// Keys that are, were or may become its member's; the ledger says which it is.
    pub(crate) keys: Mutex<Vec<SigningKey>>,
    pub(crate) members: Members,
    pub(crate) first_rows: FirstRows,
    pub(crate) view_time: Duration,
    pub(crate) guard: PathBuf,
    pub(crate) carrier: Arc<dyn Carrier>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Vote {
    /// The key of ours that is one of these members', if any is.
    fn key_of(&self, members: &Members) -> Option<SigningKey> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let mut theirs = keys.iter().rev();
        theirs
            .find(|key| members.get(&MemberKey::of(key)).is_some())
            .cloned()
    }
}

/// The place of this peer in its federation.
pub(crate) struct Seat {
    pub(crate) disk: Disk,
    pub(crate) chain: u64,
    pub(crate) checker: Arc<Checker>,
    pub(crate) vote: Option<Vote>,
    part: RwLock<Part>,
    /// Held by whoever moves from one part to the other.
    moving: Mutex<()>,
    /// The head when it last grew, and since when.
    grown: Mutex<(Height, Instant)>,
}

impl Seat {
    /// Takes the place that the ledger on this disk gives to this peer.
    ///
    /// # Errors
    /// [`EngineError`] if it is a member's, and cannot vote.
    pub(crate) fn take(
        disk: Disk,
        chain: u64,
        checker: Arc<Checker>,
        vote: Option<Vote>,
    ) -> Result<Self, EngineError> {
        let seat = Self {
            grown: Mutex::new((disk.head(), Instant::now())),
            disk,
            chain,
            checker,
            vote,
            part: RwLock::new(Part::Between),
            moving: Mutex::default(),
        };
        if !seat.sit()? {
            seat.stand();
        }
        Ok(seat)
    }

    pub(crate) fn part(&self) -> RwLockReadGuard<'_, Part> {
        self.part.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts voting if the key is a member's and the disk can vote; says whether it does.
    fn sit(&self) -> Result<bool, EngineError> {
        let Some(vote) = &self.vote else {
            return Ok(false);
        };
        let members = execute::members(&Reader::new(&self.disk));
        let Some(key) = vote.key_of(&members) else {
            return Ok(false);
        };
        if !self.disk.adopt(&members) {
            return Ok(false);
        }
        let me = MemberKey::of(&key);
        let parts = Arc::new(Parts {
            disk: self.disk.clone(),
            pool: Pool::default(),
            checker: self.checker.clone(),
            wake: Arc::default(),
            clock: vote.clock.clone(),
            thrown: Thrown::default(),
        });
        let config = EngineConfig {
            chain: self.chain,
            members: vote.members.clone(),
            key,
            view_time: vote.view_time,
            block_bytes_max: BLOCK_BYTES_MAX,
            first_rows: vote.first_rows.clone(),
            guard: vote.guard.clone(),
            wake: parts.wake.clone(),
        };
        let app = App::new(parts.clone(), vote.view_time);
        let engine = Engine::start(config, self.disk.clone(), app, vote.carrier.clone())?;
        self.put(Part::Member { engine, parts, me });
        Ok(true)
    }

    /// Follows, on a disk that may have voted before.
    fn stand(&self) {
        if self.disk.is_founded() {
            self.disk.forget_engine();
        }
        let (disk, checker) = (self.disk.clone(), self.checker.clone());
        self.put(Part::Follower(Follower::new(disk, self.chain, checker)));
    }

    fn put(&self, part: Part) -> Part {
        let mut place = self.part.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, part)
    }

    fn move_alone(&self) -> MutexGuard<'_, ()> {
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this peer needs blocks from others who agreed on them; a member whose seat ended
    /// becomes a follower here, and one whose key was replaced by another that lies here goes on
    /// with that one.
    pub(crate) fn follows(&self) -> bool {
        let _alone = self.move_alone();
        match &*self.part() {
            Part::Follower(_) => return true,
            Part::Member { engine, me, .. } if self.votes(engine, me) => {
                return self.stands_still();
            }
            Part::Member { .. } | Part::Between => {}
        }
        self.leave();
        match self.sit() {
            Ok(true) => {
                tracing::info!(target: "ledger::seat", "this peer votes with another key");
                false
            }
            Ok(false) => true,
            Err(error) => {
                tracing::error!(target: "ledger::seat", %error, "cannot vote with another key");
                true
            }
        }
    }

    /// Whether votes with the key `me` may count, and none with another of ours counts for more.
    fn votes(&self, engine: &Engine, me: &MemberKey) -> bool {
        let Some(who) = engine.disk().electorate() else {
            return false;
        };
        let ours = self.vote.as_ref().and_then(|vote| vote.key_of(&who.now));
        // Until those of now have taken over, a member that is none of them helps them along; but
        // it cannot do so beside itself.
        match ours {
            Some(key) => MemberKey::of(&key) == *me,
            None => who.voters().any(|member| member == *me),
        }
    }

    /// Lets this peer vote with one more key, should the ledger say that it is its member's.
    pub(crate) fn add_key(&self, key: SigningKey) {
        if let Some(vote) = &self.vote {
            let mut keys = vote.keys.lock().unwrap_or_else(PoisonError::into_inner);
            keys.retain(|known| known.verifying_key() != key.verifying_key());
            let over = (keys.len() + 1).saturating_sub(KEYS_MAX);
            keys.drain(..over);
            keys.push(key);
        }
    }

    fn stands_still(&self) -> bool {
        let head = self.disk.head();
        let mut grown = self.grown.lock().unwrap_or_else(PoisonError::into_inner);
        if grown.0 != head {
            *grown = (head, Instant::now());
        }
        grown.1.elapsed() >= STILL_FOR
    }

    fn leave(&self) {
        // No lock is held while the engine's threads come to their end.
        if let Part::Member { engine, .. } = self.put(Part::Between) {
            engine.stop();
        }
        tracing::info!(target: "ledger::seat", "this peer follows from now on");
        self.stand();
    }

    /// Takes in a frame of proven blocks. A peer whose key they make a member's votes from then on.
    ///
    /// # Errors
    /// [`FollowFault`].
    pub(crate) fn follow_in(&self, frame: &[u8]) -> Result<Height, FollowFault> {
        let _alone = self.move_alone();
        let stood_still = match &*self.part() {
            Part::Member { .. } => self.stands_still(),
            Part::Follower(_) | Part::Between => false,
        };
        if stood_still {
            let asks = Follower::new(self.disk.clone(), self.chain, self.checker.clone());
            if !asks.proves_more(frame)? {
                return Ok(self.disk.head());
            }
            self.leave();
        }
        let head = match &*self.part() {
            Part::Member { .. } | Part::Between => return Err(FollowFault::Member),
            Part::Follower(follower) => follower.take(frame)?,
        };
        if self.sit()? {
            tracing::info!(target: "ledger::seat", %head, "this peer votes from now on");
        }
        Ok(head)
    }

    /// Takes in a frame of a member.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub(crate) fn deliver(&self, from: MemberKey, frame: &[u8]) -> Result<(), NotTaken> {
        match &*self.part() {
            Part::Member { engine, .. } => engine.deliver(from, frame),
            Part::Follower(_) | Part::Between => Err(NotTaken::Stopped),
        }
    }

    /// Ends taking part, and waits for it.
    pub(crate) fn stop(&self) {
        if let Part::Member { engine, .. } = &*self.part() {
            engine.stop();
        }
    }
}
