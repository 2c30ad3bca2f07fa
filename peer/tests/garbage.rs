//! Garbage on every port and in every file that a peer reads: a clear error or a dropped
//! connection, no panic, nothing lost.

mod noise;
mod own_files;
#[allow(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod scene;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use peer::api::types::{BalanceView, JobView, List};
use peer::config::Config;
use scene::{Scene, examples, scores_are_right, told};
use tokio::net::{TcpStream, UnixStream};

/// So many connections are held open, at each port and each socket, by someone who says nothing.
const IDLE: usize = 70;

/// No peer's log speaks of a panic, and every process of the devnet runs.
fn nobody_fell(scene: &mut Scene) {
    for place in &scene.devnet.plan.places {
        let log = std::fs::read(place.home.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        assert!(!log.contains("panicked"), "{}:\n{log}", place.name);
    }
    scene.devnet.all_run().unwrap();
}

/// The swarm's port and the API's socket of every peer.
fn doors(scene: &Scene) -> Vec<(u16, PathBuf)> {
    let places = scene.devnet.plan.places.iter();
    let doors = places.map(|place| {
        let config = Config::read(&place.home.config()).unwrap();
        let port = config.listen[0].rsplit('/').next().unwrap();
        (port.parse().unwrap(), place.home.api().unwrap())
    });
    doors.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_from_outside_stops_no_job() {
    let mut scene = Scene::start(None).await;
    garbage_at_every_door(&mut scene).await;
    files_of_users(&scene);
    damaged_blobs_are_fetched_again(&scene);
    the_submitter_is_killed_in_the_middle(&mut scene);
    a_damaged_input_of_the_submitter_ends_no_job_wrongly(&mut scene);
    scene.verify_everywhere().await;
    nobody_fell(&mut scene);
    scene.devnet.stop().await.unwrap();
}

async fn garbage_at_every_door(scene: &mut Scene) {
    let doors = doors(scene);
    let mut throws = tokio::task::JoinSet::new();
    let mut silent = Vec::new();
    for (port, socket) in &doors {
        for _ in 0..IDLE {
            silent.push(TcpStream::connect(("127.0.0.1", *port)).await.unwrap());
        }
        let port = *port;
        throws.spawn(async move {
            for bytes in noise::for_a_port() {
                noise::at_port(port, &bytes).await;
            }
        });
        let socket = socket.clone();
        throws.spawn(async move {
            for (bytes, begins) in noise::for_a_socket() {
                let said = noise::at_socket(&socket, &bytes).await;
                let start = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
                assert!(said.starts_with(begins), "{start}: {said}");
                let is_problem = said.contains("application/problem+json");
                assert!(begins.is_empty() || is_problem, "{start}: {said}");
            }
        });
    }
    let job = scene.submit_orchids();
    let stop = Arc::new(AtomicBool::new(false));
    let (ports, stopped) = (doors.clone(), Arc::clone(&stop));
    throws.spawn(async move {
        let mut round = 0;
        while !stopped.load(Ordering::Relaxed) {
            round += 1;
            for (port, socket) in &ports {
                noise::at_port(*port, &noise::bytes(2_000, round)).await;
                noise::at_socket(socket, &noise::bytes(2_000, round)).await;
            }
        }
    });
    scene.until_settled(&job);
    stop.store(true, Ordering::Relaxed);
    while let Some(thrown) = throws.join_next().await {
        thrown.unwrap();
    }
    drop(silent);
    let output = scene.run(&["job", "get", &job, "--fetch", "noisy"]);
    assert!(output.status.success(), "{}", told(&output));
    scores_are_right(&scene.dir.path().join("noisy"));
    for place in &scene.devnet.plan.places {
        let parts = place.home.blobs().join("parts");
        let left = std::fs::read_dir(parts).unwrap().count();
        assert_eq!(left, 0, "{} keeps what was cut short", place.name);
    }

    let mut silent = Vec::new();
    for (_, socket) in &doors {
        for _ in 0..IDLE {
            silent.push(UnixStream::connect(socket).await.unwrap());
        }
    }
    let output = scene.run(&["status"]);
    assert!(
        output.status.success(),
        "the silent keep others out: {}",
        told(&output)
    );
    drop(silent);
    scene.verify_everywhere().await;
    nobody_fell(scene);
}

/// What `peer run` is given, the exit code, and words of what it says.
struct Wrong<'a> {
    args: &'a [&'a str],
    exit: i32,
    says: &'a [&'a str],
}

