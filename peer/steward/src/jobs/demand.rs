//! Outcomes that peers of our own job opened a root of and did not tell us: asked for in vain, they
//! are demanded on the ledger. What is shown there is kept like any other; who shows nothing is
//! convicted, and what it opened counts no more.

use std::sync::Arc;

use protocol::entry::{AuditRequest, Body};
use protocol::event::{Event, FaultEvent};
use protocol::outcome;

use super::bundle::{Bundle, Copy};
use super::job::OwnJob;
use crate::desk::Aim;
use crate::hand::Hand;

/// A peer that was asked so often has its outcomes demanded.
pub const DEMAND_AFTER_ASKS: u32 = 3;

impl OwnJob {
    /// Learns what was demanded, and what came of it.
    pub(super) fn demands(&mut self, event: &Event, hand: &mut Hand<'_>) {
        match event {
            Event::Fault(FaultEvent::Demanded { bundle, peer, .. }) => {
                hand.desk.forget(Aim::Demand(*bundle, *peer));
                if let Some(copy) = self.bundle(bundle).and_then(|b| b.copy(peer)) {
                    copy.demanded = true;
                }
            }
            Event::Fault(FaultEvent::Answered {
                bundle,
                peer,
                outcomes,
            }) => {
                let Some(copy) = self.bundle(bundle).and_then(|b| b.copy(peer)) else {
                    return;
                };
                if copy.proven().is_some() || outcome::root(outcomes) != copy.root {
                    return;
                }
                let list: Arc<_> = outcomes.as_slice().into();
                (copy.outcomes, copy.failed) = (Some(Arc::clone(&list)), None);
                // Nothing came with them that could be wrong.
                let _: Result<(), ()> = self.keep(bundle.index, &list, Vec::new(), hand);
            }
            Event::Fault(FaultEvent::Withheld { bundle, peer }) => {
                if let Some(copy) = self.bundle(bundle).and_then(|b| b.copy(peer)) {
                    copy.root = None;
                }
            }
            _ => {}
        }
    }
}

/// Demands what peers of a bundle opened and we asked them for in vain.
pub(super) fn demand(bundle: &Bundle, hand: &mut Hand<'_>) {
    let in_vain = |copy: &&Copy| copy.asked >= DEMAND_AFTER_ASKS || copy.failed.is_some();
    let hidden = bundle
        .copies
        .iter()
        .filter(|copy| copy.root.is_some() && copy.proven().is_none() && !copy.demanded);
    for copy in hidden.filter(in_vain) {
        let (id, peer) = (bundle.id, copy.peer);
        let body = || Some(Body::Audit(AuditRequest::Demand { bundle: id, peer }));
        hand.desk
            .want(Aim::Demand(id, peer), hand.now, hand.out, body);
    }
}
