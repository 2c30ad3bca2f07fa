//! What follows from a verdict: the wrong are slashed, the right are paid, judges who stood against
//! it pay too. And what follows when there is none.

use protocol::event::{Event, Fault};
use protocol::ids::{PartyId, PeerId};
use protocol::outcome::Outcome;
use protocol::units::Credits;

use crate::money::Code;
use crate::people::reputation;
use crate::work::case::Case;
use crate::work::check::Auditors;
use crate::work::hold::Ground;
use crate::work::slash::{self, Rights, Slash};
use crate::work::{
    Audited, Bundle, Dispute, Disputes, Happening, Juror, Run, Verdict, canary, check, demand,
    faults, settle,
};

/// Carries out a verdict.
pub(crate) fn pass(
    case: &mut Case<'_, '_>,
    index: u32,
    bundle: &mut Bundle,
    mut dispute: Dispute,
    right: Vec<Option<Outcome>>,
) {
    let opened = |run: &&Run| run.root().is_some();
    let (convicted, upheld): (Vec<&Run>, Vec<&Run>) = bundle
        .runs
        .iter()
        .filter(opened)
        .partition(|run| is_wrong(&dispute, &right, run.peer));
    let peers = |runs: &[&Run]| -> Vec<PeerId> { runs.iter().map(|run| run.peer).collect() };
    let (convicted, upheld) = (peers(&convicted), peers(&upheld));
    let name = case.name(index);
    case.draft.say(Event::Verdict {
        bundle: name,
        right: right.clone(),
        upheld: upheld.clone(),
        convicted: convicted.clone(),
    });

    let auditors = check::judge_auditors(case, index, &dispute.tasks, &right);
    let finder = finder(case, index, &dispute, &auditors);
    settle::pay_runs(case, index, bundle, |run| {
        !run.struck && upheld.contains(&run.peer)
    });
    demand::resolve(case, index, bundle, &convicted);
    settle::verified(
        case,
        index,
        bundle,
        |_| true,
        |run| !run.struck && upheld.contains(&run.peer),
    );
    if convicted.is_empty() {
        pay_for_nothing(case, index, &mut dispute, &right);
    }
    canary::give_back(case, &mut dispute);
    // Locks are released first, so that what is slashed is free; nothing can come between.
    settle::end(case, index, bundle, Happening::Judged);
    dispute.verdict = Some(Verdict {
        right,
        upheld,
        convicted,
        slashed: Vec::new(),
    });
    case.draft.put::<Disputes>(&dispute.number, &dispute);
    let slashed = punish(case, index, &dispute, (finder, &auditors));
    if let Some(verdict) = &mut dispute.verdict {
        verdict.slashed = slashed;
    }
    case.draft.put::<Disputes>(&dispute.number, &dispute);
}

/// Slashes peers, judges and auditors who stood against a verdict. Judges who found what is right
/// are paid for their runs out of what the treasury gets of it, and no more.
fn punish(
    case: &mut Case<'_, '_>,
    index: u32,
    dispute: &Dispute,
    (finder, auditors): (Option<PartyId>, &Auditors),
) -> Vec<(PeerId, Fault, Credits)> {
    let name = case.name(index);
    let verdict = dispute.verdict.as_ref().expect("a verdict was passed");
    let ground = Ground::Verdict(dispute.number);
    let params = case.draft.params();
    let most = case.price_of(dispute.tasks.len());
    let rightful = dispute
        .jurors
        .iter()
        .filter(|juror| answered(juror) && !stands_against(juror, &verdict.right));
    let mut judges: Vec<(PartyId, Credits)> = rightful.map(|juror| (juror.member, most)).collect();
    let mut slashed = Vec::new();
    for peer in verdict.convicted.iter().copied() {
        reputation::fault(case.draft, peer, case.job.terms.class);
        faults::convict(case.draft, peer);
        // Who signed two seals has lost all it had locked, this bundle's lock with it.
        if !faults::of(case.draft, peer).two_seals {
            let fault = Fault::WrongOutcome;
            let amount = slash::price(case.draft, params, (&case.job, name), (peer, fault));
            let rights = Rights {
                finder,
                claims: &[],
                judges: &judges,
            };
            let slash = Slash::peer(peer, fault, amount, ground);
            let shared = slash::take(case, index, slash, &rights);
            for (_, left) in &mut judges {
                *left = left.minus(shared.judge).expect("at most what was left");
            }
            slashed.push((peer, fault, shared.taken));
        }
    }
    for (member, peer) in against(dispute, &verdict.right, auditors) {
        let fault = Fault::WrongJudgement;
        let amount = slash::price(case.draft, params, (&case.job, name), (peer, fault));
        let slash = Slash::judge((member, peer), fault, amount, ground);
        let shared = slash::take(case, index, slash, &Rights::default());
        slashed.push((peer, fault, shared.taken));
    }
    slashed
}

