//! Judging by one step: where a job runs in steps, a first panel need not run a disputed task
//! whole. It runs the one step in which two claims part, from a state that both agree on.
//!
//! ```text
//! lists read ──▶ two claims part at a step ──▶ state before it, from a claimant ──▶ it is run here
//!     │                    ▲                                                           │
//!     │                    └──── two claims still stand ◀── who gave another entry is out
//!     └── no steps ─┐                                       │
//!                   ▼                                       └── one stands: that is the answer
//!             the whole task is run ◀── none stands, no state is to be had, or time is over
//! ```
//!
//! An honest claim is never out: every entry of it is what its step gives. So if one of the claims
//! is honest, what stands at the end is what the whole task gives. If none is, one may stand that
//! is wrong in a later step; but then all who ran the bundle lied, and had they told one lie there
//! would have been no dispute. `docs/decisions/0014-*.md` says more.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::entry::DisputedTask;
use protocol::ids::{BundleId, PeerId};
use protocol::job::{Blob, Terms};
use protocol::message::StateOf;
use protocol::outcome::Outcome;
use protocol::units::{Millis, Moment};

use super::disputed::{Claim, Disputed, Ground, Told};
use crate::effect::{Claimed, Effect, RunToken};
use crate::errand::Errand;
use crate::hand::Hand;
use crate::input::Listed;

/// Of the time to seal, one part in so many is spent on single steps; then the task is run whole.
pub const STEP_TIME_PARTS: u64 = 4;

/// The disputed tasks of a bundle.
#[derive(Debug)]
pub(super) struct ByStep {
    ground: Ground,
    until: Moment,
    claimed: Vec<Claimed>,
    asked: bool,
    /// Those that nothing is known of yet; `None` until the lists were read.
    open: Option<Vec<Disputed>>,
    stands: BTreeMap<u32, Outcome>,
}

impl ByStep {
    /// Looks at disputed tasks; `None` if at one of them all peers claim the same: then it is not
    /// they who differ.
    pub(super) fn new(
        bundle: BundleId,
        terms: &Arc<Terms>,
        from: Vec<PeerId>,
        disputed: &[DisputedTask],
        (now, seal_by): (Moment, Moment),
    ) -> Option<Self> {
        let first = terms.tasks_of(bundle.index).start;
        let claimed: Vec<Vec<Claimed>> = disputed.iter().map(|task| claims(first, task)).collect();
        if claimed.iter().any(|claims| claims.len() < 2) {
            return None;
        }
        let ground = Ground {
            bundle,
            terms: terms.clone(),
            from,
        };
        let time = Millis::new(seal_by.since(now).get() / STEP_TIME_PARTS);
        Some(Self {
            ground,
            until: now.after(time),
            claimed: claimed.concat(),
            asked: false,
            open: None,
            stands: BTreeMap::new(),
        })
    }

    /// Goes as far as it can now; the job and its blobs are at home. Once nothing more comes of it:
    /// which claim stands, for each task that single steps could judge.
    pub(super) fn step(&mut self, hand: &mut Hand<'_>) -> Option<&BTreeMap<u32, Outcome>> {
        if hand.now >= self.until {
            self.stop("single steps take too long", hand);
            return Some(&self.stands);
        }
        if !self.asked {
            self.asked = true;
            hand.out.push(Effect::ReadLists {
                bundle: self.ground.bundle,
                job: self.ground.terms.job,
                claimed: self.claimed.clone(),
            });
        }
        let (ground, stands) = (&self.ground, &mut self.stands);
        let open = self.open.as_mut()?;
        open.retain_mut(|task| match task.step(ground, hand) {
            Told::Later => true,
            Told::Unknown => false,
            Told::Stands(outcome) => {
                stands.insert(task.number, outcome);
                false
            }
        });
        open.is_empty().then_some(&self.stands)
    }

    /// The lists of all claims were read; `None` if the job does not run in steps.
    pub(super) fn listed(&mut self, lists: Option<Vec<Listed>>) {
        if self.open.is_some() {
            return;
        }
        let mut tasks: BTreeMap<u32, Option<Vec<Claim>>> = BTreeMap::new();
        for (claimed, listed) in self.claimed.iter().zip(lists.unwrap_or_default()) {
            let claims = tasks
                .entry(claimed.task)
                .or_insert_with(|| Some(Vec::new()));
            match (listed, claims) {
                (Listed::Steps(entries), Some(claims)) => claims.push(Claim {
                    outcome: claimed.outcome,
                    peers: claimed.peers.clone(),
                    entries,
                }),
                (Listed::Missing, claims) => *claims = None,
                // What no run of a step gives is out without one.
                (Listed::Forged, _) | (_, None) => {}
            }
        }
        let tasks = tasks.into_iter();
        let open = tasks.filter_map(|(number, claims)| Some(Disputed::new(number, claims?)));
        self.open = Some(open.collect());
    }

    /// A peer gives a state, or has none.
    pub(super) fn given(&mut self, from: PeerId, of: StateOf, state: Option<Blob>) {
        let mut open = self.open.iter_mut().flatten();
        if let Some(task) = open.find(|task| task.number == of.task) {
            task.given(from, of, state, &self.ground);
        }
    }

    pub(super) fn errand(&mut self, token: RunToken) -> Option<&mut Errand> {
        let mut open = self.open.iter_mut().flatten();
        open.find_map(|task| task.errand_under(token))
    }

    /// Nobody needs it any more.
    pub(super) fn stop(&mut self, why: &str, hand: &mut Hand<'_>) {
        for task in self.open.iter_mut().flatten() {
            task.stop(why, hand);
        }
        self.open = Some(Vec::new());
    }

    pub(super) fn wake_at(&self) -> Moment {
        let open = self.open.iter().flatten();
        let asks = open.filter_map(Disputed::wake_at);
        asks.fold(self.until, Moment::min)
    }
}

/// What peers claim that a task gave, each outcome once.
fn claims(first: u32, task: &DisputedTask) -> Vec<Claimed> {
    let mut all: Vec<Claimed> = Vec::new();
    for (peer, proof) in &task.claims {
        match all
            .iter_mut()
            .find(|claimed| claimed.outcome == proof.outcome)
        {
            Some(claimed) => claimed.peers.push(*peer),
            None => all.push(Claimed {
                task: first + proof.place,
                outcome: proof.outcome,
                peers: vec![*peer],
            }),
        }
    }
    all
}
