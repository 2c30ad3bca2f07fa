//! Four members in one process, on real disks, with the real rules: they agree, others follow, and
//! what is wrong is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "other tests use more of it")]
mod town;

use ledger::disk::{Disk, Draft};
use ledger::{
    Clock, Config, FollowFault, Ledger, NoCarrier, PoolRefusal, Rejected, Role, StartError,
    VerifyError, WallClock,
};
use protocol::entry::Body;
use protocol::event::Event;
use protocol::genesis::Genesis;
use protocol::ids::Digest;
use protocol::job::{Care, Class, Judge, Terms};
use protocol::units::{Credits, GFUEL, Height, Millis, Moment};
use rules::Refusal;
use std::sync::Arc;
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
    let last = town
        .running()
        .map(|m| await_entries(m, FIRST, &entries))
        .max()
        .unwrap();
    for member in town.running() {
        await_height(member, last);
    }
    for height in 1..=last.get() {
        let height = Height::new(height);
        let roots: Vec<_> = town
            .running()
            .map(|member| root_at(member, height))
            .collect();
        assert!(
            roots.iter().all(|root| *root == roots[0]),
            "block {height}: {roots:?}"
        );
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
        assert_eq!(
            root_at(&follower, agreed),
            root_at(town.member(round), agreed)
        );
        let told = follower.agreed_from(FIRST).next(PATIENCE).unwrap();
        assert_eq!(
            town.member(0).agreed_from(FIRST).next(PATIENCE).unwrap(),
            told
        );
        from = agreed;
    }
    let opened = follower(home.path().to_path_buf(), &town.genesis);
    let height = opened.status().height;
    let root = opened.status().root;
    drop(opened);
    let verified = ledger::verify::replay(home.path(), &town.genesis).unwrap();
    assert_eq!(
        (verified.height, verified.root, verified.entries),
        (height, root, 60)
    );
}

#[test]
fn a_member_that_was_away_comes_back_and_agrees() {
    let mut town = Town::new();
    let mut from = FIRST;
    for away in [2, 0] {
        town.stop(away);
        let entries: Vec<_> = (0..20).map(|n| town.transfer(10 + n % 4, 20, 5)).collect();
        let ids: Vec<_> = entries.iter().map(|entry| town.propose(entry)).collect();
        from = await_entries(town.member(1), from, &ids);
        town.start(away, Arc::new(WallClock));
        await_height(town.member(away), from);
        assert_eq!(
            root_at(town.member(away), from),
            root_at(town.member(1), from)
        );
    }
    town.stop(3);
    let verified = ledger::verify::replay(town.home(3), &town.genesis).unwrap();
    assert_eq!(verified.entries, 40);
}

/// A clock that is wrong by so much.
struct Bent(Millis);

impl Clock for Bent {
    fn now(&self) -> Moment {
        WallClock.now().after(self.0)
    }
}

#[test]
fn a_leader_with_a_wrong_clock_cannot_move_agreed_time() {
    let mut town = Town::new();
    town.stop(3);
    let hour = Millis::new(3_600_000);
    town.start(3, Arc::new(Bent(hour)));
    let mut from = FIRST;
    for _ in 0..4 {
        let entry = town.transfer(10, 20, 5);
        let id = town.propose(&entry);
        from = await_entries(town.member(0), from, &[id]);
        let ahead = town.member(0).ask().now().since(WallClock.now());
        assert!(
            ahead <= ledger::app::TIME_SLACK,
            "agreed time is {} ms ahead",
            ahead.get()
        );
    }
}

#[test]
fn entries_are_asked_before_they_wait() {
    let mut town = Town::new();
    let stranger = town.transfer(99, 20, 5);
    let refused = town.member(0).propose(&stranger).unwrap_err();
    assert!(matches!(
        refused,
        PoolRefusal::Worthless(Refusal::UnknownParty { .. })
    ));
    let poor = town.transfer(10, 20, 2_000_000_000);
    let refused = town.member(0).preview(&poor).unwrap_err();
    assert!(matches!(
        refused,
        Rejected::Refusal(Refusal::InsufficientBalance { .. })
    ));
    let home = tempfile::tempdir().unwrap();
    let follower = follower(home.path().to_path_buf(), &town.genesis);
    assert_eq!(follower.propose(&poor), Err(PoolRefusal::NotAMember));
    assert_eq!(town.member(0).status().waiting, 0);
}

