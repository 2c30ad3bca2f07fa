//! A small federation in one process: real engines on real disks, and links that can be cut.
//!
//! The application is a toy: an entry is eight bytes, and to agree on it is to write it down. An
//! entry made by [`seat`] also sets a member's power, or takes its seat.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod seats;
pub mod villain;

use ed25519_dalek::SigningKey;
use ledger::disk::{Disk, ENGINE_BLOCKS_KEPT};
use ledger::engine::{
    Application, BLOCK_BYTES_MAX, Branch, Change, Engine, EngineConfig, EngineError, Invalid,
    Judged, Made, MemberKey, Members, Proposed, Rows, Wake, verify,
};
use ledger::wire::{Carrier, Lane};
use protocol::units::Height;
use seats::SEATS;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, Weak};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const CHAIN: u64 = 7;
pub const VIEW: Duration = Duration::from_secs(1);
/// How long a test waits for anything, on a machine that may be very busy.
pub const PATIENCE: Duration = Duration::from_secs(90);
const LINK_FRAMES_MAX: usize = 4096;
const ENTRIES_PER_BLOCK_MAX: usize = 1000;

/// Federations of one test binary run one after the other: the machine is small.
pub fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < PATIENCE, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn entry_key(entry: u64) -> Vec<u8> {
    [&b"entry/"[..], &entry.to_be_bytes()].concat()
}

#[derive(Default)]
pub struct Pool(Mutex<BTreeSet<u64>>);

pub struct Toy {
    pool: Arc<Pool>,
    wake: Arc<Wake>,
    names: Vec<MemberKey>,
}

impl Toy {
    fn fresh(&self, branch: &Branch<'_>) -> Vec<u64> {
        let pool = self.pool.0.lock().unwrap();
        let fresh = pool
            .iter()
            .filter(|entry| branch.row(&entry_key(**entry)).is_none());
        fresh.take(ENTRIES_PER_BLOCK_MAX).copied().collect()
    }
}

impl Application for Toy {
    fn make(&mut self, branch: &Branch<'_>) -> Made {
        if branch.pending().iter().all(|(_, datum)| datum.is_empty()) {
            self.wake
                .wait(VIEW * 6 / 10, || !self.fresh(branch).is_empty());
        }
        let datum: Vec<u8> = self
            .fresh(branch)
            .iter()
            .flat_map(|entry| entry.to_le_bytes())
            .collect();
        Made {
            data_hash: *blake3::hash(&datum).as_bytes(),
            datum,
        }
    }

    fn judge(&mut self, block: &Proposed<'_>, branch: &Branch<'_>) -> Result<Judged, Invalid> {
        if block.header.data_hash != *blake3::hash(block.datum).as_bytes() {
            return Err(Invalid("its data have another hash".into()));
        }
        let mut rows = Rows::new();
        for entry in block.datum.chunks(8) {
            let entry = entry
                .try_into()
                .map_err(|_| Invalid("half an entry".into()))?;
            let key = entry_key(u64::from_le_bytes(entry));
            if branch.row(&key).is_some() {
                return Err(Invalid("an entry twice".into()));
            }
            rows.push((key, Some(branch.height().get().to_be_bytes().to_vec())));
        }
        let before = seats::of(branch.row(SEATS));
        let mut after = before.clone();
        seats::take(&mut after, block.datum);
        if before != after {
            rows.push((SEATS.to_vec(), Some(after.clone())));
        }
        let members = |seats: &[u8]| seats::members(&self.names, seats);
        let members = Change::between(members(&before), members(&after));
        Ok(Judged { rows, members })
    }
}

/// A frame and who sent it.
pub type Frame = (MemberKey, Vec<u8>);

/// Who can hear whom, and which engine is behind a key now.
#[derive(Default)]
pub struct Bus {
    engines: RwLock<BTreeMap<MemberKey, Weak<Engine>>>,
    silent: RwLock<BTreeSet<MemberKey>>,
    /// Frames for members that are played by the test.
    played: RwLock<BTreeMap<MemberKey, SyncSender<Frame>>>,
}

