//! The binary as a shell sees it: exit codes, what goes to stdout and what to stderr, and what it
//! says about damaged files. No peer runs here.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use peer::keys::Keys;

fn command(home: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peer"));
    command.args(line.split_whitespace()).env_clear();
    command
        .env("PEER_HOME", home)
        .env("HOME", home)
        .stdin(Stdio::null());
    command
}

fn peer(home: &Path, line: &str) -> Output {
    command(home, line).output().expect("the binary was built")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("what we print is UTF-8")
}

#[test]
fn arguments_that_make_no_sense_end_with_2_and_nothing_on_stdout() {
    let home = tempfile::tempdir().unwrap();
    for line in [
        "",
        "frobnicate",
        "d",
        "run",
        "run x.wasm --array 9-0",
        "run x.wasm --fuel much",
        "run x.wasm -r 99",
        "run x.wasm --in nameless",
        "status --output yaml-ish",
        "devnet --members 2",
        "council vote 0 maybe",
        "council propose params audit.grid",
        "key add key_x --scope all --per-entry 1 --per-epoch 1",
        "wallet send me much",
    ] {
        let said = peer(home.path(), line);
        assert_eq!(
            said.status.code(),
            Some(2),
            "{line}: {}",
            text(&said.stderr)
        );
        assert!(said.stdout.is_empty() && !said.stderr.is_empty(), "{line}");
    }
    let said = peer(home.path(), "run x.wasm --array 9-0 -o json");
    let error: serde_json::Value = serde_json::from_slice(&said.stderr).unwrap();
    assert_eq!(
        (&error["kind"], &error["exit"]),
        (&"peer.v1.Error".into(), &2.into())
    );
}

#[test]
fn help_and_version_are_data() {
    let home = tempfile::tempdir().unwrap();
    for line in [
        "--help",
        "run --help",
        "job get --help",
        "council propose params --help",
        "wallet task policy --help",
        "key add --help",
        "submit --help",
        "--version",
    ] {
        let said = peer(home.path(), line);
        assert_eq!(said.status.code(), Some(0), "{line}");
        assert!(!said.stdout.is_empty() && said.stderr.is_empty(), "{line}");
    }
    let help = peer(home.path(), "--help");
    assert!(!text(&help.stdout).contains("exec-worker"));
}

#[test]
fn without_a_peer_every_question_ends_with_6_and_says_what_helps() {
    let home = tempfile::tempdir().unwrap();
    let module = home.path().join("prog.wasm");
    fs::write(&module, b"\0asm\x01\0\0\0").unwrap();
    let run = format!("run {}", module.display());
    for line in [
        "status",
        "down",
        "job ls",
        "job show",
        "job explain last",
        "node ls",
        "offer ls",
        "wallet balance",
        "wallet history",
        "dispute ls",
        "dispute show 1",
        "ledger status",
        "ledger verify",
        "params ls",
        "params show audit.grid",
        "class show edge",
        "epoch show",
        "node show me",
        "node explain me",
        "slash ls",
        "council ls",
        "council vote 0 yes",
        "council propose params audit.grid=6%",
        "key ls",
        "wallet send me 1",
        "wallet task ls",
        "grant ls",
        &run,
    ] {
        let said = peer(home.path(), line);
        assert_eq!(
            said.status.code(),
            Some(6),
            "{line}: {}",
            text(&said.stderr)
        );
        assert!(said.stdout.is_empty(), "{line}");
        assert!(
            text(&said.stderr).contains("try: start one with `peer up`"),
            "{line}"
        );
    }
    let said = peer(home.path(), "job ls -o json");
    let error: serde_json::Value = serde_json::from_slice(&said.stderr).unwrap();
    assert_eq!(
        (&error["code"], &error["exit"]),
        (&"unreachable".into(), &6.into())
    );
}

#[test]
fn a_peer_is_asked_only_about_files_that_make_sense() {
    let home = tempfile::tempdir().unwrap();
    let job = home.path().join("job.toml");
    for content in [
        &b"module = "[..],
        b"\xff\xfe\0",
        b"module = \"x\"\nmodul = 1",
        b"",
    ] {
        fs::write(&job, content).unwrap();
        let said = peer(home.path(), &format!("submit {}", job.display()));
        assert_eq!(said.status.code(), Some(2), "{}", text(&said.stderr));
        assert!(text(&said.stderr).contains("is not a job file"));
    }
}

