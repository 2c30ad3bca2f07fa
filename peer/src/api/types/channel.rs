//! Payment channels and the vouchers that they pay, as documents.

use protocol::ids::{ChannelId, Digest, PartyId, PublicKey};
use serde::{Deserialize, Serialize};

use super::written::{Id, Kind, List, Money, Time};

/// An open payment channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelView {
    /// Its id.
    pub channel: Id<ChannelId>,
    /// `open`, `settling` (vouchers can still be redeemed) or `settled` (it can be collected).
    pub state: String,
    /// Who pays.
    pub from: Id<PartyId>,
    /// Who is paid.
    pub to: Id<PartyId>,
    /// The key that signs its vouchers.
    pub signer: Id<PublicKey>,
    /// What was ever set aside.
    pub deposit: Money,
    /// What was redeemed of it.
    pub redeemed: Money,
    /// What is left of it.
    pub left: Money,
    /// It cannot be collected before this, where that lies ahead.
    pub locked_until: Option<Time>,
    /// From when on it can be collected, once someone has settled it.
    pub collect_from: Option<Time>,
    /// What its lanes have paid, where they have.
    pub lanes: Vec<LaneView>,
}

/// What a lane of a channel has paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneView {
    /// Its number.
    pub lane: u8,
    /// The nonce of its last voucher.
    pub nonce: u64,
    /// All that was redeemed.
    pub redeemed: Money,
}

impl Kind for ChannelView {
    const KIND: &'static str = "peer.v1.Channel";
}

impl Kind for List<ChannelView> {
    const KIND: &'static str = "peer.v1.ChannelList";
}

/// A voucher that was signed, to be given to whoever it pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherView {
    /// The signed bytes, in hex: what `peer channel redeem` reads.
    pub voucher: String,
    /// The channel.
    pub channel: Id<ChannelId>,
    /// The lane that it counts in.
    pub lane: u8,
    /// What the lane has paid with it, ever.
    pub total: Money,
    /// What it adds to what was redeemed so far.
    pub adds: Money,
    /// From when on it cannot be redeemed.
    pub expires: Time,
    /// The hash lock that whoever redeems it must open.
    pub lock: Option<Id<Digest>>,
}

impl Kind for VoucherView {
    const KIND: &'static str = "peer.v1.Voucher";
}
