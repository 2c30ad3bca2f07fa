//! The jobs this peer submitted, and the submissions that the ledger has not answered yet.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use protocol::entry::{Body, Opening, PeerSeal, chain};
use protocol::event::Event;
use protocol::ids::{BundleId, Digest, JobId, PeerId, PurseId};
use protocol::job::Terms;
use protocol::message::Message;
use protocol::outcome::Outcome;
use protocol::units::Moment;

use crate::desk::{Aim, Role, Turn};
use crate::effect::{Answer, Effect, News, Report, Ticket};
use crate::hand::Hand;
use crate::input::Choices;
use crate::trouble::{Kind, Trouble};

pub(crate) mod alike;
pub(crate) mod bundle;
pub(crate) mod check;
pub(crate) mod checker;
pub(crate) mod demand;
pub(crate) mod drive;
pub(crate) mod early;
pub(crate) mod hear;
pub(crate) mod job;
pub(crate) mod judge;
pub(crate) mod plant;
pub(crate) mod price;
pub(crate) mod view;

use early::Early;
use job::{OwnJob, Phase, job_of};
use plant::{Planted, Planting};

/// So many submissions and open jobs a peer has at most; more are refused.
pub const JOBS_OPEN_MAX: usize = 1_024;
/// So many ended jobs are held; then the oldest is forgotten here. The ledger remembers.
pub const JOBS_ENDED_MAX: usize = 1_024;
/// A submission's number is looked for among so many on both sides of the expected one.
pub const SUBMISSIONS_SEARCHED: u64 = 512;

const NOT_OURS: &str = "this peer has not submitted such a job";

#[derive(Debug)]
struct Submission {
    terms: Terms,
    chain: Digest,
    purse: Option<PurseId>,
    ticket: Ticket,
    /// Canaries that are run before it is submitted.
    planting: Option<Planting>,
    planted: Option<Planted>,
}

#[derive(Debug, Default)]
pub(crate) struct Jobs {
    jobs: BTreeMap<JobId, OwnJob>,
    submissions: BTreeMap<u64, Submission>,
    next: u64,
    ended: VecDeque<JobId>,
    early: Early,
}

