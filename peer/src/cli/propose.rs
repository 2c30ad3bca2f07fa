//! `peer council propose`: everything that can be put to the vote.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use protocol::entry::{Body, Correction, CouncilRequest, Joining, Place, Proposal, Quota};
use protocol::ids::{Digest, PeerId, PublicKey};
use protocol::job::Class;
use protocol::params::ParamSpec;
use protocol::units::{Credits, Height};

use super::act::{Signer, find_party};
use super::asking::Desk;
use super::{parse, slash};
use crate::amount;
use crate::answers::unknown_param;
use crate::api::problem::{Code, Problem};

/// What to put to the vote. MEMBER is its name or its party.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum ProposeCommand {
    /// Set governed numbers, all together
    #[command(
        after_help = "Numbers are written with their unit, as `peer params show` shows them:\n  \
        peer council propose params audit.grid=6% slash_mult.grid=128\n  \
        peer council propose params entry_fee=0.0002cr timelock=30"
    )]
    Params {
        /// Each as NAME=VALUE
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = parse::pair)]
        changes: Vec<(String, String)>,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Let a class take jobs, or no more of them
    Class {
        /// Which
        #[arg(value_parser = parse::class)]
        class: Class,
        /// What it shall be
        #[arg(value_enum)]
        state: OpenArg,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Take an institution in as a member
    Join(Box<JoinArgs>),
    /// Let a member go
    Leave {
        /// Which
        member: String,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Change the power of a member
    Power {
        /// Which
        member: String,
        /// What it would be: 1 to 100
        #[arg(value_parser = clap::value_parser!(u8).range(1..=100))]
        power: u8,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Punish a member that voted twice: a part of its bond, and its seat
    Suspend {
        /// Which
        member: String,
        /// The evidence: a document, or the id of what is shown on the ledger
        #[arg(long, value_name = "FILE|DIGEST")]
        evidence: String,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Set how much a member may grant, or mint, in an epoch
    Quota {
        /// Which
        member: String,
        /// Of what
        #[arg(value_enum)]
        of: QuotaArg,
        /// How much, in credits
        #[arg(value_name = "CREDITS", value_parser = parse::credits)]
        amount: Credits,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Correct what went wrong, by a new posting
    #[command(
        after_help = "A PLACE is wallet:party_…, bond:node_…, judge:party_…, slash:job_…/BUNDLE or \
        treasury.\nA held slash is appealed with `peer slash appeal`."
    )]
    Correct {
        /// From where; it must hold so much
        #[arg(long, value_name = "PLACE", value_parser = parse::place)]
        from: Place,
        /// To where
        #[arg(long, value_name = "PLACE", value_parser = parse::place)]
        to: Place,
        /// How much, in credits
        #[arg(value_name = "CREDITS", value_parser = parse::credits)]
        amount: Credits,
        /// The document that says why; its digest goes into the proposal
        #[arg(long, value_name = "FILE")]
        reason: PathBuf,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Take jobs of a module again that was flagged for having no one outcome
    ClearModule {
        /// The module's digest
        module: Digest,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Go over to another version of the software
    Upgrade {
        /// The version of the rules
        #[arg(id = "rules", value_name = "VERSION")]
        version: u32,
        /// The first block by its rules
        #[arg(long, value_name = "HEIGHT")]
        at: u64,
        /// The binary's digest
        #[arg(long, value_name = "DIGEST")]
        binary: Digest,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
}

/// An institution that would be a member.
#[derive(Clone, Debug, Args)]
pub struct JoinArgs {
    /// What people call it
    pub name: String,
    /// The root key of its party, which must be known and hold the members' bond
    #[arg(long, value_name = "KEY")]
    pub party_key: PublicKey,
    /// The key that will sign its votes; `peer key show` names all three
    #[arg(long, value_name = "KEY")]
    pub consensus_key: PublicKey,
    /// Its node
    #[arg(long, value_name = "NODE")]
    pub node: PeerId,
    /// Its weight in votes: 1 to 100
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub power: u8,
    /// Who signs.
    #[command(flatten)]
    pub signer: Signer,
}

/// Whether a class takes jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OpenArg {
    /// It takes jobs.
    Open,
    /// It takes no new ones.
    Closed,
}

/// What a quota is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QuotaArg {
    /// Grants out of the treasury.
    Grant,
    /// New credits against a reserve.
    Mint,
}

pub(super) async fn perform(desk: &Desk, command: ProposeCommand) -> Result<(), Problem> {
    let (what, signer) = match command {
        ProposeCommand::Params { changes, signer } => (params(&changes)?, signer),
        ProposeCommand::Class {
            class,
            state,
            signer,
        } => {
            let open = state == OpenArg::Open;
            (Proposal::Class { class, open }, signer)
        }
        ProposeCommand::Correct {
            from,
            to,
            amount,
            reason,
            signer,
        } => {
            let reversal = Proposal::Reversal {
                corrections: vec![Correction { from, to, amount }],
                reason: slash::document(&reason)?,
            };
            (reversal, signer)
        }
        ProposeCommand::ClearModule { module, signer } => {
            (Proposal::ClearModule { module }, signer)
        }
        ProposeCommand::Upgrade {
            version,
            at,
            binary,
            signer,
        } => {
            let activation = Height::new(at);
            let upgrade = Proposal::Upgrade {
                version,
                activation,
                binary,
            };
            (upgrade, signer)
        }
        about_members => of_members(desk, about_members).await?,
    };
    let request = CouncilRequest::Propose { what };
    signer.act(desk, Body::Council(request)).await
}

async fn of_members(desk: &Desk, command: ProposeCommand) -> Result<(Proposal, Signer), Problem> {
    Ok(match command {
        ProposeCommand::Join(args) => {
            let joining = Joining {
                name: args.name,
                party: args.party_key,
                consensus: args.consensus_key,
                peer: args.node,
                power: args.power,
            };
            (Proposal::Join(joining), args.signer)
        }
        ProposeCommand::Leave { member, signer } => {
            let member = find_party(desk, &member).await?;
            (Proposal::Leave { member }, signer)
        }
        ProposeCommand::Power {
            member,
            power,
            signer,
        } => {
            let member = find_party(desk, &member).await?;
            (Proposal::Power { member, power }, signer)
        }
        ProposeCommand::Suspend {
            member,
            evidence,
            signer,
        } => {
            let member = find_party(desk, &member).await?;
            let evidence = match evidence.parse() {
                Ok(shown) => shown,
                Err(_) => slash::document(evidence.as_ref())?,
            };
            (Proposal::Suspend { member, evidence }, signer)
        }
        ProposeCommand::Quota {
            member,
            of,
            amount,
            signer,
        } => {
            let quota = Proposal::Quota {
                member: find_party(desk, &member).await?,
                of: match of {
                    QuotaArg::Grant => Quota::Grant,
                    QuotaArg::Mint => Quota::Mint,
                },
                per_epoch: amount,
            };
            (quota, signer)
        }
        ProposeCommand::Params { .. }
        | ProposeCommand::Class { .. }
        | ProposeCommand::Correct { .. }
        | ProposeCommand::ClearModule { .. }
        | ProposeCommand::Upgrade { .. } => unreachable!("`perform` makes these itself"),
    })
}

/// Changes as people write them, in the ledger's order.
fn params(changes: &[(String, String)]) -> Result<Proposal, Problem> {
    let read = |(name, value): &(String, String)| {
        let spec = ParamSpec::named(name).ok_or_else(|| unknown_param(name))?;
        let number = amount::read_param(spec.unit, value).map_err(|why| {
            let title = format!("`{}` is no value of {name}", value.escape_debug());
            Problem::new(Code::Usage, title)
                .because(why)
                .try_this(format!("peer params show {name}"))
        })?;
        Ok((spec.id, number))
    };
    let mut changes: Vec<(u16, u64)> = changes.iter().map(read).collect::<Result<_, Problem>>()?;
    changes.sort_unstable();
    Ok(Proposal::Params { changes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_written_with_units_and_sorted_by_id() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let read = params(&[pair("slash_mult.grid", "130"), pair("audit.grid", "6%")]);
        let changes = vec![(1, 600), (5, 130)];
        assert_eq!(read, Ok(Proposal::Params { changes }));
        for (name, value, code) in [
            ("audit", "6%", Code::NotFound),
            ("audit.grid", "600", Code::Usage),
            ("entry_fee", "2", Code::Usage),
        ] {
            let refused = params(&[pair(name, value)]).expect_err(name);
            assert_eq!(refused.code, code, "{name}={value}");
            assert!(refused.fix.is_some());
        }
    }
}
