//! Canaries of a submission: some of its tasks are run at home first, so that the ledger can be
//! told of their outcomes in a word that nobody can read, and shown them once all have opened.
//!
//! ```text
//! asked for ──run at home──▶ known ──▶ Submit with their digest ─▶ … all open ─▶ Canaries
//! ```
//!
//! They are held in memory alone: a peer that is started anew meanwhile does not open them, which
//! is nobody's fault. What cannot be run within [`PLANTING_MAX`] is not submitted: whoever asked
//! is told so while it still waits.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::entry::{Canary, canaries_digest};
use protocol::ids::{BundleId, Digest, JobId};
use protocol::job::Terms;
use protocol::units::{Millis, Moment};

use super::{Jobs, refuse};
use crate::effect::{RunToken, Why};
use crate::errand::{Errand, Stage};
use crate::hand::Hand;
use crate::trouble::Kind;

/// A submission's canaries are run within this, or it is refused.
pub const PLANTING_MAX: Millis = Millis::new(540_000);

/// What a submitter knows of its own job, and nobody else does before it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planted {
    pub(crate) salt: Digest,
    pub(crate) canaries: Vec<Canary>,
}

/// Canaries that are being run.
#[derive(Debug)]
pub(super) struct Planting {
    salt: Digest,
    tasks: Vec<u32>,
    errand: Errand,
    by: Moment,
}

impl Planting {
    /// Chooses so many tasks of a job, by a number that nobody else knows.
    pub(super) fn of(terms: &Terms, number: u64, canaries: u32, hand: &Hand<'_>) -> Self {
        let salt = hand.me.salt_key.canary_salt(&terms.job, number);
        let tasks: Vec<u32> = chosen(&salt, terms.tasks, canaries).into_iter().collect();
        // It has no name on the ledger yet: what is run goes by its content.
        let bundle = BundleId {
            job: JobId::new(*terms.job.bytes()),
            index: 0,
        };
        let whole = Arc::new(terms.clone());
        let errand = Errand::new(bundle, Why::Canary, whole, tasks.clone(), Vec::new());
        Self {
            salt,
            tasks,
            errand,
            by: hand.now.after(PLANTING_MAX),
        }
    }

    /// Goes on; what was found once it is, or why it cannot be.
    pub(super) fn step(&mut self, hand: &mut Hand<'_>) -> Option<Result<Planted, String>> {
        self.errand.step(hand);
        if hand.now >= self.by {
            let minutes = PLANTING_MAX.get() / 60_000;
            let why = format!("they take longer than {minutes} minutes");
            self.errand.stop(&why, hand.crew, hand.out);
        }
        match &self.errand.stage {
            Stage::Fetching | Stage::Queued | Stage::Running(_) => None,
            Stage::Failed(why) => Some(Err(why.clone())),
            Stage::Done => Some(self.planted()),
        }
    }

    fn planted(&self) -> Result<Planted, String> {
        let found = self.tasks.iter().zip(self.errand.found());
        let canary = |(task, found): (&u32, &crate::errand::Found)| {
            let (outcome, _) = found.as_ref().map_err(Clone::clone)?;
            let (task, outcome) = (*task, *outcome);
            Ok(Canary { task, outcome })
        };
        let canaries = found.map(canary).collect::<Result<_, String>>()?;
        let salt = self.salt;
        Ok(Planted { salt, canaries })
    }

    /// When it is given up.
    pub(super) const fn wake_at(&self) -> Moment {
        self.by
    }

    pub(super) fn errand(&mut self, token: RunToken) -> Option<&mut Errand> {
        Some(&mut self.errand).filter(|errand| errand.runs_under(token))
    }
}

impl Planted {
    /// What the terms of the job say of it.
    pub(super) fn digest(&self, job: &Digest) -> Digest {
        canaries_digest(job, &self.salt, &self.canaries)
    }
}

impl Jobs {
    /// Runs what submissions plant, and puts it in their terms.
    pub(super) fn plant(&mut self, hand: &mut Hand<'_>) {
        let mut failed = Vec::new();
        for (number, submission) in &mut self.submissions {
            let planting = submission.planting.as_mut();
            match planting.and_then(|planting| planting.step(hand)) {
                None => {}
                Some(Ok(planted)) => {
                    let digest = planted.digest(&submission.terms.job);
                    submission.terms.care.canaries = Some(digest);
                    (submission.planting, submission.planted) = (None, Some(planted));
                }
                Some(Err(why)) => failed.push((*number, why)),
            }
        }
        for (number, why) in failed {
            if let Some(submission) = self.submissions.remove(&number) {
                let why = format!("its canaries could not be run here: {why}");
                let help = "peer submit without --canaries".to_owned();
                refuse(submission.ticket, Kind::Other, why, help, hand);
            }
        }
    }

    /// The run of canaries, or of a checker, that goes by this token.
    pub(crate) fn errand(&mut self, token: RunToken) -> Option<&mut Errand> {
        let plantings = self
            .submissions
            .values_mut()
            .filter_map(|submission| submission.planting.as_mut());
        let mut canaries = plantings.filter_map(|planting| planting.errand(token));
        canaries.next().or_else(|| {
            let bundles = self.jobs.values_mut().flat_map(|job| &mut job.bundles);
            bundles
                .filter_map(|bundle| bundle.check_under(token))
                .next()
        })
    }
}

/// So many of the tasks, all of them at most.
fn chosen(salt: &Digest, tasks: u32, most: u32) -> BTreeSet<u32> {
    let mut chosen = BTreeSet::new();
    for pick in 0..most.min(tasks) {
        let parts: [&[u8]; 2] = [salt.bytes(), &pick.to_le_bytes()];
        let digest = Digest::derive("tallygrid steward canary v1", &parts);
        let [a, b, c, d, ..] = *digest.bytes();
        let mut task = u32::from_le_bytes([a, b, c, d]) % tasks;
        while !chosen.insert(task) {
            task = (task + 1) % tasks;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_tasks_are_chosen_as_asked_for_and_by_the_salt_alone() {
        let [one, other] = [&b"one"[..], b"other"].map(Digest::of);
        for (tasks, most, expected) in [(1, 1, 1), (3, 9, 3), (100, 10, 10), (1_000, 0, 0)] {
            let picked = chosen(&one, tasks, most);
            assert_eq!(picked.len(), expected, "{tasks} {most}");
            assert!(picked.iter().all(|task| *task < tasks));
        }
        assert_eq!(chosen(&one, 1_000, 10), chosen(&one, 1_000, 10));
        assert_ne!(chosen(&one, 1_000, 10), chosen(&other, 1_000, 10));
    }
}
