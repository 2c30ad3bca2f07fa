//! Outcomes that a peer opened a root of and keeps to itself. Whoever has a stake demands them on
//! the ledger; a peer that does not answer in time is taken for a liar, since only a liar gains.
//!
//! The demander leaves a deposit that covers the answer's fee. It comes back if the peer is found
//! wrong or says nothing, and is the peer's if it was right.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::event::{Event, Fault, FaultEvent};
use protocol::ids::{BundleId, PartyId, PeerId};
use protocol::outcome::{self, Outcome, Root};
use protocol::units::{Credits, Moment};

use crate::money::posting::{Posting, post, post_covered};
use crate::money::{About, Account, Code, bond};
use crate::people::{Peers, reputation};
use crate::refusal::Refusal;
use crate::state::{Draft, View, row, table};
use crate::work::case::Case;
use crate::work::compare::{Compared, compare};
use crate::work::due::{self, Due};
use crate::work::hold::Ground;
use crate::work::slash::{self, Rights, Slash};
use crate::work::{Audits, Bundle, Gone, Happening, Run, Stage, State, faults, settle};

/// Bytes of an answer's entry for each of its outcomes, and beside them.
const ANSWER_BYTES: (u64, u64) = (40, 512);

/// A demand for all outcomes of a peer's run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Demand {
    /// Who demands.
    pub by: PartyId,
    /// What is left of its deposit.
    pub deposit: Credits,
    /// By when the peer must answer.
    pub answer_by: Moment,
    /// Whether it did.
    pub answered: bool,
}

table!(
    /// Demands.
    Demands, 0x9A, (BundleId, PeerId) => Demand
);

/// A demand, if there was one.
pub(crate) fn of(view: &dyn View, bundle: BundleId, peer: PeerId) -> Option<Demand> {
    row::<Demands>(view, &(bundle, peer))
}

/// Demands the outcomes of a peer's run.
///
/// # Errors
/// [`Refusal`] if nothing is in question there, the sender has no stake in it, somebody demanded
/// before, or the wallet holds less than the deposit.
pub(crate) fn ask(
    draft: &mut Draft<'_>,
    sender: PartyId,
    name: BundleId,
    peer: PeerId,
) -> Result<(), Refusal> {
    let mut case = Case::take(draft, name.job)?;
    let mut bundle = case.bundle(name.index)?;
    in_question(&bundle)?;
    let slot = bundle.slot(peer)?;
    if bundle.runs[slot].root().is_none() {
        return Err(Refusal::NotSealed { peer });
    }
    if !has_stake(&case, &bundle, sender) {
        return Err(Refusal::NoStake);
    }
    if of(case.draft, name, peer).is_some() {
        return Err(Refusal::AlreadyDemanded { peer });
    }
    let deposit = deposit(&case, name.index);
    post(
        case.draft,
        Posting {
            from: Account::Wallet(sender),
            to: Account::Demand(name, peer),
            amount: deposit,
            code: Code::DemandDeposit,
            about: About::Bundle(name),
        },
    )?;
    let answer_by = case.window_end(|params| params.answer_window);
    let demand = Demand {
        by: sender,
        deposit,
        answer_by,
        answered: false,
    };
    case.draft.put::<Demands>(&(name, peer), &demand);
    due::push(case.draft, answer_by, Due::Demand(name, peer));
    leave_time(&mut case, name.index, &mut bundle, answer_by);
    case.keep(name.index, &bundle);
    case.draft.say(Event::Fault(FaultEvent::Demanded {
        bundle: name,
        peer,
        by: sender,
        answer_by,
    }));
    case.put_back();
    Ok(())
}

fn in_question(bundle: &Bundle) -> Result<(), Refusal> {
    let (state, asked) = (bundle.state, Happening::Shown);
    match state {
        State::Differing | State::Checking => Ok(()),
        _ => Err(Refusal::WrongState { state, asked }),
    }
}

