//! This machine, measured: processors and adapters, through jailed children.
#![allow(missing_docs, clippy::unwrap_used)]

mod scene;

use executor::devices::{self, Bench};
use protocol::ids::Digest;
use protocol::units::Moment;

#[test]
fn what_this_machine_does_is_measured_through_its_jails() {
    let scene = scene::Scene::with_gpu();
    let cache = scene.folder.path().join("measured");
    let program = scene::worker();
    let bench = Bench {
        program: &program,
        worker_args: &["exec-worker".into()],
        cache: &cache,
        adapters: scene.executor.gpus(),
    };
    let figures = devices::measure(&bench, Moment::new(7)).unwrap();
    println!("{figures:#?}\nslots {}", figures.cpu.slots());
    let cpu = &figures.cpu;
    assert!(cpu.alone.get() > 10_000_000, "no processor is that slow");
    assert!(cpu.together >= cpu.alone);
    assert!((1..=cpu.processors).contains(&u32::from(cpu.slots())));
    let fit = bench.adapters.iter().filter(|gpu| gpu.is_fit());
    assert_eq!(fit.count(), figures.gpus.len());
    for gpu in &figures.gpus {
        assert_eq!(gpu.failed, None);
        assert!(gpu.whole > 0 && gpu.bytes > 0 && gpu.floats > 0, "{gpu:?}");
    }
    // They hold for as long as nothing they depend on changes.
    let runtime = devices::runtime(&bench).unwrap();
    assert_eq!(figures.runtime, runtime);
    assert!(figures.hold(runtime, bench.adapters));
    assert!(
        figures.hold(runtime, &[]),
        "they hold where no adapter is used"
    );
    let mut driver = bench.adapters.to_vec();
    driver[0].class.push_str(" 2");
    assert!(!figures.hold(runtime, &driver), "a driver is new");
    assert!(!figures.hold(Digest::of(b"new"), bench.adapters));
}

#[test]
fn damaged_code_of_the_reference_module_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("measured");
    let program = scene::worker();
    let bench = Bench {
        program: &program,
        worker_args: &["exec-worker".into()],
        cache: &cache,
        adapters: &[],
    };
    // What a peer of this home compiles meanwhile is left alone.
    std::fs::create_dir(&cache).unwrap();
    let compiling = cache.join("module.new");
    std::fs::write(&compiling, "half a module").unwrap();
    let first = devices::measure(&bench, Moment::default()).unwrap();
    assert!(compiling.exists());
    let files = std::fs::read_dir(&cache).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    let code = files.find(|path| path.extension().is_some_and(|ending| ending == "code"));
    let code = code.unwrap();
    let mut bytes = std::fs::read(&code).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&code, bytes).unwrap();
    let why = devices::measure(&bench, Moment::default()).unwrap_err();
    assert!(why.contains("measure again"), "{why}");
    let again = devices::measure(&bench, Moment::default()).unwrap();
    assert_eq!(again.runtime, first.runtime);
}

#[test]
fn what_is_no_worker_is_not_measured() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench {
        program: "/bin/cat".as_ref(),
        worker_args: &[],
        cache: folder.path(),
        adapters: &[],
    };
    let why = devices::measure(&bench, Moment::default()).unwrap_err();
    assert!(why.contains("worker"), "{why}");
}

#[test]
fn the_reference_module_is_its_text() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/devices");
    let text = scene::assemble(include_bytes!("../src/devices/reference.wat"));
    let built = format!("{folder}/reference.wasm");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&built, &text).unwrap();
    }
    assert_eq!(std::fs::read(built).unwrap(), text, "BLESS=1 assembles it");
}
