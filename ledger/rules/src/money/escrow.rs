//! A job's credits, set aside until its last bundle has ended.

use protocol::ids::{JobId, PartyId, PurseId};
use protocol::units::Credits;

use crate::money::posting::{Posting, post, post_covered};
use crate::money::{About, Account, Code, balance, issue, purse};
use crate::refusal::Refusal;
use crate::state::Draft;
use crate::work::Submitters;

/// Sets credits aside for a job of `submitter`, out of its wallet or of a purse.
///
/// # Errors
/// [`Refusal::InsufficientBalance`].
pub(crate) fn lock(
    draft: &mut Draft<'_>,
    job: JobId,
    (submitter, from): (PartyId, Account),
    amount: Credits,
) -> Result<(), Refusal> {
    post(
        draft,
        Posting {
            from,
            to: Account::Escrow(job),
            amount,
            code: Code::Escrow,
            about: About::Job(job),
        },
    )?;
    let mut row = draft.row::<Submitters>(&submitter).unwrap_or_default();
    row.escrowed = row
        .escrowed
        .plus(amount)
        .expect("all escrows together are at most the supply");
    draft.put::<Submitters>(&submitter, &row);
    Ok(())
}

/// Pays out of the escrow of a submitter's job what it was set aside for.
pub(crate) fn pay(
    draft: &mut Draft<'_>,
    (job, submitter): (JobId, PartyId),
    to: PartyId,
    amount: Credits,
    why: (Code, About),
) {
    take(draft, (job, submitter), Account::Wallet(to), amount, why);
}

/// Takes the fee for work out of the escrow of a submitter's job; says what of it was burned.
pub(crate) fn fee(
    draft: &mut Draft<'_>,
    job: (JobId, PartyId),
    fee: Credits,
    burned: Credits,
) -> Credits {
    let about = About::Job(job.0);
    let end = issue::end_of_credits(draft);
    let kept = fee.minus(burned).expect("a part of the fee");
    take(draft, job, end, burned, (Code::WorkFeeBurned, about));
    take(
        draft,
        job,
        Account::Treasury,
        kept,
        (Code::WorkFeeKept, about),
    );
    issue::burned(draft, burned)
}

/// Takes what a submitter that could have started its job pays for not having done so.
pub(crate) fn abort(draft: &mut Draft<'_>, job: (JobId, PartyId), fee: Credits) {
    let why = (Code::AbortFee, About::Job(job.0));
    take(draft, job, Account::Treasury, fee, why);
}

fn take(
    draft: &mut Draft<'_>,
    (job, submitter): (JobId, PartyId),
    to: Account,
    amount: Credits,
    (code, about): (Code, About),
) {
    post_covered(
        draft,
        Posting {
            from: Account::Escrow(job),
            to,
            amount,
            code,
            about,
        },
    );
    let mut row = draft.row::<Submitters>(&submitter).unwrap_or_default();
    row.escrowed = row
        .escrowed
        .minus(amount)
        .expect("an escrow pays what its submitter set aside, once");
    draft.put::<Submitters>(&submitter, &row);
}

/// What is left in a job's escrow.
pub(crate) fn left(draft: &Draft<'_>, job: JobId) -> Credits {
    balance(draft, Account::Escrow(job)).amount()
}

/// Gives back what is left to where it came from, and says how much it was. The escrow is empty
/// afterwards.
pub(crate) fn refund(
    draft: &mut Draft<'_>,
    job: JobId,
    (submitter, purse): (PartyId, Option<PurseId>),
) -> Credits {
    let rest = left(draft, job);
    let to = purse::refunded(draft, (submitter, purse), rest);
    let why = (Code::Refund, About::Job(job));
    take(draft, (job, submitter), to, rest, why);
    assert_eq!(
        left(draft, job),
        Credits::ZERO,
        "an ended job holds no credits"
    );
    rest
}

#[cfg(test)]
mod tests {
    use protocol::genesis::{Committee, Issuance, Params};
    use protocol::ids::{Digest, FederationId};
    use protocol::units::{Height, Moment};
    use std::collections::BTreeMap;

    use super::*;
    use crate::state::{At, Founding};

    #[test]
    fn a_fee_is_burned_where_credits_are_burned_and_kept_elsewhere() {
        for (issuance, expected) in [(Issuance::Fixed, 3), (Issuance::MutualCredit, 0)] {
            let founding = Founding {
                id: FederationId::new([0; 32]),
                name: String::new(),
                devnet: true,
                params: Params::standard(),
                epochs: (0, Moment::new(0)),
                issuance,
                emergency: Committee::NOBODY,
            };
            let at = At {
                height: Height::new(1),
                now: Moment::new(1),
                parent: Digest::of(b""),
            };
            let rows: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
            let mut draft = Draft::new(&rows, &founding, at);
            let (job, party) = (JobId::new([1; 32]), PartyId::new([2; 32]));
            let all = Credits::new(10);
            let paid = issue::mint(&mut draft, Account::Wallet(party), all, Code::Grant);
            assert_eq!(paid, Ok(()));
            let set_aside = lock(&mut draft, job, (party, Account::Wallet(party)), all);
            assert_eq!(set_aside, Ok(()));
            let (whole, part) = (Credits::new(8), Credits::new(3));
            let burned = fee(&mut draft, (job, party), whole, part);
            assert_eq!(burned.get(), expected);
            let held = |account| balance(&draft, account).amount().get();
            assert_eq!(held(Account::Burn), expected);
            assert_eq!(held(Account::Treasury), 8 - expected);
            assert_eq!(left(&draft, job).get(), 2);
        }
    }
}
