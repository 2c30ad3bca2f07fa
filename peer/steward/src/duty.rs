//! What a member owes: to say what is right of disputed tasks. It runs them again, or, in a first
//! panel and where a job runs in steps, the one step of each in which its claims part.
//!
//! ```text
//! called ──steps, or whole tasks──▶ answer known ──▶ sealed ──panel opens──▶ opened ──▶ over
//! ```

use std::collections::BTreeMap;

use protocol::entry::{Body, DisputedTask, PanelAnswer};
use protocol::event::Event;
use protocol::ids::{BundleId, PeerId};
use protocol::job::Blob;
use protocol::message::StateOf;
use protocol::outcome::Outcome;
use protocol::units::Moment;

use crate::desk::Aim;
use crate::effect::{Report, RunToken, Why};
use crate::errand::{Errand, Stage};
use crate::hand::Hand;
use crate::input::Listed;
use crate::known::KnownJobs;

pub(crate) mod by_step;
pub(crate) mod disputed;

use by_step::ByStep;

/// So many panels are served at once; further calls wait until one is over.
pub const DUTIES_MAX: usize = 256;

#[derive(Debug)]
struct Duty {
    tasks: Vec<DisputedTask>,
    round: u8,
    seal_by: Moment,
    /// Whether the panel opens its answers.
    opening: bool,
    /// Single steps, while they are tried; and what they have shown.
    by_step: Option<ByStep>,
    stands: Option<BTreeMap<u32, Outcome>>,
    /// The tasks that are run whole.
    errand: Option<Errand>,
    answer: Option<PanelAnswer>,
}

#[derive(Debug, Default)]
pub(crate) struct Duties {
    owed: BTreeMap<BundleId, Duty>,
}

impl Duties {
    /// Learns what the ledger says.
    pub(crate) fn apply(&mut self, event: &Event, hand: &mut Hand<'_>) {
        match event {
            Event::PanelCalled {
                bundle,
                tasks,
                panel,
                round,
                seal_by,
            } => {
                self.over(*bundle, hand);
                if hand.me.member && panel.contains(&hand.me.party) {
                    let duty = Duty {
                        tasks: tasks.clone(),
                        round: *round,
                        seal_by: *seal_by,
                        opening: false,
                        by_step: None,
                        stands: None,
                        errand: None,
                        answer: None,
                    };
                    self.owed.insert(*bundle, duty);
                }
            }
            Event::PanelOpening { bundle, .. } => {
                if let Some(duty) = self.owed.get_mut(bundle) {
                    duty.opening = true;
                    hand.desk.forget(Aim::PanelSeal(*bundle, duty.round));
                }
            }
            Event::Verdict { bundle, .. } | Event::BundleEnded { bundle, .. } => {
                self.over(*bundle, hand);
            }
            _ => {}
        }
    }

    fn over(&mut self, bundle: BundleId, hand: &mut Hand<'_>) {
        let Some(mut duty) = self.owed.remove(&bundle) else {
            return;
        };
        hand.desk.forget(Aim::PanelSeal(bundle, duty.round));
        hand.desk.forget(Aim::PanelOpen(bundle, duty.round));
        if let Some(errand) = &mut duty.errand {
            errand.stop("the panel is over", hand.crew, hand.out);
        }
        if let Some(by_step) = &mut duty.by_step {
            by_step.stop("the panel is over", hand);
        }
    }

    /// The lists of a bundle's claims were read.
    pub(crate) fn listed(&mut self, bundle: &BundleId, lists: Option<Vec<Listed>>) {
        let duty = self.owed.get_mut(bundle);
        if let Some(by_step) = duty.and_then(|duty| duty.by_step.as_mut()) {
            by_step.listed(lists);
        }
    }

    /// A peer gives a state that we asked for, or has none.
    pub(crate) fn given(&mut self, from: PeerId, of: StateOf, state: Option<Blob>) {
        let duty = self.owed.get_mut(&of.bundle);
        if let Some(by_step) = duty.and_then(|duty| duty.by_step.as_mut()) {
            by_step.given(from, of, state);
        }
    }

    pub(crate) fn wake_after(&self, acted: Moment) -> Option<Moment> {
        let by_step = self.owed.values().filter_map(|duty| duty.by_step.as_ref());
        let wakes = by_step.map(ByStep::wake_at);
        wakes.filter(|at| *at > acted).min()
    }

