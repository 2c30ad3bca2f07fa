//! `peer run` and `peer submit`: hand in a job, and see it through.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use protocol::ids::PurseId;
use protocol::job::{Array, Limits};
use protocol::units::{Bytes, Credits, Fuel, Millis};

use super::asking::{Desk, print};
use super::collect::{self, Keep};
use super::follow::{self, verdict};
use super::{form, job_file, parse};
use crate::api::problem::{Code, Problem};
use crate::api::types::{
    JobState, JobView, KernelForm, List, SubmittedView, TaskView, UnknownImportsForm,
};

/// What a task may use if nothing is said.
const LIMITS: Limits = Limits {
    fuel: Fuel::new(10_000_000_000),
    memory: Bytes::new(256 << 20),
    output: Bytes::new(16 << 20),
    output_files: 1_000,
    wall_ms: Millis::new(60_000),
};

/// What is to be run: a module with its flags, or a job file with flags over it.
#[derive(Clone, Debug, Args)]
pub struct WorkArgs {
    /// A WASI module (`prog.wasm`) or a job file (`job.toml`)
    #[arg(value_name = "MODULE|JOB.TOML")]
    pub what: PathBuf,
    /// Run one task per index: 0-9, or 0-99:10; the guest finds it in PEER_ARRAY_INDEX
    #[arg(short, long, value_name = "RANGE", value_parser = parse::array)]
    pub array: Option<Array>,
    /// A file or folder that the guest reads as /in/NAME, or as NAME if that begins with a `/`; may
    /// be repeated
    #[arg(long = "in", value_name = "NAME=PATH", value_parser = parse::pair)]
    pub inputs: Vec<(String, String)>,
    /// An entry of the guest's environment; may be repeated
    #[arg(short, long = "env", value_name = "NAME=VALUE", value_parser = parse::pair)]
    pub env: Vec<(String, String)>,
    /// What the guest reads from standard input; `-` is ours
    #[arg(long, value_name = "FILE")]
    pub stdin: Option<PathBuf>,
    /// What becomes of functions that the module imports and no peer has
    #[arg(long, value_name = "WHAT", value_enum)]
    pub unknown_imports: Option<UnknownImportsForm>,
    /// The module drives a GPU (`gpu_calls = true` in a job file): only peers with one run it
    #[arg(long)]
    pub gpu_calls: bool,
    /// How many peers of different sponsors run each task
    #[arg(short, long, visible_alias = "copies", value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=7))]
    pub replicas: Option<u8>,
    /// How much work a task may do, such as 500M or 10G
    #[arg(long, value_name = "FUEL", value_parser = parse::fuel)]
    pub fuel: Option<Fuel>,
    /// How much memory a task may use, such as 64MiB
    #[arg(short, long, value_name = "SIZE", value_parser = parse::size)]
    pub mem: Option<Bytes>,
    /// How long a task may take on one machine, such as 60s
    #[arg(short, long, value_name = "TIME", value_parser = parse::millis)]
    pub time: Option<Millis>,
    /// How much a task may write: stdout, stderr and /out together
    #[arg(long, value_name = "SIZE", value_parser = parse::size)]
    pub max_output: Option<Bytes>,
    /// The most that may be set aside, in credits; what is not used comes back
    #[arg(short, long, value_name = "CREDITS", value_parser = parse::credits)]
    pub budget: Option<Credits>,
    /// The task wallet or grant that pays, rather than the wallet
    #[arg(long, value_name = "PURSE")]
    pub purse: Option<PurseId>,
    /// Run a few tasks here first: a ring that agrees on a lie is found where it differs
    #[arg(long)]
    pub canaries: bool,
    /// What to pay for a Gfuel, in credits; by default what the offers ask
    #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
    pub price: Option<Credits>,
    /// How many tasks a peer is given at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub tasks_per_bundle: Option<u32>,
    /// What to call the job
    #[arg(short, long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where the guest's randomness comes from: the same words, the same results
    #[arg(long, value_name = "WORDS")]
    pub seed: Option<String>,
    /// Arguments of the program
    #[arg(last = true, value_name = "ARGS")]
    pub args: Vec<String>,
}

/// Which exit code `peer run` ends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExitOf {
    /// The job's: 0, or 3 if a task failed.
    #[default]
    Job,
    /// The guest's, 1 to 125, if there is one task.
    Guest,
}

/// Running a job to its end.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    peer run ./hello.wasm -- world\n  \
    peer run ./square.wasm --array 0-63 --replicas 2 --budget 30 --fetch out\n  \
    peer run ./align.wasm -a 0-93 --in data=./sequences.fasta --fuel 2G\n  \
    peer run examples/jobs/orchids/job.toml\n  \
    echo 1 2 3 | peer run ./sum.wasm --stdin -\n\n\
    One task: its stdout and stderr are printed. Several: DIR/<index>/ holds stdout, stderr,\n\
    exit.json and out/ of each; DIR is --fetch, or a folder named after the job.\n\n\
    Ctrl-C leaves the job running and says how to come back to it.\n\
    Exit code: 0 all tasks done, 3 some failed, 5 budget, 6 no peer answers, 9 not judged.")]
