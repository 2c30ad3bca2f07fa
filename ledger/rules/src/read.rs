//! Reading what is agreed, row by row and with types. Nothing here scans: what is listed is
//! numbered or paged, and the reader walks as far as it likes.

use protocol::entry::Canary;
use protocol::event::Fault;
use protocol::genesis::Params;
use protocol::ids::{BundleId, Digest, FederationId, JobId, PartyId, PeerId};
use protocol::outcome::Outcome;
use protocol::units::{Credits, Height, Moment};

mod council;
mod lease;
mod market;
mod people;

pub use council::*;
pub use lease::*;

pub use crate::books::Supply;
pub use crate::state::Counts;
pub use market::*;
pub use people::{
    PurseStanding, allowance, channel, channel_of, channels_of, delegate, free_entries,
    grant_quota, op_key, op_keys, owner_of, purse, purse_of, purses_of, recovery, retired_root,
};

use crate::books;
use crate::market::lease::at_stake;
use crate::money::{Account, Balance, HISTORY_LINES, History, Line, available, balance, bond};
use crate::people::{
    Desks, Member, Nonces, Parties, Party, Peer, PeerNumbers, Peers, Sponsor, Sponsors,
    member as members_of,
};
use crate::state::{BlockHashes, Clock, Counted, Federation, View, row};
use crate::work::{
    Audit, Audited, AuditedTask, Audits, Bundle, Bundles, Demand, Dispute, Disputes, FaultRecord,
    Found, Hold, Job, JobNumbers, Jobs, JobsOf, ModuleFlag, PaidResult, Redress, Silence,
    Submitters, audit as audits_of, canary as canary_of, demand as demands, due,
    faults as faults_of, feigned, hold as holds, redress as redresses, silence as silence_of,
    slash,
};

/// A party's credits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wallet {
    /// What it can spend.
    pub available: Credits,
    /// What its open jobs hold.
    pub escrowed: Credits,
    /// How many lines its history has, kept or not.
    pub lines: u64,
}

/// A peer with what it stands to lose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStanding {
    /// The peer's row.
    pub peer: Peer,
    /// Its bond, locked or not.
    pub bond: Credits,
    /// What leaves its bond and is not withdrawn.
    pub unbonding: Credits,
}

/// The federation's id; `None` if the state was never begun.
pub fn federation(view: &dyn View) -> Option<FederationId> {
    row::<Federation>(view, &()).map(|founding| founding.id)
}

/// What people call the federation.
pub fn name(view: &dyn View) -> Option<String> {
    row::<Federation>(view, &()).map(|founding| founding.name)
}

/// Whether it is a devnet, where peers may be told to misbehave.
pub fn is_devnet(view: &dyn View) -> bool {
    row::<Federation>(view, &()).is_some_and(|founding| founding.devnet)
}

/// The governed numbers.
pub fn params(view: &dyn View) -> Option<Params> {
    row::<Federation>(view, &()).map(|founding| founding.params)
}

/// The last applied block's number and agreed time.
pub fn last_block(view: &dyn View) -> Option<(Height, Moment)> {
    row::<Clock>(view, &())
}

/// The hash of one of the latest 65 536 blocks before the last.
pub fn block_hash(view: &dyn View, height: Height) -> Option<Digest> {
    row::<BlockHashes>(view, &height)
}

/// The earliest deadline that waits. Where it is not after the last block's time, the next block
/// has work to do even without entries.
pub fn next_due(view: &dyn View) -> Option<Moment> {
    due::next_applied(view)
}

/// How many there are of everything that is numbered.
pub fn counts(view: &dyn View) -> Counts {
    row::<Counted>(view, &()).unwrap_or_default()
}

/// A party, if it is known here.
pub fn party(view: &dyn View, party: PartyId) -> Option<Party> {
    row::<Parties>(view, &party)
}

/// The next nonce of a party's lane.
pub fn nonce(view: &dyn View, party: PartyId, lane: u16) -> u64 {
    row::<Nonces>(view, &(party, lane)).unwrap_or_default()
}

