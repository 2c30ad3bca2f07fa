//! What peers can be punished for, and what follows beside the slash itself.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::ids::{BundleId, Digest, JobId, PartyId, PeerId};
use crate::job::Class;
use crate::outcome::Outcome;
use crate::units::{Credits, Moment};

/// What a peer can be punished for. The numbers are the codes of `docs/ECONOMY.md` and never
/// change their meaning.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Fault {
    /// F1: a panel found its outcome wrong.
    WrongOutcome,
    /// F2: it did not seal in time.
    NoSeal,
    /// F3: it sealed and did not open.
    NoOpening,
    /// F4: it signed two different seals for one bundle.
    TwoSeals,
    /// F7: a panel member or an auditor answered against the verdict.
    WrongJudgement,
    /// F8: a panel member or an auditor did not answer.
    NoJudgement,
    /// F5: slots that it leased to somebody were not there, as two of three members saw.
    LeaseMissed,
    /// F6: a member signed two votes for one view.
    TwoVotes,
    /// F9: a submitter's input was missing, or its tasks have no one outcome.
    NoOneOutcome,
    /// F10: a capacity that is not there was claimed, as two of three members saw.
    FakeCapacity,
    /// F11: an epoch of leased storage ended without its proof.
    StorageMissed,
}

impl Fault {
    /// Its code in documents and bills.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WrongOutcome => "F1",
            Self::NoSeal => "F2",
            Self::NoOpening => "F3",
            Self::TwoSeals => "F4",
            Self::WrongJudgement => "F7",
            Self::NoJudgement => "F8",
            Self::LeaseMissed => "F5",
            Self::TwoVotes => "F6",
            Self::NoOneOutcome => "F9",
            Self::FakeCapacity => "F10",
            Self::StorageMissed => "F11",
        }
    }

    /// Whether it is found apart from any job: of what a peer offers or leases.
    pub const fn is_apart(self) -> bool {
        matches!(
            self,
            Self::LeaseMissed | Self::FakeCapacity | Self::StorageMissed
        )
    }

    /// What it is, in words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::WrongOutcome => "returned a wrong result",
            Self::NoSeal => "did not seal in time",
            Self::NoOpening => "sealed and did not open",
            Self::TwoSeals => "sealed two different results",
            Self::WrongJudgement => "judged or audited against the verdict",
            Self::NoJudgement => "did not judge or audit in time",
            Self::LeaseMissed => "did not deliver what it leased",
            Self::TwoVotes => "signed two votes for one view",
            Self::NoOneOutcome => "submitted tasks without input or without one outcome",
            Self::FakeCapacity => "claimed a capacity that it does not have",
            Self::StorageMissed => "missed a storage challenge",
        }
    }
}

/// Something that follows from a fault.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum FaultEvent {
    /// The appeal window of a slash is over: it is shared out.
    SlashGiven {
        /// The slash's number.
        number: u64,
        /// The bundle it was for.
        bundle: BundleId,
        /// The peer it was taken from.
        peer: PeerId,
        /// How much.
        amount: Credits,
    },
    /// A slash was reversed: it went back.
    SlashReturned {
        /// The slash's number.
        number: u64,
        /// The bundle it was for.
        bundle: BundleId,
        /// The peer it was taken from.
        peer: PeerId,
        /// How much.
        amount: Credits,
    },
    /// Results of a convicted peer are in doubt: their submitters may want them run again.
    Tainted {
        /// The peer.
        peer: PeerId,
        /// From when on.
        since: Moment,
        /// Until when.
        until: Moment,
        /// How many results of it were ever paid; the doubtful are the latest of them.
        results: u64,
    },
    /// A peer takes no part any more, for good.
    PeerStruck {
        /// The peer.
        peer: PeerId,
    },
    /// A module's tasks have no one outcome: it is not taken any more.
    ModuleFlagged {
        /// The module.
        module: Digest,
        /// The job that showed it.
        job: JobId,
    },
    /// All outcomes of a bundle are demanded from a peer.
    Demanded {
        /// The bundle.
        bundle: BundleId,
        /// The peer.
        peer: PeerId,
        /// Who demands them.
        by: PartyId,
        /// By when they must be here.
        answer_by: Moment,
    },
    /// They are here.
    Answered {
        /// The bundle.
        bundle: BundleId,
        /// The peer.
        peer: PeerId,
        /// One outcome per task, in order.
        outcomes: Vec<Outcome>,
    },
    /// They are not: the peer is taken for a liar.
    Withheld {
        /// The bundle.
        bundle: BundleId,
        /// The peer.
        peer: PeerId,
    },
    /// The council lets a module be taken again.
    ModuleCleared {
        /// The module.
        module: Digest,
    },
    /// Who paid for doubtful results of a convicted peer may claim it.
    RedressOpened {
        /// The slash's number.
        slash: u64,
        /// The peer.
        peer: PeerId,
        /// Who has what is left.
        rest_to: PartyId,
        /// How much there is.
        amount: Credits,
        /// Until when.
        until: Moment,
    },
    /// Somebody has back what it paid for a doubtful result.
    Redressed {
        /// The slash's number.
        slash: u64,
        /// The bundle whose result it was.
        bundle: BundleId,
        /// Who.
        to: PartyId,
        /// How much.
        amount: Credits,
    },
    /// Nobody can claim any more.
    RedressOver {
        /// The slash's number.
        slash: u64,
        /// The peer it was taken from.
        peer: PeerId,
        /// Who has the rest.
        to: PartyId,
        /// How much that is.
        amount: Credits,
    },
    /// A peer claimed slots that are not there (F10): its offer has those that are, and what it
    /// could still claim for standing ready is void.
    CapacityFeigned {
        /// The name of the finding: what the slash is for, where one is taken.
        finding: BundleId,
        /// The peer.
        peer: PeerId,
        /// The class.
        class: Class,
        /// What it claimed.
        claimed: u16,
        /// What was seen, in the middle: what it may offer until the next epoch.
        seen: u16,
    },
}
