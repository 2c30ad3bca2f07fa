//! Everything a party may ask of the ledger. The rules answer each [`Entry`] with events or with a
//! refusal; a variant's number never changes its meaning.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{Limited, Malformed, at_most};
use crate::ids::{
    BundleId, Digest, EntryId, FederationId, JobId, PartyId, PeerId, PublicKey, PurseId,
};
use crate::job::{BUNDLES_MAX, COPIES_MAX, Class, Terms};
use crate::signed::{COSIGNERS_MAX, Checked, Signable, Signed};
use crate::units::{Credits, Fuel, Moment};

mod audit;
mod bank;
mod canary;
mod channel;
mod council;
mod issue;
mod lease;
mod panel;
mod party;
mod seal;
mod stake;
mod voter;

pub use audit::{
    AUDIT_PARTS_MAX, AUDITED_PER_PART, AuditRequest, FINDINGS_MAX, Findings, REDRESSED_MAX,
    part_digest,
};
pub use bank::{BankRequest, Classes, SpendPolicy};
pub use canary::{CANARIES_MAX, Canary, canaries_digest, canaries_most};
pub use channel::{ChannelRequest, LANES_MAX, SignedVoucher, Voucher, hash_lock};
pub use council::{
    Approval, CHANGES_MAX, CORRECTIONS_MAX, Choice, Correction, CouncilRequest, EmergencyAct,
    EmergencyOrder, Joining, KEYS_MAX, NOTICE_BYTES_MAX, Notice, Place, Proposal, Quota, Severity,
};
pub use issue::{IssueRequest, ReserveReport};
pub use lease::{
    CHUNK_BYTES, ChunkProof, LEASE_BYTES_MAX, LEASE_EPOCHS_MAX, Leasable, LeaseRequest, LeaseTerms,
    Leased, SLOT_PENALTY_BPS, UNIT_BYTES, challenged_chunk,
};
pub use panel::{DisputedTask, PanelAnswer};
pub use party::{OpKeyPowers, PartyRequest, QUORUM_KEYS_MAX, Quorum, Root, Scope};
pub use seal::{Opening, PeerSeal, Seal};
pub use stake::StakeRequest;
pub use voter::{KeyRotation, TwoVotes, Vote, VoterRequest, chain_of, vote_bytes};

/// A signed entry may take so many bytes.
pub const ENTRY_BYTES_MAX: usize = 160 * 1_024;
/// A linked batch moves credits so many times at most.
pub const TRANSFERS_MAX: usize = 64;
/// One entry carries so many seals or openings at most.
pub const SEALS_MAX: usize = BUNDLES_MAX as usize;
/// A dispute names so many tasks of a bundle at most.
pub const DISPUTED_MAX: usize = 8;

/// A request to the ledger, before it is signed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    /// The federation it is meant for: an entry is worth nothing anywhere else.
    pub federation: FederationId,
    /// Who asks.
    pub sender: PartyId,
    /// Which of the sender's sequences the nonce counts in, so that several machines of one party
    /// can sign side by side.
    pub lane: u16,
    /// One more than the last agreed entry of this sender and lane; the first is 0.
    pub nonce: u64,
    /// Agreed time after which it is refused.
    pub valid_until: Moment,
    /// Who pays for it, if that is not the sender; must sign too.
    pub fee_payer: Option<PartyId>,
    /// The keys that sign it beside the one that sends it: of a sender or payer that needs several,
    /// and of whoever the body makes a root key. Rising, each once, none for nothing.
    pub cosigners: Vec<PublicKey>,
    /// What is asked.
    pub body: Body,
}

/// An entry with a signature that nobody has checked.
pub type SignedEntry = Signed<Entry>;
/// An entry whose signature has been checked.
pub type CheckedEntry = Checked<Entry>;

