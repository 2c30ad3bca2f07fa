//! Following the chain without voting: frames of proven blocks, from any peer that has them.
//!
//! ```text
//! from ──out──▶ frame: block, …, block + proof ──take──▶ hashes, proof, rules, root ──▶ disk
//! ```
//!
//! Only the last block of a frame has to carry a proof; the ones before it follow by their hashes.
//! A block that changes the members ends a frame: what comes after it is for others to prove.
//! A follower believes nothing else: it executes every block itself, and writes a block, its rows
//! and its results in one batch.

use crate::ask::Reader;
use crate::disk::{Agreed, Disk, Draft};
use crate::engine::{
    BlockHash, Certificate, CommitProof, EngineError, Header, Kept, MEMBERS_MAX, Unproven, verify,
};
use crate::execute::{self, Executed, Place, Wrong};
use crate::header::{Datum, Heading};
use crate::known::Checker;
use crate::memory::Memory;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::bytes::{self, Limited, Malformed, at_most};
use protocol::units::Height;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A frame may take so many bytes.
pub const FRAME_BYTES_MAX: usize = 2 << 20;
/// A frame has so many blocks at most.
pub const FRAME_BLOCKS_MAX: usize = 256;
/// No block is added to a frame once it has so many bytes; with one more it still fits.
const FRAME_FULL_BYTES: usize = 1 << 20;
/// A header and a proof take no more than this.
const HEAD_BYTES_MAX: usize = 48 * 1_024;

/// Some agreed blocks, as they travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The bytes for [`crate::Ledger::follow_in`].
    pub bytes: Vec<u8>,
    /// The height that comes after them.
    pub next: Height,
}

/// Why a frame was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum FollowFault {
    /// This peer votes, and hears of blocks by voting.
    #[error("a member does not follow")]
    Member,
    /// The blocks were taken in and make this peer a member, and it cannot vote.
    #[error("this peer is a member now and cannot vote")]
    CannotVote(#[from] EngineError),
    /// The frame begins too high: ask again from the height that is missing. Nobody's fault.
    #[error("the frame begins at block {found}, and {missing} is missing here")]
    Gap {
        /// The first height in the frame.
        found: Height,
        /// The height that is missing.
        missing: Height,
    },
    /// It is no frame.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its blocks do not stand on each other, or not on what is agreed here.
    #[error("block {height} does not stand on the one before it")]
    Broken {
        /// The height of the block.
        height: Height,
    },
    /// Its last block carries no proof, or one of another block.
    #[error("the last block carries no proof of itself")]
    NoProof,
    /// The proof does not hold.
    #[error("the proof of the last block does not hold")]
    Unproven(#[from] Unproven),
    /// Blocks stand on one that changes the members, and are not proven by those after it.
    #[error("block {height} changes the members, and the frame goes on after it")]
    Crossing {
        /// The height of the block.
        height: Height,
    },
    /// A proven block is wrong all the same: the members, or this peer, run other rules.
    #[error("block {height} is proven and wrong")]
    Wrong {
        /// The height of the block.
        height: Height,
        /// What is wrong with it.
        #[source]
        cause: Wrong,
    },
    /// The rules panicked on a proven block. Nothing of it was kept.
    #[error("the rules panicked on block {height}, which is proven")]
    Panicked {
        /// The height of the block.
        height: Height,
    },
}

impl FollowFault {
    /// Whether whoever sent the frame is to blame, so that another peer should be asked.
    pub const fn is_senders(&self) -> bool {
        !matches!(
            self,
            Self::Member | Self::CannotVote(_) | Self::Gap { .. } | Self::Panicked { .. }
        )
    }
}

#[derive(BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
struct Piece {
    /// Header and proof, decoded one by one: they unpack to many times their size.
    head: Vec<u8>,
    datum: Vec<u8>,
}

#[derive(BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
enum Versioned {
    V1(Vec<Piece>),
}

impl Limited for Versioned {
    fn within_limits(&self) -> Result<(), Malformed> {
        let Self::V1(pieces) = self;
        at_most("blocks", pieces.len(), FRAME_BLOCKS_MAX)?;
        pieces
            .iter()
            .try_for_each(|piece| at_most("head", piece.head.len(), HEAD_BYTES_MAX))
    }
}

/// The headings of a frame's blocks. Nothing about them is proven.
///
/// # Errors
/// [`Malformed`] if it is no frame, or a block has no heading.
pub fn headings(frame: &[u8]) -> Result<Vec<Heading>, Malformed> {
    let Versioned::V1(pieces) = bytes::read(frame, FRAME_BYTES_MAX)?;
    pieces
        .iter()
        .map(|piece| Ok(Datum::read(&piece.datum)?.heading))
        .collect()
}

/// The blocks from `from` on, as many as a frame holds and a proof covers. Waits at most `patience`
/// for the first of them; `None` if there is none.
pub(crate) fn out(disk: &Disk, from: Height, patience: Duration) -> Option<Frame> {
    let end = Instant::now() + patience;
    let from = from.max(Height::GENESIS.after(1));
    let mut head = before(from);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let grown = disk.wait_beyond(head, left);
        if grown < from || grown == head {
            return None;
        }
        if let Some(frame) = gather(disk, from) {
            return Some(frame);
        }
        // The newest blocks wait for one that has a proof.
        head = grown;
    }
}

