//! What the council decides on: numbers, classes, epochs, proposals, notices, emergencies.

use protocol::ids::{Digest, PartyId};
use serde::{Deserialize, Serialize};

use super::written::{Id, Kind, List, Money, Time};

/// A governed number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamView {
    /// Its number; never another's.
    pub id: u16,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub what: String,
    /// What it counts: `bps` (ten-thousandths), `µcr`, `ms`, `epochs`, or nothing.
    pub counts: String,
    /// What it is.
    pub value: u64,
    /// What it is unless a genesis says otherwise.
    pub default: u64,
    /// The least it may be.
    pub min: u64,
    /// The most it may be.
    pub max: u64,
    /// By how much one decision may change it from what it is.
    pub step: u64,
    /// The decision that last changed it; `None` if it is as at the beginning.
    pub changed: Option<ChangedView>,
    /// Proposals that would change it and are not over, newest first.
    pub pending: Vec<PendingView>,
}

impl Kind for ParamView {
    const KIND: &'static str = "peer.v1.Param";
}

impl Kind for List<ParamView> {
    const KIND: &'static str = "peer.v1.ParamList";
}

/// The decision that last changed a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedView {
    /// The proposal.
    pub proposal: u64,
    /// When it was carried out; `None` where the ledger no longer keeps the line that says so.
    pub at: Option<Time>,
    /// It was not carried out before this.
    pub not_before: Time,
}

/// A change of a number that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingView {
    /// The proposal.
    pub proposal: u64,
    /// What the number would be.
    pub to: u64,
    /// Until when it can be voted on.
    pub votes_until: Time,
    /// From when on it can be carried out; `None` while it has not enough power.
    pub executable: Option<Time>,
}

/// A class of work, as the numbers make it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassView {
    /// Its name.
    pub class: String,
    /// Whether it takes jobs now.
    pub open: bool,
    /// What its work is counted in.
    pub work_unit: String,
    /// How many copies of a bundle are advised.
    pub copies: u8,
    /// How often an outcome is checked by a member, in ten-thousandths.
    pub audit_bps: u32,
    /// What a drawn peer locks per bundle, in task prices.
    pub slash_mult: u16,
    /// What cheating costs at least, in ten-thousandths of what it brings.
    pub margin_bps: u64,
    /// By what the windows of its jobs are divided.
    pub window_divisor: u8,
    /// How rewards grow with earnings: `linear` or `diminishing`.
    pub curve: String,
    /// How much of an epoch a peer must stand ready to be rewarded for it, in ten-thousandths.
    pub availability_bps: u32,
    /// The price index, per Gfuel.
    pub index: Money,
    /// What quotes are the index times, in ten-thousandths.
    pub utility_bps: u32,
    /// What a Gfuel is quoted at.
    pub quoted: Money,
    /// Where the index began.
    pub index_start: Money,
    /// Slots that open bundles want now.
    pub wanted: u64,
    /// Slots that stand ready now.
    pub offered: u64,
}

impl Kind for ClassView {
    const KIND: &'static str = "peer.v1.Class";
}

impl Kind for List<ClassView> {
    const KIND: &'static str = "peer.v1.ClassList";
}

/// What custodians hold for the credits there are, in millionths of its unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveView {
    /// What it holds.
    pub holds: Money,
    /// When custodians said so.
    pub as_of: Time,
    /// What the next whole credit needs of it.
    pub price: Money,
    /// What the last whole credit would give back.
    pub gives: Money,
}

/// An epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochView {
    /// Its number.
    pub number: u64,
    /// `running`, `ended` (waits to be closed) or `closed`.
    pub state: String,
    /// When the one that runs began; `None` for others.
    pub began: Option<Time>,
    /// When the one that runs ends.
    pub ends: Option<Time>,
    /// Where credits come from in this federation.
    pub issuance: String,
    /// All credits there are now.
    pub supply: Money,
    /// What covers them, where a reserve does.
    pub reserve: Option<ReserveView>,
    /// What the treasury holds now: grants come out of it.
    pub treasury: Money,
    /// What was paid for work in it.
    pub paid: Money,
    /// What was burned of fees in it.
    pub burned: Money,
    /// The most that may be minted for it; nothing before it is closed.
    pub cap: Money,
    /// What is minted at most, by what it is for.
    pub pools: Vec<PoolView>,
    /// What has been minted for it so far.
    pub minted: Money,
}

/// A part of what an epoch mints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolView {
    /// What for.
    pub pool: String,
    /// How much at most.
    pub amount: Money,
}

impl Kind for EpochView {
    const KIND: &'static str = "peer.v1.Epoch";
}

impl Kind for List<EpochView> {
    const KIND: &'static str = "peer.v1.EpochList";
}

