//! The same task gives the same digest and the same fuel, whoever runs it and how often.
#![allow(missing_docs, clippy::unwrap_used)]

mod guests;
mod scene;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use executor::{Config, Executor, TaskResult};
use guests::{GUESTS, guest};
use protocol::ids::Digest;
use protocol::job::{Array, Job, Profile};
use protocol::outcome::{Limit, Outcome, Status, Trap};
use protocol::units::{Bytes, Fuel};
use scene::{Scene, assemble, conclusive, config, hello, job, program, worker};

#[test]
fn the_same_task_gives_the_same_outcome_in_two_processes() {
    let module = assemble(&hello("Hello."));
    let outcomes: Vec<_> = (0..2)
        .map(|_| {
            let scene = Scene::open(1);
            conclusive(scene.one(&module, |_| {}))
        })
        .collect();
    assert_eq!(outcomes[0], outcomes[1]);
    let (output, outcome) = &outcomes[0];
    assert_eq!(output.status, Status::Exited(0));
    assert_eq!(output.stdout, b"Hello.");
    assert!(
        outcome.fuel.get() > 100 && outcome.fuel.get() < 200,
        "{outcome:?}"
    );
}

#[test]
fn the_tasks_of_an_array_differ_and_each_repeats_itself() {
    // Prints what `random_get` gives.
    let module = assemble(&program("", "")).len();
    assert!(module > 0);
    let text = br#"(module
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (drop (call $random (i32.const 64) (i32.const 16)))
            (i32.store (i32.const 0) (i32.const 64))
            (i32.store (i32.const 4) (i32.const 16))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#;
    let module = assemble(text);
    let mut array = job(&module);
    array.array = Array {
        first: 10,
        step: 5,
        count: 40,
    };
    let scene = Scene::open(2);
    let run = || {
        let results = scene.results(scene.work(&module, array.clone()));
        results.into_iter().map(conclusive).collect::<Vec<_>>()
    };
    let (first, second) = (run(), run());
    assert_eq!(first.len(), 40);
    assert_eq!(first, second);
    for (place, (output, _)) in first.iter().enumerate() {
        assert_eq!(output.stdout.len(), 16);
        assert!(
            first[..place]
                .iter()
                .all(|(before, _)| before.stdout != output.stdout)
        );
    }
}

const G: u64 = 1_000_000_000;

/// What the first tasks of `life` cost, on every device.
const LIFE_FUEL: [u64; 3] = [774_617_089, 774_616_689, 774_617_407];

/// Each guest has so many tasks, and each task is run so often.
const TASKS: u32 = 20;
const ROUNDS: usize = 5;

type Outcomes = BTreeMap<(&'static str, u32), (Status, Outcome)>;

fn battery_job(module: &[u8]) -> Job {
    let mut job = job(module);
    job.array = Array::of(TASKS);
    job.limits.fuel = Fuel::new(300_000);
    job.limits.memory = Bytes::new(96 << 20);
    job
}

/// Runs every task of every guest once.
fn round(scene: &Scene) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for one in GUESTS {
        let module = assemble(guest(one).as_bytes());
        let results = scene.results(scene.work(&module, battery_job(&module)));
        for (task, result) in (0..).zip(results) {
            let (output, outcome) = conclusive(result);
            outcomes.insert((one.0, task), (output.status, outcome));
        }
    }
    outcomes
}

/// An executor with this cache, whose workers are started by this program.
fn another(scene: &mut Scene, cache: &Path, change: impl FnOnce(&mut Config)) {
    let (tell, events) = channel();
    let mut config = config(scene.folder.path(), 2);
    config.cache = cache.to_owned();
    change(&mut config);
    let executor = Executor::start(config, move |event| {
        drop(tell.send(event));
    });
    scene.executor = executor.expect("this machine can work");
    scene.events = events;
}

/// A worker with the least of everything: priority, stack, memory in one piece; and in a world
/// where a comma is a point.
fn poorer(config: &mut Config) {
    let script = "ulimit -s 512; ulimit -n 64; export LC_ALL=tr_TR.UTF-8 TZ=Asia/Tokyo \
        RUST_BACKTRACE=full MALLOC_ARENA_MAX=1 MALLOC_PERTURB_=165 HOME=/nowhere; \
        exec nice -n 19 \"$0\" \"$@\"";
    let mut args = vec!["-c".into(), script.into(), worker().into_os_string()];
    args.append(&mut config.worker_args);
    config.worker_args = args;
    config.program = "/bin/sh".into();
}

