//! What others than its owner may ask of a peer's bond.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::ids::PeerId;
use crate::units::Credits;

/// A request about the bond of a peer that is not the sender's.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum StakeRequest {
    /// Stand in for the peer with credits of the sender. They are slashed after the owner's.
    Back {
        /// The peer.
        peer: PeerId,
        /// How much.
        amount: Credits,
    },
    /// Begin to take the sender's credits out of the bond; they stay slashable until they mature.
    Unback {
        /// The peer.
        peer: PeerId,
        /// How much of what is the sender's and not locked.
        amount: Credits,
    },
    /// Take matured credits back into the sender's wallet.
    Reclaim {
        /// The peer.
        peer: PeerId,
    },
}

impl StakeRequest {
    /// What people call this kind of request.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Back { .. } => "back",
            Self::Unback { .. } => "unback",
            Self::Reclaim { .. } => "reclaim",
        }
    }
}
