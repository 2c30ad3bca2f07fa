//! Step tasks in this very process: what a root is over, and that a snapshot holds all of it.
#![allow(clippy::unwrap_used)]

use std::io::Read;

use protocol::ids::{Digest, JobId};
use protocol::job::{Array, Blob, Job, Limits, Profile, UnknownImports};
use protocol::outcome::{Limit, Status, TaskOutput, Trap};
use protocol::steps::{StepEntries, end};
use protocol::units::{Bytes, Fuel, Millis};
use wasmtime::{Engine, Module, OptLevel};

use super::replay::NotReplayed;
use super::{Advanced, KeepNothing, Stepper, go_on, replay, snapshot_at};
use crate::engine;
use crate::task::{Ran, Runner};
use crate::wasi::{Host, HostImage};

/// What one task may use here.
const LIMITS: Limits = Limits {
    fuel: Fuel::new(100_000_000),
    memory: Bytes::new(8 << 20),
    output: Bytes::new(1 << 20),
    output_files: 8,
    wall_ms: Millis::new(1_000),
};

/// A guest of `steps` steps that keeps state everywhere it can: in memory (which grows), in globals
/// that it does not export, in an open file that has lost its name, in a listing it is in the
/// middle of, in streams, in how much chance it has taken and how long it has slept.
const WANDERER: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_readdir"
        (func $list (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open" (func $open
        (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_unlink_file"
        (func $unlink (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff"
        (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get"
        (func $clock (param i32 i64 i32) (result i32)))
    (memory (export "memory") 2)
    (table 2 funcref) (elem (i32.const 0) $up $down)
    (type $change (func (param f64) (result f64)))
    (global $left (mut i32) (i32.const 9))
    (global $x (mut f64) (f64.const 0.5))
    (global $y (mut f32) (f32.const 1))
    (global $z (mut i64) (i64.const -1))
    (global $v (mut v128) (v128.const i64x2 3 4))
    (global $fixed i32 (i32.const 77))
    (data (i32.const 1000) "out-tmp-")
    (data (i32.const 70000) "not zero at the start")
    (func $up (type $change) (f64.sqrt (f64.add (local.get 0) (f64.const 3))))
    (func $down (type $change) (f64.div (f64.const 0) (f64.sub (local.get 0) (local.get 0))))
    (func $say (param $to i32) (param $at i32) (param $len i32)
        (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $len))
        (drop (call $write (local.get $to) (i32.const 0) (i32.const 1) (i32.const 16))))
    (func (export "_initialize") (i32.store (i32.const 4000) (i32.const 5)))
    (func (export "init")
        (i32.store (i32.const 4004) (i32.mul (i32.load (i32.const 4000)) (i32.const 3)))
        ;; A file in /out that stays, and one in /tmp that is unlinked and still open.
        (drop (call $open (i32.const 4) (i32.const 0) (i32.const 1000) (i32.const 3)
            (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 2000)))
        (drop (call $open (i32.const 6) (i32.const 0) (i32.const 1004) (i32.const 3)
            (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 2004)))
        (drop (call $unlink (i32.const 6) (i32.const 1004) (i32.const 3)))
        (memory.fill (i32.const 70000) (i32.const 0) (i32.const 100)))
    (func (export "step") (result i32)
        (global.set $left (i32.sub (global.get $left) (i32.const 1)))
        (drop (call $random (i32.const 3000) (i32.const 7)))
        (global.set $x (call_indirect (type $change) (global.get $x)
            (i32.eq (global.get $left) (i32.const 4))))
        (global.set $y (f32.demote_f64 (f64.neg (global.get $x))))
        (global.set $z (i64.mul (global.get $z) (i64.load (i32.const 3000))))
        (global.set $v (i64x2.add (global.get $v) (v128.load (i32.const 3000))))
        (f64.store (i32.const 3008) (global.get $x)) (i64.store (i32.const 3016) (global.get $z))
        (v128.store (i32.const 3024) (global.get $v)) (f32.store (i32.const 3040) (global.get $y))
        (drop (call $list (i32.const 5) (i32.const 3100) (i32.const 30) (i64.const 1)
            (i32.const 3044)))
        ;; Sleeps for 1 000 ns, and asks what time it is.
        (i32.store8 (i32.const 5008) (i32.const 0)) (i32.store (i32.const 5016) (i32.const 1))
        (i64.store (i32.const 5024) (i64.const 1000))
        (drop (call $poll (i32.const 5000) (i32.const 5100) (i32.const 1) (i32.const 5200)))
        (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 3048)))
        (call $say (i32.const 1) (i32.const 3000) (i32.const 64))
        (call $say (i32.const 2) (i32.const 3100) (i32.const 30))
        (call $say (i32.load (i32.const 2000)) (i32.const 3000) (i32.const 64))
        (call $say (i32.load (i32.const 2004)) (i32.const 3000) (i32.const 5))
        (if (i32.eq (global.get $left) (i32.const 6))
            (then (drop (memory.grow (i32.const 3)))
                (i32.store (i32.const 300000) (i32.load (i32.const 4004)))))
        (global.get $left)))"#;

/// The same code in a module that ends its task another way; `$body` sees `$n` steps done.
fn counting(body: &str) -> String {
    format!(
        r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (global $n (mut i32) (i32.const 0))
        (func $deep (param i32) (result i32) (call $deep (call $deep (local.get 0))))
        (func (export "init"))
        (func (export "step") (result i32)
            (global.set $n (i32.add (global.get $n) (i32.const 1)))
            {body}))"#
    )
}

