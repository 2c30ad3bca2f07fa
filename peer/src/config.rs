//! A peer's settings: `config.toml` in its home, checked once when it starts.
//!
//! ```toml
//! name = "alder"
//! listen = ["/ip4/0.0.0.0/tcp/4001"]
//! bootstrap = ["node_…@/ip4/192.0.2.7/tcp/4001"]
//!
//! [work]                    # leave it out to run nothing for others
//! slots = 2
//! per_gfuel = "10000"       # micro-credits
//! bond = "200000000"
//! memory = 1073741824
//! siblings = ["node_…"]     # other machines of the same owner
//!
//! [work.limits]             # what its owner keeps; see config/limits.rs
//! cpu = 50
//!
//! [jail]                    # leave it out to take what the kernel offers
//! require = ["landlock", "namespaces"]
//! ```

mod limits;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gossip::Multiaddr;
use protocol::ids::PeerId;
use protocol::job::{Class, NAME_BYTES_MAX};
use protocol::units::{Bytes, Credits};
use serde::{Deserialize, Serialize};
use steward::limits::SIBLINGS_MAX;
use thiserror::Error;

use crate::api::types::Money;
pub use limits::Limits;

/// A configuration file may take so many bytes.
pub const CONFIG_BYTES_MAX: u64 = 64 * 1_024;
/// A peer listens at, and is told of, so many addresses at most.
pub const ADDRESSES_MAX: usize = 64;
/// A peer runs so many tasks at once at most.
pub const SLOTS_MAX: u16 = 1_024;
/// A view may take so many seconds at most before a silent leader is passed over.
pub const VIEW_SECONDS_MAX: u64 = 60;

/// The settings cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read or written.
    #[error("cannot {doing} {path}")]
    Disk {
        /// What we were doing.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The file is no configuration.
    #[error("{path} is not a configuration: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the reader found, with the line.
        why: String,
    },
    /// A setting is out of its range.
    #[error("{path}: {why}")]
    OutOfRange {
        /// The file.
        path: PathBuf,
        /// Which, and what it may be.
        why: String,
    },
}

/// The settings of one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What people call this machine.
    pub name: String,
    /// Where the swarm listens.
    pub listen: Vec<String>,
    /// Peers to know from the beginning, each as `node_…@/ip4/…/tcp/…`.
    #[serde(default)]
    pub bootstrap: Vec<String>,
    /// How long a view may take before a silent leader is passed over, in whole seconds.
    #[serde(default = "one")]
    pub view_seconds: u64,
    /// Whether its graphics adapters are tested and used for shaders.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gpu: bool,
    /// What the jail around tasks must be made of.
    #[serde(default, skip_serializing_if = "Jail::is_default")]
    pub jail: Jail,
    /// What this machine does for others; nothing if absent.
    #[serde(default)]
    pub work: Option<Work>,
}

impl Default for Config {
    /// Of a peer without a name that listens nowhere, knows nobody and works for nobody.
    fn default() -> Self {
        Self {
            name: String::new(),
            listen: Vec::new(),
            bootstrap: Vec::new(),
            view_seconds: one(),
            gpu: false,
            jail: Jail::default(),
            work: None,
        }
    }
}

/// What the jail around tasks must be made of; `peer doctor` shows what it is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jail {
    /// Walls without which this peer does not start; see [`executor::WALLS`].
    #[serde(default)]
    pub require: Vec<String>,
    /// The least version of the kernel's Landlock; 0 if it may have none.
    #[serde(default)]
    pub landlock: u16,
}

impl Jail {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// As the executor asks for it.
    pub fn demand(&self) -> executor::Demand {
        executor::Demand {
            walls: self.require.clone(),
            landlock: self.landlock.into(),
        }
    }
}

/// What a machine does for others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// How many tasks it runs at once.
    pub slots: u16,
    /// What it asks for a Gfuel, in micro-credits.
    pub per_gfuel: Money,
    /// The bond it keeps up, in micro-credits.
    pub bond: Money,
    /// The memory it has for one guest, in bytes.
    pub memory: u64,
    /// Nodes of other machines of its owner: what this one must leave goes to the first that can
    /// take it, and this one goes on with what they leave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub siblings: Vec<String>,
    /// What its owner lets others have of it.
    #[serde(default, skip_serializing_if = "Limits::is_default")]
    pub limits: Limits,
}

const fn one() -> u64 {
    1
}

impl Work {
    /// The classes it stands ready for.
    pub fn classes(&self) -> Vec<Class> {
        vec![Class::Grid]
    }

    /// The price of a Gfuel.
    pub const fn price(&self) -> Credits {
        self.per_gfuel.0
    }

    /// The other machines of its owner; none that a checked configuration names is missing.
    pub fn siblings(&self) -> Vec<PeerId> {
        let known = self.siblings.iter().filter_map(|text| text.parse().ok());
        known.collect()
    }

