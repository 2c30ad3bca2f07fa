//! The steward: what one peer decides. A pure state machine, and a fold over agreed events.
//!
//! ```text
//!                 ┌─ standing   admitted, bonded, on offer
//! Input ─handle─▶ ├─ jobs       what we submitted         ─▶ desk, stock, crew ─▶ Effect
//!                 ├─ work       what we were drawn for
//!                 ├─ duty       what we judge
//!                 └─ audit      what we audit
//! ```
//!
//! * It holds no clock, thread, socket, file or chance, and never a key that signs.
//! * It keeps nothing on disk. At its start the driver tells it every agreed block from genesis and
//!   what peers had told of its own jobs, then [`Input::CaughtUp`]; what is open comes up again by
//!   itself, whenever it was killed.
//! * A room does not remember what it asked for: at every turn it says what it wants, and the desk,
//!   the stock and the crew know what is already on its way.
//! * Whatever a stranger says, nothing panics, and every list has a named limit.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;

use protocol::event::Event;
use protocol::ids::{Digest, JobId, PeerId};
use protocol::message::Message;
use protocol::units::{Height, Millis, Moment};

mod ask;
mod audit;
mod book;
mod crew;
mod desk;
mod duty;
mod effect;
mod errand;
mod explain;
mod faults;
mod gather;
mod hand;
mod identity;
mod input;
mod jobs;
mod known;
pub mod limits;
pub mod misbehave;
mod offer;
pub mod owner;
mod standing;
mod stock;
mod trouble;
mod work;

pub use effect::{Answer, Effect, News, ProposalToken, Report, RunToken, Size, Ticket, Why};
pub use explain::{Explanation, Reason};
pub use faults::{Fault, Severity};
pub use identity::{Identity, Member, Misbehave, SaltKey};
pub use input::{Busy, Choices, Fate, Input, Request};
pub use jobs::plant::PLANTING_MAX;
pub use jobs::view::{
    BundleView, Canaries, CopyState, CopyView, JobState, JobView, TaskState, TaskView,
};
pub use standing::{OurStanding, StandingOffer};
pub use trouble::{Kind, Trouble};

use audit::Audits;
use book::Book;
use crew::Crew;
use desk::{Desk, Turn};
use duty::Duties;
use effect::Outbox;
use errand::{Errand, Found};
use faults::Faults;
use hand::Hand;
use jobs::Jobs;
use known::KnownJobs;
use offer::Announcer;
use standing::Standing;
use stock::Stock;
use work::Work;

/// So many peers are remembered as reachable.
pub const PEERS_UP_MAX: usize = 4_096;
/// It never asks to be woken sooner than this after its last turn.
pub const REST_MIN: Millis = Millis::new(1);

/// What is to be looked at after something happened.
enum Touched {
    Everything,
    Job(JobId),
    Nothing,
}

/// One peer's decisions.
#[derive(Debug)]
pub struct Steward {
    me: Identity,
    live: bool,
    now: Moment,
    /// When every room last acted: what was due by then has been seen to.
    acted: Moment,
    height: Height,
    time: Moment,
    up: BTreeSet<PeerId>,
    book: Book,
    known: KnownJobs,
    standing: Standing,
    jobs: Jobs,
    work: Work,
    duties: Duties,
    audits: Audits,
    announcer: Announcer,
    out: Outbox,
    desk: Desk,
    stock: Stock,
    crew: Crew,
    faults: Faults,
}

/// Lends the shared desks to a room; the rooms themselves stay free to be borrowed.
macro_rules! hand {
    ($steward:ident) => {
        Hand {
            now: $steward.now,
            live: $steward.live,
            me: &$steward.me,
            out: &mut $steward.out,
            desk: &mut $steward.desk,
            stock: &mut $steward.stock,
            crew: &mut $steward.crew,
            faults: &mut $steward.faults,
        }
    };
}

impl Steward {
    /// A peer that knows nothing yet but itself.
    pub fn new(me: Identity) -> Self {
        Self {
            live: false,
            now: Moment::default(),
            acted: Moment::default(),
            height: Height::GENESIS,
            time: Moment::default(),
            up: BTreeSet::new(),
            book: Book::default(),
            known: KnownJobs::default(),
            standing: Standing::new(&me),
            jobs: Jobs::default(),
            work: Work::default(),
            duties: Duties::default(),
            audits: Audits::default(),
            announcer: Announcer::default(),
            out: Outbox::default(),
            desk: Desk::default(),
            stock: Stock::default(),
            crew: Crew::new(me.slots),
            faults: Faults::default(),
            me,
        }
    }

