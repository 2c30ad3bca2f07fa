//! The bytes of requests and events about payment channels; see `golden.rs`.

#[path = "kept/entries.rs"]
mod entries;
mod kept;

use ed25519_dalek::SigningKey;
use entries::golden_entry;
use kept::golden;
use protocol::bytes::{self, Limited};
use protocol::entry::{Body, ChannelRequest, LANES_MAX, Voucher, hash_lock};
use protocol::event::{ChannelEvent, Event};
use protocol::ids::{ChannelId, Digest, FederationId, PartyId, PublicKey};
use protocol::signed::Signed;
use protocol::units::{Credits, Moment};

const FEDERATION: FederationId = FederationId::new([1; 32]);
const PARTY: PartyId = PartyId::new([2; 32]);
const CHANNEL: ChannelId = ChannelId::new([5; 32]);

fn voucher() -> Voucher {
    Voucher {
        federation: FEDERATION,
        channel: CHANNEL,
        lane: 3,
        nonce: 4,
        cumulative: Credits::new(7),
        not_before: Moment::new(8),
        expires: Moment::new(9),
        hash_lock: Some(hash_lock(&Digest::of(b"outcome"))),
        min_settle: Moment::new(10),
    }
}

fn bodies() -> Vec<Body> {
    let (channel, amount) = (CHANNEL, Credits::new(7));
    let key = SigningKey::from_bytes(&[9; 32]);
    let requests = vec![
        ChannelRequest::Open {
            to: PARTY,
            deposit: amount,
            min_settle: Moment::new(9),
            signer: PublicKey::new([6; 32]),
        },
        ChannelRequest::TopUp { channel, amount },
        ChannelRequest::Redeem {
            voucher: Box::new(Signed::sign(voucher(), &key)),
            preimage: Some(Digest::of(b"outcome")),
        },
        ChannelRequest::Settle { channel },
        ChannelRequest::Collect { channel },
        ChannelRequest::Close { channel },
    ];
    requests.into_iter().map(Body::Channel).collect()
}

#[test]
fn entries_about_channels() {
    bodies().into_iter().for_each(golden_entry);
}

#[test]
fn events_of_channels() {
    let (channel, amount) = (CHANNEL, Credits::new(7));
    let events = [
        ChannelEvent::Opened {
            channel,
            from: PARTY,
            to: PARTY,
            deposit: amount,
        },
        ChannelEvent::ToppedUp { channel, amount },
        ChannelEvent::Redeemed {
            channel,
            lane: 3,
            to: PARTY,
            amount,
        },
        ChannelEvent::Settling {
            channel,
            until: Moment::new(9),
        },
        ChannelEvent::Ended {
            channel,
            refunded: amount,
        },
    ];
    let written = events.map(|event| bytes::write(&Event::Channel(event)));
    golden("events-channels", &written.concat());
}

#[test]
fn a_voucher_has_one_of_sixteen_lanes() {
    for lane in 0..=u8::MAX {
        let voucher = Voucher { lane, ..voucher() };
        assert_eq!(voucher.within_limits().is_ok(), lane < LANES_MAX);
    }
}