impl Bus {
    fn carry(&self, from: MemberKey, to: MemberKey, frame: Vec<u8>) {
        let silent = self.silent.read().unwrap();
        if silent.contains(&from) || silent.contains(&to) {
            return;
        }
        if let Some(played) = self.played.read().unwrap().get(&to) {
            let _full = played.try_send((from, frame));
            return;
        }
        let engine = self
            .engines
            .read()
            .unwrap()
            .get(&to)
            .and_then(Weak::upgrade);
        if let Some(engine) = engine {
            let _refused = engine.deliver(from, &frame);
        }
    }

    pub fn play(&self, member: MemberKey) -> Receiver<Frame> {
        let (sender, receiver) = sync_channel(LINK_FRAMES_MAX);
        self.played.write().unwrap().insert(member, sender);
        receiver
    }
}

/// One member's links: a bounded queue and a thread for each, which keeps the order.
struct Links(BTreeMap<MemberKey, SyncSender<Vec<u8>>>);

impl Links {
    fn new(me: MemberKey, others: &[MemberKey], bus: &Arc<Bus>) -> Self {
        let link = |to: &MemberKey| {
            let (sender, receiver) = sync_channel::<Vec<u8>>(LINK_FRAMES_MAX);
            let (bus, to) = (bus.clone(), *to);
            std::thread::spawn(move || {
                while let Ok(frame) = receiver.recv() {
                    bus.carry(me, to, frame);
                }
            });
            (to, sender)
        };
        Self(
            others
                .iter()
                .filter(|other| **other != me)
                .map(link)
                .collect(),
        )
    }
}

impl Carrier for Links {
    fn send(&self, to: &MemberKey, _lane: Lane, bytes: Vec<u8>) {
        if let Some(link) = self.0.get(to) {
            let _full = link.try_send(bytes);
        }
    }
}

pub struct Federation {
    pub home: TempDir,
    pub keys: Vec<SigningKey>,
    pub names: Vec<MemberKey>,
    /// The members of genesis.
    pub members: Members,
    pub bus: Arc<Bus>,
    pub engines: Vec<Option<Arc<Engine>>>,
    /// How many agreed blocks each engine keeps for itself.
    pub kept: u64,
    pools: Vec<Arc<Pool>>,
    wakes: Vec<Arc<Wake>>,
}

impl Federation {
    /// `count` members, none of them running. They stand in the order in which they lead.
    pub fn new(count: u8) -> Self {
        Self::with_others(count, 0)
    }

    /// The same, and `others` more who are no members yet; each place may be anybody's.
    pub fn with_others(count: u8, others: u8) -> Self {
        let mut keys: Vec<SigningKey> = (1..=count + others)
            .map(|seed| SigningKey::from_bytes(&[seed; 32]))
            .collect();
        keys.sort_by_key(MemberKey::of);
        let names: Vec<MemberKey> = keys.iter().map(MemberKey::of).collect();
        let members = seats::members(&names, &vec![1; usize::from(count)]);
        let engines = keys.iter().map(|_| None).collect();
        let pools = keys.iter().map(|_| Arc::default()).collect();
        let wakes = keys.iter().map(|_| Arc::default()).collect();
        let (home, bus) = (tempfile::tempdir().unwrap(), Arc::default());
        Self {
            home,
            keys,
            names,
            members,
            bus,
            engines,
            kept: ENGINE_BLOCKS_KEPT,
            pools,
            wakes,
        }
    }

    /// `count` running members.
    pub fn running(count: u8) -> Self {
        let mut federation = Self::new(count);
        federation.start_all();
        federation
    }

    pub fn start_all(&mut self) {
        (0..self.keys.len()).for_each(|place| self.start(place));
    }

    pub fn folder(&self, place: usize) -> PathBuf {
        self.home.path().join(format!("member {place}"))
    }

    pub fn guard(&self, place: usize) -> PathBuf {
        self.home.path().join(format!("guard {place}"))
    }

