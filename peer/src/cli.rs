//! The commands: read arguments, ask the API, show. What starts a peer or a devnet is performed by
//! `main.rs`; everything else here only talks to a peer that runs.

pub mod bench;
pub mod collect;
pub mod demo;
pub mod devnet;
pub mod follow;
pub mod form;
pub mod job_file;
pub mod matrix;
pub mod parse;
pub mod report;
pub mod sim;

mod act;
mod asking;
mod channel;
mod council;
mod devices;
mod doctor;
mod govern;
mod gpu;
mod grant;
mod job;
mod key;
mod lease;
mod node;
mod propose;
mod slash;
mod submit;
mod wallet;

use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand};

use crate::api::problem::{Code, Problem};
use crate::show::Format;
pub use act::Signer;
pub use asking::{Desk, LedgerCommand, print};
pub use channel::ChannelCommand;
pub use council::{ChoiceArg, CouncilCommand, SeverityArg};
pub use demo::DemoArgs;
pub use devices::DevicesArgs;
pub use govern::{ClassCommand, EpochCommand, ParamsCommand};
pub use gpu::GpuCommand;
pub use grant::GrantCommand;
pub use job::find;
pub use job::{JobCommand, TaskArgs};
pub use key::{KeyCommand, RecoverCommand};
pub use lease::LeaseCommand;
pub use node::{NodeCommand, OneNode};
pub use propose::{JoinArgs, OpenArg, ProposeCommand, QuotaArg};
pub use slash::SlashCommand;
pub use submit::{ExitOf, RunArgs, SubmitArgs, Work, WorkArgs, hand_in};
pub use wallet::{TaskCommand, WalletCommand};

/// Run science on other people's machines, and prove that they did it.
#[derive(Debug, Parser)]
#[command(
    name = "peer",
    version,
    infer_subcommands = true,
    propagate_version = true,
    max_term_width = 100,
    after_help = "Start here:\n  \
        peer demo                         a federation on this machine, a job, a liar caught\n  \
        peer devnet                       the same federation, to try your own jobs on\n  \
        peer run ./prog.wasm -- --help    run a WASI module on it from another terminal\n\n\
        Commands may be shortened while they stay clear: `peer j l` is `peer job ls`."
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Globals {
    /// The peer's folder: keys, ledger, blobs and socket
    #[arg(long, global = true, env = "PEER_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// The socket of the peer to ask
    ///
    /// Without it: the socket in --home; else the researcher of a devnet that runs on this machine;
    /// else the socket in your own home.
    #[arg(long, global = true, env = "PEER_API", value_name = "SOCKET")]
    pub api: Option<PathBuf>,
    /// How answers are written
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    pub output: Format,
    /// When to use colours; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: ColorChoice,
    /// Never show a progress bar
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Show nothing but ASCII
    #[arg(long, global = true)]
    pub ascii: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show it all: a federation on this machine, a real job, and a liar who is caught
    Demo(DemoArgs),
    /// Run a whole federation on this machine, one process per peer, until Ctrl-C
    Devnet(DevnetArgs),
    /// Start this peer
    Up(UpArgs),
    /// Stop this peer, or the devnet on this machine
    Down,
    /// Show this peer on one screen
    Status,
    /// Run a module on the federation, wait for it and fetch what it left
    Run(Box<RunArgs>),
    /// Hand in a job and return at once
    Submit(Box<SubmitArgs>),
    /// List, show, follow and fetch jobs
    #[command(subcommand)]
    Job(JobCommand),
    /// See who is there, how far each is trusted, and why it is not drawn
    #[command(subcommand)]
    Node(NodeCommand),
    /// See what they offer
    #[command(subcommand)]
    Offer(OfferCommand),
    /// See this machine's graphics adapters, and why one is not used
    #[command(subcommand)]
    Gpu(GpuCommand),
    /// See what this machine is fit for: the jail, disk, ports, keys; and what helps
    ///
    /// Ends with 0 if all is well, 1 if something is weaker than it could be, 2 if something that a
    /// peer needs is missing.
    Doctor,
    /// See what this machine may honestly offer: tasks at once, fuel a second, GCU an hour
    Devices(DevicesArgs),
    /// See credits and where they went; send, bond, set apart
    #[command(subcommand)]
    Wallet(WalletCommand),
    /// See and give grants: credits for work at other institutions
    #[command(subcommand)]
    Grant(GrantCommand),
    /// Pay in small pieces: set credits aside once, sign vouchers, redeem the last
    #[command(subcommand)]
    Channel(ChannelCommand),
    /// Lease slots or storage of a peer by the epoch; ask, take, prove, settle
    #[command(subcommand)]
    Lease(LeaseCommand),
    /// See where results differed, and how it was judged
    #[command(subcommand)]
    Dispute(DisputeCommand),
    /// See what faults cost, and would cost; appeal
    #[command(subcommand)]
    Slash(SlashCommand),
    /// See the council's proposals; propose, vote, carry out
    #[command(subcommand, visible_alias = "gov")]
    Council(CouncilCommand),
    /// See the governed numbers
    #[command(subcommand)]
    Params(ParamsCommand),
    /// See the four classes of work
    #[command(subcommand)]
    Class(ClassCommand),
    /// See epochs: what was paid, burned and minted
    #[command(subcommand)]
    Epoch(EpochCommand),
    /// See the ledger, and prove it
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// See and make keys, and say which speak for a party
    #[command(subcommand)]
    Key(Box<KeyCommand>),
    /// Play whole federations in simulated time, cheats and all, and see which promises hold
    Sim(sim::SimArgs),
    /// Measure a federation of this machine, beside what it is compared with
    #[command(hide = true)]
    Bench(bench::BenchArgs),
    /// Run one task of a module in this process: what `bench` compares with
    #[command(hide = true)]
    ExecBare {
        /// The module
        module: PathBuf,
        /// The task's number
        task: u32,
    },
    /// Run tasks for the peer that started this process
    #[command(hide = true)]
    ExecWorker,
}

