//! Evidence: two votes of one member that cannot both be honest.
//!
//! Members' votes pass here on their way in. A member that signs two blocks in one phase of one
//! view has proven its own fault: anybody can check both signatures with its key. Only the newest
//! views are remembered, and only so many faults are kept.

use crate::engine::{BlockHash, MemberKey, vote_bytes};
use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use protocol::entry::{TwoVotes, Vote};
use protocol::ids::{Digest, PublicKey};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Votes remembered for comparing.
const VOTES_MAX: usize = 4096;
/// Faults kept until somebody takes them.
pub const FAULTS_MAX: usize = 64;

/// One signed vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
pub struct SignedVote {
    /// The block voted for.
    pub block: BlockHash,
    /// The member's signature over chain, view, block and phase.
    pub signature: [u8; 64],
}

/// Two votes of one member for different blocks in the same phase of the same view.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "borsh")]
pub struct DoubleVote {
    /// Who voted twice.
    pub member: MemberKey,
    /// In this view,
    pub view: u64,
    /// and this phase of it.
    pub phase: u8,
    /// One vote,
    pub first: SignedVote,
    /// and another.
    pub second: SignedVote,
}

impl DoubleVote {
    /// Whether both votes are really the member's own, on `chain`, and differ.
    pub fn holds(&self, chain: u64) -> bool {
        self.first.block != self.second.block
            && self.is_signed(chain, &self.first)
            && self.is_signed(chain, &self.second)
    }

    fn is_signed(&self, chain: u64, vote: &SignedVote) -> bool {
        let message = vote_bytes(chain, self.view, vote.block, self.phase);
        VerifyingKey::from_bytes(self.member.bytes()).is_ok_and(|key| {
            key.verify(&message, &Signature::from_bytes(&vote.signature))
                .is_ok()
        })
    }
}

impl From<&SignedVote> for Vote {
    fn from(vote: &SignedVote) -> Self {
        Self {
            block: Digest::new(*vote.block.bytes()),
            signature: vote.signature,
        }
    }
}

/// As it is shown on the ledger.
impl From<&DoubleVote> for TwoVotes {
    fn from(double: &DoubleVote) -> Self {
        Self {
            key: PublicKey::new(*double.member.bytes()),
            view: double.view,
            phase: double.phase,
            first: (&double.first).into(),
            second: (&double.second).into(),
        }
    }
}

#[derive(Default)]
struct Book {
    votes: BTreeMap<(u64, u8, MemberKey), SignedVote>,
    faults: VecDeque<DoubleVote>,
    /// The latest places where somebody voted twice, whether they were taken or not.
    found: VecDeque<(u64, u8, MemberKey)>,
}

/// Compares votes and keeps what it finds.
#[derive(Default)]
pub struct Evidence(Mutex<Book>);

impl Evidence {
    /// Looks at one vote that came over the authenticated link of `member`.
    pub(crate) fn look(
        &self,
        chain: u64,
        member: MemberKey,
        (view, phase): (u64, u8),
        vote: SignedVote,
    ) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (view, phase, member);
        let Some(first) = book.votes.get(&place).copied() else {
            book.votes.insert(place, vote);
            if book.votes.len() > VOTES_MAX {
                book.votes.pop_first();
            }
            return;
        };
        if first.block == vote.block {
            return;
        }
        let double = DoubleVote {
            member,
            view,
            phase,
            first,
            second: vote,
        };
        // Signatures are checked only here: honest votes never come this far.
        if book.found.contains(&place) {
            return;
        }
        if !double.holds(chain) {
            // If the first was the bad one, it must not hide what comes after it.
            if !double.is_signed(chain, &double.first) {
                book.votes.insert(place, vote);
            }
        } else {
            tracing::warn!(target: "ledger::evidence", %member, view, "a member voted twice");
            if book.faults.len() == FAULTS_MAX {
                book.faults.pop_front();
            }
            book.faults.push_back(double);
            if book.found.len() == FAULTS_MAX {
                book.found.pop_front();
            }
            book.found.push_back(place);
        }
    }

    /// Hands out what was found, oldest first, and forgets it.
    pub fn take(&self) -> Vec<DoubleVote> {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.faults.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    fn vote(key: &SigningKey, view: u64, block: u8) -> SignedVote {
        let block = BlockHash::new([block; 32]);
        let signature = key.sign(&vote_bytes(7, view, block, 0)).to_bytes();
        SignedVote { block, signature }
    }

    #[test]
    fn only_two_signed_votes_for_different_blocks_are_evidence() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let member = MemberKey::of(&key);
        let evidence = Evidence::default();
        let look = |view, vote| evidence.look(7, member, (view, 0), vote);
        look(1, vote(&key, 1, 10));
        look(1, vote(&key, 1, 10));
        look(2, vote(&key, 2, 20));
        let mut forged = vote(&key, 2, 21);
        forged.signature[3] ^= 1;
        look(2, forged);
        assert!(evidence.take().is_empty());
        let mut hiding = vote(&key, 3, 30);
        hiding.signature[3] ^= 1;
        look(3, hiding);
        look(3, vote(&key, 3, 31));
        assert!(evidence.take().is_empty());
        look(3, vote(&key, 3, 32));
        assert_eq!(
            evidence.take().len(),
            1,
            "a forged first vote hides nothing"
        );
        look(2, vote(&key, 2, 22));
        look(2, vote(&key, 2, 23));
        let faults = evidence.take();
        assert_eq!(faults.len(), 1, "once for each view");
        assert!(faults[0].holds(7) && !faults[0].holds(8));
        look(2, vote(&key, 2, 24));
        assert!(evidence.take().is_empty(), "also when it was taken");
    }
}
