//! One chunk of a blob, and the way from it to the blob's BLAKE3 hash. Whoever shows the chunk that
//! was asked for has it, and with enough of them the blob.
//!
//! ```text
//!             hash                  the tree is BLAKE3's own: the left side of every node is the
//!           /      \                largest power of two of chunks that leaves one for the right
//!        node       #
//!       /    \      |               # stands in the path, lowest first; the chunk is shown
//!      #    chunk   #
//! ```

use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{Limited, Malformed, at_most};
use crate::ids::{Digest, LeaseId};

/// BLAKE3's chunk: what is shown of a blob at once.
pub const CHUNK_BYTES: u64 = 1_024;
/// A leased blob has so many bytes at most: 1 TiB.
pub const LEASE_BYTES_MAX: u64 = 1 << 40;
/// The same, as a count of what is in memory.
const CHUNK_MAX: usize = 1_024;
/// As many steps lead from a chunk of the largest blob to its hash.
const STEPS_MAX: usize = 30;

/// A chunk of a blob, and what stands beside its way up to the blob's hash.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ChunkProof {
    /// The chunk; only the last of a blob is shorter than [`CHUNK_BYTES`].
    pub chunk: Vec<u8>,
    /// The values beside its way, lowest first; at most 30.
    pub path: Vec<[u8; 32]>,
}

/// The chunk that an epoch's lots ask for, of a leased blob of so many bytes.
pub fn challenged_chunk(lots: &Digest, lease: LeaseId, bytes: u64) -> u64 {
    let parts: [&[u8]; 2] = [lots.bytes(), lease.bytes()];
    let drawn = Digest::derive("tallygrid storage challenge v1", &parts);
    let [a, b, c, d, e, f, g, h, ..] = *drawn.bytes();
    let drawn = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    drawn.checked_rem(chunks(bytes)).unwrap_or_default()
}

const fn chunks(bytes: u64) -> u64 {
    bytes.div_ceil(CHUNK_BYTES)
}

/// How many of so many chunks stand on the left; there are at least two.
const fn left_of(chunks: u64) -> u64 {
    chunks.div_ceil(2).next_power_of_two()
}

/// On which side of each node the way to a chunk goes, highest first: `true` for the right.
fn turns(chunks: u64, index: u64) -> Vec<bool> {
    let (mut left_over, mut place, mut turns) = (chunks, index, Vec::new());
    while left_over > 1 {
        let left = left_of(left_over);
        let is_right = place >= left;
        turns.push(is_right);
        (left_over, place) = if is_right {
            (left_over - left, place - left)
        } else {
            (left, place)
        };
    }
    turns
}

/// The value of a part of a blob that is a whole subtree, and not the whole.
fn value(first: u64, part: &[u8]) -> ChainingValue {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(first * CHUNK_BYTES).update(part);
    hasher.finalize_non_root()
}

impl ChunkProof {
    /// Shows a chunk of a blob; `None` if it has no such chunk. Hashes the whole blob once.
    pub fn of(blob: &[u8], index: u64) -> Option<Self> {
        let part = |first: u64, chunks: u64| {
            let from = usize::try_from(first.checked_mul(CHUNK_BYTES)?).ok()?;
            let len = usize::try_from(chunks.checked_mul(CHUNK_BYTES)?).ok()?;
            let to = from.checked_add(len)?.min(blob.len());
            blob.get(from..to)
        };
        let all = chunks(blob.len() as u64);
        if index >= all {
            return None;
        }
        let (mut first, mut count, mut path) = (0, all, Vec::new());
        while count > 1 {
            let left = left_of(count);
            let (beside, way) = if index >= first + left {
                ((first, left), (first + left, count - left))
            } else {
                ((first + left, count - left), (first, left))
            };
            path.push(value(beside.0, part(beside.0, beside.1)?));
            (first, count) = way;
        }
        path.reverse();
        let chunk = part(index, 1)?.to_vec();
        Some(Self { chunk, path })
    }

