//! How much of a bond counts: the least it was in the look-back, so that credits which come for a
//! moment cover nothing.
//!
//! ```text
//! bond     ────┐    ┌──────────      least of each epoch, newest last
//!              └────┘                [ 9 9 9 2 2 9 ]
//! counts   ────┐         ┌─────      = the least of these and of the bond itself
//!              └─────────┘
//! ```
//!
//! A peer's history begins with its first bond, which counts at once: before it there was nothing
//! that could have been borrowed for. The row is written only when the bond changes.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::genesis::Params;
use protocol::ids::PeerId;
use protocol::units::Credits;

use crate::money::bond;
use crate::people::Peer;
use crate::state::{Draft, View, row, table};

/// Epochs that are remembered.
const EPOCHS_MAX: usize = 24;

/// What a bond was at least, by epoch.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Exposure {
    /// The last epoch below.
    epoch: u64,
    /// What the bond was at least in each epoch up to that, the latest 24.
    least: Vec<Credits>,
}

table!(
    /// What a peer's bond was at least.
    Exposures, 0xAA, PeerId => Exposure
);

impl Exposure {
    /// As it is in a later epoch, if the bond was `bond` all that time.
    fn until(mut self, epoch: u64, bond: Credits) -> Self {
        let passed = epoch.saturating_sub(self.epoch);
        let passed = usize::try_from(passed)
            .unwrap_or(EPOCHS_MAX)
            .min(EPOCHS_MAX);
        self.least.extend(std::iter::repeat_n(bond, passed));
        let old = self.least.len().saturating_sub(EPOCHS_MAX);
        self.least.drain(..old);
        self.epoch = self.epoch.max(epoch);
        self
    }
}

/// Remembers that a peer's bond has changed from what it was.
pub(crate) fn note(draft: &mut Draft<'_>, peer: PeerId, before: Credits) {
    let (now, after) = (draft.epoch(), bond::of(draft, peer));
    let row = match draft.row::<Exposures>(&peer) {
        Some(row) => {
            let mut row = row.until(now, before);
            let least = row.least.last_mut().expect("it begins with one epoch");
            *least = after.min(*least);
            row
        }
        None => Exposure {
            epoch: now,
            least: vec![after],
        },
    };
    draft.put::<Exposures>(&peer, &row);
}

/// What of a peer's bond counts in an epoch.
pub(crate) fn counted(view: &dyn View, params: &Params, epoch: u64, peer: PeerId) -> Credits {
    let bond = bond::of(view, peer);
    let Some(row) = row::<Exposures>(view, &peer) else {
        return bond;
    };
    let row = row.until(epoch, bond);
    let latest = row.least.iter().rev().take(params.lookback.into());
    latest.fold(bond, |least, one| least.min(*one))
}

/// What of a peer's bond counts and no open bundle holds.
pub(crate) fn free(draft: &Draft<'_>, peer: PeerId, row: &Peer) -> Credits {
    let counted = counted(draft, draft.params(), draft.epoch(), peer);
    counted.minus(row.locked).unwrap_or(Credits::ZERO)
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows has failed"
)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_ring_knows_the_least_of_the_latest_epochs(
            changes in prop::collection::vec((0..30_u64, 0..100_u64), 1..60),
            later in 0..40_u64,
        ) {
            // The plain way: the least of every epoch there ever was.
            let (mut all, mut bond) = (vec![changes[0].1], changes[0].1);
            let mut row = Exposure { epoch: 0, least: vec![Credits::new(bond)] };
            let mut epoch = 0;
            for (passed, next) in &changes {
                epoch += passed;
                row = row.until(epoch, Credits::new(bond));
                all.resize(usize::try_from(epoch).unwrap() + 1, bond);
                let last = all.last_mut().unwrap();
                *last = (*last).min(*next);
                *row.least.last_mut().unwrap() = Credits::new(*last);
                bond = *next;
            }
            epoch += later;
            all.resize(usize::try_from(epoch).unwrap() + 1, bond);
            let row = row.until(epoch, Credits::new(bond));
            let least: Vec<u64> = row.least.iter().map(|one| one.get()).collect();
            let first = all.len().saturating_sub(EPOCHS_MAX);
            prop_assert_eq!(&least[..], &all[first..]);
        }
    }
}
