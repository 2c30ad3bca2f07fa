//! Bundles whose outcomes differ where honest machines may differ: we, who pay, look which of the
//! outputs are accepted, and say so on the ledger. Whose are is paid; nobody is blamed.
//!
//! ```text
//! Disputed ──every list proven──┬─▶ outputs at home: Compare ──▶ the largest group alike ─┐
//!                               └─▶ each output through the checker (checker.rs)         ─┤
//!                     entered: its copies are paid ◀── some ──┴── none ──▶ it ends unpaid
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::entry::{AuditRequest, Body};
use protocol::event::Ending;
use protocol::ids::{BundleId, Digest, PeerId};
use protocol::kernel::are_near;
use protocol::outcome::{Outcome, TASK_OUTPUT_BYTES_MAX};
use protocol::units::{Bytes, Fuel, Millis, Moment};

use super::bundle::{Bundle, Copy, Stage};
use super::checker::{Checking, Step};
use super::demand::demand;
use super::job::OwnJob;
use crate::desk::Aim;
use crate::effect::{Effect, Size};
use crate::hand::Hand;
use crate::stock::Have;

/// Outputs that cannot be had are waited for so long; then their copies are not accepted, so that
/// who hides one harms nobody else.
pub const OUTPUT_WAIT: Millis = Millis::new(600_000);
/// How large an output may be.
pub(super) const SIZE: Size = Size::AtMost(Bytes::new(TASK_OUTPUT_BYTES_MAX as u64));

/// How far we are with the outputs of a bundle that differ.
#[derive(Debug, Default)]
pub(crate) enum Likeness {
    /// They are not all here.
    #[default]
    Unknown,
    /// These are being compared.
    Asked(Vec<(Outcome, Outcome)>),
    /// The job's checker looks at them.
    Checking(Box<Checking>),
    /// Whose are accepted, rising; nobody's, if it is empty.
    Known(Vec<PeerId>),
    /// The checker gives no answer, and why.
    Unsaid(String),
}

impl Likeness {
    const fn is_said(&self) -> bool {
        matches!(self, Self::Known(_) | Self::Unsaid(_))
    }

    /// What is to be said of a bundle whose outputs differ.
    pub(crate) fn words(&self, stage: Stage) -> Option<String> {
        match stage {
            Stage::Disputed { .. } => self.words_of_difference(),
            Stage::Ended(Ending::Agreed) => self.words_of_review(),
            _ => None,
        }
    }

    /// What a checker says of a bundle that was paid because all its copies were equal.
    fn words_of_review(&self) -> Option<String> {
        Some(match self {
            Self::Checking(_) => "all copies are equal and paid; the checker looks at them".into(),
            Self::Known(peers) if peers.is_empty() => {
                "all copies are equal and were paid, but the checker refuses them".into()
            }
            Self::Unsaid(why) => {
                format!("all copies are equal and were paid; the checker gives no answer: {why}")
            }
            Self::Unknown | Self::Asked(_) | Self::Known(_) => return None,
        })
    }

    fn words_of_difference(&self) -> Option<String> {
        Some(match self {
            Self::Unknown => return None,
            Self::Asked(_) => "outputs that differ are compared".to_owned(),
            Self::Checking(checking) => {
                let count = checking.looked_at();
                format!("outputs differ, and the checker has looked at {count} of them")
            }
            Self::Known(peers) if peers.is_empty() => {
                "outputs differ, and no copy is accepted: it ends unpaid".to_owned()
            }
            Self::Known(peers) => {
                let count = peers.len();
                format!("outputs differ, and {count} of the copies are accepted and will be paid")
            }
            Self::Unsaid(why) => format!("it ends unpaid: the checker gives no answer: {why}"),
        })
    }
}

