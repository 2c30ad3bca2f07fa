//! What must balance. `check` asks it of what a block changed, and the rules stop if it does not
//! hold; [`recount`] asks it of every row there is.
//!
//! Debits equal credits. Only `Mint` is below zero. What circulates is what was minted and not
//! burned. No peer's locks are more than its bond. An ended job holds nothing. A payment channel
//! holds what its lanes have not paid, and no lane ever goes back. A lease holds the price of its
//! epochs that are not settled, and an ended one nothing.

use std::collections::BTreeMap;

use borsh::BorshDeserialize;
use protocol::ids::{ChannelId, JobId, LeaseId, PeerId};
use protocol::units::Credits;
use thiserror::Error;

use crate::council::{Ballot, Ballots};
use crate::market::lease::Leases;
use crate::money::channel::Channels;
use crate::money::{Account, Accounts, Balance, balance, bond, issue};
use crate::params::SUPPLY_MAX;
use crate::people::{Peer, Peers};
use crate::state::{Federation, Table, View, row};
use crate::work::{Job, Jobs, Phase};

/// The books do not balance: the rules are wrong, or the rows were changed by something else.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Unbalanced {
    /// A row cannot be read.
    #[error("a row of table {0:#04x} cannot be read")]
    Unreadable(u8),
    /// Credits were made or lost.
    #[error("{debits} micro-credits went out of accounts and {credits} came in")]
    Leak {
        /// Out.
        debits: u128,
        /// In.
        credits: u128,
    },
    /// An account is below zero.
    #[error("{0:?} is below zero")]
    BelowZero(Account),
    /// There are more credits than there may be.
    #[error("{minted} micro-credits were minted, more than there may ever be")]
    TooManyMinted {
        /// How many.
        minted: u128,
    },
    /// A peer's bond does not cover its locks.
    #[error("{peer} has {locked} locked and {bond} bonded")]
    BondUncovered {
        /// The peer.
        peer: PeerId,
        /// Its locks.
        locked: Credits,
        /// Its bond.
        bond: Credits,
    },
    /// An ended proposal holds credits.
    #[error("proposal {proposal} has ended and still holds {left}")]
    DepositLeft {
        /// The proposal.
        proposal: u64,
        /// What it holds.
        left: Credits,
    },
    /// A channel does not hold what its lanes have not paid.
    #[error("{channel} holds {holds}, and {needs} of its deposit is not paid")]
    ChannelUneven {
        /// The channel.
        channel: ChannelId,
        /// What it holds.
        holds: Credits,
        /// What it should hold.
        needs: Credits,
    },
    /// A lane of a channel took a payment back, or paid again with an old voucher.
    #[error("a lane of {0} went back")]
    ChannelBack(ChannelId),
    /// A lease does not hold the price of its epochs that are not settled.
    #[error("{lease} holds {holds}, and its unsettled epochs cost {needs}")]
    LeaseUneven {
        /// The lease.
        lease: LeaseId,
        /// What it holds.
        holds: Credits,
        /// What it should hold.
        needs: Credits,
    },
    /// An ended job holds credits.
    #[error("{job} has ended and still holds {left}")]
    EscrowLeft {
        /// The job.
        job: JobId,
        /// What it holds.
        left: Credits,
    },
}

/// How many credits there are, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supply {
    /// Ever minted.
    pub minted: Credits,
    /// Ever burned.
    pub burned: Credits,
    /// The federation's own.
    pub treasury: Credits,
    /// Minted and not burned.
    pub circulating: Credits,
}

/// A view with a block's changes over it.
struct Changed<'a>(&'a dyn View, &'a BTreeMap<Vec<u8>, Option<Vec<u8>>>);

impl View for Changed<'_> {
    fn read(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.1.get(key) {
            Some(row) => row.clone(),
            None => self.0.read(key),
        }
    }
}