fn job() -> Job {
    Job {
        array: Array::of(2),
        ..Job::once("steps", Blob::of(b""), LIMITS)
    }
}

fn runner_with(level: OptLevel, text: &str, change: impl FnOnce(&mut Job)) -> Runner {
    let engine = Engine::new(&engine::config(level)).unwrap();
    let wasm = wat::parse_str(text).unwrap();
    let (_, rewritten) =
        crate::facts::prepare(&wasm, UnknownImports::Refuse, Profile::WASM_3).unwrap();
    let module = Module::new(&engine, rewritten).unwrap();
    let mut job = job();
    change(&mut job);
    Runner::new(
        &engine,
        &module,
        (JobId::new([7; 32]), job),
        None,
        Vec::new(),
    )
    .unwrap()
}

fn runner(text: &str) -> Runner {
    runner_with(OptLevel::Speed, text, |_| ())
}

fn ended(ran: Ran) -> (TaskOutput, Fuel, StepEntries) {
    match ran {
        Ran::Ended {
            output,
            fuel,
            entries,
        } => (output, fuel, entries.unwrap()),
        other => panic!("no outcome: {other:?}"),
    }
}

fn snapshot(runner: &Runner, steps: u32) -> (Digest, Vec<u8>) {
    let mut bytes = Vec::new();
    let Ok(root) = snapshot_at(runner, 0, steps, &mut bytes).unwrap() else {
        panic!("no snapshot after {steps} steps");
    };
    (root, bytes)
}

#[test]
fn roots_fuel_and_outcome_are_the_same_at_every_optimisation_level() {
    let ran = |level, task| ended(runner_with(level, WANDERER, |_| ()).run(task));
    let first = ran(OptLevel::Speed, 0);
    let (output, fuel, entries) = &first;
    assert_eq!(output.status, Status::Exited(0), "{output:?}");
    assert_eq!(output.stdout.len(), 9 * 64);
    assert_eq!(output.files, [("out".to_owned(), output.stdout.clone())]);
    // After `init`, after each of nine steps but the last, and the end.
    assert_eq!(entries.all().len(), 10);
    assert_eq!(output.steps, Some(entries.list()));
    let bare = TaskOutput {
        steps: None,
        ..output.clone()
    };
    assert_eq!(entries.all().last(), Some(&end(&bare, *fuel)));
    // What another build and another machine must find too. It changes with the profile only.
    let root = entries.list().root.full();
    assert_eq!(
        root,
        "b3_tie7gievslpzr2dcgtsue3b25bipoxi2jrrvd73gzodpeiu4feqq"
    );
    assert_eq!(first, ran(OptLevel::None, 0));
    assert_eq!(first, ran(OptLevel::SpeedAndSize, 0));
    // Another task takes other chances: the roots part with the first step.
    let other = ran(OptLevel::Speed, 1);
    assert_eq!(entries.part(&other.2).unwrap().place, 1);
}