    /// Hears what happened at `now`, by this machine's own clock; a clock that went back counts as
    /// one that stood still. Effects are taken with [`Self::next_effect`] afterwards.
    pub fn handle(&mut self, now: Moment, input: Input) {
        self.now = self.now.max(now);
        let due = self.due().is_some_and(|at| at <= self.now);
        let touched = self.hear(input);
        if !self.live {
            return;
        }
        match touched {
            _ if due => self.act(),
            Touched::Everything => self.act(),
            Touched::Job(job) => self.jobs.act_on(&job, &mut hand!(self)),
            Touched::Nothing => {}
        }
    }

    /// The next thing to do, in order; `None` when all is said.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.out.next()
    }

    /// When to call [`Self::handle`] with [`Input::Tick`], if nothing happens before.
    pub fn wake_at(&self) -> Option<Moment> {
        let due = self.due().filter(|_| self.live);
        due.map(|at| at.max(self.now.after(REST_MIN)))
    }

    fn due(&self) -> Option<Moment> {
        let wakes = [
            self.standing.wake_at(self.acted),
            self.desk.wake_at(),
            self.stock.wake_at(),
            self.crew.wake_at(),
            self.jobs.wake_after(self.acted),
            self.work.wake_after(self.acted),
            self.announcer.wake_at(&self.me, &self.crew),
        ];
        wakes.into_iter().flatten().min()
    }

    fn hear(&mut self, input: Input) -> Touched {
        match input {
            Input::Agreed {
                height,
                time,
                events,
            } => self.agreed(height, time, &events),
            Input::CaughtUp => self.caught_up(),
            Input::Owner(why) => self.me.closed = why,
            Input::Seated => (self.me.member, self.me.sponsor) = (true, true),
            Input::Request { ticket, request } => self.requested(ticket, request),
            Input::Offered(offer) => {
                let peer = offer.peer;
                if !self.book.hear(offer, self.me.federation, self.now) {
                    self.faults
                        .note(peer, Fault::WrongFederation, self.now, &mut self.out);
                }
                return Touched::Nothing;
            }
            Input::Heard { from, message } => return self.heard(from, message),
            Input::PeerUp(peer) => {
                if self.up.len() < PEERS_UP_MAX {
                    self.up.insert(peer);
                }
                self.stock.hope();
                self.jobs.greet(peer, self.now);
                self.work.tell_again(peer);
            }
            Input::PeerDown(peer) => {
                self.up.remove(&peer);
                return Touched::Nothing;
            }
            Input::JobFetched { digest, job } => self.stock.arrived(digest, Some(job)),
            Input::Fetched(digest) => self.stock.arrived(digest, None),
            Input::FetchFailed { digest, why } => self.stock.failed(digest, why, self.now),
            Input::TaskDone {
                token,
                task,
                outcome,
                size,
            } => {
                return self.task_ended(token, task, Ok((outcome, size)));
            }
            Input::TaskFailed { token, task, why } => {
                return self.task_ended(token, task, Err(why));
            }
            Input::Checked { token, accepted } => {
                return self.on_errand(token, |errand, crew| errand.checked(token, accepted, crew));
            }
            Input::RunFailed { token, why } => {
                return self.on_errand(token, |errand, crew| errand.failed(token, why, crew));
            }
            Input::SealSigned { bundle, signature } => {
                self.work.signed(bundle, signature, &mut hand!(self));
            }
            Input::Answered { token, fate } => return self.answered(token, fate),
            Input::Told { from, message } => {
                self.jobs.recall(from, message, &mut hand!(self));
                return Touched::Nothing;
            }
            Input::Compared { bundle, alike } => self.jobs.compared(&bundle, alike),
            Input::Lost(digest) => self.lost(digest),
            Input::Busy(busy) => self.busy(busy),
            Input::Tick => return Touched::Nothing,
        }
        Touched::Everything
    }

    fn caught_up(&mut self) {
        self.live = true;
        self.jobs.revive();
    }

    fn lost(&mut self, digest: Digest) {
        self.stock.lost(&digest);
        self.jobs.lost(&digest);
    }

    fn agreed(&mut self, height: Height, time: Moment, events: &[Event]) {
        (self.height, self.time) = (height, time);
        for event in events {
            if let Some(report) = self.standing.apply(event, time)
                && self.live
            {
                self.out.report(report);
            }
            // A job is known before its runs are, and until the last of them has ended.
            let ends = matches!(event, Event::JobEnded { .. });
            if !ends {
                self.known.apply(event);
            }
            let mut hand = hand!(self);
            self.jobs.apply(event, time, &mut hand);
            self.work.apply(event, &self.known, &mut hand);
            self.duties.apply(event, &mut hand);
            self.audits.apply(event, &mut hand);
            if let Event::JobEnded { job, .. } = event {
                hand.desk.forget_job(*job);
                self.known.apply(event);
            }
        }
    }

    fn requested(&mut self, ticket: Ticket, request: Request) {
        let mut hand = hand!(self);
        match request {
            Request::Submit {
                digest,
                job,
                choices,
            } => match jobs::price::terms(digest, &job, &choices, &self.standing, hand.me) {
                Ok(terms) => self.jobs.submit(ticket, terms, &choices, &mut hand),
                Err(answer) => hand.out.push(Effect::Reply { ticket, answer }),
            },
            Request::Cancel(job) => self.jobs.cancel(ticket, job, &mut hand),
            Request::Collect(job) => self.jobs.collect(ticket, job, &mut hand),
        }
    }

    fn heard(&mut self, from: PeerId, message: Message) -> Touched {
        // Who speaks to us before we have caught up is asked again afterwards.
        if !self.live || self.faults.hopeless(&from, self.now) {
            return Touched::Nothing;
        }
        let mut hand = hand!(self);
        if let Message::AskOutcomes { bundle } = message {
            if self.work.asked(from, bundle) {
                return Touched::Everything;
            }
            hand.fault(from, Fault::NotSubmitter);
            return Touched::Nothing;
        }
        self.jobs
            .hear(from, message, &mut hand)
            .map_or(Touched::Nothing, Touched::Job)
    }

    fn task_ended(&mut self, token: RunToken, task: u32, found: Found) -> Touched {
        self.on_errand(token, |errand, crew| {
            errand.answered(token, task, found, crew);
        })
    }

    /// Tells a run's news to whoever runs it; what is over is looked at as a whole.
    fn on_errand(&mut self, token: RunToken, tell: impl FnOnce(&mut Errand, &mut Crew)) -> Touched {
        let drawn = self.work.errand(token);
        let judged = drawn.or_else(|| self.duties.errand(token));
        let audited = judged.or_else(|| self.audits.errand(token));
        let Some(errand) = audited.or_else(|| self.jobs.errand(token)) else {
            return Touched::Nothing;
        };
        tell(errand, &mut self.crew);
        Touched::Everything
    }

    fn answered(&mut self, token: ProposalToken, fate: Fate) -> Touched {
        let answered = self.desk.answered(token, fate, self.now, &mut self.out);
        let Some((aim, turn)) = answered else {
            return Touched::Nothing;
        };
        if matches!(turn, Turn::Never(_)) {
            self.work.refused(aim);
            self.jobs.turned(aim, turn, &mut hand!(self));
        }
        Touched::Everything
    }

    fn busy(&mut self, busy: Busy) {
        match busy {
            Busy::Run(token) => {
                let now = self.now;
                self.on_errand(token, |errand, crew| errand.busy(token, now, crew));
            }
            Busy::Fetch(digest) => self.stock.busy(digest, self.now),
            Busy::Send(peer) => self.work.tell_again(peer),
            Busy::Propose(token) => self.desk.busy(token, self.now),
        }
    }

    /// Lets every room say what it wants. Judges come first: others wait for them.
    fn act(&mut self) {
        self.acted = self.now;
        let mut hand = hand!(self);
        self.standing.act(&mut hand);
        self.duties.act(&self.known, &mut hand);
        self.audits.act(&self.known, &mut hand);
        self.work.act(&self.known, &mut self.jobs, &mut hand);
        self.jobs.act(&mut hand);
        self.announcer
            .act(&self.me, &self.crew, self.now, &mut self.out);
        self.desk.sweep(self.now);
        self.stock.sweep(self.now);
        self.crew.sweep(self.now);
    }
}
