//! Running one task in this process, and saying how it ended.
//!
//! The outcome is the same on every machine, or there is none. What differs between machines (how
//! deep a stack is, how much memory is left) never becomes an outcome.

use std::rc::Rc;

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::ids::{Digest, JobId};
use protocol::job::{Job, Limits};
use protocol::outcome::{Limit, Status, TaskOutput, Trap as Kind};
use protocol::steps::{StepEntries, end};
use protocol::units::Fuel;
use wasmtime::ValType;
use wasmtime::{Engine, Error, ExternType, Instance, InstancePre, Module, Result, Store, Trap};

use crate::facts::Entry;
use crate::gpu::Adapter;
use crate::meter::Gauge;
use crate::steps::{self, KeepNothing, Stepper};
use crate::wasi::{self, End, Fixed, GuestGpu, Host, Tree, World};

/// What a guest sees as its own name.
pub(crate) const PROGRAM: &str = "main";
/// The paths of all output files together may have so many bytes.
const NAMES_BYTES_MAX: usize = 4 << 20;

const CHANCE: &str = "tallygrid guest random v1";
const SEED: &str = "tallygrid guest seed v1";

/// What a run on this machine gave.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(crate) enum Ran {
    /// All machines see the same.
    Ended {
        output: TaskOutput,
        fuel: Fuel,
        /// What came of each step, if the module runs in steps.
        entries: Option<StepEntries>,
    },
    /// The stack overflowed.
    StackOverflow { stdout: Vec<u8>, stderr: Vec<u8> },
    /// This machine failed the guest.
    HostFailed {
        why: String,
        stdout: Vec<u8>,
        stderr: Vec<u8>,
    },
}

/// A module ready to run all tasks of one job.
pub(crate) struct Runner {
    engine: Engine,
    ready: InstancePre<Host>,
    entry: Entry,
    world: Rc<World>,
    job: Job,
    adapter: Option<Rc<Adapter>>,
}

