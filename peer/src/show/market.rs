//! Faces of nodes, offers and wallets.

use super::work::{id, maybe};
use super::{Cell, Face, Section, Tone};
use crate::api::types::{
    BalanceView, Direction, HistoryItem, HistoryPage, List, NodeView, OfferView,
};

fn size(bytes: u64) -> String {
    const UNITS: [(u32, &str); 3] = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    for (shift, unit) in UNITS {
        if bytes >> shift > 0 {
            let tenths = ((bytes % (1 << shift)) * 10) >> shift;
            return match tenths {
                0 => format!("{} {unit}", bytes >> shift),
                _ => format!("{}.{tenths} {unit}", bytes >> shift),
            };
        }
    }
    format!("{bytes} B")
}

impl Face for List<NodeView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let mut head = vec!["NODE", "SPONSOR", "ROLE", "STATE", "BOND", "LOCKED"];
        if wide {
            head.extend(["OWNER", "ADDRESS", "HEARD"]);
        }
        let row = |node: &NodeView| {
            let role = match (&node.member, node.me) {
                (Some(name), false) => format!("member {name}"),
                (Some(name), true) => format!("member {name} (this peer)"),
                (None, true) => "this peer".to_owned(),
                (None, false) => "peer".to_owned(),
            };
            let state = match (node.jailed_until, node.connected || node.me) {
                (Some(until), _) => Cell::toned(Tone::Bad, format!("not drawn until {until}")),
                (None, true) => Cell::toned(Tone::Good, "here"),
                (None, false) => Cell::toned(Tone::Warn, "not connected"),
            };
            let mut cells = vec![
                id(&node.peer, wide).into(),
                maybe(node.sponsor.as_ref()),
                role.into(),
                state,
                node.bond.into(),
                node.locked.into(),
            ];
            if wide {
                cells.push(maybe(node.owner.map(|owner| owner.full()).as_ref()));
                cells.push(maybe(node.address.as_ref()));
                cells.push(maybe(node.heard.as_ref()));
            }
            cells
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items.iter().map(|node| node.peer.full()).collect()
    }
}

impl Face for List<OfferView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec![
            "NODE",
            "SPONSOR",
            "CLASS",
            "PER GFUEL",
            "STANDS",
            "LIVE",
            "MEMORY",
            "GCU/H",
            "UNTIL",
        ];
        let row = |offer: &OfferView| {
            let stands = match offer.slots {
                0 => Cell::toned(Tone::Warn, "no"),
                slots => format!("{slots} slots").into(),
            };
            let live = offer.live.as_ref();
            let free = live.map(|live| format!("{} of {} free", live.slots_free, live.slots_total));
            let free = free.map_or_else(|| Cell::toned(Tone::Warn, "not heard"), Cell::from);
            vec![
                id(&offer.peer, wide).into(),
                maybe(offer.sponsor.as_ref()),
                offer.class.as_str().into(),
                offer.per_gfuel.into(),
                stands,
                free,
                maybe(live.map(|live| size(live.memory)).as_ref()),
                maybe(
                    live.filter(|live| live.gcu > 0)
                        .map(|live| live.gcu)
                        .as_ref(),
                ),
                maybe(live.map(|live| live.until).as_ref()),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items.iter().map(|offer| offer.peer.full()).collect()
    }
}

impl Face for BalanceView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let mut sections = vec![Section::Card(vec![
            ("party", self.party.full().into()),
            ("available", self.available.into()),
            ("in task wallets", self.set_apart.into()),
            ("granted", self.granted.into()),
            ("in escrow", self.escrow.into()),
            ("bonded", self.bonded.into()),
            ("of that locked", self.locked.into()),
            ("at height", self.height.into()),
        ])];
        if !self.held.is_empty() {
            let rows = self.held.iter();
            let rows = rows.map(|held| vec![held.amount.into(), held.why.as_str().into()]);
            sections.push(Section::Rows(vec!["HELD", "WHY"], rows.collect()));
        }
        sections
    }

    fn ids(&self) -> Vec<String> {
        vec![self.party.full()]
    }
}

impl Face for HistoryPage {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec!["TIME", "HEIGHT", "CHANGE", "WHAT", "JOB", "NODE", "PARTY"];
        let row = |item: &HistoryItem| {
            let sign = match item.direction {
                Direction::In => '+',
                Direction::Out => '-',
            };
            vec![
                item.at.into(),
                item.height.into(),
                format!("{sign}{}", item.amount).into(),
                item.what.as_str().into(),
                maybe(item.job.map(|job| id(&job, wide)).as_ref()),
                maybe(item.peer.map(|peer| id(&peer, wide)).as_ref()),
                maybe(item.other.map(|other| id(&other, wide)).as_ref()),
            ]
        };
        let mut sections = vec![Section::Rows(head, self.items.iter().map(row).collect())];
        if let Some(next) = self.next {
            let more = format!("more: peer wallet history --before {next}");
            sections.push(Section::Note(Cell::toned(Tone::Dim, more)));
        }
        sections
    }

    fn ids(&self) -> Vec<String> {
        self.items
            .iter()
            .filter_map(|item| item.job)
            .map(|job| job.full())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_as_people_write_them() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_536, "1.5 KiB"),
            (64 << 20, "64 MiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }
}