/// The submitter, the owners of the bundle's peers, and the job's auditors.
fn has_stake(case: &Case<'_, '_>, bundle: &Bundle, party: PartyId) -> bool {
    let owns = |run: &Run| {
        let row = case.draft.row::<Peers>(&run.peer);
        row.is_some_and(|row| row.owner == party)
    };
    let audit = case.draft.row::<Audits>(&case.id);
    let audits = audit.is_some_and(|audit| audit.seats.iter().any(|seat| seat.member == party));
    case.job.sender == party || audits || bundle.runs.iter().any(owns)
}

/// What an answer's entry costs, twice over.
fn deposit(case: &Case<'_, '_>, index: u32) -> Credits {
    let params = case.draft.params();
    let (each, beside) = ANSWER_BYTES;
    let bytes = u64::from(case.tasks_in(index))
        .saturating_mul(each)
        .saturating_add(beside);
    let fee = params.byte_fee.times(bytes);
    let fee = fee.and_then(|by_size| by_size.plus(params.entry_fee));
    fee.and_then(|fee| fee.times(2)).unwrap_or(Credits::MAX)
}

/// Whoever gets an answer still has the whole time to show what is wrong with it.
fn leave_time(case: &mut Case<'_, '_>, index: u32, bundle: &mut Bundle, answer_by: Moment) {
    let params = case.draft.params();
    let class = case.job.terms.class;
    let until = answer_by.after(crate::params::window(params, class, params.dispute_window));
    match bundle.state {
        State::Differing if bundle.due < until => case.due_at(index, bundle, until),
        State::Checking if case.job.due < until => {
            case.job.due = until;
            let id = case.id;
            due::push(case.draft, until, Due::Job(id, 0));
        }
        _ => {}
    }
}

/// Answers a demand.
///
/// # Errors
/// [`Refusal`] if nothing was demanded, it is too late, or these are not what the peer opened.
pub(crate) fn answer(
    draft: &mut Draft<'_>,
    name: BundleId,
    peer: PeerId,
    outcomes: &[Outcome],
) -> Result<(), Refusal> {
    let case = Case::take(draft, name.job)?;
    let bundle = case.bundle(name.index)?;
    let demand = of(case.draft, name, peer).filter(|demand| !demand.answered);
    let mut demand = demand.ok_or(Refusal::NotDemanded { peer })?;
    case.in_time(demand.answer_by)?;
    let slot = bundle.slot(peer)?;
    let is_whole = outcomes.len() == case.tasks_in(name.index) as usize;
    if !is_whole || outcome::root(outcomes) != bundle.runs[slot].root() {
        return Err(Refusal::OpeningMismatch { peer });
    }
    demand.answered = true;
    case.draft.put::<Demands>(&(name, peer), &demand);
    case.draft.say(Event::Fault(FaultEvent::Answered {
        bundle: name,
        peer,
        outcomes: outcomes.to_vec(),
    }));
    case.put_back();
    Ok(())
}

/// The time to answer is over: peers that said nothing are convicted, all of a bundle together, so
/// that none of them gains by another's silence.
pub(crate) fn is_over(draft: &mut Draft<'_>, name: BundleId, peer: PeerId) {
    let mut case = Case::take(draft, name.job).expect("jobs are never forgotten");
    let mut bundle = case.bundle(name.index).expect("demanded of a drawn bundle");
    let silent = silent(&case, name, &bundle);
    let last = silent.iter().map(|(_, demand)| demand.answer_by).max();
    let waits = last.filter(|last| *last > case.draft.deadline_now());
    if let Some(last) = waits {
        due::push(case.draft, last, Due::Demand(name, peer));
    } else if in_question(&bundle).is_ok() && !silent.is_empty() {
        convict(&mut case, name, &mut bundle, &silent);
        case.keep(name.index, &bundle);
    }
    case.put_back();
}

