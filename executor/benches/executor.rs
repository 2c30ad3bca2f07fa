//! `./x bench executor`: what the deterministic world costs, against plain wasmtime and native C.
//!
//! Speeds are processor seconds of one thread, the least of several turns; a task's overhead is
//! wall time on a machine that should do nothing else.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/foreign/case.rs"]
mod case;

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

/// Who counts a guest's work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    Nobody,
    Wasmtime,
    Itself,
}

/// More than any kernel uses.
const PLENTY: u64 = 1 << 60;

/// Seconds, checksum and fuel of one run.
fn guest(engine: &Engine, module: &Module, counts: Counts) -> (f64, i32, u64) {
    let mut store = Store::new(engine, ());
    if counts == Counts::Wasmtime {
        store.set_fuel(PLENTY).unwrap();
    }
    let instance = Instance::new(&mut store, module, &[]).unwrap();
    if counts == Counts::Itself {
        bare::give_fuel(&mut store, &instance, PLENTY).unwrap();
    }
    let run = instance
        .get_typed_func::<(), i32>(&mut store, "run")
        .unwrap();
    let begun = on_processor();
    let sum = run.call(&mut store, ()).unwrap();
    let nanos = on_processor() - begun;
    let left = match counts {
        Counts::Nobody => PLENTY,
        Counts::Wasmtime => store.get_fuel().unwrap(),
        Counts::Itself => bare::fuel_left(&mut store, &instance).unwrap().unwrap(),
    };
    let used = PLENTY - left;
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

/// A name, an engine, who counts, and whether the module is made to know one NaN.
type Way = (&'static str, Engine, Counts, bool);

/// The first is what others are compared with, the last the profile.
fn ways() -> [Way; 6] {
    let engine = |change: fn(&mut wasmtime::Config)| {
        let mut config = bare::config();
        change(&mut config);
        Engine::new(&config).unwrap()
    };
    let plain = engine(|_| ());
    let fuel = engine(|config| {
        config.consume_fuel(true);
    });
    let flag = engine(|config| {
        config
            .consume_fuel(true)
            .cranelift_nan_canonicalization(true);
    });
    [
        ("plain", plain.clone(), Counts::Nobody, false),
        ("lazy", plain.clone(), Counts::Nobody, true),
        ("fuel", fuel, Counts::Wasmtime, false),
        ("flag+fuel", flag, Counts::Wasmtime, false),
        ("meter", plain.clone(), Counts::Itself, false),
        ("profile", plain, Counts::Itself, true),
    ]
}

fn compiled_from(wasm: &[u8], counts: Counts, one_nan: bool) -> Vec<u8> {
    match (counts, one_nan) {
        (Counts::Itself, one_nan) => bare::metered(wasm, one_nan).unwrap(),
        (_, true) => bare::rewritten(wasm, false).unwrap(),
        (_, false) => wasm.to_vec(),
    }
}

fn speeds() {
    let ways = ways();
    println!(
        "\nprocessor seconds, least of {TURNS}; `fuel` is wasmtime's, `meter` the module's own\n"
    );
    print!("{:<11} {:>8} {:>8}", "kernel", "gcc", "clang");
    ways.iter().for_each(|(name, ..)| print!(" {name:>9}"));
    println!("  profile/plain");
    let folder = tempfile::tempdir().unwrap();
    for (kernel, source) in KERNELS {
        let wasm = std::fs::read(kernels().join(format!("{kernel}.wasm"))).unwrap();
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
            .map(|(_, engine, counts, one_nan)| {
                Module::new(engine, compiled_from(&wasm, *counts, *one_nan))
            })
            .collect::<Result<_, _>>()
            .unwrap();
        let mut least = [f64::MAX; 6];
        let mut fuels = Vec::new();
        for _ in 0..TURNS {
            // Each way in each turn, so that what else the machine does falls on all alike.
            for (way, (_, engine, counts, _)) in ways.iter().enumerate() {
                let (seconds, sum, used) = guest(engine, &modules[way], *counts);
                least[way] = least[way].min(seconds);
                sums.push(sum);
                if *counts != Counts::Nobody {
                    fuels.push(used);
                }
            }
        }
        assert!(
            sums.windows(2).all(|pair| pair[0] == pair[1]),
            "{kernel}: {sums:x?}"
        );
        least.iter().for_each(|seconds| print!(" {seconds:>9.4}"));
        // Whoever counts, and whatever was added for NaNs.
        assert!(
            fuels.windows(2).all(|pair| pair[0] == pair[1]),
            "{kernel}: {fuels:?}"
        );
        println!("  {:>13.2}", least[5] / least[0]);
    }
}

/// Whole programs that others made, in the same world with the same files: as they are, and as the
/// profile has them.
fn programs() {
    println!("\nprograms made by others, processor seconds, least of {TURNS}\n");
    println!(
        "{:<11} {:>9} {:>9}  profile/plain",
        "program", "plain", "profile"
    );
    for case in case::cases() {
        let wasm = case.module();
        let (job, inputs) = case.job(&wasm);
        let made = [true, false]
            .map(|plain| bare::Program::new(&wasm, job.clone(), &inputs, plain).unwrap());
        let mut least = [f64::MAX; 2];
        for _ in 0..TURNS {
            let outputs = [0, 1].map(|way| {
                let begun = on_processor();
                let output = made[way].run().unwrap();
                least[way] = least[way].min((on_processor() - begun) as f64 / 1e9);
                output
            });
            assert_eq!(outputs[0].files, outputs[1].files, "{}", case.name);
        }
        let [plain, profile] = least;
        let ratio = profile / plain;
        println!(
            "{:<11} {plain:>9.3} {profile:>9.3}  {ratio:>13.2}",
            case.name
        );
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
        let rewritten = bare::metered(&wasm, true);
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
        match std::env::var_os("TALLYGRID_FOREIGN") {
            // As deep as a guest may go, and what the host needs besides.
            Some(_) => std::thread::Builder::new()
                .stack_size(32 << 20)
                .spawn(programs)
                .unwrap()
                .join()
                .unwrap(),
            None => println!("\nprograms made by others are not here: ./x foreign fetches them"),
        }
    } else {
        rewriting(&files.iter().map(PathBuf::from).collect::<Vec<_>>());
    }
}
