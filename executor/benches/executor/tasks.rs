//! What a task costs besides its work: starting, compiling, a child of its own.

use std::time::{Duration, Instant};

use executor::bare;
use protocol::job::{Array, Blob, Job};

use crate::jobs;
use crate::machine::{LIMITS, Machine};

/// So many tiny tasks are run to see what one of them costs.
const TASKS: u32 = 4_000;

fn tiny() -> Vec<u8> {
    std::fs::read(jobs().join("tiny/tiny.wasm")).unwrap()
}

fn job(wasm: &[u8], tasks: u32) -> Job {
    let mut job = Job::once("bench", Blob::of(wasm), LIMITS);
    job.array = Array::of(tasks);
    job
}

/// Prints what a tiny task costs.
pub(crate) fn overhead() {
    let wasm = tiny();
    let machine = Machine::start(1, false);
    let run = |machine: &Machine, tasks| machine.run(&wasm, job(&wasm, tasks)).0;
    let cold = run(&machine, 1);
    run(&machine, TASKS);
    let warm = (0..3).map(|_| run(&machine, TASKS)).min().unwrap();
    let again = machine.again();
    let cached = run(&again, 1);
    let plain = (0..3).map(|_| in_process()).min().unwrap();
    let each = |all: Duration| all.as_secs_f64() * 1e6 / f64::from(TASKS);
    let row = |what: &str, micros: f64| println!("{what:<50} {micros:>9.1} us");
    println!("\none task of `tiny` ({TASKS} in a row, wall time, least of 3)\n");
    row(
        "a module's first task: compiled, child started",
        cold.as_secs_f64() * 1e6,
    );
    row(
        "its first task in another process: code cached",
        cached.as_secs_f64() * 1e6,
    );
    row("in a warm child", each(warm));
    row("in this process, the same world, no child", each(plain));
    row("what the child adds", each(warm) - each(plain));
    idle();
}

/// What two workers that wait for tasks of their job take.
fn idle() {
    let wasm = tiny();
    let machine = Machine::start(2, false);
    machine.run(&wasm, job(&wasm, TASKS));
    let children = machine.children();
    println!("\nworkers that wait, after {TASKS} tasks of `tiny`\n");
    for [now, most] in children {
        println!("resident {:>6} KiB, at most {:>6} KiB", now, most);
    }
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
