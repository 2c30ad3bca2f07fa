//! WGSL jobs: shaders that are checked, metered, and run on any device with the same outcome.
//!
//! ```text
//! bytes ─ source ─▶ naga's IR ─ exact, phases, fuel ─▶ rewrite ─▶ metered WGSL ─▶ device
//! ```
//!
//! Nothing of a stranger's shader reaches a driver: what does is written anew from the IR, with
//! every loop bounded, every index inside, every written element owned by one invocation, and every
//! float fenced. Decision 0013 says why each of these is needed for outcomes that are slashable.

mod adapter;
mod alike;
mod compile;
mod device;
mod exact;
mod fuel;
mod loops;
mod measure;
mod phases;
mod plan;
mod probe;
mod refused;
mod rewrite;
mod run;
mod shader;
mod source;
pub(crate) mod worker;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use protocol::ids::Digest;
use protocol::job::Job;
use protocol::kernel::Program;

pub(crate) use adapter::{Adapter, Counted, Ending};
pub use alike::are_alike;
pub(crate) use device::{Gpu, Ready};
pub use measure::GpuFigures;
pub use probe::GpuFacts;
pub use refused::{Place, ShaderRefused};

use crate::child::{Broken, Child};
use crate::facts::check_module;
use crate::frame::{Begin, Reply};
pub(crate) use plan::Plan;

/// Stack for reading a shader: naga reads nested text by recursion.
const STACK_BYTES: usize = 256 << 20;

/// Reads a shader next to its job's declaration, and refuses it if no task of it could ever run.
///
/// Takes a bounded time; safe for a stranger's bytes.
///
/// # Errors
/// [`ShaderRefused`], the same on every machine.
pub fn check_shader(bytes: &[u8], job: &Job) -> Result<(), ShaderRefused> {
    let read = compile(bytes, job);
    let read = read.unwrap_or_else(|why| Err(ShaderRefused::anywhere(why)));
    read.map(|_| ())
}

/// Looks at a job's program, whatever its kind, and refuses it if no task of it could ever run.
///
/// # Errors
/// Why, in words that are the same on every machine.
pub fn check_program(bytes: &[u8], job: &Job) -> Result<(), String> {
    match &job.program {
        Program::Wasm => check_module(bytes, job.unknown_imports, job.profile)
            .map(|_| ())
            .map_err(|refused| refused.to_string()),
        Program::Wgsl(_) => check_shader(bytes, job).map_err(|refused| refused.to_string()),
    }
}

/// What every machine finds in a shader.
pub(crate) type Verdict<T> = Result<T, ShaderRefused>;

/// What the shader becomes, or why it is refused everywhere.
///
/// # Errors
/// Why this machine cannot say.
pub(crate) fn compile(bytes: &[u8], job: &Job) -> Result<Verdict<Plan>, String> {
    on_a_deep_stack(|| compile::compile(bytes, job))
}

/// Reads a shader without its declaration, as far as that goes.
///
/// # Errors
/// Why this machine cannot say.
pub(crate) fn read(bytes: &[u8]) -> Result<Verdict<()>, String> {
    on_a_deep_stack(|| source::parse(source::read(bytes)?, 0).map(|_| ()))
}

/// A shortage of this machine must not become a refusal: others would not refuse.
fn on_a_deep_stack<T: Send>(
    read: impl FnOnce() -> Verdict<T> + Send,
) -> Result<Verdict<T>, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        let reading = thread.spawn_scoped(scope, read);
        let reading = reading.map_err(|error| format!("no thread: {error}"))?;
        let refused = |_| Err(ShaderRefused::anywhere("naga fails on it"));
        Ok(reading.join().unwrap_or_else(refused))
    })
}

/// Whether naga reads a text and finds it valid, as a driver's side of it does.
///
/// # Errors
/// [`ShaderRefused`].
pub(crate) fn parses(text: &str) -> Result<(), ShaderRefused> {
    source::parse(text, 0).map(|_| ())
}

/// A child lists or tests adapters within this time, or the adapter is not used.
const PROBE_WAIT: Duration = Duration::from_secs(120);
/// So many adapters are tested; a machine has no more that are worth it.
const ADAPTERS_MAX: usize = 16;

/// Finds every adapter of this machine and tests each, in children of this program.
///
/// The preferred come first. A driver that hangs or falls over costs its adapter, not the caller.
pub fn find(program: &Path, worker_args: &[OsString]) -> Vec<GpuFacts> {
    let found = match ask(program, worker_args, &Begin::ListGpus) {
        Ok(Reply::Gpus(found)) => found,
        Ok(_) => Vec::new(),
        Err(why) => {
            tracing::debug!(target: "executor", why, "no adapters");
            Vec::new()
        }
    };
    let mut tested = Vec::new();
    for mut facts in found.into_iter().take(ADAPTERS_MAX) {
        match ask(program, worker_args, &Begin::TestGpu(facts.number)) {
            Ok(Reply::Gpu(fit)) => facts = fit,
            Ok(_) => facts.tests = failed("its child answers something else".to_owned()),
            Err(why) => facts.tests = failed(why),
        }
        tested.push(facts);
    }
    tested
}

/// Measures an adapter that is fit, in a child of this program.
///
/// # Errors
/// Why it could not be measured.
pub(crate) fn measure(
    program: &Path,
    worker_args: &[OsString],
    gpu: &GpuFacts,
) -> Result<GpuFigures, String> {
    match ask(
        program,
        worker_args,
        &Begin::MeasureGpu(gpu.number, gpu.turns_max),
    )? {
        Reply::GpuFigures(figures) => Ok(figures),
        _ => Err("its child answers something else".to_owned()),
    }
}

/// What figures of an adapter depend on besides the adapter: the reference kernels as they run.
pub(crate) fn measured_with() -> Digest {
    measure::measured_with()
}

fn failed(why: String) -> Vec<(String, Option<String>)> {
    vec![("opens in a jail".to_owned(), Some(why))]
}

fn ask(program: &Path, worker_args: &[OsString], begin: &Begin) -> Result<Reply, String> {
    let child = Child::spawn(program, worker_args);
    let mut child = child.map_err(|error| format!("cannot start a child: {error}"))?;
    match child.order(begin).and_then(|()| child.reply(PROBE_WAIT)) {
        Ok(Reply::Failed(why)) | Err(Broken::Gone(why)) => Err(why),
        Ok(reply) => Ok(reply),
        Err(Broken::Late) => Err("its driver does not answer".to_owned()),
    }
}

#[cfg(test)]
mod tests;
