//! Taking from a bond, and where it goes: burned, to those it harmed, to who showed it, to the
//! treasury. The parts always add up to the slash; a part nobody may have goes to the treasury.

use protocol::event::{Event, Fault};
use protocol::ids::{BundleId, PartyId, PeerId};
use protocol::units::Credits;

use crate::market::lease;
use crate::money::posting::{Posting, post_covered};
use crate::money::{About, Account, Code, balance, bond, issue};
use crate::people::Peers;
use crate::state::{Draft, View, row};
use crate::work::case::Case;
use crate::work::faults;
use crate::work::hold::{self, Ground, Hold, HoldState, Share};
use crate::work::{Audited, Bundles, Disputes, Job};

/// What is to be taken, and what for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slash {
    from: Account,
    peer: PeerId,
    fault: Fault,
    amount: Credits,
    ground: Ground,
}

/// Who has a right to a part of a slash.
#[derive(Debug, Default)]
pub(crate) struct Rights<'a> {
    /// Who showed it. One that owns or sponsors the peer finds for nothing.
    pub(crate) finder: Option<PartyId>,
    /// The wallets harmed and what each lost; they come first in the victims' share, and the
    /// submitter has the rest of it.
    pub(crate) claims: &'a [(PartyId, Credits)],
    /// Judges who found what is right, and what each is still to be paid: out of the treasury's
    /// share, and no more.
    pub(crate) judges: &'a [(PartyId, Credits)],
}

/// Who will get how much of a slash.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// All of it.
    pub(crate) taken: Credits,
    /// What those with a claim get, in their order.
    pub(crate) victims: Vec<Credits>,
    /// What each judge gets.
    pub(crate) judge: Credits,
}

impl Slash {
    /// Takes from a peer's bond.
    pub(crate) const fn peer(peer: PeerId, fault: Fault, amount: Credits, ground: Ground) -> Self {
        let from = Account::Bond(peer);
        Self {
            from,
            peer,
            fault,
            amount,
            ground,
        }
    }

    /// Takes from a member's bond; `peer` is its node.
    pub(crate) const fn judge(
        (member, peer): (PartyId, PeerId),
        fault: Fault,
        amount: Credits,
        ground: Ground,
    ) -> Self {
        let from = Account::MemberBond(member);
        Self {
            from,
            peer,
            fault,
            amount,
            ground,
        }
    }
}

/// What a fault in a bundle of a job costs, if there is so much.
pub(crate) fn price(
    view: &dyn View,
    params: &protocol::genesis::Params,
    (job, bundle): (&Job, BundleId),
    (peer, fault): (PeerId, Fault),
) -> Credits {
    let times = |amount: Credits, times: u8| amount.times(times.into()).unwrap_or(Credits::MAX);
    match fault {
        Fault::WrongOutcome => job.lock,
        Fault::NoSeal => job.price.share(params.late_fine),
        // Who hides what an audit would have shown has no more to gain than who shows it.
        Fault::NoOpening => {
            let audited = row::<Audited>(view, &bundle).unwrap_or_default();
            if audited.is_empty() {
                job.lock.share(params.unopened_fine)
            } else {
                job.lock
            }
        }
        Fault::TwoSeals => {
            let locked = row::<Peers>(view, &peer).map_or(Credits::ZERO, |row| row.locked);
            locked.max(job.lock)
        }
        Fault::WrongJudgement => times(job.lock, params.judge_fine),
        Fault::NoJudgement => times(job.price, params.silence_fine),
        // F5, F10 and F11 are no faults in a bundle: their prices are in `lease` and `feigned`.
        Fault::LeaseMissed
        | Fault::TwoVotes
        | Fault::NoOneOutcome
        | Fault::FakeCapacity
        | Fault::StorageMissed => Credits::ZERO,
    }
}

