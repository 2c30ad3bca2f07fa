//! Modules, guests and disks that mean harm: every work still ends, and the executor goes on.
#![allow(missing_docs, clippy::unwrap_used)]

mod scene;

use std::path::PathBuf;

use executor::{Inconclusive, Refused, TaskResult, Token, Work};
use protocol::ids::{Digest, JobId};
use protocol::job::{Array, Profile, UnknownImports};
use protocol::outcome::{Limit, Outcome, Status, TaskOutput, Trap};
use protocol::units::{Bytes, Fuel};
use scene::{Scene, assemble, conclusive, endless, goes_on, hello, job, program};

/// Modules that no machine can run, each with words from the reason.
fn refused_modules() -> Vec<(&'static str, Vec<u8>)> {
    let memory = r#"(memory (export "memory") 1)"#;
    let start = r#"(func (export "_start"))"#;
    let import = |module, name| format!(r#"(import "{module}" "{name}" (func)) {memory} {start}"#);
    let wasi = "wasi_snapshot_preview1";
    let mut modules: Vec<_> = [
        (
            "start section",
            format!("{memory} (func $s) (start $s) {start}"),
        ),
        ("no peer has", import("env", "host")),
        ("no peer has", import(wasi, "fd_reed")),
        ("does not have", import(wasi, "fd_read")),
        (
            "1048576 elements",
            format!("(table 4000000000 funcref) {memory} {start}"),
        ),
        ("neither", format!("{memory} (func (export \"main\"))")),
        ("no memory", start.to_owned()),
        ("not a valid", format!("(memory i64 1) {start}")),
        (
            "is shared",
            format!("(memory (export \"memory\") 1 1 shared) {start}"),
        ),
    ]
    .map(|(why, items)| (why, assemble(format!("(module {items})").as_bytes())))
    .into();
    let good = assemble(&hello("x"));
    let noise = (0..5_000_u32)
        .flat_map(|n| *Digest::of(&n.to_le_bytes()).bytes())
        .collect();
    let cut = good[..good.len() - 5].to_vec();
    let junk = [cut, noise, Vec::new(), hello("text is not a module")];
    modules.extend(junk.map(|bytes| ("not a valid", bytes)));
    modules
}

#[test]
fn modules_that_no_machine_can_run_end_every_task_the_same_way() {
    let scene = Scene::open(1);
    for (why, module) in refused_modules() {
        let refused = executor::check_module(&module, UnknownImports::Refuse, Profile::WASM_3);
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
        let mut both = job(&module);
        both.array = Array {
            first: 0,
            step: 1,
            count: 2,
        };
        let results = scene.results(scene.work(&module, both));
        assert_eq!(results.len(), 2);
        for (output, outcome) in results.into_iter().map(conclusive) {
            assert_eq!(output.status, Status::Trapped(Trap::Other));
            assert_eq!(outcome.fuel, Fuel::new(1));
            assert_eq!(output.stderr, format!("{refused}\n").into_bytes());
        }
    }
    goes_on(&scene);
}

#[test]
fn loops_bombs_and_floods_end_at_their_limits() {
    let scene = Scene::open(1);
    for (items, start, limit) in [
        ("", "(loop $l (br $l))", Limit::Fuel),
        (
            "",
            "(loop $l (drop (memory.grow (i32.const 16))) (br $l))",
            Limit::Memory,
        ),
        (
            "(table $t 1 funcref)",
            "(loop $l (drop (table.grow $t (ref.null func) (i32.const 65536))) (br $l))",
            Limit::Memory,
        ),
        (
            "",
            "(i32.store (i32.const 4) (i32.const 131072)) (loop $l
                (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 16)))
                (i32.store (i32.const 4) (i32.const 60000)) (br $l))",
            Limit::Output,
        ),
    ] {
        let (output, outcome): (TaskOutput, Outcome) =
            scene.outcome(&program(items, start), |_| {});
        assert_eq!(output.status, Status::OutOf(limit), "{start}");
        assert_eq!(outcome.fuel, Fuel::new(1_000_000_000));
        assert!(output.stderr.len() <= 1 << 20);
    }
    // Starts with more memory than its limit.
    let big = br#"(module (memory (export "memory") 30000) (func (export "_start")))"#;
    assert_eq!(scene.status(big), Status::OutOf(Limit::Memory));
    goes_on(&scene);
}

