//! The commands that ask one question and show the answer; and what every command has at hand.

use std::io::{self, IsTerminal, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use protocol::ids::PartyId;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use super::{DisputeCommand, Globals};
use crate::api::Client;
use crate::api::problem::{Code, Problem};
use crate::api::types::{
    DisputeView, Done, HistoryPage, Id, KeysView, LedgerView, List, OfferView, VerifyView,
};
use crate::home::devnet::{Devnet, DevnetPeer};
use crate::home::{Home, HomeError};
use crate::keys::{KeyError, Keys};
use crate::show::{Face, Look};

/// A devnet that was told to stop may take so long.
const DEVNET_STOP_TIME: Duration = Duration::from_secs(60);

/// Which part of a list that may be long.
#[derive(Clone, Copy, Debug, Args)]
pub struct Page {
    /// Only what stands before this number
    #[arg(long, value_name = "NUMBER")]
    before: Option<u64>,
    /// How many at most
    #[arg(long, default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
}

impl Page {
    /// As a path's query, without the question mark.
    pub fn query(&self) -> String {
        let before = self.before.map(|before| format!("&before={before}"));
        format!("limit={}{}", self.limit, before.unwrap_or_default())
    }
}

/// About the ledger.
#[derive(Debug, Subcommand)]
#[command(infer_subcommands = true)]
pub enum LedgerCommand {
    /// Show the last agreed block and the members
    Status,
    /// Replay from genesis: same state root, no credit lost or made
    Verify,
}

/// What every command has at hand.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The peer to ask.
    pub client: Client,
    /// The home that was named, or found.
    pub home: Home,
    /// How answers are written.
    pub look: Look,
    /// Whether a progress bar may be drawn.
    pub progress: bool,
    /// The devnet of that peer, if it was found by that.
    pub devnet: Option<Devnet>,
}

impl Desk {
    /// Finds the peer to ask: `--api`, then `--home`, then a devnet on this machine, then the home
    /// of this user.
    ///
    /// # Errors
    /// If there is nowhere to look.
    pub fn find(globals: &Globals) -> Result<Self, Problem> {
        let devnet = match (&globals.api, &globals.home) {
            (None, None) => Devnet::find(),
            _ => None,
        };
        let home = match &devnet {
            Some(devnet) => devnet.api.parent().map(Home::at),
            None => None,
        };
        let home = match home {
            Some(home) => home,
            None => Home::choose(globals.home.as_deref())?,
        };
        let socket: PathBuf = match &globals.api {
            Some(socket) => socket.clone(),
            None => home.api()?,
        };
        let desk = Self::at(Client::new(&socket), home, globals);
        Ok(Self { devnet, ..desk })
    }

    /// The desk for this peer.
    pub fn at(client: Client, home: Home, globals: &Globals) -> Self {
        let look = Look {
            format: globals.output,
            terminal: io::stdout().is_terminal(),
            ascii: globals.ascii,
        };
        let progress = !globals.no_progress && !look.is_json() && io::stderr().is_terminal();
        Self {
            client,
            home,
            look,
            progress,
            devnet: None,
        }
    }

    /// Writes an answer to stdout.
    ///
    /// # Errors
    /// If stdout cannot be written to; a closed pipe ends the process with success.
    pub fn show<T: Face>(&self, answer: &T) -> Result<(), Problem> {
        print(self.look.write(answer).as_bytes())
    }

    /// Asks for the document at `path` and shows it.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn show_from<T: Face + DeserializeOwned>(&self, path: &str) -> Result<(), Problem> {
        let answer: T = self.client.get(path).await?;
        self.show(&answer)
    }

    /// A line for a person who watches; not part of any answer.
    pub fn say(&self, line: &str) {
        // Nobody is left to tell if stderr is gone.
        let _ = writeln!(anstream::stderr(), "{line}");
    }
}

impl From<HomeError> for Problem {
    fn from(error: HomeError) -> Self {
        let code = match error {
            HomeError::NotOurs { .. } => Code::NotAllowed,
            HomeError::Nowhere | HomeError::LongPath { .. } => Code::Usage,
            HomeError::Disk { .. } | HomeError::InUse { .. } => Code::Failed,
        };
        with_cause(code, &error)
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        let code = match error {
            KeyError::Exposed { .. } | KeyError::NotOurs { .. } => Code::NotAllowed,
            KeyError::Disk { .. } | KeyError::Damaged { .. } | KeyError::NoChance(_) => {
                Code::Failed
            }
        };
        with_cause(code, &error)
    }
}

