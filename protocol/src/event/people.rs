//! What the ledger says about parties, their keys, credits set apart for jobs, and payment
//! channels.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::ids::{ChannelId, PartyId, PeerId, PublicKey, PurseId};
use crate::units::{Credits, Moment};

/// Something that is now true of a party or of what a sponsor answers for.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum PartyEvent {
    /// A key speaks for a party within powers that are now these.
    OpKeySet {
        /// The party.
        party: PartyId,
        /// The key.
        key: PublicKey,
    },
    /// A key speaks for a party no more.
    OpKeyRevoked {
        /// The party.
        party: PartyId,
        /// The key.
        key: PublicKey,
    },
    /// Something else than before speaks for a party in everything.
    RootChanged {
        /// The party.
        party: PartyId,
    },
    /// A party will get a new root, unless its old one says no before then.
    RecoveryBegun {
        /// The party.
        party: PartyId,
        /// Who began it.
        guardian: PartyId,
        /// From when on it can be finished.
        ready: Moment,
    },
    /// A recovery was ended, and the root stays.
    RecoveryCancelled {
        /// The party.
        party: PartyId,
    },
    /// A sponsor keeps a peer of its own out of draws, or no longer does.
    PeerSuspended {
        /// The peer.
        peer: PeerId,
        /// Whether it is kept out.
        suspended: bool,
    },
}

/// Something that is now true of credits set apart for jobs.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum BankEvent {
    /// A task wallet or a grant is there.
    PurseOpened {
        /// Its name.
        purse: PurseId,
        /// Whose it is.
        owner: PartyId,
        /// What is in it.
        amount: Credits,
        /// Who granted it, if it is a grant.
        granted_by: Option<PartyId>,
    },
    /// Credits were added to a task wallet.
    PurseFilled {
        /// The task wallet.
        purse: PurseId,
        /// How much was added.
        amount: Credits,
    },
    /// A task wallet was closed, or a grant expired: what was left has gone back.
    PurseEmptied {
        /// The purse.
        purse: PurseId,
        /// How much went back.
        amount: Credits,
    },
}

/// Something that is now true of a payment channel.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ChannelEvent {
    /// A channel is open.
    Opened {
        /// Its name.
        channel: ChannelId,
        /// Who pays.
        from: PartyId,
        /// Who is paid.
        to: PartyId,
        /// What is set aside.
        deposit: Credits,
    },
    /// More was set aside.
    ToppedUp {
        /// The channel.
        channel: ChannelId,
        /// How much more.
        amount: Credits,
    },
    /// A voucher was redeemed.
    Redeemed {
        /// The channel.
        channel: ChannelId,
        /// Its lane.
        lane: u8,
        /// Who was paid.
        to: PartyId,
        /// How much this voucher added.
        amount: Credits,
    },
    /// A channel begins to end, or ends later than was said.
    Settling {
        /// The channel.
        channel: ChannelId,
        /// Vouchers can be redeemed before this; from then on the rest can be collected.
        until: Moment,
    },
    /// A channel is no more.
    Ended {
        /// The channel.
        channel: ChannelId,
        /// What went back to its payer.
        refunded: Credits,
    },
}
