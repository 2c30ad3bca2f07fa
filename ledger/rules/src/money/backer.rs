//! Bonds that others put in: a sponsor, or anyone, stands in for a peer that is not its own, and
//! gets back what is not lost.
//!
//! A slash takes what is bonded before what is leaving. Of each, it takes the owner's part first,
//! then the backers', who came last first: who trusted a peer early answers last.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::StakeRequest;
use protocol::ids::{PartyId, PeerId};
use protocol::units::{Credits, Moment};

use crate::money::bond::{free, leave, move_bond, tell};
use crate::money::{Account, Code};
use crate::people::Peers;
use crate::refusal::Refusal;
use crate::state::{Draft, View, row, table};

/// Backers that a peer may have.
pub(crate) const BACKERS_MAX: usize = 8;

/// Who stands in for a peer that is not its own.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Backer {
    /// Who.
    pub party: PartyId,
    /// What of the peer's bond is its.
    pub amount: Credits,
    /// What of it leaves, and when each part matures.
    pub unbonding: Vec<(Credits, Moment)>,
}

table!(
    /// Who stands in for a peer, in the order they came.
    Backers, 0xAC, PeerId => Vec<Backer>
);

/// One match from what is asked to the rule that answers.
pub(crate) fn rule(
    draft: &mut Draft<'_>,
    sender: PartyId,
    request: &StakeRequest,
) -> Result<(), Refusal> {
    match *request {
        StakeRequest::Back { peer, amount } => back(draft, sender, peer, amount),
        StakeRequest::Unback { peer, amount } => unback(draft, sender, peer, amount),
        StakeRequest::Reclaim { peer } => reclaim(draft, sender, peer),
    }
}

/// Who stands in for a peer, in the order they came.
pub(crate) fn of(view: &dyn View, peer: PeerId) -> Vec<Backer> {
    row::<Backers>(view, &peer).unwrap_or_default()
}

/// What of a peer's bond is not its owner's.
pub(crate) fn sum(backers: &[Backer]) -> Credits {
    let add = |sum: Credits, backer: &Backer| sum.plus(backer.amount);
    backers
        .iter()
        .try_fold(Credits::ZERO, add)
        .expect("parts of a bond add up to at most the supply")
}

/// Keeps the backers that still have something in a bond.
pub(crate) fn keep(draft: &mut Draft<'_>, peer: PeerId, mut backers: Vec<Backer>) {
    backers.retain(|one| one.amount > Credits::ZERO || !one.unbonding.is_empty());
    if backers.is_empty() {
        draft.remove::<Backers>(&peer);
    } else {
        draft.put::<Backers>(&peer, &backers);
    }
}

/// Adds credits of someone else than the owner.
///
/// # Errors
/// [`Refusal`] if the peer is the sender's own, is struck, has as many backers as it may have, or
/// the wallet holds less.
fn back(
    draft: &mut Draft<'_>,
    party: PartyId,
    peer: PeerId,
    amount: Credits,
) -> Result<(), Refusal> {
    let row = draft
        .row::<Peers>(&peer)
        .ok_or(Refusal::UnknownPeer { peer })?;
    if row.owner == party {
        return Err(Refusal::OwnPeer { peer });
    }
    if row.struck {
        return Err(Refusal::Struck { peer });
    }
    if amount == Credits::ZERO {
        return Err(Refusal::AmountIsZero);
    }
    let mut backers = of(draft, peer);
    let full = backers.len() >= BACKERS_MAX;
    match backers.iter_mut().find(|one| one.party == party) {
        Some(one) => {
            one.amount = one.amount.plus(amount).ok_or(Refusal::AmountTooLarge)?;
        }
        None if full => return Err(Refusal::TooManyBackers { peer }),
        None => backers.push(Backer {
            party,
            amount,
            unbonding: Vec::new(),
        }),
    }
    let way = (Account::Wallet(party), Account::Bond(peer));
    move_bond(draft, peer, way, amount, Code::Back)?;
    keep(draft, peer, backers);
    tell(draft, peer, &row);
    Ok(())
}

