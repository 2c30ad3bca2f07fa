//! What a job of ours needs now: entries, outcomes that are missing, outputs that are not at home.

use protocol::entry::{Body, chain};
use protocol::event::Ending;
use protocol::ids::PeerId;
use protocol::job::Judge;
use protocol::message::Message;
use protocol::outcome::TASK_OUTPUT_BYTES_MAX;
use protocol::units::{Bytes, Millis, Moment};

use super::bundle::{Bundle, Stage};
use super::demand::demand;
use super::job::{OwnJob, Phase};
use crate::desk::{Aim, Role};
use crate::effect::{News, Size};
use crate::hand::Hand;
use crate::stock::Have;

/// A peer is asked for its outcomes again after this.
pub const ASK_EVERY: Millis = Millis::new(3_000);
/// It is asked so often.
pub const ASKS_MAX: u32 = 20;

impl OwnJob {
    /// Goes as far as it can now.
    pub(crate) fn act(&mut self, hand: &mut Hand<'_>) {
        self.conclude(hand);
        if !self.has_ended() {
            self.propose(hand);
        }
        if self.terms.judge == Judge::Submitter {
            self.compare(hand);
        }
        self.ask(hand);
        self.fetch(hand);
    }

    /// Whether there is nothing left to do for it, ever.
    pub(crate) fn is_quiet(&self) -> bool {
        let judged = |b: &Bundle| matches!(b.stage, Stage::Ended(Ending::Agreed | Ending::Judged));
        let lacks =
            |b: &Bundle| !b.missing.is_empty() || b.review || (judged(b) && b.result.is_none());
        self.has_ended() && !self.bundles.iter().any(lacks)
    }

    fn propose(&mut self, hand: &mut Hand<'_>) {
        let (id, now) = (self.id, hand.now);
        match self.phase {
            Phase::Locked if self.cancel.is_some() => {
                hand.desk.want(Aim::Cancel(id), now, hand.out, || {
                    Some(Body::Cancel { job: id })
                });
            }
            Phase::Locked => {
                // A block is agreed only once two more stand on it, so an entry made now enters the
                // third after it at the earliest: the first that the rules accept it in.
                if let Some(secret) = self.secret {
                    let body = Body::Start {
                        job: id,
                        link: chain(&secret),
                    };
                    hand.desk.want(Aim::Start(id), now, hand.out, || Some(body));
                }
            }
            Phase::Sealing => {
                hand.desk.forget(Aim::Start(id));
                self.enter_seals(hand);
            }
            Phase::Sealed { .. } => {
                self.enter_seals(hand);
                if let Some(secret) = self.secret {
                    let body = Body::Close { job: id, secret };
                    hand.desk.want(Aim::Close(id), now, hand.out, || Some(body));
                }
            }
            Phase::Opening { .. } => {
                hand.desk.forget(Aim::Close(id));
                self.enter_openings(hand);
                self.check(hand);
            }
            Phase::Ended { .. } => {}
        }
        if self.terms.judge == Judge::Submitter {
            return;
        }
        for bundle in &self.bundles {
            let aim = Aim::Dispute(bundle.id);
            if matches!(bundle.stage, Stage::Disputed { .. }) {
                demand(bundle, hand);
                hand.desk.want(aim, now, hand.out, || {
                    bundle.dispute().map(|tasks| Body::Dispute {
                        bundle: bundle.id,
                        tasks,
                    })
                });
            } else if matches!(bundle.stage, Stage::Panel { .. }) {
                hand.desk.forget(aim);
            }
        }
    }

    fn enter_seals(&mut self, hand: &mut Hand<'_>) {
        if self.seals.has_loose() {
            let complete = self.seals.held() >= self.unsealed();
            self.seals.cut(hand.now, complete);
        }
        let job = self.id;
        for batch in self.seals.batches() {
            hand.desk.want(
                Aim::Seals(Role::Submitter, job, batch),
                hand.now,
                hand.out,
                || {
                    Some(Body::SealBatch {
                        job,
                        seals: self.seals.batch(batch),
                    })
                },
            );
        }
    }

    fn enter_openings(&mut self, hand: &mut Hand<'_>) {
        if self.openings.has_loose() {
            let complete = self.openings.held() >= self.unopened();
            self.openings.cut(hand.now, complete);
        }
        let job = self.id;
        for batch in self.openings.batches() {
            hand.desk.want(
                Aim::Openings(Role::Submitter, job, batch),
                hand.now,
                hand.out,
                || {
                    Some(Body::OpenBatch {
                        job,
                        openings: self.openings.batch(batch),
                    })
                },
            );
        }
    }

