//! What is known of a peer's work in a class: how much of it was checked and right, how much was
//! wrong. Only outcomes count that someone else's outcome stood against.
//!
//! ```text
//! score = (a + good) / (a + b + good + bad)       lower = score - sqrt(score (1 - score) / n)
//! ```
//!
//! `a` and `b` fade by the same factor every epoch, when they are next looked at: nothing sweeps.
//! Draws, tiers and copies follow the lower bound alone, so little evidence is little trust.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::genesis::Params;
use protocol::ids::PeerId;
use protocol::job::Class;
use protocol::units::Credits;

use crate::market::roster;
use crate::state::{Draft, View, row, table};

/// One, as evidence is counted.
const ONE: u64 = 1 << 16;
/// One, as scores are counted.
const WHOLE: u64 = 10_000;

/// The evidence of a peer in a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reputation {
    /// What was right, in 65 536ths, as of the epoch below.
    pub right: u64,
    /// What was wrong.
    pub wrong: u64,
    /// The epoch in which it was last written.
    pub epoch: u64,
    /// How many of its runs were ever checked and right; this does not fade.
    pub verified: u64,
}

/// What a reputation amounts to, in ten-thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score {
    /// The expected share of right outcomes.
    pub score: u64,
    /// What it is at least, one standard deviation lower.
    pub lower: u64,
}

table!(
    /// What is known of a peer's work in a class.
    Reputations, 0xA0, (PeerId, Class) => Reputation
);

/// What is left of 65 536 after so many epochs, by repeated squaring.
fn kept(keep: u32, epochs: u64) -> u64 {
    let (mut left, mut factor, mut epochs) = (ONE, u64::from(keep).min(ONE), epochs);
    while epochs > 0 && left > 0 {
        if epochs & 1 == 1 {
            left = faded(left, factor);
        }
        factor = faded(factor, factor);
        epochs >>= 1;
    }
    left
}

/// `amount * factor / 65 536`, rounded down.
fn faded(amount: u64, factor: u64) -> u64 {
    let wide = u128::from(amount).saturating_mul(factor.into()) >> 16;
    u64::try_from(wide).expect("a factor is at most one")
}

impl Reputation {
    /// As it is in a later epoch, if nothing happens until then.
    #[must_use]
    pub fn at(self, params: &Params, epoch: u64) -> Self {
        let since = epoch.saturating_sub(self.epoch);
        let left = kept(params.reputation_keep, since);
        Self {
            right: faded(self.right, left),
            wrong: faded(self.wrong, left),
            epoch: self.epoch.max(epoch),
            verified: self.verified,
        }
    }

    /// Whether no confirmed fault is remembered.
    pub fn is_clean(&self, params: &Params) -> bool {
        let fault = u64::from(params.reputation_fault).saturating_mul(ONE);
        self.wrong < fault / 2
    }

    /// What it amounts to.
    pub fn score(&self, params: &Params) -> Score {
        let [good, bad] = params
            .reputation_prior
            .map(|n| u64::from(n).saturating_mul(ONE));
        let right = u128::from(self.right.saturating_add(good));
        let all = right.saturating_add(self.wrong.saturating_add(bad).into());
        let wide = |n: u64| u128::from(n);
        let score = right
            .saturating_mul(wide(WHOLE))
            .checked_div(all)
            .unwrap_or(0);
        let spread = score
            .saturating_mul(wide(WHOLE).saturating_sub(score))
            .saturating_mul(wide(ONE))
            .checked_div(all)
            .unwrap_or(0);
        let lower = score.saturating_sub(spread.isqrt());
        let narrow = |n: u128| u64::try_from(n).expect("a part of 10 000");
        Score {
            score: narrow(score),
            lower: narrow(lower),
        }
    }
}

/// What is known of a peer in a class, as it is now.
pub(crate) fn of(draft: &Draft<'_>, peer: PeerId, class: Class) -> Reputation {
    let params = draft.params();
    at(draft, params, draft.epoch(), (peer, class))
}

/// What is known of a peer in a class, in this epoch.
pub(crate) fn at(view: &dyn View, params: &Params, epoch: u64, of: (PeerId, Class)) -> Reputation {
    let known = row::<Reputations>(view, &of).unwrap_or_default();
    known.at(params, epoch)
}