pub struct RunArgs {
    /// What to run.
    #[command(flatten)]
    pub work: WorkArgs,
    /// Where to put what every task left
    #[arg(short, long, value_name = "DIR")]
    pub fetch: Option<PathBuf>,
    /// Which exit code to end with
    #[arg(long, value_enum, default_value_t, value_name = "WHOSE")]
    pub exit_code: ExitOf,
    /// Give up waiting after this; the job goes on
    #[arg(long, value_name = "TIME", value_parser = parse::millis)]
    pub patience: Option<Millis>,
}

/// Handing in a job.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    peer submit job.toml\n  \
    id=$(peer submit -o id ./square.wasm --array 0-63)   the id alone, for a script\n  \
    peer job wait $id && peer job get $id\n\n\
    A job file:\n  \
    name = \"orchids\"\n  \
    module = \"align.wasm\"\n  \
    array = \"0-93\"\n  \
    copies = 2\n  \
    [inputs]\n  \
    sequences = \"ls_orchid.fasta\"     # the guest reads /in/sequences\n  \
    [limits]\n  \
    fuel_per_task = \"2G\"\n  \
    memory_bytes = \"64MiB\"")]
pub struct SubmitArgs {
    /// What to run.
    #[command(flatten)]
    pub work: WorkArgs,
    /// Wait until the job is judged
    #[arg(long)]
    pub wait: bool,
    /// Wait, and put what every task left there
    #[arg(short, long, value_name = "DIR")]
    pub fetch: Option<PathBuf>,
}

/// A job before its files are read.
#[derive(Clone, Debug)]
pub struct Work {
    /// What people call it.
    pub name: String,
    /// The module's file.
    pub module: PathBuf,
    /// How it is fed and run, if it is a shader.
    pub gpu: Option<KernelForm>,
    /// Whether it is a WASI module that drives a GPU.
    pub gpu_calls: bool,
    /// Arguments.
    pub args: Vec<String>,
    /// Environment.
    pub env: Vec<(String, String)>,
    /// The file that is its standard input; `-` is ours.
    pub stdin: Option<PathBuf>,
    /// Names below `/in`, and the files or folders they stand for.
    pub inputs: Vec<(String, PathBuf)>,
    /// What becomes of functions that the module imports and no peer has.
    pub unknown_imports: UnknownImportsForm,
    /// The indexes of its tasks.
    pub array: Array,
    /// Whether an array was asked for, even one of one task.
    pub is_array: bool,
    /// What each task may use.
    pub limits: Limits,
    /// Where the guest's randomness comes from.
    pub seed: Option<String>,
    /// The class of peers.
    pub class: Option<String>,
    /// How often each task runs.
    pub copies: Option<u8>,
    /// How many tasks make a bundle.
    pub tasks_per_bundle: Option<u32>,
    /// What is paid for a Gfuel.
    pub per_gfuel: Option<Credits>,
    /// The most that may be set aside.
    pub budget: Option<Credits>,
    /// The task wallet or grant that pays.
    pub purse: Option<PurseId>,
    /// Whether some tasks are run here first, and planted as canaries.
    pub canaries: bool,
}

impl Work {
    /// One task of this module, within the usual limits.
    pub fn of(module: PathBuf) -> Self {
        let name = module
            .file_stem()
            .map(|name| name.to_string_lossy().into_owned());
        Self {
            name: name.unwrap_or_else(|| "job".to_owned()),
            module,
            gpu: None,
            gpu_calls: false,
            args: Vec::new(),
            env: Vec::new(),
            stdin: None,
            inputs: Vec::new(),
            unknown_imports: UnknownImportsForm::Refuse,
            array: Array {
                first: 0,
                step: 1,
                count: 1,
            },
            is_array: false,
            limits: LIMITS,
            seed: None,
            class: None,
            copies: None,
            tasks_per_bundle: None,
            per_gfuel: None,
            budget: None,
            purse: None,
            canaries: false,
        }
    }
}

