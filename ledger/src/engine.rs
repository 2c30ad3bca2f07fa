//! The seam: an application goes in, agreed blocks with proofs come out.
//!
//! Behind it stands `hotstuff_rs`, kept alive by the [`wire`](crate::wire) and the
//! [`disk`](crate::disk); in front of it nobody has to know. An [`Engine`] votes in the name of
//! one member. It stops the whole process rather than run on with a dead thread, and it gets
//! itself out when the members are stuck in different views.

mod application;
mod health;
mod members;
mod proof;
mod wake;
mod watch;

pub use application::{Application, Branch, Invalid, Judged, Made, Proposed, Rows};
pub use health::Health;
pub use members::{Change, MEMBERS_MAX, Member, MemberKey, Members, NotMembers, POWER_MAX};
pub use proof::{
    BlockHash, Certificate, ChainProof, ChangeProof, CommitProof, Header, Proven, Unproven, verify,
};
pub(crate) use proof::{Kept, is_quorum, vote_bytes};
pub use wake::Wake;

use crate::disk::Disk;
use crate::evidence::{DoubleVote, Evidence};
use crate::guard::{Guard, GuardError};
use crate::wire::{Carrier, Counts, Kit, NotTaken, Post, SYNC_BLOCKS_MAX, Wire};
use application::Shell;
use ed25519_dalek::SigningKey;
use hotstuff_rs::replica::{Configuration, Replica, ReplicaSpec};
use hotstuff_rs::types::data_types::{BufferSize, ChainID, EpochLength};
use hotstuff_rs::types::update_sets::AppStateUpdates;
use hotstuff_rs::types::validator_set::{ValidatorSet, ValidatorSetState};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

/// The largest datum of a block, unless a federation says otherwise. A proposal of it fits the
/// network's frame for urgent words (256 KiB), an answer of 16 blocks its frame for bulk (4 MiB).
pub const BLOCK_BYTES_MAX: usize = 192 << 10;
/// The engine fills this buffer once and then keeps almost nothing: the wire bounds it instead.
const BUFFER_BYTES: u64 = 1 << 40;
/// Entries of the engine's list of bad servers vanish too early or never; this makes it empty.
const NEVER: Duration = Duration::from_secs(1_000_000);
/// Without progress for so long, a member asks the others for blocks.
const SYNC_AFTER: Duration = Duration::from_secs(3);
/// So long a member waits for an answer with blocks.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What an engine needs to know before it starts.
pub struct EngineConfig {
    /// Names the chain under every signature; derived from genesis, never 0.
    pub chain: u64,
    /// The members of genesis, the same on every member.
    pub members: Members,
    /// This member's consensus key, used here only.
    pub key: SigningKey,
    /// How long a leader may be silent: whole seconds, at least one.
    pub view_time: Duration,
    /// The largest datum of a block, the same on every member.
    pub block_bytes_max: usize,
    /// The rows of genesis, the same on every member; used when the disk is empty.
    pub first_rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// The vote guard's file, in the member's home and not in the ledger's folder.
    pub guard: PathBuf,
    /// Wakes the application when it waits for work; the engine closes it when it stops.
    pub wake: Arc<Wake>,
}

/// Why an engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine counts whole seconds.
    #[error("a view lasts {given:?}, it must be whole seconds and at least one")]
    ViewTime {
        /// What was asked for.
        given: Duration,
    },
    /// 0 stands for genesis.
    #[error("chain 0 is no chain")]
    Chain,
    /// The vote guard cannot be used.
    #[error("the vote guard keeps this member from starting")]
    Guard(#[from] GuardError),
    /// The system gives no thread.
    #[error("no thread for the watch")]
    Thread(#[source] std::io::Error),
}

struct Running {
    replica: Option<Replica<Disk>>,
    post: Arc<Post>,
}

/// What the engine and its watch share.
struct Core<A: Application + 'static> {
    disk: Disk,
    kit: Kit,
    key: SigningKey,
    view_time: Duration,
    block_bytes_max: usize,
    application: Arc<Mutex<A>>,
    running: RwLock<Option<Running>>,
    stopping: AtomicBool,
    rescues: AtomicU64,
}

/// What an engine can be asked, whatever application it runs.
trait Handle: Send + Sync {
    fn post(&self) -> Option<Arc<Post>>;
    fn halt(&self);
    fn rescues(&self) -> u64;
}

