//! What a kernel's declaration may say, seen before any shader is read.
#![allow(missing_docs, clippy::unwrap_used)]

mod kept;

use kept::golden;
use protocol::bytes::{self, Limited, Malformed};
use protocol::ids::Digest;
use protocol::job::{Array, Blob, INPUT_ROOTS_MAX, Input, Job, Judge, Limits, MODULE_MAX, Profile};
use protocol::kernel::{Buffer, Compare, Kernel, Pass, Program, are_near, parameters};
use protocol::outcome::{Limit, Status, TaskOutput};
use protocol::steps::StepEntries;
use protocol::units::{Bytes, Fuel, Millis};

fn kernel() -> Kernel {
    let output = Buffer::Output {
        name: "out".into(),
        size: Bytes::new(64),
    };
    let input = Buffer::Input { path: "in".into() };
    Kernel {
        buffers: vec![output, Buffer::Parameters, input],
        passes: vec![Pass {
            entry: "main".into(),
            groups: [1, 1, 1],
        }],
        compare: Compare::Exact,
    }
}

fn job(kernel: Kernel) -> Job {
    let blob = |size| Blob {
        digest: Digest::of(b"content"),
        size: Bytes::new(size),
    };
    let limits = Limits {
        fuel: Fuel::new(1_000),
        memory: Bytes::new(4_096),
        output: Bytes::new(128),
        output_files: 2,
        wall_ms: Millis::new(1_000),
    };
    Job {
        profile: Profile::WGSL_1,
        program: Program::Wgsl(kernel),
        inputs: vec![Input {
            path: "in".into(),
            blob: blob(5),
        }],
        array: Array {
            first: 1 << 33,
            step: 1,
            count: 3,
        },
        seed: Digest::of(b"seed"),
        ..Job::once("test", blob(1_000), limits)
    }
}

const fn tolerance(absolute: f32, relative: f32) -> Compare {
    Compare::Tolerance {
        absolute: absolute.to_bits(),
        relative: relative.to_bits(),
        apart_max: 2,
    }
}

fn checker() -> Compare {
    let module = Blob::of(b"checker");
    Compare::Checker { module }
}

type Change = fn(&mut Job, &mut Kernel);

/// Each change is refused with these words, also by who reads the job.
fn are_refused(cases: &[(&str, Change)]) {
    for (words, change) in cases {
        let (mut changed, mut declared) = (job(kernel()), kernel());
        change(&mut changed, &mut declared);
        changed.program = Program::Wgsl(declared);
        let refused = changed.within_limits().unwrap_err().to_string();
        assert!(refused.contains(words), "{words}: {refused}");
        let read: Result<Job, Malformed> = bytes::read(&bytes::write(&changed), 1 << 20);
        assert!(read.is_err(), "{words}");
    }
}

#[test]
fn what_a_checker_could_not_look_at_is_refused() {
    are_refused(&[
        ("module is outside", |job, k| {
            let module = Blob {
                size: Bytes::new(MODULE_MAX.get() + 1),
                ..job.module
            };
            k.compare = Compare::Checker { module };
        }),
        ("no input lies there", |job, k| {
            job.inputs[0].path = "/candidate/x".into();
            k.buffers[2] = Buffer::Input {
                path: "/candidate/x".into(),
            };
            k.compare = Compare::Checker { module: job.module };
        }),
        ("folders of inputs", |job, k| {
            let own = |n| Input {
                path: format!("/own{n:02}/x"),
                ..job.inputs[0].clone()
            };
            let others = (0..INPUT_ROOTS_MAX).map(own).collect::<Vec<_>>();
            job.inputs.splice(0..0, others);
            k.compare = Compare::Checker { module: job.module };
        }),
    ]);
}

#[test]
fn a_sound_declaration_passes_and_each_unsound_one_is_named() {
    assert_eq!(job(kernel()).within_limits(), Ok(()));
    let cases: [(&str, Change); 16] = [
        ("another kind", |job, _| job.profile = Profile::WASM_3),
        ("device class", |_, k| {
            k.compare = Compare::Homogeneous { device: "".into() };
        }),
        ("0 or more", |_, k| {
            k.compare = tolerance(-1.0, 0.0);
        }),
        ("0 or more", |_, k| {
            k.compare = tolerance(0.0, f32::NAN);
        }),
        ("shader is outside", |job, _| {
            job.module.size = Bytes::new(65_537)
        }),
        ("neither imports", |job, _| {
            job.env.push(("A".into(), "b".into()))
        }),
        ("whole numbers", |job, _| job.args.push("1.5".into())),
        ("names one of", |job, _| job.inputs.clear()),
        ("whole words", |_, k| {
            k.buffers[0] = Buffer::Scratch {
                size: Bytes::new(6),
            };
        }),
        ("stays in its folder", |_, k| {
            k.buffers[0] = Buffer::Output {
                name: "../x".into(),
                size: Bytes::new(4),
            };
        }),
        ("at least one output", |_, k| k.buffers.truncate(0)),
        ("each of another name", |_, k| {
            k.buffers.push(k.buffers[0].clone())
        }),
        ("output limits", |job, _| job.limits.output = Bytes::new(60)),
        ("memory limit", |job, _| job.limits.memory = Bytes::new(80)),
        ("1 to 65535", |_, k| k.passes[0].groups[1] = 0),
        ("at least one pass", |_, k| k.passes.clear()),
    ];
    are_refused(&cases);
    let written = bytes::write(&job(kernel()));
    assert_eq!(bytes::read(&written, 1 << 20), Ok(job(kernel())));
    assert!(bytes::read::<Job>(&written[..written.len() - 1], 1 << 20).is_err());
}