/// A problem of this kind from an error and its first cause.
pub(super) fn with_cause(code: Code, error: &dyn std::error::Error) -> Problem {
    let problem = Problem::new(code, error.to_string());
    match error.source() {
        Some(cause) => problem.because(cause),
        None => problem,
    }
}

/// Writes to stdout, with colours where they belong. A reader who closed the pipe has seen enough:
/// that ends the process with success.
///
/// # Errors
/// If stdout cannot be written to for another reason.
pub fn print(bytes: &[u8]) -> Result<(), Problem> {
    let mut out = anstream::stdout();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Problem::new(Code::Failed, "cannot write the answer").because(error)),
    }
}

pub(super) async fn down(desk: &Desk) -> Result<(), Problem> {
    let done: Done = desk.client.post("/down", &Done {}).await?;
    match &desk.devnet {
        None => desk.say("the peer stops"),
        Some(devnet) => all_down(devnet, desk).await?,
    }
    if desk.look.is_json() {
        desk.show(&done)?;
    }
    Ok(())
}

/// Waits until every peer of a devnet has stopped: the process that watches over them stops them
/// once the one that was asked has.
async fn all_down(devnet: &Devnet, desk: &Desk) -> Result<(), Problem> {
    let (peers, home) = (devnet.peers.len(), devnet.home.display());
    desk.say(&format!("the devnet in {home} stops, all {peers} peers"));
    let end = Instant::now() + DEVNET_STOP_TIME;
    let runs = |peer: &DevnetPeer| UnixStream::connect(&peer.api).is_ok();
    while devnet.peers.iter().any(runs) {
        if Instant::now() > end {
            return Err(
                Problem::new(Code::TimedOut, "the devnet has not stopped yet")
                    .because(format!("process {} watches over it", devnet.pid))
                    .try_this(format!("kill {}", devnet.pid)),
            );
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

pub(super) async fn offers(desk: &Desk) -> Result<(), Problem> {
    desk.show_from::<List<OfferView>>("/offers").await
}

/// The part of a path that names a party; empty for this peer's own.
pub(super) fn party_query(text: Option<&String>) -> Result<String, Problem> {
    let Some(text) = text else {
        return Ok(String::new());
    };
    let party: PartyId = text.parse().map_err(|error| {
        Problem::new(Code::Usage, "this names no party")
            .because(error)
            .try_this("`peer key show` names yours, `peer node ls -o wide` those of others")
    })?;
    Ok(format!("&party={}", party.full()))
}

pub(super) async fn history(
    desk: &Desk,
    party: Option<&String>,
    page: Page,
) -> Result<(), Problem> {
    let path = format!("/wallet/history?{}{}", page.query(), party_query(party)?);
    desk.show_from::<HistoryPage>(&path).await
}

pub(super) async fn dispute(desk: &Desk, command: DisputeCommand) -> Result<(), Problem> {
    match command {
        DisputeCommand::Ls => desk.show_from::<List<DisputeView>>("/disputes").await,
        DisputeCommand::Show { number } => {
            desk.show_from::<DisputeView>(&format!("/disputes/{number}"))
                .await
        }
    }
}

pub(super) async fn ledger(desk: &Desk, command: LedgerCommand) -> Result<(), Problem> {
    match command {
        LedgerCommand::Status => desk.show_from::<LedgerView>("/ledger").await,
        LedgerCommand::Verify => {
            let answer: VerifyView = desk.client.post("/ledger/verify", &Done {}).await?;
            if answer.roots_equal && answer.conserved {
                return desk.show(&answer);
            }
            let found = serde_json::to_string(&answer).unwrap_or_default();
            Err(Problem::new(Code::Failed, "the ledger here does not replay").because(found))
        }
    }
}

/// Reads the key file rather than asking: it works while the peer is stopped.
pub(super) fn keys(desk: &Desk) -> Result<(), Problem> {
    let path = desk.home.keys();
    let keys = Keys::load(&path).map_err(|error| {
        let problem = Problem::from(error);
        if path.exists() {
            problem
        } else {
            problem.try_this("`peer up` makes keys on its first run; --home names another peer's")
        }
    })?;
    desk.show(&KeysView {
        node: Id(keys.node()),
        party: Id(keys.party()),
        party_key: Id(keys.party_key()),
        consensus: Id(keys.consensus()),
        home: desk.home.root().display().to_string(),
    })
}
