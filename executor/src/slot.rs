//! One slot: a thread that takes tasks one after the other and keeps a worker for them.
//!
//! A worker is used for one job only, and again for that job's next task. A task whose worker dies
//! is tried once more in a fresh one; a task that meets its wall time is not.

use std::sync::PoisonError;
use std::time::Duration;

use protocol::bytes::{self, Limited};
use protocol::ids::{Digest, JobId};
use protocol::job::{Profile, TASKS_PER_BUNDLE_MAX};
use protocol::outcome::{Outcome, Status, TASK_OUTPUT_BYTES_MAX, TaskOutput, Trap};
use protocol::steps::StepEntries;
use protocol::units::Fuel;

pub(crate) mod orders;
mod stepping;

use crate::cache::Code;
use crate::child::{Broken, Child};
use crate::executor::Shared;
use crate::frame::{AdapterOrder, Begin, Reply, Task};
use crate::queue::{Barred, Taken};
use crate::work::{Event, Inconclusive, TaskResult, Token, Work};
use stepping::Keeping;
pub(crate) use stepping::{Request, ask};

/// A worker without tasks is kept so long.
const IDLE_KEPT: Duration = Duration::from_secs(2);
/// A worker opens its files and shuts its jail within this time.
const READY_WAIT: Duration = Duration::from_secs(120);
/// A compiler is done within this time; its processor time is bounded by itself.
const COMPILE_WAIT: Duration = Duration::from_secs(900);
/// A task is tried so often if its worker dies.
const TRIES: u32 = 2;
/// What a task of a module that no machine can run is billed.
const REFUSED_FUEL: Fuel = Fuel::new(1);

struct Worker {
    child: Child,
    job: (JobId, JobId, Digest),
    tasks_left: u32,
}

/// Why a task has no worker, or no result from it.
enum Trouble {
    Cancelled,
    Died(String),
    Barred(Barred),
}

/// Does tasks until the queue is closed.
pub(crate) fn work(shared: &Shared, number: usize) {
    let mut slot = Slot {
        shared,
        number,
        worker: None,
    };
    while let Some(taken) = slot.next() {
        let (token, task) = (taken.work.token, taken.task);
        let result = slot.result(&taken);
        let cancelled = shared.queue().is_cancelled(token);
        if cancelled {
            slot.worker = None;
        } else {
            shared.tell(Event::Done {
                token,
                task,
                result,
            });
        }
        // What was stopped may be taken up again, here or elsewhere.
        if !cancelled && !shared.queue().is_closed() {
            let work = &taken.work;
            let place = (shared.shelf).place((work.served, work.job_id), &work.job, task);
            shared.shelf.forget(&place);
        }
        let finished = shared.queue().done(token, number);
        shared.wake.notify_all();
        if finished {
            shared.tell(Event::Finished { token });
        }
    }
}

struct Slot<'a> {
    shared: &'a Shared,
    number: usize,
    worker: Option<Worker>,
}