#[test]
fn each_step_replayed_from_its_snapshot_gives_the_same_entry_and_fuel() {
    let whole = runner(WANDERER);
    let (output, fuel, entries) = ended(whole.run(0));
    let mut used = Fuel::new(0);
    let first = replay(&whole, 0, None).ok().unwrap();
    assert_eq!(first.entry, entries.all()[0]);
    for steps in 0..9 {
        let (root, bytes) = snapshot(&whole, steps);
        assert_eq!(root, entries.all()[steps as usize]);
        // Compiled in another way, as on another machine.
        let judge = runner_with(OptLevel::None, WANDERER, |_| ());
        let found = replay(&judge, 0, Some((root, &mut bytes.as_slice())))
            .ok()
            .unwrap();
        assert_eq!(
            found.entry,
            entries.all()[steps as usize + 1],
            "step {steps}"
        );
        assert_eq!(found.ended, steps == 8);
        assert!(found.used > used);
        used = found.used;
        // A run that goes on from there ends like the whole one, and a snapshot of what was put
        // back is the snapshot.
        let mut state = Stepper::new(&judge, 0);
        state.restore(&mut bytes.as_slice(), root).unwrap();
        let mut again = Vec::new();
        state.snapshot(&mut again).unwrap();
        assert!(again == bytes, "step {steps}");
        let roots = entries.all()[..=steps as usize].to_vec();
        let rest = ended(go_on(state, roots, &mut KeepNothing));
        assert_eq!(
            rest,
            (output.clone(), fuel, entries.clone()),
            "step {steps}"
        );
    }
    assert_eq!(used, fuel);
}

/// What a snapshot's root is, if it is some state of the task's module.
fn root_of(runner: &Runner, bytes: &[u8]) -> Option<Digest> {
    let mut state = Stepper::new(runner, 0);
    let nobodys = Digest::of(b"nobody's");
    let Err(why) = state.restore(&mut &*bytes, nobodys) else {
        panic!("no state has that root");
    };
    // It is put in its place before its root is compared.
    why.to_string().contains("its root is").then(|| {
        let taken = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
        let used = u64::from_le_bytes(bytes[8..16].try_into().unwrap());
        state.parts().unwrap().root(taken, Fuel::new(used))
    })
}

#[test]
fn a_state_that_no_task_comes_to_breaks_nothing_where_liars_agree_on_it() {
    let whole = runner(WANDERER);
    let (_, bytes) = snapshot(&whole, 3);
    // Most of the head is files and descriptors; pages are any bytes anyway.
    let head = 4 + u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    let mut dice = 1_u64;
    let mut below = |most: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (dice >> 33) as usize % most
    };
    let (mut refused, mut ran) = (0, 0);
    for _ in 0..4_000 {
        let mut bent = bytes.clone();
        for _ in 0..=below(3) {
            let at = 4 + below(head - 4);
            bent[at] = [
                0,
                1,
                2,
                3,
                0x7f,
                0xff,
                bent[at] ^ 1,
                bent[at].wrapping_add(1),
            ][below(8)];
        }
        match root_of(&whole, &bent) {
            None => refused += 1,
            Some(root) => {
                // It may trap or end in any way; the host goes on.
                drop(replay(&whole, 0, Some((root, &mut bent.as_slice()))));
                ran += 1;
            }
        }
    }
    assert!(refused > 100 && ran > 100, "{refused} refused, {ran} run");
}

#[test]
fn a_snapshot_that_is_not_the_state_of_its_root_is_refused_before_anything_runs() {
    let whole = runner(WANDERER);
    let (root, bytes) = snapshot(&whole, 3);
    let refused = |bytes: &[u8], root: Digest| {
        let refused = replay(&whole, 0, Some((root, &mut &*bytes)));
        matches!(refused, Err(NotReplayed::Snapshot(_)))
    };
    assert!(!refused(&bytes, root));
    assert!(refused(&bytes, snapshot(&whole, 2).0));
    // Each byte of the head, and some of the pages.
    let pages = bytes.len() - bytes.len().min(200_000);
    let head = (0..bytes.len()).take_while(|at| *at < 3_000.min(bytes.len()));
    let mut bent = bytes.clone();
    for at in head.step_by(7).chain((pages..bytes.len()).step_by(4_999)) {
        bent[at] ^= 0x41;
        assert!(refused(&bent, root), "byte {at} of {}", bytes.len());
        bent[at] ^= 0x41;
    }
    for end in [0, 3, 4, 100, bytes.len() / 2, bytes.len() - 1] {
        assert!(refused(&bytes[..end], root), "cut at {end}");
    }
    // Another task's state, another module's, and one that used more than the job grants.
    let mut endless = std::io::repeat(0x7f).take(1 << 20);
    assert!(replay(&whole, 0, Some((root, &mut endless))).is_err());
    let other = runner(&counting("(i32.const 1)"));
    let foreign = replay(&other, 0, Some((root, &mut bytes.as_slice())));
    assert!(matches!(foreign, Err(NotReplayed::Snapshot(_))));
    let poorer = runner_with(OptLevel::Speed, WANDERER, |job| {
        job.limits.fuel = Fuel::new(1_000)
    });
    let foreign = replay(&poorer, 0, Some((root, &mut bytes.as_slice())));
    assert!(matches!(foreign, Err(NotReplayed::Snapshot(_))));
}

