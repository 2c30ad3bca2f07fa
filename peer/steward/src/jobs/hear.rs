//! What drawn peers tell the submitter. Each is a stranger: everything is checked against what the
//! ledger says before it is kept.

use std::sync::Arc;

use protocol::entry::{Opening, PeerSeal};
use protocol::ids::{BundleId, Digest, PeerId};
use protocol::message::Message;
use protocol::outcome::{self, Outcome};

use super::drive::tell_outputs;
use super::job::{OwnJob, Phase};
use crate::effect::{Effect, News};
use crate::faults::Fault;
use crate::hand::Hand;

impl OwnJob {
    /// Hears what a drawn peer says.
    ///
    /// # Errors
    /// The fault of who said it.
    pub(crate) fn hear(
        &mut self,
        from: PeerId,
        message: Message,
        hand: &mut Hand<'_>,
    ) -> Result<(), Fault> {
        match message {
            Message::Outcomes {
                bundle,
                outcomes,
                inline,
                seal,
            } => self.outcomes(from, bundle.index, outcomes, inline, seal, hand),
            Message::Openings { openings, .. } => self.opened(from, openings, hand),
            Message::RunFailed { bundle, why } => self.run_failed(from, bundle, why, hand),
            Message::AskOutcomes { .. }
            | Message::AskState(_)
            | Message::State { .. }
            | Message::Entries(_)
            | Message::AskKept { .. }
            | Message::Kept { .. }
            | Message::EntryRefused { .. } => Ok(()),
        }
    }

    /// A peer says what a bundle gave, and how it sealed that.
    ///
    /// # Errors
    /// The fault of who said it; nothing was kept.
    fn outcomes(
        &mut self,
        from: PeerId,
        index: u32,
        outcomes: Vec<Outcome>,
        inline: Vec<Vec<u8>>,
        seal: PeerSeal,
        hand: &mut Hand<'_>,
    ) -> Result<(), Fault> {
        let (id, fuel_max) = (self.id, self.terms.task_fuel_max);
        let sealing = matches!(self.phase, Phase::Sealing | Phase::Sealed { .. });
        let bundle = self
            .bundles
            .get_mut(index as usize)
            .ok_or(Fault::UnknownJob)?;
        let (bundle_id, tasks) = (bundle.id, bundle.tasks.len());
        let copy = bundle.copy(&from).ok_or(Fault::NotDrawn)?;
        if outcomes.len() != tasks || outcomes.iter().any(|o| o.fuel > fuel_max) {
            return Err(Fault::WrongOutcomes);
        }
        if seal.peer != from || seal.bundle != index {
            return Err(Fault::WrongSeal);
        }
        match &copy.seal {
            Some(held) if held.hash != seal.hash => return Err(Fault::TwoSeals),
            Some(_) => {}
            None => {
                seal.signed(hand.me.federation, id)
                    .check()
                    .map_err(|_| Fault::WrongSeal)?;
            }
        }
        if copy.root.is_some() && outcome::root(&outcomes) != copy.root {
            return Err(Fault::WrongRoot);
        }
        if copy
            .outcomes
            .as_ref()
            .is_some_and(|held| **held != *outcomes)
        {
            return Err(Fault::WrongOutcomes);
        }
        let list: Arc<[Outcome]> = outcomes.into();
        if copy.outcomes.is_none() {
            let message = Message::Outcomes {
                bundle: bundle_id,
                outcomes: list.to_vec(),
                inline: Vec::new(),
                seal: seal.clone(),
            };
            hand.keep_told(id, from, message);
        }
        copy.outcomes = Some(list.clone());
        copy.failed = None;
        if !copy.sealed && sealing && copy.seal.is_none() {
            self.seals.put((index, from), seal.clone(), hand.now);
        }
        copy.seal = Some(seal);
        self.keep(index, &list, inline, hand)
            .map_err(|()| Fault::WrongBytes)
    }