impl Slot<'_> {
    fn next(&mut self) -> Option<Taken> {
        let mut queue = self.shared.queue();
        loop {
            if queue.is_closed() {
                return None;
            }
            if !self.shared.herd.is_stopped()
                && let Some(taken) = queue.take(self.shared.config.memory_together)
            {
                return Some(taken);
            }
            let waited = self.shared.wake.wait_timeout(queue, IDLE_KEPT);
            let (guard, wait) = waited.unwrap_or_else(PoisonError::into_inner);
            queue = guard;
            if wait.timed_out() && self.worker.is_some() {
                drop(queue);
                self.worker = None;
                queue = self.shared.queue();
            }
        }
    }

    fn result(&mut self, taken: &Taken) -> TaskResult {
        if let Some(barred) = &taken.barred {
            return barred_result(barred, taken.work.job.profile);
        }
        let mut last = String::new();
        for _ in 0..TRIES {
            let tried = self.worker_for(&taken.work).and_then(|()| self.run(taken));
            match tried {
                Ok(result) => return result,
                Err(Trouble::Cancelled) => {
                    return inconclusive(Inconclusive::Killed("cancelled".to_owned()));
                }
                Err(Trouble::Barred(barred)) => {
                    self.shared.queue().bar(taken.work.token, barred.clone());
                    return barred_result(&barred, taken.work.job.profile);
                }
                Err(Trouble::Died(why)) => {
                    self.worker = None;
                    tracing::debug!(target: "executor", task = taken.task, why, "worker lost");
                    last = why;
                }
            }
        }
        inconclusive(Inconclusive::Killed(last))
    }

    /// Runs one task in the worker that is there.
    fn run(&mut self, taken: &Taken) -> Result<TaskResult, Trouble> {
        let Some(worker) = &mut self.worker else {
            return Err(Trouble::Died("there is no worker".to_owned()));
        };
        let token = taken.work.token;
        if !self
            .shared
            .queue()
            .leash(token, self.number, worker.child.leash())
        {
            return Err(Trouble::Cancelled);
        }
        let limits = taken.work.job.limits;
        let _one_at_a_time = taken.work.job.profile.needs_gpu().then(|| {
            let shading = self.shared.shading.lock();
            shading.unwrap_or_else(PoisonError::into_inner)
        });
        let wall = self.shared.config.wall(&taken.work.job);
        worker.tasks_left -= 1;
        let child = &mut worker.child;
        let reply = match taken.work.job.profile.is_shader() {
            true => child
                .order(&Task(taken.task))
                .and_then(|()| child.reply(wall)),
            false => {
                let keeping = Keeping::of(self.shared, self.number, taken);
                stepping::run(child, taken.task, wall, &keeping)
            }
        };
        if worker.tasks_left == 0 {
            self.worker = None;
        }
        match reply {
            Ok(Reply::Ended { output, fuel }) if fuel <= limits.fuel => outcome(output, fuel, None),
            Ok(Reply::EndedInSteps {
                output,
                fuel,
                entries,
            }) if fuel <= limits.fuel => outcome(output, fuel, Some(entries)),
            Ok(Reply::StackOverflow { stdout, stderr }) => Ok(TaskResult::Inconclusive {
                why: Inconclusive::StackOverflow,
                stdout,
                stderr,
            }),
            Ok(Reply::HostFailed {
                why,
                stdout,
                stderr,
            }) => {
                // A machine short of memory may have kept the worker from giving some back.
                self.worker = None;
                Ok(TaskResult::Inconclusive {
                    why: Inconclusive::Host(why),
                    stdout,
                    stderr,
                })
            }
            Ok(Reply::Failed(why)) => Err(Trouble::Died(why)),
            Ok(_) => Err(Trouble::Died(
                "the worker answers something else".to_owned(),
            )),
            Err(Broken::Late) => {
                self.worker = None;
                Ok(inconclusive(Inconclusive::WallTime))
            }
            Err(Broken::Gone(why)) => Err(self.lost(token, why)),
        }
    }

    fn lost(&self, token: Token, why: String) -> Trouble {
        if self.shared.queue().is_cancelled(token) {
            Trouble::Cancelled
        } else {
            Trouble::Died(why)
        }
    }

    /// Makes sure that the worker at hand is one for this work.
    fn worker_for(&mut self, work: &Work) -> Result<(), Trouble> {
        let content = Digest::of(&bytes::write(&work.job));
        let job = (work.served, work.job_id, content);
        if self.worker.as_ref().is_some_and(|worker| worker.job == job) {
            return Ok(());
        }
        self.worker = None;
        let key = self
            .shared
            .cache
            .key(orders::compiled_from(work), work.job.unknown_imports);
        for _ in 0..TRIES {
            let code = match self.shared.cache.find(&key) {
                Some(code) => code,
                None => self.compile(work)?,
            };
            let order = match work.job.profile {
                profile if profile.is_shader() => {
                    Begin::ServeShader(orders::serve_shader(work, &code, self.adapter(work)?))
                }
                profile if profile.needs_gpu() => {
                    Begin::Serve(orders::serve(work, &code, Some(self.adapter(work)?)))
                }
                _ => Begin::Serve(orders::serve(work, &code, None)),
            };
            match self.talk(work.token, &order, READY_WAIT)? {
                (child, Reply::Ready) => {
                    self.worker = Some(Worker {
                        child,
                        job,
                        tasks_left: TASKS_PER_BUNDLE_MAX,
                    });
                    return Ok(());
                }
                (_, Reply::StaleCode) => {
                    tracing::warn!(target: "executor", "compiled code is damaged: compiled again");
                    self.shared.cache.forget(&key);
                }
                (_, Reply::Failed(why)) => return Err(Trouble::Barred(Barred::Failed(why))),
                _ => {
                    return Err(Trouble::Died(
                        "the worker answers something else".to_owned(),
                    ));
                }
            }
        }
        Err(Trouble::Barred(Barred::Failed(
            "compiled code does not hold on this disk".to_owned(),
        )))
    }

    /// Starts a child, gives it its first order, and waits for the answer.
    fn talk(&self, token: Token, begin: &Begin, wait: Duration) -> Result<(Child, Reply), Trouble> {
        let config = &self.shared.config;
        let child = Child::spawn_in(&self.shared.herd, &config.program, &config.worker_args);
        let mut child = child.map_err(|error| {
            Trouble::Barred(Barred::Failed(format!("cannot start a worker: {error}")))
        })?;
        if !self.shared.queue().leash(token, self.number, child.leash()) {
            return Err(Trouble::Cancelled);
        }
        match child.order(begin).and_then(|()| child.reply(wait)) {
            Ok(reply) => Ok((child, reply)),
            Err(Broken::Late) => Err(self.lost(token, "it took too long to begin".to_owned())),
            Err(Broken::Gone(why)) => Err(self.lost(token, why)),
        }
    }

    fn adapter(&self, work: &Work) -> Result<AdapterOrder, Trouble> {
        let fit = self.shared.gpus.iter().find(|gpu| gpu.fits(&work.job));
        let none = || Barred::Failed("no adapter here is fit for shaders".to_owned());
        let gpu = fit.ok_or_else(|| Trouble::Barred(none()))?;
        Ok(orders::adapter(gpu, self.shared.config.gpu_share))
    }

    fn compile(&self, work: &Work) -> Result<Code, Trouble> {
        let _one_at_a_time = self
            .shared
            .compiling
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if self.shared.queue().is_cancelled(work.token) {
            return Err(Trouble::Cancelled);
        }
        if let Some(barred) = self.shared.queue().barred(work.token) {
            return Err(Trouble::Barred(barred));
        }
        let cache = &self.shared.cache;
        let key = cache.key(orders::compiled_from(work), work.job.unknown_imports);
        if let Some(code) = cache.find(&key) {
            return Ok(code);
        }
        let failed = |why: String| Trouble::Barred(Barred::Failed(why));
        let into = cache
            .begin(&key)
            .map_err(|e| failed(format!("cannot cache code: {e}")))?;
        let order = orders::compile(work, &into);
        let compiled = self.talk(work.token, &Begin::Compile(order), COMPILE_WAIT);
        let trouble = match compiled {
            Ok((_, Reply::Compiled(checksum))) => {
                return cache
                    .keep(&key, checksum)
                    .map_err(|error| failed(format!("cannot cache code: {error}")));
            }
            Ok((_, Reply::ModuleRefused(why))) => Trouble::Barred(Barred::Refused(why)),
            Ok((_, Reply::Failed(why))) => failed(format!("cannot compile the module: {why}")),
            Ok(_) => failed("the compiler answers something else".to_owned()),
            Err(Trouble::Died(why)) => failed(format!("cannot compile the module: {why}")),
            Err(trouble) => trouble,
        };
        cache.forget(&key);
        Err(trouble)
    }
}

