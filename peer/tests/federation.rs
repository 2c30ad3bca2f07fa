//! A federation of real processes: jobs end settled and right, whoever is killed in the middle.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod scene;

use std::time::Duration;

use protocol::units::Bps;
use scene::{Scene, examples, scores_are_right, told};

#[tokio::test(flavor = "multi_thread")]
async fn a_module_of_ones_own_runs_and_all_it_left_comes_back() {
    let scene = Scene::start(None).await;
    std::fs::write(scene.dir.path().join("data.txt"), "seven\n").unwrap();
    let probe = examples().join("jobs/probe/probe.wasm");
    let output = scene.run(&[
        "run",
        probe.to_str().unwrap(),
        "--array",
        "0-9",
        "--in",
        "data=data.txt",
        "--env",
        "PEER_COLOUR=green",
        "--fetch",
        "out",
        "--",
        "echo",
        "hello",
    ]);
    assert!(output.status.success(), "{}", told(&output));
    for index in 0..10 {
        let task = scene.dir.path().join(format!("out/{index}"));
        let stdout = std::fs::read_to_string(task.join("stdout")).unwrap();
        assert!(stdout.contains("hello"), "{stdout}");
        assert!(
            stdout.contains(&format!("PEER_ARRAY_INDEX={index}")),
            "{stdout}"
        );
        assert!(stdout.contains("PEER_COLOUR=green"), "{stdout}");
        assert_eq!(
            std::fs::read_to_string(task.join("out/copy")).unwrap(),
            "seven\n"
        );
    }
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_misbehaves_ends_as_a_failed_task_and_the_rest_of_the_escrow_comes_back() {
    let scene = Scene::start(None).await;
    let probe = examples().join("jobs/probe/probe.wasm");
    let probe = probe.to_str().unwrap();
    for (how, said) in [
        ("trap", "trapped"),
        ("loop", "out of fuel"),
        ("eat", "out of memory"),
    ] {
        let folder = format!("out-{how}");
        let output = scene.run(&[
            "run", probe, "--fuel", "50M", "--mem", "64MiB", "--fetch", &folder, "--", how,
        ]);
        assert_eq!(output.status.code(), Some(3), "{how}: {}", told(&output));
        let kept = scene.dir.path().join(&folder).join("0");
        let exit = std::fs::read_to_string(kept.join("exit.json")).unwrap();
        assert!(exit.contains(said), "{how}: {exit}");
        let stdout = std::fs::read_to_string(kept.join("stdout")).unwrap();
        assert!(stdout.contains("about to"), "{how}: {stdout}");
    }
    let output = scene.run(&["run", probe, "--", "exit", "7"]);
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    let jobs: peer::api::types::List<peer::api::types::JobView> = scene.json(&["job", "ls"]);
    for job in jobs.items {
        let escrow = job.escrow.0.get();
        assert!(job.refunded.0.get() + job.paid.0.get() <= escrow, "{job:?}");
        assert!(job.refunded.0.get() > 0, "{job:?}");
    }
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_ends_right_whichever_member_is_killed_in_the_middle() {
    let mut scene = Scene::start(None).await;
    for name in scene.members() {
        let job = scene.submit_orchids();
        scene.until("the first result", || scene.job(&job).tally.provisional > 0);
        assert!(scene.devnet.kill(&name));
        scene.until_settled(&job);
        let folder = format!("without-{name}");
        let output = scene.run(&["job", "get", &job, "--fetch", &folder]);
        assert!(output.status.success(), "{}", told(&output));
        scores_are_right(&scene.dir.path().join(folder));
        scene.devnet.restart(&name).unwrap();
        scene.roots_agree(Duration::from_secs(60)).await;
    }
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_federation_goes_on_by_itself_after_all_members_were_killed() {
    let mut scene = Scene::start(None).await;
    let job = scene.submit_orchids();
    let members = scene.members();
    for name in &members {
        assert!(scene.devnet.kill(name));
    }
    for name in [2, 0, 3, 1].map(|n: usize| &members[n]) {
        scene.devnet.restart(name).unwrap();
    }
    scene.until_settled(&job);
    scene.roots_agree(Duration::from_secs(60)).await;
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runs_of_a_killed_worker_pass_to_others_and_the_job_ends() {
    let mut scene = Scene::start(None).await;
    let job = scene.submit_orchids();
    scene.until("the first result", || scene.job(&job).tally.provisional > 0);
    assert!(scene.devnet.kill("lab-1"));
    scene.until_settled(&job);
    let output = scene.run(&["job", "get", &job, "--fetch", "out"]);
    assert!(output.status.success(), "{}", told(&output));
    scores_are_right(&scene.dir.path().join("out"));
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_liar_is_slashed_and_the_matrix_is_right() {
    let scene = Scene::start(Some(Bps::new(3_000))).await;
    let liar = scene.devnet.liar().expect("one was told to lie");
    let job = scene.submit_orchids();
    scene.until_settled(&job);
    let output = scene.run(&["job", "get", &job, "--fetch", "out"]);
    assert!(output.status.success(), "{}", told(&output));
    scores_are_right(&scene.dir.path().join("out"));
    let disputes = scene.disputes();
    assert!(
        !disputes.items.is_empty(),
        "the liar was never drawn\n{}",
        scene.logs()
    );
    for dispute in disputes.items {
        let convicted: Vec<_> = dispute.convicted.iter().map(|id| id.0).collect();
        assert_eq!(convicted, [liar], "dispute {}", dispute.number);
        for slash in dispute.slashes {
            assert_eq!(
                slash.peer.0, liar,
                "dispute {}: {}",
                dispute.number, slash.words
            );
        }
    }
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}
