//! Whether an entry speaks for its sender, and whether it comes in its turn.

use protocol::bytes::Limited;
use protocol::entry::CheckedEntry;
use protocol::units::Moment;

use crate::people::{Nonces, Parties};
use crate::refusal::Refusal;
use crate::state::Draft;

/// Asks everything that must hold before an entry may cost its sender anything.
///
/// # Errors
/// The first thing that does not hold. [`Refusal::NonceInFuture`] comes last: such an entry may be
/// kept until its turn.
pub(crate) fn authorise(draft: &Draft<'_>, entry: &CheckedEntry) -> Result<(), Refusal> {
    let value = entry.value();
    value.within_limits().map_err(Refusal::Malformed)?;
    if value.federation != draft.federation() {
        return Err(Refusal::ForeignFederation);
    }
    let party = value.sender;
    let known = draft
        .row::<Parties>(&party)
        .ok_or(Refusal::UnknownParty { party })?;
    if known.root != entry.key() {
        return Err(Refusal::ForeignKey { party });
    }
    in_time(draft, value.valid_until)?;
    let (next, got) = (next_nonce(draft, entry), value.nonce);
    match got.cmp(&next) {
        std::cmp::Ordering::Less => Err(Refusal::NonceUsed { next, got }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(Refusal::NonceInFuture { next, got }),
    }
}

/// Uses up the entry's nonce.
pub(crate) fn use_nonce(draft: &mut Draft<'_>, entry: &CheckedEntry) {
    let lane = (entry.value().sender, entry.value().lane);
    let next = entry
        .value()
        .nonce
        .checked_add(1)
        .expect("a nonce grows by one per entry, and nobody signs 2^64 entries");
    draft.put::<Nonces>(&lane, &next);
}

fn next_nonce(draft: &Draft<'_>, entry: &CheckedEntry) -> u64 {
    let lane = (entry.value().sender, entry.value().lane);
    draft.row::<Nonces>(&lane).unwrap_or_default()
}

fn in_time(draft: &Draft<'_>, valid_until: Moment) -> Result<(), Refusal> {
    let now = draft.now();
    if valid_until < now {
        return Err(Refusal::Expired { valid_until, now });
    }
    let latest = now.after(draft.params().entry_life_max);
    if valid_until > latest {
        return Err(Refusal::LivesTooLong {
            valid_until,
            latest,
        });
    }
    Ok(())
}
