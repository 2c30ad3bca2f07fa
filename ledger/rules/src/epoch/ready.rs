//! What standing ready has earned each peer lately, and what of it feigned capacity (F10) voids.
//!
//! A peer has one row, however long it stands ready: what was minted for that is summed in a few
//! parts, each with the epoch in which it began, and a part is forgotten as a whole once it began
//! before [`Params::feigned_span`]. So at most an eighth of the span is missing in the sum, and
//! nothing in it is older.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::genesis::Params;
use protocol::ids::PeerId;
use protocol::units::Credits;

use crate::state::{Draft, View, row, table};

/// A span is summed in so many parts.
const PARTS: u32 = 8;

/// What standing ready has earned a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct ReadyRecord {
    /// What was minted, oldest first: from which epoch on, and how much.
    parts: Vec<(u64, Credits)>,
    /// Nothing is to be had for epochs up to the last of these. The one before it is kept, in case
    /// the last is reversed.
    void: Vec<u64>,
}

table!(
    /// What standing ready has earned peers.
    ReadyRecords, 0xCA, PeerId => ReadyRecord
);

fn of(view: &dyn View, peer: PeerId) -> ReadyRecord {
    row::<ReadyRecords>(view, &peer).unwrap_or_default()
}

/// Notes what was minted for standing ready.
pub(crate) fn paid(draft: &mut Draft<'_>, peer: PeerId, amount: Credits) {
    if amount == Credits::ZERO {
        return;
    }
    let (epoch, span) = (draft.epoch(), draft.params().feigned_span);
    let mut record = of(draft, peer);
    add(&mut record.parts, (epoch, amount), span);
    draft.put::<ReadyRecords>(&peer, &record);
}

fn add(parts: &mut Vec<(u64, Credits)>, (epoch, amount): (u64, Credits), span: u32) {
    let width = u64::from(span.div_ceil(PARTS));
    parts.retain(|(from, _)| counts(*from, epoch, span));
    match parts.last_mut() {
        Some((from, sum)) if from.saturating_add(width) > epoch => {
            *sum = sum.plus(amount).expect("parts of the supply");
        }
        Some(_) | None => parts.push((epoch, amount)),
    }
    // After the span was lengthened there can be more: the oldest are forgotten together.
    if parts.len() > PARTS as usize {
        let (from, first) = parts.remove(0);
        if let Some(next) = parts.first_mut() {
            let sum = next.1.plus(first).expect("parts of the supply");
            *next = (from, sum);
        }
    }
}

const fn counts(from: u64, epoch: u64, span: u32) -> bool {
    from.saturating_add(span as u64) > epoch
}

/// What standing ready has earned a peer within the span, as of an epoch.
pub(crate) fn lately(view: &dyn View, params: &Params, peer: PeerId, epoch: u64) -> Credits {
    let parts = of(view, peer).parts.into_iter();
    parts
        .filter(|(from, _)| counts(*from, epoch, params.feigned_span))
        .try_fold(Credits::ZERO, |sum, (_, part)| sum.plus(part))
        .expect("parts of the supply")
}

/// Voids what a peer could still claim for standing ready, the running epoch included, and begins
/// its sum anew: what it was is being taken.
pub(crate) fn begin_anew(draft: &mut Draft<'_>, peer: PeerId) {
    let epoch = draft.epoch();
    let mut record = of(draft, peer);
    record.parts.clear();
    record.void.push(epoch);
    if record.void.len() > 2 {
        record.void.remove(0);
    }
    draft.put::<ReadyRecords>(&peer, &record);
}

/// A finding of an epoch was reversed: what it voided can be claimed while it is young enough, and
/// what came back counts again as earned.
pub(crate) fn reverse(draft: &mut Draft<'_>, peer: PeerId, finding: u64, amount: Credits) {
    let mut record = of(draft, peer);
    record.void.retain(|epoch| *epoch != finding);
    draft.put::<ReadyRecords>(&peer, &record);
    paid(draft, peer, amount);
}

/// Whether nothing is to be had for a peer's readiness in an epoch.
pub(crate) fn is_void(view: &dyn View, peer: PeerId, epoch: u64) -> bool {
    let void = of(view, peer).void;
    void.last().is_some_and(|last| epoch <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_takes_eight_parts_and_forgets_what_is_older_than_its_span() {
        let (span, one) = (80, Credits::new(1));
        let mut parts = Vec::new();
        for epoch in 0..1_000_u64 {
            add(&mut parts, (epoch, one), span);
            let sum: u64 = parts.iter().map(|(_, part)| part.get()).sum();
            assert!(parts.len() <= 8);
            // At most an eighth of the span is missing.
            assert!(sum > epoch.min(70) && sum <= 80, "{sum} at {epoch}");
        }
        // A longer span keeps no more parts; nothing is lost.
        let before: u64 = parts.iter().map(|(_, part)| part.get()).sum();
        for epoch in 1_000..1_400 {
            add(&mut parts, (epoch, one), 8_760);
            assert!(parts.len() <= 9);
        }
        let after: u64 = parts.iter().map(|(_, part)| part.get()).sum();
        assert_eq!(after, before.saturating_add(400));
    }
}
