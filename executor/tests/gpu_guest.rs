//! Guests that drive a GPU: what they compute is what a processor computes, it costs the same each
//! time, and whatever else they ask for is refused by its code.
#![allow(missing_docs, clippy::unwrap_used)]

mod scene;

use std::path::Path;

use executor::{Inconclusive, ModuleRefused, Refused, TaskResult};
use protocol::job::{Array, Job, Profile, UnknownImports};
use protocol::outcome::{Limit, Outcome, Status, TaskOutput, Trap};
use protocol::units::{Bytes, Fuel, Millis};
use scene::{Scene, assemble, conclusive};

const FUEL: Fuel = Fuel::new(10_000_000_000);
const MEMORY: u64 = 32 << 20;

fn driving(module: &[u8]) -> Job {
    let mut job = scene::job(module);
    job.profile = Profile::WASM_GPU_1;
    job.limits.fuel = FUEL;
    job.limits.memory = Bytes::new(MEMORY);
    job
}

#[test]
fn twenty_dispatches_are_what_the_guest_computes_itself() {
    let life = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/jobs/life/life.wasm");
    let life = std::fs::read(life).unwrap();
    let scene = Scene::with_gpu();
    let mut job = driving(&life);
    job.array = Array::of(3);
    let results = scene.results(scene.work(&life, job));
    let ended: Vec<_> = results.into_iter().map(conclusive).collect();
    for (output, outcome) in &ended {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status, Status::Exited(0), "{said}");
        assert_eq!(output.profile, Profile::WASM_GPU_1);
        assert_eq!(output.files[0].1.len(), 4 * 64 * 64);
        // What the shader counts alone: 20 dispatches of 4096 cells with 9 neighbours each.
        assert!(outcome.fuel.get() > 20 * 4_096 * 9 * 4, "{outcome:?}");
    }
    assert_ne!(ended[0].1.digest, ended[1].1.digest);
}

/// A call as one line: its name and its numbers. `shader` alone hands over the text at 2048, `main`
/// runs its `main` on the first so many of the buffers that are named at 1024.
fn expression(call: &str, text: &str) -> String {
    let mut words = call.split(' ');
    let name = words.next().unwrap();
    let numbers: Vec<_> = words.map(|word| format!("(i32.const {word})")).collect();
    let numbers = numbers.join(" ");
    match name {
        "load" => format!("(i32.load {numbers})"),
        "grow" => format!("(memory.grow {numbers})"),
        "half" => format!("(i32.reinterpret_f32 (f32.mul (f32.load {numbers}) (f32.const 0.5)))"),
        "hang" => "(block (result i32) (loop $l (br $l)) (i32.const 0))".to_owned(),
        "shader" if numbers.is_empty() => expression(&format!("shader 2048 {}", text.len()), text),
        "main" => format!(
            "(call $dispatch (i32.const 1) (i32.const 512) (i32.const 4) (i32.const 520) \
             (i32.const 1024) {numbers})"
        ),
        name => format!("(call ${name} {numbers})"),
    }
}