/// What can be taken for a fault: a bundle that has not ended releases its lock first, and two
/// seals all of a peer's locks. The name of a finding is no bundle's, and nothing is locked for it.
pub(crate) fn within_reach(
    view: &dyn View,
    bundle: BundleId,
    (peer, fault): (PeerId, Fault),
) -> Option<Credits> {
    let row = row::<Peers>(view, &peer)?;
    if matches!(fault, Fault::WrongJudgement | Fault::NoJudgement) {
        return Some(balance(view, Account::MemberBond(row.owner)).amount());
    }
    let freed = match fault {
        Fault::TwoSeals => row.locked,
        // What an epoch has locked is released before it is taken.
        Fault::LeaseMissed | Fault::StorageMissed => {
            lease::at_stake(view, peer, fault).min(row.locked)
        }
        _ => locked_in(view, bundle, peer).min(row.locked),
    };
    let leaving = balance(view, Account::Unbonding(peer)).amount();
    bond::free(view, peer, &row).plus(freed)?.plus(leaving)
}

/// What a peer has locked for a bundle that has not ended.
fn locked_in(view: &dyn View, bundle: BundleId, peer: PeerId) -> Credits {
    let open = row::<Bundles>(view, &bundle).filter(|bundle| !bundle.state.is_ended());
    let runs = open.into_iter().flat_map(|bundle| bundle.runs);
    let mut locked = runs.filter(|run| run.peer == peer && run.takes_part());
    locked.next().map_or(Credits::ZERO, |run| run.lock)
}

/// Takes as much as there is, and plans how it is shared. What is locked for other bundles is not
/// touched: the caller has released this bundle's lock.
pub(crate) fn take(
    case: &mut Case<'_, '_>,
    index: u32,
    slash: Slash,
    rights: &Rights<'_>,
) -> Shared {
    let bundle = case.name(index);
    must_be_proved(case.draft, &slash);
    faults::note(case.draft, slash.peer, slash.fault);
    let taken = seize(case.draft, bundle, &slash);
    let mut shared = Shared {
        taken,
        victims: vec![Credits::ZERO; rights.claims.len()],
        judge: Credits::ZERO,
    };
    if taken == Credits::ZERO {
        return shared;
    }
    let shares = plan(case, &slash, rights, &mut shared);
    keep(case.draft, bundle, &slash, (taken, shares));
    shared
}

/// Takes for what was no fault in a job: nobody but the federation and the one that was harmed, if
/// one was, has a part of it. Where it is held, and how it can be appealed, goes by the name of the
/// `finding`.
pub(crate) fn take_apart(
    draft: &mut Draft<'_>,
    finding: BundleId,
    slash: Slash,
    victim: Option<PartyId>,
) {
    must_be_proved(draft, &slash);
    faults::note(draft, slash.peer, slash.fault);
    let taken = seize(draft, finding, &slash);
    if taken == Credits::ZERO {
        return;
    }
    let [burned, harmed, rest] = split_apart(draft.params(), taken, victim.is_some());
    let burn = Share {
        to: issue::end_of_credits(draft),
        amount: burned,
        code: Code::SlashBurned,
    };
    let treasury = Share {
        to: Account::Treasury,
        amount: rest,
        code: Code::SlashTreasury,
    };
    let mut shares = vec![burn];
    shares.extend(victim.map(|victim| wallet(victim, harmed, Code::SlashVictim)));
    shares.push(treasury);
    keep(draft, finding, &slash, (taken, shares));
}

/// How an amount is split that nobody has found alone: burned, for the one that was harmed, and the
/// treasury's.
pub(crate) fn split_apart(
    params: &protocol::genesis::Params,
    taken: Credits,
    is_harmed: bool,
) -> [Credits; 3] {
    let [burned, victims, find, rest] = split(params, taken);
    let harmed = if is_harmed { victims } else { Credits::ZERO };
    let others = if is_harmed { Credits::ZERO } else { victims };
    let rest = rest.plus(find).and_then(|rest| rest.plus(others));
    [burned, harmed, rest.expect("parts of the slash")]
}

/// Keeps what was taken until its appeal window is over; who would get nothing of it has no share.
fn keep(
    draft: &mut Draft<'_>,
    bundle: BundleId,
    slash: &Slash,
    (amount, mut shares): (Credits, Vec<Share>),
) {
    shares.retain(|share| share.amount > Credits::ZERO);
    let counted = draft.count(|counts| counts.slashes = counts.slashes.saturating_add(1));
    let hold = Hold {
        number: counted.slashes,
        bundle,
        from: slash.from,
        peer: slash.peer,
        fault: slash.fault,
        ground: slash.ground,
        amount,
        shares,
        until: draft.now().after(draft.params().appeal_window),
        state: HoldState::Held,
        returned: Credits::ZERO,
    };
    draft.say(Event::Slashed {
        bundle,
        peer: slash.peer,
        fault: slash.fault,
        amount,
    });
    hold::begin(draft, &hold);
}

