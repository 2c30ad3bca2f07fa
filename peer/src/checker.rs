//! A job's checker in the executor: the output it is asked about is laid out as files, for as long
//! as it looks at them, and only what the job's kernel could have left is shown to it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use protocol::bytes;
use protocol::ids::Digest;
use protocol::job::{Blob, Job};
use protocol::kernel::{CANDIDATE_FOLDER, Program};
use protocol::outcome::{TASK_OUTPUT_BYTES_MAX, TaskOutput};

use crate::blobs::Blobs;
use crate::home::make_private;
use crate::runs::NotBegun;

/// So much of what a refusing checker wrote is told in the log.
const SAYS_BYTES_MAX: usize = 200;

/// Whether a module could look at outputs as the checker of a job.
///
/// # Errors
/// Why not, in words.
pub fn fits(module: &[u8], checking: &Job) -> Result<(), String> {
    let facts = executor::check_module(module, checking.unknown_imports, checking.profile);
    let begins = facts.map_err(|refused| refused.to_string())?.memory_min;
    let most = checking.limits.memory;
    if begins > most {
        let (begins, most) = (begins.get(), most.get());
        return Err(format!(
            "it begins with {begins} bytes of memory, and the job's limit is {most}"
        ));
    }
    Ok(())
}

/// The files of one output, in a folder that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Laid {
    folder: PathBuf,
    /// Where each file lies, by the path that a checker finds it at.
    files: BTreeMap<String, PathBuf>,
}

impl Drop for Laid {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "an output is left over");
        }
    }
}

impl Laid {
    /// Empties the folder in which outputs are laid out; they are those of a dead process.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn sweep(root: &Path) -> io::Result<()> {
        match fs::remove_dir_all(root) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
            _ => {}
        }
        make_private(root).map_err(io::Error::other)
    }

    /// Lays an output out in a folder of this name.
    fn out(root: &Path, name: u64, output: &TaskOutput) -> io::Result<(Self, Vec<(String, Blob)>)> {
        let folder = root.join(name.to_string());
        fs::create_dir(&folder)?;
        let mut laid = Self {
            folder,
            files: BTreeMap::new(),
        };
        let mut blobs = Vec::new();
        for (at, (name, content)) in output.files.iter().enumerate() {
            let path = laid.folder.join(at.to_string());
            fs::write(&path, content)?;
            laid.files
                .insert(format!("/{CANDIDATE_FOLDER}/{name}"), path);
            blobs.push((name.clone(), Blob::of(content)));
        }
        Ok((laid, blobs))
    }

    /// Where an input of the checker lies, if it is a file of the output.
    pub(crate) fn file(&self, input: &str) -> Option<&Path> {
        self.files.get(input).map(PathBuf::as_path)
    }
}

/// The job as which the checker of `job` looks at an output, and the output laid out for it in a
/// folder of this name; `None` if it is refused unseen, as no task of the kernel that ended well
/// leaves it.
///
/// # Errors
/// [`NotBegun`].
pub(crate) fn prepare(
    (root, name): (&Path, u64),
    job: &Job,
    output: Digest,
    blobs: &Blobs,
) -> Result<Option<(Job, Laid)>, NotBegun> {
    let failed = |why: &dyn std::fmt::Display| NotBegun::Failed(why.to_string());
    let written = blobs.read(&output).map_err(|error| failed(&error))?;
    let written = written.ok_or(NotBegun::Gone(output))?;
    let Program::Wgsl(kernel) = &job.program else {
        return Err(failed(&"a checker looks at outputs of shaders only"));
    };
    let read = bytes::read::<TaskOutput>(&written, TASK_OUTPUT_BYTES_MAX).ok();
    let Some(read) = read.filter(|read| kernel.is_whole(job.profile, read)) else {
        return Ok(None);
    };
    let (laid, files) = Laid::out(root, name, &read).map_err(|error| failed(&error))?;
    let checking = job.checking(files);
    let checking = checking.ok_or_else(|| failed(&"the job names no checker"))?;
    Ok(Some((checking, laid)))
}

