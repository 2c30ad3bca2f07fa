//! Garbage on every port and in every file that a peer keeps: a clear error or a dropped
//! connection, no panic, nothing lost.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod damage;
mod noise;
mod own_files;
#[allow(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod scene;
mod user_files;

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use peer::config::Config;
use scene::{Scene, examples, told};

/// How every libp2p connection begins; what follows here makes no sense.
const GREETING: &[u8] = b"\x13/multistream/1.0.0\n";

/// No peer's log speaks of a panic, and every process of the devnet runs.
fn nobody_fell(scene: &mut Scene) {
    for place in &scene.devnet.plan.places {
        let log = std::fs::read(place.home.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        assert!(!log.contains("panicked"), "{}:\n{log}", place.name);
    }
    scene.devnet.all_run().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_at_every_door_leaves_the_federation_at_work() {
    let mut scene = Scene::start(None).await;
    let mut idle = Vec::new();
    for place in &scene.devnet.plan.places {
        let config = Config::read(&place.home.config()).unwrap();
        let port: u16 = config.listen[0]
            .rsplit('/')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let api = place.home.api().unwrap();
        for (seed, size) in [1, 100, 5_000, 1 << 20].into_iter().enumerate() {
            let junk = noise::bytes(size, seed as u64);
            let requests = [
                junk.clone(),
                [GREETING, &junk].concat(),
                [
                    b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
                    &junk[..],
                ]
                .concat(),
            ];
            for request in requests {
                // Being cut off while speaking is what a stranger should expect.
                let _ = TcpStream::connect(("127.0.0.1", port))
                    .unwrap()
                    .write_all(&request);
                let _ = UnixStream::connect(&api).unwrap().write_all(&request);
            }
        }
        for _ in 0..16 {
            idle.push(TcpStream::connect(("127.0.0.1", port)).unwrap());
        }
    }
    let tiny = examples().join("jobs/tiny/tiny.wasm");
    let output = scene.run(&[
        "run",
        tiny.to_str().unwrap(),
        "--array",
        "0-9",
        "--fetch",
        "out",
    ]);
    assert!(
        output.status.success(),
        "{}\n{}",
        told(&output),
        scene.logs()
    );
    drop(idle);
    scene.verify_everywhere().await;
    nobody_fell(&mut scene);
    scene.devnet.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_submitter_goes_on_with_its_job_when_it_is_back() {
    let mut scene = Scene::start(None).await;
    let job = scene.submit_orchids();
    scene.until("the first result", || scene.job(&job).tally.provisional > 0);
    assert!(scene.devnet.kill("researcher"));
    scene.devnet.restart("researcher").unwrap();
    scene.until("the socket is back", || {
        scene.run(&["status"]).status.success()
    });
    scene.until("the job is known again", || {
        scene.run(&["job", "show", &job]).status.success()
    });
    scene.until_settled(&job);
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}