#[test]
fn an_entry_that_no_block_can_take_is_thrown_out_and_told_once_by_each_member() {
    let mut town = Town::new();
    let held = |town: &Town| rules::read::wallet(&town.member(0).ask(), party(10)).available;
    let before = held(&town).get();
    let first = town.transfer(10, 20, 1);
    let id = town.propose(&first);
    await_entries(town.member(0), FIRST, &[id]);
    let left = held(&town).get();
    let fee = before - left - 1;
    let (all, one_more) = (town.transfer(10, 20, left - fee), town.transfer(10, 20, 1));
    // Its turn has not come, so nobody can know yet that its fee will not be paid.
    let out = town.propose(&one_more);
    town.propose(&all);
    let mut told = [0; town::MEMBERS as usize];
    let end = std::time::Instant::now() + PATIENCE;
    while told.contains(&0) {
        assert!(std::time::Instant::now() < end, "told {told:?} times");
        for (member, told) in town.running().zip(&mut told) {
            for thrown in member.take_thrown_out() {
                assert_eq!((thrown.entry, thrown.sender), (out, party(10)));
                assert!(!thrown.why.is_empty());
                *told += 1;
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(told, [1; town::MEMBERS as usize]);
    assert!(town.running().all(|member| member.status().waiting == 0));
}

#[test]
fn a_follower_believes_no_frame_that_was_changed_or_cut() {
    let mut town = Town::new();
    let entry = town.transfer(10, 20, 5);
    let id = town.propose(&entry);
    let last = await_entries(town.member(0), FIRST, &[id]);
    let home = tempfile::tempdir().unwrap();
    let follower = follower(home.path().to_path_buf(), &town.genesis);
    let frame = town.member(0).follow_out(FIRST, PATIENCE).unwrap();
    for at in (0..frame.bytes.len()).step_by(7) {
        let mut bent = frame.bytes.clone();
        bent[at] ^= 0x20;
        let fault = follower.follow_in(&bent).expect_err("a bit was changed");
        assert!(
            fault.is_senders() || matches!(fault, FollowFault::Gap { .. }),
            "{at}: {fault}"
        );
    }
    assert!(
        follower
            .follow_in(&frame.bytes[..frame.bytes.len() - 1])
            .is_err()
    );
    let later = town.member(0).follow_out(Height::new(2), PATIENCE).unwrap();
    let gap = follower.follow_in(&later.bytes).unwrap_err();
    assert!(matches!(gap, FollowFault::Gap { .. }));
    assert_eq!(
        follower.status().height,
        Height::GENESIS,
        "nothing was written"
    );
    follow(&follower, town.member(0), last);
    assert!(matches!(
        Ledger::start(
            Config {
                home: home.path().join("elsewhere"),
                genesis: Genesis {
                    members: vec![],
                    ..town.genesis.clone()
                },
                role: Role::Follower,
                view_time: town::VIEW,
                clock: Arc::new(WallClock),
            },
            Arc::new(NoCarrier),
        ),
        Err(StartError::Genesis(_))
    ));
}

#[test]
fn a_row_that_no_block_accounts_for_is_found() {
    let mut town = Town::new();
    let entry = town.transfer(10, 20, 5);
    let id = town.propose(&entry);
    let last = await_entries(town.member(0), FIRST, &[id]);
    let home = tempfile::tempdir().unwrap();
    let copy = follower(home.path().to_path_buf(), &town.genesis);
    follow(&copy, town.member(0), last);
    drop(copy);
    assert!(ledger::verify::replay(home.path(), &town.genesis).is_ok());
    let disk = Disk::open(&home.path().join(ledger::LEDGER_FOLDER)).unwrap();
    let (key, row) = disk.view().scan(&[0x20], &[], 1).remove(0);
    disk.put(
        Draft::default().row(key, Some([&row[..], &[0]].concat())),
        true,
    );
    drop(disk);
    let found = ledger::verify::replay(home.path(), &town.genesis).unwrap_err();
    assert!(matches!(found, VerifyError::Difference(_)), "{found}");
}

#[test]
fn a_member_that_lost_its_disk_gets_the_chain_back_from_the_others() {
    let mut town = Town::new();
    let entries: Vec<_> = (0..40).map(|n| town.transfer(10 + n % 4, 20, 5)).collect();
    let ids: Vec<_> = entries.iter().map(|entry| town.propose(entry)).collect();
    let last = await_entries(town.member(1), FIRST, &ids);
    await_height(town.member(3), last);
    town.stop(3);
    std::fs::remove_dir_all(town.home(3).join(ledger::LEDGER_FOLDER)).unwrap();
    town.start(3, Arc::new(WallClock));
    await_height(town.member(3), last);
    assert_eq!(root_at(town.member(3), last), root_at(town.member(1), last));
    assert_eq!(town.member(3).verify().unwrap().entries, 40);
}

#[test]
fn an_idle_federation_makes_few_blocks_and_an_entry_wakes_it() {
    let mut town = Town::new();
    await_height(town.member(0), Height::new(3));
    let before = town.member(0).status().height.get();
    let quiet = std::time::Instant::now();
    std::thread::sleep(std::time::Duration::from_secs(3));
    let made = town.member(0).status().height.get() - before;
    let views = quiet.elapsed().as_secs_f64() / town::VIEW.as_secs_f64();
    assert!(
        made as f64 <= 4.0 * views + 4.0,
        "{made} blocks in {views} view times"
    );
    let entry = town.transfer(10, 20, 5);
    let id = town.propose(&entry);
    await_entries(town.member(2), Height::new(before), &[id]);
}

#[test]
fn a_deadline_is_met_without_any_entry() {
    let mut genesis = town::genesis();
    genesis.params.start_window = Millis::new(1_500);
    let mut town = Town::of(genesis);
    let mut entries = Vec::new();
    for member in [0, 1] {
        let peer = town.genesis.members[usize::from(member)].peer;
        let amount = Credits::new(500_000_000);
        entries.push(town.entry(1 + member, Body::Bond { peer, amount }));
        let (class, per_gfuel) = (Class::Grid, Credits::new(1_000_000));
        let offer = Body::PublishOffer {
            peer,
            class,
            slots: 1,
            per_gfuel,
        };
        entries.push(town.entry(1 + member, offer));
    }
    let ids: Vec<_> = entries.iter().map(|entry| town.propose(entry)).collect();
    let offered = await_entries(town.member(0), FIRST, &ids);
    let terms = Terms {
        job: Digest::of(b"job"),
        module: Digest::of(b"module"),
        peer: town.genesis.members[2].peer,
        class: Class::Grid,
        tasks: 1,
        tasks_per_bundle: 1,
        copies: 2,
        task_fuel_max: GFUEL,
        per_gfuel: Credits::new(1_000_000),
        seal_window: Millis::new(60_000),
        judge: Judge::Panel,
        care: Care::default(),
    };
    let submit = town.entry(
        10,
        Body::Submit {
            terms,
            chain: Digest::of(b"chain"),
            purse: None,
        },
    );
    let id = town.propose(&submit);
    let submitted = await_entries(town.member(0), offered, &[id]);
    let mut feed = town.member(0).agreed_from(submitted);
    let mut start_by = Moment::new(u64::MAX);
    loop {
        let block = feed.next(PATIENCE).expect("blocks go on");
        for event in block.events {
            match event {
                Event::Submitted { start_by: by, .. } => start_by = by,
                Event::JobEnded { paid, .. } => {
                    assert!(block.now >= start_by, "{} before {start_by}", block.now);
                    return assert_eq!(paid, Credits::ZERO);
                }
                _ => {}
            }
        }
    }
}
