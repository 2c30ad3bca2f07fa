//! A peer whose machine is taken away goes on on another, from the last step that it had kept.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod scene;

use std::fs;
use std::path::Path;

use peer::api::types::{JobState, JobView, List};
use peer::devnet::Process;
use peer::home::Home;
use scene::{LONG, PEER, Scene, keeps_a_state, told};

const JOB: &str = r#"name = "long"
module = "long.wasm"
copies = 2
[limits]
fuel_per_task = 200_000_000_000
wall_seconds = 600
"#;

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