    pub fn try_start(&mut self, place: usize) -> Result<(), EngineError> {
        let disk = Disk::open_keeping(&self.folder(place), self.kept).unwrap();
        // A wake that was closed stays so: each start has its own.
        self.wakes[place] = Arc::default();
        let application = Toy {
            pool: self.pools[place].clone(),
            wake: self.wakes[place].clone(),
            names: self.names.clone(),
        };
        let mut seats = vec![0; self.names.len()];
        seats[..self.members.len()].fill(1);
        let config = EngineConfig {
            chain: CHAIN,
            members: self.members.clone(),
            key: self.keys[place].clone(),
            view_time: VIEW,
            block_bytes_max: BLOCK_BYTES_MAX,
            first_rows: vec![
                (b"founded".to_vec(), b"yes".to_vec()),
                (SEATS.to_vec(), seats),
            ],
            guard: self.guard(place),
            wake: self.wakes[place].clone(),
        };
        let links = Arc::new(Links::new(self.names[place], &self.names, &self.bus));
        let engine = Arc::new(Engine::start(config, disk, application, links)?);
        let behind = Arc::downgrade(&engine);
        self.bus
            .engines
            .write()
            .unwrap()
            .insert(self.names[place], behind);
        self.engines[place] = Some(engine);
        Ok(())
    }

    pub fn start(&mut self, place: usize) {
        self.try_start(place).unwrap();
    }

    /// Stops a member and closes its disk.
    pub fn stop(&mut self, place: usize) {
        self.bus.engines.write().unwrap().remove(&self.names[place]);
        if let Some(engine) = self.engines[place].take() {
            engine.stop();
            let gone = Arc::downgrade(&engine);
            drop(engine);
            wait_until("links let go of a stopped engine", || {
                gone.upgrade().is_none()
            });
        }
    }

    pub fn stop_all(&mut self) {
        (0..self.keys.len()).for_each(|place| self.stop(place));
    }

    /// Nothing gets to or from a member while it is silent.
    pub fn silence(&self, place: usize, is_silent: bool) {
        let mut silent = self.bus.silent.write().unwrap();
        if is_silent {
            silent.insert(self.names[place]);
        } else {
            silent.remove(&self.names[place]);
        }
    }

    pub fn engine(&self, place: usize) -> &Arc<Engine> {
        self.engines[place].as_ref().unwrap()
    }

    pub fn live(&self) -> impl Iterator<Item = &Arc<Engine>> {
        self.engines.iter().flatten()
    }

    /// Gives an entry to every member.
    pub fn submit(&self, entry: u64) {
        for (pool, wake) in self.pools.iter().zip(&self.wakes) {
            pool.0.lock().unwrap().insert(entry);
            wake.ring();
        }
    }

    /// Submits an entry and waits until it is agreed on each of `places`.
    pub fn agree(&self, entry: u64, places: &[usize]) {
        self.submit(entry);
        for place in places {
            let disk = self.engine(*place).disk();
            wait_until(&format!("entry {entry} agreed by member {place}"), || {
                disk.row(&entry_key(entry)).is_some()
            });
        }
    }

    /// Checks that no running member holds two votes against another.
    pub fn nobody_voted_twice(&self) {
        for engine in self.live() {
            assert!(engine.take_evidence().is_empty(), "somebody voted twice");
        }
    }

    /// Checks that running members agree on every block they both have, and that proofs hold, each
    /// by the members before its block.
    pub fn check(&self) -> Height {
        let disks: Vec<&Disk> = self.live().map(|engine| engine.disk()).collect();
        let common = disks.iter().map(|disk| disk.head()).min().unwrap();
        let mut proofs = 0;
        let mut seats = vec![0; self.names.len()];
        seats[..self.members.len()].fill(1);
        let mut members = self.members.clone();
        for height in (1..=common.get()).map(Height::new) {
            let first = disks[0].agreed(height).unwrap();
            if let Some(below) = disks[0].agreed(Height::new(height.get() - 1)) {
                assert_eq!(first.header.parent(), below.header.hash());
            }
            for disk in &disks {
                let block = disk.agreed(height).unwrap();
                assert_eq!(
                    block.header.hash(),
                    first.header.hash(),
                    "at height {height}"
                );
                assert_eq!(block.datum, first.datum);
                if let Some(proof) = &block.proof {
                    let proven = verify(proof, CHAIN, &members).unwrap();
                    assert_eq!((proven.height, proven.block), (height, block.header.hash()));
                    proofs += 1;
                }
            }
            seats::take(&mut seats, &first.datum);
            let after = seats::members(&self.names, &seats);
            assert_eq!(
                first.changes_members(),
                after != members,
                "at height {height}"
            );
            members = after;
        }
        assert!(common == Height::GENESIS || proofs > 0);
        common
    }
}
