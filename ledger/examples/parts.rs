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
use protocol::entry::{Body, CheckedEntry, Entry};
use protocol::genesis::Genesis;
use protocol::ids::Digest;
use protocol::signed::Signed;
use protocol::units::{Credits, Height, Millis, Moment};
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

/// A state in memory, and the entries for one block after the other.
struct Scene {
    genesis: Genesis,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    tree: Tree,
    checker: Checker,
    nonces: BTreeMap<u8, u64>,
    clocks: Clocks,
    touched: usize,
    written: usize,
}

impl Scene {
    fn new() -> Self {
        let genesis = town::genesis();
        let mut rows = rules::begin(&genesis).unwrap();
        let mut tree = Tree::default();
        let list = rows.iter().map(|(key, row)| (&key[..], Some(&row[..])));
        let growth = grow(&tree, |_| None, list);
        tree.settle(&growth);
        rows.extend(
            growth
                .rows
                .into_iter()
                .map(|(key, row)| (key, row.unwrap())),
        );
        let checker = Checker::new(genesis.id());
        let (nonces, clocks) = (BTreeMap::new(), Clocks(BTreeMap::new()));
        Self {
            genesis,
            rows,
            tree,
            checker,
            nonces,
            clocks,
            touched: 0,
            written: 0,
        }
    }

    fn transfer(&mut self, n: u64, parties: u64, now: Moment) -> CheckedEntry {
        let from = 10 + u8::try_from(n % parties).unwrap();
        let to = 10 + u8::try_from((n * 7 + 3) % parties).unwrap();
        let nonce = self.nonces.entry(from).or_default();
        *nonce += 1;
        let entry = Entry {
            federation: self.genesis.id(),
            sender: town::party(from),
            lane: 0,
            nonce: *nonce - 1,
            valid_until: now.after(Millis::new(60_000)),
            fee_payer: None,
            cosigners: Vec::new(),
            body: Body::Transfer {
                moves: vec![(town::party(to), Credits::new(1))],
            },
        };
        let key = town::key(from);
        let signed = self
            .clocks
            .run("sign (the sender)", || Signed::sign(entry, &key));
        let (written, checker) = (bytes::write(&signed), &self.checker);
        let known = self
            .clocks
            .run("check the signature", || checker.check(&written).unwrap());
        known.entry.clone()
    }

    fn block(&mut self, number: u64, size: u64, parties: u64) {
        let now = self.genesis.begins.after(Millis::new(number));
        let entries: Vec<_> = (0..size).map(|n| self.transfer(n, parties, now)).collect();
        let at = At {
            height: Height::new(number),
            now,
            parent: Digest::new([0; 32]),
        };
        let (rows, clocks) = (&self.rows, &mut self.clocks);
        let applied = clocks.run("apply the rules", || {
            rules::apply_block(rows, &at, &entries)
        });
        assert!(applied.answers.iter().all(Result::is_ok));
        let tree = &mut self.tree;
        let growth = clocks.run("grow the root", || {
            let changes = applied
                .updates
                .iter()
                .map(|(key, row)| (&key[..], row.as_deref()));
            let growth = grow(tree, |key| rows.get(key).cloned(), changes);
            tree.settle(&growth);
            growth
        });
        self.touched += applied.updates.len();
        for (key, row) in applied.updates.into_iter().chain(growth.rows) {
            self.written += key.len() + row.as_ref().map_or(0, Vec::len);
            match row {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }
}

fn main() {
    let mut args = std::env::args()
        .skip(1)
        .map(|arg| arg.parse::<u64>().unwrap());
    let (size, parties) = (args.next().unwrap_or(500), args.next().unwrap_or(20));
    let mut scene = Scene::new();
    for number in 1..=BLOCKS {
        scene.block(number, size, parties);
    }
    let all = f64::from(u32::try_from(BLOCKS * size).unwrap());
    for (part, busy) in scene.clocks.0 {
        println!("{part:24} {:>8.1} us an entry", busy as f64 / 1e3 / all);
    }
    let (rows, bytes) = (scene.touched as f64 / all, scene.written as f64 / all);
    println!(
        "{:24} {rows:>8.1} rows, {bytes:.0} bytes an entry",
        "changed"
    );
}