/// No slash without a verdict: what only a panel can find is found by one.
fn must_be_proved(draft: &Draft<'_>, slash: &Slash) {
    let judged = match slash.ground {
        Ground::Verdict(number) => draft
            .row::<Disputes>(&number)
            .is_some_and(|dispute| dispute.verdict.is_some()),
        Ground::Silence(_) | Ground::Seals(..) | Ground::Capacity(..) | Ground::Lease(..) => false,
    };
    let needs = matches!(slash.fault, Fault::WrongOutcome | Fault::WrongJudgement);
    let withheld = slash.fault == Fault::WrongOutcome && matches!(slash.ground, Ground::Silence(_));
    assert!(
        !needs || judged || withheld,
        "no slash without a verdict: {slash:?}"
    );
}

/// Moves what is slashed to where it is held, and says how much there was.
fn seize(draft: &mut Draft<'_>, bundle: BundleId, slash: &Slash) -> Credits {
    let (to, about) = (Account::SlashHold(bundle), About::Bundle(bundle));
    if let Account::Bond(peer) = slash.from {
        return bond::slash(draft, peer, slash.amount, to, about);
    }
    let amount = slash.amount.min(balance(draft, slash.from).amount());
    let posting = Posting {
        from: slash.from,
        to,
        amount,
        code: Code::Slash,
        about,
    };
    post_covered(draft, posting);
    amount
}

/// How an amount is split: burned, victims, finder, treasury. They add up to it.
pub(crate) fn split(params: &protocol::genesis::Params, taken: Credits) -> [Credits; 4] {
    let [burn, victims, find, _] = params.slash_split.map(|share| taken.share(share));
    let rest = [burn, victims, find]
        .into_iter()
        .try_fold(taken, Credits::minus)
        .expect("shares of at most the whole");
    [burn, victims, find, rest]
}

fn plan(
    case: &Case<'_, '_>,
    slash: &Slash,
    rights: &Rights<'_>,
    shared: &mut Shared,
) -> Vec<Share> {
    let [burn, mut victims, find, mut treasury] = split(case.draft.params(), shared.taken);
    let to = issue::end_of_credits(case.draft);
    let mut shares = vec![Share {
        to,
        amount: burn,
        code: Code::SlashBurned,
    }];
    for ((party, claim), got) in rights.claims.iter().zip(&mut shared.victims) {
        *got = victims.min(*claim);
        victims = victims.minus(*got).expect("the lesser of the two");
        shares.push(wallet(*party, *got, Code::SlashVictim));
    }
    shares.push(wallet(case.job.sender, victims, Code::SlashVictim));
    match rights
        .finder
        .filter(|finder| !is_kin(case, slash.peer, *finder))
    {
        Some(finder) => shares.push(wallet(finder, find, Code::SlashFinder)),
        None => treasury = treasury.plus(find).expect("parts of the slash"),
    }
    let heads = u64::try_from(rights.judges.len()).unwrap_or(u64::MAX);
    if let Some(heads) = std::num::NonZeroU64::new(heads) {
        let most = rights.judges.iter().map(|(_, left)| *left).min();
        shared.judge = treasury.split(heads).0.min(most.unwrap_or_default());
        for (party, _) in rights.judges {
            treasury = treasury.minus(shared.judge).expect("equal parts of it");
            shares.push(wallet(*party, shared.judge, Code::PanelPay));
        }
    }
    shares.push(Share {
        to: Account::Treasury,
        amount: treasury,
        code: Code::SlashTreasury,
    });
    shares
}

const fn wallet(party: PartyId, amount: Credits, code: Code) -> Share {
    let to = Account::Wallet(party);
    Share { to, amount, code }
}

fn is_kin(case: &Case<'_, '_>, peer: PeerId, finder: PartyId) -> bool {
    case.draft
        .row::<Peers>(&peer)
        .is_some_and(|row| row.owner == finder || row.sponsor == finder)
}

#[cfg(test)]
mod tests;
