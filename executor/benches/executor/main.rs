//! `./x bench executor`: what the deterministic world costs, against plain wasmtime and native C.
//!
//! Speeds are processor seconds of one thread, the least of several turns; a task's overhead is
//! wall time on a machine that should do nothing else.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../../tests/foreign/case.rs"]
mod case;
mod machine;
mod programs;
mod shaders;
mod speeds;
mod tasks;

use std::path::{Path, PathBuf};

/// Everything is run so often, and the best counts.
const TURNS: usize = 5;

fn jobs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/jobs")
}

/// Nanoseconds that this thread was on a processor.
fn on_processor() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

/// Everything that can be measured, by name.
const PARTS: [(&str, fn()); 4] = [
    ("speeds", speeds::speeds),
    ("tasks", tasks::overhead),
    ("shaders", shaders::shaders),
    ("programs", whole_programs),
];

/// With names of parts: only those. With files: only how they are rewritten.
fn main() {
    let words: Vec<_> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let named = |part: &&(&str, fn())| words.iter().any(|word| word == part.0);
    let parts: Vec<_> = PARTS.iter().filter(named).collect();
    if words.is_empty() {
        PARTS.iter().for_each(|(_, measure)| measure());
    } else if parts.is_empty() {
        programs::rewriting(&words.iter().map(PathBuf::from).collect::<Vec<_>>());
    } else {
        parts.iter().for_each(|(_, measure)| measure());
    }
}

fn whole_programs() {
    if std::env::var_os("TALLYGRID_FOREIGN").is_none() {
        println!("\nprograms made by others are not here: ./x foreign fetches them");
        return;
    }
    // As deep as a guest may go, and what the host needs besides.
    std::thread::Builder::new()
        .stack_size(32 << 20)
        .spawn(programs::programs)
        .unwrap()
        .join()
        .unwrap();
}
