//! What the API shows of a job of ours.

use std::ops::Range;

use protocol::event::{Ending, Fault};
use protocol::ids::{BundleId, JobId, PeerId};
use protocol::job::Terms;
use protocol::outcome::Outcome;
use protocol::units::{Credits, Moment};

use super::bundle::{Bundle, Copy, Stage};
use super::job::{OwnJob, Phase};

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Its escrow is locked; it waits to be drawn.
    Locked,
    /// Drawn peers run it and seal.
    Running,
    /// All have sealed; it waits to be closed.
    Sealed,
    /// Peers open; differences are judged.
    Opening,
    /// It has ended.
    Ended,
}

/// A job of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobView {
    /// Its name on the ledger.
    pub id: JobId,
    /// Its terms.
    pub terms: Terms,
    /// Where it is.
    pub state: JobState,
    /// What was set aside.
    pub escrow: Credits,
    /// What its runs were paid so far.
    pub paid: Credits,
    /// What came back; zero until it has ended.
    pub refunded: Credits,
    /// When it was agreed.
    pub submitted: Moment,
    /// When it ended.
    pub ended: Option<Moment>,
    /// Its bundles, in order.
    pub bundles: Vec<BundleView>,
    /// Punishments for its bundles.
    pub slashed: Vec<(BundleId, PeerId, Fault, Credits)>,
    /// How many tasks have an output at home, and how many are judged.
    pub tasks_here: u32,
    /// See `tasks_here`.
    pub tasks_judged: u32,
    /// What its canaries showed, if its terms have any.
    pub canaries: Option<Canaries>,
}

/// Tasks of a job of ours whose outcome we knew before it was submitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Canaries {
    /// How many are opened; 0 as long as peers may still read them.
    pub opened: u32,
    /// The numbers of those tasks where the peers opened something else.
    pub differ: Vec<u32>,
}

/// A bundle of a job of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleView {
    /// Its tasks' numbers.
    pub tasks: Range<u32>,
    /// Who runs it, and how far each is.
    pub copies: Vec<CopyView>,
    /// How it ended, once it has.
    pub ending: Option<Ending>,
    /// Whether peers differ and a panel is needed or at work.
    pub disputed: bool,
    /// Who was found right, and who wrong, by a panel.
    pub upheld: Vec<PeerId>,
    /// See `upheld`.
    pub convicted: Vec<PeerId>,
}

/// A drawn peer's copy of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyView {
    /// The peer.
    pub peer: PeerId,
    /// How far it is.
    pub state: CopyState,
    /// Why it says that it cannot, if it does.
    pub failed: Option<String>,
}

/// How far a peer is with its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyState {
    /// Nothing was heard yet.
    Drawn,
    /// It said that it cannot.
    Failed,
    /// Its outcomes are here, its seal is not on the ledger yet.
    Delivered,
    /// Its seal is on the ledger.
    Sealed,
    /// It has opened.
    Opened,
}

/// How sure a task's outcome is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// Nothing was heard of it yet.
    Waiting,
    /// A peer delivered; nothing is judged.
    Provisional,
    /// All peers agree.
    Agreed,
    /// A panel judged its bundle.
    Judged,
    /// It has ended without a judged outcome; why is its bundle's ending. An outcome that is shown
    /// was delivered and never confirmed.
    Unsure(Ending),
}

/// A task of a job of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskView {
    /// Its number.
    pub task: u32,
    /// How sure its outcome is.
    pub state: TaskState,
    /// Its outcome, as far as it is known.
    pub outcome: Option<Outcome>,
    /// Whether its output is at home.
    pub here: bool,
    /// The peers that gave this outcome.
    pub peers: Vec<PeerId>,
}

