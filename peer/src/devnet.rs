//! A whole federation on this machine: homes, genesis, one process per peer, and a watch over them.
//!
//! ```text
//! devnet ─┬─ uni-1 … uni-4   members: they vote, work and judge
//!         ├─ lab-1, lab-2    workers of two community desks
//!         └─ researcher      submits; runs nothing for others
//! ```
//!
//! Nothing here is pretended: each process has its own keys, RocksDB and swarm, and they meet over
//! TCP on 127.0.0.1.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::bytes;
use protocol::genesis::{Desk, Genesis, Grant, Member, Params};
use protocol::ids::PeerId;
use protocol::units::{Bps, Credits, Millis};
use tokio::time::{Instant, sleep};

use crate::api::Client;
use crate::api::problem::{Code, Problem};
use crate::api::types::{Done, List, Money, OfferView, StatusView};
use crate::config::{self, Config, Work};
use crate::driver::now;
use crate::home::{Home, devnet as announced};
use crate::keys::Keys;

mod process;

pub use process::Process;

/// How long a devnet may take until every peer stands ready.
const READY_TIME: Duration = Duration::from_secs(180);
/// How often it is looked whether it does.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What every party begins with.
const GRANT: Credits = Credits::new(1_000_000_000_000);
/// What a member stands to lose as a judge.
const MEMBER_BOND: Credits = Credits::new(10_000_000_000);
/// What a peer stands to lose.
const PEER_BOND: Credits = Credits::new(100_000_000_000);
/// What a peer asks for a Gfuel.
const PER_GFUEL: Credits = Credits::new(10_000);
/// Memory for one guest.
const MEMORY: u64 = 1 << 30;

/// What a peer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It votes, works and judges.
    Member,
    /// It works.
    Worker,
    /// It submits.
    Researcher,
}

/// A peer of a devnet, before it runs.
#[derive(Clone, Debug)]
pub struct Place {
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// Its folder.
    pub home: Home,
}

/// A devnet's peers, with their homes made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The folder of all homes.
    pub root: PathBuf,
    /// Members, workers, then the researcher.
    pub places: Vec<Place>,
}

fn cannot(what: &str, error: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Failed, format!("cannot {what}")).because(error.to_string())
}

impl Plan {
    /// Makes the homes of a devnet, or finds those that an earlier devnet left in `root`.
    ///
    /// # Errors
    /// A [`Problem`] if the disk, the keys or the ports say no.
    pub fn make(root: &Path, members: u8, workers: u8) -> Result<Self, Problem> {
        let member = (1..=members).map(|n| (format!("uni-{n}"), Kind::Member));
        let worker = (1..=workers).map(|n| (format!("lab-{n}"), Kind::Worker));
        let researcher = [("researcher".to_owned(), Kind::Researcher)];
        let places: Vec<Place> = member
            .chain(worker)
            .chain(researcher)
            .map(|(name, kind)| Place {
                home: Home::at(&root.join(&name)),
                name,
                kind,
            })
            .collect();
        let plan = Self {
            root: root.to_owned(),
            places,
        };
        let made = plan
            .places
            .iter()
            .filter(|place| place.home.genesis().exists())
            .count();
        if made == 0 {
            plan.make_homes()?;
        } else if made != plan.places.len() {
            let title = format!("{} holds a devnet of other peers", root.display());
            return Err(Problem::new(Code::Usage, title)
                .try_this("give the same --members and --workers as before, or another --dir"));
        }
        Ok(plan)
    }

    fn make_homes(&self) -> Result<(), Problem> {
        let keys = self.places.iter().map(|place| {
            place
                .home
                .make()
                .map_err(|error| cannot("make a home", error))?;
            Keys::load_or_make(&place.home.keys()).map_err(|error| cannot("make keys", error))
        });
        let keys: Vec<Keys> = keys.collect::<Result<_, Problem>>()?;
        let addresses = free_addresses(self.places.len())?;
        let genesis = bytes::write(&self.genesis(&keys));
        for (place, own) in self.places.iter().zip(&addresses) {
            let others = self.places.iter().zip(&keys).zip(&addresses);
            let members = others
                .filter(|((other, _), address)| other.kind == Kind::Member && *address != own);
            let bootstrap = members
                .map(|((_, keys), address)| config::place(keys.node(), address))
                .collect();
            let work = Work {
                slots: 1,
                per_gfuel: Money(PER_GFUEL),
                bond: Money(PEER_BOND),
                memory: MEMORY,
            };
            let config = Config {
                name: place.name.clone(),
                listen: vec![own.clone()],
                bootstrap,
                view_seconds: 1,
                work: (place.kind != Kind::Researcher).then_some(work),
            };
            config
                .write(&place.home.config())
                .map_err(|error| cannot("write settings", error))?;
            // The genesis comes last: a home that has one is whole.
            fs::write(place.home.genesis(), &genesis)
                .map_err(|error| cannot("write the genesis", error))?;
        }
        Ok(())
    }

