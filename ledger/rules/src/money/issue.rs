//! Where credits come from and where they end, by the federation's one choice.
//!
//! ```text
//!                 minted                           below zero                burned
//! fixed           at the beginning                 nobody                    fees, slashes
//! inflation       and by epochs, under a cap       nobody                    fees, slashes
//! mutual credit   at the beginning                 members, for work alone   nothing: treasury
//! reserve         and by minters, if covered       nobody                    and what is redeemed
//! ```
//!
//! What the reserve must hold for a credit is one unit, or what a curve says ([`curve`]).
//!
//! With mutual credit a line pays for jobs and fees, never for transfers or bonds: a bond is what
//! somebody stands to lose, and a debt is not.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::{Approval, IssueRequest, Quota, ReserveReport};
use protocol::event::{Event, IssueEvent};
use protocol::genesis::Issuance;
use protocol::ids::{Digest, PartyId};
use protocol::params::ParamSpec;
use protocol::units::{Credits, Moment};

use crate::books;
use crate::council::{QuotaRow, Quotas, emergency, epochs, seated};
use crate::epoch::reward;
use crate::money::posting::{Posting, post};
use crate::money::{About, Account, Code, balance, curve};
use crate::params::SUPPLY_MAX;
use crate::people::{is_known, member};
use crate::refusal::{IssueRefusal, Refusal};
use crate::state::{Draft, Founding, View, row, table};

/// What custodians said the reserve holds, less what was redeemed since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reserve {
    /// What it holds.
    pub holds: Credits,
    /// When they said so.
    pub as_of: Moment,
}

table!(
    /// The reserve, where there is one.
    Reserves, 0xB7, () => Reserve
);

/// Something is asked about issuance.
///
/// # Errors
/// [`Refusal`], by the rule that is asked.
pub(crate) fn rule(
    draft: &mut Draft<'_>,
    sender: PartyId,
    request: &IssueRequest,
) -> Result<(), Refusal> {
    match request {
        IssueRequest::Mint { to, amount } => mint_by(draft, sender, *to, *amount),
        IssueRequest::Redeem { amount, memo } => redeem(draft, sender, *amount, *memo),
        IssueRequest::ReportReserve { report, approvals } => report_in(draft, report, approvals),
        IssueRequest::StandReady { peer, class } => {
            reward::stand_ready(draft, sender, *peer, *class)
        }
        IssueRequest::Claim { peer, epoch } => reward::claim(draft, *peer, *epoch),
    }
}

/// Mints credits into a wallet at the beginning.
///
/// # Errors
/// [`Refusal::AmountTooLarge`] if more would then have been minted than there may ever be.
pub(crate) fn grant(draft: &mut Draft<'_>, to: PartyId, amount: Credits) -> Result<(), Refusal> {
    mint(draft, Account::Wallet(to), amount, Code::Grant)
}

/// Mints credits. The only code that does.
///
/// # Errors
/// [`Refusal::AmountTooLarge`] if more would then have been minted than there may ever be.
pub(crate) fn mint(
    draft: &mut Draft<'_>,
    to: Account,
    amount: Credits,
    code: Code,
) -> Result<(), Refusal> {
    let minted = balance(draft, Account::Mint).debits;
    let after = minted.saturating_add(amount.get().into());
    if after > SUPPLY_MAX.into() {
        return Err(Refusal::AmountTooLarge);
    }
    post(
        draft,
        Posting {
            from: Account::Mint,
            to,
            amount,
            code,
            about: About::Ledger,
        },
    )
}

/// Where credits end: burned, except with mutual credit, whose balances would then not add up to
/// what was minted.
pub(crate) fn end_of_credits(draft: &Draft<'_>) -> Account {
    match draft.founding().issuance {
        Issuance::MutualCredit => Account::Treasury,
        Issuance::Fixed | Issuance::Inflation | Issuance::Reserve { .. } => Account::Burn,
    }
}

/// What was burned of an amount that went where credits end: all of it, or with mutual credit none.
pub(crate) fn burned(draft: &Draft<'_>, ended: Credits) -> Credits {
    if end_of_credits(draft) == Account::Burn {
        ended
    } else {
        Credits::ZERO
    }
}

