//! Shaders built for the shapes in which a guest dispatches them, and what building costs.

use std::collections::BTreeMap;
use std::rc::Rc;

use protocol::bytes;
use protocol::ids::Digest;
use protocol::job::{Blob, Job, Profile};
use protocol::kernel::{Buffer, Compare, Kernel, Pass, Program};
use protocol::units::Bytes;

use super::No;
use super::objects::{Means, failed};
use crate::gpu::{self, Gpu, Plan, Ready};

/// So many shaders are kept built; then all are forgotten.
const BUILT_MAX: usize = 64;
/// What checking a shader and writing it anew costs, for each byte of its text.
const CHECK_FUEL_PER_BYTE: u64 = 20_000;
/// What building it costs, for each byte of what it was rewritten to, and for each pair of bytes:
/// compilers take longer than in proportion. Measured with a software driver: 0.1 s for 15 KiB, and
/// 4 s for 60 KiB.
const BUILD_FUEL_PER_BYTE: u64 = 20_000;
const BUILD_FUEL_PER_PAIR: u64 = 10;

/// All that what is built depends on.
pub(super) struct Shape {
    pub(super) text: Rc<[u8]>,
    pub(super) entry: String,
    /// Workgroups in x, y and z.
    pub(super) groups: [u32; 3],
    /// The lengths of the buffers, in the order of their bindings.
    pub(super) sizes: Vec<u64>,
}

impl Shape {
    /// A job of one such dispatch: what every other shader's checks begin with.
    fn job(&self, means: &Means<'_>) -> Job {
        let scratch = |size: &u64| Buffer::Scratch {
            size: Bytes::new(*size),
        };
        let kernel = Kernel {
            buffers: self.sizes.iter().map(scratch).collect(),
            passes: vec![Pass {
                entry: self.entry.clone(),
                groups: self.groups,
            }],
            compare: Compare::Exact,
        };
        let once = Job::once("dispatch", Blob::of(&self.text), means.limits);
        Job {
            profile: Profile::WGSL_1,
            program: Program::Wgsl(kernel),
            ..once
        }
    }
}

/// What a task's shaders have become: for this task alone, since what it pays for one must not
/// depend on what others had built.
#[derive(Default)]
pub(super) struct Built(BTreeMap<Digest, Rc<(Plan, Ready)>>);

impl Built {
    /// The shader for this shape. Whoever asks for it first pays for its being built.
    pub(super) fn find(
        &mut self,
        gpu: &Gpu,
        means: &mut Means<'_>,
        shape: &Shape,
    ) -> Result<Rc<(Plan, Ready)>, No> {
        let job = shape.job(means);
        let key = Digest::of(&bytes::write(&job));
        if let Some(built) = self.0.get(&key) {
            return Ok(Rc::clone(built));
        }
        means.charge(CHECK_FUEL_PER_BYTE.saturating_mul(shape.text.len() as u64))?;
        let plan = gpu::compile(&shape.text, &job).map_err(failed)?;
        let plan = plan.map_err(|refused| No::Refused(refused.to_string()))?;
        let length = plan.text.len() as u64;
        let each = BUILD_FUEL_PER_PAIR.saturating_mul(length);
        means.charge(length.saturating_mul(each.saturating_add(BUILD_FUEL_PER_BYTE)))?;
        let mut ready = gpu.prepare(&plan.text, &plan.passes).map_err(failed)?;
        let ready = ready.pop();
        let ready = ready.ok_or_else(|| failed("the driver builds nothing".to_owned()))?;
        if self.0.len() >= BUILT_MAX {
            self.0.clear();
        }
        let built = Rc::new((plan, ready));
        self.0.insert(key, Rc::clone(&built));
        Ok(built)
    }
}
