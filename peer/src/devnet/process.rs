//! One peer's process: started on a leash, watched, and never left behind.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use protocol::units::Bps;
use tokio::time::{Instant, sleep};

use super::cannot;
use crate::api::problem::Problem;
use crate::home::Home;

/// A peer that was told to stop may take so long before it is killed.
const STOP_TIME: Duration = Duration::from_secs(10);

/// A peer's process. Dropping it kills it.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts `program up` in a home, on a leash: it stops when this process ends, however that
    /// ends.
    ///
    /// # Errors
    /// A [`Problem`] if it cannot be started.
    pub fn start(program: &Path, home: &Home, fault: Option<Bps>) -> Result<Self, Problem> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(home.log());
        let log = log.map_err(|error| cannot("open a log", error))?;
        let mut command = Command::new(program);
        command
            .arg("up")
            .arg("--leashed")
            .arg("--home")
            .arg(home.root());
        if let Some(share) = fault {
            command
                .arg("--fault")
                .arg(format!("0.{:04}", share.get().min(9_999)));
        }
        // Ctrl-C in the terminal is for the devnet, which then stops its peers in order.
        command.process_group(0);
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        child
            .map(Self)
            .map_err(|error| cannot("start a peer", error))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().ok().flatten()
    }

    /// Kills it at once and waits for its end.
    pub fn kill(&mut self) {
        // It may have ended by itself; either way it is gone after this.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Waits for the end of a process that was told to stop; kills it if that takes too long.
    pub async fn wait_or_kill(&mut self) {
        let end = Instant::now() + STOP_TIME;
        while self.ended().is_none() && Instant::now() < end {
            sleep(Duration::from_millis(20)).await;
        }
        self.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
