//! What the API asks, answered.

use std::sync::Arc;
use std::time::Instant;

use protocol::bytes;
use protocol::entry::canaries_most;
use protocol::ids::{Digest, JobId};
use protocol::job::{Class, Job};
use protocol::units::{Bps, Millis};
use steward::{Choices, Input, Ticket};
use tokio::task::spawn_blocking;

use crate::answers::{self, Present, Reached};
use crate::api::door::{Reply, Request, Wanted};
use crate::api::problem::{Code, Problem};
use crate::api::types::{
    Done, EntryView, KeysView, List, News, SubmittedView, TaskView, VerifyView, Wish,
};
use crate::driver::{Next, now};
use crate::perform::Driver;

/// How often a bundle runs if the submitter does not say.
pub(crate) const COPIES: u8 = 2;
/// So many submissions wait to be on the ledger.
const SUBMISSIONS_MAX: usize = 256;

fn not_live() -> Problem {
    let why = "this peer has not caught up with its federation yet";
    Problem::new(Code::Busy, why).try_this("peer status")
}

impl Driver {
    /// Answers one question.
    pub(crate) fn answer(&mut self, request: Request) -> Next {
        match request {
            Request::Look(look) => look.ask(&self.sources()),
            Request::Node { peer, reply } => {
                let reached = self.reached();
                reply.give(answers::node(&self.sources(), &reached, now(), peer));
            }
            Request::Enter { wanted, reply } => self.enter(wanted, reply),
            Request::Submit { job, wish, reply } => self.submit(*job, wish, reply),
            Request::Jobs { reply } => reply.give(self.jobs()),
            Request::Job { job, reply } => {
                reply.give(self.with_book(|book, from| book.view(from, job)));
            }
            Request::Tasks {
                job,
                from: first,
                limit,
                reply,
            } => {
                reply.give(self.tasks(job, first, limit).map(List::from));
            }
            Request::Explain { job, reply } => {
                reply.give(answers::explain(&self.sources(), job));
            }
            Request::Watch { job, reply } => self.watch(job, reply),
            Request::Nodes { reply } => {
                let nodes = answers::nodes(&self.sources(), &self.reached(), now());
                reply.give(Ok(nodes.into()));
            }
            Request::Offers { reply } => reply.give(Ok(answers::offers(&self.sources()).into())),
            Request::Balance { party, reply } => {
                let party = party.unwrap_or_else(|| self.keys.party());
                reply.give(Ok(answers::balance(&self.sources(), party)));
            }
            Request::History {
                party,
                before,
                limit,
                reply,
            } => {
                let party = party.unwrap_or_else(|| self.keys.party());
                reply.give(Ok(answers::history(&self.sources(), party, before, limit)));
            }
            Request::Disputes { reply } => {
                let all = self.with_book(|book, from| answers::disputes(from, book));
                reply.give(Ok(all.into()));
            }
            Request::Dispute { number, reply } => {
                reply.give(self.with_book(|book, from| answers::dispute(from, book, number)));
            }
            Request::Ledger { reply } => {
                reply.give(Ok(answers::ledger_view(&self.sources(), &self.connected)));
            }
            Request::Verify { reply } => self.verify(reply),
            Request::Status { reply } => reply.give(Ok(self.status())),
            Request::Keys { reply } => reply.give(Ok(self.public_keys())),
            Request::Down { reply } => {
                reply.give(Ok(Done {}));
                return Next::Stop;
            }
        }
        Next::Go
    }

