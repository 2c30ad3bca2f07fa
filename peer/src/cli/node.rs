//! `peer node`: who is there, how far each is trusted, and what sponsors and owners do with them.

use clap::{Args, Subcommand};
use protocol::entry::{Body, CouncilRequest, IssueRequest, PartyRequest};
use protocol::job::Class;

use super::act::{Signer, find_node, find_party};
use super::asking::Desk;
use super::job;
use super::parse;
use crate::api::problem::Problem;
use crate::api::types::{EpochView, List, NodeFullView, NodeView, WhyView};

/// About peers. NODE is an id, the beginning of one, a member's name, or `me`.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum NodeCommand {
    /// List the peers of the federation
    Ls,
    /// Show one: reputation, tier, what it stands to lose, what it was found guilty of
    Show {
        /// Which
        #[arg(default_value = "me")]
        node: String,
    },
    /// Say why a peer is not drawn, or seldom: in a class, or for a job
    Explain {
        /// Which
        #[arg(default_value = "me")]
        node: String,
        /// In which class
        #[arg(long, default_value = "grid", value_parser = parse::class)]
        class: Class,
        /// For this job, whose price, bond and copies then count too
        #[arg(long, value_name = "JOB")]
        job: Option<String>,
    },
    /// Let a peer in under your institution; only a sponsor may
    Admit {
        /// Its whole id
        node: String,
        /// Who bonds for it and is paid for its work
        owner: String,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Keep a peer of your institution out of draws
    Suspend(OneNode),
    /// Let a suspended peer in again
    Resume(OneNode),
    /// Say that your peer stands ready in this epoch, so that it is rewarded for that
    Ready {
        /// Which
        #[arg(default_value = "me")]
        node: String,
        /// In which class its offer stands
        #[arg(long, default_value = "grid", value_parser = parse::class)]
        class: Class,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Mint what a peer's work and readiness earned in a closed epoch, to its owner
    Claim {
        /// Which
        node: String,
        /// The epoch's number
        epoch: u64,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Say, as a member, how fast a peer of another sponsor ran a known task
    Bench {
        /// Which
        node: String,
        /// Millions of operators a second
        score: u32,
        /// In which class
        #[arg(long, default_value = "grid", value_parser = parse::class)]
        class: Class,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Say, as a member drawn for it in this epoch, how many tasks a peer really ran at once.
    ///
    /// `peer node show NODE` says who is drawn. Where two of three saw fewer slots than it claims,
    /// its offer is cut to what they saw, and it loses what standing ready has earned it (F10). You
    /// measure by a job of your own; this command only says what you saw.
    Challenge {
        /// Which
        node: String,
        /// How many slots were there
        #[arg(long)]
        slots: u16,
        /// In which class
        #[arg(long, default_value = "grid", value_parser = parse::class)]
        class: Class,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
}

/// A peer, and who asks.
#[derive(Clone, Debug, Args)]
pub struct OneNode {
    /// Which
    pub node: String,
    /// Who asks.
    #[command(flatten)]
    pub signer: Signer,
}

pub(super) async fn perform(desk: &Desk, command: NodeCommand) -> Result<(), Problem> {
    match command {
        NodeCommand::Ls => desk.show_from::<List<NodeView>>("/nodes").await,
        NodeCommand::Show { node } => {
            let peer = find_node(desk, &node).await?;
            desk.show_from::<NodeFullView>(&format!("/nodes/{}", peer.full()))
                .await
        }
        NodeCommand::Explain { node, class, job } => {
            explain(desk, &node, class, job.as_deref()).await
        }
        NodeCommand::Admit {
            node,
            owner,
            signer,
        } => {
            let peer = find_node(desk, &node).await?;
            let owner = find_party(desk, &owner).await?;
            signer.act(desk, Body::AdmitPeer { peer, owner }).await
        }
        NodeCommand::Suspend(one) => suspend(desk, one, true).await,
        NodeCommand::Resume(one) => suspend(desk, one, false).await,
        NodeCommand::Ready {
            node,
            class,
            signer,
        } => {
            let peer = find_node(desk, &node).await?;
            let request = IssueRequest::StandReady { peer, class };
            signer.act(desk, Body::Issue(request)).await
        }
        NodeCommand::Claim {
            node,
            epoch,
            signer,
        } => {
            let peer = find_node(desk, &node).await?;
            let request = IssueRequest::Claim { peer, epoch };
            signer.act(desk, Body::Issue(request)).await
        }
        NodeCommand::Bench {
            node,
            score,
            class,
            signer,
        } => {
            let peer = find_node(desk, &node).await?;
            let request = CouncilRequest::ReportBench { peer, class, score };
            signer.act(desk, Body::Council(request)).await
        }
        NodeCommand::Challenge {
            node,
            slots,
            class,
            signer,
        } => {
            let peer = find_node(desk, &node).await?;
            let running: EpochView = desk.client.get("/epochs/now").await?;
            let request = CouncilRequest::ReportCapacity {
                peer,
                class,
                epoch: running.number,
                slots,
            };
            signer.act(desk, Body::Council(request)).await
        }
    }
}

async fn explain(desk: &Desk, node: &str, class: Class, job: Option<&str>) -> Result<(), Problem> {
    let peer = find_node(desk, node).await?;
    let mut path = format!("/nodes/{}/explain?class={}", peer.full(), class.name());
    if let Some(job) = job {
        let job = match job.parse::<protocol::ids::JobId>() {
            Ok(job) => job,
            Err(_) => job::find(desk, job).await?.id.0,
        };
        path += &format!("&job={}", job.full());
    }
    desk.show_from::<WhyView>(&path).await
}

async fn suspend(desk: &Desk, one: OneNode, suspended: bool) -> Result<(), Problem> {
    let peer = find_node(desk, &one.node).await?;
    let request = PartyRequest::SuspendPeer { peer, suspended };
    one.signer.act(desk, Body::Party(request)).await
}
