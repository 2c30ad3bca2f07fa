//! Which entries a block keeps room for: those by which a wrong is shown, answered or judged, so
//! that no flood of others can silence them; and proofs of storage, whose lack is punished. The
//! share of room is the governed `reserved_space`.

use protocol::entry::{AuditRequest, Body, CouncilRequest, LeaseRequest, VoterRequest};

/// For whom the room of a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// Any entry's.
    Ordinary,
    /// Kept for justice: disputes, verdicts, evidence, and the answers of panels and auditors.
    Justice,
}

/// The room that an entry of this body may take: those of justice may also take any other.
pub const fn space_of(body: &Body) -> Space {
    match body {
        Body::Dispute { .. }
        | Body::PanelSeal { .. }
        | Body::PanelOpen { .. }
        | Body::Audit(
            AuditRequest::Seal { .. }
            | AuditRequest::Open { .. }
            | AuditRequest::Contest { .. }
            | AuditRequest::Demand { .. }
            | AuditRequest::Answer { .. }
            | AuditRequest::TwoSeals { .. }
            | AuditRequest::Redress { .. }
            | AuditRequest::Canaries { .. }
            | AuditRequest::Alike { .. },
        )
        | Body::Council(
            CouncilRequest::Emergency { .. }
            | CouncilRequest::Voter(VoterRequest::ShowVotes { .. }),
        )
        | Body::Lease(LeaseRequest::Prove { .. }) => Space::Justice,
        Body::Register { .. }
        | Body::Transfer { .. }
        | Body::AdmitPeer { .. }
        | Body::Bond { .. }
        | Body::Unbond { .. }
        | Body::Withdraw { .. }
        | Body::PublishOffer { .. }
        | Body::WithdrawOffer { .. }
        | Body::Submit { .. }
        | Body::Start { .. }
        | Body::Decline { .. }
        | Body::SealBatch { .. }
        | Body::Close { .. }
        | Body::ForceClose { .. }
        | Body::OpenBatch { .. }
        | Body::Cancel { .. }
        | Body::Sweep { .. }
        | Body::Council(_)
        | Body::Issue(_)
        | Body::Party(_)
        | Body::Bank(_)
        | Body::Channel(_)
        | Body::Lease(_)
        | Body::Stake(_) => Space::Ordinary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ids::{BundleId, Digest, JobId};

    #[test]
    fn room_is_kept_for_what_shows_and_judges_a_wrong() {
        let job = JobId::new([1; 32]);
        let bundle = BundleId { job, index: 0 };
        let seal = Digest::of(b"seal");
        let tasks = Vec::new();
        assert_eq!(space_of(&Body::Dispute { bundle, tasks }), Space::Justice);
        assert_eq!(space_of(&Body::PanelSeal { bundle, seal }), Space::Justice);
        assert_eq!(space_of(&Body::Sweep { job }), Space::Ordinary);
    }
}
