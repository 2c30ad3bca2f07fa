//! The binary: parse, perform, exit code.

use std::process::ExitCode;

use clap::Parser;
use peer::api::problem::{Code, Problem};
use peer::cli::{self, Cli, Command, Desk, report};

fn main() -> ExitCode {
    report::own_up_to_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return report::misread(&error, std::env::args_os()),
    };
    cli::set_colour(cli.globals.color);
    match perform(&cli.globals, cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => report::tell(&problem, &cli.globals),
    }
}

fn perform(globals: &cli::Globals, command: Command) -> Result<(), Problem> {
    match command {
        Command::Up(_) | Command::Devnet(_) | Command::Demo(_) | Command::ExecWorker => {
            Err(Problem::new(Code::Failed, "this build cannot start peers"))
        }
        asking => {
            let desk = Desk::find(globals)?;
            cli::in_one_thread(cli::perform(&desk, asking))
        }
    }
}
