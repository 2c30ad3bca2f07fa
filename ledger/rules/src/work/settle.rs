//! How a bundle ends, and a job with its last bundle: who is paid, what goes back.

use std::num::NonZeroU64;

use protocol::entry;
use protocol::event::{Event, IssueEvent};
use protocol::ids::{PartyId, PeerId};
use protocol::job::Judge;
use protocol::outcome::Root;
use protocol::units::{Credits, mul_div_floor};

use crate::epoch::{self, reward};
use crate::market::index as price_index;
use crate::money::{About, Code, bond, escrow};
use crate::people::{Peers, reputation};
use crate::work::case::Case;
use crate::work::{
    Audited, Audits, Bundle, Happening, Phase, Run, Seat, State, canary, check, demand, faults,
};

/// What a run with this root costs.
pub(crate) fn bill_of(case: &Case<'_, '_>, index: u32, root: Root) -> Credits {
    entry::bill(&case.job.terms, case.tasks_in(index), root.fuel)
        .expect("a job's largest bill was worked out when it was submitted")
}

/// All opened roots are equal: all who opened are paid, if no audit and no canary can still speak
/// against them.
pub(crate) fn agreed(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle) {
    let name = case.name(index);
    let audited = case.draft.row::<Audited>(&name).unwrap_or_default();
    if audited.is_empty() && case.job.terms.care.canaries.is_none() {
        pay_runs(case, index, bundle, |run| !run.struck);
        verified(case, index, bundle, |_| false, |run| !run.struck);
        end(case, index, bundle, Happening::Agreed);
    } else {
        bundle.must_step(Happening::Matched);
    }
}

/// Those who are left of a difference agree: they are paid.
pub(crate) fn agreed_at_last(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle) {
    pay_runs(case, index, bundle, |run| !run.struck);
    verified(case, index, bundle, |_| false, |run| !run.struck);
    end(case, index, bundle, Happening::Agreed);
}

/// Nobody showed that an audit or a canary differs: all who opened are paid.
pub(crate) fn compared(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle) {
    pay_runs(case, index, bundle, |run| !run.struck);
    let audited = was_audited(case, index);
    let known = !audited && canary::weigh(case, index);
    let own: Vec<PeerId> = bundle
        .runs
        .iter()
        .filter(|run| canary::is_own(case, run))
        .map(|run| run.peer)
        .collect();
    let is_checked = |run: &Run| audited || (known && !own.contains(&run.peer));
    verified(case, index, bundle, is_checked, |run| !run.struck);
    end(case, index, bundle, Happening::Compared);
}

/// Whether some task of a bundle was audited, and its auditor opened.
fn was_audited(case: &Case<'_, '_>, index: u32) -> bool {
    let (name, job) = (case.name(index), case.id);
    let tasks = case.draft.row::<Audited>(&name).unwrap_or_default();
    let seats = case.draft.row::<Audits>(&job).map(|audit| audit.seats);
    let seats = seats.unwrap_or_default();
    let mut of_bundle = tasks
        .iter()
        .filter_map(|task| seats.get(usize::from(task.seat)));
    of_bundle.any(Seat::has_opened)
}

/// Pays every opened run that `is_paid` says yes to, out of the job's escrow.
pub(crate) fn pay_runs(
    case: &mut Case<'_, '_>,
    index: u32,
    bundle: &Bundle,
    is_paid: impl Fn(&Run) -> bool,
) {
    for run in bundle.runs.iter().filter(|run| is_paid(run)) {
        let Some(root) = run.root() else {
            continue;
        };
        let amount = bill_of(case, index, root);
        let owner = case
            .draft
            .row::<Peers>(&run.peer)
            .expect("only admitted peers are drawn")
            .owner;
        pay(case, index, (run.peer, owner), amount, Code::Pay);
        let whose = (case.name(index), case.job.sender);
        faults::remember(case.draft, run.peer, whose, amount);
        reward::worked(case.draft, run.peer, case.job.terms.class, amount);
        take_fee(case, amount);
        let about = About::Bundle(case.name(index));
        bond::vest(case.draft, run.peer, owner, amount, about);
    }
}

