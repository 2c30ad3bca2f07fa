//! Four members in one process, on real disks, with the real rules: they agree, others follow, and
//! what is wrong is refused.

mod town;

use protocol::units::{Credits, Height};
use town::{PATIENCE, Town, await_entries, await_height, follow, follower, party, root_at};

const FIRST: Height = Height::new(1);

#[test]
fn four_members_agree_on_transfers_and_on_every_root() {
    let mut town = Town::new();
    let mut entries = Vec::new();
    for round in 0..25 {
        for from in 10..18 {
            let entry = town.transfer(from, 18 + (round + from) % 8, 1_000 + u64::from(round));
            entries.push(town.propose(&entry));
        }
    }
    let last = town.running().map(|m| await_entries(m, FIRST, &entries)).max().unwrap();
    for member in town.running() {
        await_height(member, last);
    }
    for height in 1..=last.get() {
        let height = Height::new(height);
        let roots: Vec<_> = town.running().map(|member| root_at(member, height)).collect();
        assert!(roots.iter().all(|root| *root == roots[0]), "block {height}: {roots:?}");
    }
    let reader = town.member(0).ask();
    let before = Credits::new(1_000_000_000);
    let paid = rules::read::wallet(&reader, party(10)).available;
    assert!(paid < before, "transfers and fees are paid: {paid}");
    assert_eq!(rules::read::nonce(&reader, party(10), 0), 25);
    let verified = town.member(3).verify().unwrap();
    assert_eq!(verified.entries, 200);
    assert!(verified.height >= last);
}

#[test]
fn a_follower_catches_up_after_it_was_away_and_replays_to_the_same_root() {
    let mut town = Town::new();
    let home = tempfile::tempdir().unwrap();
    let mut from = FIRST;
    for round in 0..3 {
        let entries: Vec<_> = (0..20).map(|n| town.transfer(10 + n % 4, 20, 5)).collect();
        let ids: Vec<_> = entries.iter().map(|entry| town.propose(entry)).collect();
        let agreed = await_entries(town.member(round), from, &ids);
        // Opened again in each round, as after a stop.
        let follower = follower(home.path().to_path_buf(), &town.genesis);
        follow(&follower, town.member(round), agreed);
        assert_eq!(root_at(&follower, agreed), root_at(town.member(round), agreed));
        let told = follower.agreed_from(FIRST).next(PATIENCE).unwrap();
        assert_eq!(town.member(0).agreed_from(FIRST).next(PATIENCE).unwrap(), told);
        from = agreed;
    }
    let opened = follower(home.path().to_path_buf(), &town.genesis);
    let height = opened.status().height;
    let root = opened.status().root;
    drop(opened);
    let verified = ledger::verify::replay(home.path(), &town.genesis).unwrap();
    assert_eq!((verified.height, verified.root, verified.entries), (height, root, 60));
}
