//! What drawn peers said before the block that drew them was told to us.
//!
//! They and we hear of a block at different moments, and a small task is done in between.

use std::collections::VecDeque;

use protocol::ids::PeerId;
use protocol::message::Message;
use protocol::units::{Millis, Moment};

/// What came early is held so long.
pub const EARLY_FOR: Millis = Millis::new(10_000);
/// So many messages are held; outputs inside them are not, they can be fetched.
pub const EARLY_MAX: usize = 256;
/// Of one peer so many are held.
pub const EARLY_PER_PEER_MAX: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Early {
    held: VecDeque<(Moment, PeerId, Message)>,
}

impl Early {
    /// Holds what may make sense soon. Returns false if there is no room for it.
    pub(crate) fn hold(&mut self, from: PeerId, mut message: Message, now: Moment) -> bool {
        self.held.retain(|(until, ..)| *until > now);
        let of_peer = self
            .held
            .iter()
            .filter(|(_, peer, _)| *peer == from)
            .count();
        if self.held.len() >= EARLY_MAX || of_peer >= EARLY_PER_PEER_MAX {
            return false;
        }
        if let Message::Outcomes { inline, .. } = &mut message {
            *inline = Vec::new();
        }
        self.held.push_back((now.after(EARLY_FOR), from, message));
        true
    }

    /// Everything held, to be heard once more.
    pub(crate) fn take(&mut self, now: Moment) -> VecDeque<(Moment, PeerId, Message)> {
        let mut held = std::mem::take(&mut self.held);
        held.retain(|(until, ..)| *until > now);
        held
    }

    /// It still makes no sense: held until its first time is over.
    pub(crate) fn put_back(&mut self, held: (Moment, PeerId, Message)) {
        self.held.push_back(held);
    }
}
