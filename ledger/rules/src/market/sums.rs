//! Weights in a long row, and sums of them: what is drawn by weight is found by reading a few
//! small rows, however long the row is.
//!
//! ```text
//! level 2                     [ sum  sum ]
//! level 1      [ sum sum sum .. ]        [ sum .. ]
//! level 0   [ w w w .. ][ w w w .. ]..     one weight per place, 64 to a row
//! ```
//!
//! Places have no gaps: who leaves is replaced by the last. [`Sums`] is what stands on the ledger;
//! [`Hand`] is a copy to deal from, of which only the rows that were touched are ever read.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::market::{Pile, PileHead, PileHeads, PileSums};
use crate::state::{Draft, View, row};

/// Entries of a row.
const FAN: u32 = 64;
/// Rows between a weight and the sum of all.
const LEVELS: u8 = 3;
/// The most places that a pile has.
pub(crate) const PLACES_MAX: u32 = FAN.pow(LEVELS as u32);

/// Where a row of sums stands: its level, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub(crate) struct RowAt(pub(crate) u8, pub(crate) u32);

/// The row that a place is in, and the place there.
const fn split(place: u32) -> (u32, usize) {
    (place / FAN, (place % FAN) as usize)
}

fn sum(row: &[u64]) -> u64 {
    let add = |sum: u64, weight: &u64| sum.checked_add(*weight);
    row.iter()
        .try_fold(0, add)
        .expect("262 144 places of at most 2^31 each fit 64 bits")
}

/// The places and the weight of a pile.
pub(crate) fn head(view: &dyn View, pile: Pile) -> PileHead {
    row::<PileHeads>(view, &pile).unwrap_or_default()
}

/// Adds a place at the end and gives its number; `None` if the pile is full.
pub(crate) fn push(draft: &mut Draft<'_>, pile: Pile, weight: u64) -> Option<u32> {
    let mut at = head(draft, pile);
    let place = at.places;
    if place >= PLACES_MAX {
        return None;
    }
    at.places = place.saturating_add(1);
    at.weight = write(draft, pile, place, Some(weight));
    draft.put::<PileHeads>(&pile, &at);
    Some(place)
}

/// Gives a place another weight.
pub(crate) fn set(draft: &mut Draft<'_>, pile: Pile, place: u32, weight: u64) {
    let mut at = head(draft, pile);
    assert!(place < at.places, "only a place that is there has a weight");
    at.weight = write(draft, pile, place, Some(weight));
    draft.put::<PileHeads>(&pile, &at);
}

/// Takes the last place away, after its weight was given to `place`: how a place is left without a
/// gap. Gives the number of the place that was last.
pub(crate) fn leave(draft: &mut Draft<'_>, pile: Pile, place: u32) -> u32 {
    let mut at = head(draft, pile);
    let last = at.places.checked_sub(1).expect("who leaves was there");
    assert!(place <= last, "who leaves was there");
    if place < last {
        let weight = weight(draft, pile, last);
        write(draft, pile, place, Some(weight));
    }
    at.places = last;
    at.weight = write(draft, pile, last, None);
    draft.put::<PileHeads>(&pile, &at);
    last
}

fn weight(view: &dyn View, pile: Pile, place: u32) -> u64 {
    let (number, at) = split(place);
    let row = row::<PileSums>(view, &(pile, RowAt(0, number))).unwrap_or_default();
    row.get(at).copied().unwrap_or(0)
}

/// Writes a weight and the sums above it, and gives the sum of all. Without a weight the last entry
/// is taken away, and every row that it leaves empty.
fn write(draft: &mut Draft<'_>, pile: Pile, place: u32, weight: Option<u64>) -> u64 {
    let (mut below, mut value, mut total) = (place, weight, 0);
    for level in 0..LEVELS {
        let (number, at) = split(below);
        let key = (pile, RowAt(level, number));
        let mut row = draft.row::<PileSums>(&key).unwrap_or_default();
        match value {
            Some(value) if at == row.len() => row.push(value),
            Some(value) => row[at] = value,
            None => row.truncate(at),
        }
        total = sum(&row);
        if row.is_empty() {
            draft.remove::<PileSums>(&key);
            value = None;
        } else {
            draft.put::<PileSums>(&key, &row);
            value = Some(total);
        }
        below = number;
    }
    total
}

/// A pile to deal from: weights can be taken from it and put back, and the ledger is not changed.
#[derive(Debug)]
pub(crate) struct Hand {
    pile: Pile,
    left: u64,
    rows: BTreeMap<RowAt, Vec<u64>>,
}

impl Hand {
    /// All of a pile.
    pub(crate) fn of(view: &dyn View, pile: Pile) -> Self {
        Self {
            pile,
            left: head(view, pile).weight,
            rows: BTreeMap::new(),
        }
    }

    /// The weight that is left.
    pub(crate) const fn left(&self) -> u64 {
        self.left
    }

