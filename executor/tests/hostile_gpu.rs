//! Shaders that mean harm: each is refused, or ends at its limits, and the next one runs.
#![allow(missing_docs, clippy::unwrap_used)]

mod scene;

use executor::{Inconclusive, TaskResult};
use protocol::kernel::Buffer;
use protocol::outcome::{Limit, Status, TaskOutput, Trap};
use protocol::units::{Bytes, Fuel};
use scene::{Scene, conclusive, output, shader_job, words};

/// A shader of one buffer.
fn shader(items: &str, body: &str) -> String {
    format!(
        "@group(0) @binding(0) var<storage, read_write> o: array<u32>;
        {items}
        @compute @workgroup_size(64)
        fn main(@builtin(global_invocation_id) g: vec3<u32>,
            @builtin(local_invocation_index) l: u32) {{ {body} }}"
    )
}

fn result(scene: &Scene, text: &str, buffers: Vec<Buffer>) -> TaskResult {
    let mut job = shader_job(text, buffers, [4, 1, 1]);
    job.limits.output = Bytes::new(32 << 20);
    scene.results(scene.work(text.as_bytes(), job)).remove(0)
}

fn one(scene: &Scene, text: &str) -> TaskOutput {
    let (output, outcome) = conclusive(result(scene, text, vec![output("o", 256)]));
    if !output.status.is_success() {
        assert!(outcome.fuel == Fuel::new(1) || outcome.fuel == Fuel::new(1_000_000_000));
    }
    output
}

fn goes_on(scene: &Scene) {
    let good = one(scene, &shader("", "o[g.x] = g.x * 3u;"));
    assert_eq!(words(&good, 0), (0..256).map(|n| 3 * n).collect::<Vec<_>>());
}

#[test]
fn endless_loops_end_out_of_fuel_and_the_next_shader_runs() {
    let scene = Scene::with_gpu();
    for body in [
        "var i = 0u; loop { i = i * 1664525u + 1013904223u; if (i == 77u) { break; } } o[g.x] = i;",
        "var i = g.x; loop { loop { loop { i = i * 3u + 1u; if (i == o[g.x]) { break; } }
         if (i == 5u) { break; } } if (i == 6u) { break; } } o[g.x] = i;",
        "for (var i = 0u; i < 70000u; i++) { o[g.x] = o[g.x] + i; }",
    ] {
        let ended = one(&scene, &shader("", body));
        assert_eq!(ended.status, Status::OutOf(Limit::Fuel), "{body}");
        assert!(ended.files.is_empty());
        goes_on(&scene);
    }
}

#[test]
fn shaders_that_no_machine_can_run_end_every_task_the_same_way() {
    let scene = Scene::with_gpu();
    let statements = "x=x/x/x;".repeat(7_000);
    let calls: String = (1..24)
        .map(|n| {
            format!(
                "fn f{n}(x: u32) -> u32 {{ return f{m}(f{m}(x)); }}\n",
                m = n - 1
            )
        })
        .collect();
    let calls = format!("fn f0(x: u32) -> u32 {{ return x * 3u; }}\n{calls}");
    let memory = "var<workgroup> big: array<u32, 10000000>;";
    let cases = [
        (
            shader(memory, "big[l] = 1u; o[g.x] = l;"),
            "workgroup variables take",
        ),
        (
            shader("", &format!("var x = g.x; {statements} o[g.x] = x;")),
            "weigh more",
        ),
        (shader(&calls, "o[g.x] = f23(g.x);"), "weigh more"),
        (
            shader("fn f(x: u32) -> u32 { return f(x); }", "o[g.x] = f(1u);"),
            "recursi",
        ),
        (
            shader(
                "@group(0) @binding(1) var<storage, read> x: array<u32>;",
                "o[g.x] = x[0];",
            ),
            "below 1",
        ),
        (shader("", "").replace("main", "other"), "no entry point"),
        (
            shader("", "o[g.x] = u32(1.0 / f32(g.x));"),
            "float division",
        ),
        (
            shader(
                "var<workgroup> w: array<u32, 64>;",
                "w[l] = l; o[g.x] = w[63u - l];",
            ),
            "two ways between barriers",
        ),
        (
            shader(
                "var<workgroup> w: atomic<u32>;",
                "o[g.x] = atomicAdd(&w, 1u);",
            ),
            "who came first",
        ),
        (
            shader(
                "",
                "if (g.x % 3u == 0u) { workgroupBarrier(); } o[g.x] = 1u;",
            ),
            "outside branches",
        ),
    ];
    for (text, words) in cases {
        let ended = one(&scene, &text);
        assert_eq!(ended.status, Status::Trapped(Trap::Other), "{words}");
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(said.contains(words), "{words}: {said}");
    }
    goes_on(&scene);
}

