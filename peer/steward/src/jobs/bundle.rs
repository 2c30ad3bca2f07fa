//! A bundle of our own job: who runs it, what they say it gave, and what was judged.
//!
//! ```text
//! Waiting ──▶ Drawn ──▶ Disputed ──▶ Panel ──▶ Ended
//!                └──────── agreed ───────────────▲
//! ```

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use protocol::entry::{DISPUTED_MAX, DisputedTask, PeerSeal};
use protocol::event::Ending;
use protocol::ids::{BundleId, Digest, PeerId};
use protocol::outcome::{self, LeafProof, Outcome, Root};
use protocol::units::Moment;

use super::alike::Likeness;

/// A peer's copy of the bundle.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) peer: PeerId,
    pub(crate) outcomes: Option<Arc<[Outcome]>>,
    pub(crate) seal: Option<PeerSeal>,
    /// Whether its seal is on the ledger.
    pub(crate) sealed: bool,
    /// What it opened.
    pub(crate) root: Option<Root>,
    /// Why it says that it cannot run the bundle.
    pub(crate) failed: Option<String>,
    /// How often we asked it for its outcomes, and when we may again.
    pub(crate) asked: u32,
    pub(crate) ask_at: Moment,
    /// Whether it was drawn before we started: then it may have told us in an earlier life.
    pub(crate) revived: bool,
    /// Whether somebody demanded its outcomes on the ledger.
    pub(crate) demanded: bool,
    /// Whether it was paid.
    pub(crate) paid: bool,
}

impl Copy {
    pub(crate) const fn new(peer: PeerId) -> Self {
        Self {
            peer,
            outcomes: None,
            seal: None,
            sealed: false,
            root: None,
            failed: None,
            asked: 0,
            ask_at: Moment::new(0),
            revived: false,
            demanded: false,
            paid: false,
        }
    }

    /// Its outcomes, if they lead to the root that it opened.
    pub(super) fn proven(&self) -> Option<&Arc<[Outcome]>> {
        let outcomes = self.outcomes.as_ref()?;
        (outcome::root(outcomes) == self.root && self.root.is_some()).then_some(outcomes)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Waiting,
    Drawn,
    Disputed { by: Moment },
    Panel { round: u8, by: Moment },
    Ended(Ending),
}

/// What a panel found.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) right: Vec<Option<Outcome>>,
    pub(crate) upheld: Vec<PeerId>,
    pub(crate) convicted: Vec<PeerId>,
}

#[derive(Debug)]
pub(crate) struct Bundle {
    pub(crate) id: BundleId,
    pub(crate) tasks: Range<u32>,
    pub(crate) copies: Vec<Copy>,
    pub(crate) seal_by: Moment,
    pub(crate) stage: Stage,
    /// Whether what differs is alike, where that is ours to say.
    pub(crate) likeness: Likeness,
    /// Whether it was paid because all its copies were equal, and a checker has yet to look.
    pub(crate) review: bool,
    /// Since when some of what differs could not be had.
    pub(crate) hidden_since: Option<Moment>,
    /// The disputed places, in the dispute's order.
    pub(crate) places: Vec<u32>,
    pub(crate) judged: Option<Judged>,
    /// What came first; provisional.
    pub(crate) first: Option<Arc<[Outcome]>>,
    /// What is right, per task, once that is known.
    pub(crate) result: Option<Vec<Option<Outcome>>>,
    /// Outputs that are shown and not at home yet.
    pub(crate) missing: BTreeSet<Digest>,
}

impl Bundle {
    pub(crate) const fn new(id: BundleId, tasks: Range<u32>) -> Self {
        Self {
            id,
            tasks,
            copies: Vec::new(),
            seal_by: Moment::new(0),
            stage: Stage::Waiting,
            likeness: Likeness::Unknown,
            review: false,
            hidden_since: None,
            places: Vec::new(),
            judged: None,
            first: None,
            result: None,
            missing: BTreeSet::new(),
        }
    }

    pub(crate) fn copy(&mut self, peer: &PeerId) -> Option<&mut Copy> {
        self.copies.iter_mut().find(|copy| copy.peer == *peer)
    }

    /// What is shown for a task now, and whether it is provisional.
    pub(crate) fn shown(&self, task: u32) -> Option<(Outcome, bool)> {
        let place = task.checked_sub(self.tasks.start)? as usize;
        match &self.result {
            Some(result) => result.get(place).copied().flatten().map(|o| (o, false)),
            None => self.first.as_ref()?.get(place).map(|o| (*o, true)),
        }
    }

