//! What the jail is made of on this machine, told by a worker that sits in it.

use std::fs::File;
use std::io::Read;

use borsh::{BorshDeserialize, BorshSerialize};

use super::{Files, Shut};

/// How a wall stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Hold {
    /// As it should.
    Full,
    /// It holds less than it does elsewhere; what is behind it shuts the same ways.
    Weaker,
    /// The kernel does not offer it here.
    Missing,
}

/// One wall of the jail.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Wall {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub hold: Hold,
    /// What it holds back here, or why it does not.
    pub says: String,
    /// What would make it hold; empty if it does.
    pub help: String,
}

impl Wall {
    /// One that holds.
    pub(crate) fn full(name: &str, says: String) -> Self {
        Self::new(name, Hold::Full, says, "")
    }

    /// One that holds less than it should.
    pub(crate) fn weaker(name: &str, says: String, help: &str) -> Self {
        Self::new(name, Hold::Weaker, says, help)
    }

    /// One that is not there.
    pub(crate) fn missing(name: &str, says: String, help: &str) -> Self {
        Self::new(name, Hold::Missing, says, help)
    }

    fn new(name: &str, hold: Hold, says: String, help: &str) -> Self {
        Self {
            name: name.to_owned(),
            hold,
            says,
            help: help.to_owned(),
        }
    }
}

/// One way out that a worker tried from inside.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Way {
    /// What it tried.
    pub name: String,
    /// What the kernel answered, as the number of an error; 0 if it got through.
    pub answer: i32,
    /// Whether it is shut.
    pub shut: bool,
}

/// The jail as it is on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Jail {
    /// Its walls, the outermost first.
    pub walls: Vec<Wall>,
    /// Every way out that was tried.
    pub ways: Vec<Way>,
    /// The version of the kernel's Landlock; 0 if it has none.
    pub landlock: i32,
}

/// The names of all walls, the outermost first.
pub const WALLS: [&str; 7] = [
    "namespaces",
    "descriptors",
    "user",
    "no_new_privs",
    "limits",
    "landlock",
    "seccomp",
];

/// What an operator demands of the jail beyond what no worker runs without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Walls of [`WALLS`] that must hold as they should.
    pub walls: Vec<String>,
    /// The least version of the kernel's Landlock; 0 demands none.
    pub landlock: i32,
}

impl Jail {
    /// The ways out that are open.
    pub fn leaks(&self) -> impl Iterator<Item = &str> {
        let open = self.ways.iter().filter(|way| !way.shut);
        open.map(|way| &*way.name)
    }

    /// What of a demand does not hold here, in words.
    pub fn misses(&self, demand: &Demand) -> Vec<String> {
        let weak = self.weak().filter(|wall| demand.walls.contains(&wall.name));
        let mut misses: Vec<String> = weak
            .map(|wall| format!("{}: {}", wall.name, wall.says))
            .collect();
        if self.landlock < demand.landlock {
            misses.push(format!(
                "landlock: version {} is demanded, and the kernel has {}",
                demand.landlock, self.landlock
            ));
        }
        misses
    }

    /// The walls that do not hold as they should.
    pub fn weak(&self) -> impl Iterator<Item = &Wall> {
        self.walls.iter().filter(|wall| wall.hold != Hold::Full)
    }
}

/// What the kernel says of this process, from a file that was opened before the jail shut.
pub(crate) struct Status(File);

impl Status {
    /// Opens it.
    ///
    /// # Errors
    /// If there is no `/proc`.
    pub(crate) fn open() -> std::io::Result<Self> {
        File::open("/proc/self/status").map(Self)
    }

    fn read(mut self) -> String {
        let mut text = String::new();
        // What cannot be read is told as a wall that does not stand.
        drop(self.0.read_to_string(&mut text));
        text
    }
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or("", str::trim)
}

/// All walls, as they stand around this process now.
pub(crate) fn standing(shut: &Shut, status: Status) -> Vec<Wall> {
    let text = status.read();
    let mut walls = Vec::from(shut.own.walls());
    walls.push(user(shut, &text));
    walls.push(match field(&text, "NoNewPrivs:") {
        "1" => Wall::full("no_new_privs", "no program can give it more rights".into()),
        other => Wall::missing("no_new_privs", format!("the kernel says `{other}`"), ""),
    });
    walls.push(Wall::full(
        "limits",
        "memory, processor time, files and descriptors are bounded".into(),
    ));
    walls.push(match shut.files {
        Files::All(version) => Wall::full(
            "landlock",
            format!("version {version}: no file, no port, no socket, no signal"),
        ),
        Files::Some(version) => Wall::weaker(
            "landlock",
            format!("version {version} of the kernel's knows less than version 6"),
            "use a kernel of version 6.12 or later",
        ),
        Files::Nothing => Wall::missing(
            "landlock",
            "the kernel has none, or it is switched off".into(),
            "boot with `lsm=landlock,…`, on a kernel of version 5.13 or later",
        ),
    });
    walls.push(match field(&text, "Seccomp:") {
        "2" => Wall::full("seccomp", "only the calls that computing needs".into()),
        other => Wall::missing("seccomp", format!("the kernel says `{other}`"), ""),
    });
    walls
}

fn user(shut: &Shut, text: &str) -> Wall {
    let might = field(text, "CapEff:").trim_start_matches('0');
    let user = field(text, "Uid:").split_whitespace().next().unwrap_or("?");
    match &shut.nobody {
        Some(Err(why)) => Wall::missing(
            "user",
            format!("a worker of root stays root, though without a way to use it ({why})"),
            "start the peer as a user of its own",
        ),
        _ if might.is_empty() => Wall::full("user", format!("user {user}, without capabilities")),
        _ => Wall::weaker(
            "user",
            format!("user {user} keeps capabilities {might}"),
            "start the peer as a user without capabilities",
        ),
    }
}
