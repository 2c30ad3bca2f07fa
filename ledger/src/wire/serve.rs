//! Blocks for members that catch up, from our own chain: the engine's server is asked nothing.
//!
//! As published, it walks down to genesis for what is not agreed yet, reserves memory for as many
//! blocks as it is asked for, and knows no way across a change of members: who catches up has to
//! commit the block that changes them before it can check the certificate of the next one. So an
//! answer ends with such a block, and carries the certificate that commits it.

use super::{Lane, Post, SYNC_BLOCKS_MAX, count};
use crate::disk::Agreed;
use crate::engine::{BlockHash, Certificate, Header, MemberKey};
use borsh_engine::{BorshDeserialize, BorshSerialize};
use hotstuff_rs::block_sync::messages::{BlockSyncMessage, BlockSyncRequest};
use hotstuff_rs::block_tree::pluggables::KVGet;
use hotstuff_rs::hotstuff::types::PhaseCertificate;
use hotstuff_rs::networking::messages::Message;
use hotstuff_rs::types::block::Block;
use hotstuff_rs::types::data_types::{BlockHeight, CryptoHash, Data, Datum};
use protocol::units::Height;

/// Blocks above the agreed head that are looked through for an answer.
const PENDING_MAX: usize = 64;

impl Post {
    /// Answers a member's request for blocks, if there are any.
    pub(super) fn serve(&self, to: &MemberKey, request: &BlockSyncRequest) {
        let first = request.start_height.int().checked_add(1).map(Height::new);
        let answer = first
            .filter(|_| request.chain_id.int() == self.kit.chain)
            .and_then(|first| self.answer(first));
        let Some(answer) = answer.and_then(|answer| answer.try_to_vec().ok()) else {
            return count(&self.kit.counts.dropped);
        };
        self.kit.carrier.send(to, Lane::Bulk, answer);
    }

    fn answer(&self, first: Height) -> Option<Message> {
        let disk = &self.kit.disk;
        // What becomes agreed meanwhile is still found above this head.
        let head = disk.head();
        let mut blocks = Vec::new();
        let mut next = first;
        while next <= head && blocks.len() < SYNC_BLOCKS_MAX as usize {
            let block = disk.agreed(next)?;
            let proof = block.proof.clone().filter(|_| block.changes_members());
            blocks.push(agreed(block)?);
            if let Some(proof) = proof {
                return answer(blocks, certificate(proof.certificate())?);
            }
            next = next.after(1);
        }
        if blocks.len() < SYNC_BLOCKS_MAX as usize {
            let room = SYNC_BLOCKS_MAX as usize - blocks.len();
            blocks.extend(self.pending(head, next).into_iter().take(room));
        }
        answer(blocks, disk.highest_pc().ok()?)
    }

    /// The newest branch above `head`, from `first` on, lowest first.
    fn pending(&self, head: Height, first: Height) -> Vec<Block> {
        let disk = &self.kit.disk;
        let mut found = Vec::new();
        let mut next = disk.newest_block().ok().flatten();
        while let Some(hash) = next.filter(|_| found.len() < PENDING_MAX) {
            let name = BlockHash::new(hash.bytes());
            let header = disk.header(&name).filter(|header| header.height() > head);
            let Some(header) = header else { break };
            if header.height() >= first {
                found.extend(disk.block(&hash).ok().flatten());
            }
            next = Some(CryptoHash::new(*header.parent().bytes()));
        }
        found.reverse();
        found
    }
}

fn answer(blocks: Vec<Block>, highest: PhaseCertificate) -> Option<Message> {
    let answer = BlockSyncMessage::block_sync_response(blocks, highest);
    Some(Message::BlockSyncMessage(answer))
}

/// An agreed block as the engine writes it.
fn agreed(block: Agreed) -> Option<Block> {
    let Agreed { header, datum, .. } = block;
    let hash = CryptoHash::new(*header.hash().bytes());
    let Header {
        number,
        justify,
        data_hash,
    } = header;
    Some(Block {
        height: BlockHeight::new(number),
        hash,
        justify: certificate(&justify)?,
        data_hash: CryptoHash::new(data_hash),
        data: Data::new(vec![Datum::new(datum)]),
    })
}

/// A certificate as the engine writes it; the bytes are the same.
fn certificate(certificate: &Certificate) -> Option<PhaseCertificate> {
    let bytes = borsh::to_vec(certificate).ok()?;
    PhaseCertificate::try_from_slice(&bytes).ok()
}