/// A guest that makes these calls one after the other, and writes every answer to standard output.
/// The numbers 0, 1, … lie at 1024, the least float that is not subnormal at 600; 4096 is free.
fn guest(text: &str, calls: &[&str]) -> Vec<u8> {
    let text = text.replace('\n', " ");
    let places = (8_192..).step_by(4);
    let made: String = calls
        .iter()
        .zip(places)
        .map(|(call, at)| format!("(i32.store (i32.const {at}) {})\n", expression(call, &text)))
        .collect();
    let written = 4 * calls.len();
    assemble(
        format!(
            r#"(module
        (import "gpu" "buffer" (func $buffer (param i32) (result i32)))
        (import "gpu" "write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "gpu" "shader" (func $shader (param i32 i32) (result i32)))
        (import "gpu" "dispatch"
            (func $dispatch (param i32 i32 i32 i32 i32 i32) (result i32)))
        (import "gpu" "read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "gpu" "free" (func $free (param i32) (result i32)))
        (import "gpu" "limits" (func $limits (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
            (func $out (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 2)
        (data (i32.const 512) "main")
        (data (i32.const 520) "\01\00\00\00\01\00\00\00\01\00\00\00")
        (data (i32.const 600) "\00\00\80\00")
        (data (i32.const 1024) "\00\00\00\00\01\00\00\00\02\00\00\00\03\00\00\00")
        (data (i32.const 2048) "{text}")
        (func (export "_start")
            {made}
            (i32.store (i32.const 100) (i32.const 8192))
            (i32.store (i32.const 104) (i32.const {written}))
            (drop (call $out (i32.const 1) (i32.const 100) (i32.const 1) (i32.const 108)))))"#
        )
        .as_bytes(),
    )
}

/// A shader of one buffer, with 64 invocations in a workgroup.
fn shader(body: &str) -> String {
    format!(
        "@group(0) @binding(0) var<storage, read_write> o: array<u32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {{
        {body} }}"
    )
}

fn double() -> String {
    shader("o[g.x] = 2u * o[g.x] + 1u;")
}

fn result(scene: &Scene, text: &str, calls: &[&str], change: impl FnOnce(&mut Job)) -> TaskResult {
    let module = guest(text, calls);
    let mut job = driving(&module);
    change(&mut job);
    scene.results(scene.work(&module, job)).remove(0)
}

fn run(scene: &Scene, text: &str, calls: &[&str]) -> (TaskOutput, Outcome) {
    conclusive(result(scene, text, calls, |_| ()))
}

/// What each call was answered, and what stands on standard error.
fn answers(scene: &Scene, text: &str, calls: &[&str]) -> (Vec<i32>, String) {
    let (output, _) = run(scene, text, calls);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status, Status::Exited(0), "{said}");
    let words = output.stdout.as_chunks().0.iter();
    (words.map(|word| i32::from_le_bytes(*word)).collect(), said)
}

/// The next guest, in the same executor, is none the worse.
fn goes_on(scene: &Scene) {
    let calls = [
        "buffer 256",
        "shader",
        "main 1",
        "read 0 252 4096 4",
        "load 4096",
    ];
    assert_eq!(answers(scene, &double(), &calls).0, [0, 1, 0, 0, 1]);
}

#[test]
fn every_call_says_what_is_wrong_with_it() {
    let calls = [
        ("buffer 256", 0),
        ("shader", 1),
        ("main 1", 0),
        ("main 1", 0),
        ("read 0 252 4096 4", 0),
        ("load 4096", 3),
        ("write 0 252 1028 4", 0),
        ("main 1", 0),
        ("read 0 248 4096 8", 0),
        ("load 4096", 7),
        ("load 4100", 3),
        ("read 0 256 4096 0", 0),
        // No driver leaves the processor in another mode.
        ("half 600", 0x0040_0000),
        // Sizes: none, no whole words, more than one may have, more than all may have.
        ("buffer 0", -1),
        ("buffer 6", -1),
        ("buffer 0x10000000", -1),
        ("buffer 0x02000000", -1),
        // Objects.
        ("read 1 0 4096 4", -2),
        ("read 9 0 4096 4", -2),
        ("write 9 0 4096 4", -2),
        ("free -1", -2),
        ("dispatch 0 512 4 520 1024 1", -2),
        ("dispatch 7 512 4 520 1024 1", -2),
        ("main 2", -2),
        // Ranges.
        ("read 0 256 4096 4", -3),
        ("read 0 -4 4096 8", -3),
        ("read 0 0 4096 6", -3),
        ("write 0 2 4096 4", -3),
        ("write 0 0 4096 260", -3),
        ("main 8", -3),
        ("main -1", -3),
        ("dispatch 1 512 65 520 1024 1", -3),
        ("dispatch 1 512 4 4200 1024 1", -3),
        ("dispatch 1 512 4 512 1024 1", -3),
        // Shaders.
        ("shader 0 8", -4),
        ("shader 2048 70000", -4),
        ("main 0", -4),
        ("dispatch 1 512 3 520 1024 1", -4),
        ("dispatch 1 602 1 520 1024 1", -4),
        // Pointers.
        ("shader -8 9", -6),
        ("write 0 0 131070 4", -6),
        ("read 0 0 131070 4", -6),
        ("dispatch 1 131070 4 520 1024 1", -6),
        ("dispatch 1 512 4 131064 1024 1", -6),
        ("dispatch 1 512 4 520 131070 1", -6),
        ("limits 131070 28", -6),
        // Limits, as many as there is room for.
        ("limits 4096 19", 7),
        ("load 4108", 128 << 20),
        ("load 4112", 0),
        ("limits 4096 28", 7),
        ("load 4112", 32 << 20),
        // What is freed is free.
        ("free 0", 0),
        ("free 0", -2),
        ("main 1", -2),
        ("buffer 4", 0),
    ];
    let scene = Scene::with_gpu();
    let made: Vec<&str> = calls.iter().map(|(call, _)| *call).collect();
    let (found, said) = answers(&scene, &double(), &made);
    for ((call, expected), found) in calls.iter().zip(&found) {
        assert_eq!(found, expected, "{call}: {said}");
    }
    assert_eq!(found.len(), calls.len());
    assert!(said.contains("`mai` is no entry point"), "{said}");
}

#[test]
fn objects_have_an_end_and_one_buffer_is_given_once() {
    let scene = Scene::with_gpu();
    let twice = [
        "buffer 256",
        "shader",
        "dispatch 1 512 4 520 1040 2",
        "free 0",
        "free 1",
    ];
    assert_eq!(answers(&scene, &double(), &twice).0, [0, 1, -7, 0, 0]);
    let buffers = answers(&scene, &double(), &["buffer 4"; 257]).0;
    assert_eq!((buffers[255], buffers[256]), (255, -5));
    let shaders = answers(&scene, &double(), &["shader"; 257]).0;
    assert_eq!((shaders[255], shaders[256]), (255, -5));
}

#[test]
fn memory_and_buffers_have_one_limit() {
    let scene = Scene::with_gpu();
    // 2 pages and 31 MiB leave 14 pages, and a word less than 14 pages is not enough for them.
    let calls = [
        "buffer 0x01f00000",
        "grow 14",
        "buffer 4",
        "free 0",
        "buffer 4",
        "grow 0",
    ];
    assert_eq!(answers(&scene, &double(), &calls).0, [0, 2, -1, 0, 0, 16]);
    let calls = ["buffer 0x01f00000", "buffer 4", "grow 14"];
    let (output, outcome) = run(&scene, &double(), &calls);
    assert_eq!(output.status, Status::OutOf(Limit::Memory));
    assert_eq!(outcome.fuel, FUEL);
    goes_on(&scene);
}

#[test]
fn a_shader_that_may_differ_is_refused_and_one_that_does_harm_ends_its_guest() {
    let scene = Scene::with_gpu();
    let divides = shader("o[g.x] = u32(f32(g.x) / 3.0);");
    let (found, said) = answers(&scene, &divides, &["buffer 256", "shader", "main 1"]);
    assert_eq!(found, [0, 1, -4]);
    assert!(said.contains("float division"), "{said}");
    for (body, status, why) in [
        (
            "o[g.x + 1u] = 5u;",
            Status::Trapped(Trap::MemoryOutOfBounds),
            "not its own",
        ),
        (
            "o[g.x] = u32(f32(g.x * 4000000u));",
            Status::Trapped(Trap::BadArithmetic),
            "beyond 2^24",
        ),
        (
            "loop { o[g.x] += 1u; if o[g.x] == 0u { break; } }",
            Status::OutOf(Limit::Fuel),
            "",
        ),
    ] {
        let calls = ["buffer 256", "shader", "main 1"];
        let (output, outcome) = run(&scene, &shader(body), &calls);
        assert_eq!(output.status, status, "{body}");
        assert_eq!(outcome.fuel, FUEL);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains(why) && said.is_empty() == why.is_empty(),
            "{said}"
        );
        goes_on(&scene);
    }
}

#[test]
fn what_a_guest_makes_a_device_do_is_paid_from_its_own_fuel() {
    let scene = Scene::with_gpu();
    let spent = |calls: &[&str]| run(&scene, &double(), calls).1.fuel.get();
    let one = spent(&["buffer 256", "shader", "main 1"]);
    let two = spent(&["buffer 256", "shader", "main 1", "main 1"]);
    let three = spent(&["buffer 256", "shader", "main 1", "main 1", "main 1"]);
    // The first of a shape is built, and the others are not.
    assert_eq!(three - two, two - one);
    assert!(one > 2 * (two - one), "{one} {two}");
    // Whoever has no more than one dispatch costs gets no second.
    let fuel = |job: &mut Job| job.limits.fuel = Fuel::new(two - 1);
    let calls = ["buffer 256", "shader", "main 1", "main 1"];
    let (output, outcome) = conclusive(result(&scene, &double(), &calls, fuel));
    assert_eq!(output.status, Status::OutOf(Limit::Fuel));
    assert_eq!(outcome.fuel, Fuel::new(two - 1));
    goes_on(&scene);
}

#[test]
fn a_guest_that_hangs_after_a_dispatch_ends_and_the_next_runs() {
    let scene = Scene::with_gpu();
    let calls = ["buffer 256", "shader", "main 1", "hang"];
    let (output, _) = run(&scene, &double(), &calls);
    assert_eq!(output.status, Status::OutOf(Limit::Fuel));
    goes_on(&scene);
    let late = result(&scene, &double(), &calls, |job| {
        scene::endless(job);
        job.limits.wall_ms = Millis::new(2_000);
    });
    let why = match late {
        TaskResult::Inconclusive { why, .. } => why,
        TaskResult::Outcome { outcome, .. } => panic!("{outcome:?}"),
    };
    assert_eq!(why, Inconclusive::WallTime);
    goes_on(&scene);
}

#[test]
fn only_a_job_that_says_so_drives_a_gpu_and_only_where_there_is_one() {
    let module = guest(&double(), &["buffer 4"]);
    let check = |profile| executor::check_module(&module, UnknownImports::Refuse, profile);
    assert!(check(Profile::WASM_GPU_1).is_ok());
    let unsaid = check(Profile::WASM_3).unwrap_err();
    assert_eq!(unsaid, ModuleRefused::GpuCallsUnsaid("buffer".to_owned()));
    assert!(unsaid.to_string().contains("say `gpu_calls = true`"));
    assert!(executor::check_program(&module, &scene::job(&module)).is_err());
    assert_eq!(executor::check_program(&module, &driving(&module)), Ok(()));
    let hello = assemble(&scene::hello("I need no GPU."));
    let unused = executor::check_program(&hello, &driving(&hello)).unwrap_err();
    assert!(unused.contains("imports nothing of `gpu`"), "{unused}");
    let other = assemble(
        br#"(module (import "gpu" "texture" (func)) (memory (export "memory") 1)
        (func (export "_start")))"#,
    );
    let other = executor::check_program(&other, &driving(&other)).unwrap_err();
    assert!(
        other.contains("`gpu` `texture`, which no peer has"),
        "{other}"
    );

    let scene = Scene::open(1);
    let refused = scene.executor.run(scene.work(&module, driving(&module)));
    assert_eq!(refused, Err(Refused::ProfileUnknown(Profile::WASM_GPU_1)));
    let mut lenient = scene::job(&module);
    lenient.unknown_imports = UnknownImports::Trap;
    let (output, _) = conclusive(scene.results(scene.work(&module, lenient)).remove(0));
    assert_eq!(output.status, Status::Trapped(Trap::Other));
}

#[test]
fn a_module_that_runs_in_steps_drives_no_gpu() {
    let module = assemble(
        br#"(module
        (import "gpu" "buffer" (func $buffer (param i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "init"))
        (func (export "step") (result i32) (call $buffer (i32.const 4))))"#,
    );
    let refused = executor::check_module(&module, UnknownImports::Refuse, Profile::WASM_GPU_1);
    assert_eq!(refused, Err(ModuleRefused::StepsDriveGpu));
    // A peer that is handed one all the same says so in the outcome, as every other does.
    let scene = Scene::with_gpu();
    let (output, outcome) = conclusive(
        scene
            .results(scene.work(&module, driving(&module)))
            .remove(0),
    );
    assert_eq!(output.status, Status::Trapped(Trap::Other));
    assert_eq!(outcome.fuel, Fuel::new(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("runs in steps"));
}
