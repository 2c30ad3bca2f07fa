//! What someone who follows a job is told.

use protocol::ids::PartyId;
use serde::{Deserialize, Serialize};

use super::job::{JobView, TaskView};
use super::written::{Id, Kind};

/// One line of a followed job. The first is always [`News::Job`]; the last of a job that ended is
/// [`News::Ended`]. A stream that ends otherwise was too slow, or the peer stopped: ask again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "kebab-case")]
pub enum News {
    /// The job has changed; this is what it is now.
    Job {
        /// It.
        job: Box<JobView>,
    },
    /// A task has changed: a result came, or was judged.
    Task {
        /// It.
        task: Box<TaskView>,
    },
    /// Opened results of a bundle differ.
    Disputed {
        /// The dispute's number.
        number: u64,
        /// The bundle's place in the job.
        bundle: u32,
        /// The difference in words.
        words: String,
    },
    /// Members are called to judge.
    Panel {
        /// The dispute's number.
        number: u64,
        /// Who.
        panel: Vec<Id<PartyId>>,
        /// 1 or 2.
        round: u8,
    },
    /// A verdict, a slash, a replacement: worth a line to people.
    Note {
        /// Such as `node_… slashed 5 cr: returned a wrong result (F1)`.
        words: String,
    },
    /// The job has ended; nothing follows.
    Ended {
        /// What it is now.
        job: Box<JobView>,
    },
}

impl Kind for News {
    const KIND: &'static str = "peer.v1.News";
}
