//! A fault's severity becomes points, points fade, and too many of them shut a peer out.
//!
//! Members are never shut out: a member that misbehaves is the federation's affair, and losing its
//! votes would hurt all. Nothing here reads a clock: the time is handed in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::ids::PeerId;

use crate::members::Members;
/// So many points shut a peer out.
const POINTS_MAX: u32 = 100;
/// One point fades in this time.
const POINT_FADES: Duration = Duration::from_secs(6);
/// How long a peer is shut out.
pub(crate) const SHUT_OUT_TIME: Duration = Duration::from_secs(600);
/// So many peers' records are kept; the one with the oldest fault is forgotten first.
const RECORDS_MAX: usize = 10_000;

/// What a peer did wrong, as far as the network can see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It took longer than any honest line needs.
    Slow,
    /// It sent something that no honest peer sends.
    Malformed,
    /// It sent content that does not have the digest asked for.
    WrongBytes,
    /// It belongs to another federation.
    Stranger,
    /// Its neighbours' patience with its announcements has ended.
    Spam,
}

impl Fault {
    const fn points(self) -> u32 {
        match self {
            Self::Slow => 5,
            Self::Malformed => 25,
            Self::WrongBytes => 50,
            Self::Stranger | Self::Spam => POINTS_MAX,
        }
    }
}

#[derive(Clone, Copy)]
struct Record {
    points: u32,
    since: Instant,
    out_until: Option<Instant>,
}

/// The records of all peers that did something wrong lately.
pub(crate) struct Scores {
    members: Arc<Members>,
    records: HashMap<PeerId, Record>,
}

impl Scores {
    pub(crate) fn new(members: Arc<Members>) -> Self {
        Self {
            members,
            records: HashMap::new(),
        }
    }

    /// Notes a fault. `true` if the peer is to be shut out from now on.
    pub(crate) fn note(&mut self, peer: PeerId, fault: Fault, now: Instant) -> bool {
        let points = self.points(&peer, now) + fault.points();
        let out = points >= POINTS_MAX && !self.members.has(&peer);
        if !self.records.contains_key(&peer) && self.records.len() >= RECORDS_MAX {
            let oldest = self.records.iter().min_by_key(|(_, record)| record.since);
            if let Some(oldest) = oldest.map(|(peer, _)| *peer) {
                self.records.remove(&oldest);
            }
        }
        let out_until = out.then(|| now + SHUT_OUT_TIME);
        self.records.insert(
            peer,
            Record {
                points: points.min(POINTS_MAX),
                since: now,
                out_until,
            },
        );
        out
    }

    /// How badly the peer has behaved: 0 is well, 100 is the limit.
    pub(crate) fn points(&self, peer: &PeerId, now: Instant) -> u32 {
        let Some(record) = self.records.get(peer) else {
            return 0;
        };
        let faded = now.saturating_duration_since(record.since).as_secs() / POINT_FADES.as_secs();
        record
            .points
            .saturating_sub(u32::try_from(faded).unwrap_or(u32::MAX))
    }

    /// Is the peer shut out now?
    pub(crate) fn shut_out(&self, peer: &PeerId, now: Instant) -> bool {
        self.records
            .get(peer)
            .and_then(|record| record.out_until)
            .is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_add_up_fade_and_shut_out_all_but_members() {
        let (peer, member) = (PeerId::new([1; 32]), PeerId::new([2; 32]));
        let mut scores = Scores::new(Arc::new(Members::new([member])));
        let start = Instant::now();
        assert!(!scores.note(peer, Fault::WrongBytes, start));
        assert_eq!(scores.points(&peer, start), 50);
        assert_eq!(scores.points(&peer, start + POINT_FADES * 20), 30);
        let later = start + POINT_FADES * 60;
        assert_eq!(scores.points(&peer, later), 0);
        assert!(!scores.note(peer, Fault::WrongBytes, later));
        assert!(scores.note(peer, Fault::WrongBytes, later));
        assert!(scores.shut_out(&peer, later + SHUT_OUT_TIME / 2));
        assert!(!scores.shut_out(&peer, later + SHUT_OUT_TIME));
        for _ in 0..10 {
            assert!(!scores.note(member, Fault::Stranger, later));
        }
        assert!(!scores.shut_out(&member, later));
    }
}
