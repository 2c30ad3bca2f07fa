//! Who audited and judged what, and was right: as events and entries tell it.

use std::collections::{BTreeMap, BTreeSet};

use protocol::entry::AUDITED_PER_PART;
use protocol::event::Event;
use protocol::ids::{BundleId, JobId, PartyId};
use protocol::outcome::Outcome;

/// What one member found of a task it audits.
#[derive(Clone, Copy, Debug)]
struct Finding {
    member: PartyId,
    found: Option<Outcome>,
}

/// A dispute before its panel.
#[derive(Debug, Default)]
struct Panel {
    /// The disputed tasks, by their numbers in the job.
    tasks: Vec<u32>,
    called: BTreeSet<PartyId>,
    answers: BTreeMap<PartyId, Vec<Option<Outcome>>>,
    /// What is right, once that is known, and which judges found it.
    right: Vec<Option<Outcome>>,
    rightful: BTreeSet<PartyId>,
    /// What each of them will be paid.
    paid: i128,
}

/// Every audit and panel of jobs that have not ended.
#[derive(Debug, Default)]
pub(super) struct Panels {
    audits: BTreeMap<JobId, BTreeMap<u32, Finding>>,
    seats: BTreeMap<JobId, Vec<(PartyId, Vec<u32>)>>,
    panels: BTreeMap<BundleId, Panel>,
    sizes: BTreeMap<JobId, u32>,
}

impl Panels {
    /// Learns what the ledger says; `size` is how many tasks a job's bundles have.
    pub(super) fn hear(&mut self, event: &Event, size: impl Fn(&JobId) -> u32) {
        match event {
            Event::AuditDrawn {
                job, member, tasks, ..
            } => {
                self.sizes.insert(*job, size(job));
                self.seats
                    .entry(*job)
                    .or_default()
                    .push((*member, tasks.clone()));
                let audits = self.audits.entry(*job).or_default();
                let finding = Finding {
                    member: *member,
                    found: None,
                };
                audits.extend(tasks.iter().map(|task| (*task, finding)));
            }
            Event::AuditLapsed { job, member, .. } => {
                if let Some(audits) = self.audits.get_mut(job) {
                    audits.retain(|_, finding| finding.member != *member);
                }
            }
            Event::AuditOpened {
                job,
                seat,
                part,
                outcomes,
                ..
            } => self.opened(*job, usize::from(*seat), *part, outcomes),
            Event::PanelCalled {
                bundle,
                tasks,
                panel,
                ..
            } => {
                let first = bundle.index * size(&bundle.job);
                let places = tasks.iter().filter_map(|task| task.claims.first());
                let called = Panel {
                    tasks: places.map(|(_, proof)| first + proof.place).collect(),
                    called: panel.iter().copied().collect(),
                    ..Panel::default()
                };
                self.panels.insert(*bundle, called);
            }
            Event::Verdict { bundle, right, .. } => {
                if let Some(panel) = self.panels.get_mut(bundle) {
                    panel.right.clone_from(right);
                    panel.rightful = panel.judges_who_were_right();
                }
            }
            Event::JobEnded { job, .. } => {
                self.audits.remove(job);
                self.seats.remove(job);
                self.sizes.remove(job);
            }
            _ => {}
        }
    }

    fn opened(&mut self, job: JobId, seat: usize, part: u32, outcomes: &[Option<Outcome>]) {
        let seats = self.seats.get(&job);
        let Some((_, tasks)) = seats.and_then(|seats| seats.get(seat)) else {
            return;
        };
        let from = (part * AUDITED_PER_PART) as usize;
        let Some(audits) = self.audits.get_mut(&job) else {
            return;
        };
        for (task, outcome) in tasks.iter().skip(from).zip(outcomes) {
            if let Some(finding) = audits.get_mut(task) {
                finding.found = *outcome;
            }
        }
    }

    /// A judge opened its answer.
    pub(super) fn answered(
        &mut self,
        bundle: BundleId,
        judge: PartyId,
        outcomes: Vec<Option<Outcome>>,
    ) {
        let panel = self.panels.entry(bundle).or_default();
        panel.answers.insert(judge, outcomes);
    }

    /// What each judge who was right gets of `pot`, a treasury's share of a slash: an equal part,
    /// until its runs are paid.
    pub(super) fn pay(&mut self, bundle: BundleId, pot: i128, price: i128) -> Vec<(PartyId, i128)> {
        let Some(panel) = self.panels.get_mut(&bundle) else {
            return Vec::new();
        };
        let most = price * i128::try_from(panel.tasks.len()).unwrap_or(0) - panel.paid;
        let heads = i128::try_from(panel.rightful.len()).unwrap_or(0);
        let each = pot.checked_div(heads).unwrap_or(0).min(most);
        panel.paid += each;
        panel.rightful.iter().map(|judge| (*judge, each)).collect()
    }

    /// Who has found what is wrong: `shown` where nobody audits the bundle, else the first auditor
    /// who was right.
    pub(super) fn finder(&self, bundle: BundleId, shown: Option<PartyId>) -> Option<PartyId> {
        let size = self.sizes.get(&bundle.job).copied().unwrap_or(1);
        let first = bundle.index * size;
        let audits = self.audits.get(&bundle.job);
        let audited = audits.is_some_and(|audits| {
            let mut tasks = audits.range(first..first + size);
            tasks.next().is_some()
        });
        let (true, Some(panel)) = (audited, self.panels.get(&bundle)) else {
            return shown;
        };
        let judged = panel.tasks.iter().zip(&panel.right);
        let verdicts = judged.filter_map(|(task, right)| {
            let finding = audits?.get(task)?;
            Some((finding.member, finding.found? == (*right)?))
        });
        let verdicts: Vec<(PartyId, bool)> = verdicts.collect();
        let wrong = |member| verdicts.contains(&(member, false));
        let right = verdicts.iter().filter(|(_, right)| *right);
        right
            .map(|(member, _)| *member)
            .find(|member| !wrong(*member))
    }

    /// A bundle has ended, in an earlier block.
    pub(super) fn over(&mut self, bundle: &BundleId) {
        self.panels.remove(bundle);
    }
}

impl Panel {
    /// Judges that answered, and nothing against the verdict.
    fn judges_who_were_right(&self) -> BTreeSet<PartyId> {
        let rightful = self.answers.iter().filter(|(judge, answer)| {
            let mut pairs = answer.iter().zip(&self.right);
            let against =
                pairs.any(|(found, right)| found.is_some() && right.is_some() && found != right);
            let said = answer.iter().any(Option::is_some);
            self.called.contains(judge) && said && !against
        });
        rightful.map(|(judge, _)| *judge).collect()
    }
}
