//! One match from what the steward wants to the part that does it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use gossip::Handle;
use ledger::Ledger;
use protocol::bytes;
use protocol::entry::{Body, PeerSeal, Seal};
use protocol::genesis::Genesis;
use protocol::ids::{BundleId, Digest, JobId, PeerId};
use protocol::job::{JOB_BYTES_MAX, Job};
use protocol::message::Message;
use protocol::offer::Offer;
use protocol::outcome::Outcome;
use protocol::units::{Bytes, Height, Moment};
use steward::{Answer, Busy, Effect, Input, Kind, ProposalToken, Size, Steward, Ticket, Why};
use tokio::sync::{Semaphore, mpsc};

use crate::answers::{JobBook, Sources};
use crate::api::door::Reply;
use crate::api::problem::{Code, Problem};
use crate::api::types::SubmittedView;
use crate::blobs::Blobs;
use crate::driver::now;
use crate::entries::Entries;
use crate::intake::Intake;
use crate::keys::Keys;
use crate::links::Links;
use crate::mail::Mail;
use crate::ownership::Ownership;
use crate::reports::log;
use crate::runs::{self, Runs};
use crate::sealing::Sealing;
use crate::serving;
use crate::told::Told;
use crate::watch::Watchers;
use crate::witness::Witness;

/// Everything the loop owns.
pub struct Driver {
    /// What this peer decides.
    pub(crate) steward: Steward,
    /// Entries on their way.
    pub(crate) entries: Entries,
    /// Messages on their way.
    pub(crate) mail: Mail,
    /// Runs in the executor.
    pub(crate) runs: Runs,
    /// Who follows a job.
    pub(crate) watchers: Watchers,
    /// Jobs and outputs, read once.
    pub(crate) book: JobBook,
    /// Secret keys.
    pub(crate) keys: Arc<Keys>,
    /// What is agreed.
    pub(crate) ledger: Arc<Ledger>,
    /// The network.
    pub(crate) gossip: Handle,
    /// Content on this disk.
    pub(crate) blobs: Arc<Blobs>,
    /// What peers told of our jobs, on this disk.
    pub(crate) told: Told,
    /// Where seals are signed, once the disk holds what they promise.
    pub(crate) sealing: Sealing,
    /// How the federation began.
    pub(crate) genesis: Arc<Genesis>,
    /// Where this peer's files lie.
    pub(crate) home: PathBuf,
    /// When it started.
    pub(crate) started: Moment,
    /// What the owner of this machine allows.
    pub(crate) ownership: Ownership,
    /// Whether it runs tasks for others.
    pub(crate) works: bool,
    /// The fault it was told to play.
    pub(crate) fault: Option<String>,
    /// Who is connected.
    pub(crate) connected: BTreeSet<PeerId>,
    /// Where entries go to be checked, off this loop; they stay only at a member.
    pub(crate) intake: Intake,
    /// What was told of the members, to whom links are kept.
    pub(crate) links: Links,
    /// Where fetches that ended are told.
    pub(crate) fetched: mpsc::Sender<Input>,
    /// How many fetches run at a time.
    pub(crate) fetching: Arc<Semaphore>,
    /// Members that were seen to vote twice.
    pub(crate) witness: Witness,
    /// Inputs that performing an effect gave rise to.
    pub(crate) inbox: VecDeque<Input>,
    /// Who waits for a job to be on the ledger.
    pub(crate) tickets: BTreeMap<Ticket, Reply<SubmittedView>>,
    /// The next ticket.
    pub(crate) next_ticket: u64,
    /// The newest block that was on this disk at our start.
    pub(crate) kept_to: Height,
    /// Whether we have caught up with the federation.
    pub(crate) live: bool,
    /// When lost entries were last looked for.
    pub(crate) tended: Option<Moment>,
}