impl OwnJob {
    /// Finds who is accepted of those that differ, and enters it. Where all are equal, and paid,
    /// has the checker look all the same: nothing follows from it, but we know.
    pub(super) fn compare(&mut self, hand: &mut Hand<'_>) {
        let disputed = |bundle: &Bundle| matches!(bundle.stage, Stage::Disputed { .. });
        let open = |bundle: &Bundle| disputed(bundle) || bundle.review;
        if !self.bundles.iter().any(open) {
            return;
        }
        let job = self.terms.job;
        let Have::Home(form) = hand.stock.job(job, &[], hand.now, hand.out) else {
            return;
        };
        let has_checker = form.checking([]).is_some();
        for bundle in self.bundles.iter_mut().filter(|bundle| open(bundle)) {
            if disputed(bundle) {
                demand(bundle, hand);
            }
            bundle.review &= has_checker && !bundle.likeness.is_said();
            if !open(bundle) {
                continue;
            }
            let id = bundle.id;
            match &bundle.likeness {
                Likeness::Unknown if has_checker => {
                    let checking = Checking::new(id, bundle.tasks.start, &self.terms);
                    bundle.likeness = Likeness::Checking(Box::new(checking));
                    bundle.check(hand);
                }
                Likeness::Unknown => {
                    if let Some(pairs) = bundle.pairs(hand) {
                        bundle.likeness = Likeness::Asked(pairs.clone());
                        hand.out.push(Effect::Compare {
                            bundle: id,
                            job,
                            pairs,
                        });
                    }
                }
                Likeness::Checking(_) => bundle.check(hand),
                Likeness::Known(peers) if !peers.is_empty() => {
                    let peers = peers.clone();
                    let alike = AuditRequest::Alike { bundle: id, peers };
                    let body = || Some(Body::Audit(alike));
                    hand.desk.want(Aim::Alike(id), hand.now, hand.out, body);
                }
                Likeness::Asked(_) | Likeness::Known(_) | Likeness::Unsaid(_) => {}
            }
        }
    }

    /// Hears whether what was compared is alike; `None` if something was missing after all.
    pub(crate) fn compared(&mut self, id: &BundleId, alike: Option<Vec<bool>>) {
        let Some(bundle) = self.bundle(id) else {
            return;
        };
        let Likeness::Asked(pairs) = &bundle.likeness else {
            return;
        };
        let found = alike.filter(|alike| alike.len() == pairs.len());
        bundle.likeness = match (found, bundle.proven()) {
            (Some(alike), Some(copies)) => Likeness::Known(accepted(&copies, pairs, &alike)),
            _ => Likeness::Unknown,
        };
    }
}

/// What a peer opened of a bundle, proven: one outcome per task.
pub(super) type Opened = (PeerId, Arc<[Outcome]>);

impl Bundle {
    /// What each peer opened; `None` unless every opened list is here.
    fn proven(&self) -> Option<Vec<Opened>> {
        let opened = self.copies.iter().filter(|copy| copy.root.is_some());
        let list = |copy: &Copy| Some((copy.peer, Arc::clone(copy.proven()?)));
        opened.map(list).collect()
    }

    /// The pairs to compare, once their outputs are at home; in the end without those that cannot
    /// be had.
    fn pairs(&mut self, hand: &mut Hand<'_>) -> Option<Vec<(Outcome, Outcome)>> {
        let mut pairs = different(&self.proven()?);
        let both = pairs.iter().flat_map(|(one, other)| [*one, *other]);
        let needed: BTreeMap<Digest, Outcome> = both.map(|one| (one.digest, one)).collect();
        let mut hidden = BTreeSet::new();
        for (digest, outcome) in needed {
            let from = self.have(&outcome);
            let have = hand.stock.blob(digest, SIZE, &from, hand.now, hand.out);
            if !matches!(have, Have::Home(())) {
                hidden.insert(digest);
            }
        }
        if !hidden.is_empty() && !is_over(&mut self.hidden_since, hand.now) {
            return None;
        }
        let is_here = |outcome: &Outcome| !hidden.contains(&outcome.digest);
        pairs.retain(|(one, other)| is_here(one) && is_here(other));
        Some(pairs)
    }

