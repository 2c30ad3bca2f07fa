//! A job taken up by a rule: its row, changed in hand and put back once. Whatever the rule did, the
//! job goes on where it can when it is put back: all sealed, or ended.

use protocol::event::Event;
use protocol::genesis::Params;
use protocol::ids::{BundleId, JobId, PartyId};
use protocol::units::{Credits, Millis, Moment};

use crate::params;
use crate::people::Peers;
use crate::refusal::Refusal;
use crate::state::Draft;
use crate::work::due::{self, Due};
use crate::work::{Bundle, Bundles, Happening, Job, Jobs, Phase, check, settle, step};

/// A job in hand.
pub(crate) struct Case<'d, 'v> {
    pub(crate) draft: &'d mut Draft<'v>,
    pub(crate) id: JobId,
    pub(crate) job: Job,
}

impl<'d, 'v> Case<'d, 'v> {
    /// Takes a job up.
    ///
    /// # Errors
    /// [`Refusal::UnknownJob`].
    pub(crate) fn take(draft: &'d mut Draft<'v>, id: JobId) -> Result<Self, Refusal> {
        let job = draft.row::<Jobs>(&id).ok_or(Refusal::UnknownJob)?;
        Ok(Self { draft, id, job })
    }

    /// Refuses anyone but the submitter.
    pub(crate) fn only_by(&self, sender: PartyId) -> Result<(), Refusal> {
        if self.job.sender == sender {
            Ok(())
        } else {
            Err(Refusal::NotYourJob)
        }
    }

    /// Refuses what is asked in any other phase.
    pub(crate) fn only_in(&self, phase: Phase, asked: &'static str) -> Result<(), Refusal> {
        if self.job.phase == phase {
            Ok(())
        } else {
            let phase = self.job.phase;
            Err(Refusal::WrongPhase { phase, asked })
        }
    }

    /// Refuses what comes after its time, as deadlines of jobs are measured.
    ///
    /// # Errors
    /// [`Refusal::DeadlinePassed`].
    pub(crate) fn in_time(&self, due: Moment) -> Result<(), Refusal> {
        in_time(due, self.draft.deadline_now())
    }

    pub(crate) const fn name(&self, index: u32) -> BundleId {
        let job = self.id;
        BundleId { job, index }
    }

    /// A bundle's row.
    ///
    /// # Errors
    /// [`Refusal::UnknownBundle`]; before the draw, [`Refusal::WrongPhase`].
    pub(crate) fn bundle(&self, index: u32) -> Result<Bundle, Refusal> {
        if index >= self.job.terms.bundles() {
            return Err(Refusal::UnknownBundle);
        }
        let row = self.draft.row::<Bundles>(&self.name(index));
        row.ok_or(Refusal::WrongPhase {
            phase: self.job.phase,
            asked: "anything with its bundles",
        })
    }

    pub(crate) fn keep(&mut self, index: u32, bundle: &Bundle) {
        let name = self.name(index);
        self.draft.put::<Bundles>(&name, bundle);
    }

    /// How many tasks a bundle has.
    pub(crate) fn tasks_in(&self, index: u32) -> u32 {
        let tasks = self.job.terms.tasks_of(index);
        tasks.end.saturating_sub(tasks.start)
    }

    /// By when a peer that is drawn now must have sealed: within the job's window, and before its
    /// submitter has no use for it any more.
    pub(crate) fn seal_by(&self) -> Moment {
        let by = self.draft.now().after(self.job.terms.seal_window);
        self.job.deadline.map_or(by, |deadline| by.min(deadline))
    }

    /// The institution at which the job wants one copy of each bundle, if it does: that of the peer
    /// that serves it.
    pub(crate) fn anchor(&self) -> Option<PartyId> {
        let terms = &self.job.terms;
        let serving = self.draft.row::<Peers>(&terms.peer);
        let serving = serving.filter(|_| terms.care.anchor);
        serving.map(|peer| peer.sponsor)
    }

    /// Tasks in rising order, as places in their bundles.
    pub(crate) fn by_bundle(&self, tasks: &[u32]) -> Vec<(u32, Vec<u32>)> {
        let mut all: Vec<(u32, Vec<u32>)> = Vec::new();
        for task in tasks {
            let (index, place) = self.job.terms.place_of(*task);
            match all.last_mut().filter(|(last, _)| *last == index) {
                Some((_, places)) => places.push(place),
                None => all.push((index, vec![place])),
            }
        }
        all
    }

    /// What one copy of these tasks costs at most.
    pub(crate) fn price_of(&self, tasks: usize) -> Credits {
        let tasks = u64::try_from(tasks).unwrap_or(u64::MAX);
        self.job
            .price
            .times(tasks)
            .expect("a part of a job costs less than all of it, which was escrowed")
    }

    /// When a window that begins now is over, for jobs of this class.
    pub(crate) fn window_end(&self, window: fn(&Params) -> Millis) -> Moment {
        let params = self.draft.params();
        let span = params::window(params, self.job.terms.class, window(params));
        self.draft.now().after(span)
    }

    /// Gives a bundle a deadline of its own.
    pub(crate) fn due_at(&mut self, index: u32, bundle: &mut Bundle, when: Moment) {
        bundle.due = when;
        let name = self.name(index);
        due::push(self.draft, when, Due::Bundle(name));
    }

    /// Puts the job back, moved on where its bundles allow it.
    pub(crate) fn put_back(mut self) {
        self.go_on();
        self.draft.put::<Jobs>(&self.id, &self.job);
    }

    /// Moves the job on where its bundles allow it.
    pub(crate) fn go_on(&mut self) {
        if self.job.phase == Phase::Sealing && self.job.unsealed == 0 && self.job.open > 0 {
            self.job.phase = Phase::Sealed;
            self.job.sealed = self.draft.at().height;
            self.job.due = self.window_end(|params| params.close_window);
            let close_by = self.job.due;
            self.draft.say(Event::AllSealed {
                job: self.id,
                close_by,
            });
            due::push(self.draft, close_by, Due::Job(self.id, 0));
        }
        let is_opened = self.job.phase == Phase::Opening && self.job.unopened == 0;
        if is_opened && self.job.audited {
            check::begin(self);
        }
        if self.job.open == 0 && self.job.phase != Phase::Ended && !check::waits(self) {
            settle::end_job(self);
        }
    }
}

/// What comes at the last moment is in time: a deadline has its default in that moment's block, but
/// where more are due than a block carries out, who acts before it is not late.
fn in_time(due: Moment, now: Moment) -> Result<(), Refusal> {
    if now > due {
        return Err(Refusal::DeadlinePassed { due, now });
    }
    Ok(())
}

impl Bundle {
    /// Moves on.
    ///
    /// # Errors
    /// [`Refusal::WrongState`] if that cannot happen here.
    pub(crate) fn step(&mut self, happening: Happening) -> Result<(), Refusal> {
        let state = self.state;
        let asked = happening;
        self.state = step(state, happening).ok_or(Refusal::WrongState { state, asked })?;
        Ok(())
    }

    /// Moves on where the rules know that it can.
    pub(crate) fn must_step(&mut self, happening: Happening) {
        if let Err(refusal) = self.step(happening) {
            panic!("{happening:?} is only found where it can happen, but: {refusal}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_at_the_last_moment_is_in_time() {
        let [before, due, after] = [1, 2, 3].map(Moment::new);
        assert_eq!(in_time(due, before), Ok(()));
        assert_eq!(in_time(due, due), Ok(()));
        let now = after;
        assert_eq!(
            in_time(due, after),
            Err(Refusal::DeadlinePassed { due, now })
        );
    }
}