fn gather(disk: &Disk, from: Height) -> Option<Frame> {
    let (mut pieces, mut proven, mut bytes) = (Vec::new(), 0, 0);
    let mut height = from;
    while let Some(block) = disk.agreed(height) {
        if pieces.len() == FRAME_BLOCKS_MAX || (bytes >= FRAME_FULL_BYTES && proven > 0) {
            break;
        }
        let changes_members = block.changes_members();
        let Agreed {
            header,
            datum,
            proof,
        } = block;
        let is_proven = proof.is_some();
        let head = bytes::write(&(header, Kept::from(proof)));
        bytes += head.len() + datum.len();
        if bytes > FRAME_BYTES_MAX - HEAD_BYTES_MAX {
            break;
        }
        pieces.push(Piece { head, datum });
        height = height.after(1);
        if is_proven {
            proven = pieces.len();
        }
        if changes_members {
            break;
        }
    }
    pieces.truncate(proven);
    let next = from.after(u64::try_from(proven).unwrap_or(0));
    (proven > 0).then(|| Frame {
        bytes: bytes::write(&Versioned::V1(pieces)),
        next,
    })
}

/// A peer that follows.
pub(crate) struct Follower {
    disk: Disk,
    chain: u64,
    checker: Arc<Checker>,
    memory: Mutex<Memory>,
}

impl Follower {
    pub(crate) fn new(disk: Disk, chain: u64, checker: Arc<Checker>) -> Self {
        let memory = Mutex::new(Memory::of(&disk));
        Self {
            disk,
            chain,
            checker,
            memory,
        }
    }

