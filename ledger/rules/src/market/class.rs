//! What a class makes of a job: its price, and what a drawn peer locks for it.

use std::num::NonZeroU64;

use protocol::genesis::Params;
use protocol::job::{Judge, Terms};
use protocol::units::{Bps, Credits, mul_div_ceil};

use crate::params::{place, slash_mult};
use crate::people::tier;
use crate::refusal::Refusal;
use crate::work::audit;

/// Ten-thousandths in one.
const ONE: NonZeroU64 = NonZeroU64::new(10_000).expect("one is not zero");

/// The numbers of a job, fixed when it is submitted so that later parameters do not change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    /// The most that one copy of one task can cost.
    pub(crate) price: Credits,
    /// What a drawn peer locks per bundle.
    pub(crate) lock: Credits,
    /// How many copies of a bundle the tiers of its peers can ask for.
    pub(crate) copies: u8,
    /// What all these copies of all tasks can cost.
    pub(crate) runs: Credits,
    /// What a panel costs if the job turns out to have no one result.
    pub(crate) deposit: Credits,
    /// How often a task is audited.
    pub(crate) audit: Bps,
    /// What its audits cost at most.
    pub(crate) audits: Credits,
    /// What is paid to the federation for each run of a task, for what is declared to be at risk.
    pub(crate) risk: Credits,
    /// All that is set aside.
    pub(crate) escrow: Credits,
}

/// Works out a job's numbers, with panels of so many members.
///
/// # Errors
/// [`Refusal::PriceIsZero`] or [`Refusal::AmountTooLarge`].
pub(crate) fn quote(params: &Params, terms: &Terms, panel: u64) -> Result<Quote, Refusal> {
    let price = terms.task_price_max().ok_or(Refusal::AmountTooLarge)?;
    if price == Credits::ZERO {
        let needed = terms.per_gfuel;
        return Err(Refusal::PriceIsZero { needed });
    }
    let most = price.times(params.risk_max.into());
    if most.is_some_and(|most| terms.care.value_at_risk > most) {
        let most = most.unwrap_or_default();
        return Err(Refusal::RiskTooHigh { most });
    }
    let copies = tier::copies_max(params, terms.copies);
    let amounts = || {
        // Who stands to lose more by a wrong task than its price has more locked for it.
        let worth = price.max(terms.care.value_at_risk);
        let lock = worth.times(slash_mult(params, terms.class))?;
        let runs = price.times(terms.tasks.into())?.times(copies.into())?;
        let deposit = price.times(panel)?.times(params.panel_deposit.into())?;
        let audit = params.audit[place(terms.class)].max(terms.care.audit);
        let audits = price.times(audit::most(terms.tasks, audit))?;
        // What only the submitter compares is neither audited nor shown to a panel.
        let (deposit, audit, audits) = match terms.judge {
            Judge::Panel => (deposit, audit, audits),
            Judge::Submitter => (Credits::ZERO, Bps::ZERO, Credits::ZERO),
        };
        // To lock so much for an hour costs a peer about as much as this fee.
        let beyond = worth.minus(price)?;
        let risk = beyond.share(params.risk_fee);
        let most = risk.times(terms.tasks.into())?.times(copies.into())?;
        let fee = mul_div_ceil(runs.get(), params.work_fee.get().into(), ONE)?;
        let fee = most.get().checked_add(fee)?;
        let escrow = runs.plus(deposit)?.plus(audits)?.plus(Credits::new(fee))?;
        Some(Quote {
            price,
            lock,
            copies,
            runs,
            deposit,
            audit,
            audits,
            risk,
            escrow,
        })
    };
    amounts().ok_or(Refusal::AmountTooLarge)
}
