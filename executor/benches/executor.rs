//! `./x bench executor`: what the deterministic world costs, against plain wasmtime and native C.
//!
//! Speeds are processor seconds of one thread, the least of several turns; a task's overhead is
//! wall time on a machine that should do nothing else.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use executor::{Config, Event, Executor, TaskResult, Token, Work, bare};
use protocol::ids::JobId;
use protocol::job::{Array, Blob, Job, Limits};
use protocol::units::{Bytes, Fuel, Millis};
use wasmtime::{Engine, Instance, Module, Store};

/// A kernel, and the source that is built natively.
const KERNELS: [(&str, &str); 6] = [
    ("matmul", "matmul"),
    ("simd", "matmul"),
    ("nbody", "nbody"),
    ("mandelbrot", "mandelbrot"),
    ("sha256", "sha256"),
    ("quicksort", "quicksort"),
];
const TURNS: usize = 5;
/// So many tiny tasks are run to see what one of them costs.
const TASKS: u32 = 4_000;

fn kernels() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/jobs/kernels")
}

/// Nanoseconds that this thread was on a processor.
fn on_processor() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

/// Seconds, checksum and fuel of one run.
fn guest(engine: &Engine, module: &Module, fuel: bool) -> (f64, i32, u64) {
    let mut store = Store::new(engine, ());
    if fuel {
        store.set_fuel(u64::MAX).unwrap();
    }
    let instance = Instance::new(&mut store, module, &[]).unwrap();
    let run = instance
        .get_typed_func::<(), i32>(&mut store, "run")
        .unwrap();
    let begun = on_processor();
    let sum = run.call(&mut store, ()).unwrap();
    let nanos = on_processor() - begun;
    let used = if fuel {
        u64::MAX - store.get_fuel().unwrap()
    } else {
        0
    };
    (nanos as f64 / 1e9, sum, used)
}

fn native(kernel: &str, compiler: &str, folder: &Path) -> Option<(f64, i32)> {
    let program = folder.join(kernel);
    let built = Command::new(compiler)
        .args(["-O3", "-ffp-contract=off", "-fno-math-errno", "-o"])
        .arg(&program)
        .arg(kernels().join(format!("{kernel}.c")))
        .status();
    if !built.is_ok_and(|status| status.success()) {
        return None;
    }
    let mut best: Option<(f64, i32)> = None;
    for _ in 0..TURNS {
        let output = Command::new(&program).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (sum, seconds) = text.trim().split_once(' ').unwrap();
        let sum = u32::from_str_radix(sum, 16).unwrap().cast_signed();
        let seconds = seconds.parse::<f64>().unwrap();
        if best.is_none_or(|(least, _)| seconds < least) {
            best = Some((seconds, sum));
        }
    }
    best
}