/// Starting a peer. Settings that are absent come from `config.toml` in its home.
#[derive(Clone, Debug, Default, Args)]
#[command(
    after_help = "Example:\n  peer up --genesis ./genesis --bootstrap node_…@/ip4/10.0.0.7/tcp/4100"
)]
pub struct UpArgs {
    /// The federation's first state; copied into the home
    #[arg(long, env = "PEER_GENESIS", value_name = "FILE")]
    pub genesis: Option<PathBuf>,
    /// Where to listen, as a multiaddress; may be repeated
    #[arg(
        long,
        env = "PEER_LISTEN",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub listen: Vec<String>,
    /// A peer to meet first, as node_…@ADDRESS; may be repeated
    #[arg(
        long,
        env = "PEER_BOOTSTRAP",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    pub bootstrap: Vec<String>,
    /// How many tasks to run at once for others; 0 offers nothing
    #[arg(long, env = "PEER_SLOTS", value_name = "N")]
    pub slots: Option<u16>,
    /// What to ask for a Gfuel, in credits
    #[arg(long, env = "PEER_PRICE", value_name = "CREDITS", value_parser = parse::credits)]
    pub price: Option<protocol::units::Credits>,
    /// What stands behind the offer, in credits
    #[arg(long, env = "PEER_BOND", value_name = "CREDITS", value_parser = parse::credits)]
    pub bond: Option<protocol::units::Credits>,
    /// Test this machine's graphics adapters, and run shaders on the one that is fit
    #[arg(long, env = "PEER_GPU")]
    pub gpu: bool,
    /// What to log, such as `info` or `info,peer::jobs=debug`
    #[arg(long, env = "PEER_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Return a wrong result in this share of tasks (0 to 1). Only a devnet accepts it
    #[arg(long, hide = true, value_name = "SHARE", value_parser = parse::share)]
    pub fault: Option<protocol::units::Bps>,
    /// Stop when standard input closes
    #[arg(long, hide = true)]
    pub leashed: bool,
}

