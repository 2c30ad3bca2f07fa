//! Where credits come from: today only the grants of the genesis. Other ways to issue (mutual
//! credit, inflation, reserve) slot in here and nowhere else.

use protocol::ids::PartyId;
use protocol::units::Credits;

use crate::money::posting::{Posting, post};
use crate::money::{About, Account, Code, balance};
use crate::params::SUPPLY_MAX;
use crate::refusal::Refusal;
use crate::state::Draft;

/// Mints credits into a wallet.
///
/// # Errors
/// [`Refusal::AmountTooLarge`] if more would then have been minted than there may ever be.
pub(crate) fn grant(draft: &mut Draft<'_>, to: PartyId, amount: Credits) -> Result<(), Refusal> {
    let minted = balance(draft, Account::Mint).debits;
    let after = minted.saturating_add(amount.get().into());
    if after > SUPPLY_MAX.into() {
        return Err(Refusal::AmountTooLarge);
    }
    post(
        draft,
        Posting {
            from: Account::Mint,
            to: Account::Wallet(to),
            amount,
            code: Code::Grant,
            about: About::Ledger,
        },
    )
}
