//! What a member, or somebody who is none, can send: the others go on, and nobody falls over.
//!
//! The fourth member is played by the test, with its real key, over its own authenticated links.

#![allow(clippy::unwrap_used)]

mod toy;

use borsh_engine::BorshSerialize;
use hotstuff_rs::block_sync::messages::{
    AdvertiseBlock, AdvertisePC, BlockSyncAdvertiseMessage, BlockSyncMessage,
};
use hotstuff_rs::hotstuff::messages::{HotStuffMessage, NewView};
use hotstuff_rs::hotstuff::types::PhaseCertificate;
use hotstuff_rs::networking::messages::{Message, ProgressMessage};
use hotstuff_rs::pacemaker::messages::{
    AdvanceView, PacemakerMessage, ProgressCertificate, TimeoutVote,
};
use hotstuff_rs::pacemaker::types::TimeoutCertificate;
use hotstuff_rs::types::block::Block;
use hotstuff_rs::types::data_types::{BlockHeight, ChainID, CryptoHash, Data, Datum, ViewNumber};
use ledger::engine::{BLOCK_BYTES_MAX, MemberKey};
use ledger::wire::{NotTaken, SYNC_BLOCKS_MAX};
use std::time::{Duration, Instant};
use toy::villain::{HONEST, Scene, certificate, forged, lead};
use toy::{CHAIN, alone};

#[test]
fn frames_that_no_member_sends_are_turned_away_at_the_door() {
    let _alone = alone();
    let mut scene = Scene::new();
    let stranger = MemberKey::new([9; 32]);
    let vote = Message::from(HotStuffMessage::from(scene.vote(1, [1; 32])))
        .try_to_vec()
        .unwrap();
    let engine = scene.federation.engine(0).clone();
    assert_eq!(engine.deliver(stranger, &vote), Err(NotTaken::NotAMember));

    let long = [[0, 0, 0].as_slice(), &vec![0; BLOCK_BYTES_MAX + (64 << 10)]].concat();
    let small_but_long = [[0, 0, 3].as_slice(), &vec![0; 64 << 10]].concat();
    for frame in [
        &long[..],
        &small_but_long,
        &[],
        &[7; 100],
        &[0, 0, 9],
        &vote[..50],
    ] {
        assert_eq!(scene.send_bytes(0, frame), Err(NotTaken::Malformed));
    }
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..20_000 {
        let frame: Vec<u8> = (0..chance % 300)
            .map(|_| {
                chance ^= chance << 13;
                chance ^= chance >> 7;
                chance ^= chance << 17;
                chance.to_le_bytes()[0]
            })
            .collect();
        let _refused = scene.send_bytes(0, &frame);
    }
    let answer = BlockSyncMessage::block_sync_response(vec![], PhaseCertificate::genesis_pc());
    assert_eq!(
        scene.send(0, Message::BlockSyncMessage(answer)),
        Err(NotTaken::NotAsked)
    );
    scene.goes_on();
}

#[test]
fn a_request_for_all_blocks_is_answered_with_a_few() {
    let _alone = alone();
    let mut scene = Scene::new();
    for _ in 0..5 {
        scene.goes_on();
    }
    let start = BlockHeight::new(0);
    let request = BlockSyncMessage::block_sync_request(ChainID::new(CHAIN), start, u32::MAX);
    scene.send(0, Message::BlockSyncMessage(request)).unwrap();
    let answer = loop {
        let (from, message) = scene.hear(toy::PATIENCE).expect("an answer");
        if let Message::BlockSyncMessage(BlockSyncMessage::BlockSyncResponse(answer)) = message {
            assert_eq!(from, scene.federation.names[0]);
            break answer;
        }
    };
    let count = answer.blocks.len();
    assert!(
        (5..=SYNC_BLOCKS_MAX as usize).contains(&count),
        "{count} blocks"
    );
    assert!(
        answer
            .blocks
            .iter()
            .all(|block| block.data.len().int() == 1),
        "with their data"
    );
    scene.goes_on();
}

