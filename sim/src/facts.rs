//! What stands for executors and disks: the facts of a task, as a pure function of job and task.
//!
//! The output of a task is a few bytes that name it; whoever lies names another *voice*. Voice 0 is
//! the truth. A machine with a slow device takes longer and finds the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::bytes;
use protocol::ids::Digest;
use protocol::job::{Array, Blob, Job, Limits};
use protocol::outcome::Outcome;
use protocol::units::{Bytes, Fuel, Millis};

/// The voice of the truth.
pub(crate) const TRUTH: u64 = 0;

/// Everything that is so, whatever anyone claims.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    jobs: BTreeMap<Digest, Arc<Job>>,
    outputs: BTreeMap<Digest, (Digest, u32, u64)>,
    /// Jobs whose tasks all use all of their fuel.
    even: BTreeSet<Digest>,
    /// Jobs whose tasks come out differently on every machine.
    shaky: BTreeSet<Digest>,
}

impl Facts {
    /// Makes a job; `number` tells it from all others. Each stream has a module of its own.
    pub(crate) fn job(
        &mut self,
        (stream, number): (usize, u64),
        tasks: u32,
        fuel: Fuel,
        shaky: bool,
    ) -> (Digest, Arc<Job>) {
        let blob = Blob {
            digest: Digest::derive("tallygrid sim module v1", &[&(stream as u64).to_le_bytes()]),
            size: Bytes::new(1_000),
        };
        let limits = Limits {
            fuel,
            memory: Bytes::new(64 << 20),
            output: Bytes::new(1 << 20),
            output_files: 10,
            wall_ms: Millis::new(3_600_000),
        };
        let job = Job {
            array: Array::of(tasks),
            seed: Digest::of(&number.to_le_bytes()),
            ..Job::once(&format!("job {number}"), blob, limits)
        };
        let (digest, job) = (Digest::of(&bytes::write(&job)), Arc::new(job));
        self.jobs.insert(digest, job.clone());
        if shaky {
            self.shaky.insert(digest);
        }
        (digest, job)
    }

    /// Lets every task of a job use all of its fuel.
    pub(crate) fn make_even(&mut self, job: Digest) {
        self.even.insert(job);
    }

    /// The blobs that a submitter has before it submits.
    pub(crate) fn blobs(job: &Job, digest: Digest) -> [Digest; 2] {
        [digest, job.module.digest]
    }

    /// A job by its digest.
    pub(crate) fn job_of(&self, digest: &Digest) -> Option<&Arc<Job>> {
        self.jobs.get(digest)
    }

    /// Whether the job's tasks come out differently on every machine.
    pub(crate) fn is_shaky(&self, job: &Digest) -> bool {
        self.shaky.contains(job)
    }

    /// What `voice` says that a task gave. Its fuel is always the true one: half of the limit to
    /// all of it.
    pub(crate) fn say(&mut self, job: Digest, task: u32, voice: u64) -> Outcome {
        let digest = Digest::of(&output(job, task, voice));
        self.outputs.insert(digest, (job, task, voice));
        let fuel = self.fuel(&job, task);
        Outcome { digest, fuel }
    }

    /// What a task really gives; of a shaky job, what nobody can say.
    pub(crate) fn truth(&self, job: &Digest, task: u32) -> Digest {
        Digest::of(&output(*job, task, TRUTH))
    }

    /// What running a task takes.
    pub(crate) fn fuel(&self, job: &Digest, task: u32) -> Fuel {
        let most = self.jobs.get(job).map_or(0, |job| job.limits.fuel.get());
        if self.even.contains(job) {
            return Fuel::new(most.max(1));
        }
        let parts: [&[u8]; 2] = [job.bytes(), &task.to_le_bytes()];
        let chance = Digest::derive("tallygrid sim fuel v1", &parts);
        let part = u64::from(chance.bytes()[0]);
        Fuel::new((most / 2 + most / 2 * part / 255).max(1))
    }

    /// The bytes of an output that somebody found.
    pub(crate) fn bytes(&self, digest: &Digest) -> Option<Vec<u8>> {
        let (job, task, voice) = self.outputs.get(digest)?;
        Some(output(*job, *task, *voice))
    }
}

fn output(job: Digest, task: u32, voice: u64) -> Vec<u8> {
    let mut bytes = job.bytes().to_vec();
    bytes.extend(task.to_le_bytes());
    bytes.extend(voice.to_le_bytes());
    bytes
}
