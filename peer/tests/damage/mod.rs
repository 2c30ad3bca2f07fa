//! Blobs that a disk changed behind a peer's back: found by their digest, and fetched again or
//! missed, but never believed and never served.

use std::fs;
use std::path::PathBuf;

use peer::api::types::{JobView, List, TaskView};
use protocol::ids::Digest;

use crate::noise;
use crate::scene::{Scene, examples, told};

const WORKERS: [&str; 6] = ["uni-1", "uni-2", "uni-3", "uni-4", "lab-1", "lab-2"];

#[tokio::test(flavor = "multi_thread")]
async fn damaged_blobs_are_found_by_their_digest_and_fetched_again() {
    let mut scene = Scene::start(None).await;
    let data = noise::bytes(100_000, 11);
    let job = echo(&scene, &data, "before");
    assert!(damage(&scene, &data, &WORKERS) > 0, "nobody has the input");
    compiled_modules_are_damaged(&scene);
    echo(&scene, &data, "after");
    assert_eq!(
        scene.disputes().items.len(),
        0,
        "no peer gave a wrong result"
    );

    let outputs = outputs_of(&scene, &job).await;
    assert_eq!(outputs.len(), 10);
    for output in &outputs {
        flip(output);
    }
    let output = scene.run(&["job", "get", &job, "--fetch", "again"]);
    assert!(output.status.success(), "{}", told(&output));
    copies_are(&scene, "again", &data);
    super::nobody_fell(&mut scene);
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_input_of_the_submitter_makes_no_result_wrong() {
    let mut scene = Scene::start(None).await;
    let kept = echo(&scene, b"kept", "kept");
    let data = noise::bytes(200_000, 12);
    fs::write(scene.dir.path().join("data.bin"), &data).unwrap();
    let probe = examples().join("jobs/probe/probe.wasm");
    let probe = probe.to_str().unwrap();
    let args = ["--array", "0-19", "--in", "data=data.bin", "-o", "id"];
    let args = [&["submit", probe], &args[..], &["--", "echo"]].concat();
    let output = scene.run(&args);
    assert!(output.status.success(), "{}", told(&output));
    let job = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert!(scene.devnet.kill("researcher"));
    assert_eq!(damage(&scene, &data, &["researcher"]), 1);
    scene.devnet.restart("researcher").unwrap();
    scene.until("the submitter's return", || {
        scene.run(&["job", "show", &job]).status.success()
    });
    scene.until("the job's end", || scene.job(&job).state.is_final());
    let output = scene.run(&["job", "get", &job, "--fetch", "damaged"]);
    for index in 0..20 {
        let copy = scene.dir.path().join(format!("damaged/{index}/out/copy"));
        let wrong = fs::read(copy).is_ok_and(|copy| copy != data);
        assert!(!wrong, "task {index}: {}", told(&output));
    }
    let output = scene.run(&["job", "get", &kept, "--fetch", "kept-again"]);
    assert!(output.status.success(), "{}", told(&output));
    copies_are(&scene, "kept-again", b"kept");
    echo(&scene, &data, "healed");
    super::nobody_fell(&mut scene);
    scene.devnet.stop().await.unwrap();
}

/// Runs the probe over `data`, one bundle per task, checks every copy of it that came back, and
/// returns the job.
fn echo(scene: &Scene, data: &[u8], folder: &str) -> String {
    fs::write(scene.dir.path().join("data.bin"), data).unwrap();
    let probe = examples().join("jobs/probe/probe.wasm");
    let args = ["--array", "0-9", "--in", "data=data.bin", "--fetch", folder];
    let args = [
        &["run", probe.to_str().unwrap()],
        &args[..],
        &["--", "echo"],
    ]
    .concat();
    let output = scene.run(&args);
    assert!(output.status.success(), "{}", told(&output));
    copies_are(scene, folder, data);
    let jobs: List<JobView> = scene.json(&["job", "ls"]);
    jobs.items.last().unwrap().id.0.full()
}

fn copies_are(scene: &Scene, folder: &str, data: &[u8]) {
    for index in 0..10 {
        let copy = format!("{folder}/{index}/out/copy");
        let copy = fs::read(scene.dir.path().join(copy)).unwrap();
        assert!(copy == data, "task {index} in {folder} is wrong");
    }
}

/// Where the researcher keeps the outputs of a job.
async fn outputs_of(scene: &Scene, job: &str) -> Vec<PathBuf> {
    let path = format!("/jobs/{job}/tasks");
    let tasks: List<TaskView> = scene.client("researcher").get(&path).await.unwrap();
    let outputs = tasks.items.iter().filter_map(|task| task.output);
    let place = scene.devnet.plan.place("researcher").unwrap();
    outputs
        .map(|digest| file(&place.home.blobs(), &digest.0))
        .collect()
}

fn file(blobs: &std::path::Path, digest: &Digest) -> PathBuf {
    let name = digest.full();
    blobs.join(&name["b3_".len()..][..2]).join(&name)
}

fn flip(path: &std::path::Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Turns a bit in every file with this content at these peers; how many files there were.
fn damage(scene: &Scene, content: &[u8], names: &[&str]) -> usize {
    let places = names
        .iter()
        .map(|name| scene.devnet.plan.place(name).unwrap());
    let files = places.map(|place| file(&place.home.blobs(), &Digest::of(content)));
    let there: Vec<PathBuf> = files.filter(|file| file.exists()).collect();
    there.iter().for_each(|file| flip(file));
    there.len()
}

fn compiled_modules_are_damaged(scene: &Scene) {
    for name in WORKERS {
        let home = scene.devnet.plan.place(name).unwrap().home.root();
        let Ok(compiled) = fs::read_dir(home.join("compiled")) else {
            continue;
        };
        let files = compiled.map(|entry| entry.unwrap().path());
        files
            .filter(|path| path.is_file())
            .for_each(|path| flip(&path));
    }
}