/// What an agreement over so much pay weighs: one, and one more each time the pay doubles.
pub(crate) fn weight(params: &Params, price: Credits) -> u64 {
    let units = price.get().checked_div(params.reputation_price.get());
    let doubled = units.and_then(u64::checked_ilog2).map_or(0, u64::from);
    let most = u64::from(params.reputation_weight_max);
    doubled.saturating_add(1).min(most)
}

/// A peer's run was checked and right: by the run of another sponsor's peer, or by a member that
/// audited or judged it. `price` is what it was paid.
pub(crate) fn verified(
    draft: &mut Draft<'_>,
    peer: PeerId,
    class: Class,
    price: Credits,
    audited: bool,
) {
    let params = draft.params();
    let factor = if audited { params.reputation_audit } else { 1 };
    let weight = weight(params, price).saturating_mul(factor.into());
    change(draft, peer, class, |known| {
        known.right = known.right.saturating_add(weight.saturating_mul(ONE));
        known.verified = known.verified.saturating_add(1);
    });
}

/// A fault of a peer was confirmed.
pub(crate) fn fault(draft: &mut Draft<'_>, peer: PeerId, class: Class) {
    let weight = u64::from(draft.params().reputation_fault);
    change(draft, peer, class, |known| {
        known.wrong = known.wrong.saturating_add(weight.saturating_mul(ONE));
    });
}

/// A peer was late or silent: a small fault, of the weight of one agreement.
pub(crate) fn lapse(draft: &mut Draft<'_>, peer: PeerId, class: Class) {
    change(draft, peer, class, |known| {
        known.wrong = known.wrong.saturating_add(ONE);
    });
}

fn change(draft: &mut Draft<'_>, peer: PeerId, class: Class, by: impl FnOnce(&mut Reputation)) {
    let mut known = of(draft, peer, class);
    by(&mut known);
    draft.put::<Reputations>(&(peer, class), &known);
    roster::reweigh(draft, peer, class);
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows has failed"
)]
mod tests {
    use super::*;

    fn params() -> Params {
        Params::standard()
    }

    fn known(right: u64, wrong: u64) -> Reputation {
        Reputation {
            right: right * ONE,
            wrong: wrong * ONE,
            epoch: 0,
            verified: right,
        }
    }

    fn lower(known: Reputation) -> u64 {
        known.score(&params()).lower
    }

    #[test]
    fn the_scores_are_those_of_the_economy() {
        for (right, wrong, expected) in [
            (0, 0, 335),
            (20, 0, 8_075),
            (100, 0, 9_547),
            (200, 0, 9_768),
            (400, 32, 9_067),
        ] {
            assert_eq!(lower(known(right, wrong)), expected, "{right} {wrong}");
        }
    }

    #[test]
    fn a_fault_is_made_good_in_fifteen_days_of_work() {
        let mut peer = known(400, 32);
        for epoch in 1..=360 {
            peer = peer.at(&params(), epoch);
            peer.right += 8 * ONE;
        }
        assert_eq!(lower(peer), 9_899);
    }

    #[test]
    fn evidence_fades_by_half_in_fifteen_days_and_no_faster_when_looked_at() {
        let peer = known(400, 0);
        assert_eq!(lower(peer.at(&params(), 720)), 9_536);
        let half = peer.at(&params(), 354).right;
        assert!(half.abs_diff(200 * ONE) < ONE, "{half}");
        let mut often = peer;
        for epoch in 1..=354 {
            often = often.at(&params(), epoch);
        }
        assert!(often.right.abs_diff(half) < ONE, "{} {half}", often.right);
        assert_eq!(peer.at(&params(), u64::MAX).right, 0);
    }

    #[test]
    fn an_agreement_weighs_more_where_more_is_paid_up_to_a_bound() {
        let unit = params().reputation_price.get();
        for (price, expected) in [
            (0, 1),
            (unit - 1, 1),
            (unit, 1),
            (2 * unit - 1, 1),
            (2 * unit, 2),
            (4 * unit, 3),
            (unit << 15, 16),
            (u64::MAX, 16),
        ] {
            assert_eq!(weight(&params(), Credits::new(price)), expected, "{price}");
        }
    }
}
