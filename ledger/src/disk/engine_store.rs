//! The disk as the engine sees it: a flat map of keys, one batch for each call.
//!
//! The engine's own default methods lose the data of every block they read back, and unpack all
//! keys of the members on every message; both are replaced here. Every batch is also watched: it
//! shows which view was entered, which vote was cast and which blocks committed.

use super::electorate::Lock;
use super::{BLOCKS, CHAIN, Disk, ENGINE, STATE, Step, agreed_key, die};
use hotstuff_rs::block_tree::pluggables::{KVGet, KVGetError, KVStore, Key, WriteBatch};
use hotstuff_rs::block_tree::variables;
use hotstuff_rs::hotstuff::types::PhaseCertificate;
use hotstuff_rs::types::data_types::{CryptoHash, Data};
use hotstuff_rs::types::validator_set::ValidatorSet;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// Data read back from one block, for room reserved ahead.
const DATA_AHEAD: u32 = 16;

/// What the engine writes in one step.
#[derive(Default)]
pub struct Batch(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl WriteBatch for Batch {
    fn new() -> Self {
        Self::default()
    }

    fn set(&mut self, key: &[u8], value: &[u8]) {
        self.0.push((key.to_vec(), Some(value.to_vec())));
    }

    fn delete(&mut self, key: &[u8]) {
        self.0.push((key.to_vec(), None));
    }
}

impl Batch {
    /// The values it sets under the keys that `is` picks, in order.
    pub(super) fn sets<'a>(
        &'a self,
        is: impl Fn(&[u8]) -> bool + 'a,
    ) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.0
            .iter()
            .filter(move |(key, _)| is(key))
            .filter_map(|(_, value)| value.as_deref())
    }

    fn number(&self, key: [u8; 1]) -> Option<u64> {
        let value = self.sets(move |found| found == key).last()?;
        Some(u64::from_le_bytes(value.get(..8)?.try_into().ok()?))
    }

    fn changes_members(&self) -> bool {
        self.0.iter().any(|(key, _)| {
            key[..] == variables::COMMITTED_VALIDATOR_SET
                || key[..] == variables::PREVIOUS_VALIDATOR_SET
                || key[..] == variables::VALIDATOR_SET_UPDATE_DECIDED
        })
    }
}

/// Where a key of the engine lies: the part, and the key in it.
pub(super) fn place(key: &[u8]) -> (&'static str, &[u8]) {
    match key.split_first() {
        Some((first, rest)) if [*first] == variables::COMMITTED_APP_STATE => (STATE, rest),
        Some((first, rest)) if [*first] == variables::BLOCKS => (BLOCKS, rest),
        _ => (ENGINE, key),
    }
}

/// A list of children names each child once; the engine adds a block again when it meets it again,
/// and walks such lists without end.
fn without_doubles(value: &[u8]) -> Option<Vec<u8>> {
    let listed: Vec<[u8; 32]> = borsh::from_slice(value).ok()?;
    let mut once: Vec<[u8; 32]> = Vec::with_capacity(listed.len());
    for child in listed {
        if !once.contains(&child) {
            once.push(child);
        }
    }
    borsh::to_vec(&once).ok()
}

impl KVStore for Disk {
    type WriteBatch = Batch;
    type Snapshot<'a> = EngineSnapshot<'a>;

    fn write(&mut self, batch: Batch) {
        if batch.0.is_empty() {
            return;
        }
        let voted = batch.number(variables::HIGHEST_VIEW_PHASE_VOTED);
        let agreed = self.committed_by(&batch);
        let changes = batch.changes_members();
        if changes {
            self.forget_members();
        }
        let locks = batch.sets(|key| key == variables::LOCKED_PC).next();
        let lock = locks.and_then(|_| self.lock_on_change());
        let mut staged = rocksdb::WriteBatch::default();
        for (key, value) in &batch.0 {
            let (part, inner) = place(key);
            let stays = |lock: &Lock| lock.outlasts(value.as_deref());
            if key[..] == variables::LOCKED_PC && lock.as_ref().is_some_and(stays) {
                continue;
            }
            let clean = match value {
                Some(value) if key[..1] == variables::BLOCK_TO_CHILDREN => without_doubles(value),
                _ => None,
            };
            let value = clean.as_deref().or(value.as_deref());
            self.stage(&mut staged, part, inner, value);
        }
        for block in &agreed {
            let key = agreed_key(block.height());
            self.stage(&mut staged, CHAIN, &key, Some(&block.encode()));
        }
        if let Some(newest) = agreed.last() {
            self.prune(&mut staged, newest.height());
        }
        self.commit(staged, voted.is_some());
        // Again: a reader may have kept the old set between the first time and the write.
        if changes {
            self.forget_members();
        }
        self.tell(&batch, voted);
        if let Some(newest) = agreed.last() {
            self.announce(newest.height());
        }
    }

    fn clear(&mut self) {
        unreachable!("the engine never clears its store");
    }

    fn snapshot<'b>(&'b self) -> EngineSnapshot<'b> {
        EngineSnapshot {
            disk: self,
            snapshot: self.0.db.snapshot(),
        }
    }
}

