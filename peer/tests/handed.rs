//! A laptop is unplugged in the middle of a task: another machine of its owner goes on with it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod scene;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use peer::api::types::{JobState, JobView, List, Money, OfferView};
use peer::config::Config;
use peer::devnet::Process;
use peer::home::Home;
use peer::keys::Keys;
use protocol::units::Credits;
use scene::{LONG, PEER, Scene, battery, keeps_a_state, told};

/// The two machines of one owner; who is drawn of them is unplugged.
const NAMES: [&str; 2] = ["lab-1", "tower"];

/// What other peers ask for a Gfuel: more than the job pays.
const DEAR: Credits = Credits::new(1_000_000);

/// As many copies as there are sponsors with a peer that it can pay, so that each has one.
const JOB: &str = r#"name = "long"
module = "long.wasm"
copies = 3
[limits]
fuel_per_task = 200_000_000_000
wall_seconds = 600
"#;

/// A machine's home, and the folder that it takes for the system's.
struct Machine {
    home: Home,
    system: PathBuf,
}

impl Machine {
    fn named(scene: &Scene, name: &str) -> Self {
        let place = scene
            .devnet
            .plan
            .place(name)
            .map(|place| place.home.clone());
        Self {
            home: place.unwrap_or_else(|| Home::at(&scene.dir.path().join(name))),
            system: scene.dir.path().join(format!("system-of-{name}")),
        }
    }

    fn node(&self) -> String {
        Keys::load(&self.home.keys()).unwrap().node().full()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.log()).unwrap()
    }
}

/// Makes the second machine as the manual says: keys of the same party, and a first start. What
/// that start writes down is what the next one reads.
fn make_second(scene: &Scene, [first, second]: &[Machine; 2]) {
    second.home.make().unwrap();
    let mut new = Command::new(PEER);
    new.args(["key", "new"]).arg(second.home.keys());
    new.arg("--party-of").arg(first.home.keys());
    let made = new.output().unwrap();
    assert!(made.status.success(), "{}", told(&made));
    let known = Config::read(&first.home.config()).unwrap().bootstrap;
    let at = |path: PathBuf| path.to_str().unwrap().to_owned();
    let (home, genesis) = (at(second.home.root().into()), at(first.home.genesis()));
    let line = format!(
        "up --leashed --home {home} --genesis {genesis} --listen /ip4/127.0.0.1/tcp/0 \
         --bootstrap {} --slots 1 --price 0.01 --bond 100000",
        known[0]
    );
    let mut up = Command::new(PEER);
    up.args(line.split_whitespace());
    let mut running = up
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let is_up = || {
        let mut asks = Command::new(PEER);
        asks.args(["--home", &home, "status"]);
        asks.output().unwrap().status.success()
    };
    scene.until("it is up", is_up);
    running.kill().unwrap();
    running.wait().unwrap();
}

/// Starts a machine that knows its sibling.
fn start(machine: &Machine, sibling: &Machine) -> Process {
    battery(&machine.system, "Charging");
    let mut config = Config::read(&machine.home.config()).unwrap();
    let work = config.work.as_mut().unwrap();
    work.siblings = vec![sibling.node()];
    work.limits.machine = Some(machine.system.clone());
    config.write(&machine.home.config()).unwrap();
    Process::start(Path::new(PEER), &machine.home, None).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_goes_on_at_its_owners_other_machine_when_one_is_unplugged() {
    let mut scene = Scene::start_changed(|place, config| {
        if ["uni-2", "uni-3", "uni-4"].contains(&&*place.name) {
            config.work.as_mut().unwrap().per_gfuel = Money(DEAR);
        }
    })
    .await;
    let machines = NAMES.map(|name| Machine::named(&scene, name));
    make_second(&scene, &machines);
    assert!(scene.devnet.kill(NAMES[0]));
    let [first, second] = &machines;
    let _running = [start(first, second), start(second, first)];
    let stand = |machine: &Machine| {
        let all: List<OfferView> = scene.json(&["offer", "ls"]);
        let stands = |offer: &OfferView| offer.slots > 0 && offer.live.is_some();
        let mut ours = all.items.iter().filter(|offer| stands(offer));
        ours.any(|offer| offer.peer.full() == machine.node())
    };
    scene.until("both stand ready", || machines.iter().all(stand));

    let folder = scene.dir.path();
    fs::write(folder.join("long.wasm"), wat::parse_str(LONG).unwrap()).unwrap();
    fs::write(folder.join("job.toml"), JOB).unwrap();
    let output = scene.run(&["submit", "job.toml", "--price", "0.02", "-o", "id"]);
    assert!(output.status.success(), "{}", told(&output));
    scene.until("a kept step", || {
        machines.iter().any(|machine| keeps_a_state(&machine.home))
    });
    let [first, second] = machines;
    let (left, other) = match keeps_a_state(&first.home) {
        true => (first, second),
        false => (second, first),
    };
    battery(&left.system, "Discharging");

    let job = || scene.json::<List<JobView>>(&["job", "ls"]).items.remove(0);
    scene.until("the job's end", || job().state == JobState::Ended);
    let logs = format!("{}\n== and then\n{}", left.log(), other.log());
    assert_eq!((job().tally.done, job().unjudged), (1, 0), "{logs}");
    assert_eq!(scene.disputes().items, [], "all copies gave the same");
    assert!(left.log().contains("a run goes to a sibling"), "{logs}");
    let went_on = other.log().contains("a task goes on from a kept step");
    assert!(went_on, "it began anew\n{logs}");
}