#[test]
fn no_index_reaches_what_is_not_the_tasks_own() {
    let scene = Scene::with_gpu();
    // A task whose memory is full of a canary, then one that looks for it everywhere.
    let filled = shader(
        "var<workgroup> w: array<u32, 1024>;",
        "
        for (var i = 0u; i < 16u; i++) { w[16u * l + i] = 0xc0ffee11u; }
        for (var i = 0u; i < 4096u; i++) { o[4096u * g.x + i] = 0xc0ffee11u; }",
    );
    let full = result(&scene, &filled, vec![output("o", 1 << 20)]);
    let full = conclusive(full).0;
    assert!(words(&full, 0).iter().all(|word| *word == 0xc0ff_ee11));
    let looks = shader(
        "var<workgroup> w: array<u32, 1024>;
        @group(0) @binding(1) var<storage, read> s: array<u32>;",
        "
        var own: array<u32, 16>;
        var seen = 0u;
        for (var i = 0u; i < 4000u; i++) {
            let at = i * 2654435761u;
            let a = s[at];
            let b = w[at];
            let c = own[at];
            let d = s[i * 64u + g.x];
            if (a == 0xc0ffee11u || b == 0xc0ffee11u || c == 0xc0ffee11u || d == 0xc0ffee11u) {
                seen++;
            }
        }
        o[g.x] = seen;",
    );
    let mut job = shader_job(
        &looks,
        vec![
            output("o", 256),
            Buffer::Scratch {
                size: Bytes::new(4_096),
            },
        ],
        [4, 1, 1],
    );
    job.limits.fuel = Fuel::new(100_000_000_000);
    let result = scene.results(scene.work(looks.as_bytes(), job)).remove(0);
    assert_eq!(words(&conclusive(result).0, 0), vec![0; 256]);
}

#[test]
fn buffers_larger_than_the_task_may_have_are_refused_before_anything_runs() {
    let scene = Scene::with_gpu();
    let text = shader("", "o[g.x] = 1u;");
    let mut job = shader_job(&text, vec![output("o", 14 << 20)], [4, 1, 1]);
    job.limits.output = Bytes::new(64 << 20);
    job.limits.memory = Bytes::new(1 << 20);
    let refused = scene
        .executor
        .run(scene.work(text.as_bytes(), job))
        .unwrap_err();
    assert!(refused.to_string().contains("memory limit"), "{refused}");
    // Small buffers, and more places than they have room for.
    let mut job = shader_job(&text, vec![output("o", 256)], [60_000, 17, 1]);
    job.limits.memory = Bytes::new(1 << 20);
    let (ended, _) = conclusive(scene.results(scene.work(text.as_bytes(), job)).remove(0));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("a place for every invocation"), "{said}");
    goes_on(&scene);
}

#[test]
fn loops_that_a_software_driver_would_end_early_never_become_an_outcome() {
    let scene = Scene::with_gpu();
    let fit = scene
        .executor
        .gpus()
        .iter()
        .find(|gpu| gpu.is_fit())
        .unwrap();
    // Each invocation turns 50 000 times while its neighbours wait.
    let text = shader(
        "",
        "
        for (var lane = 0u; lane < 64u; lane++) {
            if (lane == l) { for (var i = o[g.x]; i < 50000u; i++) { o[g.x]++; } }
        }",
    );
    match (fit.turns_max, result(&scene, &text, vec![output("o", 256)])) {
        (60_000, found) => {
            assert!(
                words(&conclusive(found).0, 0)
                    .iter()
                    .all(|count| *count == 50_000)
            );
        }
        (
            _,
            TaskResult::Inconclusive {
                why: Inconclusive::Host(why),
                ..
            },
        ) => {
            assert!(why.contains("end loops"), "{why}");
        }
        (_, other) => panic!("{other:?}"),
    }
}
