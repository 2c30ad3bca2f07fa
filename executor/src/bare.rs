//! The same guest in this process: no child, no jail, no queue. It is what the benchmark compares
//! with, and nothing else may use it, because nothing here holds a hostile guest.

use std::ops::Range;

use protocol::ids::{Digest, JobId};
use protocol::job::{Array, Blob, Job, Limits, Profile, UnknownImports};
use protocol::units::{Bytes, Fuel, Millis};
use wasmtime::Module;

use crate::engine;
use crate::task::{Ran, Runner};

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
    let module = Module::new(&engine, wasm).map_err(words)?;
    let size = Bytes::new(u64::try_from(wasm.len()).unwrap_or(u64::MAX));
    let job = Job {
        name: "bare".to_owned(),
        profile: Profile::WASM_1,
        module: Blob {
            digest: Digest::of(wasm),
            size,
        },
        unknown_imports: UnknownImports::Refuse,
        args: Vec::new(),
        env: Vec::new(),
        stdin: None,
        inputs: Vec::new(),
        array: Array {
            first: 0,
            step: 1,
            count: tasks.end,
        },
        limits: LIMITS,
        seed: Digest::of(wasm),
    };
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
