//! The door for frames: what kind of message it is, how long it may be, and whether its lists are
//! of a size that can be unpacked safely. Nothing is decoded before it has passed.
//!
//! One absent signature is a byte in a frame and 65 in memory, so a frame is walked, and every list
//! in it counted, before the engine's own decoder sees it.

use crate::engine::MEMBERS_MAX;
use borsh_engine::BorshDeserialize;
use hotstuff_rs::networking::messages::Message;

/// The longest frame that holds no block.
pub const SMALL_FRAME_BYTES_MAX: usize = 16 << 10;
/// What a block's header and certificate add to its datum.
pub const BLOCK_EXTRA_BYTES: usize = 16 << 10;
/// Blocks in one answer to a member that catches up.
pub const SYNC_BLOCKS_MAX: u32 = 16;

/// The kinds of messages that members exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Proposal,
    Nudge,
    Vote,
    NewView,
    TimeoutVote,
    AdvanceView,
    AdvertiseBlock,
    AdvertiseCertificate,
    SyncRequest,
    SyncResponse,
}

/// How many kinds there are.
pub(crate) const KINDS: usize = 10;

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("no such kind of message")]
    Kind,
    #[error("longer than its kind may be")]
    TooLong,
    #[error("cut short, too many items, or bytes left over")]
    Shape,
}

impl Kind {
    /// The kind a frame claims to be.
    pub(crate) fn of(frame: &[u8]) -> Result<Self, Malformed> {
        Ok(match frame {
            [0, 0, 0, ..] => Self::Proposal,
            [0, 0, 1, ..] => Self::Nudge,
            [0, 0, 2, ..] => Self::Vote,
            [0, 0, 3, ..] => Self::NewView,
            [0, 1, 0, ..] => Self::TimeoutVote,
            [0, 1, 1, ..] => Self::AdvanceView,
            [0, 2, 0, ..] => Self::AdvertiseBlock,
            [0, 2, 1, ..] => Self::AdvertiseCertificate,
            [1, 0, ..] => Self::SyncRequest,
            [1, 1, ..] => Self::SyncResponse,
            _ => return Err(Malformed::Kind),
        })
    }

    fn tag_bytes(self) -> usize {
        match self {
            Self::SyncRequest | Self::SyncResponse => 2,
            _ => 3,
        }
    }

    fn bytes_max(self, block_bytes_max: usize) -> usize {
        let block = block_bytes_max + BLOCK_EXTRA_BYTES;
        match self {
            Self::Proposal => block,
            Self::SyncResponse => block * SYNC_BLOCKS_MAX as usize,
            _ => SMALL_FRAME_BYTES_MAX,
        }
    }
}

/// Asks a frame for its kind and length, which is all that can be asked at once.
pub(crate) fn kind(frame: &[u8], block_bytes_max: usize) -> Result<Kind, Malformed> {
    let kind = Kind::of(frame)?;
    if frame.len() > kind.bytes_max(block_bytes_max) {
        return Err(Malformed::TooLong);
    }
    Ok(kind)
}

/// Walks a frame that [`kind`] let through, from its first byte to its last.
pub(crate) fn check(kind: Kind, frame: &[u8]) -> Result<(), Malformed> {
    let mut walk = Walk(frame);
    walk.message(kind).ok_or(Malformed::Shape)?;
    if walk.0.is_empty() {
        Ok(())
    } else {
        Err(Malformed::Shape)
    }
}

/// Decodes a frame that [`check`] let through.
pub(crate) fn open(kind: Kind, frame: &[u8]) -> Result<Message, Malformed> {
    check(kind, frame)?;
    Message::try_from_slice(frame).map_err(|_| Malformed::Shape)
}

/// Walks over the bytes of a message; `None` where they end too soon or count too high.
struct Walk<'a>(&'a [u8]);

