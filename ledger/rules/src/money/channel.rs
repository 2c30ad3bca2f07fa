//! Payment channels: credits set aside for one receiver, who is paid by vouchers off the ledger and
//! redeems the last of each lane. A settled channel waits before the rest goes back to its payer,
//! so that it cannot run away from vouchers that its receiver holds.
//!
//! ```text
//! Wallet(payer) ──▶ ChannelEscrow ──redeem──▶ Wallet(receiver)
//!                        └──collect, close──▶ Wallet(payer)
//!
//! open ──settle──▶ settling ──settling_at──▶ collect: the row is gone, its escrow empty
//!   └──────────────────┴─── close, by the receiver ───▲
//! ```
//!
//! One key signs a channel's vouchers for as long as it lives, named when it is opened and allowed
//! to spend for the payer then. What becomes of that key later is nothing to the receiver: else a
//! payer could revoke it, and every voucher that it ever gave with it. What a stolen key can cost
//! is the deposit, and that was set aside within the limits of the key that opened.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::LANES_MAX;
use protocol::event::{ChannelEvent, Event};
use protocol::ids::{ChannelId, PartyId, PublicKey};
use protocol::units::{Credits, Millis, Moment};

use crate::money::posting::{Posting, post, post_covered};
use crate::money::{About, Account, Code, balance};
use crate::people::{is_known, key};
use crate::refusal::{ChannelRefusal, Refusal};
use crate::state::{Draft, View, row, table};

pub(crate) mod list;
mod voucher;

pub(crate) use voucher::redeem;

/// A party has so many channels open at most as their payer.
pub(crate) const CHANNELS_MAX: u32 = 256;
/// A channel, or a voucher, keeps its payer from collecting for so long at most.
pub(crate) const LOCK_MAX: Millis = Millis::new(365 * 24 * 3_600_000);

/// An open channel.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Channel {
    /// Who pays.
    pub from: PartyId,
    /// Who is paid.
    pub to: PartyId,
    /// The key that signs its vouchers.
    pub signer: PublicKey,
    /// What was ever set aside.
    pub deposit: Credits,
    /// Its lanes by number, as far as any was used; at most [`LANES_MAX`].
    pub lanes: Vec<Lane>,
    /// It cannot be collected before this.
    pub min_settle: Moment,
    /// From when on it can be collected; `None` until someone settles.
    pub settling_at: Option<Moment>,
    /// Its places in the lists of its payer and of its receiver.
    pub(crate) places: [u32; 2],
}

/// What was redeemed of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Lane {
    /// The nonce of the last voucher; 0 before the first.
    pub nonce: u64,
    /// All that was paid.
    pub redeemed: Credits,
}

table!(
    /// Open channels.
    Channels, 0x40, ChannelId => Channel
);
impl Channel {
    /// What was redeemed of all lanes.
    pub fn redeemed(&self) -> Credits {
        let mut lanes = self.lanes.iter().map(|lane| lane.redeemed);
        lanes
            .try_fold(Credits::ZERO, Credits::plus)
            .expect("what is redeemed is at most the deposit")
    }

    /// What is set aside and not redeemed.
    pub fn left(&self) -> Credits {
        self.deposit
            .minus(self.redeemed())
            .expect("what is redeemed is at most the deposit")
    }

    /// What was redeemed of a lane.
    pub fn lane(&self, number: u8) -> Lane {
        let lane = self.lanes.get(usize::from(number)).copied();
        lane.unwrap_or_default()
    }

    fn set_lane(&mut self, number: u8, lane: Lane) {
        assert!(number < LANES_MAX, "a voucher's lane is within its limit");
        let place = usize::from(number);
        if self.lanes.len() <= place {
            self.lanes.resize(place.saturating_add(1), Lane::default());
        }
        self.lanes[place] = lane;
    }

