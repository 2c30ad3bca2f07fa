//! What an entry costs, whether it is refused or not: nothing while its payer's quota lasts, then
//! a base and a price per byte. Fees gather during a block and are split into burned and kept once,
//! at its end.

use protocol::entry::CheckedEntry;
use protocol::units::Credits;

use crate::epoch;
use crate::money::posting::{Posting, post_covered};
use crate::money::{About, Account, Code, balance, issue, quota, spendable};
use crate::people::key::{Authority, Speaker};
use crate::people::op_key;
use crate::refusal::Refusal;
use crate::state::Draft;

/// Bytes of the entry with its keys and signatures.
fn size(entry: &CheckedEntry) -> usize {
    let written = borsh::object_length(entry.value());
    let written = written.expect("counting bytes cannot fail");
    written.saturating_add(entry.signature_bytes())
}

/// What an entry of so many bytes costs beyond the quota.
fn price(draft: &Draft<'_>, bytes: usize) -> Credits {
    let params = draft.params();
    params
        .byte_fee
        .times(u64::try_from(bytes).unwrap_or(u64::MAX))
        .and_then(|by_size| by_size.plus(params.entry_fee))
        .unwrap_or(Credits::MAX)
}

/// Takes the fee from who pays, and says how much it was.
///
/// # Errors
/// [`Refusal::FeeUnpayable`] or [`Refusal::FeeOverKeyLimit`], and nothing was taken.
pub(crate) fn take(
    draft: &mut Draft<'_>,
    entry: &CheckedEntry,
    authority: &Authority,
) -> Result<Credits, Refusal> {
    let (payer, bytes) = (authority.payer, size(entry));
    if quota::take(draft, payer, bytes) {
        return Ok(Credits::ZERO);
    }
    let needs = price(draft, bytes);
    let has = spendable(draft, payer, Code::Fee);
    if has < needs {
        return Err(Refusal::FeeUnpayable { needs, has });
    }
    if let Speaker::OpKey(key) = authority.payer_by {
        op_key::charge(draft, (payer, key), needs, Credits::ZERO)
            .map_err(|left| Refusal::FeeOverKeyLimit { needs, left })?;
    }
    post_covered(
        draft,
        Posting {
            from: Account::Wallet(payer),
            to: Account::Fees,
            amount: needs,
            code: Code::Fee,
            about: About::Entry(entry.entry_id()),
        },
    );
    Ok(needs)
}

/// Splits the block's fees: a share is burned, the treasury keeps the rest.
pub(crate) fn split(draft: &mut Draft<'_>) {
    let all = balance(draft, Account::Fees).amount();
    let burned = all.share(draft.params().fee_burned);
    let kept = all.minus(burned).expect("a share is at most the whole");
    for (to, amount, code) in [
        (issue::end_of_credits(draft), burned, Code::FeeBurned),
        (Account::Treasury, kept, Code::FeeKept),
    ] {
        let from = Account::Fees;
        let about = About::Ledger;
        post_covered(
            draft,
            Posting {
                from,
                to,
                amount,
                code,
                about,
            },
        );
    }
    epoch::burned(draft, issue::burned(draft, burned));
}
