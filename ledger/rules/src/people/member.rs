//! Members as judges: who they are, what a majority of their power is, how many may be faulty. And
//! how members come and go, within limits that keep any few of them from deciding alone.

use protocol::entry::Joining;
use protocol::event::{CouncilEvent, Event, Fault};
use protocol::genesis::{MEMBERS_MAX, MEMBERS_MIN};
use protocol::ids::{Digest, PartyId};
use protocol::units::{Credits, Moment};

use crate::money::posting::{Posting, post, post_covered};
use crate::money::{About, Account, Code, balance, issue};
use crate::people::{
    Departed, Desks, Member, MemberNumbers, Members, Peers, PowerMoved, Sponsor, Sponsors,
    is_known, sponsor, voter,
};
use crate::refusal::{CouncilRefusal, Refusal};
use crate::state::{Counted, Draft, View, row};
use crate::work::faults;

/// All members, in the order of the genesis as long as none has left. A federation has at most 64.
pub(crate) fn all(view: &dyn View) -> Vec<Member> {
    let count = row::<Counted>(view, &()).unwrap_or_default().members;
    (0..count)
        .map(|number| row::<Members>(view, &number).expect("members are numbered without gaps"))
        .collect()
}

/// The member of this party, if it is one.
pub(crate) fn of(view: &dyn View, party: PartyId) -> Option<Member> {
    let number = row::<MemberNumbers>(view, &party)?;
    row::<Members>(view, &number)
}

/// The power of all members together.
pub(crate) fn power(view: &dyn View) -> u64 {
    row::<Counted>(view, &()).unwrap_or_default().power
}

/// A panel: more than the members that may be faulty, so that not all of it can be.
pub(crate) fn panel_size(draft: &Draft<'_>) -> usize {
    let members = row::<Counted>(draft, &()).unwrap_or_default().members;
    let faulty = members.saturating_sub(1) / 3;
    let wanted = faulty.saturating_add(draft.params().panel_margin.into());
    usize::try_from(wanted.min(members)).expect("a federation has at most 64 members")
}

/// Whether so much power is more than two thirds of all.
pub(crate) fn decides(view: &dyn View, power_for: u64) -> bool {
    u128::from(power_for).saturating_mul(3) > u128::from(power(view)).saturating_mul(2)
}

/// Takes an institution in. Its party sets the members' bond aside.
///
/// # Errors
/// [`Refusal`] if it is one already, a key or node of it is another member's, its wallet does not
/// hold the bond, or power would move too fast or gather in too few hands.
pub(crate) fn join(draft: &mut Draft<'_>, joining: &Joining) -> Result<(), Refusal> {
    let party = PartyId::of(&joining.party);
    let members = all(draft);
    let is_taken = |member: &Member| member.party == party || member.peer == joining.peer;
    if members.iter().any(is_taken) || !voter::is_free(draft, joining.consensus, party) {
        return Err(Refusal::Council(CouncilRefusal::SeatTaken));
    }
    if members.len() >= MEMBERS_MAX {
        return Err(Refusal::Council(CouncilRefusal::TooManyMembers));
    }
    if !is_known(draft, party) {
        return Err(Refusal::UnknownParty { party });
    }
    match draft.row::<Peers>(&joining.peer) {
        Some(peer) if peer.owner != party => {
            let peer = joining.peer;
            return Err(Refusal::NotYourPeer { peer });
        }
        Some(_) | None => {}
    }
    let bond = draft.params().member_bond;
    move_bond(
        draft,
        (Account::Wallet(party), Account::MemberBond(party)),
        bond,
    )?;
    let number = u32::try_from(members.len()).expect("a federation has at most 64 members");
    let name = joining.name.clone();
    let member = Member {
        name: name.clone(),
        party,
        consensus: joining.consensus,
        peer: joining.peer,
        power: joining.power,
    };
    draft.put::<Sponsors>(&party, &Sponsor { name, member: true });
    draft.remove::<Departed>(&party);
    if draft.row::<Peers>(&joining.peer).is_none() {
        sponsor::admit(draft, party, joining.peer, party)?;
    }
    draft.put::<Members>(&number, &member);
    draft.put::<MemberNumbers>(&party, &number);
    voter::note(draft, joining.consensus, party);
    draft.count(|counts| counts.members = counts.members.saturating_add(1));
    move_power(draft, 0, joining.power)?;
    tell(draft, &member, joining.power);
    Ok(())
}

