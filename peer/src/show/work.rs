//! Faces of jobs, tasks, explanations and disputes.

use super::{Cell, Face, Section, Tone};
use crate::api::types::{
    DisputeState, DisputeView, ExplainView, Id, JobState, JobView, List, Named, SubmittedView,
    Tally, TaskState, TaskView,
};

pub(super) fn id<T: Named>(id: &Id<T>, wide: bool) -> String {
    if wide { id.full() } else { id.to_string() }
}

pub(super) fn maybe<T: std::fmt::Display>(value: Option<&T>) -> Cell {
    value.map_or_else(|| Cell::toned(Tone::Dim, "-"), Cell::from)
}

fn state(job: &JobView) -> Cell {
    let wrong = job.tally.failed + job.tally.lost;
    let (tone, words) = match job.state {
        JobState::Proposed => (Tone::Plain, "proposed"),
        JobState::Locked => (Tone::Plain, "waits for peers"),
        JobState::Running => (Tone::Plain, "running"),
        JobState::Judging if job.disputes > 0 => (Tone::Warn, "disputed"),
        JobState::Judging => (Tone::Plain, "judging"),
        JobState::Ended if job.unjudged > 0 => (Tone::Bad, "not judged"),
        JobState::Ended if wrong > 0 => (Tone::Bad, "failed tasks"),
        JobState::Ended => (Tone::Good, "done"),
        JobState::Cancelled => (Tone::Bad, "cancelled"),
        JobState::Refused => (Tone::Bad, "refused"),
    };
    Cell::toned(tone, words)
}

fn tally(tally: &Tally) -> String {
    let counts = [
        (tally.waiting, "waiting"),
        (tally.running, "running"),
        (tally.provisional, "provisional"),
        (tally.done, "done"),
        (tally.failed, "failed"),
        (tally.lost, "lost"),
    ];
    let some = counts.iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = some
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    words.join(", ")
}

impl Face for List<JobView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec![
            "JOB",
            "NAME",
            "STATE",
            "TASKS",
            "DONE",
            "FAILED",
            "PAID",
            "SUBMITTED",
        ];
        let row = |job: &JobView| {
            vec![
                id(&job.id, wide).into(),
                job.name.as_str().into(),
                state(job),
                job.tasks.into(),
                job.tally.done.into(),
                (job.tally.failed + job.tally.lost).into(),
                job.paid.into(),
                job.submitted.into(),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items.iter().map(|job| job.id.full()).collect()
    }
}

impl Face for JobView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let mut card = vec![
            ("job", Cell::from(self.id.full())),
            ("name", self.name.as_str().into()),
            ("state", state(self)),
        ];
        if let Some(why) = &self.why {
            card.push(("why", why.as_str().into()));
        }
        let copies = format!(
            "{} in {} bundles, {} copies each",
            self.tasks, self.bundles, self.copies
        );
        card.extend([
            ("tasks", copies.into()),
            ("", tally(&self.tally).into()),
            ("disputes", self.disputes.into()),
            ("canaries", canaries(self)),
            ("module", self.module.full().into()),
            ("price", format!("{} per Gfuel", self.per_gfuel).into()),
            ("fuel", self.fuel.into()),
            ("escrow", self.escrow.into()),
            ("paid", self.paid.into()),
            ("refunded", self.refunded.into()),
            ("submitted", self.submitted.into()),
            ("first results", maybe(self.provisional_at.as_ref())),
            ("ended", maybe(self.ended.as_ref())),
        ]);
        vec![Section::Card(card)]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.id.full()]
    }
}

fn canaries(job: &JobView) -> Cell {
    let is_over = matches!(job.state, JobState::Ended | JobState::Cancelled);
    match &job.canaries {
        None => "-".into(),
        Some(view) if view.opened == 0 && is_over => "planted, never opened".into(),
        Some(view) if view.opened == 0 => "planted".into(),
        Some(view) if view.differ.is_empty() => {
            Cell::toned(Tone::Good, format!("{} opened, none differs", view.opened))
        }
        Some(view) => {
            let differ: Vec<String> = view.differ.iter().map(u64::to_string).collect();
            let differ = differ.join(", ");
            let words = format!("{} opened, other results at {differ}", view.opened);
            Cell::toned(Tone::Bad, words)
        }
    }
}

fn task(task: &TaskView) -> Cell {
    let words = task.ended.as_ref().map(|ended| ended.words.as_str());
    let well = task.ended.as_ref().is_some_and(|ended| ended.is_success());
    match task.state {
        TaskState::Waiting => "waiting".into(),
        TaskState::Running => "running".into(),
        TaskState::Provisional => format!("provisional: {}", words.unwrap_or("here")).into(),
        TaskState::Judged if well => Cell::toned(Tone::Good, "done"),
        TaskState::Judged => Cell::toned(Tone::Bad, words.unwrap_or("failed")),
        TaskState::Lost => Cell::toned(Tone::Bad, task.why.as_deref().unwrap_or("no result")),
    }
}

impl Face for List<TaskView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec!["INDEX", "BUNDLE", "STATE", "FUEL", "OUTPUT", "PEERS"];
        let row = |view: &TaskView| {
            let peers: Vec<String> = view.peers.iter().map(|peer| id(peer, wide)).collect();
            vec![
                view.index.into(),
                view.bundle.into(),
                task(view),
                maybe(view.fuel.as_ref()),
                maybe(view.output.map(|output| id(&output, wide)).as_ref()),
                peers.join(" ").into(),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items
            .iter()
            .map(|task| task.index.to_string())
            .collect()
    }
}

