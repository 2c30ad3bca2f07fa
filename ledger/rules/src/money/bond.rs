//! What a peer stands to lose. Of a bond, open bundles lock a part each; only what is not locked
//! can leave, and what leaves matures first and can be slashed until then.
//!
//! ```text
//! Wallet ──add──▶ Bond { free | locked } ──unbond──▶ Unbonding ──matured──▶ Wallet
//! pay ────vest─────▲          └────────slash────────────┘
//! ```
//!
//! Always: `locked <= bond`. A lock is therefore covered whatever its peer does meanwhile. A part
//! of a bond may be others' ([`backer`]); it comes back to who put it in.

use protocol::event::Event;
use protocol::ids::{PartyId, PeerId};
use protocol::units::{Credits, Moment};

use crate::money::backer;
use crate::money::posting::{Posting, post, post_covered};
use crate::money::{About, Account, Code, balance, exposure};
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
    let free = free(draft, peer, &row).min(own(draft, peer));
    leave(draft, peer, (free, amount), &mut row.unbonding)?;
    draft.put::<Peers>(&peer, &row);
    tell(draft, peer, &row);
    Ok(())
}

/// Takes an amount out of a bond and adds it to what of the same part is leaving already.
///
/// # Errors
/// [`Refusal`] if less of the part is free, or too much of it is leaving one by one.
pub(super) fn leave(
    draft: &mut Draft<'_>,
    peer: PeerId,
    (free, asked): (Credits, Credits),
    leaving: &mut Vec<(Credits, Moment)>,
) -> Result<(), Refusal> {
    if free < asked {
        return Err(Refusal::BondLocked { free, asked });
    }
    if leaving.len() >= UNBONDINGS_MAX {
        return Err(Refusal::TooManyUnbondings);
    }
    let matures = draft.now().after(draft.params().unbond_window);
    leaving.push((asked, matures));
    let way = (Account::Bond(peer), Account::Unbonding(peer));
    move_bond(draft, peer, way, asked, Code::Unbond)
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
    let amount = backer::matured(&mut row.unbonding, draft.now());
    if amount == Credits::ZERO {
        return Err(Refusal::NothingMatured);
    }
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

/// Puts a part of what a peer just earned for its owner into its bond, while that is a beginner's;
/// says how much.
pub(crate) fn vest(
    draft: &mut Draft<'_>,
    peer: PeerId,
    owner: PartyId,
    paid: Credits,
    about: About,
) -> Credits {
    let params = draft.params();
    let missing = params.earn_to_bond_until.minus(of(draft, peer));
    let part = paid
        .share(params.earn_to_bond)
        .min(missing.unwrap_or(Credits::ZERO));
    let row = known(draft, peer);
    if row.struck || part == Credits::ZERO {
        return Credits::ZERO;
    }
    let before = of(draft, peer);
    post_covered(
        draft,
        Posting {
            from: Account::Wallet(owner),
            to: Account::Bond(peer),
            amount: part,
            code: Code::Vest,
            about,
        },
    );
    exposure::note(draft, peer, before);
    tell(draft, peer, &row);
    part
}

/// Takes from what a peer stands to lose into `hold`, and says how much there was: what is bonded
/// and not locked for other bundles, then what leaves the bond.
pub(crate) fn slash(
    draft: &mut Draft<'_>,
    peer: PeerId,
    amount: Credits,
    hold: Account,
    about: About,
) -> Credits {
    let mut row = known(draft, peer);
    let (before, own) = (of(draft, peer), own(draft, peer));
    let bonded = amount.min(free(draft, peer, &row));
    let rest = amount.minus(bonded).expect("the lesser of the two");
    let leaving = rest.min(balance(draft, Account::Unbonding(peer)).amount());
    for (from, amount) in [
        (Account::Bond(peer), bonded),
        (Account::Unbonding(peer), leaving),
    ] {
        post_covered(
            draft,
            Posting {
                from,
                to: hold,
                amount,
                code: Code::Slash,
                about,
            },
        );
    }
    exposure::note(draft, peer, before);
    if let Some(beyond) = bonded.minus(own) {
        backer::bear(draft, peer, beyond);
    }
    backer::bear_leaving(draft, peer, &mut row.unbonding, leaving);
    draft.put::<Peers>(&peer, &row);
    bonded.plus(leaving).expect("at most what was asked")
}

/// What of a peer's bond is its owner's.
fn own(view: &dyn View, peer: PeerId) -> Credits {
    of(view, peer)
        .minus(backer::sum(&backer::of(view, peer)))
        .expect("a backer's part is a part")
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

/// Releases a bundle's lock, or what is left of it as a claim where it was forfeited.
pub(crate) fn unlock(draft: &mut Draft<'_>, peer: PeerId, amount: Credits) {
    let mut row = known(draft, peer);
    if let Some(rest) = row.locked.minus(amount) {
        row.locked = rest;
    } else {
        // Nobody is drawn while all that it had locked is forfeited.
        let rest = row.forfeited.minus(amount);
        row.forfeited = rest.expect("a bundle releases what it locked, once");
    }
    draft.put::<Peers>(&peer, &row);
}

/// All that a peer has locked is about to be taken for two seals; so much of it is not locked by
/// open bundles.
pub(crate) fn forfeit(draft: &mut Draft<'_>, peer: PeerId, others: Credits) {
    let mut row = known(draft, peer);
    let bundles = row.locked.minus(others).expect("locks add up");
    let all = row.forfeited.plus(bundles);
    row.forfeited = all.expect("locks are at most the bond");
    row.locked = Credits::ZERO;
    draft.put::<Peers>(&peer, &row);
}

/// What was taken for two seals is given back: bundles that are still open lock their part again.
pub(crate) fn restore(draft: &mut Draft<'_>, peer: PeerId) {
    let mut row = known(draft, peer);
    let all = row.locked.plus(row.forfeited);
    row.locked = all.expect("locks are at most the bond");
    row.forfeited = Credits::ZERO;
    draft.put::<Peers>(&peer, &row);
}

fn known(draft: &Draft<'_>, peer: PeerId) -> Peer {
    draft
        .row::<Peers>(&peer)
        .expect("only admitted peers are drawn, and none is forgotten")
}

/// Moves credits into or out of a bond, or out of what leaves it.
///
/// # Errors
/// [`Refusal::InsufficientBalance`] of a wallet.
pub(super) fn move_bond(
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
    let before = of(draft, peer);
    if matches!(from, Account::Wallet(_)) {
        post(draft, posting)?;
    } else {
        post_covered(draft, posting);
    }
    if of(draft, peer) != before {
        exposure::note(draft, peer, before);
    }
    Ok(())
}

/// Says what a peer now stands to lose.
pub(super) fn tell(draft: &mut Draft<'_>, peer: PeerId, row: &Peer) {
    let bond = of(draft, peer);
    draft.say(Event::BondChanged {
        peer,
        bond,
        locked: row.locked,
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that finds nothing has failed")]
mod tests {
    use super::*;
    use crate::state::tests::on_nothing;

    const PEER: PeerId = PeerId::new([1; 32]);
    const OWNER: PartyId = PartyId::new([2; 32]);

    /// A peer without a bond, whose owner has a thousand micro-credits.
    fn admitted(draft: &mut Draft<'_>, struck: bool) {
        let row = Peer {
            number: 0,
            owner: OWNER,
            sponsor: OWNER,
            admitted: Moment::new(0),
            locked: Credits::ZERO,
            forfeited: Credits::ZERO,
            unbonding: Vec::new(),
            jailed_until: Moment::new(0),
            struck,
            suspended: false,
        };
        draft.put::<Peers>(&PEER, &row);
        let posting = Posting {
            from: Account::Mint,
            to: Account::Wallet(OWNER),
            amount: Credits::new(1_000),
            code: Code::Grant,
            about: About::Ledger,
        };
        post(draft, posting).unwrap();
    }

    #[test]
    fn every_change_of_a_bond_is_said() {
        on_nothing(|draft| {
            admitted(draft, false);
            add(draft, OWNER, PEER, Credits::new(10)).unwrap();
            begin_unbonding(draft, OWNER, PEER, Credits::new(4)).unwrap();
            let share = draft.params().earn_to_bond;
            let paid = Credits::new(100);
            let vested = vest(draft, PEER, OWNER, paid, About::Ledger);
            assert_eq!(vested, paid.share(share));
            // Nothing earned, nothing said.
            let nothing = vest(draft, PEER, OWNER, Credits::ZERO, About::Ledger);
            assert_eq!(nothing, Credits::ZERO);
            let said: Vec<u64> = draft
                .said()
                .iter()
                .filter_map(|event| match event {
                    Event::BondChanged { bond, .. } => Some(bond.get()),
                    _ => None,
                })
                .collect();
            assert_eq!(said, [10, 6, 6 + vested.get()]);
        });
    }

    #[test]
    fn who_is_struck_bonds_and_earns_nothing() {
        on_nothing(|draft| {
            admitted(draft, true);
            let peer = PEER;
            let struck = add(draft, OWNER, PEER, Credits::new(10));
            assert_eq!(struck, Err(Refusal::Struck { peer }));
            let vested = vest(draft, PEER, OWNER, Credits::new(100), About::Ledger);
            assert_eq!((vested, of(draft, PEER)), (Credits::ZERO, Credits::ZERO));
        });
    }
}
