//! A devnet before it runs: who its peers are, their homes and keys, and the genesis they share.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use protocol::bytes;
use protocol::genesis::{Committee, Desk, Genesis, Grant, Issuance, Member, Params};
use protocol::units::{Credits, Millis};

use super::cannot;
use crate::api::problem::{Code, Problem};
use crate::api::types::Money;
use crate::config::{self, Config, Work};
use crate::driver::now;
use crate::home::Home;
use crate::keys::Keys;

/// What every party begins with.
const GRANT: Credits = Credits::new(1_000_000_000_000);
/// What a member stands to lose as a judge.
const MEMBER_BOND: Credits = Credits::new(10_000_000_000);
/// What a peer stands to lose.
const PEER_BOND: Credits = Credits::new(100_000_000_000);
/// So many of the members' parties hold an emergency key; two of them must sign.
const EMERGENCY_KEYS: usize = 3;
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
                siblings: Vec::new(),
                limits: crate::config::Limits::default(),
            };
            let config = Config {
                name: place.name.clone(),
                listen: vec![own.clone()],
                bootstrap,
                view_seconds: 1,
                gpu: false,
                jail: crate::config::Jail::default(),
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
            issuance: Issuance::Fixed,
            emergency: Committee {
                keys: of(Kind::Member)
                    .take(EMERGENCY_KEYS)
                    .map(|(_, keys)| keys.party_key())
                    .collect(),
                threshold: 2,
            },
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

/// The standard numbers, with waits that suit people who look on, and two copies from the first job
/// on: all peers are new here, and each belongs to who watches.
fn params() -> Params {
    let second = |n: u64| Millis::new(n * 1_000);
    Params {
        start_window: second(30),
        seal_window_min: second(10),
        close_window: second(20),
        audit_window: second(20),
        open_window: second(20),
        answer_window: second(20),
        dispute_window: second(60),
        panel_window: second(60),
        appeal_window: second(60),
        copies_probation: 2,
        // A decision of the council can be carried out while its proposer still looks on.
        epoch: second(10),
        timelock: 1,
        recovery: 1,
        // Whoever tries things out kills peers: they work again as soon as they are back.
        suspension: 0,
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
