//! Faces of payment channels and vouchers.

use super::work::{id, maybe};
use super::{Cell, Face, Section, Tone};
use crate::api::types::{ChannelView, LaneView, List, VoucherView};

fn state(channel: &ChannelView) -> Cell {
    let tone = if channel.state == "open" {
        Tone::Good
    } else {
        Tone::Bad
    };
    Cell::toned(tone, channel.state.as_str())
}

impl Face for List<ChannelView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec![
            "CHANNEL",
            "STATE",
            "FROM",
            "TO",
            "LEFT",
            "OF",
            "COLLECT FROM",
        ];
        let row = |channel: &ChannelView| {
            vec![
                id(&channel.channel, wide).into(),
                state(channel),
                id(&channel.from, wide).into(),
                id(&channel.to, wide).into(),
                channel.left.into(),
                channel.deposit.into(),
                maybe(channel.collect_from.as_ref()),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        let channels = self.items.iter();
        channels.map(|channel| channel.channel.full()).collect()
    }
}

impl Face for ChannelView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let card = vec![
            ("channel", Cell::from(self.channel.full())),
            ("state", state(self)),
            ("from", self.from.full().into()),
            ("to", self.to.full().into()),
            ("signer", self.signer.full().into()),
            ("deposit", self.deposit.into()),
            ("redeemed", self.redeemed.into()),
            ("left", self.left.into()),
            ("locked until", maybe(self.locked_until.as_ref())),
            ("collect from", maybe(self.collect_from.as_ref())),
        ];
        let mut sections = vec![Section::Card(card)];
        if !self.lanes.is_empty() {
            let row = |one: &LaneView| {
                vec![
                    u64::from(one.lane).into(),
                    one.nonce.into(),
                    one.redeemed.into(),
                ]
            };
            let rows = self.lanes.iter().map(row).collect();
            sections.push(Section::Rows(vec!["LANE", "NONCE", "REDEEMED"], rows));
        }
        sections
    }

    fn ids(&self) -> Vec<String> {
        vec![self.channel.full()]
    }
}

impl Face for VoucherView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let card = vec![
            ("channel", Cell::from(self.channel.full())),
            ("lane", u64::from(self.lane).into()),
            ("in all", self.total.into()),
            ("adds", self.adds.into()),
            ("expires", self.expires.into()),
            ("lock", maybe(self.lock.map(|lock| lock.full()).as_ref())),
            ("voucher", self.voucher.as_str().into()),
        ];
        vec![Section::Card(card)]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.voucher.clone()]
    }
}
