//! What is asked of and by the council: the members, who decide by power, and the few who hold
//! emergency keys. No request here names an amount of somebody's credits, except a correction,
//! which three quarters of all power must want.

use borsh::{BorshDeserialize, BorshSerialize};

use super::VoterRequest;
use crate::bytes::{Limited, Malformed, at_most};
use crate::ids::{BundleId, Digest, FederationId, PartyId, PeerId, PublicKey};
use crate::job::{Class, NAME_BYTES_MAX};
use crate::signed::{Signable, is_strong_key};
use crate::units::{Credits, Height};

/// One proposal changes so many numbers at most.
pub const CHANGES_MAX: usize = 16;
/// One proposal makes so many corrections at most.
pub const CORRECTIONS_MAX: usize = 64;
/// A notice has so many bytes of text at most.
pub const NOTICE_BYTES_MAX: usize = 280;
/// So many emergency keys, or custodians, at most.
pub const KEYS_MAX: usize = 16;

/// Something of the council.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum CouncilRequest {
    /// Put something to the vote. Only a member may; it leaves a deposit.
    Propose {
        /// What.
        what: Proposal,
    },
    /// Vote on a proposal, or vote anew in place of an earlier vote. Only a member may.
    Vote {
        /// Its number.
        proposal: u64,
        /// How.
        choice: Choice,
    },
    /// Carry a decided proposal out once its timelock is over, or end one that has failed. Anyone
    /// may.
    Execute {
        /// Its number.
        proposal: u64,
    },
    /// Say what a peer's owner thinks of a proposal. It binds nobody.
    Signal {
        /// Its number.
        proposal: u64,
        /// The peer; it must be the sender's.
        peer: PeerId,
        /// Whether it is for it.
        yes: bool,
    },
    /// Enter an emergency order that enough of the emergency keys have signed. Anyone may.
    Emergency {
        /// What is ordered.
        order: EmergencyOrder,
        /// Keys and their signatures of the order; at least one, each key once.
        approvals: Vec<Approval>,
    },
    /// Tell everyone something. Only a member may.
    Notify {
        /// What.
        notice: Notice,
    },
    /// Take the bond of a member that has left, once it has matured.
    TakeMemberBond,
    /// Say how fast a peer of another sponsor ran a known task. Only a member may; its latest word
    /// stands.
    ReportBench {
        /// The peer.
        peer: PeerId,
        /// The class it ran for.
        class: Class,
        /// Millions of operators in a second, or of normalised operations for accelerators.
        score: u32,
    },
    /// Something about members' votes on blocks.
    Voter(VoterRequest),
    /// Say how many tasks a peer of another sponsor really ran at once. Only the three members may
    /// that are drawn to ask it of this peer in the running epoch, each once.
    ReportCapacity {
        /// The peer.
        peer: PeerId,
        /// The class it stands ready for.
        class: Class,
        /// The running epoch.
        epoch: u64,
        /// The slots that were there, when as many were asked for at once as it offers.
        slots: u16,
    },
}

/// A key and its signature, apart from what was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Approval {
    /// The key.
    pub key: PublicKey,
    /// Its signature.
    pub signature: [u8; 64],
}

/// A member's word on a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Choice {
    /// For it.
    Yes,
    /// Against it.
    No,
    /// Against it, and it should never have been proposed: a third of power takes its deposit.
    Veto,
}

/// What can be put to the vote.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Proposal {
    /// Set governed numbers, all together.
    Params {
        /// Ids and values, rising by id.
        changes: Vec<(u16, u64)>,
    },
    /// Let a class take jobs, or no more of them.
    Class {
        /// Which.
        class: Class,
        /// Whether it takes jobs.
        open: bool,
    },
    /// Take an institution in as a member.
    Join(Joining),
    /// Let a member go. Its bond matures like any other.
    Leave {
        /// Its party.
        member: PartyId,
    },
    /// Change the power of a member.
    Power {
        /// Its party.
        member: PartyId,
        /// What it would be: 1 to 100.
        power: u8,
    },
    /// Punish a member that voted twice (F6): a part of its bond, and its seat. Where the evidence
    /// is a document, and not shown on the ledger, it needs as much power as a correction.
    Suspend {
        /// Its party.
        member: PartyId,
        /// The evidence: [`TwoVotes::id`](super::TwoVotes::id), or a document's digest.
        evidence: Digest,
    },
    /// Set how much a member may mint, or grant, in an epoch.
    Quota {
        /// Its party.
        member: PartyId,
        /// Of what.
        of: Quota,
        /// How much.
        per_epoch: Credits,
    },
    /// Correct what went wrong, by new postings.
    Reversal {
        /// Each from where, to where, how much.
        corrections: Vec<Correction>,
        /// The document that says why.
        reason: Digest,
    },
    /// Go over to another version of the software.
    Upgrade {
        /// The version of the rules.
        version: u32,
        /// The first block by its rules.
        activation: Height,
        /// The binary's digest.
        binary: Digest,
    },
    /// Take a module again that was flagged for having no one outcome.
    ClearModule {
        /// The module.
        module: Digest,
    },
}

/// What a quota is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Quota {
    /// New credits, against a reserve.
    Mint,
    /// Credits of the treasury, given as grants.
    Grant,
}

/// An institution that would be a member.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Joining {
    /// What people call it.
    pub name: String,
    /// The root key of its party, which must be known and hold the members' bond.
    pub party: PublicKey,
    /// The key that will sign its votes.
    pub consensus: PublicKey,
    /// Its node.
    pub peer: PeerId,
    /// Its weight: 1 to 100.
    pub power: u8,
}

