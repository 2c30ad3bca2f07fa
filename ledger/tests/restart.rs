//! Members that stop, lose their disk or come back in different views.

mod toy;

use hotstuff_rs::block_tree::pluggables::KVGet;
use hotstuff_rs::types::data_types::{BlockHeight, CryptoHash};
use ledger::disk::{Disk, DiskError};
use ledger::engine::EngineError;
use ledger::guard::GuardError;
use protocol::units::Height;
use toy::{Federation, alone, wait_until};

#[test]
fn a_member_that_was_away_catches_up() {
    let _alone = alone();
    let mut federation = Federation::running(4);
    federation.agree(0, &[0, 1, 2, 3]);
    for away in 0..4 {
        federation.stop(away);
        let others: Vec<usize> = (0..4).filter(|place| *place != away).collect();
        let entries = (away as u64 + 1) * 10;
        for entry in entries..entries + 4 {
            federation.agree(entry, &others);
        }
        federation.start(away);
        federation.agree(entries + 9, &[0, 1, 2, 3]);
    }
    federation.check();
    federation.nobody_voted_twice();
}

#[test]
fn a_member_that_lost_its_disk_comes_back_and_never_votes_twice() {
    let _alone = alone();
    let mut federation = Federation::running(4);
    for entry in 0..5 {
        federation.agree(entry, &[0, 1, 2, 3]);
    }
    federation.stop(3);
    std::fs::remove_dir_all(federation.folder(3)).unwrap();
    federation.agree(5, &[0, 1, 2]);
    federation.start(3);
    federation.agree(6, &[0, 1, 2, 3]);
    federation.check();
    federation.nobody_voted_twice();
}

#[test]
fn a_federation_that_stopped_in_different_views_goes_on_by_itself() {
    let _alone = alone();
    let mut federation = Federation::running(4);
    federation.agree(0, &[0, 1, 2, 3]);
    federation.stop_all();
    // Each start moves a member up by one: nobody is where another is.
    for (place, starts) in [(1, 1), (2, 3), (3, 7)] {
        for _ in 0..starts {
            federation.start(place);
            federation.stop(place);
        }
    }
    federation.start_all();
    federation.agree(1, &[0, 1, 2, 3]);
    federation.check();
}

#[test]
fn three_members_that_stopped_in_different_views_go_on_without_the_fourth() {
    let _alone = alone();
    let mut federation = Federation::running(4);
    federation.agree(0, &[0, 1, 2, 3]);
    federation.stop_all();
    for _ in 0..3 {
        federation.start(2);
        federation.stop(2);
    }
    for place in 0..3 {
        federation.start(place);
    }
    federation.agree(1, &[0, 1, 2]);
    federation.check();
}

#[test]
fn a_damaged_guard_or_ledger_is_refused_with_words_that_help() {
    let _alone = alone();
    let mut federation = Federation::running(4);
    federation.agree(0, &[0, 1, 2, 3]);
    federation.stop_all();

    let guard = federation.guard(0);
    let mut bytes = std::fs::read(&guard).unwrap();
    bytes[20] ^= 4;
    std::fs::write(&guard, &bytes).unwrap();
    let refused = federation.try_start(0).unwrap_err();
    assert!(matches!(
        refused,
        EngineError::Guard(GuardError::Damaged { .. })
    ));

    let folder = federation.folder(1);
    let log = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| {
            let is_log = path.extension().is_some_and(|end| end == "log");
            is_log && std::fs::metadata(path).unwrap().len() > 200
        })
        .expect("a log that was not flushed");
    let mut bytes = std::fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&log, &bytes).unwrap();
    let refused = Disk::open(&folder).map(|_| ()).unwrap_err();
    assert!(matches!(refused, DiskError::Damaged { .. }), "{refused:?}");
    assert!(refused.to_string().contains("move that folder away"));

    // What the message says works: the folder goes, the guard stays, the others fill it again.
    std::fs::remove_dir_all(&folder).unwrap();
    for place in 1..4 {
        federation.start(place);
    }
    federation.agree(1, &[1, 2, 3]);
    let again = Disk::open(&federation.folder(2)).map(|_| ()).unwrap_err();
    assert!(matches!(again, DiskError::InUse { .. }), "{again:?}");
}

#[test]
fn what_is_agreed_survives_a_stop() {
    let _alone = alone();
    let mut federation = Federation::running(4);
    federation.agree(0, &[0, 1, 2, 3]);
    let head = federation.check();
    federation.stop_all();
    let disk = Disk::open(&federation.folder(0)).unwrap();
    assert!(disk.head() >= head && head > Height::GENESIS);
    assert!(disk.agreed(head).is_some());
    drop(disk);
    federation.start_all();
    wait_until("the chain grows", || {
        federation.engine(0).disk().head() > head.after(3)
    });
    federation.check();
}

#[test]
fn the_engine_forgets_old_blocks_and_who_lost_all_still_gets_them() {
    const KEPT: u64 = 20;
    let _alone = alone();
    let mut federation = Federation::new(4);
    federation.kept = KEPT;
    federation.start_all();
    for entry in 0..60 {
        federation.agree(entry, &[0, 1, 2, 3]);
    }
    for engine in federation.live() {
        let disk = engine.disk();
        wait_until("old blocks are gone", || disk.head().get() > KEPT + 60);
        let first = disk.agreed(Height::new(1)).expect("the chain has all");
        let hash = CryptoHash::new(*first.header.hash().bytes());
        let at = |number| KVGet::block_at_height(disk, BlockHeight::new(number)).unwrap();
        assert!(at(0).is_none() && at(disk.head().get() - KEPT / 2).is_some());
        assert!(KVGet::block(disk, &hash).unwrap().is_none());
        assert!(KVGet::children(disk, &hash).is_err());
    }
    federation.stop(3);
    std::fs::remove_dir_all(federation.folder(3)).unwrap();
    federation.start(3);
    federation.agree(60, &[0, 1, 2, 3]);
    // And all begin again from what is left.
    federation.stop_all();
    federation.start_all();
    federation.agree(61, &[0, 1, 2, 3]);
    assert!(federation.check() > Height::new(60));
}