    /// Asks the peers whose outcomes we lack, each now and then.
    fn ask(&mut self, hand: &mut Hand<'_>) {
        for bundle in &mut self.bundles {
            for at in 0..bundle.copies.len() {
                let copy = &bundle.copies[at];
                let may = copy.ask_at <= hand.now && copy.asked < ASKS_MAX;
                if !may || copy.peer == hand.me.peer || !bundle.lacks(copy) {
                    continue;
                }
                let (bundle_id, copy) = (bundle.id, &mut bundle.copies[at]);
                copy.asked += 1;
                copy.ask_at = hand.now.after(ASK_EVERY);
                hand.send(copy.peer, Message::AskOutcomes { bundle: bundle_id });
            }
        }
    }

    /// Fetches the outputs that are shown and not at home.
    fn fetch(&mut self, hand: &mut Hand<'_>) {
        let size = Size::AtMost(Bytes::new(TASK_OUTPUT_BYTES_MAX as u64));
        for bundle in &mut self.bundles {
            let missing: Vec<_> = bundle.missing.iter().copied().collect();
            for digest in missing {
                let has = |copy: &&super::bundle::Copy| {
                    let list = copy.outcomes.as_ref();
                    list.is_some_and(|list| list.iter().any(|o| o.digest == digest))
                };
                let from: Vec<PeerId> = bundle
                    .copies
                    .iter()
                    .filter(has)
                    .map(|copy| copy.peer)
                    .collect();
                match hand.stock.blob(digest, size, &from, hand.now, hand.out) {
                    Have::Home(()) => {
                        self.have.insert(digest);
                        bundle.missing.remove(&digest);
                        tell_outputs(bundle, &digest, hand);
                    }
                    Have::Coming => {}
                    // It stays unseen; who asks for it later makes the API fetch it again.
                    Have::Lost(_) => {
                        bundle.missing.remove(&digest);
                    }
                }
            }
        }
    }

    /// Finds what is right for bundles that ended, and sees to its outputs.
    fn conclude(&mut self, hand: &mut Hand<'_>) {
        for bundle in &mut self.bundles {
            if !bundle.conclude() {
                continue;
            }
            bundle.missing.clear();
            let Some(result) = &bundle.result else {
                continue;
            };
            let mut changed = Vec::new();
            for (at, outcome) in (0_u32..).zip(result) {
                let Some(outcome) = outcome else { continue };
                let task = bundle.tasks.start + at;
                let before = bundle
                    .first
                    .as_ref()
                    .and_then(|first| first.get(at as usize));
                if !self.have.contains(&outcome.digest) {
                    bundle.missing.insert(outcome.digest);
                } else if before != Some(outcome) {
                    changed.push((task, *outcome));
                }
            }
            for (task, outcome) in changed {
                let job = bundle.id.job;
                hand.tell(News::Output {
                    job,
                    task,
                    outcome,
                    provisional: false,
                });
            }
        }
    }

    pub(crate) fn wake_after(&self, acted: Moment) -> Option<Moment> {
        let asks = self.bundles.iter().flat_map(|bundle| {
            let lacking = bundle
                .copies
                .iter()
                .filter(|copy| copy.asked < ASKS_MAX && copy.asked > 0 && bundle.lacks(copy));
            lacking.map(|copy| copy.ask_at)
        });
        let opening = matches!(self.phase, Phase::Opening { .. });
        let openings = self.openings.wake_at().filter(|_| opening);
        let gathers = [self.seals.wake_at(), openings];
        let disputed = |b: &&Bundle| b.review || matches!(b.stage, Stage::Disputed { .. });
        let hidden = self.bundles.iter().filter(disputed);
        let hidden = hidden.filter_map(Bundle::wake_at);
        gathers
            .into_iter()
            .flatten()
            .chain(asks)
            .chain(hidden)
            .filter(|at| *at > acted)
            .min()
    }
}

/// Tells that an output is at home, for every task that gave it.
pub(crate) fn tell_outputs(bundle: &Bundle, digest: &protocol::ids::Digest, hand: &mut Hand<'_>) {
    let job = bundle.id.job;
    for (task, outcome, provisional) in bundle.tasks_with(digest) {
        hand.tell(News::Output {
            job,
            task,
            outcome,
            provisional,
        });
    }
}
