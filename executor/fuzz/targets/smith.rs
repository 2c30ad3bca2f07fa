//! Valid modules made of chance, by wasm-smith: what the profile has, and nothing to import.

/// A module that ends by itself; `None` if there was too little chance for one.
#[cfg(not(feature = "deep"))]
pub(crate) fn module(_: &[u8]) -> Option<Vec<u8>> {
    None
}

/// A module that ends by itself; `None` if there was too little chance for one.
#[cfg(feature = "deep")]
pub(crate) fn module(chance: &[u8]) -> Option<Vec<u8>> {
    use libfuzzer_sys::arbitrary::Unstructured;
    use wasm_smith::{Config, Module};

    let config = Config {
        export_everything: true,
        allow_start_export: false,
        bulk_memory_enabled: true,
        disallow_traps: true,
        exceptions_enabled: true,
        gc_enabled: false,
        generate_custom_sections: false,
        max_imports: 0,
        max_memories: 1,
        max_memory32_bytes: 1 << 20,
        max_tables: 1,
        max_table_elements: 1_000,
        max_instructions: 400,
        memory64_enabled: false,
        multi_value_enabled: true,
        reference_types_enabled: true,
        relaxed_simd_enabled: true,
        simd_enabled: true,
        tail_call_enabled: true,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        custom_page_sizes_enabled: false,
        shared_everything_threads_enabled: false,
        ..Config::default()
    };
    let mut module = Module::new(config, &mut Unstructured::new(chance)).ok()?;
    module.ensure_termination(2_000).ok()?;
    Some(module.to_bytes())
}
