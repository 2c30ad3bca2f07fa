//! How far peers are trusted, why they are not drawn, what they lost and what they could lose.

use protocol::entry::{EmergencyAct, Place, Proposal};
use protocol::event::Fault;
use protocol::ids::{BundleId, JobId, PeerId};
use protocol::job::Class;
use protocol::units::Moment;
use rules::read::{NotDrawn, Trust};
use rules::work::{Ground, Hold, HoldState, PaidResult};
use rules::{Account, Pool, View};

use super::govern::PROPOSALS_MAX;
use super::{Reached, Sources, nodes};
use crate::api::problem::{Code, Problem};
use crate::api::types::{
    BackerView, DoubtView, FaultCount, HoldView, Id, KeptView, LeavingView, Money, NodeFullView,
    PreviewView, ShareView, TrustView, WeightView, WhyNot, WhyView,
};

/// So many of a peer's newest doubtful results are shown with a slash.
const DOUBTS_MAX: usize = 256;

/// Every fault, in the order in which a peer's record counts them.
pub const FAULTS: [Fault; 11] = [
    Fault::WrongOutcome,
    Fault::NoSeal,
    Fault::NoOpening,
    Fault::TwoSeals,
    Fault::LeaseMissed,
    Fault::TwoVotes,
    Fault::WrongJudgement,
    Fault::NoJudgement,
    Fault::NoOneOutcome,
    Fault::FakeCapacity,
    Fault::StorageMissed,
];

/// A peer in full.
///
/// # Errors
/// [`Code::NotFound`] for a peer that neither the ledger nor this peer knows.
pub fn node(
    from: &Sources<'_>,
    reached: &Reached,
    now: Moment,
    peer: PeerId,
) -> Result<NodeFullView, Problem> {
    let listed = nodes(from, reached, now);
    let node = listed.into_iter().find(|node| node.peer.0 == peer);
    let node = node.ok_or_else(|| unknown(peer))?;
    let view = from.ledger.ask();
    let exposed = rules::read::exposure(&view, peer);
    let standing = rules::read::peer(&view, peer).map(|standing| standing.peer);
    let faults = rules::read::faults(&view, peer);
    let leaving = standing
        .iter()
        .flat_map(|row| row.unbonding.iter().copied());
    let exposed_or = |take: fn(&rules::read::Exposed) -> protocol::units::Credits| -> Money {
        exposed.as_ref().map(take).unwrap_or_default().into()
    };
    let counted = FAULTS.iter().zip(faults.times);
    Ok(NodeFullView {
        node,
        admitted: standing.as_ref().map(|row| row.admitted.into()),
        bond: exposed_or(|exposed| exposed.bond),
        counts: exposed_or(|exposed| exposed.counts),
        locked: exposed_or(|exposed| exposed.locked),
        usable: exposed_or(|exposed| exposed.counts.minus(exposed.locked).unwrap_or_default()),
        unbonding: leaving
            .map(|(amount, matures)| LeavingView {
                amount: amount.into(),
                matures: matures.into(),
            })
            .collect(),
        backers: exposed
            .iter()
            .flat_map(|exposed| &exposed.backers)
            .map(|backer| BackerView {
                party: backer.party.into(),
                amount: backer.amount.into(),
            })
            .collect(),
        struck: standing.as_ref().is_some_and(|row| row.struck),
        suspended: standing.as_ref().is_some_and(|row| row.suspended),
        convictions: faults.convicted.iter().map(|when| (*when).into()).collect(),
        faults: counted
            .filter(|(_, times)| *times > 0)
            .map(|(fault, times)| FaultCount {
                fault: fault.code().to_owned(),
                times,
            })
            .collect(),
        classes: Class::ALL
            .into_iter()
            .filter_map(|class| trust(&view, peer, class))
            .collect(),
    })
}

fn unknown(peer: PeerId) -> Problem {
    Problem::new(Code::NotFound, format!("there is no peer {peer}")).try_this("peer node ls")
}

fn trust(view: &dyn View, peer: PeerId, class: Class) -> Option<TrustView> {
    let Trust {
        reputation,
        score,
        tier,
    } = rules::read::trust(view, peer, class)?;
    let meter = rules::read::meter(view, peer, class);
    let offer = rules::read::offer(view, peer, class);
    let weight = rules::read::weight(view, peer, class).map(|weight| WeightView {
        pool: match weight.pool {
            Pool::Established => "shown",
            Pool::Newcomers => "new",
        }
        .to_owned(),
        weight: weight.weight,
        peer_cap: weight.peer_cap,
        sponsor: weight.sponsor,
        sponsor_cap: weight.sponsor_cap,
        all: weight.all,
    });
    let (_, challengers) = rules::read::challengers(view, peer, class).unwrap_or_default();
    let seen = rules::read::capacity(view, peer, class);
    let seen = seen.into_iter().flat_map(|capacity| capacity.seen);
    Some(TrustView {
        class: class.name().to_owned(),
        tier: tier.name().to_owned(),
        score_bps: score.score,
        lower_bps: score.lower,
        verified: reputation.verified,
        drawn: meter.drawn.into(),
        missed: meter.missed.into(),
        slots: offer.map_or(0, |offer| offer.slots),
        weight,
        bench: rules::read::bench(view, peer, class),
        challengers: challengers.into_iter().map(Id).collect(),
        seen: seen.map(|seen| seen.slots).collect(),
    })
}

