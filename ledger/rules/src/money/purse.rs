//! Credits set apart for jobs: a task wallet, which its owner fills and others spend of within
//! limits, or a grant, which expires. A project is a task wallet with several delegates.
//!
//! ```text
//! Wallet(owner) ──▶ TaskWallet ──▶ Escrow(job) ──refund──▶ TaskWallet; once closed Wallet(owner)
//! Treasury ───────▶ Grant ───────▶ Escrow(job) ──refund──▶ Grant; once expired Treasury
//! ```
//!
//! Whatever is refunded counts as not spent in the delegate's total, and as spent in its epoch:
//! what a delegate has set aside and not got back is never more than the total.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::SpendPolicy;
use protocol::ids::{PartyId, PurseId};
use protocol::job::Terms;
use protocol::units::{Credits, Moment};

use crate::money::Account;
use crate::refusal::Refusal;
use crate::state::{Draft, View, row, table};

/// Credits set apart for jobs, as the ledger knows them; how many stands in its [`Account`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Purse {
    /// Who may spend without limit, and says who else may.
    pub owner: PartyId,
    /// What it is.
    pub kind: PurseKind,
    /// Its number among the owner's.
    pub number: u64,
    /// How many delegates it ever had.
    pub delegates: u32,
}

/// Kinds of purses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum PurseKind {
    /// Filled by its owner.
    TaskWallet {
        /// Whether its owner took back what was left, for good.
        closed: bool,
    },
    /// Given by a member, for work at other institutions.
    Grant {
        /// The member's party: its own peers are not paid with it.
        by: PartyId,
        /// From when on the rest belongs to the treasury.
        expires: Moment,
    },
}

/// What a delegate may spend of a purse, and has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Allowance {
    /// Its limits; `None` once the owner has taken them away.
    pub policy: Option<SpendPolicy>,
    /// The epoch in which it last submitted.
    pub epoch: u64,
    /// What its jobs of that epoch set aside.
    pub in_epoch: Credits,
    /// What its jobs ever set aside, less what came back.
    pub in_all: Credits,
}

table!(
    /// Task wallets and grants.
    Purses, 0x87, PurseId => Purse
);
table!(
    /// What delegates may spend, and have.
    Allowances, 0x88, (PurseId, PartyId) => Allowance
);
table!(
    /// A party's purses by number.
    PursesOf, 0x89, (PartyId, u64) => PurseId
);
table!(
    /// How many purses a party ever had.
    PurseCounts, 0x8A, PartyId => u64
);
table!(
    /// The delegates of a purse by number.
    Delegates, 0x8B, (PurseId, u32) => PartyId
);

/// What pays for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The account.
    pub(crate) account: Account,
    /// The sponsor whose peers it must not pay.
    pub(crate) excluded: Option<PartyId>,
}

impl Purse {
    /// The account that its credits are in.
    pub const fn account(&self, name: PurseId) -> Account {
        match self.kind {
            PurseKind::TaskWallet { .. } => Account::TaskWallet(name),
            PurseKind::Grant { .. } => Account::Grant(name),
        }
    }

    /// Refuses a task wallet that is closed, and a grant that has expired.
    fn usable(&self, now: Moment) -> Result<(), Refusal> {
        match self.kind {
            PurseKind::TaskWallet { closed: true } => Err(Refusal::PurseClosed),
            PurseKind::Grant { expires, .. } if expires <= now => {
                Err(Refusal::GrantExpired { expires, now })
            }
            PurseKind::TaskWallet { .. } | PurseKind::Grant { .. } => Ok(()),
        }
    }
}

/// The account of a purse, if there is one of this name.
pub(crate) fn account(view: &dyn View, name: PurseId) -> Option<Account> {
    row::<Purses>(view, &name).map(|purse| purse.account(name))
}

/// The purse of this name.
///
/// # Errors
/// [`Refusal::UnknownPurse`].
pub(crate) fn of(view: &dyn View, name: PurseId) -> Result<Purse, Refusal> {
    row::<Purses>(view, &name).ok_or(Refusal::UnknownPurse)
}

/// The purse of this name, if it is this party's.
///
/// # Errors
/// [`Refusal::UnknownPurse`] or [`Refusal::NotYourPurse`].
pub(crate) fn owned(view: &dyn View, name: PurseId, by: PartyId) -> Result<Purse, Refusal> {
    let purse = of(view, name)?;
    if purse.owner != by {
        return Err(Refusal::NotYourPurse);
    }
    Ok(purse)
}

