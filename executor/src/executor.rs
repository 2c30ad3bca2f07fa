//! The executor's face: takes works, runs their tasks on its slots, tells what came of them.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use protocol::bytes::Limited;
use protocol::ids::JobId;
use protocol::job::{Job, Profile};
use protocol::units::{Bytes, Fuel, GFUEL};
use thiserror::Error;

use crate::cache::Cache;
use crate::child::{Broken, Child};
use crate::engine;
use crate::frame::{Begin, Reply};
use crate::gpu::{self, GpuFacts};
use crate::jail::{Demand, Jail, Wall};
use crate::pace::{Herd, Pace};
use crate::queue::Queue;
use crate::slot;
use crate::steps::kept::Shelf;
use crate::work::{Event, Refused, Token, Work};

/// A new worker answers within this time, or this machine is not fit for work.
const ESCAPES_WAIT: Duration = Duration::from_secs(60);

/// How often a step task's state is kept: some seconds of work.
pub const KEEP_EVERY: Fuel = Fuel::new(50 * GFUEL.get());

/// What an executor is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The binary that is started as a worker: it must call [`crate::worker_main`].
    pub program: PathBuf,
    /// The arguments that make it one.
    pub worker_args: Vec<OsString>,
    /// Where compiled modules are kept. Made private to this user; nothing else may lie there.
    pub cache: PathBuf,
    /// How many tasks run at once; at least 1.
    pub slots: usize,
    /// Where the states of unfinished step tasks are kept. Private to this user.
    pub states: PathBuf,
    /// A step task's state is kept whenever it has used so much fuel since it last was, and not
    /// more often than its size is worth. See [`KEEP_EVERY`].
    pub keep_every: Fuel,
    /// The most memory that is lent to one task.
    pub memory_max: Bytes,
    /// The most memory that is lent to all tasks that run together.
    pub memory_together: Bytes,
    /// How many hundredths of the time a graphics adapter works for tasks, 1 to 100.
    pub gpu_share: u8,
    /// Whether graphics adapters are looked for, tested and used.
    pub gpu: bool,
    /// What the jail must be made of beyond what no worker runs without.
    pub demand: Demand,
}

impl Config {
    /// How long a task may take here: a device that works a share of the time takes longer.
    pub(crate) fn wall(&self, job: &Job) -> Duration {
        let wall = Duration::from_millis(job.limits.wall_ms.get());
        match job.profile.needs_gpu() {
            true => wall.saturating_mul(100) / u32::from(self.gpu_share.clamp(1, 100)),
            false => wall,
        }
    }
}

/// Why this machine cannot work.
#[derive(Debug, Error)]
pub enum StartError {
    /// The engine cannot be built on this processor.
    #[error("this machine cannot run profile 3: {0}")]
    Engine(String),
    /// The cache cannot be used.
    #[error("cannot use the cache of compiled modules at {path}")]
    Cache {
        /// Where it should be.
        path: PathBuf,
        /// What the disk says.
        #[source]
        cause: io::Error,
    },
    /// The states of step tasks cannot be kept.
    #[error("cannot keep the states of step tasks at {path}")]
    States {
        /// Where they should be.
        path: PathBuf,
        /// What the disk says.
        #[source]
        cause: io::Error,
    },
    /// No worker can be started.
    #[error("cannot start a worker from {program}")]
    Spawn {
        /// What was started.
        program: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// A worker was started, but does not do what a worker does.
    #[error("the worker does not answer: {0}")]
    Worker(String),
    /// A guest that took over its worker could get out.
    #[error("the jail has a way out: {}", .0.join(", "))]
    JailLeaks(Vec<String>),
    /// The kernel does not offer what the operator demands of the jail.
    #[error("the jail is weaker than demanded: {}", .0.join("; "))]
    JailWeaker(Vec<String>),
    /// A thread cannot be started.
    #[error("cannot start a slot")]
    Thread(#[source] io::Error),
}

/// What all slots share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) cache: Cache,
    /// The states of step tasks that have not ended.
    pub(crate) shelf: Shelf,
    pub(crate) wake: Condvar,
    /// Every worker that runs a stranger's bytes.
    pub(crate) herd: Arc<Herd>,
    /// Held while a module is compiled: one at a time, because a compiler may take gigabytes.
    pub(crate) compiling: Mutex<()>,
    /// Held while a task runs that uses the adapter: one at a time, because they would share it.
    pub(crate) shading: Mutex<()>,
    /// Every adapter that was found, the preferred first.
    pub(crate) gpus: Vec<GpuFacts>,
    jail: Jail,
    queue: Mutex<Queue>,
    tell: Box<dyn Fn(Event) + Send + Sync>,
}

impl Shared {
    /// The queue, for a moment.
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole between any two of its methods, even if a slot's thread panicked.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the owner. Never called with the queue locked.
    pub(crate) fn tell(&self, event: Event) {
        (self.tell)(event);
    }
}

/// Runs tasks until it is dropped. Dropping it kills every worker.
pub struct Executor {
    shared: Arc<Shared>,
    slots: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("slots", &self.shared.config.slots)
            .finish_non_exhaustive()
    }
}