#[test]
fn a_hosts_bytes_are_taken_whole_or_refused_whatever_they_are() {
    let whole = runner(WANDERER);
    let mut state = Stepper::new(&whole, 0);
    for _ in 0..4 {
        assert!(matches!(state.advance(), Ok(Advanced::Root(_))));
    }
    let written = |host: &Host| {
        let mut bytes = Vec::new();
        host.write(&mut bytes).unwrap();
        bytes
    };
    // As if the root were the right one: nothing but this check stands before the host.
    let take = |bytes: &[u8]| {
        let image: HostImage = borsh::from_slice(bytes).ok()?;
        let mut store = whole.store(0);
        store.data_mut().take(image).ok()?;
        Some(written(store.data()))
    };
    let bytes = written(state.store.data());
    assert_eq!(take(&bytes).as_ref(), Some(&bytes));
    let (mut taken, mut refused) = (0, 0);
    let mut bent = bytes.clone();
    for at in 0..bytes.len() {
        for bit in [1, 2, 4, 0x80, 0xff] {
            bent[at] ^= bit;
            match take(&bent) {
                // Another state, but a state: what it is written as is taken again.
                Some(again) => {
                    assert_eq!(take(&again).as_ref(), Some(&again), "byte {at}");
                    taken += 1;
                }
                None => refused += 1,
            }
            bent[at] ^= bit;
        }
    }
    assert!(
        taken > 100 && refused > 100,
        "{taken} taken, {refused} refused"
    );
}

#[test]
fn every_end_of_a_step_task_has_its_entry() {
    let three = |then: &str| {
        let body = format!("(if (i32.eq (global.get $n) (i32.const 3)) (then {then}))");
        counting(&format!("{body} (i32.const 1)"))
    };
    let limit = LIMITS.fuel;
    let memory = "(drop (memory.grow (i32.const 2000)))";
    for (text, status, entries) in [
        (three("(return (i32.const 0))"), Status::Exited(0), 4),
        (three("(return (i32.const -5))"), Status::Exited(-5), 4),
        (three("(call $exit (i32.const 9))"), Status::Exited(9), 4),
        (
            three("(unreachable)"),
            Status::Trapped(Trap::Unreachable),
            4,
        ),
        (three("(loop $l (br $l))"), Status::OutOf(Limit::Fuel), 4),
        (three(memory), Status::OutOf(Limit::Memory), 4),
        // A page and its root for each step, and a little more.
        (counting("(i32.const 1)"), Status::OutOf(Limit::Fuel), 1_488),
    ] {
        let runner = runner(&text);
        let (output, fuel, found) = ended(runner.run(0));
        assert_eq!(
            (output.status, found.all().len()),
            (status, entries),
            "{text}"
        );
        let billed = matches!(status, Status::Exited(_));
        assert_eq!(fuel == limit, !billed, "{text}");
        // The last step alone ends the same way.
        let (root, bytes) = snapshot(&runner, u32::try_from(entries).unwrap() - 2);
        let last = replay(&runner, 0, Some((root, &mut bytes.as_slice())))
            .ok()
            .unwrap();
        assert_eq!((Some(&last.entry), last.used), (found.all().last(), fuel));
        assert!(last.ended);
    }
}

#[test]
fn a_step_whose_stack_overflows_has_no_entry() {
    let judged = || {
        let deep = runner(&counting("(drop (call $deep (i32.const 0))) (i32.const 1)"));
        assert!(matches!(deep.run(0), Ran::StackOverflow { .. }));
        let (root, bytes) = snapshot(&deep, 0);
        match replay(&deep, 0, Some((root, &mut bytes.as_slice()))) {
            Err(NotReplayed::Inconclusive(ran)) => matches!(*ran, Ran::StackOverflow { .. }),
            _ => false,
        }
    };
    let big = std::thread::Builder::new().stack_size(engine::STACK_BYTES + (4 << 20));
    assert!(big.spawn(judged).unwrap().join().unwrap());
}

