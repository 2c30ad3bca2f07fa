//! Emergencies: what m of n keys can stop, and for how long. What they order has no amount and no
//! account in it, so they cannot move a credit.
//!
//! ```text
//! since ──in force──▶ until ──rests as long as it was in force──▶ rests_until ──▶ may begin anew
//! ```

use protocol::entry::{Approval, EmergencyAct, EmergencyOrder};
use protocol::event::{CouncilEvent, Event};
use protocol::genesis::Committee;
use protocol::ids::PublicKey;
use protocol::job::Class;
use protocol::signed::{Signable, Signed};
use protocol::units::Moment;

use crate::council::{Councils, Emergencies, Emergency, epochs, is_open, state};
use crate::refusal::{CouncilRefusal, IssueRefusal, Refusal};
use crate::state::{Clock, Draft, View, row};
use crate::work::hold;

/// Enters an order that enough keys have signed.
///
/// # Errors
/// [`Refusal`] if it is not the next order of this federation, too few of the keys signed it, or
/// there is nothing to begin or to end.
pub(crate) fn enter(
    draft: &mut Draft<'_>,
    order: &EmergencyOrder,
    approvals: &[Approval],
) -> Result<(), Refusal> {
    if order.federation != draft.federation() {
        return Err(Refusal::ForeignFederation);
    }
    let mut council = state(draft);
    let next = council.orders;
    if order.number != next {
        let got = order.number;
        return Err(Refusal::Council(CouncilRefusal::OrderNumber { next, got }));
    }
    approved(&draft.founding().emergency, order, approvals)?;
    council.orders = next.saturating_add(1);
    draft.put::<Councils>(&(), &council);
    let emergency = if order.begins {
        begin(draft, order.act)?
    } else {
        lift(draft, order.act)?
    };
    draft.put::<Emergencies>(&order.act, &emergency);
    if let (EmergencyAct::FreezeSlash(bundle), false) = (order.act, order.begins) {
        hold::thawed(draft, bundle);
    }
    draft.say(Event::Council(CouncilEvent::Emergency {
        act: order.act,
        until: order.begins.then_some(emergency.until),
    }));
    Ok(())
}

/// Whether enough keys of a committee signed something, each counted once.
///
/// # Errors
/// [`CouncilRefusal::ApprovalForged`] or [`CouncilRefusal::TooFewApprovals`].
pub(crate) fn approved<T: Signable + Clone>(
    committee: &Committee,
    value: &T,
    approvals: &[Approval],
) -> Result<(), Refusal> {
    let mut signed: Vec<PublicKey> = Vec::with_capacity(approvals.len());
    for approval in approvals {
        let key = approval.key;
        if !committee.keys.contains(&key) || signed.contains(&key) {
            return Err(Refusal::Council(CouncilRefusal::ApprovalForged { key }));
        }
        Signed::from_parts(value.clone(), key, approval.signature)
            .check()
            .map_err(|_| Refusal::Council(CouncilRefusal::ApprovalForged { key }))?;
        signed.push(key);
    }
    let (needed, got) = (committee.threshold, signed.len());
    if needed == 0 || got < usize::from(needed) {
        return Err(Refusal::Council(CouncilRefusal::TooFewApprovals {
            needed,
            got,
        }));
    }
    Ok(())
}

fn begin(draft: &Draft<'_>, act: EmergencyAct) -> Result<Emergency, Refusal> {
    let now = draft.now();
    if let Some(last) = draft.row::<Emergencies>(&act) {
        let (since, until) = (last.since, last.until);
        if now < until {
            return Err(Refusal::Council(CouncilRefusal::AlreadyInForce {
                since,
                until,
            }));
        }
        if now < last.rests_until {
            let until = last.rests_until;
            return Err(Refusal::Council(CouncilRefusal::EmergencyRests { until }));
        }
    }
    let length = epochs(draft.params(), draft.params().emergency);
    let until = now.after(length);
    Ok(Emergency {
        since: now,
        until,
        rests_until: until.after(length),
    })
}

fn lift(draft: &Draft<'_>, act: EmergencyAct) -> Result<Emergency, Refusal> {
    let now = draft.now();
    let emergency =
        in_force(draft, act, now).ok_or(Refusal::Council(CouncilRefusal::NotInForce))?;
    Ok(Emergency {
        until: now,
        rests_until: now.after(now.since(emergency.since)),
        ..emergency
    })
}

/// An emergency, if it is in force at this moment.
pub(crate) fn in_force(view: &dyn View, act: EmergencyAct, now: Moment) -> Option<Emergency> {
    row::<Emergencies>(view, &act).filter(|emergency| now < emergency.until)
}

/// Whether a class takes jobs: neither the council nor an emergency has closed it.
///
/// # Errors
/// [`CouncilRefusal::ClassClosed`].
pub(crate) fn class_takes_jobs(draft: &Draft<'_>, class: Class) -> Result<(), Refusal> {
    let paused = in_force(draft, EmergencyAct::PauseClass(class), draft.now()).is_some();
    if paused || !is_open(draft, class) {
        let class = class.name();
        return Err(Refusal::Council(CouncilRefusal::ClassClosed { class }));
    }
    Ok(())
}

/// Whether minting is stopped.
///
/// # Errors
/// [`IssueRefusal::IssuanceStopped`].
pub(crate) fn issuance_runs(draft: &Draft<'_>) -> Result<(), Refusal> {
    match in_force(draft, EmergencyAct::StopIssuance, draft.now()) {
        None => Ok(()),
        Some(Emergency { until, .. }) => {
            Err(Refusal::Issue(IssueRefusal::IssuanceStopped { until }))
        }
    }
}

/// The moment that deadlines of jobs are measured by: agreed time, which stands still while they
/// are extended.
pub(crate) fn deadline_clock(view: &dyn View, now: Moment) -> Moment {
    in_force(view, EmergencyAct::ExtendDeadlines, now).map_or(now, |emergency| emergency.since)
}

/// When deadlines that have come are next looked at: at once, or when they are extended no more.
pub(crate) fn deadlines_resume(view: &dyn View) -> Option<Moment> {
    let (_, now) = row::<Clock>(view, &())?;
    in_force(view, EmergencyAct::ExtendDeadlines, now).map(|emergency| emergency.until)
}
