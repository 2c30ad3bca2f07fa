//! Findings against openings. Auditors open once every peer has; whoever holds a peer's outcomes
//! compares them, and shows a panel where they differ. What nobody contests is settled: at once if
//! the submitter is content, else when the time for a contest is over.

use protocol::entry::{self, AUDITED_PER_PART, DisputedTask, Findings, Opening};
use protocol::event::Event;
use protocol::ids::{BundleId, JobId, PartyId, PeerId};
use protocol::outcome::{LeafProof, Outcome};
use protocol::units::Credits;

use crate::money::Code;
use crate::refusal::Refusal;
use crate::state::{Draft, row};
use crate::work::case::Case;
use crate::work::due::{self, Due};
use crate::work::{
    Audit, AuditStage, Audited, AuditedTask, Audits, Bundle, Found, Phase, Seat, SeatStage, State,
    audit, canary, dispute, open, settle,
};

/// Enters openings of peers, then findings of auditors, then the submitter's word. What does not
/// apply is passed over, so that one thing cannot hold up the others.
///
/// # Errors
/// Why the first does not apply, if none does.
pub(crate) fn enter(
    draft: &mut Draft<'_>,
    sender: PartyId,
    job: JobId,
    (openings, findings): (&[Opening], &[Findings]),
    content: bool,
) -> Result<(), Refusal> {
    let mut case = Case::take(draft, job)?;
    if content {
        case.only_by(sender)?;
    }
    let mut first_refusal = None;
    let mut any = false;
    let mut note = |answer: Result<(), Refusal>| match answer {
        Ok(()) => any = true,
        Err(refusal) => first_refusal = first_refusal.take().or(Some(refusal)),
    };
    for opening in openings {
        note(open::enter_one(&mut case, opening));
    }
    case.go_on();
    for findings in findings {
        note(enter_one(&mut case, findings));
    }
    if content {
        note(accept(&mut case));
    }
    case.put_back();
    match first_refusal {
        Some(refusal) if !any => Err(refusal),
        _ => Ok(()),
    }
}

/// Every peer has opened: auditors open.
pub(crate) fn begin(case: &mut Case<'_, '_>) {
    let id = case.id;
    let mut audit = audit::of(case.draft, id);
    audit.stage = AuditStage::Opening;
    case.job.phase = Phase::Checking;
    let open_by = case.window_end(|params| params.open_window);
    case.job.due = open_by;
    case.draft.say(Event::AuditsOpening { job: id, open_by });
    due::push(case.draft, open_by, Due::Job(id, 0));
    move_on(case, audit);
}

fn enter_one(case: &mut Case<'_, '_>, findings: &Findings) -> Result<(), Refusal> {
    if matches!(case.job.phase, Phase::Auditing | Phase::Opening) {
        return Err(Refusal::PeersFirst);
    }
    case.only_in(Phase::Checking, "opening an audit")?;
    let (id, party) = (case.id, findings.member);
    let mut audit = audit::of(case.draft, id);
    let (due, now) = (case.job.due, case.draft.deadline_now());
    if audit.stage != AuditStage::Opening || now > due {
        return Err(Refusal::DeadlinePassed { due, now });
    }
    if !audit.seats.iter().any(|seat| seat.member == party) {
        return Err(Refusal::NotAuditor { party });
    }
    let hash = findings.seal(&id);
    let number = audit
        .seats
        .iter()
        .position(|seat| seat.stage == SeatStage::Sealed(hash));
    let number = number.filter(|_| findings.is_whole());
    let number = number.ok_or(Refusal::FindingsMismatch { party })?;
    let seat = &mut audit.seats[number];
    let (part, found) = (findings.part, findings.outcomes.len());
    let expected = seat.tasks_in(part);
    if expected != found || findings.parts.len() != seat.parts() as usize {
        return Err(Refusal::AnswerShape { expected, found });
    }
    if seat.opened.contains(&part) {
        return Err(Refusal::AlreadyAnswered { party });
    }
    seat.opened.push(part);
    let owed = findings.outcomes.iter().flatten();
    seat.owed = owed.fold(seat.owed, |sum, outcome| {
        let bill = entry::bill(&case.job.terms, 1, outcome.fuel).unwrap_or(case.job.price);
        sum.plus(bill)
            .expect("an auditor runs at most all of a job")
    });
    let number = u16::try_from(number).expect("a job has far fewer seats");
    case.draft
        .put::<Found>(&(id, number, part), &findings.outcomes);
    case.draft.say(Event::AuditOpened {
        job: id,
        seat: number,
        member: party,
        part,
        outcomes: findings.outcomes.clone(),
    });
    move_on(case, audit);
    Ok(())
}

/// The submitter has compared, and is content.
fn accept(case: &mut Case<'_, '_>) -> Result<(), Refusal> {
    if matches!(case.job.phase, Phase::Auditing | Phase::Opening) {
        return Err(Refusal::PeersFirst);
    }
    case.only_in(Phase::Checking, "accepting")?;
    let mut audit = audit::of(case.draft, case.id);
    audit.content = true;
    move_on(case, audit);
    Ok(())
}

