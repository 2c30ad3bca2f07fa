//! A program that others made, with what it is given: one case of `cases.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use protocol::job::{Blob, Input, Job, Limits, UnknownImports};
use protocol::units::{Bytes, Fuel, Millis};
use serde::Deserialize;

const LIMITS: Limits = Limits {
    fuel: Fuel::new(200_000_000_000),
    memory: Bytes::new(1 << 30),
    output: Bytes::new(64 << 20),
    output_files: 1_000,
    wall_ms: Millis::new(600_000),
};

/// One program with what it is given.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    module: String,
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    inputs: BTreeMap<String, String>,
    #[serde(default)]
    unknown_imports: Option<String>,
    /// Files that its twin gave too.
    pub(crate) outputs: Vec<String>,
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign")
}

/// All cases.
pub(crate) fn cases() -> Vec<Case> {
    let cases = std::fs::read(here().join("cases.json")).unwrap();
    serde_json::from_slice(&cases).unwrap()
}

/// A folder that `./x foreign` filled: the `packages`, or what each `twin` gave.
pub(crate) fn fetched(folder: &str) -> PathBuf {
    let all = std::env::var_os("TALLYGRID_FOREIGN").expect("`./x foreign` sets TALLYGRID_FOREIGN");
    Path::new(&all).join(folder)
}

/// A file that was fetched, that a twin gave, or that lies beside the cases.
fn found(source: &str) -> PathBuf {
    [fetched("packages"), fetched("twin"), here()]
        .map(|place| place.join(source))
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("there is no {source}"))
}

/// Every file below a path, by its name for the guest.
fn files(name: &str, path: &Path, into: &mut BTreeMap<String, PathBuf>) {
    if !path.is_dir() {
        into.insert(name.to_owned(), path.to_owned());
        return;
    }
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let below = format!("{name}/{}", entry.file_name().to_str().unwrap());
        files(&below, &entry.path(), into);
    }
}

impl Case {
    /// The module's bytes.
    pub(crate) fn module(&self) -> Vec<u8> {
        std::fs::read(found(&self.module)).unwrap()
    }

    /// A job of this program, and where its inputs lie, in the job's order.
    pub(crate) fn job(&self, module: &[u8]) -> (Job, Vec<PathBuf>) {
        let mut inputs = BTreeMap::new();
        for (name, source) in &self.inputs {
            files(name, &found(source), &mut inputs);
        }
        let mut job = Job::once(&self.name, Blob::of(module), LIMITS);
        job.args.clone_from(&self.args);
        job.env = self.env.clone().into_iter().collect();
        if self.unknown_imports.is_some() {
            job.unknown_imports = UnknownImports::Trap;
        }
        let input = |(path, file): (&String, &PathBuf)| Input {
            path: path.clone(),
            blob: Blob::of(&std::fs::read(file).unwrap()),
        };
        job.inputs = inputs.iter().map(input).collect();
        (job, inputs.into_values().collect())
    }
}
