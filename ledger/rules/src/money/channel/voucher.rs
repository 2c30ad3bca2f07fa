//! Redeeming a voucher: every question is asked before a credit moves.

use protocol::entry::{SignedVoucher, Voucher, hash_lock};
use protocol::event::{ChannelEvent, Event};
use protocol::ids::{Digest, PartyId};
use protocol::units::Credits;

use super::{Channel, Channels, Lane, locked_within, move_covered, not_yours, of};
use crate::money::{Account, Code};
use crate::refusal::{ChannelRefusal, Refusal};
use crate::state::Draft;

/// Pays the receiver what a voucher's lane has not paid yet.
///
/// # Errors
/// [`Refusal`] if the channel is not the sender's to be paid by, or the voucher does not pay now.
pub(crate) fn redeem(
    draft: &mut Draft<'_>,
    sender: PartyId,
    signed: &SignedVoucher,
    preimage: Option<Digest>,
) -> Result<(), Refusal> {
    let voucher = *signed.unchecked();
    let name = voucher.channel;
    let mut channel = of(draft, name)?;
    if channel.to != sender {
        return not_yours();
    }
    let amount = worth(draft, &channel, &voucher, preimage)?;
    let key = channel.signer;
    if signed.claimed_key() != key || signed.clone().check().is_err() {
        return Err(Refusal::Channel(ChannelRefusal::VoucherForged { key }));
    }
    // All questions are asked; from here nothing may fail.
    let before = channel.clone();
    let lane = Lane {
        nonce: voucher.nonce,
        redeemed: voucher.cumulative,
    };
    channel.set_lane(voucher.lane, lane);
    channel.min_settle = channel.min_settle.max(voucher.min_settle);
    let least = channel.min_settle;
    if let Some(until) = channel.settling_at.as_mut().filter(|at| **at < least) {
        *until = least;
        let (channel, until) = (name, least);
        draft.say(Event::Channel(ChannelEvent::Settling { channel, until }));
    }
    assert!(channel.follows(&before), "a lane grows in nonce and amount");
    let way = (Account::ChannelEscrow(name), Account::Wallet(sender));
    move_covered(draft, name, way, amount, Code::ChannelPaid);
    draft.put::<Channels>(&name, &channel);
    draft.say(Event::Channel(ChannelEvent::Redeemed {
        channel: name,
        lane: voucher.lane,
        to: sender,
        amount,
    }));
    Ok(())
}

/// What a voucher adds to what its lane has paid; whoever signed it.
fn worth(
    draft: &Draft<'_>,
    channel: &Channel,
    voucher: &Voucher,
    preimage: Option<Digest>,
) -> Result<Credits, Refusal> {
    let no = |why| Err(Refusal::Channel(why));
    // Where deadlines are extended a receiver has that much longer too.
    let (now, held) = (draft.now(), draft.deadline_now());
    if voucher.federation != draft.federation() {
        return no(ChannelRefusal::VoucherElsewhere);
    }
    if let Some(since) = channel.settling_at.filter(|at| *at <= held) {
        return no(ChannelRefusal::VouchersOver { since });
    }
    if voucher.not_before > now {
        let from = voucher.not_before;
        return no(ChannelRefusal::VoucherTooEarly { from, now });
    }
    if voucher.expires <= held {
        let expires = voucher.expires;
        return no(ChannelRefusal::VoucherExpired { expires, now });
    }
    locked_within(draft, voucher.min_settle)?;
    if voucher.hash_lock != preimage.as_ref().map(hash_lock) {
        return no(ChannelRefusal::WrongPreimage);
    }
    let lane = channel.lane(voucher.lane);
    let (last, got) = (lane.nonce, voucher.nonce);
    if got <= last {
        return no(ChannelRefusal::VoucherStale { last, got });
    }
    let redeemed = lane.redeemed;
    let amount = voucher.cumulative.minus(redeemed);
    let Some(asked) = amount.filter(|amount| *amount > Credits::ZERO) else {
        return no(ChannelRefusal::VoucherPaysNothing { redeemed });
    };
    let left = channel.left();
    if asked > left {
        return no(ChannelRefusal::DepositShort { asked, left });
    }
    Ok(asked)
}
