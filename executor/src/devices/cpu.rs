//! Processors: the reference module in jailed children, one alone and then one on every processor.

use std::fs;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use protocol::bytes;
use protocol::ids::{Digest, JobId};
use protocol::job::{Array, Blob, Job, Limits, Profile, UnknownImports};
use protocol::outcome::{TASK_OUTPUT_BYTES_MAX, TaskOutput};
use protocol::units::{Bytes, Fuel, Millis};

use super::{Bench, CpuFigures, per_second, processors};
use crate::cache::{Cache, Code};
use crate::child::{Broken, Child};
use crate::engine;
use crate::frame::{Begin, CompileOrder, Order, Reply, ServeOrder};
use crate::slot::orders::path;

/// The module; `reference.wat` is its text.
const REFERENCE: &[u8] = include_bytes!("reference.wasm");
/// What its three parts come to, on every machine, also when written in C: one that leaves anything
/// else must not offer anything.
const ANSWERS: [u64; 3] = [
    0x0000_0000_0570_4288,
    0x3fcf_e806_0000_0000,
    0x0000_0000_003c_01b1,
];
/// It runs so often, and the best run counts: whatever else runs here only makes it slower.
const RUNS: u32 = 3;
/// Each step of a child is over within this time, or this machine is not fit for work.
const WAIT: Duration = Duration::from_secs(120);
const NAME_CHARS_MAX: usize = 80;
/// Far more than it needs.
const LIMITS: Limits = Limits {
    fuel: Fuel::new(10_000_000_000),
    memory: Bytes::new(8 << 20),
    output: Bytes::new(1 << 10),
    output_files: 1,
    wall_ms: Millis::new(120_000),
};

/// What this machine's processor calls itself, and how many of them this process may use.
pub(super) fn name() -> (String, u32) {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then(|| value.trim())
    });
    let name = line.unwrap_or(std::env::consts::ARCH);
    let name = name.chars().take(NAME_CHARS_MAX).collect();
    (name, processors().get())
}

/// What the figures depend on: the compiler with all its settings, and the module.
pub(super) fn measured_with(bench: &Bench<'_>) -> Result<Digest, String> {
    let cache = open(bench)?;
    let key = cache.key(Digest::of(REFERENCE), UnknownImports::Refuse);
    Ok(Digest::of(key.name().as_bytes()))
}

fn open(bench: &Bench<'_>) -> Result<Cache, String> {
    let engine = engine::engine().map_err(|error| format!("no engine: {error:#}"))?;
    Cache::open(bench.cache, &engine).map_err(|error| format!("no cache: {error}"))
}

/// Measures all processors.
///
/// # Errors
/// Why the module did not run, or what it left that it must not.
pub(super) fn measure(bench: &Bench<'_>) -> Result<CpuFigures, String> {
    let (name, processors) = name();
    let code = compile(bench)?;
    let alone = fastest(bench, &code, 1)?;
    let together = match processors {
        1 => alone,
        many => fastest(bench, &code, many)?,
    };
    Ok(CpuFigures {
        name,
        processors,
        alone: Fuel::new(alone),
        // One alone is a part of what all can do, however busy the machine was meanwhile.
        together: Fuel::new(together.max(alone)),
    })
}

fn compile(bench: &Bench<'_>) -> Result<Code, String> {
    let cache = open(bench)?;
    let digest = Digest::of(REFERENCE);
    let key = cache.key(digest, UnknownImports::Refuse);
    if let Some(code) = cache.find(&key) {
        return Ok(code);
    }
    let disk = |error| format!("cannot cache code: {error}");
    let module = bench.cache.join("reference.wasm");
    fs::write(&module, REFERENCE).map_err(disk)?;
    let order = Begin::Compile(CompileOrder {
        module: path(&module),
        digest,
        unknown_imports: UnknownImports::Refuse,
        into: path(&cache.begin(&key).map_err(disk)?),
        shader_of: None,
        profile: Profile::WASM_3,
    });
    match begin(bench, &order)? {
        (_, Reply::Compiled(checksum)) => cache.keep(&key, checksum).map_err(disk),
        (_, Reply::Failed(why)) => Err(why),
        _ => Err("the compiler answers something else".to_owned()),
    }
}

