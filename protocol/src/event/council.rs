//! What the ledger says of the council, of epochs and of issuance.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::entry::{Choice, EmergencyAct, Notice, Place, Quota};
use crate::ids::{Digest, JobId, PartyId, PeerId, PublicKey};
use crate::job::Class;
use crate::units::{Credits, Height, Moment};

/// How a proposal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Decision {
    /// It was carried out.
    Carried,
    /// Its time ran out without enough power for it.
    Lapsed,
    /// More than a third of power said it should not have been proposed.
    Vetoed,
}

impl Decision {
    /// It, in words that follow "the proposal is over:".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Carried => "it was carried out",
            Self::Lapsed => "it lapsed",
            Self::Vetoed => "it was vetoed",
        }
    }
}

/// Something of the council that is now true for everyone.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum CouncilEvent {
    /// Something was put to the vote.
    Proposed {
        /// Its number.
        proposal: u64,
        /// By which member.
        by: PartyId,
        /// Until when it can be voted on and carried out.
        until: Moment,
    },
    /// A member voted.
    Voted {
        /// On which proposal.
        proposal: u64,
        /// Who.
        member: PartyId,
        /// How.
        choice: Choice,
        /// From when on it can be carried out, if it has enough power for it now.
        executable: Option<Moment>,
    },
    /// A proposal is over, for good.
    Ended {
        /// Which.
        proposal: u64,
        /// How.
        decision: Decision,
    },
    /// A governed number changed; it holds from the next block on.
    ParamChanged {
        /// Its id.
        id: u16,
        /// What it was.
        from: u64,
        /// What it is.
        to: u64,
    },
    /// A class takes jobs, or no more of them.
    ClassChanged {
        /// Which.
        class: Class,
        /// Whether it takes jobs.
        open: bool,
    },
    /// The members who vote on blocks are others from now on.
    MemberChanged {
        /// The member's party.
        member: PartyId,
        /// The key that signs its votes.
        consensus: PublicKey,
        /// Its weight; 0 if it has left.
        power: u8,
    },
    /// A member voted twice and the council confirmed it (F6).
    MemberFined {
        /// Its party.
        member: PartyId,
        /// How much of its bond was burned.
        amount: Credits,
    },
    /// A member may mint or grant so much in an epoch.
    QuotaSet {
        /// Its party.
        member: PartyId,
        /// Of what.
        of: Quota,
        /// How much.
        per_epoch: Credits,
    },
    /// The council corrected something.
    Corrected {
        /// From where.
        from: Place,
        /// To where.
        to: Place,
        /// How much.
        amount: Credits,
    },
    /// From a block on another version of the software is needed.
    UpgradeSet {
        /// The version.
        version: u32,
        /// The first block by its rules.
        activation: Height,
        /// The binary's digest.
        binary: Digest,
    },
    /// An emergency began, or ended before its time (`None`).
    Emergency {
        /// What it does.
        act: EmergencyAct,
        /// Until when, if it is in force.
        until: Option<Moment>,
    },
    /// A member told everyone something.
    Noticed {
        /// Its number.
        number: u64,
        /// By which member.
        by: PartyId,
        /// What.
        notice: Notice,
    },
    /// A member said how fast a peer ran a known task.
    Benched {
        /// The member.
        by: PartyId,
        /// The peer.
        peer: PeerId,
        /// The class.
        class: Class,
        /// What it saw.
        score: u32,
    },
    /// Two votes of a member that cannot both be honest were shown: the council may punish it.
    Accused {
        /// Its party.
        member: PartyId,
        /// The proof's name, for [`Proposal::Suspend`](crate::entry::Proposal::Suspend).
        evidence: Digest,
        /// In which view it voted twice.
        view: u64,
        /// It is not called as judge or auditor before this, unless the council speaks.
        until: Moment,
    },
    /// A member that was drawn to ask said how many tasks a peer really ran at once.
    CapacitySeen {
        /// The member.
        by: PartyId,
        /// The peer.
        peer: PeerId,
        /// The class.
        class: Class,
        /// What it saw.
        slots: u16,
    },
}

/// Something of epochs and issuance that is now true for everyone.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum IssueEvent {
    /// An epoch was closed: its rewards can be claimed.
    EpochClosed {
        /// Its number.
        epoch: u64,
        /// The most that is minted for it, now and by claims.
        pool: Credits,
        /// What was burned in it.
        burned: Credits,
    },
    /// A class's price index moved.
    IndexMoved {
        /// The class.
        class: Class,
        /// What it was, per Gfuel.
        from: Credits,
        /// What it is, per Gfuel.
        to: Credits,
    },
    /// Credits were minted.
    Minted {
        /// To whom.
        to: PartyId,
        /// How much.
        amount: Credits,
    },
    /// A peer's rewards were minted.
    Rewarded {
        /// The peer.
        peer: PeerId,
        /// Whose wallet grew.
        owner: PartyId,
        /// For which epoch.
        epoch: u64,
        /// How much.
        amount: Credits,
    },
    /// Credits ended, and the custodians owe what they stood for.
    Redeemed {
        /// Whose they were.
        party: PartyId,
        /// How much.
        amount: Credits,
        /// What the custodians owe for it, of the reserve.
        gives: Credits,
        /// What the custodians need to know, by digest.
        memo: Digest,
    },
    /// Custodians reported the reserve.
    ReserveReported {
        /// What it holds.
        holds: Credits,
        /// When that was so.
        as_of: Moment,
    },
    /// A submitter paid the federation's fee for work, out of its job's escrow; or for having kept
    /// peers waiting for a job that it did not start.
    WorkFee {
        /// The job.
        job: JobId,
        /// How much of it was burned.
        burned: Credits,
        /// How much of it the treasury keeps.
        kept: Credits,
    },
    /// A peer stands ready in this epoch.
    StandsReady {
        /// The peer.
        peer: PeerId,
        /// The class.
        class: Class,
    },
}