/// What an entry asks for.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Body {
    /// Make the party of this root key known. Anyone may ask; the party begins with nothing.
    Register {
        /// The party's root key.
        key: PublicKey,
    },
    /// Move credits from the sender to others: all of the moves, or none.
    Transfer {
        /// To whom, and how much; at least one.
        moves: Vec<(PartyId, Credits)>,
    },
    /// Let a peer in, under the sender's institution. Only a sponsor's party may.
    AdmitPeer {
        /// The peer.
        peer: PeerId,
        /// Who bonds for it and is paid for its work.
        owner: PartyId,
    },
    /// Add credits of the sender to the bond of a peer it owns.
    Bond {
        /// The peer.
        peer: PeerId,
        /// How much.
        amount: Credits,
    },
    /// Begin to take credits out of a bond; they stay slashable until they mature.
    Unbond {
        /// The peer.
        peer: PeerId,
        /// How much of what is not locked.
        amount: Credits,
    },
    /// Take matured credits back into the owner's wallet.
    Withdraw {
        /// The peer.
        peer: PeerId,
    },
    /// Stand ready for draws of a class, until told otherwise. Replaces the peer's offer in it.
    PublishOffer {
        /// The peer; it must be the sender's.
        peer: PeerId,
        /// The class.
        class: Class,
        /// Its weight in draws: how many tasks it runs at once.
        slots: u16,
        /// It is drawn only for jobs that pay at least this for a Gfuel.
        per_gfuel: Credits,
    },
    /// Stand ready no longer.
    WithdrawOffer {
        /// The peer.
        peer: PeerId,
        /// The class.
        class: Class,
    },
    /// Submit a job: its whole price goes into escrow. Its [`JobId`] is this entry's id.
    Submit {
        /// What the ledger must know of it.
        terms: Terms,
        /// `H(H(s0))`, the end of the submitter's hash chain ([`chain`]).
        chain: Digest,
        /// What pays for it, if that is not the sender's wallet.
        purse: Option<PurseId>,
    },
    /// Draw the peers of every bundle.
    Start {
        /// The job.
        job: JobId,
        /// `H(s0)`.
        link: Digest,
    },
    /// Say no to a run, so that another peer has it at once. Only before sealing.
    Decline {
        /// The bundle.
        bundle: BundleId,
        /// The drawn peer; it must be the sender's.
        peer: PeerId,
        /// Another peer of the sender that takes the run over; if none, one is drawn.
        to: Option<PeerId>,
    },
    /// Enter seals that drawn peers signed. Anyone may enter them.
    SealBatch {
        /// The job.
        job: JobId,
        /// The seals; at least one.
        seals: Vec<PeerSeal>,
    },
    /// End sealing: by the submitter once every bundle is sealed, with the secret that audits are
    /// drawn from.
    Close {
        /// The job.
        job: JobId,
        /// `s0`.
        secret: Digest,
    },
    /// End sealing without the submitter. Anyone may, once the time for it has come.
    ForceClose {
        /// The job.
        job: JobId,
    },
    /// Open seals of a closed job. Anyone may enter them: an opening proves itself.
    OpenBatch {
        /// The job.
        job: JobId,
        /// The openings; at least one.
        openings: Vec<Opening>,
    },
    /// Show where opened roots part, so that a panel judges those tasks.
    Dispute {
        /// The bundle.
        bundle: BundleId,
        /// The tasks, by their place in the bundle, rising; and what each opened peer has there.
        tasks: Vec<DisputedTask>,
    },
    /// A panel member's sealed answer.
    PanelSeal {
        /// The disputed bundle.
        bundle: BundleId,
        /// [`PanelAnswer::seal`].
        seal: Digest,
    },
    /// A panel member's answer, once all have sealed.
    PanelOpen {
        /// The disputed bundle.
        bundle: BundleId,
        /// What the member found.
        answer: PanelAnswer,
    },
    /// Take a job back before it is drawn.
    Cancel {
        /// The job.
        job: JobId,
    },
    /// Apply every deadline of a job that has passed. Anyone may; blocks also do so by themselves.
    Sweep {
        /// The job.
        job: JobId,
    },
    /// The council, its votes and its emergencies.
    Council(CouncilRequest),
    /// Credits that come into being or end.
    Issue(IssueRequest),
    /// Audits, disputes and faults.
    Audit(AuditRequest),
    /// Something about parties: their keys, roots and recovery.
    Party(PartyRequest),
    /// Something about credits beside plain transfers: task wallets and grants.
    Bank(BankRequest),
    /// Stand in for a peer that is not the sender's.
    Stake(StakeRequest),
    /// Payment channels and their vouchers.
    Channel(ChannelRequest),
    /// Leases of slots and of storage.
    Lease(LeaseRequest),
}

/// One step of a submitter's hash chain: `chain(chain(s0))` is published first, then `chain(s0)`,
/// then `s0`.
pub fn chain(link: &Digest) -> Digest {
    Digest::derive("tallygrid submitter chain v1", &[link.bytes()])
}

impl Signable for Entry {
    const CONTEXT: &'static str = "tallygrid entry v1";

    fn cosigners(&self) -> &[PublicKey] {
        &self.cosigners
    }
}

