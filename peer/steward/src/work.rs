//! The runs this peer was drawn for, gathered by job.

use std::collections::BTreeMap;

use protocol::entry::{Body, Opening, PeerSeal};
use protocol::event::Event;
use protocol::ids::{BundleId, JobId, PeerId};
use protocol::message::Message;
use protocol::units::Moment;

use crate::desk::{Aim, Role};
use crate::effect::{Effect, RunToken};
use crate::errand::Errand;
use crate::gather::Gather;
use crate::hand::Hand;
use crate::handover::Handover;
use crate::jobs::Jobs;
use crate::known::KnownJobs;

pub(crate) mod answer;
pub(crate) mod lent;
pub(crate) mod run;

use run::{OPEN_SELF_AFTER, Run, Told, fallback};

/// So many runs may wait for their outcomes; a peer drawn for more declines at once.
pub const RUNS_OPEN_MAX: usize = 1_024;
/// Runs of so many ended jobs are remembered, to tell their outcomes again.
pub const JOBS_REMEMBERED_MAX: usize = 64;

#[derive(Debug)]
struct JobRuns {
    runs: BTreeMap<u32, Run>,
    seals: Gather<PeerSeal>,
    openings: Gather<Opening>,
    /// When sealing ended, by our clock, and by when we must have opened.
    closed: Option<(Moment, Moment)>,
    opening_told: bool,
    ended: bool,
}

