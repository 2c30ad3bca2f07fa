//! Proposals and votes: who may, what is enough, and when a proposal is over.

use protocol::entry::{Choice, Proposal};
use protocol::event::{CouncilEvent, Decision, Event};
use protocol::ids::{PartyId, PeerId};
use protocol::units::{Credits, Moment};

use crate::council::{Ballot, Ballots, Councils, Signals, Tally, carry, epochs, seated, state};
use crate::money::posting::{Posting, post, post_covered};
use crate::money::{About, Account, Code, balance};
use crate::people::{member, owned, voter};
use crate::refusal::{CouncilRefusal, Refusal};
use crate::state::{Draft, View, row};

/// Puts something to the vote.
///
/// # Errors
/// [`Refusal`] if the sender is no member, the deposit is not there, or what is proposed could not
/// be carried out today.
pub(crate) fn propose(
    draft: &mut Draft<'_>,
    sender: PartyId,
    what: &Proposal,
) -> Result<(), Refusal> {
    seated(draft, sender)?;
    carry::try_out(draft, what)?;
    let mut council = state(draft);
    let number = council.proposals;
    council.proposals = number.saturating_add(1);
    let params = draft.params();
    let deposit = params.proposal_deposit;
    post(
        draft,
        Posting {
            from: Account::Wallet(sender),
            to: Account::Deposit(number),
            amount: deposit,
            code: Code::ProposalDeposit,
            about: About::Proposal(number),
        },
    )?;
    let opened = draft.now();
    let votes_until = opened.after(epochs(params, params.voting));
    let carried_within = epochs(params, params.timelock.saturating_mul(2));
    let ballot = Ballot {
        number,
        by: sender,
        what: what.clone(),
        opened,
        votes_until,
        lapses: votes_until.after(carried_within),
        deposit,
        votes: Vec::new(),
        executable: None,
        signals_yes: 0,
        signals_no: 0,
        ended: None,
    };
    draft.put::<Ballots>(&number, &ballot);
    draft.put::<Councils>(&(), &council);
    draft.say(Event::Council(CouncilEvent::Proposed {
        proposal: number,
        by: sender,
        until: votes_until,
    }));
    Ok(())
}

/// A member votes, or votes anew.
///
/// # Errors
/// [`Refusal`] if the sender is no member, or the vote is over.
pub(crate) fn vote(
    draft: &mut Draft<'_>,
    sender: PartyId,
    proposal: u64,
    choice: Choice,
) -> Result<(), Refusal> {
    seated(draft, sender)?;
    let mut ballot = votable(draft, proposal)?;
    match ballot.votes.iter_mut().find(|(who, _)| *who == sender) {
        Some(vote) => vote.1 = choice,
        None => ballot.votes.push((sender, choice)),
    }
    weigh(draft, &mut ballot);
    draft.put::<Ballots>(&proposal, &ballot);
    draft.say(Event::Council(CouncilEvent::Voted {
        proposal,
        member: sender,
        choice,
        executable: ballot.executable,
    }));
    Ok(())
}

/// A peer's owner says what it thinks; it changes nothing but a count.
///
/// # Errors
/// [`Refusal`] if the peer is not the sender's, or the vote is over.
pub(crate) fn signal(
    draft: &mut Draft<'_>,
    sender: PartyId,
    proposal: u64,
    (peer, yes): (PeerId, bool),
) -> Result<(), Refusal> {
    owned(draft, peer, sender)?;
    let mut ballot = votable(draft, proposal)?;
    let before = draft.row::<Signals>(&(proposal, peer));
    if let Some(before) = before {
        let count = side(&mut ballot, before);
        *count = count.saturating_sub(1);
    }
    let count = side(&mut ballot, yes);
    *count = count.saturating_add(1);
    draft.put::<Signals>(&(proposal, peer), &yes);
    draft.put::<Ballots>(&proposal, &ballot);
    Ok(())
}

fn side(ballot: &mut Ballot, yes: bool) -> &mut u64 {
    if yes {
        &mut ballot.signals_yes
    } else {
        &mut ballot.signals_no
    }
}

/// Carries a decided proposal out, or ends one that has failed.
///
/// # Errors
/// [`Refusal`] if neither can be done yet, or the rules do not allow what was decided any more.
pub(crate) fn execute(draft: &mut Draft<'_>, proposal: u64) -> Result<(), Refusal> {
    let mut ballot = open(draft, proposal)?;
    let now = draft.now();
    let tally = tally(draft, &ballot);
    if exceeds(tally.veto, draft.params().veto.get(), tally.all) {
        end(draft, ballot, Decision::Vetoed);
        return Ok(());
    }
    if now > ballot.lapses {
        end(draft, ballot, Decision::Lapsed);
        return Ok(());
    }
    weigh(draft, &mut ballot);
    match ballot.executable {
        None if now > ballot.votes_until => {
            end(draft, ballot, Decision::Lapsed);
            Ok(())
        }
        None => Err(Refusal::Council(CouncilRefusal::NotDecided {
            yes: tally.yes,
            all: tally.all,
        })),
        Some(from) if now < from => Err(Refusal::Council(CouncilRefusal::Timelocked { from, now })),
        Some(_) => {
            carry::carry(draft, &ballot.what)?;
            end(draft, ballot, Decision::Carried);
            Ok(())
        }
    }
}