    pub(crate) fn with_book<T>(
        &mut self,
        look: impl FnOnce(&mut answers::JobBook, &answers::Sources<'_>) -> T,
    ) -> T {
        let mut book = std::mem::take(&mut self.book);
        let found = look(&mut book, &self.sources());
        self.book = book;
        found
    }

    fn jobs(&mut self) -> Result<List<crate::api::types::JobView>, Problem> {
        let mut jobs = self.steward.jobs();
        jobs.sort_by_key(|job| (job.submitted, job.id));
        let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        let views: Result<Vec<_>, _> =
            self.with_book(|book, from| ids.into_iter().map(|job| book.view(from, job)).collect());
        Ok(views?.into())
    }

    /// A page of a job's tasks. Outputs that are gone from this disk, or were found damaged, are
    /// not said to be here, and are sought again.
    fn tasks(&mut self, job: JobId, first: u32, limit: u32) -> Result<Vec<TaskView>, Problem> {
        let page =
            |driver: &mut Self| driver.with_book(|book, from| book.tasks(from, job, first, limit));
        let tasks = page(self)?;
        let here = tasks.iter().filter_map(|task| task.output.as_ref());
        let gone = here.filter(|digest| !matches!(self.blobs.size(&digest.0), Ok(Some(_))));
        let gone: Vec<Digest> = gone.map(|digest| digest.0).collect();
        if gone.is_empty() {
            return Ok(tasks);
        }
        for digest in gone {
            tracing::warn!(%job, %digest, "an output is gone or damaged; it is fetched again");
            self.feed(Input::Lost(digest));
        }
        page(self)
    }

    fn reached(&self) -> Reached {
        let seen = self.gossip.peers().into_iter();
        seen.map(|seen| (seen.peer, seen.addresses.first().map(ToString::to_string)))
            .collect()
    }

    fn status(&self) -> crate::api::types::StatusView {
        let listens = self.gossip.listen_addrs();
        answers::status(
            &self.sources(),
            Present {
                home: &self.home,
                started: self.started,
                connected: &self.connected,
                listens: listens.iter().map(ToString::to_string).collect(),
                tasks_running: self.runs.running(),
                works: self.works,
                resting: self.ownership.resting(),
                fault: self.fault.clone(),
            },
        )
    }

    fn public_keys(&self) -> KeysView {
        KeysView {
            node: self.keys.node().into(),
            party: self.keys.party().into(),
            party_key: self.keys.party_key().into(),
            consensus: self.keys.consensus().into(),
            home: self.home.display().to_string(),
        }
    }

    fn enter(&mut self, wanted: Wanted, reply: Reply<EntryView>) {
        if !self.live {
            return reply.give(Err(not_live()));
        }
        self.entries.enter(now(), wanted, reply);
        self.send_entries();
    }

    fn submit(&mut self, job: Job, wish: Wish, reply: Reply<SubmittedView>) {
        if !self.live {
            return reply.give(Err(not_live()));
        }
        if self.tickets.len() >= SUBMISSIONS_MAX {
            return reply.give(Err(Problem::new(
                Code::Busy,
                "too many jobs are being submitted",
            )));
        }
        let canaries = match self.canaries(&job, wish) {
            Ok(canaries) => canaries,
            Err(problem) => return reply.give(Err(problem)),
        };
        let digest = Digest::of(&bytes::write(&job));
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.tickets.insert(ticket, reply);
        let choices = Choices {
            class: wish.class.unwrap_or(Class::Grid),
            copies: wish.copies.unwrap_or(COPIES),
            tasks_per_bundle: wish.tasks_per_bundle,
            per_gfuel: wish.per_gfuel,
            seal_window: wish.seal_window,
            budget: wish.budget,
            purse: wish.purse,
            canaries,
        };
        let request = steward::Request::Submit {
            digest,
            job: Arc::new(job),
            choices,
        };
        self.feed(Input::Request { ticket, request });
    }

    /// How many canaries a job gets: none unless wished for, else as many as it may have.
    fn canaries(&self, job: &Job, wish: Wish) -> Result<u32, Problem> {
        if !wish.canaries {
            return Ok(0);
        }
        let params = rules::read::params(&self.ledger.ask());
        let share = params.map_or(Bps::ZERO, |params| params.canary);
        match canaries_most(job.array.count, share) {
            0 => Err(
                Problem::new(Code::Usage, "this federation takes no canaries")
                    .try_this("peer params show canary"),
            ),
            most => Ok(most),
        }
    }

    /// What the submitter of a job that is now on the ledger is told.
    pub(crate) fn submitted(&mut self, job: JobId) -> Result<SubmittedView, Problem> {
        let view = self.with_book(|book, from| book.view(from, job))?;
        let class = self
            .steward
            .job(&job)
            .map_or(Class::Grid, |job| job.terms.class);
        let standing = self.steward.standing_offers(class);
        let fits = standing
            .iter()
            .filter(|offer| offer.per_gfuel <= view.per_gfuel.0);
        Ok(SubmittedView {
            job: view.id,
            name: view.name,
            tasks: view.tasks,
            bundles: view.bundles,
            copies: view.copies,
            per_gfuel: view.per_gfuel,
            escrow: view.escrow,
            peers: u32::try_from(fits.count()).unwrap_or(u32::MAX),
        })
    }

    fn watch(&mut self, job: JobId, reply: Reply<tokio::sync::mpsc::Receiver<News>>) {
        let view = match self.with_book(|book, from| book.view(from, job)) {
            Ok(view) => view,
            Err(problem) => return reply.give(Err(problem)),
        };
        let ended = view.state.is_final();
        let first = News::Job {
            job: Box::new(view.clone()),
        };
        match self.watchers.add(job, first) {
            None => reply.give(Err(Problem::new(Code::Busy, "too many follow jobs here"))),
            Some(news) => {
                if ended {
                    self.watchers.end(
                        job,
                        &News::Ended {
                            job: Box::new(view),
                        },
                    );
                }
                reply.give(Ok(news));
            }
        }
    }

    fn verify(&self, reply: Reply<VerifyView>) {
        let ledger = Arc::clone(&self.ledger);
        spawn_blocking(move || {
            let began = Instant::now();
            let verified = ledger.verify();
            let took = Millis::new(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
            reply.give(answers::verification(verified, took));
        });
    }

    /// Tells those who follow jobs what has changed in them.
    pub(crate) fn tell_tallies(&mut self, now: protocol::units::Moment) {
        for job in self.watchers.due(now) {
            if let Ok(view) = self.with_book(|book, from| book.view(from, job)) {
                self.watchers.tell(
                    job,
                    &News::Job {
                        job: Box::new(view),
                    },
                );
            }
        }
    }
}
