//! What an entry costs, whether it is refused or not: a base and a price per byte. Fees gather
//! during a block and are split into burned and kept once, at its end.

use protocol::entry::CheckedEntry;
use protocol::ids::PartyId;
use protocol::units::Credits;

use crate::epoch;
use crate::money::posting::{Posting, post, post_covered};
use crate::money::{About, Account, Code, available, balance, issue};
use crate::refusal::Refusal;
use crate::state::Draft;

/// Bytes of a signed entry beside the entry itself: the key and the signature.
const KEY_AND_SIGNATURE: u64 = 32 + 64;

/// What the entry costs.
pub(crate) fn of(draft: &Draft<'_>, entry: &CheckedEntry) -> Credits {
    let params = draft.params();
    let written = protocol::bytes::write(entry.value()).len();
    let bytes = u64::try_from(written).unwrap_or(u64::MAX);
    params
        .byte_fee
        .times(bytes.saturating_add(KEY_AND_SIGNATURE))
        .and_then(|by_size| by_size.plus(params.entry_fee))
        .unwrap_or(Credits::MAX)
}

/// Takes the fee from the sender.
///
/// # Errors
/// [`Refusal::FeeUnpayable`], and nothing was taken.
pub(crate) fn take(
    draft: &mut Draft<'_>,
    sender: PartyId,
    entry: &CheckedEntry,
) -> Result<(), Refusal> {
    let needs = of(draft, entry);
    let has = available(draft, sender);
    post(
        draft,
        Posting {
            from: Account::Wallet(sender),
            to: Account::Fees,
            amount: needs,
            code: Code::Fee,
            about: About::Entry(entry.entry_id()),
        },
    )
    .map_err(|_| Refusal::FeeUnpayable { needs, has })
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
    epoch::burned(draft, burned);
}