    /// The tasks for which this digest is shown.
    pub(crate) fn tasks_with(&self, digest: &Digest) -> Vec<(u32, Outcome, bool)> {
        let shown = self.tasks.clone().filter_map(|task| {
            self.shown(task)
                .map(|(outcome, provisional)| (task, outcome, provisional))
        });
        shown
            .filter(|(_, outcome, _)| outcome.digest == *digest)
            .collect()
    }

    /// Whether a copy's outcomes are needed and not here.
    pub(crate) fn lacks(&self, copy: &Copy) -> bool {
        let none = copy.outcomes.is_none() && copy.failed.is_none();
        match self.stage {
            Stage::Waiting => false,
            Stage::Drawn => none && (copy.sealed || copy.revived),
            Stage::Disputed { .. } | Stage::Panel { .. } => copy.root.is_some() && none,
            Stage::Ended(Ending::Agreed | Ending::Judged) => {
                none && copy.root.is_some() && self.result.is_none()
            }
            Stage::Ended(_) => false,
        }
    }

    /// Where opened outcomes differ, with proofs; `None` unless every opened list is here.
    pub(crate) fn dispute(&self) -> Option<Vec<DisputedTask>> {
        let opened: Vec<&Copy> = self.copies.iter().filter(|c| c.root.is_some()).collect();
        let lists: Option<Vec<_>> = opened
            .iter()
            .map(|copy| copy.proven().map(|list| (copy.peer, list)))
            .collect();
        let lists = lists.filter(|lists| lists.len() > 1)?;
        let (_, one) = lists.first()?;
        let differ = |place: &u32| {
            let at = *place as usize;
            lists.iter().any(|(_, list)| list.get(at) != one.get(at))
        };
        let places = (0..u32::try_from(one.len()).ok()?)
            .filter(differ)
            .take(DISPUTED_MAX);
        let tasks: Option<Vec<DisputedTask>> = places
            .map(|place| {
                let claim = |(peer, list): &(PeerId, &Arc<[Outcome]>)| {
                    let proof: Option<LeafProof> = outcome::prove(list, place);
                    proof.map(|proof| (*peer, proof))
                };
                lists
                    .iter()
                    .map(claim)
                    .collect::<Option<_>>()
                    .map(|claims| DisputedTask { claims })
            })
            .collect();
        tasks.filter(|tasks| !tasks.is_empty())
    }

    /// What its peers opened, if they all opened the same and it is here.
    pub(crate) fn opened_list(&self) -> Option<&Arc<[Outcome]>> {
        self.copies.iter().find_map(Copy::proven)
    }

    /// Finds what is right, once the bundle has ended and enough is known. Returns whether it was
    /// found with this call.
    pub(crate) fn conclude(&mut self) -> bool {
        if self.result.is_some() {
            return false;
        }
        self.result = match self.stage {
            Stage::Ended(Ending::Agreed) => {
                // Where outcomes differed, the first that was accepted.
                let is_paid = self.copies.iter().any(|copy| copy.paid);
                let mut right = self.copies.iter().filter(|copy| copy.paid || !is_paid);
                let list = right.find_map(Copy::proven);
                list.map(|list| list.iter().copied().map(Some).collect())
            }
            Stage::Ended(Ending::Judged) => self.judged_result(),
            _ => None,
        };
        self.result.is_some()
    }

    fn judged_result(&self) -> Option<Vec<Option<Outcome>>> {
        let judged = self.judged.as_ref()?;
        let upheld = |copy: &&Copy| judged.upheld.contains(&copy.peer);
        let lists: Vec<_> = match self.copies.iter().filter(upheld).find_map(Copy::proven) {
            Some(list) => vec![list],
            None if judged.upheld.is_empty() => {
                self.copies.iter().filter_map(Copy::proven).collect()
            }
            None => return None,
        };
        let (one, others) = lists.split_first()?;
        // Where nobody was upheld, a place counts only if all say the same there.
        let agreed = |(at, outcome): (usize, &Outcome)| {
            others
                .iter()
                .all(|list| list.get(at) == Some(outcome))
                .then_some(*outcome)
        };
        let mut result: Vec<Option<Outcome>> = one.iter().enumerate().map(agreed).collect();
        for (place, right) in self.places.iter().zip(&judged.right) {
            if let Some(shown) = result.get_mut(*place as usize) {
                *shown = *right;
            }
        }
        Some(result)
    }
}