impl JobRuns {
    const fn new() -> Self {
        Self {
            runs: BTreeMap::new(),
            seals: Gather::new(),
            openings: Gather::new(),
            closed: None,
            opening_told: false,
            ended: false,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Work {
    jobs: BTreeMap<JobId, JobRuns>,
    pub(crate) handover: Handover,
}

impl Work {
    /// Learns what the ledger says.
    pub(crate) fn apply(&mut self, event: &Event, known: &KnownJobs, hand: &mut Hand<'_>) {
        let us = hand.me.peer;
        self.demands(event, hand);
        self.handover.apply(event, known, hand);
        match event {
            Event::Drawn {
                bundle,
                peers,
                seal_by,
            } if peers.contains(&us) => {
                self.drawn(*bundle, *seal_by, known);
            }
            Event::Replaced { bundle, out, .. } if *out == us => self.lost(*bundle, hand),
            Event::Replaced {
                bundle,
                next: Some(next),
                seal_by,
                ..
            } if *next == us => {
                self.drawn(*bundle, *seal_by, known);
            }
            Event::Sealed { bundle, peer } if *peer == us => {
                if let Some(job) = self.jobs.get_mut(&bundle.job) {
                    job.seals.gone((bundle.index, us));
                    if let Some(run) = job.runs.get_mut(&bundle.index) {
                        run.landed = true;
                    }
                }
            }
            Event::Closed { job, open_by } => {
                if let Some(job) = self.jobs.get_mut(job) {
                    job.closed = Some((hand.now, *open_by));
                }
            }
            Event::Opened { bundle, peer, root } if *peer == us => {
                if let Some(job) = self.jobs.get_mut(&bundle.job) {
                    job.openings.gone((bundle.index, us));
                    if let Some(run) = job.runs.get_mut(&bundle.index) {
                        run.opened = Some(*root);
                        run.drop_other_result();
                    }
                }
            }
            Event::BundleEnded { bundle, .. } => {
                hand.desk.forget(Aim::Decline(*bundle));
                if let Some(job) = self.jobs.get_mut(&bundle.job) {
                    job.seals.gone((bundle.index, us));
                    job.openings.gone((bundle.index, us));
                    if let Some(run) = job.runs.get_mut(&bundle.index) {
                        run.ended = true;
                        run.stop(hand);
                    }
                }
            }
            Event::JobEnded { job, .. } => self.ended(*job),
            _ => {}
        }
    }

    fn drawn(&mut self, bundle: BundleId, seal_by: Moment, known: &KnownJobs) {
        let Some(terms) = known.terms(&bundle.job) else {
            return;
        };
        if terms.tasks_of(bundle.index).is_empty() {
            return;
        }
        let job = self.jobs.entry(bundle.job).or_insert_with(JobRuns::new);
        job.runs
            .insert(bundle.index, Run::new(bundle, terms.clone(), seal_by));
    }

    fn lost(&mut self, bundle: BundleId, hand: &mut Hand<'_>) {
        hand.desk.forget(Aim::Decline(bundle));
        let Some(job) = self.jobs.get_mut(&bundle.job) else {
            return;
        };
        job.seals.gone((bundle.index, hand.me.peer));
        if let Some(mut run) = job.runs.remove(&bundle.index) {
            run.stop(hand);
        }
    }

    fn ended(&mut self, job: JobId) {
        if let Some(job) = self.jobs.get_mut(&job) {
            job.ended = true;
        }
        let ended = self
            .jobs
            .iter()
            .filter(|(_, job)| job.ended)
            .map(|(id, _)| *id);
        let ended: Vec<JobId> = ended.collect();
        if ended.len() > JOBS_REMEMBERED_MAX
            && let Some(oldest) = ended.iter().find(|id| **id != job)
        {
            self.jobs.remove(oldest);
        }
    }

    /// Does what is open now, for every job.
    pub(crate) fn act(&mut self, known: &KnownJobs, jobs: &mut Jobs, hand: &mut Hand<'_>) {
        let mut open = 0;
        for (id, job) in &mut self.jobs {
            for run in job.runs.values_mut() {
                open += usize::from(run.is_open());
                if run.is_open() && run.demanded.is_none() && open > RUNS_OPEN_MAX {
                    run.decline("this peer has too many open runs".to_owned(), hand);
                }
                run.obey_owner(job.closed.is_some(), hand);
                let (bundle, us) = (run.bundle, hand.me.peer);
                let room = &mut self.handover;
                run.act(
                    job.closed.is_some(),
                    || known.sources(bundle, us),
                    room,
                    hand,
                );
                if run.declined.is_some() && !run.landed && !run.ended && job.closed.is_none() {
                    let (bundle, peer) = (run.bundle, hand.me.peer);
                    let to = run.to;
                    let body = Body::Decline { bundle, peer, to };
                    hand.desk
                        .want(Aim::Decline(bundle), hand.now, hand.out, || Some(body));
                }
                run.answer(hand);
                if let Some(told) = run.tell(hand) {
                    deliver(*id, run, told, jobs, hand);
                }
            }
            seal(*id, job, hand);
            open_all(*id, job, jobs, hand);
        }
    }

    /// The submitter asks for outcomes. Returns false if it has no business to.
    pub(crate) fn asked(&mut self, from: PeerId, bundle: BundleId) -> bool {
        let Some(job) = self.jobs.get_mut(&bundle.job) else {
            return true;
        };
        let Some(run) = job.runs.get_mut(&bundle.index) else {
            return true;
        };
        if run.terms.peer != from {
            return false;
        }
        run.ask();
        job.opening_told = false;
        true
    }

    /// The node's key signed one of our seals.
    pub(crate) fn signed(&mut self, bundle: BundleId, signature: [u8; 64], hand: &mut Hand<'_>) {
        let job = self.jobs.get_mut(&bundle.job);
        if let Some(run) = job.and_then(|job| job.runs.get_mut(&bundle.index)) {
            run.signed(signature, hand);
        }
    }

    /// A submitter may not have heard what we told it last.
    pub(crate) fn tell_again(&mut self, peer: PeerId) {
        for job in self.jobs.values_mut().filter(|job| !job.ended) {
            for run in job.runs.values_mut().filter(|run| run.terms.peer == peer) {
                run.tell_again();
                job.opening_told = false;
            }
        }
    }

    /// The ledger refused a batch of ours for good.
    pub(crate) fn refused(&mut self, aim: Aim) {
        match aim {
            Aim::Seals(Role::Worker, job, batch) => {
                if let Some(job) = self.jobs.get_mut(&job) {
                    job.seals.refused(batch);
                }
            }
            Aim::Openings(Role::Worker, job, batch) => {
                if let Some(job) = self.jobs.get_mut(&job) {
                    job.openings.refused(batch);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn errand(&mut self, token: RunToken) -> Option<&mut Errand> {
        let runs = self.jobs.values_mut().flat_map(|job| job.runs.values_mut());
        runs.filter_map(|run| run.errand_under(token)).next()
    }

    pub(crate) fn wake_after(&self, acted: Moment) -> Option<Moment> {
        let open = self.jobs.values().filter(|job| !job.ended);
        open.flat_map(|job| {
            let gathers = [job.seals.wake_at(), job.openings.wake_at()];
            let unsealed = job.runs.values().filter(|_| job.closed.is_none());
            let seals = unsealed.filter_map(|run| run.unentered_seal().map(|(at, _)| at));
            let seals = seals.filter(|at| *at > acted);
            let opening = job
                .closed
                .filter(|_| job.runs.values().any(|r| r.landed && r.opened.is_none()));
            let opening = opening.map(|(at, due)| fallback(at, OPEN_SELF_AFTER, due));
            let demanded = job.runs.values().filter(|run| run.is_open());
            let again = demanded.filter_map(|run| run.demanded);
            gathers
                .into_iter()
                .flatten()
                .chain(seals.min())
                .chain(opening)
                .chain(again)
        })
        .chain(self.handover.wake_at())
        .filter(|at| *at > acted)
        .min()
    }
}

/// Enters our own seals where the submitter did not.
fn seal(id: JobId, job: &mut JobRuns, hand: &mut Hand<'_>) {
    if job.closed.is_some() || job.ended {
        return;
    }
    for run in job.runs.values() {
        if let Some((at, seal)) = run.unentered_seal()
            && at <= hand.now
        {
            job.seals
                .put((run.bundle.index, hand.me.peer), seal, hand.now);
        }
    }
    job.seals.cut(hand.now, false);
    for batch in job.seals.batches() {
        hand.desk.want(
            Aim::Seals(Role::Worker, id, batch),
            hand.now,
            hand.out,
            || {
                Some(Body::SealBatch {
                    job: id,
                    seals: job.seals.batch(batch),
                })
            },
        );
    }
}

/// Hands a finished run to its submitter: outcomes, seal, and the opening right behind them. The
/// submitter enters it once the job is closed, so a peer that dies after sealing has opened all the
/// same; and it could tell others no more than the outcomes themselves, which it holds anyway.
/// Nothing says that it arrived, so what is not on the ledger after the close is told once more.
fn deliver(id: JobId, run: &Run, told: Told, jobs: &mut Jobs, hand: &mut Hand<'_>) {
    let (to, bundle) = (run.terms.peer, run.bundle);
    let Told {
        outcomes,
        inline,
        seal,
        opening,
    } = told;
    if to == hand.me.peer {
        jobs.own_outcomes(bundle, outcomes, seal, hand);
    } else {
        hand.out.push(Effect::SendOutcomes {
            to,
            bundle,
            outcomes,
            inline,
            seal,
        });
    }
    if !(run.opened.is_some() || run.ended) {
        tell_openings(to, id, vec![opening], jobs, hand);
    }
}

fn tell_openings(
    to: PeerId,
    job: JobId,
    openings: Vec<Opening>,
    jobs: &mut Jobs,
    hand: &mut Hand<'_>,
) {
    if to == hand.me.peer {
        jobs.openings(to, job, openings, hand);
    } else {
        hand.send(to, Message::Openings { job, openings });
    }
}

/// Tells the submitter our openings, and enters them ourselves where it did not.
fn open_all(id: JobId, job: &mut JobRuns, jobs: &mut Jobs, hand: &mut Hand<'_>) {
    let Some((closed_at, open_by)) = job.closed.filter(|_| !job.ended) else {
        return;
    };
    let landed = job
        .runs
        .values()
        .filter(|run| run.landed && run.opened.is_none() && !run.ended)
        .count();
    let openings: Vec<Opening> = job
        .runs
        .values()
        .filter_map(|run| run.unentered_opening(hand))
        .collect();
    if openings.is_empty() || openings.len() < landed {
        // After a restart the last outcome may still be on its way; half a list is told then
        // only when time runs out.
        if openings.is_empty() || fallback(closed_at, OPEN_SELF_AFTER, open_by) > hand.now {
            return;
        }
    }
    if !job.opening_told
        && let Some(run) = job.runs.values().next()
    {
        job.opening_told = true;
        tell_openings(run.terms.peer, id, openings.clone(), jobs, hand);
    }
    if fallback(closed_at, OPEN_SELF_AFTER, open_by) <= hand.now {
        for opening in openings {
            job.openings
                .put((opening.bundle, hand.me.peer), opening, hand.now);
        }
    }
    job.openings.cut(hand.now, false);
    for batch in job.openings.batches() {
        hand.desk.want(
            Aim::Openings(Role::Worker, id, batch),
            hand.now,
            hand.out,
            || {
                Some(Body::OpenBatch {
                    job: id,
                    openings: job.openings.batch(batch),
                })
            },
        );
    }
}
