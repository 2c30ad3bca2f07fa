//! The life of one run: a share of a bundle that this peer was drawn for.
//!
//! ```text
//! Drawn ──errand done──▶ found ──node key──▶ sealed, told ──on the ledger──▶ landed ──┐
//!   └── cannot be run ──▶ declined: another peer has it          opened ◀──job closed──┘
//! ```
//!
//! What it opened it must be able to show until the bundle has ended: see [`super::answer`].

use std::sync::Arc;

use protocol::entry::{Opening, PeerSeal, Seal};
use protocol::ids::{BundleId, Digest, PeerId};
use protocol::job::Terms;
use protocol::message::{INLINE_BYTES_MAX, Message, REASON_BYTES_MAX};
use protocol::outcome::{self, Outcome, Root};
use protocol::units::{Bytes, Millis, Moment};

use crate::effect::{Effect, Report, Why};
use crate::errand::{Errand, Stage};
use crate::hand::Hand;
use crate::handover::Handover;

/// The submitter has so long to enter our seal before we do; less where time is short.
pub const SEAL_SELF_AFTER: Millis = Millis::new(5_000);
/// The submitter has so long to enter our opening before we do; less where time is short.
pub const OPEN_SELF_AFTER: Millis = Millis::new(5_000);

#[derive(Debug)]
struct Result {
    outcomes: Arc<[Outcome]>,
    sizes: Vec<Bytes>,
    root: Root,
    at: Moment,
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) bundle: BundleId,
    pub(crate) terms: Arc<Terms>,
    pub(crate) seal_by: Moment,
    pub(super) errand: Option<Errand>,
    result: Option<Result>,
    seal: Option<PeerSeal>,
    signing: bool,
    told: bool,
    /// Whether our seal is on the ledger.
    pub(crate) landed: bool,
    /// What we opened, once that is on the ledger.
    pub(crate) opened: Option<Root>,
    /// When to look for the outcomes that the ledger demands, if it does.
    pub(super) demanded: Option<Moment>,
    /// Whether the submitter asked for outcomes that we no longer hold.
    pub(super) asked: bool,
    pub(crate) declined: Option<String>,
    /// The sibling that is to have it, if it was declined for one.
    pub(crate) to: Option<PeerId>,
    /// How many siblings may not have it.
    pub(super) passed_over: usize,
    /// Whether some of it was run here before it was to go to a sibling.
    pub(super) begun: bool,
    pub(crate) ended: bool,
}

impl Run {
    pub(crate) const fn new(bundle: BundleId, terms: Arc<Terms>, seal_by: Moment) -> Self {
        Self {
            bundle,
            terms,
            seal_by,
            errand: None,
            result: None,
            seal: None,
            signing: false,
            told: false,
            landed: false,
            opened: None,
            demanded: None,
            asked: false,
            declined: None,
            to: None,
            passed_over: 0,
            begun: false,
            ended: false,
        }
    }

    /// Whether its outcomes are still to be found.
    pub(crate) const fn is_open(&self) -> bool {
        let needed = self.asked || self.demanded.is_some();
        let needed = needed || !(self.ended || self.opened.is_some());
        needed && self.result.is_none() && self.declined.is_none()
    }

    /// Goes as far as it can now. `closed` is whether the job no longer takes seals, `from` says
    /// who may have its inputs, and `handover` how far a sibling came with it.
    pub(crate) fn act(
        &mut self,
        closed: bool,
        from: impl FnOnce() -> Vec<PeerId>,
        handover: &mut Handover,
        hand: &mut Hand<'_>,
    ) {
        let waits = self.demanded.is_some_and(|at| at > hand.now);
        if self.is_open() && !waits && (self.landed || !closed) {
            self.run(from, handover, hand);
        }
        if let Some(result) = &self.result
            && self.seal.is_none()
            && !self.signing
        {
            self.signing = true;
            hand.out.push(Effect::SignSeal(Seal {
                federation: hand.me.federation,
                bundle: self.bundle,
                peer: hand.me.peer,
                hash: self.opening(result, hand).seal(&self.bundle.job),
            }));
        }
    }

    fn run(
        &mut self,
        from: impl FnOnce() -> Vec<PeerId>,
        handover: &mut Handover,
        hand: &mut Hand<'_>,
    ) {
        let (bundle, terms) = (self.bundle, &self.terms);
        if self.errand.is_none() {
            let Some(states) = handover.states(bundle, hand) else {
                return;
            };
            // What nobody had when it was last needed may be had now.
            hand.stock.hope();
            let tasks = terms.tasks_of(bundle.index).collect();
            let errand = Errand::new(bundle, Why::Work, terms.clone(), tasks, from());
            self.errand = Some(errand.going_on(states));
        }
        let Some(errand) = &mut self.errand else {
            return;
        };
        errand.step(hand);
        let failed = match &errand.stage {
            Stage::Done => {
                let failed = errand
                    .found()
                    .find_map(|found| found.as_ref().err().cloned());
                if failed.is_none() {
                    self.result = result(errand, hand.now);
                }
                failed.or_else(|| self.drop_other_result())
            }
            Stage::Failed(why) => Some(why.clone()),
            Stage::Fetching | Stage::Queued | Stage::Running(_) => return,
        };
        self.errand = None;
        match failed {
            Some(why) if self.demanded.is_some() => self.try_again(why, hand),
            Some(why) => self.decline(why, hand),
            None => {}
        }
    }