/// A name, an engine, whether it counts fuel, and whether the module is rewritten.
type Way = (&'static str, Engine, bool, bool);

fn ways() -> [Way; 5] {
    let engine = |change: fn(&mut wasmtime::Config)| {
        let mut config = bare::config();
        change(&mut config);
        Engine::new(&config).unwrap()
    };
    [
        (
            "plain",
            engine(|c| {
                c.consume_fuel(false);
            }),
            false,
            false,
        ),
        (
            "lazy",
            engine(|c| {
                c.consume_fuel(false);
            }),
            false,
            true,
        ),
        ("fuel", engine(|_| ()), true, false),
        (
            "flag+fuel",
            engine(|c| {
                c.cranelift_nan_canonicalization(true);
            }),
            true,
            false,
        ),
        ("lazy+fuel", engine(|_| ()), true, true),
    ]
}

fn speeds() {
    let ways = ways();
    println!("\nprocessor seconds, least of {TURNS}; `lazy+fuel` is the profile\n");
    print!("{:<11} {:>8} {:>8}", "kernel", "gcc", "clang");
    ways.iter().for_each(|(name, ..)| print!(" {name:>9}"));
    println!("  lazy+fuel/plain  fuel: lazy/original");
    let folder = tempfile::tempdir().unwrap();
    for (kernel, source) in KERNELS {
        let wasm = std::fs::read(kernels().join(format!("{kernel}.wasm"))).unwrap();
        let rewritten = bare::rewritten(&wasm, false).unwrap();
        print!("{kernel:<11}");
        let mut sums = Vec::new();
        for compiler in ["gcc", "clang"] {
            match native(source, compiler, folder.path()) {
                Some((seconds, sum)) => {
                    print!(" {seconds:>8.4}");
                    sums.push(sum);
                }
                None => print!(" {:>8}", "-"),
            }
        }
        let modules: Vec<_> = ways
            .iter()
            .map(|(_, engine, _, lazy)| Module::new(engine, if *lazy { &rewritten } else { &wasm }))
            .collect::<Result<_, _>>()
            .unwrap();
        let mut least = [f64::MAX; 5];
        let mut fuels = [0; 5];
        for _ in 0..TURNS {
            // Each way in each turn, so that what else the machine does falls on all alike.
            for (way, (_, engine, fuel, _)) in ways.iter().enumerate() {
                let (seconds, sum, used) = guest(engine, &modules[way], *fuel);
                least[way] = least[way].min(seconds);
                fuels[way] = used;
                sums.push(sum);
            }
        }
        assert!(
            sums.windows(2).all(|pair| pair[0] == pair[1]),
            "{kernel}: {sums:x?}"
        );
        least.iter().for_each(|seconds| print!(" {seconds:>9.4}"));
        let ratio = fuels[4] as f64 / fuels[2] as f64;
        println!("  {:>15.2}  {ratio:.3}", least[4] / least[0]);
    }
}

fn tiny() -> Vec<u8> {
    std::fs::read(kernels().join("../tiny/tiny.wasm")).unwrap()
}

fn work(folder: &Path, token: u64, tasks: u32) -> Work {
    let wasm = tiny();
    let module = folder.join("tiny.wasm");
    std::fs::write(&module, &wasm).unwrap();
    let limits = Limits {
        fuel: Fuel::new(1_000_000_000),
        memory: Bytes::new(64 << 20),
        output: Bytes::new(1 << 20),
        output_files: 16,
        wall_ms: Millis::new(60_000),
    };
    let mut job = Job::once("bench", Blob::of(&wasm), limits);
    job.array = Array::of(tasks);
    Work {
        token: Token(token),
        served: JobId::new([1; 32]),
        job_id: JobId::new([1; 32]),
        job,
        module,
        stdin: None,
        inputs: Vec::new(),
        tasks: 0..tasks,
    }
}

fn overhead() {
    let folder = tempfile::tempdir().unwrap();
    let (tell, events) = channel();
    let config = Config {
        program: env!("CARGO_BIN_EXE_executor-test-worker").into(),
        worker_args: vec!["exec-worker".into()],
        cache: folder.path().join("cache"),
        states: folder.path().join("states"),
        keep_every: executor::KEEP_EVERY,
        slots: 1,
        memory_max: Bytes::new(1 << 30),
        memory_together: Bytes::new(64 << 30),
        gpu_share: 100,
        gpu: false,
        demand: executor::Demand::default(),
    };
    let executor = Executor::start(config, move |event| drop(tell.send(event))).unwrap();
    let timed = |token, tasks| {
        let begun = Instant::now();
        executor.run(work(folder.path(), token, tasks)).unwrap();
        loop {
            match events.recv().unwrap() {
                Event::Finished { .. } => return begun.elapsed(),
                Event::Done {
                    result: TaskResult::Outcome { .. },
                    ..
                } => {}
                Event::Done { result, .. } => panic!("{result:?}"),
            }
        }
    };
    let cold = timed(1, 1);
    timed(2, TASKS);
    let warm = (0..3).map(|turn| timed(3 + turn, TASKS)).min().unwrap();
    let plain = (0..3).map(|_| in_process()).min().unwrap();
    let each = |all: Duration| all.as_secs_f64() * 1e6 / f64::from(TASKS);
    println!("\none task of `tiny` ({TASKS} in a row, wall time, least of 3)\n");
    println!(
        "a module's first task: compiled, child started   {:>9.0} us",
        cold.as_secs_f64() * 1e6
    );
    println!(
        "in a warm child                                   {:>9.1} us",
        each(warm)
    );
    println!(
        "in this process, the same world, no child         {:>9.1} us",
        each(plain)
    );
    println!(
        "what the child adds                               {:>9.1} us",
        each(warm) - each(plain)
    );
}

fn in_process() -> Duration {
    let wasm = tiny();
    let begun = Instant::now();
    bare::run(&wasm, 0..1).unwrap();
    let first = begun.elapsed();
    let begun = Instant::now();
    bare::run(&wasm, 0..TASKS + 1).unwrap();
    begun.elapsed().saturating_sub(first)
}

/// How long rewriting takes, and by how much a module grows.
fn rewriting(files: &[PathBuf]) {
    println!(
        "\n{:<24} {:>11} {:>11} {:>8} {:>9}",
        "module", "bytes", "rewritten", "grown", "seconds"
    );
    for file in files {
        let wasm = std::fs::read(file).unwrap();
        let begun = on_processor();
        let rewritten = bare::rewritten(&wasm, false);
        let seconds = (on_processor() - begun) as f64 / 1e9;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        match rewritten {
            Ok(rewritten) => {
                let grown = (rewritten.len() as f64 / wasm.len() as f64 - 1.0) * 100.0;
                let (from, to) = (wasm.len(), rewritten.len());
                println!("{name:<24} {from:>11} {to:>11} {grown:>+7.1}% {seconds:>9.3}");
            }
            Err(why) => println!("{name:<24} {why}"),
        }
    }
}

/// With files: only how they are rewritten.
fn main() {
    let files: Vec<_> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    if files.is_empty() {
        speeds();
        overhead();
    } else {
        rewriting(&files.iter().map(PathBuf::from).collect::<Vec<_>>());
    }
}
