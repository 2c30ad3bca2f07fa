//! The run of a checker: a WASI module that looks at what a shader's task left, and says by its
//! exit code whether that is accepted. Many problems are easier to check than to solve.
//!
//! It is an ordinary job of the newest WASI profile, so whoever has the output can run it again. It
//! sees the shader's job's inputs where that names them, the output's files in the folder
//! [`CANDIDATE_FOLDER`], the same arguments, task number and seed, and has the same limits.

use super::{Buffer, Compare, Kernel, Program};
use crate::bytes::{Limited, Malformed};
use crate::job::{Blob, Input, Job, Profile, UnknownImports};
use crate::outcome::TaskOutput;
use crate::units::Bytes;

/// The top folder in which a checker finds the files of the output that it looks at.
pub const CANDIDATE_FOLDER: &str = "candidate";

impl Job {
    /// The job as which a checker looks at one output of any of this job's tasks: the files, each
    /// by its path in the output folder. `None` if this job names no checker.
    pub fn checking(&self, candidate: impl IntoIterator<Item = (String, Blob)>) -> Option<Self> {
        let Program::Wgsl(kernel) = &self.program else {
            return None;
        };
        let Compare::Checker { module } = kernel.compare else {
            return None;
        };
        let file = |(name, blob): (String, Blob)| {
            let path = format!("/{CANDIDATE_FOLDER}/{name}");
            Input { path, blob }
        };
        let mut inputs = self.inputs.clone();
        inputs.extend(candidate.into_iter().map(file));
        inputs.sort_by(|one, other| one.path.cmp(&other.path));
        Some(Self {
            profile: Profile::WASM_3,
            program: Program::Wasm,
            unknown_imports: UnknownImports::Refuse,
            module,
            inputs,
            ..self.clone()
        })
    }
}

impl Kernel {
    /// Whether an output is one that a task of this kernel leaves when it ends well: all its output
    /// buffers, each in its length, and nothing else. A checker is asked about no other.
    pub fn is_whole(&self, profile: Profile, output: &TaskOutput) -> bool {
        let mut files = self.outputs();
        files.sort_unstable();
        let found = output.files.iter();
        let found = found.map(|(name, content)| (name.as_str(), content.len() as u64));
        output.profile == profile
            && output.status.is_success()
            && output.stdout.is_empty()
            && output.stderr.is_empty()
            && output.steps.is_none()
            && found.eq(files)
    }

    /// The name and the length of each output buffer.
    fn outputs(&self) -> Vec<(&str, u64)> {
        let outputs = self.buffers.iter().filter_map(|buffer| match buffer {
            Buffer::Output { name, size } => Some((name.as_str(), size.get())),
            Buffer::Input { .. } | Buffer::Parameters | Buffer::Scratch { .. } => None,
        });
        outputs.collect()
    }

    /// Checks that its checker, if it has one, could be run.
    ///
    /// # Errors
    /// [`Malformed`].
    pub(super) fn checker_fits(&self, job: &Job) -> Result<(), Malformed> {
        let in_the_way = |input: &Input| input.root() == Some(CANDIDATE_FOLDER);
        // An output's content is known later; its name and its length are not.
        let files = self.outputs().into_iter().map(|(name, size)| {
            let size = Bytes::new(size);
            let digest = job.module.digest;
            (name.to_owned(), Blob { digest, size })
        });
        let Some(checking) = job.checking(files) else {
            return Ok(());
        };
        if job.inputs.iter().any(in_the_way) {
            let why = "a checker finds the output in /candidate: no input lies there";
            return Err(Malformed::Senseless(why));
        }
        checking.within_limits()
    }
}