/// Begins to take a backer's credits out. They mature after the unbond window.
///
/// # Errors
/// [`Refusal`] if the sender backs the peer with less, or less of the bond is free.
fn unback(
    draft: &mut Draft<'_>,
    party: PartyId,
    peer: PeerId,
    amount: Credits,
) -> Result<(), Refusal> {
    let row = draft
        .row::<Peers>(&peer)
        .ok_or(Refusal::UnknownPeer { peer })?;
    if amount == Credits::ZERO {
        return Err(Refusal::AmountIsZero);
    }
    let mut backers = of(draft, peer);
    let one = backers
        .iter_mut()
        .find(|one| one.party == party)
        .ok_or(Refusal::NotBacked { peer, party })?;
    let free = free(draft, peer, &row).min(one.amount);
    leave(draft, peer, (free, amount), &mut one.unbonding)?;
    one.amount = one.amount.minus(amount).expect("asked just above");
    keep(draft, peer, backers);
    tell(draft, peer, &row);
    Ok(())
}

/// Gives a backer's matured credits back.
///
/// # Errors
/// [`Refusal::NotBacked`] or [`Refusal::NothingMatured`].
fn reclaim(draft: &mut Draft<'_>, party: PartyId, peer: PeerId) -> Result<(), Refusal> {
    let now = draft.now();
    let mut backers = of(draft, peer);
    let one = backers
        .iter_mut()
        .find(|one| one.party == party)
        .ok_or(Refusal::NotBacked { peer, party })?;
    let amount = matured(&mut one.unbonding, now);
    if amount == Credits::ZERO {
        return Err(Refusal::NothingMatured);
    }
    let way = (Account::Unbonding(peer), Account::Wallet(party));
    move_bond(draft, peer, way, amount, Code::Withdraw)?;
    keep(draft, peer, backers);
    Ok(())
}

/// Bears what was taken from a bond beyond the owner's part: the last backer first.
pub(crate) fn bear(draft: &mut Draft<'_>, peer: PeerId, mut beyond: Credits) {
    let mut backers = of(draft, peer);
    for backer in backers.iter_mut().rev() {
        beyond = lessen(&mut backer.amount, beyond);
    }
    assert_eq!(
        beyond,
        Credits::ZERO,
        "a bond is its owner's and its backers'"
    );
    keep(draft, peer, backers);
}

/// Bears what was taken from what leaves a bond: the owner first, then the last backer; of each,
/// what matures last.
pub(crate) fn bear_leaving(
    draft: &mut Draft<'_>,
    peer: PeerId,
    own: &mut Vec<(Credits, Moment)>,
    mut taken: Credits,
) {
    taken = lessen_all(own, taken);
    let mut backers = of(draft, peer);
    for backer in backers.iter_mut().rev() {
        taken = lessen_all(&mut backer.unbonding, taken);
    }
    assert_eq!(taken, Credits::ZERO, "what leaves a bond is someone's");
    keep(draft, peer, backers);
}

/// Takes from an amount, and gives what is still to be taken.
fn lessen(amount: &mut Credits, taken: Credits) -> Credits {
    let part = taken.min(*amount);
    *amount = amount.minus(part).expect("the lesser of the two");
    taken.minus(part).expect("the lesser of the two")
}

fn lessen_all(leaving: &mut Vec<(Credits, Moment)>, mut taken: Credits) -> Credits {
    for (amount, _) in leaving.iter_mut().rev() {
        taken = lessen(amount, taken);
    }
    leaving.retain(|(amount, _)| *amount > Credits::ZERO);
    taken
}

