//! How many signed transfers a second four members agree on in one process, and how fast one of
//! them replays these. `cargo run --release -p ledger --example rate -- [transfers] [parties]`
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that fails has nothing better to do"
)]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/federation/town.rs"]
mod town;

use protocol::units::Height;
use std::time::{Duration, Instant};
use town::Town;

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
    let begun = Instant::now();
    let (mut sent, mut agreed, mut blocks, mut window) = (0, 0, 0_u64, Vec::new());
    let mut first = None;
    while agreed < count {
        while sent < entries.len() && sent as u64 - agreed < 4_000 {
            town.propose(&entries[sent]);
            window.push(Instant::now());
            sent += 1;
        }
        let Some(block) = feed.next(Duration::from_millis(5)) else {
            continue;
        };
        if !block.answers.is_empty() {
            blocks += 1;
            first.get_or_insert(window[0].elapsed());
        }
        agreed += block.answers.len() as u64;
    }
    println!(
        "agreed      {:>9.0} /s by four members, {blocks} full blocks",
        rate(count, begun)
    );
    println!("first block {:>9.1} ms", first.unwrap().as_secs_f64() * 1e3);
    let begun = Instant::now();
    let verified = town.member(0).verify().unwrap();
    println!(
        "replayed    {:>9.0} /s, one thread, {} blocks",
        rate(count, begun),
        verified.height
    );
}

fn rate(count: u64, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}
