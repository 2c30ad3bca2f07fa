//! A task's canonical output: reading is total, and only one sequence of bytes means one output.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::bytes;
use protocol::outcome::{LeafProof, TASK_OUTPUT_BYTES_MAX, TaskOutput};

fuzz_target!(|given: &[u8]| {
    if let Ok(output) = bytes::read::<TaskOutput>(given, TASK_OUTPUT_BYTES_MAX) {
        assert_eq!(output.to_bytes(), given);
    }
    if let Ok(proof) = bytes::read::<LeafProof>(given, TASK_OUTPUT_BYTES_MAX) {
        assert_eq!(bytes::write(&proof), given);
        // Asking for its root is total too, whatever the bundle's size.
        for tasks in [0, 1, 2, 1_000, u32::MAX] {
            proof.root(tasks);
        }
    }
});
