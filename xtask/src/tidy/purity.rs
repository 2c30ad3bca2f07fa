//! The pure crates touch no clock, network, disk, thread, process or chance, and count in integers.
//!
//! Their `Cargo.toml` keeps foreign crates out; this keeps out the same things from `std`.

use super::file::holds_word;
use super::{File, Finding};

const PURE: [&str; 4] = [
    "protocol/src/",
    "ledger/rules/src/",
    "peer/steward/src/",
    "sim/src/",
];

/// Modules of `std` that reach the world.
const STD_MODULES: [&str; 7] = ["time", "net", "fs", "thread", "process", "env", "io"];

/// (Name, what to do.)
const NAMES: [(&str, &str); 12] = [
    ("tokio", "return an effect, and let the peer do it"),
    ("async", "return an effect, and let the peer do it"),
    ("SystemTime", "take `now` as an argument"),
    ("Instant", "take `now` as an argument"),
    (
        "HashMap",
        "its order differs between machines: use BTreeMap",
    ),
    (
        "HashSet",
        "its order differs between machines: use BTreeSet",
    ),
    ("f32", "count in integers"),
    ("f64", "count in integers"),
    ("println", "return what happened, and let the peer say it"),
    ("eprintln", "return what happened, and let the peer say it"),
    ("tracing", "return what happened, and let the peer say it"),
    ("getrandom", "take a seed as an argument"),
];

pub(super) fn check(file: &File) -> Vec<Finding> {
    if !file.is_rust() || !PURE.iter().any(|room| file.path.starts_with(room)) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut std_group = false;
    for (number, line) in file.production() {
        for (name, instead) in NAMES.iter().filter(|(name, _)| holds_word(line, name)) {
            let words = format!("`{name}` in a pure crate: {instead}");
            findings.push(Finding::new(file, number, words));
        }
        std_group |= line.contains("std::{");
        for module in STD_MODULES {
            let named = holds_word(line, &format!("std::{module}"));
            if named || (std_group && holds_word(line, module)) {
                let words = format!("`std::{module}` in a pure crate: hand in what it would give");
                findings.push(Finding::new(file, number, words));
            }
        }
        std_group &= !line.contains(';');
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        lines_found(&check(&File::new(path, text)))
    }

    #[test]
    fn a_clock_chance_or_float_is_found_in_each_pure_crate() {
        for room in PURE {
            let path = format!("{room}a.rs");
            assert_eq!(found(&path, "use std::time::Duration;"), [1], "{room}");
            assert_eq!(found(&path, "\nasync fn f(a: f64) {}"), [2, 2], "{room}");
            assert_eq!(
                found(&path, "use std::collections::{BTreeMap, HashMap};"),
                [1],
                "{room}"
            );
        }
        assert_eq!(found("peer/src/a.rs", "use std::time::Instant;"), []);
    }

    #[test]
    fn a_grouped_import_is_seen_through() {
        let text = "use std::{\n    fmt,\n    net::IpAddr,\n};\nlet time = 1;";
        assert_eq!(found("protocol/src/a.rs", text), [3]);
    }

    #[test]
    fn words_and_tests_are_free() {
        let text = "// HashMap would differ.\n#[cfg(test)]\nmod tests {\n use std::env;\n}";
        assert_eq!(found("protocol/src/a.rs", text), []);
    }
}
