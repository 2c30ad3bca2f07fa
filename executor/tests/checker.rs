//! Checkers: what looks at a shader's output is a guest like any other, and whatever it does, it
//! says yes, or no, or nothing.
#![allow(missing_docs, clippy::unwrap_used)]

mod scene;

use std::path::{Path, PathBuf};

use executor::{Inconclusive, TaskResult};
use protocol::job::{Blob, Job};
use protocol::kernel::{Buffer, CANDIDATE_FOLDER, Compare, Program};
use protocol::outcome::{Limit, Status, TaskOutput, Trap};
use protocol::units::{Bytes, Fuel};
use scene::{Scene, assemble, conclusive, goes_on, output, program, shader_job};

fn example(name: &str) -> Vec<u8> {
    let jobs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/jobs/queens");
    std::fs::read(jobs.join(name)).unwrap()
}

/// The job of a shader whose outputs this checker looks at.
fn checked_by(checker: &[u8], mut job: Job) -> Job {
    if let Program::Wgsl(kernel) = &mut job.program {
        let module = Blob::of(checker);
        kernel.compare = Compare::Checker { module };
    }
    job
}

/// What a checker says of these files of a task.
fn check(
    scene: &Scene,
    checker: &[u8],
    job: &Job,
    (task, files): (u32, &[(String, Vec<u8>)]),
) -> TaskResult {
    let blobs = files.iter();
    let blobs = blobs.map(|(name, content)| (name.clone(), Blob::of(content)));
    let checking = job.checking(blobs).unwrap();
    let prefix = format!("/{CANDIDATE_FOLDER}/");
    let lies = |path: &str| {
        let name = path.strip_prefix(&prefix).unwrap();
        let file = files.iter().find(|(other, _)| other == name);
        scene.file(&file.unwrap().1)
    };
    let inputs = checking.inputs.iter();
    let inputs: Vec<PathBuf> = inputs.map(|input| lies(&input.path)).collect();
    let mut work = scene.work(checker, checking);
    (work.inputs, work.tasks) = (inputs, task..task + 1);
    scene.results(work).remove(0)
}

#[test]
fn what_a_shader_finds_is_accepted_and_the_same_with_one_letter_changed_is_not() {
    let scene = Scene::with_gpu();
    let shader = String::from_utf8(example("queens.wgsl")).unwrap();
    let checker = example("check.wasm");
    let buffers = vec![output("boards", 512), Buffer::Parameters];
    let mut job = checked_by(&checker, shader_job(&shader, buffers, [1, 1, 1]));
    job.array.count = 4;
    let says = |task, found: &TaskOutput| {
        let ended = check(&scene, &checker, &job, (task, &found.files));
        let ended = conclusive(ended).0;
        (ended.status, String::from_utf8(ended.stdout).unwrap())
    };
    let results = scene.results(scene.work(shader.as_bytes(), job.clone()));
    for (task, result) in (0..).zip(results) {
        let found = conclusive(result).0;
        let Program::Wgsl(kernel) = &job.program else {
            unreachable!("it is a shader's job");
        };
        assert!(kernel.is_whole(job.profile, &found), "{found:?}");
        let (status, words) = says(task, &found);
        assert_eq!(status, Status::Exited(0), "{words}");
        assert!(words.ends_with(" of 64 boards are filled in\n"), "{words}");
        // The boards of another task begin with other queens.
        assert_eq!(says((task + 1) % 4, &found).0, Status::Exited(1));
        let letters = found.files[0].1.iter().enumerate();
        let letters = letters.filter(|(_, letter)| letter.is_ascii_digit());
        for (at, letter) in letters.step_by(97) {
            let mut lie = found.clone();
            lie.files[0].1[at] = letter ^ 1;
            let (status, words) = says(task, &lie);
            assert_eq!(status, Status::Exited(1), "{at}: {words}");
        }
    }
}

#[test]
fn whatever_a_checker_does_it_refuses_or_says_nothing_and_the_next_goes_on() {
    let scene = Scene::open(1);
    let flood = "(i32.store (i32.const 4) (i32.const 60000))
        (loop $l (drop (call $fd_write
            (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))) (br $l))";
    for (does, expected) in [
        ("(call $exit (i32.const 0))", Ok(Status::Exited(0))),
        ("(nop)", Ok(Status::Exited(0))),
        ("(call $exit (i32.const 7))", Ok(Status::Exited(7))),
        ("(unreachable)", Ok(Status::Trapped(Trap::Unreachable))),
        ("(loop $l (br $l))", Ok(Status::OutOf(Limit::Fuel))),
        (
            "(loop $l (drop (memory.grow (i32.const 1))) (br $l))",
            Ok(Status::OutOf(Limit::Memory)),
        ),
        (flood, Ok(Status::OutOf(Limit::Output))),
        ("(call $deep)", Err(Inconclusive::StackOverflow)),
    ] {
        let deep = "(func $deep (call $deep) (call $deep))";
        let checker = assemble(&program(deep, does));
        let shader = shader_job("", vec![output("o", 1)], [1, 1, 1]);
        let mut job = checked_by(&checker, shader);
        (job.limits.fuel, job.limits.memory) = (Fuel::new(50_000_000), Bytes::new(1 << 20));
        let files = [("o".to_owned(), vec![1; 4])];
        let found = match check(&scene, &checker, &job, (0, &files)) {
            TaskResult::Outcome { output, .. } => Ok(output.status),
            TaskResult::Inconclusive { why, .. } => Err(why),
        };
        assert_eq!(found, expected, "{does}");
    }
    goes_on(&scene);
}
