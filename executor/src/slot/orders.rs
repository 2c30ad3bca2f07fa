//! What a slot orders its workers to do.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use protocol::bytes;
use protocol::ids::Digest;
use protocol::job::TASKS_PER_BUNDLE_MAX;

use crate::cache::Code;
use crate::frame::{PathBytes, ServeOrder, ShaderOrder};
use crate::gpu::GpuFacts;
use crate::work::Work;

/// A path, as an order says it.
pub(crate) fn path(path: &Path) -> PathBytes {
    path.as_os_str().as_bytes().to_vec()
}

/// What compiled code depends on: a module alone, or a shader with its whole job.
pub(super) fn compiled_from(work: &Work) -> Digest {
    match work.job.profile.is_gpu() {
        true => Digest::of(&bytes::write(&work.job)),
        false => work.job.module.digest,
    }
}

pub(super) fn serve(work: &Work, code: &Code) -> ServeOrder {
    ServeOrder {
        code: path(&code.path),
        checksum: code.checksum,
        job_id: work.job_id,
        job: work.job.clone(),
        stdin: work.stdin.as_deref().map(path),
        inputs: work.inputs.iter().map(|input| path(input)).collect(),
        tasks_max: TASKS_PER_BUNDLE_MAX,
    }
}

pub(super) fn serve_shader(work: &Work, code: &Code, gpu: &GpuFacts, share: u8) -> ShaderOrder {
    ShaderOrder {
        plan: path(&code.path),
        checksum: code.checksum,
        job: work.job.clone(),
        inputs: work.inputs.iter().map(|input| path(input)).collect(),
        tasks_max: TASKS_PER_BUNDLE_MAX,
        gpu: gpu.number,
        turns_max: gpu.turns_max,
        share,
    }
}
