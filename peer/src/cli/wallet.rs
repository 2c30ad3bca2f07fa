//! `peer wallet`: credits, where they went, and where they are to go.

use clap::Subcommand;
use protocol::entry::{BankRequest, Body, Classes, IssueRequest, SpendPolicy, StakeRequest};
use protocol::ids::{PeerId, PurseId};
use protocol::units::{Credits, Millis};

use super::act::{Signer, find_node, find_party};
use super::asking::{Desk, Page, history, party_query};
use super::{parse, slash};
use crate::api::problem::{Code, Problem};
use crate::api::types::{BalanceView, List, NodeFullView, PurseView};

/// About credits. PARTY is a whole id, a member's name, or `me`.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum WalletCommand {
    /// Show what is available, what is held, and why
    Balance {
        /// Another party's; this peer's own if absent
        party: Option<String>,
    },
    /// List how the balance came to be, newest first
    History {
        /// Another party's; this peer's own if absent
        party: Option<String>,
        /// Which part.
        #[command(flatten)]
        page: Page,
    },
    /// Pay another party
    #[command(visible_alias = "transfer")]
    Send {
        /// Whom
        party: String,
        /// How much, in credits
        #[arg(value_name = "CREDITS", value_parser = parse::credits)]
        amount: Credits,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Add to what a peer stands to lose; for a peer that is not yours, stand in for it
    Bond {
        /// The peer: an id, the beginning of one, a member's name, or `me`
        node: String,
        /// How much, in credits
        #[arg(value_name = "CREDITS", value_parser = parse::credits)]
        amount: Credits,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Begin to take credits out of a bond; until they mature they can be slashed
    Unbond {
        /// The peer
        node: String,
        /// How much of what is not locked, in credits
        #[arg(value_name = "CREDITS", value_parser = parse::credits)]
        amount: Credits,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Take matured credits of a bond back into the wallet
    Withdraw {
        /// The peer
        node: String,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Task wallets: credits set apart for jobs, which others may spend within limits
    #[command(subcommand)]
    Task(TaskCommand),
    /// Mint credits against the reserve, as a member with a quota
    Mint {
        /// To whom
        party: String,
        /// How much, in credits
        #[arg(value_name = "CREDITS", value_parser = parse::credits)]
        amount: Credits,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Give credits back for what the reserve holds
    Redeem {
        /// How much, in credits
        #[arg(value_name = "CREDITS", value_parser = parse::credits)]
        amount: Credits,
        /// What the custodians need to know; its digest goes into the entry
        #[arg(long, value_name = "FILE")]
        memo: std::path::PathBuf,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Take the bond of a member that has left, once it has matured
    TakeMemberBond {
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
}

/// About task wallets.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum TaskCommand {
    /// List a party's
    Ls {
        /// Another party's; this peer's own if absent
        #[arg(default_value = "me")]
        party: String,
    },
    /// Show one: what is in it, who may spend how much
    Show {
        /// Its id
        purse: PurseId,
    },
    /// Open one with credits of yours
    Open {
        /// How much at first, in credits
        #[arg(value_name = "CREDITS", value_parser = parse::credits)]
        amount: Credits,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Add credits of yours to one
    Fill {
        /// Its id
        purse: PurseId,
        /// How much, in credits
        #[arg(value_name = "CREDITS", value_parser = parse::credits)]
        amount: Credits,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Let a party spend of it, or of a grant, within limits; again, to change them
    #[command(
        after_help = "Example, for an assistant who may spend 5 credits a day for a month:\n  \
        peer wallet task policy purse_… party_… --per-task 0.5 --per-epoch 0.2 --total 5 --for 30d"
    )]
    Policy {
        /// Its id
        purse: PurseId,
        /// Who may spend
        party: String,
        /// What one task may cost, all its copies together
        #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
        per_task: Credits,
        /// What all jobs of one epoch may set aside
        #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
        per_epoch: Credits,
        /// What may be set aside ever, less what comes back
        #[arg(long, value_name = "CREDITS", value_parser = parse::credits)]
        total: Credits,
        /// For which classes, as grid,edge; all if absent
        #[arg(long, value_name = "CLASSES", value_parser = parse::classes)]
        classes: Option<Classes>,
        /// For how long
        #[arg(long = "for", value_name = "TIME", default_value = "30d")]
        #[arg(value_parser = parse::millis)]
        span: Millis,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Let a party spend of it no more
    Forbid {
        /// Its id
        purse: PurseId,
        /// Who may not
        party: String,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Take what is left back into the wallet, for good
    Close {
        /// Its id
        purse: PurseId,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
}

pub(super) async fn perform(desk: &Desk, command: WalletCommand) -> Result<(), Problem> {
    match command {
        WalletCommand::Balance { party } => {
            let path = format!("/wallet?{}", party_query(party.as_ref())?);
            desk.show_from::<BalanceView>(&path).await
        }
        WalletCommand::History { party, page } => history(desk, party.as_ref(), page).await,
        WalletCommand::Send {
            party,
            amount,
            signer,
        } => {
            let moves = vec![(find_party(desk, &party).await?, amount)];
            signer.act(desk, Body::Transfer { moves }).await
        }
        WalletCommand::Bond {
            node,
            amount,
            signer,
        } => stake(desk, (&node, &signer), Stake::Add(amount)).await,
        WalletCommand::Unbond {
            node,
            amount,
            signer,
        } => stake(desk, (&node, &signer), Stake::Leave(amount)).await,
        WalletCommand::Withdraw { node, signer } => {
            stake(desk, (&node, &signer), Stake::TakeOut).await
        }
        WalletCommand::Task(command) => task(desk, command).await,
        other => issue(desk, other).await,
    }
}

async fn issue(desk: &Desk, command: WalletCommand) -> Result<(), Problem> {
    match command {
        WalletCommand::Mint {
            party,
            amount,
            signer,
        } => {
            let to = find_party(desk, &party).await?;
            let request = IssueRequest::Mint { to, amount };
            signer.act(desk, Body::Issue(request)).await
        }
        WalletCommand::Redeem {
            amount,
            memo,
            signer,
        } => {
            let memo = slash::document(&memo)?;
            let request = IssueRequest::Redeem { amount, memo };
            signer.act(desk, Body::Issue(request)).await
        }
        WalletCommand::TakeMemberBond { signer } => {
            let request = protocol::entry::CouncilRequest::TakeMemberBond;
            signer.act(desk, Body::Council(request)).await
        }
        _ => unreachable!("`perform` hands on nothing else"),
    }
}

/// What is done to what a peer stands to lose.
#[derive(Clone, Copy, Debug)]
enum Stake {
    Add(Credits),
    Leave(Credits),
    TakeOut,
}

impl Stake {
    /// For a peer that is the signer's own, or that the signer stands in for.
    const fn body(self, peer: PeerId, is_own: bool) -> Body {
        match (self, is_own) {
            (Self::Add(amount), true) => Body::Bond { peer, amount },
            (Self::Add(amount), false) => Body::Stake(StakeRequest::Back { peer, amount }),
            (Self::Leave(amount), true) => Body::Unbond { peer, amount },
            (Self::Leave(amount), false) => Body::Stake(StakeRequest::Unback { peer, amount }),
            (Self::TakeOut, true) => Body::Withdraw { peer },
            (Self::TakeOut, false) => Body::Stake(StakeRequest::Reclaim { peer }),
        }
    }
}

async fn stake(desk: &Desk, (node, signer): (&str, &Signer), stake: Stake) -> Result<(), Problem> {
    let peer = find_node(desk, node).await?;
    let view: NodeFullView = desk.client.get(&format!("/nodes/{}", peer.full())).await?;
    let owner = view.node.owner.ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            format!("{peer} is not admitted: it has no bond"),
        )
        .try_this("ask a member or a community desk: peer node admit NODE OWNER")
    })?;
    let is_own = owner == signer.signing(desk).await?.party;
    signer.act(desk, stake.body(peer, is_own)).await
}

async fn task(desk: &Desk, command: TaskCommand) -> Result<(), Problem> {
    let (request, signer) = match command {
        TaskCommand::Ls { party } => {
            let mut all = purses(desk, &party).await?;
            all.items.retain(|purse| purse.is == "task-wallet");
            return desk.show(&all);
        }
        TaskCommand::Show { purse } => {
            let path = format!("/purses/{}", purse.full());
            return desk.show_from::<PurseView>(&path).await;
        }
        TaskCommand::Open { amount, signer } => (BankRequest::OpenTaskWallet { amount }, signer),
        TaskCommand::Fill {
            purse,
            amount,
            signer,
        } => (BankRequest::TopUp { purse, amount }, signer),
        TaskCommand::Policy {
            purse,
            party,
            per_task,
            per_epoch,
            total,
            classes,
            span,
            signer,
        } => {
            let policy = SpendPolicy {
                per_task,
                per_epoch,
                total,
                classes: classes.unwrap_or(Classes::ALL),
                expires: signer.moment(desk, span).await?,
            };
            let delegate = find_party(desk, &party).await?;
            let request = BankRequest::Allow {
                purse,
                delegate,
                policy,
            };
            (request, signer)
        }
        TaskCommand::Forbid {
            purse,
            party,
            signer,
        } => {
            let delegate = find_party(desk, &party).await?;
            (BankRequest::Disallow { purse, delegate }, signer)
        }
        TaskCommand::Close { purse, signer } => (BankRequest::CloseTaskWallet { purse }, signer),
    };
    signer.act(desk, Body::Bank(request)).await
}

/// A party's task wallets and grants.
pub(super) async fn purses(desk: &Desk, party: &str) -> Result<List<PurseView>, Problem> {
    let party = find_party(desk, party).await?;
    let path = format!("/parties/{}/purses", party.full());
    desk.client.get(&path).await
}
