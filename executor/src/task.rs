//! Running one task in this process, and saying how it ended.
//!
//! The outcome is the same on every machine, or there is none. What differs between machines (how
//! deep a stack is, how much memory is left) never becomes an outcome.

use std::rc::Rc;

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::ids::JobId;
use protocol::job::{Job, Profile};
use protocol::outcome::{Limit, Status, TaskOutput, Trap as Kind};
use protocol::units::Fuel;
use wasmtime::{Engine, Error, Instance, InstancePre, Module, Result, Store, Trap};

use crate::wasi::{self, End, Fixed, Host, Tree, World};

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
    Ended { output: TaskOutput, fuel: Fuel },
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
    world: Rc<World>,
    job: Job,
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
        let ready = wasi::linker(engine, module)?.instantiate_pre(module)?;
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
            world: Rc::new(world),
            job,
        })
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
        Host::new(&self.world, env, chance)
    }

    /// Runs one task from its start to its end.
    pub(crate) fn run(&self, task: u32) -> Ran {
        let limit = self.job.limits.fuel;
        let mut store = Store::new(&self.engine, self.host(task));
        store.limiter(|host| &mut host.limiter);
        let result = self.call(&mut store, limit);
        let left = store.get_fuel().unwrap_or(0);
        let mut host = store.into_data();
        let used = Fuel::new(limit.get().saturating_sub(left));
        let status = match result {
            Ok(code) => Ok(Status::Exited(code)),
            Err(error) => status(&error),
        };
        let (stdout, stderr) = (
            std::mem::take(&mut host.stdout),
            std::mem::take(&mut host.stderr),
        );
        match status {
            Ok(status) => {
                let outside = self.world.folders.outside;
                let files = host.tree.take(outside, NAMES_BYTES_MAX);
                let status = if files.is_some() {
                    status
                } else {
                    Status::OutOf(Limit::Output)
                };
                let fuel = if matches!(status, Status::Exited(_)) {
                    used
                } else {
                    limit
                };
                let files = files.unwrap_or_default();
                let profile = Profile::WASM_2;
                Ran::Ended {
                    output: TaskOutput {
                        profile,
                        status,
                        stdout,
                        stderr,
                        files,
                    },
                    fuel,
                }
            }
            Err(None) => Ran::StackOverflow { stdout, stderr },
            Err(Some(why)) => Ran::HostFailed {
                why,
                stdout,
                stderr,
            },
        }
    }

    fn call(&self, store: &mut Store<Host>, limit: Fuel) -> Result<i32> {
        // How much fuel instantiation takes depends on the platform (data segments are free where
        // they are mapped copy-on-write), so the task's fuel begins after it.
        store.set_fuel(u64::MAX)?;
        let instance = self.ready.instantiate(&mut *store)?;
        store.data_mut().memory = instance.get_memory(&mut *store, "memory");
        store.set_fuel(limit.get())?;
        let ended = enter(store, &instance);
        match ended {
            Err(error) => match error.downcast_ref::<End>() {
                Some(End::Exit(code)) => Ok(*code),
                _ => Err(error),
            },
            code => code,
        }
    }
}

/// Calls a command's `_start`, or a reactor's `_initialize` and then `run`.
fn enter(store: &mut Store<Host>, instance: &Instance) -> Result<i32> {
    if let Ok(start) = instance.get_typed_func::<(), ()>(&mut *store, "_start") {
        return start.call(store, ()).map(|()| 0);
    }
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut *store, "_initialize") {
        initialize.call(&mut *store, ())?;
    }
    instance
        .get_typed_func::<(), i32>(&mut *store, "run")?
        .call(store, ())
}

/// The status of a run that did not end by itself; `None` for a stack overflow, and the reason if
/// this machine failed.
fn status(error: &Error) -> Result<Status, Option<String>> {
    if let Some(end) = error.downcast_ref::<End>() {
        return match end {
            End::Exit(code) => Ok(Status::Exited(*code)),
            End::Limit(limit) => Ok(Status::OutOf(*limit)),
            End::Unknown => Ok(Status::Trapped(Kind::Other)),
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
