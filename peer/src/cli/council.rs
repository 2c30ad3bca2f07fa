//! `peer council`: what members propose, how they vote, what is carried out, what is stopped.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use protocol::entry::{
    Approval, Body, Choice, CouncilRequest, EmergencyAct, EmergencyOrder, Notice, Severity,
};
use protocol::ids::Digest;

use super::act::{Signer, find_node};
use super::asking::{Desk, Page};
use super::propose::{self, ProposeCommand};
use super::{parse, slash};
use crate::api::problem::Problem;
use crate::api::types::{
    AccusationView, CouncilStateView, EmergencyView, List, NoticeView, ProposalView,
};
use crate::keys::Keys;

/// About the council.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum CouncilCommand {
    /// List proposals, newest first
    Ls {
        /// Which part.
        #[command(flatten)]
        page: Page,
    },
    /// Show one: what it would do, power for and against, when it can be carried out
    Show {
        /// Its number
        number: u64,
    },
    /// Show how many proposals, notices and emergency keys there are, and the software needed
    Status,
    /// List what members told everyone, newest first
    Notices {
        /// Which part.
        #[command(flatten)]
        page: Page,
    },
    /// List what was shown against members that voted twice
    Accused,
    /// List what emergency keys can stop, and what is stopped
    Emergencies,
    /// Put something to the vote, as a member; it leaves a deposit
    #[command(subcommand)]
    Propose(ProposeCommand),
    /// Vote, as a member; again, to change the vote
    Vote {
        /// The proposal's number
        number: u64,
        /// How; a veto also says that it should never have been proposed
        #[arg(value_enum)]
        choice: ChoiceArg,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Carry a decided proposal out once its timelock is over, or end one that has failed
    #[command(visible_alias = "enact")]
    Execute {
        /// The proposal's number
        number: u64,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Say what the owner of a peer thinks of a proposal; it binds nobody
    Signal {
        /// The proposal's number
        number: u64,
        /// The peer: an id, the beginning of one, or `me`
        node: String,
        /// Against it, rather than for it
        #[arg(long)]
        against: bool,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Tell everyone something, as a member
    Notify {
        /// In short, at most 280 bytes
        text: String,
        /// How urgent
        #[arg(long, value_enum, default_value_t = SeverityArg::Info)]
        severity: SeverityArg,
        /// A document with more of it; its digest goes into the notice
        #[arg(long, value_name = "FILE")]
        document: Option<PathBuf>,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Stop something for a while, or end that, with enough of the emergency keys
    Emergency {
        /// What: pause=CLASS, stop-issuance, extend-deadlines, or freeze=JOB/BUNDLE
        #[arg(value_parser = parse::emergency)]
        act: EmergencyAct,
        /// End it before its time
        #[arg(long)]
        lift: bool,
        /// A key file of an emergency key; as many as must sign
        #[arg(long = "by", value_name = "FILE", required = true)]
        by: Vec<PathBuf>,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
}

/// A member's word on a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ChoiceArg {
    /// For it.
    Yes,
    /// Against it.
    No,
    /// Against it, and its deposit is lost if a third of power says so.
    Veto,
}

/// How urgent a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SeverityArg {
    /// Good to know.
    Info,
    /// Something will need a hand.
    Warning,
    /// Something needs a hand now.
    Critical,
}

pub(super) async fn perform(desk: &Desk, command: CouncilCommand) -> Result<(), Problem> {
    match command {
        CouncilCommand::Ls { page } => {
            desk.show_from::<List<ProposalView>>(&format!("/proposals?{}", page.query()))
                .await
        }
        CouncilCommand::Show { number } => {
            desk.show_from::<ProposalView>(&format!("/proposals/{number}"))
                .await
        }
        CouncilCommand::Status => desk.show_from::<CouncilStateView>("/council").await,
        CouncilCommand::Notices { page } => {
            desk.show_from::<List<NoticeView>>(&format!("/notices?{}", page.query()))
                .await
        }
        CouncilCommand::Accused => desk.show_from::<List<AccusationView>>("/accusations").await,
        CouncilCommand::Emergencies => desk.show_from::<List<EmergencyView>>("/emergencies").await,
        CouncilCommand::Propose(command) => propose::perform(desk, command).await,
        other => {
            let (request, signer) = request(desk, other).await?;
            signer.act(desk, Body::Council(request)).await
        }
    }
}

async fn request(
    desk: &Desk,
    command: CouncilCommand,
) -> Result<(CouncilRequest, Signer), Problem> {
    Ok(match command {
        CouncilCommand::Vote {
            number,
            choice,
            signer,
        } => {
            let (proposal, choice) = (number, chosen(choice));
            (CouncilRequest::Vote { proposal, choice }, signer)
        }
        CouncilCommand::Execute { number, signer } => {
            (CouncilRequest::Execute { proposal: number }, signer)
        }
        CouncilCommand::Signal {
            number,
            node,
            against,
            signer,
        } => {
            let request = CouncilRequest::Signal {
                proposal: number,
                peer: find_node(desk, &node).await?,
                yes: !against,
            };
            (request, signer)
        }
        CouncilCommand::Notify {
            text,
            severity,
            document,
            signer,
        } => {
            let document = document.map(|file| slash::document(&file)).transpose()?;
            let notice = Notice {
                severity: match severity {
                    SeverityArg::Info => Severity::Info,
                    SeverityArg::Warning => Severity::Warning,
                    SeverityArg::Critical => Severity::Critical,
                },
                document: document.unwrap_or(Digest::new([0; 32])),
                text,
            };
            (CouncilRequest::Notify { notice }, signer)
        }
        CouncilCommand::Emergency {
            act,
            lift,
            by,
            signer,
        } => (emergency(desk, act, !lift, &by, &signer).await?, signer),
        CouncilCommand::Ls { .. }
        | CouncilCommand::Show { .. }
        | CouncilCommand::Status
        | CouncilCommand::Notices { .. }
        | CouncilCommand::Accused
        | CouncilCommand::Emergencies
        | CouncilCommand::Propose(_) => unreachable!("`perform` answers these itself"),
    })
}

const fn chosen(choice: ChoiceArg) -> Choice {
    match choice {
        ChoiceArg::Yes => Choice::Yes,
        ChoiceArg::No => Choice::No,
        ChoiceArg::Veto => Choice::Veto,
    }
}

async fn emergency(
    desk: &Desk,
    act: EmergencyAct,
    begins: bool,
    by: &[PathBuf],
    signer: &Signer,
) -> Result<CouncilRequest, Problem> {
    let council: CouncilStateView = desk.client.get("/council").await?;
    let order = EmergencyOrder {
        federation: signer.signing(desk).await?.federation.0,
        number: council.orders,
        act,
        begins,
    };
    let approvals = by.iter().map(|file| {
        let keys = Keys::load(file)?;
        let signed = keys.sign_order(order);
        Ok(Approval {
            key: signed.claimed_key(),
            signature: signed.signature(),
        })
    });
    let approvals = approvals.collect::<Result<_, Problem>>()?;
    Ok(CouncilRequest::Emergency { order, approvals })
}
