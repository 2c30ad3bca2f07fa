//! What the ledger says about the judgement of a job's bundles: openings, differences, verdicts.

use protocol::entry::DisputedTask;
use protocol::event::{Ending, Event};
use protocol::ids::{BundleId, PeerId};
use protocol::job::Judge;
use protocol::outcome::{self, Outcome, Root};

use super::bundle::{Judged, Stage};
use super::job::OwnJob;
use crate::effect::News;
use crate::faults::Fault;
use crate::hand::Hand;

impl OwnJob {
    /// Learns what the ledger says about one of its bundles.
    pub(super) fn judge(&mut self, event: &Event, hand: &mut Hand<'_>) {
        match event {
            Event::Opened { bundle, peer, root } => self.root(*bundle, *peer, *root, hand),
            Event::Disputed {
                bundle,
                roots,
                dispute_by,
            } => {
                self.set_stage(*bundle, Stage::Disputed { by: *dispute_by });
                let peers = roots.iter().map(|(peer, _)| *peer).collect();
                hand.tell(News::Disputed {
                    bundle: *bundle,
                    peers,
                });
            }
            Event::PanelCalled {
                bundle,
                tasks,
                panel,
                round,
                seal_by,
            } => {
                let (round, by) = (*round, *seal_by);
                self.set_stage(*bundle, Stage::Panel { round, by });
                self.called(*bundle, tasks, panel.len(), round, hand);
            }
            Event::PanelOpening { bundle, open_by } => {
                if let Some(bundle) = self.bundle(bundle)
                    && let Stage::Panel { by, .. } = &mut bundle.stage
                {
                    *by = *open_by;
                }
            }
            Event::Verdict {
                bundle,
                right,
                upheld,
                convicted,
            } => {
                self.verdict(*bundle, right, upheld, convicted, hand);
            }
            Event::Slashed {
                bundle,
                peer,
                fault,
                amount,
            } => {
                let (bundle, peer, fault, amount) = (*bundle, *peer, *fault, *amount);
                self.slashed.push((bundle, peer, fault, amount));
                hand.tell(News::Slashed {
                    bundle,
                    peer,
                    fault,
                    amount,
                });
            }
            Event::BundleEnded { bundle, ending } => {
                self.bundle_ended(*bundle, *ending, hand);
                hand.tell(News::BundleEnded {
                    bundle: *bundle,
                    ending: *ending,
                });
            }
            _ => {}
        }
    }

    fn bundle_ended(&mut self, id: BundleId, ending: Ending, hand: &mut Hand<'_>) {
        self.nothing_to_enter(id);
        let reviews = hand.live && self.terms.judge == Judge::Submitter;
        if let Some(bundle) = self.bundle(&id) {
            bundle.stop_checker(hand);
            bundle.hidden_since = None;
            bundle.review = reviews && ending == Ending::Agreed;
            bundle.stage = Stage::Ended(ending);
        }
    }

    fn set_stage(&mut self, id: BundleId, stage: Stage) {
        if let Some(bundle) = self.bundle(&id) {
            bundle.stage = stage;
        }
    }

    /// A peer opened: what it told us before must lead there.
    fn root(&mut self, id: BundleId, peer: PeerId, root: Root, hand: &mut Hand<'_>) {
        self.openings.gone((id.index, peer));
        let Some(copy) = self.bundle(&id).and_then(|bundle| bundle.copy(&peer)) else {
            return;
        };
        copy.root = Some(root);
        let list = copy.outcomes.as_ref();
        if list.is_some_and(|list| outcome::root(list) != Some(root)) {
            copy.outcomes = None;
            hand.fault(peer, Fault::WrongRoot);
        }
    }

    fn called(
        &mut self,
        id: BundleId,
        tasks: &[DisputedTask],
        judges: usize,
        round: u8,
        hand: &mut Hand<'_>,
    ) {
        let Some(bundle) = self.bundle(&id) else {
            return;
        };
        let places = tasks.iter().filter_map(|task| task.claims.first());
        bundle.places = places.map(|(_, proof)| proof.place).collect();
        let first = bundle.tasks.start;
        let tasks = bundle.places.iter().map(|place| first + place).collect();
        hand.tell(News::PanelCalled {
            bundle: id,
            tasks,
            judges,
            round,
        });
    }

    fn verdict(
        &mut self,
        id: BundleId,
        right: &[Option<Outcome>],
        upheld: &[PeerId],
        convicted: &[PeerId],
        hand: &mut Hand<'_>,
    ) {
        if let Some(bundle) = self.bundle(&id) {
            let (right, upheld) = (right.to_vec(), upheld.to_vec());
            bundle.judged = Some(Judged {
                right,
                upheld,
                convicted: convicted.to_vec(),
            });
        }
        let (upheld, convicted) = (upheld.to_vec(), convicted.to_vec());
        hand.tell(News::Verdict {
            bundle: id,
            upheld,
            convicted,
        });
    }

    fn nothing_to_enter(&mut self, id: BundleId) {
        let Some(bundle) = self.bundles.get(id.index as usize) else {
            return;
        };
        for copy in &bundle.copies {
            self.seals.gone((id.index, copy.peer));
            self.openings.gone((id.index, copy.peer));
        }
    }
}
