//! What a class makes of a job: its price, and what a drawn peer locks for it.

use protocol::genesis::Params;
use protocol::job::Terms;
use protocol::units::Credits;

use crate::params::slash_mult;
use crate::refusal::Refusal;

/// The numbers of a job, fixed when it is submitted so that later parameters do not change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    /// The most that one copy of one task can cost.
    pub(crate) price: Credits,
    /// What a drawn peer locks per bundle.
    pub(crate) lock: Credits,
    /// What all copies of all tasks can cost.
    pub(crate) runs: Credits,
    /// What a panel costs if the job turns out to have no one result.
    pub(crate) deposit: Credits,
    /// All that is set aside. The audits' price is added here once audits are drawn.
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
    let amounts = || {
        let lock = price.times(slash_mult(params, terms.class))?;
        let runs = price
            .times(terms.tasks.into())?
            .times(terms.copies.into())?;
        let deposit = price.times(panel)?.times(params.panel_deposit.into())?;
        let escrow = runs.plus(deposit)?;
        Some(Quote {
            price,
            lock,
            runs,
            deposit,
            escrow,
        })
    };
    amounts().ok_or(Refusal::AmountTooLarge)
}
