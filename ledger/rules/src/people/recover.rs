//! A lost root: the guardian that the party chose gives it a new one, after a delay in which the
//! old root may say no.
//!
//! ```text
//! begin (guardian, with its own root; the new root signs) ──delay──▶ finish (anyone)
//!    └──────── cancel (the old root, or the guardian), or any use of the root to change itself
//! ```

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::{CheckedEntry, Root};
use protocol::event::{Event, PartyEvent};
use protocol::ids::PartyId;
use protocol::units::Moment;

use crate::council;
use crate::people::{Parties, Recoveries, op_key, root};
use crate::refusal::Refusal;
use crate::state::Draft;

/// A recovery that has begun.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Recovery {
    /// Who began it.
    pub guardian: PartyId,
    /// The root that the party will have.
    pub root: Root,
    /// From when on it can be finished.
    pub ready: Moment,
}

/// Begins to give a party a new root.
///
/// # Errors
/// [`Refusal`] if the sender is not its guardian, one has begun already, or the new root has not
/// signed or is someone's.
pub(crate) fn begin(
    draft: &mut Draft<'_>,
    entry: &CheckedEntry,
    party: PartyId,
    root: &Root,
) -> Result<(), Refusal> {
    let guardian = entry.value().sender;
    let known = draft
        .row::<Parties>(&party)
        .ok_or(Refusal::UnknownParty { party })?;
    if known.guardian != Some(guardian) {
        return Err(Refusal::NotGuardian { party });
    }
    if let Some(pending) = draft.row::<Recoveries>(&party) {
        let ready = pending.ready;
        return Err(Refusal::RecoveryPending { ready });
    }
    root::free_and_signed(draft, entry, party, root)?;
    let delay = council::epochs(draft.params(), draft.params().recovery);
    let ready = draft.now().after(delay);
    let recovery = Recovery {
        guardian,
        root: root.clone(),
        ready,
    };
    draft.put::<Recoveries>(&party, &recovery);
    draft.say(Event::Party(PartyEvent::RecoveryBegun {
        party,
        guardian,
        ready,
    }));
    Ok(())
}

/// Ends a recovery: the root stays.
///
/// # Errors
/// [`Refusal::NoRecovery`], or the sender is neither the party nor its guardian.
pub(crate) fn cancel(
    draft: &mut Draft<'_>,
    sender: PartyId,
    party: PartyId,
) -> Result<(), Refusal> {
    let pending = draft
        .row::<Recoveries>(&party)
        .ok_or(Refusal::NoRecovery { party })?;
    if sender != party && sender != pending.guardian {
        return Err(Refusal::NotGuardian { party });
    }
    root::drop_recovery(draft, party);
    Ok(())
}

/// Gives the party its new root, once the delay is over. Its operational keys end: whoever had them
/// may be who took the root.
///
/// # Errors
/// [`Refusal::NoRecovery`] or [`Refusal::RecoveryTooEarly`]; or the new root's key has meanwhile
/// become someone's.
pub(crate) fn finish(draft: &mut Draft<'_>, party: PartyId) -> Result<(), Refusal> {
    let pending = draft
        .row::<Recoveries>(&party)
        .ok_or(Refusal::NoRecovery { party })?;
    let (ready, now) = (pending.ready, draft.now());
    if ready > now {
        return Err(Refusal::RecoveryTooEarly { ready, now });
    }
    let mut known = op_key::of_sender(draft, party);
    for key in std::mem::take(&mut known.keys) {
        op_key::forget(draft, party, key);
    }
    draft.put::<Parties>(&party, &known);
    root::free(draft, party, &pending.root)?;
    draft.remove::<Recoveries>(&party);
    root::change(draft, party, known, &pending.root);
    Ok(())
}
