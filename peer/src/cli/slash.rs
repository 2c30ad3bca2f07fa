//! `peer slash`: what faults cost, what they would cost, and how a slash is appealed.

use std::path::PathBuf;

use clap::Subcommand;
use protocol::entry::{
    AuditRequest, Body, Correction, CouncilRequest, Place, Proposal, REDRESSED_MAX,
};
use protocol::event::Fault;
use protocol::ids::{BundleId, Digest, JobId};

use super::act::{Signer, find_node};
use super::asking::{Desk, Page};
use super::{job, parse};
use crate::answers::FAULTS;
use crate::api::problem::{Code, Problem};
use crate::api::types::{DoubtView, HoldView, List, NodeFullView, PreviewView};

/// About slashes.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum SlashCommand {
    /// List slashes, newest first: held for their appeal, shared out, or returned
    Ls {
        /// Which part.
        #[command(flatten)]
        page: Page,
    },
    /// Show one: what for, what proves it, who has which part, who appeals
    Show {
        /// Its number, from `peer slash ls`
        number: u64,
    },
    /// Say what faults of a peer in a bundle would cost it now; the slash would be the same
    Preview {
        /// The peer: an id, the beginning of one, a member's name, or `me`
        node: String,
        /// The job: an id, the beginning of one, a name, or `last`
        #[arg(default_value = "last")]
        job: String,
        /// The bundle's place in the job
        #[arg(long, default_value_t = 0)]
        bundle: u32,
        /// Only this fault, such as F1
        #[arg(long, value_name = "CODE", value_parser = parse::fault)]
        fault: Option<Fault>,
    },
    /// Take back what was paid for doubtful results of a convicted peer, out of its slash
    Redress {
        /// The slash's number, from `peer slash ls`
        number: u64,
        /// Who signs: whoever paid for the results.
        #[command(flatten)]
        signer: Signer,
    },
    /// Propose, as a member, that a held slash goes back where it came from
    Appeal {
        /// Its number, from `peer slash ls`
        number: u64,
        /// The document that says why; its digest goes into the proposal
        #[arg(long, value_name = "FILE")]
        reason: PathBuf,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
}

pub(super) async fn perform(desk: &Desk, command: SlashCommand) -> Result<(), Problem> {
    match command {
        SlashCommand::Ls { page } => {
            desk.show_from::<List<HoldView>>(&format!("/slashes?{}", page.query()))
                .await
        }
        SlashCommand::Show { number } => {
            desk.show_from::<HoldView>(&format!("/slashes/{number}"))
                .await
        }
        SlashCommand::Preview {
            node,
            job,
            bundle,
            fault,
        } => preview(desk, &node, (&job, bundle), fault).await,
        SlashCommand::Redress { number, signer } => redress(desk, number, &signer).await,
        SlashCommand::Appeal {
            number,
            reason,
            signer,
        } => appeal(desk, number, &reason, &signer).await,
    }
}

async fn preview(
    desk: &Desk,
    node: &str,
    (job, bundle): (&str, u32),
    fault: Option<Fault>,
) -> Result<(), Problem> {
    let peer = find_node(desk, node).await?;
    let job = match job.parse::<JobId>() {
        Ok(job) => job,
        // What a peer offers and leases is in no job.
        Err(_) if fault.is_some_and(Fault::is_apart) => JobId::new([0; 32]),
        Err(_) => job::find(desk, job).await?.id.0,
    };
    let mut all = Vec::new();
    for asked in fault.map_or_else(|| FAULTS.to_vec(), |fault| vec![fault]) {
        let path = format!(
            "/slashes/preview?job={}&bundle={bundle}&peer={}&fault={}",
            job.full(),
            peer.full(),
            asked.code()
        );
        let one: PreviewView = desk.client.get(&path).await?;
        if fault.is_some() {
            return desk.show(&one);
        }
        if one.amount.0 > protocol::units::Credits::ZERO {
            all.push(one);
        }
    }
    desk.show(&List::from(all))
}

/// Claims for the oldest of the signer's results that nobody has claimed for: as many as one entry
/// may name.
async fn redress(desk: &Desk, number: u64, signer: &Signer) -> Result<(), Problem> {
    let slash: HoldView = desk.client.get(&format!("/slashes/{number}")).await?;
    let show = format!("peer slash show {number}");
    let kept = slash.kept.ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            format!("nothing of slash {number} is kept for doubtful results"),
        )
        .because(
            "a part is kept once the slash for a wrong result is shared out, for a time, \
             and where other results of the peer are in doubt",
        )
        .try_this(show.clone())
    })?;
    let me = signer.signing(desk).await?.party;
    let ours = |result: &&DoubtView| result.submitter == me && !result.redressed;
    let ours = kept.results.iter().rev().filter(ours);
    let results: Vec<u64> = ours
        .take(REDRESSED_MAX)
        .map(|result| result.number)
        .collect();
    if results.is_empty() {
        let title = format!("no doubtful result of {} is yours to claim for", slash.peer);
        return Err(Problem::new(Code::NotFound, title)
            .because("whoever paid for a result claims for it, once")
            .try_this(show));
    }
    let request = AuditRequest::Redress {
        slash: number,
        results,
    };
    signer.act(desk, Body::Audit(request)).await
}

async fn appeal(
    desk: &Desk,
    number: u64,
    reason: &std::path::Path,
    signer: &Signer,
) -> Result<(), Problem> {
    let slash: HoldView = desk.client.get(&format!("/slashes/{number}")).await?;
    if slash.state != "held" {
        let title = format!("slash {number} is not held any more: it is {}", slash.state);
        return Err(Problem::new(Code::Failed, title)
            .because("a slash can be returned only before its appeal window is over")
            .try_this(format!("peer slash show {number}")));
    }
    let document = document(reason)?;
    let judges = [Fault::WrongJudgement.code(), Fault::NoJudgement.code()];
    let to = if judges.contains(&slash.fault.as_str()) {
        // A judge's fault was taken from its member's bond: it goes back to whose node it is.
        let node: NodeFullView = desk
            .client
            .get(&format!("/nodes/{}", slash.peer.full()))
            .await?;
        let owner = node.node.owner.ok_or_else(|| {
            Problem::new(
                Code::NotFound,
                format!("nobody owns {} any more", slash.peer),
            )
        })?;
        Place::MemberBond(owner.0)
    } else {
        Place::Bond(slash.peer.0)
    };
    let bundle = BundleId {
        job: slash.job.0,
        index: slash.bundle,
    };
    let correction = Correction {
        from: Place::Slash(bundle),
        to,
        amount: slash.amount.0,
    };
    let what = Proposal::Reversal {
        corrections: vec![correction],
        reason: document,
    };
    let request = CouncilRequest::Propose { what };
    signer.act(desk, Body::Council(request)).await
}

/// The digest of a file.
///
/// # Errors
/// If it cannot be read.
pub(super) fn document(path: &std::path::Path) -> Result<Digest, Problem> {
    let content = std::fs::read(path).map_err(|error| {
        let title = format!("cannot read {}", path.display());
        Problem::new(Code::Usage, title).because(error)
    })?;
    Ok(Digest::of(&content))
}
