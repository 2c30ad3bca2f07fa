//! Proposals, notices and emergencies.

use std::collections::BTreeMap;

use protocol::entry::{Choice, EmergencyAct, Place, Proposal, Quota, Severity};
use protocol::event::Decision;
use protocol::genesis::Params;
use protocol::ids::{Digest, PartyId};
use protocol::job::Class;
use protocol::params::ParamSpec;
use protocol::units::Moment;
use rules::{Ballot, View};

use super::govern::not_begun;
use super::{Sources, sponsor_name};
use crate::amount::of_param;
use crate::api::problem::{Code, Problem};
use crate::api::types::{
    AccusationView, CouncilStateView, EmergencyView, NoticeView, ProposalState, ProposalView, Time,
    UpgradeView, VoteView,
};

/// Proposals before number `before` (all, if absent), newest first, at most `limit`.
///
/// # Errors
/// [`Code::Busy`] if the ledger has not begun.
pub fn proposals(
    from: &Sources<'_>,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<ProposalView>, Problem> {
    let view = from.ledger.ask();
    let newest = match before {
        None => u64::MAX,
        Some(0) => return Ok(Vec::new()),
        Some(before) => before - 1,
    };
    let ballots = rules::read::proposals(&view, newest, limit as usize);
    ballots
        .iter()
        .map(|ballot| proposal_view(&view, ballot))
        .collect()
}

/// One proposal.
///
/// # Errors
/// [`Code::NotFound`].
pub fn proposal(from: &Sources<'_>, number: u64) -> Result<ProposalView, Problem> {
    let view = from.ledger.ask();
    let ballot = rules::read::proposal(&view, number).ok_or_else(|| {
        Problem::new(Code::NotFound, format!("there is no proposal {number}"))
            .try_this("peer council ls")
    })?;
    proposal_view(&view, &ballot)
}

fn proposal_view(view: &dyn View, ballot: &Ballot) -> Result<ProposalView, Problem> {
    let begun = rules::read::params(view).zip(rules::read::last_block(view));
    let (params, (_, now)) = begun.ok_or_else(not_begun)?;
    let tally = rules::read::tally(view, ballot.number).unwrap_or_default();
    let members: BTreeMap<PartyId, (String, u8)> = rules::read::members(view)
        .into_iter()
        .map(|member| (member.party, (member.name, member.power)))
        .collect();
    let votes = ballot.votes.iter().map(|(party, choice)| VoteView {
        member: (*party).into(),
        name: members.get(party).map(|(name, _)| name.clone()),
        choice: choice_words(*choice).to_owned(),
        power: members.get(party).map_or(0, |(_, power)| *power),
    });
    Ok(ProposalView {
        number: ballot.number,
        what: ballot.what.name().to_owned(),
        does: does(view, &ballot.what),
        by: ballot.by.into(),
        by_name: members.get(&ballot.by).map(|(name, _)| name.clone()),
        // Agreed time stands still while nothing is asked; what can be done goes by the clock.
        state: state(ballot, now.max(crate::driver::now())),
        yes: tally.yes,
        no: tally.no,
        veto: tally.veto,
        all: tally.all,
        needs_bps: needs_bps(view, &params, &ballot.what),
        votes: votes.collect(),
        signals_yes: ballot.signals_yes,
        signals_no: ballot.signals_no,
        opened: ballot.opened.into(),
        votes_until: ballot.votes_until.into(),
        executable: ballot.executable.map(Time),
        lapses: ballot.lapses.into(),
        deposit: ballot.deposit.into(),
    })
}

fn state(ballot: &Ballot, now: Moment) -> ProposalState {
    match (ballot.ended, ballot.executable) {
        (Some(Decision::Carried), _) => ProposalState::Carried,
        (Some(Decision::Lapsed), _) => ProposalState::Lapsed,
        (Some(Decision::Vetoed), _) => ProposalState::Vetoed,
        (None, _) if now > ballot.lapses => ProposalState::Failed,
        (None, Some(from)) if now < from => ProposalState::Decided,
        (None, Some(_)) => ProposalState::Ready,
        (None, None) if now > ballot.votes_until => ProposalState::Failed,
        (None, None) => ProposalState::Open,
    }
}

