//! The steward's runs in the executor: each becomes one work per stretch of neighbouring tasks, and
//! every canonical output is kept as a blob before the steward hears of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use executor::{Event, Executor, GpuFacts, Refused, TaskResult, Token, Work};
use protocol::bytes;
use protocol::ids::{BundleId, Digest, JobId};
use protocol::job::{Blob, Job, OUTPUT_MAX, Profile};
use protocol::outcome::Outcome;
use protocol::steps::StepEntries;
use protocol::units::Bytes;
use steward::{Busy, Input, RunToken, Why, misbehave};
use tokio::sync::mpsc;

use crate::blobs::{BlobError, Blobs};
use crate::checker::{self, Laid};
use crate::config::Config;
use crate::home::Home;

mod check;
mod kept;
mod step;

/// A peer that offers no work still judges and runs canaries of its own, with so much memory for a
/// guest.
pub(crate) const MEMORY_IF_IDLE: Bytes = Bytes::new(1 << 30);

/// A run as the steward wants it.
pub struct Wanted {
    /// Its name.
    pub token: RunToken,
    /// The bundle.
    pub bundle: BundleId,
    /// The job's written form.
    pub job: Digest,
    /// The numbers of its tasks, rising.
    pub tasks: Vec<u32>,
    /// Why it is run.
    pub why: Why,
    /// Tasks that a devnet's liar answers wrongly.
    pub alter: Vec<u32>,
    /// What a sibling kept of some tasks.
    pub states: Vec<(u32, Blob)>,
}

#[derive(Default)]
struct Works {
    next: u64,
    of: BTreeMap<Token, Stretch>,
}

#[derive(Clone)]
struct Stretch {
    run: RunToken,
    alter: Vec<u32>,
    /// What a checker looks at, if one is run: held until it has ended.
    output: Option<Arc<Laid>>,
}

/// The runs of this peer; a clone is another handle of the same.
#[derive(Clone)]
pub struct Runs {
    executor: Arc<Executor>,
    works: Arc<Mutex<Works>>,
    /// Where outputs are laid out for checkers.
    checked: PathBuf,
}

fn locked(works: &Mutex<Works>) -> MutexGuard<'_, Works> {
    // The table is whole between any two statements that hold it.
    works.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a run was not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotBegun {
    /// The executor has enough to do.
    Full,
    /// A blob that was at home is gone, or was found damaged.
    Gone(Digest),
    /// It cannot be run here, in words.
    Failed(String),
}

impl NotBegun {
    /// What the steward hears of it.
    pub(crate) fn told(self, token: RunToken) -> Vec<Input> {
        let busy = Input::Busy(Busy::Run(token));
        match self {
            Self::Full => vec![busy],
            Self::Gone(digest) => {
                tracing::warn!(%digest, "a blob is gone or damaged; it is fetched again");
                vec![Input::Lost(digest), busy]
            }
            Self::Failed(why) => vec![Input::RunFailed { token, why }],
        }
    }
}

impl From<Refused> for NotBegun {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Self::Full,
            other => Self::Failed(other.to_string()),
        }
    }
}

impl Runs {
    /// Starts the executor. What comes of runs is told through `done`, as the steward hears it.
    ///
    /// # Errors
    /// [`executor::StartError`] if this machine cannot run tasks safely.
    pub fn start(
        home: &Home,
        config: &Config,
        blobs: Arc<Blobs>,
        done: mpsc::Sender<Input>,
    ) -> Result<Self, executor::StartError> {
        let program = std::env::current_exe().map_err(|cause| executor::StartError::Spawn {
            program: PathBuf::from("/proc/self/exe"),
            cause,
        })?;
        let checked = home.root().join("checked");
        Laid::sweep(&checked).map_err(|cause| executor::StartError::States {
            path: checked.clone(),
            cause,
        })?;
        let works = Arc::new(Mutex::new(Works::default()));
        let table = Arc::clone(&works);
        let work = config.work.as_ref();
        let executor = Executor::start(
            executor::Config {
                program,
                worker_args: vec!["exec-worker".into()],
                cache: home.compiled(),
                states: home.root().join("steps"),
                keep_every: executor::KEEP_EVERY,
                slots: work.map_or(1, |work| usize::from(work.slots)),
                memory_max: work.map_or(MEMORY_IF_IDLE, crate::config::Work::memory),
                memory_together: work.map_or(MEMORY_IF_IDLE, |work| {
                    work.limits.together(work.memory(), work.slots)
                }),
                gpu_share: work.map_or(100, |work| work.limits.gpu),
                gpu: config.gpu,
                demand: config.jail.demand(),
            },
            move |event| {
                if let Some(input) = told(&table, &blobs, event) {
                    // The loop has ended when nobody hears this.
                    let _ = done.blocking_send(input);
                }
            },
        )?;
        Ok(Self {
            executor: Arc::new(executor),
            works,
            checked,
        })
    }

    /// The worlds whose tasks are run here.
    pub fn profiles(&self) -> Vec<Profile> {
        let mut profiles = vec![Profile::WASM_3];
        if self.gpus().iter().any(GpuFacts::is_fit) {
            profiles.extend([Profile::WGSL_1, Profile::WASM_GPU_1]);
        }
        profiles
    }

