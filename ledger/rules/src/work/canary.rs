//! Canaries: tasks whose outcome the submitter knew before anyone ran them. It committed to them
//! when it submitted, so that no peer can tell which they are, and opens them when all have opened.
//!
//! ```text
//! Submit: digest ─▶ peers seal, open, agree ─▶ all wait ─▶ Canaries: task, outcome ─▶ Contest
//!                                                                    └─ nobody contests: a pass
//! ```
//!
//! Never to open them is nobody's fault: the job goes on as if it had none. One that differs lets
//! its submitter, and nobody else, call a panel over copies that all agree. The panel is paid out
//! of the submitter's deposit if the peers were right.

use protocol::entry::{Canary, canaries_digest, canaries_most};
use protocol::event::Event;
use protocol::ids::{BundleId, Digest, JobId, PartyId};
use protocol::job::Terms;
use protocol::outcome::Outcome;
use protocol::units::{Bps, Credits};

use crate::chance::Chance;
use crate::people::{Peers, member};
use crate::refusal::Refusal;
use crate::state::{Draft, View, row, table};
use crate::work::case::Case;
use crate::work::{Audit, AuditStage, Audits, Dispute, Phase, Run, State};

table!(
    /// The opened canaries of a bundle whose copies agree, tasks rising.
    Canaries, 0x9D, BundleId => Vec<Canary>
);

/// The opened canaries of a bundle.
pub(crate) fn of(view: &dyn View, bundle: BundleId) -> Vec<Canary> {
    row::<Canaries>(view, &bundle).unwrap_or_default()
}

/// How many canaries a job with these terms may open.
///
/// # Errors
/// [`Refusal::TooManyCanaries`] if it commits to some where there are none.
pub(crate) fn most(draft: &Draft<'_>, terms: &Terms) -> Result<u32, Refusal> {
    if terms.care.canaries.is_none() {
        return Ok(0);
    }
    match canaries_most(terms.tasks, draft.params().canary) {
        0 => Err(Refusal::TooManyCanaries { most: 0 }),
        most => Ok(most),
    }
}

/// A closed job without auditors waits for its canaries all the same, once its peers have opened.
pub(crate) fn expect(case: &mut Case<'_, '_>) {
    if case.job.terms.care.canaries.is_none() {
        return;
    }
    let audit = Audit {
        stage: AuditStage::Waiting,
        seats: Vec::new(),
        content: false,
    };
    case.job.audited = true;
    let id = case.id;
    case.draft.put::<Audits>(&id, &audit);
}

/// The submitter opens its canaries.
///
/// # Errors
/// [`Refusal`] if the job is not the sender's, not compared now, or these are not all and only the
/// canaries that it committed to.
pub(crate) fn open(
    draft: &mut Draft<'_>,
    sender: PartyId,
    job: JobId,
    salt: &Digest,
    canaries: &[Canary],
) -> Result<(), Refusal> {
    let mut case = Case::take(draft, job)?;
    case.only_by(sender)?;
    let committed = case.job.terms.care.canaries;
    let most = case.job.canaries;
    let committed = committed.filter(|_| most > 0).ok_or(Refusal::NoCanaries)?;
    if matches!(case.job.phase, Phase::Auditing | Phase::Opening) {
        return Err(Refusal::PeersFirst);
    }
    case.only_in(Phase::Checking, "opening canaries")?;
    case.in_time(case.job.due)?;
    if canaries_digest(&case.job.terms.job, salt, canaries) != committed {
        return Err(Refusal::CanariesMismatch);
    }
    if u32::try_from(canaries.len()).is_ok_and(|all| all > most) {
        return Err(Refusal::TooManyCanaries { most });
    }
    let beyond = canaries.iter().find(|one| one.task >= case.job.terms.tasks);
    if let Some(Canary { task, .. }) = beyond {
        return Err(Refusal::UnknownTask { task: *task });
    }
    case.job.canaries = 0;
    keep(&mut case, canaries);
    case.draft.say(Event::CanariesOpened {
        job,
        canaries: canaries.to_vec(),
    });
    case.put_back();
    Ok(())
}

