//! Copies that differ where the job names a checker: it looks at each output that a copy gave for a
//! task, here, until every copy is accepted or one of its outputs is refused.
//!
//! ```text
//! next output ──at home──▶ run the checker ──exit code 0──▶ accepted ─┐
//!     ▲                        │   └──any other end──▶ refused: its copies are out
//!     ├── no answer, again ◀───┤                                      │
//!     └──────────────────── CHECK_TRIES_MAX without an answer: given up
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::ids::{BundleId, Digest, JobId, PeerId};
use protocol::job::Terms;
use protocol::outcome::Outcome;

use super::Jobs;
use super::alike::{Likeness, Opened, SIZE};
use super::bundle::Bundle;
use crate::effect::{Report, RunToken, Why};
use crate::errand::{Errand, Said, Stage};
use crate::hand::Hand;
use crate::stock::Have;

/// A checker that gave no answer is run again; after so many times without one, a bundle's
/// outputs are accepted by nobody.
pub const CHECK_TRIES_MAX: u32 = 3;

/// How far a checker is.
pub(super) enum Step {
    /// It looks at an output, or will.
    Runs,
    /// It has looked at all that is at home, and some is not.
    Hidden,
    /// Every copy is accepted or refused.
    Said,
    /// It gives no answer, and why.
    Unsaid(String),
}

/// One output of one task.
type Candidate = (u32, Digest);

/// What a checker has said of a bundle's outputs so far.
#[derive(Debug)]
pub(crate) struct Checking {
    bundle: BundleId,
    first_task: u32,
    terms: Arc<Terms>,
    said: BTreeMap<Candidate, bool>,
    running: Option<(Candidate, Errand)>,
    unanswered: u32,
}

impl Checking {
    pub(super) fn new(bundle: BundleId, first_task: u32, terms: &Terms) -> Self {
        Self {
            bundle,
            first_task,
            terms: Arc::new(terms.clone()),
            said: BTreeMap::new(),
            running: None,
            unanswered: 0,
        }
    }

    /// Goes on as far as it can now.
    pub(super) fn step(&mut self, copies: &[Opened], hand: &mut Hand<'_>) -> Step {
        loop {
            if let Some((candidate, mut errand)) = self.running.take() {
                errand.step(hand);
                let (accepted, why) = match &errand.stage {
                    Stage::Fetching | Stage::Queued | Stage::Running(_) => {
                        self.running = Some((candidate, errand));
                        return Step::Runs;
                    }
                    Stage::Failed(why) => (None, why.clone()),
                    Stage::Done => {
                        let failed = errand.found().find_map(|found| found.as_ref().err());
                        let accepted = match errand.said {
                            Some(Said::Accepted(accepted)) => Some(accepted),
                            _ => None,
                        };
                        (accepted, failed.cloned().unwrap_or_default())
                    }
                };
                if let Err(why) = self.hear(candidate, accepted, why, hand) {
                    return Step::Unsaid(why);
                }
            }
            // What is lost now may be had later: a run is not begun for it, nor held up by it.
            let open = self.open(copies);
            let here = |((_, output), from): &(Candidate, Vec<PeerId>)| {
                let have = hand.stock.blob(*output, SIZE, from, hand.now, hand.out);
                matches!(have, Have::Home(()))
            };
            let is_over = open.is_empty();
            let Some((candidate, from)) = open.into_iter().find(here) else {
                return if is_over { Step::Said } else { Step::Hidden };
            };
            let (task, output) = candidate;
            let (why, terms) = (Why::Check(output), Arc::clone(&self.terms));
            let errand = Errand::new(self.bundle, why, terms, vec![task], from);
            self.running = Some((candidate, errand));
        }
    }

    /// The copies of which every output was accepted.
    pub(super) fn accepted(&self, copies: &[Opened]) -> Vec<Opened> {
        let is_good = |candidate| self.said.get(&candidate) == Some(&true);
        let good = copies.iter();
        let good = good.filter(|(_, list)| self.candidates(list).all(is_good));
        good.cloned().collect()
    }

    /// Hears what a checker said, or why it said nothing.
    ///
    /// # Errors
    /// Why, if that was the last time it was tried.
    fn hear(
        &mut self,
        candidate: Candidate,
        accepted: Option<bool>,
        why: String,
        hand: &mut Hand<'_>,
    ) -> Result<(), String> {
        if let Some(accepted) = accepted {
            self.said.insert(candidate, accepted);
            return Ok(());
        }
        self.unanswered += 1;
        let (bundle, task) = (self.bundle, candidate.0);
        let said = format!("the checker gave no answer for task {task}: {why}");
        hand.out.report(Report::CannotRun { bundle, why: said });
        match self.unanswered < CHECK_TRIES_MAX {
            true => Ok(()),
            false => Err(why),
        }
    }

    /// The outputs that nothing was said of, of copies that are not refused; and who gave each.
    fn open(&self, copies: &[Opened]) -> Vec<(Candidate, Vec<PeerId>)> {
        let mut open: BTreeMap<Candidate, Vec<PeerId>> = BTreeMap::new();
        for copy in copies.iter().filter(|copy| !self.is_refused(copy)) {
            let (peer, list) = copy;
            let candidates = self.candidates(list);
            for one in candidates.filter(|one| !self.said.contains_key(one)) {
                open.entry(one).or_default().push(*peer);
            }
        }
        open.into_iter().collect()
    }

    fn candidates<'a>(&self, list: &'a [Outcome]) -> impl Iterator<Item = Candidate> + use<'a> {
        let tasks = self.first_task..;
        tasks.zip(list.iter().map(|outcome| outcome.digest))
    }

    fn is_refused(&self, (_, list): &Opened) -> bool {
        let mut candidates = self.candidates(list);
        candidates.any(|candidate| self.said.get(&candidate) == Some(&false))
    }

    /// How many outputs were looked at.
    pub(super) fn looked_at(&self) -> usize {
        self.said.len()
    }

    /// Nobody needs it any more.
    pub(super) fn stop(&mut self, hand: &mut Hand<'_>) {
        if let Some((_, mut errand)) = self.running.take() {
            errand.stop("its bundle has ended", hand.crew, hand.out);
        }
    }

    /// The run of a checker that goes by this token.
    pub(super) fn errand(&mut self, token: RunToken) -> Option<&mut Errand> {
        let running = self.running.as_mut().map(|(_, errand)| errand);
        running.filter(|errand| errand.runs_under(token))
    }
}

impl Bundle {
    /// The run of its checker that goes by this token.
    pub(super) fn check_under(&mut self, token: RunToken) -> Option<&mut Errand> {
        match &mut self.likeness {
            Likeness::Checking(checking) => checking.errand(token),
            _ => None,
        }
    }

    /// Ends what its checker is doing.
    pub(super) fn stop_checker(&mut self, hand: &mut Hand<'_>) {
        if let Likeness::Checking(checking) = &mut self.likeness {
            checking.stop(hand);
            self.likeness = Likeness::Unknown;
        }
    }
}

impl Jobs {
    /// Forgets an ended job, and what its checker is doing.
    pub(super) fn forget(&mut self, job: &JobId, hand: &mut Hand<'_>) {
        let job = self.jobs.remove(job);
        for mut bundle in job.into_iter().flat_map(|job| job.bundles) {
            bundle.stop_checker(hand);
        }
    }
}
