//! What one transfer costs a member, part by part, in processor time of one thread.
//! `cargo run --release -p ledger --example parts -- [entries a block] [parties]`
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that fails has nothing better to do"
)]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/federation/town.rs"]
mod town;

use ledger::commitment::{Tree, grow};
use ledger::known::Checker;
use protocol::bytes;
use protocol::entry::{Body, CheckedEntry, Entry, SignedEntry};
use protocol::ids::Digest;
use protocol::signed::Signed;
use protocol::units::{Credits, Height, Millis};
use rules::At;
use std::collections::BTreeMap;

const BLOCKS: u64 = 20;

/// Nanoseconds that this thread has had a processor.
fn busy() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

struct Clocks(BTreeMap<&'static str, u64>);

impl Clocks {
    fn run<T>(&mut self, part: &'static str, work: impl FnOnce() -> T) -> T {
        let begun = busy();
        let done = work();
        *self.0.entry(part).or_default() += busy() - begun;
        done
    }
}

fn main() {
    let mut args = std::env::args()
        .skip(1)
        .map(|arg| arg.parse::<u64>().unwrap());
    let (size, parties) = (args.next().unwrap_or(500), args.next().unwrap_or(20));
    let genesis = town::genesis();
    let mut rows = rules::begin(&genesis).unwrap();
    let mut tree = Tree::default();
    let growth = grow(
        &tree,
        |_| None,
        rows.iter().map(|(k, v)| (&k[..], Some(&v[..]))),
    );
    tree.settle(&growth);
    rows.extend(
        growth
            .rows
            .into_iter()
            .map(|(key, row)| (key, row.unwrap())),
    );
    let checker = Checker::new(genesis.id());
    let mut clocks = Clocks(BTreeMap::new());
    let (mut nonces, mut touched, mut written) = (BTreeMap::<u8, u64>::new(), 0, 0);
    for number in 1..=BLOCKS {
        let now = genesis.begins.after(Millis::new(number));
        let entries: Vec<SignedEntry> = (0..size)
            .map(|n| {
                let from = 10 + u8::try_from(n % parties).unwrap();
                let to = 10 + u8::try_from((n * 7 + 3) % parties).unwrap();
                let nonce = nonces.entry(from).or_default();
                *nonce += 1;
                let entry = Entry {
                    federation: genesis.id(),
                    sender: town::party(from),
                    lane: 0,
                    nonce: *nonce - 1,
                    valid_until: now.after(Millis::new(60_000)),
                    body: Body::Transfer {
                        moves: vec![(town::party(to), Credits::new(1))],
                    },
                };
                clocks.run("sign (the sender)", || {
                    Signed::sign(entry, &town::key(from))
                })
            })
            .collect();
        let known: Vec<_> = entries
            .iter()
            .map(|entry| {
                let written = bytes::write(entry);
                clocks.run("check the signature", || checker.check(&written).unwrap())
            })
            .collect();
        let checked: Vec<CheckedEntry> = known.iter().map(|known| known.entry.clone()).collect();
        let first = &checked[0];
        clocks
            .run("preview (once a block)", || {
                rules::preview(&rows, now, first)
            })
            .unwrap();
        let at = At {
            height: Height::new(number),
            now,
            parent: Digest::new([0; 32]),
        };
        let applied = clocks.run("apply the rules", || {
            rules::apply_block(&rows, &at, &checked)
        });
        assert!(applied.answers.iter().all(Result::is_ok));
        let changes = applied
            .updates
            .iter()
            .map(|(key, row)| (&key[..], row.as_deref()));
        let growth = clocks.run("grow the root", || {
            grow(&tree, |key| rows.get(key).cloned(), changes)
        });
        clocks.run("grow the root", || tree.settle(&growth));
        touched += applied.updates.len();
        for (key, row) in applied.updates.into_iter().chain(growth.rows) {
            written += key.len() + row.as_ref().map_or(0, Vec::len);
            match row {
                Some(row) => rows.insert(key, row),
                None => rows.remove(&key),
            };
        }
    }
    let all = f64::from(u32::try_from(BLOCKS * size).unwrap());
    for (part, busy) in clocks.0 {
        println!("{part:24} {:>8.1} us an entry", busy as f64 / 1e3 / all);
    }
    println!(
        "{:24} {:>8.1} rows, {:.0} bytes an entry",
        "changed",
        touched as f64 / all,
        written as f64 / all
    );
}
