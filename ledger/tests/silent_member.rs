//! One of four members falls silent, each but one in its turn: agreed time goes on for the others,
//! and the one that comes back leads again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "other tests use more of it")]
#[path = "federation/town.rs"]
mod town;

use ledger::{Feed, Health, WallClock};
use protocol::units::Height;
use std::sync::Arc;
use std::time::{Duration, Instant};
use town::{PATIENCE, Town, VIEW, await_height};

/// Agreed blocks are watched for so long.
const WATCHED: Duration = Duration::from_secs(6);
/// Under load, an entry is sent this often.
const SENT_EVERY: Duration = Duration::from_millis(10);
const HEARD: u8 = 0;

/// How long agreed time stood still, each time, while `also` is done now and then.
fn gaps(feed: &mut Feed, mut also: impl FnMut()) -> Vec<Duration> {
    let (begun, mut last) = (Instant::now(), Instant::now());
    let mut gaps = Vec::new();
    while begun.elapsed() < WATCHED {
        also();
        if feed.next(SENT_EVERY).is_some() {
            gaps.push(last.elapsed());
            last = Instant::now();
        }
    }
    gaps.push(last.elapsed());
    gaps
}

fn health(town: &Town) -> Health {
    town.member(HEARD).status().health.unwrap()
}

/// Waits until blocks go on, over two rounds, with nobody's turn cut short.
fn await_full_rounds(town: &Town) {
    let end = Instant::now() + PATIENCE;
    loop {
        assert!(
            Instant::now() < end,
            "turns are still cut: {:?}",
            health(town)
        );
        let before = health(town);
        await_height(town.member(HEARD), before.head.after(8));
        let after = health(town);
        if after.left_early == before.left_early && after.view - before.view <= 10 {
            return;
        }
    }
}

#[test]
fn a_silent_member_stalls_nobody_for_two_view_times() {
    let mut town = Town::new();
    let mut feed = town.member(HEARD).agreed_from(Height::new(1));
    await_height(town.member(HEARD), Height::new(8));
    while feed.next(Duration::ZERO).is_some() {}
    let rest = gaps(&mut feed, || {});
    println!(
        "nobody silent: longest {:?} idle, {} blocks",
        rest.iter().max().unwrap(),
        rest.len()
    );
    assert!(
        rest.len() < 20,
        "all are there, and {} blocks were made at rest",
        rest.len()
    );
    let mut all = Vec::new();
    for silent in [3, 2, 1] {
        while feed.next(Duration::ZERO).is_some() {}
        let early = health(&town).left_early;
        town.silence(silent);
        let idle = gaps(&mut feed, || {});
        let loaded = gaps(&mut feed, || {
            let entry = town.transfer(10, 20, 5);
            for member in [0, 1, 2, 3].into_iter().filter(|member| *member != silent) {
                // It is agreed already, or this member's pool is full: another one has it.
                let _taken = town.member(member).propose(&entry);
            }
        });
        println!(
            "member {silent} silent: longest {:?} idle, {:?} loaded, {} and {} blocks",
            idle.iter().max().unwrap(),
            loaded.iter().max().unwrap(),
            idle.len(),
            loaded.len(),
        );
        assert!(
            health(&town).left_early > early,
            "its turns were not cut short"
        );
        all.extend([idle, loaded]);
        town.stop(silent);
        town.start(silent, Arc::new(WallClock));
        let head = town.member(HEARD).status().height;
        await_height(town.member(silent), head);
        await_full_rounds(&town);
    }
    let mut longest: Vec<Duration> = all.iter().map(|gaps| *gaps.iter().max().unwrap()).collect();
    longest.sort_unstable();
    // One of the six may be the machine's: it stands still for everybody now and then.
    assert!(
        longest[4] < 2 * VIEW,
        "agreed time stood still: {longest:?}"
    );
}
