//! The child's side: open everything, shut the jail, then work.
//!
//! ```text
//! first order ──▶ open files, load code ──▶ jail ──▶ Ready ──▶ task ──▶ reply ──▶ task …
//!                                                               end of orders ──▶ exit
//! ```

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::sync::Arc;

use protocol::ids::{Digest, JobId};
use protocol::job::{Blob, Job, MODULE_MAX, TASKS_PER_BUNDLE_MAX};
use wasmtime::{Engine, Module};

use crate::frame::{
    self, Begin, CompileOrder, ORDER_BYTES_MAX, Order, REPLY_BYTES_MAX, Reply, ServeOrder,
};
use crate::gpu::{Adapter, worker as gpu};
use crate::jail::{self, Bounds, Jail, Shut};
use crate::steps::serving;
use crate::task::Runner;
use crate::wait::Wait;
use crate::wasi::Fixed;
use crate::{aot, engine, facts};

/// Stack of the thread that runs guests: theirs, and room for the host's calls.
const THREAD_STACK: usize = engine::STACK_BYTES + (4 << 20);
/// Memory that a worker needs besides its guest's.
const WORKER_MEMORY: u64 = 256 << 20;
/// How many copies of a task's output exist at once: files while they grow, a snapshot, the reply.
const OUTPUT_COPIES: u64 = 7;
/// Memory a compiler needs: so much, and so much for each byte of the module.
const COMPILER_MEMORY: u64 = 1 << 30;
const COMPILER_MEMORY_PER_BYTE: u64 = 40;
/// Processor time a compiler gets: so many seconds, and one more for so many bytes.
const COMPILER_SECONDS: u64 = 60;
const COMPILER_BYTES_PER_SECOND: u64 = 128 << 10;
/// Compiled code may be so much larger than its module, and this much besides.
const CODE_PER_BYTE: u64 = 32;
const CODE_BYTES: u64 = 16 << 20;

