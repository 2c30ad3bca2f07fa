//! Why does this job wait? Per peer, per reason, and the command that helps.

use std::collections::{BTreeMap, BTreeSet};

use protocol::ids::{JobId, PeerId};
use protocol::job::Judge;
use protocol::units::Moment;

use crate::desk::{Aim, Desk};
use crate::jobs::bundle::{Bundle, Copy, Stage};
use crate::jobs::job::{OwnJob, Phase};
use crate::standing::Standing;

/// Why a job is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The job.
    pub job: JobId,
    /// In one sentence.
    pub summary: String,
    /// What is waited for, the most frequent first.
    pub reasons: Vec<Reason>,
    /// A command that helps; empty if there is nothing to do but wait.
    pub help: String,
}

/// One thing that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// On whom, if it is one peer.
    pub peer: Option<PeerId>,
    /// Why, in words.
    pub why: String,
    /// For how many runs or offers.
    pub count: usize,
}

/// What an explanation looks at.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) standing: &'a Standing,
    pub(crate) up: &'a BTreeSet<PeerId>,
    pub(crate) us: PeerId,
    pub(crate) time: Moment,
}

type Counts = BTreeMap<(Option<PeerId>, String), usize>;

pub(crate) fn explain(job: &OwnJob, scene: &Scene<'_>) -> Explanation {
    let mut counts = Counts::new();
    let mut help = String::new();
    let id = job.id;
    let summary = match job.phase {
        Phase::Ended { .. } => {
            count_copies(job, scene, &mut counts);
            "it has ended".to_owned()
        }
        Phase::Locked => {
            help = format!("peer job cancel {id}");
            locked(job, scene, &mut counts)
        }
        Phase::Sealing => {
            count_copies(job, scene, &mut counts);
            if job
                .bundles
                .iter()
                .any(|b| b.stage == Stage::Drawn && b.copies.is_empty())
            {
                offers(job, scene, &mut counts);
                help = "peer offer ls".to_owned();
            } else {
                help = "peer node ls".to_owned();
            }
            let waiting = job.unsealed();
            format!("drawn peers run it: {waiting} runs are not sealed on the ledger yet")
        }
        Phase::Sealed { close_by } => {
            refusal(scene, &Aim::Close(id), &mut counts);
            format!(
                "all have sealed; we close it now, anyone may in {}",
                left(close_by, scene)
            )
        }
        Phase::Opening { by } => {
            count_copies(job, scene, &mut counts);
            count_canaries(job, scene, &mut counts);
            match disputes(job) {
                Some(words) => {
                    help = "peer dispute ls".to_owned();
                    words
                }
                None => format!(
                    "peers open their seals, {} are left for it",
                    left(by, scene)
                ),
            }
        }
    };
    let mut reasons: Vec<Reason> = counts
        .into_iter()
        .map(|((peer, why), count)| Reason { peer, why, count })
        .collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
    Explanation {
        job: id,
        summary,
        reasons,
        help,
    }
}

/// What is to be said of a job whose peers differ somewhere.
fn disputes(job: &OwnJob) -> Option<String> {
    let disputed = |b: &&Bundle| matches!(b.stage, Stage::Disputed { .. } | Stage::Panel { .. });
    let count = job.bundles.iter().filter(disputed).count();
    let follows = match job.terms.judge {
        Judge::Panel => "members run those tasks again",
        Judge::Submitter => "we look which of their copies we accept",
    };
    (count > 0).then(|| format!("peers differ in {count} bundles, and {follows}"))
}

fn locked(job: &OwnJob, scene: &Scene<'_>, counts: &mut Counts) -> String {
    refusal(scene, &Aim::Start(job.id), counts);
    refusal(scene, &Aim::Cancel(job.id), counts);
    offers(job, scene, counts);
    let left = left(job.start_by, scene);
    if job.cancel.is_some() {
        "it is being taken back".to_owned()
    } else if job.secret.is_none() {
        format!("it cannot be started: its secret is not this peer's; it is refunded in {left}")
    } else {
        format!("we have asked to draw its peers; without that it is refunded in {left}")
    }
}