impl Jobs {
    pub(crate) fn get(&self, job: &JobId) -> Option<&OwnJob> {
        self.jobs.get(job)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &OwnJob> {
        self.jobs.values()
    }

    fn open(&self) -> usize {
        self.submissions.len() + self.jobs.len().saturating_sub(self.ended.len())
    }

    /// Begins to submit a job; where canaries are chosen, once they are known.
    pub(crate) fn submit(
        &mut self,
        ticket: Ticket,
        terms: Terms,
        choices: &Choices,
        hand: &mut Hand<'_>,
    ) {
        if self.open() >= JOBS_OPEN_MAX {
            let why = format!("{JOBS_OPEN_MAX} jobs of this peer are open");
            refuse(ticket, Kind::Other, why, "peer job ls".to_owned(), hand);
            return;
        }
        let secret = hand.me.salt_key.chain_secret(&terms.job, self.next);
        let chain = chain(&chain(&secret));
        let planting =
            (choices.canaries > 0).then(|| Planting::of(&terms, self.next, choices.canaries, hand));
        self.submissions.insert(
            self.next,
            Submission {
                terms,
                chain,
                purse: choices.purse,
                ticket,
                planting,
                planted: None,
            },
        );
        self.next += 1;
    }

    /// Begins to take a job back.
    pub(crate) fn cancel(&mut self, ticket: Ticket, id: JobId, hand: &mut Hand<'_>) {
        let (kind, why) = match self.jobs.get_mut(&id) {
            None => (Kind::Unknown, NOT_OURS),
            Some(job) if job.phase != Phase::Locked => (Kind::Other, "its peers are already drawn"),
            Some(job) if job.cancel.is_some() => (Kind::Other, "it is already being taken back"),
            Some(job) => {
                job.cancel = Some(ticket);
                return;
            }
        };
        refuse(ticket, kind, why, format!("peer job show {id}"), hand);
    }

    /// Learns what the ledger says.
    pub(crate) fn apply(&mut self, event: &Event, time: Moment, hand: &mut Hand<'_>) {
        if let Event::Submitted {
            job,
            sender,
            terms,
            chain,
            ..
        } = event
        {
            if *sender == hand.me.party && terms.peer == hand.me.peer {
                self.submitted(*job, terms, chain, event, time, hand);
            }
            return;
        }
        let Some(job) = job_of(event).and_then(|id| self.jobs.get_mut(&id)) else {
            return;
        };
        job.apply(event, time, hand);
        if job.phase != Phase::Locked
            && let Some(ticket) = job.cancel.take()
        {
            let id = job.id;
            hand.desk.forget(Aim::Cancel(id));
            let drawn = job.bundles.iter().any(|bundle| !bundle.copies.is_empty());
            if drawn {
                let (why, help) = ("its peers were drawn first", format!("peer job show {id}"));
                refuse(ticket, Kind::Other, why, help, hand);
            } else {
                let answer = Answer::Cancelled(id);
                hand.out.push(Effect::Reply { ticket, answer });
            }
        }
        if let Event::JobEnded { job, .. } = event {
            self.ended.push_back(*job);
            if self.ended.len() > JOBS_ENDED_MAX
                && let Some(oldest) = self.ended.pop_front()
            {
                self.forget(&oldest, hand);
            }
        }
    }

    fn submitted(
        &mut self,
        id: JobId,
        terms: &Terms,
        end: &Digest,
        event: &Event,
        time: Moment,
        hand: &mut Hand<'_>,
    ) {
        let number = self.number(&terms.job, end, hand);
        let mut planted = None;
        let secret = number.map(|number| hand.me.salt_key.chain_secret(&terms.job, number));
        if let Some(number) = number {
            self.next = self.next.max(number + 1);
            hand.desk.forget(Aim::Submit(number));
            if let Some(submission) = self.submissions.remove(&number) {
                planted = submission.planted;
                let (ticket, answer) = (submission.ticket, Answer::Submitted(id));
                hand.out.push(Effect::Reply { ticket, answer });
            }
        } else if hand.live {
            hand.out.report(Report::SecretUnknown(id));
        }
        if let Some(mut job) = OwnJob::submitted(event, secret, time) {
            job.checks.planted = planted;
            self.jobs.insert(id, job);
            hand.tell(News::Submitted(id));
        }
    }

    /// The number of the submission with this end of its chain: first among those we wait for, then
    /// around the number that is next.
    fn number(&self, job: &Digest, end: &Digest, hand: &Hand<'_>) -> Option<u64> {
        let ours = self.submissions.iter().find(|(_, s)| s.chain == *end);
        if let Some((number, _)) = ours {
            return Some(*number);
        }
        let is_it =
            |number: &u64| chain(&chain(&hand.me.salt_key.chain_secret(job, *number))) == *end;
        let near = (0..SUBMISSIONS_SEARCHED)
            .flat_map(|far| [self.next.checked_add(far), self.next.checked_sub(far + 1)]);
        near.flatten().find(is_it)
    }

    /// Everything agreed before our start is known: what is still open may have been told before.
    pub(crate) fn revive(&mut self) {
        let bundles = self.jobs.values_mut().flat_map(|job| &mut job.bundles);
        for copy in bundles.flat_map(|bundle| &mut bundle.copies) {
            copy.revived = true;
        }
    }

    /// Does what is open now, for every job.
    pub(crate) fn act(&mut self, hand: &mut Hand<'_>) {
        self.hear_early(hand);
        self.plant(hand);
        let mut given_up = Vec::new();
        let ready = |(_, submission): &(&u64, &Submission)| submission.planting.is_none();
        for (number, submission) in self.submissions.iter().filter(ready) {
            let aim = Aim::Submit(*number);
            let body = || {
                Some(Body::Submit {
                    terms: submission.terms.clone(),
                    chain: submission.chain,
                    purse: submission.purse,
                })
            };
            if hand.desk.want(aim, hand.now, hand.out, body) {
                given_up.push(aim);
            }
        }
        for aim in given_up {
            let why = "the federation did not answer; are enough members up?";
            self.turned(aim, Turn::Never(Trouble::new(Kind::Silence, why)), hand);
        }
        for job in self.jobs.values_mut().filter(|job| !job.is_quiet()) {
            job.act(hand);
        }
    }

    /// Does what is open now for one job.
    pub(crate) fn act_on(&mut self, id: &JobId, hand: &mut Hand<'_>) {
        if let Some(job) = self.jobs.get_mut(id) {
            job.act(hand);
        }
    }

    /// Hears what became of something we proposed.
    pub(crate) fn turned(&mut self, aim: Aim, turn: Turn, hand: &mut Hand<'_>) {
        let Turn::Never(Trouble { kind, why }) = turn else {
            return;
        };
        match aim {
            Aim::Submit(number) => {
                hand.desk.forget(aim);
                if let Some(submission) = self.submissions.remove(&number) {
                    let help = help_for(kind).to_owned();
                    refuse(submission.ticket, kind, why, help, hand);
                }
            }
            Aim::Cancel(id) => {
                hand.desk.forget(aim);
                if let Some(ticket) = self.jobs.get_mut(&id).and_then(|job| job.cancel.take()) {
                    refuse(ticket, kind, why, format!("peer job show {id}"), hand);
                }
            }
            Aim::Seals(Role::Submitter, id, batch) => {
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.seals.refused(batch);
                }
            }
            Aim::Openings(Role::Submitter, id, batch) => {
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.openings.refused(batch);
                }
            }
            _ => {}
        }
    }

    /// We ran a bundle of our own job.
    pub(crate) fn own_outcomes(
        &mut self,
        bundle: BundleId,
        outcomes: Arc<[Outcome]>,
        seal: PeerSeal,
        hand: &mut Hand<'_>,
    ) {
        let (outcomes, inline) = (outcomes.to_vec(), Vec::new());
        let message = Message::Outcomes {
            bundle,
            outcomes,
            inline,
            seal,
        };
        self.hear(hand.me.peer, message, hand);
    }

    /// We open seals of our own job.
    pub(crate) fn openings(
        &mut self,
        from: PeerId,
        job: JobId,
        openings: Vec<Opening>,
        hand: &mut Hand<'_>,
    ) {
        self.hear(from, Message::Openings { job, openings }, hand);
    }

    /// Hears again what a peer told in an earlier life. The ledger may have gone another way since:
    /// what no longer fits is nobody's fault.
    pub(crate) fn recall(&mut self, from: PeerId, message: Message, hand: &mut Hand<'_>) {
        let job = early::about(&message).and_then(|id| self.jobs.get_mut(&id));
        if let Some(job) = job {
            let _: Result<(), _> = job.hear(from, message, hand);
        }
    }

    /// Looks once more for the outputs of a job.
    pub(crate) fn collect(&mut self, ticket: Ticket, id: JobId, hand: &mut Hand<'_>) {
        hand.stock.hope();
        let Some(job) = self.jobs.get_mut(&id) else {
            refuse(
                ticket,
                Kind::Unknown,
                NOT_OURS,
                "peer job ls".to_owned(),
                hand,
            );
            return;
        };
        let answer = Answer::Collecting {
            job: id,
            missing: job.seek(),
        };
        hand.out.push(Effect::Reply { ticket, answer });
    }

    /// Hears whether outputs of a bundle that differ are alike.
    pub(crate) fn compared(&mut self, id: &BundleId, alike: Option<Vec<bool>>) {
        if let Some(job) = self.jobs.get_mut(&id.job) {
            job.compared(id, alike);
        }
    }

    /// An output that was at home is gone: it is sought again where it is shown.
    pub(crate) fn lost(&mut self, digest: &Digest) {
        for job in self.jobs.values_mut() {
            job.lost(digest);
        }
    }

    /// A peer can be reached again: it is asked at once for what we lack.
    pub(crate) fn greet(&mut self, peer: PeerId, now: Moment) {
        for job in self.jobs.values_mut().filter(|job| !job.is_quiet()) {
            for bundle in &mut job.bundles {
                if let Some(copy) = bundle.copy(&peer) {
                    copy.ask_at = now;
                }
            }
        }
    }

    pub(crate) fn wake_after(&self, acted: Moment) -> Option<Moment> {
        let loud = self.jobs.values().filter(|job| !job.is_quiet());
        let plantings = self
            .submissions
            .values()
            .filter_map(|s| s.planting.as_ref());
        let late = plantings.map(Planting::wake_at).filter(|at| *at > acted);
        loud.filter_map(|job| job.wake_after(acted))
            .chain(late)
            .min()
    }
}

/// Says no to who asked.
fn refuse(ticket: Ticket, kind: Kind, why: impl Into<String>, help: String, hand: &mut Hand<'_>) {
    let trouble = Trouble::new(kind, why);
    let answer = Answer::Refused { trouble, help };
    hand.out.push(Effect::Reply { ticket, answer });
}

/// What helps whose submission the ledger refused.
const fn help_for(kind: Kind) -> &'static str {
    match kind {
        Kind::Money => "peer wallet balance",
        Kind::Offers => "peer offer ls",
        Kind::Request => "peer submit --help",
        Kind::Silence => "peer ledger status",
        Kind::Unknown | Kind::Other => "peer status",
    }
}
