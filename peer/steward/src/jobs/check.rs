//! The audits of our own job: what auditors found, and we knew as canaries, is compared with what
//! the peers opened. Where they differ we show a panel; else we say that we are content, and all
//! are paid at once.

use std::collections::{BTreeMap, BTreeSet};

use protocol::entry::{AUDITED_PER_PART, AuditRequest, Body, DISPUTED_MAX};
use protocol::event::Event;
use protocol::ids::{BundleId, PartyId};
use protocol::outcome::{self, LeafProof, Outcome};

use super::bundle::{Bundle, Stage};
use super::demand::demand;
use super::job::OwnJob;
use super::plant::Planted;
use super::view::Canaries;
use crate::desk::Aim;
use crate::hand::Hand;

/// What one auditor was dealt and has opened.
#[derive(Debug)]
struct Seat {
    member: PartyId,
    tasks: Vec<u32>,
    sealed: bool,
    opened: BTreeSet<u32>,
    lapsed: bool,
}

/// The audits of a job.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    seats: BTreeMap<u16, Seat>,
    /// What auditors found, by the task's number in the job.
    found: BTreeMap<u32, Outcome>,
    opening: bool,
    /// Canaries that we know and have not opened.
    pub(crate) planted: Option<Planted>,
    /// Canaries that are opened, by the task's number in the job.
    known: BTreeMap<u32, Outcome>,
}

impl Checks {
    /// Learns what the ledger says.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::AuditDrawn {
                seat,
                member,
                tasks,
                ..
            } => {
                let row = Seat {
                    member: *member,
                    tasks: tasks.clone(),
                    sealed: false,
                    opened: BTreeSet::new(),
                    lapsed: false,
                };
                self.seats.insert(*seat, row);
            }
            Event::AuditSealed { member, .. } => {
                let mut seats = self.seats.values_mut();
                if let Some(seat) = seats.find(|seat| seat.member == *member && !seat.sealed) {
                    seat.sealed = true;
                }
            }
            Event::AuditLapsed { member, .. } => {
                let opening = self.opening;
                let seats = self.seats.values_mut();
                for seat in seats.filter(|seat| seat.member == *member) {
                    seat.lapsed |= !seat.sealed || (opening && !seat.is_open());
                }
            }
            Event::AuditsOpening { .. } => self.opening = true,
            Event::CanariesOpened { canaries, .. } => {
                self.planted = None;
                let known = canaries.iter().map(|canary| (canary.task, canary.outcome));
                self.known.extend(known);
            }
            Event::AuditOpened {
                seat,
                part,
                outcomes,
                ..
            } => {
                let Some(seat) = self.seats.get_mut(seat) else {
                    return;
                };
                seat.opened.insert(*part);
                let tasks = seat
                    .tasks
                    .chunks(AUDITED_PER_PART as usize)
                    .nth(*part as usize);
                let found = tasks.into_iter().flatten().zip(outcomes);
                let found = found.filter_map(|(task, outcome)| Some((*task, (*outcome)?)));
                self.found.extend(found);
            }
            _ => {}
        }
    }

    /// Whether every auditor has opened, or lapsed, and we have opened what we knew.
    fn is_open(&self) -> bool {
        let done = |seat: &Seat| seat.lapsed || seat.is_open();
        self.opening && self.planted.is_none() && self.seats.values().all(done)
    }

    /// Proofs of what the peers of a bundle opened where an auditor found something else; where
    /// none did, of one task where we knew better, since our deposit answers for it. `None` if we
    /// lack their outcomes.
    fn differences(&self, bundle: &Bundle) -> Option<Vec<LeafProof>> {
        let of_bundle = |all: &BTreeMap<u32, Outcome>| -> Vec<(u32, Outcome)> {
            let tasks = all.range(bundle.tasks.clone());
            tasks.map(|(task, outcome)| (*task, *outcome)).collect()
        };
        let (audited, known) = (of_bundle(&self.found), of_bundle(&self.known));
        if audited.is_empty() && known.is_empty() {
            return Some(Vec::new());
        }
        let list = bundle.opened_list()?;
        let differs = |(task, outcome): (u32, Outcome)| {
            let place = task - bundle.tasks.start;
            (list.get(place as usize) != Some(&outcome)).then_some(place)
        };
        let mut places: Vec<u32> = audited.into_iter().filter_map(differs).collect();
        if places.is_empty() {
            places.extend(known.into_iter().find_map(differs));
        }
        let proofs = places.into_iter().map(|place| outcome::prove(list, place));
        proofs.take(DISPUTED_MAX).collect()
    }

    /// What became of our canaries: how many are opened, and the tasks of those that differ from
    /// what the peers of their bundle opened.
    pub(crate) fn canaries(&self, bundles: &[Bundle]) -> Canaries {
        let differs = |(task, outcome): (&u32, &Outcome)| {
            let bundle = bundles.iter().find(|bundle| bundle.tasks.contains(task))?;
            let opened = bundle
                .opened_list()?
                .get((task - bundle.tasks.start) as usize);
            (opened != Some(outcome)).then_some(*task)
        };
        Canaries {
            opened: u32::try_from(self.known.len()).unwrap_or(u32::MAX),
            differ: self.known.iter().filter_map(differs).collect(),
        }
    }
}

impl Seat {
    fn is_open(&self) -> bool {
        self.opened.len() == self.tasks.chunks(AUDITED_PER_PART as usize).len()
    }
}

impl OwnJob {
    /// Contests what differs, or accepts.
    pub(super) fn check(&self, hand: &mut Hand<'_>) {
        if !self.checks.opening {
            return;
        }
        if let Some(Planted { salt, canaries }) = &self.checks.planted {
            let (job, salt, canaries) = (self.id, *salt, canaries.clone());
            let open = AuditRequest::Canaries {
                job,
                salt,
                canaries,
            };
            let body = || Some(Body::Audit(open));
            hand.desk.want(Aim::Canaries(job), hand.now, hand.out, body);
        } else {
            hand.desk.forget(Aim::Canaries(self.id));
        }
        let mut content = self.checks.is_open();
        for bundle in &self.bundles {
            let aim = Aim::Contest(bundle.id);
            if bundle.stage != Stage::Drawn {
                hand.desk.forget(aim);
                continue;
            }
            match self.checks.differences(bundle) {
                Some(proofs) if proofs.is_empty() => {}
                Some(proofs) => {
                    content = false;
                    let body = || Some(contest(bundle.id, proofs));
                    hand.desk.want(aim, hand.now, hand.out, body);
                }
                None => {
                    content = false;
                    demand(bundle, hand);
                }
            }
        }
        let waits = self.bundles.iter().any(|b| b.stage == Stage::Drawn);
        if content && waits {
            let job = self.id;
            let accept = AuditRequest::Open {
                job,
                openings: Vec::new(),
                findings: Vec::new(),
                content,
            };
            let body = || Some(Body::Audit(accept));
            hand.desk.want(Aim::Accept(job), hand.now, hand.out, body);
        }
    }
}

const fn contest(bundle: BundleId, proofs: Vec<LeafProof>) -> Body {
    Body::Audit(AuditRequest::Contest { bundle, proofs })
}
