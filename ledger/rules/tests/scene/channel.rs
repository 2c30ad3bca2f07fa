//! Payment channels in a test: open one, sign vouchers, redeem them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each file of tests uses a part of the scene, and fails where it is not as it says"
)]

use protocol::entry::{Body, ChannelRequest, Voucher};
use protocol::ids::{ChannelId, Digest, FederationId};
use protocol::signed::Signed;
use protocol::units::{Credits, Millis, Moment};
use rules::{Channel, Refusal, read};

use super::scene::*;

/// A voucher that pays at once and for a day.
pub(crate) fn voucher(
    scene: &Scene,
    channel: ChannelId,
    (lane, nonce): (u8, u64),
    cumulative: Credits,
) -> Voucher {
    Voucher {
        federation: scene.genesis.id(),
        channel,
        lane,
        nonce,
        cumulative,
        not_before: Moment::new(0),
        expires: scene.at.now.after(Millis::new(86_400_000)),
        hash_lock: None,
        min_settle: Moment::new(0),
    }
}

/// The request to redeem a voucher that someone signs.
pub(crate) fn redeeming(voucher: Voucher, signer: Who, preimage: Option<Digest>) -> Body {
    let voucher = Box::new(Signed::sign(voucher, &key(signer.0)));
    Body::Channel(ChannelRequest::Redeem { voucher, preimage })
}

impl Scene {
    /// What a party asks about a channel.
    pub(crate) fn ask(&mut self, who: Who, request: ChannelRequest) -> Result<(), Refusal> {
        self.enter(who, Body::Channel(request))
    }

    /// A channel whose vouchers its payer's root signs.
    pub(crate) fn channel(
        &mut self,
        from: Who,
        to: Who,
        deposit: Credits,
    ) -> Result<ChannelId, Refusal> {
        self.channel_signed_by((from, from), to, deposit, Moment::new(0))
    }

    /// A channel whose vouchers `signer` signs, that is not collected before a moment.
    pub(crate) fn channel_signed_by(
        &mut self,
        (from, signer): (Who, Who),
        to: Who,
        deposit: Credits,
        min_settle: Moment,
    ) -> Result<ChannelId, Refusal> {
        let open = ChannelRequest::Open {
            to: to.party(),
            deposit,
            min_settle,
            signer: public(signer.0),
        };
        let entry = self.sign(from, Body::Channel(open));
        let name = ChannelId::new(*entry.entry_id().bytes());
        self.block(10, vec![entry]).remove(0).map(|()| name)
    }

    /// The receiver redeems a voucher.
    pub(crate) fn redeem(&mut self, by: Who, voucher: Voucher, signer: Who) -> Result<(), Refusal> {
        self.enter(by, redeeming(voucher, signer, None))
    }

    /// An open channel.
    pub(crate) fn open_channel(&self, name: ChannelId) -> Channel {
        read::channel(&self.rows, name).unwrap()
    }

    /// A party's open channels, as they are listed.
    pub(crate) fn channels(&self, who: Who) -> Vec<ChannelId> {
        let places = 0..read::channels_of(&self.rows, who.party());
        places
            .map(|place| read::channel_of(&self.rows, who.party(), place).unwrap())
            .collect()
    }
}

/// Any other federation.
pub(crate) const ELSEWHERE: FederationId = FederationId::new([9; 32]);
