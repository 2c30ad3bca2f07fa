//! The order and the sense of what reaches the engine.
//!
//! Each rule here closes one hole of the engine as published:
//!
//! ```text
//! far views            are dropped: the engine keeps them for ever, or overflows
//! one message a view   per member and kind; an honest member never sends more
//! timeout votes        come without the certificate they carry, which comes before them
//! votes                come after the proposal they are about, else they are lost
//! certificates         that end a view are shown to the voting part first, and wait a moment
//!                      for their block; if it does not come, it is fetched
//! ```

use super::rescue::Timeouts;
use crate::disk::{Disk, Electorate};
use crate::engine::{BlockHash, MemberKey, Members, is_quorum};
use ed25519_dalek::{Signature, Verifier};
use hotstuff_rs::block_sync::messages::{AdvertisePC, BlockSyncAdvertiseMessage, BlockSyncMessage};
use hotstuff_rs::hotstuff::messages::{HotStuffMessage, NewView};
use hotstuff_rs::hotstuff::types::PhaseCertificate;
use hotstuff_rs::networking::messages::{Message, ProgressMessage};
use hotstuff_rs::pacemaker::messages::{PacemakerMessage, ProgressCertificate, TimeoutVote};
use hotstuff_rs::types::data_types::{SignatureSet, ViewNumber};
use hotstuff_rs::types::validator_set::VerifyingKey;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Messages for views further ahead than this are dropped.
pub(super) const VIEWS_AHEAD_MAX: u64 = 16;
/// No number of a view or a block may be above this; the engine adds to them.
const NUMBER_MAX: u64 = u64::MAX / 4;
/// Proposals remembered for ordering votes.
const SHOWN_MAX: usize = 256;
/// Blocks whose votes may wait for their proposal, and votes for each.
const EARLY_BLOCKS_MAX: usize = 64;
const EARLY_VOTES_MAX: usize = 128;
/// Certificates that may wait for their block, and for how long.
const HELD_MAX: usize = 64;
const HELD_FOR: Duration = Duration::from_millis(30);
/// An advertised certificate starts a sync only from so many views ahead.
const ADVERT_AHEAD_MIN: u64 = 2;
/// How often one member may repeat itself in one view: the same certificate comes by two ways,
/// and timeout votes are repeated while nothing moves.
const ADVANCES_MAX: u8 = 4;
const TIMEOUTS_MAX: u8 = u8::MAX;

type Sender = (MemberKey, VerifyingKey);
type Letter = (VerifyingKey, Message);

/// What the flow can see of its member while it admits a message.
pub(super) struct Sight<'a> {
    pub(super) me: MemberKey,
    pub(super) chain: u64,
    pub(super) view: u64,
    pub(super) certified: u64,
    pub(super) disk: &'a Disk,
    pub(super) electorate: &'a Electorate,
    pub(super) timeouts: &'a Timeouts,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Once {
    Proposal,
    Vote,
    NewView,
    Advance,
    Timeout,
}

struct Held {
    until: Instant,
    block: BlockHash,
    from: VerifyingKey,
    certificate: PhaseCertificate,
}

/// Messages on their way to the engine.
#[derive(Default)]
pub(super) struct Flow {
    ready: VecDeque<Letter>,
    latest: BTreeMap<(MemberKey, Once), (u64, u8)>,
    shown: VecDeque<BlockHash>,
    early: VecDeque<(BlockHash, Vec<Letter>)>,
    held: Vec<Held>,
    /// The view after the last certificate whose signatures were checked here.
    reach: u64,
    adopted: u64,
}

impl Flow {
    /// The next message for the engine.
    pub(super) fn next(&mut self) -> Option<Letter> {
        self.ready.pop_front()
    }

    /// Whether something waits for its block.
    pub(super) fn holds_any(&self) -> bool {
        !self.held.is_empty()
    }

