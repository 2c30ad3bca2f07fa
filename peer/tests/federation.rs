//! A federation of real processes: jobs end settled and right, whoever is killed in the middle.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod recovery;
#[allow(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod scene;

use std::process::Command;
use std::time::{Duration, Instant};

use peer::api::types::{HistoryPage, HoldView, JobState, JobView, KeysView, List};
use protocol::units::Bps;
use recovery::{Measure, Pace, VIEW, Watch};
use scene::{PATIENCE, PEER, Scene, examples, scores_are_right, told};

/// A stall is measured so often, until it is as short as promised.
const TRIES: usize = 3;

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
async fn canaries_are_run_at_home_first_and_pass_where_everybody_is_honest() {
    let scene = Scene::start(None).await;
    let probe = examples().join("jobs/probe/probe.wasm");
    let probe = probe.to_str().unwrap();
    let array = ["submit", probe, "--array", "0-9", "--canaries"];
    let output = scene.run(&[&array[..], &["-o", "id", "--", "echo", "hello"]].concat());
    assert!(output.status.success(), "{}", told(&output));
    let id = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    scene.until("the job's end", || scene.job(&id).state == JobState::Ended);
    let job = scene.job(&id);
    assert_eq!(job.tally.done, 10, "{:?}\n{}", job.tally, scene.logs());
    let canaries = job.canaries.unwrap();
    assert_eq!((canaries.opened, canaries.differ), (1, Vec::new()));
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
    let pace = Pace::start(&scene);
    let members = scene.members();
    for (at, name) in members.iter().enumerate() {
        let live = &members[(at + 1) % members.len()];
        // A federation that stalls does so every time; a busy machine does not.
        let mut stalls = Vec::new();
        while stalls.len() < TRIES && !stalls.last().is_some_and(Measure::holds) {
            stalls.push(killed_in_the_middle(&mut scene, &pace, name, live).await);
        }
        let best = stalls.last().expect("it was tried");
        assert!(best.holds(), "stalls with {name} dead: {stalls:?}");
    }
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}

/// Kills a member in the middle of a job, sees that the job ends right, and starts the member
/// again. Returns the longest stall in between.
async fn killed_in_the_middle(scene: &mut Scene, pace: &Pace, name: &str, live: &str) -> Measure {
    let job = scene.submit_orchids();
    scene.until("the first result", || scene.job(&job).tally.provisional > 0);
    assert!(scene.devnet.kill(name));
    let killed = Instant::now();
    let watch = Watch::start(scene.client(live));
    scene.until_settled(&job);
    let what = format!("longest stall with {name} dead");
    let stall = watch.longest_stall().await;
    let stall = Measure::of(&what, stall, 2 * VIEW, pace.granted(killed));
    let folder = format!("without-{name}-{job}");
    let output = scene.run(&["job", "get", &job, "--fetch", &folder]);
    assert!(output.status.success(), "{}", told(&output));
    scores_are_right(&scene.dir.path().join(folder));

    let started = Instant::now();
    scene.devnet.restart(name).unwrap();
    let took = scene.until_caught_up(name, live).await;
    let what = format!("{name} caught up");
    let caught_up = Measure::of(&what, took, Duration::from_secs(5), pace.granted(started));
    assert!(caught_up.holds(), "{caught_up:?}");
    stall
}

