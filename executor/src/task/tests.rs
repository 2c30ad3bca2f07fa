//! Guests run in this very process: what no setting may change, and what no guest may reach.
#![allow(clippy::unwrap_used)]

use protocol::ids::{Digest, JobId};
use protocol::job::{Array, Blob, Job, Limits, UnknownImports};
use protocol::outcome::{Limit, Status, TaskOutput, Trap};
use protocol::units::{Bytes, Fuel, Millis};
use wasmtime::{Engine, Module, OptLevel};

use super::{Ran, Runner};
use crate::engine;

#[path = "../../tests/guests/mod.rs"]
mod guests;

fn job() -> Job {
    let limits = Limits {
        fuel: Fuel::new(100_000_000),
        memory: Bytes::new(8 << 20),
        output: Bytes::new(1 << 20),
        output_files: 8,
        wall_ms: Millis::new(1_000),
    };
    Job {
        args: vec!["a".to_owned(), "b c".to_owned()],
        env: vec![("HOME".to_owned(), "/out".to_owned())],
        array: Array {
            first: 5,
            step: 2,
            count: 3,
        },
        seed: Digest::of(b"seed"),
        ..Job::once("test", Blob::of(b""), limits)
    }
}

fn run_at(level: OptLevel, text: &str, task: u32) -> Ran {
    let engine = Engine::new(&engine::config(level)).unwrap();
    let wasm = wat::parse_str(text).unwrap();
    let (_, rewritten) =
        crate::facts::prepare(&wasm, UnknownImports::Refuse, job().profile).unwrap();
    let module = Module::new(&engine, rewritten).unwrap();
    let id = JobId::new([7; 32]);
    let runner = Runner::new(&engine, &module, (id, job()), None, Vec::new()).unwrap();
    runner.run(task)
}

fn ended(ran: Ran) -> (TaskOutput, Fuel) {
    match ran {
        Ran::Ended { output, fuel, .. } => (output, fuel),
        other => panic!("no outcome: {other:?}"),
    }
}

/// A module that exports what every module must, with these items and this `_start`.
fn module(items: &str, start: &str) -> String {
    format!(
        r#"(module
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "clock_time_get"
            (func $clock (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "poll_oneoff"
            (func $poll (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func $show (param $at i32) (param $len i32)
            (i32.store (i32.const 0) (local.get $at))
            (i32.store (i32.const 4) (local.get $len))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
        {items}
        (func (export "_start") {start}))"#
    )
}

/// Floating point with NaNs on every path, memory, calls through a table, bulk memory.
const KERNEL: &str = r#"
    (table 2 funcref) (elem (i32.const 0) $up $down)
    (type $step (func (param f64) (result f64)))
    (func $up (type $step) (f64.add (f64.sqrt (local.get 0)) (f64.const 0.5)))
    (func $down (type $step) (f64.div (f64.neg (local.get 0)) (f64.const 0)))
    (func $work (local $i i32) (local $x f64)
        (loop $again
            (local.set $x (call_indirect (type $step) (local.get $x)
                (i32.rem_u (local.get $i) (i32.const 2))))
            (f64.store (i32.add (i32.const 1024) (i32.mul (local.get $i) (i32.const 8)))
                (local.get $x))
            (local.set $x (f64.max (local.get $x) (f64.load (i32.const 1024))))
            (memory.copy (i32.const 20000) (i32.const 1024) (i32.const 1000))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 1000)))))"#;

#[test]
fn outcome_and_fuel_are_the_same_at_every_optimisation_level() {
    let text = module(
        KERNEL,
        "(call $work) (call $show (i32.const 1024) (i32.const 8000))",
    );
    let ran = |level| ended(run_at(level, &text, 0));
    let first = ran(OptLevel::Speed);
    assert_eq!(first.0.status, Status::Exited(0));
    assert_eq!(first, ran(OptLevel::None));
    assert_eq!(first, ran(OptLevel::SpeedAndSize));
    assert!(first.1 > Fuel::new(1_000_000), "{:?}", first.1);
}

#[test]
fn every_guest_of_the_battery_ends_the_same_at_every_optimisation_level() {
    for one in guests::GUESTS {
        let text = guests::guest(one);
        for task in 0..2 {
            let ran = |level| ended(run_at(level, &text, task));
            let first = ran(OptLevel::Speed);
            assert_eq!(first, ran(OptLevel::None), "{}", one.0);
            assert_eq!(first, ran(OptLevel::SpeedAndSize), "{}", one.0);
        }
    }
}