    /// Whether this can have become of `before`: nothing was taken back, and a lane that paid more
    /// did so with a later voucher.
    pub(crate) fn follows(&self, before: &Self) -> bool {
        let lanes = (0..LANES_MAX).all(|number| {
            let (was, is) = (before.lane(number), self.lane(number));
            was == is || (was.nonce < is.nonce && was.redeemed < is.redeemed)
        });
        let parties = (self.from, self.to, self.signer);
        let same = parties == (before.from, before.to, before.signer);
        lanes && same && before.deposit <= self.deposit && before.min_settle <= self.min_settle
    }
}

/// The open channel of this name.
///
/// # Errors
/// [`ChannelRefusal::UnknownChannel`].
fn of(view: &dyn View, name: ChannelId) -> Result<Channel, Refusal> {
    row::<Channels>(view, &name).ok_or(Refusal::Channel(ChannelRefusal::UnknownChannel))
}

fn not_yours<T>() -> Result<T, Refusal> {
    Err(Refusal::Channel(ChannelRefusal::NotYourChannel))
}

/// What a payer says of a channel when it opens it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub(crate) to: PartyId,
    pub(crate) deposit: Credits,
    pub(crate) min_settle: Moment,
    pub(crate) signer: PublicKey,
}

/// Opens a channel.
///
/// # Errors
/// [`Refusal`] if there is nothing to set aside or nobody else to pay, the key may not spend, it
/// would be locked for too long, or the payer has too many channels or too few credits.
pub(crate) fn open(
    draft: &mut Draft<'_>,
    from: PartyId,
    name: ChannelId,
    asked: Opening,
) -> Result<(), Refusal> {
    let (to, key) = (asked.to, asked.signer);
    if asked.deposit == Credits::ZERO {
        return Err(Refusal::AmountIsZero);
    }
    if !is_known(draft, to) {
        return Err(Refusal::UnknownReceiver { party: to });
    }
    if to == from {
        return Err(Refusal::Channel(ChannelRefusal::ToOneself));
    }
    if !key::may_spend(draft, from, key) {
        return Err(Refusal::Channel(ChannelRefusal::SignerMayNotSpend { key }));
    }
    locked_within(draft, asked.min_settle)?;
    if list::count(draft, from).paying >= CHANNELS_MAX {
        let max = CHANNELS_MAX;
        return Err(Refusal::Channel(ChannelRefusal::TooManyChannels { max }));
    }
    let places = [
        list::add(draft, from, name, 1),
        list::add(draft, to, name, 0),
    ];
    let channel = Channel {
        from,
        to,
        signer: key,
        deposit: asked.deposit,
        lanes: Vec::new(),
        min_settle: asked.min_settle,
        settling_at: None,
        places,
    };
    let before = draft.row::<Channels>(&name);
    assert!(before.is_none(), "an entry's id opens a channel once");
    draft.put::<Channels>(&name, &channel);
    fill(draft, from, name, asked.deposit)?;
    draft.say(Event::Channel(ChannelEvent::Opened {
        channel: name,
        from,
        to,
        deposit: asked.deposit,
    }));
    Ok(())
}

/// Adds credits of the payer.
///
/// # Errors
/// [`Refusal`] if the channel is not the sender's to pay, is settling, or the sender holds less.
pub(crate) fn top_up(
    draft: &mut Draft<'_>,
    sender: PartyId,
    name: ChannelId,
    amount: Credits,
) -> Result<(), Refusal> {
    if amount == Credits::ZERO {
        return Err(Refusal::AmountIsZero);
    }
    let mut channel = of(draft, name)?;
    if channel.from != sender {
        return not_yours();
    }
    open_still(&channel)?;
    let deposit = channel.deposit.plus(amount);
    channel.deposit = deposit.ok_or(Refusal::AmountTooLarge)?;
    fill(draft, sender, name, amount)?;
    draft.put::<Channels>(&name, &channel);
    let channel = name;
    draft.say(Event::Channel(ChannelEvent::ToppedUp { channel, amount }));
    Ok(())
}