/// Lets a member go: it becomes a desk, and its bond matures.
///
/// # Errors
/// [`Refusal`] if it is none, it owes credits, or too few or too strong members would be left.
pub(crate) fn leave(draft: &mut Draft<'_>, party: PartyId) -> Result<(), Refusal> {
    let number = draft
        .row::<MemberNumbers>(&party)
        .ok_or(Refusal::Council(CouncilRefusal::NoSeat { party }))?;
    let owed = issue::owed(draft, party);
    if owed > Credits::ZERO {
        return Err(Refusal::Council(CouncilRefusal::Owes { owed }));
    }
    let member = draft
        .row::<Members>(&number)
        .expect("members are numbered without gaps");
    let last = draft
        .count(|counts| counts.members = counts.members.saturating_sub(1))
        .members
        .saturating_sub(1);
    // The last takes the number of the one that leaves, so that there are no gaps.
    let moved = draft
        .row::<Members>(&last)
        .expect("members are numbered without gaps");
    draft.put::<Members>(&number, &moved);
    draft.put::<MemberNumbers>(&moved.party, &number);
    draft.remove::<Members>(&last);
    draft.remove::<MemberNumbers>(&party);
    move_power(draft, member.power, 0)?;

    let name = member.name.clone();
    draft.put::<Sponsors>(
        &party,
        &Sponsor {
            name,
            member: false,
        },
    );
    let desk = draft
        .count(|counts| counts.desks = counts.desks.saturating_add(1))
        .desks;
    draft.put::<Desks>(&desk, &party);
    let matures = draft.now().after(draft.params().unbond_window);
    draft.put::<Departed>(&party, &matures);
    tell(draft, &member, 0);
    Ok(())
}

/// Changes a member's power.
///
/// # Errors
/// [`Refusal`] if it is none, or power would move too fast or gather in too few hands.
pub(crate) fn set_power(draft: &mut Draft<'_>, party: PartyId, to: u8) -> Result<(), Refusal> {
    let number = draft
        .row::<MemberNumbers>(&party)
        .ok_or(Refusal::Council(CouncilRefusal::NoSeat { party }))?;
    let mut member = draft
        .row::<Members>(&number)
        .expect("members are numbered without gaps");
    let from = member.power;
    if from == to {
        return Err(Refusal::Council(CouncilRefusal::NothingChanges));
    }
    member.power = to;
    draft.put::<Members>(&number, &member);
    move_power(draft, from, to)?;
    tell(draft, &member, to);
    Ok(())
}

/// Punishes a member that voted twice (F6): a part of its bond ends, and it loses its seat unless
/// too few members would be left. One that has left since still pays.
///
/// # Errors
/// [`CouncilRefusal::NoSeat`], or it was punished for what was shown against it.
pub(crate) fn suspend(
    draft: &mut Draft<'_>,
    party: PartyId,
    evidence: &Digest,
) -> Result<(), Refusal> {
    if !has_bond(draft, party) {
        return Err(Refusal::Council(CouncilRefusal::NoSeat { party }));
    }
    let shown = voter::accusation(draft, party);
    if shown.is_some_and(|shown| shown.punished && shown.evidence == *evidence) {
        return Err(Refusal::Council(CouncilRefusal::NothingChanges));
    }
    let bond = balance(draft, Account::MemberBond(party)).amount();
    let amount = bond.share(draft.params().double_vote_fine);
    post_covered(
        draft,
        Posting {
            from: Account::MemberBond(party),
            to: issue::end_of_credits(draft),
            amount,
            code: Code::MemberFine,
            about: About::Ledger,
        },
    );
    if voter::is_shown(draft, party, evidence) {
        voter::punished(draft, party);
    }
    if let Some(member) = of(draft, party) {
        faults::note(draft, member.peer, Fault::TwoVotes);
    }
    draft.say(Event::Council(CouncilEvent::MemberFined {
        member: party,
        amount,
    }));
    let mut without = draft.over();
    let left = leave(&mut without, party);
    let changes = without.into_changes();
    if left.is_ok() {
        draft.keep(changes);
    }
    Ok(())
}