    /// Lets its checker go on.
    fn check(&mut self, hand: &mut Hand<'_>) {
        let Some(copies) = self.proven() else {
            return;
        };
        let Likeness::Checking(checking) = &mut self.likeness else {
            return;
        };
        self.likeness = match checking.step(&copies, hand) {
            Step::Runs => return,
            Step::Hidden if !is_over(&mut self.hidden_since, hand.now) => return,
            Step::Hidden if self.review => Likeness::Unsaid("its outputs cannot be had".to_owned()),
            Step::Hidden | Step::Said => {
                Likeness::Known(honestly_billed(&checking.accepted(&copies)))
            }
            Step::Unsaid(why) => Likeness::Unsaid(why),
        };
    }

    /// When outputs that cannot be had are waited for no longer.
    pub(super) fn wake_at(&self) -> Option<Moment> {
        let since = self.hidden_since?;
        let waits = matches!(self.likeness, Likeness::Unknown | Likeness::Checking(_));
        waits.then_some(since.after(OUTPUT_WAIT))
    }
}

/// What tells a pair of outcomes from others.
const fn name((one, other): &(Outcome, Outcome)) -> (Digest, Fuel, Digest, Fuel) {
    (one.digest, one.fuel, other.digest, other.fuel)
}

/// Every two outcomes of one task that differ, as they stand in two copies; each pair once.
fn different(copies: &[Opened]) -> Vec<(Outcome, Outcome)> {
    let mut seen = BTreeSet::new();
    let mut pairs = Vec::new();
    for (at, (_, one)) in copies.iter().enumerate() {
        for (_, other) in &copies[at + 1..] {
            for pair in one.iter().copied().zip(other.iter().copied()) {
                if pair.0 != pair.1 && seen.insert(name(&pair)) {
                    pairs.push(pair);
                }
            }
        }
    }
    pairs
}

/// Whose outcomes are accepted, given which pairs are alike: the largest group that is alike with
/// one of it, in each task; of groups as large, that of the copy which was drawn first. A copy that
/// is like no other shows nothing, so nobody is accepted then.
fn accepted(copies: &[Opened], pairs: &[(Outcome, Outcome)], alike: &[bool]) -> Vec<PeerId> {
    let found: BTreeMap<_, bool> = pairs.iter().map(name).zip(alike.iter().copied()).collect();
    let near = |one: &Outcome, other: &Outcome| {
        let either = |pair| found.get(&name(&pair)).copied().unwrap_or(false);
        one == other || either((*one, *other)) || either((*other, *one))
    };
    let largest = largest(copies, near, |_| 0);
    Some(largest)
        .filter(|group| group.len() > 1)
        .unwrap_or_default()
}

/// Those of the accepted copies whose bills can be believed: nobody but the checker has looked, and
/// it sees no bill. The largest group whose bills are near that of one of it, in each task; of
/// groups as large the cheapest, then that of the copy which was drawn first.
fn honestly_billed(copies: &[Opened]) -> Vec<PeerId> {
    let near = |one: &Outcome, other: &Outcome| are_near(one.fuel, other.fuel);
    let bill = |list: &[Outcome]| {
        list.iter()
            .map(|outcome| u128::from(outcome.fuel.get()))
            .sum()
    };
    largest(copies, near, bill)
}

/// The peers, rising, of the largest group of copies that are near one of it in each task; of
/// groups as large that of the copy with the least `cost`, then of the first.
fn largest(
    copies: &[Opened],
    near: impl Fn(&Outcome, &Outcome) -> bool,
    cost: impl Fn(&[Outcome]) -> u128,
) -> Vec<PeerId> {
    let groups = copies.iter().enumerate().map(|(at, (_, one))| {
        let like = |(_, other): &&Opened| one.iter().zip(&**other).all(|(a, b)| near(a, b));
        let group: Vec<PeerId> = copies.iter().filter(like).map(|(peer, _)| *peer).collect();
        (Reverse(group.len()), cost(one), at, group)
    });
    let mut peers = groups
        .min()
        .map(|(_, _, _, group)| group)
        .unwrap_or_default();
    peers.sort_unstable();
    peers
}

