//! Epochs: what is counted while one runs, and what is done once it has ended.
//!
//! ```text
//! while it runs   paid, burned, shares of rewards     at the write, a row each
//! once it ended   indexes, pools, members' pay        in the next blocks, bounded, one cursor
//! afterwards      each peer's reward                  when it is claimed
//! ```
//!
//! Nothing walks over peers or parties. What an epoch mints is split so that the parts add up to
//! it exactly; a part that is not earned, or not claimed, is not minted.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::event::{Event, IssueEvent};
use protocol::genesis::{Issuance, Params};
use protocol::job::Class;
use protocol::params::Pool;
use protocol::units::Credits;

use crate::books;
use crate::council::emergency;
use crate::market::index;
use crate::money::{Account, Code, issue};
use crate::params::{YEAR, subsidy_max};
use crate::people::{member, voter};
use crate::state::{Draft, View, row, table};

pub(crate) mod ready;
pub(crate) mod reward;

/// Things done for ended epochs in one block; the rest waits for the next.
const ITEMS_PER_BLOCK_MAX: u32 = 200;
/// What closing an epoch counts for at most: four indexes, 64 members, itself. New voting keys are
/// few: a member has three in a week.
const ITEMS_PER_EPOCH: u32 = 69;
/// So many closed epochs are kept.
const EPOCHS_KEPT: u64 = 8_760;

/// What an epoch mints, in the parts that [`Params::epoch_split`] names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Pools {
    /// For grants; minted into the treasury.
    pub demand: Credits,
    /// For peers that stood ready; minted when claimed.
    pub availability: Credits,
    /// For members, by power; minted when the epoch is closed.
    pub members: Credits,
    /// For peers that worked; minted when claimed.
    pub supply: Credits,
    /// For the federation; minted into the treasury.
    pub treasury: Credits,
}

impl Pools {
    /// All of them together.
    pub fn sum(&self) -> Credits {
        [
            self.demand,
            self.availability,
            self.members,
            self.supply,
            self.treasury,
        ]
        .into_iter()
        .try_fold(Credits::ZERO, Credits::plus)
        .expect("parts of what may be minted in an epoch")
    }
}

/// An epoch as the ledger keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Epoch {
    /// What was paid for work in it.
    pub paid: Credits,
    /// What was burned of fees in it.
    pub burned: Credits,
    /// What counts of the work of all peers, by their curves.
    pub work: u64,
    /// The slots of all peers that stood ready.
    pub ready: u64,
    /// The most that may be minted for it; nothing before it is closed.
    pub cap: Credits,
    /// What is minted for it, at most.
    pub pools: Pools,
    /// What has been minted for it so far.
    pub minted: Credits,
}

table!(
    /// Epochs by number.
    Epochs, 0xB8, u64 => Epoch
);
table!(
    /// How many epochs are closed: all with smaller numbers.
    Closed, 0xB9, () => u64
);

/// An epoch, as far as it has come; nothing for one that is no longer kept.
pub(crate) fn of(view: &dyn View, number: u64) -> Epoch {
    row::<Epochs>(view, &number).unwrap_or_default()
}

/// How many epochs are closed.
pub(crate) fn closed(view: &dyn View) -> u64 {
    row::<Closed>(view, &()).unwrap_or_default()
}

/// Closes epochs that have ended, as many as a block may.
pub(crate) fn step(draft: &mut Draft<'_>) {
    let (running, mut next) = (draft.epoch(), closed(draft));
    let mut left = ITEMS_PER_BLOCK_MAX;
    while next < running && left >= ITEMS_PER_EPOCH {
        close(draft, next);
        next = next.saturating_add(1);
        draft.put::<Closed>(&(), &next);
        left = left.saturating_sub(ITEMS_PER_EPOCH);
    }
}

/// Counts what was burned.
pub(crate) fn burned(draft: &mut Draft<'_>, amount: Credits) {
    if amount == Credits::ZERO {
        return;
    }
    let number = draft.epoch();
    let mut epoch = of(draft, number);
    epoch.burned = epoch.burned.plus(amount).expect("parts of the supply");
    draft.put::<Epochs>(&number, &epoch);
}