/// Takes what has matured out of what leaves, and says how much it was.
pub(crate) fn matured(leaving: &mut Vec<(Credits, Moment)>, now: Moment) -> Credits {
    let add = |sum: Credits, (amount, _): &(Credits, Moment)| sum.plus(*amount);
    let amount = leaving
        .iter()
        .filter(|(_, matures)| *matures <= now)
        .try_fold(Credits::ZERO, add)
        .expect("parts of a bond add up to at most the supply");
    leaving.retain(|(_, matures)| *matures > now);
    amount
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that finds nothing has failed")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::posting::{Posting, post};
    use crate::money::{About, balance, bond};
    use crate::people::Peer;
    use crate::state::tests::on_nothing;

    const PEER: PeerId = PeerId::new([1; 32]);
    const OWNER: PartyId = PartyId::new([2; 32]);
    const EARLY: PartyId = PartyId::new([3; 32]);
    const LATE: PartyId = PartyId::new([4; 32]);

    /// A peer with 100 of its owner, 100 of an early and 100 of a late backer, of which each has
    /// begun to take 40 out, and 20 locked.
    fn bonded(draft: &mut Draft<'_>) {
        let row = Peer {
            number: 0,
            owner: OWNER,
            sponsor: OWNER,
            admitted: Moment::new(0),
            locked: Credits::ZERO,
            forfeited: Credits::ZERO,
            unbonding: Vec::new(),
            jailed_until: Moment::new(0),
            struck: false,
            suspended: false,
        };
        draft.put::<Peers>(&PEER, &row);
        for party in [OWNER, EARLY, LATE] {
            let posting = Posting {
                from: Account::Mint,
                to: Account::Wallet(party),
                amount: Credits::new(100),
                code: Code::Grant,
                about: About::Ledger,
            };
            post(draft, posting).unwrap();
        }
        let (all, part) = (Credits::new(100), Credits::new(40));
        bond::add(draft, OWNER, PEER, all).unwrap();
        bond::begin_unbonding(draft, OWNER, PEER, part).unwrap();
        for party in [EARLY, LATE] {
            back(draft, party, PEER, all).unwrap();
            unback(draft, party, PEER, part).unwrap();
        }
        bond::lock(draft, PEER, Credits::new(20));
    }

    /// What is left of the bond of each, and of what each takes out.
    fn left(draft: &Draft<'_>) -> ([u64; 3], [u64; 3]) {
        let row = draft.row::<Peers>(&PEER).unwrap();
        let backers = of(draft, PEER);
        let part = |party| backers.iter().find(|one| one.party == party);
        let leaving = |parts: &[(Credits, Moment)]| {
            assert!(parts.iter().all(|(part, _)| *part > Credits::ZERO));
            parts.iter().map(|(part, _)| part.get()).sum()
        };
        let bonded = |party| part(party).map_or(0, |one| one.amount.get());
        let gone = |party| part(party).map_or(0, |one| leaving(&one.unbonding));
        let own = bond::of(draft, PEER).minus(sum(&backers)).unwrap().get();
        (
            [own, bonded(EARLY), bonded(LATE)],
            [leaving(&row.unbonding), gone(EARLY), gone(LATE)],
        )
    }

    #[test]
    fn a_slash_takes_the_owner_s_part_first_and_what_leaves_last() {
        for (amount, taken, bonded_left, leaving) in [
            (50, 50, [10, 60, 60], [40, 40, 40]),
            (60, 60, [0, 60, 60], [40, 40, 40]),
            (100, 100, [0, 60, 20], [40, 40, 40]),
            (150, 150, [0, 30, 0], [40, 40, 40]),
            // 20 are locked for other bundles, and stay.
            (180, 180, [0, 20, 0], [20, 40, 40]),
            (250, 250, [0, 20, 0], [0, 30, 0]),
            (999, 280, [0, 20, 0], [0, 0, 0]),
        ] {
            on_nothing(|draft| {
                bonded(draft);
                let (hold, about) = (Account::Burn, About::Peer(PEER));
                let got = bond::slash(draft, PEER, Credits::new(amount), hold, about);
                assert_eq!(got.get(), taken, "{amount}");
                assert_eq!(left(draft), (bonded_left, leaving), "{amount}");
            });
        }
    }

    #[test]
    fn what_leaves_comes_out_at_its_moment_and_once() {
        let part = |amount, at| (Credits::new(amount), Moment::new(at));
        let mut leaving = vec![part(1, 5), part(2, 6), part(4, 6), part(8, 7)];
        for (now, amount, left) in [(4, 0, 4), (5, 1, 3), (5, 0, 3), (6, 6, 1), (9, 8, 0)] {
            assert_eq!(matured(&mut leaving, Moment::new(now)).get(), amount);
            assert_eq!(leaving.len(), left);
        }
    }

    proptest! {
        /// I6, I9 and I16: whatever is slashed, locks stay covered, and every part adds up.
        #[test]
        fn nothing_is_lost_in_a_row_of_slashes(
            slashes in prop::collection::vec(0..120_u64, 1..8)
        ) {
            on_nothing(|draft| {
                bonded(draft);
                let mut all = 0;
                for amount in slashes {
                    let (hold, about) = (Account::Burn, About::Peer(PEER));
                    let got = bond::slash(draft, PEER, Credits::new(amount), hold, about);
                    all = got.plus(Credits::new(all)).unwrap().get();
                    let (bonded, leaving) = left(draft);
                    let bond: u64 = bonded.iter().sum();
                    prop_assert!(bond >= 20, "what is locked stays");
                    let unbonding = balance(draft, Account::Unbonding(PEER)).amount();
                    prop_assert_eq!(unbonding.get(), leaving.iter().sum::<u64>());
                    let parts = bonded.iter().chain(&leaving).chain([&all]);
                    prop_assert_eq!(parts.sum::<u64>(), 300);
                }
                Ok(())
            })?;
        }
    }
}
