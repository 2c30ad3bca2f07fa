//! The peer itself and the ledger it follows.

use std::collections::BTreeSet;
use std::path::Path;

use ledger::{Difference, Verified};
use protocol::ids::PeerId;
use protocol::units::{Credits, Moment};

use super::{Sources, balance};
use crate::api::problem::{Code, Problem};
use crate::api::types::{FederationView, LedgerView, MemberView, Role, StatusView, VerifyView};

/// What only the running process knows of itself.
pub struct Present<'a> {
    /// Where its files lie.
    pub home: &'a Path,
    /// When it started.
    pub started: Moment,
    /// Who is connected.
    pub connected: &'a BTreeSet<PeerId>,
    /// Where it listens.
    pub listens: Vec<String>,
    /// Tasks its executor runs now.
    pub tasks_running: usize,
    /// Whether it runs tasks for others.
    pub works: bool,
    /// Why it takes no work now, if it does not.
    pub resting: Option<String>,
    /// The fault it was told to play.
    pub fault: Option<String>,
}

/// The ledger, as this peer follows it.
pub fn ledger_view(from: &Sources<'_>, connected: &BTreeSet<PeerId>) -> LedgerView {
    let status = from.ledger.status();
    let members = rules::read::members(&from.ledger.ask())
        .into_iter()
        .map(|member| MemberView {
            name: member.name,
            party: member.party.into(),
            peer: member.peer.into(),
            consensus: member.consensus.into(),
            power: member.power,
            connected: member.peer == from.me || connected.contains(&member.peer),
        });
    LedgerView {
        height: status.height.get(),
        agreed: status.now.into(),
        root: status.root.into(),
        view: status.health.as_ref().map(|health| health.view),
        waiting: u32::try_from(status.waiting).unwrap_or(u32::MAX),
        members: members.collect(),
    }
}

/// The peer on one screen.
pub fn status(from: &Sources<'_>, present: Present<'_>) -> StatusView {
    let member = from.ledger.member_nodes().contains(&from.me);
    let roles = [
        (member, Role::Member),
        (present.works, Role::Worker),
        (true, Role::Client),
    ];
    let open = |job: &steward::JobView| job.state != steward::JobState::Ended;
    let (runs, panels) = from.steward.open_work();
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    StatusView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        home: present.home.display().to_string(),
        peer: from.me.into(),
        roles: roles
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, role)| role)
            .collect(),
        federation: FederationView {
            id: from.genesis.id().into(),
            name: from.genesis.name.clone(),
            devnet: from.genesis.devnet,
        },
        started: present.started.into(),
        connected: count(present.connected.len()),
        listens: present.listens,
        ledger: ledger_view(from, present.connected),
        wallet: balance(from, from.party),
        jobs_open: count(from.steward.jobs().iter().filter(|job| open(job)).count()),
        runs_open: count(runs + panels),
        tasks_running: count(present.tasks_running),
        resting: present.resting,
        fault: present.fault,
    }
}

/// What replaying the ledger showed.
///
/// # Errors
/// [`Code::Failed`] with the first block at which the replay parts from what is stored.
pub fn verification(
    verified: Result<Verified, Difference>,
    took: protocol::units::Millis,
) -> Result<VerifyView, Problem> {
    let verified = verified.map_err(|difference| {
        Problem::new(Code::Failed, "the ledger does not replay to what it holds")
            .because(difference.to_string())
    })?;
    let supply = verified.supply;
    let made = supply.minted.minus(supply.burned).unwrap_or(Credits::ZERO);
    Ok(VerifyView {
        height: verified.height.get(),
        // The replay ends at the first root that differs from the stored one: here all are equal.
        root: verified.root.into(),
        replayed: verified.root.into(),
        roots_equal: true,
        supply: made.into(),
        held: supply.circulating.into(),
        conserved: made == supply.circulating,
        took_ms: took.get(),
    })
}
