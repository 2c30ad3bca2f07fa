//! Opening a ledger: what it needs, what it refuses, and what it writes at first.

use crate::app::{App, Clock, Parts};
use crate::commitment::{Tree, grow};
use crate::disk::{Disk, DiskError, Draft};
use crate::engine::{
    BLOCK_BYTES_MAX, Engine, EngineConfig, EngineError, MemberKey, Members, NotMembers,
};
use crate::follow::Follower;
use crate::known::Checker;
use crate::pool::Pool;
use crate::thrown::Thrown;
use crate::wire::{Carrier, Lane};
use crate::{LEDGER_FOLDER, Ledger, Part, VOTES_FILE};
use ed25519_dalek::SigningKey;
use protocol::bytes::{Limited, Malformed};
use protocol::genesis::Genesis;
use protocol::ids::FederationId;
use protocol::units::Moment;
use rules::GenesisRefused;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The note that says whose ledger this is: the federation, then [`VOTES`] or [`FOLLOWS`].
const OWNER_NOTE: &[u8] = b"owner";
const VOTES: u8 = 1;
const FOLLOWS: u8 = 2;

/// Keys and rows of genesis.
type FirstRows = Vec<(Vec<u8>, Vec<u8>)>;

/// What a ledger needs to know before it starts.
pub struct Config {
    /// The peer's home; the ledger lies in [`LEDGER_FOLDER`] below it.
    pub home: PathBuf,
    /// How the federation began.
    pub genesis: Genesis,
    /// Whether this peer votes.
    pub role: Role,
    /// How long a leader may be silent: whole seconds, at least one.
    pub view_time: Duration,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

/// What a peer does in its federation.
#[allow(
    clippy::large_enum_variant,
    reason = "one is made in the life of a process"
)]
pub enum Role {
    /// It votes, with this consensus key, which is used for nothing else.
    Member {
        /// The key.
        key: SigningKey,
    },
    /// It follows the blocks that members agree on.
    Follower,
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Moment {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Moment::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The carrier of a peer that sends nothing because it does not vote.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCarrier;

impl Carrier for NoCarrier {
    fn send(&self, _to: &MemberKey, _lane: Lane, _bytes: Vec<u8>) {}
}

/// Why a ledger cannot start, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The genesis breaks a limit.
    #[error("the genesis cannot be one")]
    Genesis(#[from] Malformed),
    /// The rules refuse it.
    #[error("the rules refuse the genesis")]
    Refused(#[from] GenesisRefused),
    /// Its members cannot vote.
    #[error("the members of the genesis cannot vote")]
    Members(#[from] NotMembers),
    /// The home cannot be used.
    #[error("cannot use {path}")]
    Home {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The ledger cannot be opened.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The ledger belongs to another federation.
    #[error("the ledger in {path} is that of another federation: use another home for this one")]
    OtherFederation {
        /// The ledger's folder.
        path: PathBuf,
    },
    /// A ledger that voted cannot follow, and one that followed cannot vote.
    #[error(
        "the ledger in {path} was made by a peer that {}: move that folder away, the blocks come \
         back from the other members", if *.voted { "votes" } else { "follows" }
    )]
    OtherRole {
        /// The ledger's folder.
        path: PathBuf,
        /// Whether the peer that made it votes.
        voted: bool,
    },
    /// Consensus cannot start.
    #[error("consensus cannot start")]
    Engine(#[from] EngineError),
}

/// The name of a federation's chain under every vote; never 0.
pub fn chain_of(federation: &FederationId) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&federation.bytes()[..8]);
    u64::from_le_bytes(first).max(1)
}

pub(crate) fn start(config: Config, carrier: Arc<dyn Carrier>) -> Result<Ledger, StartError> {
    let Config {
        home,
        genesis,
        role,
        view_time,
        clock,
    } = config;
    genesis.within_limits()?;
    let first_rows = first_rows(&genesis)?;
    let members = genesis.members.iter().map(|member| {
        (
            MemberKey::new(*member.consensus.bytes()),
            u64::from(member.power),
        )
    });
    let members = Members::new(members)?;
    let path = home.join(LEDGER_FOLDER);
    std::fs::create_dir_all(&home).map_err(|cause| StartError::Home {
        path: home.clone(),
        cause,
    })?;
    let disk = Disk::open(&path)?;
    let votes = matches!(role, Role::Member { .. });
    own(&disk, &genesis, votes, path)?;
    found(&disk, &first_rows);
    let chain = chain_of(&genesis.id());
    // One memory for all doors: what was asked about first is not checked again when it comes.
    let checker = Arc::new(Checker::new(genesis.id()));
    let part = match role {
        Role::Follower => Part::Follower(Follower::new(disk.clone(), chain, checker.clone())),
        Role::Member { key } => {
            let parts = Arc::new(Parts {
                disk: disk.clone(),
                pool: Pool::default(),
                checker: checker.clone(),
                wake: Arc::default(),
                clock,
                thrown: Thrown::default(),
            });
            let engine = EngineConfig {
                chain,
                members,
                key,
                view_time,
                block_bytes_max: BLOCK_BYTES_MAX,
                first_rows,
                guard: home.join(VOTES_FILE),
                wake: parts.wake.clone(),
            };
            let app = App::new(parts.clone(), view_time);
            let engine = Engine::start(engine, disk.clone(), app, carrier)?;
            Part::Member { engine, parts }
        }
    };
    Ok(Ledger {
        disk,
        genesis,
        checker,
        part,
    })
}

/// The rows of genesis, the commitment's among them.
fn first_rows(genesis: &Genesis) -> Result<FirstRows, StartError> {
    let rows = rules::begin(genesis)?;
    let changes = rows.iter().map(|(key, row)| (&key[..], Some(&row[..])));
    let growth = grow(&Tree::default(), |_| None, changes);
    let buckets = growth
        .rows
        .into_iter()
        .filter_map(|(key, row)| Some((key, row?)));
    Ok(buckets.chain(rows).collect())
}

/// Writes whose ledger this is, or compares it with what was written.
fn own(disk: &Disk, genesis: &Genesis, votes: bool, path: PathBuf) -> Result<(), StartError> {
    let role = if votes { VOTES } else { FOLLOWS };
    let mine = [&genesis.id().bytes()[..], &[role]].concat();
    match disk.note(OWNER_NOTE) {
        None => disk.put(Draft::default().note(OWNER_NOTE, Some(mine)), true),
        Some(owner) if owner == mine => {}
        Some(owner) if owner.get(..32) == Some(&mine[..32]) => {
            return Err(StartError::OtherRole {
                path,
                voted: !votes,
            });
        }
        Some(_) => return Err(StartError::OtherFederation { path }),
    }
    Ok(())
}

/// Writes genesis to an empty disk. A member's engine writes the same rows once more.
fn found(disk: &Disk, first_rows: &[(Vec<u8>, Vec<u8>)]) {
    if rules::read::federation(disk).is_none() {
        let draft = first_rows
            .iter()
            .fold(Draft::default(), |draft, (key, row)| {
                draft.row(&key[..], Some(row.clone()))
            });
        disk.put(draft, true);
    }
}