/// Running a federation on this machine.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    peer devnet                        four members, two workers, one researcher\n  \
    peer devnet --dir ./grid           keep their homes there and start them again later\n  \
    peer devnet --liar 0.2             one worker lies in a fifth of its tasks")]
pub struct DevnetArgs {
    /// Where the peers' homes lie; a fresh folder that is removed at the end, if absent
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// How many members
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(4..=16))]
    pub members: u8,
    /// How many further workers
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=32))]
    pub workers: u8,
    /// The last worker returns a wrong result in this share of its tasks (0 to 1)
    #[arg(long, value_name = "SHARE", value_parser = parse::share)]
    pub liar: Option<protocol::units::Bps>,
}

/// About offers.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum OfferCommand {
    /// List what peers offer: on the ledger, and live
    Ls,
}

/// About differences between results.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum DisputeCommand {
    /// List all
    Ls,
    /// Show one: who claimed what, who judged, who paid for it
    Show {
        /// Its number, from `peer dispute ls`
        number: u64,
    },
}

/// Makes `--color` hold for everything that is printed from here on.
pub fn set_colour(choice: ColorChoice) {
    let choice = match choice {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// Runs a command that only talks: it needs no more than this thread.
///
/// # Errors
/// The command's own; [`Code::Failed`] if the system gives no event queue.
pub fn in_one_thread<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(Code::Failed, "cannot start").because(error))?
        .block_on(work)
}

/// Runs a command that also carries a node of its own.
///
/// # Errors
/// As [`in_one_thread`].
pub fn in_many_threads<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(Code::Failed, "cannot start").because(error))?
        .block_on(work)
}

/// Performs a command that asks a running peer.
///
/// # Errors
/// The [`Problem`] to print; its code is the exit code.
///
/// # Panics
/// If given a command that `main.rs` performs itself.
pub async fn perform(desk: &Desk, command: Command) -> Result<(), Problem> {
    match command {
        Command::Down => asking::down(desk).await,
        Command::Status => {
            desk.show_from::<crate::api::types::StatusView>("/status")
                .await
        }
        Command::Run(args) => submit::run(desk, *args).await,
        Command::Submit(args) => submit::submit(desk, *args).await,
        Command::Job(command) => job::perform(desk, command).await,
        Command::Node(command) => node::perform(desk, command).await,
        Command::Offer(OfferCommand::Ls) => asking::offers(desk).await,
        Command::Wallet(command) => wallet::perform(desk, command).await,
        Command::Grant(command) => grant::perform(desk, command).await,
        Command::Channel(command) => channel::perform(desk, command).await,
        Command::Lease(command) => lease::perform(desk, command).await,
        Command::Dispute(command) => asking::dispute(desk, command).await,
        Command::Slash(command) => slash::perform(desk, command).await,
        Command::Council(command) => council::perform(desk, command).await,
        Command::Doctor => doctor::show(desk),
        Command::Devices(args) => devices::show(desk, args),
        Command::Gpu(GpuCommand::Ls) => gpu::list(desk),
        Command::Params(command) => govern::params(desk, command).await,
        Command::Class(command) => govern::class(desk, command).await,
        Command::Epoch(command) => govern::epoch(desk, command).await,
        Command::Ledger(command) => asking::ledger(desk, command).await,
        Command::Key(command) => key::perform(desk, *command).await,
        Command::Demo(_)
        | Command::Devnet(_)
        | Command::Up(_)
        | Command::Bench(_)
        | Command::Sim(_)
        | Command::ExecBare { .. }
        | Command::ExecWorker => {
            unreachable!("main.rs starts peers itself")
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn no_command_contradicts_itself_and_each_says_what_it_does() {
        let mut all = super::Cli::command();
        all.build();
        all.clone().debug_assert();
        let mut left = vec![&all];
        while let Some(command) = left.pop() {
            let name = command.get_name();
            assert!(command.get_about().is_some() || name == "help", "{name}");
            for arg in command.get_arguments() {
                let says = arg.get_help().is_some();
                assert!(says, "{name} does not say what {} is", arg.get_id());
            }
            left.extend(command.get_subcommands());
        }
    }
}
