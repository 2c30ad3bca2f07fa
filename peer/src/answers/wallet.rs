//! What a party holds, and how it came to be so.

use protocol::ids::{PartyId, PeerId};
use protocol::units::Credits;
use rules::{About, Account, Code, Line, PurseKind, View};

use super::{ROWS_MAX, Sources};
use crate::api::types::{BalanceView, Direction, Held, HistoryItem, HistoryPage, Time};

/// What `party` holds, as last agreed.
pub fn balance(from: &Sources<'_>, party: PartyId) -> BalanceView {
    let view = from.ledger.ask();
    let mut held = Vec::new();
    let mut escrow = Credits::ZERO;
    let jobs = rules::read::jobs_of(&view, party);
    for job in (0..jobs)
        .rev()
        .take(usize::try_from(ROWS_MAX).unwrap_or(usize::MAX))
    {
        let Some(job) = rules::read::job_of(&view, party, job) else {
            continue;
        };
        let amount = rules::read::account(&view, Account::Escrow(job)).amount();
        if amount > Credits::ZERO {
            escrow = sum(escrow, amount);
            held.push(Held {
                why: format!("escrow of {job}"),
                amount: amount.into(),
            });
        }
    }
    let (mut bonded, mut locked) = (Credits::ZERO, Credits::ZERO);
    let peers = rules::read::counts(&view).peers.min(ROWS_MAX);
    for peer in (0..peers).filter_map(|n| rules::read::peer_numbered(&view, n)) {
        let Some(standing) = rules::read::peer(&view, peer) else {
            continue;
        };
        if standing.peer.owner != party || standing.bond == Credits::ZERO {
            continue;
        }
        bonded = sum(bonded, standing.bond);
        locked = sum(locked, standing.peer.locked);
        held.push(Held {
            why: format!("bond of {peer}"),
            amount: standing.bond.into(),
        });
    }
    let member = rules::read::member_bond(&view, party);
    if member > Credits::ZERO {
        bonded = sum(bonded, member);
        held.push(Held {
            why: "bond as a member and judge".to_owned(),
            amount: member.into(),
        });
    }
    let [set_apart, granted] = in_purses(&view, party, &mut held).map(Into::into);
    BalanceView {
        party: party.into(),
        available: rules::read::wallet(&view, party).available.into(),
        set_apart,
        granted,
        escrow: escrow.into(),
        bonded: bonded.into(),
        locked: locked.into(),
        held,
        height: view.height().get(),
    }
}

/// What lies in a party's task wallets, and in grants to it; each is noted among what is held.
fn in_purses(view: &dyn View, party: PartyId, held: &mut Vec<Held>) -> [Credits; 2] {
    let mut sums = [Credits::ZERO; 2];
    for purse in super::party::purse_ids(view, party) {
        let Some(standing) = rules::read::purse(view, purse) else {
            continue;
        };
        let amount = standing.available;
        if amount == Credits::ZERO {
            continue;
        }
        let (place, why) = match standing.purse.kind {
            PurseKind::TaskWallet { .. } => (0, format!("task wallet {purse}")),
            PurseKind::Grant { expires, .. } => {
                (1, format!("grant {purse}, good until {}", Time(expires)))
            }
        };
        sums[place] = sum(sums[place], amount);
        held.push(Held {
            why,
            amount: amount.into(),
        });
    }
    sums
}

fn sum(a: Credits, b: Credits) -> Credits {
    a.plus(b)
        .expect("all credits together fit: the supply is bounded")
}

/// How the balance of `party` came to be, newest first, `limit` lines before line `before`.
pub fn history(from: &Sources<'_>, party: PartyId, before: Option<u64>, limit: u32) -> HistoryPage {
    let view = from.ledger.ask();
    let newest = before.map_or(Some(u64::MAX), |before| before.checked_sub(1));
    let lines = newest.map_or_else(Vec::new, |newest| {
        rules::read::history(&view, party, newest, limit as usize)
    });
    let full = lines.len() == limit as usize;
    let next = lines
        .last()
        .map(|line| line.number)
        .filter(|number| full && *number > 0);
    HistoryPage {
        party: party.into(),
        items: lines.iter().map(item).collect(),
        next,
    }
}

