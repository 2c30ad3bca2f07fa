//! One run, from its digests to its outcomes, for work and for duty alike.
//!
//! ```text
//! Fetching ──all at home──▶ Queued ──a place is free──▶ Running ──every task answered──▶ Done
//!     ▲                                     │ the executor is full, or a blob is gone
//!     ├─────────────────────────────────────┘
//!     └── a blob is lost, or the job is not what its terms say ──┴── cannot run ──▶ Failed
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::ids::{BundleId, Digest, PeerId};
use protocol::job::{Blob, Job, Terms};
use protocol::outcome::{Outcome, TASK_OUTPUT_BYTES_MAX};
use protocol::units::{Bytes, Moment};

use crate::crew::Crew;
use crate::effect::{Effect, Outbox, Report, RunToken, Size, Why};
use crate::hand::Hand;
use crate::handover::States;
use crate::identity::Identity;
use crate::stock::Have;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Fetching,
    Queued,
    Running(RunToken),
    Done,
    Failed(String),
}

/// What a task of an errand came to.
pub(crate) type Found = Result<(Outcome, Bytes), String>;

#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) bundle: BundleId,
    pub(crate) why: Why,
    pub(crate) stage: Stage,
    terms: Arc<Terms>,
    tasks: Vec<u32>,
    from: Vec<PeerId>,
    found: BTreeMap<u32, Found>,
    /// What came of it, where that is no outcome.
    pub(crate) said: Option<Said>,
    /// Where some of its tasks go on from.
    states: States,
}

/// What comes of an errand that is not run for a task's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Whether a checker accepted an output.
    Accepted(bool),
    /// The entry that a step gave.
    Entry(Digest),
    /// Where a state lies.
    State(Blob),
}

impl Errand {
    pub(crate) fn new(
        bundle: BundleId,
        why: Why,
        terms: Arc<Terms>,
        tasks: Vec<u32>,
        from: Vec<PeerId>,
    ) -> Self {
        let (stage, found) = (Stage::Fetching, BTreeMap::new());
        Self {
            bundle,
            why,
            stage,
            terms,
            tasks,
            from,
            found,
            said: None,
            states: States::new(),
        }
    }

    /// The same, of which somebody did a part.
    pub(crate) fn going_on(self, states: States) -> Self {
        Self { states, ..self }
    }

    /// Goes as far as all that it needs being at home; true once it is.
    pub(crate) fn prepare(&mut self, hand: &mut Hand<'_>) -> bool {
        if self.stage == Stage::Fetching {
            self.stage = self.fetch(hand);
        }
        self.stage == Stage::Queued
    }

    /// Goes as far as it can now.
    pub(crate) fn step(&mut self, hand: &mut Hand<'_>) {
        self.prepare(hand);
        if self.stage == Stage::Queued
            && let Some(token) = hand.crew.take(self.tasks.len(), hand.now)
        {
            self.stage = Stage::Running(token);
            let alter = match self.why {
                Why::Work => hand.me.lies(&self.tasks),
                _ => Vec::new(),
            };
            if !alter.is_empty() {
                let (bundle, tasks) = (self.bundle, alter.clone());
                hand.out.report(Report::Misbehaving { bundle, tasks });
            }
            hand.out.push(Effect::Run {
                token,
                bundle: self.bundle,
                job: self.terms.job,
                tasks: self.tasks.clone(),
                why: self.why,
                alter,
                states: self.states.clone(),
            });
        }
    }

    fn fetch(&self, hand: &mut Hand<'_>) -> Stage {
        let job = match hand
            .stock
            .job(self.terms.job, &self.from, hand.now, hand.out)
        {
            Have::Home(job) => job,
            Have::Coming => return Stage::Fetching,
            Have::Lost(why) => return Stage::Failed(format!("the job's description: {why}")),
        };
        let needs = fits(&job, &self.terms).and_then(|()| self.needs(&job, hand.me));
        let needs = match needs {
            Ok(needs) => needs,
            Err(why) => return Stage::Failed(why.to_owned()),
        };
        let mut coming = false;
        for (name, digest, size) in needs {
            match hand
                .stock
                .blob(digest, size, &self.from, hand.now, hand.out)
            {
                Have::Home(()) => {}
                Have::Coming => coming = true,
                Have::Lost(why) => return Stage::Failed(format!("{name}: {why}")),
            }
        }
        if coming {
            Stage::Fetching
        } else {
            Stage::Queued
        }
    }