    fn genesis(&self, keys: &[Keys]) -> Genesis {
        let of = |kind| {
            let both = self.places.iter().zip(keys);
            both.filter(move |(place, _)| place.kind == kind)
        };
        let member = |(place, keys): (&Place, &Keys)| Member {
            name: place.name.clone(),
            party: keys.party_key(),
            consensus: keys.consensus(),
            peer: keys.node(),
            power: 1,
            bond: MEMBER_BOND,
        };
        let desk = |(place, keys): (&Place, &Keys)| Desk {
            name: format!("desk of {}", place.name),
            party: keys.party_key(),
        };
        Genesis {
            name: "devnet".to_owned(),
            begins: now(),
            devnet: true,
            members: of(Kind::Member).map(member).collect(),
            desks: of(Kind::Worker).map(desk).collect(),
            grants: keys
                .iter()
                .map(|keys| Grant {
                    party: keys.party_key(),
                    amount: GRANT,
                })
                .collect(),
            params: params(),
        }
    }

    /// The peer of this name.
    pub fn place(&self, name: &str) -> Option<&Place> {
        self.places.iter().find(|place| place.name == name)
    }

    /// The socket of the peer that submits.
    ///
    /// # Errors
    /// A [`Problem`] if its path is too long for a socket.
    pub fn api(&self) -> Result<PathBuf, Problem> {
        let researcher = self.places.last().expect("a devnet has a researcher");
        researcher
            .home
            .api()
            .map_err(|error| cannot("place the socket", error))
    }
}

/// The standard numbers, with waits that suit people who look on.
fn params() -> Params {
    let second = |n: u64| Millis::new(n * 1_000);
    Params {
        start_window: second(30),
        seal_window_min: second(10),
        close_window: second(20),
        open_window: second(20),
        dispute_window: second(60),
        panel_window: second(60),
        ..Params::standard()
    }
}

/// Addresses on loopback that nobody uses at this moment.
fn free_addresses(count: usize) -> Result<Vec<String>, Problem> {
    let listeners: Result<Vec<_>, _> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect();
    let listeners = listeners.map_err(|error| cannot("find free ports", error))?;
    let ports = listeners
        .iter()
        .map(|listener| listener.local_addr().map(|at| at.port()));
    let ports: Result<Vec<u16>, _> = ports.collect();
    let ports = ports.map_err(|error| cannot("find free ports", error))?;
    Ok(ports
        .iter()
        .map(|port| format!("/ip4/127.0.0.1/tcp/{port}"))
        .collect())
}

/// A devnet whose processes run. Dropping it kills them.
pub struct Devnet {
    /// Its peers.
    pub plan: Plan,
    program: PathBuf,
    processes: Vec<Process>,
    liar: Option<PeerId>,
    api: PathBuf,
    temporary: bool,
}

impl Devnet {
    /// Starts every peer of a plan as a process of `program`, this binary, and returns when all of
    /// them stand ready. The last worker lies in the given share of its tasks.
    ///
    /// # Errors
    /// A [`Problem`] if a peer ends, or is not ready in time.
    pub async fn start(
        plan: Plan,
        program: &Path,
        liar: Option<Bps>,
        temporary: bool,
    ) -> Result<Self, Problem> {
        let program = program.to_owned();
        let api = plan.api()?;
        let last_worker = plan.places.iter().rfind(|place| place.kind == Kind::Worker);
        let lying = liar.and(last_worker).map(|place| place.name.clone());
        if liar.is_some() && lying.is_none() {
            return Err(Problem::new(Code::Usage, "there is no worker to lie")
                .try_this("peer devnet --workers 2 --liar 0.3"));
        }
        let mut devnet = Self {
            plan,
            program,
            processes: Vec::new(),
            liar: None,
            api,
            temporary,
        };
        for place in &devnet.plan.places.clone() {
            let share = liar.filter(|_| lying.as_ref() == Some(&place.name));
            let process = Process::start(&devnet.program, &place.home, share)?;
            devnet.processes.push(process);
            if share.is_some() {
                let keys =
                    Keys::load(&place.home.keys()).map_err(|error| cannot("read keys", error))?;
                devnet.liar = Some(keys.node());
            }
        }
        devnet.until_ready().await?;
        Ok(devnet)
    }