/// A party's credits; all zero for one that is not known.
pub fn wallet(view: &dyn View, party: PartyId) -> Wallet {
    let submitter = row::<Submitters>(view, &party).unwrap_or_default();
    Wallet {
        available: available(view, party),
        escrowed: submitter.escrowed,
        lines: balance(view, Account::Wallet(party)).postings,
    }
}

/// A party's history, newest first, from line `from` downwards (`u64::MAX`: from the newest), at
/// most `max` lines. Only the latest 256 lines are kept.
pub fn history(view: &dyn View, party: PartyId, from: u64, max: usize) -> Vec<Line> {
    let lines = balance(view, Account::Wallet(party)).postings;
    let oldest = lines.saturating_sub(HISTORY_LINES);
    let newest = lines.min(from.saturating_add(1));
    let numbers = (oldest..newest).rev().take(max);
    numbers
        .filter_map(|number| row::<History>(view, &(party, number % HISTORY_LINES)))
        .collect()
}

/// Any account.
pub fn account(view: &dyn View, account: Account) -> Balance {
    balance(view, account)
}

/// How many credits there are.
pub fn supply(view: &dyn View) -> Supply {
    books::supply(view)
}

/// A sponsor, if the party is one.
pub fn sponsor(view: &dyn View, party: PartyId) -> Option<Sponsor> {
    row::<Sponsors>(view, &party)
}

/// All members, in the order of the genesis.
pub fn members(view: &dyn View) -> Vec<Member> {
    members_of::all(view)
}

/// A member, if the party is one.
pub fn member(view: &dyn View, party: PartyId) -> Option<Member> {
    members_of::of(view, party)
}

/// What a member stands to lose as a judge.
pub fn member_bond(view: &dyn View, party: PartyId) -> Credits {
    balance(view, Account::MemberBond(party)).amount()
}

/// A community desk by number ([`Counts::desks`]).
pub fn desk(view: &dyn View, number: u32) -> Option<(PartyId, Sponsor)> {
    let party = row::<Desks>(view, &number)?;
    Some((party, sponsor(view, party)?))
}

/// A peer, if it was admitted.
pub fn peer(view: &dyn View, peer: PeerId) -> Option<PeerStanding> {
    Some(PeerStanding {
        peer: row::<Peers>(view, &peer)?,
        bond: bond::of(view, peer),
        unbonding: balance(view, Account::Unbonding(peer)).amount(),
    })
}

/// A peer by number ([`Counts::peers`]).
pub fn peer_numbered(view: &dyn View, number: u64) -> Option<PeerId> {
    row::<PeerNumbers>(view, &number)
}

/// A job.
pub fn job(view: &dyn View, job: JobId) -> Option<Job> {
    row::<Jobs>(view, &job)
}

/// A job by number ([`Counts::jobs`]).
pub fn job_numbered(view: &dyn View, number: u64) -> Option<JobId> {
    row::<JobNumbers>(view, &number)
}

/// How many jobs a party has submitted.
pub fn jobs_of(view: &dyn View, party: PartyId) -> u64 {
    row::<Submitters>(view, &party).unwrap_or_default().jobs
}

/// A party's job by its number among that party's jobs.
pub fn job_of(view: &dyn View, party: PartyId, number: u64) -> Option<JobId> {
    row::<JobsOf>(view, &(party, number))
}

/// A bundle of a started job.
pub fn bundle(view: &dyn View, bundle: BundleId) -> Option<Bundle> {
    row::<Bundles>(view, &bundle)
}

/// The audits of a closed job; `None` if nothing of it is audited.
pub fn audit(view: &dyn View, job: JobId) -> Option<Audit> {
    row::<Audits>(view, &job)
}

/// Which tasks of a bundle are audited, and by whose seat in [`audit`].
pub fn audited(view: &dyn View, bundle: BundleId) -> Vec<AuditedTask> {
    row::<Audited>(view, &bundle).unwrap_or_default()
}

/// The opened canaries of a bundle: what its submitter knew before it was run, tasks rising.
pub fn canaries(view: &dyn View, bundle: BundleId) -> Vec<Canary> {
    canary_of::of(view, bundle)
}

