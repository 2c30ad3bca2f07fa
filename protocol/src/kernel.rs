//! A WGSL job's declaration: which buffers its shader sees, what fills them, which of them are its
//! output, and in which order its entry points run.
//!
//! The shader itself is the job's module. All buffers stand in bind group 0, numbered from 0 in the
//! order of the declaration; a task's output folder holds its output buffers as files, so digest,
//! seal, audit and payment are those of every other job.

use borsh::io::{self, Read, Write};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::bytes::{Limited, Malformed, at_most};
use crate::job::{Input, Job, Judge, NAME_BYTES_MAX, Profile, UnknownImports, is_plain_path};
use crate::units::Bytes;

mod checker;
mod compare;

pub use checker::CANDIDATE_FOLDER;
pub use compare::{Compare, DEVICE_BYTES_MAX, FUEL_APART_SHARE, are_near};

/// A shader may have so many bytes.
pub const SHADER_MAX: Bytes = Bytes::new(64 << 10);
/// A kernel may have so many buffers.
pub const BUFFERS_MAX: usize = 7;
/// A kernel may have so many passes.
pub const PASSES_MAX: usize = 64;
/// One buffer may have so many bytes.
pub const BUFFER_MAX: Bytes = Bytes::new(128 << 20);
/// A pass may have so many workgroups in each direction.
pub const GROUPS_MAX: u32 = 65_535;
/// How many words of the parameter buffer stand before the job's arguments: the array index (low
/// word, high word), the task's number, and how many arguments follow.
pub const PARAMETERS_BEFORE_ARGUMENTS: usize = 4;

/// What kind of program a job's module is. Its job's profile says so too, and the two agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// A WebAssembly module.
    Wasm,
    /// A WGSL shader.
    Wgsl(Kernel),
}

/// How a shader is fed and run.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Kernel {
    /// Its buffers, in the order of their bindings.
    pub buffers: Vec<Buffer>,
    /// What runs, one after the other: a pass sees all that the passes before it wrote.
    pub passes: Vec<Pass>,
    /// When two outputs of a task count as the same.
    pub compare: Compare,
}

/// What fills a buffer, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Buffer {
    /// Holds the job's input file of this path, filled up with zeros to whole words.
    Input {
        /// One of the job's inputs.
        path: String,
    },
    /// Holds the task's parameters, as words: see [`parameters`].
    Parameters,
    /// Starts as zeros, and is forgotten at the task's end.
    Scratch {
        /// Its length: whole words.
        size: Bytes,
    },
    /// Starts as zeros, and its content at the task's end is an output file.
    Output {
        /// The file's path in the output folder.
        name: String,
        /// Its length: whole words.
        size: Bytes,
    },
}

/// One entry point, run for a box of workgroups.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Pass {
    /// The entry point's name.
    pub entry: String,
    /// How many workgroups there are in x, y and z.
    pub groups: [u32; 3],
}

/// What a task's parameter buffer holds; `None` if an argument is no whole number of 32 bits.
pub fn parameters(job: &Job, task: u32) -> Option<Vec<u32>> {
    let index = job.array.index(task).to_le_bytes();
    let word =
        |at: usize| u32::from_le_bytes([index[at], index[at + 1], index[at + 2], index[at + 3]]);
    let count = u32::try_from(job.args.len()).ok()?;
    let mut words = vec![word(0), word(4), task, count];
    for arg in &job.args {
        words.push(argument(arg)?);
    }
    Some(words)
}

/// An argument of a shader: `u32`, or `i32` by its bits.
fn argument(text: &str) -> Option<u32> {
    let unsigned = text.parse::<u32>().ok();
    unsigned.or_else(|| text.parse::<i32>().ok().map(i32::cast_unsigned))
}

/// A length in whole words, as a buffer has it.
const fn is_whole(size: Bytes) -> bool {
    size.get() > 0 && size.get().is_multiple_of(4) && size.get() <= BUFFER_MAX.get()
}

impl Buffer {
    /// How many bytes it takes before padding; `None` if it names an input that there is not.
    pub fn size(&self, job: &Job) -> Option<Bytes> {
        let input = |path: &str| job.inputs.iter().find(|input: &&Input| input.path == path);
        Some(match self {
            Self::Input { path } => {
                Bytes::new(input(path)?.blob.size.get().checked_next_multiple_of(4)?)
            }
            Self::Parameters => {
                Bytes::new(4 * (PARAMETERS_BEFORE_ARGUMENTS + job.args.len()) as u64)
            }
            Self::Scratch { size } | Self::Output { size, .. } => *size,
        })
    }
}

