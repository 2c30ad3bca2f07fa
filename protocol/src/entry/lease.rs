//! What is asked about leases: a peer keeps something for a holder for whole epochs, paid by the
//! epoch, and stands to lose a part of its bond where it does not.
//!
//! ```text
//! Ask, by the peer ─▶ Take, by the holder ─▶ Prove (storage, once an epoch) ─▶ Collect, by anyone
//!                                               End, by the holder ──────────────▲
//! ```
//!
//! Two things can be leased: **slots** of a class, which are not drawn for while they are leased,
//! and **storage** of one blob, by its BLAKE3 hash.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{Limited, Malformed, at_most};
use crate::ids::{Digest, LeaseId, PeerId};
use crate::job::Class;
use crate::units::Credits;

mod chunk;

pub use chunk::{CHUNK_BYTES, ChunkProof, LEASE_BYTES_MAX, challenged_chunk};

/// A lease has so many epochs at most.
pub const LEASE_EPOCHS_MAX: u16 = 720;
/// Leased storage is counted, and paid, in units of so many bytes begun: one MiB.
pub const UNIT_BYTES: u64 = 1 << 20;
/// What a slot that is missing in an epoch costs beside its refund, in ten-thousandths of its
/// price: 200 %.
pub const SLOT_PENALTY_BPS: u32 = 20_000;
/// What a missed epoch of storage costs at least, in ten-thousandths of its price. Who drops a part
/// of a blob misses that part of its challenges: it loses their refund and as much again.
const PENALTY_BPS_MIN: u32 = 10_000;
/// What a missed epoch of storage costs at most.
const PENALTY_BPS_MAX: u32 = 100_000;

/// What of a peer can be leased.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Leasable {
    /// Slots of a class.
    Slots(Class),
    /// Storage.
    Bytes,
}

/// What is leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Leased {
    /// So many slots of a class.
    Slots {
        /// The class.
        class: Class,
        /// How many, at least one.
        slots: u16,
    },
    /// A blob, to be kept whole.
    Bytes {
        /// Its BLAKE3 hash.
        content: Digest,
        /// Its length, from 1 to [`LEASE_BYTES_MAX`].
        bytes: u64,
    },
}

impl Leased {
    /// Of what kind it is.
    pub const fn kind(&self) -> Leasable {
        match self {
            Self::Slots { class, .. } => Leasable::Slots(*class),
            Self::Bytes { .. } => Leasable::Bytes,
        }
    }

    /// For how many units it is paid: slots, or MiB begun.
    pub const fn units(&self) -> u64 {
        match self {
            Self::Slots { slots, .. } => *slots as u64,
            Self::Bytes { bytes, .. } => bytes.div_ceil(UNIT_BYTES),
        }
    }
}

/// What a peer asks for what it leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LeaseTerms {
    /// How many units it leases at once, to all holders together: slots, or MiB.
    pub capacity: u64,
    /// The price of a unit for an epoch.
    pub price: Credits,
    /// How many epochs a lease has at most; at most [`LEASE_EPOCHS_MAX`].
    pub epochs_max: u16,
    /// What a unit that is missed in an epoch costs the peer beside its refund, in ten-thousandths
    /// of its price: [`SLOT_PENALTY_BPS`] for slots, from one to ten times the price for storage.
    pub penalty_bps: u32,
}

/// Something about leases.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum LeaseRequest {
    /// Say, as its owner, what a peer leases and at what price; in place of what it asked before.
    /// What is leased already stays as it was taken.
    Ask {
        /// The peer.
        peer: PeerId,
        /// What it leases.
        what: Leasable,
        /// At what terms; without capacity it leases no more of this.
        terms: LeaseTerms,
    },
    /// Take a lease of a peer, and pay its whole term in advance. The [`LeaseId`] is this entry's
    /// id.
    Take {
        /// The peer.
        peer: PeerId,
        /// What is leased.
        what: Leased,
        /// For how many epochs: slots from the next one on, storage from the one in which the peer
        /// first shows that it has the content.
        epochs: u16,
        /// What the sender pays at most for a unit and an epoch.
        price_max: Credits,
    },
    /// Show, as the peer's owner, the chunk of a leased blob that this epoch's lots ask for.
    Prove {
        /// The lease.
        lease: LeaseId,
        /// The chunk, and the way from it to the blob's hash.
        proof: ChunkProof,
    },
    /// Settle the epochs of a lease that are over. Anyone may; at its end blocks do so themselves.
    Collect {
        /// The lease.
        lease: LeaseId,
    },
    /// Give up, as its holder, what is left of a lease after the running epoch: half of the rest
    /// comes back, the peer has the other half. A storage lease whose content the peer has not
    /// shown yet ends at once, by its holder or the peer's owner, and comes back whole.
    End {
        /// The lease.
        lease: LeaseId,
    },
}

impl LeaseRequest {
    /// What people call it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ask { .. } => "ask-lease",
            Self::Take { .. } => "take-lease",
            Self::Prove { .. } => "prove-lease",
            Self::Collect { .. } => "collect-lease",
            Self::End { .. } => "end-lease",
        }
    }
}

impl LeaseTerms {
    /// Whether a peer can ask this for what it leases.
    fn suit(&self, what: Leasable) -> Result<(), Malformed> {
        if self.capacity == 0 {
            return Ok(());
        }
        if self.price == Credits::ZERO {
            return Err(Malformed::Senseless("a lease has a price"));
        }
        has_epochs(self.epochs_max)?;
        let (least, most) = match what {
            Leasable::Slots(_) => (SLOT_PENALTY_BPS, SLOT_PENALTY_BPS),
            Leasable::Bytes => (PENALTY_BPS_MIN, PENALTY_BPS_MAX),
        };
        if self.penalty_bps < least || self.penalty_bps > most {
            return Err(Malformed::Senseless(
                "a missed slot costs 200 % of its price, missed storage 100 % to 1000 %",
            ));
        }
        Ok(())
    }
}

fn has_epochs(epochs: u16) -> Result<(), Malformed> {
    if epochs == 0 {
        return Err(Malformed::Senseless("a lease has an epoch"));
    }
    at_most("epochs of a lease", epochs.into(), LEASE_EPOCHS_MAX.into())
}

impl Limited for LeaseRequest {
    fn within_limits(&self) -> Result<(), Malformed> {
        match self {
            Self::Ask { what, terms, .. } => terms.suit(*what),
            Self::Take { what, epochs, .. } => {
                let is_something = match what {
                    Leased::Slots { slots, .. } => *slots > 0,
                    Leased::Bytes { bytes, .. } => (1..=LEASE_BYTES_MAX).contains(bytes),
                };
                if !is_something {
                    return Err(Malformed::Senseless(
                        "a lease has a slot, or content of 1 byte to 1 TiB",
                    ));
                }
                has_epochs(*epochs)
            }
            Self::Prove { proof, .. } => proof.within_limits(),
            Self::Collect { .. } | Self::End { .. } => Ok(()),
        }
    }
}
