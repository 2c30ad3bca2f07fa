//! What a story asks of the world, and what it waits for.

use super::*;

impl World {
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
        let written = bytes::write(&job(TASKS));
        self.disk(self.submitter)
            .extend([Digest::of(&written), Digest::of(b"module")]);
        let choices = Choices {
            class: Class::Grid,
            copies: 2,
            tasks_per_bundle: Some(2),
            per_gfuel: None,
            seal_window: None,
            budget: None,
            purse: None,
            canaries: self.canaries,
        };
        let (digest, job) = (job_digest(TASKS), Arc::new(job(TASKS)));
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