fn inconclusive(why: Inconclusive) -> TaskResult {
    TaskResult::Inconclusive {
        why,
        stdout: Vec::new(),
        stderr: Vec::new(),
    }
}

fn outcome(
    output: Vec<u8>,
    fuel: Fuel,
    entries: Option<StepEntries>,
) -> Result<TaskResult, Trouble> {
    let read = bytes::read::<TaskOutput>(&output, TASK_OUTPUT_BYTES_MAX);
    let read = read.map_err(|why| Trouble::Died(format!("the worker's output is {why}")))?;
    let within = entries
        .as_ref()
        .is_none_or(|all| all.within_limits().is_ok());
    if !within || entries.as_ref().map(StepEntries::list) != read.steps {
        return Err(Trouble::Died(
            "the worker's steps are not its output's".to_owned(),
        ));
    }
    let outcome = Outcome {
        digest: Digest::of(&output),
        fuel,
    };
    Ok(TaskResult::Outcome {
        output: Box::new(read),
        bytes: output,
        outcome,
        entries,
    })
}

/// A refused module ends each task in the same way on every machine: a trap, its reason on standard
/// error, and one unit of fuel.
fn barred_result(barred: &Barred, profile: Profile) -> TaskResult {
    let why = match barred {
        Barred::Failed(why) => return inconclusive(Inconclusive::Host(why.clone())),
        Barred::Refused(why) => why,
    };
    let output = TaskOutput {
        profile,
        status: Status::Trapped(Trap::Other),
        stdout: Vec::new(),
        stderr: format!("{why}\n").into_bytes(),
        files: Vec::new(),
        steps: None,
    };
    let bytes = output.to_bytes();
    let outcome = Outcome {
        digest: Digest::of(&bytes),
        fuel: REFUSED_FUEL,
    };
    TaskResult::Outcome {
        output: Box::new(output),
        bytes,
        outcome,
        entries: None,
    }
}
