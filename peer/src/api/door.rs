//! The way from the API to the one loop that owns the peer: bounded, one answer per question.
//!
//! ```text
//! HTTP ──▶ api ──Request { .., reply }──▶ driver
//!              ◀──────── reply.give ──────
//! ```

use std::fmt;
use std::time::Duration;

use protocol::entry::{Entry, SignedEntry};
use protocol::ids::{JobId, PartyId, PeerId};
use protocol::job::Job;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::problem::{Code, Problem};
use super::types::{
    BalanceView, DisputeView, Done, EntryView, ExplainView, HistoryPage, JobView, KeysView,
    LedgerView, List, News, NodeFullView, NodeView, OfferView, StatusView, SubmittedView, TaskView,
    VerifyView, Wish,
};
use crate::answers::Sources;

/// So many questions wait for the driver at most; the next one is told that the peer is busy.
pub const REQUESTS_MAX: usize = 64;
/// An answer that takes longer is none.
pub const ANSWER_MAX: Duration = Duration::from_secs(30);
/// A job whose canaries are run before it is submitted takes so much longer.
pub const PLANTED_MAX: Duration = Duration::from_millis(30_000 + steward::PLANTING_MAX.get());
/// An entry is agreed within this, or its asker is told to look again later.
pub const AGREED_MAX: Duration = Duration::from_secs(60);
/// Replaying the ledger may take so long.
pub const VERIFY_MAX: Duration = Duration::from_secs(600);
/// So many news of a job wait for one who follows it; then it is dropped and must ask again.
pub const NEWS_MAX: usize = 1_024;
/// One page of tasks or of a wallet's history has so many items at most.
pub const PAGE_MAX: u32 = 1_000;

/// Where the answer to one question goes.
#[derive(Debug)]
pub struct Reply<T>(oneshot::Sender<Result<T, Problem>>);

impl<T> Reply<T> {
    /// Answers. Nothing happens if nobody listens any more.
    pub fn give(self, answer: Result<T, Problem>) {
        // Who asked may have hung up; then there is nobody to tell.
        let _ = self.0.send(answer);
    }
}

