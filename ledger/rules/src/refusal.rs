//! Every way a rule says no, in the order the rules ask. A refused entry changed nothing but its
//! fee and its nonce; refusals up to [`Refusal::FeeOverKeyLimit`] did not even change these.

use protocol::bytes::Malformed;
use protocol::entry::Scope;
use protocol::ids::{Digest, JobId, PartyId, PeerId, PublicKey};
use protocol::units::{Credits, Height, Millis, Moment};
use thiserror::Error;

use crate::work::{Happening, Phase, State};

mod channel;
mod code;
mod council;
mod lease;

pub use channel::ChannelRefusal;
pub use council::{CouncilRefusal, IssueRefusal};
pub use lease::LeaseRefusal;

/// A rule said no. Each has a number that never changes its meaning ([`Refusal::code`]).
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "each variant's words stand in its message, and its parts are named in them"
)]
pub enum Refusal {
    // Who asks, and may it be asked at all?
    #[error("malformed entry: {0}")]
    Malformed(Malformed),
    #[error("the entry is meant for another federation")]
    ForeignFederation,
    #[error("{party} is not known here: any party can make it known with `register`")]
    UnknownParty { party: PartyId },
    #[error("the key that signed does not speak for {party}")]
    ForeignKey { party: PartyId },
    #[error("the entry was valid until {valid_until}, and it is {now}: sign it again")]
    Expired { valid_until: Moment, now: Moment },
    #[error("the entry is valid until {valid_until}, but at most until {latest} is allowed")]
    LivesTooLong { valid_until: Moment, latest: Moment },
    #[error("nonce {got} is used: the next of this lane is {next}")]
    NonceUsed { next: u64, got: u64 },
    #[error("nonce {got} comes later: the next of this lane is {next}")]
    NonceInFuture { next: u64, got: u64 },
    #[error("insufficient balance for the fee: needs {needs}, has {has} available")]
    FeeUnpayable { needs: Credits, has: Credits },

    #[error("the key that signed was valid until {expires}, and it is {now}: set it anew")]
    KeyExpired { expires: Moment, now: Moment },
    #[error("the key that signed may {has}, and this needs one of: {needs}")]
    OutOfScope { has: Scope, needs: Scope },
    #[error("an operational key may not do this: it needs the root of {party}")]
    RootNeeded { party: PartyId },
    #[error("{weight} of {party}'s weight has signed, {threshold} must")]
    TooFewSignatures {
        party: PartyId,
        weight: u32,
        threshold: u32,
    },
    #[error("{key} signed, and is of no use to this entry: sign it again without it")]
    SurplusSignature { key: PublicKey },
    #[error("the fee is {needs}, and the key that signed may spend {left} more now")]
    FeeOverKeyLimit { needs: Credits, left: Credits },

    // Money.
    #[error("nothing is moved: the amount is zero")]
    AmountIsZero,
    #[error("{party} is not known here, so it cannot be paid: `register` it first")]
    UnknownReceiver { party: PartyId },
    #[error("the amount is larger than all credits there can be")]
    AmountTooLarge,
    #[error("insufficient balance: needs {needs}, has {has} available")]
    InsufficientBalance { needs: Credits, has: Credits },