    /// The memory for one guest.
    pub const fn memory(&self) -> Bytes {
        Bytes::new(self.memory)
    }
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`], naming the file and what is wrong in it.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let disk = |cause| ConfigError::Disk {
            doing: "read",
            path: path.to_owned(),
            cause,
        };
        let malformed = |why| ConfigError::Malformed {
            path: path.to_owned(),
            why,
        };
        if fs::metadata(path).map_err(disk)?.len() > CONFIG_BYTES_MAX {
            return Err(malformed(format!(
                "it has more than {CONFIG_BYTES_MAX} bytes"
            )));
        }
        let bytes = fs::read(path).map_err(disk)?;
        let text = String::from_utf8(bytes).map_err(|_| malformed("it is not text".to_owned()))?;
        let config: Self = toml::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        match config.trouble() {
            None => Ok(config),
            Some(why) => Err(ConfigError::OutOfRange {
                path: path.to_owned(),
                why,
            }),
        }
    }

    /// Writes a configuration file.
    ///
    /// # Errors
    /// [`ConfigError::Disk`] if the disk says no.
    pub fn write(&self, path: &Path) -> Result<(), ConfigError> {
        let text = toml::to_string_pretty(self)
            .expect("names, lists and numbers can all be written as TOML");
        let disk = |cause| ConfigError::Disk {
            doing: "write",
            path: path.to_owned(),
            cause,
        };
        fs::write(path, text).map_err(disk)
    }

    fn trouble(&self) -> Option<String> {
        let walls = &self.jail.require;
        let known = |wall: &String| executor::WALLS.contains(&&**wall);
        let checks = [
            (
                walls.iter().all(known),
                "`jail.require` names walls: `namespaces`, `descriptors`, `user`, \
                 `no_new_privs`, `limits`, `landlock`, `seccomp`",
            ),
            (
                self.name.len() <= NAME_BYTES_MAX,
                "`name` has at most 64 bytes",
            ),
            (
                self.listen.len() <= ADDRESSES_MAX,
                "`listen` has at most 64 addresses",
            ),
            (
                self.bootstrap.len() <= ADDRESSES_MAX,
                "`bootstrap` has at most 64 addresses",
            ),
            (
                (1..=VIEW_SECONDS_MAX).contains(&self.view_seconds),
                "`view_seconds` is between 1 and 60",
            ),
            (
                self.work
                    .as_ref()
                    .is_none_or(|work| (1..=SLOTS_MAX).contains(&work.slots)),
                "`work.slots` is between 1 and 1024; leave `[work]` out to run nothing",
            ),
            (
                self.work.as_ref().is_none_or(|work| {
                    let named = work.siblings.len();
                    named <= SIBLINGS_MAX && work.siblings().len() == named
                }),
                "`work.siblings` names at most 16 nodes, as node_…; `peer key show` says which",
            ),
        ];
        let broken = checks.into_iter().find(|(holds, _)| !holds);
        let limits = self.work.as_ref().map(|work| &work.limits);
        broken
            .map(|(_, why)| why.to_owned())
            .or_else(|| limits?.trouble())
    }
}

/// A peer and where it is reached, as the settings write it.
pub fn place(peer: PeerId, address: &str) -> String {
    format!("{}@{address}", peer.full())
}

/// Reads what [`place`] wrote.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read_place(text: &str) -> Result<(PeerId, Multiaddr), String> {
    let (peer, address) = text
        .split_once('@')
        .ok_or_else(|| format!("`{text}` is not node_…@ADDRESS"))?;
    let peer = peer
        .parse()
        .map_err(|error: protocol::ids::NotAnId| error.to_string())?;
    Ok((peer, read_address(address)?))
}

/// Reads an address to listen at or to dial.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read_address(text: &str) -> Result<Multiaddr, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not an address like /ip4/192.0.2.7/tcp/4001"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let work = Work {
            slots: 2,
            per_gfuel: Money(Credits::new(10)),
            bond: Money(Credits::new(200)),
            memory: 1 << 30,
            siblings: vec![PeerId::new([7; 32]).full()],
            limits: Limits {
                cpu: 50,
                hours: vec!["18:00-08:00".into()],
                ..Limits::default()
            },
        };
        let config = Config {
            name: "alder".into(),
            listen: vec!["/ip4/127.0.0.1/tcp/4001".into()],
            bootstrap: Vec::new(),
            view_seconds: 1,
            gpu: false,
            jail: Jail {
                require: vec!["landlock".into()],
                landlock: 6,
            },
            work: Some(work),
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        config.write(&path).unwrap();
        assert_eq!(Config::read(&path).unwrap(), config);
    }

    #[test]
    fn what_is_left_out_is_within_its_range() {
        assert_eq!(Config::default().trouble(), None);
        let said_nothing = read("name = \"\"\nlisten = []").unwrap();
        assert_eq!(said_nothing, Config::default());
    }

    #[test]
    fn damage_and_typos_are_named() {
        for (text, named) in [
            ("", "name"),
            ("name = \"a\"\nlisten = []\nlistne = []", "listne"),
            (
                "name = \"a\"\nlisten = []\nview_seconds = 0",
                "view_seconds",
            ),
            (
                "name = \"a\"\nlisten = []\n[jail]\nrequire = [\"moat\"]",
                "jail.require",
            ),
            (
                "name = \"a\"\nlisten = []\n[jail]\nrequires = []",
                "requires",
            ),
            (
                "name = \"a\"\nlisten = []\n[work]\nslots = 1\nper_gfuel = \"1\"\nbond = \"1\"\n\
                 memory = 1\nsiblings = [\"tower\"]",
                "work.siblings",
            ),
            ("\u{0}\u{1}", "config.toml"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