#[test]
fn keys_are_shown_without_secrets_and_damaged_ones_are_told() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("keys");
    let none = peer(home.path(), "key show");
    assert_eq!(none.status.code(), Some(1));
    assert!(
        text(&none.stderr).contains("peer up"),
        "{}",
        text(&none.stderr)
    );

    let keys = Keys::load_or_make(&path).unwrap();
    let shown = peer(home.path(), "key show -o json");
    assert_eq!(shown.status.code(), Some(0));
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["kind"], "peer.v1.Keys");
    assert_eq!(shown["node"], keys.node().full());
    let piped = peer(home.path(), "key show");
    assert!(
        text(&piped.stdout).starts_with("node\tnode_"),
        "{}",
        text(&piped.stdout)
    );

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let open = peer(home.path(), "key show");
    assert_eq!(open.status.code(), Some(7));
    assert!(text(&open.stderr).contains("chmod 600"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "tallygrid keys v1\nnode 00\n").unwrap();
    let damaged = peer(home.path(), "key show");
    assert_eq!(damaged.status.code(), Some(1));
    assert!(
        text(&damaged.stderr).contains("is damaged"),
        "{}",
        text(&damaged.stderr)
    );
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let home = tempfile::tempdir().unwrap();
    let escapes = |line: &str| peer(home.path(), line).stderr.contains(&0x1b);
    assert!(!escapes("status"));
    assert!(escapes("status --color always"));
    assert!(!escapes("status --color never"));
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let home = tempfile::tempdir().unwrap();
    Keys::load_or_make(&home.path().join("keys")).unwrap();
    let mut child = command(home.path(), "key show")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(
        (child.wait().unwrap().code(), stderr.as_str()),
        (Some(0), "")
    );
}

#[test]
fn what_a_machine_may_offer_is_measured_once_and_again_when_asked() {
    let home = tempfile::tempdir().unwrap();
    let ask = |line: &str| {
        let said = peer(home.path(), line);
        assert_eq!(said.status.code(), Some(0), "{}", text(&said.stderr));
        serde_json::from_slice::<serde_json::Value>(&said.stdout).unwrap()
    };
    let first = ask("devices -o json");
    assert_eq!(first["kind"], "peer.v1.Devices");
    assert_eq!(first["fresh"], true);
    let cpu = &first["cpu"];
    assert!(cpu["slots"].as_u64().unwrap() >= 1, "{cpu}");
    assert!(cpu["fuel_alone"].as_u64().unwrap() > 10_000_000, "{cpu}");
    let kept = ask("devices -o json");
    assert_eq!((&kept["fresh"], &kept["cpu"]), (&false.into(), cpu));
    // A damaged file is no figure.
    fs::write(home.path().join("devices"), "junk").unwrap();
    assert_eq!(ask("devices -o json")["fresh"], true);
    assert_eq!(ask("devices --again -o json")["fresh"], true);
}

#[test]
fn a_doctor_says_what_is_weaker_and_what_is_missing() {
    let home = tempfile::tempdir().unwrap();
    let look = || {
        let said = peer(home.path(), "doctor -o json");
        let seen: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
        assert_eq!(seen["kind"], "peer.v1.Doctor");
        (said.status.code(), seen)
    };
    let line = |seen: &serde_json::Value, name: &str| {
        let checks = seen["checks"].as_array().unwrap().iter();
        let found = checks.clone().find(|check| check["name"] == name).cloned();
        found.unwrap_or_else(|| panic!("no {name} in {seen}"))
    };
    let own = fs::Permissions::from_mode(0o700);
    fs::set_permissions(home.path(), own).unwrap();
    // No keys, no federation: weaker, and each line says what helps.
    let (code, seen) = look();
    assert_eq!(
        (code, &seen["health"]),
        (Some(1), &"weaker".into()),
        "{seen}"
    );
    for name in ["jail: seccomp", "jail: limits", "jail: ways out", "home"] {
        assert_eq!(line(&seen, name)["health"], "ok", "{seen}");
    }
    for check in seen["checks"].as_array().unwrap() {
        let well = check["health"] == "ok";
        assert_eq!(well, check["help"].is_null(), "{check}");
    }
    // A demand that no kernel meets, a home that is open, keys that others may read.
    let settings = "name = \"a\"\nlisten = []\n[jail]\nlandlock = 999\n";
    fs::write(home.path().join("config.toml"), settings).unwrap();
    fs::write(home.path().join("keys"), "secret").unwrap();
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(home.path(), open.clone()).unwrap();
    fs::set_permissions(home.path().join("keys"), open).unwrap();
    let (code, seen) = look();
    assert_eq!(
        (code, &seen["health"]),
        (Some(2), &"missing".into()),
        "{seen}"
    );
    for name in ["jail: demand", "keys"] {
        assert_eq!(line(&seen, name)["health"], "missing", "{seen}");
    }
    assert_eq!(line(&seen, "home")["health"], "weaker", "{seen}");
    // Settings that make no sense are named by their key.
    let wrong = "name = \"a\"\nlisten = []\n[work]\nslots = 1\nper_gfuel = \"1\"\nbond = \"1\"\n\
                 memory = 1\n[work.limits]\nhours = [\"teatime\"]\n";
    fs::write(home.path().join("config.toml"), wrong).unwrap();
    let (_, seen) = look();
    let said = line(&seen, "settings");
    assert!(
        said["found"]
            .as_str()
            .unwrap()
            .contains("work.limits.hours"),
        "{said}"
    );
}
