//! Load on a devnet's ledger: transfers of all its parties, handed to every member at once, timed
//! at a follower of its own.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gossip::{Gossip, Handle, Heard};
use ledger::{Feed, Ledger, NoCarrier, Role, WallClock};
use protocol::bytes;
use protocol::entry::{Body, Entry, SignedEntry};
use protocol::genesis::{GENESIS_BYTES_MAX, Genesis};
use protocol::ids::PeerId;
use protocol::message::Message;
use protocol::units::{Credits, Height, Millis};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::api::problem::{Code, Problem};
use crate::blobs::Blobs;
use crate::carry;
use crate::config::{Config, read_place};
use crate::devnet::Devnet;
use crate::driver::now;
use crate::entries::batches;
use crate::home::Home;
use crate::keys::Keys;

/// Each transfer moves so much.
const ONE: Credits = Credits::new(1);
/// Entries are valid for so long.
const LIFE: Millis = Millis::new(10 * 60_000);
/// So many transfers, one after the other, tell the latency of one.
const PROBES: u32 = 200;
/// The lanes that the load and the probes sign in.
const LOAD_LANE: u16 = 60_001;
const PROBE_LANE: u16 = 60_002;
/// The whole load is agreed within this, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// How fast entries were agreed.
pub struct Rate {
    /// How many.
    pub entries: u32,
    /// From the first that was sent to the last that was agreed here.
    pub took: Duration,
    /// Of single entries on a quiet ledger: from sending to being agreed here, rising.
    pub latencies: Vec<Duration>,
}

/// The span that `percent` of the given ones do not exceed; zero if there are none.
pub fn percentile(spans: &[Duration], percent: usize) -> Duration {
    let mut sorted = spans.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}

fn failed(what: &str, error: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Failed, format!("cannot {what}")).because(error.to_string())
}

/// A client of its own: a node that only listens, and a ledger that follows.
struct Client {
    genesis: Arc<Genesis>,
    handle: Handle,
    feed: Feed,
    _heard: Heard,
    following: JoinHandle<()>,
}

impl Client {
    async fn start(devnet: &Devnet) -> Result<Self, Problem> {
        let researcher = devnet
            .plan
            .places
            .last()
            .expect("a devnet has a researcher");
        let home = Home::at(&devnet.plan.root.join("load"));
        home.make().map_err(|error| failed("make a home", error))?;
        let keys = Keys::load_or_make(&home.keys()).map_err(|error| failed("make keys", error))?;
        let written = fs::read(researcher.home.genesis());
        let written = written.map_err(|error| failed("read the genesis", error))?;
        let genesis: Genesis = bytes::read(&written, GENESIS_BYTES_MAX)
            .map_err(|error| failed("read the genesis", error))?;
        let config = Config::read(&researcher.home.config())
            .map_err(|error| failed("read the settings", error))?;
        let places: Result<Vec<_>, _> = config
            .bootstrap
            .iter()
            .map(|text| read_place(text))
            .collect();
        let places = places.map_err(|error| failed("read the settings", error))?;
        let members: Vec<PeerId> = genesis.members.iter().map(|member| member.peer).collect();
        let blobs = Blobs::open(&home.blobs()).map_err(|error| failed("open blobs", error))?;
        let (handle, heard) = Gossip::start(gossip::Config {
            node_key: keys.node_seed(),
            listen: Vec::new(),
            federation: genesis.id(),
            members,
            bootstrap: places
                .into_iter()
                .map(|(peer, at)| (peer, vec![at]))
                .collect(),
            blobs: Arc::new(blobs),
            limits: gossip::Limits::default(),
        })
        .await
        .map_err(|error| failed("start a node", error))?;
        let config = ledger::Config {
            home: home.root().to_owned(),
            genesis: genesis.clone(),
            role: Role::Follower,
            view_time: Duration::from_secs(1),
            clock: Arc::new(WallClock),
        };
        let ledger = Ledger::start(config, Arc::new(NoCarrier));
        let ledger = Arc::new(ledger.map_err(|error| failed("open a ledger", error))?);
        let feed = ledger.agreed_from(Height::new(1));
        let following = tokio::spawn(carry::follow(ledger, handle.clone(), keys.node()));
        Ok(Self {
            genesis: Arc::new(genesis),
            handle,
            feed,
            _heard: heard,
            following,
        })
    }

