//! The room's one door: from what a party asks about itself to the rule that answers.

use protocol::entry::{CheckedEntry, PartyRequest};

use crate::people::{op_key, recover, root, sponsor};
use crate::refusal::Refusal;
use crate::state::Draft;

/// Answers a request of this room.
///
/// # Errors
/// The rule's refusal.
pub(crate) fn rule(
    draft: &mut Draft<'_>,
    entry: &CheckedEntry,
    request: &PartyRequest,
) -> Result<(), Refusal> {
    let sender = entry.value().sender;
    match request {
        PartyRequest::SetOpKey { key, powers } => op_key::set(draft, sender, *key, *powers),
        PartyRequest::RevokeKey { key } => op_key::revoke(draft, sender, *key),
        PartyRequest::RotateRoot { root } => root::rotate(draft, entry, root),
        PartyRequest::SetGuardian { guardian } => root::set_guardian(draft, sender, *guardian),
        PartyRequest::Vouch { party } => root::vouch(draft, sender, *party),
        PartyRequest::BeginRecovery { party, root } => recover::begin(draft, entry, *party, root),
        PartyRequest::CancelRecovery { party } => recover::cancel(draft, sender, *party),
        PartyRequest::FinishRecovery { party } => recover::finish(draft, *party),
        PartyRequest::SuspendPeer { peer, suspended } => {
            sponsor::suspend(draft, sender, *peer, *suspended)
        }
    }
}
