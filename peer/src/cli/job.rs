//! `peer job`: list, show, wait for, read and fetch jobs.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use protocol::ids::JobId;
use protocol::job::Array;
use protocol::units::Millis;

use super::asking::{Desk, print};
use super::collect::{self, Keep};
use super::follow::{self, verdict};
use super::parse;
use crate::api::problem::{Code, Problem};
use crate::api::types::{ExplainView, JobView, List, TaskView};

/// A job, and which of its tasks.
#[derive(Clone, Debug, Args)]
pub struct TaskArgs {
    /// Its id, the beginning of it, its name, or `last`
    #[arg(default_value = "last")]
    pub job: String,
    /// Only the tasks of these array indexes, such as 7 or 0-9
    #[arg(short = 'T', long, value_name = "RANGE", value_parser = parse::array)]
    pub task: Option<Array>,
}

/// About jobs.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum JobCommand {
    /// List this peer's jobs
    Ls,
    /// Show a job
    Show {
        /// Which.
        #[command(flatten)]
        which: TaskArgs,
        /// Show its tasks, one by one
        #[arg(long)]
        tasks: bool,
    },
    /// Wait until a job is judged
    Wait {
        /// Its id, the beginning of it, its name, or `last`
        #[arg(default_value = "last")]
        job: String,
        /// Give up after this; the job goes on
        #[arg(long, value_name = "TIME", value_parser = parse::millis)]
        patience: Option<Millis>,
    },
    /// Print what a job's tasks wrote to stdout; also of failed tasks, also before the end
    Logs {
        /// Which.
        #[command(flatten)]
        which: TaskArgs,
        /// What they wrote to stderr instead
        #[arg(long)]
        stderr: bool,
    },
    /// Fetch what every task left: DIR/<index>/{stdout,stderr,exit.json,out/}
    Get {
        /// Its id, the beginning of it, its name, or `last`
        #[arg(default_value = "last")]
        job: String,
        /// Where to put it; a folder named after the job if absent
        #[arg(short, long, visible_alias = "fetch", value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Take what is here, judged or not
        #[arg(long)]
        provisional: bool,
    },
    /// Say why a job waits, or what became of it: per peer, with the command that helps
    Explain {
        /// Its id, the beginning of it, its name, or `last`
        #[arg(default_value = "last")]
        job: String,
    },
}

pub(super) async fn perform(desk: &Desk, command: JobCommand) -> Result<(), Problem> {
    match command {
        JobCommand::Ls => desk.show_from::<List<JobView>>("/jobs").await,
        JobCommand::Show {
            which,
            tasks: false,
        } if which.task.is_none() => {
            let job = find(desk, &which.job).await?;
            desk.show(&job)
        }
        JobCommand::Show { which, .. } => {
            let tasks = some_tasks(desk, &which).await?.1;
            desk.show(&List::from(tasks))
        }
        JobCommand::Wait { job, patience } => {
            let job = find(desk, &job).await?;
            let job = follow::to_the_end(desk, &job.id.0, patience).await?;
            desk.show(&job)?;
            verdict(&job)
        }
        JobCommand::Logs { which, stderr } => logs(desk, &which, stderr).await,
        JobCommand::Get {
            job,
            dir,
            provisional,
        } => {
            let job = find(desk, &job).await?;
            let keep = if provisional {
                Keep::Provisional
            } else {
                Keep::Final
            };
            let dir = dir.unwrap_or_else(|| PathBuf::from(job.id.to_string()));
            collect::fetch(desk, &job, &dir, keep).await.map(drop)
        }
        JobCommand::Explain { job } => {
            let job = find(desk, &job).await?;
            let path = format!("/jobs/{}/explain", job.id.full());
            desk.show_from::<ExplainView>(&path).await
        }
    }
}

/// The job that people mean by a whole id, the beginning of one, a name, or `last`.
///
/// # Errors
/// [`Code::NotFound`] if there is none, [`Code::Usage`] if there are several.
pub async fn find(desk: &Desk, text: &str) -> Result<JobView, Problem> {
    if let Ok(id) = text.parse::<JobId>() {
        return desk.client.get(&format!("/jobs/{}", id.full())).await;
    }
    let jobs: List<JobView> = desk.client.get("/jobs").await?;
    choose(jobs.items, text)
}

