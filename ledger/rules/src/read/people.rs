//! Reading what is agreed about keys, quotas, task wallets, grants and payment channels.

use protocol::ids::{ChannelId, PartyId, PublicKey, PurseId};
use protocol::units::Credits;

use crate::money::channel::Channels;
use crate::money::channel::list::{self, ChannelsOf};
use crate::money::purse::{Allowances, Delegates, PurseCounts, Purses, PursesOf};
use crate::money::{Allowance, Channel, Purse, balance, grant, quota};
use crate::people::{
    OpKey, OpKeys, Parties, Recoveries, Recovery, RetiredRoot, RetiredRoots, root,
};
use crate::state::{Clock, Federation, View, row};

/// A task wallet or grant with what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurseStanding {
    /// Its row.
    pub purse: Purse,
    /// What can be spent of it.
    pub available: Credits,
}

/// A party's operational keys, in the order they were first set; none for one that is not known.
pub fn op_keys(view: &dyn View, party: PartyId) -> Vec<(PublicKey, OpKey)> {
    let keys = row::<Parties>(view, &party).map(|known| known.keys);
    let with_row = |key| Some((key, op_key(view, party, key)?));
    keys.unwrap_or_default()
        .into_iter()
        .filter_map(with_row)
        .collect()
}

/// An operational key of a party.
pub fn op_key(view: &dyn View, party: PartyId, key: PublicKey) -> Option<OpKey> {
    row::<OpKeys>(view, &(party, key))
}

/// The party that a key is the only root key of, or was before its root changed.
pub fn owner_of(view: &dyn View, key: PublicKey) -> Option<PartyId> {
    root::owner_of(view, key)
}

/// A root that a party had, by its number from 0; it had [`crate::Party::roots`] of them.
pub fn retired_root(view: &dyn View, party: PartyId, number: u32) -> Option<RetiredRoot> {
    row::<RetiredRoots>(view, &(party, number))
}

/// The recovery of a party that has begun.
pub fn recovery(view: &dyn View, party: PartyId) -> Option<Recovery> {
    row::<Recoveries>(view, &party)
}

/// How many small entries a party could enter for nothing at the time of the last block.
pub fn free_entries(view: &dyn View, party: PartyId) -> u64 {
    let (Some(founding), Some((_, now))) = (row::<Federation>(view, &()), row::<Clock>(view, &()))
    else {
        return 0;
    };
    quota::left(view, party, now, &founding.params)
}

/// What a member may still grant in the epoch of the last block.
pub fn grant_quota(view: &dyn View, member: PartyId) -> Credits {
    let (Some(founding), Some((_, now))) = (row::<Federation>(view, &()), row::<Clock>(view, &()))
    else {
        return Credits::ZERO;
    };
    let (epoch, _) = founding.epoch_at(now);
    grant::quota_left(view, member, epoch, founding.params.grant_quota)
}

/// A task wallet or a grant.
pub fn purse(view: &dyn View, name: PurseId) -> Option<PurseStanding> {
    let purse = row::<Purses>(view, &name)?;
    let available = balance(view, purse.account(name)).amount();
    Some(PurseStanding { purse, available })
}

/// How many task wallets and grants a party ever had.
pub fn purses_of(view: &dyn View, owner: PartyId) -> u64 {
    row::<PurseCounts>(view, &owner).unwrap_or_default()
}

/// A party's task wallet or grant by its number among that party's.
pub fn purse_of(view: &dyn View, owner: PartyId, number: u64) -> Option<PurseId> {
    row::<PursesOf>(view, &(owner, number))
}

/// A delegate of a purse by number ([`Purse::delegates`]).
pub fn delegate(view: &dyn View, name: PurseId, number: u32) -> Option<PartyId> {
    row::<Delegates>(view, &(name, number))
}

/// What a party may spend of another's purse, and has.
pub fn allowance(view: &dyn View, name: PurseId, delegate: PartyId) -> Option<Allowance> {
    row::<Allowances>(view, &(name, delegate))
}

/// An open payment channel; its [`Channel::left`] is what its escrow holds.
pub fn channel(view: &dyn View, name: ChannelId) -> Option<Channel> {
    row::<Channels>(view, &name)
}

/// How many open payment channels a party has, as payer or receiver.
pub fn channels_of(view: &dyn View, party: PartyId) -> u32 {
    list::count(view, party).listed
}

/// A party's open payment channel by its place, less than [`channels_of`]. Where a channel ends,
/// another may take its place.
pub fn channel_of(view: &dyn View, party: PartyId, place: u32) -> Option<ChannelId> {
    row::<ChannelsOf>(view, &(party, place))
}