    /// Takes a message in; false if it makes no sense now.
    pub(super) fn admit(&mut self, sight: &Sight<'_>, from: Sender, message: Message) -> bool {
        match message {
            // The wire answers requests itself.
            Message::BlockSyncMessage(BlockSyncMessage::BlockSyncRequest(_)) => false,
            Message::BlockSyncMessage(BlockSyncMessage::BlockSyncResponse(response)) => {
                let highest = response.highest_pc.clone();
                self.pass(from.1, response);
                if !highest.phase.is_generic() {
                    // The engine looks at the certificate only if a block of the answer is new.
                    self.show_certificate(sight.view, from.1, &highest);
                    self.show_certificate(sight.view.saturating_add(1), from.1, &highest);
                }
                true
            }
            Message::ProgressMessage(ProgressMessage::HotStuffMessage(message)) => {
                self.hotstuff(sight, from, message)
            }
            Message::ProgressMessage(ProgressMessage::PacemakerMessage(
                PacemakerMessage::TimeoutVote(vote),
            )) => self.timeout(sight, from, vote),
            Message::ProgressMessage(ProgressMessage::PacemakerMessage(
                PacemakerMessage::AdvanceView(advance),
            )) => self.advance(sight, from, advance.progress_certificate),
            Message::ProgressMessage(ProgressMessage::BlockSyncAdvertiseMessage(advert)) => {
                let makes_sense = match &advert {
                    BlockSyncAdvertiseMessage::AdvertisePC(advert) => {
                        let view = advert.highest_pc.view.int();
                        view >= sight.view.saturating_add(ADVERT_AHEAD_MIN) && view <= NUMBER_MAX
                    }
                    BlockSyncAdvertiseMessage::AdvertiseBlock(advert) => {
                        advert.highest_committed_block_height.int() <= NUMBER_MAX
                    }
                };
                makes_sense && self.pass(from.1, advert)
            }
        }
    }

    /// Lets out what waited for its block: because the block came, or because time is up, and then
    /// the engine is first made to fetch it. Says how many are fetched.
    pub(super) fn release_due(&mut self, now: Instant, view: u64, disk: &Disk) -> u64 {
        let mut fetched = 0;
        while let Some(place) = self
            .held
            .iter()
            .position(|held| held.until <= now || disk.has_block(&held.block))
        {
            let Held {
                block,
                from,
                certificate,
                ..
            } = self.held.remove(place);
            if certificate.view.int() >= view && !disk.has_block(&block) {
                fetched += 1;
                self.held.retain(|held| held.block != block);
                let advert = AdvertisePC {
                    highest_pc: certificate.clone(),
                };
                let advert = BlockSyncAdvertiseMessage::AdvertisePC(advert);
                self.pass(from, advert);
            }
            self.pass(
                from,
                PacemakerMessage::advance_view(ProgressCertificate::PhaseCertificate(certificate)),
            );
        }
        fetched
    }

    fn hotstuff(&mut self, sight: &Sight<'_>, from: Sender, message: HotStuffMessage) -> bool {
        let view = message.view().int();
        let near = sight.view.max(self.reach).saturating_add(VIEWS_AHEAD_MAX);
        if message.chain_id().int() != sight.chain || view < sight.view || view > near {
            return false;
        }
        let once = match &message {
            HotStuffMessage::Proposal(_) | HotStuffMessage::Nudge(_) => Once::Proposal,
            HotStuffMessage::PhaseVote(_) => Once::Vote,
            HotStuffMessage::NewView(_) => Once::NewView,
        };
        if from.0 != sight.me && !self.is_new(from.0, once, view, 0) {
            return false;
        }
        match &message {
            HotStuffMessage::Proposal(proposal) => {
                let block = BlockHash::new(proposal.block.hash.bytes());
                self.pass(from.1, message);
                self.show(block);
                true
            }
            HotStuffMessage::PhaseVote(vote) => {
                let block = BlockHash::new(vote.block.bytes());
                let letter = (from.1, Message::from(message));
                if self.shown.contains(&block) || sight.disk.has_block(&block) {
                    self.ready.push_back(letter);
                    true
                } else {
                    self.wait_for_proposal(block, letter)
                }
            }
            HotStuffMessage::Nudge(_) | HotStuffMessage::NewView(_) => self.pass(from.1, message),
        }
    }

    fn timeout(&mut self, sight: &Sight<'_>, from: Sender, mut vote: TimeoutVote) -> bool {
        let view = vote.view.int();
        let mut signed = sight.chain.to_le_bytes().to_vec();
        signed.extend(view.to_le_bytes());
        let signature = Signature::from_bytes(&vote.signature.bytes());
        if vote.chain_id.int() != sight.chain
            || view > NUMBER_MAX
            || from.1.verify(&signed, &signature).is_err()
        {
            return false;
        }
        sight.timeouts.note(from.0, view);
        // Not covered by the signature, and deadly to the engine if it is an old one.
        if let Some(certificate) = vote.highest_tc.take() {
            self.advance(
                sight,
                from,
                ProgressCertificate::TimeoutCertificate(certificate),
            );
        }
        let near = sight.view.max(self.reach).saturating_add(VIEWS_AHEAD_MAX);
        if view > near
            || (from.0 != sight.me && !self.is_new(from.0, Once::Timeout, view, TIMEOUTS_MAX))
        {
            return false;
        }
        self.pass(from.1, PacemakerMessage::TimeoutVote(vote))
    }

