//! The wire as the engine sees it: a network it can send to, broadcast on, and receive from.
//!
//! Where the engine would spin, it sleeps here: its receiver until a frame comes, its sync server
//! until an advertisement is due or somebody asks for blocks.

use super::{Lane, Post, lock};
use crate::engine::MemberKey;
use borsh_engine::BorshSerialize;
use hotstuff_rs::block_sync::messages::{BlockSyncAdvertiseMessage, BlockSyncMessage};
use hotstuff_rs::hotstuff::messages::HotStuffMessage;
use hotstuff_rs::networking::messages::{Message, ProgressMessage};
use hotstuff_rs::networking::network::Network;
use hotstuff_rs::pacemaker::messages::PacemakerMessage;
use hotstuff_rs::types::update_sets::ValidatorSetUpdates;
use hotstuff_rs::types::validator_set::{ValidatorSet, VerifyingKey};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long the engine's receiver sleeps when nothing comes.
const IDLE: Duration = Duration::from_millis(100);
/// How often it looks when a message is held back for a moment.
const BUSY: Duration = Duration::from_millis(2);
/// How often the engine is nudged while it stops.
const STOPPING: Duration = Duration::from_millis(5);

/// The engine's [`Network`]: a handle that its threads share.
#[derive(Clone)]
pub(crate) struct Wire(pub(crate) Arc<Post>);

impl Drop for Wire {
    /// Every thread of the engine holds a handle, and drops it here when it panics. What is left
    /// then looks alive and is not, so the process stops, and starts again from its disk.
    fn drop(&mut self) {
        if std::thread::panicking() {
            crate::engine::stop_the_process("a thread of the engine panicked");
        }
    }
}

impl Network for Wire {
    /// Who votes is read from the disk, where it changes together with the block that changes it.
    fn init_validator_set(&mut self, _: ValidatorSet) {}

    fn update_validator_set(&mut self, _: ValidatorSetUpdates) {}

    fn broadcast(&mut self, message: Message) {
        let Message::ProgressMessage(ProgressMessage::BlockSyncAdvertiseMessage(advert)) = &message
        else {
            if let Message::ProgressMessage(ProgressMessage::PacemakerMessage(
                PacemakerMessage::TimeoutVote(vote),
            )) = &message
            {
                self.0.expired(vote.view.int());
            }
            return self.0.tell_all(None, Lane::Votes, message);
        };
        // Only the engine's sync server advertises, in a loop without rest: it rests here.
        let is_last = matches!(advert, BlockSyncAdvertiseMessage::AdvertiseBlock(_));
        if self.0.pacer.is_due(is_last) {
            let frame = message.try_to_vec().expect("a Vec takes all bytes");
            let electorate = self.0.electorate();
            for member in electorate.everybody().filter(|other| *other != self.0.me) {
                self.0.kit.carrier.send(&member, Lane::Bulk, frame.clone());
            }
        }
        if is_last {
            self.0.pacer.rest();
        }
    }

    fn send(&mut self, peer: VerifyingKey, message: Message) {
        let to = MemberKey::from(&peer);
        let lane = match &message {
            Message::ProgressMessage(ProgressMessage::HotStuffMessage(
                HotStuffMessage::PhaseVote(vote),
            )) => {
                let vote = vote.clone();
                return self.0.hold(to, &vote, message);
            }
            Message::BlockSyncMessage(BlockSyncMessage::BlockSyncRequest(_)) => {
                *lock(&self.0.asked) = Some(to);
                Lane::Bulk
            }
            // Nobody's request gets as far as the engine; see `serve`.
            Message::BlockSyncMessage(BlockSyncMessage::BlockSyncResponse(_)) => return,
            Message::ProgressMessage(_) => Lane::Votes,
        };
        if to == self.0.me {
            return self.0.tell_me(message);
        }
        self.0.kit.carrier.send(
            &to,
            lane,
            message.try_to_vec().expect("a Vec takes all bytes"),
        );
    }

    fn recv(&mut self) -> Option<(VerifyingKey, Message)> {
        let post = &self.0;
        if post.stopping.load(Ordering::SeqCst) {
            std::thread::sleep(STOPPING);
            return Some(post.nothing());
        }
        let mut flow = lock(&post.flow);
        let view = post.kit.disk.pulse().view.load(Ordering::SeqCst);
        let fetches = flow.release_due(Instant::now(), view, &post.kit.disk);
        post.kit
            .counts
            .fetched
            .fetch_add(fetches, Ordering::Relaxed);
        if let Some(next) = flow.next() {
            return Some(next);
        }
        let patience = if flow.holds_any() { BUSY } else { IDLE };
        let patience = post.leave_silence().unwrap_or(patience).min(patience);
        let parcel = post.inbox.take(patience)?;
        post.admit(&mut flow, parcel);
        flow.next()
    }
}
