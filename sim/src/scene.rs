//! A scene: who plays, on which wires, with how much work and which faults, and what must hold at
//! its end. It is read from a TOML file; `examples/scenes/` has one for every promise.
//!
//! Times are in seconds or milliseconds as their names say, prices in micro-credits, shares in
//! ten-thousandths, and figures of `[[holds]]` are written as text: `"2.0"`.

use std::collections::BTreeMap;

use protocol::job::Class;
use serde::Deserialize;
use thiserror::Error;

use crate::cast::Crime;
use crate::figure::Figure;

mod standard;

use standard::{
    always, block_entries, block_ms, bond, class, copies, four, grant, grid, member_bond, mfuel,
    minute, price, ten, two,
};

/// Players a scene may have; more is a mistake of the file.
pub const PLAYERS_MAX: usize = 100_000;
/// The highest elasticity of demand.
pub const ELASTICITY_MAX: u32 = 4;
/// Simulated time a scene may last, in seconds: a year.
pub const SECONDS_MAX: u64 = 366 * 24 * 3_600;

/// The text is no scene.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NoScene {
    /// It is not TOML, or has a field that scenes do not have.
    #[error("{0}")]
    Unreadable(String),
    /// It reads, and makes no sense.
    #[error("{0}")]
    Senseless(String),
}

/// What is played.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// What people call it.
    pub name: String,
    /// What it tries, in a sentence or two.
    pub about: String,
    /// For so long work comes in, in simulated seconds; what is open then is still ended.
    pub seconds: u64,
    /// A block is made at most this often, in milliseconds.
    #[serde(default = "block_ms")]
    pub block_ms: u64,
    /// Entries in a block at most.
    #[serde(default = "block_entries")]
    pub block_entries: usize,
    /// Who votes and who vouches.
    pub federation: Federation,
    /// What lies between them.
    #[serde(default)]
    pub links: Wires,
    /// Governed numbers that are not the standard ones, by their names.
    #[serde(default)]
    pub params: BTreeMap<String, u64>,
    /// Numbers that a real genesis would refuse are tried all the same: for seeing a promise break.
    #[serde(default)]
    pub unchecked: bool,
    /// Every hour a member that was away joins from the snapshot of the hour before, and at the
    /// end one from the genesis: each must come to the same root.
    #[serde(default)]
    pub rejoined: bool,
    /// Groups of peers.
    #[serde(default)]
    pub peers: Vec<Group>,
    /// Streams of jobs.
    #[serde(default)]
    pub work: Vec<Stream>,
    /// What goes wrong, and when.
    #[serde(default)]
    pub faults: Vec<Mishap>,
    /// What must be true of every play, or of all of them together.
    #[serde(default)]
    pub holds: Vec<Promise>,
}

/// Who votes and who vouches.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Federation {
    /// Institutions that vote and judge.
    #[serde(default = "four")]
    pub members: usize,
    /// Sponsors that do not vote.
    #[serde(default)]
    pub desks: usize,
    /// What everyone holds at the beginning, in whole credits.
    #[serde(default = "grant")]
    pub grant: u64,
    /// What each member stands to lose as a judge, in whole credits.
    #[serde(default = "member_bond")]
    pub member_bond: u64,
    /// What its judges can do in a second, in millions of fuel.
    #[serde(default = "mfuel")]
    pub judge_mfuel: u64,
    /// Where credits come from after the beginning.
    #[serde(default)]
    pub issuance: Source,
    /// How the last so many members behave, by crime.
    #[serde(default)]
    pub bent: BTreeMap<Crime, usize>,
}

/// Where credits come from after the beginning; a reserve has custodians, whom no scene plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Nowhere.
    #[default]
    Fixed,
    /// Epochs mint some.
    Inflation,
    /// Members may owe.
    MutualCredit,
}

/// What lies between peers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wires {
    /// The shortest and the longest way of a word, in milliseconds.
    pub delay_ms: [u64; 2],
    /// Of ten thousand words, so many are lost.
    pub loss_bps: u32,
    /// Of ten thousand words, so many arrive twice.
    pub repeat_bps: u32,
}

/// Peers that are alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What tables call them.
    pub name: String,
    /// How many.
    pub count: usize,
    /// What they do wrong.
    #[serde(default)]
    pub crime: Crime,
    /// In so many of ten thousand chances they do it.
    #[serde(default = "always")]
    pub rate_bps: u32,
    /// They begin with it so many seconds after the start.
    #[serde(default)]
    pub after_s: u64,
    /// Their sponsors: from this institution (members first, then desks) up to before that one.
    #[serde(default)]
    pub sponsors: Option<[usize; 2]>,
    /// One party owns all of them, instead of one each.
    #[serde(default)]
    pub one_owner: bool,
    /// Tasks each runs at once.
    #[serde(default = "two")]
    pub slots: u16,
    /// What each slot does in a second, in millions of fuel.
    #[serde(default = "mfuel")]
    pub mfuel: u64,
    /// What they ask for a Gfuel, in micro-credits.
    #[serde(default = "price")]
    pub price: u64,
    /// What each bonds, in whole credits.
    #[serde(default = "bond")]
    pub bond: u64,
    /// The class they work in.
    #[serde(default = "grid", deserialize_with = "class::deserialize")]
    pub class: Class,
}

