//! Each foreign crate has one home; moving one is a decision record, and a line in this table.

use super::{File, Finding};

/// (Name in a manifest, where it may be named.) A home is a folder, or one file of a crate.
const HOMES: [(&str, &[&str]); 16] = [
    ("libp2p", &["gossip/"]),
    ("hotstuff_rs", &["ledger/"]),
    ("rocksdb", &["ledger/"]),
    ("jmt", &["ledger/"]),
    ("wasmtime", &["executor/"]),
    ("wasmparser", &["executor/"]),
    ("wgpu", &["executor/"]),
    ("landlock", &["executor/"]),
    ("seccompiler", &["executor/"]),
    (
        "ed25519-dalek",
        &[
            "protocol/",
            "ledger/src/",
            "ledger/tests/",
            "ledger/rules/examples/",
            "peer/src/keys",
            "sim/src/keys.rs",
        ],
    ),
    (
        "blake3",
        &[
            "protocol/",
            "ledger/src/",
            "gossip/",
            "executor/",
            "peer/src/",
            "xtask/",
        ],
    ),
    ("tokio", &["gossip/", "peer/src/", "peer/tests/"]),
    ("clap", &["peer/src/"]),
    ("axum", &["peer/src/"]),
    ("hyper", &["peer/src/"]),
    ("image", &["peer/src/"]),
];

pub(super) fn check(file: &File) -> Vec<Finding> {
    match file.path.strip_suffix("Cargo.toml") {
        Some("") => Vec::new(),
        Some(folder) => in_manifest(file, folder),
        None => in_code(file),
    }
}

fn in_code(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.production() {
        for (name, homes) in HOMES {
            let at_home = homes.iter().any(|home| file.path.starts_with(home));
            if !at_home && names(line, &name.replace('-', "_")) {
                findings.push(away(file, number, name, homes));
            }
        }
    }
    findings
}

/// Whether `line` names a foreign crate: `name::...` from the root, or `use name`.
fn names(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].trim_end();
        let after = &line[at + name.len()..];
        let path = after.starts_with("::");
        let import = before.ends_with("use") && after.starts_with([';', ' ']);
        let whole = !line[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
        (path || import) && (whole || line[..at].ends_with(" ::"))
    })
}

/// Dependencies for tests are free: a test may stand on anything.
fn in_manifest(file: &File, folder: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut watched = false;
    for (number, line) in (1..).zip(file.text.lines()) {
        if line.starts_with('[') {
            watched = line.contains("dependencies") && !line.contains("dev-dependencies");
        }
        let dependency = line.split(['.', '=', ' ']).next().unwrap_or_default();
        for (name, homes) in HOMES
            .iter()
            .filter(|(name, _)| watched && *name == dependency)
        {
            let crate_of = |home: &str| home.starts_with(folder) || folder.starts_with(home);
            if !homes.iter().any(|home| crate_of(home)) {
                findings.push(away(file, number, name, homes));
            }
        }
    }
    findings
}

fn away(file: &File, line: usize, name: &str, homes: &[&str]) -> Finding {
    let homes = homes.join(", ");
    Finding::new(
        file,
        line,
        format!("`{name}` lives in {homes}: ask that room, or decide to move it"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        lines_found(&check(&File::new(path, text)))
    }

    #[test]
    fn a_crate_away_from_home_is_found_in_code() {
        assert_eq!(
            found("peer/src/a.rs", "fn f() {\n    libp2p::identity::f();\n}"),
            [2]
        );
        assert_eq!(found("peer/src/a.rs", "use ed25519_dalek::Signer;"), [1]);
        assert_eq!(found("gossip/src/a.rs", "use rocksdb;"), [1]);
        assert_eq!(found("peer/src/keys.rs", "use ed25519_dalek::Signer;"), []);
        assert_eq!(found("gossip/src/a.rs", "use libp2p::Swarm;"), []);
    }

    #[test]
    fn names_that_only_look_like_it_and_tests_are_free() {
        assert_eq!(
            found(
                "peer/src/a.rs",
                "gossip::libp2p::f(); let image = image + 1;"
            ),
            []
        );
        assert_eq!(found("peer/src/a.rs", "// libp2p::Swarm does it."), []);
        assert_eq!(
            found(
                "ledger/src/a.rs",
                "#[cfg(test)]\nmod tests {\n use libp2p::X;\n}"
            ),
            []
        );
    }

    #[test]
    fn a_crate_away_from_home_is_found_in_a_manifest() {
        let text = "[package]\nname = \"x\"\n[dependencies]\nlibp2p.workspace = true\n\
                    tokio = { workspace = true }\n[dev-dependencies]\ntokio.workspace = true\n";
        assert_eq!(found("ledger/rules/Cargo.toml", text), [4, 5]);
        assert_eq!(found("gossip/Cargo.toml", text), []);
        assert_eq!(found("peer/Cargo.toml", text), [4]);
        assert_eq!(found("Cargo.toml", text), []);
    }
}
