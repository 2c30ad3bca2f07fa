//! Hearing what drawn peers say, above all what they said before we heard of the block that drew
//! them.
//!
//! They and we hear of a block at different moments, and a small task is done in between.

use std::collections::VecDeque;

use protocol::ids::{JobId, PeerId};
use protocol::message::Message;
use protocol::units::{Millis, Moment};

use super::Jobs;
use super::bundle::Stage;
use crate::faults::Fault;
use crate::hand::Hand;

/// What came early is held so long.
pub const EARLY_FOR: Millis = Millis::new(10_000);
/// So many messages are held; outputs inside them are not, they can be fetched.
pub const EARLY_MAX: usize = 512;
/// Of one peer so many are held.
pub const EARLY_PER_PEER_MAX: usize = 128;

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

impl Jobs {
    /// Hears what a drawn peer says to the submitter. Returns the job to act on.
    pub(crate) fn hear(
        &mut self,
        from: PeerId,
        message: Message,
        hand: &mut Hand<'_>,
    ) -> Option<JobId> {
        let id = about(&message)?;
        if self.is_early(&from, &message) && self.early.hold(from, message.clone(), hand.now) {
            return None;
        }
        let said = match self.jobs.get_mut(&id) {
            Some(job) => job.hear(from, message, hand),
            None => Err(Fault::UnknownJob),
        };
        if let Err(fault) = said {
            hand.fault(from, fault);
        }
        Some(id)
    }

    /// Whether a message would make sense if its sender were drawn for its bundle.
    fn is_early(&self, from: &PeerId, message: &Message) -> bool {
        let (job, index) = match message {
            Message::Outcomes { bundle, .. } | Message::RunFailed { bundle, .. } => {
                (&bundle.job, bundle.index)
            }
            // One opening comes right behind its outcomes; many are told after the close.
            Message::Openings { job, openings } if openings.len() == 1 => (job, openings[0].bundle),
            _ => return false,
        };
        let job = self.jobs.get(job).filter(|job| !job.has_ended());
        let bundle = job.and_then(|job| job.bundles.get(index as usize));
        bundle.is_some_and(|bundle| {
            let open = matches!(bundle.stage, Stage::Waiting | Stage::Drawn);
            open && !bundle.copies.iter().any(|copy| copy.peer == *from)
        })
    }

    /// Hears once more what came before its time.
    pub(super) fn hear_early(&mut self, hand: &mut Hand<'_>) {
        for (until, from, message) in self.early.take(hand.now) {
            if self.is_early(&from, &message) {
                self.early.put_back((until, from, message));
            } else {
                self.hear(from, message, hand);
            }
        }
    }
}

/// The job that a drawn peer speaks of to its submitter.
pub(super) const fn about(message: &Message) -> Option<JobId> {
    match message {
        Message::Outcomes { bundle, .. } | Message::RunFailed { bundle, .. } => Some(bundle.job),
        Message::Openings { job, .. } => Some(*job),
        Message::AskOutcomes { .. }
        | Message::AskState(_)
        | Message::State { .. }
        | Message::Entries(_)
        | Message::AskKept { .. }
        | Message::Kept { .. }
        | Message::EntryRefused { .. } => None,
    }
}
