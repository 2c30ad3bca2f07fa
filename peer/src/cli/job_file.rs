//! `job.toml`: a job written down, next to the files it names.
//!
//! ```toml
//! name = "orchids"
//! module = "align.wasm"            # paths are relative to this file
//! unknown_imports = "trap"         # run it though no peer has all functions it imports
//! gpu_calls = true                 # it drives a GPU: only peers with one run it
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
    #[serde(default)]
    gpu_calls: bool,
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
    let folder = path.parent().unwrap_or(Path::new("."));
    read_bytes(&bytes, folder).map_err(|why| wrong(&why))
}

/// Reads what a job file holds; what it names lies in `folder`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read_bytes(bytes: &[u8], folder: &Path) -> Result<Work, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let file = toml::from_str(text).map_err(|error| error.to_string())?;
    work(file, folder)
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
    work.gpu_calls = file.gpu_calls;
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
mod tests;
