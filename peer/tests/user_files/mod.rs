//! What users hand in by mistake: each file is refused with what is wrong and what helps, before it
//! costs anything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use peer::api::types::{BalanceView, JobView, List};

use crate::noise;
use crate::scene::{Scene, examples, scores_are_right, told};

/// What a command is given, its exit code, and words of what it says.
type Wrong<'a> = (&'a [&'a str], i32, &'a [&'a str]);

const NOT_A_JOB: &[&str] = &["is not a job file", "try: "];
const NOT_RUNNABLE: &[&str] = &["no peer can run", "try: "];

const FILES: &[Wrong<'_>] = &[
    (&["cut.toml"], 2, NOT_A_JOB),
    (&["key.toml"], 2, &["is not a job file", "`modul`"]),
    (&["empty.toml"], 2, &["is not a job file", "`module`"]),
    (&["noise.toml"], 2, NOT_A_JOB),
    (
        &["gone.toml"],
        2,
        &["cannot read the job file", "No such file"],
    ),
    (
        &["missing.toml"],
        2,
        &["cannot read the module", "gone.wasm"],
    ),
    (&["absurd.toml"], 2, &["memory"]),
    (
        &["gone.wasm"],
        2,
        &["cannot read the module", "No such file"],
    ),
    (&["hollow"], 2, &["cannot read the module", "directory"]),
    (
        &["noise.wasm"],
        2,
        &["is not a WebAssembly module", "try: "],
    ),
    (&["empty.wasm"], 2, &["is not a WebAssembly module"]),
    (&["cut.wasm"], 2, NOT_RUNNABLE),
    (&["flipped.wasm"], 2, NOT_RUNNABLE),
    (&["import.wasm"], 2, &["no peer can run", "nope"]),
    (&["start.wasm"], 2, &["no peer can run", "start"]),
    (&["library.wasm"], 2, &["no peer can run", "_start"]),
];

const ARGUMENTS: &[Wrong<'_>] = &[
    (
        &["--in", "a=gone"],
        2,
        &["cannot read the input", "No such"],
    ),
    (&["--in", "a=hollow"], 2, &["without a file", "try:"]),
    (&["--stdin", "gone"], 2, &["cannot read the standard input"]),
    (&["--fuel", "18446744073709551615"], 2, &["fuel"]),
    (&["--fuel", "0"], 2, &["fuel"]),
    (&["--mem", "100GiB"], 2, &["memory"]),
    (&["--time", "0s"], 2, &["wall"]),
    (&["--max-output", "9999GiB"], 2, &["output"]),
    (&["--array", "0-99999999"], 2, &["tasks"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_users_hand_in_by_mistake_is_refused_before_it_costs_anything() {
    let mut scene = Scene::start(None).await;
    let job = scene.submit_orchids();
    scene.until_settled(&job);
    write_files(scene.dir.path());
    let before = left_in(scene.dir.path());
    let balance: BalanceView = scene.json(&["wallet", "balance"]);

    let mut wrong = Vec::new();
    for (args, exit, says) in FILES {
        wrong.extend(refused(&scene, args, *exit, says));
    }
    for (args, exit, says) in ARGUMENTS {
        let args = [&["good.wasm"], *args].concat();
        wrong.extend(refused(&scene, &args, *exit, says));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));

    assert_eq!(left_in(scene.dir.path()), before, "nothing is left behind");
    let jobs: List<JobView> = scene.json(&["job", "ls"]);
    assert_eq!(jobs.items.len(), 1, "no job was begun, and none was lost");
    let after: BalanceView = scene.json(&["wallet", "balance"]);
    // Blocks go by meanwhile.
    let height = balance.height;
    let after = BalanceView { height, ..after };
    assert_eq!(after, balance, "nothing was paid or set aside");
    let output = scene.run(&["job", "get", &job, "--fetch", "kept"]);
    assert!(output.status.success(), "{}", told(&output));
    scores_are_right(&scene.dir.path().join("kept"));
    super::nobody_fell(&mut scene);
    scene.devnet.stop().await.unwrap();
}

/// What is wrong with how the binary refuses this, if something is.
fn refused(scene: &Scene, args: &[&str], exit: i32, says: &[&str]) -> Option<String> {
    let output = scene.run(&[&["run"], args].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    let missing = says.iter().find(|words| !said.contains(**words));
    let right = output.status.code() == Some(exit) && missing.is_none();
    let quiet = output.stdout.is_empty() && !said.contains("panicked");
    if right && quiet {
        return None;
    }
    Some(format!(
        "{args:?}: not {exit} or no {missing:?}\n{}",
        told(&output)
    ))
}

fn write_files(here: &Path) {
    let write = |name: &str, content: &[u8]| std::fs::write(here.join(name), content).unwrap();
    let probe = std::fs::read(examples().join("jobs/probe/probe.wasm")).unwrap();
    write("good.wasm", &probe);
    write("cut.wasm", &probe[..probe.len() - 7]);
    let mut flipped = probe;
    flipped[9] ^= 0xff;
    write("flipped.wasm", &flipped);
    write("noise.wasm", &noise::bytes(1_000, 9));
    write("empty.wasm", b"");
    let text = |text: &str| wat::parse_str(text).unwrap();
    let memory = "(memory (export \"memory\") 1)";
    let start = "(func $s (export \"_start\"))";
    let unknown = format!("(module (import \"env\" \"nope\" (func)) {memory} {start})");
    write("import.wasm", &text(&unknown));
    let starts = format!("(module {memory} {start} (start $s))");
    write("start.wasm", &text(&starts));
    write("library.wasm", &text(&format!("(module {memory})")));
    write("cut.toml", b"module = \"good.wa");
    write("key.toml", b"module = \"good.wasm\"\nmodul = 1");
    write("empty.toml", b"");
    write("noise.toml", &noise::bytes(500, 10));
    write("missing.toml", b"module = \"gone.wasm\"");
    let absurd = b"module = \"good.wasm\"\n[limits]\nmemory_bytes = \"9999GiB\"";
    write("absurd.toml", absurd);
    std::fs::create_dir_all(here.join("hollow/inside")).unwrap();
}

fn left_in(folder: &Path) -> BTreeSet<PathBuf> {
    let inside = std::fs::read_dir(folder).unwrap();
    inside.map(|entry| entry.unwrap().path()).collect()
}