fn needs_bps(view: &dyn View, params: &Params, what: &Proposal) -> u32 {
    match what {
        Proposal::Params { .. }
        | Proposal::Class { .. }
        | Proposal::Quota { .. }
        | Proposal::ClearModule { .. } => params.quorum_param,
        Proposal::Join(_)
        | Proposal::Leave { .. }
        | Proposal::Power { .. }
        | Proposal::Upgrade { .. } => params.quorum_member,
        Proposal::Suspend { member, evidence } if is_shown(view, *member, *evidence) => {
            params.quorum_member
        }
        Proposal::Suspend { .. } | Proposal::Reversal { .. } => params.quorum_reversal,
    }
    .get()
}

/// Whether the ledger itself holds the proof of what a member is to be suspended for.
fn is_shown(view: &dyn View, member: PartyId, evidence: Digest) -> bool {
    let shown = rules::read::accusation(view, member);
    shown.is_some_and(|shown| shown.evidence == evidence)
}

const fn choice_words(choice: Choice) -> &'static str {
    match choice {
        Choice::Yes => "yes",
        Choice::No => "no",
        Choice::Veto => "veto",
    }
}

/// What a proposal would do, a line each.
fn does(view: &dyn View, what: &Proposal) -> Vec<String> {
    let named = |party: PartyId| match sponsor_name(view, party) {
        Some(name) => format!("{name} ({party})"),
        None => party.to_string(),
    };
    let line = match what {
        Proposal::Params { changes } => {
            let change = |(id, to): &(u16, u64)| match ParamSpec::of(*id) {
                Some(spec) => format!("set {} to {}", spec.name, of_param(spec.unit, *to)),
                None => format!("set number {id} to {to}"),
            };
            return changes.iter().map(change).collect();
        }
        Proposal::Reversal { corrections, .. } => {
            let correct = |one: &protocol::entry::Correction| {
                let (from, to) = (place(one.from), place(one.to));
                format!("move {} from {from} to {to}", one.amount)
            };
            return corrections.iter().map(correct).collect();
        }
        Proposal::Class { class, open: true } => format!("let class {} take jobs", class.name()),
        Proposal::Class { class, .. } => format!("let class {} take no more jobs", class.name()),
        Proposal::Join(joining) => format!(
            "take in {} as a member with power {}",
            joining.name, joining.power
        ),
        Proposal::Leave { member } => format!("let member {} go", named(*member)),
        Proposal::Power { member, power } => {
            format!("give member {} power {power}", named(*member))
        }
        Proposal::Suspend { member, .. } => {
            format!("suspend member {}, which voted twice", named(*member))
        }
        Proposal::Quota {
            member,
            of,
            per_epoch,
        } => {
            let verb = match of {
                Quota::Mint => "mint",
                Quota::Grant => "grant",
            };
            let who = named(*member);
            format!("let member {who} {verb} {per_epoch} an epoch")
        }
        Proposal::ClearModule { module } => format!("take jobs of module {module} again"),
        Proposal::Upgrade {
            version,
            activation,
            binary,
        } => format!("go over to version {version} ({binary}) at block {activation}"),
    };
    vec![line]
}

fn place(place: Place) -> String {
    match place {
        Place::Wallet(party) => format!("the wallet of {party}"),
        Place::Treasury => "the treasury".to_owned(),
        Place::Bond(peer) => format!("the bond of {peer}"),
        Place::MemberBond(party) => format!("the bond of {party} as a judge"),
        Place::Slash(bundle) => format!("the slashes of bundle {bundle}"),
    }
}

