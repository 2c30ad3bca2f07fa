//! The life of many small jobs, phase by phase. Jobs that an audit fell on are left out once it is
//! known: what an auditor does is timed nowhere here.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use protocol::entry::{Body, Opening, PeerSeal, Seal, chain};
use protocol::ids::{BundleId, Digest, JobId, PeerId};
use protocol::job::{Care, Class, Judge, Terms};
use protocol::outcome::{Outcome, root};
use protocol::signed::Signed;
use protocol::units::{Credits, Fuel, GFUEL, Millis};
use rules::read;

use crate::ledger::{Ledger, SPONSORS, node_key, peer};

/// So many peers stand ready.
const PEERS: u32 = 400;
const JOBS: u32 = 400;
const BUNDLES: u32 = 4;

/// What the rules took, for each.
pub struct Took {
    /// One seal, its peer's signature included.
    pub seal: Duration,
    /// The signature alone, checked by the same code in the same run.
    pub signature: Duration,
    /// One opening that leaves its bundle waiting for another.
    pub open: Duration,
    /// One opening that ends its bundle: compared, paid, unlocked.
    pub settle: Duration,
}

/// The secret of the `n`th job.
pub fn secret(n: u32) -> Digest {
    Digest::derive("bench secret", &[&n.to_le_bytes()])
}

/// A job of so many bundles of one task, in two copies.
pub fn terms(n: u32, bundles: u32) -> Terms {
    Terms {
        job: Digest::derive("bench job", &[&n.to_le_bytes()]),
        module: Digest::of(b"module"),
        peer: peer(0),
        class: Class::Grid,
        tasks: bundles,
        tasks_per_bundle: 1,
        copies: 2,
        task_fuel_max: GFUEL,
        per_gfuel: Credits::new(1_000),
        seal_window: Millis::new(60_000),
        judge: Judge::Panel,
        care: Care::default(),
    }
}

/// A drawn peer's run of a bundle.
struct Run {
    job: u32,
    bundle: BundleId,
    peer: PeerId,
}

impl Run {
    fn opening(&self) -> Opening {
        Opening {
            bundle: self.bundle.index,
            peer: self.peer,
            root: root(&[outcome()]).expect("a list of one"),
            salt: Digest::of(self.peer.bytes()),
        }
    }

    fn seal(&self, ledger: &Ledger, keys: &BTreeMap<PeerId, SigningKey>) -> PeerSeal {
        let hash = self.opening().seal(&self.bundle.job);
        let seal = Seal {
            federation: ledger.federation(),
            bundle: self.bundle,
            peer: self.peer,
            hash,
        };
        PeerSeal {
            bundle: self.bundle.index,
            peer: self.peer,
            hash,
            signature: Signed::sign(seal, &keys[&self.peer]).signature(),
        }
    }
}

fn outcome() -> Outcome {
    Outcome {
        digest: Digest::of(b"right"),
        fuel: Fuel::new(1_000_000),
    }
}

/// Jobs from their submission to the last opening.
pub fn measure(ledger: &mut Ledger) -> Took {
    ledger.admit(PEERS);
    let keys = (0..PEERS).map(|n| (peer(n), node_key(n))).collect();
    let jobs = started(ledger);
    let runs = drawn(ledger, &jobs);
    let seals = runs.iter().map(|run| run.seal(ledger, &keys)).collect();
    let (seal, signature) = seal_all(ledger, &jobs, &runs, seals);
    ledger.blocks((0..JOBS).map(|n| {
        let (job, secret) = (jobs[n as usize], secret(n));
        (n % SPONSORS, Body::Close { job, secret })
    }));
    let opened = |run: &&Run| read::audit(&ledger.rows, run.bundle.job).is_none();
    let runs: Vec<&Run> = runs.iter().filter(opened).collect();
    let mut seen = BTreeMap::new();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for run in runs {
        let asked = Body::OpenBatch {
            job: run.bundle.job,
            openings: vec![run.opening()],
        };
        let asked = (run.job % SPONSORS, asked);
        match seen.insert(run.bundle, run.peer) {
            None => first.push(asked),
            Some(_) => second.push(asked),
        }
    }
    let count = u32::try_from(first.len()).expect("a few thousand");
    Took {
        seal,
        signature,
        open: ledger.blocks(first) / count,
        settle: ledger.blocks(second) / count,
    }
}

/// Jobs submitted and drawn.
fn started(ledger: &mut Ledger) -> Vec<JobId> {
    let mut jobs = Vec::new();
    for n in 0..JOBS {
        let submit = Body::Submit {
            terms: terms(n, BUNDLES),
            chain: chain(&chain(&secret(n))),
            purse: None,
        };
        let entry = ledger.sign(n % SPONSORS, submit);
        jobs.push(JobId::new(*entry.entry_id().bytes()));
        ledger.block(&[entry]);
    }
    ledger.block(&[]);
    ledger.block(&[]);
    ledger.blocks((0..JOBS).map(|n| {
        let (job, link) = (jobs[n as usize], chain(&secret(n)));
        (n % SPONSORS, Body::Start { job, link })
    }));
    jobs
}

fn drawn(ledger: &Ledger, jobs: &[JobId]) -> Vec<Run> {
    let mut runs = Vec::new();
    for (n, job) in (0..).zip(jobs) {
        for index in 0..BUNDLES {
            let bundle = BundleId { job: *job, index };
            let row = read::bundle(&ledger.rows, bundle).expect("it was drawn");
            runs.extend(row.runs.iter().map(|run| Run {
                job: n,
                bundle,
                peer: run.peer,
            }));
        }
    }
    runs
}

/// How long the rules took for one seal, and how long the check of its signature alone takes.
fn seal_all(
    ledger: &mut Ledger,
    jobs: &[JobId],
    runs: &[Run],
    seals: Vec<PeerSeal>,
) -> (Duration, Duration) {
    let count = u32::try_from(seals.len()).expect("a few thousand");
    let federation = ledger.federation();
    let begun = Instant::now();
    for (run, seal) in runs.iter().zip(&seals) {
        let signed = seal.signed(federation, run.bundle.job);
        assert!(signed.check().is_ok(), "its peer signed it");
    }
    let signature = begun.elapsed() / count;
    let mut batches: BTreeMap<u32, Vec<PeerSeal>> = BTreeMap::new();
    for (run, seal) in runs.iter().zip(seals) {
        batches.entry(run.job).or_default().push(seal);
    }
    let took = ledger.blocks(batches.into_iter().map(|(n, seals)| {
        let job = jobs[n as usize];
        (n % SPONSORS, Body::SealBatch { job, seals })
    }));
    (took / count, signature)
}