/// How far a posting may take a wallet below zero.
pub(crate) fn line(draft: &Draft<'_>, party: PartyId, code: Code) -> Credits {
    let is_for_work = matches!(code, Code::Escrow | Code::Fee);
    let is_mutual = draft.founding().issuance == Issuance::MutualCredit;
    if is_mutual && is_for_work && member::of(draft, party).is_some() {
        draft.params().credit_line
    } else {
        Credits::ZERO
    }
}

/// How far below zero any wallet can ever be in such a federation, whatever the council decides.
pub(crate) fn deepest(founding: Option<&Founding>) -> u128 {
    let is_mutual = founding.is_some_and(|f| f.issuance == Issuance::MutualCredit);
    let bound = ParamSpec::named("credit_line").map_or(0, |spec| spec.max);
    if is_mutual { bound.into() } else { 0 }
}

/// What a party owes: how far its wallet is below zero.
pub(crate) fn owed(view: &dyn View, party: PartyId) -> Credits {
    let wallet = balance(view, Account::Wallet(party));
    let below = wallet.debits.saturating_sub(wallet.credits);
    Credits::new(u64::try_from(below).expect("no line is longer than the supply's bound"))
}

/// Whether members can mint here at all.
///
/// # Errors
/// [`IssueRefusal::MintClosed`].
pub(crate) fn may_mint(draft: &Draft<'_>) -> Result<(), Refusal> {
    match draft.founding().issuance {
        Issuance::Reserve { .. } => Ok(()),
        Issuance::Fixed | Issuance::Inflation | Issuance::MutualCredit => {
            Err(Refusal::Issue(IssueRefusal::MintClosed))
        }
    }
}

fn mint_by(
    draft: &mut Draft<'_>,
    sender: PartyId,
    to: PartyId,
    amount: Credits,
) -> Result<(), Refusal> {
    may_mint(draft)?;
    seated(draft, sender)?;
    emergency::issuance_runs(draft)?;
    if amount == Credits::ZERO {
        return Err(Refusal::AmountIsZero);
    }
    if !is_known(draft, to) {
        return Err(Refusal::UnknownReceiver { party: to });
    }
    let reserve = fresh_reserve(draft)?;
    let covered = covers(draft, reserve);
    let room = Credits::new(covered.saturating_sub(circulating(draft)));
    if amount > room {
        let asked = amount;
        return Err(Refusal::Issue(IssueRefusal::ReserveShort { room, asked }));
    }
    use_quota(draft, sender, amount)?;
    mint(draft, Account::Wallet(to), amount, Code::Minted)?;
    let curve = curve::of(&draft.founding().issuance);
    assert!(
        circulating(draft) <= covered
            && curve::integral(curve, Credits::new(circulating(draft)))
                <= reserve.holds.get().into(),
        "credits are minted against a reserve that covers them"
    );
    draft.say(Event::Issue(IssueEvent::Minted { to, amount }));
    Ok(())
}

fn use_quota(draft: &mut Draft<'_>, member: PartyId, asked: Credits) -> Result<(), Refusal> {
    let epoch = draft.epoch();
    let quota = draft
        .row::<Quotas>(&(member, Quota::Mint))
        .unwrap_or_default();
    let used = if quota.epoch == epoch {
        quota.used
    } else {
        Credits::ZERO
    };
    let left = quota.per_epoch.minus(used).unwrap_or(Credits::ZERO);
    if asked > left {
        return Err(Refusal::Issue(IssueRefusal::OverMintQuota { asked, left }));
    }
    let row = QuotaRow {
        epoch,
        used: used.plus(asked).expect("what is used is at most the quota"),
        ..quota
    };
    draft.put::<Quotas>(&(member, Quota::Mint), &row);
    Ok(())
}

/// The reserve, where there is one.
pub(crate) fn reserve(view: &dyn View) -> Option<Reserve> {
    row::<Reserves>(view, &())
}