    /// Does what is owed now.
    pub(crate) fn act(&mut self, known: &KnownJobs, hand: &mut Hand<'_>) {
        for (bundle, duty) in self.owed.iter_mut().take(DUTIES_MAX) {
            let Some(answer) = duty.answer(*bundle, known, hand) else {
                continue;
            };
            if duty.opening {
                let aim = Aim::PanelOpen(*bundle, duty.round);
                let body = || {
                    Some(Body::PanelOpen {
                        bundle: *bundle,
                        answer,
                    })
                };
                hand.desk.want(aim, hand.now, hand.out, body);
            } else {
                let aim = Aim::PanelSeal(*bundle, duty.round);
                let seal = answer.seal(bundle, &hand.me.party);
                let body = || {
                    Some(Body::PanelSeal {
                        bundle: *bundle,
                        seal,
                    })
                };
                hand.desk.want(aim, hand.now, hand.out, body);
            }
        }
    }

    pub(crate) fn errand(&mut self, token: RunToken) -> Option<&mut Errand> {
        self.owed.values_mut().find_map(|duty| {
            let whole = duty.errand.as_mut();
            let whole = whole.filter(|errand| errand.runs_under(token));
            whole.or_else(|| duty.by_step.as_mut()?.errand(token))
        })
    }

    /// How many panels wait for us.
    pub(crate) fn open(&self) -> usize {
        self.owed.len()
    }
}

impl Duty {
    fn answer(
        &mut self,
        bundle: BundleId,
        known: &KnownJobs,
        hand: &mut Hand<'_>,
    ) -> Option<PanelAnswer> {
        if self.answer.is_some() {
            return self.answer.clone();
        }
        let terms = known.terms(&bundle.job)?;
        let first = terms.tasks_of(bundle.index).start;
        let places = self.tasks.iter().filter_map(|task| task.claims.first());
        let tasks: Vec<u32> = places.map(|(_, proof)| first + proof.place).collect();
        let us = hand.me.peer;
        let whole = |tasks| {
            let from = known.sources(bundle, us);
            Errand::new(bundle, Why::Panel, terms.clone(), tasks, from)
        };
        if self.errand.is_none() {
            self.errand = Some(whole(tasks.clone()));
            hand.stock.hope();
        }
        if self.stands.is_none() {
            let stands = self.by_step(bundle, known, hand)?;
            let left = tasks.iter().filter(|task| !stands.contains_key(task));
            let left: Vec<u32> = left.copied().collect();
            if left.len() < tasks.len() {
                self.errand = Some(whole(left));
            }
            (self.stands, self.by_step) = (Some(stands), None);
        }
        let mut outcomes = self.stands.clone().unwrap_or_default();
        let errand = self.errand.as_mut()?;
        if outcomes.len() < tasks.len() {
            errand.step(hand);
            match &errand.stage {
                Stage::Done => outcomes.extend(errand.outcomes()),
                Stage::Failed(why) => {
                    // A judge that cannot run says so: silence would be a fault.
                    hand.out.report(Report::CannotRun {
                        bundle,
                        why: why.clone(),
                    });
                }
                Stage::Fetching | Stage::Queued | Stage::Running(_) => return None,
            }
        }
        let outcomes = tasks.iter().map(|task| outcomes.get(task).copied());
        let salt = hand.me.salt_key.panel_salt(bundle, self.round);
        self.answer = Some(PanelAnswer {
            outcomes: outcomes.collect(),
            salt,
        });
        self.errand = None;
        self.answer.clone()
    }

    /// What single steps show, once that is known; nothing where they are not tried. All members
    /// run the tasks whole: then nothing else is left to be asked.
    fn by_step(
        &mut self,
        bundle: BundleId,
        known: &KnownJobs,
        hand: &mut Hand<'_>,
    ) -> Option<BTreeMap<u32, Outcome>> {
        let errand = self.errand.as_mut()?;
        if !errand.prepare(hand) {
            return (errand.stage != Stage::Fetching).then(BTreeMap::new);
        }
        if self.by_step.is_none() && self.round == 1 {
            let (terms, from) = (
                known.terms(&bundle.job)?,
                known.sources(bundle, hand.me.peer),
            );
            let time = (hand.now, self.seal_by);
            self.by_step = ByStep::new(bundle, terms, from, &self.tasks, time);
        }
        match &mut self.by_step {
            Some(by_step) => by_step.step(hand).cloned(),
            None => Some(BTreeMap::new()),
        }
    }
}
