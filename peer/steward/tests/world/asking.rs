//! What a story asks of the world, and what it waits for.

use protocol::job::{Blob, Job, Profile};
use protocol::kernel::{Buffer, Compare, Kernel, Pass, Program};

use super::*;

impl World {
    /// The job that is submitted: where machines differ, a shader's with a tolerance or a
    /// checker.
    pub(super) fn job_of_all(&self) -> Job {
        let mut job = crate::scene::job(TASKS);
        if self.near.is_some() {
            let output = Buffer::Output {
                name: "o".to_owned(),
                size: Bytes::new(64),
            };
            job.profile = Profile::WGSL_1;
            job.program = Program::Wgsl(Kernel {
                buffers: vec![output],
                passes: vec![Pass {
                    entry: "main".to_owned(),
                    groups: [1, 1, 1],
                }],
                compare: match self.checker {
                    true => Compare::Checker {
                        module: Blob::of(b"checker"),
                    },
                    false => Compare::Tolerance {
                        absolute: 0,
                        relative: 0,
                        apart_max: 0,
                    },
                },
            });
        }
        job
    }

    /// Everybody is admitted, bonded and on offer.
    pub fn ready(&mut self) {
        self.until("getting ready", |world| {
            let offers = world
                .events
                .iter()
                .filter(|e| matches!(e, Event::OfferPublished { .. }));
            offers.count() >= usize::from(PEERS) - 1 && world.coming.is_empty()
        });
    }

    pub fn submit(&mut self) {
        let job = self.job_of_all();
        let written = bytes::write(&job);
        self.disk(self.submitter)
            .extend([&written[..], b"module", b"checker"].map(Digest::of));
        let choices = Choices {
            class: Class::Grid,
            copies: self.copies,
            tasks_per_bundle: Some(2),
            per_gfuel: None,
            seal_window: None,
            budget: None,
            purse: None,
            canaries: self.canaries,
        };
        let (digest, job) = (Digest::of(&written), Arc::new(job));
        let request = Request::Submit {
            digest,
            job,
            choices,
        };
        self.coming.push_back((
            self.submitter,
            Input::Request {
                ticket: Ticket(1),
                request,
            },
        ));
    }

    pub fn job(&self) -> Option<JobId> {
        self.events.iter().find_map(|event| match event {
            Event::Submitted { job, .. } => Some(*job),
            _ => None,
        })
    }

    /// The job has ended and every right output is with the submitter.
    pub fn delivered(&self) -> bool {
        let steward = &self.nodes[&self.submitter].steward;
        let Some(view) = self.job().and_then(|job| steward.job(&job)) else {
            return false;
        };
        view.state == JobState::Ended && view.tasks_here == TASKS && view.tasks_judged == TASKS
    }

    /// The job as its submitter's steward shows it.
    pub fn view(&self) -> Option<steward::JobView> {
        let steward = &self.nodes[&self.submitter].steward;
        self.job().and_then(|job| steward.job(&job))
    }

    /// Why the job waits, as its submitter's steward explains it.
    pub fn explained(&self) -> Option<steward::Explanation> {
        let steward = &self.nodes[&self.submitter].steward;
        self.job().and_then(|job| steward.explain(&job))
    }

    pub fn outcomes(&self) -> Vec<Option<Outcome>> {
        let steward = &self.nodes[&self.submitter].steward;
        let tasks = self
            .job()
            .map(|job| steward.tasks(&job, 0..TASKS))
            .unwrap_or_default();
        for task in &tasks {
            let sure = matches!(task.state, TaskState::Agreed | TaskState::Judged);
            assert!(sure && task.here, "{task:?}");
        }
        tasks.into_iter().map(|task| task.outcome).collect()
    }

    pub fn slashed(&self) -> BTreeSet<(String, Fault)> {
        let slashed = |event: &Event| match event {
            Event::Slashed { peer, fault, .. } => Some((crate::scene::show::name(peer), *fault)),
            _ => None,
        };
        self.events.iter().filter_map(slashed).collect()
    }

    /// The first bundle whose peers opened different roots, and which of them is not `n`.
    pub fn disputed_with(&self, n: u8) -> Option<(BundleId, u8)> {
        self.events.iter().find_map(|event| {
            let Event::Disputed { bundle, roots, .. } = event else {
                return None;
            };
            let of = |other: &u8| *other != n && roots.iter().any(|(id, _)| *id == peer(*other));
            Some((*bundle, (1..PEERS).find(of)?))
        })
    }

    /// What was demanded of a peer.
    pub fn demand(&self, bundle: BundleId, n: u8) -> Option<Demand> {
        read::demand(&self.rows, bundle, peer(n))
    }

    /// The ledger's time is past this.
    pub fn is_past(&self, moment: Moment) -> bool {
        self.now > moment.ms() && self.coming.is_empty()
    }

    /// What a party can spend.
    pub fn wallet(&self, n: u8) -> Credits {
        read::account(&self.rows, Account::Wallet(PartyId::of(&root(n)))).amount()
    }
}
