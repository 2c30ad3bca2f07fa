//! One digest for the whole state, and proofs that a row is, or is not, under it.
//!
//! ```text
//!            root                     2^16 buckets below 16 levels of a binary tree;
//!           ┌─┴─┐                     a row lies in the bucket that the first 16 bits
//!          …     …                    of its place name, and its place is the keyed
//!        ┌─┴─┐ ┌─┴─┐                  hash of its key
//!        b0 b1 … b65535
//! ```
//!
//! A bucket is one row of ours, a sorted list of places and row digests, so that it commits and
//! forks together with the rows it stands for. The hashes above the buckets (4 MiB) are kept in
//! memory and rebuilt when the ledger opens. What is empty hashes to zeros, so an empty state costs
//! nothing. Why not a sparse tree with all its nodes on disk: docs/decisions, "the state's root".

use protocol::ids::Digest;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// First bytes of the keys that the commitment covers: the tables of the rules.
pub const COVERED: std::ops::RangeInclusive<u8> = 0x10..=0xEF;
/// First byte of the bucket rows' keys.
pub const BUCKET: u8 = 0x01;
/// How many buckets there are.
pub const BUCKETS: usize = 1 << LEVELS;
/// Steps from a bucket to the root.
pub const LEVELS: usize = 16;
/// What one row takes in its bucket: its place and its digest.
const SLOT_BYTES: usize = 64;
/// A bucket in a proof may take so many bytes: over a thousand rows.
pub const BUCKET_BYTES_MAX: usize = 64 * 1_024;

type Node = [u8; 32];
const NOTHING: Node = [0; 32];

static PLACE_KEY: LazyLock<Node> = LazyLock::new(|| key("tallygrid state place v1"));
static ROW_KEY: LazyLock<Node> = LazyLock::new(|| key("tallygrid state row v1"));
static BUCKET_KEY: LazyLock<Node> = LazyLock::new(|| key("tallygrid state bucket v1"));
static NODE_KEY: LazyLock<Node> = LazyLock::new(|| key("tallygrid state node v1"));

fn key(context: &str) -> Node {
    blake3::derive_key(context, &[])
}

fn keyed(key: &Node, content: &[u8]) -> Node {
    *blake3::keyed_hash(key, content).as_bytes()
}

/// A row's key and its new value; `None` removes it.
pub type Change<'a> = (&'a [u8], Option<&'a [u8]>);

/// Hashes of the tree, by their number: 1 is the root, `n` has the children `2n` and `2n + 1`.
pub trait Nodes {
    /// The hash of node `at`, which lies in `1..2 * BUCKETS`.
    fn node(&self, at: u32) -> Node;
}

/// The tree of one agreed state.
#[derive(Clone)]
pub struct Tree(Vec<Node>);

impl Nodes for Tree {
    fn node(&self, at: u32) -> Node {
        self.0[at as usize]
    }
}

impl Default for Tree {
    /// The tree of no rows at all.
    fn default() -> Self {
        Self(vec![NOTHING; 2 * BUCKETS])
    }
}

impl Tree {
    /// The tree above these bucket rows, in any order.
    ///
    /// # Panics
    /// If a key is not one that [`bucket_key`] makes.
    pub fn above(rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        let mut tree = Self::default();
        for (key, bucket) in rows {
            let number = bucket_number(&key).expect("only bucket rows begin with BUCKET");
            tree.0[leaf(number) as usize] = bucket_hash(&bucket);
        }
        for at in (1..BUCKETS).rev() {
            tree.0[at] = parent_hash(tree.0[2 * at], tree.0[2 * at + 1]);
        }
        tree
    }

    /// The digest of the state.
    pub fn root(&self) -> Digest {
        Digest::new(self.0[1])
    }

    /// Makes a growth part of the tree. It must have grown from this very tree.
    pub fn settle(&mut self, growth: &Growth) {
        for (at, node) in &growth.nodes {
            self.0[*at as usize] = *node;
        }
    }

