//! Taking from a bond, and where it goes: burned, to those it harmed, to who showed it, to the
//! treasury. The parts always add up to the slash; a part nobody may have goes to the treasury.

use protocol::event::{Event, Fault};
use protocol::ids::{PartyId, PeerId};
use protocol::units::Credits;

use crate::money::posting::{Posting, post_covered};
use crate::money::{About, Account, Code, balance, issue};
use crate::people::Peers;
use crate::work::case::Case;

/// What is to be taken, and what for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slash {
    from: Account,
    peer: PeerId,
    fault: Fault,
    amount: Credits,
}

/// Who got how much of a slash.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// All of it.
    pub(crate) taken: Credits,
    /// What the treasury got.
    pub(crate) treasury: Credits,
    /// What those with a claim got, in their order.
    pub(crate) victims: Vec<Credits>,
}

impl Slash {
    /// Takes from a peer's bond.
    pub(crate) const fn peer(peer: PeerId, fault: Fault, amount: Credits) -> Self {
        let from = Account::Bond(peer);
        Self {
            from,
            peer,
            fault,
            amount,
        }
    }

    /// Takes from a member's bond; `peer` is its node.
    pub(crate) const fn judge(
        member: PartyId,
        peer: PeerId,
        fault: Fault,
        amount: Credits,
    ) -> Self {
        let from = Account::MemberBond(member);
        Self {
            from,
            peer,
            fault,
            amount,
        }
    }
}

/// Takes as much as there is, and shares it. What is locked for other bundles is not touched: the
/// caller has released this bundle's lock, and takes no more than that.
///
/// `claims` are the wallets harmed and what each lost; they come first in the victims' share, and
/// the submitter has the rest of it. A finder that owns or sponsors the peer finds for nothing.
pub(crate) fn take(
    case: &mut Case<'_, '_>,
    index: u32,
    slash: Slash,
    finder: Option<PartyId>,
    claims: &[(PartyId, Credits)],
) -> Shared {
    let bundle = case.name(index);
    let taken = slash.amount.min(balance(case.draft, slash.from).amount());
    let mut shared = Shared {
        taken,
        treasury: Credits::ZERO,
        victims: vec![Credits::ZERO; claims.len()],
    };
    if taken == Credits::ZERO {
        return shared;
    }
    let hold = Account::SlashHold(bundle);
    pay(case, index, (slash.from, hold), taken, Code::Slash);

    let [burn, victims, find, _] = case.draft.params().slash_split;
    let burnt = taken.share(burn);
    let end = issue::end_of_credits(case.draft);
    pay(case, index, (hold, end), burnt, Code::SlashBurned);
    shared.victims = pay_victims(case, index, taken.share(victims), claims);
    if let Some(finder) = finder.filter(|finder| !is_kin(case, slash.peer, *finder)) {
        let to = Account::Wallet(finder);
        pay(
            case,
            index,
            (hold, to),
            taken.share(find),
            Code::SlashFinder,
        );
    }
    shared.treasury = balance(case.draft, hold).amount();
    pay(
        case,
        index,
        (hold, Account::Treasury),
        shared.treasury,
        Code::SlashTreasury,
    );

    case.draft.say(Event::Slashed {
        bundle,
        peer: slash.peer,
        fault: slash.fault,
        amount: taken,
    });
    shared
}

/// Shares an amount that is held for this bundle's slash among those harmed; returns what each got.
/// The submitter has the rest.
fn pay_victims(
    case: &mut Case<'_, '_>,
    index: u32,
    amount: Credits,
    claims: &[(PartyId, Credits)],
) -> Vec<Credits> {
    let hold = Account::SlashHold(case.name(index));
    let mut left = amount;
    let mut given = Vec::with_capacity(claims.len());
    for (party, claim) in claims {
        let got = left.min(*claim);
        left = left.minus(got).expect("the lesser of the two");
        given.push(got);
        let to = Account::Wallet(*party);
        pay(case, index, (hold, to), got, Code::SlashVictim);
    }
    let submitter = Account::Wallet(case.job.sender);
    pay(case, index, (hold, submitter), left, Code::SlashVictim);
    given
}

fn is_kin(case: &Case<'_, '_>, peer: PeerId, finder: PartyId) -> bool {
    case.draft
        .row::<Peers>(&peer)
        .is_some_and(|row| row.owner == finder || row.sponsor == finder)
}

fn pay(
    case: &mut Case<'_, '_>,
    index: u32,
    (from, to): (Account, Account),
    amount: Credits,
    code: Code,
) {
    let about = About::Bundle(case.name(index));
    post_covered(
        case.draft,
        Posting {
            from,
            to,
            amount,
            code,
            about,
        },
    );
}