impl SignedEntry {
    /// The entry's name; a job's name is that of the entry that submitted it.
    pub fn entry_id(&self) -> EntryId {
        EntryId::new(*self.id().bytes())
    }
}

impl CheckedEntry {
    /// The entry's name.
    pub fn entry_id(&self) -> EntryId {
        EntryId::new(*self.id().bytes())
    }
}

impl Limited for Entry {
    fn within_limits(&self) -> Result<(), Malformed> {
        let some = |what, len: usize, max| {
            let empty = Err(Malformed::Senseless(
                "an entry with an empty list asks for nothing",
            ));
            if len == 0 {
                empty
            } else {
                at_most(what, len, max)
            }
        };
        at_most("cosigners", self.cosigners.len(), COSIGNERS_MAX)?;
        if !self.cosigners.is_sorted_by(|one, next| one < next) {
            return Err(Malformed::Senseless("cosigners stand in order, each once"));
        }
        match &self.body {
            Body::Transfer { moves } => some("transfers", moves.len(), TRANSFERS_MAX),
            Body::Submit { terms, .. } => terms.within_limits(),
            Body::SealBatch { seals, .. } => some("seals", seals.len(), SEALS_MAX),
            Body::OpenBatch { openings, .. } => some("openings", openings.len(), SEALS_MAX),
            Body::Dispute { tasks, .. } => {
                some("disputed tasks", tasks.len(), DISPUTED_MAX)?;
                for task in tasks {
                    some("claims", task.claims.len(), COPIES_MAX.into())?;
                    task.claims
                        .iter()
                        .try_for_each(|(_, proof)| proof.within_limits())?;
                }
                Ok(())
            }
            Body::PanelOpen { answer, .. } => {
                some("panel outcomes", answer.outcomes.len(), DISPUTED_MAX)
            }
            Body::Council(request) => request.within_limits(),
            Body::Issue(request) => request.within_limits(),
            Body::Audit(request) => request.within_limits(),
            Body::Party(request) => request.within_limits(),
            Body::Bank(request) => request.within_limits(),
            Body::Channel(request) => request.within_limits(),
            Body::Lease(request) => request.within_limits(),
            Body::Register { .. }
            | Body::AdmitPeer { .. }
            | Body::Bond { .. }
            | Body::Unbond { .. }
            | Body::Withdraw { .. }
            | Body::PublishOffer { .. }
            | Body::WithdrawOffer { .. }
            | Body::Start { .. }
            | Body::Decline { .. }
            | Body::Close { .. }
            | Body::ForceClose { .. }
            | Body::PanelSeal { .. }
            | Body::Cancel { .. }
            | Body::Sweep { .. }
            | Body::Stake(_) => Ok(()),
        }
    }
}

impl Body {
    /// What people call this kind of entry.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Register { .. } => "register",
            Self::Transfer { .. } => "transfer",
            Self::AdmitPeer { .. } => "admit-peer",
            Self::Bond { .. } => "bond",
            Self::Unbond { .. } => "unbond",
            Self::Withdraw { .. } => "withdraw",
            Self::PublishOffer { .. } => "publish-offer",
            Self::WithdrawOffer { .. } => "withdraw-offer",
            Self::Submit { .. } => "submit",
            Self::Start { .. } => "start",
            Self::Decline { .. } => "decline",
            Self::SealBatch { .. } => "seal-batch",
            Self::Close { .. } => "close",
            Self::ForceClose { .. } => "force-close",
            Self::OpenBatch { .. } => "open-batch",
            Self::Dispute { .. } => "dispute",
            Self::PanelSeal { .. } => "panel-seal",
            Self::PanelOpen { .. } => "panel-open",
            Self::Cancel { .. } => "cancel",
            Self::Sweep { .. } => "sweep",
            Self::Council(request) => request.name(),
            Self::Issue(request) => request.name(),
            Self::Audit(request) => request.name(),
            Self::Party(request) => request.name(),
            Self::Bank(request) => request.name(),
            Self::Stake(request) => request.name(),
            Self::Channel(request) => request.name(),
            Self::Lease(request) => request.name(),
        }
    }
}

/// The bill of a run: what its fuel costs at the job's price, never more than its tasks may cost.
pub fn bill(terms: &Terms, tasks: u32, fuel: Fuel) -> Option<Credits> {
    let most = terms.task_price_max()?.times(tasks.into())?;
    let asked = Credits::for_fuel(terms.per_gfuel, fuel).unwrap_or(most);
    Some(asked.min(most))
}
