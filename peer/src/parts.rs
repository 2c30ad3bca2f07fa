//! Builds a peer from its home: keys, ledger, network, executor, steward, API, and the channels
//! between them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gossip::{Gossip, Handle, Heard};
use ledger::{Agreed, Clock, Ledger, Role, WallClock};
use protocol::bytes;
use protocol::genesis::{GENESIS_BYTES_MAX, Genesis};
use protocol::units::{Bps, Credits, Height};
use steward::{Identity, Input, Member, Misbehave, SaltKey, Steward};
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc};

use crate::answers::JobBook;
use crate::api::Server;
use crate::api::door::door;
use crate::blobs::{BlobError, Blobs};
use crate::carry::{self, Carriage};
use crate::config::{self, Config, ConfigError};
use crate::devices;
use crate::driver::{Happenings, now};
use crate::entries::Entries;
use crate::home::{Home, HomeError, Lock};
use crate::intake::Intake;
use crate::keys::{KeyError, Keys};
use crate::links::Links;
use crate::mail::Mail;
use crate::ownership::Ownership;
use crate::perform::Driver;
use crate::runs::{MEMORY_IF_IDLE, Runs};
use crate::sealing::Sealing;
use crate::told::Told;
use crate::up::every;
use crate::watch::Watchers;
use crate::witness::Witness;

/// So many agreed blocks wait for the loop; the feed waits behind them.
const AGREED_MAX: usize = 64;
/// So many results of tasks wait for the loop; workers wait behind them.
const DONE_MAX: usize = 1_024;
/// So many fetches that ended wait for the loop.
const FETCHED_MAX: usize = 256;
/// So many fetches run at a time.
const FETCHING_MAX: usize = 16;
/// One wait of the feed for the next block.
const FEED_TIME: Duration = Duration::from_millis(500);