/// Adds a purse, empty, to its owner's.
pub(crate) fn add(draft: &mut Draft<'_>, name: PurseId, owner: PartyId, kind: PurseKind) {
    let number = draft.row::<PurseCounts>(&owner).unwrap_or_default();
    let next = number.saturating_add(1);
    draft.put::<PurseCounts>(&owner, &next);
    draft.put::<PursesOf>(&(owner, number), &name);
    let delegates = 0;
    let purse = Purse {
        owner,
        kind,
        number,
        delegates,
    };
    draft.put::<Purses>(&name, &purse);
}

/// What pays for a job of `sender` that costs so much: its wallet, or the purse that it names, of
/// which so much is then counted as spent.
///
/// # Errors
/// [`Refusal`] if the purse cannot be used, or the sender may not spend so much of it on this.
pub(crate) fn source(
    draft: &mut Draft<'_>,
    (sender, purse): (PartyId, Option<PurseId>),
    terms: &Terms,
    (per_task, whole): (Credits, Credits),
) -> Result<Source, Refusal> {
    let Some(name) = purse else {
        let account = Account::Wallet(sender);
        return Ok(Source {
            account,
            excluded: None,
        });
    };
    let purse = of(draft, name)?;
    purse.usable(draft.now())?;
    if purse.owner != sender {
        spend(draft, (name, sender), terms, per_task, whole)?;
    }
    let excluded = match purse.kind {
        PurseKind::Grant { by, .. } => Some(by),
        PurseKind::TaskWallet { .. } => None,
    };
    let account = purse.account(name);
    Ok(Source { account, excluded })
}

/// Asks every limit of a delegate, then counts.
fn spend(
    draft: &mut Draft<'_>,
    at: (PurseId, PartyId),
    terms: &Terms,
    per_task: Credits,
    asked: Credits,
) -> Result<(), Refusal> {
    let (party, now, epoch) = (at.1, draft.now(), draft.epoch());
    let missing = Refusal::NotADelegate { party };
    let mut row = draft.row::<Allowances>(&at).ok_or(missing.clone())?;
    let policy = row.policy.ok_or(missing)?;
    if policy.expires <= now {
        let expires = policy.expires;
        return Err(Refusal::AllowanceExpired { expires, now });
    }
    if !policy.classes.has(terms.class) {
        let class = terms.class.name();
        return Err(Refusal::ClassNotAllowed { class });
    }
    if per_task > policy.per_task {
        return Err(Refusal::OverTaskLimit {
            asked: per_task,
            limit: policy.per_task,
        });
    }
    if row.epoch != epoch {
        (row.epoch, row.in_epoch) = (epoch, Credits::ZERO);
    }
    let left = |limit: Credits, used| limit.minus(used).unwrap_or(Credits::ZERO);
    let left_in_epoch = left(policy.per_epoch, row.in_epoch);
    if asked > left_in_epoch {
        return Err(Refusal::OverEpochLimit {
            asked,
            left: left_in_epoch,
        });
    }
    let left_in_all = left(policy.total, row.in_all);
    if asked > left_in_all {
        return Err(Refusal::OverTotalLimit {
            asked,
            left: left_in_all,
        });
    }
    let counted = "what is used is at most its limit";
    row.in_epoch = row.in_epoch.plus(asked).expect(counted);
    row.in_all = row.in_all.plus(asked).expect(counted);
    draft.put::<Allowances>(&at, &row);
    Ok(())
}

/// Where what a job did not use goes back to; counts it as not spent.
pub(crate) fn refunded(
    draft: &mut Draft<'_>,
    (sender, purse): (PartyId, Option<PurseId>),
    amount: Credits,
) -> Account {
    let Some(name) = purse else {
        return Account::Wallet(sender);
    };
    if let Some(mut row) = draft.row::<Allowances>(&(name, sender)) {
        // Less than was counted only if an owner submitted first and was made no owner since, which
        // cannot be; a delegate gets back at most what it set aside.
        row.in_all = row.in_all.minus(amount).unwrap_or(Credits::ZERO);
        draft.put::<Allowances>(&(name, sender), &row);
    }
    let purse = of(draft, name).expect("a purse that paid for a job is never forgotten");
    match purse.kind {
        PurseKind::TaskWallet { closed: true } => Account::Wallet(purse.owner),
        PurseKind::Grant { expires, .. } if expires <= draft.now() => Account::Treasury,
        PurseKind::TaskWallet { .. } | PurseKind::Grant { .. } => purse.account(name),
    }
}
