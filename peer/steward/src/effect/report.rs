//! What the operator of a peer may want to read of what it decides.

use protocol::ids::{BundleId, JobId, PeerId};
use protocol::job::Class;

use crate::faults::Fault;

/// Something the operator may want to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A peer did wrong; its severity is for the network's scores.
    Fault {
        /// Who.
        peer: PeerId,
        /// What.
        fault: Fault,
        /// Whether our patience with it is at its end.
        hopeless: bool,
    },
    /// The fault switch is on, and these tasks will be answered wrongly. To be shown loudly.
    Misbehaving {
        /// The bundle.
        bundle: BundleId,
        /// The tasks' numbers.
        tasks: Vec<u32>,
    },
    /// The ledger refused what we proposed.
    ProposalRefused {
        /// What kind of entry.
        what: &'static str,
        /// Why.
        why: String,
        /// Whether it will be tried again.
        again: bool,
    },
    /// We proposed something so often without an answer that we stopped.
    ProposalGivenUp {
        /// What kind of entry.
        what: &'static str,
    },
    /// We cannot do a run we were drawn for, or a duty.
    CannotRun {
        /// The bundle.
        bundle: BundleId,
        /// Why.
        why: String,
    },
    /// A run goes on at another peer of our owner.
    HandedOver {
        /// The bundle.
        bundle: BundleId,
        /// Who has it.
        to: PeerId,
        /// Why.
        why: String,
    },
    /// One step, run again, shows that some peers claim what it does not give.
    OneStepShows {
        /// The bundle.
        bundle: BundleId,
        /// The task's number.
        task: u32,
        /// The place of the step's entry in the lists.
        step: u32,
        /// Who claims something else.
        wrong: Vec<PeerId>,
    },
    /// A job of ours cannot be started by us: its chain secret is not ours to derive.
    SecretUnknown(JobId),
    /// We were found wrong and no longer add to our bond by ourselves.
    Convicted {
        /// The bundle.
        bundle: BundleId,
    },
    /// Members saw fewer of our slots than we offered (F10), and we offer no more than those by
    /// ourselves.
    CapacityMissing {
        /// The class.
        class: Class,
        /// How many they saw.
        seen: u16,
    },
}
