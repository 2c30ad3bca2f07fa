//! Faces of what the council decides on.

use protocol::params::{ParamSpec, Unit};

use super::work::maybe;
use super::{Cell, Face, Section, Tone};
use crate::amount::{multiple, of_param, percent};
use crate::api::types::{ClassView, EpochView, List, ParamView};

fn unit_of(param: &ParamView) -> Unit {
    ParamSpec::of(param.id).map_or(Unit::Count, |spec| spec.unit)
}

fn pending(param: &ParamView) -> Cell {
    match param.pending.first() {
        None => maybe::<String>(None),
        Some(next) => {
            let to = of_param(unit_of(param), next.to);
            Cell::toned(Tone::Warn, format!("{to} (proposal {})", next.proposal))
        }
    }
}

impl Face for List<ParamView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let mut head = vec![
            "NAME",
            "VALUE",
            "DEFAULT",
            "MIN",
            "MAX",
            "STEP",
            "UNDER WAY",
        ];
        if wide {
            head.extend(["ID", "WHAT"]);
        }
        let row = |param: &ParamView| {
            let shown = |value| Cell::from(of_param(unit_of(param), value));
            let mut cells = vec![
                param.name.as_str().into(),
                shown(param.value),
                shown(param.default),
                shown(param.min),
                shown(param.max),
                shown(param.step),
                pending(param),
            ];
            if wide {
                cells.push(param.id.into());
                cells.push(param.what.as_str().into());
            }
            cells
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items.iter().map(|param| param.name.clone()).collect()
    }
}

impl Face for ParamView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let shown = |value| of_param(unit_of(self), value);
        let changed = match &self.changed {
            None => "never: it is as at the beginning".to_owned(),
            Some(changed) => match changed.at {
                Some(at) => format!("{at}, by proposal {}", changed.proposal),
                None => {
                    let (from, by) = (changed.not_before, changed.proposal);
                    format!("not before {from}, by proposal {by}")
                }
            },
        };
        let mut sections = vec![Section::Card(vec![
            ("name", self.name.as_str().into()),
            ("what", self.what.as_str().into()),
            ("value", shown(self.value).into()),
            ("default", shown(self.default).into()),
            (
                "bounds",
                format!("{} to {}", shown(self.min), shown(self.max)).into(),
            ),
            (
                "one decision",
                format!("changes it by at most {}", shown(self.step)).into(),
            ),
            ("changed", changed.into()),
            ("id", self.id.into()),
        ])];
        if !self.pending.is_empty() {
            let head = vec![
                "PROPOSAL",
                "WOULD SET IT TO",
                "VOTE ENDS",
                "CAN BE CARRIED OUT",
            ];
            let row = |next: &crate::api::types::PendingView| {
                vec![
                    next.proposal.into(),
                    shown(next.to).into(),
                    next.votes_until.into(),
                    maybe(next.executable.as_ref()),
                ]
            };
            sections.push(Section::Rows(head, self.pending.iter().map(row).collect()));
        }
        sections
    }

    fn ids(&self) -> Vec<String> {
        vec![self.name.clone()]
    }
}

fn open(class: &ClassView) -> Cell {
    match class.open {
        true => Cell::toned(Tone::Good, "takes jobs"),
        false => Cell::toned(Tone::Bad, "closed"),
    }
}

impl Face for List<ClassView> {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let head = vec![
            "CLASS", "STATE", "UNIT", "COPIES", "AUDIT", "SLASH", "MARGIN", "WINDOWS", "CURVE",
            "READY", "INDEX", "WANTED", "OFFERED",
        ];
        let row = |class: &ClassView| {
            vec![
                class.class.as_str().into(),
                open(class),
                class.work_unit.as_str().into(),
                class.copies.into(),
                percent(class.audit_bps.into()).into(),
                format!("{} x", class.slash_mult).into(),
                multiple(class.margin_bps).into(),
                format!("1/{}", class.window_divisor).into(),
                class.curve.as_str().into(),
                percent(class.availability_bps.into()).into(),
                class.index.into(),
                class.wanted.into(),
                class.offered.into(),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items.iter().map(|class| class.class.clone()).collect()
    }
}

impl Face for ClassView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let ready = percent(self.availability_bps.into());
        let margin = multiple(self.margin_bps);
        vec![Section::Card(vec![
            ("class", self.class.as_str().into()),
            ("state", open(self)),
            ("work counts in", self.work_unit.as_str().into()),
            ("copies advised", self.copies.into()),
            (
                "audit",
                format!("{} of outcomes", percent(self.audit_bps.into())).into(),
            ),
            ("slash", format!("{} task prices", self.slash_mult).into()),
            (
                "margin",
                format!("cheating costs {margin} what it brings, at least").into(),
            ),
            (
                "windows",
                format!("1/{} of the usual", self.window_divisor).into(),
            ),
            ("reward curve", self.curve.as_str().into()),
            (
                "ready reward",
                format!("from {ready} of an epoch on").into(),
            ),
            ("price index", format!("{} per Gfuel", self.index).into()),
            ("utility", percent(self.utility_bps.into()).into()),
            ("quoted at", format!("{} per Gfuel", self.quoted).into()),
            (
                "index began at",
                format!("{} per Gfuel", self.index_start).into(),
            ),
            ("slots wanted", self.wanted.into()),
            ("slots offered", self.offered.into()),
        ])]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.class.clone()]
    }
}

impl Face for List<EpochView> {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let head = vec!["EPOCH", "STATE", "PAID", "BURNED", "MAY MINT", "MINTED"];
        let row = |epoch: &EpochView| {
            vec![
                epoch.number.into(),
                epoch.state.as_str().into(),
                epoch.paid.into(),
                epoch.burned.into(),
                epoch.cap.into(),
                epoch.minted.into(),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items
            .iter()
            .map(|epoch| epoch.number.to_string())
            .collect()
    }
}

impl Face for EpochView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let mut card = vec![
            ("epoch", Cell::from(self.number)),
            ("state", self.state.as_str().into()),
        ];
        if let (Some(began), Some(ends)) = (self.began, self.ends) {
            card.extend([("began", began.into()), ("ends", ends.into())]);
        }
        card.extend([
            ("issuance", self.issuance.as_str().into()),
            ("all credits", self.supply.into()),
            ("treasury", self.treasury.into()),
        ]);
        if let Some(reserve) = &self.reserve {
            card.extend([
                ("reserve holds", reserve.holds.into()),
                ("as of", reserve.as_of.into()),
                ("a credit needs", reserve.price.into()),
                ("a credit gives", reserve.gives.into()),
            ]);
        }
        card.extend([
            ("paid for work", self.paid.into()),
            ("burned of fees", self.burned.into()),
            ("may mint", self.cap.into()),
            ("minted", self.minted.into()),
        ]);
        let mut sections = vec![Section::Card(card)];
        if !self.pools.is_empty() {
            let rows = self.pools.iter();
            let rows = rows.map(|pool| vec![pool.pool.as_str().into(), pool.amount.into()]);
            sections.push(Section::Rows(vec!["FOR", "AT MOST"], rows.collect()));
        }
        sections
    }

    fn ids(&self) -> Vec<String> {
        vec![self.number.to_string()]
    }
}
