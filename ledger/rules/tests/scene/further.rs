//! What a job of a play waits for, done by whoever can, with a letter where it needs one.

use protocol::entry::{AuditRequest, Body};
use protocol::ids::{BundleId, JobId, PeerId};
use rules::read;
use rules::work::{Phase, Run, Seat, SeatStage, Stage, State};

use super::super::canary_scene::salt;
use super::super::job_scene::answer;
use super::super::scene::*;
use super::{Act, LETTERS, Play};

impl Play {
    /// The next thing that a job waits for. Who opens tries every letter: one fits what it sealed.
    pub(super) fn further(&self, job: u8, letter: u8) -> Option<Vec<(Who, Body)>> {
        let id = self.job(job)?;
        let row = read::job(&self.scene.rows, id)?;
        match row.phase {
            Phase::Submitted => return Some(vec![self.body(Act::Start(job))?]),
            Phase::Sealed => return Some(vec![self.body(Act::Close(job))?]),
            Phase::Auditing => return Some(self.auditors_seal(id, letter)),
            Phase::Checking if !letter.is_multiple_of(4) => {
                return Some(self.auditors_open(id, letter));
            }
            Phase::Sealing | Phase::Opening | Phase::Checking => {}
            Phase::Ended => return None,
        }
        let name = |index| BundleId { job: id, index };
        let bundles = (0..row.terms.bundles())
            .filter_map(|index| Some((index, read::bundle(&self.scene.rows, name(index))?)));
        let (index, bundle) = bundles
            .filter(|(_, bundle)| {
                !bundle.state.is_ended() && !matches!(bundle.state, State::Sealed | State::Checking)
            })
            .min_by_key(|(_, bundle)| std::cmp::Reverse(bundle.dispute))?;
        let place = u8::try_from(index).ok()?;
        let slot = bundle.runs.iter().position(|run| match bundle.state {
            State::Drawn => run.stage == Stage::Running,
            _ => matches!(run.stage, Stage::Sealed(_)),
        });
        let slot = slot.and_then(|slot| u8::try_from(slot).ok());
        Some(match bundle.state {
            State::Drawn => vec![self.body(Act::Seal(job, place, slot?, letter))?],
            State::Opening => [1, 2]
                .into_iter()
                .filter_map(|letter| self.body(Act::Open(job, place, slot?, letter)))
                .collect(),
            State::Differing => {
                let runs = bundle.runs.iter().enumerate();
                // Every letter accepts others of them, and some one that has opened nothing.
                let named = |(at, _): &(usize, &Run)| letter >> (at % 8) & 1 == 1;
                let peers = runs.filter(named).map(|(_, run)| run.peer);
                let mut peers: Vec<PeerId> = peers.collect();
                peers.sort_unstable();
                let alike = AuditRequest::Alike {
                    bundle: name(index),
                    peers,
                };
                vec![
                    self.body(Act::Dispute(job, place))?,
                    (R, Body::Audit(alike)),
                ]
            }
            _ => self.jurors(name(index), bundle.dispute?, letter),
        })
    }

    /// An auditor that has not sealed does.
    fn auditors_seal(&self, job: JobId, letter: u8) -> Vec<(Who, Body)> {
        let seats = self.scene.seats(job);
        let seats = seats.iter().filter(|seat| seat.stage == SeatStage::Called);
        let seal = |seat: &Seat| {
            let who = self.scene.juror(seat.member);
            let letter = LETTERS[usize::from(letter) % 3];
            let hash = self.scene.findings(who, job, letter)[0].seal(&job);
            (who, Body::Audit(AuditRequest::Seal { job, hash }))
        };
        seats.map(seal).take(1).collect()
    }

    /// Auditors open, and someone contests or the submitter is content.
    fn auditors_open(&self, job: JobId, letter: u8) -> Vec<(Who, Body)> {
        let mut asked = Vec::new();
        let row = read::job(&self.scene.rows, job).unwrap();
        if row.canaries > 0 {
            let canaries = self.canaries(row.terms.tasks).to_vec();
            let salt = salt();
            let open = AuditRequest::Canaries {
                job,
                salt,
                canaries,
            };
            asked.push((R, Body::Audit(open)));
        }
        for seat in self.scene.seats(job) {
            let who = self.scene.juror(seat.member);
            let findings = |letter| self.scene.findings(who, job, letter);
            let findings = ['7', '9'].into_iter().flat_map(findings).collect();
            let (openings, content) = (Vec::new(), false);
            let open = AuditRequest::Open {
                job,
                openings,
                findings,
                content,
            };
            asked.push((who, Body::Audit(open)));
        }
        for (index, _) in self.runs(job) {
            let bundle = BundleId { job, index };
            let tasks = self.difference(bundle).unwrap_or_default();
            let proofs: Vec<_> = tasks
                .iter()
                .filter_map(|task| task.claims.first())
                .map(|(_, proof)| proof.clone())
                .collect();
            if !proofs.is_empty() {
                let contest = AuditRequest::Contest { bundle, proofs };
                asked.push((ANNA, Body::Audit(contest.clone())));
                asked.push((R, Body::Audit(contest)));
            }
        }
        if letter.is_multiple_of(2) {
            let (openings, findings, content) = (Vec::new(), Vec::new(), true);
            let accept = AuditRequest::Open {
                job,
                openings,
                findings,
                content,
            };
            asked.push((R, Body::Audit(accept)));
        }
        asked
    }

    fn jurors(&self, bundle: BundleId, dispute: u64, letter: u8) -> Vec<(Who, Body)> {
        let Some(dispute) = read::dispute(&self.scene.rows, dispute) else {
            return Vec::new();
        };
        let letter = LETTERS[usize::from(letter) % 3];
        let jurors = dispute.jurors.iter();
        let seal = |party| answer(letter).seal(&bundle, &party);
        let open = |letter| {
            let answer = answer(letter);
            Body::PanelOpen { bundle, answer }
        };
        jurors
            .filter(|juror| juror.answer.is_none())
            .flat_map(|juror| {
                let who = self.scene.juror(juror.member);
                let seal = seal(juror.member);
                let seal = Body::PanelSeal { bundle, seal };
                if juror.seal.is_none() {
                    vec![(who, seal)]
                } else {
                    vec![(who, open('7')), (who, open('9'))]
                }
            })
            .take(2)
            .collect()
    }
}