impl Face for SubmittedView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let tasks = format!(
            "{} x {} copies, {} bundles",
            self.tasks, self.copies, self.bundles
        );
        vec![Section::Card(vec![
            ("job", self.job.full().into()),
            ("tasks", tasks.into()),
            ("escrow", format!("at most {}", self.escrow).into()),
            ("price", format!("{} per Gfuel", self.per_gfuel).into()),
            ("peers", format!("{} can be drawn", self.peers).into()),
        ])]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.job.full()]
    }
}

impl Face for ExplainView {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let mut sections = vec![Section::Note(self.summary.as_str().into())];
        if !self.reasons.is_empty() {
            let head = vec!["COUNT", "WHAT", "WHAT HELPS"];
            let rows = self.reasons.iter().map(|reason| {
                let what = reason.what.as_str().into();
                vec![reason.count.into(), what, maybe(reason.fix.as_ref())]
            });
            sections.push(Section::Rows(head, rows.collect()));
        }
        if !self.peers.is_empty() {
            let rows = self.peers.iter().map(|peer| {
                let fits = match peer.fits {
                    true => Cell::toned(Tone::Good, "fits"),
                    false => Cell::toned(Tone::Bad, "does not fit"),
                };
                let sponsor = maybe(peer.sponsor.as_ref());
                vec![
                    id(&peer.peer, wide).into(),
                    sponsor,
                    fits,
                    peer.why.as_str().into(),
                ]
            });
            sections.push(Section::Rows(
                vec!["PEER", "SPONSOR", "DRAW", "WHY"],
                rows.collect(),
            ));
        }
        sections
    }

    fn ids(&self) -> Vec<String> {
        vec![self.job.full()]
    }
}

fn judged(dispute: &DisputeView) -> Cell {
    match dispute.state {
        DisputeState::Open => Cell::toned(Tone::Warn, "open"),
        DisputeState::Panel => Cell::toned(Tone::Warn, "panel"),
        DisputeState::Judged => Cell::toned(Tone::Good, "judged"),
        DisputeState::Nondeterministic => Cell::toned(Tone::Bad, "members differ"),
        DisputeState::Undisputed => Cell::toned(Tone::Bad, "nobody disputed"),
    }
}

fn peers(peers: &[Id<protocol::ids::PeerId>], wide: bool) -> Cell {
    let names: Vec<String> = peers.iter().map(|peer| id(peer, wide)).collect();
    maybe(
        Some(names.join(" "))
            .filter(|names| !names.is_empty())
            .as_ref(),
    )
}

impl Face for List<DisputeView> {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec![
            "NUMBER",
            "JOB",
            "BUNDLE",
            "STATE",
            "CONVICTED",
            "UPHELD",
            "OPENED",
        ];
        let row = |dispute: &DisputeView| {
            vec![
                dispute.number.into(),
                id(&dispute.job, wide).into(),
                dispute.bundle.into(),
                judged(dispute),
                peers(&dispute.convicted, wide),
                peers(&dispute.upheld, wide),
                dispute.opened.into(),
            ]
        };
        vec![Section::Rows(head, self.items.iter().map(row).collect())]
    }

    fn ids(&self) -> Vec<String> {
        self.items
            .iter()
            .map(|dispute| dispute.number.to_string())
            .collect()
    }
}

impl Face for DisputeView {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let panel: Vec<String> = self.panel.iter().map(|party| id(party, wide)).collect();
        let mut sections = vec![Section::Card(vec![
            ("dispute", self.number.into()),
            ("job", self.job.full().into()),
            ("bundle", self.bundle.into()),
            ("state", judged(self)),
            ("panel", panel.join(" ").into()),
            ("round", self.round.into()),
            ("upheld", peers(&self.upheld, wide)),
            ("convicted", peers(&self.convicted, wide)),
            ("opened", self.opened.into()),
            ("ended", maybe(self.ended.as_ref())),
        ])];
        let mut rows = Vec::new();
        for task in &self.tasks {
            for claim in &task.claims {
                let right = match claim.right {
                    None => Cell::toned(Tone::Warn, "not judged"),
                    Some(true) => Cell::toned(Tone::Good, "right"),
                    Some(false) => Cell::toned(Tone::Bad, "wrong"),
                };
                rows.push(vec![
                    task.index.into(),
                    id(&claim.peer, wide).into(),
                    id(&claim.output, wide).into(),
                    claim.fuel.into(),
                    right,
                ]);
            }
        }
        if !rows.is_empty() {
            let head = vec!["INDEX", "PEER", "CLAIMS OUTPUT", "FUEL", "VERDICT"];
            sections.push(Section::Rows(head, rows));
        }
        for slash in &self.slashes {
            let words = format!(
                "{} lost {}: {} ({})",
                id(&slash.peer, wide),
                slash.amount,
                slash.words,
                slash.fault
            );
            sections.push(Section::Note(Cell::toned(Tone::Warn, words)));
        }
        sections
    }

    fn ids(&self) -> Vec<String> {
        vec![self.number.to_string()]
    }
}