/// Counts what each drawn peer is waited for.
fn count_copies(job: &OwnJob, scene: &Scene<'_>, counts: &mut Counts) {
    for bundle in &job.bundles {
        match bundle.stage {
            Stage::Drawn if bundle.copies.is_empty() => {
                *counts
                    .entry((None, "no peer was left to draw".to_owned()))
                    .or_default() += 1;
            }
            Stage::Disputed { .. } | Stage::Drawn => {
                for copy in &bundle.copies {
                    if let Some(why) = waits_for(bundle, copy, job.phase, scene) {
                        *counts.entry((Some(copy.peer), why)).or_default() += 1;
                    }
                }
                if let Some(why) = bundle.likeness.words(bundle.stage) {
                    *counts.entry((None, why)).or_default() += 1;
                }
                refusal(scene, &Aim::Alike(bundle.id), counts);
                refusal(scene, &Aim::Dispute(bundle.id), counts);
            }
            Stage::Panel { round, .. } => {
                let why = format!("a panel of members judges, round {round}");
                *counts.entry((None, why)).or_default() += 1;
            }
            Stage::Waiting => {}
            Stage::Ended(_) => {
                if let Some(why) = bundle.likeness.words(bundle.stage) {
                    *counts.entry((None, why)).or_default() += 1;
                }
            }
        }
    }
}

/// Counts what the tasks say that we ran at home first.
fn count_canaries(job: &OwnJob, scene: &Scene<'_>, counts: &mut Counts) {
    if job.terms.care.canaries.is_none() {
        return;
    }
    refusal(scene, &Aim::Canaries(job.id), counts);
    let shown = job.checks.canaries(&job.bundles);
    let (why, count) = if job.checks.planted.is_some() {
        ("its canaries are opened once every peer has opened", 1)
    } else if shown.opened == 0 {
        (
            "its canaries were forgotten when this peer was started anew",
            1,
        )
    } else if shown.differ.is_empty() {
        return;
    } else {
        let differ = "a canary differs from what the peers opened";
        (differ, shown.differ.len())
    };
    *counts.entry((None, why.to_owned())).or_default() += count;
}

fn waits_for(bundle: &Bundle, copy: &Copy, phase: Phase, scene: &Scene<'_>) -> Option<String> {
    let away = copy.peer != scene.us && !scene.up.contains(&copy.peer);
    let why = match (phase, &copy.failed) {
        (Phase::Opening { .. }, _) if matches!(bundle.stage, Stage::Disputed { .. }) => {
            if copy.root.is_none() || copy.outcomes.is_some() {
                return None;
            }
            "its outcomes are needed to show the difference".to_owned()
        }
        (Phase::Opening { .. }, _) if copy.root.is_some() || !copy.sealed => return None,
        (Phase::Opening { .. }, _) => "it has not opened".to_owned(),
        _ if copy.sealed => return None,
        (_, Some(why)) => format!("it cannot run its share: {why}"),
        (_, None) if copy.outcomes.is_some() => "its seal is on the way to the ledger".to_owned(),
        (_, None) => format!(
            "no result yet, {} are left for it",
            left(bundle.seal_by, scene)
        ),
    };
    Some(if away {
        format!("{why}; we are not connected to it")
    } else {
        why
    })
}

/// Counts which standing offers suit the job and which do not.
fn offers(job: &OwnJob, scene: &Scene<'_>, counts: &mut Counts) {
    let mut count = |why: String| *counts.entry((None, why)).or_default() += 1;
    for offer in scene.standing.offers(job.terms.class) {
        if offer.per_gfuel > job.terms.per_gfuel {
            count(format!(
                "an offer asks more than {} per Gfuel",
                job.terms.per_gfuel
            ));
        } else if scene.standing.owner(&offer.peer).is_none() {
            count("an offer suits".to_owned());
        } else {
            count("an offer suits, if its bond has room".to_owned());
        }
    }
}

fn refusal(scene: &Scene<'_>, aim: &Aim, counts: &mut Counts) {
    if let Some(why) = scene.desk.refusal(aim) {
        *counts
            .entry((None, format!("the ledger refused: {why}")))
            .or_default() += 1;
    }
}

fn left(by: Moment, scene: &Scene<'_>) -> String {
    format!("{} s", by.since(scene.time).get().div_ceil(1_000))
}
