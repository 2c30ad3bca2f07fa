//! Opening a ledger: what it needs, what it refuses, and what it writes at first.

use crate::app::Clock;
use crate::ask::Reader;
use crate::commitment::{Tree, grow};
use crate::disk::{Disk, DiskError, Draft};
use crate::engine::{EngineError, MemberKey, Members, NotMembers};
use crate::known::Checker;
use crate::roster::Roster;
use crate::seat::{Seat, Vote};
use crate::wire::{Carrier, Lane};
use crate::{LEDGER_FOLDER, Ledger, VOTES_FILE};
use ed25519_dalek::SigningKey;
use protocol::bytes::{Limited, Malformed};
use protocol::genesis::Genesis;
use protocol::units::Moment;
use rules::GenesisRefused;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The note that says whose ledger this is: it begins with the federation.
const OWNER_NOTE: &[u8] = b"owner";

/// Keys and rows of genesis.
pub(crate) type FirstRows = Vec<(Vec<u8>, Vec<u8>)>;

/// What a ledger needs to know before it starts.
pub struct Config {
    /// The peer's home; the ledger lies in [`LEDGER_FOLDER`] below it.
    pub home: PathBuf,
    /// How the federation began.
    pub genesis: Genesis,
    /// Whether this peer may vote.
    pub role: Role,
    /// How long a leader may be silent: whole seconds, at least one.
    pub view_time: Duration,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

/// What a peer does in its federation.
pub enum Role {
    /// It votes with whichever of these consensus keys the ledger says is a member's, and follows
    /// while none is. They are used for nothing else.
    Member {
        /// The keys, the newest last; at most 8 are remembered.
        keys: Vec<SigningKey>,
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
    /// Consensus cannot start.
    #[error("consensus cannot start")]
    Engine(#[from] EngineError),
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
    own(&disk, &genesis, path)?;
    found(&disk, &first_rows);
    let chain = protocol::entry::chain_of(&genesis.id());
    // One memory for all doors: what was asked about first is not checked again when it comes.
    let checker = Arc::new(Checker::new(genesis.id()));
    let vote = match role {
        Role::Follower => None,
        Role::Member { keys } => Some(Vote {
            keys: Mutex::new(keys),
            members,
            first_rows,
            view_time,
            guard: home.join(VOTES_FILE),
            carrier,
            clock,
        }),
    };
    let seat = Seat::take(disk.clone(), chain, checker.clone(), vote)?;
    Ok(Ledger {
        roster: Roster::new(disk.clone(), &genesis),
        disk,
        genesis,
        checker,
        seat,
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
fn own(disk: &Disk, genesis: &Genesis, path: PathBuf) -> Result<(), StartError> {
    let mine = genesis.id().bytes().to_vec();
    match disk.note(OWNER_NOTE) {
        None => disk.put(Draft::default().note(OWNER_NOTE, Some(mine)), true),
        Some(owner) if owner.starts_with(&mine) => {}
        Some(_) => return Err(StartError::OtherFederation { path }),
    }
    Ok(())
}

/// Writes genesis to an empty disk. A member's engine writes the same rows once more.
fn found(disk: &Disk, first_rows: &[(Vec<u8>, Vec<u8>)]) {
    if rules::read::federation(&Reader::new(disk)).is_none() {
        let draft = first_rows
            .iter()
            .fold(Draft::default(), |draft, (key, row)| {
                draft.row(&key[..], Some(row.clone()))
            });
        disk.put(draft, true);
    }
}
