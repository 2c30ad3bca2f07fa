//! What follows from a verdict: the wrong are slashed, the right are paid, judges who stood against
//! it pay too. And what follows when there is none.

use protocol::event::{Event, Fault};
use protocol::ids::{PartyId, PeerId};
use protocol::outcome::Outcome;
use protocol::units::Credits;

use crate::money::posting::{Posting, post_covered};
use crate::money::{About, Account, Code};
use crate::people::Peers;
use crate::work::case::Case;
use crate::work::check::Auditors;
use crate::work::slash::{self, Slash};
use crate::work::{
    Audited, Bundle, Dispute, Disputes, Happening, Juror, Run, Verdict, check, settle,
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
    // Locks are released first, so that what is slashed is free; nothing can come between.
    settle::end(case, index, bundle, Happening::Judged);
    let mut slashed = Vec::new();
    let mut kept = Credits::ZERO;
    for peer in &convicted {
        jail(case, *peer);
        let whole = Slash::peer(*peer, Fault::WrongOutcome, case.job.lock);
        let mut shared = slash::Shared::default();
        if !is_struck(case, *peer) {
            shared = slash::take(case, index, whole, finder, &[]);
        }
        kept = kept.plus(shared.treasury).expect("parts of the supply");
        slashed.push((*peer, Fault::WrongOutcome, shared.taken));
    }
    let twice = case.job.lock.times(case.draft.params().judge_fine.into());
    let twice = twice.unwrap_or(Credits::MAX);
    for (member, peer) in against(&dispute, &right, &auditors) {
        let slash = Slash::judge(member, peer, Fault::WrongJudgement, twice);
        let shared = slash::take(case, index, slash, None, &[]);
        slashed.push((peer, Fault::WrongJudgement, shared.taken));
    }
    let rightful = dispute
        .jurors
        .iter()
        .filter(|juror| answered(juror) && !stands_against(juror, &right));
    let judges: Vec<(PeerId, PartyId)> = rightful.map(|juror| (juror.peer, juror.member)).collect();
    pay_judges(case, index, &judges, dispute.tasks.len(), kept);
    dispute.verdict = Some(Verdict {
        right,
        upheld,
        convicted,
        slashed,
    });
    case.draft.put::<Disputes>(&dispute.number, &dispute);
}

/// No panel could agree: the submitter's escrow pays the runs and its deposit the judges, and no
/// peer is slashed.
pub(crate) fn nobody(
    case: &mut Case<'_, '_>,
    index: u32,
    bundle: &mut Bundle,
    dispute: &Dispute,
    why: Happening,
) {
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
    let mut against = auditors.wrong.clone();
    for juror in dispute.earlier.iter().chain(&dispute.jurors) {
        let who = (juror.member, juror.peer);
        if !against.contains(&who) && stands_against(juror, right) {
            against.push(who);
        }
    }
    against
}

/// Who has found what is wrong. Where a bundle is audited that is the auditor who found it and
/// nobody else: a ring that sees its audit coming cannot buy back its slash by showing itself.
fn finder(
    case: &Case<'_, '_>,
    index: u32,
    dispute: &Dispute,
    auditors: &Auditors,
) -> Option<PartyId> {
    let name = case.name(index);
    let audited = case.draft.row::<Audited>(&name).unwrap_or_default();
    if audited.is_empty() {
        return Some(dispute.finder);
    }
    auditors.right.first().map(|(party, _)| *party)
}

fn is_struck(case: &Case<'_, '_>, peer: PeerId) -> bool {
    let row = case.draft.row::<Peers>(&peer);
    row.is_some_and(|row| row.struck)
}

fn jail(case: &mut Case<'_, '_>, peer: PeerId) {
    let mut row = case
        .draft
        .row::<Peers>(&peer)
        .expect("only admitted peers are drawn");
    let until = case.draft.now().after(case.draft.params().jail);
    row.jailed_until = row.jailed_until.max(until);
    case.draft.put::<Peers>(&peer, &row);
}

fn share_of(case: &Case<'_, '_>, pot: Credits, heads: usize, tasks: usize) -> Credits {
    let heads = u64::try_from(heads).unwrap_or(u64::MAX);
    let Some(heads) = std::num::NonZeroU64::new(heads) else {
        return Credits::ZERO;
    };
    pot.split(heads).0.min(case.price_of(tasks))
}

/// Judges who found what is right are paid for their runs, out of what the treasury just got from
/// the slash and no more.
fn pay_judges(
    case: &mut Case<'_, '_>,
    index: u32,
    judges: &[(PeerId, PartyId)],
    tasks: usize,
    pot: Credits,
) {
    let amount = share_of(case, pot, judges.len(), tasks);
    let bundle = case.name(index);
    if amount == Credits::ZERO {
        return;
    }
    for (peer, owner) in judges.iter().copied() {
        let about = About::Bundle(bundle);
        post_covered(
            case.draft,
            Posting {
                from: Account::Treasury,
                to: Account::Wallet(owner),
                amount,
                code: Code::PanelPay,
                about,
            },
        );
        case.draft.say(Event::Paid {
            bundle,
            peer,
            owner,
            amount,
        });
    }
}
