//! What earlier results of a liar cost it. Who is convicted of a wrong outcome has its latest
//! results in doubt; what the submitter that showed it gets of the slash is kept for a while, and
//! whoever paid for a doubtful result may take what it paid, to have it run again.
//!
//! ```text
//! SlashHold ──victims' share──▶ Redress ──claimed, result by result──▶ who paid for it
//!                                  └──time over──▶ the submitter that showed the lie
//! ```
//!
//! A ring gains nothing by claiming for jobs of its own: it is drawn for a fifth of them at most,
//! so a result of its own costs it four of others', and a claim gives back one.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::event::{Event, Fault, FaultEvent};
use protocol::ids::{PartyId, PeerId};
use protocol::units::{Credits, Moment};

use crate::council::epochs;
use crate::money::posting::{Posting, post_covered};
use crate::money::{About, Account, Code, balance};
use crate::people::Peers;
use crate::refusal::Refusal;
use crate::state::{Draft, View, row, table};
use crate::work::due::{self, Due};
use crate::work::{Hold, Jobs, PaidResult, faults, hold};

/// So many of a peer's latest doubtful results are looked at for one that was not claimed for.
const LOOKED_AT: usize = 64;

/// A victims' share that is kept for who paid for doubtful results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Redress {
    /// The peer whose results are in doubt.
    pub peer: PeerId,
    /// Who has what is left when the time is over.
    pub rest_to: PartyId,
    /// Until when it can be claimed.
    pub until: Moment,
}

table!(
    /// What of slashes is kept for who paid for doubtful results, by the slash's number.
    Redresses, 0x9C, u64 => Redress
);

/// What is kept of a slash for doubtful results, while it can be claimed; and how much is left.
pub(crate) fn of(view: &dyn View, slash: u64) -> Option<(Redress, Credits)> {
    let redress = row::<Redresses>(view, &slash)?;
    Some((redress, balance(view, Account::Redress(slash)).amount()))
}

/// Where the victims' share of a slash goes that is shared out now: the share's place, and how long
/// it is kept for others. `None` where nobody could claim any of it.
pub(crate) fn kept(draft: &Draft<'_>, hold: &Hold) -> Option<(usize, Redress)> {
    if hold.fault != Fault::WrongOutcome {
        return None;
    }
    let rest_to = draft.row::<Jobs>(&hold.bundle.job)?.sender;
    let is_theirs = |share: &crate::work::Share| {
        share.code == Code::SlashVictim && share.to == Account::Wallet(rest_to)
    };
    let place = hold.shares.iter().rposition(is_theirs)?;
    let doubtful = faults::tainted(draft, hold.peer, u64::MAX, LOOKED_AT);
    doubtful.iter().find(|result| !result.redressed)?;
    let span = epochs(draft.params(), draft.params().redress);
    let redress = Redress {
        peer: hold.peer,
        rest_to,
        until: draft.now().after(span),
    };
    Some((place, redress))
}

/// Keeps what was just set apart.
pub(crate) fn begin(draft: &mut Draft<'_>, hold: &Hold, redress: &Redress) {
    let slash = hold.number;
    let amount = balance(draft, Account::Redress(slash)).amount();
    draft.put::<Redresses>(&slash, redress);
    due::push(draft, redress.until, Due::Redress(slash));
    draft.say(Event::Fault(FaultEvent::RedressOpened {
        slash,
        peer: redress.peer,
        rest_to: redress.rest_to,
        amount,
        until: redress.until,
    }));
}

/// Claims, for doubtful results that the sender paid for, what it paid. Those that do not apply are
/// passed over.
///
/// # Errors
/// Why the first does not apply, if none does; or nothing is kept of this slash any more.
pub(crate) fn claim(
    draft: &mut Draft<'_>,
    sender: PartyId,
    slash: u64,
    results: &[u64],
) -> Result<(), Refusal> {
    let (redress, _) = of(draft, slash).ok_or(Refusal::NoRedress { slash })?;
    let peer = draft.row::<Peers>(&redress.peer);
    if peer.is_some_and(|peer| peer.owner == sender || peer.sponsor == sender) {
        return Err(Refusal::NoStake);
    }
    let mut first_refusal = None;
    let mut any = false;
    for number in results {
        match claim_one(draft, sender, (slash, redress.peer), *number) {
            Ok(()) => any = true,
            Err(refusal) => first_refusal = first_refusal.or(Some(refusal)),
        }
    }
    match first_refusal {
        Some(refusal) if !any => Err(refusal),
        _ => Ok(()),
    }
}

fn claim_one(
    draft: &mut Draft<'_>,
    sender: PartyId,
    (slash, peer): (u64, PeerId),
    number: u64,
) -> Result<(), Refusal> {
    let is_theirs = |result: &PaidResult| {
        result.number == number && result.submitter == sender && !result.redressed
    };
    let result = faults::tainted(draft, peer, number, 1).into_iter().next();
    let result = result.filter(is_theirs);
    let result = result.ok_or(Refusal::NotInDoubt { peer, number })?;
    let from = Account::Redress(slash);
    let amount = result.paid.min(balance(draft, from).amount());
    if amount == Credits::ZERO {
        return Err(Refusal::NoRedress { slash });
    }
    post_covered(
        draft,
        Posting {
            from,
            to: Account::Wallet(sender),
            amount,
            code: Code::Redress,
            about: About::Bundle(result.bundle),
        },
    );
    faults::redressed(draft, peer, number);
    draft.say(Event::Fault(FaultEvent::Redressed {
        slash,
        bundle: result.bundle,
        to: sender,
        amount,
    }));
    Ok(())
}

/// The time to claim is over: the rest goes to the submitter that showed the lie.
pub(crate) fn is_over(draft: &mut Draft<'_>, slash: u64) {
    let Some((redress, amount)) = of(draft, slash) else {
        return;
    };
    draft.remove::<Redresses>(&slash);
    let bundle = hold::of(draft, slash)
        .expect("a redress is of a slash")
        .bundle;
    post_covered(
        draft,
        Posting {
            from: Account::Redress(slash),
            to: Account::Wallet(redress.rest_to),
            amount,
            code: Code::SlashVictim,
            about: About::Bundle(bundle),
        },
    );
    draft.say(Event::Fault(FaultEvent::RedressOver {
        slash,
        peer: redress.peer,
        to: redress.rest_to,
        amount,
    }));
}
