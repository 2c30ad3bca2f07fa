//! Choosing the entries of one block.

use super::{LaneId, Waiting};
use crate::header::ENTRY_OVERHEAD_BYTES;
use crate::known::Known;
use protocol::ids::PartyId;
use protocol::units::Moment;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Room in a block.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

/// The entries of one block, as they are chosen.
pub(super) struct Pick<N> {
    pub(super) next: N,
    pub(super) now: Moment,
    pub(super) cursors: BTreeMap<LaneId, u64>,
    pub(super) picked: Vec<Arc<Known>>,
}

impl<N: FnMut(&PartyId, u16) -> u64> Pick<N> {
    /// Takes what `fits` from the front of each lane, in turns of so many that begin after
    /// `served`, as long as there is room. Says at which lane there was none, and how many bytes
    /// are left.
    pub(super) fn fill(
        &mut self,
        waiting: &Waiting,
        (served, turn): (Option<LaneId>, usize),
        mut room: Room,
        fits: &dyn Fn(&Known) -> bool,
    ) -> (Option<LaneId>, usize) {
        loop {
            let before = self.picked.len();
            for lane_id in waiting.turns(served) {
                let next = &mut self.next;
                let cursor = self.cursors.entry(lane_id);
                let nonce = cursor.or_insert_with(|| next(&lane_id.0, lane_id.1));
                let Some(lane) = waiting.lanes.get(&lane_id) else {
                    continue;
                };
                for _ in 0..turn {
                    let Some(known) = lane.get(nonce).filter(|known| fits(known)) else {
                        break;
                    };
                    let takes = known.bytes.len() + ENTRY_OVERHEAD_BYTES;
                    if room.entries == 0 || takes > room.bytes {
                        return (Some(lane_id), room.bytes);
                    }
                    if known.entry.value().valid_until < self.now {
                        break;
                    }
                    room.bytes -= takes;
                    room.entries -= 1;
                    *nonce += 1;
                    self.picked.push(Arc::clone(known));
                }
            }
            if self.picked.len() == before {
                return (None, room.bytes);
            }
        }
    }
}
