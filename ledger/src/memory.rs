//! Blocks that were executed and may be needed again, over the tree of the agreed state.
//!
//! ```text
//! disk: agreed rows  ◀── tree ◀── block h+1 ◀── h+2 ◀── h+3      executed, not yet agreed
//!                                         ◀── h+2'               a fork
//! ```
//!
//! A leader executes a block when it makes it, and the engine has it judged again; a block is
//! proposed, fetched, and looked at as a parent. Each is executed once: what it did is found here
//! by its data hash, which covers its whole heading.

use crate::commitment::{BUCKET, Growth, Nodes, Tree};
use crate::disk::{Disk, SCAN_ROWS_MAX, View as DiskView};
use crate::engine::BlockHash;
use crate::execute::Executed;
use protocol::units::Height;
use std::collections::HashMap;
use std::sync::Arc;

/// Blocks kept that are not agreed yet; others are executed again when they are needed.
const EXECUTED_MAX: usize = 256;

/// What one peer remembers.
pub(crate) struct Memory {
    tree: Tree,
    height: Height,
    head: BlockHash,
    executed: HashMap<[u8; 32], Arc<Executed>>,
}

/// What [`Memory::catch_up`] found.
pub(crate) enum CaughtUp {
    /// These blocks became agreed, in order.
    Blocks(Vec<Arc<Executed>>),
    /// More became agreed than is remembered; the tree was read from the disk again.
    Reread,
}

impl Memory {
    /// Reads the tree of the newest agreed state.
    pub(crate) fn of(disk: &Disk) -> Self {
        let view = disk.view();
        let height = view.head();
        let head = disk
            .agreed(height)
            .map_or(BlockHash::GENESIS, |block| block.header.hash());
        Self {
            tree: read_tree(&view),
            height,
            head,
            executed: HashMap::new(),
        }
    }

    /// Makes what the disk has agreed on part of the tree. Nothing may be agreed meanwhile.
    pub(crate) fn catch_up(&mut self, disk: &Disk) -> CaughtUp {
        let mut blocks = Vec::new();
        while self.height < disk.head() {
            let block = disk.agreed(self.height.after(1));
            let found = block.and_then(|block| {
                let executed = self.executed.remove(&block.header.data_hash)?;
                Some((block.header.hash(), executed))
            });
            let Some((head, executed)) = found else {
                *self = Self::of(disk);
                return CaughtUp::Reread;
            };
            self.settle(head, &executed);
            blocks.push(executed);
        }
        if !blocks.is_empty() {
            self.executed
                .retain(|_, executed| executed.heading.height > self.height);
        }
        CaughtUp::Blocks(blocks)
    }

    /// Makes a block part of the tree that was executed on the agreed state and is on the disk.
    pub(crate) fn settle(&mut self, head: BlockHash, executed: &Executed) {
        self.tree.settle(&executed.growth);
        (self.height, self.head) = (executed.heading.height, head);
    }

    /// The newest agreed block that is part of the tree.
    pub(crate) const fn head(&self) -> BlockHash {
        self.head
    }

    /// What the block with this data hash did, if that is remembered.
    pub(crate) fn find(&self, data_hash: &[u8; 32]) -> Option<Arc<Executed>> {
        self.executed.get(data_hash).cloned()
    }

    /// Remembers what a block did.
    pub(crate) fn keep(&mut self, data_hash: [u8; 32], executed: Arc<Executed>) {
        if self.executed.len() >= EXECUTED_MAX {
            let lowest = self
                .executed
                .values()
                .map(|executed| executed.heading.height)
                .min();
            self.executed
                .retain(|_, executed| Some(executed.heading.height) != lowest);
        }
        self.executed.insert(data_hash, executed);
    }

    /// The state after `blocks`, which stand on each other and the lowest of them on the agreed
    /// head; nearest first.
    pub(crate) fn after<'a>(&'a self, disk: &'a Disk, blocks: Vec<Arc<Executed>>) -> State<'a> {
        State {
            blocks,
            disk,
            tree: &self.tree,
        }
    }
}

/// The bucket rows of a view, as a tree.
pub(crate) fn read_tree(view: &DiskView<'_>) -> Tree {
    let mut rows: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    loop {
        let from = rows
            .last()
            .map_or(vec![BUCKET], |(key, _)| [&key[..], &[0]].concat());
        let page = view.scan(&[BUCKET], &from, SCAN_ROWS_MAX);
        let is_last = page.len() < SCAN_ROWS_MAX;
        rows.extend(page);
        if is_last {
            return Tree::above(rows);
        }
    }
}

/// The agreed rows, and on top of them what some blocks change. It is for the one thread that
/// writes the agreed rows, and so never sees half of a change.
pub(crate) struct State<'a> {
    blocks: Vec<Arc<Executed>>,
    disk: &'a Disk,
    tree: &'a Tree,
}

impl State<'_> {
    /// Whether a block in it has something to agree on, so that the next one should come at once.
    pub(crate) fn is_pressing(&self) -> bool {
        self.blocks
            .iter()
            .any(|block| !block.entries.is_empty() || block.has_events)
    }
}

impl rules::View for State<'_> {
    fn read(&self, key: &[u8]) -> Option<Vec<u8>> {
        let changed = self.blocks.iter().find_map(|block| block.updates.get(key));
        changed.map_or_else(|| self.disk.row(key), Clone::clone)
    }
}

impl Nodes for State<'_> {
    fn node(&self, at: u32) -> [u8; 32] {
        let grown = |growth: &Growth| growth.node(at);
        let changed = self.blocks.iter().find_map(|block| grown(&block.growth));
        changed.unwrap_or_else(|| self.tree.node(at))
    }
}
