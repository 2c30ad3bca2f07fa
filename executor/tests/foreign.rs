//! Programs that others made, as they were published: each gives here what it gives on
//! wasmtime-wasi.
//!
//! `./x foreign` fetches them, has their twins run, and then runs this. They are too large to keep.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "foreign/case.rs"]
mod case;
mod scene;

use case::{Case, cases, fetched};
use executor::Work;
use protocol::outcome::{Outcome, Status, TaskOutput};
use scene::{Scene, conclusive};

fn work(scene: &Scene, case: &Case) -> Work {
    let module = case.module();
    let (job, inputs) = case.job(&module);
    Work {
        module: scene.file(&module),
        inputs,
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
    let cases = cases();
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
