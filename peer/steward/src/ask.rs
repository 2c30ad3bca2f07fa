//! What is known, for the API: reading only, nothing here changes anything.

use std::collections::BTreeSet;
use std::ops::Range;

use protocol::ids::{JobId, PeerId};
use protocol::job::Class;
use protocol::offer::Offer;
use protocol::units::Height;

use crate::Steward;
use crate::explain::{self, Explanation, Scene};
use crate::jobs::job::OwnJob;
use crate::jobs::view::{JobView, TaskView};
use crate::standing::{OurStanding, StandingOffer};

impl Steward {
    /// A job of ours.
    pub fn job(&self, job: &JobId) -> Option<JobView> {
        self.jobs.get(job).map(OwnJob::view)
    }

    /// All our jobs, by id: those open, and the latest of those ended.
    pub fn jobs(&self) -> Vec<JobView> {
        self.jobs.all().map(OwnJob::view).collect()
    }

    /// Tasks of a job of ours, by number; those that it does not have are left out.
    pub fn tasks(&self, job: &JobId, tasks: Range<u32>) -> Vec<TaskView> {
        self.jobs
            .get(job)
            .map(|job| job.tasks(tasks))
            .unwrap_or_default()
    }

    /// Why a job of ours is where it is.
    pub fn explain(&self, job: &JobId) -> Option<Explanation> {
        let scene = Scene {
            desk: &self.desk,
            standing: &self.standing,
            up: &self.up,
            us: self.me.peer,
            time: self.time,
        };
        self.jobs.get(job).map(|job| explain::explain(job, &scene))
    }

    /// The live offers that hold now, ours left out.
    pub fn live_offers(&self) -> Vec<Offer> {
        self.book.live(self.now).cloned().collect()
    }

    /// The standing offers of a class.
    pub fn standing_offers(&self, class: Class) -> Vec<StandingOffer> {
        self.standing.offers(class).collect()
    }

    /// What the ledger says of this peer.
    pub fn standing(&self) -> OurStanding {
        self.standing.ours()
    }

    /// The peers that can be reached.
    pub const fn peers_up(&self) -> &BTreeSet<PeerId> {
        &self.up
    }

    /// How many runs, and how many panels, wait for this peer's outcomes.
    pub fn open_work(&self) -> (usize, usize) {
        (self.work.open(), self.duties.open() + self.audits.open())
    }

    /// The last block told.
    pub const fn height(&self) -> Height {
        self.height
    }

    /// Whether all that was agreed before the start has been told.
    pub const fn is_live(&self) -> bool {
        self.live
    }
}