impl Disk {
    fn tell(&self, batch: &Batch, voted: Option<u64>) {
        let pulse = self.pulse();
        if let Some(view) = batch.number(variables::HIGHEST_VIEW_ENTERED) {
            pulse.view.store(view, Ordering::SeqCst);
            self.step(Step::Entered(view));
        }
        let certificate = batch.sets(|key| key == variables::HIGHEST_PC).last();
        if let Some(view) = certificate.and_then(certificate_view) {
            pulse.certified.store(view, Ordering::SeqCst);
        }
        if let Some(view) = voted {
            self.step(Step::Voted(view));
        }
    }

    fn step(&self, step: Step) {
        let hook = self
            .0
            .on_step
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(hook) = hook.as_ref() {
            hook(step);
        }
    }

    /// The highest view entered and the view of the highest certificate, as stored.
    pub(super) fn stored_views(&self) -> (u64, u64) {
        let entered = KVGet::get(self, &variables::HIGHEST_VIEW_ENTERED);
        let entered = entered.and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)));
        let certificate = KVGet::get(self, &variables::HIGHEST_PC);
        let certified = certificate.as_deref().and_then(certificate_view);
        (entered.unwrap_or(0), certified.unwrap_or(0))
    }

    /// Whether the engine's store holds a chain already.
    pub(crate) fn is_founded(&self) -> bool {
        KVGet::get(self, &variables::COMMITTED_VALIDATOR_SET).is_some()
    }

    /// The highest view in which anything happened here, and the highest one voted in.
    pub(crate) fn views(&self) -> (u64, u64) {
        let (entered, certified) = self.stored_views();
        let expired = self
            .highest_tc()
            .ok()
            .flatten()
            .map_or(0, |certificate| certificate.view.int());
        let voted = self
            .highest_view_phase_voted()
            .ok()
            .flatten()
            .map_or(0, |view| view.int());
        (entered.max(certified).max(expired), voted)
    }

    /// Moves the highest view entered up to `view`, never down; synced.
    pub(crate) fn raise_view(&self, view: u64) {
        if self.stored_views().0 >= view {
            return;
        }
        let mut staged = rocksdb::WriteBatch::default();
        self.stage(
            &mut staged,
            ENGINE,
            &variables::HIGHEST_VIEW_ENTERED,
            Some(&view.to_le_bytes()),
        );
        self.commit(staged, true);
        self.pulse().view.store(view, Ordering::SeqCst);
    }

    fn members_kept(
        &self,
        place: usize,
        read: impl FnOnce(&Plain<'_>) -> Result<ValidatorSet, KVGetError>,
    ) -> Result<ValidatorSet, KVGetError> {
        let mut sets = self.0.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = &sets[place] {
            return Ok(set.clone());
        }
        let set = read(&Plain(self))?;
        sets[place] = Some(set.clone());
        Ok(set)
    }
}

/// A certificate opens with the chain, then the view.
pub(super) fn certificate_view(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(8..16)?.try_into().ok()?))
}

/// The store with the engine's own default methods, for the ones that are sound.
pub(super) struct Plain<'a>(pub(super) &'a Disk);

impl KVGet for Plain<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        KVGet::get(self.0, key)
    }
}

impl KVGet for Disk {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let (part, inner) = place(key);
        Disk::get(self, part, inner)
    }

    fn block_data(&self, block: &CryptoHash) -> Result<Option<Data>, KVGetError> {
        whole_data(self, block)
    }

    fn locked_pc(&self) -> Result<PhaseCertificate, KVGetError> {
        match self.lock_on_change() {
            None => Plain(self).locked_pc(),
            Some(lock) => Plain(self).block_justify(&CryptoHash::new(*lock.block.bytes())),
        }
    }

    fn committed_validator_set(&self) -> Result<ValidatorSet, KVGetError> {
        // The engine asks each time its thread goes round, which makes this its heartbeat.
        self.pulse().beats.fetch_add(1, Ordering::Relaxed);
        self.members_kept(0, |plain| plain.committed_validator_set())
    }

    fn previous_validator_set(&self) -> Result<ValidatorSet, KVGetError> {
        self.members_kept(1, |plain| plain.previous_validator_set())
    }
}

/// The engine's look at the store at one moment.
pub struct EngineSnapshot<'a> {
    disk: &'a Disk,
    snapshot: rocksdb::Snapshot<'a>,
}

impl KVGet for EngineSnapshot<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let (part, inner) = place(key);
        match self.snapshot.get_cf(self.disk.part(part), inner) {
            Ok(found) => found,
            Err(error) => die("read a block", &error),
        }
    }

    fn block_data(&self, block: &CryptoHash) -> Result<Option<Data>, KVGetError> {
        whole_data(self, block)
    }
}

/// The engine's default finds that all data are there, and then returns none of them.
fn whole_data(store: &impl KVGet, block: &CryptoHash) -> Result<Option<Data>, KVGetError> {
    let Some(count) = store.block_data_len(block)? else {
        return Ok(None);
    };
    let mut data = Vec::with_capacity(count.int().min(DATA_AHEAD) as usize);
    for place in 0..count.int() {
        let missing = KVGetError::ValueExpectedButNotFound {
            key: Key::BlockData { block: *block },
        };
        data.push(store.block_datum(block, place).ok_or(missing)?);
    }
    Ok(Some(Data::new(data)))
}
