//! Free entries, so that a newcomer needs no money: a leaky bucket per party, and one per sponsor
//! that answers for it, so that making up parties gives nobody more.
//!
//! A bucket holds what was entered and leaks it over an epoch. To leak without rounding it counts
//! entries times the length of an epoch: an entry adds that length, every millisecond takes the
//! quota away.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::ids::PartyId;
use protocol::units::Moment;

use crate::people::{Parties, Sponsors};
use crate::state::{Draft, Table, View, row, table};

/// An entry counts once for every so many bytes that it begins.
const BYTES_PER_UNIT: usize = 4_096;

/// What of a quota is used, leaking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Bucket {
    /// Entries times milliseconds of an epoch.
    level: u64,
    /// When that was.
    last: Moment,
}

table!(
    /// What parties have used of their quota.
    PartyBuckets, 0x82, PartyId => Bucket
);
table!(
    /// What all parties that a sponsor answers for have used of its quota.
    SponsorBuckets, 0x83, PartyId => Bucket
);

impl Bucket {
    /// It, at `now`.
    fn leaked(self, quota: u32, now: Moment) -> Self {
        let leaked = now.since(self.last).get().saturating_mul(quota.into());
        Self {
            level: self.level.saturating_sub(leaked),
            last: now,
        }
    }

    /// With so many entries more, if they fit.
    fn with(self, units: u64, quota: u32, epoch: u64) -> Option<Self> {
        let level = self.level.checked_add(units.checked_mul(epoch)?)?;
        let fits = level <= u64::from(quota).checked_mul(epoch)?;
        fits.then_some(Self { level, ..self })
    }

    /// How many entries more fit.
    fn room(self, quota: u32, epoch: u64) -> u64 {
        let all = u64::from(quota).saturating_mul(epoch);
        let room = all.saturating_sub(self.level).checked_div(epoch);
        room.unwrap_or_default()
    }
}

/// Who answers for a party's free entries: a sponsor for itself.
fn sponsor_of(view: &dyn View, party: PartyId) -> Option<PartyId> {
    match row::<Sponsors>(view, &party) {
        Some(_) => Some(party),
        None => row::<Parties>(view, &party)?.sponsor,
    }
}

/// Takes an entry of so many bytes out of the quotas of its payer and of the payer's sponsor, if
/// both have room. Says whether they had.
pub(crate) fn take(draft: &mut Draft<'_>, payer: PartyId, bytes: usize) -> bool {
    let Some(sponsor) = sponsor_of(draft, payer) else {
        return false;
    };
    let units = u64::try_from(bytes.div_ceil(BYTES_PER_UNIT)).unwrap_or(u64::MAX);
    let params = draft.params();
    let (of_party, of_sponsor) = (params.quota_party, params.quota_sponsor);
    let Some(party) = filled::<PartyBuckets>(draft, payer, units, of_party) else {
        return false;
    };
    let Some(all) = filled::<SponsorBuckets>(draft, sponsor, units, of_sponsor) else {
        return false;
    };
    draft.put::<PartyBuckets>(&payer, &party);
    draft.put::<SponsorBuckets>(&sponsor, &all);
    true
}

fn filled<T: Table<Key = PartyId, Row = Bucket>>(
    draft: &Draft<'_>,
    at: PartyId,
    units: u64,
    quota: u32,
) -> Option<Bucket> {
    let bucket = draft.row::<T>(&at).unwrap_or_default();
    let epoch = draft.params().epoch.get();
    bucket.leaked(quota, draft.now()).with(units, quota, epoch)
}

/// How many small entries a party could enter for nothing at `now`.
pub(crate) fn left(
    view: &dyn View,
    party: PartyId,
    now: Moment,
    params: &protocol::genesis::Params,
) -> u64 {
    let Some(sponsor) = sponsor_of(view, party) else {
        return 0;
    };
    let epoch = params.epoch.get();
    let room = |bucket: Option<Bucket>, quota| {
        let bucket = bucket.unwrap_or_default();
        bucket.leaked(quota, now).room(quota, epoch)
    };
    let own = room(row::<PartyBuckets>(view, &party), params.quota_party);
    let all = room(row::<SponsorBuckets>(view, &sponsor), params.quota_sponsor);
    own.min(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_leaks_a_quota_in_an_epoch_to_the_last_millisecond() {
        let (quota, epoch) = (60, 3_600_000);
        let at = Moment::new;
        let mut bucket = Bucket::default().leaked(quota, at(1_000));
        for used in 0..60 {
            assert_eq!(bucket.room(quota, epoch), 60 - used);
            bucket = bucket.with(1, quota, epoch).expect("there is room");
        }
        assert_eq!(bucket.with(1, quota, epoch), None);
        // One entry leaks in a 60th of an epoch, and not a millisecond before.
        let one = |ms: u64| bucket.leaked(quota, at(1_000 + ms)).with(1, quota, epoch);
        assert_eq!(one(59_999), None);
        assert!(one(60_000).is_some());
        assert_eq!(
            bucket.leaked(quota, at(1_000 + epoch)).room(quota, epoch),
            60
        );
        assert_eq!(bucket.with(u64::MAX, quota, epoch), None);
        assert_eq!(Bucket::default().with(1, 0, epoch), None);
        assert_eq!(Bucket::default().room(60, 0), 0);
    }
}
