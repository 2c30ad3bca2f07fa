//! `peer demo`: the whole story on this machine. A federation aligns 94 orchid sequences honestly,
//! then again with a liar among its workers; the liar pays, and the matrix is the same.

use std::collections::BTreeSet;
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;
use protocol::ids::PeerId;
use protocol::units::{Bps, Credits};
use serde::{Deserialize, Serialize};

use super::asking::{Desk, print};
use super::collect::{self, Keep};
use super::follow::{self, verdict};
use super::matrix::{self, Sequence};
use super::{Globals, job_file, submit};
use crate::api::Client;
use crate::api::problem::{Code, Problem};
use crate::api::types::{DisputeView, Done, Id, JobView, Kind, List, Money, VerifyView};
use crate::home::Home;
use crate::picture::Heat;
use crate::show::{Cell, Face, Section, Tone};

/// The real job, in the binary, so that the demo needs nothing else.
const FILES: [(&str, &[u8]); 3] = [
    (
        "job.toml",
        include_bytes!("../../../examples/jobs/orchids/job.toml"),
    ),
    (
        "align.wasm",
        include_bytes!("../../../examples/jobs/orchids/align.wasm"),
    ),
    (
        "ls_orchid.fasta",
        include_bytes!("../../../examples/jobs/orchids/ls_orchid.fasta"),
    ),
];
/// Scores that another program found: `i<TAB>j<TAB>score`, after lines that begin with `#`.
const REFERENCE: &str = include_str!("../../../examples/jobs/orchids/reference.tsv");
/// The liar returns a wrong result in this share of its tasks.
const LIES: Bps = Bps::new(3_000);
/// The picture's width where the terminal does not say its own.
const COLUMNS: u16 = 100;

/// The demo.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    peer demo                  two federations, one after the other: honest, then with a liar\n  \
    peer demo --only honest    the first alone\n  \
    peer demo --dir /tmp/d     results, matrix and pictures go there")]
pub struct DemoArgs {
    /// Where results, matrix and pictures go
    #[arg(long, default_value = "peer-demo", value_name = "DIR")]
    pub dir: PathBuf,
    /// Play only one of the two acts
    #[arg(long, value_enum, value_name = "ACT")]
    pub only: Option<Act>,
}

/// An act of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Everyone works as agreed.
    Honest,
    /// One worker returns wrong results now and then.
    Liar,
}

/// A federation that the demo plays on.
pub trait Grid {
    /// The socket of the peer that submits.
    fn api(&self) -> &Path;
    /// The members' names and sockets.
    fn members(&self) -> Vec<(String, PathBuf)>;
    /// The peer that was told to lie.
    fn liar(&self) -> Option<PeerId>;
    /// Stops all of its processes.
    fn stop(self) -> impl Future<Output = Result<(), Problem>>;
}

/// What an act showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActView {
    /// Which.
    pub act: Act,
    /// The job, at its end.
    pub job: JobView,
    /// How many scores were compared with the reference, and equal.
    pub checked: u32,
    /// How many bundles were disputed and judged.
    pub disputes: u32,
    /// Who was found wrong.
    pub convicted: Vec<Id<PeerId>>,
    /// What they lost.
    pub slashed: Money,
    /// How many members replayed the ledger to the same state root.
    pub verified: u32,
}

/// What the demo showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoView {
    /// Its acts.
    pub acts: Vec<ActView>,
    /// The matrix.
    pub scores: PathBuf,
    /// Its picture.
    pub picture: PathBuf,
}

impl Kind for DemoView {
    const KIND: &'static str = "peer.v1.Demo";
}

impl Face for DemoView {
    fn sections(&self, wide: bool) -> Vec<Section> {
        let head = vec![
            "ACT", "JOB", "TASKS", "CHECKED", "DISPUTES", "SLASHED", "PAID", "VERIFIED",
        ];
        let row = |act: &ActView| {
            let name = match act.act {
                Act::Honest => "honest",
                Act::Liar => "with a liar",
            };
            let job = if wide {
                act.job.id.full()
            } else {
                act.job.id.to_string()
            };
            vec![
                Cell::toned(Tone::Good, name),
                job.into(),
                act.job.tasks.into(),
                act.checked.into(),
                act.disputes.into(),
                act.slashed.into(),
                act.job.paid.into(),
                format!("{} members", act.verified).into(),
            ]
        };
        vec![
            Section::Rows(head, self.acts.iter().map(row).collect()),
            Section::Card(vec![
                ("matrix", self.scores.display().into()),
                ("picture", self.picture.display().into()),
            ]),
        ]
    }