impl Executor {
    /// Checks that this machine is fit (the jail holds), and starts the slots.
    ///
    /// `tell` hears every event, from the slots' threads and from within [`Executor::cancel`]. It
    /// may wait; the slot that called it does no work meanwhile. It must not call the executor.
    ///
    /// # Errors
    /// [`StartError`], and nothing is left running.
    pub fn start(
        config: Config,
        tell: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let engine = engine::engine().map_err(|e| StartError::Engine(format!("{e:#}")))?;
        let cache = Cache::open(&config.cache, &engine)
            .and_then(|cache| cache.clear().map(|()| cache))
            .map_err(|cause| StartError::Cache {
                path: config.cache.clone(),
                cause,
            })?;
        let shelf = Shelf::open(&config.states).map_err(|cause| StartError::States {
            path: config.states.clone(),
            cause,
        })?;
        let jail = check_jail(&config)?;
        let gpus = match config.gpu {
            true => gpu::find(&config.program, &config.worker_args),
            false => Vec::new(),
        };
        let count = config.slots.max(1);
        let shared = Arc::new(Shared {
            config,
            cache,
            shelf,
            wake: Condvar::new(),
            herd: Herd::new(),
            compiling: Mutex::new(()),
            shading: Mutex::new(()),
            gpus,
            jail,
            queue: Mutex::new(Queue::default()),
            tell: Box::new(tell),
        });
        let mut executor = Self {
            shared,
            slots: Vec::new(),
        };
        let pace = executor.shared.herd.keep_pace();
        executor.slots.push(pace.map_err(StartError::Thread)?);
        for number in 0..count {
            let shared = Arc::clone(&executor.shared);
            let thread = std::thread::Builder::new().name(format!("slot {number}"));
            let handle = thread.spawn(move || slot::work(&shared, number));
            executor.slots.push(handle.map_err(StartError::Thread)?);
        }
        Ok(executor)
    }

    /// Takes a work. Its tasks start as soon as a slot is free, in the order works came.
    ///
    /// # Errors
    /// [`Refused`], and nothing will be told of it.
    pub fn run(&self, work: Work) -> Result<(), Refused> {
        self.check(&work)?;
        self.shared.queue().push(work)?;
        self.shared.wake.notify_all();
        Ok(())
    }

