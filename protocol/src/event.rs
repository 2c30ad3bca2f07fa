//! Everything the ledger says to everyone, once a block is agreed. Peers act on events alone; the
//! order within a block is the order in which the rules found them.

use borsh::{BorshDeserialize, BorshSerialize};

mod council;
mod fault;
mod lease;
mod people;

pub use council::{CouncilEvent, Decision, IssueEvent};
pub use fault::{Fault, FaultEvent};
pub use lease::{LeaseEnd, LeaseEvent};
pub use people::{BankEvent, ChannelEvent, PartyEvent};

use crate::entry::{Canary, DisputedTask};
use crate::ids::{BundleId, Digest, JobId, PartyId, PeerId};
use crate::job::{Class, Terms};
use crate::outcome::{Outcome, Root};
use crate::units::{Credits, Height, Moment};

/// How a bundle ended. Each ends once, whoever falls silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Ending {
    /// All opened roots were equal: all are paid.
    Agreed,
    /// A panel judged: those who were right are paid, the others slashed.
    Judged,
    /// No panel could agree either: the submitter's deposit pays, nobody is slashed.
    Nondeterministic,
    /// Too few peers sealed or opened: those who did not are fined, the escrow goes back.
    Short,
    /// A difference was opened and nobody disputed it in time: unpaid, and the escrow goes back.
    Undisputed,
    /// The job was taken back, or never started.
    Cancelled,
}

/// Why a peer's offer was taken off the roster without its owner's wish.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Aside {
    /// It missed a run: it may be away. It stands ready again when it says so.
    Missed,
    /// It missed too many of its runs: it is suspended for a while.
    Suspended,
    /// A panel found it wrong: it is jailed.
    Jailed,
    /// It signed two results, or was jailed too often: it is never drawn again.
    Struck,
    /// It claimed slots of which none was there.
    Feigned,
    /// Members measured it, and found no one speed.
    Metered,
}

impl Aside {
    /// It, in words that follow "because it".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Missed => "missed a run",
            Self::Suspended => "missed too many of its runs",
            Self::Jailed => "returned a wrong result",
            Self::Struck => "is never drawn again",
            Self::Feigned => "has none of the slots that it offered",
            Self::Metered => "has no one speed, as members measured it",
        }
    }
}

