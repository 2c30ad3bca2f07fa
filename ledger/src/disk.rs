//! The ledger on disk: one RocksDB in four parts.
//!
//! ```text
//! state   rows of the agreed state, in the order of their keys
//! chain   agreed blocks by height, each with its proof, and the upper half's own notes
//! blocks  blocks the engine knows, agreed or not
//! engine  everything else the engine keeps: locks, views, votes
//! ```
//!
//! What one block changes is written in one batch: its rows, its place in the chain and its proof
//! appear together or not at all. A write that fails stops the process at once, because nothing
//! that happens after it could be trusted. A damaged log is refused when the disk is opened: to
//! go on with lost records would be to vote twice.

mod adopt;
mod agreed;
mod electorate;
mod engine_store;
mod opening;
mod prune;
mod view;

pub use agreed::Agreed;
pub(crate) use electorate::Electorate;
pub use engine_store::{Batch, EngineSnapshot};
pub use opening::DiskError;
pub use prune::ENGINE_BLOCKS_KEPT;
pub use view::{Draft, SCAN_ROWS_MAX, View};

use hotstuff_rs::types::validator_set::ValidatorSet;
use protocol::units::Height;
use rocksdb::{
    ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode, Direction,
    IteratorMode, LogLevel, Options, WriteOptions,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// What a part's newest writes may take in memory before they go to a file.
const WRITE_BUFFER_BYTES: usize = 16 << 20;
/// What all logs together may take before parts are flushed.
const LOG_BYTES_MAX: u64 = 128 << 20;
/// Files RocksDB may hold open.
const OPEN_FILES_MAX: i32 = 256;

const STATE: &str = "state";
const CHAIN: &str = "chain";
const BLOCKS: &str = "blocks";
const ENGINE: &str = "engine";
/// First byte of the chain's keys: agreed blocks, then notes.
const AGREED: u8 = 0;
const NOTE: u8 = 1;

type AgreedHook = Box<dyn Fn(Height) + Send + Sync>;
type StepHook = Box<dyn Fn(Step) + Send + Sync>;

/// What the engine has just written down of its way through the views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It entered this view.
    Entered(u64),
    /// It voted in this view, and the vote is synced to the disk.
    Voted(u64),
}

/// What changes with every view, readable without touching the disk.
#[derive(Default)]
pub(crate) struct Pulse {
    /// The highest view entered.
    pub(crate) view: AtomicU64,
    /// The view of the highest certificate seen.
    pub(crate) certified: AtomicU64,
    /// Grows each time the engine's thread goes round.
    pub(crate) beats: AtomicU64,
}

struct Inner {
    db: DB,
    path: PathBuf,
    kept: u64,
    sets: Mutex<[Option<ValidatorSet>; 2]>,
    electorate: RwLock<Option<Arc<Electorate>>>,
    changes: AtomicU64,
    pulse: Pulse,
    head: Mutex<Height>,
    grown: Condvar,
    on_agreed: RwLock<Option<AgreedHook>>,
    on_step: RwLock<Option<StepHook>>,
}

/// The open ledger; clones share it, and the last one closes it.
#[derive(Clone)]
pub struct Disk(Arc<Inner>);

