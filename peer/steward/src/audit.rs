//! What a member owes as an auditor: to run tasks of a closed job again, and to seal what it found
//! before the job's peers open.
//!
//! ```text
//! called ──errand done──▶ findings known ──▶ sealed ──peers have opened──▶ opened ──▶ over
//! ```

use std::collections::BTreeMap;

use protocol::entry::{AuditRequest, Body, Findings};
use protocol::event::Event;
use protocol::ids::{BundleId, JobId};
use protocol::outcome::Outcome;

use crate::desk::Aim;
use crate::effect::{Report, RunToken, Why};
use crate::errand::{Errand, Stage};
use crate::hand::Hand;
use crate::known::KnownJobs;

/// So many audits are served at once; further calls wait until one is over.
pub const AUDITS_MAX: usize = 256;

#[derive(Debug)]
struct Audit {
    tasks: Vec<u32>,
    sealed: bool,
    opening: bool,
    errand: Option<Errand>,
    findings: Vec<Findings>,
    /// The parts of our findings that are on the ledger.
    opened: Vec<u32>,
}

#[derive(Debug, Default)]
pub(crate) struct Audits {
    owed: BTreeMap<(JobId, u16), Audit>,
}

impl Audits {
    /// Learns what the ledger says.
    pub(crate) fn apply(&mut self, event: &Event, hand: &mut Hand<'_>) {
        match event {
            Event::AuditDrawn {
                job,
                seat,
                member,
                tasks,
                ..
            } if hand.me.member && *member == hand.me.party => {
                let audit = Audit {
                    tasks: tasks.clone(),
                    sealed: false,
                    opening: false,
                    errand: None,
                    findings: Vec::new(),
                    opened: Vec::new(),
                };
                self.owed.insert((*job, *seat), audit);
            }
            Event::AuditSealed { job, member } if *member == hand.me.party => {
                // The ledger gives a member's seals to its seats in their order.
                let mut ours = self.of(*job);
                if let Some((seat, audit)) = ours.find(|(_, audit)| !audit.sealed) {
                    audit.sealed = true;
                    hand.desk.forget(Aim::AuditSeal(*job, seat));
                }
            }
            Event::AuditsOpening { job, .. } => {
                self.of(*job).for_each(|(_, audit)| audit.opening = true);
            }
            Event::AuditOpened {
                job, seat, part, ..
            } => {
                if let Some(audit) = self.owed.get_mut(&(*job, *seat)) {
                    audit.opened.push(*part);
                    hand.desk.forget(Aim::AuditOpen(*job, *seat, *part));
                }
            }
            Event::AuditLapsed { job, member, .. } if *member == hand.me.party => {
                let late = |audit: &Audit| !audit.sealed || audit.opening;
                self.over(*job, late, hand);
            }
            Event::JobEnded { job, .. } => self.over(*job, |_| true, hand),
            _ => {}
        }
    }

    fn of(&mut self, job: JobId) -> impl Iterator<Item = (u16, &mut Audit)> {
        let seats = self.owed.range_mut((job, 0)..=(job, u16::MAX));
        seats.map(|((_, seat), audit)| (*seat, audit))
    }

    fn over(&mut self, job: JobId, is_over: impl Fn(&Audit) -> bool, hand: &mut Hand<'_>) {
        let over: Vec<u16> = self
            .of(job)
            .filter(|(_, audit)| is_over(audit))
            .map(|(seat, _)| seat)
            .collect();
        for seat in over {
            hand.desk.forget(Aim::AuditSeal(job, seat));
            if let Some(mut audit) = self.owed.remove(&(job, seat)) {
                for findings in &audit.findings {
                    hand.desk.forget(Aim::AuditOpen(job, seat, findings.part));
                }
                if let Some(errand) = &mut audit.errand {
                    errand.stop("the audit is over", hand.crew, hand.out);
                }
            }
        }
    }

    /// Does what is owed now.
    pub(crate) fn act(&mut self, known: &KnownJobs, hand: &mut Hand<'_>) {
        for ((job, seat), audit) in self.owed.iter_mut().take(AUDITS_MAX) {
            audit.find((*job, *seat), known, hand);
            let Some(first) = audit.findings.first() else {
                continue;
            };
            if !audit.sealed {
                let (job, hash) = (*job, first.seal(job));
                let aim = Aim::AuditSeal(job, *seat);
                let body = || Some(Body::Audit(AuditRequest::Seal { job, hash }));
                hand.desk.want(aim, hand.now, hand.out, body);
            } else if audit.opening {
                let opened = &audit.opened;
                let closed = audit.findings.iter().filter(|f| !opened.contains(&f.part));
                for findings in closed {
                    let aim = Aim::AuditOpen(*job, *seat, findings.part);
                    hand.desk
                        .want(aim, hand.now, hand.out, || Some(open(*job, findings)));
                }
            }
        }
    }

    pub(crate) fn errand(&mut self, token: RunToken) -> Option<&mut Errand> {
        let mut errands = self
            .owed
            .values_mut()
            .filter_map(|audit| audit.errand.as_mut());
        errands.find(|errand| errand.runs_under(token))
    }

    /// How many audits wait for us.
    pub(crate) fn open(&self) -> usize {
        self.owed.len()
    }
}

fn open(job: JobId, findings: &Findings) -> Body {
    Body::Audit(AuditRequest::Open {
        job,
        openings: Vec::new(),
        findings: vec![findings.clone()],
        content: false,
    })
}

impl Audit {
    fn find(&mut self, (job, seat): (JobId, u16), known: &KnownJobs, hand: &mut Hand<'_>) {
        if !self.findings.is_empty() {
            return;
        }
        if self.errand.is_none() {
            let Some(terms) = known.terms(&job).cloned() else {
                return;
            };
            let first = self.tasks.first().copied().unwrap_or_default();
            let index = first / terms.tasks_per_bundle;
            let bundle = BundleId { job, index };
            let from = known.sources(bundle, hand.me.peer);
            let tasks = self.tasks.clone();
            self.errand = Some(Errand::new(bundle, Why::Audit, terms, tasks, from));
        }
        let Some(errand) = self.errand.as_mut() else {
            return;
        };
        errand.step(hand);
        let found: Vec<Option<Outcome>> = match &errand.stage {
            Stage::Done => errand
                .found()
                .map(|found| found.as_ref().ok().map(|(outcome, _)| *outcome))
                .collect(),
            Stage::Failed(why) => {
                // An auditor that cannot run says so: silence would be a fault.
                let (bundle, why) = (errand.bundle, why.clone());
                hand.out.report(Report::CannotRun { bundle, why });
                vec![None; self.tasks.len()]
            }
            Stage::Fetching | Stage::Queued | Stage::Running(_) => return,
        };
        let salt = hand.me.salt_key.audit_salt(job, seat);
        self.findings = Findings::all(hand.me.party, salt, &found);
        self.errand = None;
    }
}