fn files_of_users(scene: &Scene) {
    let here = scene.dir.path();
    let write = |name: &str, content: &[u8]| std::fs::write(here.join(name), content).unwrap();
    let probe = std::fs::read(examples().join("jobs/probe/probe.wasm")).unwrap();
    write("good.wasm", &probe);
    write("cut.wasm", &probe[..probe.len() - 7]);
    let mut flipped = probe.clone();
    flipped[9] ^= 0xff;
    write("flipped.wasm", &flipped);
    write("noise.wasm", &noise::bytes(1_000, 9));
    write("empty.wasm", b"");
    let text = |text: &str| wat::parse_str(text).unwrap();
    let memory = "(memory (export \"memory\") 1)";
    let program = "(func $s (export \"_start\"))";
    write(
        "import.wasm",
        &text(&format!(
            "(module (import \"env\" \"nope\" (func)) {memory} {program})"
        )),
    );
    write(
        "start.wasm",
        &text(&format!("(module {memory} {program} (start $s))")),
    );
    write("library.wasm", &text(&format!("(module {memory})")));
    write("cut.toml", b"module = \"good.wa");
    write("key.toml", b"module = \"good.wasm\"\nmodul = 1");
    write("empty.toml", b"");
    write("noise.toml", &noise::bytes(500, 10));
    write("missing.toml", b"module = \"gone.wasm\"");
    write(
        "absurd.toml",
        b"module = \"good.wasm\"\n[limits]\nmemory_bytes = \"9999GiB\"",
    );
    std::fs::create_dir_all(here.join("hollow/inside")).unwrap();
    let before: BTreeSet<PathBuf> = left_in(here);
    let jobs: List<JobView> = scene.json(&["job", "ls"]);
    let balance: BalanceView = scene.json(&["wallet", "balance"]);

    let not_a_job = ["is not a job file", "try: `peer submit --help`"];
    let not_runnable = ["no peer can run", "try:"];
    let wrong = |args, exit, says| Wrong { args, exit, says };
    for wrong in [
        wrong(&["cut.toml"], 2, &not_a_job[..]),
        wrong(&["key.toml"], 2, &["is not a job file", "`modul`"]),
        wrong(&["empty.toml"], 2, &["is not a job file", "`module`"]),
        wrong(&["noise.toml"], 2, &not_a_job),
        wrong(
            &["gone.toml"],
            2,
            &["cannot read the job file", "No such file"],
        ),
        wrong(
            &["missing.toml"],
            2,
            &["cannot read the module", "gone.wasm"],
        ),
        wrong(&["absurd.toml"], 2, &["memory"]),
        wrong(
            &["gone.wasm"],
            2,
            &["cannot read the module", "No such file"],
        ),
        wrong(&["hollow"], 2, &["cannot read the module", "directory"]),
        wrong(
            &["noise.wasm"],
            2,
            &["is not a WebAssembly module", "try: build one"],
        ),
        wrong(&["empty.wasm"], 2, &["is not a WebAssembly module"]),
        wrong(&["cut.wasm"], 2, &not_runnable),
        wrong(&["flipped.wasm"], 2, &not_runnable),
        wrong(&["import.wasm"], 2, &["no peer can run", "`env` `nope`"]),
        wrong(&["start.wasm"], 2, &["no peer can run", "start section"]),
        wrong(
            &["library.wasm"],
            2,
            &["no peer can run", "neither `_start` nor `run`"],
        ),
        wrong(
            &["good.wasm", "--in", "a=gone"],
            2,
            &["cannot read the input gone", "No such"],
        ),
        wrong(
            &["good.wasm", "--in", "a=hollow"],
            2,
            &["without a file", "/in/a", "try:"],
        ),
        wrong(
            &["good.wasm", "--stdin", "gone"],
            2,
            &["cannot read the standard input gone"],
        ),
        wrong(
            &["good.wasm", "--fuel", "18446744073709551615"],
            2,
            &["fuel"],
        ),
        wrong(&["good.wasm", "--fuel", "0"], 2, &["fuel"]),
        wrong(&["good.wasm", "--mem", "100GiB"], 2, &["memory"]),
        wrong(&["good.wasm", "--mem", "0"], 2, &["memory"]),
        wrong(&["good.wasm", "--mem", "1KiB"], 2, &["memory"]),
        wrong(&["good.wasm", "--time", "0s"], 2, &["wall"]),
        wrong(&["good.wasm", "--max-output", "9999GiB"], 2, &["output"]),
        wrong(&["good.wasm", "--array", "0-99999999"], 2, &["tasks"]),
        wrong(
            &["good.wasm", "--budget", "0.000001"],
            5,
            &["the budget is", "try:"],
        ),
        wrong(
            &["good.wasm", "--fuel", "1T", "--array", "0-999999"],
            5,
            &["escrow"],
        ),
        wrong(
            &["good.wasm", "--replicas", "7"],
            4,
            &["sponsors", "try: peer offer ls"],
        ),
    ] {
        for command in ["run", "submit"] {
            let output = scene.run(&[&[command], wrong.args].concat());
            let said = String::from_utf8_lossy(&output.stderr);
            eprintln!(
                "== {command} {:?} -> {:?}\n{said}",
                wrong.args,
                output.status.code()
            );
            if std::env::var("SEE").is_err() {
                assert_eq!(
                    output.status.code(),
                    Some(wrong.exit),
                    "{:?}: {said}",
                    wrong.args
                );
                for words in wrong.says {
                    assert!(
                        said.contains(words),
                        "{:?}: {words} is not in {said}",
                        wrong.args
                    );
                }
                assert!(output.stdout.is_empty(), "{:?}", wrong.args);
            }
        }
    }

    assert_eq!(left_in(here), before, "nothing is left behind");
    let after: List<JobView> = scene.json(&["job", "ls"]);
    assert_eq!(after.items.len(), jobs.items.len(), "no job was begun");
    let after: BalanceView = scene.json(&["wallet", "balance"]);
    assert_eq!(after, balance, "nothing was paid or set aside");
}

