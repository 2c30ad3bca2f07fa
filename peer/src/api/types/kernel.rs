//! How a WGSL job says which buffers its shader sees and which entry points run: the same form in a
//! `job.toml`'s `[gpu]` and on the socket.

use protocol::bytes::Malformed;
use protocol::kernel::{Buffer, Compare, Kernel, Pass};
use protocol::units::Bytes;
use serde::{Deserialize, Serialize};

use super::written::{Kind, List};

/// What makes a job a shader's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelForm {
    /// The buffers at group 0, in the order of their bindings.
    pub buffers: Vec<BufferForm>,
    /// What runs, in order.
    pub passes: Vec<PassForm>,
    /// When two outputs count as the same: `exact` if absent, the only one that is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<String>,
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
    /// The kernel it stands for.
    ///
    /// # Errors
    /// [`Malformed`] if a buffer is not one thing, or the comparison is unknown.
    pub fn read(self) -> Result<Kernel, Malformed> {
        let compare = match self.compare.as_deref() {
            None | Some("exact") => Compare::Exact,
            Some(_) => {
                return Err(Malformed::Senseless(
                    "`compare` is `exact`: `tolerance` and `homogeneous` are not built yet",
                ));
            }
        };
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
