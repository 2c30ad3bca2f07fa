//! What happens to a peer, told to the rooms that it concerns.

use protocol::event::Event;
use protocol::ids::{BundleId, Digest, PeerId};
use protocol::message::Message;
use protocol::units::{Height, Moment};

use crate::crew::Crew;
use crate::desk::{Aim, Turn};
use crate::effect::{Effect, ProposalToken, RunToken, Ticket};
use crate::errand::{Errand, Found, Said};
use crate::faults::Fault;
use crate::hand::Hand;
use crate::handover::States;
use crate::input::{Busy, Fate, Input, Request};
use crate::{PEERS_UP_MAX, Steward, Touched, jobs, lend};

impl Steward {
    pub(crate) fn hear(&mut self, input: Input) -> Touched {
        match input {
            Input::Agreed {
                height,
                time,
                events,
            } => self.agreed(height, time, &events),
            Input::CaughtUp => self.caught_up(),
            Input::Owner(rest) => self.me.rest = rest,
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
                return self.said(token, Said::Accepted(accepted));
            }
            Input::Replayed { token, entry } => return self.said(token, Said::Entry(entry)),
            Input::StateTaken { token, state } => return self.said(token, Said::State(state)),
            Input::KeptRead { bundle, states } => self.kept_read(bundle, states),
            Input::ListsRead { bundle, lists } => self.duties.listed(&bundle, lists),
            Input::RunFailed { token, why } => {
                return self.on_errand(token, |errand, crew| errand.failed(token, why, crew));
            }
            Input::SealSigned { bundle, signature } => self.signed(bundle, signature),
            Input::Answered { token, fate } => return self.answered(token, fate),
            Input::Told { from, message } => {
                self.jobs.recall(from, message, &mut lend!(self));
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

    fn signed(&mut self, bundle: BundleId, signature: [u8; 64]) {
        self.work.signed(bundle, signature, &mut lend!(self));
    }

    fn kept_read(&mut self, bundle: BundleId, states: States) {
        self.work.handover.read(bundle, states, &mut lend!(self));
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
            let mut hand = lend!(self);
            self.jobs.apply(event, time, &mut hand);
            self.work.apply(event, &self.known, &mut hand);
            self.duties.apply(event, &mut hand);
            self.states.apply(event, &self.known, &mut hand);
            self.audits.apply(event, &mut hand);
            if let Event::JobEnded { job, .. } = event {
                hand.desk.forget_job(*job);
                self.known.apply(event);
            }
        }
    }

    fn requested(&mut self, ticket: Ticket, request: Request) {
        let mut hand = lend!(self);
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
        let mut hand = lend!(self);
        match message {
            Message::AskOutcomes { bundle } if self.work.asked(from, bundle) => Touched::Everything,
            Message::AskOutcomes { .. } => {
                hand.fault(from, Fault::NotSubmitter);
                Touched::Nothing
            }
            Message::AskState(of) => {
                self.states.asked(from, of, &self.known, hand.me.peer);
                Touched::Everything
            }
            Message::State { of, state } => {
                self.duties.given(from, of, state);
                Touched::Everything
            }
            Message::AskKept { bundle } => {
                self.work.handover.asked(from, bundle, &mut hand);
                Touched::Nothing
            }
            Message::Kept { bundle, states } => {
                let known = (&self.known, hand.now);
                match self.work.handover.told(from, bundle, states, known) {
                    true => Touched::Everything,
                    false => Touched::Nothing,
                }
            }
            other => self
                .jobs
                .hear(from, other, &mut hand)
                .map_or(Touched::Nothing, Touched::Job),
        }
    }

    fn said(&mut self, token: RunToken, said: Said) -> Touched {
        self.on_errand(token, |errand, crew| errand.said(token, said, crew))
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
        let given = audited.or_else(|| self.states.errand(token));
        let Some(errand) = given.or_else(|| self.jobs.errand(token)) else {
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
        if let (Aim::Decline(bundle), Turn::Never(_) | Turn::Later) = (aim, &turn) {
            self.work.passed_over(bundle, &mut self.desk);
        }
        if matches!(turn, Turn::Never(_)) {
            self.work.refused(aim);
            self.jobs.turned(aim, turn, &mut lend!(self));
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
}
