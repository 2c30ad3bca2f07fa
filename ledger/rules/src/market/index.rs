//! A class's price index: what a Gfuel is quoted at, moved once an epoch by supply and demand. It
//! forces nobody: providers keep their own reservation price.
//!
//! ```text
//! p' = p + p * clamp(u - t, -t, t) / t * step        u: slots wanted per slot offered, over time
//! quote = p * utility                                utility: governed, per class
//! ```

use std::num::NonZeroU64;

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::event::{Event, IssueEvent};
use protocol::genesis::Params;
use protocol::job::Class;
use protocol::units::{Credits, Moment, mul_div_floor};

use crate::market::roster;
use crate::params::class as preset;
use crate::state::{Draft, View, row, table};

/// Ten-thousandths in one.
const ONE: u128 = 10_000;
const BPS: NonZeroU64 = NonZeroU64::new(10_000).expect("not zero");

/// A class's index, and the load it will move by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Index {
    /// The price, per Gfuel.
    pub price: Credits,
    /// Slots that open bundles want now.
    pub wanted: u64,
    /// Slots that stand ready now, as far as is known.
    pub offered: u64,
    /// Up to when the load was summed.
    pub since: Moment,
    /// Wanted slots times milliseconds, in this epoch.
    pub wanted_ms: u128,
    /// Offered slots times milliseconds, in this epoch.
    pub offered_ms: u128,
}

table!(
    /// The index of each class.
    Indexes, 0xBC, Class => Index
);

/// A class's index.
pub(crate) fn of(view: &dyn View, class: Class, params: &Params) -> Index {
    row::<Indexes>(view, &class).unwrap_or(Index {
        price: preset(params, class).index_start,
        wanted: 0,
        offered: 0,
        since: Moment::new(0),
        wanted_ms: 0,
        offered_ms: 0,
    })
}

/// What a Gfuel of a class is quoted at: its index, times what the council finds its work worth. It
/// moves nobody's escrow: that follows from the terms of its job.
pub(crate) fn quoted(view: &dyn View, class: Class, params: &Params) -> Credits {
    let (price, utility) = (of(view, class, params).price, preset(params, class).utility);
    let quoted = mul_div_floor(price.get(), utility.into(), BPS);
    Credits::new(quoted.unwrap_or(u64::MAX).max(1))
}

/// Bundles were drawn: so many more slots are wanted.
pub(crate) fn wants(draft: &mut Draft<'_>, class: Class, slots: u64) {
    let mut index = summed(draft, class);
    index.wanted = index.wanted.saturating_add(slots);
    draft.put::<Indexes>(&class, &index);
}

/// A bundle ended: so many slots are wanted no longer.
pub(crate) fn frees(draft: &mut Draft<'_>, class: Class, slots: u64) {
    let mut index = summed(draft, class);
    index.wanted = index.wanted.saturating_sub(slots);
    draft.put::<Indexes>(&class, &index);
}

/// Standing offers changed.
pub(crate) fn offers_changed(draft: &mut Draft<'_>, class: Class) {
    let index = summed(draft, class);
    draft.put::<Indexes>(&class, &index);
}

/// The index with the load up to now, and with what stands ready now.
fn summed(draft: &Draft<'_>, class: Class) -> Index {
    let mut index = of(draft, class, draft.params());
    let now = draft.now();
    if index.since > Moment::new(0) {
        let span = u128::from(now.since(index.since).get());
        let area = |slots: u64| span.saturating_mul(slots.into());
        index.wanted_ms = index.wanted_ms.saturating_add(area(index.wanted));
        index.offered_ms = index.offered_ms.saturating_add(area(index.offered));
    }
    index.since = now;
    index.offered = roster::slots(draft, class);
    index
}

/// Moves the index at an epoch's end. Where nothing was offered, nothing is known: it stays.
pub(crate) fn turn(draft: &mut Draft<'_>, class: Class) {
    let mut index = summed(draft, class);
    let from = index.price;
    let start = preset(draft.params(), class).index_start;
    if let Some(used) = index
        .wanted_ms
        .saturating_mul(ONE)
        .checked_div(index.offered_ms)
    {
        index.price = moved(draft.params(), from, used, start);
    }
    (index.wanted_ms, index.offered_ms) = (0, 0);
    draft.put::<Indexes>(&class, &index);
    let to = index.price;
    if to != from {
        draft.say(Event::Issue(IssueEvent::IndexMoved { class, from, to }));
    }
}

/// A price after an epoch in which so many ten-thousandths of what was offered were wanted.
fn moved(params: &Params, price: Credits, used: u128, start: Credits) -> Credits {
    let target = u128::from(params.index_target.get().max(1));
    let step = u128::from(params.index_step.get());
    let change = |apart: u128| {
        let apart = apart.min(target);
        let product = u128::from(price.get())
            .saturating_mul(apart)
            .saturating_mul(step);
        let per = target.saturating_mul(ONE);
        u64::try_from(product.checked_div(per).unwrap_or_default()).unwrap_or(u64::MAX)
    };
    // Below its floor an index stays where it is, if the floor was lifted above it.
    let floor = start.share(params.index_floor).get().max(1);
    if used >= target {
        let up = change(used.saturating_sub(target));
        // A price of a few micro-credits still rises when there is more demand than it bears.
        let up = if used > target && step > 0 {
            up.max(1)
        } else {
            up
        };
        Credits::new(
            price
                .get()
                .saturating_add(up)
                .min(crate::params::SUPPLY_MAX),
        )
    } else {
        let down = change(target.saturating_sub(used));
        let least = floor.min(price.get());
        Credits::new(price.get().saturating_sub(down).max(least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(price: u64, used: u128, epochs: usize) -> Vec<u64> {
        let params = Params::standard();
        let start = Credits::new(10_000);
        let mut price = Credits::new(price);
        let mut prices = Vec::new();
        for _ in 0..epochs {
            price = moved(&params, price, used, start);
            prices.push(price.get());
        }
        prices
    }

    #[test]
    fn a_step_of_demand_lifts_the_index_by_an_eighth_an_epoch_and_it_comes_back() {
        assert_eq!(turns(10_000, 7_000, 2), [10_000, 10_000]);
        assert_eq!(turns(10_000, 50_000, 3), [11_250, 12_656, 14_238]);
        assert_eq!(turns(14_238, 0, 3), [12_459, 10_902, 9_540]);
        assert_eq!(turns(10_000, 3_500, 1), [9_375]);
        assert_eq!(turns(10_000, 0, 100).last(), Some(&1_000));
        assert_eq!(turns(1, 50_000, 3), [2, 3, 4]);
    }

    #[test]
    fn no_load_moves_an_index_by_more_than_its_step() {
        for used in [0, 1, 6_999, 7_000, 7_001, 10_000, 14_000, u128::MAX / ONE] {
            for price in [8_u64, 999, 10_000, 1_000_000_007, crate::params::SUPPLY_MAX] {
                let after = turns(price, used, 1)[0];
                let eighth = price / 8;
                assert!(after <= price + eighth.max(1), "{price} {used}: {after}");
                assert!(
                    after >= price - eighth || after == price.min(1_000),
                    "{price} {used}: {after}"
                );
            }
        }
    }
}
