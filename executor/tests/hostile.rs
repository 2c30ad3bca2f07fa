//! Modules, guests and disks that mean harm: every work still ends, and the executor goes on.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use common::{PATIENCE, Scene, assemble, conclusive, config, hello, job, program};
use executor::{Event, Executor, Inconclusive, Refused, StartError, TaskResult, Token, Work};
use protocol::ids::Digest;
use protocol::job::{Array, Job, Profile};
use protocol::outcome::{Limit, Outcome, Status, TaskOutput, Trap};
use protocol::units::{Bytes, Fuel, Millis};

/// Still takes work and does it, in the same executor.
fn goes_on(scene: &Scene) {
    assert_eq!(scene.status(&hello("I live.")), Status::Exited(0));
}

fn endless(job: &mut Job) {
    job.limits.fuel = Fuel::new(1_000_000_000_000);
    job.limits.wall_ms = Millis::new(600_000);
}

/// The processes that this scene's executor started, by their ids.
fn children(scene: &Scene) -> Vec<u32> {
    let folder = scene.folder.path().to_str().unwrap();
    let ids = fs::read_dir("/proc").unwrap().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        let words = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        words.split('\0').any(|word| word == folder)
    })
    .collect()
}

#[test]
fn modules_that_no_machine_can_run_end_every_task_the_same_way() {
    let scene = Scene::open(1);
    let good = assemble(&hello("x"));
    let noise: Vec<u8> = (0..5_000_u32)
        .flat_map(|n| Digest::of(&n.to_le_bytes()).bytes()[..3].to_vec())
        .collect();
    let memory = r#"(memory (export "memory") 1)"#;
    for (why, module) in [
        (
            "start section",
            assemble(
                format!(
                    "(module {memory} (func $s) (start $s)
            (func (export \"_start\")))"
                )
                .as_bytes(),
            ),
        ),
        (
            "no peer has",
            assemble(
                format!(
                    "(module (import \"env\" \"host\" (func)) {memory}
            (func (export \"_start\")))"
                )
                .as_bytes(),
            ),
        ),
        (
            "no peer has",
            assemble(
                format!(
                    "(module (import \"wasi_snapshot_preview1\" \"fd_reed\"
            (func)) {memory} (func (export \"_start\")))"
                )
                .as_bytes(),
            ),
        ),
        (
            "does not have",
            assemble(
                format!(
                    "(module (import \"wasi_snapshot_preview1\" \"fd_read\"
            (func)) {memory} (func (export \"_start\")))"
                )
                .as_bytes(),
            ),
        ),
        (
            "1048576 elements",
            assemble(
                format!(
                    "(module (table 4000000000 funcref) {memory}
            (func (export \"_start\")))"
                )
                .as_bytes(),
            ),
        ),
        (
            "neither",
            assemble(format!("(module {memory} (func (export \"main\")))").as_bytes()),
        ),
        (
            "no memory",
            assemble(b"(module (func (export \"_start\")))"),
        ),
        (
            "not a valid",
            assemble(b"(module (memory i64 1) (func (export \"_start\")))"),
        ),
        (
            "is shared",
            assemble(
                b"(module (memory (export \"memory\") 1 1 shared) (func (export \"_start\")))",
            ),
        ),
        ("not a valid", good[..good.len() - 5].to_vec()),
        ("not a valid", noise),
        ("not a valid", Vec::new()),
        ("not a valid", hello("text is not a module")),
    ] {
        let refused = executor::check_module(&module).unwrap_err().to_string();
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
fn wall_time_kills_the_worker_and_the_next_task_has_a_fresh_one() {
    let scene = Scene::open(1);
    // The task with array index 0 never ends; the others do. The index is the environment's last
    // word but one, so this reads its last letter.
    let module = assemble(
        br#"(module
        (import "wasi_snapshot_preview1" "environ_get" (func $get (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (drop (call $get (i32.const 0) (i32.const 100)))
            (if (i32.eq (i32.const 48)
                    (i32.load8_u (i32.add (i32.load (i32.const 8)) (i32.const 17))))
                (then (loop $l (br $l))))))"#,
    );
    let mut three = job(&module);
    endless(&mut three);
    three.limits.wall_ms = Millis::new(400);
    three.array = Array {
        first: 0,
        step: 1,
        count: 3,
    };
    let results = scene.results(scene.work(&module, three));
    for (place, result) in results.into_iter().enumerate() {
        match result {
            TaskResult::Inconclusive {
                why: Inconclusive::WallTime,
                ..
            } => assert_eq!(place, 0),
            TaskResult::Outcome { output, .. } => {
                assert!(place > 0);
                assert_eq!(output.status, Status::Exited(0));
            }
            other @ TaskResult::Inconclusive { .. } => panic!("{place}: {other:?}"),
        }
    }
}

#[test]
fn a_worker_that_is_killed_costs_one_more_try_and_then_the_outcome() {
    let scene = Scene::open(1);
    let module = assemble(&program("", "(loop $l (br $l))"));
    let mut long = job(&module);
    endless(&mut long);
    let work = scene.work(&module, long);
    let token = work.token;
    scene.executor.run(work).unwrap();
    let mut killed = 0;
    let mut seen = Vec::new();
    while killed < 2 {
        for id in children(&scene) {
            if is_guest(id) && !seen.contains(&id) {
                seen.push(id);
                kill(id);
                killed += 1;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let results = scene.results_of(token);
    match &results[..] {
        [
            TaskResult::Inconclusive {
                why: Inconclusive::Killed(why),
                ..
            },
        ] => {
            assert!(why.contains("killed"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    goes_on(&scene);
}

fn is_guest(id: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{id}/task"))
        .into_iter()
        .flatten()
        .flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
        .any(|name| name.trim() == "guest")
}

fn kill(id: u32) {
    let killed = std::process::Command::new("kill")
        .args(["-9", &id.to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
}

#[test]
fn cancelling_ends_a_work_that_runs_and_one_that_waits_and_leaves_no_process() {
    let scene = Scene::open(1);
    let module = assemble(&program("", "(loop $l (br $l))"));
    let mut long = job(&module);
    endless(&mut long);
    let works: Vec<_> = (0..2).map(|_| scene.work(&module, long.clone())).collect();
    let tokens: Vec<_> = works.iter().map(|work| work.token).collect();
    for work in works {
        scene.executor.run(work).unwrap();
    }
    scene.executor.cancel(tokens[1]);
    assert!(scene.results_of(tokens[1]).is_empty());
    std::thread::sleep(Duration::from_millis(300));
    scene.executor.cancel(tokens[0]);
    assert!(scene.results_of(tokens[0]).is_empty());
    scene.executor.cancel(Token(999));
    goes_on(&scene);
    assert_eq!(scene.executor.works(), 0);
}

#[test]
fn damaged_code_in_the_cache_is_compiled_again() {
    let scene = Scene::open(1);
    let module = assemble(&hello("cached"));
    let first = conclusive(scene.one(&module, |_| {}));
    let cache = scene.folder.path().join("cache");
    assert_eq!(
        fs::metadata(&cache).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let code = || -> PathBuf {
        let mut codes = fs::read_dir(&cache)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        codes
            .find(|path| path.extension().is_some_and(|end| end == "code"))
            .unwrap()
    };
    let whole = fs::read(code()).unwrap();
    let mut bent = whole.clone();
    let middle = bent.len() / 2;
    bent[middle] ^= 1;
    for damage in [
        bent,
        whole[..middle].to_vec(),
        Vec::new(),
        b"#!/bin/sh".to_vec(),
    ] {
        fs::write(code(), damage).unwrap();
        // Another seed is another job, so it cannot have the first one's worker.
        let again = conclusive(scene.one(&module, |job| job.seed = Digest::of(b"other")));
        assert_eq!(first, again);
        assert_eq!(fs::read(code()).unwrap(), whole);
        drop(scene.one(&assemble(&hello("between")), |_| {}));
        for entry in fs::read_dir(&cache).unwrap().flatten() {
            if fs::read(entry.path()).is_ok_and(|content| content.len() > 32 && content != whole) {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }
}

#[test]
fn files_that_are_not_what_the_job_names_give_no_outcome() {
    let scene = Scene::open(1);
    let module = assemble(&hello("x"));
    let mut reads = job(&module);
    reads.inputs = vec![common::input("data", b"right")];
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

#[test]
fn an_executor_does_not_start_on_a_program_that_is_no_worker() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), 1);
    config.program = PathBuf::from("/bin/cat");
    config.worker_args.clear();
    let error = Executor::start(config.clone(), |_: Event| {}).unwrap_err();
    assert!(matches!(error, StartError::Worker(_)), "{error}");
    config.program = PathBuf::from("/nowhere");
    let error = Executor::start(config, |_: Event| {}).unwrap_err();
    assert!(matches!(error, StartError::Spawn { .. }), "{error}");
}

#[test]
fn a_running_worker_is_shut_in() {
    let scene = Scene::open(1);
    let module = assemble(&program("", "(loop $l (br $l))"));
    let mut long = job(&module);
    endless(&mut long);
    let work = scene.work(&module, long);
    let token = work.token;
    scene.executor.run(work).unwrap();
    let start = std::time::Instant::now();
    let guest = loop {
        assert!(start.elapsed() < PATIENCE);
        if let Some(id) = children(&scene).into_iter().find(|id| is_guest(*id)) {
            break id;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    std::thread::sleep(Duration::from_millis(500));
    for task in fs::read_dir(format!("/proc/{guest}/task"))
        .unwrap()
        .flatten()
    {
        let status = fs::read_to_string(task.path().join("status")).unwrap();
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
        assert!(status.contains("Seccomp:\t2"), "{status}");
    }
    let limits = fs::read_to_string(format!("/proc/{guest}/limits")).unwrap();
    for limit in ["Max open files", "Max core file size", "Max file size"] {
        let line = limits.lines().find(|line| line.starts_with(limit)).unwrap();
        assert!(line[limit.len()..].trim_start().starts_with("0 "), "{line}");
    }
    scene.executor.cancel(token);
    assert!(scene.results_of(token).is_empty());
}
