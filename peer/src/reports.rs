//! What the steward reports, written to the log.

use steward::{Report, Severity};

/// Writes a report to the log, as loud as it is grave.
pub(crate) fn log(report: &Report) {
    match report {
        Report::Fault {
            peer,
            fault,
            hopeless,
        } if fault.severity() == Severity::Low => {
            tracing::debug!(target: "peer::faults", %peer, ?fault, hopeless, "a peer erred");
        }
        Report::Fault {
            peer,
            fault,
            hopeless,
        } => {
            tracing::warn!(target: "peer::faults", %peer, ?fault, hopeless, "a peer did wrong");
        }
        Report::Misbehaving { bundle, tasks } => {
            tracing::error!(
                target: "peer::faults", %bundle, ?tasks,
                "THE FAULT SWITCH IS ON: this peer answers these tasks wrongly"
            );
        }
        Report::ProposalRefused { what, why, again } => {
            tracing::warn!(target: "peer::entries", what, %why, again, "the ledger refused");
        }
        Report::ProposalGivenUp { what } => {
            tracing::error!(target: "peer::entries", what, "no answer to this entry; given up");
        }
        Report::CannotRun { bundle, why } => {
            tracing::warn!(target: "peer::runs", %bundle, %why, "cannot run");
        }
        Report::HandedOver { bundle, to, why } => {
            tracing::info!(target: "peer::runs", %bundle, %to, %why, "a run goes to a sibling");
        }
        Report::OneStepShows {
            bundle,
            task,
            step,
            wrong,
        } => {
            let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            tracing::info!(
                target: "peer::runs", %bundle, task, step, ?wrong, "one step shows who is wrong"
            );
        }
        Report::SecretUnknown(job) => {
            let why = "it was submitted with other keys";
            tracing::error!(target: "peer::jobs", %job, why, "cannot start a job");
        }
        Report::Convicted { bundle } => {
            let why = "this peer was found wrong";
            tracing::error!(target: "peer::runs", %bundle, why, "the bond is not renewed");
        }
        Report::CapacityMissing { class, seen } => {
            let (class, why) = (class.name(), "members saw fewer than were offered");
            tracing::error!(target: "peer::runs", class, seen, why, "no more slots are offered");
        }
    }
}
