//! Faces of the council: proposals, notices, emergencies.

use super::work::{id, maybe};
use super::{Cell, Face, Section, Tone};
use crate::amount::percent;
use crate::api::types::{
    AccusationView, CouncilStateView, EmergencyView, List, NoticeView, ProposalState, ProposalView,
};

fn state(proposal: &ProposalView) -> Cell {
    let (tone, words) = match proposal.state {
        ProposalState::Open => (Tone::Plain, "open"),
        ProposalState::Decided => (Tone::Warn, "decided, waits"),
        ProposalState::Ready => (Tone::Warn, "can be executed"),
        ProposalState::Failed => (Tone::Bad, "not enough power"),
        ProposalState::Carried => (Tone::Good, "carried out"),
        ProposalState::Lapsed => (Tone::Bad, "lapsed"),
        ProposalState::Vetoed => (Tone::Bad, "vetoed"),
    };
    Cell::toned(tone, words)
}

impl Face for List<ProposalView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec![
            "NUMBER",
            "KIND",
            "STATE",
            "YES",
            "NO",
            "VETO",
            "ALL",
            "VOTE ENDS",
            "EXECUTABLE",
            "BY",
            "WHAT",
        ];
        let row = |one: &ProposalView| {
            let by = one.by_name.clone().unwrap_or_else(|| id(&one.by, wide));
            vec![
                one.number.into(),
                one.what.as_str().into(),
                state(one),
                one.yes.into(),
                one.no.into(),
                one.veto.into(),
                one.all.into(),
                one.votes_until.into(),
                maybe(one.executable.as_ref()),
                by.into(),
                one.does.join("; ").into(),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items
            .iter()
            .map(|one| one.number.to_string())
            .collect()
    }
}

impl Face for ProposalView {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let by = match &self.by_name {
            Some(name) => format!("{name} {}", id(&self.by, wide)),
            None => id(&self.by, wide),
        };
        let power = format!(
            "{} yes, {} no, {} veto, of {}; {} must be for it",
            self.yes,
            self.no,
            self.veto,
            self.all,
            percent(self.needs_bps.into())
        );
        let mut card = vec![
            ("proposal", Cell::from(self.number)),
            ("kind", self.what.as_str().into()),
        ];
        card.extend(self.does.iter().map(|line| ("does", line.as_str().into())));
        card.extend([
            ("state", state(self)),
            ("power", power.into()),
            ("by", by.into()),
            ("deposit", self.deposit.into()),
            ("opened", self.opened.into()),
            ("vote ends", self.votes_until.into()),
            ("executable from", maybe(self.executable.as_ref())),
            ("lapses", self.lapses.into()),
            (
                "peers",
                format!("{} for, {} against", self.signals_yes, self.signals_no).into(),
            ),
        ]);
        let mut sections = vec![Section::Card(card)];
        if !self.votes.is_empty() {
            let row = |vote: &crate::api::types::VoteView| {
                let name = vote.name.clone();
                vec![
                    name.unwrap_or_else(|| id(&vote.member, wide)).into(),
                    vote.choice.as_str().into(),
                    vote.power.into(),
                ]
            };
            let rows = self.votes.iter().map(row).collect();
            sections.push(Section::Rows(vec!["MEMBER", "VOTE", "POWER"], rows));
        }
        sections
    }

    fn ids(&self) -> Vec<String> {
        vec![self.number.to_string()]
    }
}

impl Face for List<NoticeView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec!["NUMBER", "WHEN", "BY", "SEVERITY", "TEXT"];
        let row = |notice: &NoticeView| {
            let by = notice.by_name.clone();
            let tone = match notice.severity.as_str() {
                "info" => Tone::Plain,
                "warning" => Tone::Warn,
                _ => Tone::Bad,
            };
            vec![
                notice.number.into(),
                notice.when.into(),
                by.unwrap_or_else(|| id(&notice.by, wide)).into(),
                Cell::toned(tone, notice.severity.as_str()),
                notice.text.as_str().into(),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items
            .iter()
            .map(|notice| notice.number.to_string())
            .collect()
    }
}

impl Face for List<EmergencyView> {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let head = vec!["WHAT", "STATE", "SINCE", "UNTIL", "RESTS UNTIL", "KEYS"];
        let row = |one: &EmergencyView| {
            let state = match one.in_force {
                true => Cell::toned(Tone::Bad, "in force"),
                false => Cell::from("no"),
            };
            vec![
                one.act.as_str().into(),
                state,
                maybe(one.since.as_ref()),
                maybe(one.until.as_ref()),
                maybe(one.rests_until.as_ref()),
                format!("{} of {}", one.keys_needed, one.keys).into(),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        let in_force = self.items.iter().filter(|one| one.in_force);
        in_force.map(|one| one.act.clone()).collect()
    }
}

impl Face for List<AccusationView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec!["MEMBER", "STATE", "VIEW", "SHOWN", "UNTIL", "EVIDENCE"];
        let row = |one: &AccusationView| {
            let state = match one.punished {
                true => Cell::toned(Tone::Bad, "punished"),
                false => Cell::toned(Tone::Warn, "accused"),
            };
            vec![
                one.name.as_str().into(),
                state,
                one.view.into(),
                one.when.into(),
                one.until.into(),
                id(&one.evidence, wide).into(),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items.iter().map(|one| one.evidence.full()).collect()
    }
}

impl Face for CouncilStateView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let upgrade = self.upgrade.as_ref().map(|upgrade| {
            let (version, from) = (upgrade.version, upgrade.activation);
            format!("version {version} from block {from} on")
        });
        let keys = match self.keys {
            0 => "none: nobody can stop anything".to_owned(),
            keys => format!("{} of {keys} must sign", self.keys_needed),
        };
        vec![Section::Card(vec![
            ("proposals", self.proposals.into()),
            ("notices", self.notices.into()),
            ("emergency orders", self.orders.into()),
            ("emergency keys", keys.into()),
            ("software needed", maybe(upgrade.as_ref())),
        ])]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.proposals.to_string()]
    }
}
