//! Programs that compilers made, in the world that a worker gives them.
#![allow(missing_docs, clippy::unwrap_used)]

mod scene;

use std::path::{Path, PathBuf};

use executor::{Entry, Inconclusive, ModuleRefused, TaskResult, Work};
use protocol::job::{Array, Blob, Job, Profile, UnknownImports};
use protocol::outcome::{Limit, Status, TaskOutput, Trap};
use protocol::units::{Bytes, Fuel};
use scene::{Scene, assemble, conclusive, input, job};

fn example(path: &str) -> (PathBuf, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/jobs")
        .join(path);
    let content = std::fs::read(&path).unwrap();
    (path, content)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What the probe does when it is given these arguments.
fn probe(scene: &Scene, args: &[&str], change: impl FnOnce(&mut Job)) -> TaskResult {
    let (_, module) = example("probe/probe.wasm");
    scene.one(&module, |job| {
        job.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        change(job);
    })
}

#[test]
fn a_c_program_sees_its_arguments_environment_stdin_and_inputs() {
    let scene = Scene::open(1);
    let (_, module) = example("probe/probe.wasm");
    let mut echo = job(&module);
    echo.args = vec!["echo".to_owned(), "two words".to_owned()];
    echo.env = vec![("Z".to_owned(), "1".to_owned())];
    echo.array = Array {
        first: 3,
        step: 4,
        count: 3,
    };
    echo.stdin = Some(Blob::of(b"from stdin\n"));
    echo.inputs = vec![input("data", b"content"), input("deep/er/file", b"")];
    let work = Work {
        stdin: Some(scene.file(b"from stdin\n")),
        inputs: vec![scene.file(b"content"), scene.file(b"")],
        tasks: 1..3,
        ..scene.work(&module, echo)
    };
    let results: Vec<_> = scene.results(work).into_iter().map(conclusive).collect();
    assert_eq!(results.len(), 2);
    let (output, _) = &results[1];
    assert_eq!(output.status, Status::Exited(0), "{}", text(&output.stderr));
    assert_eq!(output.files, [("copy".to_owned(), b"content".to_vec())]);
    let shown = text(&output.stdout);
    for word in [
        "two words",
        "from stdin",
        "PEER_TASK_ID=2",
        "PEER_ARRAY_INDEX=11",
        "PEER_JOB_ID=job_",
    ] {
        assert!(shown.contains(word), "{word} in {shown}");
    }
    assert_ne!(results[0].1.digest, results[1].1.digest);
}

#[test]
fn every_way_a_guest_can_end_has_its_own_name() {
    let scene = Scene::open(1);
    let small = |job: &mut Job| {
        job.limits.fuel = Fuel::new(50_000_000);
        job.limits.memory = Bytes::new(32 << 20);
    };
    let limit = Fuel::new(50_000_000);
    for (args, status, said) in [
        (&["exit", "9"][..], Status::Exited(9), ""),
        (
            &["trap"],
            Status::Trapped(Trap::Unreachable),
            "about to trap",
        ),
        (&["loop"], Status::OutOf(Limit::Fuel), "about to loop"),
        (&["eat"], Status::OutOf(Limit::Memory), "about to eat"),
        (&["flood"], Status::OutOf(Limit::Output), ""),
        (&["stderr"], Status::Exited(0), ""),
        (&["files", "16"], Status::Exited(0), ""),
        (&["files", "17"], Status::OutOf(Limit::Output), ""),
    ] {
        let (output, outcome) = conclusive(probe(&scene, args, small));
        assert_eq!(output.status, status, "{args:?}");
        assert!(
            text(&output.stdout).contains(said),
            "{args:?}: {}",
            text(&output.stdout)
        );
        let billed = outcome.fuel == limit;
        assert_eq!(
            billed,
            !matches!(status, Status::Exited(_)),
            "{args:?}: {:?}",
            outcome.fuel
        );
    }
    match probe(&scene, &["recurse"], |_| {}) {
        TaskResult::Inconclusive {
            why: Inconclusive::StackOverflow,
            stdout,
            ..
        } => {
            assert!(text(&stdout).contains("about to recurse"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_program_made_for_another_host_runs_if_its_job_says_so() {
    let scene = Scene::open(1);
    let module = |start: &str| {
        let text = format!(
            r#"(module
            (import "host" "call" (func $call (param i32 f64) (result i64)))
            (memory (export "memory") 1)
            (func (export "_start") {start}))"#
        );
        assemble(text.as_bytes())
    };
    let uses = module("(drop (call $call (i32.const 1) (f64.const 2)))");
    let has = module("");
    let trap = |job: &mut Job| job.unknown_imports = UnknownImports::Trap;
    for (module, status) in [
        (&has, Status::Exited(0)),
        (&uses, Status::Trapped(Trap::Other)),
    ] {
        let (refused, _) = conclusive(scene.one(module, |_| {}));
        assert_eq!(refused.status, Status::Trapped(Trap::Other));
        let why = text(&refused.stderr);
        assert!(why.contains("`host` `call`, which no peer has"), "{why}");
        assert!(why.contains("unknown_imports = \"trap\""), "{why}");
        let (output, outcome) = conclusive(scene.one(module, trap));
        assert_eq!(output.status, status);
        assert_eq!(text(&output.stderr), "");
        let billed = outcome.fuel == Fuel::new(1_000_000_000);
        assert_eq!(billed, status != Status::Exited(0));
    }
    let facts = executor::check_module(&has, UnknownImports::Trap, Profile::WASM_3).unwrap();
    assert_eq!(facts.unknown, ["host.call"]);
    let odd = assemble(br#"(module (import "host" "memory" (memory 1)) (func (export "_start")))"#);
    assert!(executor::check_module(&odd, UnknownImports::Trap, Profile::WASM_3).is_err());
}

#[test]
fn files_are_listed_by_path_and_their_number_and_content_are_the_guests() {
    let scene = Scene::open(1);
    let (output, _) = conclusive(probe(&scene, &["files", "3"], |_| {}));
    let TaskOutput { files, .. } = output;
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["0000.txt", "0001.txt", "0002.txt"]);
}

#[test]
fn digits_are_found_as_they_were_when_the_weights_were_rounded() {
    let scene = Scene::open(2);
    let (_, module) = example("digits/classify.wasm");
    let files = ["labels.u8", "pixels.u8", "weights.i32"];
    let files = files.map(|name| (name, example(&format!("digits/{name}"))));
    let mut classify = job(&module);
    classify.array.count = 18;
    classify.inputs = files
        .each_ref()
        .map(|(name, file)| input(name, &file.1))
        .into();
    classify.limits.fuel = Fuel::new(20_000_000);
    let work = Work {
        inputs: files.map(|(_, (path, _))| path).into(),
        ..scene.work(&module, classify)
    };
    let (mut trained, mut unseen) = (0, 0);
    for (output, _) in scene.results(work).into_iter().map(conclusive) {
        assert_eq!(output.status, Status::Exited(0), "{}", text(&output.stderr));
        let [(name, rows)] = &output.files[..] else {
            panic!("one file: {:?}", output.files)
        };
        assert_eq!(name, "digits.tsv");
        for row in text(rows).lines() {
            let row: Vec<u32> = row.split('\t').map(|n| n.parse().unwrap()).collect();
            let right = u32::from(row[1] == row[2]);
            match row[0] < 1_200 {
                true => trained += right,
                false => unseen += right,
            }
        }
    }
    assert_eq!((trained, unseen), (1_200, 552));
}

#[test]
fn a_photo_in_tiles_is_what_others_make_of_it() {
    let scene = Scene::open(2);
    let (_, module) = example("photo/sharpen.wasm");
    let (path, picture) = example("photo/china.jpg");
    let (_, reference) = example("photo/reference.tsv");
    let mut sharpen = job(&module);
    sharpen.array.count = 12;
    sharpen.inputs = vec![input("picture", &picture)];
    let work = Work {
        inputs: vec![path],
        ..scene.work(&module, sharpen)
    };
    let mut pixels = 0;
    for ((output, _), line) in scene
        .results(work)
        .into_iter()
        .map(conclusive)
        .zip(text(&reference).lines())
    {
        assert_eq!(output.status, Status::Exited(0), "{}", text(&output.stderr));
        let wanted: Vec<f64> = line.split('\t').map(|n| n.parse().unwrap()).collect();
        let head = format!("P6\n{} {}\n255\n", wanted[1], wanted[2]);
        let tile = output.files[0].1.strip_prefix(head.as_bytes()).unwrap();
        for colour in 0..3 {
            let samples = tile[colour..].iter().step_by(3).map(|s| f64::from(*s));
            let mean = samples.sum::<f64>() / (wanted[1] * wanted[2]);
            assert!((mean - wanted[3 + colour]).abs() < 0.05, "{line}: {mean}");
        }
        pixels += tile.len() / 3;
    }
    assert_eq!(pixels, 640 * 427);
}

#[test]
fn a_c_library_is_begun_once_for_each_task_and_its_answer_is_the_exit_code() {
    let scene = Scene::open(1);
    let (_, module) = example("probe/reactor.wasm");
    assert_eq!(
        executor::check_module(&module, UnknownImports::Refuse, Profile::WASM_3)
            .unwrap()
            .entry,
        Entry::Reactor
    );
    let mut called = job(&module);
    called.array = Array {
        first: 40,
        step: 1,
        count: 3,
    };
    let results = scene.results(scene.work(&module, called));
    for (index, result) in (40..).zip(results) {
        let (output, _) = conclusive(result);
        assert_eq!(output.status, Status::Exited(index));
        assert_eq!(text(&output.stdout), format!("begun 1, index {index}\n"));
    }
}

#[test]
fn a_library_may_end_while_it_begins_and_what_is_no_beginning_is_refused() {
    let scene = Scene::open(1);
    let reactor = |begin: &str| {
        format!(
            r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func (export "_initialize") {begin})
            (func (export "run") (result i32) (i32.const 1)))"#
        )
    };
    for (begin, status) in [
        ("", Status::Exited(1)),
        ("(call $exit (i32.const 9))", Status::Exited(9)),
        ("unreachable", Status::Trapped(Trap::Unreachable)),
        ("(loop $l (br $l))", Status::OutOf(Limit::Fuel)),
        // No machine can run it, and its job ends by saying so.
        ("(param i32)", Status::Trapped(Trap::Other)),
    ] {
        assert_eq!(scene.status(reactor(begin).as_bytes()), status, "{begin}");
    }
    let refused = executor::check_module(
        &assemble(reactor("(param i32)").as_bytes()),
        UnknownImports::Refuse,
        Profile::WASM_3,
    );
    assert_eq!(refused, Err(ModuleRefused::WrongBeginning));
}

#[test]
fn orchids_align_as_the_reference_says() {
    let scene = Scene::open(2);
    let (_, module) = example("orchids/align.wasm");
    let (path, sequences) = example("orchids/ls_orchid.fasta");
    let (_, reference) = example("orchids/reference.tsv");
    let mut align = job(&module);
    align.array = Array {
        first: 0,
        step: 1,
        count: 94,
    };
    align.inputs = vec![input("sequences", &sequences)];
    align.limits.fuel = Fuel::new(2_000_000_000);
    let last = Work {
        inputs: vec![path],
        tasks: 84..94,
        ..scene.work(&module, align)
    };
    let results = scene.results(last);
    assert_eq!(results.len(), 10);
    let mut known = 0;
    for (task, result) in (84..).zip(results) {
        let (output, _) = conclusive(result);
        assert_eq!(output.status, Status::Exited(0), "{}", text(&output.stderr));
        let [(name, rows)] = &output.files[..] else {
            panic!("one file: {:?}", output.files)
        };
        assert_eq!(name, "row.tsv");
        let start = format!("{task}\t");
        for line in text(&reference)
            .lines()
            .filter(|line| line.starts_with(&start))
        {
            assert!(text(rows).lines().any(|row| row == line), "{line}");
            known += 1;
        }
    }
    assert!(known > 5, "the reference knows {known} of these scores");
}
