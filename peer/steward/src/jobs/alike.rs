//! Bundles whose outcomes differ where honest machines may differ: we, who pay, look whether the
//! outputs are alike, and say so on the ledger if they are. If not, the bundle ends unpaid, and
//! nobody is blamed.
//!
//! ```text
//! Disputed ──every list proven, every output at home──▶ Compare ──alike──▶ entered: all are paid
//!                                                          └────not──▶ nothing: it ends unpaid
//! ```

use std::collections::BTreeSet;

use protocol::entry::{AuditRequest, Body};
use protocol::ids::{BundleId, PeerId};
use protocol::outcome::{Outcome, TASK_OUTPUT_BYTES_MAX};
use protocol::units::Bytes;

use super::bundle::{Bundle, Copy, Stage};
use super::demand::demand;
use super::job::OwnJob;
use crate::desk::Aim;
use crate::effect::{Effect, Size};
use crate::hand::Hand;
use crate::stock::Have;

/// How far we are with the outputs of a bundle that differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// They are not all here.
    #[default]
    Unknown,
    /// They are being compared.
    Asked,
    /// They are alike, or not.
    Known(bool),
}

impl Likeness {
    /// What is to be said of a bundle whose outputs differ.
    pub(crate) const fn words(self, stage: Stage) -> Option<&'static str> {
        match (self, stage) {
            (Self::Asked, Stage::Disputed { .. }) => Some("outputs that differ are compared"),
            (Self::Known(true), Stage::Disputed { .. }) => {
                Some("outputs that differ are alike, and will all be paid")
            }
            (Self::Known(false), Stage::Disputed { .. }) => {
                Some("outputs are further apart than the job allows: it ends unpaid")
            }
            _ => None,
        }
    }
}

impl OwnJob {
    /// Compares what differs, and enters what is alike.
    pub(super) fn compare(&mut self, hand: &mut Hand<'_>) {
        let job = self.terms.job;
        for bundle in &mut self.bundles {
            if !matches!(bundle.stage, Stage::Disputed { .. }) {
                continue;
            }
            demand(bundle, hand);
            let id = bundle.id;
            match bundle.likeness {
                Likeness::Unknown => {
                    let pairs = bundle
                        .different()
                        .filter(|pairs| all_here(bundle, pairs, hand));
                    if let Some(pairs) = pairs {
                        bundle.likeness = Likeness::Asked;
                        hand.out.push(Effect::Compare {
                            bundle: id,
                            job,
                            pairs,
                        });
                    }
                }
                Likeness::Known(true) => {
                    let body = || Some(Body::Audit(AuditRequest::Alike { bundle: id }));
                    hand.desk.want(Aim::Alike(id), hand.now, hand.out, body);
                }
                Likeness::Asked | Likeness::Known(false) => {}
            }
        }
    }

    /// Hears whether what was compared is alike; `None` if something was missing after all.
    pub(crate) fn compared(&mut self, id: &BundleId, alike: Option<bool>) {
        if let Some(bundle) = self.bundle(id)
            && bundle.likeness == Likeness::Asked
        {
            bundle.likeness = alike.map_or(Likeness::Unknown, Likeness::Known);
        }
    }
}

impl Bundle {
    /// Every outcome that is another than the first copy's, next to that; `None` unless every
    /// opened list is here.
    fn different(&self) -> Option<Vec<(Outcome, Outcome)>> {
        let opened = self.copies.iter().filter(|copy| copy.root.is_some());
        let lists: Option<Vec<_>> = opened.map(Copy::proven).collect();
        let lists = lists?;
        let (one, others) = lists.split_first()?;
        let mut seen = BTreeSet::new();
        let mut pairs = Vec::new();
        for other in others {
            for pair in one.iter().copied().zip(other.iter().copied()) {
                let key = (pair.0.digest, pair.0.fuel, pair.1.digest, pair.1.fuel);
                if pair.0 != pair.1 && seen.insert(key) {
                    pairs.push(pair);
                }
            }
        }
        Some(pairs)
    }
}

/// Whether every output of these pairs is at home; those that are not are fetched.
fn all_here(bundle: &Bundle, pairs: &[(Outcome, Outcome)], hand: &mut Hand<'_>) -> bool {
    let size = Size::AtMost(Bytes::new(TASK_OUTPUT_BYTES_MAX as u64));
    let mut here = true;
    for outcome in pairs.iter().flat_map(|(one, other)| [one, other]) {
        let has = |copy: &&Copy| {
            let list = copy.outcomes.as_ref();
            list.is_some_and(|list| list.contains(outcome))
        };
        let from: Vec<PeerId> = bundle.copies.iter().filter(has).map(|c| c.peer).collect();
        let have = hand
            .stock
            .blob(outcome.digest, size, &from, hand.now, hand.out);
        here &= matches!(have, Have::Home(()));
    }
    here
}
