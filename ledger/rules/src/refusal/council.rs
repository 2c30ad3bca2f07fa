//! How the council's rules and those of issuance say no.

use protocol::event::Decision;
use protocol::ids::{PartyId, PeerId, PublicKey};
use protocol::units::{Credits, Height, Moment};
use thiserror::Error;

use crate::params::ParamsRefused;

/// A rule of the council said no: numbers 250 to 279, and 291 to 299.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "each variant's words stand in its message, and its parts are named in them"
)]
pub enum CouncilRefusal {
    #[error("{party} has no seat in the council")]
    NoSeat { party: PartyId },
    #[error("there is no proposal {proposal}")]
    UnknownProposal { proposal: u64 },
    #[error("the vote was open until {until}, and it is {now}")]
    VotingOver { until: Moment, now: Moment },
    #[error("the proposal is over: {}", .decision.words())]
    ProposalEnded { decision: Decision },
    #[error("the proposal has {yes} of {all} power: not enough yet")]
    NotDecided { yes: u64, all: u64 },
    #[error("the decision can be carried out from {from} on, and it is {now}")]
    Timelocked { from: Moment, now: Moment },
    #[error(transparent)]
    Params(ParamsRefused),
    #[error("that is so already")]
    NothingChanges,
    #[error("{party} would have {power} of {all} power: more than a third")]
    TooMuchPower { party: PartyId, power: u8, all: u64 },
    #[error("a federation has at least four members")]
    TooFewMembers,
    #[error("a federation has at most 64 members")]
    TooManyMembers,
    #[error("{asked} of power would have moved in this epoch, and at most {most} may")]
    PowerMovesTooFast { asked: u64, most: u64 },
    #[error("the party, the consensus key or the node is a member's already")]
    SeatTaken,
    #[error("a member that leaves owes nothing, and this one owes {owed}")]
    Owes { owed: Credits },
    #[error("the bond of a member that left matures at {matures}, and it is {now}")]
    NotMatured { matures: Moment, now: Moment },
    #[error("a correction gives nothing to a held slash")]
    NoWayBack,
    #[error("an upgrade activates after block {height}, not at {activation}")]
    UpgradeTooSoon { activation: Height, height: Height },
    #[error("the next emergency order has number {next}, not {got}")]
    OrderNumber { next: u64, got: u64 },
    #[error("{key} is no key of the committee, is there twice, or did not sign this")]
    ApprovalForged { key: PublicKey },
    #[error("{needed} keys must sign, and {got} did; without keys nobody can")]
    TooFewApprovals { needed: u8, got: usize },
    #[error("it is in force since {since}, until {until}")]
    AlreadyInForce { since: Moment, until: Moment },
    #[error("it rests until {until} before it can begin anew")]
    EmergencyRests { until: Moment },
    #[error("there is no such emergency in force")]
    NotInForce,
    #[error("{peer} is this member's own: others say how fast it is")]
    OwnPeer { peer: PeerId },
    #[error("class {class} takes no jobs now")]
    ClassClosed { class: &'static str },
    #[error("the bond of {party} as a judge is taken for its faults alone, not by a correction")]
    FaultsAlone { party: PartyId },
    #[error("{key} does not sign this member's votes")]
    NotTheVotingKey { key: PublicKey },
    #[error("{key} did not sign the change of the voting key")]
    RotationForged { key: PublicKey },
    #[error("these are not two votes of one key in one phase of one view for different blocks")]
    NotTwoVotes,
    #[error("as much was shown against {party} before, or the council still has time for it")]
    AlreadyAccused { party: PartyId },
    #[error("capacity is seen in the running epoch, {running}, not in {epoch}")]
    OtherEpoch { epoch: u64, running: u64 },
    #[error("{party} is not drawn to ask for the capacity of {peer} in this epoch")]
    NotChallenger { party: PartyId, peer: PeerId },
    #[error(
        "{peer} has {seen} slots, as members saw in this epoch: before the next one it cannot \
         offer more, and standing ready earns it nothing"
    )]
    Feigned { peer: PeerId, seen: u16 },
}

