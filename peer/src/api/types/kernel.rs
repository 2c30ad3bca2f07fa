//! How a WGSL job says which buffers its shader sees and which entry points run: the same form in a
//! `job.toml`'s `[gpu]` and on the socket.

use std::path::PathBuf;

use protocol::bytes::Malformed;
use protocol::kernel::{Buffer, Compare, Kernel, Pass};
use protocol::units::Bytes;
use serde::{Deserialize, Serialize};

use super::submit::BlobForm;
use super::written::{Kind, List};

/// What makes a job a shader's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelForm {
    /// The buffers at group 0, in the order of their bindings.
    pub buffers: Vec<BufferForm>,
    /// What runs, in order.
    pub passes: Vec<PassForm>,
    /// When two outputs count as the same: `exact` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<CompareForm>,
}

/// When two outputs of a task count as the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum CompareForm {
    /// `exact`: bit by bit on every machine.
    Word(String),
    /// Bit by bit among adapters of this device class; others do not run the job.
    Device {
        /// As `peer gpu ls` shows it.
        homogeneous: String,
    },
    /// Number by number.
    Numbers {
        /// How far apart they may be.
        tolerance: ToleranceForm,
    },
    /// By a WASI module that looks at each output.
    Module {
        /// The module.
        checker: CheckerForm,
    },
}

/// A checker: in a job file by its path, on the socket by what was uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CheckerForm {
    /// A file that is still to be uploaded.
    File(PathBuf),
    /// What lies at the peer.
    Kept(BlobForm),
}

/// How far apart numbers may be: `|a - b| <= absolute + relative * max(|a|, |b|)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToleranceForm {
    /// Whatever their size.
    #[serde(default)]
    pub absolute: Bound,
    /// As a part of the larger.
    #[serde(default)]
    pub relative: Bound,
    /// So many numbers of a task's output may be further apart.
    #[serde(default)]
    pub apart_max: u32,
}

/// A number, kept by the bits of its `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "f32", into = "f32")]
pub struct Bound(u32);

impl From<f32> for Bound {
    fn from(number: f32) -> Self {
        Self(number.to_bits())
    }
}

impl From<Bound> for f32 {
    fn from(bound: Bound) -> Self {
        Self::from_bits(bound.0)
    }
}

impl CompareForm {
    fn read(self) -> Result<Compare, Malformed> {
        match self {
            Self::Word(word) if word == "exact" => Ok(Compare::Exact),
            Self::Word(_) => Err(Malformed::Senseless(
                "`compare` is `\"exact\"`, `{ homogeneous = \"DEVICE CLASS\" }`, \
                 `{ tolerance = { absolute = 1e-6, relative = 1e-5 } }` or \
                 `{ checker = \"check.wasm\" }`",
            )),
            Self::Device { homogeneous } => Ok(Compare::Homogeneous {
                device: homogeneous,
            }),
            Self::Numbers { tolerance } => Ok(Compare::Tolerance {
                absolute: tolerance.absolute.0,
                relative: tolerance.relative.0,
                apart_max: tolerance.apart_max,
            }),
            Self::Module {
                checker: CheckerForm::Kept(module),
            } => Ok(Compare::Checker {
                module: module.into(),
            }),
            Self::Module {
                checker: CheckerForm::File(_),
            } => Err(Malformed::Senseless(
                "a checker is uploaded first, and named by its digest and size",
            )),
        }
    }
}

/// A buffer: exactly one of `input`, `parameters`, `scratch_bytes` and `output`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BufferForm {
    /// Holds this input file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Holds the task's index, its number and the job's arguments.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub parameters: bool,
    /// Starts as so many zeros, and is forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scratch_bytes: Option<u64>,
    /// Starts as zeros, and becomes this output file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// How long that file is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// An entry point, run for a box of workgroups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassForm {
    /// The entry point.
    pub entry: String,
    /// Workgroups in x, y and z.
    pub groups: [u32; 3],
}

impl KernelForm {
    /// The checker it names.
    pub const fn checker(&self) -> Option<&CheckerForm> {
        match &self.compare {
            Some(CompareForm::Module { checker }) => Some(checker),
            _ => None,
        }
    }

    /// The same, changed in place.
    pub const fn checker_mut(&mut self) -> Option<&mut CheckerForm> {
        match &mut self.compare {
            Some(CompareForm::Module { checker }) => Some(checker),
            _ => None,
        }
    }

    /// The kernel it stands for.
    ///
    /// # Errors
    /// [`Malformed`] if a buffer is not one thing, or the comparison is unknown.
    pub fn read(self) -> Result<Kernel, Malformed> {
        let compare = self.compare.map_or(Ok(Compare::Exact), CompareForm::read)?;
        let buffers: Result<_, _> = self.buffers.into_iter().map(BufferForm::read).collect();
        let passes = self.passes.into_iter().map(|pass| Pass {
            entry: pass.entry,
            groups: pass.groups,
        });
        Ok(Kernel {
            buffers: buffers?,
            passes: passes.collect(),
            compare,
        })
    }
}

impl BufferForm {
    fn read(self) -> Result<Buffer, Malformed> {
        match (
            self.input,
            self.parameters,
            self.scratch_bytes,
            self.output,
            self.bytes,
        ) {
            (Some(path), false, None, None, None) => Ok(Buffer::Input { path }),
            (None, true, None, None, None) => Ok(Buffer::Parameters),
            (None, false, Some(size), None, None) => Ok(Buffer::Scratch {
                size: Bytes::new(size),
            }),
            (None, false, None, Some(name), Some(size)) => Ok(Buffer::Output {
                name,
                size: Bytes::new(size),
            }),
            _ => Err(Malformed::Senseless(
                "a buffer has one of `input`, `parameters = true`, `scratch_bytes`, or `output` \
                 with `bytes`",
            )),
        }
    }
}

/// A graphics adapter of this machine, and what it was found to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuView {
    /// Its number, in the order of the driver loader.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: String,
    /// Its driver and the driver's version.
    pub driver: String,
    /// Its device class.
    pub class: String,
    /// Whether it runs shaders of profile 257 for others.
    pub fit: bool,
    /// How often one invocation may turn there, all its loops together.
    pub turns_max: u64,
    /// Every test, in the order they were asked.
    pub tests: Vec<GpuTestView>,
}

/// One test of an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuTestView {
    /// What was tested.
    pub name: String,
    /// What was wrong; absent if it passed.
    pub failed: Option<String>,
}

impl Kind for List<GpuView> {
    const KIND: &'static str = "peer.v1.GpuList";
}

impl From<&executor::GpuFacts> for GpuView {
    fn from(facts: &executor::GpuFacts) -> Self {
        let tests = facts.tests.iter().map(|(name, failed)| GpuTestView {
            name: name.clone(),
            failed: failed.clone(),
        });
        Self {
            number: facts.number,
            name: facts.name.clone(),
            kind: facts.kind.clone(),
            driver: facts.driver.clone(),
            class: facts.class.clone(),
            fit: facts.is_fit(),
            turns_max: facts.turns_max,
            tests: tests.collect(),
        }
    }
}
