//! `peer sim`: plays a scene of the simulator on this machine, many seeds side by side, and says
//! which of its promises hold.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use ::sim::report::{Report, report};
use ::sim::{Scene, Story, is_played_twice, play_surely};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::Globals;
use super::asking::print;
use crate::api::problem::{Code, Problem};
use crate::api::types::Kind;
use crate::show::{Face, Look, Section};

/// Milliseconds of a day.
const DAY_MS: u128 = 86_400_000;
/// So many seeds at most in one go.
const SEEDS_MAX: u64 = 100_000;

/// What is played.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    peer sim --scene examples/scenes/collusion-20.toml --seeds 1..31 --out ./report\n  \
    peer sim --scene collusion-20 --params my.toml     which promise breaks with your numbers?\n  \
    peer sim --scene lone-liars --explain 7            what happened in seed 7, line by line")]
pub struct SimArgs {
    /// The scene: a file, or the name of one in examples/scenes
    #[arg(long, value_name = "FILE")]
    pub scene: String,
    /// One seed
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Many seeds, from the first to before the last
    #[arg(long, value_name = "N..M", value_parser = seeds, conflicts_with = "seed")]
    pub seeds: Option<(u64, u64)>,
    /// Where tables and pictures go
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Governed numbers in place of the scene's, as `name = number` lines
    #[arg(long, value_name = "FILE")]
    pub params: Option<PathBuf>,
    /// Play even with numbers that no federation may begin with, to see which promise breaks
    #[arg(long)]
    pub unchecked: bool,
    /// Tell what happened in this seed, line by line
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seeds", "out"])]
    pub explain: Option<u64>,
}

fn seeds(text: &str) -> Result<(u64, u64), String> {
    let no = || format!("`{text}` is not N..M");
    let (from, to) = text.split_once("..").ok_or_else(no)?;
    let (from, to): (u64, u64) = (
        from.parse().map_err(|_| no())?,
        to.parse().map_err(|_| no())?,
    );
    if from < to && to - from <= SEEDS_MAX {
        Ok((from, to))
    } else {
        Err(format!("1 to {SEEDS_MAX} seeds"))
    }
}

/// One promise of a scene.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromiseView {
    /// In words.
    pub promise: String,
    /// What is measured, and what is asked of it.
    pub asked: String,
    /// What was found.
    pub found: String,
    /// Whether it holds.
    pub holds: bool,
}

/// What the plays of a scene say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimView {
    /// The scene.
    pub scene: String,
    /// How many seeds were played.
    pub seeds: usize,
    /// Promise by promise.
    pub promises: Vec<PromiseView>,
    /// Wall time that one seed took for each simulated day, in milliseconds.
    pub day_ms: u64,
}

impl Kind for SimView {
    const KIND: &'static str = "peer.v1.Sim";
}

impl Face for SimView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let row = |one: &PromiseView| {
            let holds = if one.holds { "yes" } else { "NO" };
            vec![
                holds.into(),
                one.promise.clone().into(),
                one.asked.clone().into(),
                one.found.clone().into(),
            ]
        };
        let (whole, part) = (self.day_ms / 1_000, self.day_ms % 1_000);
        let time = format!("one seed takes {whole}.{part:03} s for each day it plays");
        vec![
            Section::Rows(
                vec!["HOLDS", "PROMISE", "ASKED", "FOUND"],
                self.promises.iter().map(row).collect(),
            ),
            Section::Note(time.into()),
        ]
    }

    fn ids(&self) -> Vec<String> {
        let broken = self.promises.iter().filter(|one| !one.holds);
        broken.map(|one| one.promise.clone()).collect()
    }
}

/// Plays, shows, and fails where a promise breaks.
///
/// # Errors
/// The scene cannot be read or played, a file cannot be written, or a promise does not hold.
pub fn perform(args: &SimArgs, globals: &Globals) -> Result<(), Problem> {
    let scene = scene(args)?;
    if let Some(seed) = args.explain {
        let story = ::sim::tell(seed, &scene).map_err(unplayable)?;
        let mut told = String::new();
        for line in &story.lines {
            let (whole, part) = (line.at_ms / 1_000, line.at_ms % 1_000);
            writeln!(told, "{whole:>10}.{part:03} {}", line.what)
                .expect("writing to memory cannot fail");
        }
        return print(told.as_bytes());
    }
    let (from, to) = args.seeds.unwrap_or((args.seed, args.seed + 1));
    let seeds: Vec<u64> = (from..to).collect();
    let (stories, day_ms) = play_all(&scene, &seeds)?;
    let report = report(&scene, &stories);
    if let Some(out) = &args.out {
        write(out, &report)?;
    }
    let look = Look {
        format: globals.output,
        terminal: io::stdout().is_terminal(),
        ascii: globals.ascii,
    };
    print(
        look.write(&view(&scene, (seeds.len(), day_ms), &report))
            .as_bytes(),
    )?;
    let broken = report.judged.iter().find(|one| !one.holds);
    match broken {
        None => Ok(()),
        Some(one) => {
            let fix = one
                .seed
                .map(|seed| format!("peer sim --scene {} --explain {seed}", args.scene));
            let problem = Problem::new(Code::Failed, "a promise does not hold");
            let problem = problem.because(&one.promise);
            Err(fix.map_or(problem.clone(), |fix| problem.try_this(fix)))
        }
    }
}