fn item(line: &Line) -> HistoryItem {
    let (job, bundle, peer) = match line.about {
        About::Job(job) => (Some(job), None, None),
        About::Bundle(bundle) => (Some(bundle.job), Some(bundle.index), None),
        About::Peer(peer) => (None, None, Some(peer)),
        About::Entry(_)
        | About::Proposal(_)
        | About::Purse(_)
        | About::Channel(_)
        | About::Lease(_)
        | About::Ledger => (None, None, None),
    };
    let what = words(line.code);
    let other = match line.other {
        Account::Wallet(party) => Some(party),
        _ => None,
    };
    HistoryItem {
        height: line.height.get(),
        at: line.when.into(),
        what: bundle.map_or_else(|| what.to_owned(), |n| format!("{what}, bundle {n}")),
        direction: if line.incoming {
            Direction::In
        } else {
            Direction::Out
        },
        amount: line.amount.into(),
        job: job.map(Into::into),
        peer: peer.or_else(|| peer_of(line.other)).map(Into::into),
        other: other.map(Into::into),
    }
}

const fn peer_of(account: Account) -> Option<PeerId> {
    match account {
        Account::Bond(peer) | Account::Unbonding(peer) => Some(peer),
        _ => None,
    }
}

const fn words(code: Code) -> &'static str {
    match code {
        Code::Grant => "granted at the beginning",
        Code::Transfer => "transfer",
        Code::Fee | Code::FeeBurned | Code::FeeKept => "fee",
        Code::Bond => "bonded",
        Code::Unbond => "began to leave a bond",
        Code::Withdraw => "withdrawn from a bond",
        Code::MemberBond => "bonded as a member",
        Code::Escrow => "set aside for a job",
        Code::Pay => "paid for work",
        Code::PanelPay => "paid for judging",
        Code::AuditPay => "paid for an audit",
        Code::Refund => "came back from a job",
        Code::Slash | Code::SlashBurned | Code::SlashTreasury => "slashed",
        Code::SlashVictim => "compensation from a slash",
        Code::SlashFinder => "reward for showing a fault",
        Code::SlashReturned => "slash reversed",
        Code::DemandDeposit => "deposit for a demand of outcomes",
        Code::DemandReturned => "deposit for a demand came back",
        Code::DemandPaid => "paid for answering a demand",
        Code::ProposalDeposit => "deposit for a proposal",
        Code::DepositReturned => "deposit of a proposal came back",
        Code::DepositLost => "deposit lost by a veto",
        Code::Correction => "correction by the council",
        Code::MemberFine => "fine for voting twice",
        Code::Minted => "minted against the reserve",
        Code::Reward => "reward of an epoch",
        Code::WorkFeeBurned | Code::WorkFeeKept => "fee for work",
        Code::Redeemed => "redeemed from the reserve",
        Code::TaskWalletFilled => "set apart in a task wallet",
        Code::TaskWalletClosed => "came back from a task wallet",
        Code::GrantGiven | Code::GrantReturned => "granted for jobs",
        Code::ChannelDeposit => "set aside in a payment channel",
        Code::ChannelPaid => "paid by a voucher",
        Code::ChannelReturned => "came back from a payment channel",
        Code::LeasePrepaid => "paid in advance for a lease",
        Code::LeasePaid => "paid for a lease",
        Code::LeaseReturned => "came back from a lease",
        Code::Back => "backed another's peer",
        Code::Vest => "earned into a bond",
        Code::Redress => "had back for a doubtful result",
        Code::AbortFee => "fee for a job that was not started",
        Code::AdmissionFee => "fee for admitting a peer",
    }
}
