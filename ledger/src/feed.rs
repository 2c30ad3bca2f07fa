//! What each agreed block did: its answers and events, in order, exactly once, from any height.
//!
//! A block's results are a row of ours under its height, written in the same batch that makes the
//! block agreed: there is no moment at which a block is agreed and its events are not to be had.
//! Whoever remembers the last height it has dealt with loses nothing and sees nothing twice.

use crate::disk::Disk;
use crate::engine::BlockHash;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::bytes;
use protocol::event::Event;
use protocol::ids::{Digest, EntryId};
use protocol::units::{Height, Moment};
use rules::Refusal;
use std::fmt;
use std::time::Duration;

/// First byte of the keys of results.
pub const RESULTS: u8 = 0xF0;

/// A rule said no to an entry of a block; its fee is taken and its nonce used.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
pub struct Refused {
    /// The refusal's number, which never changes its meaning.
    pub code: u16,
    /// The refusal in words, as this peer's version says it.
    pub why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl From<&Refusal> for Refused {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: refusal.code(),
            why: refusal.to_string(),
        }
    }
}

/// What the rules said to one entry of a block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
pub struct Answer {
    /// The entry.
    pub entry: EntryId,
    /// `None` if it was done.
    pub refused: Option<Refused>,
}

/// What a block did, beside the rows it changed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
pub struct Results {
    /// Its agreed time.
    pub now: Moment,
    /// One answer for each of its entries, in their order.
    pub answers: Vec<Answer>,
    /// Its events, in the order the rules found them.
    pub events: Vec<Event>,
}

impl Results {
    /// What the block's heading says of them. The words of refusals are left out: they may be put
    /// better in another version.
    pub fn digest(&self) -> Digest {
        let answer = |answer: &Answer| (answer.entry, answer.refused.as_ref().map(|r| r.code));
        let answers: Vec<_> = self.answers.iter().map(answer).collect();
        let parts = [bytes::write(&answers), bytes::write(&self.events)];
        Digest::derive("tallygrid block results v1", &[&parts[0], &parts[1]])
    }
}

/// The key of a block's results.
pub(crate) fn results_key(height: Height) -> Vec<u8> {
    [&[RESULTS][..], &height.get().to_be_bytes()].concat()
}

/// An agreed block as peers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Its number; the first block is 1.
    pub height: Height,
    /// Its agreed time.
    pub now: Moment,
    /// Its name.
    pub id: BlockHash,
    /// One answer for each of its entries, in their order.
    pub answers: Vec<Answer>,
    /// Its events, in the order the rules found them.
    pub events: Vec<Event>,
}

/// Hands out agreed blocks, one after the other: from the disk as long as there are old ones, then
/// as they are agreed.
pub struct Feed {
    disk: Disk,
    next: Height,
}

impl Feed {
    pub(crate) const fn new(disk: Disk, next: Height) -> Self {
        Self { disk, next }
    }

    /// The height of the block that comes next.
    pub const fn height(&self) -> Height {
        self.next
    }

    /// The next block, as soon as it is agreed; `None` if it is not within `patience`.
    pub fn next(&mut self, patience: Duration) -> Option<Agreed> {
        let height = self.next.max(Height::GENESIS.after(1));
        if self.disk.wait_beyond(before(height), patience) < height {
            return None;
        }
        let agreed = read(&self.disk, height)?;
        self.next = height.after(1);
        Some(agreed)
    }
}

fn before(height: Height) -> Height {
    Height::new(height.get().saturating_sub(1))
}

/// The agreed block at `height`, if this disk has it.
pub(crate) fn read(disk: &Disk, height: Height) -> Option<Agreed> {
    let block = disk.agreed(height)?;
    let row = disk
        .row(&results_key(height))
        .expect("a block's results are agreed with it");
    let results: Results = borsh::from_slice(&row).expect("results are written by execute alone");
    let Results {
        now,
        answers,
        events,
    } = results;
    Some(Agreed {
        height,
        now,
        id: block.header.hash(),
        answers,
        events,
    })
}
