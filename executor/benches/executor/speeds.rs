//! Kernels: the profile against plain wasmtime, wasmtime's own ways, and native C.

use std::path::Path;
use std::process::Command;

use executor::bare;
use wasmtime::{Engine, Instance, Module, Store};

use crate::{TURNS, jobs, on_processor};

/// A kernel, and the source that is built natively.
const KERNELS: [(&str, &str); 6] = [
    ("matmul", "matmul"),
    ("simd", "matmul"),
    ("nbody", "nbody"),
    ("mandelbrot", "mandelbrot"),
    ("sha256", "sha256"),
    ("quicksort", "quicksort"),
];
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
        .arg(jobs().join("kernels").join(format!("{kernel}.c")))
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

/// Prints the table.
pub(crate) fn speeds() {
    let ways = ways();
    println!(
        "\nprocessor seconds, least of {TURNS}; `fuel` is wasmtime's, `meter` the module's own\n"
    );
    print!("{:<11} {:>8} {:>8}", "kernel", "gcc", "clang");
    ways.iter().for_each(|(name, ..)| print!(" {name:>9}"));
    println!("  profile/plain");
    let folder = tempfile::tempdir().unwrap();
    for (kernel, source) in KERNELS {
        let wasm = std::fs::read(jobs().join("kernels").join(format!("{kernel}.wasm"))).unwrap();
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
