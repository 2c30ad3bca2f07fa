//! The council in a test: proposals, votes and the time they take, in a line each.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each file of tests uses a part of the scene, and fails where it is not as it says"
)]

use ed25519_dalek::SigningKey;
use protocol::entry::{
    Approval, Body, Choice, CouncilRequest, EmergencyAct, EmergencyOrder, IssueRequest, Proposal,
};
use protocol::genesis::Committee;
use protocol::ids::PublicKey;
use protocol::signed::{Signable, Signed};
use protocol::units::Millis;
use rules::{Refusal, read};

use super::{Scene, Who, key, member, public};

/// Key number `n` of the emergency committee, and of the custodians.
pub(crate) fn committee_key(n: u8) -> SigningKey {
    key(91 + n)
}

/// Two of three.
pub(crate) fn committee() -> Committee {
    Committee {
        keys: (0..3).map(|n| public(91 + n)).collect(),
        threshold: 2,
    }
}

/// What a committee's keys sign.
pub(crate) fn approvals<T: Signable + Clone>(value: &T, keys: &[u8]) -> Vec<Approval> {
    let sign = |n: &u8| {
        let key = committee_key(*n);
        Approval {
            key: PublicKey::new(key.verifying_key().to_bytes()),
            signature: Signed::sign(value.clone(), &key).signature(),
        }
    };
    keys.iter().map(sign).collect()
}

impl Scene {
    pub(crate) fn council(&mut self, who: Who, request: CouncilRequest) -> Result<(), Refusal> {
        self.enter(who, Body::Council(request))
    }

    pub(crate) fn issue(&mut self, who: Who, request: IssueRequest) -> Result<(), Refusal> {
        self.enter(who, Body::Issue(request))
    }

    /// The first member proposes; the proposal's number.
    pub(crate) fn propose(&mut self, what: Proposal) -> Result<u64, Refusal> {
        let number = read::council(&self.rows).proposals;
        let asked = self.council(member(0), CouncilRequest::Propose { what });
        asked.map(|()| number)
    }

    /// Members vote, each in turn: `y`, `n`, `v`, or `-` for none.
    pub(crate) fn vote(&mut self, proposal: u64, votes: &str) {
        for (n, vote) in (0..).zip(votes.chars()) {
            let choice = match vote {
                'y' => Choice::Yes,
                'n' => Choice::No,
                'v' => Choice::Veto,
                _ => continue,
            };
            let vote = CouncilRequest::Vote { proposal, choice };
            self.council(member(n), vote).unwrap();
        }
    }

    pub(crate) fn execute(&mut self, proposal: u64) -> Result<(), Refusal> {
        self.council(member(3), CouncilRequest::Execute { proposal })
    }

    pub(crate) fn wait_epochs(&mut self, count: u64) {
        let epoch = read::params(&self.rows).unwrap().epoch;
        self.wait(Millis::new(epoch.get() * count));
    }

    /// Proposes, has everybody vote for it, waits for the timelock, and carries it out.
    pub(crate) fn decide(&mut self, what: Proposal) -> Result<(), Refusal> {
        let proposal = self.propose(what)?;
        self.vote(proposal, "yyyy");
        self.wait_epochs(25);
        self.execute(proposal)
    }

    /// The next order of the emergency committee.
    pub(crate) fn order(&self, act: EmergencyAct, begins: bool) -> EmergencyOrder {
        EmergencyOrder {
            federation: self.genesis.id(),
            number: read::council(&self.rows).orders,
            act,
            begins,
        }
    }

    pub(crate) fn emergency(&mut self, order: EmergencyOrder, keys: &[u8]) -> Result<(), Refusal> {
        let approvals = approvals(&order, keys);
        let request = CouncilRequest::Emergency { order, approvals };
        self.council(super::ANNA, request)
    }
}
