//! Storage: which chunk an epoch asks for, and which epochs ask for any.
//!
//! ```text
//! epoch begins                    half                 three quarters            ends
//!    └─ lots are cast by then ──────┘   a block comes then ──┴───── of it ────────┘
//!                                       = whoever had the content could show it
//! ```
//!
//! The chunk follows from the epoch's lots, which nobody knew before, and from the lease, so that
//! two peers who keep one blob are asked for different chunks. An epoch whose lots came late, after
//! which no block came, or in which deadlines were extended, asks for nothing: a federation that
//! stood still convicts nobody.

use protocol::entry::{ChunkProof, EmergencyAct, Leased, challenged_chunk};
use protocol::event::{Event, LeaseEvent};
use protocol::ids::{LeaseId, PartyId};
use protocol::units::Millis;
use std::ops::Range;

use super::{Leases, end, of, settle};
use crate::council::emergency;
use crate::market::capacity;
use crate::people::owned;
use crate::refusal::{LeaseRefusal, Refusal};
use crate::state::{Draft, View, row, table};

/// Epochs of one row.
const EPOCHS_PER_ROW: u64 = 64;
/// Rows that are kept: 2 048 epochs, more than a lease can have before it is settled.
const ROWS: u64 = 32;

table!(
    /// Which of the latest epochs asked for proofs, a bit each; and of which 64 the row is.
    Challenges, 0xCF, u64 => (u64, u64)
);

/// Notes, once its last quarter has begun, that the running epoch asks for proofs.
pub(crate) fn note(draft: &mut Draft<'_>) {
    let (now, length) = (draft.now(), draft.params().epoch.get());
    let (epoch, began) = draft.founding().epoch_at(now);
    if now.since(began) < Millis::new(length.saturating_sub(length / 4)) {
        return;
    }
    let Some((_, cast)) = capacity::lots(draft).filter(|((of, _), _)| *of == epoch) else {
        return;
    };
    let is_late = cast.since(began) > Millis::new(length / 2);
    if is_late || emergency::in_force(draft, EmergencyAct::ExtendDeadlines, now).is_some() {
        return;
    }
    let (set, bit) = (epoch / EPOCHS_PER_ROW, bit_of(epoch));
    let bits = bits(draft, set);
    if bits & bit == 0 {
        draft.put::<Challenges>(&(set % ROWS), &(set, bits | bit));
    }
}

const fn bit_of(epoch: u64) -> u64 {
    1_u64.rotate_left((epoch % EPOCHS_PER_ROW) as u32)
}

fn bits(view: &dyn View, set: u64) -> u64 {
    let known = row::<Challenges>(view, &(set % ROWS));
    known
        .filter(|(of, _)| *of == set)
        .map_or(0, |(_, bits)| bits)
}

/// How many of these epochs asked for a proof that was not given. `proved` is the last that was.
pub(super) fn missed(view: &dyn View, epochs: Range<u64>, proved: Option<u64>) -> u64 {
    let (mut missed, mut known) = (0_u64, None);
    for epoch in epochs {
        let set = epoch / EPOCHS_PER_ROW;
        let bits = match known {
            Some((of, bits)) if of == set => bits,
            _ => bits(view, set),
        };
        known = Some((set, bits));
        if bits & bit_of(epoch) != 0 && proved != Some(epoch) {
            missed = missed.saturating_add(1);
        }
    }
    missed
}

/// The chunk that a lease's peer can show in the running epoch, and the epoch: none for slots, and
/// none before the epoch's lots are cast.
pub(crate) fn asked(view: &dyn View, name: LeaseId, running: u64) -> Option<(u64, u64)> {
    let Leased::Bytes { bytes, .. } = super::find(view, name)?.what else {
        return None;
    };
    let ((epoch, lots), _) = capacity::lots(view).filter(|((of, _), _)| *of == running)?;
    Some((epoch, challenged_chunk(&lots, name, bytes)))
}

/// A peer shows the chunk that the running epoch asks for. The first time, its lease begins; what
/// was before is settled.
///
/// # Errors
/// [`Refusal`] if there is no such lease of storage, it is another's to prove, over, or proved in
/// this epoch, the epoch asks for nothing yet, or the proof does not lead to the content.
pub(super) fn prove(
    draft: &mut Draft<'_>,
    sender: PartyId,
    name: LeaseId,
    proof: &ChunkProof,
) -> Result<(), Refusal> {
    let no = |refusal| Err(Refusal::Lease(refusal));
    let mut lease = of(draft, name)?;
    let peer = lease.peer;
    if owned(draft, peer, sender)?.struck {
        return Err(Refusal::Struck { peer });
    }
    let Leased::Bytes { content, bytes } = lease.what else {
        return no(LeaseRefusal::NotStorage);
    };
    let running = draft.epoch();
    if lease.ends().is_some_and(|ends| running >= ends) || end::has_lapsed(draft, &lease) {
        return no(LeaseRefusal::LeaseOver);
    }
    if lease.proved == Some(running) {
        return no(LeaseRefusal::AlreadyProved { epoch: running });
    }
    let Some((_, chunk)) = asked(draft, name, running) else {
        return no(LeaseRefusal::NothingAsked { epoch: running });
    };
    if !proof.leads_to(&content, bytes, chunk) {
        return no(LeaseRefusal::ChunkForged { chunk });
    }
    if lease.first.is_none() {
        lease.first = Some(running);
        let ends = lease.ends().expect("it begins now");
        end::wake_at(draft, name, &mut lease, ends);
    }
    settle::over(draft, name, &mut lease);
    lease.proved = Some(running);
    draft.put::<Leases>(&name, &lease);
    let (lease, epoch) = (name, running);
    draft.say(Event::Lease(LeaseEvent::Proved { lease, epoch }));
    Ok(())
}