/// Begins to end a channel. Vouchers can be redeemed for a while.
///
/// # Errors
/// [`Refusal`] if the sender is neither its payer nor its receiver, or it is settling already.
pub(crate) fn settle(
    draft: &mut Draft<'_>,
    sender: PartyId,
    name: ChannelId,
) -> Result<(), Refusal> {
    let mut channel = of(draft, name)?;
    if sender != channel.from && sender != channel.to {
        return not_yours();
    }
    open_still(&channel)?;
    let window = draft.params().channel_settle;
    let until = draft.now().after(window).max(channel.min_settle);
    channel.settling_at = Some(until);
    draft.put::<Channels>(&name, &channel);
    let channel = name;
    draft.say(Event::Channel(ChannelEvent::Settling { channel, until }));
    Ok(())
}

/// Pays what is left of a channel that has settled back to its payer.
///
/// # Errors
/// [`Refusal`] if nobody settled it, or its time has not come.
pub(crate) fn collect(draft: &mut Draft<'_>, name: ChannelId) -> Result<(), Refusal> {
    let channel = of(draft, name)?;
    let now = draft.deadline_now();
    match channel.settling_at {
        None => Err(Refusal::Channel(ChannelRefusal::NotSettling)),
        Some(from) if now < from => Err(Refusal::Channel(ChannelRefusal::NotSettled { from, now })),
        Some(_) => {
            end(draft, name, &channel);
            Ok(())
        }
    }
}

/// Ends a channel at once, as its receiver wishes: the waiting was for its sake alone.
///
/// # Errors
/// [`Refusal`] if the sender is not its receiver.
pub(crate) fn close(
    draft: &mut Draft<'_>,
    sender: PartyId,
    name: ChannelId,
) -> Result<(), Refusal> {
    let channel = of(draft, name)?;
    if channel.to != sender {
        return not_yours();
    }
    end(draft, name, &channel);
    Ok(())
}

fn end(draft: &mut Draft<'_>, name: ChannelId, channel: &Channel) {
    let refunded = channel.left();
    let way = (Account::ChannelEscrow(name), Account::Wallet(channel.from));
    move_covered(draft, name, way, refunded, Code::ChannelReturned);
    let rest = balance(draft, Account::ChannelEscrow(name)).amount();
    assert_eq!(rest, Credits::ZERO, "an ended channel holds no credits");
    list::remove(draft, channel.from, channel.places[0], 1);
    list::remove(draft, channel.to, channel.places[1], 0);
    draft.remove::<Channels>(&name);
    let channel = name;
    draft.say(Event::Channel(ChannelEvent::Ended { channel, refunded }));
}

fn locked_within(draft: &Draft<'_>, min_settle: Moment) -> Result<(), Refusal> {
    let latest = draft.now().after(LOCK_MAX);
    if min_settle > latest {
        return Err(Refusal::Channel(ChannelRefusal::LockedTooLong { latest }));
    }
    Ok(())
}

fn open_still(channel: &Channel) -> Result<(), Refusal> {
    match channel.settling_at {
        Some(until) => Err(Refusal::Channel(ChannelRefusal::Settling { until })),
        None => Ok(()),
    }
}

fn fill(
    draft: &mut Draft<'_>,
    from: PartyId,
    name: ChannelId,
    amount: Credits,
) -> Result<(), Refusal> {
    post(
        draft,
        Posting {
            from: Account::Wallet(from),
            to: Account::ChannelEscrow(name),
            amount,
            code: Code::ChannelDeposit,
            about: About::Channel(name),
        },
    )
}

fn move_covered(
    draft: &mut Draft<'_>,
    name: ChannelId,
    (from, to): (Account, Account),
    amount: Credits,
    code: Code,
) {
    let about = About::Channel(name);
    let posting = Posting {
        from,
        to,
        amount,
        code,
        about,
    };
    post_covered(draft, posting);
}

#[cfg(test)]
mod tests;
