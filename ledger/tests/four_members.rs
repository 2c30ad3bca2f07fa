//! Four members agree, prove it, go on without any one of them, and rest when there is nothing to
//! do.

#![allow(clippy::unwrap_used)]

mod toy;

use ledger::engine::{ChainProof, CommitProof, Members, Unproven, verify};
use protocol::units::Height;
use std::time::Duration;
use toy::{CHAIN, Federation, alone, wait_until};

#[test]
fn four_members_agree_on_every_entry_and_prove_every_block() {
    let _alone = alone();
    let federation = Federation::running(4);
    for entry in 0..20 {
        federation.agree(entry, &[0, 1, 2, 3]);
    }
    assert!(federation.check() >= Height::new(20));
    let view = federation.engine(0).disk().view();
    assert_eq!(view.row(b"founded"), Some(b"yes".to_vec()));
    let rows = view.scan(b"entry/", &toy::entry_key(5), 10);
    let keys: Vec<Vec<u8>> = rows.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, (5..15).map(toy::entry_key).collect::<Vec<_>>());
}

#[test]
fn a_proof_is_there_when_the_block_is_and_no_changed_proof_holds() {
    let _alone = alone();
    let federation = Federation::running(4);
    federation.agree(1, &[0]);
    let disk = federation.engine(0).disk();
    let head = disk.head();
    let proof = disk
        .agreed(head)
        .unwrap()
        .proof
        .expect("the newest block has its proof at once");
    let good = |proof: &CommitProof| verify(proof, CHAIN, &federation.members);
    assert_eq!(good(&proof).unwrap().height, head);
    assert_eq!(
        verify(&proof, CHAIN + 1, &federation.members),
        Err(Unproven::Chain {
            found: CHAIN,
            chain: CHAIN + 1
        })
    );
    let fewer = Members::new(federation.names[1..].iter().map(|name| (*name, 1))).unwrap();
    assert_eq!(
        verify(&proof, CHAIN, &fewer),
        Err(Unproven::Places {
            found: 4,
            members: 3
        })
    );

    let bytes = borsh::to_vec(&proof).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        if let Ok(changed) = borsh::from_slice::<CommitProof>(&changed) {
            assert!(good(&changed).is_err(), "byte {at} can be changed");
        }
    }
    let CommitProof::Chain(proof) = proof else {
        panic!("an ordinary block's proof");
    };
    let good = |proof: &ChainProof| good(&CommitProof::Chain(proof.clone()));
    let mut thin = proof.clone();
    let signatures = &mut thin.certificate.signatures;
    let signed = signatures.iter().position(Option::is_some).unwrap();
    signatures[signed] = None;
    let weight = signatures.iter().flatten().count() as u64;
    assert_eq!(
        good(&thin),
        if weight >= 3 {
            good(&proof)
        } else {
            Err(Unproven::NoQuorum { weight, quorum: 3 })
        }
    );
    let mut skipped = proof;
    skipped.headers.swap(1, 2);
    assert_eq!(good(&skipped), Err(Unproven::Broken { place: 1 }));
}

#[test]
fn any_one_member_may_be_silent() {
    let _alone = alone();
    let federation = Federation::running(4);
    federation.agree(0, &[0, 1, 2, 3]);
    for silent in 0..4 {
        let others: Vec<usize> = (0..4).filter(|place| *place != silent).collect();
        federation.silence(silent, true);
        let entries = (silent as u64 + 1) * 10;
        for entry in entries..entries + 5 {
            federation.agree(entry, &others);
        }
        federation.silence(silent, false);
        federation.agree(entries + 9, &[0, 1, 2, 3]);
    }
    federation.check();
    federation.nobody_voted_twice();
}

#[test]
fn commits_are_told_once_and_in_order() {
    let _alone = alone();
    let mut federation = Federation::new(4);
    federation.start_all();
    let (sender, told) = std::sync::mpsc::channel();
    federation.engine(2).disk().on_agreed(move |height| {
        // The engine outlives this test's end of the channel.
        let _heard = sender.send(height);
    });
    federation.agree(1, &[2]);
    let disk = federation.engine(2).disk();
    let head = disk.head();
    assert_eq!(
        disk.wait_beyond(Height::GENESIS, Duration::ZERO),
        disk.head()
    );
    let mut last = Height::GENESIS;
    while last < head {
        let height = told.recv().unwrap();
        assert!(height > last);
        assert!(disk.agreed(height).is_some(), "what is told is there");
        last = height;
    }
}

/// Processor time of this process so far, in hundredths of a second.
fn processor_time() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn an_idle_federation_rests() {
    let _alone = alone();
    let federation = Federation::running(4);
    federation.agree(1, &[0, 1, 2, 3]);
    let disk = federation.engine(0).disk();
    let quiet_from = disk.head().after(4);
    wait_until("what was pending is agreed", || disk.head() >= quiet_from);
    let (before, blocks) = (processor_time(), disk.head());
    std::thread::sleep(Duration::from_secs(5));
    let spent = processor_time() - before;
    // Four members that spin take five hundred for each core there is.
    assert!(
        spent < 100,
        "{spent} hundredths of a second for five seconds of rest"
    );
    assert!(
        disk.head().get() - blocks.get() < 20,
        "empty blocks are few"
    );
}
