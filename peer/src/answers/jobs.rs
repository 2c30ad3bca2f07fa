//! Jobs of this peer, their tasks, and why they wait.

use std::collections::BTreeMap;
use std::sync::Arc;

use borsh::BorshDeserialize;
use protocol::bytes;
use protocol::event::Ending;
use protocol::ids::{Digest, JobId};
use protocol::job::{Array, JOB_BYTES_MAX, Job, Profile};
use protocol::outcome::Status;
use protocol::units::Moment;
use steward::{BundleView, Canaries, CopyState};

use super::{Sources, sponsor_name};
use crate::api::problem::{Code, Problem};
use crate::api::types::{
    CanariesView, ExplainView, JobState, JobView, PeerReason, Reason, Tally, TaskState, TaskView,
};
use crate::blobs::Blobs;

/// What is remembered of jobs and outputs so that each blob is read once.
#[derive(Default)]
pub struct JobBook {
    jobs: BTreeMap<Digest, Arc<Job>>,
    statuses: BTreeMap<Digest, Status>,
    provisional_at: BTreeMap<JobId, Moment>,
}

/// So many statuses are remembered before the book begins anew.
const STATUSES_MAX: usize = 1_000_000;
/// So many jobs are remembered before the book begins anew.
const JOBS_MAX: usize = 10_000;

impl JobBook {
    /// A job's written form, if it lies here.
    pub fn job(&mut self, blobs: &Blobs, digest: &Digest) -> Option<Arc<Job>> {
        if let Some(job) = self.jobs.get(digest) {
            return Some(Arc::clone(job));
        }
        let written = blobs.read(digest).ok().flatten()?;
        let job = Arc::new(bytes::read::<Job>(&written, JOB_BYTES_MAX).ok()?);
        if self.jobs.len() >= JOBS_MAX {
            self.jobs.clear();
        }
        self.jobs.insert(*digest, Arc::clone(&job));
        Some(job)
    }

    fn status(&mut self, blobs: &Blobs, output: &Digest) -> Option<Status> {
        if let Some(status) = self.statuses.get(output) {
            return Some(*status);
        }
        let written = blobs.read(output).ok().flatten()?;
        let (_, status) = <(Profile, Status)>::deserialize(&mut &written[..]).ok()?;
        if self.statuses.len() >= STATUSES_MAX {
            self.statuses.clear();
        }
        self.statuses.insert(*output, status);
        Some(status)
    }

    /// Notes when the last task's first output came.
    pub fn note_outputs(&mut self, from: &Sources<'_>, job: JobId, now: Moment) {
        let view = from.steward.job(&job);
        if view.is_some_and(|view| view.tasks_here == view.terms.tasks) {
            self.provisional_at.entry(job).or_insert(now);
        }
    }

    /// A job as the API shows it.
    ///
    /// # Errors
    /// [`Code::NotFound`] if this peer did not submit it.
    pub fn view(&mut self, from: &Sources<'_>, id: JobId) -> Result<JobView, Problem> {
        let job = from.steward.job(&id).ok_or_else(|| no_such_job(id))?;
        let terms = &job.terms;
        let written = self.job(from.blobs, &terms.job);
        let (tally, fuel) = self.tally(from, id, &job.bundles);
        let endings = || job.bundles.iter().filter_map(|bundle| bundle.ending);
        let unjudged = endings()
            .filter(|ending| matches!(ending, Ending::Nondeterministic | Ending::Undisputed));
        let disputes = job.bundles.iter().filter(|bundle| bundle.disputed);
        let sender = rules::read::job(&from.ledger.ask(), id).map_or(from.party, |j| j.sender);
        let array = written.as_ref().map(|job| job.array);
        Ok(JobView {
            id: id.into(),
            name: written
                .as_ref()
                .map_or_else(String::new, |job| job.name.clone()),
            state: state(&job),
            why: None,
            sender: sender.into(),
            content: terms.job.into(),
            module: written
                .as_ref()
                .map_or(terms.job, |job| job.module.digest)
                .into(),
            tasks: terms.tasks,
            first_index: array.map_or(0, |array| array.first),
            index_step: array.map_or(1, |array| array.step),
            tasks_per_bundle: terms.tasks_per_bundle,
            bundles: terms.bundles(),
            copies: terms.copies,
            tally,
            disputes: count(disputes.count()),
            unjudged: count(unjudged.count()),
            per_gfuel: terms.per_gfuel.into(),
            escrow: job.escrow.into(),
            paid: job.paid.into(),
            refunded: job.refunded.into(),
            fuel,
            canaries: job.canaries.map(|canaries| canaries_view(&canaries, array)),
            submitted: job.submitted.into(),
            provisional_at: self.provisional_at.get(&id).map(|at| (*at).into()),
            ended: job.ended.map(Into::into),
        })
    }

    fn tally(&mut self, from: &Sources<'_>, id: JobId, bundles: &[BundleView]) -> (Tally, u64) {
        let (mut tally, mut fuel) = (Tally::default(), 0_u64);
        for bundle in bundles {
            for task in from.steward.tasks(&id, bundle.tasks.clone()) {
                match task_state(task.state, bundle) {
                    TaskState::Waiting => tally.waiting += 1,
                    TaskState::Running => tally.running += 1,
                    TaskState::Provisional => tally.provisional += 1,
                    TaskState::Lost => tally.lost += 1,
                    TaskState::Judged => {
                        let outcome = task.outcome;
                        fuel = fuel.saturating_add(outcome.map_or(0, |o| o.fuel.get()));
                        match outcome.and_then(|o| self.status(from.blobs, &o.digest)) {
                            Some(status) if !status.is_success() => tally.failed += 1,
                            _ => tally.done += 1,
                        }
                    }
                }
            }
        }
        (tally, fuel)
    }