/// Whether an auditor has sealed what it has not opened.
fn owes(seat: &Seat) -> bool {
    matches!(seat.stage, SeatStage::Sealed(_)) && !seat.has_opened()
}

/// Goes on where all auditors have opened: to the time for contests, or to the end.
fn move_on(case: &mut Case<'_, '_>, mut audit: Audit) {
    let id = case.id;
    if audit.stage == AuditStage::Opening && !audit.seats.iter().any(owes) {
        audit.stage = AuditStage::Contest;
        case.job.due = case.window_end(|params| params.dispute_window);
        let due = case.job.due;
        due::push(case.draft, due, Due::Job(id, 0));
    }
    if audit.stage == AuditStage::Contest && audit.content {
        audit.stage = AuditStage::Over;
        case.draft.put::<Audits>(&id, &audit);
        settle_rest(case);
    } else {
        case.draft.put::<Audits>(&id, &audit);
    }
}

/// The time of this part of the check is over. Returns whether there was anything to do.
pub(crate) fn is_over(case: &mut Case<'_, '_>) -> bool {
    let mut audit = audit::of(case.draft, case.id);
    match audit.stage {
        AuditStage::Opening => {
            for number in 0..audit.seats.len() {
                if owes(&audit.seats[number]) {
                    let member = audit.seats[number].member;
                    audit::lapse(case, &mut audit, number);
                    let (job, next) = (case.id, None);
                    case.draft.say(Event::AuditLapsed { job, member, next });
                }
            }
            move_on(case, audit);
            true
        }
        AuditStage::Contest => {
            audit.stage = AuditStage::Over;
            let id = case.id;
            case.draft.put::<Audits>(&id, &audit);
            settle_rest(case);
            true
        }
        AuditStage::Sealing | AuditStage::Waiting | AuditStage::Over => false,
    }
}

/// Whether a job waits for its auditors. They open whatever became of its bundles: what they found
/// is theirs to be paid for.
pub(crate) fn waits(case: &Case<'_, '_>) -> bool {
    let audits = row::<Audits>(case.draft, &case.id).filter(|_| case.job.audited);
    audits.is_some_and(|audit| !matches!(audit.stage, AuditStage::Contest | AuditStage::Over))
}

fn settle_rest(case: &mut Case<'_, '_>) {
    for index in 0..case.job.terms.bundles() {
        let mut bundle = case
            .bundle(index)
            .expect("a closed job's bundles are drawn");
        if bundle.state == State::Checking {
            settle::compared(case, index, &mut bundle);
            case.keep(index, &bundle);
        }
    }
}

/// Pays auditors what their findings cost, as far as it was set aside.
pub(crate) fn pay_auditors(case: &mut Case<'_, '_>) {
    let Some(audit) = row::<Audits>(case.draft, &case.id) else {
        return;
    };
    let mut left = case.job.audits;
    for (number, seat) in (0..).zip(&audit.seats) {
        let amount = seat.owed.min(left);
        if amount == Credits::ZERO {
            continue;
        }
        left = left.minus(amount).expect("the lesser of the two");
        let tasks = audit::tasks_of(case.draft, case.id, number, seat);
        let index = tasks
            .first()
            .map_or(0, |task| case.job.terms.place_of(*task).0);
        settle::pay(
            case,
            index,
            (seat.peer, seat.member),
            amount,
            Code::AuditPay,
        );
    }
}

/// What the auditor of a task found there, if it has opened: its seat, and the outcome.
pub(crate) fn found_at(
    draft: &Draft<'_>,
    bundle: BundleId,
    size: u32,
    place: u32,
) -> Option<(u16, Outcome)> {
    let audited = draft.row::<Audited>(&bundle)?;
    let task: &AuditedTask = audited.iter().find(|task| task.place == place)?;
    let audit = draft.row::<Audits>(&bundle.job)?;
    let seat = audit.seats.get(usize::from(task.seat))?;
    let tasks = audit::tasks_of(draft, bundle.job, task.seat, seat);
    let number = bundle.index.saturating_mul(size).saturating_add(place);
    let at = tasks.binary_search(&number).ok()?;
    let part = u32::try_from(at.checked_div(AUDITED_PER_PART as usize)?).ok()?;
    let found = draft.row::<Found>(&(bundle.job, task.seat, part))?;
    let outcome = found
        .get(at.checked_rem(AUDITED_PER_PART as usize)?)
        .copied()
        .flatten()?;
    Some((task.seat, outcome))
}

/// Auditors of disputed tasks: those who found what is right, and those who did not.
#[derive(Debug, Default)]
pub(crate) struct Auditors {
    pub(crate) right: Vec<(PartyId, PeerId)>,
    pub(crate) wrong: Vec<(PartyId, PeerId)>,
}

