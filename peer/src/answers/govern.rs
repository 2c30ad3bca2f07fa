//! Governed numbers, classes, epochs and issuance.

use protocol::entry::Proposal;
use protocol::event::Decision;
use protocol::genesis::Issuance;
use protocol::job::Class;
use protocol::params::ParamSpec;
use protocol::units::{Credits, Moment};
use rules::params::{Curve, WorkUnit};
use rules::{About, Account, Ballot, Code as Posting, View};

use super::Sources;
use crate::api::problem::{Code, Problem};
use crate::api::types::{
    ChangedView, ClassView, EpochView, ParamView, PendingView, PoolView, ReserveView, Time,
};

/// So many of the newest proposals are looked through for what changes a number.
pub(super) const PROPOSALS_MAX: usize = 1_000;
/// So many lines of a proposer's history are looked through for the end of a proposal: all that the
/// ledger keeps.
const LINES_MAX: usize = 256;

/// Every governed number.
pub fn params(from: &Sources<'_>) -> Vec<ParamView> {
    let view = from.ledger.ask();
    let ballots = rules::read::proposals(&view, u64::MAX, PROPOSALS_MAX);
    let all = rules::read::all_params(&view).into_iter();
    all.map(|known| param_view(&view, &ballots, known))
        .collect()
}

/// One governed number.
///
/// # Errors
/// [`Code::NotFound`], naming those with similar names.
pub fn param(from: &Sources<'_>, name: &str) -> Result<ParamView, Problem> {
    let view = from.ledger.ask();
    let spec = ParamSpec::named(name).ok_or_else(|| unknown_param(name))?;
    let known = rules::read::param(&view, spec.id).ok_or_else(not_begun)?;
    let ballots = rules::read::proposals(&view, u64::MAX, PROPOSALS_MAX);
    Ok(param_view(&view, &ballots, known))
}

/// The ledger holds no state yet.
pub(super) fn not_begun() -> Problem {
    Problem::new(Code::Busy, "this peer's ledger has not begun").try_this("peer status")
}

/// No governed number has this name.
pub fn unknown_param(name: &str) -> Problem {
    let shown: String = name.chars().take(40).collect();
    let title = format!("there is no governed number `{}`", shown.escape_debug());
    let near: Vec<&str> = protocol::params::PARAMS
        .iter()
        .map(|spec| spec.name)
        .filter(|known| known.contains(name) || name.contains(known))
        .take(8)
        .collect();
    let problem = Problem::new(Code::NotFound, title).try_this("peer params ls");
    if near.is_empty() || name.is_empty() {
        problem
    } else {
        problem.because(format!("did you mean {}?", near.join(", ")))
    }
}

