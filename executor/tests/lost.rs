//! Workers that are killed, late, cancelled or damaged on disk: every work still ends.
#![allow(missing_docs, clippy::unwrap_used)]

mod scene;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use executor::{Event, Executor, Inconclusive, StartError, TaskResult, Token};
use protocol::ids::Digest;
use protocol::job::Array;
use protocol::outcome::Status;
use protocol::units::Millis;
use scene::{PATIENCE, Scene, assemble, conclusive, config, endless, goes_on, hello, job, program};
use scene::{children, is_guest, kill};

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
    let work = scene.endless_work();
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
    let work = scene.endless_work();
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
