//! A machine's owner comes first: tasks stand still, run a share of the time, share memory.
#![allow(missing_docs, clippy::unwrap_used)]

mod scene;

use std::fs;
use std::time::{Duration, Instant};

use executor::{Event, Pace, TaskResult};
use protocol::job::Array;
use protocol::units::{Bytes, Millis};
use scene::{PATIENCE, Scene, assemble, conclusive, endless, goes_on, hello, job, program};

/// The letter of each thread of each worker of this scene: `T` is stopped.
fn states(scene: &Scene) -> Vec<char> {
    let folder = scene.folder.path().to_str().unwrap();
    let ids = fs::read_dir("/proc").unwrap().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let ours = ids.filter(|id| {
        let words = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        words.split('\0').any(|word| word == folder)
    });
    let threads = ours.flat_map(|id| {
        let threads = fs::read_dir(format!("/proc/{id}/task"));
        threads.into_iter().flatten().flatten()
    });
    let states = threads.filter_map(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    });
    states.collect()
}

/// Whether there are workers, and all their threads stand still.
fn stands(scene: &Scene) -> bool {
    let states = states(scene);
    !states.is_empty() && states.iter().all(|state| *state == 'T')
}

/// How many workers are in a guest.
fn guests(scene: &Scene) -> usize {
    // A worker's main thread waits for the one that its guest runs on.
    states(scene).len() / 2
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_stopped_worker_stands_still_and_its_wall_time_does_not_pass() {
    let scene = Scene::open(1);
    let module = assemble(&program("", "(loop $l (br $l))"));
    let mut long = job(&module);
    endless(&mut long);
    long.limits.wall_ms = Millis::new(1_500);
    let work = scene.work(&module, long);
    let token = work.token;
    scene.executor.run(work).unwrap();
    until("it runs", || states(&scene).contains(&'R'));
    scene.executor.pace(Pace::Stopped);
    until("it stands still", || stands(&scene));
    // Longer than it may run: nothing comes of it while it stands, and none begins.
    let waiting = scene.work(&assemble(&hello("later")), job(&assemble(&hello("later"))));
    let later = waiting.token;
    scene.executor.run(waiting).unwrap();
    let quiet = scene.events.recv_timeout(Duration::from_secs(3));
    assert!(quiet.is_err(), "{quiet:?}");
    assert!(stands(&scene));
    scene.executor.pace(Pace::FULL);
    let results = scene.results_of(token);
    let late = matches!(&results[..], [TaskResult::Inconclusive { why, .. }]
        if *why == executor::Inconclusive::WallTime);
    assert!(late, "{results:?}");
    scene
        .results_of(later)
        .into_iter()
        .for_each(|result| drop(conclusive(result)));
    goes_on(&scene);
}

#[test]
fn stopped_tasks_can_be_cancelled_and_the_executor_ends() {
    let scene = Scene::open(2);
    let work = scene.endless_work();
    let token = work.token;
    scene.executor.run(work).unwrap();
    until("it runs", || states(&scene).contains(&'R'));
    scene.executor.pace(Pace::Stopped);
    until("it stands still", || stands(&scene));
    scene.executor.cancel(token);
    assert!(scene.results_of(token).is_empty());
    until("it is gone", || states(&scene).is_empty());
}

#[test]
fn at_a_share_of_the_time_a_task_uses_that_share_of_a_processor() {
    let scene = Scene::open(1);
    let work = scene.endless_work();
    let token = work.token;
    scene.executor.run(work).unwrap();
    until("it runs", || states(&scene).contains(&'R'));
    scene.executor.pace(Pace::Share(10));
    // In nine of ten looks it stands still; half leaves room for a busy machine's scheduler.
    let looks = 200;
    let mut stood = 0;
    for _ in 0..looks {
        stood += u32::from(stands(&scene));
        std::thread::sleep(Duration::from_millis(7));
    }
    assert!(
        stood > looks / 2,
        "it stood still in {stood} of {looks} looks"
    );
    assert!(stood < looks, "and it ran, too");
    scene.executor.cancel(token);
    assert!(scene.results_of(token).is_empty());
    scene.executor.pace(Pace::FULL);
    goes_on(&scene);
}

#[test]
fn what_runs_together_uses_no_more_memory_than_is_lent_together() {
    let together = Bytes::new(100 << 20);
    let scene = Scene::open_with(4, |config| config.memory_together = together);
    let module = assemble(&program("", "(loop $l (br $l))"));
    let mut four = job(&module);
    endless(&mut four);
    four.limits.memory = Bytes::new(40 << 20);
    four.array = Array::of(4);
    let work = scene.work(&module, four);
    let token = work.token;
    scene.executor.run(work).unwrap();
    until("two run", || guests(&scene) == 2);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(guests(&scene), 2, "a third would be 120 MiB");
    scene.executor.cancel(token);
    // A task that is larger than all that is lent together still runs, alone.
    let small = assemble(&hello("alone"));
    let mut large = job(&small);
    large.limits.memory = Bytes::new(200 << 20);
    let work = scene.work(&small, large);
    let alone = work.token;
    scene.executor.run(work).unwrap();
    while !matches!(
        scene.events.recv_timeout(PATIENCE).unwrap(),
        Event::Finished { token } if token == alone
    ) {}
}