/// A running member. Dropping it stops it.
///
/// While its key is no member's it only listens: one that is about to join takes the blocks that
/// the others have agreed on, and votes from the block on that lets it in.
pub struct Engine {
    core: Arc<dyn Handle>,
    disk: Disk,
    wake: Arc<Wake>,
    evidence: Arc<Evidence>,
    counts: Arc<Counts>,
    watch: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// Starts voting on `disk` with `application`, over `carrier`.
    ///
    /// # Errors
    /// See [`EngineError`]; nothing was started then.
    pub fn start<A: Application + 'static>(
        config: EngineConfig,
        disk: Disk,
        application: A,
        carrier: Arc<dyn Carrier>,
    ) -> Result<Self, EngineError> {
        if config.view_time.is_zero() || config.view_time.subsec_nanos() != 0 {
            return Err(EngineError::ViewTime {
                given: config.view_time,
            });
        }
        if config.chain == 0 {
            return Err(EngineError::Chain);
        }
        let guard = Arc::new(Guard::open(&config.guard, config.chain)?);
        found(&disk, &config);
        raise_floor(&disk, &guard);
        let kit = Kit {
            me: config.key.verifying_key(),
            key: config.key.clone(),
            chain: config.chain,
            block_bytes_max: config.block_bytes_max,
            view_time: config.view_time,
            disk: disk.clone(),
            carrier,
            guard,
            evidence: Arc::default(),
            timeouts: Arc::default(),
            counts: Arc::default(),
        };
        let (evidence, counts) = (kit.evidence.clone(), kit.counts.clone());
        let core = Arc::new(Core {
            disk: disk.clone(),
            kit,
            key: config.key,
            view_time: config.view_time,
            block_bytes_max: config.block_bytes_max,
            application: Arc::new(Mutex::new(application)),
            running: RwLock::new(None),
            stopping: AtomicBool::new(false),
            rescues: AtomicU64::new(0),
        });
        core.run();
        let watched = core.clone();
        let watch = std::thread::Builder::new()
            .name("engine watch".into())
            .spawn(move || watch::watch(&*watched))
            .map_err(EngineError::Thread)?;
        let watch = Mutex::new(Some(watch));
        Ok(Self {
            core,
            disk,
            wake: config.wake,
            evidence,
            counts,
            watch,
        })
    }

    /// Takes in a frame that came over the authenticated link of `from`. It never blocks.
    ///
    /// # Errors
    /// See [`NotTaken`]; [`NotTaken::Malformed`] is a fault of the sender.
    pub fn deliver(&self, from: MemberKey, frame: &[u8]) -> Result<(), NotTaken> {
        self.core
            .post()
            .ok_or(NotTaken::Stopped)?
            .deliver(from, frame)
    }

    /// The ledger it writes; agreed blocks and their proofs are read there.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Who votes now.
    pub fn members(&self) -> Members {
        members_of(&self.disk)
    }

    /// Double votes seen since this was last asked.
    pub fn take_evidence(&self) -> Vec<DoubleVote> {
        self.evidence.take()
    }

    /// How it is doing.
    pub fn health(&self) -> Health {
        Health::of(&self.disk, &self.counts, self.core.rescues())
    }

    /// Stops it and waits for its threads, at most about one view time. Safe to call again.
    pub fn stop(&self) {
        self.wake.close();
        self.core.halt();
        let watch = self
            .watch
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(watch) = watch {
            // A watch that panicked has stopped the process already.
            let _ended = watch.join();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<A: Application + 'static> Handle for Core<A> {
    fn post(&self) -> Option<Arc<Post>> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map(|running| running.post.clone())
    }

    fn halt(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.end();
    }

    fn rescues(&self) -> u64 {
        self.rescues.load(Ordering::Relaxed)
    }
}

impl<A: Application + 'static> Core<A> {
    /// Starts the engine's threads.
    fn run(&self) {
        let post = Arc::new(Post::new(self.kit.clone()));
        let told = Arc::downgrade(&post);
        self.disk.on_step(Some(Box::new(move |step| {
            if let Some(post) = told.upgrade() {
                post.step(step);
            }
        })));
        let shell = Shell::new(
            self.application.clone(),
            self.disk.clone(),
            self.block_bytes_max,
        );
        let replica = ReplicaSpec::builder()
            .app(shell)
            .network(Wire(post.clone()))
            .kv_store(self.disk.clone())
            .configuration(self.configuration())
            .build()
            .start();
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        *running = Some(Running {
            replica: Some(replica),
            post,
        });
    }

    /// Stops the engine's threads and waits for them.
    fn end(&self) {
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        let ended = running.take();
        drop(running);
        if let Some(mut ended) = ended {
            ended.post.stop();
            drop(ended.replica.take());
            self.disk.on_step(None);
        }
    }

    fn configuration(&self) -> Configuration {
        Configuration::builder()
            .me(self.key.clone())
            .chain_id(ChainID::new(self.kit.chain))
            .block_sync_request_limit(SYNC_BLOCKS_MAX)
            .block_sync_server_advertise_time(Duration::ZERO)
            .block_sync_response_timeout(ANSWER_WITHIN)
            .block_sync_blacklist_expiry_time(NEVER)
            .block_sync_trigger_min_view_difference(0)
            .block_sync_trigger_timeout(SYNC_AFTER)
            .progress_msg_buffer_capacity(BufferSize::new(BUFFER_BYTES))
            .epoch_length(EpochLength::new(1))
            .max_view_time(self.view_time)
            .log_events(false)
            .build()
    }
}

/// Writes genesis if the disk is empty. Doing it twice would forget the lock and the views.
fn found(disk: &Disk, config: &EngineConfig) {
    if disk.is_founded() {
        return;
    }
    let mut rows = AppStateUpdates::new();
    for (key, value) in &config.first_rows {
        rows.insert(key.clone(), value.clone());
    }
    let members = config.members.to_engine();
    let members = ValidatorSetState::new(members, ValidatorSet::new(), None, true);
    Replica::initialize(disk.clone(), rows, members);
}

/// Begins above every view in which this member may have voted: the view entered at a start is
/// not recorded by the engine, and after a lost disk only the guard remembers.
fn raise_floor(disk: &Disk, guard: &Guard) {
    let (seen, voted) = disk.views();
    let highest = seen.max(voted).max(guard.last().view);
    if highest > 0 {
        disk.raise_view(highest + 1);
    }
}

fn members_of(disk: &Disk) -> Members {
    let electorate = disk.electorate();
    let electorate = electorate.expect("found() writes the members first");
    electorate.now.clone()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stops the process so that it starts again from its disk: what is left of it cannot be trusted
/// to take part.
pub(crate) fn stop_the_process(why: &str) -> ! {
    tracing::error!(target: "ledger::engine", why, "the engine is dead, the process stops");
    eprintln!("ledger: {why}; stopping, so that this peer can start again from its disk");
    std::process::abort()
}