/// Looks what auditors found at judged tasks. Those who were wrong have nothing to be paid for.
pub(crate) fn judge_auditors(
    case: &mut Case<'_, '_>,
    index: u32,
    tasks: &[DisputedTask],
    right: &[Option<Outcome>],
) -> Auditors {
    let mut auditors = Auditors::default();
    let id = case.id;
    let Some(mut audit) = row::<Audits>(case.draft, &id) else {
        return auditors;
    };
    let (name, size) = (case.name(index), case.job.terms.tasks_per_bundle);
    for (task, right) in tasks.iter().zip(right) {
        let place = task.claims.first().map(|(_, proof)| proof.place);
        let found = place.and_then(|place| found_at(case.draft, name, size, place));
        let (Some((seat, outcome)), Some(right)) = (found, right) else {
            continue;
        };
        let seat = &mut audit.seats[usize::from(seat)];
        let who = (seat.member, seat.peer);
        let list = if outcome == *right {
            &mut auditors.right
        } else {
            seat.stage = SeatStage::Wrong;
            seat.owed = Credits::ZERO;
            &mut auditors.wrong
        };
        if !list.contains(&who) {
            list.push(who);
        }
    }
    auditors.right.retain(|who| !auditors.wrong.contains(who));
    case.draft.put::<Audits>(&id, &audit);
    auditors
}

/// Shows that what a bundle's peers opened is not what an auditor found, or not what the submitter
/// opened as a canary. By a canary only the submitter may, whose deposit answers for it.
///
/// # Errors
/// [`Refusal`] if the bundle is not compared now, the proofs show no difference, or the submitter
/// has too little of its deposit left.
pub(crate) fn contest(
    draft: &mut Draft<'_>,
    sender: PartyId,
    bundle: BundleId,
    proofs: &[LeafProof],
) -> Result<(), Refusal> {
    let mut case = Case::take(draft, bundle.job)?;
    let mut row = case.bundle(bundle.index)?;
    if row.state != State::Checking {
        let (state, asked) = (row.state, crate::work::Happening::Shown);
        return Err(Refusal::WrongState { state, asked });
    }
    let shown = check(&case, bundle, &row, proofs)?;
    let mut stake = Credits::ZERO;
    if shown.by_canary > 0 {
        case.only_by(sender)?;
        stake = canary::stake(&mut case, shown.by_canary)?;
    }
    let panel = ((sender, shown.tasks), (shown.auditors, stake));
    dispute::begin_panel(&mut case, bundle.index, &mut row, panel.0, panel.1);
    case.keep(bundle.index, &row);
    case.put_back();
    Ok(())
}

/// What a contest shows.
struct Shown {
    /// The disputed tasks.
    tasks: Vec<DisputedTask>,
    /// The parties of the auditors who found something else there.
    auditors: Vec<PartyId>,
    /// Tasks where nothing but a canary differs.
    by_canary: usize,
}

fn check(
    case: &Case<'_, '_>,
    name: BundleId,
    bundle: &Bundle,
    proofs: &[LeafProof],
) -> Result<Shown, Refusal> {
    let opened: Vec<_> = bundle
        .runs
        .iter()
        .filter_map(|run| Some((run.peer, run.root()?)))
        .collect();
    let (first, root) = *opened
        .first()
        .expect("a bundle is checked once its peers opened");
    let (size, tasks) = (case.job.terms.tasks_per_bundle, case.tasks_in(name.index));
    let audit = audit::of(case.draft, case.id);
    let mut last = None;
    let mut shown = Shown {
        tasks: Vec::new(),
        auditors: Vec::new(),
        by_canary: 0,
    };
    for proof in proofs {
        let place = proof.place;
        if last.is_some_and(|last| place <= last) {
            return Err(Refusal::TasksOutOfOrder);
        }
        last = Some(place);
        if proof.root(tasks) != Some(root) {
            return Err(Refusal::ProofForged { peer: first });
        }
        let found = found_at(case.draft, name, size, place);
        let known = canary::at(case, name.index, place);
        if found.is_none() && known.is_none() {
            return Err(Refusal::NotAudited { place });
        }
        let differs = |outcome: &Outcome| *outcome != proof.outcome;
        match found.filter(|(_, outcome)| differs(outcome)) {
            Some((seat, _)) => {
                let party = audit.seats[usize::from(seat)].member;
                if !shown.auditors.contains(&party) {
                    shown.auditors.push(party);
                }
            }
            None if known.as_ref().is_some_and(differs) => {
                shown.by_canary = shown.by_canary.saturating_add(1);
            }
            None => return Err(Refusal::NoDifference { place }),
        }
        let claim = |(peer, _): &(PeerId, protocol::outcome::Root)| (*peer, proof.clone());
        let claims = opened.iter().map(claim).collect();
        shown.tasks.push(DisputedTask { claims });
    }
    Ok(shown)
}
