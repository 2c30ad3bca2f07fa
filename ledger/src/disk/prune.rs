//! The engine never forgets a block; here its old ones are thrown away as the chain grows.
//!
//! What it needs lies within a few blocks of the agreed head. The chain has every agreed block in
//! rows of its own, and members that catch up are answered from there.

use super::{CHAIN, Disk, ENGINE, engine_store, note_key};
use hotstuff_rs::block_tree::variables;
use protocol::units::Height;

/// So many agreed blocks below the head stay in the engine's part of a member's disk.
pub const ENGINE_BLOCKS_KEPT: u64 = 10_000;
/// Never fewer: the engine looks a few blocks down.
const KEPT_MIN: u64 = 16;
/// So many old blocks are thrown away with each write that agrees on new ones, at most.
const STEP_MAX: u64 = 64;
/// The note that says up to which height they were.
const PRUNED_NOTE: &[u8] = b"engine pruned to";

impl Disk {
    /// Adds to a batch that makes `head` the head what it makes old.
    pub(super) fn prune(&self, batch: &mut rocksdb::WriteBatch, head: Height) {
        let old = head.get().saturating_sub(self.0.kept.max(KEPT_MIN));
        let done = self.note(PRUNED_NOTE);
        let done = done.and_then(|note| Some(u64::from_le_bytes(note.try_into().ok()?)));
        let done = done.unwrap_or(0);
        let until = old.min(done.saturating_add(STEP_MAX));
        if until <= done {
            return;
        }
        for height in (done + 1..=until).map(Height::new) {
            let Some(block) = self.agreed(height) else {
                continue;
            };
            let hash = block.header.hash();
            let field = |field: &[u8]| [&variables::BLOCKS[..], hash.bytes(), field].concat();
            let number = block.header.number.to_le_bytes();
            let keys = [
                field(&variables::BLOCK_HEIGHT),
                field(&variables::BLOCK_JUSTIFY),
                field(&variables::BLOCK_DATA_HASH),
                field(&variables::BLOCK_DATA_LEN),
                field(&[variables::BLOCK_DATA[0], 0, 0, 0, 0]),
            ];
            for key in keys {
                let (part, inner) = engine_store::place(&key);
                self.stage(batch, part, inner, None);
            }
            let children = [&variables::BLOCK_TO_CHILDREN[..], hash.bytes()].concat();
            let at = [&variables::BLOCK_AT_HEIGHT[..], &number].concat();
            self.stage(batch, ENGINE, &children, None);
            self.stage(batch, ENGINE, &at, None);
        }
        let note = until.to_le_bytes();
        self.stage(batch, CHAIN, &note_key(PRUNED_NOTE), Some(&note));
    }
}