/// The peers were right, and nothing but the submitter's canaries spoke against them: who judged so
/// is paid out of what was set aside of its deposit, and nobody is slashed for them.
fn pay_for_nothing(
    case: &mut Case<'_, '_>,
    index: u32,
    dispute: &mut Dispute,
    right: &[Option<Outcome>],
) {
    let judges: Vec<(PeerId, PartyId)> = dispute
        .jurors
        .iter()
        .filter(|juror| answered(juror) && !stands_against(juror, right))
        .map(|juror| (juror.peer, juror.member))
        .collect();
    let share = share_of(case, dispute.stake, judges.len(), dispute.tasks.len());
    for to in judges {
        dispute.stake = dispute
            .stake
            .minus(share)
            .expect("equal shares of a stake are at most the stake");
        settle::pay(case, index, to, share, Code::PanelPay);
    }
}

/// No panel could agree: the submitter's escrow pays the runs and its deposit the judges, and no
/// peer is slashed.
pub(crate) fn nobody(
    case: &mut Case<'_, '_>,
    index: u32,
    bundle: &mut Bundle,
    mut dispute: Dispute,
    why: Happening,
) {
    canary::give_back(case, &mut dispute);
    case.draft.put::<Disputes>(&dispute.number, &dispute);
    settle::pay_runs(case, index, bundle, |run| !run.struck);
    let judges: Vec<&Juror> = dispute
        .jurors
        .iter()
        .filter(|juror| answered(juror))
        .collect();
    let share = share_of(case, case.job.deposit, judges.len(), dispute.tasks.len());
    for juror in judges {
        let to = (juror.peer, juror.member);
        case.job.deposit = case
            .job
            .deposit
            .minus(share)
            .expect("equal shares of a deposit are at most the deposit");
        settle::pay(case, index, to, share, Code::PanelPay);
    }
    // A module whose judges differ too has no one outcome. Where none of them had any, its input
    // was missing, which says nothing of the module.
    if dispute.jurors.iter().any(answered) {
        let (module, job) = (case.job.terms.module, case.id);
        faults::flag_module(case.draft, module, job);
    }
    settle::end(case, index, bundle, why);
}

/// Whether a peer claims something else than is right at some judged task.
fn is_wrong(dispute: &Dispute, right: &[Option<Outcome>], peer: PeerId) -> bool {
    let claims = dispute.tasks.iter().map(|task| {
        let claim = task.claims.iter().find(|(claimant, _)| *claimant == peer);
        claim.map(|(_, proof)| proof.outcome)
    });
    claims
        .zip(right)
        .any(|(claim, right)| right.is_some() && claim.is_some() && claim != *right)
}

fn answered(juror: &Juror) -> bool {
    let outcomes = juror.answer.iter().flatten();
    outcomes.flatten().next().is_some()
}

fn stands_against(juror: &Juror, right: &[Option<Outcome>]) -> bool {
    let outcomes = juror.answer.iter().flatten();
    outcomes
        .zip(right)
        .any(|(found, right)| found.is_some() && right.is_some() && found != right)
}

/// Judges of either round, and auditors, whose answer is against the verdict, each once.
fn against(
    dispute: &Dispute,
    right: &[Option<Outcome>],
    auditors: &Auditors,
) -> Vec<(PartyId, PeerId)> {
    let earlier = dispute.earlier.iter();
    let earlier = earlier.filter(|juror| errs_without_excuse(dispute, right, juror));
    let now = dispute.jurors.iter();
    let now = now.filter(|juror| stands_against(juror, right));
    let mut against = auditors.wrong.clone();
    for juror in earlier.chain(now) {
        let who = (juror.member, juror.peer);
        if !against.contains(&who) {
            against.push(who);
        }
    }
    against
}

/// Whether a judge of a first panel stands against the verdict at a task where it has no excuse. It
/// has one where no peer claimed what is right: it may have run the one step in which two peers
/// part, and upheld the claim that held there. Where a peer does claim what is right, that claim
/// holds in every step, so whoever upheld another has run nothing.
fn errs_without_excuse(dispute: &Dispute, right: &[Option<Outcome>], juror: &Juror) -> bool {
    let found = juror.answer.iter().flatten();
    found
        .zip(right)
        .zip(&dispute.tasks)
        .any(|((found, right), task)| {
            let (Some(found), Some(right)) = (found, right) else {
                return false;
            };
            let claimed =
                |what: &Outcome| task.claims.iter().any(|(_, proof)| proof.outcome == *what);
            found != right && (claimed(right) || !claimed(found))
        })
}

/// Who has found what is wrong. Where a bundle is audited that is the auditor who found it and
/// nobody else: a ring that sees its audit coming cannot buy back its slash by showing itself.
fn finder(
    case: &Case<'_, '_>,
    index: u32,
    dispute: &Dispute,
    auditors: &Auditors,
) -> Option<PartyId> {
    let drawn = case.draft.row::<Audited>(&case.name(index));
    let by_audit = dispute.stake == Credits::ZERO;
    if drawn.is_none_or(|audited| audited.is_empty() && by_audit) {
        return Some(dispute.finder);
    }
    auditors.right.first().map(|(party, _)| *party)
}

fn share_of(case: &Case<'_, '_>, pot: Credits, heads: usize, tasks: usize) -> Credits {
    let heads = u64::try_from(heads).unwrap_or(u64::MAX);
    let Some(heads) = std::num::NonZeroU64::new(heads) else {
        return Credits::ZERO;
    };
    pot.split(heads).0.min(case.price_of(tasks))
}