/// What a checker that ended says about an output, told to the log where it refuses.
pub(crate) fn accepts(task: u32, ended: &TaskOutput) -> bool {
    let accepted = ended.status.is_success();
    if !accepted {
        let says = [&ended.stderr, &ended.stdout];
        let says = says.into_iter().find(|text| !text.is_empty());
        let says = says.map_or(&[][..], |text| &text[..text.len().min(SAYS_BYTES_MAX)]);
        let (status, says) = (ended.status, String::from_utf8_lossy(says));
        tracing::info!(target: "peer::jobs", task, ?status, ?says, "the checker refuses an output");
    }
    accepted
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::job::{Limits, Profile};
    use protocol::kernel::{Buffer, Compare, Kernel, Pass};
    use protocol::outcome::Status;
    use protocol::units::{Bytes, Fuel, Millis};

    fn limits(memory: u64) -> Limits {
        Limits {
            fuel: Fuel::new(1_000),
            memory: Bytes::new(memory),
            output: Bytes::new(1 << 20),
            output_files: 2,
            wall_ms: Millis::new(1_000),
        }
    }

    #[test]
    fn a_checker_begins_within_the_jobs_memory_or_is_refused() {
        let jobs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/jobs");
        let module = fs::read(jobs.join("queens/check.wasm")).unwrap();
        let checking = |memory| Job::once("check", Blob::of(&module), limits(memory));
        assert_eq!(fits(&module, &checking(32 << 20)), Ok(()));
        let refused = fits(&module, &checking(1 << 20)).unwrap_err();
        assert!(refused.contains("the job's limit is 1048576"), "{refused}");
        assert!(fits(b"no module", &checking(32 << 20)).is_err());
    }

    fn shader() -> Job {
        let kernel = Kernel {
            buffers: vec![Buffer::Output {
                name: "a/o".to_owned(),
                size: Bytes::new(4),
            }],
            passes: vec![Pass {
                entry: "main".to_owned(),
                groups: [1, 1, 1],
            }],
            compare: Compare::Checker {
                module: Blob::of(b"checker"),
            },
        };
        Job {
            profile: Profile::WGSL_1,
            program: Program::Wgsl(kernel),
            ..Job::once("test", Blob::of(b"shader"), limits(1 << 20))
        }
    }

    #[test]
    fn what_a_checker_looks_at_lies_there_as_long_as_it_does() {
        let home = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&home.path().join("blobs")).unwrap();
        let root = home.path().join("checked");
        Laid::sweep(&root).unwrap();
        let whole = TaskOutput {
            profile: Profile::WGSL_1,
            status: Status::Exited(0),
            stdout: Vec::new(),
            stderr: Vec::new(),
            files: vec![("a/o".to_owned(), vec![1, 2, 3, 4])],
            steps: None,
        };
        let kept = blobs.keep(&whole.to_bytes()).unwrap();
        let (checking, laid) = prepare((&root, 7), &shader(), kept, &blobs)
            .unwrap()
            .unwrap();
        assert_eq!(checking.module, Blob::of(b"checker"));
        let input = &checking.inputs[0];
        assert_eq!(
            (&*input.path, input.blob),
            ("/candidate/a/o", Blob::of(&[1, 2, 3, 4]))
        );
        let file = laid.file("/candidate/a/o").unwrap().to_owned();
        assert_eq!(fs::read(&file).unwrap(), [1, 2, 3, 4]);
        drop(laid);
        assert!(!file.exists());
        // What another process left is gone at the next start.
        fs::create_dir(root.join("3")).unwrap();
        Laid::sweep(&root).unwrap();
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    }

    #[test]
    fn what_no_task_leaves_is_refused_unseen_and_what_is_gone_is_fetched_again() {
        let home = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&home.path().join("blobs")).unwrap();
        let look = |output| prepare((home.path(), 1), &shader(), output, &blobs);
        let nothing = Digest::of(b"nowhere");
        assert_eq!(look(nothing).unwrap_err(), NotBegun::Gone(nothing));
        for written in [&b"no output"[..], b""] {
            let kept = blobs.keep(written).unwrap();
            assert!(look(kept).unwrap().is_none());
        }
        let short = TaskOutput {
            profile: Profile::WGSL_1,
            status: Status::Exited(0),
            stdout: Vec::new(),
            stderr: Vec::new(),
            files: vec![("a/o".to_owned(), vec![1, 2, 3])],
            steps: None,
        };
        let kept = blobs.keep(&short.to_bytes()).unwrap();
        assert!(look(kept).unwrap().is_none());
        assert!(!home.path().join("1").exists(), "nothing was laid out");
    }
}