fn fresh_reserve(draft: &Draft<'_>) -> Result<Reserve, Refusal> {
    let reserve = reserve(draft).ok_or(Refusal::Issue(IssueRefusal::MintClosed))?;
    let life = epochs(draft.params(), draft.params().report_life);
    let as_of = reserve.as_of;
    if as_of.after(life) < draft.now() {
        return Err(Refusal::Issue(IssueRefusal::ReportStale { as_of }));
    }
    Ok(reserve)
}

/// How many credits a reserve covers, in micro-credits.
fn covers(draft: &Draft<'_>, reserve: Reserve) -> u64 {
    let least = u128::from(draft.params().reserve_min.max(10_000));
    let usable = u128::from(reserve.holds.get()).saturating_mul(10_000);
    let usable = usable.checked_div(least).unwrap_or_default();
    curve::reaches(curve::of(&draft.founding().issuance), usable).get()
}

fn circulating(view: &dyn View) -> u64 {
    books::supply(view).circulating.get()
}

fn redeem(
    draft: &mut Draft<'_>,
    party: PartyId,
    amount: Credits,
    memo: Digest,
) -> Result<(), Refusal> {
    match draft.founding().issuance {
        Issuance::Reserve {
            redeemable: true, ..
        } => {}
        _ => return Err(Refusal::Issue(IssueRefusal::NotRedeemable)),
    }
    if amount == Credits::ZERO {
        return Err(Refusal::AmountIsZero);
    }
    let mut reserve = fresh_reserve(draft)?;
    let before = circulating(draft);
    if before > covers(draft, reserve) {
        let (room, asked) = (Credits::ZERO, amount);
        return Err(Refusal::Issue(IssueRefusal::ReserveShort { room, asked }));
    }
    post(
        draft,
        Posting {
            from: Account::Wallet(party),
            to: Account::Burn,
            amount,
            code: Code::Redeemed,
            about: About::Ledger,
        },
    )?;
    let curve = curve::of(&draft.founding().issuance);
    let gives = curve::gives(curve, Credits::new(before), amount);
    reserve.holds = reserve
        .holds
        .minus(gives)
        .expect("a reserve that covers all credits covers these");
    assert!(
        curve::integral(curve, Credits::new(circulating(draft))) <= reserve.holds.get().into(),
        "a reserve holds what its curve asks for the credits that are left"
    );
    draft.put::<Reserves>(&(), &reserve);
    assert!(
        circulating(draft) <= covers(draft, reserve),
        "what is redeemed leaves the rest covered"
    );
    draft.say(Event::Issue(IssueEvent::Redeemed {
        party,
        amount,
        gives,
        memo,
    }));
    Ok(())
}

fn report_in(
    draft: &mut Draft<'_>,
    report: &ReserveReport,
    approvals: &[Approval],
) -> Result<(), Refusal> {
    let Issuance::Reserve { custodians, .. } = &draft.founding().issuance else {
        return Err(Refusal::Issue(IssueRefusal::MintClosed));
    };
    if report.federation != draft.federation() {
        return Err(Refusal::ForeignFederation);
    }
    let last = reserve(draft).unwrap_or_default().as_of;
    let (as_of, now) = (report.as_of, draft.now());
    if as_of <= last || as_of > now {
        return Err(Refusal::Issue(IssueRefusal::ReportOutOfOrder {
            as_of,
            last,
            now,
        }));
    }
    emergency::approved(custodians, report, approvals)?;
    let holds = report.holds;
    draft.put::<Reserves>(&(), &Reserve { holds, as_of });
    draft.say(Event::Issue(IssueEvent::ReserveReported { holds, as_of }));
    Ok(())
}

/// The reserve as a genesis has it; what it grants must be covered.
///
/// # Errors
/// [`IssueRefusal::ReserveShort`].
pub(crate) fn found(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let Issuance::Reserve { holds, .. } = draft.founding().issuance else {
        return Ok(());
    };
    let as_of = draft.now();
    let reserve = Reserve { holds, as_of };
    let (room, asked) = (covers(draft, reserve), circulating(draft));
    if asked > room {
        let (room, asked) = (Credits::new(room), Credits::new(asked));
        return Err(Refusal::Issue(IssueRefusal::ReserveShort { room, asked }));
    }
    draft.put::<Reserves>(&(), &reserve);
    Ok(())
}
