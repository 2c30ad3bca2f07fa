//! `peer grant`: credits that a member gives for work at other institutions, until they expire.

use clap::Subcommand;
use protocol::entry::{BankRequest, Body};
use protocol::ids::PurseId;
use protocol::units::{Credits, Millis};

use super::act::{Signer, find_party};
use super::asking::Desk;
use super::{parse, wallet};
use crate::api::problem::Problem;
use crate::api::types::PurseView;

/// About grants. PARTY is a whole id, a member's name, or `me`.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum GrantCommand {
    /// List a party's
    Ls {
        /// Another party's; this peer's own if absent
        #[arg(default_value = "me")]
        party: String,
    },
    /// Show one
    Show {
        /// Its id
        purse: PurseId,
    },
    /// Give a party credits of the treasury, as a member, out of your quota
    Give {
        /// To whom
        party: String,
        /// How much, in credits
        #[arg(value_name = "CREDITS", value_parser = parse::credits)]
        amount: Credits,
        /// For how long they are good
        #[arg(long = "for", value_name = "TIME", default_value = "30d")]
        #[arg(value_parser = parse::millis)]
        span: Millis,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
    /// Bring what is left of an expired grant back to the treasury
    Return {
        /// Its id
        purse: PurseId,
        /// Who signs.
        #[command(flatten)]
        signer: Signer,
    },
}

pub(super) async fn perform(desk: &Desk, command: GrantCommand) -> Result<(), Problem> {
    match command {
        GrantCommand::Ls { party } => {
            let mut all = wallet::purses(desk, &party).await?;
            all.items.retain(|purse| purse.is == "grant");
            desk.show(&all)
        }
        GrantCommand::Show { purse } => {
            let path = format!("/purses/{}", purse.full());
            desk.show_from::<PurseView>(&path).await
        }
        GrantCommand::Give {
            party,
            amount,
            span,
            signer,
        } => {
            let request = BankRequest::MintGrant {
                to: find_party(desk, &party).await?,
                amount,
                expires: signer.moment(desk, span).await?,
            };
            signer.act(desk, Body::Bank(request)).await
        }
        GrantCommand::Return { purse, signer } => {
            let request = BankRequest::ReturnGrant { purse };
            signer.act(desk, Body::Bank(request)).await
        }
    }
}