#[tokio::test(flavor = "multi_thread")]
async fn the_federation_goes_on_by_itself_after_all_members_were_killed() {
    let mut scene = Scene::start(None).await;
    let pace = Pace::start(&scene);
    let members = scene.members();
    for (order, pauses) in [
        ([2, 0, 3, 1], [0, 0, 0]),
        ([3, 1, 0, 2], [2_500, 700, 1_700]),
    ] {
        let job = scene.submit_orchids();
        let before = scene.height().await;
        for name in &members {
            assert!(scene.devnet.kill(name));
        }
        let mut started = Instant::now();
        for (nth, pause) in order.into_iter().zip(pauses.into_iter().chain([0])) {
            started = Instant::now();
            scene.devnet.restart(&members[nth]).unwrap();
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        // One or two more may have been agreed before the last of them was dead.
        let grown = scene.until_height(before + 3).await;
        let what = format!("new blocks after all were killed, pauses {pauses:?} ms");
        let took = grown.duration_since(started);
        let grown = Measure::of(&what, took, Duration::from_secs(10), pace.granted(started));
        assert!(grown.holds(), "{grown:?}");
        scene.until_settled(&job);
        scene.roots_agree(Duration::from_secs(60)).await;
    }
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_worker_had_told_outlives_its_submitter_s_restart() {
    let mut scene = Scene::start(None).await;
    let job = scene.submit_orchids();
    scene.until("half of the results", || {
        scene.job(&job).tally.provisional > 47
    });
    assert!(scene.devnet.kill("lab-1"));
    assert!(scene.devnet.kill("researcher"));
    scene.devnet.restart("researcher").unwrap();
    scene.until("the submitter's return", || {
        scene.run(&["job", "show", &job]).status.success()
    });
    scene.until_settled(&job);
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
async fn a_checker_refuses_what_a_liar_altered_and_the_others_are_paid() {
    let scene = Scene::with_gpu(Some(Bps::ONE)).await;
    let liar = scene.devnet.liar().expect("one was told to lie");
    let job = examples().join("jobs/queens/job.toml");
    // Half of six peers run each of sixteen bundles, so the liar runs one of them.
    let job = [
        "submit",
        job.to_str().unwrap(),
        "--array",
        "0-31",
        "--fetch",
        "out",
    ];
    let output = scene.run(&job);
    assert!(
        output.status.success(),
        "{}\n{}",
        told(&output),
        scene.logs()
    );
    let jobs: List<JobView> = scene.json(&["job", "ls"]);
    let job = &jobs.items[0];
    assert_eq!((job.tally.done, job.unjudged), (32, 0), "{:?}", job.tally);
    let slashes: List<HoldView> = scene.json(&["slash", "ls"]);
    assert_eq!(slashes.items.len(), 0, "nobody is slashed for it");
    let log = scene.devnet.plan.place("researcher").unwrap().home.log();
    let log = std::fs::read_to_string(log).unwrap();
    let refused = log.matches("the checker refuses an output").count();
    assert!(refused > 0, "the liar was never drawn\n{}", scene.logs());
    for index in 0..32 {
        let boards = scene.dir.path().join(format!("out/{index}/out/boards"));
        let boards = std::fs::read(boards).unwrap();
        let letters = boards.chunks(4).map(|word| word[0]);
        assert!(letters.clone().all(|letter| b"01234567?".contains(&letter)));
        assert_eq!(letters.count(), 512);
    }
    let researcher = scene.client("researcher");
    let mut paid = 0;
    for place in &scene.devnet.plan.places {
        let keys: KeysView = scene.client(&place.name).get("/keys").await.unwrap();
        let path = format!("/wallet/history?party={}", keys.party.0.full());
        let history: HistoryPage = researcher.get(&path).await.unwrap();
        let items = history.items.iter();
        let bundles = items.filter(|item| item.what.starts_with("paid for work"));
        let bundles = bundles.count();
        assert!(keys.node.0 != liar || bundles == 0, "the liar is paid");
        paid += bundles;
    }
    assert!(paid >= 2 * 16, "two of three copies of each bundle: {paid}");
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
    let held: List<HoldView> = scene.json(&["slash", "ls"]);
    let judged = disputes.items.iter().flat_map(|dispute| &dispute.slashes);
    let judged: u64 = judged.map(|slash| slash.amount.0.get()).sum();
    let wrong = held.items.iter().filter(|slash| slash.fault == "F1");
    assert_eq!(wrong.map(|slash| slash.amount.0.get()).sum::<u64>(), judged);
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
    // A member has the newest slash put to the vote; nothing of it is kept for anyone yet.
    let newest = held.items[0].number.to_string();
    let redress = scene.run(&["slash", "redress", &newest]);
    assert_eq!(redress.status.code(), Some(4), "{}", told(&redress));
    std::fs::write(scene.dir.path().join("why.txt"), "a broken disk").unwrap();
    scene.until("the appeal", || {
        let appeal = ["slash", "appeal", &newest, "--reason", "why.txt"];
        scene.run_at("uni-1", &appeal).status.success()
    });
    scene.until("news of the appeal", || {
        let shown: HoldView = scene.json(&["slash", "show", &newest]);
        !shown.appeals.is_empty()
    });
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_liar_is_convicted_by_the_one_step_at_which_it_begins_to_lie() {
    let scene = Scene::start(Some(Bps::ONE)).await;
    let liar = scene.devnet.liar().expect("one was told to lie");
    let job = examples().join("jobs/heat/job.toml");
    let job = job.to_str().unwrap();
    let output = scene.run(&["submit", job, "--array", "0-11", "--fetch", "out"]);
    assert!(
        output.status.success(),
        "{}\n{}",
        told(&output),
        scene.logs()
    );
    let jobs: List<JobView> = scene.json(&["job", "ls"]);
    let job = &jobs.items[0];
    assert_eq!((job.tally.done, job.unjudged), (12, 0), "{:?}", job.tally);
    let heated = scene.dir.path().join("out/0/stdout");
    let heated = std::fs::read_to_string(heated).unwrap();
    assert!(
        heated.ends_with("100\t12010.010596\t2.294962\n"),
        "{heated}"
    );
    let disputes = scene.disputes().items;
    assert!(
        !disputes.is_empty(),
        "the liar was never drawn\n{}",
        scene.logs()
    );
    let mut answers = 0;
    for dispute in disputes {
        let convicted: Vec<_> = dispute.convicted.iter().map(|id| id.0).collect();
        assert_eq!(convicted, [liar], "dispute {}", dispute.number);
        assert_eq!((dispute.round, dispute.panel.len()), (1, 2));
        answers += dispute.tasks.len() * dispute.panel.len();
    }
    let logs = scene.members().into_iter().map(|name| {
        let log = scene.devnet.plan.place(&name).unwrap().home.log();
        std::fs::read_to_string(log).unwrap()
    });
    let logs: String = logs.collect();
    let steps = logs.matches("one step shows who is wrong").count();
    assert_eq!(steps, answers, "one step for each answer of a judge");
    scene.verify_everywhere().await;
    scene.devnet.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_paid_ends_with_5_and_what_nobody_offers_with_4() {
    let scene = Scene::start(None).await;
    let tiny = examples().join("jobs/tiny/tiny.wasm");
    let tiny = tiny.to_str().unwrap();
    let refused: [(&[&str], i32, &[&str]); 4] = [
        (
            &["--budget", "0.000001"],
            5,
            &[
                "it may cost up to",
                "the budget is 0.000001 cr",
                "try: peer submit --budget",
            ],
        ),
        (
            &["--fuel", "50G", "--array", "0-999", "--price", "100"],
            5,
            &["insufficient balance", "try: peer wallet balance"],
        ),
        (
            &["--replicas", "7"],
            4,
            &[
                "7 copies need peers of as many sponsors",
                "try: peer offer ls",
            ],
        ),
        (
            &["--price", "0.000001"],
            4,
            &["0 offer class grid at 0.000001 cr", "try: peer offer ls"],
        ),
    ];
    for (args, exit, says) in refused {
        for command in ["run", "submit"] {
            let output = scene.run(&[&[command, tiny], args].concat());
            assert_eq!(
                output.status.code(),
                Some(exit),
                "{args:?}: {}",
                told(&output)
            );
            let said = String::from_utf8_lossy(&output.stderr);
            for words in says {
                assert!(said.contains(words), "{args:?}: {words} is not in {said}");
            }
            assert!(output.stdout.is_empty(), "{args:?}: {}", told(&output));
        }
    }
    let output = scene.run(&["submit", tiny, "--replicas", "7", "-o", "json"]);
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(
        (&error["code"], &error["exit"]),
        (&"no-offers".into(), &4.into())
    );
    scene.devnet.stop().await.unwrap();
}

#[test]
fn down_stops_a_whole_devnet() {
    let dir = tempfile::tempdir().unwrap();
    let peer = |line: &str| {
        let mut command = Command::new(PEER);
        command
            .args(line.split_whitespace())
            .current_dir(dir.path());
        command
            .env("XDG_RUNTIME_DIR", dir.path())
            .env_remove("PEER_HOME")
            .env_remove("PEER_API");
        command
    };
    let mut devnet = peer("devnet --dir grid").spawn().unwrap();
    let end = Instant::now() + PATIENCE;
    while !dir.path().join("peer/devnet.json").exists() {
        assert!(Instant::now() < end, "the devnet does not stand");
        assert!(devnet.try_wait().unwrap().is_none(), "the devnet ended");
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = peer("down").output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("all 7 peers"), "{said}");
    assert!(devnet.wait().unwrap().success());
    let status = peer("status").env("HOME", dir.path()).output().unwrap();
    assert_eq!(status.status.code(), Some(6), "{}", told(&status));
    for name in ["uni-1", "uni-4", "lab-2", "researcher"] {
        let home = peer::home::Home::at(&dir.path().join("grid").join(name));
        assert_eq!(home.running(), None, "{name}");
    }
}