fn close(draft: &mut Draft<'_>, number: u64) {
    for class in Class::ALL {
        index::turn(draft, class);
    }
    voter::turn(draft);
    let mut epoch = of(draft, number);
    if draft.founding().issuance == Issuance::Inflation {
        let circulating = books::supply(draft).circulating;
        epoch.cap = cap(draft.params(), circulating);
        if emergency::issuance_runs(draft).is_ok() {
            epoch.pools = split(draft.params(), epoch.cap, epoch.burned);
            mint_at_once(draft, &mut epoch);
        }
    }
    assert!(
        epoch.pools.sum() <= epoch.cap && epoch.minted <= epoch.cap,
        "no epoch mints more than its cap"
    );
    draft.put::<Epochs>(&number, &epoch);
    if let Some(old) = number.checked_sub(EPOCHS_KEPT) {
        draft.remove::<Epochs>(&old);
    }
    draft.say(Event::Issue(IssueEvent::EpochClosed {
        epoch: number,
        pool: epoch.pools.sum(),
        burned: epoch.burned,
    }));
}

/// The most that an epoch may mint: its part of a year's share of what circulates, rounded down.
pub(crate) fn cap(params: &Params, circulating: Credits) -> Credits {
    let yearly = u128::from(circulating.get()).saturating_mul(params.inflation_cap.get().into());
    let part = yearly.saturating_mul(params.epoch.get().into());
    let per = u128::from(YEAR.get()).saturating_mul(10_000);
    let cap = part.checked_div(per).unwrap_or_default();
    Credits::new(u64::try_from(cap).expect("an epoch is shorter than the years of a supply"))
}

/// Splits what an epoch may mint. The treasury has the exact remainder of the shares; what the
/// subsidy of work may not have is nobody's, and is not minted.
pub(crate) fn split(params: &Params, cap: Credits, burned: Credits) -> Pools {
    let share = |pool: Pool| cap.share(params.epoch_split[pool as usize]);
    let (demand, availability) = (share(Pool::Demand), share(Pool::Availability));
    let (members, supply) = (share(Pool::Members), share(Pool::Supply));
    let given = [demand, availability, members, supply];
    let treasury = given
        .into_iter()
        .try_fold(cap, Credits::minus)
        .expect("the shares of an epoch add up to one");
    Pools {
        demand,
        availability,
        members,
        supply: supply.min(subsidy_max(params, burned)),
        treasury,
    }
}

/// Mints what needs no claim: for grants and the federation into the treasury, for members by
/// power; what does not divide is the treasury's.
fn mint_at_once(draft: &mut Draft<'_>, epoch: &mut Epoch) {
    let Pools {
        demand,
        members,
        treasury,
        ..
    } = epoch.pools;
    let all = member::power(draft).max(1);
    let mut rest = members;
    for member in member::all(draft) {
        let part = u128::from(members.get()).saturating_mul(member.power.into());
        let part = part.checked_div(all.into()).unwrap_or_default();
        let part = Credits::new(u64::try_from(part).expect("a part of what fits"));
        rest = rest
            .minus(part)
            .expect("parts by power are at most the whole");
        pay(draft, epoch, Account::Wallet(member.party), part);
    }
    for amount in [demand, treasury, rest] {
        pay(draft, epoch, Account::Treasury, amount);
    }
}

/// Mints for an epoch, and counts it. Where all credits there may ever be are minted, nothing is.
fn pay(draft: &mut Draft<'_>, epoch: &mut Epoch, to: Account, amount: Credits) -> Credits {
    if issue::mint(draft, to, amount, Code::Reward).is_err() {
        return Credits::ZERO;
    }
    epoch.minted = epoch.minted.plus(amount).expect("parts of the supply");
    assert!(
        epoch.minted <= epoch.pools.sum(),
        "what is minted for an epoch is what its pools hold"
    );
    amount
}

#[cfg(test)]
mod tests;