    /// Tasks of a job, `limit` of them from number `first` on.
    ///
    /// # Errors
    /// [`Code::NotFound`] if this peer did not submit the job.
    pub fn tasks(
        &mut self,
        from: &Sources<'_>,
        id: JobId,
        first: u32,
        limit: u32,
    ) -> Result<Vec<TaskView>, Problem> {
        let job = from.steward.job(&id).ok_or_else(|| no_such_job(id))?;
        let array = self.job(from.blobs, &job.terms.job).map(|job| job.array);
        let range = first..first.saturating_add(limit).min(job.terms.tasks);
        let views = from.steward.tasks(&id, range).into_iter().map(|task| {
            let number = task.task / job.terms.tasks_per_bundle;
            let bundle = &job.bundles[number as usize];
            let outcome = task.outcome.filter(|_| task.here);
            let status = outcome.and_then(|o| self.status(from.blobs, &o.digest));
            TaskView {
                job: id.into(),
                task: task.task,
                index: array.map_or(u64::from(task.task), |array| array.index(task.task)),
                bundle: number,
                state: task_state(task.state, bundle),
                ended: status.map(Into::into),
                fuel: outcome.map(|o| o.fuel.get()),
                output: outcome.map(|o| o.digest.into()),
                peers: task.peers.into_iter().map(Into::into).collect(),
                why: why_no_result(bundle),
            }
        });
        Ok(views.collect())
    }
}

/// Why a job waits, or what became of it.
///
/// # Errors
/// [`Code::NotFound`] if this peer did not submit the job.
pub fn explain(from: &Sources<'_>, id: JobId) -> Result<ExplainView, Problem> {
    let job = from.steward.job(&id).ok_or_else(|| no_such_job(id))?;
    let explanation = from.steward.explain(&id).ok_or_else(|| no_such_job(id))?;
    let fix = Some(explanation.help).filter(|help| !help.is_empty());
    let about_job = explanation
        .reasons
        .iter()
        .filter(|reason| reason.peer.is_none());
    let reasons = about_job
        .map(|reason| Reason {
            count: count(reason.count),
            what: reason.why.clone(),
            fix: fix.clone(),
        })
        .collect();
    let view = from.ledger.ask();
    let about_peers = explanation
        .reasons
        .iter()
        .filter_map(|reason| Some((reason.peer?, reason)));
    let peers = about_peers
        .map(|(peer, reason)| PeerReason {
            peer: peer.into(),
            sponsor: rules::read::peer(&view, peer)
                .and_then(|standing| sponsor_name(&view, standing.peer.sponsor)),
            fits: reason.count == 0,
            why: reason.why.clone(),
        })
        .collect();
    let state = state(&job);
    Ok(ExplainView {
        job: id.into(),
        state,
        summary: explanation.summary,
        reasons,
        peers,
    })
}

fn canaries_view(canaries: &Canaries, array: Option<Array>) -> CanariesView {
    let index = |task: &u32| array.map_or(u64::from(*task), |array| array.index(*task));
    CanariesView {
        opened: canaries.opened,
        differ: canaries.differ.iter().map(index).collect(),
    }
}

fn no_such_job(id: JobId) -> Problem {
    Problem::new(
        Code::NotFound,
        format!("this peer has submitted no job {id}"),
    )
    .try_this("peer job ls")
}

fn state(job: &steward::JobView) -> JobState {
    match job.state {
        steward::JobState::Locked => JobState::Locked,
        steward::JobState::Running => JobState::Running,
        steward::JobState::Sealed | steward::JobState::Opening => JobState::Judging,
        steward::JobState::Ended => {
            let cancelled = |bundle: &BundleView| bundle.ending == Some(Ending::Cancelled);
            let all = !job.bundles.is_empty() && job.bundles.iter().all(cancelled);
            if all {
                JobState::Cancelled
            } else {
                JobState::Ended
            }
        }
    }
}

fn task_state(state: steward::TaskState, bundle: &BundleView) -> TaskState {
    match state {
        steward::TaskState::Waiting if bundle.ending.is_some() => TaskState::Lost,
        steward::TaskState::Waiting if bundle.copies.is_empty() => TaskState::Waiting,
        steward::TaskState::Waiting => TaskState::Running,
        steward::TaskState::Provisional => TaskState::Provisional,
        steward::TaskState::Agreed | steward::TaskState::Judged => TaskState::Judged,
        steward::TaskState::Unsure(_) => TaskState::Lost,
    }
}

fn why_no_result(bundle: &BundleView) -> Option<String> {
    let ended = bundle.ending.and_then(|ending| match ending {
        Ending::Agreed | Ending::Judged => None,
        Ending::Nondeterministic => Some("members' own runs differ: the module is not repeatable"),
        Ending::Short => Some("too few peers sealed or opened; nothing was paid for it"),
        Ending::Undisputed => Some("results differ and nobody showed where in time"),
        Ending::Cancelled => Some("the job was taken back before it was drawn"),
    });
    let failed = bundle
        .copies
        .iter()
        .filter(|copy| copy.state == CopyState::Failed);
    ended
        .map(str::to_owned)
        .or_else(|| failed.filter_map(|copy| copy.failed.clone()).next())
}

/// A count for people; what does not fit is the most that does.
fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
