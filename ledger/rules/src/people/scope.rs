//! What each request needs of an operational key: the one table of what a stolen key can do.

use protocol::entry::{
    AuditRequest, BankRequest, Body, ChannelRequest, CouncilRequest, IssueRequest, LeaseRequest,
    PartyRequest, Scope, StakeRequest, VoterRequest,
};

/// What a key must hold for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It must be the root: no operational key may, whatever its scope.
    Root,
    /// Anything of this scope.
    AnyOf(Scope),
}

impl Need {
    /// What paying for others' entries needs.
    pub(crate) const PAY: Self = Self::AnyOf(Scope::SPEND);

    /// What a body needs. Whatever could free a bond, raise a limit or hand the party over needs
    /// the root; whatever anyone may ask of the ledger needs a key of any scope.
    pub(crate) const fn of(body: &Body) -> Self {
        Self::AnyOf(match body {
            Body::Transfer { .. } => Scope::SPEND,
            Body::Register { .. } | Body::AdmitPeer { .. } => Scope::SPONSOR,
            Body::Bond { .. }
            | Body::Withdraw { .. }
            | Body::PublishOffer { .. }
            | Body::WithdrawOffer { .. } => Scope::PEER,
            Body::Unbond { .. } => return Self::Root,
            Body::Submit { .. }
            | Body::Start { .. }
            | Body::Close { .. }
            | Body::Cancel { .. }
            | Body::Audit(AuditRequest::Alike { .. }) => Scope::SUBMIT,
            Body::Decline { .. }
            | Body::PanelSeal { .. }
            | Body::PanelOpen { .. }
            | Body::Audit(AuditRequest::Seal { .. } | AuditRequest::Answer { .. }) => Scope::WORK,
            Body::SealBatch { .. }
            | Body::ForceClose { .. }
            | Body::OpenBatch { .. }
            | Body::Dispute { .. }
            | Body::Audit(
                AuditRequest::Open { .. }
                | AuditRequest::Contest { .. }
                | AuditRequest::Demand { .. }
                | AuditRequest::Redress { .. }
                | AuditRequest::Canaries { .. }
                | AuditRequest::TwoSeals { .. },
            )
            | Body::Sweep { .. } => Scope::SUBMIT.and(Scope::WORK),
            Body::Council(request) => return Self::of_council(request),
            Body::Issue(request) => return Self::of_issue(request),
            Body::Party(request) => return Self::of_party(request),
            Body::Bank(request) => return Self::of_bank(request),
            Body::Channel(request) => return Self::of_channel(request),
            Body::Lease(request) => return Self::of_lease(request),
            Body::Stake(StakeRequest::Unback { .. }) => return Self::Root,
            Body::Stake(StakeRequest::Back { .. } | StakeRequest::Reclaim { .. }) => Scope::SPEND,
        })
    }

    const fn of_council(request: &CouncilRequest) -> Self {
        Self::AnyOf(match request {
            CouncilRequest::TakeMemberBond | CouncilRequest::Voter(VoterRequest::Rotate { .. }) => {
                return Self::Root;
            }
            CouncilRequest::Propose { .. }
            | CouncilRequest::Vote { .. }
            | CouncilRequest::Notify { .. }
            | CouncilRequest::ReportBench { .. }
            | CouncilRequest::ReportCapacity { .. } => Scope::COUNCIL,
            CouncilRequest::Signal { .. } => Scope::COUNCIL.and(Scope::PEER),
            CouncilRequest::Execute { .. }
            | CouncilRequest::Emergency { .. }
            | CouncilRequest::Voter(VoterRequest::ShowVotes { .. }) => Scope::ALL,
        })
    }

    const fn of_issue(request: &IssueRequest) -> Self {
        Self::AnyOf(match request {
            IssueRequest::Mint { .. } => return Self::Root,
            IssueRequest::Redeem { .. } => Scope::SPEND,
            IssueRequest::StandReady { .. } => Scope::PEER,
            IssueRequest::ReportReserve { .. } | IssueRequest::Claim { .. } => Scope::ALL,
        })
    }

    const fn of_party(request: &PartyRequest) -> Self {
        Self::AnyOf(match request {
            PartyRequest::SetOpKey { .. }
            | PartyRequest::RotateRoot { .. }
            | PartyRequest::SetGuardian { .. }
            | PartyRequest::BeginRecovery { .. }
            | PartyRequest::CancelRecovery { .. } => return Self::Root,
            PartyRequest::RevokeKey { .. } => Scope::REVOKE,
            PartyRequest::Vouch { .. } | PartyRequest::SuspendPeer { .. } => Scope::SPONSOR,
            PartyRequest::FinishRecovery { .. } => Scope::ALL,
        })
    }

    const fn of_bank(request: &BankRequest) -> Self {
        Self::AnyOf(match request {
            BankRequest::Allow { .. } => return Self::Root,
            BankRequest::OpenTaskWallet { .. }
            | BankRequest::TopUp { .. }
            | BankRequest::CloseTaskWallet { .. } => Scope::SPEND,
            BankRequest::Disallow { .. } => Scope::REVOKE,
            BankRequest::MintGrant { .. } => Scope::SPONSOR,
            BankRequest::ReturnGrant { .. } => Scope::ALL,
        })
    }

    /// What is set aside in a channel is spent then, so its vouchers are no more than that. Whoever
    /// may end keys may also begin to end what they sign.
    const fn of_channel(request: &ChannelRequest) -> Self {
        Self::AnyOf(match request {
            ChannelRequest::Open { .. }
            | ChannelRequest::TopUp { .. }
            | ChannelRequest::Close { .. } => Scope::SPEND,
            ChannelRequest::Redeem { .. } => Scope::SPEND.and(Scope::WORK),
            ChannelRequest::Settle { .. } => Scope::SPEND.and(Scope::REVOKE),
            ChannelRequest::Collect { .. } => Scope::ALL,
        })
    }

    /// What a peer asks binds its bond, as an offer does; what a holder takes is spent then.
    const fn of_lease(request: &LeaseRequest) -> Self {
        Self::AnyOf(match request {
            LeaseRequest::Ask { .. } => Scope::PEER,
            LeaseRequest::Take { .. } => Scope::SPEND,
            LeaseRequest::Prove { .. } => Scope::WORK.and(Scope::PEER),
            LeaseRequest::End { .. } => Scope::SPEND.and(Scope::PEER),
            LeaseRequest::Collect { .. } => Scope::ALL,
        })
    }
}