    // People.
    #[error("{party} is already known")]
    AlreadyRegistered { party: PartyId },
    #[error("{party} is no sponsor: only a member or a community desk lets peers in")]
    NotASponsor { party: PartyId },
    #[error("{peer} is already admitted")]
    AlreadyAdmitted { peer: PeerId },
    #[error("{peer} is not admitted: ask a sponsor to `admit-peer` it")]
    UnknownPeer { peer: PeerId },
    #[error("{peer} belongs to another party")]
    NotYourPeer { peer: PeerId },
    #[error("{peer} signed two results for one bundle and takes no part any more")]
    Struck { peer: PeerId },
    #[error(
        "only {free} of the bond is free, {asked} are asked; the rest is locked by open bundles"
    )]
    BondLocked { free: Credits, asked: Credits },
    #[error("so many unbondings already wait: `withdraw` the matured ones first")]
    TooManyUnbondings,
    #[error("nothing has matured yet")]
    NothingMatured,

    #[error("this would cost {asked}, and the key that signed may spend {left} more now")]
    OverKeyLimit { asked: Credits, left: Credits },
    #[error("{key} is no operational key of this party")]
    UnknownKey { key: PublicKey },
    #[error("a party has {max} operational keys at most: revoke one first")]
    TooManyKeys { max: usize },
    #[error("{key} already speaks for a party: take another")]
    KeyInUse { key: PublicKey },
    #[error("the key would expire at {expires}, and it is {now}")]
    KeyBornExpired { expires: Moment, now: Moment },
    #[error("the new root must sign too, so that nobody is locked out: `cosign` the entry with it")]
    NewRootUnsigned,
    #[error("the root changed {max} times lately: it can change again from {from} on")]
    RotatedTooOften { max: usize, from: Moment },
    #[error("only the guardian that {party} chose may do this")]
    NotGuardian { party: PartyId },
    #[error("a recovery has begun, and can be finished from {ready} on")]
    RecoveryPending { ready: Moment },
    #[error("no recovery of {party} has begun")]
    NoRecovery { party: PartyId },
    #[error("the recovery can be finished from {ready} on, and it is {now}")]
    RecoveryTooEarly { ready: Moment, now: Moment },
    #[error("someone answers for {party} already")]
    AlreadyVouched { party: PartyId },
    #[error("{peer} was let in by another sponsor")]
    NotYourSponsored { peer: PeerId },

    // Task wallets and grants.
    #[error("there is no such task wallet or grant")]
    UnknownPurse,
    #[error("the task wallet or grant belongs to another party")]
    NotYourPurse,
    #[error("the task wallet is closed")]
    PurseClosed,
    #[error("this is a grant, which is spent on jobs and in no other way")]
    NotATaskWallet,
    #[error("this is a task wallet, which does not expire")]
    NotAGrant,
    #[error("the grant expired at {expires}, and it is {now}")]
    GrantExpired { expires: Moment, now: Moment },
    #[error("the grant is good until {expires}, and it is {now}")]
    GrantNotExpired { expires: Moment, now: Moment },
    #[error("the owner has not allowed {party} to spend of this")]
    NotADelegate { party: PartyId },
    #[error("the allowance expired at {expires}, and it is {now}")]
    AllowanceExpired { expires: Moment, now: Moment },
    #[error("the allowance is not for class {class}")]
    ClassNotAllowed { class: &'static str },
    #[error("a task would cost {asked}, and the allowance is {limit} for one")]
    OverTaskLimit { asked: Credits, limit: Credits },
    #[error("the job sets {asked} aside, and the allowance leaves {left} for this epoch")]
    OverEpochLimit { asked: Credits, left: Credits },
    #[error("the job sets {asked} aside, and the allowance leaves {left} in all")]
    OverTotalLimit { asked: Credits, left: Credits },
    #[error("{party} is no member: only members give grants")]
    NotAMember { party: PartyId },
    #[error("a grant is good until some time after {now} and at most until {latest}")]
    GrantLife { now: Moment, latest: Moment },
    #[error("{asked} are granted, and the quota leaves {left} for this epoch")]
    OverGrantQuota { asked: Credits, left: Credits },

    // The market.
    #[error("an offer has 1 to {max} slots, not {asked}")]
    SlotsOutOfRange { asked: u16, max: u16 },
    #[error("{peer} has no standing offer in this class")]
    NoOffer { peer: PeerId },
    #[error("the roster of this class is full")]
    RosterFull,

    #[error("{peer} takes no part until {until}")]
    Jailed { peer: PeerId, until: Moment },
    #[error("{peer} is your own: add to its bond with `bond`")]
    OwnPeer { peer: PeerId },
    #[error("{peer} has as many backers as it may have")]
    TooManyBackers { peer: PeerId },
    #[error("{party} does not back {peer}")]
    NotBacked { peer: PeerId, party: PartyId },

    // A job.
    #[error("a bundle runs at least {min} times here")]
    TooFewCopies { min: u8 },
    #[error("a seal window is between {} and {} ms", .min.get(), .max.get())]
    SealWindow { min: Millis, max: Millis },
    #[error("a task has a price: {needed} per Gfuel gives none")]
    PriceIsZero { needed: Credits },
    #[error("class {class} has {have} standing offers, {copies} copies need as many: `offer ls`")]
    NotEnoughOffers {
        class: &'static str,
        have: u32,
        copies: u8,
    },
    #[error("there is no such job")]
    UnknownJob,
    #[error("the job has no such bundle")]
    UnknownBundle,
    #[error("only the submitter of the job may do this")]
    NotYourJob,
    #[error("the job is {}: {asked} is not possible now", .phase.words())]
    WrongPhase { phase: Phase, asked: &'static str },
    #[error("the job can be started from block {from} on, and this is block {height}")]
    StartTooEarly { from: Height, height: Height },
    #[error("the secret does not continue the submitter's chain")]
    BrokenChain,
    #[error(
        "bundle {bundle} needs {copies} peers of different sponsors, and {found} stand ready with \
         enough free bond at this price: lower the price per task, or wait; `offer ls`"
    )]
    NotEnoughPeers { bundle: u32, copies: u8, found: u8 },
    #[error("{unsealed} bundles are not sealed yet")]
    NotAllSealed { unsealed: u32 },
    #[error("the submitter has until {close_by} to close; then anyone may")]
    CloseTooEarly { close_by: Moment },
    #[error("no deadline of this job has passed")]
    NothingDue,

    // A bundle.
    #[error("the bundle is {}: {} is not possible now", .state.words(), .asked.words())]
    WrongState { state: State, asked: Happening },
    #[error("{peer} is not drawn for this bundle")]
    NotDrawn { peer: PeerId },
    #[error("{peer} already sealed")]
    AlreadySealed { peer: PeerId },
    #[error("it was due by {due}, and it is {now}")]
    DeadlinePassed { due: Moment, now: Moment },
    #[error("the seal was not signed by {peer}")]
    SealForged { peer: PeerId },
    #[error("{peer} did not seal this bundle")]
    NotSealed { peer: PeerId },
    #[error("{peer} already opened")]
    AlreadyOpened { peer: PeerId },
    #[error("the opening of {peer} is not what it sealed")]
    OpeningMismatch { peer: PeerId },
    #[error("{peer} cannot take this run over: `node explain` says what it lacks")]
    CannotTakeOver { peer: PeerId },

    // A dispute.
    #[error("disputed tasks stand in rising order, each once")]
    TasksOutOfOrder,
    #[error("a disputed task carries one claim of every opened peer, all at the same place")]
    ClaimsIncomplete,
    #[error("the proof for {peer} does not lead to the root it opened")]
    ProofForged { peer: PeerId },
    #[error("the claims for the task at place {place} are equal: there is nothing to judge")]
    NoDifference { place: u32 },
    #[error("{party} is not called to judge this bundle")]
    NotCalled { party: PartyId },
    #[error("{party} has already answered")]
    AlreadyAnswered { party: PartyId },
    #[error("the answer is not what {party} sealed")]
    AnswerMismatch { party: PartyId },
    #[error("an answer has one outcome per disputed task: {expected}, not {found}")]
    AnswerShape { expected: usize, found: usize },

    // The council, and issuance.
    #[error(transparent)]
    Council(CouncilRefusal),
    #[error(transparent)]
    Issue(IssueRefusal),
    #[error(transparent)]
    Channel(ChannelRefusal),
    #[error(transparent)]
    Lease(LeaseRefusal),

    // An audit.
    #[error("the block in which the last peer sealed is not closed yet: close in the next one")]
    CloseInSealingBlock,
    #[error("{party} is not called to audit this job")]
    NotAuditor { party: PartyId },
    #[error("auditors open when every peer has opened")]
    PeersFirst,
    #[error("the findings are not what {party} sealed")]
    FindingsMismatch { party: PartyId },
    #[error("nobody has opened what else the task at place {place} gave")]
    NotAudited { place: u32 },
    #[error("the job has no canaries that are still to be opened")]
    NoCanaries,
    #[error("these are not the canaries that the job was submitted with")]
    CanariesMismatch,
    #[error("a job of so many tasks has at most {most} canaries")]
    TooManyCanaries { most: u32 },
    #[error("the job has no task {task}")]
    UnknownTask { task: u32 },
    #[error("a panel over canaries costs {needs}, and {has} are left of the job's deposit")]
    DepositTooSmall { needs: Credits, has: Credits },
    #[error("whether these outcomes are alike is for another to judge: see the job's terms")]
    NotTheJudge,
    #[error("{peer} did not open this bundle, so nothing of it can be accepted")]
    NotOpened { peer: PeerId },

    // Faults.
    #[error("only the submitter, owners of the bundle's peers and auditors have a stake in it")]
    NoStake,
    #[error("the outcomes of {peer} were demanded before")]
    AlreadyDemanded { peer: PeerId },
    #[error("nothing is demanded from {peer} here, or it has answered")]
    NotDemanded { peer: PeerId },
    #[error("two seals of one peer for one bundle are shown, and they differ")]
    NotTwoSeals,
    #[error("module {module} has no one outcome: see job {job}")]
    ModuleFlagged { module: Digest, job: JobId },
    #[error("nothing of slash {slash} is kept for doubtful results")]
    NoRedress { slash: u64 },
    #[error("result {number} of {peer} is not in doubt, another's, or was claimed for")]
    NotInDoubt { peer: PeerId, number: u64 },
    #[error("a task is worth at most {most} more than its price")]
    RiskTooHigh { most: Credits },
}
