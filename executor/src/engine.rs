//! The profile's engine: wasmtime with every setting that a result could depend on, fixed.
//!
//! Cranelift only. What a task costs and which NaN arithmetic gives is settled before compilation,
//! by [`passes`](crate::passes). A setting changed here is another
//! [`Profile`](protocol::job::Profile), never a new default.

use wasmparser::WasmFeatures;
use wasmtime::{Config, Engine, OptLevel, Strategy};

/// How deep a guest's stack may grow. Generous on purpose: a run that meets it has no outcome,
/// because how many frames fit differs between machines.
pub(crate) const STACK_BYTES: usize = 16 << 20;

/// What a module may be made of. `SHARED_EVERYTHING`, `GC`, `MEMORY64` and the rest are off; atomic
/// instructions are on, because compilers emit them, but no memory can be shared.
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::THREADS)
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::GC_TYPES);

/// Names the settings below in the key of the compiled-code cache. Changes when they change.
pub(crate) const SETTINGS: &str = "profile 3, settings 1";

/// The settings of profile 3, at an optimisation level. Results and fuel are equal at every level,
/// which `task`'s tests show; the executor itself always uses [`OptLevel::Speed`].
pub(crate) fn config(level: OptLevel) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(level)
        .relaxed_simd_deterministic(true)
        .memory_init_cow(true)
        .async_stack_size(STACK_BYTES)
        .max_wasm_stack(STACK_BYTES)
        .wasm_backtrace_max_frames(None)
        .wasm_features(WasmFeatures::all(), false)
        .wasm_features(FEATURES, true)
        .concurrency_support(false)
        .shared_memory(false);
    config
}

/// The engine that compiles and runs all tasks of profile 3.
///
/// # Errors
/// If this machine cannot run the profile: an instruction set Cranelift does not know.
pub(crate) fn engine() -> wasmtime::Result<Engine> {
    Engine::new(&config(OptLevel::Speed))
}
