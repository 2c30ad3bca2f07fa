//! The open channels of a party, numbered without gaps, so that they can be walked and an ended one
//! leaves nothing behind.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::ids::{ChannelId, PartyId};

use super::Channels;
use crate::state::{Draft, View, row, table};

/// How many channels a party has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ChannelCount {
    /// As payer or receiver.
    pub(crate) listed: u32,
    /// Of those, as payer.
    pub(crate) paying: u32,
}

table!(
    /// A party's open channels, without gaps: where one ends the last takes its place.
    ChannelsOf, 0x41, (PartyId, u32) => ChannelId
);
table!(
    /// How many channels a party has; no row for none.
    ChannelCounts, 0x42, PartyId => ChannelCount
);

/// How many channels a party has.
pub(crate) fn count(view: &dyn View, party: PartyId) -> ChannelCount {
    row::<ChannelCounts>(view, &party).unwrap_or_default()
}

/// Adds a channel to a party's list, and says at which place.
pub(super) fn add(draft: &mut Draft<'_>, party: PartyId, name: ChannelId, paying: u32) -> u32 {
    let before = count(draft, party);
    let place = before.listed;
    let after = ChannelCount {
        listed: place.checked_add(1).expect("nobody pays for 2^32 channels"),
        paying: before.paying.saturating_add(paying),
    };
    draft.put::<ChannelsOf>(&(party, place), &name);
    draft.put::<ChannelCounts>(&party, &after);
    place
}

/// Takes the channel at a place out of a party's list; the last takes its place.
pub(super) fn remove(draft: &mut Draft<'_>, party: PartyId, place: u32, paying: u32) {
    let before = count(draft, party);
    let last = before.listed.checked_sub(1).expect("it is listed");
    if place != last {
        let moved = draft.row::<ChannelsOf>(&(party, last));
        let moved = moved.expect("a list has no gaps");
        let channel = draft.row::<Channels>(&moved);
        let mut channel = channel.expect("what is listed is open");
        let role = usize::from(channel.to == party);
        channel.places[role] = place;
        draft.put::<Channels>(&moved, &channel);
        draft.put::<ChannelsOf>(&(party, place), &moved);
    }
    draft.remove::<ChannelsOf>(&(party, last));
    if last == 0 {
        draft.remove::<ChannelCounts>(&party);
        return;
    }
    let paying = before.paying.checked_sub(paying).expect("it was counted");
    let listed = last;
    draft.put::<ChannelCounts>(&party, &ChannelCount { listed, paying });
}
