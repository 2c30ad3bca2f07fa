//! How much of a pool one sponsor, and one peer, may weigh.
//!
//! ```text
//! what is drawn from = all that is under the cap + each sponsor above it, cut down to the cap
//! cap                = its share of what is drawn from
//! ```
//!
//! The cap is a share of the roster *after* cutting, so no sponsor is drawn more often than that,
//! whatever it adds. Only the heaviest sponsors need to be known for it, and a pool remembers them.
//! Where there are too few sponsors to share so finely, each may have what it had if the smallest
//! were away.

use std::num::NonZeroU64;

use protocol::ids::PartyId;
use protocol::job::Class;
use protocol::units::{Bps, mul_div_floor};

use crate::market::{Heaviest, Pile, Pool, roster, sums};
use crate::state::{Draft, View, row};

/// Sponsors that a pool remembers as its heaviest: more than can ever be above the least cap.
const HEAVIEST_MAX: usize = 24;
const WHOLE: NonZeroU64 = NonZeroU64::new(10_000).expect("not zero");

/// What may be drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caps {
    /// What the peers of one sponsor weigh together, at most.
    pub(crate) sponsor: u64,
    /// What one peer weighs, at most.
    pub(crate) peer: u64,
}

/// Remembers what a sponsor weighs now, if that is among the most.
pub(crate) fn note(draft: &mut Draft<'_>, at: (Class, Pool), sponsor: PartyId, weight: u64) {
    let before = row::<Heaviest>(draft, &at).unwrap_or_default();
    let mut after = before.clone();
    after.retain(|(other, _)| *other != sponsor);
    if weight > 0 {
        let place = after.partition_point(|(_, other)| *other >= weight);
        after.insert(place, (sponsor, weight));
        after.truncate(HEAVIEST_MAX);
    }
    if after != before {
        draft.put::<Heaviest>(&at, &after);
    }
}

/// The heaviest sponsors of a pool, heaviest first.
pub(crate) fn heaviest(view: &dyn View, at: (Class, Pool)) -> Vec<(PartyId, u64)> {
    row::<Heaviest>(view, &at).unwrap_or_default()
}

/// What may be drawn from a pool, with shares of so much for a sponsor and for a peer.
pub(crate) fn of(view: &dyn View, (class, pool): (Class, Pool), shares: (Bps, Bps)) -> Caps {
    let all = sums::head(view, Pile::Sponsors(class, pool)).weight;
    let heaviest = heaviest(view, (class, pool));
    let weights: Vec<u64> = heaviest.iter().map(|(_, weight)| *weight).collect();
    let offers = u64::from(roster::pool_head(view, class, pool).offers);
    let sponsors = u64::try_from(weights.len()).expect("at most 24");
    let share = fair(shares.0, sponsors);
    let drawn_from = cut(&weights, all, share);
    Caps {
        sponsor: part(drawn_from, share).max(1),
        peer: part(drawn_from, fair(shares.1, offers)).max(1),
    }
}

/// The share one of so many may have.
fn fair(share: Bps, of: u64) -> u64 {
    let others = of.saturating_sub(1).max(1);
    u64::from(share.get()).max(WHOLE.get().checked_div(others).unwrap_or(0))
}

fn part(of: u64, share: u64) -> u64 {
    mul_div_floor(of, share, WHOLE).unwrap_or(u64::MAX)
}

/// The weight that is drawn from once no sponsor has more than its share of it. `weights` are the
/// heaviest, heaviest first; `all` is what all sponsors weigh.
fn cut(weights: &[u64], all: u64, share: u64) -> u64 {
    let (mut total, mut rest, mut left) = (all, all, WHOLE.get());
    for weight in weights {
        if *weight <= part(total, share) || left <= share {
            break;
        }
        rest = rest.saturating_sub(*weight);
        left = left.saturating_sub(share);
        let wide = u128::from(rest).saturating_mul(WHOLE.get().into());
        let cut = wide.checked_div(left.into()).unwrap_or(0);
        total = u64::try_from(cut).unwrap_or(u64::MAX);
    }
    total
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows has failed"
)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What each weighs after cutting.
    fn drawn_from(weights: &[u64], share: u64) -> Vec<u64> {
        let mut sorted = weights.to_vec();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let all = weights.iter().sum();
        sorted.truncate(HEAVIEST_MAX);
        let cap = part(cut(&sorted, all, share), share).max(1);
        weights.iter().map(|weight| cap.min(*weight)).collect()
    }

    #[test]
    fn the_heaviest_are_cut_to_their_share_of_what_is_left() {
        for (weights, share, expected) in [
            (vec![10, 10, 10, 10, 10, 10], 2_000, vec![10; 6]),
            // 20 of 100, and the others have 80.
            (vec![900, 20, 20, 20, 20], 2_000, vec![20, 20, 20, 20, 20]),
            (
                vec![900, 10, 10, 10, 10, 10, 10, 10, 10],
                2_000,
                vec![20, 10, 10, 10, 10, 10, 10, 10, 10],
            ),
            (
                vec![900, 600, 30, 30, 30, 30],
                2_000,
                vec![40, 40, 30, 30, 30, 30],
            ),
        ] {
            assert_eq!(drawn_from(&weights, share), expected, "{weights:?}");
        }
        // Three sponsors cannot have a fifth each: half each, if the third were away.
        let share = fair(Bps::new(2_000), 3);
        assert_eq!(share, 5_000);
        assert_eq!(drawn_from(&[100, 7, 5], share), [12, 7, 5]);
        assert_eq!(fair(Bps::new(2_000), 2), 10_000);
        assert_eq!(fair(Bps::new(2_000), 100), 2_000);
    }

    proptest! {
        #[test]
        fn no_sponsor_is_drawn_beyond_its_share_whatever_it_adds(
            others in prop::collection::vec(100..1_000_000_u64, 6..60),
            own in 1..u32::MAX,
        ) {
            let mut weights = others;
            weights.push(own.into());
            let after = drawn_from(&weights, 2_000);
            let all: u64 = after.iter().sum();
            for weight in &after {
                // Rounding down leaves the whole a little smaller than it is reckoned.
                prop_assert!(weight * 10_000 <= all * 2_002, "{weight} of {all}");
            }
        }
    }
}