impl Disk {
    /// Opens the ledger in the folder `path`, or makes an empty one.
    ///
    /// # Errors
    /// See [`DiskError`]; each says what to do.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        Self::open_keeping(path, ENGINE_BLOCKS_KEPT)
    }

    /// The same, for an engine whose part keeps about so many agreed blocks, and 16 at least.
    ///
    /// # Errors
    /// See [`DiskError`].
    pub fn open_keeping(path: &Path, kept: u64) -> Result<Self, DiskError> {
        let parts = [STATE, CHAIN, BLOCKS, ENGINE]
            .map(|name| ColumnFamilyDescriptor::new(name, part_options()));
        opening::look(path)?;
        let db = DB::open_cf_descriptors(&options(), path, parts)
            .map_err(|cause| opening::refused(path, cause))?;
        let disk = Self(Arc::new(Inner {
            db,
            path: path.to_path_buf(),
            kept,
            sets: Mutex::default(),
            electorate: RwLock::default(),
            changes: AtomicU64::new(0),
            pulse: Pulse::default(),
            head: Mutex::new(Height::GENESIS),
            grown: Condvar::new(),
            on_agreed: RwLock::default(),
            on_step: RwLock::default(),
        }));
        *disk.head_lock() = disk.newest_agreed();
        disk.load_pulse();
        Ok(disk)
    }

    /// Where the ledger lies.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// One agreed row.
    pub fn row(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.get(STATE, key)
    }

    /// The agreed block at `height`, if this disk has it.
    pub fn agreed(&self, height: Height) -> Option<Agreed> {
        self.get(CHAIN, &agreed_key(height))
            .map(|bytes| agreed::decode(&bytes))
    }

    /// One of the upper half's own notes.
    pub fn note(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.get(CHAIN, &note_key(key))
    }

    /// The height of the newest agreed block; [`Height::GENESIS`] if there is none yet.
    pub fn head(&self) -> Height {
        *self.head_lock()
    }

    /// Waits until the head is above `height`, at most `patience`, and returns the head.
    pub fn wait_beyond(&self, height: Height, patience: Duration) -> Height {
        let end = Instant::now() + patience;
        let mut head = self.head_lock();
        while *head <= height {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.0.grown.wait_timeout(head, left);
            head = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        *head
    }

    /// Calls `hook` with the new head after each write that agreed blocks, once and in order. It
    /// replaces an earlier hook, runs on the engine's thread, and must not wait.
    pub fn on_agreed(&self, hook: impl Fn(Height) + Send + Sync + 'static) {
        *write_lock(&self.0.on_agreed) = Some(Box::new(hook));
    }

    /// A look at the ledger as it is now; later writes do not show.
    pub fn view(&self) -> View<'_> {
        let head = self.head_lock();
        View {
            disk: self,
            snapshot: self.0.db.snapshot(),
            head: *head,
        }
    }

    /// Writes a draft in one batch, synced to the disk if `synced`. Stops the process if it fails.
    ///
    /// # Panics
    /// If an agreed block does not stand on the head.
    pub fn put(&self, draft: Draft, synced: bool) {
        let mut batch = rocksdb::WriteBatch::default();
        for (key, row) in &draft.rows {
            self.stage(&mut batch, STATE, key, row.as_deref());
        }
        for (key, note) in &draft.notes {
            self.stage(&mut batch, CHAIN, &note_key(key), note.as_deref());
        }
        let mut head = self.head();
        for block in &draft.agreed {
            assert_eq!(
                block.height(),
                head.after(1),
                "an agreed block stands on the head"
            );
            head = block.height();
            self.stage(&mut batch, CHAIN, &agreed_key(head), Some(&block.encode()));
        }
        self.commit(batch, synced);
        self.announce(head);
    }

    pub(crate) fn pulse(&self) -> &Pulse {
        &self.0.pulse
    }

    /// Calls `hook` with each step of the engine, once it is written.
    pub(crate) fn on_step(&self, hook: Option<StepHook>) {
        *write_lock(&self.0.on_step) = hook;
    }

    fn head_lock(&self) -> MutexGuard<'_, Height> {
        self.0.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self, head: Height) {
        {
            let mut known = self.head_lock();
            if head <= *known {
                return;
            }
            *known = head;
        }
        self.0.grown.notify_all();
        let hook = self
            .0
            .on_agreed
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(hook) = hook.as_ref() {
            hook(head);
        }
    }

    fn newest_agreed(&self) -> Height {
        let part = self.part(CHAIN);
        let mode = IteratorMode::From(
            &[AGREED, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            Direction::Reverse,
        );
        match self.0.db.iterator_cf(part, mode).next() {
            None => Height::GENESIS,
            Some(Ok((key, _))) => agreed_height(&key).unwrap_or(Height::GENESIS),
            Some(Err(error)) => die("read the newest block", &error),
        }
    }

    fn part(&self, name: &str) -> &ColumnFamily {
        self.0
            .db
            .cf_handle(name)
            .expect("open() makes all four parts")
    }

    fn get(&self, part: &str, key: &[u8]) -> Option<Vec<u8>> {
        match self.0.db.get_cf(self.part(part), key) {
            Ok(found) => found,
            Err(error) => die("read a row", &error),
        }
    }

    fn stage(&self, batch: &mut rocksdb::WriteBatch, part: &str, key: &[u8], value: Option<&[u8]>) {
        match value {
            Some(value) => batch.put_cf(self.part(part), key, value),
            None => batch.delete_cf(self.part(part), key),
        }
    }

    fn commit(&self, batch: rocksdb::WriteBatch, synced: bool) {
        let mut options = WriteOptions::default();
        options.set_sync(synced);
        if let Err(error) = self.0.db.write_opt(batch, &options) {
            die("write to the ledger", &error);
        }
    }
}

fn agreed_key(height: Height) -> [u8; 9] {
    let mut key = [AGREED; 9];
    key[1..].copy_from_slice(&height.get().to_be_bytes());
    key
}

fn agreed_height(key: &[u8]) -> Option<Height> {
    let (first, height) = key.split_first()?;
    let height = u64::from_be_bytes(height.try_into().ok()?);
    (*first == AGREED).then(|| Height::new(height))
}

fn note_key(key: &[u8]) -> Vec<u8> {
    [&[NOTE], key].concat()
}

fn write_lock<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn options() -> Options {
    let mut options = part_options();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_wal_recovery_mode(DBRecoveryMode::AbsoluteConsistency);
    options.set_max_total_wal_size(LOG_BYTES_MAX);
    options.set_max_open_files(OPEN_FILES_MAX);
    options.set_keep_log_file_num(2);
    options.set_log_level(LogLevel::Warn);
    options
}

fn part_options() -> Options {
    let mut options = Options::default();
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options
}

/// Stops the process: after a failed read or write nothing on this disk can be trusted, and to
/// close it politely can make things worse.
fn die(doing: &str, error: &rocksdb::Error) -> ! {
    tracing::error!(target: "ledger::disk", doing, %error, "the disk failed, the process stops");
    eprintln!("ledger: cannot {doing}: {error}. Look at the disk's health and free space.");
    std::process::abort()
}

impl Disk {
    fn load_pulse(&self) {
        let (view, certified) = self.stored_views();
        self.0.pulse.view.store(view, Ordering::SeqCst);
        self.0.pulse.certified.store(certified, Ordering::SeqCst);
    }
}
