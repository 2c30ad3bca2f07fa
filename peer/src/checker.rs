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
