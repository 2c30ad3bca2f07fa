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
//!
//! A block that changes the members is agreed on by itself, in phases, before any other stands on
//! it, so its own third certificate, of the members it finds, shows it agreed:
//!
//! ```text
//!   B ── prepare ── precommit ── commit         ◀── C, on a fourth certificate, of the new members
//! ```

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

    /// Whether it is of a phase that commits a block that changes the members.
    pub(crate) fn commits_change(&self) -> bool {
        COMMIT_PHASES.contains(&self.phase)
    }

    /// The bytes that each vote signs.
    pub fn signed(&self) -> Vec<u8> {
        vote_bytes(self.chain, self.view, self.block, self.phase)
    }
}

/// The bytes that a vote signs ([`protocol::entry::vote_bytes`]).
pub(crate) fn vote_bytes(chain: u64, view: u64, block: BlockHash, phase: u8) -> Vec<u8> {
    protocol::entry::vote_bytes(
        chain,
        view,
        &protocol::ids::Digest::new(*block.bytes()),
        phase,
    )
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

/// The phase whose certificate shows that a block that changes the members is agreed, and the one
/// after it, which says the same and more.
const COMMIT_PHASES: [u8; 2] = [3, 4];

/// Shows that a block is agreed.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one at a time, on its way through"
)]
pub enum CommitProof {
    /// The first of three blocks.
    Chain(ChainProof),
    /// A block that changes the members.
    Change(ChangeProof),
}

impl CommitProof {
    /// The certificates in it, of which there are a few.
    pub(crate) fn certificates(&self) -> Vec<&Certificate> {
        match self {
            Self::Chain(proof) => {
                let below = proof.headers.iter().map(|header| &header.justify);
                below.chain([&proof.certificate]).collect()
            }
            Self::Change(proof) => vec![&proof.header.justify, &proof.certificate],
        }
    }

    /// The certificate of the proven block itself.
    pub(crate) const fn certificate(&self) -> &Certificate {
        match self {
            Self::Chain(proof) => &proof.headers[1].justify,
            Self::Change(proof) => &proof.certificate,
        }
    }
}

/// A block's proof, or none, as it lies on disks and in frames. Variants are only ever added.
#[derive(BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one at a time, on its way through"
)]
pub(crate) enum Kept {
    None,
    Chain(ChainProof),
    Change(ChangeProof),
}

impl From<Option<CommitProof>> for Kept {
    fn from(proof: Option<CommitProof>) -> Self {
        match proof {
            None => Self::None,
            Some(CommitProof::Chain(proof)) => Self::Chain(proof),
            Some(CommitProof::Change(proof)) => Self::Change(proof),
        }
    }
}

impl From<Kept> for Option<CommitProof> {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::None => None,
            Kept::Chain(proof) => Some(CommitProof::Chain(proof)),
            Kept::Change(proof) => Some(CommitProof::Change(proof)),
        }
    }
}

/// Shows that a block is agreed that changes the members.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
pub struct ChangeProof {
    /// The block.
    pub header: Header,
    /// Its commit certificate, by the members before the change.
    pub certificate: Certificate,
}

/// Shows that the first of three blocks is agreed.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
pub struct ChainProof {
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

impl Proven {
    fn of(header: &Header) -> Self {
        Self {
            height: header.height(),
            block: header.hash(),
            parent: header.parent(),
            data_hash: header.data_hash,
        }
    }
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
    #[error("a certificate is of phase {phase}, which does not show this block agreed")]
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

/// Checks that `proof` shows an agreed block of `chain`. `members` are those before that block:
/// if it changes them, it is still for them to agree on it.
///
/// # Errors
/// The first thing that is wrong with it; the proof then says nothing.
pub fn verify(proof: &CommitProof, chain: u64, members: &Members) -> Result<Proven, Unproven> {
    match proof {
        CommitProof::Chain(proof) => verify_chain(proof, chain, members),
        CommitProof::Change(proof) => verify_change(proof, chain, members),
    }
}

fn verify_change(proof: &ChangeProof, chain: u64, members: &Members) -> Result<Proven, Unproven> {
    let ChangeProof {
        header,
        certificate,
    } = proof;
    if certificate.chain != chain {
        let found = certificate.chain;
        return Err(Unproven::Chain { found, chain });
    }
    if !certificate.commits_change() {
        let phase = certificate.phase;
        return Err(Unproven::Phase { phase });
    }
    if certificate.block != header.hash() {
        return Err(Unproven::Broken { place: 1 });
    }
    is_quorum(&certificate.signed(), &certificate.signatures, members)?;
    Ok(Proven::of(header))
}

fn verify_chain(proof: &ChainProof, chain: u64, members: &Members) -> Result<Proven, Unproven> {
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
    Ok(Proven::of(block))
}
