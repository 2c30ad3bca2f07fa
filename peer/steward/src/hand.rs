//! What the rooms of this crate act with: the time, who we are, and the shared desks.

use protocol::ids::{JobId, PeerId};
use protocol::message::Message;
use protocol::units::Moment;

use crate::crew::Crew;
use crate::desk::Desk;
use crate::effect::{Effect, News, Outbox};
use crate::faults::{Fault, Faults};
use crate::identity::Identity;
use crate::stock::Stock;

/// Lent to a room while it acts; everything in it is shared by all rooms.
#[derive(Debug)]
pub(crate) struct Hand<'a> {
    pub(crate) now: Moment,
    /// Whether all that was agreed before our start has been told; until then nothing is said.
    pub(crate) live: bool,
    pub(crate) me: &'a Identity,
    pub(crate) out: &'a mut Outbox,
    pub(crate) desk: &'a mut Desk,
    pub(crate) stock: &'a mut Stock,
    pub(crate) crew: &'a mut Crew,
    pub(crate) faults: &'a mut Faults,
}

impl Hand<'_> {
    /// A peer did wrong.
    pub(crate) fn fault(&mut self, peer: PeerId, fault: Fault) {
        self.faults.note(peer, fault, self.now, self.out);
    }

    /// Tells whoever watches our jobs; what happened before our start is told to nobody.
    pub(crate) fn tell(&mut self, news: News) {
        if self.live {
            self.out.push(Effect::Tell(news));
        }
    }

    /// Has what a peer told kept; what was told in an earlier life is kept already.
    pub(crate) fn keep_told(&mut self, job: JobId, from: PeerId, message: Message) {
        if self.live {
            self.out.push(Effect::KeepTold { job, from, message });
        }
    }

    pub(crate) fn send(&mut self, to: PeerId, message: Message) {
        self.out.push(Effect::Send { to, message });
    }
}
