//! How the rules of leases say no.

use protocol::ids::PeerId;
use protocol::units::Credits;
use thiserror::Error;

/// A rule of leases said no: numbers 320 to 339.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "each variant's words stand in its message, and its parts are named in them"
)]
pub enum LeaseRefusal {
    #[error("there is no such lease, or it has ended")]
    UnknownLease,
    #[error("{peer} leases nothing of this kind")]
    NothingToLease { peer: PeerId },
    #[error("{asks} are asked for a unit and an epoch, more than you would pay")]
    PriceAbove { asks: Credits },
    #[error("the peer leases this for {max} epochs at most")]
    TermTooLong { max: u16 },
    #[error("{asked} units are asked, and {left} are left to lease")]
    TooFewUnits { asked: u64, left: u64 },
    #[error("the lease would lock {needs} of the bond, and {free} are free and count")]
    BondUncovering { free: Credits, needs: Credits },
    #[error("the peer has {max} leases, as many as it may have")]
    TooManyLeases { max: usize },
    #[error("a party holds {max} leases at most: end one first")]
    TooManyHeld { max: usize },
    #[error("the lease is not yours to end")]
    NotYourLease,
    #[error("slots need no proof: members see whether they are there")]
    NotStorage,
    #[error("the epochs of the lease are over, or the time to begin it is: `collect`")]
    LeaseOver,
    #[error("epoch {epoch} is proved already")]
    AlreadyProved { epoch: u64 },
    #[error("epoch {epoch} asks for nothing yet: its lots are cast in its second block")]
    NothingAsked { epoch: u64 },
    #[error("this is not chunk {chunk} of the leased content, or does not lead to its hash")]
    ChunkForged { chunk: u64 },
    #[error("no epoch of the lease is over that is not settled")]
    NothingToSettle,
    #[error("nothing of the lease is left after this epoch")]
    NothingToGiveUp,
}

impl LeaseRefusal {
    /// Its number in answers and bills; frozen.
    pub const fn code(&self) -> u16 {
        match self {
            Self::UnknownLease => 320,
            Self::NothingToLease { .. } => 321,
            Self::PriceAbove { .. } => 322,
            Self::TermTooLong { .. } => 323,
            Self::TooFewUnits { .. } => 324,
            Self::BondUncovering { .. } => 325,
            Self::TooManyLeases { .. } => 326,
            Self::TooManyHeld { .. } => 327,
            Self::NotYourLease => 328,
            Self::NotStorage => 329,
            Self::LeaseOver => 330,
            Self::AlreadyProved { .. } => 331,
            Self::NothingAsked { .. } => 332,
            Self::ChunkForged { .. } => 333,
            Self::NothingToSettle => 334,
            Self::NothingToGiveUp => 335,
        }
    }
}