    fn transfer(&self, keys: &Keys, lane: u16, nonce: u64) -> SignedEntry {
        let to = protocol::ids::PartyId::of(&self.genesis.members[0].party);
        let to = if to == keys.party() {
            protocol::ids::PartyId::of(&self.genesis.members[1].party)
        } else {
            to
        };
        keys.sign_entry(Entry {
            federation: self.genesis.id(),
            sender: keys.party(),
            lane,
            nonce,
            valid_until: now().after(LIFE),
            fee_payer: None,
            cosigners: Vec::new(),
            body: Body::Transfer {
                moves: vec![(to, ONE)],
            },
        })
    }

    /// Hands entries to every member, each member in its own loop.
    fn send(&self, entries: &[SignedEntry]) -> Vec<JoinHandle<Result<(), String>>> {
        let letters: Vec<Vec<u8>> = batches(entries.to_vec())
            .into_iter()
            .map(|batch| bytes::write(&Message::Entries(batch)))
            .collect();
        let letters = Arc::new(letters);
        let members = self.genesis.members.iter().map(|member| member.peer);
        members
            .map(|member| {
                let (handle, letters) = (self.handle.clone(), Arc::clone(&letters));
                tokio::spawn(async move {
                    for letter in letters.iter() {
                        let sent = handle.send(member, letter.clone()).await;
                        sent.map_err(|error| error.to_string())?;
                    }
                    Ok(())
                })
            })
            .collect()
    }

    /// Waits until so many of the named entries are agreed here.
    async fn agreed(
        self,
        mut waiting: std::collections::BTreeSet<protocol::ids::EntryId>,
    ) -> Result<Self, Problem> {
        let end = Instant::now() + PATIENCE;
        let waited = spawn_blocking(move || {
            let mut client = self;
            while !waiting.is_empty() && Instant::now() < end {
                let Some(block) = client.feed.next(Duration::from_millis(100)) else {
                    continue;
                };
                for answer in block.answers {
                    waiting.remove(&answer.entry);
                }
            }
            (client, waiting.len())
        });
        let (client, left) = waited.await.map_err(|error| failed("wait", error))?;
        if left == 0 {
            return Ok(client);
        }
        Err(failed(
            "agree in time",
            format!("{left} entries are not in any block"),
        ))
    }
}

/// Hands in `count` transfers of the devnet's parties and measures when they are agreed.
///
/// # Errors
/// A [`Problem`] if entries are refused or not agreed in time.
pub async fn measure(devnet: &Devnet, count: u32) -> Result<Rate, Problem> {
    let client = Client::start(devnet).await?;
    let parties: Result<Vec<Keys>, _> = devnet
        .plan
        .places
        .iter()
        .map(|place| Keys::load(&place.home.keys()))
        .collect();
    let parties = parties.map_err(|error| failed("read keys", error))?;
    let (client, latencies) = probe(client, &parties[0]).await?;

    let each = u64::from(count) / parties.len() as u64;
    let entries: Vec<SignedEntry> = (0..each)
        .flat_map(|nonce| parties.iter().map(move |keys| (keys, nonce)))
        .map(|(keys, nonce)| client.transfer(keys, LOAD_LANE, nonce))
        .collect();
    let ids = entries.iter().map(SignedEntry::entry_id).collect();
    let began = Instant::now();
    let sending = client.send(&entries);
    let client = client.agreed(ids).await?;
    let took = began.elapsed();
    for sent in sending {
        let sent = sent.await.map_err(|error| failed("send", error))?;
        sent.map_err(|error| failed("send", error))?;
    }
    client.following.abort();
    client.handle.shutdown().await;
    let entries = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    Ok(Rate {
        entries,
        took,
        latencies,
    })
}

async fn probe(mut client: Client, keys: &Keys) -> Result<(Client, Vec<Duration>), Problem> {
    let mut latencies = Vec::new();
    for nonce in 0..u64::from(PROBES) {
        let entry = client.transfer(keys, PROBE_LANE, nonce);
        let began = Instant::now();
        let sending = client.send(std::slice::from_ref(&entry));
        client = client.agreed([entry.entry_id()].into()).await?;
        // The first connections are still being made while the first probes go out.
        if nonce >= u64::from(PROBES / 10) {
            latencies.push(began.elapsed());
        }
        for sent in sending {
            let sent = sent.await.map_err(|error| failed("send", error))?;
            sent.map_err(|error| failed("send", error))?;
        }
    }
    latencies.sort_unstable();
    Ok((client, latencies))
}
