//! Grants: a member gives a party credits of the treasury, out of its quota. They cannot be moved,
//! they pay for jobs alone, never the member's own peers, and what is left when they expire goes
//! back to the treasury: a few in every block, or when anyone asks.
//!
//! ```text
//! hour in which it has surely expired, number ──▶ grant       a cursor walks over the hours
//! ```

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::Quota;
use protocol::event::{BankEvent, Event};
use protocol::ids::{PartyId, PurseId};
use protocol::units::{Credits, Moment};

use crate::council;
use crate::money::posting::{Posting, post, post_covered};
use crate::money::purse::{self, PurseKind, add};
use crate::money::{About, Account, Code, balance};
use crate::people::{is_known, member};
use crate::refusal::Refusal;
use crate::state::{Draft, View, row, table};

/// So many steps of bringing grants back are taken in a block.
pub(crate) const EXPIRE_PER_BLOCK: u32 = 16;
/// Grants are kept by the hour in which they expire, whatever an epoch is.
const HOUR_MS: u64 = 3_600_000;

/// What a member has granted lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Granted {
    pub(crate) epoch: u64,
    pub(crate) amount: Credits,
}

table!(
    /// What members have granted in their latest epoch.
    GrantedBy, 0x8C, PartyId => Granted
);
table!(
    /// Grants by the hour from which on they have expired.
    GrantsDue, 0x8D, (u64, u32) => PurseId
);
table!(
    /// How many grants expire in an hour.
    GrantsDueCounts, 0x8E, u64 => u32
);
table!(
    /// The next grant that may have to be brought back.
    GrantCursor, 0x8F, () => (u64, u32)
);

/// What a member may still grant in this epoch: of what the council lets it, or of what it lets
/// every member.
pub(crate) fn quota_left(view: &dyn View, member: PartyId, epoch: u64, of_all: Credits) -> Credits {
    let quota = council::quota(view, member, Quota::Grant).unwrap_or(of_all);
    let granted = granted_in(view, member, epoch);
    quota.minus(granted).unwrap_or(Credits::ZERO)
}

fn granted_in(view: &dyn View, member: PartyId, epoch: u64) -> Credits {
    row::<GrantedBy>(view, &member)
        .filter(|granted| granted.epoch == epoch)
        .unwrap_or_default()
        .amount
}

/// Gives a party credits of the treasury.
///
/// # Errors
/// [`Refusal`] if the sender is no member, its quota or the treasury holds less, the receiver is
/// not known, or the grant would be good for too long or not at all.
pub(crate) fn give(
    draft: &mut Draft<'_>,
    sender: PartyId,
    name: PurseId,
    (to, amount): (PartyId, Credits),
    expires: Moment,
) -> Result<(), Refusal> {
    if member::of(draft, sender).is_none() {
        return Err(Refusal::NotAMember { party: sender });
    }
    if amount == Credits::ZERO {
        return Err(Refusal::AmountIsZero);
    }
    if !is_known(draft, to) {
        return Err(Refusal::UnknownReceiver { party: to });
    }
    let now = draft.now();
    let latest = now.after(draft.params().grant_life);
    if expires <= now || expires > latest {
        return Err(Refusal::GrantLife { now, latest });
    }
    let (epoch, asked) = (draft.epoch(), amount);
    let left = quota_left(draft, sender, epoch, draft.params().grant_quota);
    if asked > left {
        return Err(Refusal::OverGrantQuota { asked, left });
    }
    let by = sender;
    add(draft, name, to, PurseKind::Grant { by, expires });
    post(
        draft,
        Posting {
            from: Account::Treasury,
            to: Account::Grant(name),
            amount,
            code: Code::GrantGiven,
            about: About::Purse(name),
        },
    )?;
    let amount = granted_in(draft, sender, epoch)
        .plus(asked)
        .expect("what is granted is at most the quota");
    draft.put::<GrantedBy>(&sender, &Granted { epoch, amount });
    remember(draft, name, expires);
    draft.say(Event::Bank(BankEvent::PurseOpened {
        purse: name,
        owner: to,
        amount: asked,
        granted_by: Some(sender),
    }));
    Ok(())
}

/// The first hour in which a grant has surely expired when that hour begins.
const fn hour_after(expires: Moment) -> u64 {
    (expires.ms() / HOUR_MS).saturating_add(1)
}

fn remember(draft: &mut Draft<'_>, name: PurseId, expires: Moment) {
    let hour = hour_after(expires);
    let number = draft.row::<GrantsDueCounts>(&hour).unwrap_or_default();
    draft.put::<GrantsDue>(&(hour, number), &name);
    draft.put::<GrantsDueCounts>(&hour, &number.saturating_add(1));
    if draft.row::<GrantCursor>(&()).is_none() {
        let first = draft.now().ms() / HOUR_MS;
        draft.put::<GrantCursor>(&(), &(first, 0));
    }
}

/// Brings what is left of an expired grant to the treasury.
///
/// # Errors
/// [`Refusal`] if it is no grant, has not expired, or nothing is left.
pub(crate) fn give_back(draft: &mut Draft<'_>, name: PurseId) -> Result<(), Refusal> {
    let now = draft.now();
    match purse::of(draft, name)?.kind {
        PurseKind::TaskWallet { .. } => Err(Refusal::NotAGrant),
        PurseKind::Grant { expires, .. } if expires > now => {
            Err(Refusal::GrantNotExpired { expires, now })
        }
        PurseKind::Grant { .. } if left_in(draft, name) == Credits::ZERO => {
            Err(Refusal::AmountIsZero)
        }
        PurseKind::Grant { .. } => {
            bring_back(draft, name);
            Ok(())
        }
    }
}

/// Brings expired grants to the treasury: at most `most` steps, each a grant or an hour without
/// any. The next call goes on where this one stopped.
pub(crate) fn expire(draft: &mut Draft<'_>, most: u32) {
    let Some((mut hour, mut number)) = draft.row::<GrantCursor>(&()) else {
        return;
    };
    let (before, now) = ((hour, number), draft.now().ms() / HOUR_MS);
    for _ in 0..most {
        if hour > now {
            break;
        }
        match draft.row::<GrantsDue>(&(hour, number)) {
            Some(name) => {
                draft.remove::<GrantsDue>(&(hour, number));
                bring_back(draft, name);
                number = number.saturating_add(1);
            }
            None => {
                draft.remove::<GrantsDueCounts>(&hour);
                (hour, number) = (hour.saturating_add(1), 0);
            }
        }
    }
    if (hour, number) != before {
        draft.put::<GrantCursor>(&(), &(hour, number));
    }
}

fn left_in(view: &dyn View, name: PurseId) -> Credits {
    balance(view, Account::Grant(name)).amount()
}

fn bring_back(draft: &mut Draft<'_>, name: PurseId) {
    let amount = left_in(draft, name);
    if amount == Credits::ZERO {
        return;
    }
    post_covered(
        draft,
        Posting {
            from: Account::Grant(name),
            to: Account::Treasury,
            amount,
            code: Code::GrantReturned,
            about: About::Purse(name),
        },
    );
    let purse = name;
    draft.say(Event::Bank(BankEvent::PurseEmptied { purse, amount }));
}