/// What the program does when it is started as a worker: reads orders from standard input, answers
/// on standard output, and ends when its parent does. It never returns to other work.
pub fn worker_main() -> ExitCode {
    let Ok(shut) = jail::leash() else {
        return ExitCode::FAILURE;
    };
    let begin = frame::receive::<Begin>(&mut io::stdin().lock(), ORDER_BYTES_MAX);
    let ended = match begin {
        Ok(Some(Begin::Compile(order))) => compile(&order, shut),
        Ok(Some(Begin::Serve(order))) => prepare(order, shut),
        Ok(Some(Begin::ServeShader(order))) => gpu::serve(order, shut),
        Ok(Some(Begin::ListGpus)) => gpu::list(),
        Ok(Some(Begin::TestGpu(number))) => gpu::test(number, shut),
        Ok(Some(Begin::MeasureGpu(number, turns))) => gpu::measure(number, turns, shut),
        Ok(Some(Begin::TryEscapes)) => escape(shut),
        Ok(None) => Ok(()),
        Err(error) => Err(error.to_string()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // If even this cannot be said, the parent sees the exit code.
            drop(say(&Reply::Failed(why)));
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn say(reply: &Reply) -> Result<(), String> {
    let mut out = io::stdout().lock();
    frame::send(&mut out, reply, REPLY_BYTES_MAX).map_err(|e| format!("no parent: {e}"))
}

pub(crate) fn open(path: &[u8]) -> Result<File, String> {
    File::open(OsStr::from_bytes(path))
        .map_err(|error| format!("cannot open {}: {error}", OsStr::from_bytes(path).display()))
}

/// Opens content and checks that it is what the job names.
pub(crate) fn open_blob(path: &[u8], blob: Blob) -> Result<Fixed, String> {
    let file = open(path)?;
    let shown = OsStr::from_bytes(path).display();
    let size = file
        .metadata()
        .map_err(|error| format!("cannot read {shown}: {error}"))?
        .len();
    let found = aot::digest(&file).map_err(|error| format!("cannot read {shown}: {error}"))?;
    if size != blob.size.get() || found != blob.digest {
        return Err(format!(
            "{shown} is not the content {} that the job names",
            blob.digest
        ));
    }
    Ok(Fixed {
        file: Arc::new(file),
        size,
    })
}

fn escape(mut shut: Shut) -> Result<(), String> {
    let bounds = Bounds {
        memory: WORKER_MEMORY,
        cpu_seconds: 10,
        file_bytes: 0,
    };
    let parent = std::os::unix::process::parent_id();
    let status = jail::Status::open().map_err(|error| format!("cannot look at itself: {error}"))?;
    jail::bound(bounds, &mut shut).map_err(|error| format!("cannot be jailed: {error}"))?;
    jail::filter(false).map_err(|error| format!("cannot be jailed: {error}"))?;
    let landlock = shut.files.version();
    let walls = jail::standing(&shut, status);
    let ways = jail::try_escapes(parent);
    say(&Reply::Escapes(Jail {
        walls,
        ways,
        landlock,
    }))
}

fn compile(order: &CompileOrder, mut shut: Shut) -> Result<(), String> {
    let engine = engine::engine().map_err(|error| format!("no engine: {error:#}"))?;
    let file = open(&order.module)?;
    let size = file.metadata().map_err(|error| error.to_string())?.len();
    if size > MODULE_MAX.get() {
        let refused = facts::ModuleRefused::TooLarge {
            size,
            max: MODULE_MAX.get(),
        };
        return say(&Reply::ModuleRefused(refused.to_string()));
    }
    let mut wasm = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, MODULE_MAX.get() + 1), &mut wasm)
        .map_err(|error| format!("cannot read the module: {error}"))?;
    if Digest::of(&wasm) != order.digest {
        return Err(format!("the module is not the content {}", order.digest));
    }
    let mut into = File::options()
        .write(true)
        .open(OsStr::from_bytes(&order.into))
        .map_err(|error| format!("cannot write compiled code: {error}"))?;
    let bounds = Bounds {
        memory: COMPILER_MEMORY + COMPILER_MEMORY_PER_BYTE * size,
        cpu_seconds: COMPILER_SECONDS + size / COMPILER_BYTES_PER_SECOND,
        file_bytes: CODE_BYTES + CODE_PER_BYTE * size,
    };
    jail::bound(bounds, &mut shut).map_err(|error| format!("cannot be jailed: {error}"))?;
    jail::filter(true).map_err(|error| format!("cannot be jailed: {error}"))?;
    if let Some(job) = &order.shader_of {
        return match gpu::compile_plan(&wasm, job)? {
            Ok(plan) => keep(&mut into, &plan),
            Err(refused) => say(&Reply::ModuleRefused(refused.to_string())),
        };
    }
    let rewritten = match facts::prepare(&wasm, order.unknown_imports, order.profile) {
        Ok((_, rewritten)) => rewritten,
        Err(refused) => return say(&Reply::ModuleRefused(refused.to_string())),
    };
    drop(wasm);
    let code = engine
        .precompile_module(&rewritten)
        .map_err(|error| format!("{error:#}"))?;
    keep(&mut into, &code)
}

fn keep(into: &mut File, code: &[u8]) -> Result<(), String> {
    into.write_all(code)
        .map_err(|error| format!("cannot write compiled code: {error}"))?;
    say(&Reply::Compiled(Digest::of(code)))
}

/// All that a worker has open when its jail shuts.
struct Opened {
    engine: Engine,
    module: Module,
    job: (JobId, Job),
    stdin: Option<Fixed>,
    inputs: Vec<Fixed>,
    adapter: Option<Adapter>,
    tasks_max: u32,
}

fn prepare(order: ServeOrder, mut shut: Shut) -> Result<(), String> {
    let engine = engine::engine().map_err(|error| format!("no engine: {error:#}"))?;
    let code = open(&order.code)?;
    let code_bytes = code.metadata().map_err(|error| error.to_string())?.len();
    let loaded = aot::load(&engine, code, order.checksum);
    let Some(module) = loaded.map_err(|error| format!("cannot read compiled code: {error}"))?
    else {
        return say(&Reply::StaleCode);
    };
    module
        .initialize_copy_on_write_image()
        .map_err(|error| format!("cannot map the module's data: {error:#}"))?;
    let stdin = match (&order.stdin, order.job.stdin) {
        (Some(path), Some(blob)) => Some(open_blob(path, blob)?),
        _ => None,
    };
    let pairs = order.inputs.iter().zip(&order.job.inputs);
    let inputs = pairs
        .map(|(path, input)| open_blob(path, input.blob))
        .collect::<Result<_, _>>()?;
    let adapter = order.adapter.map(gpu::lend).transpose()?;
    let limits = order.job.limits;
    let tasks_max = order.tasks_max.min(TASKS_PER_BUNDLE_MAX);
    let seconds = (limits.wall_ms.get() / 1_000 + 1).saturating_mul(tasks_max.into());
    let mut bounds = Bounds {
        memory: WORKER_MEMORY
            + code_bytes
            + THREAD_STACK as u64
            + limits.memory.get()
            + OUTPUT_COPIES * limits.output.get(),
        cpu_seconds: seconds.saturating_add(COMPILER_SECONDS),
        file_bytes: 0,
    };
    if adapter.is_some() {
        let driver = gpu::bounds(limits.memory, seconds);
        bounds.memory = bounds.memory.saturating_add(driver.memory);
        bounds.cpu_seconds = bounds.cpu_seconds.saturating_add(driver.cpu_seconds);
    }
    let job = (order.job_id, order.job);
    let opened = Opened {
        engine,
        module,
        job,
        stdin,
        inputs,
        adapter,
        tasks_max,
    };
    jail::bound(bounds, &mut shut).map_err(|error| format!("cannot be jailed: {error}"))?;
    let thread = std::thread::Builder::new()
        .name("guest".into())
        .stack_size(THREAD_STACK);
    let serving = thread
        .spawn(move || serve(opened))
        .map_err(|error| error.to_string())?;
    serving
        .join()
        .map_err(|_| "the worker is broken".to_owned())?
}

fn serve(opened: Opened) -> Result<(), String> {
    let jailed = match opened.adapter {
        Some(_) => jail::filter_driver(),
        None => jail::filter(false),
    };
    jailed.map_err(|error| format!("cannot be jailed: {error}"))?;
    let Opened {
        engine,
        module,
        job,
        stdin,
        inputs,
        adapter,
        tasks_max,
    } = opened;
    let mut runner = Runner::new(&engine, &module, job, stdin, inputs)
        .map_err(|error| format!("cannot link the module: {error:#}"))?;
    let drives = adapter.is_some();
    if let Some(adapter) = adapter {
        runner = runner.driving(adapter);
    }
    say(&Reply::Ready)?;
    let mut wait = Wait::default();
    let mut orders = io::stdin().lock();
    for _ in 0..tasks_max {
        let order = wait.through(io::stdin(), || {
            frame::receive::<Order>(&mut orders, ORDER_BYTES_MAX)
        });
        let Some(order) = order.map_err(|error| error.to_string())? else {
            break;
        };
        say(&serving::answer(&runner, order, &mut orders)?)?;
    }
    if drives {
        // A driver's own end may wait for what a lost device still does.
        std::process::exit(0);
    }
    Ok(())
}