    /// Begins a run.
    ///
    /// # Errors
    /// [`NotBegun`].
    pub fn start_run(
        &self,
        wanted: &Wanted,
        job: Option<Arc<Job>>,
        blobs: &Blobs,
    ) -> Result<(), NotBegun> {
        let job = job.ok_or(NotBegun::Gone(wanted.job))?;
        let nothing_yet = Token(u64::MAX);
        let work = work(wanted, &job, blobs, nothing_yet)?;
        tracing::debug!(bundle = %wanted.bundle, why = ?wanted.why, "running");
        for tasks in stretches(&wanted.tasks) {
            let name = self.name(wanted);
            let work = Work {
                token: name,
                tasks,
                ..work.clone()
            };
            if let Err(refused) = self.executor.run(work) {
                locked(&self.works).of.remove(&name);
                self.cancel(wanted.token);
                return Err(refused.into());
            }
        }
        Ok(())
    }

    fn name(&self, wanted: &Wanted) -> Token {
        let mut works = locked(&self.works);
        let token = Token(works.next);
        works.next += 1;
        let stretch = Stretch {
            run: wanted.token,
            alter: wanted.alter.clone(),
            output: None,
        };
        works.of.insert(token, stretch);
        token
    }

    /// Stops a run; nothing more is told of it.
    pub fn cancel(&self, run: RunToken) {
        let mut works = locked(&self.works);
        let of_run = works.of.iter().filter(|(_, stretch)| stretch.run == run);
        let tokens: Vec<Token> = of_run.map(|(token, _)| *token).collect();
        works.of.retain(|_, stretch| stretch.run != run);
        drop(works);
        for token in tokens {
            let executor = Arc::clone(&self.executor);
            // Telling of the end may wait, and the loop must not.
            tokio::task::spawn_blocking(move || executor.cancel(token));
        }
    }

    /// Every adapter that was found at the start, the preferred first.
    pub fn gpus(&self) -> &[GpuFacts] {
        self.executor.gpus()
    }

    /// Sets how fast tasks run.
    pub fn pace(&self, pace: executor::Pace) {
        self.executor.pace(pace);
    }

    /// How many works wait or run.
    pub fn running(&self) -> usize {
        self.executor.works()
    }
}

/// A job's work with this name, over no task yet.
///
/// # Errors
/// [`NotBegun`] if a blob is not at home.
fn work(wanted: &Wanted, job: &Job, blobs: &Blobs, token: Token) -> Result<Work, NotBegun> {
    let path = |digest| path(blobs, digest);
    let stdin = job.stdin.as_ref().map(|blob| path(&blob.digest));
    let inputs = job.inputs.iter().map(|input| path(&input.blob.digest));
    // One that is gone meanwhile costs its task the time that it would have spared.
    let states = wanted.states.iter();
    let states = states.filter_map(|(task, state)| Some((*task, path(&state.digest).ok()?)));
    Ok(Work {
        token,
        served: wanted.bundle.job,
        // By its content: canaries are run before the ledger names the job.
        job_id: JobId::new(*wanted.job.bytes()),
        module: path(&job.module.digest)?,
        stdin: stdin.transpose()?,
        inputs: inputs.collect::<Result<_, _>>()?,
        job: job.clone(),
        tasks: 0..0,
        states: states.collect(),
    })
}

/// Where a blob lies.
fn path(blobs: &Blobs, digest: &Digest) -> Result<PathBuf, NotBegun> {
    match blobs.path(digest) {
        Ok(Some((path, _))) => Ok(path),
        Ok(None) => Err(NotBegun::Gone(*digest)),
        Err(error) => Err(NotBegun::Failed(error.to_string())),
    }
}

/// The unbroken ranges in a rising list of numbers.
fn stretches(tasks: &[u32]) -> Vec<Range<u32>> {
    let mut ranges: Vec<Range<u32>> = Vec::new();
    for task in tasks {
        match ranges.last_mut() {
            Some(last) if last.end == *task => last.end += 1,
            _ => ranges.push(*task..task + 1),
        }
    }
    ranges
}

fn told(works: &Mutex<Works>, blobs: &Blobs, event: Event) -> Option<Input> {
    match event {
        Event::Finished { token } => {
            locked(works).of.remove(&token);
            None
        }
        Event::Done {
            token,
            task,
            result,
        } => {
            let stretch = locked(works).of.get(&token).cloned()?;
            let token = stretch.run;
            Some(match result {
                TaskResult::Inconclusive { why, .. } => Input::TaskFailed {
                    token,
                    task,
                    why: why.to_string(),
                },
                TaskResult::Outcome { output, .. } if stretch.output.is_some() => {
                    let accepted = checker::accepts(task, &output);
                    Input::Checked { token, accepted }
                }
                TaskResult::Outcome {
                    mut output,
                    mut bytes,
                    outcome,
                    mut entries,
                } => {
                    if stretch.alter.contains(&task) {
                        (*output, entries) = misbehave::altered(&output, entries, outcome.fuel);
                        bytes = output.to_bytes();
                    }
                    match keep(blobs, &bytes, entries.as_ref()) {
                        Ok((digest, size)) => Input::TaskDone {
                            token,
                            task,
                            outcome: Outcome { digest, ..outcome },
                            size,
                        },
                        Err(error) => Input::TaskFailed {
                            token,
                            task,
                            why: error.to_string(),
                        },
                    }
                }
            })
        }
    }
}

/// Keeps an output, and the list of its steps, which judges may ask for.
fn keep(
    blobs: &Blobs,
    output: &[u8],
    entries: Option<&StepEntries>,
) -> Result<(Digest, Bytes), BlobError> {
    if let Some(entries) = entries {
        blobs.keep(&bytes::write(entries))?;
    }
    let size = Bytes::new(u64::try_from(output.len()).unwrap_or(OUTPUT_MAX.get()));
    Ok((blobs.keep(output)?, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_tasks_run_together() {
        assert_eq!(stretches(&[]), []);
        assert_eq!(stretches(&[3, 4, 5, 7, 9, 10]), [3..6, 7..8, 9..11]);
    }
}
