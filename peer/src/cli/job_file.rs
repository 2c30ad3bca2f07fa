//! `job.toml`: a job written down, next to the files it names.
//!
//! ```toml
//! name = "orchids"
//! module = "align.wasm"            # paths are relative to this file
//! unknown_imports = "trap"         # run it though no peer has all functions it imports
//! args = ["--fast"]
//! array = "0-93"
//! copies = 2
//! tasks_per_bundle = 4
//! budget = "30"                    # credits
//! price_per_gfuel = "0.01"         # credits
//!
//! [inputs]
//! sequences = "ls_orchid.fasta"    # the guest reads /in/sequences
//! "/share/cells" = "cells"          # and this folder where it looks for it
//!
//! [env]
//! MODE = "exact"
//!
//! [limits]
//! fuel_per_task = "2G"             # or 2_000_000_000
//! memory_bytes = "64MiB"
//! output_bytes = "1MiB"
//! output_files = 100
//! wall_seconds = 60
//! ```
//!
//! A shader's job names a `.wgsl` file as its module, and says how it is fed and run:
//!
//! ```toml
//! [gpu]
//! passes = [{ entry = "main", groups = [16, 16, 1] }]
//! buffers = [                      # @group(0) @binding(0), (1), …
//!   { output = "picture", bytes = 262144 },
//!   { parameters = true },         # array index (2 words), task, how many args, args
//!   { input = "sequences" },
//!   { scratch_bytes = 4096 },
//! ]
//! compare = "exact"                # or { homogeneous = "DEVICE CLASS" }, or
//! # compare = { tolerance = { absolute = 1e-6, relative = 1e-5, apart_max = 3 } }, or
//! # compare = { checker = "check.wasm" }     # it reads /candidate/NAME; exit code 0 accepts
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::form;
use super::parse;
use super::submit::Work;
use crate::api::problem::{Code, Problem};
use crate::api::types::{CheckerForm, KernelForm, UnknownImportsForm};

/// A job file may have so many bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A number, or a number with a unit in quotes.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Amount {
    Bare(u64),
    Written(String),
}

impl Amount {
    fn read<T>(&self, read: impl Fn(&str) -> Result<T, String>) -> Result<T, String> {
        match self {
            Self::Bare(number) => read(&number.to_string()),
            Self::Written(text) => read(text),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    fuel_per_task: Option<Amount>,
    memory_bytes: Option<Amount>,
    output_bytes: Option<Amount>,
    output_files: Option<u32>,
    wall_seconds: Option<Amount>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JobFile {
    name: Option<String>,
    module: PathBuf,
    #[serde(default)]
    unknown_imports: UnknownImportsForm,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    stdin: Option<PathBuf>,
    #[serde(default)]
    inputs: BTreeMap<String, PathBuf>,
    array: Option<String>,
    seed: Option<String>,
    class: Option<String>,
    copies: Option<u8>,
    tasks_per_bundle: Option<u32>,
    price_per_gfuel: Option<Amount>,
    budget: Option<Amount>,
    #[serde(default)]
    limits: Limits,
    gpu: Option<KernelForm>,
}

/// Reads a job file.
///
/// # Errors
/// [`Code::Usage`], with the line where it is wrong.
pub fn read(path: &Path) -> Result<Work, Problem> {
    let bytes = form::read(path, "the job file", FILE_BYTES_MAX)?;
    let wrong = |why: &dyn std::fmt::Display| {
        let title = format!("{} is not a job file", path.display());
        Problem::new(Code::Usage, title)
            .because(why)
            .try_this("`peer submit --help` shows one")
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong(&"it is not text"))?;
    let file: JobFile = toml::from_str(text).map_err(|error| wrong(&error))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    work(file, folder).map_err(|why| wrong(&why))
}

fn work(file: JobFile, folder: &Path) -> Result<Work, String> {
    let mut work = Work::of(folder.join(&file.module));
    if let Some(name) = file.name {
        work.name = name;
    }
    work.unknown_imports = file.unknown_imports;
    work.gpu = file.gpu;
    if let Some(CheckerForm::File(path)) = work.gpu.as_mut().and_then(KernelForm::checker_mut) {
        *path = folder.join(&*path);
    }
    work.args = file.args;
    work.env = file.env.into_iter().collect();
    work.stdin = file.stdin.map(|path| folder.join(path));
    let inputs = file.inputs.into_iter();
    work.inputs = inputs
        .map(|(name, path)| (name, folder.join(path)))
        .collect();
    if let Some(array) = &file.array {
        work.array = parse::array(array).map_err(|why| format!("array: {why}"))?;
        work.is_array = true;
    }
    work.seed = file.seed;
    work.class = file.class;
    work.copies = file.copies;
    work.tasks_per_bundle = file.tasks_per_bundle;
    let credits = |name: &str, amount: Option<Amount>| {
        let read = amount.map(|amount| amount.read(parse::credits));
        read.transpose().map_err(|why| format!("{name}: {why}"))
    };
    work.per_gfuel = credits("price_per_gfuel", file.price_per_gfuel)?;
    work.budget = credits("budget", file.budget)?;

    let limits = &mut work.limits;
    if let Some(fuel) = &file.limits.fuel_per_task {
        limits.fuel = fuel
            .read(parse::fuel)
            .map_err(|why| format!("fuel_per_task: {why}"))?;
    }
    if let Some(memory) = &file.limits.memory_bytes {
        limits.memory = memory
            .read(parse::size)
            .map_err(|why| format!("memory_bytes: {why}"))?;
    }
    if let Some(output) = &file.limits.output_bytes {
        limits.output = output
            .read(parse::size)
            .map_err(|why| format!("output_bytes: {why}"))?;
    }
    if let Some(files) = file.limits.output_files {
        limits.output_files = files;
    }
    if let Some(wall) = &file.limits.wall_seconds {
        limits.wall_ms = wall
            .read(parse::millis)
            .map_err(|why| format!("wall_seconds: {why}"))?;
    }
    Ok(work)
}

#[cfg(test)]
mod tests {
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
        let text = format!("compare = {{ checker = {{ digest = \"{digest}\", size = 7 }} }}");
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
}
