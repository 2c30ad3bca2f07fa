//! What a job file may say, and what it may not.

use super::*;
use protocol::ids::Digest;
use protocol::job::Blob;
use protocol::kernel::Compare;
use protocol::units::{Bytes, Credits, Fuel, Millis};

fn read_text(text: &[u8]) -> Result<Work, Problem> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("job.toml");
    std::fs::write(&path, text).unwrap();
    read(&path).map(|mut work| {
        work.module = work.module.file_name().unwrap().into();
        work
    })
}

#[test]
fn a_job_file_says_what_the_flags_say() {
    let text = br#"
        name = "orchids"
        module = "align.wasm"
        array = "0-93"
        copies = 2
        tasks_per_bundle = 4
        budget = "1.5"
        [inputs]
        sequences = "ls_orchid.fasta"
        [limits]
        fuel_per_task = 2_000_000_000 # a comment
        memory_bytes = "64MiB"
        wall_seconds = 90
    "#;
    let work = read_text(text).unwrap();
    assert_eq!((work.name.as_str(), work.array.count), ("orchids", 94));
    assert_eq!((work.copies, work.tasks_per_bundle), (Some(2), Some(4)));
    assert_eq!(work.budget, Some(Credits::new(1_500_000)));
    assert_eq!(work.limits.fuel, Fuel::new(2_000_000_000));
    assert_eq!(work.limits.memory, Bytes::new(64 << 20));
    assert_eq!(work.limits.wall_ms, Millis::new(90_000));
    assert_eq!(work.inputs[0].0, "sequences");
}

#[test]
fn the_examples_of_this_repository_are_job_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/jobs");
    let work = read(&root.join("orchids/job.toml")).unwrap();
    assert_eq!((work.array.count, work.copies), (94, Some(2)));
    assert!(work.module.is_file() && work.inputs[0].1.is_file());
    let work = read(&root.join("queens/job.toml")).unwrap();
    let checker = root.join("queens/check.wasm");
    let named = work.gpu.as_ref().and_then(KernelForm::checker);
    assert!(checker.is_file() && named == Some(&CheckerForm::File(checker)));
}

#[test]
fn damage_is_an_error_with_its_place_and_never_a_panic() {
    let whole = b"module = \"a.wasm\"\narray = \"0-9\"\n[limits]\nfuel_per_task = \"1G\"\n";
    read_text(whole).unwrap();
    for text in [
        &b""[..],
        b"\xff\xfe",
        b"module = ",
        b"module = 7",
        b"name = \"x\"",
        b"module = \"a\"\nmodul = \"b\"",
        b"module = \"a\"\narray = \"9-0\"",
        b"module = \"a\"\n[limits]\nfuel_per_task = -1",
        b"module = \"a\"\n[limits]\nfuel_per_task = \"much\"",
        &whole[..whole.len() - 3],
    ] {
        let problem = read_text(text).unwrap_err();
        assert_eq!(problem.code, Code::Usage);
        assert!(
            problem.detail.is_some() && problem.fix.is_some(),
            "{problem}"
        );
    }
    for len in 0..whole.len() {
        let _ = read_text(&whole[..len]);
    }
}

#[test]
fn a_module_drives_a_gpu_only_if_its_job_says_so() {
    let read = |line: &str| {
        let work = read_text(format!("module = \"x.wasm\"\n{line}\n").as_bytes());
        work.map(|work| work.gpu_calls)
            .map_err(|problem| problem.to_string())
    };
    assert_eq!(read(""), Ok(false));
    assert_eq!(read("gpu_calls = true"), Ok(true));
    assert!(read("gpu_calls = 1").is_err());
}

#[test]
fn a_shaders_job_says_what_each_buffer_is() {
    let text = |buffer: &str| {
        format!(
            "module = \"x.wgsl\"\n[gpu]\n\
             passes = [{{ entry = \"main\", groups = [4, 1, 1] }}]\n\
             buffers = [{{ output = \"o\", bytes = 64 }}, {buffer}]\n"
        )
    };
    let read = |buffer: &str| {
        let work = read_text(text(buffer).as_bytes()).unwrap();
        work.gpu.unwrap().read()
    };
    assert_eq!(read("{ parameters = true }").unwrap().buffers.len(), 2);
    assert!(read("{ scratch_bytes = 64 }").is_ok());
    assert!(read("{ input = \"data\" }").is_ok());
    for bad in [
        "{ }",
        "{ output = \"p\" }",
        "{ input = \"x\", parameters = true }",
    ] {
        assert!(
            read(bad).unwrap_err().to_string().contains("one of"),
            "{bad}"
        );
    }
}