/// Counts every opened run that `is_right` says yes to for its peer; more where `is_audited`. A run
/// alone counts only there. Where nobody but the submitter could have judged, nothing counts.
pub(crate) fn verified(
    case: &mut Case<'_, '_>,
    index: u32,
    bundle: &Bundle,
    is_audited: impl Fn(&Run) -> bool,
    is_right: impl Fn(&Run) -> bool,
) {
    if case.job.terms.judge == Judge::Submitter {
        return;
    }
    let opened = |run: &&Run| run.root().is_some();
    let is_alone = bundle.runs.iter().filter(opened).count() < 2;
    let class = case.job.terms.class;
    for run in bundle.runs.iter().filter(|run| is_right(run)) {
        let audited = is_audited(run);
        if let Some(root) = run.root().filter(|_| audited || !is_alone) {
            let price = bill_of(case, index, root);
            reputation::verified(case.draft, run.peer, class, price, audited);
        }
    }
}

/// The federation's fee for a payment, on top of it and out of the same escrow, at the rate of the
/// day the job was submitted; and as much more as more than the price is at risk.
fn take_fee(case: &mut Case<'_, '_>, paid: Credits) {
    let rate = case.job.work_fee;
    let price = NonZeroU64::new(case.job.price.get()).expect("a task has a price");
    let risk = mul_div_floor(paid.get(), case.job.risk.get(), price);
    let fee = risk
        .and_then(|risk| paid.share(rate).plus(Credits::new(risk)))
        .expect("the fee of all runs was set aside");
    if fee == Credits::ZERO {
        return;
    }
    let burned = paid.share(rate.min(case.draft.params().work_fee_burned));
    let job = (case.id, case.job.sender);
    let burned = escrow::fee(case.draft, job, fee, burned);
    epoch::burned(case.draft, burned);
    case.job.fees = case.job.fees.plus(fee).expect("parts of the escrow");
    let (job, kept) = (case.id, fee.minus(burned).expect("a part of the fee"));
    case.draft
        .say(Event::Issue(IssueEvent::WorkFee { job, burned, kept }));
}

/// Pays a party for what a peer of its did, out of the job's escrow.
pub(crate) fn pay(
    case: &mut Case<'_, '_>,
    index: u32,
    (peer, owner): (PeerId, PartyId),
    amount: Credits,
    code: Code,
) {
    let bundle = case.name(index);
    let job = (case.id, case.job.sender);
    let why = (code, About::Bundle(bundle));
    escrow::pay(case.draft, job, owner, amount, why);
    case.job.paid = case
        .job
        .paid
        .plus(amount)
        .expect("what a job pays was in its escrow");
    case.draft.say(Event::Paid {
        bundle,
        peer,
        owner,
        amount,
    });
}

/// Ends a bundle: its locks are released and it is counted out of its job.
pub(crate) fn end(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle, how: Happening) {
    let was = bundle.state;
    bundle.must_step(how);
    let State::Ended(ending) = bundle.state else {
        panic!("{how:?} ends a bundle wherever it can happen, but after {was:?} it did not");
    };
    demand::resolve(case, index, bundle, &[]);
    for run in bundle.runs.iter().filter(|run| run.takes_part()) {
        bond::unlock(case.draft, run.peer, run.lock);
    }
    let counted = "a bundle is counted until it has ended, which it does once";
    if was == State::Drawn {
        case.job.unsealed = case.job.unsealed.checked_sub(1).expect(counted);
    }
    case.job.open = case.job.open.checked_sub(1).expect(counted);
    let (class, runs) = (case.job.terms.class, bundle.runs.len());
    if was != State::Waiting {
        price_index::frees(case.draft, class, runs as u64);
    }
    let bundle = case.name(index);
    case.draft.say(Event::BundleEnded { bundle, ending });
}

/// Ends a job whose bundles have all ended: what is left of its escrow goes back.
pub(crate) fn end_job(case: &mut Case<'_, '_>) {
    assert_eq!(case.job.open, 0, "a job ends with its last bundle");
    check::pay_auditors(case);
    case.job.phase = Phase::Ended;
    let source = (case.job.sender, case.job.purse);
    case.job.refunded = escrow::refund(case.draft, case.id, source);
    let (paid, refunded) = (case.job.paid, case.job.refunded);
    assert_eq!(
        paid.plus(refunded).and_then(|sum| sum.plus(case.job.fees)),
        Some(case.job.escrow),
        "what was set aside was paid or went back"
    );
    let job = case.id;
    case.draft.say(Event::JobEnded {
        job,
        paid,
        refunded,
    });
}
