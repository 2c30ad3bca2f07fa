//! An executor of this benchmark's own, and how long it takes over a job.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use executor::{Config, Event, Executor, TaskResult, Token, Work};
use protocol::ids::JobId;
use protocol::job::{Job, Limits};
use protocol::outcome::TaskOutput;
use protocol::units::{Bytes, Fuel, Millis};
use tempfile::TempDir;

/// What a task may use.
pub(crate) const LIMITS: Limits = Limits {
    fuel: Fuel::new(10_000_000_000),
    memory: Bytes::new(64 << 20),
    output: Bytes::new(1 << 20),
    output_files: 16,
    wall_ms: Millis::new(60_000),
};

/// An executor with a cache of its own.
pub(crate) struct Machine {
    executor: Executor,
    events: Receiver<Event>,
    folder: Rc<TempDir>,
    token: Cell<u64>,
    slots: usize,
    gpu: bool,
}

impl Machine {
    /// With nothing in its cache.
    pub(crate) fn start(slots: usize, gpu: bool) -> Self {
        Self::in_folder(Rc::new(tempfile::tempdir().unwrap()), slots, gpu)
    }

    /// Another one with the same cache.
    pub(crate) fn again(&self) -> Self {
        Self::in_folder(Rc::clone(&self.folder), self.slots, self.gpu)
    }

    fn in_folder(folder: Rc<TempDir>, slots: usize, gpu: bool) -> Self {
        let (tell, events) = channel();
        let config = Config {
            program: env!("CARGO_BIN_EXE_executor-test-worker").into(),
            worker_args: vec!["exec-worker".into()],
            cache: folder.path().join("cache"),
            states: folder.path().join("states"),
            keep_every: executor::KEEP_EVERY,
            slots,
            memory_max: Bytes::new(1 << 30),
            memory_together: Bytes::new(64 << 30),
            gpu_share: 100,
            gpu,
            demand: executor::Demand::default(),
        };
        let executor = Executor::start(config, move |event| drop(tell.send(event))).unwrap();
        Self {
            executor,
            events,
            folder,
            token: Cell::new(0),
            slots,
            gpu,
        }
    }

    /// How long all tasks of a job take, and what they give.
    pub(crate) fn run(&self, program: &[u8], job: Job) -> (Duration, Vec<TaskOutput>) {
        let module: PathBuf = self.folder.path().join(job.module.digest.to_string());
        std::fs::write(&module, program).unwrap();
        self.token.set(self.token.get() + 1);
        let work = Work {
            token: Token(self.token.get()),
            served: JobId::new([1; 32]),
            job_id: JobId::new([1; 32]),
            tasks: 0..job.array.count,
            job,
            module,
            stdin: None,
            inputs: Vec::new(),
            states: Vec::new(),
        };
        let mut outputs = Vec::new();
        let begun = Instant::now();
        self.executor.run(work).unwrap();
        loop {
            match self.events.recv().unwrap() {
                Event::Finished { .. } => return (begun.elapsed(), outputs),
                Event::Done {
                    result: TaskResult::Outcome { output, .. },
                    ..
                } => outputs.push(*output),
                Event::Done { result, .. } => panic!("{result:?}"),
            }
        }
    }

    /// What its workers take now and took at most, in KiB.
    pub(crate) fn children(&self) -> Vec<[u64; 2]> {
        let me = std::process::id().to_string();
        let folders = std::fs::read_dir("/proc").unwrap().flatten();
        let statuses =
            folders.filter_map(|entry| std::fs::read_to_string(entry.path().join("status")).ok());
        let field = |status: &str, name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1).map(str::to_owned)
        };
        statuses
            .filter(|status| field(status, "PPid:").as_deref() == Some(&me))
            .filter_map(|status| {
                let number = |name| field(&status, name)?.parse().ok();
                Some([number("VmRSS:")?, number("VmHWM:")?])
            })
            .collect()
    }
}
