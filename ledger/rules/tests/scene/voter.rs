//! Members as voters in a test: two votes of one key, and one key in another's place.
#![allow(dead_code, reason = "each file of tests uses a part of the scene")]

use ed25519_dalek::Signer;
use protocol::entry::{
    CouncilRequest, KeyRotation, TwoVotes, Vote, VoterRequest, chain_of, vote_bytes,
};
use protocol::ids::Digest;
use protocol::signed::Signed;
use rules::Refusal;

use super::{Scene, Who, key, member, public};

/// The key that signs the votes of member `n` at the beginning.
pub(crate) const fn voting(n: u8) -> u8 {
    11 + n
}

/// Two votes of a key in a view, for blocks 1 and 2.
pub(crate) fn votes(scene: &Scene, by: u8, view: u64) -> TwoVotes {
    let chain = chain_of(&scene.genesis.id());
    let vote = |block: u8| {
        let block = Digest::new([block; 32]);
        let signature = key(by).sign(&vote_bytes(chain, view, &block, 1));
        Vote {
            block,
            signature: signature.to_bytes(),
        }
    };
    TwoVotes {
        key: public(by),
        view,
        phase: 1,
        first: vote(1),
        second: vote(2),
    }
}

pub(crate) fn show(scene: &mut Scene, who: Who, votes: TwoVotes) -> Result<(), Refusal> {
    let votes = Box::new(votes);
    scene.council(
        who,
        CouncilRequest::Voter(VoterRequest::ShowVotes { votes }),
    )
}

pub(crate) fn rotate(scene: &mut Scene, n: u8, (old, new): (u8, u8)) -> Result<(), Refusal> {
    let rotation = KeyRotation {
        federation: scene.genesis.id(),
        member: member(n).party(),
        old: public(old),
        new: public(new),
    };
    let by = |n: u8| Signed::sign(rotation, &key(n)).signature();
    enter(scene, member(n), rotation, [by(old), by(new)])
}

pub(crate) fn enter(
    scene: &mut Scene,
    who: Who,
    rotation: KeyRotation,
    [by_old, by_new]: [[u8; 64]; 2],
) -> Result<(), Refusal> {
    let rotation = Box::new(rotation);
    let request = VoterRequest::Rotate {
        rotation,
        by_old,
        by_new,
    };
    scene.council(who, CouncilRequest::Voter(request))
}