    /// Whether a work can be run here.
    ///
    /// # Errors
    /// [`Refused`].
    pub(crate) fn check(&self, work: &Work) -> Result<(), Refused> {
        work.job.within_limits()?;
        let known = match work.job.profile {
            Profile::WASM_3 => true,
            Profile::WGSL_1 | Profile::WASM_GPU_1 => self.gpus().iter().any(GpuFacts::is_fit),
            _ => false,
        };
        if !known {
            return Err(Refused::ProfileUnknown(work.job.profile));
        }
        if work.job.profile.needs_gpu() && !self.gpus().iter().any(|gpu| gpu.fits(&work.job)) {
            return Err(Refused::OtherDevice);
        }
        let (wanted, lent) = (work.job.limits.memory, self.shared.config.memory_max);
        if wanted > lent {
            return Err(Refused::MemoryTooLarge { wanted, lent });
        }
        let count = work.job.array.count;
        if work.tasks.is_empty() || work.tasks.end > count {
            return Err(Refused::NoSuchTasks {
                tasks: work.tasks.clone(),
                count,
            });
        }
        if work.inputs.len() != work.job.inputs.len()
            || work.stdin.is_some() != work.job.stdin.is_some()
        {
            return Err(Refused::FilesDoNotMatch);
        }
        Ok(())
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Where the roots and the last state of a task lie, if it runs in steps and was begun and not
    /// ended here; `ids` are [`Work::served`] and [`Work::job_id`]. The file is replaced whole
    /// while the task runs.
    pub fn kept(&self, ids: (JobId, JobId), job: &Job, task: u32) -> Option<PathBuf> {
        let shelf = &self.shared.shelf;
        let file = shelf.file(&shelf.place(ids, job, task));
        file.exists().then_some(file)
    }

    /// Stops a work and kills what runs of it. `Finished` follows, and at most the results that
    /// were on their way. An unknown token is ignored: its work may just have finished.
    pub fn cancel(&self, token: Token) {
        if self.shared.queue().cancel(token) {
            self.shared.tell(Event::Finished { token });
        }
    }

    /// Sets how fast tasks run from now on. Stopped ones stand still with all they have, and none
    /// begins until the pace is set again; their wall time does not pass meanwhile.
    pub fn pace(&self, pace: Pace) {
        self.shared.herd.set(pace);
        self.shared.wake.notify_all();
    }

    /// Every adapter that was found at the start, and what it is fit for; the preferred first.
    pub fn gpus(&self) -> &[GpuFacts] {
        &self.shared.gpus
    }

    /// The jail as it was found at the start.
    pub fn jail(&self) -> &Jail {
        &self.shared.jail
    }

    /// How many works wait or run.
    pub fn works(&self) -> usize {
        self.shared.queue().len()
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.shared.queue().close();
        self.shared.herd.close();
        self.shared.wake.notify_all();
        for slot in self.slots.drain(..) {
            // A slot that panicked has ended, which is all that is wanted here.
            drop(slot.join());
        }
    }
}

/// Starts a worker that tries every way out of its jail, and says what the jail is made of here.
///
/// # Errors
/// [`StartError`] if the worker does not do what a worker does.
pub fn look_at_jail(program: &Path, worker_args: &[OsString]) -> Result<Jail, StartError> {
    let mut child = Child::spawn(program, worker_args).map_err(|cause| StartError::Spawn {
        program: program.to_owned(),
        cause,
    })?;
    let broken = |broken| match broken {
        Broken::Late => StartError::Worker("it is silent".to_owned()),
        Broken::Gone(why) => StartError::Worker(why),
    };
    child.order(&Begin::TryEscapes).map_err(broken)?;
    match child.reply(ESCAPES_WAIT).map_err(broken)? {
        Reply::Escapes(jail) => Ok(jail),
        Reply::Failed(why) => Err(StartError::Worker(why)),
        _ => Err(StartError::Worker("it answers something else".to_owned())),
    }
}

fn check_jail(config: &Config) -> Result<Jail, StartError> {
    let jail = look_at_jail(&config.program, &config.worker_args)?;
    let leaks: Vec<String> = jail.leaks().map(str::to_owned).collect();
    if !leaks.is_empty() {
        return Err(StartError::JailLeaks(leaks));
    }
    let misses = jail.misses(&config.demand);
    if !misses.is_empty() {
        return Err(StartError::JailWeaker(misses));
    }
    for wall in jail.weak() {
        let Wall { name, says, .. } = wall;
        tracing::warn!(target: "executor", wall = name, says, "the jail is weaker here");
    }
    let walls = jail.walls.len() - jail.weak().count();
    let (of, ways) = (jail.walls.len(), jail.ways.len());
    tracing::info!(target: "executor", walls, of, ways, "the jail holds");
    Ok(jail)
}
