//! What is shown to a panel, and what it answers.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::ids::{BundleId, Digest, PartyId, PeerId};
use crate::outcome::{LeafProof, Outcome};

/// One task on which opened roots part: what each of the bundle's opened peers has there.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DisputedTask {
    /// One proof per opened peer, against that peer's root; all at the same place.
    pub claims: Vec<(PeerId, LeafProof)>,
}

/// What a panel member found when it ran the disputed tasks.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PanelAnswer {
    /// One outcome per disputed task, in the dispute's order; `None` where the member's run had no
    /// outcome (a broken machine, no input).
    pub outcomes: Vec<Option<Outcome>>,
    /// 32 bytes that only the member knew.
    pub salt: Digest,
}

impl PanelAnswer {
    /// The hash that a panel member seals first.
    pub fn seal(&self, bundle: &BundleId, member: &PartyId) -> Digest {
        let outcomes = crate::bytes::write(&self.outcomes);
        let parts: [&[u8]; 5] = [
            bundle.job.bytes(),
            &bundle.index.to_le_bytes(),
            member.bytes(),
            self.salt.bytes(),
            &outcomes,
        ];
        Digest::derive("tallygrid panel seal v1", &parts)
    }
}
