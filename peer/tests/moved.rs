//! A peer whose machine is taken away goes on on another, from the last step that it had kept.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod scene;

use std::fs;
use std::path::Path;

use peer::api::types::{JobState, JobView, List};
use peer::devnet::Process;
use peer::home::Home;
use scene::{PEER, Scene, told};

/// Steps of half a thousand million turns each: a state is kept after the thirteenth.
const LONG: &str = r#"(module
  (memory (export "memory") 1)
  (global $taken (mut i32) (i32.const 0))
  (func (export "init"))
  (func (export "step") (result i32) (local $turns i32)
    (loop $again
      (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $turns) (i32.const 500000000))))
    (i32.store (i32.mul (global.get $taken) (i32.const 4)) (local.get $turns))
    (global.set $taken (i32.add (global.get $taken) (i32.const 1)))
    (i32.lt_u (global.get $taken) (i32.const 24))))"#;

const JOB: &str = r#"name = "long"
module = "long.wasm"
copies = 2
[limits]
fuel_per_task = 200_000_000_000
wall_seconds = 600
"#;

/// Whether a task's state lies in this home.
fn keeps_a_state(home: &Home) -> bool {
    let files = fs::read_dir(home.root().join("steps"))
        .into_iter()
        .flatten();
    let mut paths = files.flatten().map(|file| file.path());
    paths.any(|path| path.extension().is_some_and(|end| end == "step"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_moved_to_another_machine_goes_on_from_its_last_step() {
    let mut scene = Scene::start(None).await;
    let folder = scene.dir.path().to_owned();
    fs::write(folder.join("long.wasm"), wat::parse_str(LONG).unwrap()).unwrap();
    fs::write(folder.join("job.toml"), JOB).unwrap();
    let output = scene.run(&["submit", "job.toml", "-o", "id"]);
    assert!(output.status.success(), "{}", told(&output));
    let works = |name: &str| keeps_a_state(&scene.devnet.plan.place(name).unwrap().home);
    let names = scene
        .devnet
        .plan
        .places
        .iter()
        .map(|place| place.name.clone());
    let names: Vec<String> = names.collect();
    scene.until("a kept step", || names.iter().any(|name| works(name)));
    let name = names.iter().find(|name| works(name)).unwrap().clone();

    assert!(scene.devnet.kill(&name));
    let old = scene.devnet.plan.place(&name).unwrap().home.clone();
    let new = Home::at(&folder.join("elsewhere"));
    fs::rename(old.root(), new.root()).unwrap();
    let _elsewhere = Process::start(Path::new(PEER), &new, None).unwrap();

    let job = || scene.json::<List<JobView>>(&["job", "ls"]).items.remove(0);
    scene.until("the job's end", || job().state == JobState::Ended);
    let log = fs::read_to_string(new.log()).unwrap();
    assert_eq!((job().tally.done, job().unjudged), (1, 0), "{log}");
    assert_eq!(scene.disputes().items, [], "both copies gave the same");
    let went_on = log.contains("a task goes on from a kept step");
    assert!(went_on, "{name} began anew\n{log}");
}
