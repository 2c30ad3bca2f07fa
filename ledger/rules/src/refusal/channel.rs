//! How the rules of payment channels say no.

use protocol::ids::PublicKey;
use protocol::units::{Credits, Moment};
use thiserror::Error;

/// A rule of payment channels said no: numbers 300 to 319.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "each variant's words stand in its message, and its parts are named in them"
)]
pub enum ChannelRefusal {
    #[error("there is no such channel, or it has ended")]
    UnknownChannel,
    #[error("the channel is not yours, or this is for its other side to ask")]
    NotYourChannel,
    #[error("a channel pays another party than its own")]
    ToOneself,
    #[error("a party has {max} channels open at most: settle one first")]
    TooManyChannels { max: u32 },
    #[error("{key} may not spend for the payer, so it cannot sign vouchers")]
    SignerMayNotSpend { key: PublicKey },
    #[error("a channel is locked at most until {latest}")]
    LockedTooLong { latest: Moment },
    #[error("the channel is settling, until {until}")]
    Settling { until: Moment },
    #[error("nobody has settled the channel: `settle` it first")]
    NotSettling,
    #[error("the channel can be collected from {from} on, and it is {now}")]
    NotSettled { from: Moment, now: Moment },
    #[error("the channel has settled since {since}: vouchers came too late")]
    VouchersOver { since: Moment },
    #[error("the voucher is for another federation")]
    VoucherElsewhere,
    #[error("the voucher was not signed by {key}, the channel's key")]
    VoucherForged { key: PublicKey },
    #[error("the voucher pays from {from} on, and it is {now}")]
    VoucherTooEarly { from: Moment, now: Moment },
    #[error("the voucher was good until {expires}, and it is {now}")]
    VoucherExpired { expires: Moment, now: Moment },
    #[error("the lane has come to nonce {last}, and the voucher has {got}")]
    VoucherStale { last: u64, got: u64 },
    #[error("the lane has paid {redeemed} already, as much as the voucher says or more")]
    VoucherPaysNothing { redeemed: Credits },
    #[error("the voucher adds {asked}, and {left} are left in the channel: ask for a top-up")]
    DepositShort { asked: Credits, left: Credits },
    #[error("what is shown does not open the voucher's hash lock, or it has none")]
    WrongPreimage,
}

impl ChannelRefusal {
    /// Its number in answers and bills; frozen.
    pub const fn code(&self) -> u16 {
        match self {
            Self::UnknownChannel => 300,
            Self::NotYourChannel => 301,
            Self::ToOneself => 302,
            Self::TooManyChannels { .. } => 303,
            Self::SignerMayNotSpend { .. } => 304,
            Self::LockedTooLong { .. } => 305,
            Self::Settling { .. } => 306,
            Self::NotSettling => 307,
            Self::NotSettled { .. } => 308,
            Self::VouchersOver { .. } => 309,
            Self::VoucherElsewhere => 310,
            Self::VoucherForged { .. } => 311,
            Self::VoucherTooEarly { .. } => 312,
            Self::VoucherExpired { .. } => 313,
            Self::VoucherStale { .. } => 314,
            Self::VoucherPaysNothing { .. } => 315,
            Self::DepositShort { .. } => 316,
            Self::WrongPreimage => 317,
        }
    }
}
