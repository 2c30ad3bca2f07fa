//! What is asked about credits beside plain transfers: task wallets, which their owner fills and
//! others spend within limits, and grants, which expire. Both are **purses**: credits set apart for
//! jobs.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{Limited, Malformed};
use crate::ids::{PartyId, PurseId};
use crate::job::Class;
use crate::units::{Credits, Moment};

/// A set of compute classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Classes(u8);

impl Classes {
    /// None.
    pub const NONE: Self = Self(0);
    /// Every class.
    pub const ALL: Self = Self(15);

    /// This set, with one more class.
    #[must_use]
    pub const fn and(self, class: Class) -> Self {
        Self(self.0 | Self::bit(class))
    }

    /// Whether a class is in it.
    pub const fn has(self, class: Class) -> bool {
        self.0 & Self::bit(class) != 0
    }

    const fn bit(class: Class) -> u8 {
        match class {
            Class::Grid => 1,
            Class::Edge => 2,
            Class::Cloud => 4,
            Class::Ai => 8,
        }
    }
}

/// What a delegate may spend of a purse. Amounts are what is set aside when a job is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SpendPolicy {
    /// What one task may cost, all its copies together.
    pub per_task: Credits,
    /// What all jobs submitted in one epoch may set aside.
    pub per_epoch: Credits,
    /// What may be set aside ever, less what came back.
    pub total: Credits,
    /// For which classes.
    pub classes: Classes,
    /// Agreed time from which on nothing more may be spent.
    pub expires: Moment,
}

/// Something about credits beside plain transfers.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum BankRequest {
    /// Set credits of the sender apart in a task wallet. Its [`PurseId`] is this entry's id.
    OpenTaskWallet {
        /// How much at first; may be nothing.
        amount: Credits,
    },
    /// Add credits of the sender, its owner, to a task wallet.
    TopUp {
        /// The task wallet.
        purse: PurseId,
        /// How much.
        amount: Credits,
    },
    /// Let a party spend of a purse of the sender's within limits, in place of those it had. What
    /// it has spent stays counted.
    Allow {
        /// The purse.
        purse: PurseId,
        /// Who may spend.
        delegate: PartyId,
        /// How much, on what, until when.
        policy: SpendPolicy,
    },
    /// Let a party spend no more of a purse of the sender's.
    Disallow {
        /// The purse.
        purse: PurseId,
        /// Who may not spend any more.
        delegate: PartyId,
    },
    /// Take what is left of a task wallet back into its owner's wallet, for good. What its jobs
    /// have set aside follows when they end.
    CloseTaskWallet {
        /// The task wallet.
        purse: PurseId,
    },
    /// Give a party credits that it can spend on jobs alone, at peers of other institutions, until
    /// they expire. Out of the sending member's quota. Its [`PurseId`] is this entry's id.
    MintGrant {
        /// To whom.
        to: PartyId,
        /// How much.
        amount: Credits,
        /// Agreed time from which on the rest belongs to the treasury.
        expires: Moment,
    },
    /// Bring what is left of an expired grant to the treasury. Anyone may; epochs also do.
    ReturnGrant {
        /// The grant.
        purse: PurseId,
    },
}

impl BankRequest {
    /// What people call it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::OpenTaskWallet { .. } => "open-task-wallet",
            Self::TopUp { .. } => "top-up",
            Self::Allow { .. } => "allow",
            Self::Disallow { .. } => "disallow",
            Self::CloseTaskWallet { .. } => "close-task-wallet",
            Self::MintGrant { .. } => "mint-grant",
            Self::ReturnGrant { .. } => "return-grant",
        }
    }
}

impl Limited for BankRequest {
    fn within_limits(&self) -> Result<(), Malformed> {
        match self {
            Self::Allow { policy, .. } if policy.classes.0 > Classes::ALL.0 => Err(
                Malformed::Senseless("a spend policy names an unknown class"),
            ),
            Self::OpenTaskWallet { .. }
            | Self::TopUp { .. }
            | Self::Allow { .. }
            | Self::Disallow { .. }
            | Self::CloseTaskWallet { .. }
            | Self::MintGrant { .. }
            | Self::ReturnGrant { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_classes_holds_what_was_put_in() {
        let set = Classes::NONE.and(Class::Edge).and(Class::Ai);
        let held = Class::ALL.map(|class| set.has(class));
        assert_eq!(held, [false, true, false, true]);
        assert!(Class::ALL.iter().all(|class| Classes::ALL.has(*class)));
    }
}