impl CouncilRefusal {
    /// Its number in answers and bills; frozen.
    pub const fn code(&self) -> u16 {
        match self {
            Self::NoSeat { .. } => 250,
            Self::UnknownProposal { .. } => 251,
            Self::VotingOver { .. } => 252,
            Self::ProposalEnded { .. } => 253,
            Self::NotDecided { .. } => 254,
            Self::Timelocked { .. } => 255,
            Self::Params(_) => 256,
            Self::NothingChanges => 257,
            Self::TooMuchPower { .. } => 258,
            Self::TooFewMembers => 259,
            Self::TooManyMembers => 260,
            Self::PowerMovesTooFast { .. } => 261,
            Self::SeatTaken => 262,
            Self::Owes { .. } => 263,
            Self::NotMatured { .. } => 264,
            Self::NoWayBack => 265,
            Self::UpgradeTooSoon { .. } => 266,
            Self::OrderNumber { .. } => 267,
            Self::ApprovalForged { .. } => 268,
            Self::TooFewApprovals { .. } => 269,
            Self::AlreadyInForce { .. } => 270,
            Self::EmergencyRests { .. } => 271,
            Self::NotInForce => 272,
            Self::ClassClosed { .. } => 273,
            Self::OwnPeer { .. } => 274,
            Self::FaultsAlone { .. } => 275,
            Self::NotTheVotingKey { .. } => 276,
            Self::RotationForged { .. } => 277,
            Self::NotTwoVotes => 278,
            Self::AlreadyAccused { .. } => 279,
            Self::OtherEpoch { .. } => 291,
            Self::NotChallenger { .. } => 292,
            Self::Feigned { .. } => 293,
        }
    }
}

/// A rule of issuance said no: numbers 280 to 290.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "each variant's words stand in its message, and its parts are named in them"
)]
pub enum IssueRefusal {
    #[error("this federation's credits do not come into being that way")]
    MintClosed,
    #[error("minting is stopped until {until}")]
    IssuanceStopped { until: Moment },
    #[error("the quota has {left} left in this epoch, and {asked} are asked")]
    OverMintQuota { asked: Credits, left: Credits },
    #[error("the reserve has room for {room}, and {asked} are asked")]
    ReserveShort { room: Credits, asked: Credits },
    #[error("the reserve was last reported as of {as_of}: too long ago")]
    ReportStale { as_of: Moment },
    #[error("a report as of {as_of} comes neither after {last} nor before {now}")]
    ReportOutOfOrder {
        as_of: Moment,
        last: Moment,
        now: Moment,
    },
    #[error("credits of this federation are not redeemable")]
    NotRedeemable,
    #[error("{peer} said so in this epoch already")]
    AlreadyReady { peer: PeerId },
    #[error("the bond must be {needs}, and is {has}")]
    BondTooSmall { has: Credits, needs: Credits },
    #[error("epoch {epoch} is not closed: {closed} epochs are")]
    EpochRuns { epoch: u64, closed: u64 },
    #[error("nothing is left to claim for that epoch")]
    NothingEarned,
}

impl IssueRefusal {
    /// Its number in answers and bills; frozen.
    pub const fn code(&self) -> u16 {
        match self {
            Self::MintClosed => 280,
            Self::IssuanceStopped { .. } => 281,
            Self::OverMintQuota { .. } => 282,
            Self::ReserveShort { .. } => 283,
            Self::ReportStale { .. } => 284,
            Self::ReportOutOfOrder { .. } => 285,
            Self::NotRedeemable => 286,
            Self::AlreadyReady { .. } => 287,
            Self::BondTooSmall { .. } => 288,
            Self::EpochRuns { .. } => 289,
            Self::NothingEarned => 290,
        }
    }
}
