//! What a peer stands to lose. Of a bond, open bundles lock a part each; only what is not locked
//! can leave, and what leaves matures first.
//!
//! ```text
//! Wallet ──add──▶ Bond { free | locked } ──unbond──▶ Unbonding ──matured──▶ Wallet
//! ```
//!
//! Always: `locked <= bond`. A lock is therefore covered whatever its peer does meanwhile.

use protocol::event::Event;
use protocol::ids::{PartyId, PeerId};
use protocol::units::{Credits, Moment};

use crate::money::posting::{Posting, post, post_covered};
use crate::money::{About, Account, Code, balance};
use crate::params::UNBONDINGS_MAX;
use crate::people::{Peer, Peers, owned};
use crate::refusal::Refusal;
use crate::state::{Draft, View};

/// What is in a peer's bond, locked or not.
pub(crate) fn of(view: &dyn View, peer: PeerId) -> Credits {
    balance(view, Account::Bond(peer)).amount()
}

/// What of a peer's bond no open bundle holds.
pub(crate) fn free(view: &dyn View, peer: PeerId, row: &Peer) -> Credits {
    of(view, peer)
        .minus(row.locked)
        .expect("locks are at most the bond: they are taken from what is free")
}

/// Adds credits of the owner.
///
/// # Errors
/// [`Refusal`] if the peer is not the sender's, or its wallet holds less.
pub(crate) fn add(
    draft: &mut Draft<'_>,
    sender: PartyId,
    peer: PeerId,
    amount: Credits,
) -> Result<(), Refusal> {
    let row = owned(draft, peer, sender)?;
    if row.struck {
        return Err(Refusal::Struck { peer });
    }
    if amount == Credits::ZERO {
        return Err(Refusal::AmountIsZero);
    }
    move_bond(
        draft,
        peer,
        (Account::Wallet(sender), Account::Bond(peer)),
        amount,
        Code::Bond,
    )?;
    tell(draft, peer, &row);
    Ok(())
}

/// Begins to take credits out. They mature after the unbond window.
///
/// # Errors
/// [`Refusal`] if the peer is not the sender's, or less of its bond is free.
pub(crate) fn begin_unbonding(
    draft: &mut Draft<'_>,
    sender: PartyId,
    peer: PeerId,
    amount: Credits,
) -> Result<(), Refusal> {
    let mut row = owned(draft, peer, sender)?;
    if amount == Credits::ZERO {
        return Err(Refusal::AmountIsZero);
    }
    let free = free(draft, peer, &row);
    if free < amount {
        let asked = amount;
        return Err(Refusal::BondLocked { free, asked });
    }
    if row.unbonding.len() >= UNBONDINGS_MAX {
        return Err(Refusal::TooManyUnbondings);
    }
    let matures = draft.now().after(draft.params().unbond_window);
    row.unbonding.push((amount, matures));
    move_bond(
        draft,
        peer,
        (Account::Bond(peer), Account::Unbonding(peer)),
        amount,
        Code::Unbond,
    )?;
    draft.put::<Peers>(&peer, &row);
    tell(draft, peer, &row);
    Ok(())
}

/// Gives matured credits back to the owner.
///
/// # Errors
/// [`Refusal::NothingMatured`], or the peer is not the sender's.
pub(crate) fn withdraw(
    draft: &mut Draft<'_>,
    sender: PartyId,
    peer: PeerId,
) -> Result<(), Refusal> {
    let mut row = owned(draft, peer, sender)?;
    let now = draft.now();
    let matured = |&&(_, matures): &&(Credits, Moment)| matures <= now;
    let amount = row
        .unbonding
        .iter()
        .filter(matured)
        .try_fold(Credits::ZERO, |sum, (amount, _)| sum.plus(*amount))
        .expect("parts of a bond add up to at most the supply");
    if amount == Credits::ZERO {
        return Err(Refusal::NothingMatured);
    }
    row.unbonding.retain(|(_, matures)| *matures > now);
    move_bond(
        draft,
        peer,
        (Account::Unbonding(peer), Account::Wallet(sender)),
        amount,
        Code::Withdraw,
    )?;
    draft.put::<Peers>(&peer, &row);
    tell(draft, peer, &row);
    Ok(())
}

/// Locks a part of a bond for an open bundle; the caller has made sure that so much is free.
pub(crate) fn lock(draft: &mut Draft<'_>, peer: PeerId, amount: Credits) {
    let mut row = known(draft, peer);
    assert!(
        free(draft, peer, &row) >= amount,
        "a draw takes only peers whose free bond covers the lock"
    );
    row.locked = row.locked.plus(amount).expect("locks are at most the bond");
    draft.put::<Peers>(&peer, &row);
}

/// Releases a bundle's lock. Who signed two seals has none left: all were slashed at once.
pub(crate) fn unlock(draft: &mut Draft<'_>, peer: PeerId, amount: Credits) {
    let mut row = known(draft, peer);
    row.locked = match row.locked.minus(amount) {
        Some(rest) => rest,
        None => {
            assert!(row.struck, "a bundle releases what it locked, once");
            Credits::ZERO
        }
    };
    draft.put::<Peers>(&peer, &row);
}

fn known(draft: &Draft<'_>, peer: PeerId) -> Peer {
    draft
        .row::<Peers>(&peer)
        .expect("only admitted peers are drawn, and none is forgotten")
}

fn move_bond(
    draft: &mut Draft<'_>,
    peer: PeerId,
    (from, to): (Account, Account),
    amount: Credits,
    code: Code,
) -> Result<(), Refusal> {
    let about = About::Peer(peer);
    let posting = Posting {
        from,
        to,
        amount,
        code,
        about,
    };
    if matches!(from, Account::Wallet(_)) {
        return post(draft, posting);
    }
    post_covered(draft, posting);
    Ok(())
}

fn tell(draft: &mut Draft<'_>, peer: PeerId, row: &Peer) {
    let bond = of(draft, peer);
    draft.say(Event::BondChanged {
        peer,
        bond,
        locked: row.locked,
    });
}