/// The tasks that a seat of a job's audits was dealt, by their number in the job, rising.
pub fn audit_tasks(view: &dyn View, job: JobId, seat: u16) -> Vec<u32> {
    let audit = audit(view, job);
    let row = audit.and_then(|audit| audit.seats.get(usize::from(seat)).cloned());
    row.map_or_else(Vec::new, |row| audits_of::tasks_of(view, job, seat, &row))
}

/// What a seat found for the tasks of one opened part of its findings.
pub fn findings(view: &dyn View, job: JobId, seat: u16, part: u32) -> Vec<Option<Outcome>> {
    row::<Found>(view, &(job, seat, part)).unwrap_or_default()
}

/// How a member kept its duties as judge and auditor.
pub fn silence(view: &dyn View, member: PartyId) -> Silence {
    silence_of::of(view, member)
}

/// A slash by number ([`Counts::slashes`]).
pub fn hold(view: &dyn View, number: u64) -> Option<Hold> {
    holds::of(view, number)
}

/// The numbers of a bundle's slashes, in the order of being taken.
pub fn holds_of(view: &dyn View, bundle: BundleId) -> Vec<u64> {
    holds::of_bundle(view, bundle)
}

/// What a fault of a peer in a bundle would cost it now, and how that would be split: burned, for
/// those harmed, for who shows it, for the treasury. A conviction releases the bundle's lock first,
/// so `locked_here` is counted as free. Feigned capacity (F10) and what is missed of leases (F5,
/// F11) are no faults in a bundle: whichever is named, the answer is the same. For leases it is
/// what the running epoch would cost, if the peer kept nothing of what it leased.
pub fn slash_preview(
    view: &dyn View,
    bundle: BundleId,
    peer: PeerId,
    fault: Fault,
) -> Option<(Credits, [Credits; 4])> {
    let params = params(view)?;
    let reach = slash::within_reach(view, bundle, (peer, fault))?;
    let apart = match fault {
        Fault::FakeCapacity => Some(feigned::price(view, &params, peer, running_epoch(view)?.0)),
        Fault::LeaseMissed | Fault::StorageMissed => Some(at_stake(view, peer, fault)),
        _ => None,
    };
    if let Some(price) = apart {
        let taken = price.min(reach);
        let is_harmed = fault != Fault::FakeCapacity;
        let [burned, harmed, treasury] = slash::split_apart(&params, taken, is_harmed);
        return Some((taken, [burned, harmed, Credits::ZERO, treasury]));
    }
    let job = row::<Jobs>(view, &bundle.job)?;
    let amount = slash::price(view, &params, (&job, bundle), (peer, fault));
    let taken = amount.min(reach);
    Some((taken, slash::split(&params, taken)))
}

/// What a peer was found guilty of, and when its results are in doubt.
pub fn faults(view: &dyn View, peer: PeerId) -> FaultRecord {
    faults_of::of(view, peer)
}

/// Results of a convicted peer that are in doubt, newest first, from number `from` downwards
/// (`u64::MAX`: from the newest), at most `max`. Each one's submitter may have it run again; what
/// it paid is the most that it may claim.
pub fn tainted(view: &dyn View, peer: PeerId, from: u64, max: usize) -> Vec<PaidResult> {
    faults_of::tainted(view, peer, from, max)
}

/// How many results of a peer were ever paid.
pub fn results(view: &dyn View, peer: PeerId) -> u64 {
    faults_of::results(view, peer)
}

/// What is kept of a slash for its peer's doubtful results, and how much is left of it.
pub fn redress(view: &dyn View, slash: u64) -> Option<(Redress, Credits)> {
    redresses::of(view, slash)
}

/// The flag of a module that is not taken any more.
pub fn module_flag(view: &dyn View, module: Digest) -> Option<ModuleFlag> {
    faults_of::flag(view, module)
}

/// A demand for a peer's outcomes of a bundle.
pub fn demand(view: &dyn View, bundle: BundleId, peer: PeerId) -> Option<Demand> {
    demands::of(view, bundle, peer)
}

/// A dispute by number ([`Counts::disputes`]).
pub fn dispute(view: &dyn View, number: u64) -> Option<Dispute> {
    row::<Disputes>(view, &number)
}
