//! `peer devnet`, and the federations that `peer demo` plays on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::ids::PeerId;
use protocol::units::Bps;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::demo::Grid;
use super::{DemoArgs, Desk, DevnetArgs, Globals, demo};
use crate::api::Client;
use crate::api::problem::{Code, Problem};
use crate::devnet::{Devnet, Kind, Plan, temporary_root};
use crate::home::Home;

/// How often it is looked whether every peer still runs.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The demo's federation: as many members as outvote one that is faulty, and two workers.
const MEMBERS: u8 = 4;
const WORKERS: u8 = 2;

fn this_binary() -> Result<PathBuf, Problem> {
    std::env::current_exe()
        .map_err(|error| Problem::new(Code::Failed, "cannot find this binary").because(error))
}

/// Runs a devnet until Ctrl-C, SIGTERM or `peer down`.
///
/// # Errors
/// The [`Problem`] to print.
pub async fn perform(args: &DevnetArgs, globals: &Globals) -> Result<(), Problem> {
    let root = args.dir.clone().unwrap_or_else(temporary_root);
    let plan = Plan::make(&root, args.members, args.workers)?;
    let home = plan
        .places
        .last()
        .map_or_else(|| Home::at(&root), |place| place.home.clone());
    let desk = Desk::at(Client::new(&plan.api()?), home, globals);
    desk.say(&format!(
        "starting {} peers in {} …",
        plan.places.len(),
        root.display()
    ));
    let mut devnet = Devnet::start(plan, &this_binary()?, args.liar, args.dir.is_none()).await?;
    let announcement = devnet.announcement();
    announcement.announce().map_err(|error| {
        Problem::new(Code::Failed, "cannot tell other commands of this devnet").because(error)
    })?;
    for place in &devnet.plan.places {
        let what = match place.kind {
            Kind::Member => "member: votes, works and judges",
            Kind::Worker => "worker of a community desk",
            Kind::Researcher => "submits; commands without --home ask it",
        };
        desk.say(&format!("  {:<11} {what}", place.name));
    }
    if let Some(liar) = devnet.liar() {
        desk.say(&format!("  {liar} was told to lie"));
    }
    desk.say("ready. In another terminal: peer run ./prog.wasm --array 0-9");
    desk.say("Ctrl-C here, or peer down there, stops all");
    let ended = watch(&mut devnet, &desk).await;
    announcement.withdraw();
    let stopped = devnet.stop().await;
    ended?;
    stopped
}

/// Waits for Ctrl-C, SIGTERM or `peer down`. A peer that ends meanwhile is named, and the others go
/// on: that is what a federation is for.
async fn watch(devnet: &mut Devnet, desk: &Desk) -> Result<(), Problem> {
    let cannot = |error| Problem::new(Code::Failed, "cannot listen for signals").because(error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut told = BTreeSet::new();
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            () = sleep(LOOK_EVERY) => {
                for (place, how) in devnet.ended() {
                    if told.insert(place.name.clone()) {
                        let home = place.home.root().display();
                        if place.kind == Kind::Researcher && how.success() {
                            desk.say("told to stop: stopping all peers");
                            return Ok(());
                        }
                        desk.say(&format!("  {} ended: {how}", place.name));
                        desk.say(&format!("  to start it again: peer up --home {home}"));
                    }
                }
            }
        }
    }
}

impl Grid for Devnet {
    fn api(&self) -> &Path {
        Self::api(self)
    }

    fn members(&self) -> Vec<(String, PathBuf)> {
        Self::members(self)
    }

    fn liar(&self) -> Option<PeerId> {
        Self::liar(self)
    }

    async fn stop(self) -> Result<(), Problem> {
        Self::stop(self).await
    }
}

/// Plays the demo on federations of this machine.
///
/// # Errors
/// The [`Problem`] to print.
pub async fn perform_demo(args: &DemoArgs, globals: &Globals) -> Result<(), Problem> {
    let program = this_binary()?;
    let start = async |liar: Option<Bps>| {
        let plan = Plan::make(&temporary_root(), MEMBERS, WORKERS)?;
        Devnet::start(plan, &program, liar, true).await
    };
    demo::perform(args, globals, start).await
}
