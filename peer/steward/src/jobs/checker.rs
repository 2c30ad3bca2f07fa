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

use protocol::ids::{BundleId, Digest, PeerId};
use protocol::job::Terms;
use protocol::outcome::{Outcome, TASK_OUTPUT_BYTES_MAX};
use protocol::units::Bytes;

use super::alike::{Likeness, Opened};
use super::bundle::Bundle;
use crate::effect::{Report, RunToken, Size, Why};
use crate::errand::{Errand, Stage};
use crate::hand::Hand;
use crate::stock::Have;

/// A checker that gave no answer is run again; after so many times without one, a bundle's
/// outputs are accepted by nobody.
pub const CHECK_TRIES_MAX: u32 = 3;

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

    /// Goes on: `Some` once every copy is known to be accepted or refused, with those that are
    /// accepted; or why nothing can be said.
    pub(super) fn step(
        &mut self,
        copies: &[Opened],
        hand: &mut Hand<'_>,
    ) -> Option<Result<Vec<Opened>, String>> {
        loop {
            if let Some((candidate, mut errand)) = self.running.take() {
                errand.step(hand);
                let (accepted, why) = match &errand.stage {
                    Stage::Fetching | Stage::Queued | Stage::Running(_) => {
                        self.running = Some((candidate, errand));
                        return None;
                    }
                    Stage::Failed(why) => (None, why.clone()),
                    Stage::Done => {
                        let failed = errand.found().find_map(|found| found.as_ref().err());
                        (errand.accepted, failed.cloned().unwrap_or_default())
                    }
                };
                if let Err(why) = self.hear(candidate, accepted, why, hand) {
                    return Some(Err(why));
                }
            }
            let Some((candidate, from)) = self.next(copies) else {
                let accepted = copies.iter().filter(|copy| !self.is_refused(copy));
                return Some(Ok(accepted.cloned().collect()));
            };
            let size = Size::AtMost(Bytes::new(TASK_OUTPUT_BYTES_MAX as u64));
            let (task, output) = candidate;
            // What is lost now may be had later, so a run is not begun for it.
            let here = hand.stock.blob(output, size, &from, hand.now, hand.out);
            if !matches!(here, Have::Home(())) {
                return None;
            }
            let (why, terms) = (Why::Check(output), Arc::clone(&self.terms));
            let errand = Errand::new(self.bundle, why, terms, vec![task], from);
            self.running = Some((candidate, errand));
        }
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

    /// An output that nothing was said of, of a copy that is not refused; and who gave it.
    fn next(&self, copies: &[Opened]) -> Option<(Candidate, Vec<PeerId>)> {
        let left = copies.iter().filter(|copy| !self.is_refused(copy));
        let candidates = left.flat_map(|(_, list)| self.candidates(list));
        let open = candidates
            .into_iter()
            .find(|one| !self.said.contains_key(one))?;
        let gave = |(_, list): &&Opened| self.candidates(list).any(|one| one == open);
        let from = copies.iter().filter(gave).map(|(peer, _)| *peer);
        Some((open, from.collect()))
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
