//! `peer up`: one peer, from its home and its arguments, until it is told to stop.

use std::fs;
use std::io::{IsTerminal, Read};
use std::path::Path;

use protocol::bytes;
use protocol::units::{Bps, Credits};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

use crate::api::problem::{Code, Problem, chain};
use crate::api::types::Money;
use crate::cli::UpArgs;
use crate::config::{Config, ConfigError, Limits, SLOTS_MAX, Work};
use crate::home::{Home, HomeError};
use crate::keys::{KeyError, Keys};
use crate::parts::{Peer, StartError, read_genesis};
use crate::{devices, doctor};

/// What is logged if nobody says otherwise.
const LOG: &str = "info";
/// Where a peer listens if nobody says otherwise.
const LISTEN: &str = "/ip4/0.0.0.0/tcp/4100";
/// What a peer asks for a Gfuel, what it bonds, and the memory it lends, if nobody says otherwise.
const PRICE: Credits = Credits::new(10_000);
const BOND: Credits = Credits::new(1_000_000_000);
const MEMORY: u64 = 1 << 30;
/// The slots of a machine before anybody has said or measured how many it has.
const SLOTS_IF_UNSAID: u16 = 1;

/// Runs a peer until Ctrl-C, SIGTERM or `peer down`.
///
/// # Errors
/// The [`Problem`] to print, if it cannot start.
pub fn perform(home: Option<&Path>, args: &UpArgs) -> Result<(), Problem> {
    let cannot = |error: &dyn std::fmt::Display| {
        Problem::new(Code::Failed, "cannot start the peer").because(error.to_string())
    };
    let home = Home::choose(home).map_err(|error| cannot(&error))?;
    let filter = EnvFilter::try_new(args.log.as_deref().unwrap_or(LOG));
    let filter = filter.map_err(|error| {
        Problem::new(Code::Usage, "--log is not a filter").because(error.to_string())
    })?;
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .init();
    prepare(&home, args)?;
    doctor::log(&home);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| cannot(&error))?;
    runtime.block_on(async {
        let (stop, stopped) = mpsc::channel(1);
        listen_for_the_end(&stop, args.leashed).map_err(|error| cannot(&error))?;
        let peer = Peer::start(&home, args.fault, stopped)
            .await
            .map_err(|error| trouble(&error))?;
        tracing::info!(home = %home.root().display(), "up");
        peer.run().await;
        tracing::info!("down");
        Ok(())
    })
}

/// Makes the home, its keys and its settings where they are missing, and writes down what the
/// arguments change.
fn prepare(home: &Home, args: &UpArgs) -> Result<(), Problem> {
    home.make().map_err(|error| trouble(&error.into()))?;
    Keys::load_or_make(&home.keys()).map_err(|error| trouble(&error.into()))?;
    if let Some(genesis) = &args.genesis {
        take_genesis(home, genesis)?;
    } else if !home.genesis().exists() {
        return Err(
            Problem::new(Code::Usage, "this peer belongs to no federation yet")
                .because(format!("there is no {}", home.genesis().display()))
                .try_this("peer up --genesis FILE   (or try it all on this machine: peer devnet)"),
        );
    }
    let path = home.config();
    let mut config = if path.exists() {
        Config::read(&path).map_err(|error| trouble(&error.into()))?
    } else {
        Config {
            name: "peer".to_owned(),
            listen: vec![LISTEN.to_owned()],
            ..Config::default()
        }
    };
    let before = config.clone();
    change(&mut config, args);
    offer_what_is_there(home, &mut config, args)?;
    if config != before || !path.exists() {
        let written = config.write(&path);
        written.map_err(|error| trouble(&error.into()))?;
    }
    Ok(())
}

/// Copies a genesis into the home, if it is one; it never replaces that of another federation.
fn take_genesis(home: &Home, from: &Path) -> Result<(), Problem> {
    let given = read_genesis(from).map_err(|error| trouble(&error))?;
    if home.genesis().exists() {
        let own = read_genesis(&home.genesis()).map_err(|error| trouble(&error))?;
        if own == given {
            return Ok(());
        }
        let title = format!("{} belongs to another federation", home.root().display());
        return Err(Problem::new(Code::Usage, title)
            .because("its ledger and bonds are worth nothing in this one")
            .try_this("peer up --home ANOTHER --genesis FILE"));
    }
    let part = home.genesis().with_extension("part");
    let kept =
        fs::write(&part, bytes::write(&given)).and_then(|()| fs::rename(part, home.genesis()));
    kept.map_err(|error| {
        Problem::new(Code::Failed, "cannot keep the genesis").because(error.to_string())
    })
}

