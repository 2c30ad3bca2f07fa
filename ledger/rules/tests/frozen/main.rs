//! What is frozen: the numbers and names of refusals, faults and postings, and the numbers that
//! tables begin with. One that was ever given never means anything else; a new one is added here,
//! on purpose, and a refusal comes with a story that ends in it.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "../scene/audit.rs"]
mod audit_scene;
#[path = "../scene/canary.rs"]
mod canary_scene;
#[path = "../scene/capacity.rs"]
mod capacity_scene;
#[path = "../scene/channel.rs"]
mod channel_scene;
#[path = "../scene/council.rs"]
mod council_scene;
#[path = "../scene/job.rs"]
mod job_scene;
#[path = "../scene/lease.rs"]
mod lease_scene;
mod lists;
#[path = "../scene/redress.rs"]
mod redress_scene;
#[path = "../scene/mod.rs"]
mod scene;
#[path = "../scene/sign.rs"]
mod sign;
#[path = "../scene/voter.rs"]
mod voter_scene;

mod by_audits;
mod by_canaries;
mod by_capacity;
mod by_channels;
mod by_council;
mod by_entries;
mod by_issuance;
mod by_jobs;
mod by_keys;
mod by_leases;
mod by_panels;
mod by_peers;
mod by_purses;
mod by_redress;
mod by_voters;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;

use rules::Refusal;
use scene::*;

/// The refusals that stories ended in: number and name.
#[derive(Debug, Default)]
struct Refused(BTreeMap<u16, String>);

impl Refused {
    /// What was asked is refused with this number.
    #[track_caller]
    fn with<T: Debug>(&mut self, number: u16, answer: Result<T, Refusal>) {
        let refusal = answer.expect_err("a story ends in a refusal");
        assert_eq!(refusal.code(), number, "{refusal}");
        assert!(!refusal.to_string().is_empty());
        self.0.insert(number, name(&refusal));
    }
}

/// What a refusal is called in the code.
fn name(refusal: &Refusal) -> String {
    let shown = format!("{refusal:?}");
    let inner = ["Council(", "Issue(", "Channel(", "Lease("]
        .iter()
        .find_map(|room| shown.strip_prefix(room));
    let name = inner.unwrap_or(&shown);
    name.split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap()
        .to_owned()
}

/// Lines of Rust that give a name a number, as `Name … => 7` or `Name = 7,`.
fn numbered(source: &str, between: &str) -> BTreeMap<u16, String> {
    let line = |line: &str| {
        let (left, right) = line.trim().split_once(between)?;
        let number = right.trim_end_matches(',').parse().ok()?;
        let left = left.trim_start_matches("Self::");
        let name = left.split(|c: char| !c.is_alphanumeric()).next()?;
        Some((number, name.to_owned()))
    };
    source.lines().filter_map(line).collect()
}

fn frozen(list: &[(u16, &str)]) -> BTreeMap<u16, String> {
    let lines = list
        .iter()
        .map(|(number, name)| (*number, (*name).to_owned()));
    let frozen: BTreeMap<u16, String> = lines.collect();
    assert_eq!(frozen.len(), list.len(), "a number is given once");
    frozen
}

#[test]
fn refusals_keep_their_numbers_and_each_is_provoked_by_a_story() {
    let mut written = numbered(include_str!("../../src/refusal/code.rs"), " => ");
    written.extend(numbered(
        include_str!("../../src/refusal/council.rs"),
        " => ",
    ));
    written.extend(numbered(
        include_str!("../../src/refusal/channel.rs"),
        " => ",
    ));
    written.extend(numbered(include_str!("../../src/refusal/lease.rs"), " => "));
    let frozen = frozen(lists::REFUSALS);
    assert_eq!(
        written, frozen,
        "a number that was given means what it meant"
    );
    let stories: [fn(&mut Refused); 15] = [
        by_entries::tell,
        by_keys::tell,
        by_purses::tell,
        by_peers::tell,
        by_jobs::tell,
        by_panels::tell,
        by_audits::tell,
        by_canaries::tell,
        by_council::tell,
        by_issuance::tell,
        by_voters::tell,
        by_redress::tell,
        by_channels::tell,
        by_capacity::tell,
        by_leases::tell,
    ];
    let mut refused = Refused::default();
    std::thread::scope(|scope| {
        let told = stories.map(|story| {
            scope.spawn(move || {
                let mut refused = Refused::default();
                story(&mut refused);
                refused
            })
        });
        for told in told {
            refused.0.extend(told.join().unwrap().0);
        }
    });
    assert_eq!(
        refused.0, frozen,
        "every refusal has a story that ends in it"
    );
}

#[test]
fn postings_keep_their_numbers() {
    let written = numbered(include_str!("../../src/money.rs"), " = ");
    assert_eq!(written, frozen(lists::POSTINGS));
}

#[test]
fn tables_keep_their_first_byte() {
    let mut written = BTreeMap::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            for line in std::fs::read_to_string(path).unwrap().lines() {
                let parts = line.trim().split_once(", 0x");
                let byte = parts.and_then(|(_, rest)| u16::from_str_radix(rest.get(..2)?, 16).ok());
                if let (Some((name, _)), Some(byte)) = (parts, byte) {
                    let other = written.insert(byte, name.to_owned());
                    assert_eq!(other, None, "{name} begins as another does");
                }
            }
        }
    }
    assert_eq!(written, frozen(lists::TABLES));
}

#[test]
fn faults_keep_their_codes_and_have_words() {
    for (fault, code) in lists::FAULTS {
        assert_eq!(fault.code(), code);
        assert!(!fault.words().is_empty());
    }
}