fn scene(args: &SimArgs) -> Result<Scene, Problem> {
    let named = Path::new("examples/scenes").join(format!("{}.toml", args.scene));
    let path = Path::new(&args.scene);
    let path = if path.exists() { path } else { &named };
    let mut scene = Scene::read(&read(path)?).map_err(|error| {
        let title = format!("{} is no scene", path.display());
        Problem::new(Code::Usage, title).because(error)
    })?;
    if let Some(params) = &args.params {
        scene.override_params(&read(params)?).map_err(|error| {
            let title = format!("{} is no list of numbers", params.display());
            Problem::new(Code::Usage, title).because(error)
        })?;
    }
    scene.unchecked |= args.unchecked;
    Ok(scene)
}

fn read(path: &Path) -> Result<String, Problem> {
    fs::read_to_string(path).map_err(|error| {
        let title = format!("cannot read {}", path.display());
        Problem::new(Code::NotFound, title).because(error)
    })
}

fn unplayable(error: ::sim::Unplayable) -> Problem {
    Problem::new(Code::Usage, "this scene cannot be played").because(error)
}

/// Plays all seeds, and says how many milliseconds one took for each day it played.
fn play_all(scene: &Scene, seeds: &[u64]) -> Result<(Vec<Story>, u64), Problem> {
    let next = AtomicUsize::new(0);
    let played: Mutex<Vec<Result<(Story, u64), Problem>>> = Mutex::new(Vec::new());
    let hands = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(seeds.len());
    thread::scope(|scope| {
        for _ in 0..hands {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let story = play(scene, *seed);
                    let mut played = played.lock().expect("nobody panics with the list in hand");
                    played.push(story);
                }
            });
        }
    });
    let played = played.into_inner().expect("all players are done");
    let played = played
        .into_iter()
        .collect::<Result<Vec<(Story, u64)>, Problem>>()?;
    let took: u64 = played.iter().map(|(_, took)| took).sum();
    let mut stories: Vec<Story> = played.into_iter().map(|(story, _)| story).collect();
    stories.sort_by_key(|story| story.seed);
    let lasted: u64 = stories.iter().map(|story| story.lasted_ms).sum();
    let day_ms = u128::from(took) * DAY_MS / u128::from(lasted.max(1));
    Ok((stories, u64::try_from(day_ms).unwrap_or(u64::MAX)))
}

/// Plays one seed, and says how many milliseconds one play of it took.
fn play(scene: &Scene, seed: u64) -> Result<(Story, u64), Problem> {
    let began = Instant::now();
    let story = play_surely(seed, scene).map_err(unplayable)?;
    let plays = if is_played_twice(seed) { 2 } else { 1 };
    let took = began.elapsed().as_millis() / plays;
    Ok((story, u64::try_from(took).unwrap_or(u64::MAX)))
}

fn write(out: &Path, report: &Report) -> Result<(), Problem> {
    let failed = |path: &Path, error: std::io::Error| {
        Problem::new(Code::Failed, format!("cannot write {}", path.display())).because(error)
    };
    fs::create_dir_all(out).map_err(|error| failed(out, error))?;
    for (name, content) in &report.files {
        let path = out.join(name);
        fs::write(&path, content).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

fn view(scene: &Scene, (seeds, day_ms): (usize, u64), report: &Report) -> SimView {
    let promise = |one: &::sim::report::Judged| PromiseView {
        promise: one.promise.clone(),
        asked: format!("{} {}", one.what, one.asked),
        found: match (one.found, one.seed) {
            (None, _) => "not measured".to_owned(),
            (Some(found), None) => found.to_string(),
            (Some(found), Some(seed)) => format!("{found} in seed {seed}"),
        },
        holds: one.holds,
    };
    SimView {
        scene: scene.name.clone(),
        seeds,
        promises: report.judged.iter().map(promise).collect(),
        day_ms,
    }
}