fn choose(mut jobs: Vec<JobView>, text: &str) -> Result<JobView, Problem> {
    let none = |title: String| {
        Err(Problem::new(Code::NotFound, title).try_this("`peer job ls` lists this peer's jobs"))
    };
    if text == "last" {
        return jobs
            .pop()
            .map_or_else(|| none("this peer has no job yet".to_owned()), Ok);
    }
    let begins = |job: &JobView| {
        let id = job.id.full();
        let letters = id.strip_prefix(JobId::PREFIX).unwrap_or(&id);
        !text.is_empty() && (id.starts_with(text) || letters.starts_with(text))
    };
    let mut found: Vec<JobView> = jobs.extract_if(.., |job| begins(job)).collect();
    if found.is_empty() {
        // Names may repeat: the newest job of a name is meant.
        found.extend(jobs.into_iter().rfind(|job| job.name == text));
    }
    match found.len() {
        0 => none(format!("this peer has no job `{}`", text.escape_debug())),
        1 => Ok(found.remove(0)),
        many => {
            let title = format!("`{text}` begins the ids of {many} jobs");
            Err(Problem::new(Code::Usage, title).try_this("give more letters: `peer job ls`"))
        }
    }
}

async fn some_tasks(desk: &Desk, which: &TaskArgs) -> Result<(JobView, Vec<TaskView>), Problem> {
    let job = find(desk, &which.job).await?;
    let mut tasks = collect::tasks(desk, &job).await?;
    if let Some(wanted) = &which.task {
        tasks.retain(|task| {
            let past = task.index.checked_sub(wanted.first);
            past.is_some_and(|past| {
                past.is_multiple_of(wanted.step) && past / wanted.step < wanted.count.into()
            })
        });
        if tasks.is_empty() {
            let title = format!("{} has no task of that index", job.id);
            return Err(Problem::new(Code::NotFound, title)
                .try_this(format!("`peer job show --tasks {}`", job.id.full())));
        }
    }
    Ok((job, tasks))
}

async fn logs(desk: &Desk, which: &TaskArgs, stderr: bool) -> Result<(), Problem> {
    let (job, tasks) = some_tasks(desk, which).await?;
    let several = tasks.len() > 1;
    let mut any = false;
    for task in &tasks {
        let Some(output) = collect::output(desk, Some(task)).await? else {
            continue;
        };
        any = true;
        let bytes = if stderr { output.stderr } else { output.stdout };
        let bytes = collect::for_screen(&bytes, desk.look.terminal);
        match several {
            true => print(&with_index(task.index, &bytes))?,
            false => print_raw(desk, &bytes)?,
        }
    }
    match any {
        true => Ok(()),
        false => Err(super::submit::too_early(&job).because("no task has a result yet")),
    }
}

/// A guest's bytes go to a file or a pipe untouched.
fn print_raw(desk: &Desk, bytes: &[u8]) -> Result<(), Problem> {
    use std::io::Write;
    if desk.look.terminal {
        return print(bytes);
    }
    let mut out = std::io::stdout();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Problem::new(Code::Failed, "cannot write the output").because(error)),
        Ok(()) => Ok(()),
    }
}

fn with_index(index: u64, bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        text.extend_from_slice(format!("[{index}] ").as_bytes());
        text.extend_from_slice(line);
    }
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::samples;

    #[test]
    fn a_job_is_found_by_what_people_write() {
        let jobs = || {
            let mut jobs = vec![samples::job(1), samples::job(2), samples::job(3)];
            jobs[0].name = "orchids".to_owned();
            jobs[1].name = "orchids".to_owned();
            jobs
        };
        let found = |text: &str| choose(jobs(), text).map(|job| job.id).map_err(|p| p.code);
        let ids: Vec<_> = jobs().iter().map(|job| job.id).collect();
        assert_eq!(found("last"), Ok(ids[2]));
        assert_eq!(found("orchids"), Ok(ids[1]), "the newest of a name");
        assert_eq!(found(&ids[0].to_string()), Ok(ids[0]));
        assert_eq!(found(&ids[0].full()[4..12]), Ok(ids[0]));
        assert_eq!(found("job_"), Err(Code::Usage));
        assert_eq!(found("nothing"), Err(Code::NotFound));
        assert_eq!(found(""), Err(Code::NotFound));
        assert_eq!(
            choose(Vec::new(), "last").map_err(|p| p.code),
            Err(Code::NotFound)
        );
    }

    #[test]
    fn lines_of_several_tasks_say_whose_they_are() {
        assert_eq!(with_index(7, b"a\nb"), b"[7] a\n[7] b\n");
        assert_eq!(with_index(7, b""), b"");
    }
}