/// A question that only reads what is agreed. It is asked in the loop, so it reads what is bounded
/// and by point, and never waits.
pub struct Look(Box<dyn FnOnce(&Sources<'_>) + Send>);

impl Look {
    /// Asks it.
    pub fn ask(self, from: &Sources<'_>) {
        (self.0)(from);
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Look")
    }
}

/// What is to become an entry on the ledger.
#[derive(Debug)]
pub enum Wanted {
    /// An entry of this peer's own party: its body counts, and the peer signs it.
    Ours(Box<Entry>),
    /// An entry that somebody has signed.
    Signed(Box<SignedEntry>),
}

/// Everything that can be asked of a running peer.
#[derive(Debug)]
pub enum Request {
    /// Something that only reads.
    Look(Look),
    /// A peer in full.
    Node {
        /// Which.
        peer: PeerId,
        /// The answer.
        reply: Reply<NodeFullView>,
    },
    /// Have this agreed.
    Enter {
        /// What.
        wanted: Wanted,
        /// Answered once a block holds it, or it is refused.
        reply: Reply<EntryView>,
    },
    /// Run this job. Every blob it names lies at this peer, whole.
    Submit {
        /// The job, within its limits.
        job: Box<Job>,
        /// What the submitter wishes of the market.
        wish: Wish,
        /// Answered once the job has an id: its entry is signed and on its way.
        reply: Reply<SubmittedView>,
    },
    /// The jobs of this peer, oldest first.
    Jobs {
        /// The answer.
        reply: Reply<List<JobView>>,
    },
    /// One job.
    Job {
        /// Which.
        job: JobId,
        /// The answer.
        reply: Reply<JobView>,
    },
    /// Tasks of a job, by number.
    Tasks {
        /// Which job.
        job: JobId,
        /// The number of the first task asked for.
        from: u32,
        /// How many at most: 1 to [`PAGE_MAX`].
        limit: u32,
        /// The answer; empty past the last task.
        reply: Reply<List<TaskView>>,
    },
    /// Why a job waits, or what became of it.
    Explain {
        /// Which.
        job: JobId,
        /// The answer.
        reply: Reply<ExplainView>,
    },
    /// Follow a job. The answer is a channel of [`NEWS_MAX`] places that the driver fills with
    /// `try_send` and drops when it is full.
    Watch {
        /// Which.
        job: JobId,
        /// The answer; its first news is [`News::Job`].
        reply: Reply<mpsc::Receiver<News>>,
    },
    /// The peers of the federation.
    Nodes {
        /// The answer.
        reply: Reply<List<NodeView>>,
    },
    /// What they offer.
    Offers {
        /// The answer.
        reply: Reply<List<OfferView>>,
    },
    /// What a party holds.
    Balance {
        /// Who; this peer's own party if absent.
        party: Option<PartyId>,
        /// The answer.
        reply: Reply<BalanceView>,
    },
    /// How a party's balance came to be, newest first.
    History {
        /// Who; this peer's own party if absent.
        party: Option<PartyId>,
        /// Only what came before this ([`HistoryPage::next`]).
        before: Option<u64>,
        /// How many at most: 1 to [`PAGE_MAX`].
        limit: u32,
        /// The answer.
        reply: Reply<HistoryPage>,
    },
    /// Every dispute, oldest first.
    Disputes {
        /// The answer.
        reply: Reply<List<DisputeView>>,
    },
    /// One dispute.
    Dispute {
        /// Its number, from 1.
        number: u64,
        /// The answer.
        reply: Reply<DisputeView>,
    },
    /// The ledger, as this peer follows it.
    Ledger {
        /// The answer.
        reply: Reply<LedgerView>,
    },
    /// Replay the ledger from genesis. The driver hands this on: it must not wait for it.
    Verify {
        /// The answer.
        reply: Reply<VerifyView>,
    },
    /// The peer on one screen.
    Status {
        /// The answer.
        reply: Reply<StatusView>,
    },
    /// The public half of its keys.
    Keys {
        /// The answer.
        reply: Reply<KeysView>,
    },
    /// Stop.
    Down {
        /// Answered at once; the peer stops after it.
        reply: Reply<Done>,
    },
}

/// The API's end of the way to the driver.
#[derive(Clone, Debug)]
pub struct Door {
    requests: mpsc::Sender<Request>,
}

/// A door, and what comes through it.
pub fn door() -> (Door, mpsc::Receiver<Request>) {
    let (requests, asked) = mpsc::channel(REQUESTS_MAX);
    (Door { requests }, asked)
}

impl Door {
    /// Asks something that only reads.
    ///
    /// # Errors
    /// As [`Door::ask`].
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Sources<'_>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let question =
            |reply: Reply<T>| Request::Look(Look(Box::new(move |from| reply.give(look(from)))));
        self.ask(question, ANSWER_MAX).await
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The driver's own [`Problem`]; [`Code::Busy`] if too many questions wait;
    /// [`Code::Unreachable`] if the peer is stopping or does not answer in time.
    pub async fn ask<T>(
        &self,
        question: impl FnOnce(Reply<T>) -> Request,
        patience: Duration,
    ) -> Result<T, Problem> {
        let (reply, answer) = oneshot::channel();
        let stopping = || Problem::new(Code::Unreachable, "the peer is stopping");
        self.requests
            .try_send(question(Reply(reply)))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => {
                    Problem::new(Code::Busy, "the peer has too many questions to answer")
                        .try_this("ask again in a moment")
                }
                mpsc::error::TrySendError::Closed(_) => stopping(),
            })?;
        match timeout(patience, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(stopping()),
            Err(_) => Err(Problem::new(Code::Unreachable, "the peer does not answer")
                .because(format!("no answer within {} s", patience.as_secs()))),
        }
    }
}
