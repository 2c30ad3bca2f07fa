//! Whether an entry speaks for its sender and its payer, and whether it comes in its turn.
//!
//! ```text
//! signing keys ──▶ the root of the party? ──yes──▶ everything
//!                        │no
//!                        └▶ an operational key of it? ──yes──▶ what its scope and limits allow
//! ```
//!
//! Every key that signed must be of use: to the sender, to the payer, or as the new root that the
//! entry is about. One too many is refused, so there is one way to sign an entry.

use protocol::bytes::Limited;
use protocol::entry::{Body, CheckedEntry, PartyRequest, Root};
use protocol::ids::{PartyId, PublicKey};
use protocol::units::Moment;

use crate::people::scope::Need;
use crate::people::{Nonces, Parties, op_key};
use crate::refusal::Refusal;
use crate::state::{Draft, View, row};

/// How a party is spoken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// By its root: in everything, without limit.
    Root,
    /// By one of its operational keys.
    OpKey(PublicKey),
}

/// Who asks and who pays, as their keys have shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    /// How the sender is spoken for.
    pub(crate) sender: Speaker,
    /// Who pays for the entry.
    pub(crate) payer: PartyId,
    /// How the payer is spoken for.
    pub(crate) payer_by: Speaker,
}

/// Asks everything that must hold before an entry may cost anyone anything.
///
/// # Errors
/// The first thing that does not hold. [`Refusal::NonceInFuture`] comes last: such an entry may be
/// kept until its turn.
pub(crate) fn authorise(draft: &Draft<'_>, entry: &CheckedEntry) -> Result<Authority, Refusal> {
    let value = entry.value();
    value.within_limits().map_err(Refusal::Malformed)?;
    if value.federation != draft.federation() {
        return Err(Refusal::ForeignFederation);
    }
    let keys: Vec<PublicKey> = entry.keys().collect();
    let sender = speaker(draft, value.sender, &keys, Need::of(&value.body))?;
    let payer = value.fee_payer.unwrap_or(value.sender);
    let payer_by = if payer == value.sender {
        sender
    } else {
        speaker(draft, payer, &keys, Need::PAY)?
    };
    let authority = Authority {
        sender,
        payer,
        payer_by,
    };
    if keys.len() > 1 {
        none_to_spare(draft, entry, &authority, &keys)?;
    }
    in_time(draft, value.valid_until)?;
    let (next, got) = (next_nonce(draft, entry), value.nonce);
    match got.cmp(&next) {
        std::cmp::Ordering::Less => Err(Refusal::NonceUsed { next, got }),
        std::cmp::Ordering::Equal => Ok(authority),
        std::cmp::Ordering::Greater => Err(Refusal::NonceInFuture { next, got }),
    }
}

/// Whether this key, alone, may spend for a party now.
pub(crate) fn may_spend(draft: &Draft<'_>, party: PartyId, key: PublicKey) -> bool {
    speaker(draft, party, &[key], Need::PAY).is_ok()
}

/// How these keys speak for a party, if they may do what is asked.
fn speaker(
    draft: &Draft<'_>,
    party: PartyId,
    keys: &[PublicKey],
    need: Need,
) -> Result<Speaker, Refusal> {
    let known = draft
        .row::<Parties>(&party)
        .ok_or(Refusal::UnknownParty { party })?;
    if known.root.is_met_by(keys) {
        return Ok(Speaker::Root);
    }
    if let Some(key) = keys.iter().find(|key| known.keys.contains(key)) {
        op_key::may(draft, party, *key, need)?;
        return Ok(Speaker::OpKey(*key));
    }
    Err(match &known.root {
        Root::Many(quorum) if quorum.weight(keys) > 0 => Refusal::TooFewSignatures {
            party,
            weight: quorum.weight(keys),
            threshold: quorum.threshold,
        },
        Root::One(_) | Root::Many(_) => Refusal::ForeignKey { party },
    })
}

/// Refuses a key that signed and is of no use to the entry.
fn none_to_spare(
    draft: &Draft<'_>,
    entry: &CheckedEntry,
    authority: &Authority,
    keys: &[PublicKey],
) -> Result<(), Refusal> {
    let mut of_use = speaking(draft, entry.value().sender, authority.sender);
    of_use.extend(speaking(draft, authority.payer, authority.payer_by));
    if let Body::Party(
        PartyRequest::RotateRoot { root } | PartyRequest::BeginRecovery { root, .. },
    ) = &entry.value().body
    {
        of_use.extend(root.keys());
    }
    match keys.iter().find(|key| !of_use.contains(key)) {
        Some(key) => Err(Refusal::SurplusSignature { key: *key }),
        None => Ok(()),
    }
}

fn speaking(view: &dyn View, party: PartyId, by: Speaker) -> Vec<PublicKey> {
    match by {
        Speaker::OpKey(key) => vec![key],
        Speaker::Root => row::<Parties>(view, &party)
            .map(|known| known.root.keys())
            .unwrap_or_default(),
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