    /// Takes in a frame: all of it, or what is new of it. Returns the new head.
    ///
    /// # Errors
    /// [`FollowFault`]; blocks before the one it names may have been taken in.
    pub(crate) fn take(&self, frame: &[u8]) -> Result<Height, FollowFault> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let agreed = Reader::new(&self.disk);
        let blocks = news(frame, agreed.height())?;
        if blocks.is_empty() {
            return Ok(self.disk.head());
        }
        self.prove(&blocks, &agreed)?;
        let last = blocks.len() - 1;
        for (place, block) in blocks.into_iter().enumerate() {
            let height = block.height();
            let executed = catch_unwind(AssertUnwindSafe(|| self.execute(&memory, &block)));
            let executed = executed
                .map_err(|_| FollowFault::Panicked { height })?
                .map_err(|cause| FollowFault::Wrong { height, cause })?;
            if executed.members.is_some() && place != last {
                return Err(FollowFault::Crossing { height });
            }
            self.keep(&mut memory, block, &executed, place == last);
        }
        Ok(self.disk.head())
    }

    /// Whether a frame proves blocks that are not here yet. An engine may agree on some meanwhile.
    ///
    /// # Errors
    /// [`FollowFault`], and nothing was taken in.
    pub(crate) fn proves_more(&self, frame: &[u8]) -> Result<bool, FollowFault> {
        let agreed = Reader::new(&self.disk);
        let blocks = news(frame, agreed.height())?;
        if !blocks.is_empty() {
            self.prove(&blocks, &agreed)?;
        }
        Ok(!blocks.is_empty())
    }

    /// Shows that these blocks stand on the agreed head and on each other, and are agreed.
    fn prove(&self, blocks: &[Agreed], agreed: &Reader<'_>) -> Result<(), FollowFault> {
        let head = agreed.height();
        let mut height = head.after(1);
        let mut parent = self
            .disk
            .agreed(head)
            .map_or(BlockHash::GENESIS, |b| b.header.hash());
        for block in blocks {
            if block.height() != height || block.header.parent() != parent {
                return Err(FollowFault::Broken {
                    height: block.height(),
                });
            }
            parent = block.header.hash();
            height = height.after(1);
        }
        let proof = blocks.last().and_then(|last| last.proof.as_ref());
        let proof = proof.ok_or(FollowFault::NoProof)?;
        let proven = verify(proof, self.chain, &execute::members(agreed))?;
        if proven.block != parent {
            return Err(FollowFault::NoProof);
        }
        Ok(())
    }

    fn execute(&self, memory: &Memory, block: &Agreed) -> Result<Executed, Wrong> {
        let place = Place {
            height: block.height(),
            parent: block.header.parent(),
        };
        let data_hash = block.header.data_hash;
        let (heading, entries) = execute::open(&block.datum, data_hash, place, &self.checker)?;
        let below = memory.after(&self.disk, Vec::new());
        execute::judge(&below, &below, &heading, entries)
    }

    fn keep(&self, memory: &mut Memory, block: Agreed, executed: &Executed, synced: bool) {
        let hash = block.header.hash();
        let mut draft = Draft::default().agreed(block);
        for (key, row) in &executed.updates {
            draft = draft.row(key.clone(), row.clone());
        }
        if let Some(change) = &executed.members {
            draft = draft.change(executed.heading.height, change);
        }
        self.disk.put(draft, synced);
        if executed.members.is_some() {
            self.disk.forget_members();
        }
        memory.settle(hash, executed);
    }
}

/// The blocks of a frame above the head; they begin with the one that is missing.
fn news(frame: &[u8], head: Height) -> Result<Vec<Agreed>, FollowFault> {
    let Versioned::V1(pieces) = bytes::read(frame, FRAME_BYTES_MAX)?;
    let mut blocks = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let (header, proof) = open_head(&piece.head)?;
        blocks.push(Agreed {
            header,
            datum: piece.datum,
            proof,
        });
    }
    blocks.retain(|block| block.height() > head);
    let missing = head.after(1);
    match blocks.first().map(Agreed::height) {
        Some(found) if found > missing => Err(FollowFault::Gap { found, missing }),
        Some(_) | None => Ok(blocks),
    }
}

fn open_head(head: &[u8]) -> Result<(Header, Option<CommitProof>), Malformed> {
    let read: Result<(Header, Kept), _> = borsh::from_slice(head);
    let (header, kept) = read.map_err(|error| Malformed::Undecodable {
        what: "block header",
        why: error.to_string(),
    })?;
    let few = |certificate: &Certificate| {
        at_most("signatures", certificate.signatures.len(), MEMBERS_MAX)
    };
    let proof: Option<CommitProof> = kept.into();
    few(&header.justify)?;
    if let Some(proof) = &proof {
        proof.certificates().into_iter().try_for_each(few)?;
    }
    Ok((header, proof))
}

fn before(height: Height) -> Height {
    Height::new(height.get().saturating_sub(1))
}
