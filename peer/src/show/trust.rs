//! Faces of trust, reasons and slashes.

use super::work::{id, maybe};
use super::{Cell, Face, Section, Tone};
use crate::amount::percent;
use crate::api::types::{
    DoubtView, HoldView, List, NodeFullView, PreviewView, TrustView, WhyNot, WhyView,
};

impl Face for NodeFullView {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let node = &self.node;
        let draws = match (self.struck, self.suspended, node.jailed_until) {
            (true, _, _) => Cell::toned(Tone::Bad, "never again: struck"),
            (_, true, _) => Cell::toned(Tone::Bad, "kept out by its sponsor"),
            (_, _, Some(until)) => Cell::toned(Tone::Bad, format!("not before {until}")),
            _ => Cell::toned(Tone::Good, "takes part"),
        };
        let faults: Vec<String> = self
            .faults
            .iter()
            .map(|fault| format!("{} x{}", fault.fault, fault.times))
            .collect();
        let faults = Some(faults.join(" ")).filter(|faults| !faults.is_empty());
        let card = vec![
            ("node", Cell::from(node.peer.full())),
            ("member", maybe(node.member.as_ref())),
            ("sponsor", maybe(node.sponsor.as_ref())),
            (
                "owner",
                maybe(node.owner.map(|owner| owner.full()).as_ref()),
            ),
            ("admitted", maybe(self.admitted.as_ref())),
            ("address", maybe(node.address.as_ref())),
            ("draws", draws),
            ("bond", self.bond.into()),
            ("of that counts", self.counts.into()),
            ("locked", self.locked.into()),
            ("usable", self.usable.into()),
            ("faults", maybe(faults.as_ref())),
            ("convictions", self.convictions.len().into()),
        ];
        let mut sections = vec![Section::Card(card)];
        if !self.classes.is_empty() {
            sections.push(trusted(&self.classes));
        }
        if !self.unbonding.is_empty() {
            let rows = self.unbonding.iter();
            let rows = rows.map(|part| vec![part.amount.into(), part.matures.into()]);
            sections.push(Section::Rows(vec!["LEAVES", "MATURES"], rows.collect()));
        }
        if self.classes.iter().any(|class| class.slots > 0) {
            sections.push(looked_at(&self.classes, wide));
        }
        if !self.backers.is_empty() {
            let rows = self.backers.iter();
            let rows = rows.map(|one| vec![id(&one.party, wide).into(), one.amount.into()]);
            sections.push(Section::Rows(vec!["BACKED BY", "WITH"], rows.collect()));
        }
        sections
    }

    fn ids(&self) -> Vec<String> {
        vec![self.node.peer.full()]
    }
}

fn trusted(classes: &[TrustView]) -> Section {
    let head = vec![
        "CLASS", "TIER", "LOWER", "SCORE", "CHECKED", "DRAWN", "MISSED", "SLOTS", "WEIGHT", "BENCH",
    ];
    let row = |class: &TrustView| {
        let weight = class.weight.as_ref().map(|weight| {
            let counts = weight.weight.min(weight.peer_cap);
            format!("{counts} of {} ({})", weight.all, weight.pool)
        });
        vec![
            class.class.as_str().into(),
            class.tier.as_str().into(),
            percent(class.lower_bps).into(),
            percent(class.score_bps).into(),
            class.verified.into(),
            class.drawn.into(),
            class.missed.into(),
            class.slots.into(),
            maybe(weight.as_ref()),
            maybe(class.bench.as_ref()),
        ]
    };
    Section::Rows(head, classes.iter().map(row).collect())
}

/// Who may say in this epoch how many slots of an offer are there, and what was seen last.
fn looked_at(classes: &[TrustView], wide: bool) -> Section {
    let row = |class: &TrustView| {
        let who: Vec<String> = class.challengers.iter().map(|one| id(one, wide)).collect();
        let seen: Vec<String> = class.seen.iter().map(u16::to_string).collect();
        let filled = |words: String| maybe(Some(words).filter(|words| !words.is_empty()).as_ref());
        vec![
            class.class.as_str().into(),
            filled(who.join(" ")),
            filled(seen.join(" ")),
        ]
    };
    let offered = classes.iter().filter(|class| class.slots > 0);
    let head = vec!["SLOTS IN", "ASKED BY", "SEEN"];
    Section::Rows(head, offered.map(row).collect())
}