impl Walk<'_> {
    fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn count(&mut self, max: usize) -> Option<usize> {
        let bytes = self.0.get(..4)?.try_into().ok()?;
        self.skip(4)?;
        usize::try_from(u32::from_le_bytes(bytes))
            .ok()
            .filter(|count| *count <= max)
    }

    fn message(&mut self, kind: Kind) -> Option<()> {
        self.skip(kind.tag_bytes())?;
        match kind {
            Kind::Proposal => {
                self.skip(16)?;
                self.block()
            }
            Kind::Nudge | Kind::NewView => {
                self.skip(16)?;
                self.phase_certificate()
            }
            Kind::Vote => self.skip(8 + 8 + 32 + 1 + 64),
            Kind::TimeoutVote => {
                self.skip(8 + 8 + 64)?;
                match self.byte()? {
                    0 => Some(()),
                    _ => self.timeout_certificate(),
                }
            }
            Kind::AdvanceView => match self.byte()? {
                0 => self.timeout_certificate(),
                _ => self.phase_certificate(),
            },
            Kind::AdvertiseBlock => self.skip(8 + 8 + 64),
            Kind::AdvertiseCertificate => self.phase_certificate(),
            Kind::SyncRequest => self.skip(8 + 8 + 4),
            Kind::SyncResponse => {
                for _ in 0..self.count(SYNC_BLOCKS_MAX as usize)? {
                    self.block()?;
                }
                self.phase_certificate()
            }
        }
    }

    fn block(&mut self) -> Option<()> {
        self.skip(8 + 32)?;
        self.phase_certificate()?;
        self.skip(32)?;
        // Our blocks have exactly one datum.
        for _ in 0..self.count(1)? {
            let bytes = self.count(usize::MAX)?;
            self.skip(bytes)?;
        }
        Some(())
    }

    fn phase_certificate(&mut self) -> Option<()> {
        self.skip(8 + 8 + 32 + 1)?;
        self.signatures()
    }

    fn timeout_certificate(&mut self) -> Option<()> {
        self.skip(8 + 8)?;
        self.signatures()
    }

    fn signatures(&mut self) -> Option<()> {
        for _ in 0..self.count(MEMBERS_MAX)? {
            match self.byte()? {
                0 => {}
                _ => self.skip(64)?,
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use borsh_engine::BorshSerialize;
    use hotstuff_rs::block_sync::messages::{BlockSyncMessage, BlockSyncResponse};
    use hotstuff_rs::hotstuff::messages::{HotStuffMessage, NewView, Proposal};
    use hotstuff_rs::hotstuff::types::PhaseCertificate;
    use hotstuff_rs::types::block::Block;
    use hotstuff_rs::types::data_types::{
        BlockHeight, ChainID, CryptoHash, Data, Datum, ViewNumber,
    };

    fn block() -> Block {
        let data = Data::new(vec![Datum::new(vec![7; 300])]);
        let hash = CryptoHash::new([1; 32]);
        Block::new(
            BlockHeight::new(0),
            PhaseCertificate::genesis_pc(),
            hash,
            data,
        )
    }

    fn frames() -> Vec<Vec<u8>> {
        let (chain_id, view) = (ChainID::new(7), ViewNumber::new(9));
        let highest_pc = PhaseCertificate::genesis_pc();
        let proposal = HotStuffMessage::Proposal(Proposal {
            chain_id,
            view,
            block: block(),
        });
        let new_view = NewView {
            chain_id,
            view,
            highest_pc: highest_pc.clone(),
        };
        let answer = BlockSyncResponse {
            blocks: vec![block(), block()],
            highest_pc,
        };
        [
            Message::from(proposal),
            Message::from(HotStuffMessage::NewView(new_view)),
            Message::BlockSyncMessage(BlockSyncMessage::BlockSyncResponse(answer)),
        ]
        .map(|message| message.try_to_vec().unwrap())
        .into()
    }

    fn pass(frame: &[u8]) -> Result<Message, Malformed> {
        open(kind(frame, 1 << 20)?, frame)
    }

    #[test]
    fn whole_frames_pass_and_every_cut_or_longer_one_does_not() {
        for frame in frames() {
            assert!(pass(&frame).is_ok());
            for length in 0..frame.len() {
                assert!(pass(&frame[..length]).is_err());
            }
            assert!(pass(&[&frame[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn changed_bytes_never_panic_and_never_unpack_to_much() {
        let mut chance = 0x2545_f491_4f6c_dd1d_u64;
        for frame in frames() {
            for _ in 0..20_000 {
                let mut bad = frame.clone();
                chance ^= chance << 13;
                chance ^= chance >> 7;
                chance ^= chance << 17;
                let at = usize::try_from(chance >> 8).unwrap() % bad.len();
                bad[at] = chance.to_le_bytes()[0];
                let _ = pass(&bad);
            }
        }
    }

    #[test]
    fn a_list_of_absent_signatures_is_not_unpacked() {
        let mut frame = frames()[1].clone();
        frame.truncate(frame.len() - 4);
        frame.extend(8_000_u32.to_le_bytes());
        frame.extend(vec![0; 8_000]);
        assert_eq!(pass(&frame).err(), Some(Malformed::Shape));
        assert_eq!(pass(&[9, 9, 9]).err(), Some(Malformed::Kind));
        assert_eq!(
            pass(&[[0, 0, 3].as_slice(), &[0; 20_000]].concat()).err(),
            Some(Malformed::TooLong)
        );
    }
}