fn ended_by_zero(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

impl Runner {
    /// For this job, with its inputs already opened in the order of `job.inputs`.
    ///
    /// # Errors
    /// If the module asks for an import that cannot be given, which its compiler would have
    /// refused.
    pub(crate) fn new(
        engine: &Engine,
        module: &Module,
        (job_id, job): (JobId, Job),
        stdin: Option<Fixed>,
        inputs: Vec<Fixed>,
    ) -> Result<Self> {
        let ready = wasi::linker(engine, module, job.profile)?.instantiate_pre(module)?;
        let entry = entry(module);
        let paths = job.inputs.iter().map(|input| input.path.clone());
        let inputs: Vec<_> = paths.zip(inputs).collect();
        let args = std::iter::once(PROGRAM).chain(job.args.iter().map(String::as_str));
        let mut env: Vec<_> = job
            .env
            .iter()
            .map(|(name, value)| ended_by_zero(&format!("{name}={value}")))
            .collect();
        env.push(ended_by_zero(&format!("PEER_JOB_ID={}", job_id.full())));
        let (tree, folders) = Tree::new(&inputs);
        let world = World {
            args: args.map(ended_by_zero).collect(),
            env,
            stdin,
            tree,
            folders,
            limits: job.limits,
        };
        Ok(Self {
            engine: engine.clone(),
            ready,
            entry,
            world: Rc::new(world),
            job,
            adapter: None,
        })
    }

    /// The same for guests that drive this adapter.
    pub(crate) fn driving(self, adapter: Adapter) -> Self {
        let adapter = Some(Rc::new(adapter));
        Self { adapter, ..self }
    }

    fn host(&self, task: u32) -> Host {
        let index = self.job.array.index(task);
        let chance = {
            let mut hasher = blake3::Hasher::new_derive_key(CHANCE);
            hasher
                .update(self.job.seed.bytes())
                .update(&index.to_le_bytes());
            hasher.finalize_xof()
        };
        let seed = {
            let mut hasher = blake3::Hasher::new_derive_key(SEED);
            hasher
                .update(self.job.seed.bytes())
                .update(&index.to_le_bytes());
            let mut seed = [0; 8];
            hasher.finalize_xof().fill(&mut seed);
            u64::from_le_bytes(seed)
        };
        let env = vec![
            ended_by_zero(&format!("PEER_TASK_ID={task}")),
            ended_by_zero(&format!("PEER_ARRAY_INDEX={index}")),
            ended_by_zero(&format!("PEER_SEED={seed}")),
        ];
        let gpu = self.adapter.as_ref().map(GuestGpu::new);
        Host::new(&self.world, env, chance, gpu)
    }

    /// Runs one task from its start to its end.
    pub(crate) fn run(&self, task: u32) -> Ran {
        if self.entry == Entry::Steps {
            return steps::go_on(Stepper::new(self, task), Vec::new(), &mut KeepNothing);
        }
        let mut store = self.store(task);
        let result = self
            .instantiate(&mut store)
            .and_then(|instance| self.enter(&mut store, &instance));
        self.finish(store, result, None)
    }

    /// How its module is entered.
    pub(crate) fn entry(&self) -> Entry {
        self.entry
    }

    /// What one task may use.
    pub(crate) fn limits(&self) -> &Limits {
        &self.job.limits
    }

    /// A task that has done nothing yet.
    pub(crate) fn store(&self, task: u32) -> Store<Host> {
        let mut store = Store::new(&self.engine, self.host(task));
        store.limiter(|host| &mut host.limiter);
        store
    }

    /// Puts the guest into its store, with all its fuel.
    ///
    /// # Errors
    /// How the task ends.
    pub(crate) fn instantiate(&self, store: &mut Store<Host>) -> Result<Instance> {
        let instance = self.ready.instantiate(&mut *store)?;
        store.data_mut().memory = instance.get_memory(&mut *store, "memory");
        let gauge = Gauge::of(&mut *store, &instance)?;
        store.data_mut().gauge = Some(gauge);
        gauge.set(&mut *store, self.job.limits.fuel.get())?;
        Ok(instance)
    }

    /// Calls a command's `_start`, or a reactor's `_initialize` and then `run`.
    fn enter(&self, store: &mut Store<Host>, instance: &Instance) -> Result<i32> {
        if self.entry == Entry::Command {
            let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
            return start.call(store, ()).map(|()| 0);
        }
        initialize(store, instance)?;
        instance
            .get_typed_func::<(), i32>(&mut *store, "run")?
            .call(store, ())
    }

    /// How a task ended, given the exit code or what stopped it; with `roots`, after which steps.
    pub(crate) fn finish(
        &self,
        mut store: Store<Host>,
        result: Result<i32>,
        roots: Option<Vec<Digest>>,
    ) -> Ran {
        let limit = self.job.limits.fuel;
        let gauge = store.data().gauge;
        let left = gauge.and_then(|gauge| gauge.left(&mut store));
        let stopped = gauge.is_some_and(|gauge| gauge.stopped(&mut store));
        let mut host = store.into_data();
        let used = Fuel::new(limit.get().saturating_sub(left.unwrap_or(0)));
        let status = result.map_or_else(|error| status(&error), |code| Ok(Status::Exited(code)));
        let status = match status {
            Ok(Status::Trapped(Kind::Unreachable)) if stopped => Ok(Status::OutOf(Limit::Fuel)),
            // It has come to its end, with work that it had not the fuel for.
            Ok(Status::Exited(_)) if left.is_none() => Ok(Status::OutOf(Limit::Fuel)),
            status => status,
        };
        let (stdout, stderr) = (
            std::mem::take(&mut host.stdout),
            std::mem::take(&mut host.stderr),
        );
        let status = match status {
            Ok(status) => status,
            Err(None) => return Ran::StackOverflow { stdout, stderr },
            Err(Some(why)) => {
                return Ran::HostFailed {
                    why,
                    stdout,
                    stderr,
                };
            }
        };
        let files = host.tree.take(self.world.folders.outside, NAMES_BYTES_MAX);
        let status = match files {
            Some(_) => status,
            None => Status::OutOf(Limit::Output),
        };
        let fuel = match status {
            Status::Exited(_) => used,
            Status::Trapped(_) | Status::OutOf(_) => limit,
        };
        let mut output = TaskOutput {
            profile: self.job.profile,
            status,
            stdout,
            stderr,
            files: files.unwrap_or_default(),
            steps: None,
        };
        let entries = roots.and_then(|mut entries| {
            entries.push(end(&output, fuel));
            StepEntries::new(entries)
        });
        output.steps = entries.as_ref().map(StepEntries::list);
        Ran::Ended {
            output,
            fuel,
            entries,
        }
    }
}

/// How a checked module is entered.
fn entry(module: &Module) -> Entry {
    let has = |name, results| match module.get_export(name) {
        Some(ExternType::Func(function)) => {
            let mut answers = function.results();
            function.params().len() == 0
                && answers.len() == results
                && answers.all(|kind| matches!(kind, ValType::I32))
        }
        _ => false,
    };
    match (has("_start", 0), has("run", 1)) {
        (true, _) => Entry::Command,
        (false, true) => Entry::Reactor,
        (false, false) => Entry::Steps,
    }
}

/// Calls `_initialize`, if there is one.
///
/// # Errors
/// How the task ends.
pub(crate) fn initialize(store: &mut Store<Host>, instance: &Instance) -> Result<()> {
    match instance.get_typed_func::<(), ()>(&mut *store, "_initialize") {
        Ok(initialize) => initialize.call(store, ()),
        Err(_) => Ok(()),
    }
}

/// The status of a run that did not end by itself; `None` for a stack overflow, and the reason if
/// this machine failed.
fn status(error: &Error) -> Result<Status, Option<String>> {
    if let Some(end) = error.downcast_ref::<End>() {
        return match end {
            End::Exit(code) => Ok(Status::Exited(*code)),
            End::Limit(limit) => Ok(Status::OutOf(*limit)),
            End::Unknown => Ok(Status::Trapped(Kind::Other)),
            End::Shader(kind) => Ok(Status::Trapped(*kind)),
            End::Host(why) => Err(Some(why.clone())),
        };
    }
    if error.downcast_ref::<wasmtime::ThrownException>().is_some() {
        return Ok(Status::Trapped(Kind::Other));
    }
    let kind = match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => return Err(None),
        Some(Trap::OutOfFuel) => return Ok(Status::OutOf(Limit::Fuel)),
        Some(Trap::UnreachableCodeReached) => Kind::Unreachable,
        Some(Trap::MemoryOutOfBounds) => Kind::MemoryOutOfBounds,
        Some(Trap::TableOutOfBounds | Trap::IndirectCallToNull | Trap::BadSignature) => {
            Kind::BadTableUse
        }
        Some(
            Trap::IntegerOverflow | Trap::IntegerDivisionByZero | Trap::BadConversionToInteger,
        ) => Kind::BadArithmetic,
        Some(Trap::HeapMisaligned | Trap::AtomicWaitNonSharedMemory | Trap::NullReference) => {
            Kind::Other
        }
        _ => return Err(Some(format!("{error:#}"))),
    };
    Ok(Status::Trapped(kind))
}

#[cfg(test)]
mod tests;
