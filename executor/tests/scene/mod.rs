//! A scene: an executor with real workers, and jobs that cost a line.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use executor::{Config, Event, Executor, TaskResult, Token, Work};
use protocol::ids::{Digest, JobId};
use protocol::job::{Blob, Input, Job, Limits, Profile};
use protocol::kernel::{Buffer, Compare, Kernel, Pass, Program};
use protocol::outcome::{Outcome, Status, TaskOutput};
use protocol::units::{Bytes, Fuel, Millis};
use tempfile::TempDir;

/// Long enough for any task here on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(900);

/// The worker that Cargo builds beside the tests.
pub fn worker() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_executor-test-worker"))
}

/// An executor, what it tells, and a folder for everything.
pub struct Scene {
    pub executor: Executor,
    pub events: Receiver<Event>,
    pub folder: TempDir,
    token: std::cell::Cell<u64>,
}

/// A job of one task with generous limits.
pub fn job(module: &[u8]) -> Job {
    let limits = Limits {
        fuel: Fuel::new(1_000_000_000),
        memory: Bytes::new(64 << 20),
        output: Bytes::new(1 << 20),
        output_files: 16,
        wall_ms: Millis::new(120_000),
    };
    Job {
        seed: Digest::of(b"seed"),
        ..Job::once("test", Blob::of(module), limits)
    }
}

/// A shader's job of one task and one pass of its `main`.
pub fn shader_job(shader: &str, buffers: Vec<Buffer>, groups: [u32; 3]) -> Job {
    let pass = Pass {
        entry: "main".to_owned(),
        groups,
    };
    Job {
        profile: Profile::WGSL_1,
        program: Program::Wgsl(Kernel {
            buffers,
            passes: vec![pass],
            compare: Compare::Exact,
        }),
        ..job(shader.as_bytes())
    }
}

pub fn output(name: &str, words: u64) -> Buffer {
    Buffer::Output {
        name: name.to_owned(),
        size: Bytes::new(4 * words),
    }
}

