//! Step tasks in real workers: killed and taken up again, and judged by one step.
#![allow(missing_docs, clippy::unwrap_used)]

mod guests;
mod scene;

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use executor::{Executor, NoStep, Refused, TaskResult, Work};
use guests::STEPS;
use protocol::ids::Digest;
use protocol::job::Job;
use protocol::outcome::{Outcome, Status};
use protocol::steps::{Right, StepEntries};
use protocol::units::Fuel;
use scene::{PATIENCE, Scene, assemble, children, conclusive, config, hello, is_guest, job, kill};

fn step_job(module: &[u8]) -> Job {
    let mut job = job(module);
    job.limits.fuel = Fuel::new(40_000_000_000);
    job
}

/// An executor that keeps each state, in the folder of the one that it takes the place of.
fn restart(scene: &mut Scene) {
    let start = |folder: PathBuf| {
        let (tell, events) = channel();
        let mut config = config(&folder, 1);
        config.keep_every = Fuel::new(1);
        let executor = Executor::start(config, move |event| drop(tell.send(event)));
        (executor.expect("this machine can work"), events)
    };
    let folder = scene.folder.path().to_owned();
    // The one before is gone when the next one starts.
    (scene.executor, scene.events) = start(folder.join("elsewhere"));
    (scene.executor, scene.events) = start(folder);
}

fn work(scene: &Scene) -> Work {
    let module = assemble(STEPS.as_bytes());
    scene.work(&module, step_job(&module))
}

fn whole(mut results: Vec<TaskResult>) -> (Outcome, StepEntries) {
    assert_eq!(results.len(), 1);
    match results.remove(0) {
        TaskResult::Outcome {
            output,
            outcome,
            entries,
            ..
        } => {
            assert_eq!(output.status, Status::Exited(0));
            (outcome, entries.unwrap())
        }
        other @ TaskResult::Inconclusive { .. } => panic!("{other:?}"),
    }
}

/// The one state that is kept: its file, and after how many steps it was.
fn kept(scene: &Scene) -> Option<(PathBuf, u32)> {
    let files = fs::read_dir(scene.folder.path().join("states")).ok()?;
    let mut paths = files.flatten().map(|entry| entry.path());
    let path = paths.find(|path| path.extension().is_some_and(|end| end == "step"))?;
    let bytes = fs::read(&path).ok()?;
    let count = bytes.get(4..8)?.try_into().ok()?;
    Some((path, u32::from_le_bytes(count)))
}

