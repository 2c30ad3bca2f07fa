//! Members come, go, and weigh more or less, while the others go on agreeing.

#![allow(clippy::unwrap_used)]

mod toy;

use toy::seats::seat;
use toy::{Federation, alone, wait_until};

/// Waits until all running members know of so many members.
fn await_members(federation: &Federation, count: usize) {
    for (place, engine) in federation.live().enumerate() {
        wait_until(&format!("{place} knows of {count} members"), || {
            engine.members().len() == count
        });
    }
}

#[test]
fn a_fifth_member_joins_and_its_vote_counts() {
    let _alone = alone();
    let mut federation = Federation::with_others(4, 1);
    (0..4).for_each(|place| federation.start(place));
    federation.agree(1, &[0, 1, 2, 3]);
    federation.agree(seat(0, 4, 1), &[0, 1, 2, 3]);
    await_members(&federation, 5);
    federation.agree(2, &[0, 1, 2, 3]);
    // It begins at genesis, and catches up across its own joining.
    federation.start(4);
    federation.agree(3, &[0, 1, 2, 3, 4]);
    federation.check();
    // Four of five decide: without the new one nothing would, once an old one is gone.
    federation.stop(0);
    for entry in 4..9 {
        federation.agree(entry, &[1, 2, 3, 4]);
    }
    federation.start(0);
    federation.agree(9, &[0, 1, 2, 3, 4]);
    federation.check();
    federation.nobody_voted_twice();
}

#[test]
fn a_member_leaves_and_four_go_on_without_any_one() {
    let _alone = alone();
    let mut federation = Federation::running(5);
    federation.agree(1, &[0, 1, 2, 3, 4]);
    federation.agree(seat(0, 2, 0), &[0, 1, 3, 4]);
    await_members(&federation, 4);
    federation.agree(2, &[0, 1, 3, 4]);
    federation.stop(2);
    // Three of four decide.
    federation.stop(4);
    for entry in 3..7 {
        federation.agree(entry, &[0, 1, 3]);
    }
    federation.start(4);
    federation.agree(7, &[0, 1, 3, 4]);
    federation.check();
}

#[test]
fn powers_change_again_and_again_with_any_one_member_silent() {
    let _alone = alone();
    let federation = Federation::running(4);
    federation.agree(1, &[0, 1, 2, 3]);
    let mut number = 0;
    for silent in 0..4 {
        federation.silence(silent, true);
        let others: Vec<usize> = (0..4).filter(|place| *place != silent).collect();
        // Wherever in its rounds the silent one's turn comes, the change gets past it.
        for power in [2, 1, 2, 1] {
            federation.agree(seat(number, others[0], power), &others);
            number += 1;
        }
        federation.silence(silent, false);
        federation.agree(10 + silent as u64, &[0, 1, 2, 3]);
    }
    federation.check();
    federation.nobody_voted_twice();
}

#[test]
fn a_member_that_was_away_takes_the_blocks_across_two_changes() {
    let _alone = alone();
    let mut federation = Federation::running(5);
    federation.agree(1, &[0, 1, 2, 3, 4]);
    federation.stop(4);
    federation.agree(seat(0, 0, 2), &[0, 1, 2, 3]);
    for entry in 2..30 {
        federation.agree(entry, &[0, 1, 2, 3]);
    }
    federation.agree(seat(1, 0, 1), &[0, 1, 2, 3]);
    federation.agree(30, &[0, 1, 2, 3]);
    federation.start(4);
    federation.agree(31, &[0, 1, 2, 3, 4]);
    federation.check();
}

#[test]
fn all_stop_in_the_middle_of_a_change_and_go_on() {
    let _alone = alone();
    let mut federation = Federation::with_others(4, 1);
    (0..4).for_each(|place| federation.start(place));
    federation.agree(0, &[0, 1, 2, 3]);
    for round in 0..4 {
        // Stopped as soon as one of them has it, or a little later, the others wherever they are.
        let (entry, first) = (seat(round, 4, round % 2 + 1), usize::from(round));
        federation.submit(entry);
        let disk = federation.engine(first).disk().clone();
        wait_until("one has the change", || {
            disk.row(&toy::entry_key(entry)).is_some()
        });
        drop(disk);
        std::thread::sleep(std::time::Duration::from_millis(u64::from(round) * 2));
        federation.stop_all();
        federation.start_all();
        federation.agree(u64::from(round) + 1, &[0, 1, 2, 3, 4]);
    }
    federation.check();
    federation.nobody_voted_twice();
}
