//! Entries that cost nothing, as the auditor counts them: what a sponsor enters while its quota,
//! and that of all whom it answers for, has room. Here a sponsor answers for itself alone.

use std::collections::BTreeMap;

use protocol::genesis::{Genesis, Params};
use protocol::ids::PartyId;
use protocol::units::Moment;

/// An entry counts once for every so many bytes that it begins.
const BYTES_PER_UNIT: i128 = 4_096;

/// How full the buckets of each sponsor are: of the party, and of all whom it answers for. In
/// entries times milliseconds of an epoch, so that a millisecond lets out a whole number.
#[derive(Debug)]
pub(super) struct Quotas {
    levels: BTreeMap<PartyId, ([i128; 2], Moment)>,
}

impl Quotas {
    pub(super) fn new(genesis: &Genesis) -> Self {
        let members = genesis.members.iter().map(|member| member.party);
        let sponsors = members.chain(genesis.desks.iter().map(|desk| desk.party));
        let empty = ([0, 0], genesis.begins);
        Self {
            levels: sponsors.map(|key| (PartyId::of(&key), empty)).collect(),
        }
    }

    /// Whether an entry of so many bytes costs its sender nothing; counts it if so.
    pub(super) fn cover(
        &mut self,
        sender: &PartyId,
        bytes: i128,
        now: Moment,
        params: &Params,
    ) -> bool {
        let Some((levels, last)) = self.levels.get_mut(sender) else {
            return false;
        };
        let (epoch, passed) = (
            i128::from(params.epoch.get()),
            i128::from(now.since(*last).get()),
        );
        let units = (bytes + BYTES_PER_UNIT - 1) / BYTES_PER_UNIT;
        let quotas = [params.quota_party, params.quota_sponsor].map(i128::from);
        let filled: Vec<i128> = levels
            .iter()
            .zip(quotas)
            .map(|(level, quota)| (level - passed * quota).max(0) + units * epoch)
            .collect();
        if filled
            .iter()
            .zip(quotas)
            .any(|(level, quota)| *level > quota * epoch)
        {
            return false;
        }
        *levels = [filled[0], filled[1]];
        *last = now;
        true
    }
}
