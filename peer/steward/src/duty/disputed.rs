//! One disputed task that is judged by single steps: of two claims, who gave another entry than the
//! step in which they part is out, until one claim stands or none.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::ids::{BundleId, Digest, PeerId};
use protocol::job::{Blob, Terms};
use protocol::message::{Message, StateOf};
use protocol::outcome::Outcome;
use protocol::steps::{Parting, Right, STATE_BYTES_MAX, StepEntries};
use protocol::units::{Millis, Moment};

use crate::effect::{Report, RunToken, Why};
use crate::errand::{Errand, Said, Stage};
use crate::hand::Hand;

/// A state that has not come is asked for again after this.
pub const ASK_STATE_EVERY: Millis = Millis::new(5_000);

/// What some peers say that a task gave.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) outcome: Outcome,
    pub(super) peers: Vec<PeerId>,
    pub(super) entries: Arc<StepEntries>,
}

/// Whose task it is, and who has what it is run from.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) bundle: BundleId,
    pub(super) terms: Arc<Terms>,
    pub(super) from: Vec<PeerId>,
}

impl Ground {
    fn errand(&self, why: Why, task: u32, first: Option<PeerId>) -> Box<Errand> {
        let others = self.from.iter().filter(|peer| Some(**peer) != first);
        let from = first.iter().chain(others).copied().collect();
        let terms = self.terms.clone();
        Box::new(Errand::new(self.bundle, why, terms, vec![task], from))
    }
}

/// What single steps say of a task.
pub(super) enum Told {
    /// Nothing yet.
    Later,
    /// This claim stands, and no other.
    Stands(Outcome),
    /// None stands, or the step cannot be run here.
    Unknown,
}

/// How far the step is in which the first two claims part.
#[derive(Debug)]
enum Look {
    /// The state before it is asked for, again at this moment.
    Asking(Digest, Moment),
    /// It is run; from a state that this peer gave, unless it is `init`.
    Running(Box<Errand>, Option<PeerId>),
}

#[derive(Debug)]
pub(super) struct Disputed {
    /// The task's number in its job.
    pub(super) number: u32,
    /// What still stands.
    claims: Vec<Claim>,
    parting: Option<(Parting, Look)>,
    /// Who has no state to give for this step, or gave one that does not hold.
    without: BTreeSet<PeerId>,
}

impl Disputed {
    pub(super) fn new(number: u32, claims: Vec<Claim>) -> Self {
        Self {
            number,
            claims,
            parting: None,
            without: BTreeSet::new(),
        }
    }

    /// Goes as far as it can now.
    pub(super) fn step(&mut self, ground: &Ground, hand: &mut Hand<'_>) -> Told {
        loop {
            let Some((parting, look)) = self.parting.take() else {
                match &self.claims[..] {
                    [] => return Told::Unknown,
                    [claim] => return Told::Stands(claim.outcome),
                    [first, second, ..] => match first.entries.part(&second.entries) {
                        Some(parting) => self.begin(parting, ground, hand.now),
                        None => return Told::Unknown,
                    },
                }
                continue;
            };
            match look {
                Look::Asking(root, again) => {
                    let Some(again) = self.ask(ground.bundle, &parting, again, hand) else {
                        return Told::Unknown;
                    };
                    self.parting = Some((parting, Look::Asking(root, again)));
                    return Told::Later;
                }
                Look::Running(mut errand, giver) => {
                    errand.step(hand);
                    match (&errand.stage, errand.said, giver) {
                        (Stage::Done, Some(Said::Entry(entry)), _) => {
                            self.judge(ground.bundle, &parting, entry, hand);
                        }
                        (Stage::Done | Stage::Failed(_), _, Some(giver)) => {
                            self.without.insert(giver);
                            self.begin(parting, ground, hand.now);
                        }
                        (Stage::Done | Stage::Failed(_), _, None) => return Told::Unknown,
                        (Stage::Fetching | Stage::Queued | Stage::Running(_), ..) => {
                            self.parting = Some((parting, Look::Running(errand, giver)));
                            return Told::Later;
                        }
                    }
                }
            }
        }
    }

    /// Begins with the step in which two claims part.
    fn begin(&mut self, parting: Parting, ground: &Ground, now: Moment) {
        let look = match parting.agreed {
            Some(root) => Look::Asking(root, now),
            None => Look::Running(ground.errand(Why::Step(None), self.number, None), None),
        };
        self.parting = Some((parting, look));
    }

    /// Asks for the state that both claims have before the step: when to ask again, or `None` if
    /// nobody is left who may have it.
    fn ask(
        &self,
        bundle: BundleId,
        parting: &Parting,
        again: Moment,
        hand: &mut Hand<'_>,
    ) -> Option<Moment> {
        let peers = self.claims.iter().take(2).flat_map(|claim| &claim.peers);
        let mut left = peers.filter(|peer| !self.without.contains(peer)).peekable();
        left.peek()?;
        if again > hand.now {
            return Some(again);
        }
        let of = self.state_of(bundle, parting);
        for peer in left {
            hand.send(*peer, Message::AskState(of));
        }
        Some(hand.now.after(ASK_STATE_EVERY))
    }

    fn state_of(&self, bundle: BundleId, parting: &Parting) -> StateOf {
        StateOf {
            bundle,
            task: self.number,
            // The entry at place 0 is the state after `init`, before any step.
            steps: parting.place.saturating_sub(1),
        }
    }

    /// A peer gives a state, or has none.
    pub(super) fn given(
        &mut self,
        from: PeerId,
        of: StateOf,
        state: Option<Blob>,
        ground: &Ground,
    ) {
        let Some((parting, Look::Asking(root, _))) = &self.parting else {
            return;
        };
        let mut peers = self.claims.iter().take(2).flat_map(|claim| &claim.peers);
        if of != self.state_of(ground.bundle, parting) || !peers.any(|peer| *peer == from) {
            return;
        }
        let Some(state) = state.filter(|state| state.size.get() <= STATE_BYTES_MAX) else {
            self.without.insert(from);
            return;
        };
        let why = Why::Step(Some((*root, state)));
        let errand = ground.errand(why, self.number, Some(from));
        self.parting = Some((*parting, Look::Running(errand, Some(from))));
    }

    /// The step gave this entry: who gave another is out.
    fn judge(&mut self, bundle: BundleId, parting: &Parting, entry: Digest, hand: &mut Hand<'_>) {
        let out: &[usize] = match parting.judge(entry) {
            Right::First => &[1],
            Right::Second => &[0],
            Right::Neither => &[1, 0],
        };
        let out = out.iter().map(|place| self.claims.remove(*place));
        let wrong = out.flat_map(|claim| claim.peers).collect();
        self.without.clear();
        hand.out.report(Report::OneStepShows {
            bundle,
            task: self.number,
            step: parting.place,
            wrong,
        });
    }

    fn errand(&mut self) -> Option<&mut Errand> {
        match &mut self.parting {
            Some((_, Look::Running(errand, _))) => Some(errand),
            _ => None,
        }
    }

    pub(super) fn errand_under(&mut self, token: RunToken) -> Option<&mut Errand> {
        self.errand().filter(|errand| errand.runs_under(token))
    }

    pub(super) fn stop(&mut self, why: &str, hand: &mut Hand<'_>) {
        if let Some(errand) = self.errand() {
            errand.stop(why, hand.crew, hand.out);
        }
    }

    pub(super) fn wake_at(&self) -> Option<Moment> {
        match &self.parting {
            Some((_, Look::Asking(_, again))) => Some(*again),
            _ => None,
        }
    }
}