    fn ids(&self) -> Vec<String> {
        self.acts.iter().map(|act| act.job.id.full()).collect()
    }
}

/// Plays the demo. `start` starts a federation whose last worker lies in the given share of its
/// tasks.
///
/// # Errors
/// The first thing that is not as it should be.
pub async fn perform<G: Grid>(
    args: &DemoArgs,
    globals: &Globals,
    start: impl AsyncFn(Option<Bps>) -> Result<G, Problem>,
) -> Result<(), Problem> {
    let job = args.dir.join("orchids");
    unpack(&job).map_err(|error| cannot_write(&job, &error))?;
    let mut acts = Vec::new();
    let mut shown: Option<Vec<Vec<i64>>> = None;
    let mut look = None;
    for act in [Act::Honest, Act::Liar] {
        if args.only.is_some_and(|only| only != act) {
            continue;
        }
        let grid = start((act == Act::Liar).then_some(LIES)).await?;
        let home = grid
            .api()
            .parent()
            .map_or_else(|| Home::at(&args.dir), Home::at);
        let desk = Desk::at(Client::new(grid.api()), home, globals);
        desk.say(match act {
            Act::Honest => "1. everyone works as agreed",
            Act::Liar => "2. one worker lies now and then",
        });
        let played = play(&desk, &grid, act, &job, &args.dir).await;
        // The federation is stopped whatever happened on it; what went wrong first is told.
        let stopped = grid.stop().await;
        let (view, scores) = played?;
        stopped?;
        if shown.as_ref().is_some_and(|first| *first != scores) {
            return Err(wrong("the liar changed the matrix"));
        }
        shown = Some(scores);
        look = Some(desk);
        acts.push(view);
    }
    let (Some(scores), Some(desk)) = (shown, look) else {
        return Ok(());
    };
    let view = DemoView {
        acts,
        scores: args.dir.join("scores.tsv"),
        picture: args.dir.join("scores.png"),
    };
    save(&view, &scores)?;
    if !desk.look.is_json() {
        print(picture(&desk, &scores).as_bytes())?;
    }
    desk.show(&view)
}

async fn play<G: Grid>(
    desk: &Desk,
    grid: &G,
    act: Act,
    job: &Path,
    dir: &Path,
) -> Result<(ActView, Vec<Vec<i64>>), Problem> {
    let work = job_file::read(&job.join("job.toml"))?;
    let submitted = submit::hand_in(desk, work).await?;
    let job = follow::to_the_end(desk, &submitted.job.0, None).await?;
    verdict(&job)?;
    let folder = dir.join(match act {
        Act::Honest => "honest",
        Act::Liar => "liar",
    });
    collect::fetch(desk, &job, &folder, Keep::Final).await?;
    let scores = gathered(&job, &folder)?;
    let checked = check(&scores)?;
    let disputes: List<DisputeView> = desk.client.get("/disputes").await?;
    let (convicted, slashed) = judged(desk, &disputes.items, grid.liar())?;
    let verified = verify(grid).await?;
    desk.say(&format!(
        "  {checked} scores equal the reference; {verified} members replay to the same state"
    ));
    let disputes = u32::try_from(disputes.items.len()).unwrap_or(u32::MAX);
    let view = ActView {
        act,
        job,
        checked,
        disputes,
        convicted,
        slashed: Money(slashed),
        verified,
    };
    Ok((view, scores))
}

