//! A difference between results, and what became of it.

use protocol::ids::{Digest, JobId, PartyId, PeerId};
use serde::{Deserialize, Serialize};

use super::written::{Id, Kind, List, Money, Time};

/// Where a dispute is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DisputeState {
    /// Opened roots differ; nobody has shown where.
    Open,
    /// A panel of members runs the tasks.
    Panel,
    /// The panel has judged.
    Judged,
    /// Members differ too: nobody is slashed.
    Nondeterministic,
    /// Nobody showed in time where the results differ.
    Undisputed,
}

/// What one peer claims for a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The peer.
    pub peer: Id<PeerId>,
    /// The digest of the output it claims.
    pub output: Id<Digest>,
    /// The fuel it claims.
    pub fuel: u64,
    /// Whether the panel found it right; `None` before the verdict.
    pub right: Option<bool>,
}

/// One task on which results differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputedTaskView {
    /// The task's number in the job.
    pub task: u32,
    /// The array index it is given.
    pub index: u64,
    /// Who claims what.
    pub claims: Vec<Claim>,
    /// The digest that the panel found; `None` before the verdict, or where members differ.
    pub right: Option<Id<Digest>>,
}

/// What a peer lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlashView {
    /// The peer.
    pub peer: Id<PeerId>,
    /// The fault's code, such as `F1`.
    pub fault: String,
    /// The fault in words.
    pub words: String,
    /// How much left its bond.
    pub amount: Money,
}

/// A difference between results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeView {
    /// Its number at this peer, from 1, in the order in which the ledger found them: the same
    /// number at every peer that follows the same ledger.
    pub number: u64,
    /// The job.
    pub job: Id<JobId>,
    /// The bundle's place in the job.
    pub bundle: u32,
    /// Where it is in its life.
    pub state: DisputeState,
    /// The tasks it is about; empty before someone shows where the results differ.
    pub tasks: Vec<DisputedTaskView>,
    /// The members called to judge.
    pub panel: Vec<Id<PartyId>>,
    /// 1 for the first panel, 2 when every member is asked; 0 before there is a panel.
    pub round: u8,
    /// Peers found right.
    pub upheld: Vec<Id<PeerId>>,
    /// Peers found wrong.
    pub convicted: Vec<Id<PeerId>>,
    /// What was lost by whom.
    pub slashes: Vec<SlashView>,
    /// Agreed time at which the difference was seen.
    pub opened: Time,
    /// Agreed time at which it ended.
    pub ended: Option<Time>,
}

impl Kind for DisputeView {
    const KIND: &'static str = "peer.v1.Dispute";
}

impl Kind for List<DisputeView> {
    const KIND: &'static str = "peer.v1.DisputeList";
}