    /// Whether this is the chunk at a place of the blob of so many bytes with this hash.
    pub fn leads_to(&self, content: &Digest, bytes: u64, index: u64) -> bool {
        let all = chunks(bytes);
        let Some(before) = index.checked_mul(CHUNK_BYTES).filter(|_| index < all) else {
            return false;
        };
        let len = (bytes - before).min(CHUNK_BYTES);
        let turns = turns(all, index);
        if self.chunk.len() as u64 != len || self.path.len() != turns.len() {
            return false;
        }
        let Some((top, below)) = self.path.split_last() else {
            return Digest::of(&self.chunk) == *content;
        };
        let mut own = value(index, &self.chunk);
        let mut ways = turns.iter().rev();
        for (beside, is_right) in below.iter().zip(&mut ways) {
            let (left, right) = sides(own, *beside, *is_right);
            own = merge_subtrees_non_root(&left, &right, Mode::Hash);
        }
        let (left, right) = sides(own, *top, turns.first() == Some(&true));
        merge_subtrees_root(&left, &right, Mode::Hash).as_bytes() == content.bytes()
    }
}

const fn sides(
    own: ChainingValue,
    beside: ChainingValue,
    is_right: bool,
) -> (ChainingValue, ChainingValue) {
    if is_right {
        (beside, own)
    } else {
        (own, beside)
    }
}

impl Limited for ChunkProof {
    fn within_limits(&self) -> Result<(), Malformed> {
        at_most("bytes of a chunk", self.chunk.len(), CHUNK_MAX)?;
        at_most("steps to a blob's hash", self.path.len(), STEPS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(len: usize) -> Vec<u8> {
        (0..len).map(|n| n.to_le_bytes()[n % 3]).collect()
    }

    #[test]
    fn every_chunk_leads_to_the_plain_hash_from_its_own_place_alone() {
        for len in [
            1,
            1_023,
            1_024,
            1_025,
            2_048,
            2_049,
            5_000,
            7 * 1_024,
            33 * 1_024 + 9,
        ] {
            let blob = blob(len);
            let (content, bytes) = (Digest::of(&blob), len as u64);
            for index in 0..chunks(bytes) {
                let proof = ChunkProof::of(&blob, index).expect("it has this chunk");
                assert_eq!(proof.within_limits(), Ok(()));
                for place in 0..=chunks(bytes) {
                    let leads = proof.leads_to(&content, bytes, place);
                    assert_eq!(leads, place == index, "{index} of {len} at {place}");
                }
                assert!(!proof.leads_to(&Digest::of(b"other"), bytes, index));
                let mut forged = proof.clone();
                forged.chunk[0] ^= 1;
                assert!(!forged.leads_to(&content, bytes, index));
                for step in 0..proof.path.len() {
                    let mut forged = proof.clone();
                    forged.path[step][7] ^= 1;
                    assert!(!forged.leads_to(&content, bytes, index));
                }
                let mut longer = proof.clone();
                longer.path.push([0; 32]);
                assert!(!longer.leads_to(&content, bytes, index));
            }
            assert_eq!(ChunkProof::of(&blob, chunks(bytes)), None);
        }
        assert_eq!(ChunkProof::of(&[], 0), None);
    }

    #[test]
    fn the_largest_blob_has_as_many_steps_as_a_proof_may_have() {
        let all = chunks(LEASE_BYTES_MAX);
        assert_eq!(turns(all, 0).len(), STEPS_MAX);
        assert_eq!(turns(all, all - 1).len(), STEPS_MAX);
        assert!(turns(all - 1, all - 2).len() <= STEPS_MAX);
    }

    #[test]
    fn lots_ask_for_every_chunk_and_for_another_of_every_lease() {
        let lots = |n: u8| Digest::of(&[n]);
        let lease = |n: u8| LeaseId::new([n; 32]);
        let mut asked = std::collections::BTreeSet::new();
        for n in 0..200 {
            let chunk = challenged_chunk(&lots(n), lease(1), 9 * CHUNK_BYTES);
            assert!(chunk < 9);
            asked.insert(chunk);
            let others = (2..34).map(|k| challenged_chunk(&lots(n), lease(k), 9 * CHUNK_BYTES));
            assert!(others.into_iter().any(|other| other != chunk));
        }
        assert_eq!(asked.len(), 9);
    }
}
