//! This machine's figures: kept in the home, measured when they are missing or no longer hold.

use std::path::PathBuf;

use executor::GpuFacts;
use executor::devices::{self, Bench, Figures};

use crate::api::problem::{Code, Problem};
use crate::driver::now;
use crate::home::Home;

/// Figures, and whether they were measured just now.
#[derive(Clone, Debug)]
pub struct Found {
    /// The figures.
    pub figures: Figures,
    /// Whether they are new.
    pub fresh: bool,
}

fn failed(why: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Failed, "cannot measure this machine").because(why.to_string())
}

/// This program, which is also the worker.
///
/// # Errors
/// If the system does not say where it lies.
pub fn program() -> Result<PathBuf, Problem> {
    std::env::current_exe()
        .map_err(|error| Problem::new(Code::Failed, "cannot find this program").because(error))
}

/// The figures that were kept, if they hold for what is used of this machine; or new ones.
///
/// `adapters` are those that were found and tested. With `again`, kept ones count for nothing.
///
/// # Errors
/// If this machine cannot be measured, or the home cannot be written to.
pub fn find(home: &Home, adapters: &[GpuFacts], again: bool) -> Result<Found, Problem> {
    let program = program()?;
    let cache = home.compiled();
    let worker_args = ["exec-worker".into()];
    let bench = Bench {
        program: &program,
        worker_args: &worker_args,
        cache: &cache,
        adapters,
    };
    let runtime = devices::runtime(&bench).map_err(failed)?;
    let kept = devices::kept(&home.devices()).filter(|kept| kept.hold(runtime, adapters));
    if let Some(figures) = kept.filter(|_| !again) {
        let fresh = false;
        return Ok(Found { figures, fresh });
    }
    let figures = devices::measure(&bench, now()).map_err(failed)?;
    devices::keep(&home.devices(), &figures).map_err(failed)?;
    let fresh = true;
    Ok(Found { figures, fresh })
}

/// The figures that were kept, if they hold; nothing is measured.
pub fn look(home: &Home, adapters: &[GpuFacts]) -> Option<Figures> {
    let program = program().ok()?;
    let (cache, worker_args) = (home.compiled(), ["exec-worker".into()]);
    let bench = Bench {
        program: &program,
        worker_args: &worker_args,
        cache: &cache,
        adapters,
    };
    let kept = devices::kept(&home.devices())?;
    let runtime = devices::runtime(&bench).ok()?;
    kept.hold(runtime, adapters).then_some(kept)
}
