//! What follows from faults, beside the slash itself.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::ids::{BundleId, Digest, JobId, PartyId, PeerId};
use crate::outcome::Outcome;
use crate::units::{Credits, Moment};

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
}
