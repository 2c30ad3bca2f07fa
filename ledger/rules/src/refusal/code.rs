//! The numbers of refusals. One that was ever given never means anything else.
//!
//! ```text
//! 1-9, 100-109   nothing changed, not even fee and nonce
//! 20-99          of the first rules
//! 110-149        people and money      150-199  audits and faults
//! 200-249        stake and reputation  250-299  council and epochs
//! ```

use super::Refusal;

impl Refusal {
    /// Its number in answers and bills; frozen.
    #[expect(clippy::too_many_lines, reason = "one line for every refusal there is")]
    pub const fn code(&self) -> u16 {
        // flat match: one line for every refusal there is.
        match self {
            Self::Malformed(_) => 1,
            Self::ForeignFederation => 2,
            Self::UnknownParty { .. } => 3,
            Self::ForeignKey { .. } => 4,
            Self::Expired { .. } => 5,
            Self::LivesTooLong { .. } => 6,
            Self::NonceUsed { .. } => 7,
            Self::NonceInFuture { .. } => 8,
            Self::FeeUnpayable { .. } => 9,
            Self::AmountIsZero => 20,
            Self::UnknownReceiver { .. } => 21,
            Self::AmountTooLarge => 22,
            Self::InsufficientBalance { .. } => 23,
            Self::AlreadyRegistered { .. } => 30,
            Self::NotASponsor { .. } => 31,
            Self::AlreadyAdmitted { .. } => 32,
            Self::UnknownPeer { .. } => 33,
            Self::NotYourPeer { .. } => 34,
            Self::Struck { .. } => 35,
            Self::BondLocked { .. } => 36,
            Self::TooManyUnbondings => 37,
            Self::NothingMatured => 38,
            Self::SlotsOutOfRange { .. } => 40,
            Self::NoOffer { .. } => 41,
            Self::RosterFull => 42,
            Self::TooFewCopies { .. } => 50,
            Self::SealWindow { .. } => 51,
            Self::PriceIsZero { .. } => 52,
            Self::NotEnoughOffers { .. } => 53,
            Self::UnknownJob => 54,
            Self::UnknownBundle => 55,
            Self::NotYourJob => 56,
            Self::WrongPhase { .. } => 57,
            Self::StartTooEarly { .. } => 58,
            Self::BrokenChain => 59,
            Self::NotEnoughPeers { .. } => 60,
            Self::NotAllSealed { .. } => 61,
            Self::CloseTooEarly { .. } => 62,
            Self::NothingDue => 63,
            Self::WrongState { .. } => 70,
            Self::NotDrawn { .. } => 71,
            Self::AlreadySealed { .. } => 72,
            Self::DeadlinePassed { .. } => 73,
            Self::SealForged { .. } => 74,
            Self::NotSealed { .. } => 75,
            Self::AlreadyOpened { .. } => 76,
            Self::OpeningMismatch { .. } => 77,
            Self::TasksOutOfOrder => 90,
            Self::ClaimsIncomplete => 91,
            Self::ProofForged { .. } => 92,
            Self::NoDifference { .. } => 93,
            Self::NotCalled { .. } => 94,
            Self::AlreadyAnswered { .. } => 95,
            Self::AnswerMismatch { .. } => 96,
            Self::AnswerShape { .. } => 97,
            Self::Council(refusal) => refusal.code(),
            Self::Issue(refusal) => refusal.code(),
            Self::CloseInSealingBlock => 150,
            Self::NotAuditor { .. } => 151,
            Self::PeersFirst => 152,
            Self::FindingsMismatch { .. } => 153,
            Self::NotAudited { .. } => 154,
            Self::NoStake => 155,
            Self::AlreadyDemanded { .. } => 156,
            Self::NotDemanded { .. } => 157,
            Self::NotTwoSeals => 158,
            Self::ModuleFlagged { .. } => 159,
            Self::RiskTooHigh { .. } => 160,
            Self::KeyExpired { .. } => 100,
            Self::OutOfScope { .. } => 101,
            Self::RootNeeded { .. } => 102,
            Self::TooFewSignatures { .. } => 103,
            Self::SurplusSignature { .. } => 104,
            Self::FeeOverKeyLimit { .. } => 105,
            Self::OverKeyLimit { .. } => 110,
            Self::UnknownKey { .. } => 111,
            Self::TooManyKeys { .. } => 112,
            Self::KeyInUse { .. } => 113,
            Self::KeyBornExpired { .. } => 114,
            Self::NewRootUnsigned => 115,
            Self::RotatedTooOften { .. } => 116,
            Self::NotGuardian { .. } => 117,
            Self::RecoveryPending { .. } => 118,
            Self::NoRecovery { .. } => 119,
            Self::RecoveryTooEarly { .. } => 120,
            Self::AlreadyVouched { .. } => 121,
            Self::NotYourSponsored { .. } => 122,
            Self::UnknownPurse => 130,
            Self::NotYourPurse => 131,
            Self::PurseClosed => 132,
            Self::NotATaskWallet => 133,
            Self::NotAGrant => 134,
            Self::GrantExpired { .. } => 135,
            Self::GrantNotExpired { .. } => 136,
            Self::NotADelegate { .. } => 137,
            Self::AllowanceExpired { .. } => 138,
            Self::ClassNotAllowed { .. } => 139,
            Self::OverTaskLimit { .. } => 140,
            Self::OverEpochLimit { .. } => 141,
            Self::OverTotalLimit { .. } => 142,
            Self::NotAMember { .. } => 143,
            Self::GrantLife { .. } => 144,
            Self::OverGrantQuota { .. } => 145,
        }
    }

    /// Whether the entry was not even entered: neither fee nor nonce changed.
    pub const fn left_no_trace(&self) -> bool {
        matches!(self.code(), 0..=9 | 100..=109)
    }
}
