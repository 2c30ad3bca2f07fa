//! What is asked about payment channels: credits set aside once for one receiver, who is then paid
//! by **vouchers** that never touch the ledger until the last of them is redeemed.
//!
//! ```text
//! Open ──▶ vouchers, off the ledger ──▶ Redeem (any number of times) ──▶ Settle ──▶ Collect
//!                                                     Close, by the receiver ──────────▲
//! ```
//!
//! A voucher says how much its lane has paid **in all**, so the newest is worth all before it: ten
//! thousand payments are two entries.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{Limited, Malformed};
use crate::ids::{ChannelId, Digest, FederationId, PartyId, PublicKey};
use crate::signed::{Signable, Signed};
use crate::units::{Credits, Moment};

/// A channel has so many lanes at most, numbered from 0.
pub const LANES_MAX: u8 = 16;

/// A promise of the payer to the receiver of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Voucher {
    /// The federation it is for.
    pub federation: FederationId,
    /// The channel that pays it.
    pub channel: ChannelId,
    /// The lane it counts in, less than [`LANES_MAX`]: payments that run side by side.
    pub lane: u8,
    /// More than that of every voucher of this lane before it; the first is 1 or more.
    pub nonce: u64,
    /// What the lane has paid with it, ever: more than with the voucher before.
    pub cumulative: Credits,
    /// It cannot be redeemed before this agreed time.
    pub not_before: Moment,
    /// Agreed time from which on it cannot be redeemed.
    pub expires: Moment,
    /// If there is one, it pays only who shows the [`hash_lock`]'s other side.
    pub hash_lock: Option<Digest>,
    /// Once it is redeemed, the channel cannot be collected before this.
    pub min_settle: Moment,
}

/// A voucher with a signature that nobody has checked.
pub type SignedVoucher = Signed<Voucher>;

/// What a voucher carries that pays only whoever knows these 32 bytes, such as an outcome's digest.
pub fn hash_lock(preimage: &Digest) -> Digest {
    Digest::derive("tallygrid hash lock v1", &[preimage.bytes()])
}

impl Signable for Voucher {
    const CONTEXT: &'static str = "tallygrid voucher v1";
}

impl Limited for Voucher {
    fn within_limits(&self) -> Result<(), Malformed> {
        if self.lane >= LANES_MAX {
            return Err(Malformed::Senseless("a channel has 16 lanes, 0 to 15"));
        }
        Ok(())
    }
}

/// Something about payment channels.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ChannelRequest {
    /// Set credits of the sender aside for one receiver. The [`ChannelId`] is this entry's id.
    Open {
        /// The receiver.
        to: PartyId,
        /// How much at first.
        deposit: Credits,
        /// The channel cannot be collected before this, whoever settles.
        min_settle: Moment,
        /// The one key that signs the channel's vouchers, for as long as it lives.
        signer: PublicKey,
    },
    /// Add credits of the sender, its payer.
    TopUp {
        /// The channel.
        channel: ChannelId,
        /// How much.
        amount: Credits,
    },
    /// Be paid, as its receiver, what a voucher's lane has not paid yet.
    Redeem {
        /// The voucher; it names its channel.
        voucher: Box<SignedVoucher>,
        /// What its hash lock asks for; nothing, where it has none.
        preimage: Option<Digest>,
    },
    /// Begin to end a channel, as its payer or its receiver: vouchers can still be redeemed for a
    /// while.
    Settle {
        /// The channel.
        channel: ChannelId,
    },
    /// Pay what is left back to the payer, once the channel has settled. Anyone may.
    Collect {
        /// The channel.
        channel: ChannelId,
    },
    /// End a channel at once, as its receiver, who gives up what it has not redeemed.
    Close {
        /// The channel.
        channel: ChannelId,
    },
}

impl ChannelRequest {
    /// What people call it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open-channel",
            Self::TopUp { .. } => "top-up-channel",
            Self::Redeem { .. } => "redeem-voucher",
            Self::Settle { .. } => "settle-channel",
            Self::Collect { .. } => "collect-channel",
            Self::Close { .. } => "close-channel",
        }
    }
}

impl Limited for ChannelRequest {
    fn within_limits(&self) -> Result<(), Malformed> {
        match self {
            Self::Redeem { voucher, .. } => voucher.within_limits(),
            Self::Open { .. }
            | Self::TopUp { .. }
            | Self::Settle { .. }
            | Self::Collect { .. }
            | Self::Close { .. } => Ok(()),
        }
    }
}
