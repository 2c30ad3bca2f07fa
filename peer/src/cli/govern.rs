//! `peer params`, `peer class`, `peer epoch`: the numbers that govern, and what they make.

use clap::Subcommand;

use super::asking::Desk;
use crate::api::problem::Problem;
use crate::api::types::{ClassView, EpochView, List, ParamView};

/// About governed numbers.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum ParamsCommand {
    /// List all: value, default, bounds, the largest step of one decision, what is under way
    Ls {
        /// Only those whose names hold this
        part: Option<String>,
    },
    /// Show one, with when it last changed and every proposal that would change it
    Show {
        /// Its name, such as audit.grid
        name: String,
    },
}

/// About classes of work.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum ClassCommand {
    /// List the four, with what cheating costs in each
    Ls,
    /// Show one
    Show {
        /// grid, edge, cloud or ai
        class: String,
    },
}

/// About epochs.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum EpochCommand {
    /// List the newest
    Ls {
        /// How many at most
        #[arg(long, default_value_t = 10)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
    },
    /// Show one: what was paid, burned and minted; the one that runs, if none is named
    Show {
        /// Its number
        number: Option<u64>,
    },
}

pub(super) async fn params(desk: &Desk, command: ParamsCommand) -> Result<(), Problem> {
    match command {
        ParamsCommand::Ls { part } => {
            let mut all: List<ParamView> = desk.client.get("/params").await?;
            if let Some(part) = part {
                all.items.retain(|param| param.name.contains(&part));
            }
            desk.show(&all)
        }
        ParamsCommand::Show { name } => desk.show(&param(desk, &name).await?),
    }
}

/// A governed number by its name.
///
/// # Errors
/// [`crate::api::problem::Code::NotFound`], with names that are like it.
pub(super) async fn param(desk: &Desk, name: &str) -> Result<ParamView, Problem> {
    if protocol::params::ParamSpec::named(name).is_none() {
        return Err(crate::answers::unknown_param(name));
    }
    desk.client.get(&format!("/params/{name}")).await
}

pub(super) async fn class(desk: &Desk, command: ClassCommand) -> Result<(), Problem> {
    match command {
        ClassCommand::Ls => desk.show_from::<List<ClassView>>("/classes").await,
        ClassCommand::Show { class } => {
            let class = crate::api::read_routes::class_named(&class)?;
            let path = format!("/classes/{}", class.name());
            desk.show_from::<ClassView>(&path).await
        }
    }
}

pub(super) async fn epoch(desk: &Desk, command: EpochCommand) -> Result<(), Problem> {
    match command {
        EpochCommand::Ls { limit } => {
            let path = format!("/epochs?limit={limit}");
            desk.show_from::<List<EpochView>>(&path).await
        }
        EpochCommand::Show { number } => {
            let number = number.map_or_else(|| "now".to_owned(), |number| number.to_string());
            desk.show_from::<EpochView>(&format!("/epochs/{number}"))
                .await
        }
    }
}
