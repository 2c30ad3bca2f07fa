//! The bytes of a step task's output today. `BLESS=1` writes them anew; see `golden.rs`.

mod kept;

use kept::golden;
use protocol::bytes;
use protocol::ids::Digest;
use protocol::job::Profile;
use protocol::outcome::{Limit, Status, TaskOutput};
use protocol::steps::{StepEntries, end};
use protocol::units::Fuel;

#[test]
fn a_step_tasks_output_and_its_end() {
    let bare = TaskOutput {
        profile: Profile::WASM_3,
        status: Status::OutOf(Limit::Steps),
        stdout: b"out".to_vec(),
        stderr: Vec::new(),
        files: Vec::new(),
        steps: None,
    };
    let end = end(&bare, Fuel::new(7));
    golden("step-end", end.bytes());
    let entries = vec![Digest::of(b"init"), Digest::of(b"step"), end];
    let entries = StepEntries::new(entries).expect("three entries");
    let stepped = TaskOutput {
        steps: Some(entries.list()),
        ..bare
    };
    golden("task-output-steps", &stepped.to_bytes());
    let read = bytes::read::<TaskOutput>(&stepped.to_bytes(), 1 << 10);
    assert_eq!(read.as_ref(), Ok(&stepped));
    let shader = TaskOutput {
        profile: Profile::WGSL_1,
        ..stepped
    };
    assert!(bytes::read::<TaskOutput>(&shader.to_bytes(), 1 << 10).is_err());
}