fn param_view(
    view: &dyn View,
    ballots: &[Ballot],
    (spec, value): (&'static ParamSpec, u64),
) -> ParamView {
    let changes = ballots.iter().filter_map(|ballot| {
        let Proposal::Params { changes } = &ballot.what else {
            return None;
        };
        let change = changes.iter().find(|(id, _)| *id == spec.id)?;
        Some((ballot, change.1))
    });
    let carried = |(ballot, _): &(&Ballot, u64)| ballot.ended == Some(Decision::Carried);
    let changed = changes.clone().find(carried);
    let pending = changes.filter(|(ballot, _)| ballot.ended.is_none());
    ParamView {
        id: spec.id,
        name: spec.name.to_owned(),
        what: spec.what.to_owned(),
        counts: spec.unit.words().to_owned(),
        value,
        default: spec.default,
        min: spec.min,
        max: spec.max,
        step: spec.step_from(value),
        changed: changed.map(|(ballot, _)| ChangedView {
            proposal: ballot.number,
            at: ended_at(view, ballot).map(Time),
            not_before: Time(ballot.executable.unwrap_or(ballot.opened)),
        }),
        pending: pending
            .map(|(ballot, to)| PendingView {
                proposal: ballot.number,
                to,
                votes_until: ballot.votes_until.into(),
                executable: ballot.executable.map(Time),
            })
            .collect(),
    }
}

/// When a proposal ended: its deposit came back then, and the proposer's history says so.
fn ended_at(view: &dyn View, ballot: &Ballot) -> Option<Moment> {
    let lines = rules::read::history(view, ballot.by, u64::MAX, LINES_MAX);
    let about = About::Proposal(ballot.number);
    let end = lines
        .iter()
        .find(|line| line.about == about && line.code == Posting::DepositReturned)?;
    Some(end.when)
}

/// The four classes.
pub fn classes(from: &Sources<'_>) -> Vec<ClassView> {
    let view = from.ledger.ask();
    let all = Class::ALL.into_iter();
    all.filter_map(|class| class_view(&view, class)).collect()
}

/// One class.
///
/// # Errors
/// [`Code::Busy`] if the ledger has not begun.
pub fn class(from: &Sources<'_>, class: Class) -> Result<ClassView, Problem> {
    class_view(&from.ledger.ask(), class).ok_or_else(not_begun)
}

fn class_view(view: &dyn View, class: Class) -> Option<ClassView> {
    let spec = rules::read::class(view, class)?;
    let index = rules::read::index(view, class)?;
    Some(ClassView {
        class: class.name().to_owned(),
        open: rules::read::class_takes_jobs(view, class),
        work_unit: match spec.unit {
            WorkUnit::Gfuel => "Gfuel",
            WorkUnit::Gcu => "GCU",
        }
        .to_owned(),
        copies: spec.copies,
        audit_bps: spec.audit.get(),
        slash_mult: spec.slash_mult,
        margin_bps: spec.margin,
        window_divisor: spec.window_divisor,
        curve: match spec.curve {
            Curve::Linear => "linear",
            Curve::Diminishing => "diminishing",
        }
        .to_owned(),
        availability_bps: spec.availability.get(),
        index: index.price.into(),
        utility_bps: spec.utility,
        quoted: rules::read::quoted(view, class)?.into(),
        index_start: spec.index_start.into(),
        wanted: index.wanted,
        offered: index.offered,
    })
}

/// The epoch that runs and those before it, newest first, at most `limit`.
///
/// # Errors
/// [`Code::Busy`] if the ledger has not begun.
pub fn epochs(from: &Sources<'_>, limit: u32) -> Result<Vec<EpochView>, Problem> {
    let view = from.ledger.ask();
    let (running, _) = rules::read::running_epoch(&view).ok_or_else(not_begun)?;
    let newest = (0..=running).rev().take(limit as usize);
    newest.map(|number| epoch_view(&view, number)).collect()
}

/// One epoch; the one that runs if `number` is absent.
///
/// # Errors
/// [`Code::NotFound`] for one that has not begun.
pub fn epoch(from: &Sources<'_>, number: Option<u64>) -> Result<EpochView, Problem> {
    let view = from.ledger.ask();
    let (running, _) = rules::read::running_epoch(&view).ok_or_else(not_begun)?;
    let number = number.unwrap_or(running);
    if number > running {
        let title = format!("epoch {number} has not begun: epoch {running} runs");
        return Err(Problem::new(Code::NotFound, title).try_this("peer epoch ls"));
    }
    epoch_view(&view, number)
}

fn epoch_view(view: &dyn View, number: u64) -> Result<EpochView, Problem> {
    let begun = rules::read::running_epoch(view).zip(rules::read::params(view));
    let ((running, began), params) = begun.ok_or_else(not_begun)?;
    let epoch = rules::read::epoch(view, number);
    let runs = number == running;
    let state = match (runs, number < rules::read::closed_epochs(view)) {
        (true, _) => "running",
        (false, true) => "closed",
        (false, false) => "ended",
    };
    let pools = [
        ("grants", epoch.pools.demand),
        ("peers that stood ready", epoch.pools.availability),
        ("members", epoch.pools.members),
        ("peers that worked", epoch.pools.supply),
        ("treasury", epoch.pools.treasury),
    ];
    let minted = pools
        .into_iter()
        .filter(|(_, amount)| *amount > Credits::ZERO);
    let issuance = rules::read::issuance(view).ok_or_else(not_begun)?;
    Ok(EpochView {
        number,
        state: state.to_owned(),
        began: runs.then_some(began.into()),
        ends: runs.then_some(began.after(params.epoch).into()),
        issuance: issuance_words(&issuance).to_owned(),
        supply: rules::read::supply(view).circulating.into(),
        reserve: reserve(view),
        treasury: rules::read::account(view, Account::Treasury)
            .amount()
            .into(),
        paid: epoch.paid.into(),
        burned: epoch.burned.into(),
        cap: epoch.cap.into(),
        pools: minted
            .map(|(pool, amount)| PoolView {
                pool: pool.to_owned(),
                amount: amount.into(),
            })
            .collect(),
        minted: epoch.minted.into(),
    })
}

fn reserve(view: &dyn View) -> Option<ReserveView> {
    let reserve = rules::read::reserve(view)?;
    let (price, gives) = rules::read::credit_prices(view)?;
    Some(ReserveView {
        holds: reserve.holds.into(),
        as_of: reserve.as_of.into(),
        price: price.into(),
        gives: gives.into(),
    })
}

const fn issuance_words(issuance: &Issuance) -> &'static str {
    match issuance {
        Issuance::Fixed => "fixed: what there was at the beginning",
        Issuance::Inflation => "inflation: every epoch, bounded by a share of all credits a year",
        Issuance::MutualCredit => "mutual credit: members may owe as far as their line",
        Issuance::Reserve { curve: Some(_), .. } => {
            "reserve: what custodians hold, at a price that rises with every credit"
        }
        Issuance::Reserve {
            redeemable: true, ..
        } => "reserve: what custodians hold, and can be redeemed",
        Issuance::Reserve { .. } => "reserve: what custodians hold",
    }
}
