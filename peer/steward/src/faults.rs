//! What others did wrong towards us, and how much patience is left.
//!
//! These faults are between peers: they cost standing in the network. What costs credits is the
//! ledger's, and proved there.

use std::collections::BTreeMap;

use protocol::ids::PeerId;
use protocol::units::{Millis, Moment};

use crate::effect::{Outbox, Report};

/// Patience with a peer ends when its faults weigh this much together.
pub const PATIENCE: u32 = 100;
/// A fault's weight lessens by one after so long, so that races and old stories are forgiven.
pub const FORGIVE_EVERY: Millis = Millis::new(6_000);
/// So many peers' faults are remembered; then the smallest sums are forgotten.
pub const REMEMBERED_MAX: usize = 4_096;

/// How bad a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may be a misunderstanding, or a race.
    Low,
    /// An honest peer does it seldom.
    Medium,
    /// No honest peer does it.
    High,
}

impl Severity {
    const fn weight(self) -> u32 {
        match self {
            Self::Low => 1,
            Self::Medium => 10,
            Self::High => 50,
        }
    }
}

/// What a peer did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It spoke of a job or bundle that we do not know, or that is over.
    UnknownJob,
    /// It spoke as if drawn for a bundle, and is not.
    NotDrawn,
    /// It asked for outcomes of a job that is not its own.
    NotSubmitter,
    /// Its list of outcomes has the wrong length, or more fuel than a task may use.
    WrongOutcomes,
    /// Its seal is for something else, or is not signed by it.
    WrongSeal,
    /// It signed two different seals for one bundle.
    TwoSeals,
    /// It sent bytes that are none of its outcomes.
    WrongBytes,
    /// Its opening does not lead to what it sealed.
    WrongOpening,
    /// Its list of outcomes does not lead to the root that it opened.
    WrongRoot,
    /// Its live offer is for another federation.
    WrongFederation,
}

impl Fault {
    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            // Whoever is a block behind, or ahead, may speak so.
            Self::UnknownJob | Self::NotDrawn => Severity::Low,
            Self::NotSubmitter | Self::WrongFederation => Severity::Medium,
            Self::WrongOutcomes
            | Self::WrongSeal
            | Self::TwoSeals
            | Self::WrongBytes
            | Self::WrongOpening
            | Self::WrongRoot => Severity::High,
        }
    }

    /// What it is, in words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::UnknownJob => "spoke of a job that is unknown or over",
            Self::NotDrawn => "was not drawn for the bundle it spoke of",
            Self::NotSubmitter => "asked for outcomes of another's job",
            Self::WrongOutcomes => "sent outcomes that cannot be of this bundle",
            Self::WrongSeal => "sent a seal that is not its own, or not of this bundle",
            Self::TwoSeals => "sealed two different results",
            Self::WrongBytes => "sent bytes that are none of its outcomes",
            Self::WrongOpening => "opened something else than it sealed",
            Self::WrongRoot => "sent outcomes that do not lead to its opened root",
            Self::WrongFederation => "sent an offer for another federation",
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// What a peer's faults weighed when the last came, and when that was.
    weights: BTreeMap<PeerId, (u32, Moment)>,
}

impl Faults {
    fn weight(&self, peer: &PeerId, now: Moment) -> u32 {
        let Some((weight, since)) = self.weights.get(peer) else {
            return 0;
        };
        let forgiven = now.since(*since).get() / FORGIVE_EVERY.get();
        weight.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }

    /// Remembers and reports a fault.
    pub(crate) fn note(&mut self, peer: PeerId, fault: Fault, now: Moment, out: &mut Outbox) {
        if self.weights.len() >= REMEMBERED_MAX && !self.weights.contains_key(&peer) {
            let least = self
                .weights
                .keys()
                .min_by_key(|peer| self.weight(peer, now))
                .copied();
            if let Some(least) = least {
                self.weights.remove(&least);
            }
        }
        let weight = self
            .weight(&peer, now)
            .saturating_add(fault.severity().weight());
        self.weights.insert(peer, (weight, now));
        let hopeless = weight >= PATIENCE;
        out.report(Report::Fault {
            peer,
            fault,
            hopeless,
        });
    }

    /// Whether our patience with a peer is at its end, for now.
    pub(crate) fn hopeless(&self, peer: &PeerId, now: Moment) -> bool {
        self.weight(peer, now) >= PATIENCE
    }
}