/// Jobs that come in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// What tables call its submitter.
    pub name: String,
    /// How they come.
    #[serde(default)]
    pub rhythm: Rhythm,
    /// On average one every so many seconds.
    #[serde(default = "minute")]
    pub every_s: u64,
    /// For [`Rhythm::Trace`]: the seconds at which they come.
    #[serde(default)]
    pub at_s: Vec<u64>,
    /// The first comes so many seconds after the start.
    #[serde(default = "minute")]
    pub from_s: u64,
    /// None comes so many seconds after the start or later; the end of the scene if absent.
    #[serde(default)]
    pub until_s: Option<u64>,
    /// So many come at most.
    #[serde(default)]
    pub jobs_max: Option<u64>,
    /// How much of it stays away when prices rise: where the index of its class is `r` times what
    /// it began at, one of `r^elasticity` jobs comes.
    #[serde(default)]
    pub elasticity: u32,
    /// What its submitter does wrong.
    #[serde(default)]
    pub crime: Crime,
    /// Tasks of a job.
    pub tasks: u32,
    /// Tasks of a bundle.
    #[serde(default = "ten")]
    pub bundle: u32,
    /// Copies.
    #[serde(default = "copies")]
    pub copies: u8,
    /// The most fuel of a task, in millions; tasks use half of it to all of it.
    #[serde(default = "mfuel")]
    pub task_mfuel: u64,
    /// Its tasks use all of their fuel limit, not half of it to all.
    #[serde(default)]
    pub even: bool,
    /// What it pays for a Gfuel, in micro-credits; by offers if absent.
    #[serde(default)]
    pub price: Option<u64>,
    /// Its submitter plants as many canaries in each job as it may.
    #[serde(default)]
    pub canaries: bool,
    /// The class of its jobs.
    #[serde(default = "grid", deserialize_with = "class::deserialize")]
    pub class: Class,
}

/// How jobs come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rhythm {
    /// One after the other, evenly.
    #[default]
    Even,
    /// As if each came by itself.
    Poisson,
    /// As [`Rhythm::Poisson`], three times as often by day as by night.
    Diurnal,
    /// Ten at a time, ten times as seldom.
    Burst,
    /// At given moments.
    Trace,
}

/// Something goes wrong.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mishap {
    /// What.
    pub kind: MishapKind,
    /// To which group.
    pub group: String,
    /// To so many of ten thousand of it.
    #[serde(default = "always")]
    pub share_bps: u32,
    /// When, in seconds after the start.
    pub at_s: u64,
    /// For so long, in seconds; for ever if absent.
    #[serde(default)]
    pub for_s: Option<u64>,
    /// Again after so many seconds, until the end; once if absent.
    #[serde(default)]
    pub every_s: Option<u64>,
}

/// What can go wrong by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MishapKind {
    /// The process ends, and starts again with what is on its disk.
    Crash,
    /// No word goes in or out.
    Cut,
}

/// What must be true.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// In words: what a reader of the report should know.
    pub promise: String,
    /// The measure it is about.
    pub what: String,
    /// It is at least this.
    #[serde(default)]
    pub at_least: Option<Figure>,
    /// It is at most this.
    #[serde(default)]
    pub at_most: Option<Figure>,
    /// Of what it must be true.
    #[serde(default)]
    pub of: Of,
}

/// Of what a promise speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Of {
    /// Of every seed.
    #[default]
    Each,
    /// Of the mean over the seeds.
    Mean,
    /// Of the bound that is on the safe side of the mean with 95 % confidence.
    Bound,
}

impl Default for Wires {
    fn default() -> Self {
        Self {
            delay_ms: [5, 50],
            loss_bps: 0,
            repeat_bps: 0,
        }
    }
}

impl Scene {
    /// Reads a scene.
    ///
    /// # Errors
    /// [`NoScene`].
    pub fn read(text: &str) -> Result<Self, NoScene> {
        let scene: Self =
            toml::from_str(text).map_err(|error| NoScene::Unreadable(error.to_string()))?;
        scene.check()?;
        Ok(scene)
    }

    /// Puts other governed numbers in the place of the scene's: `name = number` lines.
    ///
    /// # Errors
    /// [`NoScene::Unreadable`].
    pub fn override_params(&mut self, text: &str) -> Result<(), NoScene> {
        let params: BTreeMap<String, u64> =
            toml::from_str(text).map_err(|error| NoScene::Unreadable(error.to_string()))?;
        self.params.extend(params);
        Ok(())
    }

    fn check(&self) -> Result<(), NoScene> {
        let no = |why: String| Err(NoScene::Senseless(why));
        let institutions = self.federation.members + self.federation.desks;
        let players = self.peers.iter().map(|group| group.count).sum::<usize>() + institutions;
        if players > PLAYERS_MAX || self.seconds > SECONDS_MAX || self.block_ms == 0 {
            return no(format!(
                "{players} players or {} s are too many",
                self.seconds
            ));
        }
        for group in &self.peers {
            let [from, to] = group.sponsors.unwrap_or([0, institutions]);
            if from >= to || to > institutions {
                return no(format!("`{}` has no sponsors {from} to {to}", group.name));
            }
        }
        for stream in &self.work {
            if stream.elasticity > ELASTICITY_MAX {
                return no(format!("`{}` shies away from everything", stream.name));
            }
            if stream.tasks == 0 || stream.bundle == 0 || stream.every_s == 0 {
                return no(format!("`{}` has no work in it", stream.name));
            }
        }
        for mishap in &self.faults {
            if self.peers.iter().all(|group| group.name != mishap.group) {
                return no(format!("there is no group `{}`", mishap.group));
            }
        }
        for promise in &self.holds {
            if promise.at_least.is_none() && promise.at_most.is_none() {
                return no(format!("`{}` promises nothing", promise.what));
            }
        }
        Ok(())
    }
}
