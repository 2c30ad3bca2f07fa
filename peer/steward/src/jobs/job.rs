//! A job this peer submitted, as the ledger tells its life.
//!
//! ```text
//! Locked ──Start──▶ Sealing ──all sealed──▶ Sealed ──Close──▶ Opening ──last bundle ends──▶ Ended
//!    └──────────────────────── cancelled, or never started ───────────────────────────────▲
//! ```

use std::collections::BTreeSet;

use protocol::entry::{Opening, PeerSeal};
use protocol::event::{Event, Fault as LedgerFault, FaultEvent};
use protocol::ids::{BundleId, Digest, JobId, PeerId};
use protocol::job::Terms;
use protocol::units::{Credits, Moment};

use super::bundle::{Bundle, Copy, Stage};
use super::check::Checks;
use crate::effect::{News, Ticket};
use crate::gather::Gather;
use crate::hand::Hand;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Locked,
    Sealing,
    Sealed { close_by: Moment },
    Opening { by: Moment },
    Ended { at: Moment },
}

#[derive(Debug)]
pub(crate) struct OwnJob {
    pub(crate) id: JobId,
    pub(crate) terms: Terms,
    /// The start of its hash chain; `None` if it is not ours to derive.
    pub(crate) secret: Option<Digest>,
    pub(crate) escrow: Credits,
    pub(crate) submitted: Moment,
    pub(crate) start_by: Moment,
    pub(crate) phase: Phase,
    pub(crate) bundles: Vec<Bundle>,
    pub(crate) seals: Gather<PeerSeal>,
    pub(crate) openings: Gather<Opening>,
    pub(crate) checks: Checks,
    pub(crate) paid: Credits,
    pub(crate) refunded: Credits,
    pub(crate) slashed: Vec<(BundleId, PeerId, LedgerFault, Credits)>,
    /// Outputs that are at home.
    pub(crate) have: BTreeSet<Digest>,
    /// Who waits for the job to be taken back.
    pub(crate) cancel: Option<Ticket>,
}

impl OwnJob {
    /// A job whose `Submitted` was agreed at `time`; `None` for any other event.
    pub(crate) fn submitted(event: &Event, secret: Option<Digest>, time: Moment) -> Option<Self> {
        let Event::Submitted {
            job,
            terms,
            escrow,
            start_by,
            ..
        } = event
        else {
            return None;
        };
        let bundle = |index| Bundle::new(BundleId { job: *job, index }, terms.tasks_of(index));
        Some(Self {
            id: *job,
            terms: terms.clone(),
            secret,
            escrow: *escrow,
            submitted: time,
            start_by: *start_by,
            phase: Phase::Locked,
            bundles: (0..terms.bundles()).map(bundle).collect(),
            seals: Gather::new(),
            openings: Gather::new(),
            checks: Checks::default(),
            paid: Credits::ZERO,
            refunded: Credits::ZERO,
            slashed: Vec::new(),
            have: BTreeSet::new(),
            cancel: None,
        })
    }

