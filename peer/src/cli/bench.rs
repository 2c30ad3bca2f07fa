//! `peer bench`: the figures of `docs/FIGURES.md`, measured on a federation of this machine, each
//! beside what it is compared with, in one run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use protocol::job::Array;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::Globals;
use super::asking::Desk;
use super::submit::{self, Work};
use crate::api::Client;
use crate::api::problem::{Code, Problem};
use crate::api::types::{JobView, Kind, News, TaskState};
use crate::devnet::{Devnet, Plan, temporary_root};
use crate::home::Home;
use crate::load::{self, Rate};
use crate::show::{Face, Section};

/// The smallest module: it prints its index.
const TINY: &[u8] = include_bytes!("../../../examples/jobs/tiny/tiny.wasm");
/// Before an idle member is measured, it is left alone for so long.
const CALM: Duration = Duration::from_secs(3);
/// Bytes of memory in one page of `/proc/PID/statm`.
const PAGE_BYTES: u64 = 4_096;
/// Ticks of `/proc/PID/stat` in a second.
const TICKS_PER_SECOND: u64 = 100;

/// How much is measured.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// So many small jobs, one after the other
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub jobs: u32,
    /// So many tiny tasks in one array
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    pub tasks: u32,
    /// So many transfers, handed in as fast as they go
    #[arg(long, default_value_t = 14_000, value_name = "N")]
    pub entries: u32,
    /// So many seconds of an idle federation
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub idle: u64,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// The value, with its unit.
    pub value: String,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchView {
    /// One by one.
    pub figures: Vec<Figure>,
}

impl Kind for BenchView {
    const KIND: &'static str = "peer.v1.Bench";
}

impl Face for BenchView {
    fn sections(&self, _wide: bool) -> Vec<Section> {
        let row = |figure: &Figure| vec![figure.what.clone().into(), figure.value.clone().into()];
        vec![Section::Rows(
            vec!["MEASURED", "VALUE"],
            self.figures.iter().map(row).collect(),
        )]
    }