/// Whether an output that is not at home was waited for long enough since the first time.
fn is_over(since: &mut Option<Moment>, now: Moment) -> bool {
    since.get_or_insert(now).after(OUTPUT_WAIT) <= now
}

impl Bundle {
    /// Who gave this outcome.
    fn have(&self, outcome: &Outcome) -> Vec<PeerId> {
        let has = |copy: &&Copy| {
            let list = copy.outcomes.as_ref();
            list.is_some_and(|list| list.contains(outcome))
        };
        self.copies.iter().filter(has).map(|c| c.peer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Copies of two tasks, each outcome a number, and whether those that differ by at most 1 are
    /// alike.
    fn taken(copies: &[[u8; 2]]) -> String {
        let outcome = |n: &u8| Outcome {
            digest: Digest::of(&[*n]),
            fuel: Fuel::new(u64::from(*n)),
        };
        let copies: Vec<Opened> = (b'A'..)
            .zip(copies)
            .map(|(peer, list)| (PeerId::new([peer; 32]), list.iter().map(outcome).collect()))
            .collect();
        let pairs = different(&copies);
        let fuel = |outcome: &Outcome| outcome.fuel.get();
        let near = |(one, other): &(Outcome, Outcome)| fuel(one).abs_diff(fuel(other)) <= 1;
        let alike: Vec<bool> = pairs.iter().map(near).collect();
        let peers = accepted(&copies, &pairs, &alike).into_iter();
        peers.map(|peer| char::from(peer.bytes()[0])).collect()
    }

    /// Of accepted copies of two tasks with these bills.
    fn billed(copies: &[[u64; 2]]) -> String {
        let outcome = |fuel: &u64| Outcome {
            digest: Digest::of(b"any"),
            fuel: Fuel::new(*fuel),
        };
        let copies: Vec<Opened> = (b'A'..)
            .zip(copies)
            .map(|(peer, list)| (PeerId::new([peer; 32]), list.iter().map(outcome).collect()))
            .collect();
        let peers = honestly_billed(&copies).into_iter();
        peers.map(|peer| char::from(peer.bytes()[0])).collect()
    }

    #[test]
    fn a_bill_that_nobody_shares_is_not_paid_unless_it_is_the_least() {
        for (copies, peers) in [
            (&[][..], ""),
            (&[[160, 160]], "A"),
            (&[[160, 160], [170, 160]], "AB"),
            (&[[171, 160], [160, 160]], "B"),
            (&[[160, 160], [160, 900]], "A"),
            (&[[900, 160], [160, 160], [165, 160]], "BC"),
            (&[[1, 1], [160, 160], [165, 160]], "BC"),
            (&[[900, 1], [1, 900]], "A"),
        ] {
            assert_eq!(billed(copies), peers, "{copies:?}");
        }
    }

    #[test]
    fn the_largest_group_around_one_copy_is_accepted() {
        for (copies, peers) in [
            (&[[5, 5], [6, 5]][..], "AB"),
            (&[[5, 5], [8, 5]], ""),
            (&[[5, 5], [5, 8]], ""),
            // One bad copy of three costs the others nothing.
            (&[[5, 5], [6, 5], [9, 5]], "AB"),
            (&[[9, 5], [6, 5], [5, 6]], "BC"),
            (&[[5, 1], [5, 9], [5, 2]], "AC"),
            (&[[1, 5], [4, 5], [7, 5]], ""),
            // Around the second, though the first and the third are apart.
            (&[[5, 5], [6, 5], [7, 5]], "ABC"),
            (&[[7, 5], [5, 5], [6, 5]], "ABC"),
            // Of two groups as large, that of the first copy.
            (&[[5, 5], [9, 5], [5, 6], [9, 6]], "AC"),
            (&[[9, 5], [5, 5], [5, 6], [9, 6]], "AD"),
            // Two that are equal count as two.
            (&[[9, 5], [5, 5], [5, 5]], "BC"),
        ] {
            assert_eq!(taken(copies), peers, "{copies:?}");
        }
    }
}