#[test]
fn a_shaders_job_says_when_outputs_count_as_the_same() {
    let read = |compare: &str| {
        let text = format!(
            "module = \"x.wgsl\"\n[gpu]\n{compare}\n\
             passes = [{{ entry = \"main\", groups = [4, 1, 1] }}]\n\
             buffers = [{{ output = \"o\", bytes = 64 }}]\n"
        );
        let work = read_text(text.as_bytes()).map_err(|problem| problem.to_string())?;
        let kernel = work.gpu.unwrap().read();
        kernel
            .map(|kernel| kernel.compare)
            .map_err(|error| error.to_string())
    };
    assert_eq!(read(""), Ok(Compare::Exact));
    assert_eq!(read("compare = \"exact\""), Ok(Compare::Exact));
    let device = "vulkan/10005:0000/llvmpipe".to_owned();
    let text = format!("compare = {{ homogeneous = \"{device}\" }}");
    assert_eq!(read(&text), Ok(Compare::Homogeneous { device }));
    let text = "compare = { tolerance = { absolute = 0, relative = 1e-5 } }";
    let expected = Compare::Tolerance {
        absolute: 0,
        relative: 1e-5_f32.to_bits(),
        apart_max: 0,
    };
    assert_eq!(read(text), Ok(expected));
    let text = "compare = { checker = \"check.wasm\" }";
    assert!(read(text).unwrap_err().contains("uploaded first"));
    let digest = Digest::of(b"checker");
    let text = format!(
        "compare = {{ checker = {{ digest = \"{}\", size = 7 }} }}",
        digest.full()
    );
    let module = Blob::of(b"checker");
    assert_eq!(read(&text), Ok(Compare::Checker { module }));
    for bad in [
        "compare = { checker = 7 }",
        "compare = { checker = { digest = \"x\", size = 7 } }",
        "compare = { checker = \"x\", tolerance = {} }",
        "compare = \"tolerance\"",
        "compare = 1e-5",
        "compare = { tolerance = 1e-5 }",
        "compare = { tolerance = { relative = 1e-5, most = 3 } }",
        "compare = { homogeneous = \"x\", tolerance = {} }",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

/// Numbers that look random and are the same every time.
fn dice(seed: &mut u64, below: usize) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    usize::try_from(*seed >> 33).unwrap() % below.max(1)
}

#[test]
fn bent_job_files_are_read_or_refused_and_never_a_panic() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/jobs");
    let names = [
        "orchids/job.toml",
        "mandelbrot/gpu.toml",
        "matmul/job.toml",
        "queens/job.toml",
    ];
    let whole = names.map(|name| std::fs::read(root.join(name)).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("job.toml");
    let (mut seed, mut read_well) = (7, 0);
    for _ in 0..6_000 {
        let mut text = whole[dice(&mut seed, whole.len())].clone();
        for _ in 0..=dice(&mut seed, 3) {
            let other = &whole[dice(&mut seed, whole.len())];
            let from = dice(&mut seed, other.len());
            let piece = &other[from..(from + dice(&mut seed, 40)).min(other.len())];
            let at = dice(&mut seed, text.len());
            let end = (at + dice(&mut seed, 40)).min(text.len());
            match dice(&mut seed, 4) {
                0 => drop(text.drain(at..end)),
                1 => drop(text.splice(at..end, piece.iter().copied())),
                2 => drop(text.splice(at..at, piece.iter().copied())),
                _ => {
                    let odd = b"\0\"'[]{}=,.-#9ex\xff\n"[dice(&mut seed, 17)];
                    drop(text.splice(at..at, [odd]));
                }
            }
        }
        std::fs::write(&path, &text).unwrap();
        match read(&path) {
            Ok(work) => {
                read_well += 1;
                let _ = work.gpu.map(KernelForm::read);
            }
            Err(problem) => assert_eq!(problem.code, Code::Usage, "{problem}"),
        }
    }
    assert!(read_well > 100, "{read_well} of 6000 still say something");
}
