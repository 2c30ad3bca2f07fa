//! What a submitter wants of the ledger for a job: who judges it, and what care is taken.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::ids::Digest;
use crate::units::{Bps, Credits, Millis};

/// Who says whether outcomes that differ count as the same. It follows from how the job's outputs
/// are compared ([`Compare::judge`](crate::kernel::Compare::judge)); a drawn peer runs no job whose
/// terms say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Judge {
    /// Nobody has to: they are the same bit by bit on every machine. Where some differ, a panel
    /// runs the tasks, and who was wrong is slashed.
    #[default]
    Panel,
    /// The job's submitter, who pays for all that differ if they are alike, or for none. Honest
    /// machines may differ, so nobody is ever slashed for what a task gave; there are no audits, no
    /// canaries and no panels, and nobody gains reputation.
    Submitter,
}

/// What a submitter wants for a job, and pays for, beyond what every job of its class gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Care {
    /// How often a task is audited; never less than the class has it.
    pub audit: Bps,
    /// What one wrong task could cost the submitter: where that is more than the task's price,
    /// drawn peers lock by it.
    pub value_at_risk: Credits,
    /// The job is worth nothing to its submitter so long after it was submitted: what is not sealed
    /// by then is not paid. `None` for whenever it is done.
    pub deadline: Option<Millis>,
    /// One copy of each bundle is drawn at the submitter's own institution, as its witness.
    pub anchor: bool,
    /// The submitter knows the outcomes of some tasks, and has committed to which and what with
    /// [`canaries_digest`](crate::entry::canaries_digest): it may open them once the peers have.
    pub canaries: Option<Digest>,
}