    pub(crate) const fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
    }

    pub(super) fn bundle(&mut self, id: &BundleId) -> Option<&mut Bundle> {
        self.bundles.get_mut(id.index as usize)
    }

    /// Learns what the ledger says about this job's course as a whole.
    pub(crate) fn apply(&mut self, event: &Event, time: Moment, hand: &mut Hand<'_>) {
        let id = self.id;
        match event {
            Event::Drawn {
                bundle,
                peers,
                seal_by,
            } => {
                self.drawn(bundle, peers, *seal_by);
                hand.tell(News::Drawn {
                    bundle: *bundle,
                    peers: peers.clone(),
                });
            }
            Event::Replaced {
                bundle,
                out,
                next,
                seal_by,
            } => {
                self.replaced(*bundle, *out, *next, *seal_by);
                hand.tell(News::Replaced {
                    bundle: *bundle,
                    out: *out,
                    next: *next,
                });
            }
            Event::Sealed { bundle, peer } => {
                self.seals.gone((bundle.index, *peer));
                if let Some(copy) = self.bundle(bundle).and_then(|b| b.copy(peer)) {
                    copy.sealed = true;
                }
            }
            Event::AllSealed { close_by, .. } => {
                self.phase = Phase::Sealed {
                    close_by: *close_by,
                };
                hand.tell(News::AllSealed(id));
            }
            Event::Closed { open_by, .. } => {
                self.phase = Phase::Opening { by: *open_by };
                self.seals = Gather::new();
                self.forget_unsealed();
                hand.tell(News::Closed(id));
            }
            Event::Paid {
                bundle,
                peer,
                amount,
                ..
            } => self.was_paid(bundle, peer, *amount),
            Event::JobEnded { paid, refunded, .. } => {
                (self.paid, self.refunded) = (*paid, *refunded);
                self.phase = Phase::Ended { at: time };
                (self.seals, self.openings) = (Gather::new(), Gather::new());
                hand.tell(News::Ended {
                    job: id,
                    paid: *paid,
                    refunded: *refunded,
                });
            }
            other => {
                self.checks.apply(other);
                self.demands(other, hand);
                self.judge(other, hand);
            }
        }
    }

    fn drawn(&mut self, id: &BundleId, peers: &[PeerId], seal_by: Moment) {
        self.phase = Phase::Sealing;
        if let Some(bundle) = self.bundle(id) {
            bundle.stage = Stage::Drawn;
            bundle.seal_by = seal_by;
            bundle.copies = peers.iter().copied().map(Copy::new).collect();
        }
    }

    fn was_paid(&mut self, id: &BundleId, peer: &PeerId, amount: Credits) {
        self.paid = self.paid.plus(amount).unwrap_or(Credits::MAX);
        if let Some(copy) = self.bundle(id).and_then(|bundle| bundle.copy(peer)) {
            copy.paid = true;
        }
    }

    fn replaced(&mut self, id: BundleId, out: PeerId, next: Option<PeerId>, seal_by: Moment) {
        self.seals.gone((id.index, out));
        self.openings.gone((id.index, out));
        let Some(bundle) = self.bundle(&id) else {
            return;
        };
        bundle.seal_by = seal_by;
        bundle.copies.retain(|copy| copy.peer != out);
        bundle.copies.extend(next.map(Copy::new));
    }

    /// The ledger takes no more seals: whose seal it lacks has nothing to open.
    fn forget_unsealed(&mut self) {
        for bundle in &self.bundles {
            for copy in bundle.copies.iter().filter(|copy| !copy.sealed) {
                self.openings.gone((bundle.id.index, copy.peer));
            }
        }
    }

    /// How many seals the ledger still lacks.
    pub(crate) fn unsealed(&self) -> usize {
        let drawn = self
            .bundles
            .iter()
            .filter(|bundle| bundle.stage == Stage::Drawn);
        drawn
            .flat_map(|bundle| &bundle.copies)
            .filter(|copy| !copy.sealed)
            .count()
    }

    /// How many openings the ledger still lacks.
    pub(crate) fn unopened(&self) -> usize {
        let drawn = self
            .bundles
            .iter()
            .filter(|bundle| bundle.stage == Stage::Drawn);
        let copies = drawn.flat_map(|bundle| &bundle.copies);
        copies
            .filter(|copy| copy.sealed && copy.root.is_none())
            .count()
    }
}

/// The job that an event is about, if it is about one.
pub(crate) const fn job_of(event: &Event) -> Option<JobId> {
    match event {
        Event::Submitted { job, .. }
        | Event::AllSealed { job, .. }
        | Event::Closed { job, .. }
        | Event::JobEnded { job, .. }
        | Event::AuditDrawn { job, .. }
        | Event::AuditSealed { job, .. }
        | Event::AuditLapsed { job, .. }
        | Event::AuditsOpening { job, .. }
        | Event::AuditOpened { job, .. }
        | Event::CanariesOpened { job, .. } => Some(*job),
        Event::Drawn { bundle, .. }
        | Event::Replaced { bundle, .. }
        | Event::Sealed { bundle, .. }
        | Event::Opened { bundle, .. }
        | Event::Disputed { bundle, .. }
        | Event::PanelCalled { bundle, .. }
        | Event::PanelOpening { bundle, .. }
        | Event::Verdict { bundle, .. }
        | Event::Slashed { bundle, .. }
        | Event::Paid { bundle, .. }
        | Event::BundleEnded { bundle, .. } => Some(bundle.job),
        Event::Fault(
            FaultEvent::SlashGiven { bundle, .. }
            | FaultEvent::SlashReturned { bundle, .. }
            | FaultEvent::Demanded { bundle, .. }
            | FaultEvent::Answered { bundle, .. }
            | FaultEvent::Withheld { bundle, .. },
        ) => Some(bundle.job),
        Event::Fault(
            FaultEvent::Tainted { .. }
            | FaultEvent::PeerStruck { .. }
            | FaultEvent::ModuleFlagged { .. }
            | FaultEvent::ModuleCleared { .. }
            | FaultEvent::RedressOpened { .. }
            | FaultEvent::Redressed { .. }
            | FaultEvent::RedressOver { .. }
            | FaultEvent::CapacityFeigned { .. },
        )
        | Event::Council(_)
        | Event::Issue(_)
        | Event::Registered { .. }
        | Event::Transferred { .. }
        | Event::Party(_)
        | Event::Bank(_)
        | Event::Channel(_)
        | Event::Lease(_)
        | Event::PeerAdmitted { .. }
        | Event::BondChanged { .. }
        | Event::OfferPublished { .. }
        | Event::OfferWithdrawn { .. }
        | Event::OfferSetAside { .. } => None,
    }
}