/// Compares outcomes with those that are kept, which other machines, other days and builds with
/// other settings gave; `BLESS=1` keeps these instead, for a new profile.
fn kept(outcomes: &Outcomes) {
    let mut guests = BTreeMap::<&str, (u64, Vec<u8>)>::new();
    for ((name, _), (_, outcome)) in outcomes {
        let (fuel, digests) = guests.entry(*name).or_default();
        *fuel += outcome.fuel.get();
        digests.extend(outcome.digest.bytes());
    }
    let mut found = String::new();
    for (name, (fuel, digests)) in guests {
        let digest = Digest::of(&digests).full();
        found += &format!("{name}: fuel {fuel}, outcomes {digest}\n");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/outcomes.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(path).unwrap_or_default());
}

#[test]
fn a_thousand_runs_give_one_digest_and_one_fuel_each() {
    let mut scene = Scene::open(2);
    let (warm, cold) = (
        scene.folder.path().join("cache"),
        scene.folder.path().join("other"),
    );
    let mut rounds = vec![round(&scene), round(&scene)];
    let pressed = AtomicBool::new(true);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            // Takes memory and gives it back, so that pages are short while the others run.
            while pressed.load(Ordering::Relaxed) {
                let taken = vec![1_u8; 128 << 20];
                assert_eq!(taken[taken.len() / 2], 1);
            }
        });
        another(&mut scene, &cold, poorer);
        rounds.push(round(&scene));
        another(&mut scene, &warm, poorer);
        rounds.push(round(&scene));
        pressed.store(false, Ordering::Relaxed);
    });
    another(&mut scene, &cold, |_| ());
    rounds.push(round(&scene));
    let runs: usize = rounds.iter().map(BTreeMap::len).sum();
    assert_eq!((runs, rounds.len()), (1_000, ROUNDS));
    for round in &rounds[1..] {
        for (task, outcome) in &rounds[0] {
            assert_eq!(round.get(task), Some(outcome), "{task:?}");
        }
    }
    kept(&rounds[0]);
    // The battery is worth its name: every kind of end was met.
    let ends: std::collections::BTreeSet<_> = rounds[0]
        .values()
        .map(|(status, _)| format!("{status:?}"))
        .collect();
    for status in [
        Status::Exited(0),
        Status::Exited(7),
        Status::OutOf(Limit::Memory),
        Status::OutOf(Limit::Fuel),
        Status::Trapped(Trap::Unreachable),
        Status::Trapped(Trap::MemoryOutOfBounds),
        Status::Trapped(Trap::BadArithmetic),
        Status::Trapped(Trap::BadTableUse),
    ] {
        assert!(
            ends.contains(&format!("{status:?}")),
            "{status:?} in {ends:?}"
        );
    }
}

#[test]
fn a_step_task_gives_the_same_roots_whoever_runs_it() {
    let mut scene = Scene::open(1);
    let (warm, cold) = (
        scene.folder.path().join("cache"),
        scene.folder.path().join("other"),
    );
    let module = assemble(guests::STEPS.as_bytes());
    let run = |scene: &Scene| match scene.one(&module, |job| job.limits.fuel = Fuel::new(9 * G)) {
        TaskResult::Outcome {
            outcome, entries, ..
        } => (outcome, entries.unwrap()),
        other @ TaskResult::Inconclusive { .. } => panic!("{other:?}"),
    };
    let first = run(&scene);
    assert_eq!(first.1.all().len(), 201);
    // With a warm cache, then as a poorer machine with a cold one, and keeping every state it can.
    assert_eq!(first, run(&scene));
    another(&mut scene, &cold, poorer);
    assert_eq!(first, run(&scene));
    another(&mut scene, &warm, |config| config.keep_every = Fuel::new(1));
    assert_eq!(first, run(&scene));
}

#[test]
fn a_guest_that_drives_a_gpu_gives_the_same_outcomes_whoever_runs_it() {
    let mut scene = Scene::with_gpu();
    let (warm, cold) = (
        scene.folder.path().join("cache"),
        scene.folder.path().join("other"),
    );
    let life = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/jobs/life/life.wasm");
    let life = std::fs::read(life).unwrap();
    let run = |scene: &Scene| {
        let mut job = job(&life);
        job.profile = Profile::WASM_GPU_1;
        job.array = Array::of(3);
        job.limits.fuel = Fuel::new(10 * G);
        let results = scene.results(scene.work(&life, job));
        results.into_iter().map(conclusive).collect::<Vec<_>>()
    };
    let first = run(&scene);
    assert!(
        first
            .iter()
            .all(|(output, _)| output.status == Status::Exited(0))
    );
    let fuel: Vec<u64> = first
        .iter()
        .map(|(_, outcome)| outcome.fuel.get())
        .collect();
    assert_eq!(fuel, LIFE_FUEL);
    // With a warm cache, then as a poorer machine with a cold one, and on half of a device.
    assert_eq!(first, run(&scene));
    another(&mut scene, &cold, |config| {
        poorer(config);
        config.gpu = true;
    });
    assert_eq!(first, run(&scene));
    another(&mut scene, &warm, |config| {
        (config.gpu, config.gpu_share) = (true, 50);
    });
    assert_eq!(first, run(&scene));
}
