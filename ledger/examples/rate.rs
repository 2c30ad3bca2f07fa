//! How many signed transfers a second four members agree on in one process, and how fast one of
//! them replays these. `cargo run --release -p ledger --example rate -- [transfers] [parties]`
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that fails has nothing better to do"
)]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/federation/town.rs"]
mod town;

use ledger::{Ledger, PoolRefusal};
use protocol::entry::SignedEntry;
use protocol::units::Height;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use town::Town;

/// Entries that wait at most, all parties together.
const AHEAD: u64 = 4_000;

fn main() {
    let mut args = std::env::args()
        .skip(1)
        .map(|arg| arg.parse::<u64>().unwrap());
    let (count, parties) = (args.next().unwrap_or(20_000), args.next().unwrap_or(20));
    let mut town = Town::new();
    let from = |n: u64| 10 + u8::try_from(n % parties).unwrap();
    let begun = Instant::now();
    let entries: Vec<_> = (0..count)
        .map(|n| town.transfer(from(n), from(n * 7 + 3), 1))
        .collect();
    println!("signed      {:>9.0} /s, one thread", rate(count, begun));
    let mut feed = town.member(0).agreed_from(Height::new(1));
    while feed.next(Duration::from_millis(3_000)).is_none() {}
    let (begun, busy) = (Instant::now(), busy());
    let agreed = AtomicU64::new(0);
    let blocks = std::thread::scope(|threads| {
        for member in town.running() {
            threads.spawn(|| hand_in(member, &entries, &agreed));
        }
        let mut blocks = 0;
        while agreed.load(Ordering::Relaxed) < count {
            let Some(block) = feed.next(Duration::from_millis(100)) else {
                continue;
            };
            blocks += u64::from(!block.answers.is_empty());
            agreed.fetch_add(block.answers.len() as u64, Ordering::Relaxed);
        }
        blocks
    });
    let spent = (self::busy() - busy) / count as f64 * 1e6;
    println!(
        "agreed      {:>9.0} /s by four members, {blocks} full blocks",
        rate(count, begun)
    );
    println!("            {spent:>9.0} us of processor time each, all members together");
    let begun = Instant::now();
    let verified = town.member(0).verify().unwrap();
    println!(
        "replayed    {:>9.0} /s, one thread, {} blocks",
        rate(count, begun),
        verified.height
    );
}

/// Hands all entries to one member, at most so many ahead of what is agreed.
fn hand_in(member: &Ledger, entries: &[SignedEntry], agreed: &AtomicU64) {
    for (number, entry) in entries.iter().enumerate() {
        while number as u64 >= agreed.load(Ordering::Relaxed) + AHEAD {
            std::thread::sleep(Duration::from_millis(1));
        }
        match member.propose(entry) {
            Ok(_) | Err(PoolRefusal::NonceUsed { .. }) => {}
            Err(refusal) => panic!("{refusal}"),
        }
    }
}

/// Seconds of processor time this process has used, from Linux's count of 10 ms ticks.
fn busy() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    [11, 12]
        .iter()
        .map(|place| fields[*place].parse::<f64>().unwrap())
        .sum::<f64>()
        / 100.0
}

fn rate(count: u64, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}