/// Keeps `executable` true to the votes and to today's powers: the timelock begins when there is
/// enough power, and begins anew if that was lost.
fn weigh(draft: &Draft<'_>, ballot: &mut Ballot) {
    let params = draft.params();
    if !passes(draft, &ballot.what, &tally(draft, ballot)) {
        ballot.executable = None;
    } else if ballot.executable.is_none() {
        let timelock = epochs(params, params.timelock);
        ballot.executable = Some(draft.now().after(timelock));
    }
}

/// Power for and against, with today's members.
pub(crate) fn tally(view: &dyn View, ballot: &Ballot) -> Tally {
    let mut tally = Tally {
        all: member::power(view),
        ..Tally::default()
    };
    for (party, choice) in &ballot.votes {
        let power = member::of(view, *party).map_or(0, |member| member.power.into());
        let side = match choice {
            Choice::Yes => &mut tally.yes,
            Choice::No => &mut tally.no,
            Choice::Veto => &mut tally.veto,
        };
        *side = side.saturating_add(power);
    }
    tally
}

/// Whether so much power is enough for this kind of proposal.
fn passes(draft: &Draft<'_>, what: &Proposal, tally: &Tally) -> bool {
    let params = draft.params();
    if exceeds(tally.veto, params.veto.get(), tally.all) {
        return false;
    }
    match what {
        Proposal::Params { .. }
        | Proposal::Class { .. }
        | Proposal::Quota { .. }
        | Proposal::ClearModule { .. } => exceeds(tally.yes, params.quorum_param.get(), tally.all),
        Proposal::Join(_)
        | Proposal::Leave { .. }
        | Proposal::Power { .. }
        | Proposal::Upgrade { .. } => exceeds(tally.yes, params.quorum_member.get(), tally.all),
        // What anybody can check needs less power than what members say they saw.
        Proposal::Suspend { member, evidence } if voter::is_shown(draft, *member, evidence) => {
            exceeds(tally.yes, params.quorum_member.get(), tally.all)
        }
        Proposal::Suspend { .. } | Proposal::Reversal { .. } => {
            let needed = u128::from(params.quorum_reversal.get());
            scaled(tally.yes) >= needed.saturating_mul(tally.all.into())
        }
    }
}

fn exceeds(power: u64, share: u32, all: u64) -> bool {
    scaled(power) > u128::from(share).saturating_mul(all.into())
}

fn scaled(power: u64) -> u128 {
    u128::from(power).saturating_mul(10_000)
}

fn end(draft: &mut Draft<'_>, mut ballot: Ballot, decision: Decision) {
    let number = ballot.number;
    let (to, code) = match decision {
        Decision::Carried | Decision::Lapsed => (Account::Wallet(ballot.by), Code::DepositReturned),
        Decision::Vetoed => (Account::Treasury, Code::DepositLost),
    };
    post_covered(
        draft,
        Posting {
            from: Account::Deposit(number),
            to,
            amount: ballot.deposit,
            code,
            about: About::Proposal(number),
        },
    );
    assert_eq!(
        balance(draft, Account::Deposit(number)).amount(),
        Credits::ZERO,
        "an ended proposal holds no credits"
    );
    ballot.ended = Some(decision);
    draft.put::<Ballots>(&number, &ballot);
    draft.say(Event::Council(CouncilEvent::Ended {
        proposal: number,
        decision,
    }));
}

fn open(view: &dyn View, proposal: u64) -> Result<Ballot, Refusal> {
    let ballot = row::<Ballots>(view, &proposal).ok_or(Refusal::Council(
        CouncilRefusal::UnknownProposal { proposal },
    ))?;
    match ballot.ended {
        None => Ok(ballot),
        Some(decision) => Err(Refusal::Council(CouncilRefusal::ProposalEnded { decision })),
    }
}

fn votable(draft: &Draft<'_>, proposal: u64) -> Result<Ballot, Refusal> {
    let ballot = open(draft, proposal)?;
    let (until, now): (Moment, Moment) = (ballot.votes_until, draft.now());
    if now > until {
        return Err(Refusal::Council(CouncilRefusal::VotingOver { until, now }));
    }
    Ok(ballot)
}
