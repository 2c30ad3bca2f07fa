//! Damage in a peer's own files: it does not start, and says which file, why and what helps.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use peer::home::Home;

use crate::noise;
use crate::scene::{PATIENCE, PEER, Scene, told};

/// Starts a peer that must not start, and returns what it says.
fn up(home: &Home, args: &[&str]) -> Output {
    let mut child = Command::new(PEER)
        .arg("up")
        .arg("--home")
        .arg(home.root())
        .args(args)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
            panic!("it started: {}", told(&child.wait_with_output().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

/// The peer does not start, ends with this code and says all of this.
fn refuses(home: &Home, args: &[&str], exit: i32, says: &[&str]) {
    let output = up(home, args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{says:?}: {said}");
    for words in says {
        assert!(said.contains(words), "{words} is not in {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    assert!(output.stdout.is_empty());
    assert_eq!(home.running(), None, "the lock is let go");
}

/// Does something with a file changed, and then puts the file back as it was.
fn with(path: &Path, content: &[u8], test: impl FnOnce()) {
    let before = fs::read(path).unwrap();
    fs::write(path, content).unwrap();
    test();
    fs::write(path, before).unwrap();
}

fn flipped(path: &Path, at: usize) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    bytes
}

fn cut(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    bytes[..bytes.len() / 2].to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_with_damaged_files_says_so_and_comes_back_once_they_are_mended() {
    let mut scene = Scene::start(None).await;
    let home = scene.devnet.plan.place("uni-4").unwrap().home.clone();
    let (root, pid) = (home.root().display().to_string(), home.running().unwrap());
    let output = up(&home, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in [
        "another peer already runs in",
        &format!("process {pid}"),
        "try:",
        "down",
    ] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
    assert_eq!(
        home.running(),
        Some(pid),
        "the one that runs is not disturbed"
    );

    assert!(scene.devnet.kill("uni-4"));
    keys(&home);
    genesis(&home, &scene);
    settings(&home);
    socket(&home);
    let guard = home.root().join(ledger::VOTES_FILE);
    let says = ["vote guard", "is damaged", "do not just delete it"];
    for damage in [
        Vec::new(),
        cut(&guard),
        flipped(&guard, 20),
        noise::bytes(512, 1),
    ] {
        with(&guard, &damage, || refuses(&home, &[], 1, &says));
    }
    scene.devnet.restart("uni-4").unwrap();
    scene.roots_agree(Duration::from_secs(120)).await;

    ledger_files(&mut scene, &home, &root).await;
    scene.verify_everywhere().await;
    super::nobody_fell(&mut scene);
    scene.devnet.stop().await.unwrap();
}

fn keys(home: &Home) {
    let path = home.keys();
    let damaged = ["the key file", "is damaged", "put back your copy of it"];
    for damage in [
        Vec::new(),
        cut(&path),
        flipped(&path, 40),
        noise::bytes(300, 2),
    ] {
        with(&path, &damage, || refuses(home, &[], 1, &damaged));
    }
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    refuses(home, &[], 7, &["others can read", "chmod 600"]);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

fn genesis(home: &Home, scene: &Scene) {
    let path = home.genesis();
    let unusable = [
        "cannot use the genesis",
        "genesis: ",
        "try: put the federation's own",
    ];
    let longer = [fs::read(&path).unwrap(), vec![0]].concat();
    for damage in [
        Vec::new(),
        cut(&path),
        longer,
        noise::bytes(3_000, 3),
        vec![0xff; 100],
    ] {
        with(&path, &damage, || refuses(home, &[], 2, &unusable));
    }
    with(&path, &vec![0; 64 << 20], || {
        refuses(home, &[], 2, &["more than a genesis may"])
    });

    let other = peer::devnet::Plan::make(&scene.dir.path().join("other"), 4, 0).unwrap();
    let foreign = other.places[0].home.genesis();
    with(&path, &fs::read(&foreign).unwrap(), || {
        refuses(
            home,
            &[],
            2,
            &["is that of another federation", "use another home"],
        );
    });
    let named = foreign.to_str().unwrap();
    refuses(
        home,
        &["--genesis", named],
        2,
        &["belongs to another federation", "try: peer up"],
    );

    let fresh = Home::at(&scene.dir.path().join("fresh"));
    let junk = scene.dir.path().join("junk");
    fs::write(&junk, noise::bytes(500, 4)).unwrap();
    for file in [&*junk, Path::new("/nowhere/genesis")] {
        let args = ["--genesis", file.to_str().unwrap()];
        refuses(&fresh, &args, 2, &["cannot use the genesis", "try:"]);
        assert!(!fresh.genesis().exists(), "a bad genesis is not taken over");
    }
}

fn settings(home: &Home) {
    let path = home.config();
    let text = fs::read_to_string(&path).unwrap();
    let typo = text.replace("listen", "lisen");
    with(&path, typo.as_bytes(), || {
        refuses(
            home,
            &[],
            2,
            &["is not a configuration", "lisen", "try: mend it by hand"],
        );
    });
    for damage in [Vec::new(), cut(&path), noise::bytes(400, 5)] {
        with(&path, &damage, || {
            refuses(home, &[], 2, &["config.toml", "try: mend"])
        });
    }
    for (from, to) in [
        ("/ip4/", "/ip9/"),
        ("/tcp/", "/tcp/9999"),
        ("node_", "nobody_"),
    ] {
        let wrong = text.replace(from, to);
        with(&path, wrong.as_bytes(), || {
            refuses(home, &[], 2, &["config.toml", "try: mend"]);
        });
    }
    let wrong = text.replace("view_seconds = 1", "view_seconds = 0");
    with(&path, wrong.as_bytes(), || {
        refuses(home, &[], 2, &["`view_seconds`", "try:"])
    });
    let elsewhere = text.replace("/ip4/127.0.0.1/", "/ip4/192.0.2.1/");
    with(&path, elsewhere.as_bytes(), || {
        refuses(home, &[], 1, &["cannot start the network", "192.0.2.1"]);
    });
}

fn socket(home: &Home) {
    let path = home.api().unwrap();
    let _ = fs::remove_file(&path);
    fs::write(&path, "not a socket").unwrap();
    refuses(home, &[], 1, &["is not a socket", "move it away"]);
    fs::remove_file(&path).unwrap();
    fs::write(home.root().join("lock"), noise::bytes(5_000, 6)).unwrap();
}

/// The newest file in the ledger whose name begins or ends so.
fn newest(ledger: &Path, is_it: impl Fn(&str) -> bool) -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir(ledger)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| is_it(path.file_name().unwrap().to_str().unwrap()))
        .filter(|path| fs::metadata(path).unwrap().len() > 0)
        .collect();
    found.sort();
    found.pop().unwrap()
}

async fn ledger_files(scene: &mut Scene, home: &Home, root: &str) {
    assert!(scene.devnet.kill("uni-4"));
    let ledger = home.ledger();
    let manifest = newest(&ledger, |name| name.starts_with("MANIFEST-"));
    let log = newest(&ledger, |name| name.ends_with(".log"));
    let current = ledger.join("CURRENT");
    let half = |path: &Path| fs::read(path).unwrap().len() / 2;
    let damages = [
        (&manifest, cut(&manifest)),
        (&manifest, flipped(&manifest, half(&manifest))),
        (&manifest, noise::bytes(1_000, 7)),
        (&log, flipped(&log, half(&log))),
        (&log, noise::bytes(1_000, 8)),
        (&current, Vec::new()),
    ];
    let says = ["is damaged", "move that folder away", root];
    for (path, damage) in damages {
        let kept = home.root().join("kept");
        copy(&ledger, &kept);
        fs::write(path, damage).unwrap();
        refuses(home, &[], 1, &says);
        fs::remove_dir_all(&ledger).unwrap();
        fs::rename(&kept, &ledger).unwrap();
    }
    fs::rename(&ledger, home.root().join("moved-away")).unwrap();
    scene.devnet.restart("uni-4").unwrap();
    scene.roots_agree(Duration::from_secs(120)).await;
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
