//! Members judge. Each runs the disputed tasks, seals its answer, and opens it when all have
//! sealed. A first panel decides only if all of it found the same; else every member is asked, and
//! more than two thirds of power decide, task by task. A majority of peers decides nothing.

use std::collections::BTreeSet;

use protocol::entry::PanelAnswer;
use protocol::event::Event;
use protocol::ids::{BundleId, Digest, PartyId};
use protocol::outcome::Outcome;

use crate::people::member;
use crate::refusal::Refusal;
use crate::state::{Draft, View};
use crate::work::case::Case;
use crate::work::{Bundle, Dispute, Disputes, Happening, Juror, Round, dispute, sentence, silence};

/// A juror seals its answer.
///
/// # Errors
/// [`Refusal`] if the sender is not called, has sealed, or comes late.
pub(crate) fn seal(
    draft: &mut Draft<'_>,
    sender: PartyId,
    bundle: BundleId,
    seal: Digest,
) -> Result<(), Refusal> {
    let mut case = Case::take(draft, bundle.job)?;
    let (mut row, mut dispute) = take_dispute(&case, bundle, Happening::JurorSealed)?;
    let juror = called(&mut dispute, sender)?;
    if juror.seal.is_some() {
        return Err(Refusal::AlreadyAnswered { party: sender });
    }
    juror.seal = Some(seal);
    case.draft.put::<Disputes>(&dispute.number, &dispute);
    if dispute.jurors.iter().all(|juror| juror.seal.is_some()) {
        begin_opening(&mut case, bundle.index, &mut row);
    }
    case.keep(bundle.index, &row);
    case.put_back();
    Ok(())
}

/// A juror opens its answer.
///
/// # Errors
/// [`Refusal`] if the sender did not seal this answer, has opened, or comes late.
pub(crate) fn open(
    draft: &mut Draft<'_>,
    sender: PartyId,
    bundle: BundleId,
    answer: &PanelAnswer,
) -> Result<(), Refusal> {
    let mut case = Case::take(draft, bundle.job)?;
    let (mut row, mut dispute) = take_dispute(&case, bundle, Happening::JurorOpened)?;
    let (expected, found) = (dispute.tasks.len(), answer.outcomes.len());
    let juror = called(&mut dispute, sender)?;
    if juror.answer.is_some() {
        return Err(Refusal::AlreadyAnswered { party: sender });
    }
    if juror.seal != Some(answer.seal(&bundle, &sender)) {
        return Err(Refusal::AnswerMismatch { party: sender });
    }
    if expected != found {
        return Err(Refusal::AnswerShape { expected, found });
    }
    juror.answer = Some(answer.outcomes.clone());
    case.draft.put::<Disputes>(&dispute.number, &dispute);
    let waits = |juror: &Juror| juror.seal.is_some() && juror.answer.is_none();
    if !dispute.jurors.iter().any(waits) {
        tally(&mut case, bundle.index, &mut row, dispute);
    }
    case.keep(bundle.index, &row);
    case.put_back();
    Ok(())
}

fn take_dispute(
    case: &Case<'_, '_>,
    bundle: BundleId,
    asked: Happening,
) -> Result<(Bundle, Dispute), Refusal> {
    let mut row = case.bundle(bundle.index)?;
    row.step(asked)?;
    case.in_time(row.due)?;
    let dispute = dispute_of(case, &row);
    Ok((row, dispute))
}

fn dispute_of(case: &Case<'_, '_>, bundle: &Bundle) -> Dispute {
    bundle
        .dispute
        .and_then(|number| case.draft.row::<Disputes>(&number))
        .expect("a bundle before a panel has its dispute's number")
}

fn called(dispute: &mut Dispute, party: PartyId) -> Result<&mut Juror, Refusal> {
    let mut jurors = dispute.jurors.iter_mut();
    jurors
        .find(|juror| juror.member == party)
        .ok_or(Refusal::NotCalled { party })
}

