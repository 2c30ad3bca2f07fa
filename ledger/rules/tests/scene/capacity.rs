//! Capacity in a test: peers that stand ready epoch after epoch, and the members that are drawn to
//! look.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each file of tests uses a part of the scene, and fails where it is not as it says"
)]

use protocol::entry::{Body, CouncilRequest, IssueRequest};
use protocol::ids::PeerId;
use protocol::job::Class;
use rules::{Refusal, read};

use super::{Scene, Who, member, owner, worker};

impl Scene {
    /// The members that may say what a peer's capacity is, in the order they were drawn in.
    pub(crate) fn challengers(&self, peer: PeerId) -> Vec<Who> {
        let (_, drawn) = read::challengers(&self.rows, peer, Class::Grid).unwrap();
        let members = drawn
            .into_iter()
            .map(|party| (0..4).map(member).find(|m| m.party() == party));
        members.map(Option::unwrap).collect()
    }

    /// A member says that so many slots of a peer were there.
    pub(crate) fn sees(&mut self, who: Who, peer: PeerId, slots: u16) -> Result<(), Refusal> {
        let (epoch, _) = read::running_epoch(&self.rows).unwrap();
        let report = CouncilRequest::ReportCapacity {
            peer,
            class: Class::Grid,
            epoch,
            slots,
        };
        self.enter(who, Body::Council(report))
    }

    /// Two of the three say so.
    pub(crate) fn two_see(&mut self, peer: PeerId, slots: u16) {
        for who in self.challengers(peer).into_iter().take(2) {
            self.sees(who, peer, slots).unwrap();
        }
    }

    pub(crate) fn stands_ready(&mut self, n: u8) -> Result<(), Refusal> {
        let (peer, class) = (worker(n), Class::Grid);
        let ready = IssueRequest::StandReady { peer, class };
        self.enter(owner(n), Body::Issue(ready))
    }

    pub(crate) fn claims(&mut self, n: u8, epoch: u64) -> Result<(), Refusal> {
        let peer = worker(n);
        let claim = IssueRequest::Claim { peer, epoch };
        self.enter(owner(n), Body::Issue(claim))
    }

    /// A worker stands ready for this epoch and claims what that earned; two blocks into the next.
    pub(crate) fn earns(&mut self, n: u8) {
        let (epoch, _) = read::running_epoch(&self.rows).unwrap();
        self.stands_ready(n).unwrap();
        self.wait(self.genesis.params.epoch);
        self.claims(n, epoch).unwrap();
    }
}