    fn row(&mut self, view: &dyn View, at: RowAt) -> &mut Vec<u64> {
        let pile = self.pile;
        self.rows
            .entry(at)
            .or_insert_with(|| row::<PileSums>(view, &(pile, at)).unwrap_or_default())
    }

    /// The place that a point between zero and what is left falls on, and how far into it.
    pub(crate) fn find(&mut self, view: &dyn View, point: u64) -> (u32, u64) {
        assert!(point < self.left, "a point lies within what is left");
        let (mut number, mut rest) = (0, point);
        for level in (0..LEVELS).rev() {
            let row = self.row(view, RowAt(level, number));
            let at = row.iter().position(|sum| match rest.checked_sub(*sum) {
                Some(less) => {
                    rest = less;
                    false
                }
                None => true,
            });
            let at = at.expect("a sum is that of the row below it");
            let at = u32::try_from(at).expect("a row has 64 entries");
            number = number.saturating_mul(FAN).saturating_add(at);
        }
        (number, rest)
    }

    /// What is left of a place.
    pub(crate) fn at(&mut self, view: &dyn View, place: u32) -> u64 {
        let (number, at) = split(place);
        let row = self.row(view, RowAt(0, number));
        row.get(at).copied().unwrap_or(0)
    }

    /// Takes from a place as much as is there of `amount`, and says how much that was.
    pub(crate) fn take(&mut self, view: &dyn View, place: u32, amount: u64) -> u64 {
        let amount = amount.min(self.at(view, place));
        self.change(view, place, |weight| weight.checked_sub(amount));
        self.left = self.left.saturating_sub(amount);
        amount
    }

    /// Puts back what was taken.
    pub(crate) fn put(&mut self, view: &dyn View, place: u32, amount: u64) {
        self.change(view, place, |weight| weight.checked_add(amount));
        self.left = self.left.saturating_add(amount);
    }

    fn change(&mut self, view: &dyn View, place: u32, by: impl Fn(u64) -> Option<u64>) {
        let mut below = place;
        for level in 0..LEVELS {
            let (number, at) = split(below);
            let entry = self.row(view, RowAt(level, number)).get_mut(at);
            let entry = entry.expect("only a place that is there is changed");
            *entry = by(*entry).expect("no more is taken than is there, or put back than was");
            below = number;
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows has failed"
)]
mod tests {
    use proptest::prelude::*;
    use protocol::job::Class;

    use super::*;
    use crate::market::Pool;
    use crate::state::tests::on_nothing;

    const PILE: Pile = Pile::Sponsors(Class::Grid, Pool::Newcomers);

    /// Where a point falls, counted place by place.
    fn counted(weights: &[u64], mut point: u64) -> (u32, u64) {
        for (place, weight) in (0..).zip(weights) {
            if point < *weight {
                return (place, point);
            }
            point -= weight;
        }
        panic!("the point lies beyond all weights")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_point_falls_where_counting_says(
            steps in prop::collection::vec((0..4_u8, 0..5_000_usize, 0..9_u64), 1..400),
            points in prop::collection::vec(0..u64::MAX, 20),
        ) {
            on_nothing(|draft| {
                let mut weights: Vec<u64> = Vec::new();
                for (what, place, weight) in steps {
                    let len = weights.len();
                    match what {
                        0 if len > 0 => {
                            let place = place % len;
                            let last = leave(draft, PILE, u32::try_from(place).unwrap());
                            prop_assert_eq!(last as usize, len - 1);
                            weights.swap_remove(place);
                        }
                        1 if len > 0 => {
                            weights[place % len] = weight;
                            set(draft, PILE, u32::try_from(place % len).unwrap(), weight);
                        }
                        _ => {
                            for _ in 0..=place % 90 {
                                push(draft, PILE, weight);
                                weights.push(weight);
                            }
                        }
                    }
                    let total = weights.iter().sum::<u64>();
                    prop_assert_eq!(head(draft, PILE).weight, total);
                    prop_assert_eq!(head(draft, PILE).places as usize, weights.len());
                }
                let mut hand = Hand::of(draft, PILE);
                for point in points {
                    if hand.left() == 0 {
                        break;
                    }
                    let point = point % hand.left();
                    let found = hand.find(draft, point);
                    prop_assert_eq!(found, counted(&weights, point));
                    let taken = hand.take(draft, found.0, 2);
                    weights[found.0 as usize] -= taken;
                    prop_assert_eq!(hand.left(), weights.iter().sum::<u64>());
                    prop_assert_eq!(hand.at(draft, found.0), weights[found.0 as usize]);
                    if taken == 1 {
                        hand.put(draft, found.0, 1);
                        weights[found.0 as usize] += 1;
                    }
                }
                Ok(())
            })?;
        }
    }

    #[test]
    fn an_emptied_pile_leaves_no_rows() {
        on_nothing(|draft| {
            for _ in 0..200 {
                push(draft, PILE, 3);
            }
            for _ in 0..200 {
                leave(draft, PILE, 0);
            }
            let kept = draft.updates().values().flatten().count();
            assert_eq!(kept, 1, "the head alone");
        });
    }
}
