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
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use protocol::ids::PeerId;
use protocol::units::Bps;
use tokio::time::{Instant, sleep};

use crate::api::Client;
use crate::api::problem::{Code, Problem};
use crate::api::types::{Done, List, OfferView};
use crate::home::devnet as announced;
use crate::keys::Keys;

mod plan;
mod process;

pub use plan::{Kind, Place, Plan};
pub use process::Process;

/// How long a devnet may take until every peer stands ready.
const READY_TIME: Duration = Duration::from_secs(180);
/// How often it is looked whether it does.
const LOOK_EVERY: Duration = Duration::from_millis(100);

fn cannot(what: &str, error: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Failed, format!("cannot {what}")).because(error.to_string())
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

    /// The peers whose processes have ended, and how.
    pub fn ended(&mut self) -> Vec<(Place, ExitStatus)> {
        let both = self.processes.iter_mut().zip(&self.plan.places);
        let ended = both.filter_map(|(process, place)| Some((place.clone(), process.ended()?)));
        ended.collect()
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
