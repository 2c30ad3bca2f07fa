//! Programs that others made, as they were published: each gives here what it gives on
//! wasmtime-wasi.
//!
//! `./x foreign` fetches them, has their twins run, and then runs this. They are too large to keep.
#![allow(missing_docs, clippy::unwrap_used)]

mod scene;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use executor::Work;
use protocol::job::{Blob, UnknownImports};
use protocol::outcome::{Outcome, Status, TaskOutput};
use protocol::units::{Bytes, Fuel, Millis};
use scene::{Scene, conclusive, input, job};
use serde::Deserialize;

/// One program with what it is given, as `foreign/cases.json` has it.
#[derive(Deserialize)]
struct Case {
    name: String,
    module: String,
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    inputs: BTreeMap<String, String>,
    #[serde(default)]
    unknown_imports: Option<String>,
    outputs: Vec<String>,
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign")
}

/// A folder that `./x foreign` filled: the `packages`, or what each `twin` gave.
fn fetched(folder: &str) -> PathBuf {
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

fn work(scene: &Scene, case: &Case) -> Work {
    let module = std::fs::read(found(&case.module)).unwrap();
    let mut inputs = BTreeMap::new();
    for (name, source) in &case.inputs {
        files(name, &found(source), &mut inputs);
    }
    let mut job = job(&module);
    job.args.clone_from(&case.args);
    job.env = case.env.clone().into_iter().collect();
    if case.unknown_imports.is_some() {
        job.unknown_imports = UnknownImports::Trap;
    }
    job.limits.fuel = Fuel::new(200_000_000_000);
    job.limits.memory = Bytes::new(1 << 30);
    job.limits.output = Bytes::new(64 << 20);
    job.limits.output_files = 1_000;
    job.limits.wall_ms = Millis::new(600_000);
    job.inputs = inputs
        .iter()
        .map(|(name, path)| input(name, &std::fs::read(path).unwrap()))
        .collect();
    assert_eq!(job.module, Blob::of(&module));
    let module = scene.file(&module);
    Work {
        module,
        inputs: inputs.into_values().collect(),
        ..scene.work(b"", job)
    }
}

fn twin(case: &Case, file: &str) -> Vec<u8> {
    let path = fetched("twin").join(&case.name).join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn same_as_its_twin(case: &Case, (output, _): &(TaskOutput, Outcome)) {
    let said = String::from_utf8_lossy(&output.stderr);
    let code = String::from_utf8(twin(case, "code")).unwrap();
    let code = code.trim().parse().unwrap();
    assert_eq!(output.status, Status::Exited(code), "{}: {said}", case.name);
    assert_eq!(output.stdout, twin(case, "stdout"), "{}", case.name);
    for name in &case.outputs {
        let content = output.files.iter().find(|(path, _)| path == name);
        let (_, content) = content.unwrap_or_else(|| panic!("{}: no {name}: {said}", case.name));
        assert!(
            *content == twin(case, name),
            "{}: {name} differs",
            case.name
        );
    }
}

#[test]
fn programs_made_by_others_give_what_their_twins_give() {
    let scene = Scene::open(1);
    let cases = std::fs::read(here().join("cases.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&cases).unwrap();
    assert!(cases.len() >= 4);
    for case in &cases {
        let [first, again] = [(); 2].map(|()| {
            let mut results = scene.results(work(&scene, case));
            conclusive(results.remove(0))
        });
        same_as_its_twin(case, &first);
        assert_eq!(first.1, again.1, "{}: the same again", case.name);
        println!(
            "{}: {} fuel, {}",
            case.name,
            first.1.fuel.get(),
            first.1.digest
        );
    }
}
