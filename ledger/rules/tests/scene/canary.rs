//! Canaries in a test: what a submitter knew of its own job before anyone ran it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each file of tests uses a part of the scene, and fails where it is not as it says"
)]

use protocol::entry::{AuditRequest, Body, Canary, canaries_digest};
use protocol::ids::{BundleId, Digest, JobId, PeerId};
use protocol::job::{Care, Terms};
use protocol::outcome::prove;
use protocol::units::Bps;
use rules::{Refusal, read};

use super::job_scene::{outcome, outcomes, terms};
use super::scene::{Scene, Who};

/// What only the submitter knew.
pub(crate) fn salt() -> Digest {
    Digest::of(b"canaries")
}

/// A task that gave this letter at home.
pub(crate) fn canary(task: u32, letter: char) -> Canary {
    let outcome = outcome(letter);
    Canary { task, outcome }
}

/// These terms, with a commitment to these canaries.
pub(crate) fn with_canaries(terms: Terms, canaries: &[Canary]) -> Terms {
    let care = Care {
        canaries: Some(canaries_digest(&terms.job, &salt(), canaries)),
        ..terms.care
    };
    Terms { care, ..terms }
}

impl Scene {
    /// The submitter opens its canaries.
    pub(crate) fn open_canaries(
        &mut self,
        by: Who,
        job: JobId,
        canaries: &[Canary],
    ) -> Result<(), Refusal> {
        let request = AuditRequest::Canaries {
            job,
            salt: salt(),
            canaries: canaries.to_vec(),
        };
        self.enter(by, Body::Audit(request))
    }

    /// A job of one bundle of two tasks with one canary at its last task, whose peers sealed these
    /// letters and opened them; nothing of it is audited.
    pub(crate) fn with_canary(&mut self, known: char, letters: &str) -> (JobId, Vec<PeerId>) {
        let terms = with_canaries(terms(2, 2, 2), &[canary(1, known)]);
        let job = self.compared(terms, letters);
        (job, self.peers(job, 0))
    }

    /// A job of one bundle whose peers sealed these letters and opened them, in a draw that audits
    /// nothing.
    pub(crate) fn compared(&mut self, terms: Terms, letters: &str) -> JobId {
        let job = self.drawn(terms);
        self.seal_as(job, letters);
        self.close_unaudited(job);
        self.open_as(job, letters);
        job
    }

    /// Closes a job with canaries so that nothing of it is audited.
    pub(crate) fn close_unaudited(&mut self, job: JobId) {
        let no_seats = |rows: &std::collections::BTreeMap<Vec<u8>, Vec<u8>>| {
            read::audit(rows, job).is_some_and(|audit| audit.seats.is_empty())
        };
        self.close_when(job, no_seats).unwrap();
    }

    /// Contests the first tasks of bundle 0, which all gave what everyone has.
    pub(crate) fn contest_first(&mut self, by: Who, job: JobId, tasks: u32) -> Result<(), Refusal> {
        let list = outcomes(self.tasks(job, 0), '7');
        let proofs = (0..tasks)
            .map(|place| prove(&list, place).unwrap())
            .collect();
        let bundle = BundleId { job, index: 0 };
        self.enter(by, Body::Audit(AuditRequest::Contest { bundle, proofs }))
    }

    pub(crate) fn seal_as(&mut self, job: JobId, letters: &str) -> Vec<PeerId> {
        let peers = self.peers(job, 0);
        for (peer, letter) in peers.iter().zip(letters.chars()) {
            self.seal(job, *peer, letter).unwrap();
        }
        peers
    }

    pub(crate) fn open_as(&mut self, job: JobId, letters: &str) {
        for (peer, letter) in self.peers(job, 0).into_iter().zip(letters.chars()) {
            self.open(job, peer, letter).unwrap();
        }
    }
}

/// No class audits anything by itself in the draws that tests wait for; here all of it is.
pub(crate) fn all_audited(terms: Terms) -> Terms {
    let care = Care {
        audit: Bps::ONE,
        ..terms.care
    };
    Terms { care, ..terms }
}
