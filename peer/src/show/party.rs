//! Faces of parties, keys, task wallets, grants, and of entries that were agreed.

use super::work::{id, maybe};
use super::{Cell, Face, Section, Tone};
use crate::api::types::{AllowanceView, EntryView, List, OpKeyView, PartyView, PurseView};

impl Face for PartyView {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let all: u32 = self.root.iter().map(|key| u32::from(key.weight)).sum();
        let mut card = vec![
            ("party", Cell::from(self.party.full())),
            ("name", maybe(self.name.as_ref())),
        ];
        card.extend(self.root.iter().map(|root| {
            let key = root.key.full();
            let shown = match self.root.len() {
                1 => key,
                _ => format!("{key} weighs {}", root.weight),
            };
            ("root key", shown.into())
        }));
        if self.root.len() > 1 {
            card.push((
                "root",
                format!("{} of {all} must sign", self.threshold).into(),
            ));
        }
        card.extend([
            ("roots before", self.roots_before.into()),
            ("known since", format!("block {}", self.since).into()),
            (
                "sponsor",
                maybe(self.sponsor.map(|one| id(&one, wide)).as_ref()),
            ),
            (
                "guardian",
                maybe(self.guardian.map(|one| id(&one, wide)).as_ref()),
            ),
            ("free entries", self.free_entries.into()),
        ]);
        if let Some(ready) = self.recovery_ready {
            let words = format!("a new root can be given from {ready} on");
            card.push(("RECOVERY", Cell::toned(Tone::Bad, words)));
        }
        let mut sections = vec![Section::Card(card)];
        if !self.keys.is_empty() {
            let head = vec![
                "KEY",
                "MAY",
                "STATE",
                "EXPIRES",
                "PER ENTRY",
                "PER EPOCH",
                "SPENT NOW",
            ];
            let row = |key: &OpKeyView| {
                let state = match key.expired {
                    true => Cell::toned(Tone::Bad, "expired"),
                    false => Cell::toned(Tone::Good, "speaks"),
                };
                vec![
                    id(&key.key, wide).into(),
                    key.scope.join(",").into(),
                    state,
                    key.expires.into(),
                    key.per_entry.into(),
                    key.per_epoch.into(),
                    key.spent.into(),
                ]
            };
            sections.push(Section::Rows(head, self.keys.iter().map(row).collect()));
        }
        sections
    }

    fn ids(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.key.full()).collect()
    }
}

fn over(purse: &PurseView) -> Cell {
    match (purse.over, purse.is.as_str()) {
        (false, _) => Cell::toned(Tone::Good, "open"),
        (true, "grant") => Cell::toned(Tone::Bad, "expired"),
        (true, _) => Cell::toned(Tone::Bad, "closed"),
    }
}

impl Face for List<PurseView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec![
            "PURSE",
            "IS",
            "AVAILABLE",
            "STATE",
            "EXPIRES",
            "GIVEN BY",
            "DELEGATES",
        ];
        let row = |purse: &PurseView| {
            let allowed = purse.delegates.iter().filter(|one| one.limits.is_some());
            vec![
                id(&purse.purse, wide).into(),
                purse.is.as_str().into(),
                purse.available.into(),
                over(purse),
                maybe(purse.expires.as_ref()),
                maybe(purse.by.map(|by| id(&by, wide)).as_ref()),
                allowed.count().into(),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items.iter().map(|purse| purse.purse.full()).collect()
    }
}

impl Face for PurseView {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let card = vec![
            ("purse", Cell::from(self.purse.full())),
            ("is", self.is.as_str().into()),
            ("owner", self.owner.full().into()),
            ("available", self.available.into()),
            ("state", over(self)),
            ("expires", maybe(self.expires.as_ref())),
            ("given by", maybe(self.by.map(|by| by.full()).as_ref())),
        ];
        let mut sections = vec![Section::Card(card)];
        if !self.delegates.is_empty() {
            let head = vec![
                "PARTY",
                "PER TASK",
                "PER EPOCH",
                "TOTAL",
                "CLASSES",
                "EXPIRES",
                "THIS EPOCH",
                "IN ALL",
            ];
            let row = |one: &AllowanceView| {
                let limits = one.limits.as_ref();
                vec![
                    id(&one.party, wide).into(),
                    maybe(limits.map(|limits| limits.per_task).as_ref()),
                    maybe(limits.map(|limits| limits.per_epoch).as_ref()),
                    maybe(limits.map(|limits| limits.total).as_ref()),
                    maybe(limits.map(|limits| limits.classes.join(",")).as_ref()),
                    maybe(limits.map(|limits| limits.expires).as_ref()),
                    one.in_epoch.into(),
                    one.in_all.into(),
                ]
            };
            let rows = self.delegates.iter().map(row).collect();
            sections.push(Section::Rows(head, rows));
        }
        sections
    }

    fn ids(&self) -> Vec<String> {
        vec![self.purse.full()]
    }
}

impl Face for EntryView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let mut card = vec![
            ("agreed", Cell::toned(Tone::Good, self.what.as_str())),
            ("entry", self.entry.full().into()),
            ("block", self.height.into()),
            ("time", self.at.into()),
        ];
        if let Some(proposal) = self.proposal {
            card.push(("proposal", proposal.into()));
        }
        if let Some(purse) = self.purse {
            card.push(("purse", purse.full().into()));
        }
        if let Some(channel) = self.channel {
            card.push(("channel", channel.full().into()));
        }
        if let Some(lease) = self.lease {
            card.push(("lease", lease.full().into()));
        }
        vec![Section::Card(card)]
    }

    fn ids(&self) -> Vec<String> {
        let made = self.proposal.map(|number| number.to_string());
        let made = made.or_else(|| self.purse.map(|purse| purse.full()));
        let made = made.or_else(|| self.channel.map(|channel| channel.full()));
        let made = made.or_else(|| self.lease.map(|lease| lease.full()));
        vec![made.unwrap_or_else(|| self.entry.full())]
    }
}
