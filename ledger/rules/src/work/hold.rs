//! A slash on its way to its shares. It leaves the bond at once and waits for the appeal window, so
//! that the council can still correct it; then it is shared out as was planned when it was taken.
//!
//! ```text
//! Bond, Unbonding, MemberBond ──take──▶ Held ──appeal window──▶ Given
//!                                         │  ▲ frozen: it waits
//!                                         └──────corrected────▶ Returned
//! ```
//!
//! Corrections add up: a slash that came back in parts is as much reversed as one that came back
//! at once. What came back is not shared out.
//!
//! The row stays for ever: it is the record of what each slash was for, and no slash is without.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::entry::EmergencyAct;
use protocol::event::{Event, Fault, FaultEvent};
use protocol::ids::{BundleId, Digest, LeaseId, PeerId};
use protocol::job::Class;
use protocol::units::{Credits, Moment};

use crate::council::emergency;
use crate::epoch::ready;
use crate::money::posting::{Posting, post_covered};
use crate::money::{About, Account, Code, balance};
use crate::people::member;
use crate::state::{Draft, View, row, table};
use crate::work::due::{self, Due};
use crate::work::{faults, redress};

/// What proves a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Ground {
    /// The verdict of this dispute.
    Verdict(u64),
    /// A deadline passed unanswered, seen at this moment.
    Silence(Moment),
    /// Two seals of one bundle, both signed.
    Seals(Digest, Digest),
    /// What members saw of the peer's capacity in a class, in this epoch.
    Capacity(Class, u64),
    /// What members saw of a lease's slots in this epoch, or epochs before it that had no proof.
    Lease(LeaseId, u64),
}

/// A part of a slash, and who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Share {
    /// Who.
    pub to: Account,
    /// How much.
    pub amount: Credits,
    /// What for.
    pub code: Code,
}

/// How far a slash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum HoldState {
    /// It waits for its appeal window.
    Held,
    /// It is shared out.
    Given,
    /// It went back where it came from.
    Returned,
}

/// A slash.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Hold {
    /// Its number, in the order of being taken.
    pub number: u64,
    /// The bundle it was for; for F5, F10 and F11, the name of the finding.
    pub bundle: BundleId,
    /// The bond it was taken from.
    pub from: Account,
    /// The peer; for a judge's fault, the member's node.
    pub peer: PeerId,
    /// What for.
    pub fault: Fault,
    /// What proves it.
    pub ground: Ground,
    /// How much.
    pub amount: Credits,
    /// How it is shared; the parts add up to it.
    pub shares: Vec<Share>,
    /// When it is shared out.
    pub until: Moment,
    /// How far it is.
    pub state: HoldState,
    /// What of it the council gave back.
    pub returned: Credits,
}

impl Hold {
    /// What the council has not given back.
    fn left(&self) -> Credits {
        let left = self.amount.minus(self.returned);
        left.expect("no more comes back than was taken")
    }
}

table!(
    /// Every slash.
    Holds, 0x95, u64 => Hold
);

table!(
    /// The slashes of a bundle.
    HoldsOf, 0x9B, BundleId => Vec<u64>
);

/// The numbers of a bundle's slashes.
pub(crate) fn of_bundle(view: &dyn View, bundle: BundleId) -> Vec<u64> {
    row::<HoldsOf>(view, &bundle).unwrap_or_default()
}

/// A slash, if there was one with this number.
pub(crate) fn of(view: &dyn View, number: u64) -> Option<Hold> {
    row::<Holds>(view, &number)
}

/// Keeps a slash that was just taken, until its appeal window is over.
pub(crate) fn begin(draft: &mut Draft<'_>, hold: &Hold) {
    let sum = hold
        .shares
        .iter()
        .try_fold(Credits::ZERO, |sum, share| sum.plus(share.amount));
    assert_eq!(sum, Some(hold.amount), "the parts of a slash are the slash");
    draft.put::<Holds>(&hold.number, hold);
    let mut all = of_bundle(draft, hold.bundle);
    all.push(hold.number);
    draft.put::<HoldsOf>(&hold.bundle, &all);
    if hold.until <= draft.now() {
        give(draft, hold.number);
    } else {
        due::push(draft, hold.until, Due::Hold(hold.number));
    }
}