#[test]
fn what_ends_a_guest_is_named_and_billed_at_its_limit() {
    let limit = job().limits.fuel;
    let table = "(table 1 funcref) (type $t (func)) (func $f (type $t)) (tag $tag)";
    for (start, status) in [
        ("unreachable", Status::Trapped(Trap::Unreachable)),
        (
            "(drop (i32.load (i32.const 65533)))",
            Status::Trapped(Trap::MemoryOutOfBounds),
        ),
        (
            "(call_indirect (type $t) (i32.const 0))",
            Status::Trapped(Trap::BadTableUse),
        ),
        (
            "(call_indirect (type $t) (i32.const 9))",
            Status::Trapped(Trap::BadTableUse),
        ),
        (
            "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
            Status::Trapped(Trap::BadArithmetic),
        ),
        (
            "(drop (i32.trunc_f32_s (f32.const nan)))",
            Status::Trapped(Trap::BadArithmetic),
        ),
        (
            "(drop (i32.atomic.load (i32.const 1)))",
            Status::Trapped(Trap::Other),
        ),
        ("(throw $tag)", Status::Trapped(Trap::Other)),
        ("(loop $l (br $l))", Status::OutOf(Limit::Fuel)),
        (
            "(drop (memory.grow (i32.const 128)))",
            Status::OutOf(Limit::Memory),
        ),
        (
            "(drop (table.grow (ref.null func) (i32.const 2000000)))",
            Status::OutOf(Limit::Memory),
        ),
        (
            "(loop $l (call $show (i32.const 0) (i32.const 65536)) (br $l))",
            Status::OutOf(Limit::Output),
        ),
    ] {
        let (output, fuel) = ended(run_at(OptLevel::Speed, &module(table, start), 0));
        assert_eq!((output.status, fuel), (status, limit), "{start}");
    }
    let (output, fuel) = ended(run_at(
        OptLevel::Speed,
        &module("", "(call $exit (i32.const 7))"),
        0,
    ));
    assert_eq!(output.status, Status::Exited(7));
    assert!(fuel < Fuel::new(100), "{fuel:?}");
}

#[test]
fn growing_up_to_the_limit_works_and_a_declared_maximum_answers_minus_one() {
    let text = module("", "(call $exit (memory.grow (i32.const 127)))");
    assert_eq!(
        ended(run_at(OptLevel::Speed, &text, 0)).0.status,
        Status::Exited(1)
    );
    let text = r#"(module (memory (export "memory") 1 2)
        (func (export "run") (result i32)
            (drop (memory.grow (i32.const 1))) (memory.grow (i32.const 1))))"#;
    assert_eq!(
        ended(run_at(OptLevel::Speed, text, 0)).0.status,
        Status::Exited(-1)
    );
}

#[test]
fn a_stack_overflow_has_no_outcome() {
    let text = module(
        "(func $down (result i32) (i32.add (call $down) (i32.const 1)))",
        "(call $show (i32.const 0) (i32.const 3)) (drop (call $down))",
    );
    let big = std::thread::Builder::new().stack_size(engine::STACK_BYTES + (4 << 20));
    let ran = big
        .spawn(move || run_at(OptLevel::Speed, &text, 0))
        .unwrap()
        .join()
        .unwrap();
    match ran {
        Ran::StackOverflow { stdout, .. } => assert_eq!(stdout.len(), 3),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_clock_is_fuel_and_sleep() {
    // Sleeps an hour by `poll_oneoff`, between two looks at the monotonic clock.
    let start = "
        (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 512)))
        (i32.store (i32.const 1040) (i32.const 1))
        (i64.store (i32.const 1048) (i64.const 3600000000000))
        (drop (call $poll (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 3000)))
        (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 520)))
        (call $show (i32.const 512) (i32.const 16))";
    let (output, _) = ended(run_at(OptLevel::Speed, &module("", start), 0));
    let time = |at: usize| u64::from_le_bytes(output.stdout[at..at + 8].try_into().unwrap());
    let slept = time(8) - time(0);
    assert!(
        (3_600_000_000_000..3_600_000_001_000).contains(&slept),
        "{slept}"
    );
}

#[test]
fn a_reactor_is_initialised_and_its_answer_is_the_exit_code() {
    let text = r#"(module (memory (export "memory") 1) (global $g (mut i32) (i32.const 1))
        (func (export "_initialize") (global.set $g (i32.const 42)))
        (func (export "run") (result i32) (global.get $g)))"#;
    assert_eq!(
        ended(run_at(OptLevel::Speed, text, 0)).0.status,
        Status::Exited(42)
    );
}

#[test]
fn no_call_panics_or_leaves_memory_whatever_its_arguments() {
    let mut chance = blake3::Hasher::new_derive_key("hostile arguments").finalize_xof();
    let mut draw = move || {
        let mut bytes = [0; 8];
        chance.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    };
    let edges: [u64; 14] = [
        0,
        1,
        3,
        4,
        5,
        8,
        64,
        1_024,
        65_535,
        65_536,
        0x7fff_ffff,
        0xffff_fff8,
        0xffff_ffff,
        u64::MAX,
    ];
    let calls = crate::wasi::calls();
    assert_eq!(calls.len(), 45);
    for (name, words) in calls {
        let types: Vec<_> = words.iter().map(|word| format!("{word}")).collect();
        let types = types.join(" ");
        let mut text = format!(
            r#"(module (import "wasi_snapshot_preview1" "{name}"
                (func $call (param {types}) (result i32)))
            (memory (export "memory") 1) (data (i32.const 0) "\03\00\00\00\08\00\00\00a/../b\00")
            (func (export "_start")"#
        );
        for _ in 0..200 {
            let args: Vec<_> = words
                .iter()
                .map(|word| {
                    let value = match draw() % 4 {
                        0 => draw() % 6,
                        1 => draw(),
                        _ => edges[usize::try_from(draw() % 14).unwrap()],
                    };
                    let value = if word.is_i32() {
                        value & 0xffff_ffff
                    } else {
                        value
                    };
                    format!("({word}.const {value})")
                })
                .collect();
            text.push_str(&format!("(drop (call $call {}))", args.join(" ")));
        }
        text.push_str("))");
        let first = ended(run_at(OptLevel::None, &text, 0));
        let fair = matches!(first.0.status, Status::Exited(0) | Status::OutOf(_));
        assert!(fair, "{name}: {:?}", first.0.status);
        assert_eq!(first, ended(run_at(OptLevel::None, &text, 0)), "{name}");
    }
}
