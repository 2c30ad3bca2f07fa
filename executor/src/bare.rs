//! The same guest in this process: no child, no jail, no queue. It is what benchmarks compare with
//! and what the fuzzer reaches into, and nothing else may use it, because nothing here holds a
//! hostile guest.

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use protocol::ids::{Digest, JobId};
use protocol::job::{Array, Blob, Job, Limits, Profile, UnknownImports};
use protocol::kernel::{self, Buffer, Compare, Kernel, Pass};
use protocol::outcome::TaskOutput;
use protocol::units::{Bytes, Fuel, Millis};
use wasmparser::Validator;
use wasmtime::{AsContextMut, Instance, Module, OptLevel};

use crate::meter::{self, Gauge};
use crate::task::{Ran, Runner};
use crate::wasi::Fixed;
use crate::{engine, facts, gpu, nan};

/// What each task may use.
const LIMITS: Limits = Limits {
    fuel: Fuel::new(1_000_000_000),
    memory: Bytes::new(256 << 20),
    output: Bytes::new(1 << 20),
    output_files: 16,
    wall_ms: Millis::new(60_000),
};

/// Compiles a module and runs these tasks of it, one after the other.
///
/// # Errors
/// In words, if the module cannot be compiled or a task does not end by itself.
pub fn run(wasm: &[u8], tasks: Range<u32>) -> Result<(), String> {
    let words = |error: wasmtime::Error| format!("{error:#}");
    let engine = engine::engine().map_err(words)?;
    let (_, rewritten) = facts::prepare(wasm, UnknownImports::Refuse, Profile::WASM_3)
        .map_err(|refused| refused.to_string())?;
    let module = Module::new(&engine, rewritten).map_err(words)?;
    let mut job = Job::once("bare", Blob::of(wasm), LIMITS);
    job.array = Array::of(tasks.end);
    let id = JobId::new(*Digest::of(b"bare").bytes());
    let runner = Runner::new(&engine, &module, (id, job), None, Vec::new()).map_err(words)?;
    for task in tasks {
        match runner.run(task) {
            Ran::Ended { output, .. } if output.status.is_success() => {}
            other => return Err(format!("task {task}: {other:?}")),
        }
    }
    Ok(())
}

/// A program in this process, with the files it is given.
pub struct Program {
    runner: Runner,
}

impl Program {
    /// As tasks run it; or, if it is `plain`, as it is: nothing is counted but what it asks of its
    /// host, and its NaNs are the machine's.
    ///
    /// # Errors
    /// In words, if it cannot be compiled or one of its files not be opened.
    pub fn new(wasm: &[u8], job: Job, inputs: &[PathBuf], plain: bool) -> Result<Self, String> {
        let words = |error: wasmtime::Error| format!("{error:#}");
        let compiled_from = match plain {
            true => meter::rewrite_with(wasm, false).map_err(|refused| refused.to_string()),
            false => metered(wasm, true),
        }?;
        let engine = engine::engine().map_err(words)?;
        let module = Module::new(&engine, compiled_from).map_err(words)?;
        let open = |path: &PathBuf| {
            let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let size = file.metadata().map_err(|error| error.to_string())?.len();
            let file = Arc::new(file);
            Ok::<_, String>(Fixed { file, size })
        };
        let inputs = inputs.iter().map(open).collect::<Result<_, _>>()?;
        let id = JobId::new(*Digest::of(b"bare").bytes());
        let runner = Runner::new(&engine, &module, (id, job), None, inputs).map_err(words)?;
        Ok(Self { runner })
    }

    /// Runs its one task.
    ///
    /// # Errors
    /// In words, if it does not end by itself.
    pub fn run(&self) -> Result<TaskOutput, String> {
        match self.runner.run(0) {
            Ran::Ended { output, .. } if output.status.is_success() => Ok(output),
            other => Err(format!("{other:?}")),
        }
    }
}

/// The profile's engine, to be compared with others.
pub fn config() -> wasmtime::Config {
    engine::config(OptLevel::Speed)
}

/// A valid module that knows one NaN. With `noise`, it is made for a machine whose every arithmetic
/// instruction leaves a NaN of its own, which nothing may show.
///
/// # Errors
/// In words, if it would grow too large, or has instructions that the profile does not have.
pub fn rewritten(wasm: &[u8], noise: bool) -> Result<Vec<u8>, String> {
    nan::rewrite_with(wasm, noise).map_err(|refused| refused.to_string())
}

/// What a valid module is compiled from so that it counts its work; with `one_nan`, it knows one
/// NaN too, and is what a task runs.
///
/// # Errors
/// In words, if it would grow too large, or has instructions that the profile does not have.
pub fn metered(wasm: &[u8], one_nan: bool) -> Result<Vec<u8>, String> {
    let metered = meter::rewrite(wasm);
    let whole = match one_nan {
        true => metered.and_then(|metered| nan::rewrite(&metered)),
        false => metered,
    };
    whole.map_err(|refused| refused.to_string())
}

/// Gives an instance of a module that counts its work so much fuel.
///
/// # Errors
/// If it does not count its work.
pub fn give_fuel(
    mut store: impl AsContextMut,
    instance: &Instance,
    fuel: u64,
) -> wasmtime::Result<()> {
    Gauge::of(&mut store, instance)?.set(&mut store, fuel)
}

/// What it has left; `None` if that is less than nothing, or if it was stopped for that.
///
/// # Errors
/// If it does not count its work.
pub fn fuel_left(
    mut store: impl AsContextMut,
    instance: &Instance,
) -> wasmtime::Result<Option<u64>> {
    let gauge = Gauge::of(&mut store, instance)?;
    match gauge.stopped(&mut store) {
        true => Ok(None),
        false => Ok(gauge.left(&mut store)),
    }
}

/// Whether these are the bytes of a module of the profile's instructions.
pub fn is_valid(wasm: &[u8]) -> bool {
    Validator::new_with_features(engine::FEATURES)
        .validate_all(wasm)
        .is_ok()
}

/// What a driver is given of a shader whose entry point is `main`: of a job that is `exact` or not,
/// with so many output buffers of 4 KiB and so many workgroups.
///
/// # Errors
/// In words, if it is refused.
pub fn shader(
    source: &[u8],
    (exact, buffers, groups): (bool, usize, u32),
) -> Result<String, String> {
    let output = |n: usize| Buffer::Output {
        name: n.to_string(),
        size: Bytes::new(4 << 10),
    };
    let kernel = Kernel {
        buffers: (0..buffers).map(output).collect(),
        passes: vec![Pass {
            entry: "main".to_owned(),
            groups: [groups, 1, 1],
        }],
        compare: match exact {
            true => Compare::Exact,
            false => Compare::Tolerance {
                absolute: 0,
                relative: 0,
                apart_max: 0,
            },
        },
    };
    let mut job = Job::once("bare", Blob::of(source), LIMITS);
    (job.profile, job.program) = (Profile::WGSL_1, kernel::Program::Wgsl(kernel));
    let plan = gpu::compile(source, &job)?.map_err(|refused| refused.to_string())?;
    Ok(plan.text)
}

/// Whether this text is a shader that naga reads and finds valid.
///
/// # Errors
/// In words, what is wrong with it.
pub fn is_shader(text: &str) -> Result<(), String> {
    gpu::parses(text).map_err(|refused| refused.to_string())
}