    /// What must be at home before it can be run, by name; or why this machine cannot run it.
    fn needs(&self, job: &Job, me: &Identity) -> Result<Vec<(String, Digest, Size)>, &'static str> {
        let checking = match self.why {
            Why::Check(_) => Some(job.checking([]).ok_or("the job names no checker")?),
            _ => None,
        };
        let job = checking.as_ref().unwrap_or(job);
        can_run(job, me)?;
        let besides = match self.why {
            Why::Check(output) => {
                let size = Size::AtMost(Bytes::new(TASK_OUTPUT_BYTES_MAX as u64));
                Some(("the output", output, size))
            }
            Why::Step(Some((_, state))) => {
                Some(("the state", state.digest, Size::Exactly(state.size)))
            }
            _ => None,
        };
        let besides = besides.map(|(name, digest, size)| (name.to_owned(), digest, size));
        Ok(blobs(job).chain(besides).collect())
    }

    /// What was run has given this. Ignored unless it runs under `token`.
    pub(crate) fn said(&mut self, token: RunToken, said: Said, crew: &mut Crew) {
        if self.stage == Stage::Running(token) {
            crew.free(token);
            self.said = Some(said);
            self.stage = Stage::Done;
        }
    }

    /// A task was answered. Ignored unless this errand runs under `token` and waits for the task.
    pub(crate) fn answered(&mut self, token: RunToken, task: u32, found: Found, crew: &mut Crew) {
        if self.stage != Stage::Running(token)
            || !self.tasks.contains(&task)
            || self.found.contains_key(&task)
        {
            return;
        }
        crew.one_less(token);
        self.found.insert(task, found);
        if self.found.len() == self.tasks.len() {
            crew.free(token);
            self.stage = Stage::Done;
        }
    }

    /// The whole run failed.
    pub(crate) fn failed(&mut self, token: RunToken, why: String, crew: &mut Crew) {
        if self.stage == Stage::Running(token) {
            crew.free(token);
            self.stage = Stage::Failed(why);
        }
    }

    /// The executor was full, or a blob is gone: looked at anew after a rest.
    pub(crate) fn busy(&mut self, token: RunToken, now: Moment, crew: &mut Crew) {
        if self.stage == Stage::Running(token) {
            crew.free(token);
            crew.rest(now);
            self.found.clear();
            self.stage = Stage::Fetching;
        }
    }

    /// Nobody needs it any more.
    pub(crate) fn stop(&mut self, why: &str, crew: &mut Crew, out: &mut Outbox) {
        if let Stage::Running(token) = self.stage {
            crew.free(token);
            out.push(Effect::CancelRun(token));
        }
        if self.stage != Stage::Done {
            self.stage = Stage::Failed(why.to_owned());
        }
    }

    pub(crate) fn runs_under(&self, token: RunToken) -> bool {
        self.stage == Stage::Running(token)
    }

    /// The outcomes that were found, by task.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (u32, Outcome)> {
        let found = self.found.iter();
        found.filter_map(|(task, found)| Some((*task, found.as_ref().ok()?.0)))
    }

    /// What was found, in the order of the tasks; whole only once it is [`Stage::Done`].
    pub(crate) fn found(&self) -> impl Iterator<Item = &Found> {
        self.tasks.iter().filter_map(|task| self.found.get(task))
    }
}

fn blobs(job: &Job) -> impl Iterator<Item = (String, Digest, Size)> + '_ {
    let module = std::iter::once(("the module".to_owned(), job.module));
    let stdin = job
        .stdin
        .iter()
        .map(|blob| ("standard input".to_owned(), *blob));
    let inputs = job
        .inputs
        .iter()
        .map(|input| (format!("input {}", input.path), input.blob));
    let named = module.chain(stdin).chain(inputs);
    named.map(|(name, blob)| (name, blob.digest, Size::Exactly(blob.size)))
}

/// Whether a job is what its terms say.
fn fits(job: &Job, terms: &Terms) -> Result<(), &'static str> {
    if job.array.count != terms.tasks {
        return Err("the job has another number of tasks than its terms say");
    }
    if job.module.digest != terms.module {
        return Err("the job has another module than its terms say");
    }
    if job.limits.fuel != terms.task_fuel_max {
        return Err("the job has another fuel limit than its terms say");
    }
    if job.judge() != terms.judge {
        return Err("the job's outputs are compared in another way than its terms say");
    }
    Ok(())
}

/// Whether a job is something this machine can run.
///
/// # Errors
/// Why not.
pub(crate) fn can_run(job: &Job, me: &Identity) -> Result<(), &'static str> {
    if !me.profiles.contains(&job.profile) {
        return Err("this peer does not have the job's profile");
    }
    if job.limits.memory > me.memory {
        return Err("this peer has less memory than the job may use");
    }
    Ok(())
}