impl OwnJob {
    pub(crate) fn view(&self) -> JobView {
        let (state, ended) = match self.phase {
            Phase::Locked => (JobState::Locked, None),
            Phase::Sealing => (JobState::Running, None),
            Phase::Sealed { .. } => (JobState::Sealed, None),
            Phase::Opening { .. } => (JobState::Opening, None),
            Phase::Ended { at } => (JobState::Ended, Some(at)),
        };
        let shown = self
            .bundles
            .iter()
            .flat_map(|bundle| bundle.tasks.clone().filter_map(|task| bundle.shown(task)));
        let canaries = self.terms.care.canaries;
        let (mut tasks_here, mut tasks_judged) = (0, 0);
        for (outcome, provisional) in shown {
            tasks_here += u32::from(self.have.contains(&outcome.digest));
            tasks_judged += u32::from(!provisional);
        }
        JobView {
            id: self.id,
            terms: self.terms.clone(),
            state,
            escrow: self.escrow,
            paid: self.paid,
            refunded: self.refunded,
            submitted: self.submitted,
            ended,
            bundles: self.bundles.iter().map(view_bundle).collect(),
            slashed: self.slashed.clone(),
            tasks_here,
            tasks_judged,
            canaries: canaries.map(|_| self.checks.canaries(&self.bundles)),
        }
    }

    pub(crate) fn tasks(&self, tasks: Range<u32>) -> Vec<TaskView> {
        let last = tasks.end.min(self.terms.tasks);
        let per_bundle = self.terms.tasks_per_bundle.max(1);
        let view = |task: u32| {
            let bundle = self.bundles.get((task / per_bundle) as usize)?;
            Some(self.view_task(bundle, task))
        };
        (tasks.start..last).filter_map(view).collect()
    }

    fn view_task(&self, bundle: &Bundle, task: u32) -> TaskView {
        let shown = bundle.shown(task);
        let outcome = shown.map(|(outcome, _)| outcome);
        let state = match (bundle.stage, shown) {
            (Stage::Ended(Ending::Agreed), Some((_, false))) => TaskState::Agreed,
            (Stage::Ended(Ending::Judged), Some((_, false))) => TaskState::Judged,
            (Stage::Ended(Ending::Judged), None) if bundle.result.is_some() => {
                TaskState::Unsure(Ending::Nondeterministic)
            }
            (Stage::Ended(ending @ (Ending::Nondeterministic | Ending::Short)), _)
            | (Stage::Ended(ending @ (Ending::Undisputed | Ending::Cancelled)), _) => {
                TaskState::Unsure(ending)
            }
            (_, Some(_)) => TaskState::Provisional,
            (_, None) => TaskState::Waiting,
        };
        let place = (task - bundle.tasks.start) as usize;
        let gave = |copy: &&Copy| {
            let list = copy.outcomes.as_ref();
            outcome.is_some() && list.and_then(|list| list.get(place)).copied() == outcome
        };
        TaskView {
            task,
            state,
            outcome,
            here: outcome.is_some_and(|outcome| self.have.contains(&outcome.digest)),
            peers: bundle
                .copies
                .iter()
                .filter(gave)
                .map(|copy| copy.peer)
                .collect(),
        }
    }
}

fn view_bundle(bundle: &Bundle) -> BundleView {
    let judged = bundle.judged.as_ref();
    BundleView {
        tasks: bundle.tasks.clone(),
        copies: bundle.copies.iter().map(view_copy).collect(),
        ending: if let Stage::Ended(ending) = bundle.stage {
            Some(ending)
        } else {
            None
        },
        disputed: matches!(bundle.stage, Stage::Disputed { .. } | Stage::Panel { .. }),
        upheld: judged
            .map(|judged| judged.upheld.clone())
            .unwrap_or_default(),
        convicted: judged
            .map(|judged| judged.convicted.clone())
            .unwrap_or_default(),
    }
}

fn view_copy(copy: &Copy) -> CopyView {
    let state = if copy.root.is_some() {
        CopyState::Opened
    } else if copy.sealed {
        CopyState::Sealed
    } else if copy.outcomes.is_some() {
        CopyState::Delivered
    } else if copy.failed.is_some() {
        CopyState::Failed
    } else {
        CopyState::Drawn
    };
    CopyView {
        peer: copy.peer,
        state,
        failed: copy.failed.clone(),
    }
}