    /// Says no to this run; the ledger hears it too unless we have sealed.
    pub(crate) fn decline(&mut self, why: String, hand: &mut Hand<'_>) {
        let bundle = self.bundle;
        hand.out.report(Report::CannotRun {
            bundle,
            why: why.clone(),
        });
        let mut said = why.clone();
        while said.len() > REASON_BYTES_MAX {
            said.pop();
        }
        hand.send(self.terms.peer, Message::RunFailed { bundle, why: said });
        self.declined = Some(why);
    }

    fn opening(&self, result: &Result, hand: &Hand<'_>) -> Opening {
        Opening {
            bundle: self.bundle.index,
            peer: hand.me.peer,
            root: result.root,
            salt: hand.me.salt_key.seal_salt(self.bundle),
        }
    }

    /// The node's key signed the seal that we asked for.
    pub(crate) fn signed(&mut self, signature: [u8; 64], hand: &mut Hand<'_>) {
        let Some(result) = &self.result else { return };
        let opening = self.opening(result, hand);
        let hash = opening.seal(&self.bundle.job);
        let seal = PeerSeal {
            bundle: opening.bundle,
            peer: opening.peer,
            hash,
            signature,
        };
        self.signing = false;
        self.seal = Some(seal);
    }

    /// What is to be told to the submitter now. At most once.
    pub(crate) fn tell(&mut self, hand: &Hand<'_>) -> Option<Told> {
        let (result, seal) = (self.result.as_ref()?, self.seal.as_ref()?);
        if self.told {
            return None;
        }
        let opening = self.opening(result, hand);
        (self.told, self.asked) = (true, false);
        let mut room = INLINE_BYTES_MAX as u64;
        let mut inline: Vec<Digest> = Vec::new();
        for (outcome, size) in result.outcomes.iter().zip(&result.sizes) {
            if !inline.contains(&outcome.digest)
                && let Some(rest) = room.checked_sub(size.get())
            {
                room = rest;
                inline.push(outcome.digest);
            }
        }
        Some(Told {
            outcomes: result.outcomes.clone(),
            inline,
            seal: seal.clone(),
            opening,
        })
    }

    /// The submitter lacks our outcomes: they are told again, and found again if forgotten.
    pub(crate) fn ask(&mut self) {
        self.told = false;
        self.asked = self.result.is_none() && self.declined.is_none();
    }

    /// The submitter may not have heard us.
    pub(crate) fn tell_again(&mut self) {
        self.told &= self.landed;
    }

    /// The seal that is to be entered by ourselves, and from when on.
    pub(crate) fn unentered_seal(&self) -> Option<(Moment, PeerSeal)> {
        if self.landed || self.ended || self.declined.is_some() {
            return None;
        }
        let at = fallback(self.result.as_ref()?.at, SEAL_SELF_AFTER, self.seal_by);
        Some((at, self.seal.clone()?))
    }

    /// Our opening, if it is known and not yet on the ledger.
    pub(crate) fn unentered_opening(&self, hand: &Hand<'_>) -> Option<Opening> {
        let open = self.landed && self.opened.is_none() && !self.ended;
        let result = self.result.as_ref().filter(|_| open)?;
        Some(self.opening(result, hand))
    }

    /// What we found, if it is what we opened.
    pub(super) fn shown(&self) -> Option<&Arc<[Outcome]>> {
        let result = self.result.as_ref()?;
        (self.opened == Some(result.root)).then_some(&result.outcomes)
    }

    /// Forgets a result that is not what we opened, and says so.
    pub(super) fn drop_other_result(&mut self) -> Option<String> {
        let opened = self.opened?;
        self.result.take_if(|result| result.root != opened)?;
        Some("it gave something else than what this peer opened".to_owned())
    }

    pub(crate) fn errand_under(&mut self, token: crate::RunToken) -> Option<&mut Errand> {
        self.errand
            .as_mut()
            .filter(|errand| errand.runs_under(token))
    }

    /// The run is not ours any more, or its bundle is over: what runs is stopped.
    pub(crate) fn stop(&mut self, hand: &mut Hand<'_>) {
        if let Some(mut errand) = self.errand.take_if(|_| !self.asked) {
            errand.stop("not needed any more", hand.crew, hand.out);
        }
    }
}

/// What a submitter is told of a finished run.
#[derive(Debug)]
pub(crate) struct Told {
    /// One per task, in order.
    pub(crate) outcomes: Arc<[Outcome]>,
    /// Outputs that are small enough to travel with them.
    pub(crate) inline: Vec<Digest>,
    /// The signed seal of the outcomes.
    pub(crate) seal: PeerSeal,
    /// What the seal holds.
    pub(crate) opening: Opening,
}

/// When we enter by ourselves what the submitter should have: a while after `ready`, but no later
/// than half of the time that is left until `due`.
pub(crate) fn fallback(ready: Moment, wait: Millis, due: Moment) -> Moment {
    let half = Millis::new(due.since(ready).get() / 2);
    ready.after(wait.min(half))
}

fn result(errand: &Errand, at: Moment) -> Option<Result> {
    let found: Vec<(Outcome, Bytes)> = errand
        .found()
        .filter_map(|found| found.as_ref().ok().copied())
        .collect();
    let outcomes: Arc<[Outcome]> = found.iter().map(|(outcome, _)| *outcome).collect();
    let sizes = found.iter().map(|(_, size)| *size).collect();
    Some(Result {
        root: outcome::root(&outcomes)?,
        outcomes,
        sizes,
        at,
    })
}
