//! From following to voting on the same disk, and back.
//!
//! Who follows keeps agreed blocks and rows only; an engine keeps a tree of blocks, its lock and
//! who votes beside them. That part is made here from the newest agreed blocks and their proof, or
//! thrown away. The view of a lock that was thrown away is remembered: what was locked may have
//! been agreed on, so this disk does not vote again below it.

use super::engine_store::Plain;
use super::{AGREED, Agreed, BLOCKS, CHAIN, Disk, Draft, ENGINE, note_key};
use crate::engine::{BlockHash, Change, MemberKey, Members};
use borsh::{BorshDeserialize, BorshSerialize};
use hotstuff_rs::block_tree::pluggables::KVGet;
use hotstuff_rs::block_tree::variables;
use protocol::units::Height;
use std::collections::BTreeMap;

/// Agreed blocks that an engine begins with. It looks three blocks down; the rest is for members
/// that catch up.
const BEGIN_BLOCKS: u64 = 16;
/// How the engine marks a change of members that is agreed.
const COMMITTED: u8 = 2;
/// The note about the last change of members.
const CHANGE_NOTE: &[u8] = b"members before";
/// The note about a lock that was thrown away.
const LOCK_NOTE: &[u8] = b"locked";

#[derive(BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
struct LastChange {
    height: u64,
    before: Vec<(MemberKey, u64)>,
}

impl Draft {
    /// Remembers who the members were before the block at `height`, which changes them.
    pub(crate) fn change(self, height: Height, change: &Change) -> Self {
        let last = LastChange::of(height, change.before());
        self.note(CHANGE_NOTE, Some(last.encode()))
    }
}