fn change(config: &mut Config, args: &UpArgs) {
    if !args.listen.is_empty() {
        config.listen.clone_from(&args.listen);
    }
    if !args.bootstrap.is_empty() {
        config.bootstrap.clone_from(&args.bootstrap);
    }
    config.gpu |= args.gpu;
    if args.slots == Some(0) {
        config.work = None;
        return;
    }
    let wants_work = args.slots.is_some() || args.price.is_some() || args.bond.is_some();
    if wants_work || config.work.is_some() {
        let work = config.work.get_or_insert(Work {
            slots: SLOTS_IF_UNSAID,
            per_gfuel: Money(PRICE),
            bond: Money(BOND),
            memory: MEMORY,
            siblings: Vec::new(),
            limits: Limits::default(),
        });
        work.slots = args.slots.unwrap_or(work.slots);
        work.per_gfuel = args.price.map_or(work.per_gfuel, Money);
        work.bond = args.bond.map_or(work.bond, Money);
    }
}

/// Measures a machine that works for others, where no figures that hold are kept; who does not say
/// how many slots offers as many as were measured. The peers of a devnet share one machine, which
/// none of them can measure: they offer figures only if `peer devices` made some.
fn offer_what_is_there(home: &Home, config: &mut Config, args: &UpArgs) -> Result<(), Problem> {
    let genesis = read_genesis(&home.genesis()).map_err(|error| trouble(&error))?;
    let gpu = config.gpu;
    let Some(work) = config.work.as_mut().filter(|_| !genesis.devnet) else {
        return Ok(());
    };
    let adapters = match gpu {
        true => executor::find_gpus(&devices::program()?, &["exec-worker".into()]),
        false => Vec::new(),
    };
    let found = devices::find(home, &adapters, false)?;
    let cpu = &found.figures.cpu;
    let (slots, gcu) = (cpu.slots(), cpu.gcu());
    tracing::info!(fresh = found.fresh, slots, gcu, "this machine is measured");
    if args.slots.is_none() && work.slots == SLOTS_IF_UNSAID {
        work.slots = slots.min(SLOTS_MAX);
    }
    if work.slots > slots {
        tracing::warn!(
            offered = work.slots,
            measured = slots,
            "more slots than this machine has: members that look see fewer, and cut the offer"
        );
    }
    Ok(())
}

/// Stops the peer at Ctrl-C and SIGTERM; on a leash, also when its standard input closes, so that
/// it does not outlive the process that started it.
fn listen_for_the_end(stop: &mpsc::Sender<()>, leashed: bool) -> std::io::Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let (mut signals, stop) = (signal(kind)?, stop.clone());
        tokio::spawn(async move {
            signals.recv().await;
            // A full channel means that it was told already.
            let _ = stop.try_send(());
        });
    }
    if leashed {
        let stop = stop.clone();
        std::thread::spawn(move || {
            let mut byte = [0];
            while matches!(std::io::stdin().read(&mut byte), Ok(1..)) {}
            let _ = stop.try_send(());
        });
    }
    Ok(())
}

/// What, why, and what helps, of a peer that cannot start.
fn trouble(error: &StartError) -> Problem {
    let problem = Problem::new(code(error), "cannot start the peer").because(chain(error));
    match help(error) {
        Some(help) => problem.try_this(help),
        None => problem,
    }
}

fn code(error: &StartError) -> Code {
    match error {
        StartError::Config(_)
        | StartError::Genesis { .. }
        | StartError::Address { .. }
        | StartError::FaultSwitch(_)
        | StartError::Home(HomeError::Nowhere | HomeError::LongPath { .. })
        | StartError::Ledger(ledger::StartError::OtherFederation { .. }) => Code::Usage,
        StartError::Executor(executor::StartError::JailWeaker(_))
        | StartError::Home(HomeError::NotOurs { .. })
        | StartError::Keys(KeyError::Exposed { .. } | KeyError::NotOurs { .. }) => Code::NotAllowed,
        _ => Code::Failed,
    }
}

/// What the words of the error do not say themselves.
fn help(error: &StartError) -> Option<String> {
    match error {
        StartError::Config(ConfigError::Malformed { path, .. }) => Some(format!(
            "mend it by hand, or move it away: `mv {0} {0}.old`, and say with flags what was in it \
             (peer up --help)",
            path.display()
        )),
        StartError::Config(ConfigError::OutOfRange { path, .. })
        | StartError::Address { path, .. } => Some(format!("mend it by hand: {}", path.display())),
        StartError::Genesis { path, .. } => Some(format!(
            "put the federation's own genesis, the same file that its members have, at {}",
            path.display()
        )),
        StartError::Executor(executor::StartError::JailWeaker(_)) => Some(
            "see what the jail is made of here: peer doctor; or demand less under `[jail]` in \
             config.toml"
                .to_owned(),
        ),
        StartError::Home(HomeError::InUse { path, .. }) => Some(format!(
            "ask the one that runs: `peer --home {0} status`; or stop it: `peer --home {0} down`",
            path.display()
        )),
        _ => None,
    }
}

/// The number whose multiples are answered wrongly, for this share of wrong answers.
pub fn every(share: Bps) -> u32 {
    if share == Bps::ZERO {
        0
    } else {
        Bps::ONE.get().div_ceil(share.get())
    }
}