    async fn until_ready(&mut self) -> Result<(), Problem> {
        let workers = self
            .plan
            .places
            .iter()
            .filter(|place| place.kind != Kind::Researcher);
        let (expected, client) = (workers.count(), Client::new(&self.api));
        let end = Instant::now() + READY_TIME;
        loop {
            self.all_run()?;
            let offers = client.get::<List<OfferView>>("/offers").await;
            let standing = offers.map(|list| list.items.iter().filter(|o| o.slots > 0).count());
            match standing {
                Ok(count) if count == expected => return Ok(()),
                _ if Instant::now() >= end => {
                    let log = self.plan.root.display();
                    return Err(
                        Problem::new(Code::TimedOut, "the devnet is not ready in time")
                            .because(format!("{standing:?} of {expected} peers stand ready"))
                            .try_this(format!("tail {log}/*/log")),
                    );
                }
                _ => sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Sees that every process still runs.
    ///
    /// # Errors
    /// A [`Problem`] naming the first that ended, with the end of its log.
    pub fn all_run(&mut self) -> Result<(), Problem> {
        for (process, place) in self.processes.iter_mut().zip(&self.plan.places) {
            if let Some(how) = process.ended() {
                let log = fs::read_to_string(place.home.log()).unwrap_or_default();
                let lines: Vec<&str> = log.lines().rev().take(5).collect();
                let tail = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
                return Err(
                    Problem::new(Code::Failed, format!("{} ended: {how}", place.name))
                        .because(tail)
                        .try_this(format!("less {}", place.home.log().display())),
                );
            }
        }
        Ok(())
    }

    /// The peer that was told to lie.
    pub const fn liar(&self) -> Option<PeerId> {
        self.liar
    }

    /// The socket of the peer that submits.
    pub fn api(&self) -> &Path {
        &self.api
    }

    /// The members' names and sockets.
    pub fn members(&self) -> Vec<(String, PathBuf)> {
        let members = self
            .plan
            .places
            .iter()
            .filter(|place| place.kind == Kind::Member);
        members
            .filter_map(|place| Some((place.name.clone(), place.home.api().ok()?)))
            .collect()
    }

    /// Kills the process of a peer at once, as a power cut would. `false` if there is no such peer.
    pub fn kill(&mut self, name: &str) -> bool {
        let place = self.plan.places.iter().position(|place| place.name == name);
        let process = place.and_then(|place| self.processes.get_mut(place));
        process.is_some_and(|process| {
            process.kill();
            true
        })
    }

    /// Starts the process of a killed peer again, honest.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such peer, or it cannot be started.
    pub fn restart(&mut self, name: &str) -> Result<(), Problem> {
        let place = self.plan.places.iter().position(|place| place.name == name);
        let place = place
            .ok_or_else(|| Problem::new(Code::NotFound, format!("the devnet has no {name}")))?;
        self.processes[place] = Process::start(&self.program, &self.plan.places[place].home, None)?;
        Ok(())
    }

    /// How a command in another terminal finds this devnet.
    pub fn announcement(&self) -> announced::Devnet {
        let mut peers = Vec::new();
        for (place, process) in self.plan.places.iter().zip(&self.processes) {
            let Ok(api) = place.home.api() else { continue };
            peers.push(announced::DevnetPeer {
                name: place.name.clone(),
                home: place.home.root().to_owned(),
                api,
                pid: process.pid(),
            });
        }
        announced::Devnet {
            pid: std::process::id(),
            home: self.plan.root.clone(),
            api: self.api.clone(),
            peers,
        }
    }

    /// What the researcher's peer says of itself.
    ///
    /// # Errors
    /// A [`Problem`] if it does not answer.
    pub async fn status(&self) -> Result<StatusView, Problem> {
        Client::new(&self.api).get("/status").await
    }

    /// Stops every process and, for a temporary devnet, removes its folder.
    ///
    /// # Errors
    /// A [`Problem`] if the folder cannot be removed.
    pub async fn stop(mut self) -> Result<(), Problem> {
        for place in &self.plan.places {
            if let Ok(api) = place.home.api() {
                // One that does not answer is killed below.
                let _: Result<Done, _> = Client::new(&api).post("/down", &Done {}).await;
            }
        }
        for process in &mut self.processes {
            process.wait_or_kill().await;
        }
        if self.temporary {
            fs::remove_dir_all(&self.plan.root)
                .map_err(|error| cannot("remove the devnet's folder", error))?;
        }
        Ok(())
    }
}

/// A folder for a devnet that is gone when it ends.
pub fn temporary_root() -> PathBuf {
    std::env::temp_dir().join(format!("peer-devnet-{}", std::process::id()))
}