/// A posting that corrects others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Correction {
    /// From where; it must hold so much.
    pub from: Place,
    /// To where.
    pub to: Place,
    /// How much.
    pub amount: Credits,
}

/// Where a correction takes from or gives to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Place {
    /// What a party can spend.
    Wallet(PartyId),
    /// What belongs to the federation.
    Treasury,
    /// A peer's bond; only what is not locked can be taken.
    Bond(PeerId),
    /// A slash that is held.
    Slash(BundleId),
    /// A member's bond as a judge; nothing is taken from there.
    MemberBond(PartyId),
}

/// An order of the emergency committee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EmergencyOrder {
    /// The federation it is meant for.
    pub federation: FederationId,
    /// How many orders there were before it.
    pub number: u64,
    /// What is ordered.
    pub act: EmergencyAct,
    /// Whether it begins, or ends before its time.
    pub begins: bool,
}

/// All that emergency keys can do. None of it moves a credit, and each ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum EmergencyAct {
    /// A class takes no new jobs.
    PauseClass(Class),
    /// The slash of a bundle is not shared out.
    FreezeSlash(BundleId),
    /// Nothing is minted.
    StopIssuance,
    /// Deadlines of jobs do not pass.
    ExtendDeadlines,
}

impl Signable for EmergencyOrder {
    const CONTEXT: &'static str = "tallygrid emergency order v1";
}

impl Limited for EmergencyOrder {
    fn within_limits(&self) -> Result<(), Malformed> {
        Ok(())
    }
}

/// How urgent a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something will need a hand.
    Warning,
    /// Something needs a hand now.
    Critical,
}

/// Something that everyone should know.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Notice {
    /// How urgent.
    pub severity: Severity,
    /// A document with more of it; zeros if there is none.
    pub document: Digest,
    /// In short.
    pub text: String,
}

impl CouncilRequest {
    /// What people call it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Propose { .. } => "propose",
            Self::Vote { .. } => "vote",
            Self::Execute { .. } => "execute",
            Self::Signal { .. } => "signal",
            Self::Emergency { .. } => "emergency",
            Self::Notify { .. } => "notify",
            Self::TakeMemberBond => "take-member-bond",
            Self::ReportBench { .. } => "report-bench",
            Self::Voter(request) => request.name(),
            Self::ReportCapacity { .. } => "report-capacity",
        }
    }
}

impl Proposal {
    /// What people call it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Params { .. } => "params",
            Self::Class { .. } => "class",
            Self::Join(_) => "join",
            Self::Leave { .. } => "leave",
            Self::Power { .. } => "power",
            Self::Suspend { .. } => "suspend",
            Self::Quota { .. } => "quota",
            Self::Reversal { .. } => "reversal",
            Self::Upgrade { .. } => "upgrade",
            Self::ClearModule { .. } => "clear-module",
        }
    }
}

impl Limited for CouncilRequest {
    fn within_limits(&self) -> Result<(), Malformed> {
        match self {
            Self::Propose { what } => what.within_limits(),
            Self::Emergency { approvals, .. } => some("approvals", approvals.len(), KEYS_MAX),
            Self::Notify { notice } => {
                at_most("text of a notice", notice.text.len(), NOTICE_BYTES_MAX)
            }
            Self::Voter(request) => request.within_limits(),
            Self::Vote { .. }
            | Self::Execute { .. }
            | Self::Signal { .. }
            | Self::TakeMemberBond
            | Self::ReportBench { .. }
            | Self::ReportCapacity { .. } => Ok(()),
        }
    }
}

impl Limited for Proposal {
    fn within_limits(&self) -> Result<(), Malformed> {
        match self {
            Self::Params { changes } => {
                some("changes", changes.len(), CHANGES_MAX)?;
                if changes.is_sorted_by(|one, next| one.0 < next.0) {
                    Ok(())
                } else {
                    Err(Malformed::Senseless(
                        "changed numbers rise by id, each stands there once",
                    ))
                }
            }
            Self::Join(joining) => {
                at_most("name", joining.name.len(), NAME_BYTES_MAX)?;
                if !is_strong_key(&joining.consensus) {
                    return Err(Malformed::Senseless(
                        "a consensus key is an ed25519 key of full order",
                    ));
                }
                power(joining.power)
            }
            Self::Power { power: asked, .. } => power(*asked),
            Self::Reversal { corrections, .. } => {
                some("corrections", corrections.len(), CORRECTIONS_MAX)?;
                if corrections.iter().any(|one| one.from == one.to) {
                    return Err(Malformed::Senseless(
                        "a correction moves between two places",
                    ));
                }
                Ok(())
            }
            Self::Class { .. }
            | Self::Leave { .. }
            | Self::Suspend { .. }
            | Self::Quota { .. }
            | Self::Upgrade { .. }
            | Self::ClearModule { .. } => Ok(()),
        }
    }
}

pub(super) fn some(what: &'static str, len: usize, max: usize) -> Result<(), Malformed> {
    if len == 0 {
        return Err(Malformed::Senseless(
            "an entry with an empty list asks for nothing",
        ));
    }
    at_most(what, len, max)
}

fn power(asked: u8) -> Result<(), Malformed> {
    let fits = (1..=100).contains(&asked).then_some(());
    fits.ok_or(Malformed::Senseless("a member's power is 1 to 100"))
}