#[test]
fn views_at_the_end_of_numbers_do_no_harm() {
    let _alone = alone();
    let mut scene = Scene::new();
    for view in [
        1 << 63,
        u64::MAX,
        (1 << 63) - 1,
        u64::MAX / 4,
        scene.view() + 1000,
    ] {
        for to in HONEST {
            let highest_pc = certificate(view, &forged());
            let advert = AdvertisePC {
                highest_pc: highest_pc.clone(),
            };
            let advert = BlockSyncAdvertiseMessage::AdvertisePC(advert);
            let _ = scene.send(to, Message::from(advert));
            let end = ProgressCertificate::PhaseCertificate(highest_pc.clone());
            let _ = scene.send(to, PacemakerMessage::advance_view(end));
            let (chain_id, view) = (ChainID::new(CHAIN), ViewNumber::new(view));
            let new_view = NewView {
                chain_id,
                view,
                highest_pc,
            };
            let _ = scene.send(to, HotStuffMessage::from(new_view));
            let signature = scene.sign(&(chain_id, view));
            let timeout = TimeoutVote {
                chain_id,
                view,
                signature,
                highest_tc: None,
            };
            let _ = scene.send(to, PacemakerMessage::TimeoutVote(timeout));
        }
    }
    scene.goes_on();
}

/// A certificate of a view that really ended by a timeout.
fn timed_out(scene: &mut Scene) -> TimeoutCertificate {
    scene.federation.silence(0, true);
    std::thread::sleep(Duration::from_secs(3));
    scene.federation.silence(0, false);
    let deadline = Instant::now() + toy::PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "no view ended by a timeout");
        scene.entries += 1;
        scene.federation.submit(scene.entries);
        if let Some((
            _,
            Message::ProgressMessage(ProgressMessage::PacemakerMessage(
                PacemakerMessage::AdvanceView(AdvanceView {
                    progress_certificate: ProgressCertificate::TimeoutCertificate(old),
                }),
            )),
        )) = scene.hear(Duration::from_millis(100))
        {
            break old;
        }
    }
}

#[test]
fn an_old_certificate_inside_a_new_vote_does_no_harm() {
    let _alone = alone();
    let mut scene = Scene::new();
    let old = timed_out(&mut scene);
    scene.goes_on();
    for ahead in 0..3 {
        let (chain_id, view) = (ChainID::new(CHAIN), ViewNumber::new(scene.view() + ahead));
        for to in HONEST {
            let (signature, highest_tc) = (scene.sign(&(chain_id, view)), Some(old.clone()));
            let timeout = TimeoutVote {
                chain_id,
                view,
                signature,
                highest_tc,
            };
            let _ = scene.send(to, PacemakerMessage::TimeoutVote(timeout));
        }
    }
    scene.goes_on();
}

#[test]
fn a_flood_from_one_member_does_not_stop_the_others() {
    let _alone = alone();
    let mut scene = Scene::new();
    let mut refused = 0;
    for round in 0..20_000_u64 {
        let (chain_id, view) = (
            ChainID::new(CHAIN),
            ViewNumber::new(scene.view() + round % 8),
        );
        let highest_pc = certificate(scene.view(), &forged());
        let new_view = NewView {
            chain_id,
            view,
            highest_pc,
        };
        let sent = scene.send(0, HotStuffMessage::from(new_view));
        refused += u32::from(sent == Err(NotTaken::TooMuch));
    }
    assert!(refused > 10_000, "{refused} of a flood were refused");
    scene.goes_on();
}

#[test]
fn a_member_that_votes_twice_leaves_evidence_against_itself_alone() {
    let _alone = alone();
    let mut scene = Scene::new();
    let view = scene.view();
    scene
        .send(1, HotStuffMessage::from(scene.vote(view, [1; 32])))
        .unwrap();
    scene
        .send(1, HotStuffMessage::from(scene.vote(view, [2; 32])))
        .unwrap();
    scene.goes_on();
    let engine = scene.federation.engine(1);
    let mut evidence = Vec::new();
    toy::wait_until("evidence", || {
        evidence.extend(engine.take_evidence());
        !evidence.is_empty()
    });
    assert_eq!(evidence.len(), 1);
    assert_eq!(evidence[0].member, scene.name());
    assert!(evidence[0].holds(CHAIN));
    for place in [0, 2] {
        assert!(scene.federation.engine(place).take_evidence().is_empty());
    }
}

