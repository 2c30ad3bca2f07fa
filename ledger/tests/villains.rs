//! What a member, or somebody who is none, can send: the others go on, and nobody falls over.
//!
//! The fourth member is played by the test, with its real key, over its own authenticated links.

#![allow(clippy::unwrap_used)]

mod federation;

use borsh_engine::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::Signer;
use federation::{CHAIN, Federation, Frame, alone};
use hotstuff_rs::block_sync::messages::{AdvertisePC, BlockSyncAdvertiseMessage, BlockSyncMessage};
use hotstuff_rs::hotstuff::messages::{HotStuffMessage, NewView, PhaseVote, Proposal};
use hotstuff_rs::hotstuff::types::{Phase, PhaseCertificate};
use hotstuff_rs::networking::messages::{Message, ProgressMessage};
use hotstuff_rs::pacemaker::messages::{
    AdvanceView, PacemakerMessage, ProgressCertificate, TimeoutVote,
};
use hotstuff_rs::pacemaker::types::TimeoutCertificate;
use hotstuff_rs::types::block::Block;
use hotstuff_rs::types::data_types::{
    BlockHeight, ChainID, CryptoHash, Data, Datum, SignatureBytes, SignatureSet, ViewNumber,
};
use ledger::engine::{BLOCK_BYTES_MAX, MemberKey};
use ledger::wire::{NotTaken, SYNC_BLOCKS_MAX};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

const HONEST: [usize; 3] = [0, 1, 2];
const VILLAIN: usize = 3;

/// Three honest members and one that is played here.
struct Scene {
    federation: Federation,
    heard: Receiver<Frame>,
    entries: u64,
}

impl Scene {
    fn new() -> Self {
        let mut federation = Federation::new(4);
        let heard = federation.bus.play(federation.names[VILLAIN]);
        HONEST.iter().for_each(|place| federation.start(*place));
        let mut scene = Self {
            federation,
            heard,
            entries: 0,
        };
        scene.goes_on();
        scene
    }

    /// The honest three still agree, and nobody holds anything against them.
    fn goes_on(&mut self) {
        self.entries += 1;
        self.federation.agree(self.entries, &HONEST);
        self.federation.check();
    }

    fn name(&self) -> MemberKey {
        self.federation.names[VILLAIN]
    }

    fn send(&self, to: usize, message: impl Into<Message>) -> Result<(), NotTaken> {
        self.send_bytes(to, &message.into().try_to_vec().unwrap())
    }

    fn send_bytes(&self, to: usize, frame: &[u8]) -> Result<(), NotTaken> {
        self.federation.engine(to).deliver(self.name(), frame)
    }

    fn sign(&self, message: &impl BorshSerialize) -> SignatureBytes {
        let message = message.try_to_vec().unwrap();
        let signature = self.federation.keys[VILLAIN].sign(&message);
        SignatureBytes::try_from_slice(&signature.to_bytes()).unwrap()
    }

    fn vote(&self, view: u64, block: [u8; 32]) -> PhaseVote {
        let (chain_id, view, block, phase) = (
            ChainID::new(CHAIN),
            ViewNumber::new(view),
            CryptoHash::new(block),
            Phase::Generic,
        );
        let signature = self.sign(&(chain_id, view, block, phase));
        PhaseVote {
            chain_id,
            view,
            block,
            phase,
            signature,
        }
    }

    fn view(&self) -> u64 {
        self.federation.engine(0).health().view
    }

    /// What the villain hears next, decoded.
    fn hear(&self, patience: Duration) -> Option<(MemberKey, Message)> {
        let (from, frame) = self.heard.recv_timeout(patience).ok()?;
        Some((from, Message::try_from_slice(&frame).unwrap()))
    }
}

fn certificate(view: u64, signatures: &[u8]) -> PhaseCertificate {
    PhaseCertificate {
        chain_id: ChainID::new(CHAIN),
        view: ViewNumber::new(view),
        block: CryptoHash::new([3; 32]),
        phase: Phase::Generic,
        signatures: SignatureSet::try_from_slice(signatures).unwrap(),
    }
}

/// Four places, each with a signature that is none.
fn forged() -> Vec<u8> {
    let mut bytes = 4_u32.to_le_bytes().to_vec();
    for place in 0..4 {
        bytes.push(1);
        bytes.extend([place + 1; 64]);
    }
    bytes
}

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
        let (from, message) = scene.hear(federation::PATIENCE).expect("an answer");
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
fn views_at_the_end_of_numbers_and_old_certificates_do_no_harm() {
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

    // A real certificate of a timeout, but an old one, inside a new timeout vote.
    scene.federation.silence(0, true);
    std::thread::sleep(Duration::from_secs(3));
    scene.federation.silence(0, false);
    let deadline = Instant::now() + federation::PATIENCE;
    let old: TimeoutCertificate = loop {
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
    };
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
    federation::wait_until("evidence", || {
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

/// Takes the villain's turns as a leader, with the blocks that `make` builds on a certificate.
fn lead(scene: &mut Scene, turns: u32, make: impl Fn(&PhaseCertificate, u64) -> Block) {
    let mut highest: Option<PhaseCertificate> = None;
    let mut taken = 0;
    let mut last = 0;
    let deadline = Instant::now() + federation::PATIENCE;
    while taken < turns {
        assert!(
            Instant::now() < deadline,
            "the villain's turn does not come"
        );
        scene.entries += 1;
        scene.federation.submit(scene.entries);
        let Some((_, message)) = scene.hear(Duration::from_millis(100)) else {
            continue;
        };
        let Message::ProgressMessage(ProgressMessage::PacemakerMessage(
            PacemakerMessage::AdvanceView(AdvanceView {
                progress_certificate: end,
            }),
        )) = message
        else {
            continue;
        };
        if let ProgressCertificate::PhaseCertificate(certificate) = &end
            && highest
                .as_ref()
                .is_none_or(|known| known.view < certificate.view)
        {
            highest = Some(certificate.clone());
        }
        let view = end.view().int() + 1;
        let Some(justify) = highest
            .as_ref()
            .filter(|_| view % 4 == VILLAIN as u64 && view > last)
        else {
            continue;
        };
        last = view;
        let block = make(justify, view);
        for to in HONEST {
            let (chain_id, view) = (ChainID::new(CHAIN), ViewNumber::new(view));
            let proposal = Proposal {
                chain_id,
                view,
                block: block.clone(),
            };
            let _ = scene.send(to, HotStuffMessage::from(proposal));
        }
        taken += 1;
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
