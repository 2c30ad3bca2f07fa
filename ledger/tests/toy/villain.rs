//! A scene with three honest members, and the fourth played by the test: with its real key, over
//! its own authenticated links.

use super::{CHAIN, Federation, Frame, PATIENCE};
use borsh_engine::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::Signer;
use hotstuff_rs::hotstuff::messages::{HotStuffMessage, PhaseVote, Proposal};
use hotstuff_rs::hotstuff::types::{Phase, PhaseCertificate};
use hotstuff_rs::networking::messages::{Message, ProgressMessage};
use hotstuff_rs::pacemaker::messages::{AdvanceView, PacemakerMessage, ProgressCertificate};
use hotstuff_rs::types::block::Block;
use hotstuff_rs::types::data_types::{
    ChainID, CryptoHash, SignatureBytes, SignatureSet, ViewNumber,
};
use ledger::engine::MemberKey;
use ledger::wire::NotTaken;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

pub const HONEST: [usize; 3] = [0, 1, 2];
pub const VILLAIN: usize = 3;

/// Three honest members and one that is played here.
pub struct Scene {
    pub federation: Federation,
    heard: Receiver<Frame>,
    pub entries: u64,
}

impl Scene {
    pub fn new() -> Self {
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
    pub fn goes_on(&mut self) {
        self.entries += 1;
        self.federation.agree(self.entries, &HONEST);
        self.federation.check();
    }

    pub fn name(&self) -> MemberKey {
        self.federation.names[VILLAIN]
    }

    pub fn send(&self, to: usize, message: impl Into<Message>) -> Result<(), NotTaken> {
        self.send_bytes(to, &message.into().try_to_vec().unwrap())
    }

    pub fn send_bytes(&self, to: usize, frame: &[u8]) -> Result<(), NotTaken> {
        self.federation.engine(to).deliver(self.name(), frame)
    }

    pub fn sign(&self, message: &impl BorshSerialize) -> SignatureBytes {
        let message = message.try_to_vec().unwrap();
        let signature = self.federation.keys[VILLAIN].sign(&message);
        SignatureBytes::try_from_slice(&signature.to_bytes()).unwrap()
    }

    pub fn vote(&self, view: u64, block: [u8; 32]) -> PhaseVote {
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

    pub fn view(&self) -> u64 {
        self.federation.engine(0).health().view
    }

    /// What the villain hears next, decoded.
    pub fn hear(&self, patience: Duration) -> Option<(MemberKey, Message)> {
        let (from, frame) = self.heard.recv_timeout(patience).ok()?;
        Some((from, Message::try_from_slice(&frame).unwrap()))
    }
}

pub fn certificate(view: u64, signatures: &[u8]) -> PhaseCertificate {
    PhaseCertificate {
        chain_id: ChainID::new(CHAIN),
        view: ViewNumber::new(view),
        block: CryptoHash::new([3; 32]),
        phase: Phase::Generic,
        signatures: SignatureSet::try_from_slice(signatures).unwrap(),
    }
}

/// Four places, each with a signature that is none.
pub fn forged() -> Vec<u8> {
    let mut bytes = 4_u32.to_le_bytes().to_vec();
    for place in 0..4 {
        bytes.push(1);
        bytes.extend([place + 1; 64]);
    }
    bytes
}

/// Takes the villain's turns as a leader, with the blocks that `make` builds on a certificate.
pub fn lead(scene: &mut Scene, turns: u32, make: impl Fn(&PhaseCertificate, u64) -> Block) {
    let mut highest: Option<PhaseCertificate> = None;
    let mut taken = 0;
    let mut last = 0;
    let deadline = Instant::now() + PATIENCE;
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