/// Asks whether what a block changed balances, in time that grows with what it changed.
pub(crate) fn check(
    before: &dyn View,
    updates: &BTreeMap<Vec<u8>, Option<Vec<u8>>>,
) -> Result<(), Unbalanced> {
    let after = Changed(before, updates);
    let deepest = issue::deepest(row::<Federation>(&after, &()).as_ref());
    let (mut debits, mut credits) = (0_u128, 0_u128);
    for (key, row) in updates {
        let Some((prefix, key)) = key.split_first() else {
            continue;
        };
        if *prefix == Channels::PREFIX {
            paid_forward(before, &after, decoded(*prefix, key)?)?;
        }
        if *prefix == Leases::PREFIX {
            prepaid(&after, Account::LeaseEscrow(decoded(*prefix, key)?))?;
        }
        let Some(row) = row else {
            continue;
        };
        match *prefix {
            Accounts::PREFIX => {
                let account: Account = decoded(*prefix, key)?;
                let now: Balance = decoded(*prefix, row)?;
                holds_its_rest(&after, account)?;
                prepaid(&after, account)?;
                let was = balance(before, account);
                above_zero(account, &now, deepest)?;
                debits = debits.saturating_add(now.debits.saturating_sub(was.debits));
                credits = credits.saturating_add(now.credits.saturating_sub(was.credits));
            }
            Peers::PREFIX => covered(&after, decoded(*prefix, key)?, &decoded(*prefix, row)?)?,
            Jobs::PREFIX => emptied(&after, decoded(*prefix, key)?, &decoded(*prefix, row)?)?,
            Ballots::PREFIX => returned(&after, &decoded(*prefix, row)?)?,
            _ => {}
        }
    }
    if debits != credits {
        return Err(Unbalanced::Leak { debits, credits });
    }
    Ok(())
}

/// Counts every row of a state, as an auditor would: nothing is taken from what blocks have
/// checked.
///
/// # Errors
/// The first thing that does not balance.
pub fn recount<B: AsRef<[u8]> + Into<Vec<u8>>>(
    rows: impl Iterator<Item = (B, B)>,
) -> Result<Supply, Unbalanced> {
    let kept = [
        Federation::PREFIX,
        Accounts::PREFIX,
        Peers::PREFIX,
        Jobs::PREFIX,
        Ballots::PREFIX,
        Channels::PREFIX,
        Leases::PREFIX,
    ];
    let rows: BTreeMap<Vec<u8>, Vec<u8>> = rows
        .filter(|(key, _)| {
            let prefix = key.as_ref().first();
            prefix.is_some_and(|prefix| kept.contains(prefix))
        })
        .map(|(key, row)| (key.into(), row.into()))
        .collect();
    let deepest = issue::deepest(row::<Federation>(&rows, &()).as_ref());
    let (mut debits, mut credits) = (0_u128, 0_u128);
    let (mut held, mut owed) = (0_u128, 0_u128);
    for (key, row) in &rows {
        let Some((prefix, key)) = key.split_first() else {
            continue;
        };
        match *prefix {
            Accounts::PREFIX => {
                let account: Account = decoded(*prefix, key)?;
                let now: Balance = decoded(*prefix, row)?;
                above_zero(account, &now, deepest)?;
                holds_its_rest(&rows, account)?;
                prepaid(&rows, account)?;
                debits = debits.saturating_add(now.debits);
                credits = credits.saturating_add(now.credits);
                if !matches!(account, Account::Mint | Account::Burn) {
                    held = held.saturating_add(now.credits);
                    owed = owed.saturating_add(now.debits);
                }
            }
            Peers::PREFIX => covered(&rows, decoded(*prefix, key)?, &decoded(*prefix, row)?)?,
            Jobs::PREFIX => emptied(&rows, decoded(*prefix, key)?, &decoded(*prefix, row)?)?,
            Ballots::PREFIX => returned(&rows, &decoded(*prefix, row)?)?,
            Channels::PREFIX => {
                holds_its_rest(&rows, Account::ChannelEscrow(decoded(*prefix, key)?))?;
            }
            Leases::PREFIX => prepaid(&rows, Account::LeaseEscrow(decoded(*prefix, key)?))?,
            _ => {}
        }
    }
    let supply = supply(&rows);
    let sum = held.checked_sub(owed);
    if debits != credits || sum != Some(supply.circulating.get().into()) {
        return Err(Unbalanced::Leak { debits, credits });
    }
    Ok(supply)
}