    /// Shows what the state says about `key`, given the row of the bucket it belongs to.
    pub fn prove(&self, key: &[u8], bucket: Option<Vec<u8>>) -> Proof {
        let mut at = leaf(number_of(&place(key)));
        let mut siblings = Vec::with_capacity(LEVELS);
        while at > 1 {
            siblings.push(self.node(at ^ 1));
            at /= 2;
        }
        Proof {
            bucket: bucket.unwrap_or_default(),
            siblings,
        }
    }
}

/// What one block adds to the tree it grew from.
#[derive(Clone, Debug)]
pub struct Growth {
    /// The bucket rows it changes, to be written with the rows themselves.
    pub rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// The digest of the state after it.
    pub root: Digest,
    /// The hashes it changes, by number, rising.
    nodes: Vec<(u32, Node)>,
}

impl Growth {
    /// The hash it gives node `at`, if it changes it.
    pub fn node(&self, at: u32) -> Option<Node> {
        let place = self
            .nodes
            .binary_search_by_key(&at, |(number, _)| *number)
            .ok()?;
        Some(self.nodes[place].1)
    }
}

/// Computes what `changes` do to the tree `nodes`, whose bucket rows `read` gives. Keys that the
/// commitment does not cover are left out.
pub fn grow<'a>(
    nodes: &impl Nodes,
    read: impl Fn(&[u8]) -> Option<Vec<u8>>,
    changes: impl IntoIterator<Item = Change<'a>>,
) -> Growth {
    let mut by_bucket: BTreeMap<u16, BTreeMap<Node, Option<Node>>> = BTreeMap::new();
    for (key, value) in changes {
        if key.first().is_some_and(|first| COVERED.contains(first)) {
            let place = place(key);
            let row = value.map(|value| keyed(&ROW_KEY, value));
            by_bucket
                .entry(number_of(&place))
                .or_default()
                .insert(place, row);
        }
    }
    let mut rows = BTreeMap::new();
    let mut level: Vec<(u32, Node)> = Vec::with_capacity(by_bucket.len());
    for (number, changes) in by_bucket {
        let key = bucket_key(number).to_vec();
        let bucket = merge(&read(&key).unwrap_or_default(), &changes);
        level.push((leaf(number), bucket_hash(&bucket)));
        rows.insert(key, (!bucket.is_empty()).then_some(bucket));
    }
    let mut levels = Vec::with_capacity(LEVELS + 1);
    while level.first().is_some_and(|(at, _)| *at > 1) {
        let above = parents(nodes, &level);
        levels.push(std::mem::replace(&mut level, above));
    }
    levels.push(level);
    // Numbers rise from the root to the leaves, and within a level.
    let grown: Vec<(u32, Node)> = levels.into_iter().rev().flatten().collect();
    let root = grown
        .first()
        .map_or_else(|| nodes.node(1), |(_, root)| *root);
    Growth {
        rows,
        root: Digest::new(root),
        nodes: grown,
    }
}

/// The level above these changed nodes of one level; both rise by number.
fn parents(nodes: &impl Nodes, level: &[(u32, Node)]) -> Vec<(u32, Node)> {
    let mut above = Vec::with_capacity(level.len());
    let mut rest = level;
    while let [(at, hash), tail @ ..] = rest {
        let sibling = tail.first().filter(|(next, _)| *next == at ^ 1);
        let other = sibling.map_or_else(|| nodes.node(at ^ 1), |(_, hash)| *hash);
        let is_left = at.is_multiple_of(2);
        let parent = if is_left {
            parent_hash(*hash, other)
        } else {
            parent_hash(other, *hash)
        };
        above.push((at / 2, parent));
        rest = if sibling.is_some() { &tail[1..] } else { tail };
    }
    above
}

/// The key of the bucket row that `key`'s row lies in.
pub fn bucket_of(key: &[u8]) -> [u8; 3] {
    bucket_key(number_of(&place(key)))
}

/// What the state says about one key, for somebody who knows only the root.
#[derive(Clone, Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
#[borsh(crate = "borsh")]
pub struct Proof {
    bucket: Vec<u8>,
    siblings: Vec<Node>,
}

