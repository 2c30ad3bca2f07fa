//! Our part of a block: a heading that says what the block does, and the entries that do it.
//!
//! ```text
//! datum = version 1 │ heading │ entries, each with its length
//!                       │            └── entries: Merkle root over their bytes
//!                       └── data_hash = blake3(heading): all that the engine's block hash covers
//! ```
//!
//! Whoever holds the heading and the engine's three headers of a commit proof knows the agreed
//! time, the state's root and what the block was answered, without any entry. The checked door
//! [`Datum::read`] proves none of it: that is the application's work.

use crate::engine::BlockHash;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::bytes::{self, Limited, Malformed, at_most};
use protocol::entry::ENTRY_BYTES_MAX;
use protocol::ids::Digest;
use protocol::units::{Height, Moment};

pub use crate::engine::BLOCK_BYTES_MAX;

/// A block has so many entries at most.
pub const BLOCK_ENTRIES_MAX: usize = 4_096;
/// What a datum takes beside its entries, and each entry beside its bytes.
pub const DATUM_OVERHEAD_BYTES: usize = 256;
/// See [`DATUM_OVERHEAD_BYTES`].
pub const ENTRY_OVERHEAD_BYTES: usize = 4;

/// What a block says of itself.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
pub struct Heading {
    /// Its number; the first block is 1.
    pub height: Height,
    /// Agreed time from this block on; never before its parent's.
    pub now: Moment,
    /// The block it stands on.
    pub parent: BlockHash,
    /// [`entries_root`] of its entries.
    pub entries: Digest,
    /// Root of the state after it; see [`crate::commitment`].
    pub state: Digest,
    /// Digest of its [`crate::feed::Results`]: what each entry was answered, and the events.
    pub results: Digest,
}

impl Heading {
    /// What the engine's block hash covers of our data.
    pub fn data_hash(&self) -> [u8; 32] {
        *Digest::derive("tallygrid block heading v1", &[&bytes::write(self)]).bytes()
    }
}

/// The bytes of one signed entry as they lie in a block.
pub type EntryBytes = Vec<u8>;

#[derive(BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
enum Versioned {
    V1 {
        heading: Heading,
        entries: Vec<EntryBytes>,
    },
}

/// The one datum of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datum {
    /// What the block says of itself.
    pub heading: Heading,
    /// Its entries in the order they are applied; not yet decoded.
    pub entries: Vec<EntryBytes>,
}

impl Datum {
    /// The bytes that go into the block.
    pub fn write(self) -> Vec<u8> {
        let Self { heading, entries } = self;
        bytes::write(&Versioned::V1 { heading, entries })
    }

    /// Reads a datum that came with a block.
    ///
    /// # Errors
    /// [`Malformed`] if it is too long, of an unknown version, not whole, or breaks a limit.
    pub fn read(datum: &[u8]) -> Result<Self, Malformed> {
        let Versioned::V1 { heading, entries } = bytes::read(datum, BLOCK_BYTES_MAX)?;
        Ok(Self { heading, entries })
    }
}

impl Limited for Versioned {
    fn within_limits(&self) -> Result<(), Malformed> {
        let Self::V1 { entries, .. } = self;
        at_most("entries", entries.len(), BLOCK_ENTRIES_MAX)?;
        entries
            .iter()
            .try_for_each(|entry| at_most("entry", entry.len(), ENTRY_BYTES_MAX))
    }
}

/// The name of an entry's bytes, signature included: two blocks with equal names hold equal bytes.
pub fn entry_name(entry: &[u8]) -> Digest {
    Digest::derive("tallygrid block entry v1", &[entry])
}

/// The Merkle root over the names of a block's entries; an odd one is carried up as it is. It also
/// covers their number.
pub fn entries_root(names: &[Digest]) -> Digest {
    let mut level = names.to_vec();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => {
                    Digest::derive("tallygrid block node v1", &[left.bytes(), right.bytes()])
                }
                rest => rest[0],
            })
            .collect();
    }
    let top = level.first().map_or([0; 32], |digest| *digest.bytes());
    let count = (names.len() as u64).to_le_bytes();
    Digest::derive("tallygrid block entries v1", &[&count, &top])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading() -> Heading {
        Heading {
            height: Height::new(7),
            now: Moment::new(1_000),
            parent: BlockHash::GENESIS,
            entries: Digest::of(b"e"),
            state: Digest::of(b"s"),
            results: Digest::of(b"r"),
        }
    }

    #[test]
    fn the_hash_covers_every_part_of_the_heading() {
        let same = heading().data_hash();
        let others = [
            Heading {
                height: Height::new(8),
                ..heading()
            },
            Heading {
                now: Moment::new(1_001),
                ..heading()
            },
            Heading {
                parent: BlockHash::new([1; 32]),
                ..heading()
            },
            Heading {
                entries: Digest::of(b"x"),
                ..heading()
            },
            Heading {
                state: Digest::of(b"x"),
                ..heading()
            },
            Heading {
                results: Digest::of(b"x"),
                ..heading()
            },
        ];
        assert_eq!(heading().data_hash(), same);
        assert!(others.iter().all(|other| other.data_hash() != same));
    }

    #[test]
    fn a_datum_reads_back_and_nothing_else_does() {
        let datum = Datum {
            heading: heading(),
            entries: vec![vec![1, 2], vec![]],
        };
        let written = datum.clone().write();
        assert!(written.len() <= DATUM_OVERHEAD_BYTES + 2 * ENTRY_OVERHEAD_BYTES + 2);
        assert_eq!(Datum::read(&written), Ok(datum));
        for end in 0..written.len() {
            assert!(Datum::read(&written[..end]).is_err(), "cut at {end}");
        }
        assert!(Datum::read(&[&written[..], &[0]].concat()).is_err());
        let unknown = [&[1], &written[1..]].concat();
        assert!(Datum::read(&unknown).is_err());
        assert!(Datum::read(&vec![0; BLOCK_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn no_other_list_of_entries_has_the_same_root() {
        let names: Vec<_> = (0..5u8).map(|n| entry_name(&[n])).collect();
        let root = entries_root(&names);
        let mut swapped = names.clone();
        swapped.swap(1, 2);
        let longer = [&names[..], &names[4..]].concat();
        for other in [&swapped[..], &names[..4], &longer, &[]] {
            assert_ne!(entries_root(other), root);
        }
    }
}