fn wrong(what: &str) -> Problem {
    Problem::new(Code::Failed, format!("the demo went wrong: {what}"))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Problem {
    let title = format!("cannot write {}", path.display());
    Problem::new(Code::Failed, title)
        .because(error)
        .try_this("choose another folder: peer demo --dir DIR")
}

fn unpack(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    FILES
        .iter()
        .try_for_each(|(name, content)| fs::write(folder.join(name), content))
}

fn names() -> Vec<Sequence> {
    matrix::sequences(&String::from_utf8_lossy(FILES[2].1))
}

fn gathered(job: &JobView, folder: &Path) -> Result<Vec<Vec<i64>>, Problem> {
    let mut rows = Vec::new();
    for task in 0..u64::from(job.tasks) {
        let index = job.first_index + task * job.index_step;
        let path = folder.join(index.to_string()).join("out/row.tsv");
        let row = fs::read(&path);
        let row = row.map_err(|error| wrong("a row is missing").because(error))?;
        rows.push((index, row));
    }
    matrix::gather(&names(), &rows).map_err(|error| wrong("the rows do not fit").because(error))
}

fn check(scores: &[Vec<i64>]) -> Result<u32, Problem> {
    let mut checked = 0;
    for line in REFERENCE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let mut words = line.split('\t').map(str::parse::<i64>);
        let (Some(Ok(i)), Some(Ok(j)), Some(Ok(score))) =
            (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let found = usize::try_from(i).ok().zip(usize::try_from(j).ok());
        let found = found.and_then(|(i, j)| scores.get(i)?.get(j)).copied();
        if found != Some(score) {
            let what = format!("score {i}, {j} is {found:?}, and the reference says {score}");
            return Err(wrong(&what));
        }
        checked += 1;
    }
    Ok(checked)
}

fn judged(
    desk: &Desk,
    disputes: &[DisputeView],
    liar: Option<PeerId>,
) -> Result<(Vec<Id<PeerId>>, Credits), Problem> {
    let mut slashed = Credits::ZERO;
    for slash in disputes.iter().flat_map(|dispute| &dispute.slashes) {
        slashed = slashed.plus(slash.amount.0).unwrap_or(Credits::MAX);
        let words = format!("  {} lost {}: {}", slash.peer, slash.amount, slash.words);
        desk.say(&words);
    }
    let convicted: BTreeSet<Id<PeerId>> = disputes
        .iter()
        .flat_map(|dispute| dispute.convicted.iter().copied())
        .collect();
    let expected: BTreeSet<Id<PeerId>> = liar.into_iter().map(Id).collect();
    if convicted == expected {
        return Ok((convicted.into_iter().collect(), slashed));
    }
    let problem = wrong("not exactly the liar was convicted");
    Err(problem.because(format!("convicted {convicted:?}, liar {expected:?}")))
}

async fn verify<G: Grid>(grid: &G) -> Result<u32, Problem> {
    let mut verified = 0;
    for (name, api) in grid.members() {
        let answer: VerifyView = Client::new(&api).post("/ledger/verify", &Done {}).await?;
        if !answer.roots_equal || !answer.conserved {
            return Err(wrong(&format!("the ledger of {name} does not replay")));
        }
        verified += 1;
    }
    Ok(verified)
}

fn save(view: &DemoView, scores: &[Vec<i64>]) -> Result<(), Problem> {
    let names = names();
    let table = matrix::tsv(&names, scores);
    fs::write(&view.scores, table).map_err(|error| cannot_write(&view.scores, &error))?;
    let heat = Heat::of(scores).ok_or_else(|| wrong("the matrix is not square"))?;
    fs::write(&view.picture, heat.png()).map_err(|error| cannot_write(&view.picture, &error))
}

fn picture(desk: &Desk, scores: &[Vec<i64>]) -> String {
    let Some(heat) = Heat::of(scores) else {
        return String::new();
    };
    let wide = terminal_size::terminal_size().map_or(COLUMNS, |(wide, _)| wide.0);
    let colours = anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
    if colours && !desk.look.ascii && std::io::stdout().is_terminal() {
        heat.half_blocks(wide.into())
    } else {
        heat.letters(wide.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_in_the_binary_are_a_job_of_94_sequences_with_a_reference() {
        let dir = tempfile::tempdir().unwrap();
        unpack(dir.path()).unwrap();
        let work = job_file::read(&dir.path().join("job.toml")).unwrap();
        assert_eq!(work.array.count, 94);
        assert_eq!(names().len(), 94);
        let zeros = vec![vec![i64::MIN; 94]; 94];
        assert!(check(&zeros).is_err());
        let lines = REFERENCE
            .lines()
            .filter(|line| line.split('\t').count() == 3);
        assert!(lines.count() >= 200, "the reference has at least 200 pairs");
    }
}