impl Face for WhyView {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let what = match &self.job {
            Some(job) => format!("for {} (class {})", id(job, wide), self.class),
            None => format!("in class {}", self.class),
        };
        let draw = match self.drawn {
            true => Cell::toned(Tone::Good, "its card is in the deck"),
            false => Cell::toned(Tone::Bad, "it is not drawn"),
        };
        let card = vec![
            ("node", Cell::from(id(&self.peer, wide))),
            ("asked", what.into()),
            ("draw", draw),
        ];
        let mut sections = vec![Section::Card(card)];
        if !self.reasons.is_empty() {
            let row =
                |reason: &WhyNot| vec![reason.what.as_str().into(), maybe(reason.fix.as_ref())];
            let rows = self.reasons.iter().map(row).collect();
            sections.push(Section::Rows(vec!["REASON", "WHAT HELPS"], rows));
        }
        sections
    }

    fn ids(&self) -> Vec<String> {
        vec![self.peer.full()]
    }
}

fn state(slash: &HoldView) -> Cell {
    match slash.state.as_str() {
        "held" => Cell::toned(Tone::Warn, "held"),
        "returned" => Cell::toned(Tone::Good, "returned"),
        other => other.into(),
    }
}

fn numbers(numbers: &[u64]) -> Cell {
    let words: Vec<String> = numbers.iter().map(u64::to_string).collect();
    maybe(
        Some(words.join(" "))
            .filter(|words| !words.is_empty())
            .as_ref(),
    )
}

impl Face for List<HoldView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec![
            "NUMBER", "NODE", "FAULT", "AMOUNT", "STATE", "UNTIL", "JOB", "BUNDLE", "APPEALS",
        ];
        let row = |slash: &HoldView| {
            vec![
                slash.number.into(),
                id(&slash.peer, wide).into(),
                format!("{} {}", slash.fault, slash.words).into(),
                slash.amount.into(),
                state(slash),
                slash.until.into(),
                id(&slash.job, wide).into(),
                slash.bundle.into(),
                numbers(&slash.appeals),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items
            .iter()
            .map(|slash| slash.number.to_string())
            .collect()
    }
}

impl Face for HoldView {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let mut card = vec![
            ("slash", Cell::from(self.number)),
            ("node", self.peer.full().into()),
            ("fault", format!("{} {}", self.fault, self.words).into()),
            ("proved by", self.ground.as_str().into()),
            ("job", self.job.full().into()),
            ("bundle", self.bundle.into()),
            ("amount", self.amount.into()),
            ("state", state(self)),
            ("shared out", self.until.into()),
            ("appeals", numbers(&self.appeals)),
        ];
        if let Some(kept) = &self.kept {
            card.push(("kept for doubtful results", kept.left.into()));
            card.push(("claimed until", kept.until.into()));
        }
        let rows = self.shares.iter();
        let rows = rows.map(|share| vec![share.to.as_str().into(), share.amount.into()]);
        let shares = Section::Rows(vec!["GOES TO", "AMOUNT"], rows.collect());
        let mut sections = vec![Section::Card(card), shares];
        let doubtful = self.kept.iter().flat_map(|kept| &kept.results);
        let row = |result: &DoubtView| {
            let state = if result.redressed { "claimed" } else { "open" };
            vec![
                result.number.into(),
                id(&result.job, wide).into(),
                result.bundle.into(),
                id(&result.submitter, wide).into(),
                result.paid.into(),
                state.into(),
            ]
        };
        let rows: Vec<_> = doubtful.map(row).collect();
        if !rows.is_empty() {
            let head = vec!["DOUBTFUL", "JOB", "BUNDLE", "PAID BY", "PAID", "CLAIM"];
            sections.push(Section::Rows(head, rows));
        }
        sections
    }

    fn ids(&self) -> Vec<String> {
        vec![self.number.to_string()]
    }
}

impl Face for PreviewView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        vec![Section::Card(vec![
            ("node", self.peer.full().into()),
            ("bundle", format!("{}/{}", self.job, self.bundle).into()),
            ("fault", format!("{} {}", self.fault, self.words).into()),
            ("would cost", self.amount.into()),
            ("burned", self.burned.into()),
            ("for those harmed", self.harmed.into()),
            ("for who shows it", self.finder.into()),
            ("for the federation", self.treasury.into()),
        ])]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.peer.full()]
    }
}

impl Face for List<PreviewView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec![
            "FAULT",
            "WHAT",
            "WOULD COST",
            "BURNED",
            "HARMED",
            "FINDER",
            "TREASURY",
            "NODE",
        ];
        let row = |one: &PreviewView| {
            vec![
                one.fault.as_str().into(),
                one.words.as_str().into(),
                one.amount.into(),
                one.burned.into(),
                one.harmed.into(),
                one.finder.into(),
                one.treasury.into(),
                id(&one.peer, wide).into(),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items.iter().map(|one| one.fault.clone()).collect()
    }
}
