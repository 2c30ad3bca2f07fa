//! Shaders: the same outcome in every process, and as a WASI program gives it.
#![allow(missing_docs, clippy::unwrap_used)]

mod scene;

use std::path::Path;

use protocol::job::{Array, Job};
use protocol::kernel::{Buffer, Pass, Program};
use protocol::outcome::{Outcome, Status, TaskOutput, Trap};
use scene::{Scene, conclusive, output, shader_job, words};

fn run(scene: &Scene, shader: &str, job: Job) -> (TaskOutput, Outcome) {
    conclusive(scene.results(scene.work(shader.as_bytes(), job)).remove(0))
}

fn example(name: &str) -> Vec<u8> {
    let jobs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/jobs/mandelbrot");
    std::fs::read(jobs.join(name)).unwrap()
}

#[test]
fn a_shader_and_a_program_draw_the_same_picture() {
    let scene = Scene::with_gpu();
    let strips = Array {
        first: 0,
        step: 1,
        count: 16,
    };
    let shader = String::from_utf8(example("mandelbrot.wgsl")).unwrap();
    let buffers = vec![output("picture", 1_024), Buffer::Parameters];
    let mut drawn = shader_job(&shader, buffers, [4, 1, 1]);
    drawn.array = strips;
    let module = example("mandelbrot.wasm");
    let mut computed = scene::job(&module);
    computed.array = strips;
    let drawn = scene.results(scene.work(shader.as_bytes(), drawn));
    let computed = scene.results(scene.work(&module, computed));
    let mut inside = 0;
    for (drawn, computed) in drawn.into_iter().zip(computed) {
        let (drawn, outcome) = conclusive(drawn);
        assert_eq!(drawn.status, Status::Exited(0), "{drawn:?}");
        assert_eq!(drawn.files, conclusive(computed).0.files);
        assert!(outcome.fuel.get() > 10_000);
        inside += drawn.files[0]
            .1
            .iter()
            .filter(|pixel| **pixel == 255)
            .count();
    }
    assert!(
        (5_000..20_000).contains(&inside),
        "{inside} of 65536 pixels never escape"
    );
}

/// Counts, sums, squares: two passes, the second of which reads what the first wrote elsewhere.
const TWO: &str = "
    @group(0) @binding(0) var<storage, read_write> counts: array<u32>;
    @group(0) @binding(0) var<storage, read> counted: array<u32>;
    @group(0) @binding(1) var<storage, read_write> turned: array<u32>;
    @group(0) @binding(2) var<storage, read> parameters: array<u32>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {
        var n = g.x + parameters[4];
        while (n != 1u) { n = select(n / 2u, 3u * n + 1u, n % 2u == 1u); counts[g.x]++; }
    }
    @compute @workgroup_size(32) fn turn(@builtin(global_invocation_id) g: vec3<u32>) {
        turned[g.x] = counted[arrayLength(&counted) - 1u - g.x];
    }";

#[test]
fn passes_see_what_passes_before_them_wrote_and_fuel_is_the_same_in_every_process() {
    let buffers = vec![
        Buffer::Scratch {
            size: output("", 640).size(&scene::job(b"")).unwrap(),
        },
        output("turned", 640),
        Buffer::Parameters,
    ];
    let mut job = shader_job(TWO, buffers, [10, 1, 1]);
    job.args = vec!["1".to_owned()];
    if let Program::Wgsl(kernel) = &mut job.program {
        kernel.passes.push(Pass {
            entry: "turn".to_owned(),
            groups: [20, 1, 1],
        });
    }
    let outcomes: Vec<_> = (0..2)
        .map(|_| run(&Scene::with_gpu(), TWO, job.clone()))
        .collect();
    assert_eq!(outcomes[0], outcomes[1]);
    let found = words(&outcomes[0].0, 0);
    let collatz = |mut n: u32| {
        let mut steps = 0;
        while n != 1 {
            n = if n % 2 == 1 { 3 * n + 1 } else { n / 2 };
            steps += 1;
        }
        steps
    };
    let expected: Vec<u32> = (1..=640).rev().map(collatz).collect();
    assert_eq!(found, expected);
}

/// The set in floats, with no fence in sight.
const FLOATS: &str = "
    @group(0) @binding(0) var<storage, read_write> o: array<u32>;
    @compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) g: vec3<u32>) {
        let c = vec2<f32>(g.xy) * 0.0234375 - vec2<f32>(2.0, 1.5);
        var z = vec2<f32>();
        var i = 0u;
        while (i < 256u && z.x * z.x + z.y * z.y < 4.0) {
            z = vec2<f32>(z.x * z.x - z.y * z.y, 2.0 * z.x * z.y) + c;
            i++;
        }
        o[g.y * 128u + g.x] = i;
    }";

#[test]
fn floats_are_those_of_the_processor_bit_by_bit() {
    let scene = Scene::with_gpu();
    let job = shader_job(FLOATS, vec![output("o", 128 * 128)], [16, 16, 1]);
    let (found, _) = run(&scene, FLOATS, job);
    let expected = (0..128 * 128_u16).map(|at| {
        let (x, y) = (f32::from(at % 128), f32::from(at / 128));
        let (cr, ci) = (x * 0.023_437_5 - 2.0, y * 0.023_437_5 - 1.5);
        let (mut zr, mut zi, mut i) = (0_f32, 0_f32, 0_u32);
        while i < 256 && zr * zr + zi * zi < 4.0 {
            (zr, zi) = (zr * zr - zi * zi + cr, 2.0 * zr * zi + ci);
            i += 1;
        }
        i
    });
    assert_eq!(words(&found, 0), expected.collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_exact_ends_as_a_trap_that_says_so() {
    let scene = Scene::with_gpu();
    for (body, trap, words) in [
        ("o[g.x + 1u] = 5u;", Trap::MemoryOutOfBounds, "not its own"),
        ("o[0] = g.x;", Trap::MemoryOutOfBounds, "not its own"),
        (
            "var x = 3e38; for (var i = 0u; i < g.x; i++) { x = x * 10.0; } o[g.x] = u32(x);",
            Trap::BadArithmetic,
            "infinite",
        ),
        (
            "o[g.x] = u32(f32(g.x * 4000000u));",
            Trap::BadArithmetic,
            "2^24",
        ),
    ] {
        let shader = format!(
            "@group(0) @binding(0) var<storage, read_write> o: array<u32>;
            @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {{
            {body} }}"
        );
        let job = shader_job(&shader, vec![output("o", 128)], [2, 1, 1]);
        let limit = job.limits.fuel;
        let (found, outcome) = run(&scene, &shader, job);
        assert_eq!(found.status, Status::Trapped(trap), "{body}");
        assert_eq!(outcome.fuel, limit);
        let said = String::from_utf8(found.stderr).unwrap();
        assert!(said.contains(words) && found.files.is_empty(), "{said}");
    }
}