/// How far a proposal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProposalState {
    /// It can be voted on, and has not enough power.
    Open,
    /// It has enough power and waits for its timelock.
    Decided,
    /// It can be carried out now.
    Ready,
    /// Its vote is over without enough power; `execute` ends it.
    Failed,
    /// It was carried out.
    Carried,
    /// Its time ran out.
    Lapsed,
    /// A third of power said that it should not have been proposed.
    Vetoed,
}

/// A proposal and the votes on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalView {
    /// Its number.
    pub number: u64,
    /// Its kind, such as `params`.
    pub what: String,
    /// What it would do, a line each.
    pub does: Vec<String>,
    /// The member that proposed it.
    pub by: Id<PartyId>,
    /// What that member is called.
    pub by_name: Option<String>,
    /// How far it is.
    pub state: ProposalState,
    /// Power for it, with today's members.
    pub yes: u64,
    /// Power against it.
    pub no: u64,
    /// Power against it with a veto.
    pub veto: u64,
    /// The power of all members.
    pub all: u64,
    /// The share of power that it needs, in ten-thousandths.
    pub needs_bps: u32,
    /// The members' votes.
    pub votes: Vec<VoteView>,
    /// Peers whose owners are for it.
    pub signals_yes: u64,
    /// Peers whose owners are against it.
    pub signals_no: u64,
    /// When it was proposed.
    pub opened: Time,
    /// Until when it can be voted on.
    pub votes_until: Time,
    /// From when on it can be carried out; `None` while it has not enough power.
    pub executable: Option<Time>,
    /// If it is not carried out by then, it lapses.
    pub lapses: Time,
    /// What its proposer left for it.
    pub deposit: Money,
}

/// A member's vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoteView {
    /// Who.
    pub member: Id<PartyId>,
    /// What people call it; `None` for one that has left.
    pub name: Option<String>,
    /// `yes`, `no` or `veto`.
    pub choice: String,
    /// Its power today.
    pub power: u8,
}

impl Kind for ProposalView {
    const KIND: &'static str = "peer.v1.Proposal";
}

impl Kind for List<ProposalView> {
    const KIND: &'static str = "peer.v1.ProposalList";
}

/// A notice that a member gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeView {
    /// Its number.
    pub number: u64,
    /// By which member.
    pub by: Id<PartyId>,
    /// What that member is called.
    pub by_name: Option<String>,
    /// When.
    pub when: Time,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// In short.
    pub text: String,
    /// A document with more of it.
    pub document: Option<Id<Digest>>,
}

impl Kind for List<NoticeView> {
    const KIND: &'static str = "peer.v1.NoticeList";
}

/// What emergency keys can stop, and whether it is stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmergencyView {
    /// What is stopped.
    pub act: String,
    /// Whether it is in force.
    pub in_force: bool,
    /// When it last began; `None` if it never did.
    pub since: Option<Time>,
    /// When it ends, or ended.
    pub until: Option<Time>,
    /// Before this it cannot begin anew.
    pub rests_until: Option<Time>,
    /// How many keys must sign an order, and of how many; 0 of 0 where nobody can.
    pub keys_needed: u8,
    /// How many keys there are.
    pub keys: u8,
}

impl Kind for List<EmergencyView> {
    const KIND: &'static str = "peer.v1.EmergencyList";
}

/// The latest proof of two votes that was shown against a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccusationView {
    /// Against whom.
    pub member: Id<PartyId>,
    /// What people call it.
    pub name: String,
    /// The proof's name, for `peer council propose suspend`.
    pub evidence: Id<Digest>,
    /// In which view it voted twice.
    pub view: u64,
    /// When it was shown.
    pub when: Time,
    /// Until when it judges nothing and keeps its bond, unless it was punished.
    pub until: Time,
    /// Whether the council has punished it.
    pub punished: bool,
}

impl Kind for List<AccusationView> {
    const KIND: &'static str = "peer.v1.AccusationList";
}

/// What the council keeps beside its proposals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouncilStateView {
    /// Proposals ever made.
    pub proposals: u64,
    /// Notices ever given.
    pub notices: u64,
    /// Emergency orders ever carried out: the number of the next.
    pub orders: u64,
    /// How many emergency keys must sign an order; 0 where nobody can.
    pub keys_needed: u8,
    /// How many emergency keys there are.
    pub keys: u8,
    /// The version of the software that is needed, once one was decided.
    pub upgrade: Option<UpgradeView>,
}

/// A version of the software that is needed from a block on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeView {
    /// The version of the rules.
    pub version: u32,
    /// The first block by its rules.
    pub activation: u64,
    /// The binary's digest.
    pub binary: Id<Digest>,
}

impl Kind for CouncilStateView {
    const KIND: &'static str = "peer.v1.Council";
}
