//! The binary: parse, perform, exit code.

use std::process::ExitCode;

use clap::Parser;
use peer::api::problem::Problem;
use peer::cli::{self, Cli, Command, Desk, report};
use peer::up;

fn main() -> ExitCode {
    report::own_up_to_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return report::misread(&error, std::env::args_os()),
    };
    if matches!(cli.command, Command::ExecWorker) {
        return executor::worker_main();
    }
    cli::set_colour(cli.globals.color);
    match perform(&cli.globals, cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => report::tell(&problem, &cli.globals),
    }
}

fn perform(globals: &cli::Globals, command: Command) -> Result<(), Problem> {
    match command {
        Command::Up(args) => up::perform(globals.home.as_deref(), &args),
        Command::Devnet(args) => cli::in_one_thread(cli::devnet::perform(&args, globals)),
        Command::Demo(args) => cli::in_one_thread(cli::devnet::perform_demo(&args, globals)),
        Command::Bench(args) => cli::in_many_threads(cli::bench::perform(&args, globals)),
        Command::Sim(args) => cli::sim::perform(&args, globals),
        Command::ExecBare { module, task } => cli::bench::bare(&module, task),
        asking => {
            let desk = Desk::find(globals)?;
            cli::in_one_thread(cli::perform(&desk, asking))
        }
    }
}