impl LastChange {
    fn of(height: Height, before: &Members) -> Self {
        let before = before.iter().map(|(member, entry)| (*member, entry.power));
        Self {
            height: height.get(),
            before: before.collect(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        borsh::to_vec(self).expect("a Vec takes all bytes")
    }
}

impl Disk {
    /// Makes what an engine needs on a disk that followed up to now, whose members are `members`;
    /// false if the head has no proof yet, or lies below a lock that was thrown away. A disk at
    /// genesis is left to the engine.
    pub(crate) fn adopt(&self, members: &Members) -> bool {
        if self.is_founded() || self.head() == Height::GENESIS {
            return true;
        }
        let head = self.agreed(self.head()).expect("the head is on this disk");
        let Some(proof) = &head.proof else {
            return false;
        };
        let certificate = proof.certificate();
        let lock = self.note(LOCK_NOTE);
        let lock = lock.and_then(|note| borsh::from_slice::<u64>(&note).ok());
        if lock.is_some_and(|view| certificate.view < view) {
            return false;
        }
        let mut rows = Rows::default();
        let bytes = borsh::to_vec(certificate).expect("a Vec takes all bytes");
        rows.set(&variables::LOCKED_PC, bytes.clone());
        rows.set(&variables::HIGHEST_PC, bytes);
        let view = certificate.view.to_le_bytes();
        rows.set(&variables::HIGHEST_VIEW_ENTERED, view.to_vec());
        for name in [variables::HIGHEST_COMMITTED_BLOCK, variables::NEWEST_BLOCK] {
            rows.set(&name, head.header.hash().bytes().to_vec());
        }
        self.who_votes(&mut rows, members, &head);
        let lowest = head.height().get().saturating_sub(BEGIN_BLOCKS).max(1);
        for height in (lowest..=head.height().get()).map(Height::new) {
            let block = self.agreed(height).expect("a chain has no gaps");
            rows.block(&block);
        }
        let mut batch = rocksdb::WriteBatch::default();
        for (key, value) in &rows.0 {
            let (part, inner) = super::engine_store::place(key);
            self.stage(&mut batch, part, inner, Some(value));
        }
        self.commit(batch, true);
        self.forget_members();
        self.load_pulse();
        true
    }

    fn who_votes(&self, rows: &mut Rows, members: &Members, head: &Agreed) {
        let last = self.note(CHANGE_NOTE);
        let last = last.and_then(|note| borsh::from_slice::<LastChange>(&note).ok());
        let before = last.as_ref().map_or(Vec::new(), |last| last.before.clone());
        let now = members.iter().map(|(member, entry)| (*member, entry.power));
        rows.set(&variables::COMMITTED_VALIDATOR_SET, set(now.collect()));
        rows.set(&variables::PREVIOUS_VALIDATOR_SET, set(before));
        if let Some(last) = last {
            let number = last.height.saturating_sub(1).to_le_bytes();
            rows.set(
                &variables::VALIDATOR_SET_UPDATE_BLOCK_HEIGHT,
                number.to_vec(),
            );
        }
        let decided = u8::from(!head.changes_members());
        rows.set(&variables::VALIDATOR_SET_UPDATE_DECIDED, vec![decided]);
    }

    /// Throws away what an engine kept: from now on this disk follows.
    pub(crate) fn forget_engine(&self) {
        let plain = Plain(self);
        let mut batch = rocksdb::WriteBatch::default();
        let height = plain.validator_set_update_block_height().ok().flatten();
        if let (Some(height), Some(who)) = (height, self.electorate()) {
            let height = Height::new(height.int().saturating_add(1));
            let last = LastChange::of(height, who.before()).encode();
            self.stage(&mut batch, CHAIN, &note_key(CHANGE_NOTE), Some(&last));
        }
        if let Ok(lock) = plain.locked_pc() {
            let view = lock.view.int().to_le_bytes();
            self.stage(&mut batch, CHAIN, &note_key(LOCK_NOTE), Some(&view));
        }
        for part in [BLOCKS, ENGINE] {
            // No key of the engine is longer than a prefix, a hash and a few bytes of ones.
            batch.delete_range_cf(self.part(part), &[AGREED][..], &[u8::MAX; 64][..]);
        }
        self.commit(batch, true);
        self.forget_members();
    }
}

/// Rows of the engine, by its own keys.
#[derive(Default)]
struct Rows(Vec<(Vec<u8>, Vec<u8>)>);

impl Rows {
    fn set(&mut self, key: &[u8], value: Vec<u8>) {
        self.0.push((key.to_vec(), value));
    }

    fn block(&mut self, block: &Agreed) {
        let header = &block.header;
        let hash = header.hash();
        let field = |field: [u8; 1]| [&variables::BLOCKS[..], hash.bytes(), &field].concat();
        let justify = borsh::to_vec(&header.justify).expect("a Vec takes all bytes");
        let number = header.number.to_le_bytes();
        self.set(&field(variables::BLOCK_HEIGHT), number.to_vec());
        self.set(&field(variables::BLOCK_JUSTIFY), justify);
        self.set(
            &field(variables::BLOCK_DATA_HASH),
            header.data_hash.to_vec(),
        );
        self.set(
            &field(variables::BLOCK_DATA_LEN),
            1_u32.to_le_bytes().to_vec(),
        );
        let first = [&field(variables::BLOCK_DATA)[..], &[0; 4]].concat();
        self.set(&first, block.datum.clone());
        let at = [&variables::BLOCK_AT_HEIGHT[..], &number].concat();
        self.set(&at, hash.bytes().to_vec());
        let below = [&variables::BLOCK_TO_CHILDREN[..], header.parent().bytes()].concat();
        let child: Vec<BlockHash> = vec![hash];
        self.set(
            &below,
            borsh::to_vec(&child).expect("a Vec takes all bytes"),
        );
        if block.changes_members() {
            let status = [&variables::VALIDATOR_SET_UPDATES_STATUS[..], hash.bytes()].concat();
            self.set(&status, vec![COMMITTED]);
        }
    }
}

/// A set of members as the engine writes it: keys in order, then keys and powers.
fn set(list: Vec<(MemberKey, u64)>) -> Vec<u8> {
    let powers: BTreeMap<MemberKey, u64> = list.into_iter().collect();
    let keys: Vec<MemberKey> = powers.keys().copied().collect();
    borsh::to_vec(&(keys, powers)).expect("a Vec takes all bytes")
}
