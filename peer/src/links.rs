//! To whom this peer keeps links as to members: those of now, and for a moment those of before.

use std::collections::{BTreeMap, BTreeSet};

use ledger::MemberKey;
use protocol::ids::PeerId;
use protocol::units::{Millis, Moment};

/// Links to a member that has left are kept for so long: it may not have heard of that yet, and
/// those who stay help it to.
pub const LINGER: Millis = Millis::new(10_000);

/// What the parts of this peer were told of the members, and what they are to be told.
#[derive(Debug, Default)]
pub struct Links {
    /// When each was a member last.
    seen: BTreeMap<PeerId, Moment>,
    told: BTreeSet<PeerId>,
    /// The voting key that the ledger named for this peer when its key file was last read.
    pub voting: Option<MemberKey>,
    /// Whether the steward knows that this peer is a member's node.
    pub seated: bool,
}

impl Links {
    /// Whom the network is to take for members from now on; `None` if it does already.
    pub fn due(&mut self, now: Moment, members: &[PeerId]) -> Option<BTreeSet<PeerId>> {
        self.seen
            .extend(members.iter().map(|member| (*member, now)));
        self.seen.retain(|_, last| last.after(LINGER) > now);
        let wanted: BTreeSet<PeerId> = self.seen.keys().copied().collect();
        (wanted != self.told).then_some(wanted)
    }

    /// The network was told of these.
    pub fn told(&mut self, members: BTreeSet<PeerId>) {
        self.told = members;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(numbers: &[u8]) -> Vec<PeerId> {
        numbers.iter().map(|n| PeerId::new([*n; 32])).collect()
    }

    #[test]
    fn who_joins_is_linked_at_once_and_who_leaves_a_moment_later() {
        let (mut links, start) = (Links::default(), Moment::new(1_000));
        let set = |numbers: &[u8]| peers(numbers).into_iter().collect::<BTreeSet<_>>();
        assert_eq!(links.due(start, &peers(&[1, 2])), Some(set(&[1, 2])));
        assert_eq!(
            links.due(start, &peers(&[1, 2])),
            Some(set(&[1, 2])),
            "not told yet"
        );
        links.told(set(&[1, 2]));
        assert_eq!(links.due(start, &peers(&[1, 2])), None);
        let joined = links.due(start, &peers(&[2, 3]));
        assert_eq!(joined, Some(set(&[1, 2, 3])));
        links.told(set(&[1, 2, 3]));
        assert_eq!(
            links.due(start.after(Millis::new(1)), &peers(&[2, 3])),
            None
        );
        let later = start.after(LINGER);
        assert_eq!(links.due(later, &peers(&[2, 3])), Some(set(&[2, 3])));
    }
}
