//! What most jobs are but for a few things: one module, run once or so many times, on nothing.

use super::{Array, Blob, Job, Limits, Profile, UnknownImports};
use crate::ids::Digest;
use crate::kernel::Program;
use crate::units::Bytes;

impl Blob {
    /// The name and size of these bytes.
    pub fn of(content: &[u8]) -> Self {
        Self {
            digest: Digest::of(content),
            size: Bytes::new(content.len() as u64),
        }
    }
}

impl Array {
    /// So many tasks, with the indexes from 0.
    pub const fn of(count: u32) -> Self {
        Self {
            first: 0,
            step: 1,
            count,
        }
    }
}

impl Job {
    /// One task of a WebAssembly module, in the newest profile, without arguments, environment or
    /// inputs; imports that no peer has are refused, and randomness comes from the module's digest.
    pub fn once(name: &str, module: Blob, limits: Limits) -> Self {
        Self {
            name: name.to_owned(),
            profile: Profile::WASM_3,
            module,
            unknown_imports: UnknownImports::Refuse,
            program: Program::Wasm,
            args: Vec::new(),
            env: Vec::new(),
            stdin: None,
            inputs: Vec::new(),
            array: Array::of(1),
            limits,
            seed: module.digest,
        }
    }
}