    fn ids(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Measures on a fresh federation of this machine.
///
/// # Errors
/// The [`Problem`] to print.
pub async fn perform(args: &BenchArgs, globals: &Globals) -> Result<(), Problem> {
    let program = std::env::current_exe()
        .map_err(|error| Problem::new(Code::Failed, "cannot find this binary").because(error))?;
    let plan = Plan::make(&temporary_root(), 4, 2)?;
    let mut devnet = Devnet::start(plan, &program, None, true).await?;
    let measured = measure(args, globals, &mut devnet, &program).await;
    let stopped = devnet.stop().await;
    let (desk, view) = measured?;
    stopped?;
    desk.show(&view)
}

async fn measure(
    args: &BenchArgs,
    globals: &Globals,
    devnet: &mut Devnet,
    program: &Path,
) -> Result<(Desk, BenchView), Problem> {
    let home = devnet
        .api()
        .parent()
        .map_or_else(|| Home::at(&devnet.plan.root), Home::at);
    let desk = Desk::at(Client::new(devnet.api()), home, globals);
    let module = devnet.plan.root.join("tiny.wasm");
    fs::write(&module, TINY)
        .map_err(|error| Problem::new(Code::Failed, "cannot write a module").because(error))?;
    let mut figures = jobs(args, &desk, devnet, program, &module).await?;
    desk.say("entries …");
    let Rate {
        entries,
        took,
        latencies,
    } = among_members(devnet, args.entries).await?;
    let rate = f64::from(entries) / took.as_secs_f64();
    let each = |percent| millis(load::percentile(&latencies, percent));
    figures.extend([
        figure(
            "entries per second, four members, synced RocksDB",
            format!("{rate:.0}"),
        ),
        figure("commit latency, p50", each(50)),
        figure("commit latency, p99", each(99)),
    ]);
    desk.say("idle …");
    let (share, resident) = idle(devnet, args.idle).await?;
    let over = format!("idle member over {} s, share of a core", args.idle);
    figures.push(figure(over, format!("{share:.1} %")));
    figures.push(figure(
        "idle member, resident memory",
        format!("{} MiB", resident >> 20),
    ));
    Ok((desk, BenchView { figures }))
}

/// The rate of the members alone: followers check every entry again, each on a machine of its own
/// where there are machines, here on the members' cores. They rest, and come back after it.
async fn among_members(devnet: &mut Devnet, entries: u32) -> Result<Rate, Problem> {
    let members: BTreeSet<String> = devnet.members().into_iter().map(|(name, _)| name).collect();
    let names = devnet.plan.places.iter().map(|place| place.name.clone());
    let others: Vec<String> = names.filter(|name| !members.contains(name)).collect();
    for name in &others {
        devnet.kill(name);
    }
    let rate = load::measure(devnet, entries).await;
    for name in &others {
        devnet.restart(name)?;
    }
    rate
}

async fn jobs(
    args: &BenchArgs,
    desk: &Desk,
    devnet: &Devnet,
    program: &Path,
    module: &Path,
) -> Result<Vec<Figure>, Problem> {
    desk.say("small jobs …");
    let small = small_jobs(desk, module, args.jobs).await?;
    let whole = shell(devnet, program, module, args.jobs)?;
    desk.say("an array …");
    let array = an_array(desk, module, args.tasks).await?;
    let bare = in_one_process(args.tasks)?;
    let forked = by_xargs(program, module, args.tasks)?;
    let tiny = |how: &str| format!("{} tiny tasks, {how}", args.tasks);
    Ok(vec![
        figure(
            "small job, provisional output (median)",
            millis(median(&small.provisional)),
        ),
        figure(
            "small job, settled (median)",
            millis(median(&small.settled)),
        ),
        figure("small job, whole `peer run` (median)", millis(whole)),
        figure(tiny("2 copies, settled"), millis(array)),
        figure(tiny("plain wasmtime, one process"), millis(bare)),
        figure(tiny("xargs -P2, a process each"), millis(forked)),
    ])
}

fn figure(what: impl Into<String>, value: String) -> Figure {
    Figure {
        what: what.into(),
        value,
    }
}

fn millis(span: Duration) -> String {
    format!("{:.1} ms", span.as_secs_f64() * 1_000.0)
}

fn median(spans: &[Duration]) -> Duration {
    load::percentile(spans, 50)
}

struct Small {
    provisional: Vec<Duration>,
    settled: Vec<Duration>,
}

fn work(module: &Path, count: u32) -> Work {
    let array = Array {
        first: 0,
        step: 1,
        count,
    };
    Work {
        array,
        is_array: count > 1,
        ..Work::of(module.to_owned())
    }
}

async fn small_jobs(desk: &Desk, module: &Path, jobs: u32) -> Result<Small, Problem> {
    let mut small = Small {
        provisional: Vec::new(),
        settled: Vec::new(),
    };
    for _ in 0..jobs {
        let began = Instant::now();
        let submitted = submit::hand_in(desk, work(module, 1)).await?;
        let mut news = desk.client.watch(&submitted.job.0).await?;
        let mut provisional = None;
        while let Some(told) = news.next().await? {
            match told {
                News::Task { task } if task.state == TaskState::Provisional => {
                    provisional.get_or_insert_with(|| began.elapsed());
                }
                News::Ended { job } => {
                    expect_done(&job, 1)?;
                    small.settled.push(began.elapsed());
                }
                _ => {}
            }
        }
        small.provisional.extend(provisional);
    }
    Ok(small)
}

fn expect_done(job: &JobView, tasks: u32) -> Result<(), Problem> {
    if job.tally.done == tasks {
        return Ok(());
    }
    let title = format!("{} did not end well", job.id);
    Err(Problem::new(Code::TasksFailed, title).because(format!("{:?}", job.tally)))
}

async fn an_array(desk: &Desk, module: &Path, tasks: u32) -> Result<Duration, Problem> {
    let began = Instant::now();
    let submitted = submit::hand_in(desk, work(module, tasks)).await?;
    let mut news = desk.client.watch(&submitted.job.0).await?;
    while let Some(told) = news.next().await? {
        if let News::Ended { job } = told {
            expect_done(&job, tasks)?;
            return Ok(began.elapsed());
        }
    }
    let job: JobView = desk
        .client
        .get(&format!("/jobs/{}", submitted.job.full()))
        .await?;
    expect_done(&job, tasks)?;
    Ok(began.elapsed())
}

/// Whole processes of `peer run`, as a shell would start them; the median.
fn shell(devnet: &Devnet, program: &Path, module: &Path, jobs: u32) -> Result<Duration, Problem> {
    let mut spans = Vec::new();
    for _ in 0..jobs {
        let mut run = Command::new(program);
        run.arg("--api")
            .arg(devnet.api())
            .args(["run", "--no-progress"])
            .arg(module);
        spans.push(timed(&mut run)?);
    }
    Ok(median(&spans))
}

fn timed(command: &mut Command) -> Result<Duration, Problem> {
    let began = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let failed = |why: String| Problem::new(Code::Failed, "a command failed").because(why);
    let status = status.map_err(|error| failed(error.to_string()))?;
    if status.success() {
        Ok(began.elapsed())
    } else {
        Err(failed(format!("{command:?}: {status}")))
    }
}

fn in_one_process(tasks: u32) -> Result<Duration, Problem> {
    let began = Instant::now();
    executor::bare::run(TINY, 0..tasks)
        .map_err(|why| Problem::new(Code::Failed, "the module does not run").because(why))?;
    Ok(began.elapsed())
}

fn by_xargs(program: &Path, module: &Path, tasks: u32) -> Result<Duration, Problem> {
    let line = format!(
        "seq 0 {} | xargs -P2 -I@ \"$0\" exec-bare \"$1\" @",
        tasks - 1
    );
    timed(
        Command::new("sh")
            .arg("-c")
            .arg(line)
            .arg(program)
            .arg(module),
    )
}

/// One task in this process, without a jail or a federation: what `xargs` starts.
///
/// # Errors
/// The [`Problem`] to print.
pub fn bare(module: &PathBuf, task: u32) -> Result<(), Problem> {
    let wasm = fs::read(module)
        .map_err(|error| Problem::new(Code::Usage, "cannot read the module").because(error))?;
    executor::bare::run(&wasm, task..task + 1)
        .map_err(|why| Problem::new(Code::Failed, "the module does not run").because(why))
}

/// A member's share of a core, in percent, over `seconds`; and its resident memory, in bytes.
async fn idle(devnet: &Devnet, seconds: u64) -> Result<(f64, u64), Problem> {
    let peers = devnet.announcement().peers;
    let member = peers
        .first()
        .ok_or_else(|| Problem::new(Code::Failed, "the devnet has no member"))?;
    sleep(CALM).await;
    let before = ticks(member.pid)?;
    let began = Instant::now();
    sleep(Duration::from_secs(seconds)).await;
    let used = ticks(member.pid)?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "ticks of a minute are few")]
    let used = used as f64 / TICKS_PER_SECOND as f64;
    let share = 100.0 * used / began.elapsed().as_secs_f64();
    let pages = field(&format!("/proc/{}/statm", member.pid), 1)?;
    Ok((share, pages * PAGE_BYTES))
}

/// Time that a process has used, in ticks: fields 14 and 15 of `proc(5)`.
fn ticks(pid: u32) -> Result<u64, Problem> {
    let path = format!("/proc/{pid}/stat");
    Ok(field(&path, 13)? + field(&path, 14)?)
}

fn field(path: &str, place: usize) -> Result<u64, Problem> {
    let failed = || Problem::new(Code::Failed, format!("cannot read {path}"));
    let text = fs::read_to_string(path).map_err(|error| failed().because(error))?;
    let words = text.split_whitespace().nth(place);
    words.and_then(|word| word.parse().ok()).ok_or_else(failed)
}
