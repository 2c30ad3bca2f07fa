//! What a slot orders its workers to do.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use protocol::bytes;
use protocol::ids::Digest;
use protocol::job::TASKS_PER_BUNDLE_MAX;

use crate::cache::Code;
use crate::frame::{AdapterOrder, CompileOrder, PathBytes, ServeOrder, ShaderOrder};
use crate::gpu::GpuFacts;
use crate::work::Work;

/// A path, as an order says it.
pub(crate) fn path(path: &Path) -> PathBytes {
    path.as_os_str().as_bytes().to_vec()
}

/// What compiled code depends on: a module and what it may import, or a shader with its whole job.
pub(super) fn compiled_from(work: &Work) -> Digest {
    let (job, module) = (&work.job, work.job.module.digest);
    match (job.profile.is_shader(), job.profile.needs_gpu()) {
        (true, _) => Digest::of(&bytes::write(job)),
        (false, true) => Digest::derive("tallygrid guest of a gpu v1", &[module.bytes()]),
        (false, false) => module,
    }
}

pub(super) fn compile(work: &Work, into: &Path) -> CompileOrder {
    let job = &work.job;
    CompileOrder {
        module: path(&work.module),
        digest: job.module.digest,
        unknown_imports: job.unknown_imports,
        into: path(into),
        shader_of: job.profile.is_shader().then(|| job.clone()),
        profile: job.profile,
    }
}

pub(super) fn adapter(gpu: &GpuFacts, share: u8) -> AdapterOrder {
    AdapterOrder {
        number: gpu.number,
        turns_max: gpu.turns_max,
        share,
    }
}

pub(super) fn serve(work: &Work, code: &Code, adapter: Option<AdapterOrder>) -> ServeOrder {
    ServeOrder {
        code: path(&code.path),
        checksum: code.checksum,
        job_id: work.job_id,
        job: work.job.clone(),
        stdin: work.stdin.as_deref().map(path),
        inputs: work.inputs.iter().map(|input| path(input)).collect(),
        tasks_max: TASKS_PER_BUNDLE_MAX,
        adapter,
    }
}

pub(super) fn serve_shader(work: &Work, code: &Code, adapter: AdapterOrder) -> ShaderOrder {
    ShaderOrder {
        plan: path(&code.path),
        checksum: code.checksum,
        job: work.job.clone(),
        inputs: work.inputs.iter().map(|input| path(input)).collect(),
        tasks_max: TASKS_PER_BUNDLE_MAX,
        adapter,
    }
}
