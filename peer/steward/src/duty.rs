//! What a member owes: to run disputed tasks again and say what is right.
//!
//! ```text
//! called ──errand done──▶ answer known ──▶ sealed ──panel opens──▶ opened ──verdict──▶ over
//! ```

use std::collections::BTreeMap;

use protocol::entry::{Body, DisputedTask, PanelAnswer};
use protocol::event::Event;
use protocol::ids::BundleId;

use crate::desk::Aim;
use crate::effect::{Report, RunToken, Why};
use crate::errand::{Errand, Stage};
use crate::hand::Hand;
use crate::known::KnownJobs;

/// So many panels are served at once; further calls wait until one is over.
pub const DUTIES_MAX: usize = 256;

#[derive(Debug)]
struct Duty {
    tasks: Vec<DisputedTask>,
    round: u8,
    /// Whether the panel opens its answers.
    opening: bool,
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
                ..
            } => {
                self.over(*bundle, hand);
                if hand.me.member && panel.contains(&hand.me.party) {
                    let duty = Duty {
                        tasks: tasks.clone(),
                        round: *round,
                        opening: false,
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
        let mut errands = self
            .owed
            .values_mut()
            .filter_map(|duty| duty.errand.as_mut());
        errands.find(|errand| errand.runs_under(token))
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
        if self.errand.is_none() {
            hand.stock.hope();
            let terms = known.terms(&bundle.job)?.clone();
            let first = terms.tasks_of(bundle.index).start;
            let places = self.tasks.iter().filter_map(|task| task.claims.first());
            let tasks = places.map(|(_, proof)| first + proof.place).collect();
            let from = known.sources(bundle, hand.me.peer);
            self.errand = Some(Errand::new(bundle, Why::Panel, terms, tasks, from));
        }
        let errand = self.errand.as_mut()?;
        errand.step(hand);
        let outcomes = match &errand.stage {
            Stage::Done => errand
                .found()
                .map(|found| found.as_ref().ok().map(|(o, _)| *o))
                .collect(),
            Stage::Failed(why) => {
                // A judge that cannot run says so: silence would be a fault.
                hand.out.report(Report::CannotRun {
                    bundle,
                    why: why.clone(),
                });
                vec![None; self.tasks.len()]
            }
            Stage::Fetching | Stage::Queued | Stage::Running(_) => return None,
        };
        let salt = hand.me.salt_key.panel_salt(bundle, self.round);
        self.answer = Some(PanelAnswer { outcomes, salt });
        self.errand = None;
        self.answer.clone()
    }
}
