//! What the rules cost: `./x bench rules`, or
//! `cargo run --release -p rules --example bench -- 1000 100000 1000000` for so many accounts.
//!
//! One core, rows in memory: no consensus, no disk, no state root, and of all signatures only those
//! that the rules themselves check. A rate is entries (or seals, or openings) per second.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a measurement prints, stops where it cannot measure, and looks at no order"
)]

mod draw;
mod ledger;
mod transfers;
mod work;

use std::time::Duration;

use ledger::Ledger;

fn rate(each: Duration) -> String {
    let rate = 1_000_000_000 / each.as_nanos().max(1);
    format!("{rate} /s ({:.1} µs)", each.as_nanos() as f64 / 1_000.0)
}

fn measure(accounts: u32) {
    let mut ledger = Ledger::new();
    transfers::open_accounts(&mut ledger, accounts);
    let (ruled, bare) = transfers::measure(&mut ledger, accounts);
    let took = work::measure(&mut ledger);
    println!("{accounts} accounts, {} rows", ledger.rows.0.len());
    println!("  transfers                  {}", rate(ruled));
    println!("  the same, a map of balances {}", rate(bare));
    println!("  seals                      {}", rate(took.seal));
    println!("  their signatures alone     {}", rate(took.signature));
    println!("  openings                   {}", rate(took.open));
    println!("  openings that settle       {}", rate(took.settle));
}

fn main() {
    let given: Vec<u32> = std::env::args()
        .skip(1)
        .map(|word| word.parse().expect("a number of accounts"))
        .collect();
    let sizes = if given.is_empty() {
        vec![1_000, 100_000, 1_000_000]
    } else {
        given
    };
    for accounts in sizes {
        measure(accounts);
    }
    for peers in [1_000, 100_000] {
        let (entered, drawn) = draw::measure(peers);
        println!("{peers} peers on the roster");
        println!("  to let one in              {entered:?}");
        println!("  to draw 1 024 bundles x 7  {drawn:?}");
    }
}
