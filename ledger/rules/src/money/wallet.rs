//! Task wallets: their owner fills them, says who may spend of them and how much, and closes them.

use protocol::entry::SpendPolicy;
use protocol::event::{BankEvent, Event};
use protocol::ids::{PartyId, PurseId};
use protocol::units::Credits;

use crate::money::posting::{Posting, post, post_covered};
use crate::money::purse::{Allowance, Allowances, Delegates, Purse, PurseKind, Purses, add, owned};
use crate::money::{About, Account, Code, balance};
use crate::people::is_known;
use crate::refusal::Refusal;
use crate::state::Draft;

/// Opens a task wallet with credits of its owner.
///
/// # Errors
/// [`Refusal::InsufficientBalance`].
pub(crate) fn open(
    draft: &mut Draft<'_>,
    owner: PartyId,
    name: PurseId,
    amount: Credits,
) -> Result<(), Refusal> {
    let closed = false;
    add(draft, name, owner, PurseKind::TaskWallet { closed });
    fill(draft, owner, name, amount)?;
    draft.say(Event::Bank(BankEvent::PurseOpened {
        purse: name,
        owner,
        amount,
        granted_by: None,
    }));
    Ok(())
}

/// Adds credits of the owner.
///
/// # Errors
/// [`Refusal`] if it is not the sender's, not a task wallet or closed, or the sender holds less.
pub(crate) fn top_up(
    draft: &mut Draft<'_>,
    sender: PartyId,
    name: PurseId,
    amount: Credits,
) -> Result<(), Refusal> {
    if amount == Credits::ZERO {
        return Err(Refusal::AmountIsZero);
    }
    open_task_wallet(draft, sender, name)?;
    fill(draft, sender, name, amount)?;
    let purse = name;
    draft.say(Event::Bank(BankEvent::PurseFilled { purse, amount }));
    Ok(())
}

/// Lets a party spend within limits. What it has spent stays counted.
///
/// # Errors
/// [`Refusal`] if the purse is not the sender's, or the delegate is not known.
pub(crate) fn allow(
    draft: &mut Draft<'_>,
    sender: PartyId,
    name: PurseId,
    delegate: PartyId,
    policy: SpendPolicy,
) -> Result<(), Refusal> {
    let mut purse = owned(draft, name, sender)?;
    if !is_known(draft, delegate) {
        return Err(Refusal::UnknownParty { party: delegate });
    }
    let at = (name, delegate);
    let known = draft.row::<Allowances>(&at);
    if known.is_none() {
        draft.put::<Delegates>(&(name, purse.delegates), &delegate);
        purse.delegates = purse.delegates.saturating_add(1);
        draft.put::<Purses>(&name, &purse);
    }
    let used = known.unwrap_or(Allowance {
        policy: None,
        epoch: 0,
        in_epoch: Credits::ZERO,
        in_all: Credits::ZERO,
    });
    let policy = Some(policy);
    draft.put::<Allowances>(&at, &Allowance { policy, ..used });
    Ok(())
}

/// Lets a party spend no more.
///
/// # Errors
/// [`Refusal`] if the purse is not the sender's, or the party may not spend of it anyway.
pub(crate) fn disallow(
    draft: &mut Draft<'_>,
    sender: PartyId,
    name: PurseId,
    delegate: PartyId,
) -> Result<(), Refusal> {
    owned(draft, name, sender)?;
    let at = (name, delegate);
    let known = draft.row::<Allowances>(&at);
    let Some(known) = known.filter(|known| known.policy.is_some()) else {
        return Err(Refusal::NotADelegate { party: delegate });
    };
    let policy = None;
    draft.put::<Allowances>(&at, &Allowance { policy, ..known });
    Ok(())
}

/// Closes a task wallet: what is left goes back to its owner.
///
/// # Errors
/// [`Refusal`] if it is not the sender's, not a task wallet, or closed.
pub(crate) fn close(draft: &mut Draft<'_>, sender: PartyId, name: PurseId) -> Result<(), Refusal> {
    let purse = open_task_wallet(draft, sender, name)?;
    let kind = PurseKind::TaskWallet { closed: true };
    draft.put::<Purses>(&name, &Purse { kind, ..purse });
    let amount = balance(draft, Account::TaskWallet(name)).amount();
    post_covered(
        draft,
        Posting {
            from: Account::TaskWallet(name),
            to: Account::Wallet(sender),
            amount,
            code: Code::TaskWalletClosed,
            about: About::Purse(name),
        },
    );
    let purse = name;
    draft.say(Event::Bank(BankEvent::PurseEmptied { purse, amount }));
    Ok(())
}

fn open_task_wallet(draft: &Draft<'_>, sender: PartyId, name: PurseId) -> Result<Purse, Refusal> {
    let purse = owned(draft, name, sender)?;
    match purse.kind {
        PurseKind::TaskWallet { closed: false } => Ok(purse),
        PurseKind::TaskWallet { closed: true } => Err(Refusal::PurseClosed),
        PurseKind::Grant { .. } => Err(Refusal::NotATaskWallet),
    }
}

fn fill(
    draft: &mut Draft<'_>,
    owner: PartyId,
    name: PurseId,
    amount: Credits,
) -> Result<(), Refusal> {
    post(
        draft,
        Posting {
            from: Account::Wallet(owner),
            to: Account::TaskWallet(name),
            amount,
            code: Code::TaskWalletFilled,
            about: About::Purse(name),
        },
    )
}
