//! Outcomes that the ledger demands of us: they are shown in time, or only a liar could be silent.
//!
//! ```text
//! demanded ──found, and what we opened──▶ answered ──▶ over
//!     └── forgotten, or not to be found ──▶ run again, and again, until the bundle has ended
//! ```
//!
//! Nothing is ever answered but what leads to the root that we opened.

use protocol::entry::{AuditRequest, Body};
use protocol::event::{Event, FaultEvent};
use protocol::ids::BundleId;
use protocol::units::{Millis, Moment};

use super::Work;
use super::run::Run;
use crate::desk::Aim;
use crate::effect::Report;
use crate::hand::Hand;

/// What is demanded and could not be found is looked for again after this.
pub const FIND_AGAIN_AFTER: Millis = Millis::new(5_000);

impl Work {
    /// Learns what the ledger demands of us.
    pub(super) fn demands(&mut self, event: &Event, hand: &mut Hand<'_>) {
        match event {
            Event::Fault(FaultEvent::Demanded { bundle, peer, .. }) if *peer == hand.me.peer => {
                if let Some(run) = self.run(*bundle) {
                    run.demand();
                }
            }
            Event::Fault(
                FaultEvent::Answered { bundle, peer, .. } | FaultEvent::Withheld { bundle, peer },
            ) if *peer == hand.me.peer => self.not_demanded(*bundle, hand),
            Event::BundleEnded { bundle, .. } => self.not_demanded(*bundle, hand),
            _ => {}
        }
    }

    fn run(&mut self, bundle: BundleId) -> Option<&mut Run> {
        self.jobs.get_mut(&bundle.job)?.runs.get_mut(&bundle.index)
    }

    fn not_demanded(&mut self, bundle: BundleId, hand: &mut Hand<'_>) {
        hand.desk.forget(Aim::Answer(bundle));
        if let Some(run) = self.run(bundle) {
            run.demanded = None;
        }
    }
}

impl Run {
    /// What we opened is to be shown, whatever hindered us before.
    fn demand(&mut self) {
        self.demanded = Some(Moment::default());
        self.declined = None;
    }

    /// We must show it, so failing once is not the end.
    pub(super) fn try_again(&mut self, why: String, hand: &mut Hand<'_>) {
        let bundle = self.bundle;
        hand.out.report(Report::CannotRun { bundle, why });
        self.demanded = Some(hand.now.after(FIND_AGAIN_AFTER));
    }

    /// Shows what is demanded, if we have it.
    pub(super) fn answer(&self, hand: &mut Hand<'_>) {
        if self.demanded.is_none() {
            return;
        }
        let Some(outcomes) = self.shown() else { return };
        let (bundle, peer) = (self.bundle, hand.me.peer);
        let body = || {
            Some(Body::Audit(AuditRequest::Answer {
                bundle,
                peer,
                outcomes: outcomes.to_vec(),
            }))
        };
        hand.desk
            .want(Aim::Answer(bundle), hand.now, hand.out, body);
    }
}
