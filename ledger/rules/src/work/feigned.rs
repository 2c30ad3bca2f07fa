//! F10: a peer claimed slots that are not there, as two of three members saw. It is left with what
//! they saw, what it could still claim for standing ready is void, and what that has earned it
//! within [`Params::feigned_span`] is taken from its bond. Its reputation in the class bears a
//! fault as heavy as any: who asks for draws that it cannot serve keeps them from others.
//!
//! Nobody paid for a task, so nobody was harmed alone; and who found it gets nothing, since two
//! members would else earn by saying so. What is taken is burned by its share, and the rest is the
//! treasury's.

use protocol::event::{Event, Fault, FaultEvent};
use protocol::genesis::Params;
use protocol::ids::{BundleId, Digest, JobId, PeerId};
use protocol::job::Class;
use protocol::units::{Credits, Millis, Moment};

use crate::epoch::{ready, reward};
use crate::market::roster;
use crate::people::reputation;
use crate::state::{Draft, View};
use crate::work::hold::Ground;
use crate::work::slash::{self, Slash};

/// The name of a finding, by which its slash is held, frozen and appealed like a bundle's. No job
/// has it.
pub(crate) fn name(peer: PeerId, class: Class, epoch: u64) -> BundleId {
    let epoch = epoch.to_le_bytes();
    let parts: [&[u8]; 3] = [peer.bytes(), class.name().as_bytes(), &epoch];
    let job = Digest::derive("tallygrid feigned capacity v1", &parts);
    let job = JobId::new(*job.bytes());
    BundleId { job, index: 0 }
}

/// What feigned capacity costs a peer, if its bond holds so much.
pub(crate) fn price(view: &dyn View, params: &Params, peer: PeerId, epoch: u64) -> Credits {
    ready::lately(view, params, peer, epoch)
}

/// Punishes a peer that `claimed` so many slots, of which so many were `seen`.
pub(crate) fn convict(
    draft: &mut Draft<'_>,
    (peer, class): (PeerId, Class),
    epoch: u64,
    (claimed, seen): (u16, u16),
) {
    let finding = name(peer, class, epoch);
    let amount = price(draft, draft.params(), peer, epoch);
    ready::begin_anew(draft, peer);
    reward::is_not_ready(draft, peer);
    reputation::fault(draft, peer, class);
    draft.say(Event::Fault(FaultEvent::CapacityFeigned {
        finding,
        peer,
        class,
        claimed,
        seen,
    }));
    roster::cut(draft, (peer, class), seen, epoch_end(draft));
    let ground = Ground::Capacity(class, epoch);
    let slash = Slash::peer(peer, Fault::FakeCapacity, amount, ground);
    slash::take_apart(draft, finding, slash, None);
}

/// When the running epoch is over.
fn epoch_end(draft: &Draft<'_>) -> Moment {
    let (_, began) = draft.founding().epoch_at(draft.now());
    began.after(Millis::new(draft.params().epoch.get()))
}
