//! The same task gives the same digest and the same fuel, whoever runs it and how often.
#![allow(missing_docs, clippy::unwrap_used)]

mod scene;

use protocol::job::Array;
use protocol::outcome::Status;
use scene::{Scene, assemble, conclusive, hello, job, program};

#[test]
fn the_same_task_gives_the_same_outcome_in_two_processes() {
    let module = assemble(&hello("Hello."));
    let outcomes: Vec<_> = (0..2)
        .map(|_| {
            let scene = Scene::open(1);
            conclusive(scene.one(&module, |_| {}))
        })
        .collect();
    assert_eq!(outcomes[0], outcomes[1]);
    let (output, outcome) = &outcomes[0];
    assert_eq!(output.status, Status::Exited(0));
    assert_eq!(output.stdout, b"Hello.");
    assert!(
        outcome.fuel.get() > 100 && outcome.fuel.get() < 200,
        "{outcome:?}"
    );
}

#[test]
fn the_tasks_of_an_array_differ_and_each_repeats_itself() {
    // Prints what `random_get` gives.
    let module = assemble(&program("", "")).len();
    assert!(module > 0);
    let text = br#"(module
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (drop (call $random (i32.const 64) (i32.const 16)))
            (i32.store (i32.const 0) (i32.const 64))
            (i32.store (i32.const 4) (i32.const 16))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#;
    let module = assemble(text);
    let mut array = job(&module);
    array.array = Array {
        first: 10,
        step: 5,
        count: 40,
    };
    let scene = Scene::open(2);
    let run = || {
        let results = scene.results(scene.work(&module, array.clone()));
        results.into_iter().map(conclusive).collect::<Vec<_>>()
    };
    let (first, second) = (run(), run());
    assert_eq!(first.len(), 40);
    assert_eq!(first, second);
    for (place, (output, _)) in first.iter().enumerate() {
        assert_eq!(output.stdout.len(), 16);
        assert!(
            first[..place]
                .iter()
                .all(|(before, _)| before.stdout != output.stdout)
        );
    }
}
