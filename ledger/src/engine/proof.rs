//! The proof that a block is agreed, checked with nothing but the members' keys.
//!
//! ```text
//!   B  ◀── B1 ◀── B2 ◀── certificate        three certificates of a quorum each,
//!     view v  view v+1  view v+2            in three views that follow each other
//! ```
//!
//! Each header names its parent by the certificate it carries, and a block's hash covers its
//! header, so three headers and one more certificate show that B can never be undone. Blocks below
//! B follow by their hashes: see [`Header::parent`].

use super::members::{MemberKey, Members};
use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::{Signature, Verifier};
use hotstuff_rs::types::crypto_primitives::{CryptoHasher, Digest};
use protocol::units::Height;
use std::fmt;

/// A block's hash: SHA-256 over its header.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
pub struct BlockHash([u8; 32]);

impl BlockHash {
    /// What the first block has for a parent.
    pub const GENESIS: Self = Self([0; 32]);

    /// The hash these 32 bytes are.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for BlockHash {
    /// The first eight bytes in hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A quorum's signatures under one block in one view. The bytes are the engine's own.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
pub struct Certificate {
    /// The chain, never 0 but in the certificate of genesis.
    pub chain: u64,
    /// The view the votes were cast in.
    pub view: u64,
    /// The block voted for.
    pub block: BlockHash,
    /// 0 for an ordinary block; 1 to 4 while the set of members changes.
    pub phase: u8,
    /// One place for each member, in the order of their keys.
    pub signatures: Vec<Option<[u8; 64]>>,
}

impl Certificate {
    /// Whether it is the empty certificate that stands under the first block.
    pub fn is_genesis(&self) -> bool {
        self.chain == 0
            && self.view == 0
            && self.block == BlockHash::GENESIS
            && self.phase == 0
            && self.signatures.is_empty()
    }

    /// The bytes that each vote signs.
    pub fn signed(&self) -> Vec<u8> {
        vote_bytes(self.chain, self.view, self.block, self.phase)
    }
}

/// The bytes that a vote signs: chain, view, block, phase.
pub(crate) fn vote_bytes(chain: u64, view: u64, block: BlockHash, phase: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(49);
    bytes.extend(chain.to_le_bytes());
    bytes.extend(view.to_le_bytes());
    bytes.extend(block.bytes());
    bytes.push(phase);
    bytes
}

/// Whether `signatures` under `message` are all good and weigh a quorum.
pub(crate) fn is_quorum(
    message: &[u8],
    signatures: &[Option<[u8; 64]>],
    members: &Members,
) -> Result<(), Unproven> {
    if signatures.len() != members.len() {
        return Err(Unproven::Places {
            found: signatures.len(),
            members: members.len(),
        });
    }
    let mut weight = 0;
    for (signature, (member, entry)) in signatures.iter().zip(members.iter()) {
        let Some(signature) = signature else { continue };
        entry
            .key
            .verify(message, &Signature::from_bytes(signature))
            .map_err(|_| Unproven::Signature { member: *member })?;
        weight += entry.power;
    }
    if weight < members.quorum() {
        return Err(Unproven::NoQuorum {
            weight,
            quorum: members.quorum(),
        });
    }
    Ok(())
}

/// What a block's hash covers.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
pub struct Header {
    /// The engine's own count of blocks, which starts at 0.
    pub number: u64,
    /// The certificate of the parent.
    pub justify: Certificate,
    /// What the application says its data hashes to.
    pub data_hash: [u8; 32],
}

impl Header {
    /// Where the block stands in the chain: the first is 1.
    pub fn height(&self) -> Height {
        Height::new(self.number.saturating_add(1))
    }

    /// The block below, [`BlockHash::GENESIS`] for the first.
    pub fn parent(&self) -> BlockHash {
        self.justify.block
    }

    /// The block's name.
    pub fn hash(&self) -> BlockHash {
        let mut hasher = CryptoHasher::new();
        let justify = borsh::to_vec(&self.justify).expect("a Vec takes all bytes");
        hasher.update(self.number.to_le_bytes());
        hasher.update(justify);
        hasher.update(self.data_hash);
        BlockHash(hasher.finalize().into())
    }
}

/// Shows that the first of three blocks is agreed.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
pub struct CommitProof {
    /// B, its child and its grandchild.
    pub headers: [Header; 3],
    /// The certificate of the grandchild.
    pub certificate: Certificate,
}

/// What a checked proof says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Where the block stands; the first is 1.
    pub height: Height,
    /// Its name.
    pub block: BlockHash,
    /// The block below it.
    pub parent: BlockHash,
    /// What its data hashes to, in the application's words.
    pub data_hash: [u8; 32],
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unproven {
    /// It speaks of another chain.
    #[error("it is about chain {found}, not {chain}")]
    Chain {
        /// What the certificate says.
        found: u64,
        /// What was asked.
        chain: u64,
    },
    /// A certificate names another block than the one below it.
    #[error("block {place} of the proof does not stand on the one before it")]
    Broken {
        /// 1 for the child, 2 for the grandchild, 3 for the last certificate.
        place: usize,
    },
    /// The views are not v, v+1, v+2.
    #[error("the three views do not follow each other")]
    Gap,
    /// The votes are of a phase that does not commit this way.
    #[error("a certificate is of phase {phase}, ordinary blocks have 0")]
    Phase {
        /// What was found.
        phase: u8,
    },
    /// The certificate has another number of places than there are members.
    #[error("{found} places for signatures of {members} members")]
    Places {
        /// Places in the certificate.
        found: usize,
        /// How many members there are.
        members: usize,
    },
    /// A signature does not hold.
    #[error("the signature of member {member} does not hold")]
    Signature {
        /// Whose place it stands in.
        member: MemberKey,
    },
    /// The signatures are good, but too few.
    #[error("signatures weigh {weight}, {quorum} are needed")]
    NoQuorum {
        /// What they weigh.
        weight: u64,
        /// What decides.
        quorum: u64,
    },
}

/// Checks that `proof` shows an agreed block of `chain`, whose voters are `members`.
///
/// # Errors
/// The first thing that is wrong with it; the proof then says nothing.
pub fn verify(proof: &CommitProof, chain: u64, members: &Members) -> Result<Proven, Unproven> {
    let [block, child, grandchild] = &proof.headers;
    let certificates = [&child.justify, &grandchild.justify, &proof.certificate];
    let parents = [block, child, grandchild];
    for (place, (certificate, parent)) in certificates.into_iter().zip(parents).enumerate() {
        if certificate.chain != chain {
            return Err(Unproven::Chain {
                found: certificate.chain,
                chain,
            });
        }
        if certificate.phase != 0 {
            return Err(Unproven::Phase {
                phase: certificate.phase,
            });
        }
        let number = block.number.checked_add(place as u64);
        if certificate.block != parent.hash() || Some(parent.number) != number {
            return Err(Unproven::Broken { place: place + 1 });
        }
    }
    let views = certificates.map(|certificate| certificate.view);
    if views[0].checked_add(1) != Some(views[1]) || views[1].checked_add(1) != Some(views[2]) {
        return Err(Unproven::Gap);
    }
    for certificate in certificates {
        is_quorum(&certificate.signed(), &certificate.signatures, members)?;
    }
    Ok(Proven {
        height: block.height(),
        block: block.hash(),
        parent: block.parent(),
        data_hash: block.data_hash,
    })
}
