//! The same guest in this process: no child, no jail, no queue. It is what benchmarks compare with
//! and what the fuzzer reaches into, and nothing else may use it, because nothing here holds a
//! hostile guest.

use std::ops::Range;

use protocol::ids::{Digest, JobId};
use protocol::job::{Array, Blob, Job, Limits, UnknownImports};
use protocol::units::{Bytes, Fuel, Millis};
use wasmparser::Validator;
use wasmtime::{Module, OptLevel};

use crate::task::{Ran, Runner};
use crate::{engine, facts, nan};

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
    let (_, rewritten) =
        facts::prepare(wasm, UnknownImports::Refuse).map_err(|refused| refused.to_string())?;
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

/// The profile's engine, to be compared with others.
pub fn config() -> wasmtime::Config {
    engine::config(OptLevel::Speed)
}

/// What a valid module is compiled from. With `noise`, it is made for a machine whose every
/// arithmetic instruction leaves a NaN of its own, which nothing may show.
///
/// # Errors
/// In words, if it would grow too large, or has instructions that the profile does not have.
pub fn rewritten(wasm: &[u8], noise: bool) -> Result<Vec<u8>, String> {
    nan::rewrite_with(wasm, noise).map_err(|refused| refused.to_string())
}

/// Whether these are the bytes of a module of the profile's instructions.
pub fn is_valid(wasm: &[u8]) -> bool {
    Validator::new_with_features(engine::FEATURES)
        .validate_all(wasm)
        .is_ok()
}
