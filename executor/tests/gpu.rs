//! Shaders: the same outcome in every process, and as a WASI program gives it.
#![allow(missing_docs, clippy::unwrap_used)]

mod scene;

use std::path::Path;

use protocol::ids::Digest;
use protocol::job::{Array, Blob, Input, Job};
use protocol::kernel::{Buffer, Compare, Pass, Program};
use protocol::outcome::{Outcome, Status, TaskOutput, Trap};
use protocol::units::{Bytes, Fuel};
use scene::{Scene, conclusive, output, shader_job, words};

fn run(scene: &Scene, shader: &str, job: Job) -> (TaskOutput, Outcome) {
    conclusive(scene.results(scene.work(shader.as_bytes(), job)).remove(0))
}

fn example(name: &str) -> Vec<u8> {
    let jobs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/jobs");
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
    let shader = String::from_utf8(example("mandelbrot/mandelbrot.wgsl")).unwrap();
    let buffers = vec![output("picture", 1_024), Buffer::Parameters];
    let mut drawn = shader_job(&shader, buffers, [4, 1, 1]);
    drawn.array = strips;
    let module = example("mandelbrot/mandelbrot.wasm");
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

/// The files that both programs read.
const DIGITS: [&str; 3] = ["labels.u8", "pixels.u8", "weights.i32"];

/// Runs all tasks of a job over the digits' files.
fn digits(scene: &Scene, program: &[u8], mut job: Job) -> Vec<TaskOutput> {
    let files = DIGITS.map(|name| example(&format!("digits/{name}")));
    job.inputs = DIGITS
        .iter()
        .zip(&files)
        .map(|(path, content)| Input {
            path: (*path).to_owned(),
            blob: Blob {
                digest: Digest::of(content),
                size: Bytes::new(content.len() as u64),
            },
        })
        .collect();
    (job.array.count, job.limits.fuel) = (18, Fuel::new(50_000_000));
    let mut work = scene.work(program, job);
    work.inputs = files.iter().map(|content| scene.file(content)).collect();
    let results = scene.results(work).into_iter();
    results.map(|result| conclusive(result).0).collect()
}

#[test]
fn a_shader_and_a_program_find_the_same_digits() {
    let scene = Scene::with_gpu();
    let shader = String::from_utf8(example("digits/digits.wgsl")).unwrap();
    let input = |path: &str| Buffer::Input {
        path: path.to_owned(),
    };
    let buffers = vec![
        output("found", 100),
        input("weights.i32"),
        input("pixels.u8"),
        input("labels.u8"),
        Buffer::Parameters,
    ];
    let seen = digits(
        &scene,
        shader.as_bytes(),
        shader_job(&shader, buffers, [2, 1, 1]),
    );
    let module = example("digits/classify.wasm");
    let read = digits(&scene, &module, scene::job(&module));
    let (mut image, mut right) = (0, 0);
    for (seen, read) in seen.iter().zip(&read) {
        assert_eq!(seen.status, Status::Exited(0), "{seen:?}");
        let mut written = String::new();
        for word in words(seen, 0).iter().filter(|word| **word != u32::MAX) {
            let (digit, label) = (word & 0xff, word >> 8);
            written += &format!("{image}\t{digit}\t{label}\n");
            right += u32::from(image >= 1_200 && digit == label);
            image += 1;
        }
        assert_eq!(written.as_bytes(), read.files[0].1);
    }
    assert_eq!((image, right), (1_797, 552), "552 of 597 unseen images");
}

#[test]
fn a_product_in_floats_is_as_near_as_its_job_wants() {
    let scene = Scene::with_gpu();
    let shader = String::from_utf8(example("matmul/matmul.wgsl")).unwrap();
    let near = Compare::Tolerance {
        absolute: 1e-4_f32.to_bits(),
        relative: 1e-5_f32.to_bits(),
        apart_max: 0,
    };
    let buffers = vec![output("product", 128 * 128), Buffer::Parameters];
    let mut job = shader_job(&shader, buffers, [8, 8, 1]);
    job.array.count = 2;
    job.limits.fuel = Fuel::new(1_000_000_000);
    if let Program::Wgsl(kernel) = &mut job.program {
        kernel.compare = near.clone();
    }
    let results = scene.results(scene.work(shader.as_bytes(), job));
    for (task, result) in (0_u16..).zip(results) {
        let (found, outcome) = conclusive(result);
        assert_eq!(found.status, Status::Exited(0), "{found:?}");
        let part = |n: u16, of: u16| f64::from(n % of) / f64::from(of) - 0.5;
        let mut plain = found.clone();
        let numbers = (0..128_u16).flat_map(|row| {
            (0..128_u16).flat_map(move |column| {
                let sum: f64 = (0..128_u16)
                    .map(|k| part(row * 7 + k * 3 + task, 101) * part(k * 5 + column * 11, 97))
                    .sum();
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "rounded to what a shader has"
                )]
                let sum = sum as f32;
                sum.to_le_bytes()
            })
        });
        plain.files[0].1 = numbers.collect();
        let fuel = outcome.fuel;
        assert!(executor::are_alike(&near, (&found, fuel), (&plain, fuel)));
        plain.files[0].1[3] ^= 0x40;
        assert!(!executor::are_alike(&near, (&found, fuel), (&plain, fuel)));
    }
}

#[test]
fn another_device_class_is_refused_before_anything_runs() {
    let scene = Scene::with_gpu();
    let shader = "@group(0) @binding(0) var<storage, read_write> o: array<f32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {
        o[g.x] = sqrt(f32(g.x)) / 3.0; }";
    let ours = scene
        .executor
        .gpus()
        .iter()
        .find(|gpu| gpu.is_fit())
        .unwrap();
    let job = |device: &str| {
        let mut job = shader_job(shader, vec![output("o", 64)], [1, 1, 1]);
        if let Program::Wgsl(kernel) = &mut job.program {
            kernel.compare = Compare::Homogeneous {
                device: device.to_owned(),
            };
        }
        job
    };
    let other = scene.work(shader.as_bytes(), job("vulkan/10de:2335/580.0"));
    let refused = scene.executor.run(other);
    assert_eq!(refused, Err(executor::Refused::OtherDevice));
    let runs = [(); 2].map(|()| run(&scene, shader, job(&ours.class)));
    assert_eq!(
        runs[0], runs[1],
        "one class gives the same bits: {}",
        ours.class
    );
    assert_eq!(runs[0].0.status, Status::Exited(0));
}