/// Why a peer is not drawn in a class, or for a job, which says the class itself.
///
/// # Errors
/// [`Code::NotFound`] for a job that is not on the ledger.
pub fn why_not_drawn(
    from: &Sources<'_>,
    peer: PeerId,
    class: Class,
    job: Option<JobId>,
) -> Result<WhyView, Problem> {
    let view = from.ledger.ask();
    let row = match job {
        None => None,
        Some(job) => Some(rules::read::job(&view, job).ok_or_else(|| no_job(job))?),
    };
    let class = row.as_ref().map_or(class, |row| row.terms.class);
    let reasons = rules::read::why_not_drawn(&view, peer, class, row.as_ref());
    let seldom = [NotDrawn::PeerCapped, NotDrawn::SponsorCapped];
    Ok(WhyView {
        peer: peer.into(),
        class: class.name().to_owned(),
        job: job.map(Into::into),
        drawn: reasons.iter().all(|reason| seldom.contains(reason)),
        reasons: reasons.iter().map(|reason| why(peer, reason)).collect(),
    })
}

fn no_job(job: JobId) -> Problem {
    Problem::new(Code::NotFound, format!("{job} is not on the ledger")).try_this("peer job ls")
}

fn why(peer: PeerId, reason: &NotDrawn) -> WhyNot {
    let time = |moment: Moment| crate::api::types::Time(moment);
    let (what, fix) = match *reason {
        NotDrawn::NotAdmitted => (
            "no sponsor let it in".to_owned(),
            Some("ask a member or a community desk to admit it".to_owned()),
        ),
        NotDrawn::Struck => (
            "it signed two results, or was convicted too often: never again".to_owned(),
            None,
        ),
        NotDrawn::Jailed { until } => (
            format!("a panel found it wrong: not before {}", time(until)),
            Some("peer dispute ls".to_owned()),
        ),
        NotDrawn::Suspended { until } => (
            format!("it missed too many runs: not before {}", time(until)),
            None,
        ),
        NotDrawn::NoOffer => (
            "it has no standing offer in the class".to_owned(),
            Some("on that machine: peer up --slots N --price CREDITS".to_owned()),
        ),
        NotDrawn::Price { asks, pays } => (
            format!("it asks {asks} for a Gfuel, and the job pays {pays}"),
            Some(format!("peer submit --price {asks} …").replace(" cr", "")),
        ),
        NotDrawn::BondTooSmall { free, needs } => (
            format!("the job locks {needs}, and {free} of its bond count and are free"),
            Some(format!("its owner: peer wallet bond {peer} CREDITS")),
        ),
        NotDrawn::Tier { tier, copies } => (
            format!(
                "it is on tier {}, which asks for {copies} copies: more than the job pays",
                tier.name()
            ),
            Some(format!("peer submit --replicas {copies} …")),
        ),
        NotDrawn::PeerCapped => (
            "drawn less often than its slots are worth: one peer counts no more".to_owned(),
            None,
        ),
        NotDrawn::SponsorCapped => (
            "drawn less often: its sponsor's peers together count no more".to_owned(),
            None,
        ),
    };
    WhyNot { what, fix }
}

/// Slashes before number `before` (all, if absent), newest first, at most `limit`.
pub fn slashes(from: &Sources<'_>, before: Option<u64>, limit: u32) -> Vec<HoldView> {
    let view = from.ledger.ask();
    let count = rules::read::counts(&view).slashes;
    let end = before.map_or(count, |before| count.min(before));
    let newest = (0..end).rev().take(limit as usize);
    let appeals = appeals(&view);
    newest
        .filter_map(|number| rules::read::hold(&view, number))
        .map(|hold| hold_view(&hold, &appeals))
        .collect()
}

/// One slash.
///
/// # Errors
/// [`Code::NotFound`].
pub fn slash(from: &Sources<'_>, number: u64) -> Result<HoldView, Problem> {
    let view = from.ledger.ask();
    let hold = rules::read::hold(&view, number).ok_or_else(|| {
        Problem::new(Code::NotFound, format!("there is no slash {number}"))
            .try_this("peer slash ls")
    })?;
    let mut shown = hold_view(&hold, &appeals(&view));
    let freeze = EmergencyAct::FreezeSlash(hold.bundle);
    if let Some(frozen) = rules::read::emergency_in_force(&view, freeze) {
        shown.until = frozen.until.max(hold.until).into();
    }
    shown.kept = kept(&view, number);
    Ok(shown)
}

