//! What is asked about credits that come into being or end: minting against a reserve, redeeming,
//! and the rewards of an epoch.

use borsh::{BorshDeserialize, BorshSerialize};

use super::council::{Approval, KEYS_MAX, some};
use crate::bytes::{Limited, Malformed};
use crate::ids::{Digest, FederationId, PartyId, PeerId};
use crate::job::Class;
use crate::signed::Signable;
use crate::units::{Credits, Moment};

/// Something about issuance.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum IssueRequest {
    /// Mint credits against the reserve, out of the sending member's quota.
    Mint {
        /// To whom.
        to: PartyId,
        /// How much.
        amount: Credits,
    },
    /// Give credits back for what the reserve holds: they end, and the custodians pay.
    Redeem {
        /// How much.
        amount: Credits,
        /// What the custodians need to know, by digest.
        memo: Digest,
    },
    /// Enter what enough custodians say the reserve holds. Anyone may.
    ReportReserve {
        /// What they say.
        report: ReserveReport,
        /// Keys and their signatures of it; at least one, each key once.
        approvals: Vec<Approval>,
    },
    /// Say that a peer stands ready in this epoch, so that it is rewarded for that. Its owner says
    /// so once an epoch.
    StandReady {
        /// The peer.
        peer: PeerId,
        /// The class in which it has a standing offer.
        class: Class,
    },
    /// Mint what a peer's work and readiness in a closed epoch have earned, to its owner. Anyone
    /// may.
    Claim {
        /// The peer.
        peer: PeerId,
        /// The epoch.
        epoch: u64,
    },
}

/// What custodians say the reserve holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ReserveReport {
    /// The federation it is for.
    pub federation: FederationId,
    /// What there is, in credits.
    pub holds: Credits,
    /// When that was so; each report is later than the one before.
    pub as_of: Moment,
}

impl Signable for ReserveReport {
    const CONTEXT: &'static str = "tallygrid reserve report v1";
}

impl Limited for ReserveReport {
    fn within_limits(&self) -> Result<(), Malformed> {
        Ok(())
    }
}

impl IssueRequest {
    /// What people call it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Mint { .. } => "mint",
            Self::Redeem { .. } => "redeem",
            Self::ReportReserve { .. } => "report-reserve",
            Self::StandReady { .. } => "stand-ready",
            Self::Claim { .. } => "claim",
        }
    }
}

impl Limited for IssueRequest {
    fn within_limits(&self) -> Result<(), Malformed> {
        match self {
            Self::ReportReserve { approvals, .. } => some("approvals", approvals.len(), KEYS_MAX),
            Self::Mint { .. }
            | Self::Redeem { .. }
            | Self::StandReady { .. }
            | Self::Claim { .. } => Ok(()),
        }
    }
}