fn begin_opening(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle) {
    bundle.must_step(Happening::JurorsSealed);
    let open_by = case.window_end(|params| params.panel_window);
    case.due_at(index, bundle, open_by);
    let name = case.name(index);
    case.draft.say(Event::PanelOpening {
        bundle: name,
        open_by,
    });
}

/// The panel's time to seal is over. The first panel must be whole; of all members, those with more
/// than two thirds of power are enough.
pub(crate) fn sealing_is_over(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle) {
    let dispute = dispute_of(case, bundle);
    fine_silent(case, index, &dispute, |juror| juror.seal.is_none());
    let sealed = dispute.jurors.iter().filter(|juror| juror.seal.is_some());
    let enough = dispute.round == Round::Whole && decides(case.draft, sealed);
    if enough {
        begin_opening(case, index, bundle);
    } else {
        undecided(case, index, bundle, dispute, Happening::JurorsSilent);
    }
}

/// The panel's time to open is over: what was opened counts.
pub(crate) fn opening_is_over(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle) {
    let dispute = dispute_of(case, bundle);
    let silent = |juror: &Juror| juror.seal.is_some() && juror.answer.is_none();
    fine_silent(case, index, &dispute, silent);
    tally(case, index, bundle, dispute);
}

/// F8 for every juror that `is_silent`.
fn fine_silent(
    case: &mut Case<'_, '_>,
    index: u32,
    dispute: &Dispute,
    is_silent: impl Fn(&Juror) -> bool,
) {
    for juror in dispute.jurors.iter().filter(|juror| is_silent(juror)) {
        silence::fine(case, index, (juror.member, juror.peer));
    }
}

fn decides<'a>(view: &dyn View, jurors: impl Iterator<Item = &'a Juror>) -> bool {
    let power = jurors.fold(0, |sum: u64, juror| sum.saturating_add(juror.power.into()));
    member::decides(view, power)
}

fn tally(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle, dispute: Dispute) {
    let right: Vec<Option<Outcome>> = (0..dispute.tasks.len())
        .map(|task| right_of(case.draft, &dispute, task))
        .collect();
    let is_judged = match dispute.round {
        Round::First => right.iter().all(Option::is_some),
        Round::Whole => right.iter().any(Option::is_some),
    };
    if is_judged {
        sentence::pass(case, index, bundle, dispute, right);
    } else {
        undecided(case, index, bundle, dispute, Happening::Split);
    }
}

/// What is right at one task: what all of a first panel found, or more than two thirds of power.
fn right_of(view: &dyn View, dispute: &Dispute, task: usize) -> Option<Outcome> {
    let found = |juror: &Juror| juror.answer.as_ref().and_then(|answer| answer[task]);
    let answers: BTreeSet<(Digest, u64)> = dispute
        .jurors
        .iter()
        .filter_map(found)
        .map(|outcome| (outcome.digest, outcome.fuel.get()))
        .collect();
    answers
        .into_iter()
        .map(|(digest, fuel)| Outcome {
            digest,
            fuel: protocol::units::Fuel::new(fuel),
        })
        .find(|outcome| {
            let mut agree = dispute
                .jurors
                .iter()
                .filter(|juror| found(juror) == Some(*outcome));
            match dispute.round {
                Round::First => agree.count() == dispute.jurors.len(),
                Round::Whole => decides(view, agree.by_ref()),
            }
        })
}

/// This panel could not decide: ask every member, or give up if they were asked.
fn undecided(
    case: &mut Case<'_, '_>,
    index: u32,
    bundle: &mut Bundle,
    mut dispute: Dispute,
    why: Happening,
) {
    match dispute.round {
        Round::First => {
            bundle.must_step(why);
            dispute.earlier = std::mem::replace(&mut dispute.jurors, dispute::everyone(case.draft));
            dispute.round = Round::Whole;
            dispute::call(case, index, bundle, &dispute);
        }
        Round::Whole => sentence::nobody(case, index, bundle, dispute, why),
    }
}