/// Something that is now true for everyone.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Event {
    /// A party became known.
    Registered {
        /// Who.
        party: PartyId,
    },
    /// Credits changed hands.
    Transferred {
        /// From whom.
        from: PartyId,
        /// To whom.
        to: PartyId,
        /// How much.
        amount: Credits,
    },
    /// A sponsor let a peer in.
    PeerAdmitted {
        /// The peer.
        peer: PeerId,
        /// Who bonds for it and is paid for it.
        owner: PartyId,
        /// The sponsor's party.
        sponsor: PartyId,
    },
    /// A peer's bond changed by its owner's wish.
    BondChanged {
        /// The peer.
        peer: PeerId,
        /// What it now stands to lose.
        bond: Credits,
        /// Of that, what open bundles hold.
        locked: Credits,
    },
    /// A peer stands ready for draws.
    OfferPublished {
        /// The peer.
        peer: PeerId,
        /// The class.
        class: Class,
        /// Its weight.
        slots: u16,
        /// What it asks for a Gfuel.
        per_gfuel: Credits,
    },
    /// A peer stands ready no longer.
    OfferWithdrawn {
        /// The peer.
        peer: PeerId,
        /// The class.
        class: Class,
    },
    /// A job's escrow is locked.
    Submitted {
        /// The job.
        job: JobId,
        /// Who pays.
        sender: PartyId,
        /// Its terms.
        terms: Terms,
        /// The end of the submitter's hash chain.
        chain: Digest,
        /// What is set aside.
        escrow: Credits,
        /// `Start` is accepted from this height on.
        start_from: Height,
        /// Without a `Start` by then the job is cancelled.
        start_by: Moment,
    },
    /// A bundle's peers are drawn and their bonds locked.
    Drawn {
        /// The bundle.
        bundle: BundleId,
        /// Who runs it, in draw order.
        peers: Vec<PeerId>,
        /// By when they must have sealed.
        seal_by: Moment,
    },
    /// Another peer takes a run.
    Replaced {
        /// The bundle.
        bundle: BundleId,
        /// Whose run it was.
        out: PeerId,
        /// Whose run it is now; `None` if no peer was left to draw.
        next: Option<PeerId>,
        /// By when it must have sealed.
        seal_by: Moment,
    },
    /// A peer's seal is on the ledger.
    Sealed {
        /// The bundle.
        bundle: BundleId,
        /// The peer.
        peer: PeerId,
    },
    /// Every bundle of a job that still runs is sealed by all its peers: it can be closed.
    AllSealed {
        /// The job.
        job: JobId,
        /// Anyone may force the close after this.
        close_by: Moment,
    },
    /// Sealing is over: peers open.
    Closed {
        /// The job.
        job: JobId,
        /// By when they must have opened.
        open_by: Moment,
    },
    /// A peer's opening is on the ledger.
    Opened {
        /// The bundle.
        bundle: BundleId,
        /// The peer.
        peer: PeerId,
        /// The root it had sealed.
        root: Root,
    },
    /// Opened roots differ.
    Disputed {
        /// The bundle.
        bundle: BundleId,
        /// Who opened what.
        roots: Vec<(PeerId, Root)>,
        /// By when someone must show where they part.
        dispute_by: Moment,
    },
    /// Members are called to run the disputed tasks.
    PanelCalled {
        /// The bundle.
        bundle: BundleId,
        /// The tasks and what the peers claim.
        tasks: Vec<DisputedTask>,
        /// The members' parties.
        panel: Vec<PartyId>,
        /// 1 for the first panel; 2 when it was not unanimous and every member is asked.
        round: u8,
        /// By when they must have sealed their answers.
        seal_by: Moment,
    },
    /// All of the panel has sealed (or its time is over): it opens.
    PanelOpening {
        /// The bundle.
        bundle: BundleId,
        /// By when they must have opened.
        open_by: Moment,
    },
    /// A panel has judged.
    Verdict {
        /// The bundle.
        bundle: BundleId,
        /// What is right, per disputed task; `None` where the members themselves differ.
        right: Vec<Option<Outcome>>,
        /// Peers whose every disputed outcome is right.
        upheld: Vec<PeerId>,
        /// Peers with a wrong one.
        convicted: Vec<PeerId>,
    },
    /// A peer, or a member as judge, lost credits.
    Slashed {
        /// The bundle it was for.
        bundle: BundleId,
        /// The peer; for a judge's fault, the member's peer.
        peer: PeerId,
        /// What for.
        fault: Fault,
        /// How much left the bond.
        amount: Credits,
    },
    /// A peer's owner was paid.
    Paid {
        /// The bundle it was for.
        bundle: BundleId,
        /// The peer that did the work.
        peer: PeerId,
        /// Whose wallet grew.
        owner: PartyId,
        /// By how much.
        amount: Credits,
    },
    /// A bundle has ended, for good.
    BundleEnded {
        /// The bundle.
        bundle: BundleId,
        /// How.
        ending: Ending,
    },
    /// The last bundle of a job has ended and its escrow is empty.
    JobEnded {
        /// The job.
        job: JobId,
        /// What all its runs were paid.
        paid: Credits,
        /// What went back to the submitter.
        refunded: Credits,
    },
    /// Of the council.
    Council(CouncilEvent),
    /// Of epochs and issuance.
    Issue(IssueEvent),
    /// A member is to audit tasks of a job: to run them and seal what it found.
    AuditDrawn {
        /// The job.
        job: JobId,
        /// The number of its seat among the job's auditors.
        seat: u16,
        /// The auditor's party.
        member: PartyId,
        /// Its node.
        peer: PeerId,
        /// The tasks' numbers in the job, rising.
        tasks: Vec<u32>,
        /// By when it must have sealed.
        seal_by: Moment,
    },
    /// An auditor's seal is on the ledger.
    AuditSealed {
        /// The job.
        job: JobId,
        /// The auditor's party.
        member: PartyId,
    },
    /// An auditor fell silent: its tasks pass to another member, or stay without an audit.
    AuditLapsed {
        /// The job.
        job: JobId,
        /// The auditor's party.
        member: PartyId,
        /// Who audits them now.
        next: Option<PartyId>,
    },
    /// Every peer of a job has opened: auditors open, and what they found is compared.
    AuditsOpening {
        /// The job.
        job: JobId,
        /// By when auditors must have opened, and differences be shown.
        open_by: Moment,
    },
    /// A part of what an auditor found is on the ledger.
    AuditOpened {
        /// The job.
        job: JobId,
        /// The number of its seat among the job's auditors.
        seat: u16,
        /// The auditor's party.
        member: PartyId,
        /// Which part.
        part: u32,
        /// One outcome per task of that part.
        outcomes: Vec<Option<Outcome>>,
    },
    /// Of what follows from faults.
    Fault(FaultEvent),
    /// Something about parties and their keys.
    Party(PartyEvent),
    /// Something about credits set apart for jobs.
    Bank(BankEvent),
    /// A peer's offer was taken off the roster because of what the peer did or did not do.
    OfferSetAside {
        /// The peer.
        peer: PeerId,
        /// The class.
        class: Class,
        /// Why.
        why: Aside,
        /// It cannot stand ready again before this.
        until: Moment,
    },
    /// A submitter opened the canaries of its job: tasks whose outcome it knew beforehand. Whether
    /// the peers opened the same is known to whoever holds their outcomes.
    CanariesOpened {
        /// The job.
        job: JobId,
        /// All of them, tasks rising.
        canaries: Vec<Canary>,
    },
    /// Something about payment channels.
    Channel(ChannelEvent),
    /// Something about leases.
    Lease(LeaseEvent),
}