#[test]
fn a_task_of_too_many_steps_ends_by_that() {
    // No page of memory, so that a root costs little.
    let text = counting("(i32.const 1)").replace("\"memory\") 1", "\"memory\") 0");
    let most = Fuel::new(1_000_000_000);
    let runner = runner_with(OptLevel::Speed, &text, |job| job.limits.fuel = most);
    let (output, fuel, entries) = ended(runner.run(0));
    assert_eq!(output.status, Status::OutOf(Limit::Steps));
    assert_eq!(entries.all().len(), protocol::steps::ENTRIES_MAX);
    assert_eq!(fuel, most);
}

#[test]
fn the_cost_of_a_judgement_is_one_step() {
    let honest = runner(WANDERER);
    let (_, fuel, entries) = ended(honest.run(0));
    let mut lies = entries.all().to_vec();
    for lie in &mut lies[6..] {
        *lie = Digest::of(lie.bytes());
    }
    let liar = StepEntries::new(lies).unwrap();
    let parting = entries.part(&liar).unwrap();
    assert_eq!(parting.place, 6);
    let (root, bytes) = snapshot(&honest, 5);
    assert_eq!(parting.agreed, Some(root));
    let judge = runner(WANDERER);
    let mut state = Stepper::new(&judge, 0);
    state.restore(&mut bytes.as_slice(), root).unwrap();
    let before = state.used();
    let Ok(Advanced::Root(found)) = state.advance() else {
        panic!("the sixth step is not the last");
    };
    assert_eq!(parting.judge(found), protocol::steps::Right::First);
    let cost = state.used().get() - before.get();
    assert!(cost * 7 < fuel.get(), "{cost} of {fuel:?}");
}

#[test]
fn a_module_with_a_hidden_state_is_refused() {
    let check = |items: &str, body: &str| {
        let text = format!(
            r#"(module (memory (export "memory") 1) (data $d "x") (table $t 2 funcref)
            (elem $e func $f) (func $f) {items} (func (export "init"))
            (func (export "step") (result i32) {body} (i32.const 0)))"#
        );
        let wasm = wat::parse_str(text).unwrap();
        crate::check_module(&wasm, UnknownImports::Refuse, Profile::WASM_3)
    };
    let entry = check("", "").unwrap().entry;
    assert_eq!(entry, crate::Entry::Steps);
    assert!(check("(global (mut i32) (i32.const 1))", "").is_ok());
    assert!(check("(global funcref (ref.func $f))", "").is_ok());
    let (zero, null) = ("(i32.const 0)", "(ref.null func)");
    for (items, body, word) in [
        (
            "(global (mut funcref) (ref.null func))",
            String::new(),
            "refers",
        ),
        ("", format!("(table.set $t {zero} {null})"), "`table.set`"),
        (
            "",
            format!("(drop (table.grow $t {null} {zero}))"),
            "`table.grow`",
        ),
        (
            "",
            format!("(table.fill $t {zero} {null} {zero})"),
            "`table.fill`",
        ),
        (
            "",
            format!("(table.copy $t $t {zero} {zero} {zero})"),
            "`table.copy`",
        ),
        (
            "",
            format!("(table.init $t $e {zero} {zero} {zero})"),
            "`table.init`",
        ),
        ("", "(elem.drop $e)".to_owned(), "`elem.drop`"),
        ("", "(data.drop $d)".to_owned(), "`data.drop`"),
        (
            "(func (export \"tallygrid step global 0\"))",
            String::new(),
            "exports",
        ),
    ] {
        let refused = check(items, &body).unwrap_err().to_string();
        assert!(refused.contains(word), "{refused}");
    }
    // The same in a program that does not run in steps is nobody's business.
    let text = r#"(module (memory (export "memory") 1) (data $d "x")
        (func (export "_start") (data.drop $d)) (func (export "init"))
        (func (export "step") (result i32) (i32.const 0)))"#;
    let wasm = wat::parse_str(text).unwrap();
    let facts = crate::check_module(&wasm, UnknownImports::Refuse, Profile::WASM_3).unwrap();
    assert_eq!(facts.entry, crate::Entry::Command);
}
