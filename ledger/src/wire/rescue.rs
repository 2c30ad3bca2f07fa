//! Who waits in which view: the way out when the members are stuck in different ones.
//!
//! A member leaves a view by a certificate of a quorum. After a stop of the whole federation the
//! members can come back in different views, no quorum in any of them, and the engine, which only
//! listens for votes of its own view, would wait for ever. Their signed timeout votes say where
//! everybody is. To move up is always safe: it only means not to vote in the views between.

use crate::engine::{MemberKey, Members};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How far one member alone can make us leap; it may be lying.
const LONE_LEAP_MAX: u64 = 1024;

/// The highest view each member has voted to leave.
#[derive(Default)]
pub(crate) struct Timeouts(Mutex<BTreeMap<MemberKey, u64>>);

impl Timeouts {
    /// Records a timeout vote, whose signature was checked.
    pub(crate) fn note(&self, member: MemberKey, view: u64) {
        let mut views = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let highest = views.entry(member).or_default();
        *highest = view.max(*highest);
    }

    /// The view in which `me` last gave up waiting.
    pub(crate) fn mine(&self, me: &MemberKey) -> Option<u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(me)
            .copied()
    }

    /// The highest view that some honest member other than `me` has reached: as many vote to
    /// leave it, or a higher one, as cannot all be lying.
    pub(crate) fn reached(&self, me: &MemberKey, members: &Members) -> Option<u64> {
        let mut weight = 0;
        for (view, power) in self.above(me, members) {
            weight += power;
            if weight >= members.some_honest() {
                return Some(view);
            }
        }
        None
    }

    /// The highest view any one other member claims, if it is near enough to `view` to be
    /// believed. With members missing, the one that is ahead can be needed.
    pub(crate) fn claimed(&self, me: &MemberKey, members: &Members, view: u64) -> Option<u64> {
        let near = |claim: &u64| *claim > view && *claim - view <= LONE_LEAP_MAX;
        self.above(me, members)
            .into_iter()
            .map(|(view, _)| view)
            .find(near)
    }

    fn above(&self, me: &MemberKey, members: &Members) -> Vec<(u64, u64)> {
        let views = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut others: Vec<(u64, u64)> = views
            .iter()
            .filter(|(member, _)| *member != me)
            .filter_map(|(member, view)| Some((*view, members.get(member)?.power)))
            .collect();
        others.sort_unstable_by(|a, b| b.cmp(a));
        others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;

    #[test]
    fn two_of_four_are_followed_and_one_only_if_near() {
        let keys: Vec<MemberKey> = (1..=4)
            .map(|seed| MemberKey::of(&SigningKey::from_bytes(&[seed; 32])))
            .collect();
        let members = Members::new(keys.iter().map(|key| (*key, 1))).unwrap();
        let timeouts = Timeouts::default();
        timeouts.note(keys[0], 10);
        timeouts.note(keys[1], 1 << 40);
        assert_eq!(timeouts.reached(&keys[0], &members), None);
        assert_eq!(timeouts.claimed(&keys[0], &members, 10), None);
        timeouts.note(keys[2], 12);
        assert_eq!(timeouts.reached(&keys[0], &members), Some(12));
        assert_eq!(timeouts.claimed(&keys[0], &members, 10), Some(12));
        assert_eq!(timeouts.mine(&keys[0]), Some(10));
    }
}