impl Driver {
    /// Where answers are looked up.
    pub(crate) fn sources(&self) -> Sources<'_> {
        Sources {
            ledger: &self.ledger,
            steward: &self.steward,
            blobs: &self.blobs,
            genesis: &self.genesis,
            me: self.keys.node(),
            party: self.keys.party(),
        }
    }

    pub(crate) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Propose { token, body } => self.propose(token, body),
            Effect::SignSeal(seal) => self.sign_seal(seal),
            Effect::Send { to, message } => self.send(to, &message),
            Effect::SendOutcomes {
                to,
                bundle,
                outcomes,
                inline,
                seal,
            } => {
                self.send_outcomes(to, bundle, &outcomes, &inline, seal);
            }
            Effect::FetchJob { digest, from } => {
                self.fetch(
                    digest,
                    Size::AtMost(Bytes::new(JOB_BYTES_MAX as u64)),
                    from,
                    true,
                );
            }
            Effect::Fetch { digest, size, from } => self.fetch(digest, size, from, false),
            Effect::Run {
                token,
                bundle,
                job,
                tasks,
                why,
                alter,
                states,
            } => {
                let wanted = runs::Wanted {
                    token,
                    bundle,
                    job,
                    tasks,
                    why,
                    alter,
                    states,
                };
                let job = self.book.job(&self.blobs, &wanted.job);
                self.begin_run(wanted, job);
            }
            Effect::ReadKept { bundle, job, tasks } => self.read_kept(bundle, job, tasks),
            Effect::Compare { bundle, job, pairs } => self.compare(bundle, job, pairs),
            Effect::ReadLists {
                bundle,
                job,
                claimed,
            } => self.read_lists(bundle, job, claimed),
            Effect::CancelRun(token) => self.runs.cancel(token),
            Effect::KeepOutput { digest, bytes } => {
                if let Err(error) = self.blobs.keep_as(digest, &bytes) {
                    tracing::error!(%digest, %error, "cannot keep an output");
                }
                self.sealing.settle();
            }
            Effect::KeepTold { job, from, message } => {
                if let Err(error) = self.told.keep(job, from, &message) {
                    tracing::warn!(%job, %error, "cannot keep what a peer told");
                }
            }
            Effect::Announce(offer) => self.announce(offer),
            Effect::Reply { ticket, answer } => self.reply(ticket, answer),
            Effect::Tell(news) => self.tell(&news),
            Effect::Report(report) => log(&report),
        }
    }

    fn begin_run(&mut self, wanted: runs::Wanted, job: Option<Arc<Job>>) {
        let (blobs, told) = (Arc::clone(&self.blobs), self.fetched.clone());
        match wanted.why {
            Why::Check(output) => self.runs.start_check((wanted, output), job, blobs, told),
            Why::Step(_) | Why::State(_) => self.runs.start_step(wanted, job, blobs, told),
            Why::Work | Why::Panel | Why::Audit | Why::Canary => {
                if let Err(why) = self.runs.start_run(&wanted, job, &blobs) {
                    self.inbox.extend(why.told(wanted.token));
                }
            }
        }
    }

    fn read_kept(&mut self, bundle: BundleId, job: Digest, tasks: Vec<u32>) {
        let Some(form) = self.book.job(&self.blobs, &job) else {
            let states = Vec::new();
            self.inbox.push_back(Input::KeptRead { bundle, states });
            return;
        };
        let ids = (bundle.job, JobId::new(*job.bytes()));
        let (runs, blobs, told) = (&self.runs, Arc::clone(&self.blobs), self.fetched.clone());
        runs.read_kept((bundle, ids), (form, tasks), blobs, told);
    }

    fn propose(&mut self, token: ProposalToken, body: Body) {
        let answer = self.entries.propose(now(), token, body);
        self.inbox.extend(answer);
    }

    /// Hands what was signed to every member.
    pub(crate) fn send_entries(&mut self) {
        let me = self.keys.node();
        for message in self.entries.take_messages() {
            for member in self.ledger.member_nodes() {
                if member != me {
                    self.mail.post(member, &message);
                }
            }
            if let Message::Entries(entries) = message
                && !self.intake.put(me, entries)
            {
                tracing::debug!("our own pool's queue is full; trying again soon");
            }
        }
    }

    fn sign_seal(&mut self, seal: Seal) {
        self.inbox.extend(self.sealing.seal(seal));
    }

    fn send(&mut self, to: PeerId, message: &Message) {
        if to == self.keys.node() {
            let (from, message) = (to, message.clone());
            self.inbox.push_back(Input::Heard { from, message });
        } else if !self.mail.post(to, message) {
            self.inbox.push_back(Input::Busy(Busy::Send(to)));
        }
    }

    fn send_outcomes(
        &mut self,
        to: PeerId,
        bundle: BundleId,
        outcomes: &[Outcome],
        inline: &[Digest],
        seal: PeerSeal,
    ) {
        // What cannot be read here is fetched by its digest, and then the disk is asked again.
        let kept = inline
            .iter()
            .filter_map(|digest| self.blobs.read(digest).ok().flatten());
        let message = Message::Outcomes {
            bundle,
            outcomes: outcomes.to_vec(),
            inline: kept.collect(),
            seal,
        };
        self.send(to, &message);
    }

    fn fetch(&mut self, digest: Digest, size: Size, from: Vec<PeerId>, is_job: bool) {
        if let Ok(Some(_)) = self.blobs.size(&digest) {
            let input = self.at_home(digest, is_job);
            self.inbox.push_back(input);
            return;
        }
        let Ok(place) = Arc::clone(&self.fetching).try_acquire_owned() else {
            self.inbox.push_back(Input::Busy(Busy::Fetch(digest)));
            return;
        };
        let (blobs, gossip) = (Arc::clone(&self.blobs), self.gossip.clone());
        let told = self.fetched.clone();
        tokio::spawn(async move {
            let input = match serving::bring(&blobs, &gossip, digest, size, &from).await {
                Err(why) => Input::FetchFailed { digest, why },
                Ok(()) if is_job => read_job(&blobs, digest),
                Ok(()) => Input::Fetched(digest),
            };
            drop(place);
            // The loop has ended when nobody hears this.
            let _ = told.send(input).await;
        });
    }

    fn at_home(&mut self, digest: Digest, is_job: bool) -> Input {
        if !is_job {
            return Input::Fetched(digest);
        }
        match self.book.job(&self.blobs, &digest) {
            Some(job) => Input::JobFetched { digest, job },
            None => read_job(&self.blobs, digest),
        }
    }

    fn announce(&self, offer: Offer) {
        if let Err(error) = self.gossip.announce(self.keys.sign_offer(offer)) {
            tracing::debug!(%error, "an offer was not announced");
        }
    }

    fn reply(&mut self, ticket: Ticket, answer: Answer) {
        let Some(reply) = self.tickets.remove(&ticket) else {
            return;
        };
        reply.give(match answer {
            Answer::Submitted(job) => self.submitted(job),
            Answer::Cancelled(job) | Answer::Collecting { job, .. } => Err(Problem::new(
                Code::Failed,
                format!("{job} was not submitted"),
            )),
            Answer::Refused { trouble, help } => {
                let problem = Problem::new(code(trouble.kind), "the job was not accepted");
                let problem = problem.because(trouble.why);
                Err(if help.is_empty() {
                    problem
                } else {
                    problem.try_this(help)
                })
            }
        });
    }
}

const fn code(kind: Kind) -> Code {
    match kind {
        Kind::Request => Code::Usage,
        Kind::Money => Code::Budget,
        Kind::Offers => Code::NoOffers,
        Kind::Unknown => Code::NotFound,
        Kind::Silence => Code::Unreachable,
        Kind::Other => Code::Failed,
    }
}

fn read_job(blobs: &Blobs, digest: Digest) -> Input {
    let written = match blobs.read(&digest) {
        Ok(Some(written)) => written,
        Ok(None) => {
            return Input::FetchFailed {
                digest,
                why: "it is damaged here".to_owned(),
            };
        }
        Err(error) => {
            return Input::FetchFailed {
                digest,
                why: error.to_string(),
            };
        }
    };
    match bytes::read::<Job>(&written, JOB_BYTES_MAX) {
        Ok(job) => Input::JobFetched {
            digest,
            job: Arc::new(job),
        },
        Err(error) => Input::FetchFailed {
            digest,
            why: error.to_string(),
        },
    }
}