/// Waits until a state is kept that is later than this one; none that is earlier is kept meanwhile.
fn passed(scene: &Scene, least: u32, before: u32) -> (PathBuf, u32) {
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < PATIENCE);
        match kept(scene) {
            Some((path, steps)) if steps > before => return (path, steps),
            Some((_, steps)) => assert!(steps >= least, "from {least} it went back to {steps}"),
            None => {}
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The least number of steps that is kept from now until the work's one task has ended.
fn least_kept(scene: &Scene, work: Work) -> (u32, (Outcome, StepEntries)) {
    let token = work.token;
    scene.executor.run(work).unwrap();
    let mut least = u32::MAX;
    while scene.executor.works() > 0 {
        least = kept(scene).map_or(least, |(_, steps)| least.min(steps));
        std::thread::sleep(Duration::from_millis(1));
    }
    (least, whole(scene.results_of(token)))
}

#[test]
fn a_killed_worker_and_a_restarted_executor_go_on_from_the_last_kept_step() {
    let mut scene = Scene::open(1);
    let undisturbed = whole(scene.results(work(&scene)));
    assert_eq!(kept(&scene), None);
    restart(&mut scene);
    // Its worker is killed: another one takes over.
    let disturbed = work(&scene);
    scene.executor.run(disturbed).unwrap();
    let (_, steps) = passed(&scene, 0, 10);
    let mut guests = children(&scene).into_iter().filter(|id| is_guest(*id));
    kill(guests.next().expect("a worker runs"));
    let (_, later) = passed(&scene, steps, steps + 5);
    assert!(later > steps + 5);
    // Its executor is stopped: the state stays.
    restart(&mut scene);
    let (_, before) = kept(&scene).expect("the state outlives its executor");
    let (least, resumed) = least_kept(&scene, work(&scene));
    assert!(least >= before, "from {before} steps it went on at {least}");
    assert_eq!(resumed, undisturbed);
    assert_eq!(kept(&scene), None, "what has ended is not kept");
}

#[test]
fn a_run_that_was_stopped_goes_on_in_another_executor() {
    let mut here = Scene::open(1);
    let undisturbed = whole(here.results(work(&here)));
    restart(&mut here);
    let stopped = work(&here);
    here.executor.run(stopped.clone()).unwrap();
    let (path, _) = passed(&here, 0, 20);
    here.executor.cancel(stopped.token);
    while here.executor.works() > 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let lies = |scene: &Scene| {
        let ids = (stopped.served, stopped.job_id);
        scene.executor.kept(ids, &stopped.job, 0)
    };
    assert_eq!(lies(&here), Some(path.clone()));
    let (_, before) = kept(&here).unwrap();

    let mut there = Scene::open(1);
    restart(&mut there);
    let going_on = |there: &Scene| Work {
        states: vec![(0, path.clone())],
        ..work(there)
    };
    let (least, resumed) = least_kept(&there, going_on(&there));
    assert!(least > before, "from {before} steps it went on at {least}");
    assert_eq!(resumed, undisturbed);
    assert_eq!(lies(&there), None, "it has ended");

    let mut bytes = fs::read(&path).unwrap();
    for cut in [bytes.len() - 1, 20, 0] {
        bytes.truncate(cut);
        fs::write(&path, &bytes).unwrap();
        let (least, anew) = least_kept(&there, going_on(&there));
        assert!(least < before, "half a state was gone on from");
        assert_eq!(anew, undisturbed);
    }
}

#[test]
fn a_kept_step_that_does_not_hold_is_not_used() {
    let mut scene = Scene::open(1);
    let undisturbed = whole(scene.results(work(&scene)));
    restart(&mut scene);
    scene.executor.run(work(&scene)).unwrap();
    let (path, _) = passed(&scene, 0, 100);
    restart(&mut scene);
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (least, again) = least_kept(&scene, work(&scene));
    assert!(least < 100, "a damaged state was gone on from");
    assert_eq!(again, undisturbed);
}

#[test]
fn a_judge_runs_one_step_in_a_fresh_worker_and_knows_who_is_wrong() {
    let scene = Scene::open(1);
    let (outcome, honest) = whole(scene.results(work(&scene)));
    let mut lies = honest.all().to_vec();
    for lie in &mut lies[78..] {
        *lie = Digest::of(lie.bytes());
    }
    let liar = StepEntries::new(lies).unwrap();
    let parting = honest.part(&liar).unwrap();
    assert_eq!(parting.place, 78);
    let snapshot = scene.folder.path().join("snapshot");
    let root = scene
        .executor
        .snapshot(work(&scene), 77, &snapshot)
        .unwrap();
    assert_eq!(parting.agreed, Some(root));
    let found = scene
        .executor
        .replay(work(&scene), Some((root, &snapshot)))
        .unwrap();
    assert_eq!(parting.judge(found.entry), Right::First);
    assert_eq!(
        liar.part(&honest).unwrap().judge(found.entry),
        Right::Second
    );
    // One step of two hundred.
    let before = scene.folder.path().join("before");
    let root = scene.executor.snapshot(work(&scene), 76, &before).unwrap();
    let one = scene
        .executor
        .replay(work(&scene), Some((root, &before)))
        .unwrap();
    let cost = found.used.get() - one.used.get();
    assert!(
        (150..250).contains(&(outcome.fuel.get() / cost)),
        "{cost} of {outcome:?}"
    );
    // The last step gives the end, and `init` the first root.
    let end = u32::try_from(honest.all().len()).unwrap() - 2;
    let root = scene.executor.snapshot(work(&scene), end, &before).unwrap();
    let last = scene
        .executor
        .replay(work(&scene), Some((root, &before)))
        .unwrap();
    assert_eq!(Some(&last.entry), honest.all().last());
    assert_eq!((last.ended, last.used), (true, outcome.fuel));
    let first = scene.executor.replay(work(&scene), None).unwrap();
    assert_eq!(first.entry, honest.all()[0]);
    assert_eq!(scene.executor.works(), 0);
}

#[test]
fn a_judge_refuses_forged_snapshots_and_steps_that_there_are_not() {
    let scene = Scene::open(1);
    let snapshot = scene.folder.path().join("snapshot");
    let root = scene.executor.snapshot(work(&scene), 5, &snapshot).unwrap();
    let mut bytes = fs::read(&snapshot).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    for forged in [&bytes[..], &bytes[..last], b"", b"#!/bin/sh"] {
        fs::write(&snapshot, forged).unwrap();
        let refused = scene.executor.replay(work(&scene), Some((root, &snapshot)));
        assert!(matches!(refused, Err(NoStep::Snapshot(_))), "{refused:?}");
    }
    let none = scene.executor.snapshot(work(&scene), 200, &snapshot);
    assert!(matches!(none, Err(NoStep::NoSuchStep)), "{none:?}");
    let command = assemble(&hello("no steps"));
    let one = || scene.work(&command, job(&command));
    let none = scene.executor.replay(one(), None);
    assert!(matches!(none, Err(NoStep::NoSuchStep)), "{none:?}");
    let mut two = one();
    two.tasks = 0..2;
    let none = scene.executor.replay(two, None);
    assert!(
        matches!(none, Err(NoStep::Refused(Refused::NoSuchTasks { .. }))),
        "{none:?}"
    );
    assert_eq!(conclusive(scene.one(&command, |_| {})).0.steps, None);
}

/// What the example prints after so many steps, computed here.
fn heat(place: usize, steps: usize) -> String {
    const SIDE: usize = 128;
    let mut now = vec![[0.0_f64; SIDE]; SIDE];
    let (row, column) = (16 + 32 * (place / 4), 16 + 32 * (place % 4));
    for line in &mut now[row - 6..=row + 6] {
        line[column - 6..=column + 6].fill(1_000.0);
    }
    for _ in 0..50 * steps {
        let before = now.clone();
        for y in 1..SIDE - 1 {
            for x in 1..SIDE - 1 {
                let around = before[y - 1][x] + before[y + 1][x] + before[y][x - 1];
                let around = around + before[y][x + 1] - 4.0 * before[y][x];
                now[y][x] = before[y][x] + 0.2 * around;
            }
        }
    }
    let all = now.iter().flatten().fold(0.0, |all, one| all + one);
    let most = now
        .iter()
        .flatten()
        .fold(0.0, |most: f64, one| most.max(*one));
    format!("{steps}\t{all:.6}\t{most:.6}\n")
}

#[test]
fn the_example_computes_what_a_native_program_does_and_any_step_of_it_can_be_judged() {
    let scene = Scene::open(1);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/jobs/heat");
    let module = fs::read(format!("{folder}/heat.wasm")).unwrap();
    let one = || {
        let mut job = step_job(&module);
        job.array.first = 5;
        scene.work(&module, job)
    };
    let mut results = scene.results(one());
    let TaskResult::Outcome {
        output,
        entries: Some(entries),
        ..
    } = results.remove(0)
    else {
        panic!("{results:?}");
    };
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.lines().count(), 10);
    assert!(printed.ends_with(&heat(5, 100)), "{printed}");
    assert_eq!(entries.all().len(), 101);
    let snapshot = scene.folder.path().join("snapshot");
    for steps in [0, 9, 50, 99] {
        let root = scene.executor.snapshot(one(), steps, &snapshot).unwrap();
        let found = scene
            .executor
            .replay(one(), Some((root, &snapshot)))
            .unwrap();
        assert_eq!(Some(&found.entry), entries.all().get(steps as usize + 1));
    }
}