impl WorkArgs {
    /// What the arguments ask for: the job file, if one is named, and the flags over it.
    ///
    /// # Errors
    /// What is wrong with the job file.
    pub fn work(self) -> Result<Work, Problem> {
        let is_file = self.what.extension().is_some_and(|ending| ending == "toml");
        let mut work = match is_file {
            true => job_file::read(&self.what)?,
            false => Work::of(self.what),
        };
        if let Some(array) = self.array {
            (work.array, work.is_array) = (array, true);
        }
        for (name, path) in self.inputs {
            work.inputs.push((name, path.into()));
        }
        work.env.extend(self.env);
        work.args.extend(self.args);
        work.name = self.name.unwrap_or(work.name);
        work.stdin = self.stdin.or(work.stdin);
        work.seed = self.seed.or(work.seed);
        work.copies = self.replicas.or(work.copies);
        work.tasks_per_bundle = self.tasks_per_bundle.or(work.tasks_per_bundle);
        work.per_gfuel = self.price.or(work.per_gfuel);
        work.budget = self.budget.or(work.budget);
        work.purse = self.purse.or(work.purse);
        work.unknown_imports = self.unknown_imports.unwrap_or(work.unknown_imports);
        work.gpu_calls |= self.gpu_calls;
        work.canaries |= self.canaries;
        let limits = &mut work.limits;
        limits.fuel = self.fuel.unwrap_or(limits.fuel);
        limits.memory = self.mem.unwrap_or(limits.memory);
        limits.output = self.max_output.unwrap_or(limits.output);
        limits.wall_ms = self.time.unwrap_or(limits.wall_ms);
        Ok(work)
    }
}

/// Reads, uploads and hands in.
///
/// # Errors
/// What is wrong with the files, or what the peer says.
pub async fn hand_in(desk: &Desk, work: Work) -> Result<SubmittedView, Problem> {
    // Before files and stdin are read: the plainest error first.
    desk.client.reach().await?;
    let form = form::fill(&desk.client, work).await?;
    desk.client.post("/jobs", &form).await
}

fn told(desk: &Desk, submitted: &SubmittedView) {
    desk.say(&format!(
        "  {}  {} tasks x {} copies  at most {} in escrow  {} peers can be drawn",
        submitted.job, submitted.tasks, submitted.copies, submitted.escrow, submitted.peers
    ));
}

pub(super) async fn submit(desk: &Desk, args: SubmitArgs) -> Result<(), Problem> {
    let work = args.work.work()?;
    let submitted = hand_in(desk, work).await?;
    desk.show(&submitted)?;
    if !args.wait && args.fetch.is_none() {
        return Ok(());
    }
    let job = follow::to_the_end(desk, &submitted.job.0, None).await?;
    if let Some(folder) = &args.fetch {
        collect::fetch(desk, &job, folder, Keep::Final).await?;
    }
    verdict(&job)
}

pub(super) async fn run(desk: &Desk, args: RunArgs) -> Result<(), Problem> {
    let work = args.work.work()?;
    let one = work.array.count == 1 && !work.is_array;
    let submitted = hand_in(desk, work).await?;
    told(desk, &submitted);
    let job = follow::to_the_end(desk, &submitted.job.0, args.patience).await?;
    if job.state != JobState::Ended {
        return verdict(&job);
    }
    match one {
        true => show_one(desk, &job, args.fetch.as_deref(), args.exit_code).await?,
        false => show_many(desk, &job, args.fetch.as_deref()).await?,
    }
    verdict(&job)?;
    desk.say(&format!("  {} paid, {} came back", job.paid, job.refunded));
    Ok(())
}

async fn show_one(
    desk: &Desk,
    job: &JobView,
    folder: Option<&Path>,
    exit_of: ExitOf,
) -> Result<(), Problem> {
    let tasks = collect::arrived(desk, job).await?;
    let Some(output) = collect::output(desk, tasks.first()).await? else {
        return Ok(());
    };
    if desk.look.is_json() {
        desk.show(job)?;
    } else {
        print(&collect::for_screen(&output.stdout, desk.look.terminal))?;
        collect::to_stderr(&output.stderr);
    }
    let own = PathBuf::from(job.id.to_string());
    let folder = folder.or((!output.files.is_empty()).then_some(&*own));
    if let Some(folder) = folder {
        collect::fetch(desk, job, folder, Keep::Final).await?;
    }
    let code = tasks.first().and_then(|task| task.ended.as_ref()?.code);
    match code.and_then(|code| u8::try_from(code).ok()) {
        Some(code @ 1..=125) if exit_of == ExitOf::Guest => std::process::exit(code.into()),
        _ => Ok(()),
    }
}

async fn show_many(desk: &Desk, job: &JobView, folder: Option<&Path>) -> Result<(), Problem> {
    let own = PathBuf::from(job.id.to_string());
    collect::fetch(desk, job, folder.unwrap_or(&own), Keep::Final).await?;
    if desk.look.is_json() {
        return desk.show(job);
    }
    let tasks: Vec<TaskView> = collect::arrived(desk, job).await?;
    desk.show(&List::from(tasks))
}

/// The problem of a question that was asked too early.
pub(super) fn too_early(job: &JobView) -> Problem {
    let title = format!("{} is not judged yet", job.id);
    Problem::new(Code::NotFinal, title).try_this(format!(
        "`peer job wait {0}`, or take what is there with `peer job get --provisional {0}`",
        job.id.full()
    ))
}

#[cfg(test)]
mod tests;
