//! What tasks left behind: fetched by digest, checked, and put into a folder.
//!
//! ```text
//! DIR/<index>/stdout  stderr  exit.json  out/…
//! ```

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anstream::adapter::strip_bytes;
use protocol::outcome::TaskOutput;
use serde_json::json;
use tokio::time::sleep;

use super::asking::Desk;
use super::submit::too_early;
use crate::api::door::PAGE_MAX;
use crate::api::problem::{Code, Problem};
use crate::api::types::{JobView, List, TaskState, TaskView};

/// The outputs of judged tasks arrive within this, or something holds them up.
pub const ARRIVE_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether they have.
const ARRIVE_LOOK: Duration = Duration::from_millis(50);

/// Which results are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Only those of a job that has ended.
    Final,
    /// Whatever is here.
    Provisional,
}

/// Every task of a job.
///
/// # Errors
/// What the peer says.
pub async fn tasks(desk: &Desk, job: &JobView) -> Result<Vec<TaskView>, Problem> {
    let mut tasks: Vec<TaskView> = Vec::new();
    while tasks.len() < job.tasks as usize {
        let path = format!(
            "/jobs/{}/tasks?from={}&limit={PAGE_MAX}",
            job.id.full(),
            tasks.len()
        );
        let page: List<TaskView> = desk.client.get(&path).await?;
        if page.items.is_empty() {
            break;
        }
        tasks.extend(page.items);
    }
    Ok(tasks)
}

/// Every task of a job, once the outputs of all judged ones are at the peer: after a verdict the
/// right one may still be on its way. Waits at most [`ARRIVE_MAX`].
///
/// # Errors
/// What the peer says.
pub async fn arrived(desk: &Desk, job: &JobView) -> Result<Vec<TaskView>, Problem> {
    let end = Instant::now() + ARRIVE_MAX;
    loop {
        let tasks = tasks(desk, job).await?;
        let late = |task: &TaskView| task.state == TaskState::Judged && task.output.is_none();
        if !tasks.iter().any(late) || Instant::now() >= end {
            return Ok(tasks);
        }
        sleep(ARRIVE_LOOK).await;
    }
}

/// What a task left; `None` if it has no result.
///
/// # Errors
/// What the peer says; a result that it has but cannot serve is an error.
pub async fn output(desk: &Desk, task: Option<&TaskView>) -> Result<Option<TaskOutput>, Problem> {
    match task.and_then(|task| task.output) {
        Some(digest) => desk.client.output(&digest.0).await.map(Some),
        None => Ok(None),
    }
}

/// Puts what every task left into `folder`, and returns how many tasks had something.
///
/// # Errors
/// [`Code::NotFinal`] if the job has not ended and only final results are wanted; what the peer
/// says; [`Code::Failed`] if it lacks some, after all others were put; [`Code::Usage`] if something
/// that is no result lies where a result should go.
pub async fn fetch(
    desk: &Desk,
    job: &JobView,
    folder: &Path,
    keep: Keep,
) -> Result<usize, Problem> {
    if keep == Keep::Final && !job.state.is_final() {
        return Err(too_early(job));
    }
    let (mut count, mut absent) = (0, 0);
    for task in arrived(desk, job).await? {
        absent += u32::from(task.state == TaskState::Judged && task.output.is_none());
        let output = match output(desk, Some(&task)).await {
            Err(problem) if problem.code == Code::NotFound => {
                absent += 1;
                continue;
            }
            other => other?,
        };
        count += usize::from(output.is_some());
        put(folder, &task, output.as_ref())?;
    }
    desk.say(&format!(
        "  {count} of {} results in {}",
        job.tasks,
        folder.display()
    ));
    if absent > 0 {
        let title = format!("{absent} results of {} are not at this peer", job.id);
        let again = format!("ask again: `peer job get {}`", job.id.full());
        return Err(Problem::new(Code::Failed, title).try_this(again));
    }
    Ok(count)
}

/// Puts one task's result into `folder`. It replaces an older result, and nothing else.
///
/// # Errors
/// [`Code::Usage`] or [`Code::Failed`].
pub fn put(folder: &Path, task: &TaskView, output: Option<&TaskOutput>) -> Result<(), Problem> {
    let place = folder.join(task.index.to_string());
    let part = folder.join(format!(".{}.part", task.index));
    let cannot = |error: io::Error| {
        let title = format!("cannot write the result of task {}", task.index);
        Problem::new(Code::Failed, title).because(format!("{}: {error}", place.display()))
    };
    if place.exists() && !place.join("exit.json").is_file() {
        let title = format!("{} is in the way of a result", place.display());
        return Err(Problem::new(Code::Usage, title).try_this("choose another folder: --fetch DIR"));
    }
    clear(&part).map_err(cannot)?;
    write(&part, task, output).map_err(cannot)?;
    clear(&place).map_err(cannot)?;
    fs::rename(&part, &place).map_err(cannot)
}

fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn write(place: &Path, task: &TaskView, output: Option<&TaskOutput>) -> io::Result<()> {
    fs::create_dir_all(place)?;
    if let Some(output) = output {
        fs::write(place.join("stdout"), &output.stdout)?;
        fs::write(place.join("stderr"), &output.stderr)?;
        // A guest's paths stay in its folder: the output was checked when it was decoded.
        let out = place.join("out");
        fs::create_dir(&out)?;
        for (path, content) in &output.files {
            let file = out.join(path);
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(file, content)?;
        }
    }
    let ended = task.ended.as_ref();
    let exit = json!({
        "kind": "peer.v1.Exit",
        "job": task.job,
        "index": task.index,
        "end": ended.map(|ended| ended.end),
        "code": ended.and_then(|ended| ended.code),
        "words": ended.map(|ended| &ended.words).or(task.why.as_ref()),
        "fuel": task.fuel,
        "output": task.output,
        "judged": task.state == TaskState::Judged,
    });
    fs::write(place.join("exit.json"), format!("{exit:#}\n"))
}

/// A guest's bytes for stdout: without terminal escapes where a terminal would obey them.
pub fn for_screen(bytes: &[u8], terminal: bool) -> Vec<u8> {
    if !terminal {
        return bytes.to_vec();
    }
    let stripped = strip_bytes(bytes).into_vec();
    let harmless = |byte: &u8| *byte >= b' ' || matches!(byte, b'\n' | b'\t');
    stripped.into_iter().filter(harmless).collect()
}

/// A guest's stderr to ours.
pub fn to_stderr(bytes: &[u8]) {
    let mut stderr = io::stderr();
    let bytes = for_screen(bytes, stderr.is_terminal());
    // Nobody is left to tell if stderr is gone.
    let _ = stderr.write_all(&bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::types::Id;
    use protocol::ids::JobId;
    use protocol::job::Profile;
    use protocol::outcome::Status;

    fn task(index: u64) -> TaskView {
        TaskView {
            job: Id(JobId::new([1; 32])),
            task: 0,
            index,
            bundle: 0,
            state: TaskState::Judged,
            ended: Some(Status::Exited(3).into()),
            fuel: Some(7),
            output: None,
            peers: Vec::new(),
            why: None,
        }
    }

    fn output(files: &[(&str, &str)]) -> TaskOutput {
        let file = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec());
        TaskOutput {
            profile: Profile::WASM_3,
            status: Status::Exited(3),
            stdout: b"hello".to_vec(),
            stderr: Vec::new(),
            files: files.iter().map(file).collect(),
            steps: None,
        }
    }

    #[test]
    fn a_result_is_a_folder_and_an_older_result_goes_whole() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), &task(5), Some(&output(&[("old", "x")]))).unwrap();
        put(
            dir.path(),
            &task(5),
            Some(&output(&[("a/b", "1"), ("c", "2")])),
        )
        .unwrap();
        let place = dir.path().join("5");
        assert_eq!(fs::read(place.join("stdout")).unwrap(), b"hello");
        assert_eq!(fs::read(place.join("out/a/b")).unwrap(), b"1");
        assert!(!place.join("out/old").exists());
        let exit = fs::read_to_string(place.join("exit.json")).unwrap();
        assert!(
            exit.contains("\"code\": 3") && exit.contains("exit code 3"),
            "{exit}"
        );

        put(dir.path(), &task(6), None).unwrap();
        assert!(dir.path().join("6/exit.json").is_file());
        assert!(!dir.path().join("6/stdout").exists());
    }

    #[test]
    fn what_is_no_result_is_never_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("5")).unwrap();
        fs::write(dir.path().join("5/thesis.tex"), "years").unwrap();
        let problem = put(dir.path(), &task(5), Some(&output(&[]))).unwrap_err();
        assert_eq!(problem.code, Code::Usage);
        assert!(dir.path().join("5/thesis.tex").is_file());
    }

    #[test]
    fn files_that_cannot_be_together_are_an_error_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let problem = put(
            dir.path(),
            &task(5),
            Some(&output(&[("a", "1"), ("a/b", "2")])),
        );
        assert_eq!(problem.unwrap_err().code, Code::Failed);
    }

    #[test]
    fn a_guest_cannot_command_the_terminal() {
        let text = b"\x1b[2Jhi\x1b]0;title\x07\x08\r\n\tthere\xc3\xa9";
        assert_eq!(for_screen(text, true), "hi\n\tthereé".as_bytes());
        assert_eq!(for_screen(text, false), text);
    }
}
