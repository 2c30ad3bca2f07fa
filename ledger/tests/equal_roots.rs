//! However a peer came to its state, it is the same state: by voting all along, by being stopped in
//! the middle of it, by losing its disk, by following from genesis, or from a copy of a member's
//! ledger.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "other tests use more of it")]
#[path = "federation/town.rs"]
mod town;

use ledger::{LEDGER_FOLDER, WallClock};
use protocol::units::Height;
use std::path::Path;
use std::sync::Arc;
use town::{Town, await_entries, await_height, follow, follower, root_at};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Twenty transfers, agreed by a member that runs; the height of the last.
fn work(town: &mut Town, by: u8) -> Height {
    let entries: Vec<_> = (0..20).map(|n| town.transfer(10 + n % 4, 20, 5)).collect();
    let ids: Vec<_> = entries.iter().map(|entry| town.propose(entry)).collect();
    await_entries(town.member(by), Height::new(1), &ids)
}

#[test]
fn all_ways_to_a_state_lead_to_the_same_root() {
    let mut town = Town::new();
    work(&mut town, 0);
    // In the middle of blocks, not between them.
    for entry in (0..20)
        .map(|n| town.transfer(14 + n % 4, 20, 5))
        .collect::<Vec<_>>()
    {
        town.propose(&entry);
    }
    town.stop(2);
    let copied = tempfile::tempdir().unwrap();
    copy(
        &town.home(2).join(LEDGER_FOLDER),
        &copied.path().join(LEDGER_FOLDER),
    );
    work(&mut town, 0);
    town.start(2, Arc::new(WallClock));
    await_height(town.member(2), town.member(0).status().height);
    town.stop(1);
    std::fs::remove_dir_all(town.home(1).join(LEDGER_FOLDER)).unwrap();
    work(&mut town, 0);
    town.start(1, Arc::new(WallClock));
    let last = work(&mut town, 0);

    let late = tempfile::tempdir().unwrap();
    let late = follower(late.path().to_path_buf(), &town.genesis);
    let snapshot = follower(copied.path().to_path_buf(), &town.genesis);
    assert!(snapshot.status().height > Height::GENESIS && !snapshot.status().is_member);
    for member in town.running() {
        await_height(member, last);
    }
    follow(&late, town.member(2), last);
    follow(&snapshot, town.member(1), last);
    let root = root_at(town.member(0), last);
    let all = town.running().map(Arc::as_ref).chain([&late, &snapshot]);
    for (place, ledger) in all.enumerate() {
        assert_eq!(root_at(ledger, last), root, "ledger {place}");
        assert!(ledger.verify().unwrap().height >= last, "ledger {place}");
    }
}