    fn advance(&mut self, sight: &Sight<'_>, from: Sender, end: ProgressCertificate) -> bool {
        let view = end.view().int();
        if end.chain_id().int() != sight.chain || view < sight.view || view > NUMBER_MAX {
            return false;
        }
        let mine = from.0 == sight.me;
        if !mine && !self.is_new(from.0, Once::Advance, view, ADVANCES_MAX) {
            return false;
        }
        if view > sight.view.max(self.reach).saturating_add(VIEWS_AHEAD_MAX) {
            // The engine keeps what is ahead of it, so what is far ahead must be true.
            if !mine && !sight.electorate.any(|members| is_certified(&end, members)) {
                return false;
            }
            self.reach = view.saturating_add(1);
        }
        if let ProgressCertificate::PhaseCertificate(certificate) = &end
            && !mine
        {
            let block = BlockHash::new(certificate.block.bytes());
            if !sight.disk.has_block(&block) {
                return self.wait_for_block(block, from.1, certificate.clone());
            }
            if view == sight.view && view > sight.certified && view > self.adopted {
                self.adopted = view;
                self.show_certificate(view, from.1, certificate);
            }
        }
        self.pass(from.1, PacemakerMessage::advance_view(end))
    }

    /// Whether this is the member's first message of its kind in `view`, or one of `more`.
    fn is_new(&mut self, member: MemberKey, once: Once, view: u64, more: u8) -> bool {
        let (latest, count) = self.latest.entry((member, once)).or_insert((view, 0));
        if view > *latest || *count == 0 {
            (*latest, *count) = (view, 1);
            return true;
        }
        if view < *latest || *count > more {
            return false;
        }
        *count = count.saturating_add(1);
        true
    }

    fn show(&mut self, block: BlockHash) {
        self.shown.push_back(block);
        if self.shown.len() > SHOWN_MAX {
            self.shown.pop_front();
        }
        if let Some(place) = self.early.iter().position(|(early, _)| *early == block) {
            let votes = self.early.remove(place).map(|(_, votes)| votes);
            self.ready.extend(votes.unwrap_or_default());
        }
    }

    fn wait_for_proposal(&mut self, block: BlockHash, letter: Letter) -> bool {
        if let Some((_, votes)) = self.early.iter_mut().find(|(early, _)| *early == block) {
            if votes.len() >= EARLY_VOTES_MAX {
                return false;
            }
            votes.push(letter);
            return true;
        }
        if self.early.len() == EARLY_BLOCKS_MAX {
            self.early.pop_front();
        }
        self.early.push_back((block, vec![letter]));
        true
    }

    fn wait_for_block(
        &mut self,
        block: BlockHash,
        from: VerifyingKey,
        certificate: PhaseCertificate,
    ) -> bool {
        if self.held.len() == HELD_MAX {
            return false;
        }
        self.held.push(Held {
            until: Instant::now() + HELD_FOR,
            block,
            from,
            certificate,
        });
        true
    }

    /// Shows the voting part a certificate, which it looks at while it is in `view`.
    fn show_certificate(&mut self, view: u64, from: VerifyingKey, certificate: &PhaseCertificate) {
        let new_view = NewView {
            chain_id: certificate.chain_id,
            view: ViewNumber::new(view),
            highest_pc: certificate.clone(),
        };
        self.pass(from, HotStuffMessage::NewView(new_view));
    }

    fn pass(&mut self, from: VerifyingKey, message: impl Into<Message>) -> bool {
        self.ready.push_back((from, message.into()));
        true
    }
}

fn is_certified(end: &ProgressCertificate, members: &Members) -> bool {
    let places = |set: &SignatureSet| -> Vec<Option<[u8; 64]>> {
        set.iter()
            .map(|place| place.as_ref().map(|signature| signature.bytes()))
            .collect()
    };
    let (signed, signatures) = match end {
        ProgressCertificate::TimeoutCertificate(end) => {
            let mut signed = end.chain_id.int().to_le_bytes().to_vec();
            signed.extend(end.view.int().to_le_bytes());
            (signed, places(&end.signatures))
        }
        ProgressCertificate::PhaseCertificate(end) => {
            let block = BlockHash::new(end.block.bytes());
            let signed = crate::engine::vote_bytes(
                end.chain_id.int(),
                end.view.int(),
                block,
                end.phase as u8,
            );
            (signed, places(&end.signatures))
        }
    };
    is_quorum(&signed, &signatures, members).is_ok()
}
