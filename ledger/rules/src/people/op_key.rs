//! Operational keys: what a machine holds instead of the root. Each may do certain kinds of things,
//! until a moment, and cost its party only so much; the count is kept beside the key and asked
//! after every entry, whatever the entry did, so no kind of request can slip past it.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::{BankRequest, Body, CheckedEntry, OpKeyPowers};
use protocol::event::{Event, PartyEvent};
use protocol::ids::{PartyId, PublicKey};
use protocol::units::Credits;

use crate::money::{Account, balance, purse};
use crate::people::key::{Authority, Speaker};
use crate::people::scope::Need;
use crate::people::{OpKeys, Parties, Party};
use crate::refusal::Refusal;
use crate::state::{Draft, View};

/// A party has so many operational keys at most.
pub(crate) const OP_KEYS_MAX: usize = 32;

/// An operational key on the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpKey {
    /// What it may do.
    pub powers: OpKeyPowers,
    /// The epoch in which it was last used.
    pub epoch: u64,
    /// What its entries have cost the party in that epoch.
    pub spent: Credits,
}

/// Lets a key speak for a party. What it has spent in this epoch stays counted.
///
/// # Errors
/// [`Refusal`] if it is part of the root, could never be used, or there are too many.
pub(crate) fn set(
    draft: &mut Draft<'_>,
    party: PartyId,
    key: PublicKey,
    powers: OpKeyPowers,
) -> Result<(), Refusal> {
    let mut row = of_sender(draft, party);
    if row.root.keys().contains(&key) {
        return Err(Refusal::KeyInUse { key });
    }
    let (expires, now) = (powers.expires, draft.now());
    if expires <= now {
        return Err(Refusal::KeyBornExpired { expires, now });
    }
    let known = draft.row::<OpKeys>(&(party, key));
    if known.is_none() {
        if row.keys.len() >= OP_KEYS_MAX {
            return Err(Refusal::TooManyKeys { max: OP_KEYS_MAX });
        }
        row.keys.push(key);
        draft.put::<Parties>(&party, &row);
    }
    let (epoch, spent) = known.map_or((0, Credits::ZERO), |known| (known.epoch, known.spent));
    let row = OpKey {
        powers,
        epoch,
        spent,
    };
    draft.put::<OpKeys>(&(party, key), &row);
    draft.say(Event::Party(PartyEvent::OpKeySet { party, key }));
    Ok(())
}

/// Ends a key: the next entry that it signs is refused.
///
/// # Errors
/// [`Refusal::UnknownKey`].
pub(crate) fn revoke(draft: &mut Draft<'_>, party: PartyId, key: PublicKey) -> Result<(), Refusal> {
    let mut row = of_sender(draft, party);
    let before = row.keys.len();
    row.keys.retain(|known| *known != key);
    if row.keys.len() == before {
        return Err(Refusal::UnknownKey { key });
    }
    draft.put::<Parties>(&party, &row);
    forget(draft, party, key);
    Ok(())
}

/// Removes the row of a key that its party no longer names.
pub(crate) fn forget(draft: &mut Draft<'_>, party: PartyId, key: PublicKey) {
    draft.remove::<OpKeys>(&(party, key));
    draft.say(Event::Party(PartyEvent::OpKeyRevoked { party, key }));
}

/// Asks whether a key of a party may do what is asked, now.
///
/// # Errors
/// [`Refusal::KeyExpired`] or [`Refusal::OutOfScope`].
pub(crate) fn may(
    draft: &Draft<'_>,
    party: PartyId,
    key: PublicKey,
    need: Need,
) -> Result<(), Refusal> {
    let powers = draft
        .row::<OpKeys>(&(party, key))
        .expect("every key that a party names has a row")
        .powers;
    let (expires, now) = (powers.expires, draft.now());
    if expires <= now {
        return Err(Refusal::KeyExpired { expires, now });
    }
    match need {
        Need::AnyOf(scope) if powers.scope.shares(scope) => Ok(()),
        Need::AnyOf(needs) => Err(Refusal::OutOfScope {
            has: powers.scope,
            needs,
        }),
        Need::Root => Err(Refusal::RootNeeded { party }),
    }
}

/// Counts what an entry costs a key's party, of which `so_far` was counted before.
///
/// # Errors
/// How much it may still cost, if that is less; nothing was counted.
pub(crate) fn charge(
    draft: &mut Draft<'_>,
    (party, key): (PartyId, PublicKey),
    amount: Credits,
    so_far: Credits,
) -> Result<(), Credits> {
    if amount == Credits::ZERO {
        return Ok(());
    }
    // A key that its own entry has just ended may cost nothing more.
    let Some(mut row) = draft.row::<OpKeys>(&(party, key)) else {
        return Err(Credits::ZERO);
    };
    let epoch = draft.epoch();
    if row.epoch != epoch {
        (row.epoch, row.spent) = (epoch, Credits::ZERO);
    }
    let left = |limit: Credits, spent| limit.minus(spent).unwrap_or(Credits::ZERO);
    let of_entry = left(row.powers.per_entry, so_far);
    let left = of_entry.min(left(row.powers.per_epoch, row.spent));
    if amount > left {
        return Err(left);
    }
    row.spent = row
        .spent
        .plus(amount)
        .expect("what is spent is at most the limit of the epoch");
    draft.put::<OpKeys>(&(party, key), &row);
    Ok(())
}

/// Counts what an entry did to its sender's credits, if an operational key sent it. `before` is the
/// state without what the entry did, and `fee` what it was charged for being entered.
///
/// # Errors
/// [`Refusal::OverKeyLimit`]: the caller then drops what the entry did.
pub(crate) fn count(
    draft: &mut Draft<'_>,
    before: &dyn View,
    entry: &CheckedEntry,
    authority: &Authority,
    fee: Credits,
) -> Result<(), Refusal> {
    let Speaker::OpKey(key) = authority.sender else {
        return Ok(());
    };
    let sender = entry.value().sender;
    let mut accounts = vec![Account::Wallet(sender)];
    if let Body::Submit {
        purse: Some(name), ..
    } = &entry.value().body
    {
        accounts.extend(purse::account(draft, *name));
    }
    let out = |account: &Account| {
        let (was, is) = (balance(before, *account), balance(draft, *account));
        is.debits.saturating_sub(was.debits)
    };
    let moved = accounts.iter().map(out).fold(0, u128::saturating_add);
    let granted = match &entry.value().body {
        Body::Bank(BankRequest::MintGrant { amount, .. }) => *amount,
        _ => Credits::ZERO,
    };
    let asked = u64::try_from(moved)
        .ok()
        .and_then(|moved| Credits::new(moved).plus(granted))
        .unwrap_or(Credits::MAX);
    let so_far = if authority.payer == sender {
        fee
    } else {
        Credits::ZERO
    };
    charge(draft, (sender, key), asked, so_far)
        .map_err(|left| Refusal::OverKeyLimit { asked, left })
}

/// The row of a party whose entry is being applied.
pub(crate) fn of_sender(draft: &Draft<'_>, party: PartyId) -> Party {
    draft
        .row::<Parties>(&party)
        .expect("whoever sends an entry is known, and nobody is forgotten")
}