#[test]
fn a_shaders_job_has_the_bytes_of_today() {
    let mut kernel = kernel();
    kernel.buffers.push(Buffer::Scratch {
        size: Bytes::new(64),
    });
    let mut job = job(kernel);
    job.args.push("-1".into());
    golden("job-wgsl", &bytes::write(&job));
    for (name, compare) in [
        ("job-wgsl-tolerance", tolerance(1e-5, 0.5)),
        (
            "job-wgsl-homogeneous",
            Compare::Homogeneous {
                device: "vulkan/10de:2335/580".into(),
            },
        ),
        ("job-wgsl-checker", checker()),
    ] {
        let mut kernel = self::kernel();
        kernel.compare = compare;
        let job = self::job(kernel);
        assert_eq!(job.within_limits(), Ok(()));
        assert_eq!(job.judge(), Judge::Submitter);
        golden(name, &bytes::write(&job));
    }
}

#[test]
fn parameters_are_index_task_and_arguments() {
    let mut job = job(kernel());
    job.args = vec!["7".into(), "-1".into(), "4294967295".into()];
    let words = parameters(&job, 2).unwrap();
    assert_eq!(words, [2, 2, 2, 3, 7, u32::MAX, u32::MAX]);
}

#[test]
fn a_checker_sees_the_inputs_and_the_output_and_has_the_jobs_limits() {
    let mut kernel = kernel();
    let file = ("out".to_owned(), Blob::of(&[7; 64]));
    assert_eq!(job(kernel.clone()).checking([file.clone()]), None);
    kernel.compare = checker();
    let shader = Job {
        args: vec!["7".into()],
        ..job(kernel)
    };
    let checking = shader.checking([file]).unwrap();
    assert_eq!(checking.within_limits(), Ok(()));
    let paths = checking.inputs.iter().map(|input| input.path.as_str());
    assert_eq!(paths.collect::<Vec<_>>(), ["/candidate/out", "in"]);
    assert_eq!(checking.inputs[0].blob, Blob::of(&[7; 64]));
    assert_eq!(checking.module, Blob::of(b"checker"));
    assert_eq!(
        (checking.profile, &checking.program),
        (Profile::WASM_3, &Program::Wasm)
    );
    assert_eq!(checking.args, shader.args);
    assert_eq!(checking.array, shader.array);
    assert_eq!(checking.limits, shader.limits);
    assert_eq!(checking.seed, shader.seed);
}

#[test]
fn only_what_a_kernel_leaves_when_it_ends_well_is_whole() {
    let mut kernel = kernel();
    let output = Buffer::Output {
        name: "also".into(),
        size: Bytes::new(4),
    };
    kernel.buffers.push(output);
    let whole = TaskOutput {
        profile: Profile::WGSL_1,
        status: Status::Exited(0),
        stdout: Vec::new(),
        stderr: Vec::new(),
        files: vec![("also".into(), vec![1; 4]), ("out".into(), vec![2; 64])],
        steps: None,
    };
    assert!(kernel.is_whole(Profile::WGSL_1, &whole));
    type Change = fn(&mut TaskOutput);
    let changes: [Change; 10] = [
        |output| output.profile = Profile::WASM_3,
        |output| output.status = Status::Exited(1),
        |output| output.status = Status::OutOf(Limit::Fuel),
        |output| output.stdout.push(1),
        |output| output.stderr.push(1),
        |output| output.steps = Some(StepEntries::new(vec![Digest::of(b"")]).unwrap().list()),
        |output| output.files[0].1.push(1),
        |output| output.files[1].0.push('x'),
        |output| output.files.push(("z".into(), Vec::new())),
        |output| output.files.truncate(1),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut other = whole.clone();
        change(&mut other);
        assert!(!kernel.is_whole(Profile::WGSL_1, &other), "change {at}");
    }
}

#[test]
fn a_bill_may_be_a_sixteenth_more() {
    for (one, other, near) in [
        (160, 170, true),
        (160, 171, false),
        (0, 0, true),
        (15, 16, false),
    ] {
        let (one, other) = (Fuel::new(one), Fuel::new(other));
        assert_eq!(are_near(one, other), near, "{one:?} {other:?}");
        assert_eq!(are_near(other, one), near, "{one:?} {other:?}");
    }
}
