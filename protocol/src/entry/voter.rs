//! Members as voters on blocks: how the key that signs their votes is replaced, and the proof that
//! one of them signed two votes that cannot both be honest (F6), in a form that anybody can check.

use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::{Signature, Verifier, VerifyingKey};

use crate::bytes::{Limited, Malformed};
use crate::ids::{Digest, FederationId, PartyId, PublicKey};
use crate::signed::{Signable, Signed, is_strong_key};

/// Something about a member's votes on blocks. A variant's number never changes its meaning.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum VoterRequest {
    /// Let another key sign the sender's votes, from the next epoch on.
    Rotate {
        /// From which key to which; both have signed it.
        rotation: Box<KeyRotation>,
        /// The old key's signature of it.
        by_old: [u8; 64],
        /// The new key's.
        by_new: [u8; 64],
    },
    /// Show that a member signed two votes that cannot both be honest. Anyone may.
    ShowVotes {
        /// Both.
        votes: Box<TwoVotes>,
    },
}

/// One key takes another's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KeyRotation {
    /// The federation it is meant for.
    pub federation: FederationId,
    /// Whose votes they sign.
    pub member: PartyId,
    /// The key that signs them today.
    pub old: PublicKey,
    /// The key that would; it never signed anybody's.
    pub new: PublicKey,
}

/// A vote on a block, as consensus signs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// The block's hash.
    pub block: Digest,
    /// The signature of [`vote_bytes`].
    pub signature: [u8; 64],
}

/// Two votes of one key for different blocks in the same phase of the same view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TwoVotes {
    /// The key that signed both.
    pub key: PublicKey,
    /// In this view,
    pub view: u64,
    /// and this phase of it.
    pub phase: u8,
    /// One vote,
    pub first: Vote,
    /// and another.
    pub second: Vote,
}

/// The name of a federation's chain under every vote; never 0.
pub fn chain_of(federation: &FederationId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *federation.bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h]).max(1)
}

/// The bytes that a vote signs: chain, view, block, phase. They are hotstuff's, so no context
/// stands before them; the key signs nothing but votes and its own rotation.
pub fn vote_bytes(chain: u64, view: u64, block: &Digest, phase: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(49);
    bytes.extend(chain.to_le_bytes());
    bytes.extend(view.to_le_bytes());
    bytes.extend(block.bytes());
    bytes.push(phase);
    bytes
}

impl TwoVotes {
    /// Whether both votes are really the key's own, in this federation, and differ.
    pub fn hold(&self, federation: &FederationId) -> bool {
        let chain = chain_of(federation);
        self.first.block != self.second.block
            && self.is_signed(chain, &self.first)
            && self.is_signed(chain, &self.second)
    }

    /// The fault's name, whichever of a view's votes prove it.
    pub fn id(&self) -> Digest {
        let (view, phase) = (self.view.to_le_bytes(), [self.phase]);
        let parts: [&[u8]; 3] = [self.key.bytes(), &view, &phase];
        Digest::derive("tallygrid two votes v1", &parts)
    }

    fn is_signed(&self, chain: u64, vote: &Vote) -> bool {
        let message = vote_bytes(chain, self.view, &vote.block, self.phase);
        VerifyingKey::from_bytes(self.key.bytes()).is_ok_and(|key| {
            let signature = Signature::from_bytes(&vote.signature);
            !key.is_weak() && key.verify(&message, &signature).is_ok()
        })
    }
}

impl KeyRotation {
    /// Whether this key signed it so.
    pub fn is_signed(&self, key: PublicKey, signature: [u8; 64]) -> bool {
        Signed::from_parts(*self, key, signature).check().is_ok()
    }
}

impl VoterRequest {
    /// What people call it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Rotate { .. } => "rotate-voting-key",
            Self::ShowVotes { .. } => "show-votes",
        }
    }
}

impl Signable for KeyRotation {
    const CONTEXT: &'static str = "tallygrid voting key rotation v1";
}

impl Limited for KeyRotation {
    fn within_limits(&self) -> Result<(), Malformed> {
        Ok(())
    }
}

impl Limited for VoterRequest {
    fn within_limits(&self) -> Result<(), Malformed> {
        let strong = match self {
            Self::Rotate { rotation, .. } => is_strong_key(&rotation.new),
            Self::ShowVotes { .. } => true,
        };
        if strong {
            Ok(())
        } else {
            Err(Malformed::Senseless(
                "a consensus key is an ed25519 key of full order",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    const HERE: FederationId = FederationId::new([7; 32]);

    fn votes(blocks: [u8; 2]) -> TwoVotes {
        let key = SigningKey::from_bytes(&[1; 32]);
        let [first, second] = blocks.map(|block| {
            let block = Digest::new([block; 32]);
            let signed = vote_bytes(chain_of(&HERE), 5, &block, 2);
            let signature = key.sign(&signed).to_bytes();
            Vote { block, signature }
        });
        let key = PublicKey::new(key.verifying_key().to_bytes());
        TwoVotes {
            key,
            view: 5,
            phase: 2,
            first,
            second,
        }
    }

    #[test]
    fn only_two_signed_votes_for_different_blocks_here_are_a_proof() {
        let proof = votes([1, 2]);
        assert!(proof.hold(&HERE));
        assert!(!votes([1, 1]).hold(&HERE));
        assert!(!proof.hold(&FederationId::new([8; 32])));
        for change in [
            |votes: &mut TwoVotes| votes.view = 6,
            |votes: &mut TwoVotes| votes.phase = 1,
            |votes: &mut TwoVotes| votes.key = PublicKey::new([9; 32]),
            |votes: &mut TwoVotes| votes.key = PublicKey::new([0; 32]),
            |votes: &mut TwoVotes| votes.second.signature[3] ^= 1,
            |votes: &mut TwoVotes| votes.first.block = Digest::new([3; 32]),
        ] {
            let mut forged = proof;
            change(&mut forged);
            assert!(!forged.hold(&HERE), "{forged:?}");
        }
        assert_eq!(votes([3, 4]).id(), proof.id(), "one fault, one name");
    }
}
