//! The council: members decide by power, after a timelock, within limits that no majority can
//! leave. Emergency keys can stop things for a while, and move nothing.
//!
//! ```text
//! Propose ──▶ open ──votes──▶ enough power ──timelock──▶ Execute ──▶ Carried
//!              │  ▲────────────── lost again
//!              └── no power for it in time ──▶ Lapsed       more than a third vetoes ──▶ Vetoed
//! ```
//!
//! What a proposal does is tried when it is made and again when it is carried out, by the same
//! code, so nothing that the rules forbid can be decided.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::{Choice, CouncilRequest, EmergencyAct, Notice, Proposal, Quota};
use protocol::event::{CouncilEvent, Decision, Event};
use protocol::genesis::Params;
use protocol::ids::{Digest, PartyId, PeerId};
use protocol::job::Class;
use protocol::units::{Credits, Height, Millis, Moment};

use crate::market::{bench, capacity};
use crate::people::{Member, member, voter};
use crate::refusal::{CouncilRefusal, Refusal};
use crate::state::{Draft, View, row, table};

pub(crate) mod ballot;
pub(crate) mod carry;
pub(crate) mod emergency;

/// A proposal and the votes on it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Ballot {
    /// Its number.
    pub number: u64,
    /// The member that proposed it.
    pub by: PartyId,
    /// What was proposed.
    pub what: Proposal,
    /// When.
    pub opened: Moment,
    /// Until when it can be voted on.
    pub votes_until: Moment,
    /// If it is not carried out by then, it lapses.
    pub lapses: Moment,
    /// What its proposer left for it.
    pub deposit: Credits,
    /// The members' votes, one each, in the order they first came.
    pub votes: Vec<(PartyId, Choice)>,
    /// From when on it can be carried out; `None` while it has not enough power.
    pub executable: Option<Moment>,
    /// Peers whose owners are for it.
    pub signals_yes: u64,
    /// Peers whose owners are against it.
    pub signals_no: u64,
    /// How it ended, once it has.
    pub ended: Option<Decision>,
}

/// Power for and against a proposal, with today's members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// For it.
    pub yes: u64,
    /// Against it.
    pub no: u64,
    /// Against it, with a veto.
    pub veto: u64,
    /// Of all members.
    pub all: u64,
}

/// What the council keeps beside its proposals.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Council {
    /// Proposals ever made; their numbers are below this.
    pub proposals: u64,
    /// Notices ever given; their numbers are below this.
    pub notices: u64,
    /// Emergency orders ever carried out: the number of the next.
    pub orders: u64,
    /// The version of the software that is needed, once one was decided.
    pub upgrade: Option<Upgrade>,
}

/// A version of the software that is needed from a block on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Upgrade {
    /// The version of the rules.
    pub version: u32,
    /// The first block by its rules.
    pub activation: Height,
    /// The binary's digest.
    pub binary: Digest,
}

/// A notice that was given.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Given {
    /// By which member.
    pub by: PartyId,
    /// When.
    pub when: Moment,
    /// What.
    pub notice: Notice,
}

/// An emergency, in force or over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Emergency {
    /// When it began.
    pub since: Moment,
    /// When it ends, or ended.
    pub until: Moment,
    /// Before this it cannot begin anew.
    pub rests_until: Moment,
}

/// What a member may mint, or grant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct QuotaRow {
    pub(crate) per_epoch: Credits,
    pub(crate) epoch: u64,
    pub(crate) used: Credits,
}

table!(
    /// Proposals by number.
    Ballots, 0xB0, u64 => Ballot
);
table!(
    /// What a peer's owner thinks of a proposal.
    Signals, 0xB1, (u64, PeerId) => bool
);
table!(
    /// Notices by number.
    Notices, 0xB2, u64 => Given
);
table!(
    /// What the council keeps beside them.
    Councils, 0xB3, () => Council
);
table!(
    /// Classes that the council closed.
    ClosedClasses, 0xB4, Class => ()
);
table!(
    /// Emergencies that are in force, or rest.
    Emergencies, 0xB5, EmergencyAct => Emergency
);
table!(
    /// Quotas of members.
    Quotas, 0xB6, (PartyId, Quota) => QuotaRow
);

/// Something is asked of the council, or by it.
///
/// # Errors
/// [`Refusal`], by the rule that is asked.
pub(crate) fn rule(
    draft: &mut Draft<'_>,
    sender: PartyId,
    request: &CouncilRequest,
) -> Result<(), Refusal> {
    match request {
        CouncilRequest::Propose { what } => ballot::propose(draft, sender, what),
        CouncilRequest::Vote { proposal, choice } => {
            ballot::vote(draft, sender, *proposal, *choice)
        }
        CouncilRequest::Execute { proposal } => ballot::execute(draft, *proposal),
        CouncilRequest::Signal {
            proposal,
            peer,
            yes,
        } => ballot::signal(draft, sender, *proposal, (*peer, *yes)),
        CouncilRequest::Emergency { order, approvals } => emergency::enter(draft, order, approvals),
        CouncilRequest::Notify { notice } => notify(draft, sender, notice),
        CouncilRequest::TakeMemberBond => member::take_bond(draft, sender),
        CouncilRequest::ReportBench { peer, class, score } => {
            bench::report(draft, sender, (*peer, *class), *score)
        }
        CouncilRequest::Voter(request) => voter::rule(draft, sender, request),
        CouncilRequest::ReportCapacity {
            peer,
            class,
            epoch,
            slots,
        } => capacity::report(draft, sender, (*peer, *class), (*epoch, *slots)),
    }
}

fn notify(draft: &mut Draft<'_>, sender: PartyId, notice: &Notice) -> Result<(), Refusal> {
    seated(draft, sender)?;
    let mut council = state(draft);
    let number = council.notices;
    council.notices = number.saturating_add(1);
    let given = Given {
        by: sender,
        when: draft.now(),
        notice: notice.clone(),
    };
    draft.put::<Notices>(&number, &given);
    draft.put::<Councils>(&(), &council);
    draft.say(Event::Council(CouncilEvent::Noticed {
        number,
        by: sender,
        notice: given.notice,
    }));
    Ok(())
}

/// What the council keeps beside its proposals.
pub(crate) fn state(view: &dyn View) -> Council {
    row::<Councils>(view, &()).unwrap_or_default()
}

/// Whether the council lets a class take jobs.
pub(crate) fn is_open(view: &dyn View, class: Class) -> bool {
    row::<ClosedClasses>(view, &class).is_none()
}

/// What the council lets a member mint or grant in an epoch; `None` if it never said.
pub(crate) fn quota(view: &dyn View, member: PartyId, of: Quota) -> Option<Credits> {
    row::<Quotas>(view, &(member, of)).map(|quota| quota.per_epoch)
}

/// So many epochs, as they are now.
pub(crate) fn epochs(params: &Params, count: u32) -> Millis {
    params.epoch.times(count.into()).unwrap_or(Millis::MAX)
}

/// The member of this party.
///
/// # Errors
/// [`CouncilRefusal::NoSeat`].
pub(crate) fn seated(view: &dyn View, party: PartyId) -> Result<Member, Refusal> {
    member::of(view, party).ok_or(Refusal::Council(CouncilRefusal::NoSeat { party }))
}