fn left_in(folder: &std::path::Path) -> BTreeSet<PathBuf> {
    let inside = std::fs::read_dir(folder).unwrap();
    inside.map(|entry| entry.unwrap().path()).collect()
}

/// Turns one byte in every file with this content at these peers; how many files there were.
fn damage(scene: &Scene, content: &[u8], names: &[&str]) -> usize {
    let name = protocol::ids::Digest::of(content).full();
    let mut damaged = 0;
    for place in &scene.devnet.plan.places {
        let file = place
            .home
            .blobs()
            .join(&name["b3_".len()..][..2])
            .join(&name);
        if names.contains(&&*place.name) && file.exists() {
            let mut bytes = std::fs::read(&file).unwrap();
            bytes[content.len() / 2] ^= 1;
            std::fs::write(&file, bytes).unwrap();
            damaged += 1;
        }
    }
    damaged
}

/// Runs the probe over `data`, one bundle per task, and checks every copy of it that came back.
fn echo(scene: &Scene, data: &[u8], folder: &str) {
    std::fs::write(scene.dir.path().join("data.bin"), data).unwrap();
    let output = scene.run(&[
        "run",
        "good.wasm",
        "--array",
        "0-9",
        "--in",
        "data=data.bin",
        "--fetch",
        folder,
        "--",
        "echo",
    ]);
    assert!(output.status.success(), "{}", told(&output));
    for index in 0..10 {
        let copy = scene
            .dir
            .path()
            .join(folder)
            .join(format!("{index}/out/copy"));
        assert!(
            std::fs::read(copy).unwrap() == data,
            "task {index} is wrong"
        );
    }
}

fn damaged_blobs_are_fetched_again(scene: &Scene) {
    let data = noise::bytes(100_000, 11);
    echo(scene, &data, "before");
    let disputes = scene.disputes().items.len();
    let names = ["uni-1", "uni-2", "uni-3", "uni-4", "lab-1", "lab-2"];
    assert!(damage(scene, &data, &names) > 0, "nobody has the input");
    for name in names {
        let place = scene.devnet.plan.place(name).unwrap();
        let Ok(compiled) = std::fs::read_dir(place.home.root().join("compiled")) else {
            continue;
        };
        for entry in compiled {
            let path = entry.unwrap().path();
            if path.is_file() {
                let mut bytes = std::fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                std::fs::write(&path, bytes).unwrap();
            }
        }
    }
    echo(scene, &data, "after");
    assert_eq!(
        scene.disputes().items.len(),
        disputes,
        "an honest peer gave a wrong result"
    );
}

fn the_submitter_is_killed_in_the_middle(scene: &mut Scene) {
    let job = scene.submit_orchids();
    scene.until("the first result", || scene.job(&job).tally.provisional > 0);
    assert!(scene.devnet.kill("researcher"));
    scene.devnet.restart("researcher").unwrap();
    scene.until("the submitter's return", || {
        scene.run(&["job", "show", &job]).status.success()
    });
    scene.until_settled(&job);
    let output = scene.run(&["job", "get", &job, "--fetch", "resumed"]);
    assert!(output.status.success(), "{}", told(&output));
    scores_are_right(&scene.dir.path().join("resumed"));
}

fn a_damaged_input_of_the_submitter_ends_no_job_wrongly(scene: &mut Scene) {
    let data = noise::bytes(200_000, 12);
    std::fs::write(scene.dir.path().join("data.bin"), &data).unwrap();
    let output = scene.run(&[
        "submit",
        "good.wasm",
        "--array",
        "0-19",
        "--in",
        "data=data.bin",
        "-o",
        "id",
        "--",
        "echo",
    ]);
    assert!(output.status.success(), "{}", told(&output));
    let job = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert!(scene.devnet.kill("researcher"));
    assert_eq!(damage(scene, &data, &["researcher"]), 1);
    scene.devnet.restart("researcher").unwrap();
    scene.until("the submitter's return", || {
        scene.run(&["job", "show", &job]).status.success()
    });
    let output = scene.run(&["job", "wait", &job]);
    eprintln!("{}", told(&output));
    let output = scene.run(&["job", "explain", &job]);
    eprintln!("{}", told(&output));
    let ended = scene.job(&job);
    assert!(ended.state.is_final(), "{ended:?}");
    let output = scene.run(&["job", "get", &job, "--fetch", "damaged"]);
    eprintln!("{}", told(&output));
    for index in 0..20 {
        let copy = scene.dir.path().join(format!("damaged/{index}/out/copy"));
        if let Ok(copy) = std::fs::read(copy) {
            assert!(copy == data, "task {index} is wrong");
        }
    }
    echo(scene, &data, "healed");
}