    /// Shows a bundle's first outcomes, and keeps the outputs that came with them.
    pub(super) fn keep(
        &mut self,
        index: u32,
        list: &Arc<[Outcome]>,
        inline: Vec<Vec<u8>>,
        hand: &mut Hand<'_>,
    ) -> Result<(), ()> {
        let Some(bundle) = self.bundles.get_mut(index as usize) else {
            return Ok(());
        };
        if bundle.first.is_none() {
            bundle.first = Some(list.clone());
            for (task, outcome) in bundle.tasks.clone().zip(list.iter()) {
                if self.have.contains(&outcome.digest) {
                    let (job, outcome) = (self.id, *outcome);
                    hand.tell(News::Output {
                        job,
                        task,
                        outcome,
                        provisional: true,
                    });
                } else {
                    bundle.missing.insert(outcome.digest);
                }
            }
        }
        let mut wrong = false;
        for bytes in inline {
            let digest = Digest::of(&bytes);
            if bundle.missing.remove(&digest) {
                self.have.insert(digest);
                hand.out.push(Effect::KeepOutput { digest, bytes });
                tell_outputs(bundle, &digest, hand);
            } else if !list.iter().any(|outcome| outcome.digest == digest) {
                wrong = true;
            }
        }
        if wrong { Err(()) } else { Ok(()) }
    }

    /// A peer opens its seals of this job.
    ///
    /// # Errors
    /// The fault of who said it; what was right in it is kept.
    fn opened(
        &mut self,
        from: PeerId,
        openings: Vec<Opening>,
        hand: &mut Hand<'_>,
    ) -> Result<(), Fault> {
        let over = self.has_ended();
        let mut fault = Ok(());
        for opening in openings {
            let Some(bundle) = self.bundles.get_mut(opening.bundle as usize) else {
                fault = Err(Fault::UnknownJob);
                continue;
            };
            let Some(copy) = bundle.copy(&from).filter(|_| opening.peer == from) else {
                fault = Err(Fault::NotDrawn);
                continue;
            };
            // Without its seal we cannot check it; the peer will enter it by itself.
            let Some(seal) = &copy.seal else { continue };
            if opening.seal(&self.id) != seal.hash {
                fault = Err(Fault::WrongOpening);
            } else if copy.root.is_none() && !over {
                // Most come long before the close; they are entered then.
                let place = (opening.bundle, from);
                if self.openings.put(place, opening.clone(), hand.now) {
                    let (job, openings) = (self.id, vec![opening]);
                    hand.keep_told(job, from, Message::Openings { job, openings });
                }
            }
        }
        fault
    }

    /// A drawn peer says that it cannot run a bundle.
    fn run_failed(
        &mut self,
        from: PeerId,
        bundle: BundleId,
        why: String,
        hand: &mut Hand<'_>,
    ) -> Result<(), Fault> {
        let held = self
            .bundles
            .get_mut(bundle.index as usize)
            .ok_or(Fault::UnknownJob)?;
        let copy = held.copy(&from).ok_or(Fault::NotDrawn)?;
        if copy.outcomes.is_none() && copy.failed.is_none() {
            copy.failed = Some(why.clone());
            hand.tell(News::RunFailed {
                bundle,
                peer: from,
                why,
            });
        }
        Ok(())
    }

    /// An output that was at home is gone.
    pub(crate) fn lost(&mut self, digest: &Digest) {
        if !self.have.remove(digest) {
            return;
        }
        for bundle in &mut self.bundles {
            if !bundle.tasks_with(digest).is_empty() {
                bundle.missing.insert(*digest);
            }
        }
    }

    /// Looks once more for every output that is shown and not at home; returns how many there are.
    pub(crate) fn seek(&mut self) -> u32 {
        let mut missing = 0;
        for bundle in &mut self.bundles {
            for task in bundle.tasks.clone() {
                match bundle.shown(task) {
                    Some((outcome, _)) if self.have.contains(&outcome.digest) => continue,
                    Some((outcome, _)) => {
                        bundle.missing.insert(outcome.digest);
                    }
                    None => {}
                }
                missing += 1;
            }
            for copy in &mut bundle.copies {
                copy.asked = 0;
            }
        }
        missing
    }
}
