//! Agreed blocks: found in what the engine writes, and kept with their proofs.
//!
//! At the moment a block commits, its child, its grandchild and the certificate of that are all on
//! this disk, so the proof is made there and then, in the same batch.

use super::{BLOCKS, Batch, Disk, ENGINE};
use crate::engine::{BlockHash, Certificate, ChainProof, ChangeProof, CommitProof, Header, Kept};
use hotstuff_rs::block_tree::variables;
use protocol::units::Height;

/// Children of one block that are looked at when a proof is made.
const CHILDREN_MAX: usize = 16;

/// A block that is part of the ledger for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// What its hash covers.
    pub header: Header,
    /// The block's one datum, as the application made it.
    pub datum: Vec<u8>,
    /// Shows that it is agreed. Where several blocks commit together only the newest has one, and
    /// the others follow by their hashes.
    pub proof: Option<CommitProof>,
}

impl Agreed {
    /// Where it stands; the first block is 1.
    pub fn height(&self) -> Height {
        self.header.height()
    }

    /// Whether this block changes the members who agree on the blocks above it. Such a block is
    /// always the newest of those that commit with it, and so has its proof.
    pub fn changes_members(&self) -> bool {
        matches!(self.proof, Some(CommitProof::Change(_)))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let kept = Kept::from(self.proof.clone());
        borsh::to_vec(&(&self.header, &self.datum, kept)).expect("a Vec takes all bytes")
    }
}

pub(super) fn decode(bytes: &[u8]) -> Agreed {
    let (header, datum, proof): (Header, Vec<u8>, Kept) = borsh::from_slice(bytes)
        .expect("only encode() writes agreed blocks, and the disk has checksums");
    Agreed {
        header,
        datum,
        proof: proof.into(),
    }
}

impl Disk {
    /// The blocks that `batch` commits, lowest first, the newest with its proof.
    pub(super) fn committed_by(&self, batch: &Batch) -> Vec<Agreed> {
        let mut hashes: Vec<BlockHash> = batch
            .sets(|key| key.len() == 9 && key[..1] == variables::BLOCK_AT_HEIGHT)
            .filter_map(|value| Some(BlockHash::new(value.try_into().ok()?)))
            .collect();
        // The engine names them in order; nothing here relies on it.
        hashes.sort_by_key(|hash| self.header(hash).map(|header| header.number));
        let newest = hashes.last().copied();
        let newer = |variable: [u8; 1]| {
            let set = batch.sets(move |key| key == variable).last();
            let bytes = set
                .map(<[u8]>::to_vec)
                .or_else(|| self.get(ENGINE, &variable))?;
            borsh::from_slice::<Certificate>(&bytes).ok()
        };
        let highest = [variables::HIGHEST_PC, variables::LOCKED_PC].map(newer);
        hashes
            .into_iter()
            .map(|hash| {
                let header = self
                    .header(&hash)
                    .expect("the engine inserts what it commits");
                let proof = (Some(hash) == newest)
                    .then(|| self.proof(&header, &highest))
                    .flatten();
                Agreed {
                    header,
                    datum: self.datum(&hash).unwrap_or_default(),
                    proof,
                }
            })
            .collect()
    }

    /// The header of a block the engine knows.
    pub(crate) fn header(&self, hash: &BlockHash) -> Option<Header> {
        let field = |field: [u8; 1]| self.get(BLOCKS, &[hash.bytes(), &field[..]].concat());
        Some(Header {
            number: borsh::from_slice(&field(variables::BLOCK_HEIGHT)?).ok()?,
            justify: borsh::from_slice(&field(variables::BLOCK_JUSTIFY)?).ok()?,
            data_hash: borsh::from_slice(&field(variables::BLOCK_DATA_HASH)?).ok()?,
        })
    }

    /// Whether the engine has inserted this block.
    pub(crate) fn has_block(&self, hash: &BlockHash) -> bool {
        let key = [hash.bytes(), &variables::BLOCK_HEIGHT[..]].concat();
        self.get(BLOCKS, &key).is_some()
    }

    /// The first datum of a block the engine knows; ours have exactly one.
    pub(crate) fn datum(&self, hash: &BlockHash) -> Option<Vec<u8>> {
        let first = [hash.bytes(), &variables::BLOCK_DATA[..], &[0; 4]].concat();
        self.get(BLOCKS, &first)
    }

    /// The blocks that stand on this one.
    pub(crate) fn children(&self, hash: &BlockHash) -> Vec<BlockHash> {
        self.get(
            ENGINE,
            &[&variables::BLOCK_TO_CHILDREN[..], hash.bytes()].concat(),
        )
        .and_then(|bytes| borsh::from_slice(&bytes).ok())
        .unwrap_or_default()
    }

    /// The proof of a block that commits now; `highest` are certificates that may be in it.
    fn proof(&self, block: &Header, highest: &[Option<Certificate>]) -> Option<CommitProof> {
        let hash = block.hash();
        if !self.is_change(&hash) {
            let proof = self.chain_proof(block, highest);
            return proof.map(CommitProof::Chain);
        }
        let commits = |found: &&Certificate| found.block == hash && found.commits_change();
        let certificate = highest.iter().flatten().find(commits)?.clone();
        Some(CommitProof::Change(ChangeProof {
            header: block.clone(),
            certificate,
        }))
    }

    /// Whether this block, which the engine knows, changes the members.
    pub(crate) fn is_change(&self, hash: &BlockHash) -> bool {
        let status = [
            &variables::VALIDATOR_SET_UPDATES_STATUS[..],
            &hash.bytes()[..],
        ];
        self.get(ENGINE, &status.concat()).is_some()
    }

    /// Finds the child, the grandchild and the certificate in views that follow each other.
    fn chain_proof(&self, block: &Header, highest: &[Option<Certificate>]) -> Option<ChainProof> {
        for (child_hash, child) in self.kin(&block.hash()) {
            for (hash, grandchild) in self.kin(&child_hash) {
                if grandchild.justify.view != child.justify.view + 1 {
                    continue;
                }
                let above = self.kin(&hash).map(|(_, header)| header.justify);
                let fits = |certificate: &Certificate| {
                    certificate.block == hash && certificate.view == grandchild.justify.view + 1
                };
                let known = highest.iter().flatten().cloned();
                if let Some(certificate) = known.chain(above).find(fits) {
                    let headers = [block.clone(), child, grandchild];
                    return Some(ChainProof {
                        headers,
                        certificate,
                    });
                }
            }
        }
        None
    }

    fn kin(&self, parent: &BlockHash) -> impl Iterator<Item = (BlockHash, Header)> {
        let children = self.children(parent).into_iter().take(CHILDREN_MAX);
        children.filter_map(|hash| Some((hash, self.header(&hash)?)))
    }
}