/// A peer cannot be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Its settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Its blobs.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The federation's first state.
    #[error("cannot use the genesis at {path}: {why}")]
    Genesis {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An address in its settings.
    #[error("{path}: {why}")]
    Address {
        /// The settings.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Its ledger.
    #[error("cannot open the ledger")]
    Ledger(#[from] ledger::StartError),
    /// Its network.
    #[error("cannot start the network")]
    Network(#[from] gossip::StartError),
    /// Its executor.
    #[error("cannot start the executor")]
    Executor(#[from] executor::StartError),
    /// Its API.
    #[error("cannot open the API's socket")]
    Api(#[from] crate::api::ServerError),
    /// Randomness.
    #[error("the system gives no randomness: {0}")]
    Randomness(getrandom::Error),
    /// The fault switch where it must not be.
    #[error(
        "--fault is set, but {0} is no devnet: a peer of a real federation cannot be told to lie"
    )]
    FaultSwitch(String),
}

/// A peer that is ready to run.
pub struct Peer {
    driver: Driver,
    happenings: Happenings,
    ledger: Arc<Ledger>,
    gossip: Handle,
    server: Server,
    _lock: Lock,
}

impl Peer {
    /// Builds a peer from its home. `stop` ends its run.
    ///
    /// # Errors
    /// [`StartError`], and nothing goes on running.
    pub async fn start(
        home: &Home,
        fault: Option<Bps>,
        stop: mpsc::Receiver<()>,
    ) -> Result<Self, StartError> {
        home.make()?;
        let lock = home.lock()?;
        let config = Config::read(&home.config())?;
        let keys = Arc::new(Keys::load(&home.keys())?);
        let genesis = Arc::new(read_genesis(&home.genesis())?);
        let misbehave = fault_switch(&genesis, fault)?;
        let blobs = Arc::new(Blobs::open(&home.blobs())?);
        let (gossip, mut heard) = start_gossip(home, &config, &keys, &genesis, &blobs).await?;
        let ledger = start_ledger(home, &config, &keys, &genesis, &gossip)?;
        carry_blocks(&keys, &ledger, &gossip, &mut heard);
        let (runs, sealing, results) = workshop(home, &config, &keys, &blobs)?;
        let (fetched, fetches) = mpsc::channel(FETCHED_MAX);
        let (door, asked) = door();
        let server = Server::start(&home.api()?, door, Arc::clone(&blobs))?;
        let entries = start_entries(&genesis, &keys, &ledger)?;
        let (me, ownership) = identity(home, &config, (&keys, &genesis), (misbehave, &runs));
        let driver = Driver {
            steward: Steward::new(me),
            ownership,
            entries,
            mail: Mail::new(gossip.clone()),
            runs,
            sealing,
            watchers: Watchers::default(),
            book: JobBook::default(),
            keys,
            ledger: Arc::clone(&ledger),
            gossip: gossip.clone(),
            blobs,
            told: Told::open(&home.told())?,
            home: home.root().to_owned(),
            started: now(),
            works: config.work.is_some(),
            fault: misbehave.map(|_| "answers some tasks wrongly".to_owned()),
            connected: BTreeSet::new(),
            intake: Intake::new(Arc::clone(&ledger)),
            links: Links::default(),
            fetched,
            fetching: Arc::new(Semaphore::new(FETCHING_MAX)),
            witness: Witness::default(),
            inbox: VecDeque::new(),
            tickets: BTreeMap::new(),
            next_ticket: 0,
            kept_to: ledger.status().height,
            live: false,
            tended: None,
            genesis,
        };
        let happenings = Happenings {
            heard,
            agreed: feed(&ledger),
            done: results,
            fetched: fetches,
            asked,
            stop,
        };
        Ok(Self {
            driver,
            happenings,
            ledger,
            gossip,
            server,
            _lock: lock,
        })
    }

    /// Runs until it is told to stop, then closes everything in order.
    pub async fn run(self) {
        self.driver.run(self.happenings).await;
        self.server.stop().await;
        self.gossip.shutdown().await;
        let ledger = self.ledger;
        if let Err(error) = tokio::task::spawn_blocking(move || ledger.stop()).await {
            tracing::error!(%error, "the ledger did not stop cleanly");
        }
    }
}

/// A federation's first state, whole and within its limits.
///
/// # Errors
/// [`StartError::Genesis`].
pub fn read_genesis(path: &Path) -> Result<Genesis, StartError> {
    let unusable = |why: String| StartError::Genesis {
        path: path.to_owned(),
        why,
    };
    let size = fs::metadata(path)
        .map_err(|error| unusable(error.to_string()))?
        .len();
    if size > GENESIS_BYTES_MAX as u64 {
        return Err(unusable(format!(
            "it has {size} bytes, more than a genesis may"
        )));
    }
    let written = fs::read(path).map_err(|error| unusable(error.to_string()))?;
    bytes::read(&written, GENESIS_BYTES_MAX).map_err(|error| unusable(error.to_string()))
}

/// What the fault switch says. It exists only where the genesis itself says `devnet`.
fn fault_switch(genesis: &Genesis, fault: Option<Bps>) -> Result<Option<Misbehave>, StartError> {
    let Some(share) = fault else { return Ok(None) };
    if !genesis.devnet {
        return Err(StartError::FaultSwitch(genesis.name.clone()));
    }
    let every = every(share);
    tracing::error!(target: "peer::faults", every, "THE FAULT SWITCH IS ON: this peer will lie");
    Ok(Some(Misbehave::WrongOutcome { every }))
}

/// The network, with the members of the beginning: the driver says who has become one since.
async fn start_gossip(
    home: &Home,
    config: &Config,
    keys: &Keys,
    genesis: &Genesis,
    blobs: &Arc<Blobs>,
) -> Result<(Handle, Heard), StartError> {
    let bad = |why| StartError::Address {
        path: home.config(),
        why,
    };
    let listen: Result<_, _> = config
        .listen
        .iter()
        .map(|text| config::read_address(text))
        .collect();
    let places: Result<Vec<_>, _> = config
        .bootstrap
        .iter()
        .map(|text| config::read_place(text))
        .collect();
    let bootstrap = places
        .map_err(bad)?
        .into_iter()
        .map(|(peer, at)| (peer, vec![at]))
        .collect();
    Ok(Gossip::start(gossip::Config {
        node_key: keys.node_seed(),
        listen: listen.map_err(bad)?,
        federation: genesis.id(),
        members: genesis.members.iter().map(|member| member.peer).collect(),
        bootstrap,
        blobs: Arc::clone(blobs) as Arc<dyn gossip::BlobSource>,
        limits: gossip::Limits::default(),
    })
    .await?)
}

/// What runs tasks and signs their seals, and where both say that they are done.
fn workshop(
    home: &Home,
    config: &Config,
    keys: &Arc<Keys>,
    blobs: &Arc<Blobs>,
) -> Result<(Runs, Sealing, mpsc::Receiver<Input>), StartError> {
    let (done, results) = mpsc::channel(DONE_MAX);
    let sealing = Sealing::start(Arc::clone(keys), Arc::clone(blobs), done.clone());
    let runs = Runs::start(home, config, Arc::clone(blobs), done)?;
    Ok((runs, sealing, results))
}

fn start_entries(
    genesis: &Genesis,
    keys: &Arc<Keys>,
    ledger: &Arc<Ledger>,
) -> Result<Entries, StartError> {
    let entries = Entries::new(genesis, Arc::clone(keys), Arc::clone(ledger));
    entries.map_err(StartError::Randomness)
}

fn start_ledger(
    home: &Home,
    config: &Config,
    keys: &Keys,
    genesis: &Arc<Genesis>,
    gossip: &Handle,
) -> Result<Arc<Ledger>, StartError> {
    let ledger_config = ledger::Config {
        home: home.root().to_owned(),
        genesis: Genesis::clone(genesis),
        // It follows for as long as the ledger says that no such key is a member's.
        role: Role::Member {
            keys: keys.consensus_keys(),
        },
        view_time: Duration::from_secs(config.view_seconds),
        clock: Arc::new(WallClock) as Arc<dyn Clock>,
    };
    let carriage = Arc::new(Carriage::new(gossip.clone()));
    let carrier = Arc::clone(&carriage) as Arc<dyn ledger::Carrier>;
    let ledger = Arc::new(Ledger::start(ledger_config, carrier)?);
    carriage.serves(&ledger);
    Ok(ledger)
}

/// Follows the members' blocks while we are none, and serves blocks to those who follow us.
fn carry_blocks(keys: &Keys, ledger: &Arc<Ledger>, gossip: &Handle, heard: &mut Heard) {
    let me = keys.node();
    tokio::spawn(carry::follow(Arc::clone(ledger), gossip.clone(), me));
    if let Some(followers) = heard.followers() {
        tokio::spawn(carry::serve(Arc::clone(ledger), followers));
    }
}

fn identity(
    home: &Home,
    config: &Config,
    (keys, genesis): (&Keys, &Genesis),
    (misbehave, runs): (Option<Misbehave>, &Runs),
) -> (Identity, Ownership) {
    let party = keys.party();
    let member = genesis
        .members
        .iter()
        .find(|member| member.peer == keys.node());
    let desk = genesis
        .desks
        .iter()
        .any(|desk| protocol::ids::PartyId::of(&desk.party) == party);
    let work = config.work.as_ref();
    let shaders = config.gpu && runs.gpus().iter().any(executor::GpuFacts::is_fit);
    let used = if shaders { runs.gpus() } else { &[] };
    let figures = work.and_then(|work| Some((work, devices::look(home, used)?)));
    let offered = figures.map(|(work, figures)| figures.offered(work.slots, shaders));
    let (speed, gcu) = offered.unwrap_or_default();
    let members = genesis.members.iter().map(|member| Member {
        party: protocol::ids::PartyId::of(&member.party),
        peer: member.peer,
        name: member.name.clone(),
    });
    let me = Identity {
        federation: genesis.id(),
        peer: keys.node(),
        party,
        member: member.is_some(),
        sponsor: member.is_some() || desk,
        devnet: genesis.devnet,
        salt_key: SaltKey::new(*keys.secret("tallygrid steward salts v1", &[]).bytes()),
        boot: now(),
        admitted: member.is_some(),
        bond: Credits::ZERO,
        bond_target: work.map_or(Credits::ZERO, |work| work.bond.0),
        classes: work.map(config::Work::classes).unwrap_or_default(),
        slots: work.map_or(0, |work| work.slots),
        per_gfuel: work.map_or(Credits::ZERO, config::Work::price),
        profiles: runs.profiles(),
        memory: work.map_or(MEMORY_IF_IDLE, config::Work::memory),
        speed,
        gcu,
        members: members.collect(),
        seal_window_min: genesis.params.seal_window_min,
        copies_asked: rules::params::copies_asked(&genesis.params),
        rest: None,
        siblings: work.map(config::Work::siblings).unwrap_or_default(),
        misbehave,
    };
    (me, Ownership::new(config, speed))
}

/// Every agreed block from the first on, in order, over a bounded channel.
fn feed(ledger: &Arc<Ledger>) -> mpsc::Receiver<Agreed> {
    let (told, agreed) = mpsc::channel(AGREED_MAX);
    let mut feed = ledger.agreed_from(Height::new(1));
    std::thread::spawn(move || {
        while !told.is_closed() {
            let Some(block) = feed.next(FEED_TIME) else {
                continue;
            };
            if told.blocking_send(block).is_err() {
                break;
            }
        }
    });
    agreed
}
