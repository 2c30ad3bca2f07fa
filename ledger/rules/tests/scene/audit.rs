//! Audits in a test: who is called, what each finds, who contests.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each file of tests uses a part of the scene, and fails where it is not as it says"
)]

use protocol::entry::{AuditRequest, Body, Findings};
use protocol::ids::{BundleId, Digest, JobId, PeerId};
use protocol::outcome::{Outcome, prove};
use rules::work::{Seat, SeatStage};
use rules::{Refusal, read};

use super::job_scene::{outcome, outcomes};
use super::scene::{R, Scene, Who};

impl Scene {
    /// Bundle 0 of a job whose peers sealed these letters, closed so that only its last task is
    /// audited.
    pub(crate) fn audited(&mut self, job: JobId, letters: &str) -> Vec<(PeerId, char)> {
        let peers = self.peers(job, 0);
        let letters: Vec<(PeerId, char)> = peers.into_iter().zip(letters.chars()).collect();
        for (peer, letter) in &letters {
            self.seal(job, *peer, *letter).unwrap();
        }
        let last = self.tasks(job, 0) - 1;
        let name = BundleId { job, index: 0 };
        self.close_when(job, |rows| {
            let audited = read::audited(rows, name);
            audited.len() == 1 && audited[0].place == last
        })
        .unwrap();
        letters
    }

    pub(crate) fn seats(&self, job: JobId) -> Vec<Seat> {
        read::audit(&self.rows, job).unwrap().seats
    }

    /// The auditor who is to seal or open now.
    pub(crate) fn auditor(&self, job: JobId) -> Who {
        let seats = self.seats(job);
        let seat = seats.iter().find(|seat| seat.stage != SeatStage::Silent);
        self.juror(seat.unwrap().member)
    }

    /// Everything that one auditor found, where every bundle ends with this letter.
    pub(crate) fn findings(&self, who: Who, job: JobId, letter: char) -> Vec<Findings> {
        let row = read::job(&self.rows, job).unwrap();
        let seats = self.seats(job);
        let is_ours = |seat: &&Seat| seat.member == who.party() && seat.stage != SeatStage::Silent;
        let number = seats.iter().position(|seat| is_ours(&seat)).unwrap_or(0);
        let tasks = read::audit_tasks(&self.rows, job, u16::try_from(number).unwrap());
        let last = |task: u32| {
            let bundle = row.terms.tasks_of(task / row.terms.tasks_per_bundle);
            task == bundle.end - 1
        };
        let truth = |task: u32| outcome(if last(task) { letter } else { '0' });
        let found = |task: &u32| (letter != '!').then(|| truth(*task));
        let found: Vec<Option<Outcome>> = tasks.iter().map(found).collect();
        Findings::all(who.party(), Digest::of(b"auditor"), &found)
    }

    pub(crate) fn audit_seal(&mut self, who: Who, job: JobId, letter: char) -> Result<(), Refusal> {
        let hash = self.findings(who, job, letter)[0].seal(&job);
        self.enter(who, Body::Audit(AuditRequest::Seal { job, hash }))
    }

    pub(crate) fn audit_open(&mut self, who: Who, job: JobId, letter: char) -> Result<(), Refusal> {
        let findings = self.findings(who, job, letter);
        let open = AuditRequest::Open {
            job,
            openings: vec![],
            findings,
            content: false,
        };
        self.enter(who, Body::Audit(open))
    }

    pub(crate) fn accept(&mut self, who: Who, job: JobId) -> Result<(), Refusal> {
        let open = AuditRequest::Open {
            job,
            openings: vec![],
            findings: vec![],
            content: true,
        };
        self.enter(who, Body::Audit(open))
    }

    /// Shows that the last task of bundle 0, which peers opened as `letter`, is audited otherwise.
    pub(crate) fn contest(&mut self, by: Who, job: JobId, letter: char) -> Result<(), Refusal> {
        let tasks = self.tasks(job, 0);
        let proofs = vec![prove(&outcomes(tasks, letter), tasks - 1).unwrap()];
        let bundle = BundleId { job, index: 0 };
        self.enter(by, Body::Audit(AuditRequest::Contest { bundle, proofs }))
    }

    pub(crate) fn open_all(&mut self, job: JobId, letters: &[(PeerId, char)]) {
        for (peer, letter) in letters {
            self.open(job, *peer, *letter).unwrap();
        }
    }

    /// What the researcher has, with what its open jobs hold.
    pub(crate) fn owns(&self) -> u64 {
        let wallet = read::wallet(&self.rows, R.party());
        wallet.available.get() + wallet.escrowed.get()
    }
}