fn forget(bench: &Bench<'_>) {
    if let Ok(cache) = open(bench) {
        cache.forget(&cache.key(Digest::of(REFERENCE), UnknownImports::Refuse));
    }
}

fn words(broken: Broken) -> String {
    match broken {
        Broken::Late => "a worker does not answer".to_owned(),
        Broken::Gone(why) => why,
    }
}

fn begin(bench: &Bench<'_>, order: &Begin) -> Result<(Child, Reply), String> {
    let child = Child::spawn(bench.program, bench.worker_args);
    let mut child = child.map_err(|error| format!("cannot start a worker: {error}"))?;
    child.order(order).map_err(words)?;
    let reply = child.reply(WAIT).map_err(words)?;
    Ok((child, reply))
}

/// The best of some runs of so many modules at once: fuel a second, all of them together.
fn fastest(bench: &Bench<'_>, code: &Code, many: u32) -> Result<u64, String> {
    let start = Barrier::new(many as usize);
    let runs = std::thread::scope(|scope| {
        let one = || one(bench, code, &start);
        let threads: Vec<_> = (0..many).map(|_| scope.spawn(one)).collect();
        let joined = threads.into_iter().map(|thread| {
            let panicked = |_| "a thread fell over".to_owned();
            thread.join().map_err(panicked)?
        });
        joined.collect::<Result<Vec<_>, String>>()
    })?;
    let rounds = 0..RUNS as usize;
    let rates = rounds.map(|round| runs.iter().filter_map(|rates| rates.get(round)).sum());
    Ok(rates.max().unwrap_or(0))
}

/// Runs of one worker, each begun together with those of all others: fuel a second.
fn one(bench: &Bench<'_>, code: &Code, start: &Barrier) -> Result<Vec<u64>, String> {
    let ready = begin(bench, &Begin::Serve(order(code)));
    let mut rates = Vec::new();
    let mut worker = match ready {
        Ok((child, Reply::Ready)) => Ok(child),
        Ok((_, Reply::StaleCode)) => {
            forget(bench);
            Err("its compiled code was damaged and is thrown away: measure again".to_owned())
        }
        Ok((_, Reply::Failed(why))) | Err(why) => Err(why),
        Ok(_) => Err("the worker answers something else".to_owned()),
    };
    for run in 0..RUNS {
        // Nobody waits for one that failed, so even that one comes to every start.
        start.wait();
        let timed = worker.as_mut().map(|child| timed(child, run));
        match timed {
            Ok(Ok(rate)) => rates.push(rate),
            Ok(Err(why)) => worker = Err(why),
            Err(_) => {}
        }
    }
    worker.map(|_| rates)
}

fn timed(child: &mut Child, run: u32) -> Result<u64, String> {
    let begin = Instant::now();
    let order = Order::Run {
        task: run,
        keep_every: LIMITS.fuel,
        roots: Vec::new(),
    };
    let reply = child
        .order(&order)
        .and_then(|()| child.reply(WAIT))
        .map_err(words)?;
    let took = begin.elapsed();
    match reply {
        Reply::Ended { output, fuel } => {
            let output = bytes::read::<TaskOutput>(&output, TASK_OUTPUT_BYTES_MAX);
            let left = output.map_err(|why| why.to_string())?.stdout;
            match left == ANSWERS.map(u64::to_le_bytes).concat() {
                true => Ok(per_second(fuel.get(), took)),
                false => Err(format!(
                    "THIS MACHINE COMPUTES SOMETHING ELSE than every sound one: the reference \
                     module left {left:?}"
                )),
            }
        }
        Reply::Failed(why) | Reply::HostFailed { why, .. } => Err(why),
        _ => Err("the worker answers something else".to_owned()),
    }
}

fn order(code: &Code) -> ServeOrder {
    let digest = Digest::of(REFERENCE);
    let job = Job {
        array: Array::of(RUNS),
        ..Job::once("reference", Blob::of(REFERENCE), LIMITS)
    };
    ServeOrder {
        code: path(&code.path),
        checksum: code.checksum,
        job_id: JobId::new(*digest.bytes()),
        job,
        stdin: None,
        inputs: Vec::new(),
        tasks_max: RUNS,
        adapter: None,
    }
}