#[test]
fn a_leader_with_a_block_at_an_impossible_height_stops_nothing() {
    let _alone = alone();
    let mut scene = Scene::new();
    for height in [u64::MAX, 0, 1 << 40] {
        lead(&mut scene, 1, |justify, _| {
            let data = Data::new(vec![Datum::new(vec![])]);
            let hash = CryptoHash::new(*blake3::hash(&[]).as_bytes());
            Block::new(BlockHeight::new(height), justify.clone(), hash, data)
        });
        scene.goes_on();
    }
}

#[test]
fn a_leader_whose_data_are_not_what_its_block_says_stops_nothing() {
    let _alone = alone();
    let mut scene = Scene::new();
    let head = scene.federation.engine(0).disk().head().get();
    lead(&mut scene, 2, |justify, _| {
        let data = Data::new(vec![Datum::new(vec![1, 2, 3])]);
        Block::new(
            BlockHeight::new(head),
            justify.clone(),
            CryptoHash::new([5; 32]),
            data,
        )
    });
    lead(&mut scene, 1, |justify, _| {
        let data = Data::new(vec![Datum::new(vec![]), Datum::new(vec![])]);
        Block::new(
            BlockHeight::new(head),
            justify.clone(),
            CryptoHash::new([5; 32]),
            data,
        )
    });
    scene.goes_on();
}

#[test]
fn a_server_of_endless_blocks_is_left_after_a_few() {
    let _alone = alone();
    let mut scene = Scene::new();
    let mut blocks: Vec<Block> = Vec::new();
    while blocks.len() < 3 {
        scene.entries += 1;
        scene.federation.submit(scene.entries);
        if let Some((
            _,
            Message::ProgressMessage(ProgressMessage::HotStuffMessage(HotStuffMessage::Proposal(
                proposal,
            ))),
        )) = scene.hear(toy::PATIENCE)
        {
            blocks.push(proposal.block);
        }
    }
    // Alone with the villain, a member asks it for blocks as soon as nothing has moved for long.
    for other in [1, 2] {
        scene.federation.silence(other, true);
    }
    let newest = blocks.last().unwrap().clone();
    let (chain_id, height) = (ChainID::new(CHAIN), BlockHeight::new(1 << 40));
    let mut asked = 0_u32;
    let end = Instant::now() + Duration::from_secs(15);
    while Instant::now() < end {
        let signature = scene.sign(&(chain_id, height));
        let advert = AdvertiseBlock {
            chain_id,
            highest_committed_block_height: height,
            signature,
        };
        let _ = scene.send(
            0,
            Message::from(BlockSyncAdvertiseMessage::AdvertiseBlock(advert)),
        );
        let heard = scene.hear(Duration::from_millis(300));
        let Some((_, Message::BlockSyncMessage(BlockSyncMessage::BlockSyncRequest(_)))) = heard
        else {
            continue;
        };
        asked += 1;
        // Each answer is one more block beside the newest.
        let datum = (1_000_000 + u64::from(asked)).to_le_bytes().to_vec();
        let hash = CryptoHash::new(*blake3::hash(&datum).as_bytes());
        let data = Data::new(vec![Datum::new(datum)]);
        let sibling = Block::new(newest.height, newest.justify.clone(), hash, data);
        let answer = BlockSyncMessage::block_sync_response(vec![sibling], newest.justify.clone());
        let _ = scene.send(0, Message::BlockSyncMessage(answer));
    }
    assert!((1..=40).contains(&asked), "asked {asked} times");
    for other in [1, 2] {
        scene.federation.silence(other, false);
    }
    scene.goes_on();
}
