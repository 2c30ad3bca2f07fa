//! Differences between results, and what became of them.

use protocol::event::Ending;
use protocol::ids::PeerId;
use protocol::outcome::Outcome;
use protocol::units::Moment;
use rules::work::{Dispute, Round, State};

use super::{JobBook, ROWS_MAX, Sources};
use crate::api::problem::{Code, Problem};
use crate::api::types::{Claim, DisputeState, DisputeView, DisputedTaskView, SlashView};

/// Every dispute, oldest first.
pub fn disputes(from: &Sources<'_>, book: &mut JobBook) -> Vec<DisputeView> {
    let all = rules::read::counts(&from.ledger.ask()).disputes;
    let first = all.saturating_sub(ROWS_MAX);
    (first..all).filter_map(|n| view(from, book, n)).collect()
}

/// The dispute of this number, from 1.
///
/// # Errors
/// [`Code::NotFound`] if there is none.
pub fn dispute(
    from: &Sources<'_>,
    book: &mut JobBook,
    number: u64,
) -> Result<DisputeView, Problem> {
    number
        .checked_sub(1)
        .and_then(|n| view(from, book, n))
        .ok_or_else(|| {
            Problem::new(Code::NotFound, format!("there is no dispute {number}"))
                .try_this("peer dispute ls")
        })
}

fn view(from: &Sources<'_>, book: &mut JobBook, row: u64) -> Option<DisputeView> {
    let ledger = from.ledger.ask();
    let dispute = rules::read::dispute(&ledger, row)?;
    let bundle = dispute.bundle;
    let job = rules::read::job(&ledger, bundle.job)?;
    let state = rules::read::bundle(&ledger, bundle).map(|bundle| bundle.state);
    let array = book.job(from.blobs, &job.terms.job).map(|job| job.array);
    let first = job.terms.tasks_of(bundle.index).start;
    let verdict = dispute.verdict.as_ref();
    let right = |place: usize| verdict.and_then(|v| v.right.get(place).copied().flatten());
    let tasks = dispute.tasks.iter().enumerate().map(|(place, disputed)| {
        let found = right(place);
        let task = first + disputed.claims.first().map_or(0, |(_, proof)| proof.place);
        DisputedTaskView {
            task,
            index: array.map_or(u64::from(task), |array| array.index(task)),
            claims: disputed
                .claims
                .iter()
                .map(|(peer, proof)| claim(*peer, proof.outcome, found))
                .collect(),
            right: found.map(|outcome| outcome.digest.into()),
        }
    });
    let slashed = verdict.map(|v| v.slashed.as_slice()).unwrap_or_default();
    let slashes = slashed.iter().map(|(peer, fault, amount)| SlashView {
        peer: (*peer).into(),
        fault: fault.code().to_owned(),
        words: fault.words().to_owned(),
        amount: (*amount).into(),
    });
    let ids = |peers: &[PeerId]| peers.iter().map(|peer| (*peer).into()).collect();
    Some(DisputeView {
        number: row + 1,
        job: bundle.job.into(),
        bundle: bundle.index,
        state: dispute_state(&dispute, state),
        tasks: tasks.collect(),
        panel: dispute
            .jurors
            .iter()
            .map(|juror| juror.member.into())
            .collect(),
        round: match dispute.round {
            Round::First => 1,
            Round::Whole => 2,
        },
        upheld: verdict.map_or_else(Vec::new, |v| ids(&v.upheld)),
        convicted: verdict.map_or_else(Vec::new, |v| ids(&v.convicted)),
        slashes: slashes.collect(),
        opened: dispute.when.into(),
        ended: None::<Moment>.map(Into::into),
    })
}

fn claim(peer: PeerId, outcome: Outcome, right: Option<Outcome>) -> Claim {
    Claim {
        peer: peer.into(),
        output: outcome.digest.into(),
        fuel: outcome.fuel.get(),
        right: right.map(|right| right == outcome),
    }
}

fn dispute_state(dispute: &Dispute, state: Option<State>) -> DisputeState {
    match state {
        Some(State::Ended(Ending::Nondeterministic)) => DisputeState::Nondeterministic,
        Some(State::Ended(Ending::Undisputed)) => DisputeState::Undisputed,
        _ if dispute.verdict.is_some() => DisputeState::Judged,
        Some(State::Differing) => DisputeState::Open,
        _ => DisputeState::Panel,
    }
}