/// Writes down the canaries of bundles that are compared now: of others, other means decide.
fn keep(case: &mut Case<'_, '_>, canaries: &[Canary]) {
    let bundle_of = |canary: &Canary| case.job.terms.place_of(canary.task).0;
    let of_bundles: Vec<(u32, Vec<Canary>)> = canaries
        .chunk_by(|one, next| bundle_of(one) == bundle_of(next))
        .filter_map(|of_one| Some((bundle_of(of_one.first()?), of_one.to_vec())))
        .collect();
    for (index, of_one) in of_bundles {
        let is_compared = |bundle: crate::work::Bundle| bundle.state == State::Checking;
        if case.bundle(index).is_ok_and(is_compared) {
            let name = case.name(index);
            case.draft.put::<Canaries>(&name, &of_one);
        }
    }
}

/// What the submitter has at this place of a bundle, if it opened a canary there.
pub(crate) fn at(case: &Case<'_, '_>, index: u32, place: u32) -> Option<Outcome> {
    let is_it = |canary: &&Canary| case.job.terms.place_of(canary.task) == (index, place);
    let canaries = of(case.draft, case.name(index));
    canaries.iter().find(is_it).map(|canary| canary.outcome)
}

/// Whether canaries that nobody contested weigh for this bundle as an audit does: with the chance
/// that as many tasks of it would have been audited, by a number that nobody knew when the peers
/// sealed. So canaries that cost nothing earn no trust faster than audits, which are paid for.
pub(crate) fn weigh(case: &Case<'_, '_>, index: u32) -> bool {
    let canaries = of(case.draft, case.name(index)).len();
    let judges = case.job.judges.expect("a compared job was closed");
    let canaries = u32::try_from(canaries).unwrap_or(u32::MAX);
    let share = case.job.audit.get().saturating_mul(canaries);
    let share = share.min(Bps::ONE.get());
    let parts: [&[u8]; 2] = [judges.bytes(), &index.to_le_bytes()];
    let mut chance = Chance::new("tallygrid canary weight v1", &parts);
    let rest = Bps::ONE.get().saturating_sub(share);
    chance.place(&[share.into(), rest.into()]) == Some(0)
}

/// Whether the submitter has a hand in a run: then its canaries say nothing of it.
pub(crate) fn is_own(case: &Case<'_, '_>, run: &Run) -> bool {
    let of = |peer| case.draft.row::<Peers>(peer);
    let sender = case.job.sender;
    let serving = of(&case.job.terms.peer).map(|peer| peer.sponsor);
    let owner = of(&run.peer).map(|peer| peer.owner);
    run.sponsor == sender || serving == Some(run.sponsor) || owner == Some(sender)
}

/// Sets aside what a panel over so many tasks costs, out of the submitter's deposit.
///
/// # Errors
/// [`Refusal::DepositTooSmall`] if other panels hold it or were paid of it.
pub(crate) fn stake(case: &mut Case<'_, '_>, tasks: usize) -> Result<Credits, Refusal> {
    let panel = u64::try_from(member::panel_size(case.draft)).expect("at most 64 members");
    let has = case.job.deposit;
    let needs = case.price_of(tasks).times(panel).unwrap_or(Credits::MAX);
    let left = has.minus(needs);
    case.job.deposit = left.ok_or(Refusal::DepositTooSmall { needs, has })?;
    Ok(needs)
}

/// Gives what was set aside back to the deposit: the peers were wrong, or nobody knows.
pub(crate) fn give_back(case: &mut Case<'_, '_>, dispute: &mut Dispute) {
    let stake = std::mem::take(&mut dispute.stake);
    let deposit = case.job.deposit.plus(stake);
    case.job.deposit = deposit.expect("it was taken from the deposit");
}
