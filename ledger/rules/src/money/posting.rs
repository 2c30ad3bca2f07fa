//! The only code that changes a balance. A posting takes from one account what it gives another, so
//! no sequence of postings can make or lose a credit.

use protocol::ids::PartyId;
use protocol::units::Credits;

use crate::money::{
    About, Account, Accounts, Balance, Code, HISTORY_LINES, History, Line, balance, issue,
};
use crate::refusal::Refusal;
use crate::state::Draft;

/// Credits moving from one account to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posting {
    pub(crate) from: Account,
    pub(crate) to: Account,
    pub(crate) amount: Credits,
    pub(crate) code: Code,
    pub(crate) about: About,
}

/// Moves credits. Moving nothing leaves no trace.
///
/// # Errors
/// [`Refusal::InsufficientBalance`] if `from` holds less; nothing moved.
pub(crate) fn post(draft: &mut Draft<'_>, posting: Posting) -> Result<(), Refusal> {
    if posting.amount == Credits::ZERO {
        return Ok(());
    }
    assert_ne!(
        posting.from, posting.to,
        "credits move between two accounts"
    );
    let moved = u128::from(posting.amount.get());
    let mut from = balance(draft, posting.from);
    let line = match posting.from {
        Account::Wallet(party) => issue::line(draft, party, posting.code),
        _ => Credits::ZERO,
    };
    let after = from.debits.saturating_add(moved);
    let covered = from.credits.saturating_add(line.get().into());
    if posting.from != Account::Mint && after > covered {
        return Err(Refusal::InsufficientBalance {
            needs: posting.amount,
            has: from.amount(),
        });
    }
    let mut to = balance(draft, posting.to);
    from.debits = sum(from.debits, moved);
    to.credits = sum(to.credits, moved);
    touch(draft, posting.from, &mut from, &posting, false);
    touch(draft, posting.to, &mut to, &posting, true);
    Ok(())
}

/// Moves credits that the rules have made sure are there.
pub(crate) fn post_covered(draft: &mut Draft<'_>, posting: Posting) {
    if let Err(refusal) = post(draft, posting) {
        panic!("{posting:?} is covered by what was set aside for it, but: {refusal}");
    }
}

fn sum(total: u128, moved: u128) -> u128 {
    total
        .checked_add(moved)
        .expect("2^64 postings of 2^64 micro-credits fit 128 bits")
}

fn touch(draft: &mut Draft<'_>, at: Account, row: &mut Balance, posting: &Posting, incoming: bool) {
    if let Account::Wallet(party) = at {
        write_line(draft, party, row.postings, posting, incoming);
    }
    row.postings = row.postings.saturating_add(1);
    draft.put::<Accounts>(&at, row);
}

fn write_line(draft: &mut Draft<'_>, party: PartyId, number: u64, posting: &Posting, into: bool) {
    let line = Line {
        number,
        height: draft.at().height,
        when: draft.now(),
        code: posting.code,
        incoming: into,
        amount: posting.amount,
        other: if into { posting.from } else { posting.to },
        about: posting.about,
    };
    draft.put::<History>(&(party, number % HISTORY_LINES), &line);
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows has failed"
)]
mod tests {
    use proptest::prelude::*;
    use protocol::ids::PeerId;

    use super::*;
    use crate::state::tests::on_nothing;

    /// A few accounts, wallets and others.
    fn account(n: usize) -> Account {
        let party = |n| Account::Wallet(PartyId::new([n; 32]));
        let bond = Account::Bond(PeerId::new([1; 32]));
        [Account::Mint, party(1), party(2), bond, Account::Burn][n % 5]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// I1 to I3: what one account loses another gains, and who has less loses nothing.
        #[test]
        fn a_posting_moves_one_amount_or_nothing(
            moves in prop::collection::vec((0..5_usize, 1..5_usize, 0..100_u64), 1..60)
        ) {
            on_nothing(|draft| {
                for (from, way, amount) in moves {
                    let (from, to) = (account(from), account(from + way));
                    let posting = Posting {
                        from,
                        to,
                        amount: Credits::new(amount),
                        code: Code::Transfer,
                        about: About::Ledger,
                    };
                    let before = [from, to].map(|account| balance(draft, account));
                    let moved = post(draft, posting).is_ok();
                    let after = [from, to].map(|account| balance(draft, account));
                    let enough = from == Account::Mint || before[0].amount().get() >= amount;
                    prop_assert_eq!(moved, enough);
                    let amount = if moved { u128::from(amount) } else { 0 };
                    prop_assert_eq!(after[0].debits, before[0].debits + amount);
                    prop_assert_eq!(after[1].credits, before[1].credits + amount);
                    prop_assert_eq!(after[0].credits, before[0].credits);
                    prop_assert_eq!(after[1].debits, before[1].debits);
                    for (before, after) in before.iter().zip(&after) {
                        let touched = u64::from(amount > 0);
                        prop_assert_eq!(after.postings, before.postings + touched);
                    }
                }
                Ok(())
            })?;
        }
    }

    #[test]
    #[should_panic(expected = "credits move between two accounts")]
    fn credits_never_move_in_a_circle() {
        on_nothing(|draft| {
            let posting = Posting {
                from: Account::Mint,
                to: Account::Mint,
                amount: Credits::new(1),
                code: Code::Grant,
                about: About::Ledger,
            };
            let _ = post(draft, posting);
        });
    }
}
