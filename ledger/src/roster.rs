//! Which node is which member's: those of the agreed state, and those whom it had before.

use crate::ask::Reader;
use crate::disk::Disk;
use crate::engine::MemberKey;
use protocol::genesis::Genesis;
use protocol::ids::PeerId;
use std::sync::{Arc, PoisonError, RwLock};

/// Former members who are remembered; a member that left is told of the block that ended its seat.
const FORMER_MAX: usize = 128;

#[derive(Default)]
struct Known {
    /// [`Disk::changes`] when the rows were read.
    as_of: Option<u64>,
    nodes: Vec<(PeerId, MemberKey)>,
    former: Vec<(PeerId, MemberKey)>,
}

/// The nodes of members; safe to share.
pub(crate) struct Roster {
    disk: Disk,
    known: RwLock<Arc<Known>>,
}

impl Roster {
    /// Members of genesis who are none any more are former members from the start.
    pub(crate) fn new(disk: Disk, genesis: &Genesis) -> Self {
        let nodes = genesis.members.iter().map(|member| {
            let name = MemberKey::new(*member.consensus.bytes());
            (member.peer, name)
        });
        let known = Known {
            nodes: nodes.collect(),
            ..Known::default()
        };
        Self {
            disk,
            known: RwLock::new(Arc::new(known)),
        }
    }

    /// The member whose node this is, or was.
    pub(crate) fn member_of(&self, peer: &PeerId) -> Option<MemberKey> {
        let known = self.known();
        let mut all = known.nodes.iter().chain(known.former.iter().rev());
        all.find(|(node, _)| node == peer)
            .map(|(_, member)| *member)
    }

    /// The node of this member, or former member.
    pub(crate) fn peer_of(&self, member: &MemberKey) -> Option<PeerId> {
        let known = self.known();
        let mut all = known.nodes.iter().chain(known.former.iter().rev());
        all.find(|(_, name)| name == member).map(|(node, _)| *node)
    }

    /// The nodes of all members.
    pub(crate) fn nodes(&self) -> Vec<PeerId> {
        self.known().nodes.iter().map(|(node, _)| *node).collect()
    }

    fn known(&self) -> Arc<Known> {
        let as_of = self.disk.changes();
        let known = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner));
        if known.as_of == Some(as_of) {
            return known;
        }
        let rows = rules::read::members(&Reader::new(&self.disk));
        let nodes: Vec<_> = rows
            .iter()
            .map(|row| (row.peer, MemberKey::new(*row.consensus.bytes())))
            .collect();
        let mut former = known.former.clone();
        let gone = |entry: &&(PeerId, MemberKey)| !nodes.contains(entry) && !former.contains(entry);
        let gone: Vec<_> = known.nodes.iter().filter(gone).copied().collect();
        former.extend(gone);
        former.retain(|entry| !nodes.contains(entry));
        former.drain(..former.len().saturating_sub(FORMER_MAX));
        let known = Arc::new(Known {
            as_of: Some(as_of),
            nodes,
            former,
        });
        let mut place = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *place = known.clone();
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Draft;
    use crate::execute::tests::genesis;

    /// Changes of the members that the writer makes beside the reader.
    const CHANGES: usize = 10_000;

    #[test]
    fn members_come_and_go_while_someone_reads_who_they_are() {
        let home = tempfile::tempdir().unwrap();
        let disk = Disk::open(home.path()).unwrap();
        let states = [4, 5].map(|members| rules::begin(&genesis(members)).unwrap());
        let becomes = |state: usize| {
            let (old, new) = (&states[1 - state], &states[state]);
            let mut draft = Draft::default();
            for key in old.keys().filter(|key| !new.contains_key(*key)) {
                draft = draft.row(&key[..], None);
            }
            for (key, row) in new {
                draft = draft.row(&key[..], Some(row.clone()));
            }
            disk.put(draft, false);
            disk.forget_members();
        };
        becomes(0);
        let roster = Roster::new(disk.clone(), &genesis(4));
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (0..CHANGES).for_each(|change| becomes(1 - change % 2)));
            while !writer.is_finished() {
                assert!([4, 5].contains(&roster.nodes().len()));
            }
        });
        becomes(1);
        assert_eq!(roster.nodes().len(), 5);
        becomes(0);
        assert_eq!(roster.nodes().len(), 4);
        let left = genesis(5).members[4].peer;
        assert!(
            roster.member_of(&left).is_some(),
            "a former member is known"
        );
    }
}