/// Proposals that are not over and would correct the slashes of a bundle.
fn appeals(view: &dyn View) -> Vec<(u64, BundleId)> {
    let ballots = rules::read::proposals(view, u64::MAX, PROPOSALS_MAX).into_iter();
    let open = ballots.filter(|ballot| ballot.ended.is_none());
    let named = open.flat_map(|ballot| {
        let Proposal::Reversal { corrections, .. } = ballot.what else {
            return Vec::new();
        };
        let bundles = corrections.iter().filter_map(|one| match one.from {
            Place::Slash(bundle) => Some((ballot.number, bundle)),
            Place::Wallet(_) | Place::Treasury | Place::Bond(_) | Place::MemberBond(_) => None,
        });
        bundles.collect()
    });
    named.collect()
}

fn hold_view(hold: &Hold, appeals: &[(u64, BundleId)]) -> HoldView {
    let share = |share: &rules::work::Share| ShareView {
        to: account_words(share.to),
        amount: share.amount.into(),
    };
    let mine = appeals.iter().filter(|(_, bundle)| *bundle == hold.bundle);
    HoldView {
        number: hold.number,
        job: hold.bundle.job.into(),
        bundle: hold.bundle.index,
        peer: hold.peer.into(),
        fault: hold.fault.code().to_owned(),
        words: hold.fault.words().to_owned(),
        ground: match hold.ground {
            Ground::Verdict(dispute) => format!("the verdict of dispute {dispute}"),
            Ground::Silence(when) => format!("silence, seen {}", crate::api::types::Time(when)),
            Ground::Seals(..) => "two seals of one bundle, both signed".to_owned(),
            Ground::Capacity(class, epoch) => {
                let class = class.name();
                format!("what two of three members saw of its {class} slots in epoch {epoch}")
            }
            Ground::Lease(lease, epoch) if hold.fault == Fault::StorageMissed => {
                format!("no proof of what {lease} keeps, in epochs before {epoch}")
            }
            Ground::Lease(lease, epoch) => {
                format!("what two of three members saw of the slots of {lease} in epoch {epoch}")
            }
        },
        amount: hold.amount.into(),
        state: match hold.state {
            HoldState::Held => "held",
            HoldState::Given => "given",
            HoldState::Returned => "returned",
        }
        .to_owned(),
        until: hold.until.into(),
        shares: hold.shares.iter().map(share).collect(),
        appeals: mine.map(|(number, _)| *number).collect(),
        kept: None,
    }
}

/// What is kept of a slash for its peer's doubtful results.
fn kept(view: &dyn View, slash: u64) -> Option<KeptView> {
    let (redress, left) = rules::read::redress(view, slash)?;
    let doubtful = rules::read::tainted(view, redress.peer, u64::MAX, DOUBTS_MAX);
    let doubt = |result: &PaidResult| DoubtView {
        number: result.number,
        job: result.bundle.job.into(),
        bundle: result.bundle.index,
        submitter: result.submitter.into(),
        paid: result.paid.into(),
        redressed: result.redressed,
    };
    Some(KeptView {
        left: left.into(),
        until: redress.until.into(),
        rest_to: redress.rest_to.into(),
        results: doubtful.iter().map(doubt).collect(),
    })
}

fn account_words(account: Account) -> String {
    match account {
        Account::Burn => "burned".to_owned(),
        Account::Treasury => "the treasury".to_owned(),
        Account::Wallet(party) => party.to_string(),
        Account::Bond(peer) => format!("the bond of {peer}"),
        Account::MemberBond(party) => format!("the bond of {party} as a judge"),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// What a fault of a peer in a bundle would cost it now; what is found apart from any job costs the
/// same whatever is named.
///
/// # Errors
/// [`Code::NotFound`] for an unknown job or peer.
pub fn slash_preview(
    from: &Sources<'_>,
    bundle: BundleId,
    peer: PeerId,
    fault: Fault,
) -> Result<PreviewView, Problem> {
    let view = from.ledger.ask();
    if !fault.is_apart() {
        rules::read::job(&view, bundle.job).ok_or_else(|| no_job(bundle.job))?;
    }
    let preview = rules::read::slash_preview(&view, bundle, peer, fault);
    let (amount, [burned, harmed, finder, treasury]) = preview.ok_or_else(|| unknown(peer))?;
    Ok(PreviewView {
        job: Id(bundle.job),
        bundle: bundle.index,
        peer: Id(peer),
        fault: fault.code().to_owned(),
        words: fault.words().to_owned(),
        amount: amount.into(),
        burned: burned.into(),
        harmed: harmed.into(),
        finder: finder.into(),
        treasury: treasury.into(),
    })
}
