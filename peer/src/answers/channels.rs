//! Open payment channels.

use protocol::ids::{ChannelId, PartyId};
use rules::{Lane, View};

use super::{ROWS_MAX, Sources};
use crate::api::problem::{Code, Problem};
use crate::api::types::{ChannelView, Id, LaneView};

/// A party's open channels, as payer and as receiver, bounded.
pub fn channels(from: &Sources<'_>, party: PartyId) -> Vec<ChannelView> {
    let view = from.ledger.ask();
    let count = rules::read::channels_of(&view, party);
    let most = u32::try_from(ROWS_MAX).unwrap_or(u32::MAX);
    (0..count.min(most))
        .filter_map(|place| rules::read::channel_of(&view, party, place))
        .filter_map(|id| channel_view(&view, id))
        .collect()
}

/// One open channel.
///
/// # Errors
/// [`Code::NotFound`], for one that has ended too.
pub fn channel(from: &Sources<'_>, id: ChannelId) -> Result<ChannelView, Problem> {
    channel_view(&from.ledger.ask(), id).ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            format!("there is no channel {id}, or it has ended"),
        )
        .try_this("peer channel ls")
    })
}

fn channel_view(view: &dyn View, id: ChannelId) -> Option<ChannelView> {
    let row = rules::read::channel(view, id)?;
    let (_, now) = rules::read::last_block(view)?;
    let state = match row.settling_at {
        None => "open",
        Some(at) if now < at => "settling",
        Some(_) => "settled",
    };
    let lanes = (0..).zip(&row.lanes);
    let used = lanes.filter(|(_, lane)| **lane != Lane::default());
    Some(ChannelView {
        channel: Id(id),
        state: state.to_owned(),
        from: Id(row.from),
        to: Id(row.to),
        signer: Id(row.signer),
        deposit: row.deposit.into(),
        redeemed: row.redeemed().into(),
        left: row.left().into(),
        locked_until: (row.min_settle > now).then(|| row.min_settle.into()),
        collect_from: row.settling_at.map(Into::into),
        lanes: used
            .map(|(number, lane)| LaneView {
                lane: number,
                nonce: lane.nonce,
                redeemed: lane.redeemed.into(),
            })
            .collect(),
    })
}