#[test]
fn files_that_are_not_what_the_job_names_give_no_outcome() {
    let scene = Scene::open(1);
    let module = assemble(&hello("x"));
    let mut reads = job(&module);
    reads.inputs = vec![scene::input("data", b"right")];
    // A child that has opened the right file serves this job alone, and no other of its content.
    let before = Work {
        served: JobId::new([8; 32]),
        inputs: vec![scene.file(b"right")],
        ..scene.work(&module, reads.clone())
    };
    for result in scene.results(before) {
        conclusive(result);
    }
    for content in [&b"wrong"[..], b"right, and more"] {
        let work = Work {
            inputs: vec![scene.file(content)],
            ..scene.work(&module, reads.clone())
        };
        match &scene.results(work)[..] {
            [
                TaskResult::Inconclusive {
                    why: Inconclusive::Host(why),
                    ..
                },
            ] => {
                assert!(why.contains("not the content"), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }
    let (named, brought) = (assemble(&hello("named")), assemble(&hello("brought")));
    let work = Work {
        module: scene.file(&brought),
        ..scene.work(&named, job(&named))
    };
    let lied = scene.results(work);
    assert!(
        matches!(&lied[..], [TaskResult::Inconclusive { .. }]),
        "{lied:?}"
    );
    goes_on(&scene);
}

#[test]
fn works_that_make_no_sense_are_refused_and_the_queue_has_an_end() {
    let scene = Scene::open(1);
    let module = assemble(&program("", "(loop $l (br $l))"));
    let mut long = job(&module);
    endless(&mut long);
    let work = || scene.work(&module, long.clone());
    let refused = |work: Work| scene.executor.run(work).unwrap_err();
    let tasks = Work {
        tasks: 0..2,
        ..work()
    };
    assert!(matches!(
        refused(tasks),
        Refused::NoSuchTasks { count: 1, .. }
    ));
    assert!(matches!(
        refused(Work {
            tasks: 1..1,
            ..work()
        }),
        Refused::NoSuchTasks { .. }
    ));
    let extra = Work {
        inputs: vec![PathBuf::from("/etc/passwd")],
        ..work()
    };
    assert_eq!(refused(extra), Refused::FilesDoNotMatch);
    let mut other = work();
    other.job.profile = Profile(9);
    assert_eq!(refused(other), Refused::ProfileUnknown(Profile(9)));
    let mut big = work();
    big.job.limits.memory = Bytes::new(2 << 30);
    assert!(matches!(refused(big), Refused::MemoryTooLarge { .. }));
    let mut senseless = work();
    senseless.job.limits.fuel = Fuel::ZERO;
    assert!(matches!(refused(senseless), Refused::Malformed(_)));
    for _ in 0..executor::WORKS_MAX {
        scene.executor.run(work()).unwrap();
    }
    assert_eq!(refused(work()), Refused::Full);
    let same = Work {
        token: Token(8),
        ..work()
    };
    assert_eq!(refused(same), Refused::TokenInUse(Token(8)));
}

/// A function of three hundred branches to any of five hundred places, with three hundred locals
/// alive in all of them: 700 KiB that no compiler is done with in a minute.
fn compile_bomb() -> String {
    let (depth, locals) = (500, 300);
    let targets: String = (0..depth).map(|n| format!("{n} ")).collect();
    let branch = |n| {
        format!(
            "(local.set {n} (i32.const {n}))
            (if (local.get {n}) (then (br_table {targets} (local.get {n}))))"
        )
    };
    let branches: String = (0..locals).map(branch).collect();
    let use_all = |n| {
        let (one, other) = (n % locals, (n + 1) % locals);
        format!("(local.set {one} (i32.add (local.get {other}) (local.get {one}))))")
    };
    let after: String = (0..depth).map(use_all).collect();
    let blocks = "(block ".repeat(depth);
    let declared = "i32 ".repeat(locals);
    format!("(func (local {declared}) {blocks}{branches}{after})")
}

#[test]
fn a_compiler_that_would_never_be_done_is_stopped_and_says_why() {
    let scene = Scene::open(1);
    let bomb = assemble(&program(&compile_bomb(), ""));
    match scene.one(&bomb, |_| {}) {
        TaskResult::Inconclusive {
            why: Inconclusive::Host(why),
            ..
        } => {
            assert!(why.contains("cannot compile the module"), "{why}");
            assert!(why.contains("used up its processor time"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    goes_on(&scene);
    // A great many functions are no bomb.
    let functions: String = (0..10_000)
        .map(|n| format!("(func (result i32) (i32.const {n}))"))
        .collect();
    assert_eq!(scene.status(&program(&functions, "")), Status::Exited(0));
}