/// Peers of a bundle from which outcomes are demanded that are not here.
fn silent(case: &Case<'_, '_>, name: BundleId, bundle: &Bundle) -> Vec<(PeerId, Demand)> {
    let opened = bundle.runs.iter().filter(|run| run.root().is_some());
    opened
        .filter_map(|run| Some((run.peer, of(case.draft, name, run.peer)?)))
        .filter(|(_, demand)| !demand.answered)
        .collect()
}

/// F1 without a verdict, and what becomes of the bundle without these peers.
fn convict(
    case: &mut Case<'_, '_>,
    name: BundleId,
    bundle: &mut Bundle,
    silent: &[(PeerId, Demand)],
) {
    let peers: Vec<PeerId> = silent.iter().map(|(peer, _)| *peer).collect();
    resolve(case, name.index, bundle, &peers);
    for run in bundle.runs.iter_mut() {
        if peers.contains(&run.peer) {
            run.stage = Stage::Gone(Gone::Withheld);
            bond::unlock(case.draft, run.peer, run.lock);
        }
    }
    let left: Vec<(PeerId, Root)> = bundle
        .runs
        .iter()
        .filter(|run| !run.struck)
        .filter_map(|run| Some((run.peer, run.root()?)))
        .collect();
    let roots: Vec<Root> = left.iter().map(|(_, root)| *root).collect();
    let compared = compare(&roots, bundle.runs.len());
    // Who is left alone is not paid from the escrow, but has a claim on the slashes.
    let mut claims: Vec<(PartyId, Credits)> = left
        .iter()
        .filter(|_| compared == Compared::TooFew)
        .map(|(peer, root)| {
            let bill = settle::bill_of(case, name.index, *root);
            (owner(case, *peer), bill)
        })
        .collect();
    let ground = Ground::Silence(case.draft.now());
    for (peer, demand) in silent {
        case.draft.say(Event::Fault(FaultEvent::Withheld {
            bundle: name,
            peer: *peer,
        }));
        reputation::fault(case.draft, *peer, case.job.terms.class);
        faults::convict(case.draft, *peer);
        let rights = Rights {
            finder: Some(demand.by),
            claims: &claims,
            judges: &[],
        };
        let slash = Slash::peer(*peer, Fault::WrongOutcome, case.job.lock, ground);
        let shared = slash::take(case, name.index, slash, &rights);
        for (claim, got) in claims.iter_mut().zip(shared.victims) {
            claim.1 = claim.1.minus(got).expect("nobody gets more than its claim");
        }
    }
    match (bundle.state, compared) {
        (_, Compared::TooFew) => settle::end(case, name.index, bundle, Happening::TooFew),
        (State::Differing, Compared::Agreed) => settle::agreed_at_last(case, name.index, bundle),
        _ => {}
    }
}

fn owner(case: &Case<'_, '_>, peer: PeerId) -> PartyId {
    case.draft
        .row::<Peers>(&peer)
        .expect("only admitted peers are drawn")
        .owner
}

/// Gives the deposits of a bundle's demands to whom they belong, once: back, where the peer is one
/// of the `wrong` or never answered; else to the peer's owner.
pub(crate) fn resolve(case: &mut Case<'_, '_>, index: u32, bundle: &Bundle, wrong: &[PeerId]) {
    let name = case.name(index);
    for run in &bundle.runs {
        let peer = run.peer;
        let Some(mut demand) = of(case.draft, name, peer) else {
            continue;
        };
        let (to, code) = if wrong.contains(&peer) || !demand.answered {
            (demand.by, Code::DemandReturned)
        } else {
            (owner(case, peer), Code::DemandPaid)
        };
        post_covered(
            case.draft,
            Posting {
                from: Account::Demand(name, peer),
                to: Account::Wallet(to),
                amount: demand.deposit,
                code,
                about: About::Bundle(name),
            },
        );
        demand.deposit = Credits::ZERO;
        case.draft.put::<Demands>(&(name, peer), &demand);
    }
}