/// What was shown against members, and against those of the beginning that have left.
pub fn accusations(from: &Sources<'_>) -> Vec<AccusationView> {
    let view = from.ledger.ask();
    let today = rules::read::members(&view).into_iter();
    let first = from.genesis.members.iter();
    let all: BTreeMap<PartyId, String> = first
        .map(|member| (PartyId::of(&member.party), member.name.clone()))
        .chain(today.map(|member| (member.party, member.name)))
        .collect();
    let shown = all.into_iter().filter_map(|(party, name)| {
        let shown = rules::read::accusation(&view, party)?;
        Some(AccusationView {
            member: party.into(),
            name,
            evidence: shown.evidence.into(),
            view: shown.view,
            when: shown.when.into(),
            until: shown.until.into(),
            punished: shown.punished,
        })
    });
    shown.collect()
}

/// The newest notices before number `before` (all, if absent), newest first, at most `limit`.
pub fn notices(from: &Sources<'_>, before: Option<u64>, limit: u32) -> Vec<NoticeView> {
    let view = from.ledger.ask();
    let count = rules::read::council(&view).notices;
    let end = before.map_or(count, |before| count.min(before));
    let newest = (0..end).rev().take(limit as usize);
    let notice = |number| {
        let given = rules::read::notice(&view, number)?;
        let document = given.notice.document;
        Some(NoticeView {
            number,
            by: given.by.into(),
            by_name: sponsor_name(&view, given.by),
            when: given.when.into(),
            severity: match given.notice.severity {
                Severity::Info => "info",
                Severity::Warning => "warning",
                Severity::Critical => "critical",
            }
            .to_owned(),
            text: given.notice.text,
            document: (*document.bytes() != [0; 32]).then_some(document.into()),
        })
    };
    newest.filter_map(notice).collect()
}

/// What the council keeps beside its proposals.
pub fn council(from: &Sources<'_>) -> CouncilStateView {
    let view = from.ledger.ask();
    let council = rules::read::council(&view);
    let keys = rules::read::emergency_keys(&view);
    CouncilStateView {
        proposals: council.proposals,
        notices: council.notices,
        orders: council.orders,
        keys_needed: keys.threshold,
        keys: u8::try_from(keys.keys.len()).unwrap_or(u8::MAX),
        upgrade: council.upgrade.map(|upgrade| UpgradeView {
            version: upgrade.version,
            activation: upgrade.activation.get(),
            binary: upgrade.binary.into(),
        }),
    }
}

/// Everything that emergency keys can stop at large, in force or not. Freezes of single slashes
/// stand with the slash.
pub fn emergencies(from: &Sources<'_>) -> Vec<EmergencyView> {
    let view = from.ledger.ask();
    let keys = rules::read::emergency_keys(&view);
    let classes = Class::ALL.map(EmergencyAct::PauseClass).into_iter();
    let acts = classes.chain([EmergencyAct::StopIssuance, EmergencyAct::ExtendDeadlines]);
    acts.map(|act| {
        let last = rules::read::emergency(&view, act);
        EmergencyView {
            act: act_words(act),
            in_force: rules::read::emergency_in_force(&view, act).is_some(),
            since: last.map(|last| last.since.into()),
            until: last.map(|last| last.until.into()),
            rests_until: last.map(|last| last.rests_until.into()),
            keys_needed: keys.threshold,
            keys: u8::try_from(keys.keys.len()).unwrap_or(u8::MAX),
        }
    })
    .collect()
}

fn act_words(act: EmergencyAct) -> String {
    match act {
        EmergencyAct::PauseClass(class) => format!("class {} takes no jobs", class.name()),
        EmergencyAct::FreezeSlash(bundle) => format!("the slash of bundle {bundle} is frozen"),
        EmergencyAct::StopIssuance => "nothing is minted".to_owned(),
        EmergencyAct::ExtendDeadlines => "deadlines of jobs do not pass".to_owned(),
    }
}