/// Whether a party has a bond as a judge: it is a member, or it left and its bond matures.
pub(crate) fn has_bond(view: &dyn View, party: PartyId) -> bool {
    of(view, party).is_some() || row::<Departed>(view, &party).is_some()
}

/// Gives a member that has left its matured bond back.
///
/// # Errors
/// [`Refusal::NothingMatured`], or [`CouncilRefusal::NotMatured`].
pub(crate) fn take_bond(draft: &mut Draft<'_>, party: PartyId) -> Result<(), Refusal> {
    let now = draft.now();
    let matures: Moment = draft
        .row::<Departed>(&party)
        .ok_or(Refusal::NothingMatured)?;
    let kept = voter::accused_until(draft, party);
    let matures = kept.map_or(matures, |kept| kept.max(matures));
    if matures > now {
        return Err(Refusal::Council(CouncilRefusal::NotMatured {
            matures,
            now,
        }));
    }
    draft.remove::<Departed>(&party);
    let bond = balance(draft, Account::MemberBond(party)).amount();
    move_bond(
        draft,
        (Account::MemberBond(party), Account::Wallet(party)),
        bond,
    )
}

/// Asks whether so much power may move in one epoch.
///
/// # Errors
/// [`CouncilRefusal::PowerMovesTooFast`].
pub(crate) fn is_within_step(draft: &Draft<'_>, asked: u64) -> Result<(), Refusal> {
    let share = u128::from(draft.params().power_step.get());
    let most = u128::from(power(draft)).saturating_mul(share) / 10_000;
    if u128::from(asked) > most {
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        return Err(Refusal::Council(CouncilRefusal::PowerMovesTooFast {
            asked,
            most,
        }));
    }
    Ok(())
}

/// Counts a change of one member's power, which is in the rows already, and asks what must hold
/// then: four members, none with more than a third, and not too much moved within an epoch.
fn move_power(draft: &mut Draft<'_>, from: u8, to: u8) -> Result<(), Refusal> {
    let epoch = draft.epoch();
    let moved = draft.row::<PowerMoved>(&()).unwrap_or_default();
    let earlier = if moved.0 == epoch { moved.1 } else { 0 };
    let asked = earlier.saturating_add(from.abs_diff(to).into());
    is_within_step(draft, asked)?;
    draft.count(|counts| {
        let rest = counts.power.saturating_sub(from.into());
        counts.power = rest.saturating_add(to.into());
    });
    draft.put::<PowerMoved>(&(), &(epoch, asked));
    let (members, all_power) = (all(draft), power(draft));
    if members.len() < MEMBERS_MIN {
        return Err(Refusal::Council(CouncilRefusal::TooFewMembers));
    }
    for member in members {
        let power = member.power;
        if u64::from(power).saturating_mul(3) > all_power {
            return Err(Refusal::Council(CouncilRefusal::TooMuchPower {
                party: member.party,
                power,
                all: all_power,
            }));
        }
    }
    Ok(())
}

fn move_bond(
    draft: &mut Draft<'_>,
    (from, to): (Account, Account),
    amount: Credits,
) -> Result<(), Refusal> {
    post(
        draft,
        Posting {
            from,
            to,
            amount,
            code: Code::MemberBond,
            about: About::Ledger,
        },
    )
}

/// Says which key now signs a member's votes, and with what power; with none, that it does no more.
pub(crate) fn tell(draft: &mut Draft<'_>, member: &Member, power: u8) {
    draft.say(Event::Council(CouncilEvent::MemberChanged {
        member: member.party,
        consensus: member.consensus,
        power,
    }));
}
