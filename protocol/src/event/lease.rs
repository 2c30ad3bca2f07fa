//! What is said about leases.

use borsh::{BorshDeserialize, BorshSerialize};

use super::Fault;
use crate::entry::{Leasable, LeaseTerms, Leased};
use crate::ids::{BundleId, LeaseId, PartyId, PeerId};
use crate::units::Credits;

/// How a lease ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum LeaseEnd {
    /// All its epochs are over, or its holder gave the rest up.
    Over,
    /// The peer never showed that it has the content, or one side did not want to wait for that.
    NotBegun,
    /// Its peer takes no part any more.
    Struck,
}

/// Something that is now true of leases.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum LeaseEvent {
    /// A peer leases something, or no more of it.
    Asked {
        /// The peer.
        peer: PeerId,
        /// What.
        what: Leasable,
        /// At what terms.
        terms: LeaseTerms,
    },
    /// A lease was taken and paid in advance.
    Taken {
        /// Its name.
        lease: LeaseId,
        /// The peer.
        peer: PeerId,
        /// Who holds it.
        holder: PartyId,
        /// What it is of.
        what: Leased,
        /// How many epochs it has.
        epochs: u16,
        /// What one of them costs.
        price: Credits,
        /// What the peer stands to lose for one.
        penalty: Credits,
    },
    /// The peer has shown that it has the content.
    Proved {
        /// The lease.
        lease: LeaseId,
        /// The epoch whose lots it answered; the first of these is the lease's first epoch.
        epoch: u64,
    },
    /// Epochs of a lease that are over were settled.
    Settled {
        /// The lease.
        lease: LeaseId,
        /// All epochs before this are settled.
        until: u64,
        /// What the peer's owner had for them.
        paid: Credits,
        /// What the holder had back of them.
        refunded: Credits,
    },
    /// A peer did not keep what it leased (F5, F11): it loses credits, if its bond holds any.
    Missed {
        /// The name of the finding: what the slash is for.
        finding: BundleId,
        /// The lease.
        lease: LeaseId,
        /// The peer.
        peer: PeerId,
        /// F5 or F11.
        fault: Fault,
        /// How many slots were missing in an epoch; or how many epochs had no proof.
        missed: u64,
    },
    /// The holder gave up what is left of a lease.
    GivenUp {
        /// The lease.
        lease: LeaseId,
        /// It ends with the beginning of this epoch.
        ends: u64,
        /// What the peer's owner had of the rest.
        paid: Credits,
        /// What the holder had back of it.
        refunded: Credits,
    },
    /// A lease is no more, and what it was of is free again.
    Ended {
        /// The lease.
        lease: LeaseId,
        /// How.
        how: LeaseEnd,
        /// What went back to its holder at its end.
        refunded: Credits,
    },
}