impl Kernel {
    /// Checks what can be seen without the shader.
    ///
    /// # Errors
    /// [`Malformed`], naming the first thing that is wrong.
    fn fits(&self, job: &Job) -> Result<(), Malformed> {
        let bad = |why| Err(Malformed::Senseless(why));
        self.compare.within_limits()?;
        let shader = usize::try_from(job.module.size.get()).unwrap_or(usize::MAX);
        at_most(
            "shader",
            shader,
            usize::try_from(SHADER_MAX.get()).unwrap_or(0),
        )?;
        at_most("buffers", self.buffers.len(), BUFFERS_MAX)?;
        at_most("passes", self.passes.len(), PASSES_MAX)?;
        let imports = job.unknown_imports != UnknownImports::Refuse;
        if imports || !job.env.is_empty() || job.stdin.is_some() {
            return bad("a shader has neither imports nor environment nor standard input");
        }
        if parameters(job, 0).is_none() {
            return bad("a shader's arguments are whole numbers of 32 bits");
        }
        self.buffers_fit(job)?;
        self.checker_fits(job)?;
        for pass in &self.passes {
            at_most("entry point's name", pass.entry.len(), NAME_BYTES_MAX)?;
            if pass
                .groups
                .iter()
                .any(|groups| *groups == 0 || *groups > GROUPS_MAX)
            {
                return bad("a pass has 1 to 65535 workgroups in each direction");
            }
        }
        if self.passes.is_empty() {
            return bad("a kernel has at least one pass");
        }
        Ok(())
    }

    fn buffers_fit(&self, job: &Job) -> Result<(), Malformed> {
        let bad = |why| Err(Malformed::Senseless(why));
        let (mut memory, mut output, mut names) = (0_u64, 0_u64, Vec::new());
        for buffer in &self.buffers {
            let Some(size) = buffer.size(job) else {
                return bad("an input buffer names one of the job's inputs");
            };
            if !is_whole(size) {
                return bad("a buffer has 1 to 33554432 whole words");
            }
            memory = memory.saturating_add(size.get());
            if let Buffer::Output { name, size } = buffer {
                if !is_plain_path(name) || name.len() > NAME_BYTES_MAX {
                    return bad("an output's name is a short path that stays in its folder");
                }
                output = output.saturating_add(size.get());
                names.push(name);
            }
        }
        names.sort_unstable();
        if names.is_empty() || !names.is_sorted_by(|a, b| a < b) {
            return bad("a kernel has at least one output, each of another name");
        }
        if names.len() > job.limits.output_files as usize || output > job.limits.output.get() {
            return bad("the output buffers are more than the task's output limits");
        }
        if memory > job.limits.memory.get() {
            return bad("the buffers take more than the task's memory limit");
        }
        Ok(())
    }
}

/// A job is written field by field; where its profile is a shader's, the kernel follows. So a WASI
/// job's bytes, and its name, are what they were before there were shaders.
impl BorshSerialize for Job {
    fn serialize<W: Write>(&self, to: &mut W) -> io::Result<()> {
        (&self.name, self.profile, self.module, self.unknown_imports).serialize(to)?;
        (&self.args, &self.env, self.stdin, &self.inputs).serialize(to)?;
        (self.array, self.limits, self.seed).serialize(to)?;
        match &self.program {
            Program::Wasm => Ok(()),
            Program::Wgsl(kernel) => kernel.serialize(to),
        }
    }
}

impl BorshDeserialize for Job {
    fn deserialize_reader<R: Read>(from: &mut R) -> io::Result<Self> {
        let (name, profile, module, unknown_imports): (_, Profile, _, _) =
            BorshDeserialize::deserialize_reader(from)?;
        let (args, env, stdin, inputs) = BorshDeserialize::deserialize_reader(from)?;
        let (array, limits, seed) = BorshDeserialize::deserialize_reader(from)?;
        let program = match profile.is_shader() {
            true => Program::Wgsl(Kernel::deserialize_reader(from)?),
            false => Program::Wasm,
        };
        Ok(Self {
            name,
            profile,
            module,
            unknown_imports,
            program,
            args,
            env,
            stdin,
            inputs,
            array,
            limits,
            seed,
        })
    }
}

impl Job {
    /// Who says whether outcomes that differ count as the same.
    pub const fn judge(&self) -> Judge {
        match &self.program {
            Program::Wasm => Judge::Panel,
            Program::Wgsl(kernel) => kernel.compare.judge(),
        }
    }
}

impl Program {
    /// Checks that this is the program of a job of this profile, as far as it shows without the
    /// module.
    ///
    /// # Errors
    /// [`Malformed`].
    pub(crate) fn fits(&self, job: &Job) -> Result<(), Malformed> {
        match self {
            Self::Wgsl(kernel) if job.profile.is_shader() => kernel.fits(job),
            Self::Wasm if !job.profile.is_shader() => Ok(()),
            _ => Err(Malformed::Senseless(
                "the program is of another kind than the profile runs",
            )),
        }
    }
}
