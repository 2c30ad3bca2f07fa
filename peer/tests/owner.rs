//! A machine's owner comes first: outside its limits a running peer takes no work, and says why.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod scene;

use std::process::Command;

use peer::api::types::{List, OfferView, StatusView};
use peer::config::Config;
use peer::devnet::Plan;
use scene::{PEER, Scene, battery};

/// The worker whose owner watches its battery.
const LAPTOP: &str = "lab-1";

/// The offers of this node, as the researcher's peer sees them: standing, and live.
fn offers(scene: &Scene, node: &str) -> (bool, bool) {
    let all: List<OfferView> = scene.json(&["offer", "ls"]);
    let ours = all.items.iter().filter(|offer| offer.peer.full() == node);
    ours.fold((false, false), |(stands, live), offer| {
        (stands || offer.slots > 0, live || offer.live.is_some())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_takes_no_work_on_battery_and_takes_it_again_when_plugged_in() {
    let machine = tempfile::tempdir().unwrap();
    battery(machine.path(), "Charging");
    let root = machine.path().to_owned();
    let scene = Scene::start_changed(move |place, config| {
        if place.name == LAPTOP {
            let work = config.work.as_mut().unwrap();
            work.limits.machine = Some(root.clone());
        }
    })
    .await;
    let status = || {
        let said = scene.run_at(LAPTOP, &["status", "-o", "json"]);
        serde_json::from_slice::<StatusView>(&said.stdout).unwrap()
    };
    let node = status().peer.full();
    scene.until("it stands ready", || offers(&scene, &node) == (true, true));
    assert_eq!(status().resting, None);

    battery(machine.path(), "Discharging");
    scene.until("it takes no work", || {
        offers(&scene, &node) == (false, false)
    });
    let why = status().resting.unwrap();
    assert!(why.contains("battery"), "{why}");
    // The federation goes on without it.
    let job = scene.submit_orchids();
    scene.until_settled(&job);

    battery(machine.path(), "Charging");
    scene.until("it stands ready again", || {
        offers(&scene, &node) == (true, true)
    });
    assert_eq!(status().resting, None);
    scene.verify_everywhere().await;
}

#[test]
fn a_peer_does_not_start_where_the_kernel_offers_less_than_its_operator_demands() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan::make(&dir.path().join("grid"), 4, 2).unwrap();
    let place = plan.place(LAPTOP).unwrap();
    let path = place.home.config();
    let mut config = Config::read(&path).unwrap();
    // Every wall is demanded, and a version of Landlock that no kernel has.
    config.jail.require = executor::WALLS.map(str::to_owned).into();
    config.jail.landlock = 999;
    config.write(&path).unwrap();
    let mut up = Command::new(PEER);
    up.args(["up", "--home"]).arg(place.home.root());
    let said = up.output().unwrap();
    let told = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(7), "{told}");
    for words in ["weaker than demanded", "version 999", "peer doctor"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}