/// The proof does not lead to the root, or does not say what was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotProven {
    /// It has another shape than every proof has.
    #[error("this is no proof of a row: a list in it is too long, too short or out of order")]
    Shape,
    /// It leads to another root.
    #[error("the proof leads to another state than the one asked about")]
    OtherState,
    /// The state says something else about the key.
    #[error("the state has another value for this key")]
    OtherRow,
}

impl Proof {
    /// Checks that under `root` the row of `key` is `value`, or that there is none.
    ///
    /// # Errors
    /// [`NotProven`], and nothing is known about the key.
    pub fn check(&self, root: &Digest, key: &[u8], value: Option<&[u8]>) -> Result<(), NotProven> {
        let slots = self.bucket.chunks_exact(SLOT_BYTES);
        let in_order = slots
            .clone()
            .zip(slots.clone().skip(1))
            .all(|(a, b)| a[..32] < b[..32]);
        let whole = self.bucket.len().is_multiple_of(SLOT_BYTES);
        let sized = self.bucket.len() <= BUCKET_BYTES_MAX && self.siblings.len() == LEVELS;
        if !(whole && sized && in_order) {
            return Err(NotProven::Shape);
        }
        let place = place(key);
        let mut at = leaf(number_of(&place));
        let mut hash = bucket_hash(&self.bucket);
        for sibling in &self.siblings {
            let is_left = at.is_multiple_of(2);
            hash = if is_left {
                parent_hash(hash, *sibling)
            } else {
                parent_hash(*sibling, hash)
            };
            at /= 2;
        }
        if hash != *root.bytes() {
            return Err(NotProven::OtherState);
        }
        let found = slots
            .clone()
            .find(|slot| slot[..32] == place)
            .map(|slot| &slot[32..]);
        let claimed = value.map(|value| keyed(&ROW_KEY, value));
        if found != claimed.as_ref().map(|digest| &digest[..]) {
            return Err(NotProven::OtherRow);
        }
        Ok(())
    }
}

/// Both lists are sorted by place; a change replaces, adds or removes a slot.
fn merge(bucket: &[u8], changes: &BTreeMap<Node, Option<Node>>) -> Vec<u8> {
    let mut merged = Vec::with_capacity(bucket.len() + changes.len() * SLOT_BYTES);
    let mut slots = bucket.chunks_exact(SLOT_BYTES).peekable();
    for (place, row) in changes {
        while let Some(slot) = slots.next_if(|slot| slot[..32] < place[..]) {
            merged.extend_from_slice(slot);
        }
        slots.next_if(|slot| slot[..32] == place[..]);
        if let Some(row) = row {
            merged.extend_from_slice(place);
            merged.extend_from_slice(row);
        }
    }
    slots.for_each(|slot| merged.extend_from_slice(slot));
    merged
}

fn place(key: &[u8]) -> Node {
    keyed(&PLACE_KEY, key)
}

fn number_of(place: &Node) -> u16 {
    u16::from_be_bytes([place[0], place[1]])
}

fn leaf(number: u16) -> u32 {
    (1 << LEVELS) + u32::from(number)
}

fn bucket_key(number: u16) -> [u8; 3] {
    let [high, low] = number.to_be_bytes();
    [BUCKET, high, low]
}

fn bucket_number(key: &[u8]) -> Option<u16> {
    match key {
        [BUCKET, high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

fn bucket_hash(bucket: &[u8]) -> Node {
    if bucket.is_empty() {
        NOTHING
    } else {
        keyed(&BUCKET_KEY, bucket)
    }
}

fn parent_hash(left: Node, right: Node) -> Node {
    if left == NOTHING && right == NOTHING {
        return NOTHING;
    }
    let mut both = [0; 64];
    both[..32].copy_from_slice(&left);
    both[32..].copy_from_slice(&right);
    keyed(&NODE_KEY, &both)
}

#[cfg(test)]
mod tests;
