//! BLAKE3's own tree, seen one MiB at a time: a blob's digest is that of its whole, and yet every
//! piece can be checked alone.
//!
//! ```text
//!            digest                 the list of piece values is checked against the digest first;
//!           /      \                then each piece against its value, as it arrives
//!        node      value 2
//!       /    \        |
//!  value 0  value 1   |
//!     |        |      |
//!  piece 0  piece 1  piece 2 (may be short)
//! ```

use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};
use protocol::ids::Digest;

/// A piece: 1024 of BLAKE3's chunks. A power of two, so that every piece is a subtree.
pub(crate) const PIECE_BYTES: u64 = 1 << 20;

/// How many pieces a blob of this size has.
pub(crate) const fn pieces(size: u64) -> u64 {
    size.div_ceil(PIECE_BYTES)
}

/// The value of one piece of a blob that has several.
pub(crate) fn value(index: u64, piece: &[u8]) -> ChainingValue {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(index * PIECE_BYTES).update(piece);
    hasher.finalize_non_root()
}

/// The digest of a blob with these piece values, of which there are at least two.
pub(crate) fn root(values: &[ChainingValue]) -> Digest {
    let (left, right) = split(values);
    let (left, right) = (node(left), node(right));
    Digest::new(*merge_subtrees_root(&left, &right, Mode::Hash).as_bytes())
}

fn node(values: &[ChainingValue]) -> ChainingValue {
    if let [value] = values {
        return *value;
    }
    let (left, right) = split(values);
    merge_subtrees_non_root(&node(left), &node(right), Mode::Hash)
}

/// The left side is the largest power of two that leaves something for the right.
fn split(values: &[ChainingValue]) -> (&[ChainingValue], &[ChainingValue]) {
    assert!(
        values.len() >= 2,
        "only two or more pieces have a node above them"
    );
    values.split_at(values.len().next_power_of_two() / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_pieces_has_the_plain_digest_as_its_root() {
        let piece = usize::try_from(PIECE_BYTES).unwrap();
        for size in [
            piece + 1,
            2 * piece,
            2 * piece + 1,
            3 * piece - 7,
            5 * piece,
            7 * piece + 9,
        ] {
            let blob: Vec<u8> = (0..size).map(|n| n.to_le_bytes()[n % 3]).collect();
            let values: Vec<_> = (0..)
                .zip(blob.chunks(piece))
                .map(|(n, piece)| value(n, piece))
                .collect();
            assert_eq!(values.len() as u64, pieces(size as u64));
            assert_eq!(root(&values), Digest::of(&blob), "{size} bytes");
        }
    }
}