/// How many credits there are.
pub(crate) fn supply(view: &dyn View) -> Supply {
    let whole = |micro: u128| {
        Credits::new(u64::try_from(micro).expect("the supply is bounded far below 2^64"))
    };
    let minted = whole(balance(view, Account::Mint).debits);
    let burned = balance(view, Account::Burn).amount();
    Supply {
        minted,
        burned,
        treasury: balance(view, Account::Treasury).amount(),
        circulating: minted
            .minus(burned)
            .expect("what was burned was minted first"),
    }
}

fn decoded<T: BorshDeserialize>(prefix: u8, bytes: &[u8]) -> Result<T, Unbalanced> {
    borsh::from_slice(bytes).map_err(|_| Unbalanced::Unreadable(prefix))
}

/// Whether an account holds at least nothing; a wallet of mutual credit may be so far below.
fn above_zero(account: Account, now: &Balance, deepest: u128) -> Result<(), Unbalanced> {
    if account == Account::Mint {
        let minted = now.debits;
        if minted > SUPPLY_MAX.into() {
            return Err(Unbalanced::TooManyMinted { minted });
        }
        return Ok(());
    }
    let line = if matches!(account, Account::Wallet(_)) {
        deepest
    } else {
        0
    };
    if now.debits > now.credits.saturating_add(line) {
        return Err(Unbalanced::BelowZero(account));
    }
    Ok(())
}

fn covered(view: &dyn View, peer: PeerId, row: &Peer) -> Result<(), Unbalanced> {
    let (locked, bond) = (row.locked, bond::of(view, peer));
    if locked > bond {
        return Err(Unbalanced::BondUncovered { peer, locked, bond });
    }
    Ok(())
}

fn emptied(view: &dyn View, job: JobId, row: &Job) -> Result<(), Unbalanced> {
    let left = balance(view, Account::Escrow(job)).amount();
    if row.phase == Phase::Ended && left > Credits::ZERO {
        return Err(Unbalanced::EscrowLeft { job, left });
    }
    Ok(())
}

fn returned(view: &dyn View, row: &Ballot) -> Result<(), Unbalanced> {
    let proposal = row.number;
    let left = balance(view, Account::Deposit(proposal)).amount();
    if row.ended.is_some() && left > Credits::ZERO {
        return Err(Unbalanced::DepositLeft { proposal, left });
    }
    Ok(())
}

/// I7, of a channel that a block changed or ended.
fn paid_forward(before: &dyn View, after: &dyn View, channel: ChannelId) -> Result<(), Unbalanced> {
    let rows = [before, after].map(|view| row::<Channels>(view, &channel));
    if let [Some(was), Some(is)] = rows
        && !is.follows(&was)
    {
        return Err(Unbalanced::ChannelBack(channel));
    }
    holds_its_rest(after, Account::ChannelEscrow(channel))
}

/// Whether the escrow of a channel is what its lanes have not paid; nothing, once it has ended.
fn holds_its_rest(view: &dyn View, account: Account) -> Result<(), Unbalanced> {
    let Account::ChannelEscrow(channel) = account else {
        return Ok(());
    };
    let holds = balance(view, account).amount();
    let needs = row::<Channels>(view, &channel).map_or(Credits::ZERO, |row| row.left());
    if holds != needs {
        return Err(Unbalanced::ChannelUneven {
            channel,
            holds,
            needs,
        });
    }
    Ok(())
}

/// Whether the escrow of a lease is the price of its unsettled epochs; nothing, once it has ended.
fn prepaid(view: &dyn View, account: Account) -> Result<(), Unbalanced> {
    let Account::LeaseEscrow(lease) = account else {
        return Ok(());
    };
    let holds = balance(view, account).amount();
    let needs = row::<Leases>(view, &lease).map_or(Credits::ZERO, |row| row.escrow());
    if holds != needs {
        return Err(Unbalanced::LeaseUneven {
            lease,
            holds,
            needs,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