/// The appeal window of a slash is over: it is shared out, unless it is frozen.
pub(crate) fn give(draft: &mut Draft<'_>, number: u64) {
    let Some(mut hold) = of(draft, number).filter(|hold| hold.state == HoldState::Held) else {
        return;
    };
    let freeze = EmergencyAct::FreezeSlash(hold.bundle);
    if let Some(frozen) = emergency::in_force(draft, freeze, draft.now()) {
        due::push(draft, frozen.until, Due::Hold(number));
        return;
    }
    let account = Account::SlashHold(hold.bundle);
    let mut left = hold.left().min(balance(draft, account).amount());
    let kept = redress::kept(draft, &hold);
    for (place, share) in hold.shares.clone().into_iter().enumerate() {
        let to = match kept {
            Some((kept, _)) if kept == place => Account::Redress(number),
            _ => share.to,
        };
        // The council may have corrected some of it away: what is left is shared in this order.
        let amount = share.amount.min(left);
        left = left.minus(amount).expect("the lesser of the two");
        let about = About::Bundle(hold.bundle);
        post_covered(
            draft,
            Posting {
                from: account,
                to,
                amount,
                code: share.code,
                about,
            },
        );
        if let (Code::PanelPay, Account::Wallet(owner)) = (share.code, share.to)
            && let Some(judge) = member::of(draft, owner)
        {
            let (bundle, peer) = (hold.bundle, judge.peer);
            draft.say(Event::Paid {
                bundle,
                peer,
                owner,
                amount,
            });
        }
    }
    hold.state = HoldState::Given;
    draft.put::<Holds>(&number, &hold);
    let (bundle, peer, amount) = (hold.bundle, hold.peer, hold.amount);
    draft.say(Event::Fault(FaultEvent::SlashGiven {
        number,
        bundle,
        peer,
        amount,
    }));
    if let Some((_, redress)) = kept {
        redress::begin(draft, &hold, &redress);
    }
}

/// The council corrected so much from a bundle's slashes back into a bond. A slash that is whole
/// again is reversed: the peer's standing is as it was, as far as this fault goes.
pub(crate) fn corrected(draft: &mut Draft<'_>, bundle: BundleId, to: Account, amount: Credits) {
    let mut rest = amount;
    for number in of_bundle(draft, bundle) {
        let hold = of(draft, number);
        let is_it = |hold: &Hold| hold.from == to && hold.state == HoldState::Held;
        let Some(mut hold) = hold.filter(is_it) else {
            continue;
        };
        let back = rest.min(hold.left());
        rest = rest.minus(back).expect("the lesser of the two");
        hold.returned = hold.returned.plus(back).expect("at most the slash");
        if hold.left() == Credits::ZERO {
            reverse(draft, hold);
        } else {
            draft.put::<Holds>(&number, &hold);
        }
    }
}

/// A bundle's slashes are frozen no more: they go on as soon as their appeal window is over.
pub(crate) fn thawed(draft: &mut Draft<'_>, bundle: BundleId) {
    for number in of_bundle(draft, bundle) {
        if let Some(hold) = of(draft, number).filter(|hold| hold.state == HoldState::Held) {
            let when = hold.until.max(draft.now());
            due::push(draft, when, Due::Hold(number));
        }
    }
}

fn reverse(draft: &mut Draft<'_>, mut hold: Hold) {
    hold.state = HoldState::Returned;
    draft.put::<Holds>(&hold.number, &hold);
    faults::forget(draft, hold.peer, hold.fault);
    if let Ground::Capacity(_, epoch) = hold.ground {
        ready::reverse(draft, hold.peer, epoch, hold.amount);
    }
    let (number, bundle, peer, amount) = (hold.number, hold.bundle, hold.peer, hold.amount);
    draft.say(Event::Fault(FaultEvent::SlashReturned {
        number,
        bundle,
        peer,
        amount,
    }));
}
