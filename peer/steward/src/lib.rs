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

use protocol::ids::{JobId, PeerId};
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
mod handover;
mod hear;
mod identity;
mod input;
mod jobs;
mod known;
pub mod limits;
pub mod misbehave;
mod offer;
pub mod owner;
mod standing;
mod states;
mod stock;
mod trouble;
mod work;

pub use effect::{
    Answer, Claimed, Effect, News, ProposalToken, Report, RunToken, Size, Ticket, Why,
};
pub use explain::{Explanation, Reason};
pub use faults::{Fault, Severity};
pub use identity::{Identity, Member, Misbehave, SaltKey};
pub use input::{Busy, Choices, Fate, Input, Listed, Request};
pub use jobs::plant::PLANTING_MAX;
pub use jobs::view::{
    BundleView, Canaries, CopyState, CopyView, JobState, JobView, TaskState, TaskView,
};
pub use standing::{OurStanding, StandingOffer};
pub use trouble::{Kind, Trouble};

use audit::Audits;
use book::Book;
use crew::Crew;
use desk::Desk;
use duty::Duties;
use effect::Outbox;
use faults::Faults;
use hand::Hand;
use jobs::Jobs;
use known::KnownJobs;
use offer::Announcer;
use standing::Standing;
use states::States;
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
    states: States,
    announcer: Announcer,
    out: Outbox,
    desk: Desk,
    stock: Stock,
    crew: Crew,
    faults: Faults,
}

/// Lends the shared desks to a room; the rooms themselves stay free to be borrowed.
macro_rules! lend {
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
pub(crate) use lend;

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
            states: States::default(),
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
            Touched::Job(job) => self.jobs.act_on(&job, &mut lend!(self)),
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
            self.duties.wake_after(self.acted),
            self.announcer.wake_at(&self.me, &self.crew),
        ];
        wakes.into_iter().flatten().min()
    }

    /// Lets every room say what it wants. Judges come first: others wait for them.
    fn act(&mut self) {
        self.acted = self.now;
        let mut hand = lend!(self);
        self.standing.act(&mut hand);
        self.duties.act(&self.known, &mut hand);
        self.audits.act(&self.known, &mut hand);
        self.states.act(&mut hand);
        self.work.act(&self.known, &mut self.jobs, &mut hand);
        self.jobs.act(&mut hand);
        self.announcer
            .act(&self.me, &self.crew, self.now, &mut self.out);
        self.desk.sweep(self.now);
        self.stock.sweep(self.now);
        self.crew.sweep(self.now);
    }
}