/// An output file's words.
pub fn words(output: &TaskOutput, file: usize) -> Vec<u32> {
    let bytes = output.files[file].1.as_chunks().0;
    bytes.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

pub fn input(path: &str, content: &[u8]) -> Input {
    Input {
        path: path.to_owned(),
        blob: Blob::of(content),
    }
}

/// A module that prints the text and exits.
pub fn hello(text: &str) -> Vec<u8> {
    program(
        &format!(r#"(data (i32.const 64) "{text}")"#),
        &format!(
            "(i32.store (i32.const 0) (i32.const 64))
         (i32.store (i32.const 4) (i32.const {len}))
         (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))",
            len = text.len(),
        ),
    )
}

/// A module with the usual imports, two pages of memory, these items, and this `_start`.
pub fn program(items: &str, start: &str) -> Vec<u8> {
    format!(
        r#"(module
        (import "wasi_snapshot_preview1" "fd_write"
            (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 2)
        {items}
        (func (export "_start") {start}))"#
    )
    .into_bytes()
}

/// A module's bytes, from its text form.
pub fn assemble(text: &[u8]) -> Vec<u8> {
    wat::parse_bytes(text)
        .expect("the test's module is well written")
        .into_owned()
}

impl Scene {
    pub fn open(slots: usize) -> Self {
        Self::open_with(slots, |_| {})
    }

    /// A scene whose machine has a graphics adapter that is fit for shaders.
    pub fn with_gpu() -> Self {
        let scene = Self::open_with(1, |config| config.gpu = true);
        let gpus = scene.executor.gpus();
        assert!(
            gpus.iter().any(executor::GpuFacts::is_fit),
            "NO ADAPTER IS FIT: `./x setup` installs a software one. {gpus:#?}"
        );
        scene
    }

    /// A scene whose executor is started with these changes.
    pub fn open_with(slots: usize, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let (tell, events) = channel();
        let mut config = config(folder.path(), slots);
        change(&mut config);
        let executor = Executor::start(config, move |event| {
            drop(tell.send(event));
        });
        let executor = executor.expect("this machine can work");
        Self {
            executor,
            events,
            folder,
            token: std::cell::Cell::new(0),
        }
    }

    /// A file with this content.
    pub fn file(&self, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(Digest::of(content).full());
        if !path.exists() {
            fs::write(&path, content).expect("the test's disk works");
        }
        path
    }

    pub fn work(&self, module: &[u8], job: Job) -> Work {
        self.token.set(self.token.get() + 1);
        let tasks = 0..job.array.count;
        Work {
            token: Token(self.token.get()),
            served: JobId::new([7; 32]),
            job_id: JobId::new([7; 32]),
            module: self.file(module),
            stdin: None,
            inputs: Vec::new(),
            states: Vec::new(),
            tasks,
            job,
        }
    }

    /// A work of one task that runs for as long as it is left alone.
    pub fn endless_work(&self) -> Work {
        let module = assemble(&program("", "(loop $l (br $l))"));
        let mut long = job(&module);
        endless(&mut long);
        self.work(&module, long)
    }

    /// All results of a work, in task order.
    pub fn results(&self, work: Work) -> Vec<TaskResult> {
        let token = work.token;
        self.executor.run(work).expect("the work is taken");
        self.results_of(token)
    }

    pub fn results_of(&self, wanted: Token) -> Vec<TaskResult> {
        let mut results = Vec::new();
        loop {
            match self
                .events
                .recv_timeout(PATIENCE)
                .expect("the executor tells of its work")
            {
                Event::Done {
                    token,
                    task,
                    result,
                } if token == wanted => {
                    results.push((task, result));
                }
                Event::Finished { token } if token == wanted => break,
                _ => {}
            }
        }
        results.sort_by_key(|(task, _)| *task);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// The one result of a module run with these changes to the job.
    pub fn one(&self, module: &[u8], change: impl FnOnce(&mut Job)) -> TaskResult {
        let mut job = job(module);
        change(&mut job);
        let mut results = self.results(self.work(module, job));
        assert_eq!(results.len(), 1);
        results.remove(0)
    }

    /// The same for a module in text form that is expected to have an outcome.
    pub fn outcome(&self, text: &[u8], change: impl FnOnce(&mut Job)) -> (TaskOutput, Outcome) {
        conclusive(self.one(&assemble(text), change))
    }

    /// How a module in text form ends.
    pub fn status(&self, text: &[u8]) -> Status {
        self.outcome(text, |_| {}).0.status
    }
}

pub fn config(folder: &Path, slots: usize) -> Config {
    Config {
        program: worker(),
        // The folder tells this scene's workers from those of other tests in this process.
        worker_args: vec!["exec-worker".into(), folder.into()],
        cache: folder.join("cache"),
        states: folder.join("states"),
        keep_every: executor::KEEP_EVERY,
        slots,
        memory_max: Bytes::new(1 << 30),
        memory_together: Bytes::new(64 << 30),
        gpu_share: 100,
        gpu: false,
        demand: executor::Demand::default(),
    }
}

pub fn conclusive(result: TaskResult) -> (TaskOutput, Outcome) {
    match result {
        TaskResult::Outcome {
            output,
            bytes,
            outcome,
            entries,
        } => {
            assert_eq!(entries.map(|entries| entries.list()), output.steps);
            assert_eq!(output.to_bytes(), bytes);
            assert_eq!(Digest::of(&bytes), outcome.digest);
            (*output, outcome)
        }
        TaskResult::Inconclusive { why, .. } => panic!("no outcome: {why}"),
    }
}

/// Lets a task run for as long as it is left alone.
pub fn endless(job: &mut Job) {
    job.limits.fuel = Fuel::new(1_000_000_000_000);
    job.limits.wall_ms = Millis::new(600_000);
}

/// Still takes work and does it, in the same executor.
pub fn goes_on(scene: &Scene) {
    assert_eq!(scene.status(&hello("I live.")), Status::Exited(0));
}

/// The processes that this scene's executor started, by their ids.
pub fn children(scene: &Scene) -> Vec<u32> {
    let folder = scene.folder.path().to_str().unwrap();
    let ids = fs::read_dir("/proc").unwrap().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        let words = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        words.split('\0').any(|word| word == folder)
    })
    .collect()
}

/// Whether a process is a worker that has come as far as its guest.
pub fn is_guest(id: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{id}/task"))
        .into_iter()
        .flatten()
        .flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
        .any(|name| name.trim() == "guest")
}

/// Ends a process as a power cut would.
pub fn kill(id: u32) {
    let killed = std::process::Command::new("kill")
        .args(["-9", &id.to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
}
