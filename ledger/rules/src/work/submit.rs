//! A job comes, and may be taken back until it is drawn.

use protocol::event::{Ending, Event, IssueEvent};
use protocol::ids::{Digest, EntryId, JobId, PartyId, PurseId};
use protocol::job::Terms;
use protocol::units::{Credits, Moment};

use crate::council::emergency;
use crate::market::class::Quote;
use crate::market::{class, roster};
use crate::money::{escrow, purse};
use crate::params::{SEAL_WINDOW_MAX, START_BLOCKS};
use crate::people::{Peers, member};
use crate::refusal::Refusal;
use crate::state::Draft;
use crate::work::case::Case;
use crate::work::due::{self, Due};
use crate::work::{
    Happening, Job, JobNumbers, Jobs, JobsOf, Phase, State, Submitters, canary, draw, faults, step,
};

/// Submits a job: everything it can cost goes into escrow.
///
/// # Errors
/// [`Refusal`] if the terms could never be met, the sender may not spend of the purse it names, or
/// less is there than the escrow.
pub(crate) fn submit(
    draft: &mut Draft<'_>,
    (sender, purse): (PartyId, Option<PurseId>),
    entry: EntryId,
    terms: &Terms,
    chain: Digest,
) -> Result<(), Refusal> {
    let quote = asked(draft, terms)?;
    let canaries = canary::most(draft, terms)?;
    let id = JobId::new(*entry.bytes());
    let per_task = quote
        .price
        .times(quote.copies.into())
        .ok_or(Refusal::AmountTooLarge)?;
    let cost = (per_task, quote.escrow);
    let source = purse::source(draft, (sender, purse), terms, cost)?;
    escrow::lock(draft, id, (sender, source.account), quote.escrow)?;

    let deadline = terms.care.deadline.map(|span| draft.now().after(span));
    let start_by = draft.now().after(draft.params().start_window);
    let start_by = deadline.map_or(start_by, |deadline| start_by.min(deadline));
    let job = Job {
        number: draft
            .count(|counts| counts.jobs = counts.jobs.saturating_add(1))
            .jobs,
        sender,
        terms: terms.clone(),
        chain,
        phase: Phase::Submitted,
        submitted: draft.now(),
        start_from: draft.at().height.after(START_BLOCKS),
        due: start_by,
        deadline,
        price: quote.price,
        audit: quote.audit,
        audits: quote.audits,
        lock: quote.lock,
        copies_max: quote.copies,
        escrow: quote.escrow,
        deposit: quote.deposit,
        seed: None,
        sealed: draft.at().height,
        judges: None,
        unsealed: terms.bundles(),
        unopened: 0,
        audited: false,
        canaries,
        open: terms.bundles(),
        paid: Credits::ZERO,
        work_fee: draft.params().work_fee,
        risk: quote.risk,
        fees: Credits::ZERO,
        refunded: Credits::ZERO,
        purse,
        excluded: source.excluded,
    };
    enter(draft, id, &job, start_by);
    draft.say(Event::Submitted {
        job: id,
        sender,
        terms: job.terms,
        chain,
        escrow: job.escrow,
        start_from: job.start_from,
        start_by,
    });
    Ok(())
}

/// What a job costs, if its terms can be met.
fn asked(draft: &Draft<'_>, terms: &Terms) -> Result<Quote, Refusal> {
    emergency::class_takes_jobs(draft, terms.class)?;
    within_bounds(draft, terms)?;
    let panel = u64::try_from(member::panel_size(draft)).expect("at most 64 members");
    let quote = class::quote(draft.params(), terms, panel)?;
    let have = roster::count(draft, terms.class);
    if have < terms.copies.into() {
        return Err(Refusal::NotEnoughOffers {
            class: terms.class.name(),
            have,
            copies: terms.copies,
        });
    }
    Ok(quote)
}

/// What is asked of terms alone.
fn within_bounds(draft: &Draft<'_>, terms: &Terms) -> Result<(), Refusal> {
    let min = draft.params().copies_trusted;
    if terms.copies < min {
        return Err(Refusal::TooFewCopies { min });
    }
    if let Some(flag) = faults::flag(draft, terms.module) {
        let (module, job) = (terms.module, flag.job);
        return Err(Refusal::ModuleFlagged { module, job });
    }
    if terms.care.anchor && draft.row::<Peers>(&terms.peer).is_none() {
        return Err(Refusal::UnknownPeer { peer: terms.peer });
    }
    let (min, max) = (draft.params().seal_window_min, SEAL_WINDOW_MAX);
    if terms.seal_window < min || terms.seal_window > max {
        return Err(Refusal::SealWindow { min, max });
    }
    Ok(())
}

fn enter(draft: &mut Draft<'_>, id: JobId, job: &Job, start_by: Moment) {
    assert!(
        draft.row::<Jobs>(&id).is_none(),
        "a job is named by its entry, and a nonce is used once"
    );
    let mut submitter = draft.row::<Submitters>(&job.sender).unwrap_or_default();
    draft.put::<JobsOf>(&(job.sender, submitter.jobs), &id);
    submitter.jobs = submitter.jobs.saturating_add(1);
    draft.put::<Submitters>(&job.sender, &submitter);
    draft.put::<JobNumbers>(&job.number, &id);
    draft.put::<Jobs>(&id, job);
    due::push(draft, start_by, Due::Job(id, 0));
}

/// Takes a job back before it is drawn.
///
/// # Errors
/// [`Refusal`] if it is not the sender's, or is drawn.
pub(crate) fn cancel(draft: &mut Draft<'_>, sender: PartyId, job: JobId) -> Result<(), Refusal> {
    let mut case = Case::take(draft, job)?;
    case.only_by(sender)?;
    case.only_in(Phase::Submitted, "cancelling")?;
    end_undrawn(&mut case);
    case.put_back();
    Ok(())
}

/// Ends every bundle of a job that was never drawn. Who could have started it pays for that: else a
/// submitter could look at who would be drawn, and submit again until it likes what it sees.
pub(crate) fn end_undrawn(case: &mut Case<'_, '_>) {
    if draw::could_start(case) {
        let fee = case.job.escrow.share(case.draft.params().abort_fee);
        let (job, sender) = (case.id, case.job.sender);
        escrow::abort(case.draft, (job, sender), fee);
        case.job.fees = case.job.fees.plus(fee).expect("a part of the escrow");
        let (burned, kept) = (Credits::ZERO, fee);
        case.draft
            .say(Event::Issue(IssueEvent::WorkFee { job, burned, kept }));
    }
    let ended = step(State::Waiting, Happening::Cancelled);
    assert_eq!(ended, Some(State::Ended(Ending::Cancelled)));
    for index in 0..case.job.terms.bundles() {
        let bundle = case.name(index);
        case.draft.say(Event::BundleEnded {
            bundle,
            ending: Ending::Cancelled,
        });
    }
    (case.job.unsealed, case.job.open) = (0, 0);
}
