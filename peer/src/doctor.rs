//! What a machine is fit for as a peer: each thing that was looked at, how it stands, what helps.
//!
//! Nothing is changed but a small file in the home, which is written to time the disk and removed.

mod system;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use executor::{GpuFacts, Hold};

use crate::api::problem::chain;
use crate::api::types::{CheckView, Health};
use crate::config::Config;
use crate::devices;
use crate::home::Home;
use crate::keys::Keys;

/// A ledger wants so much room on its disk.
const FREE_BYTES: u64 = 10 << 30;
/// Without so much, it soon stops.
const FREE_BYTES_LEAST: u64 = 1 << 30;
/// A member's disk keeps a write within this time, in all but one of a hundred.
const SYNC_TIME: Duration = Duration::from_millis(50);
/// So many writes are timed, each of so many bytes.
const SYNCS: usize = 32;
const SYNC_BYTES: usize = 4_096;

/// The walls of the jail, and the ways out of it; a wall that the settings demand is missing where
/// it is weak.
pub fn jail(program: &Path, home: &Home) -> Vec<CheckView> {
    let jail = match executor::look_at_jail(program, &["exec-worker".into()]) {
        Ok(jail) => jail,
        Err(error) => {
            let found = chain(&error);
            return vec![CheckView::not_ok("jail", Health::Missing, found, "")];
        }
    };
    let demand = Config::read(&home.config())
        .unwrap_or_default()
        .jail
        .demand();
    let mut checks: Vec<CheckView> = jail
        .walls
        .iter()
        .map(|wall| {
            let name = format!("jail: {}", wall.name);
            let health = match wall.hold {
                Hold::Full => return CheckView::ok(&name, &*wall.says),
                _ if demand.walls.contains(&wall.name) => Health::Missing,
                Hold::Weaker | Hold::Missing => Health::Weaker,
            };
            CheckView::not_ok(&name, health, &*wall.says, &*wall.help)
        })
        .collect();
    if jail.landlock < demand.landlock {
        let (found, wanted) = (jail.landlock, demand.landlock);
        let found = format!("version {wanted} of Landlock is demanded, the kernel has {found}");
        let help = "take `landlock` out of `[jail]` in config.toml, or use a newer kernel";
        checks.push(CheckView::not_ok(
            "jail: demand",
            Health::Missing,
            found,
            help,
        ));
    }
    let leaks: Vec<&str> = jail.leaks().collect();
    checks.push(if leaks.is_empty() {
        let found = format!("{} were tried from inside, each is shut", jail.ways.len());
        CheckView::ok("jail: ways out", found)
    } else {
        let found = format!("open: {}", leaks.join(", "));
        CheckView::not_ok("jail: ways out", Health::Missing, found, "")
    });
    checks
}

/// Graphics adapters, and whether this machine was measured.
pub fn adapters(home: &Home, adapters: &[GpuFacts]) -> Vec<CheckView> {
    let config = Config::read(&home.config()).unwrap_or_default();
    let mut checks: Vec<CheckView> = adapters
        .iter()
        .map(|gpu| {
            let name = format!("gpu: {}", gpu.name);
            let failed = gpu.tests.iter().find_map(|(test, why)| {
                let why = why.as_ref()?;
                Some(format!("{test}: {why}"))
            });
            match failed {
                None => CheckView::ok(&name, format!("{}, passes its tests", gpu.kind)),
                Some(why) => CheckView::not_ok(&name, Health::Weaker, why, "peer gpu ls -o wide"),
            }
        })
        .collect();
    if !adapters.iter().any(GpuFacts::is_fit) {
        let help = "apt-get install mesa-vulkan-drivers   (or the card's own driver)";
        checks.push(match config.gpu {
            true => {
                let found = "the settings say `gpu = true`, and none is fit for shaders";
                CheckView::not_ok("gpu", Health::Missing, found, help)
            }
            false => CheckView::ok("gpu", "none is fit, and none is asked for"),
        });
    }
    let used = if config.gpu { adapters } else { &[] };
    checks.push(figures(home, &config, used));
    checks
}

fn figures(home: &Home, config: &Config, used: &[GpuFacts]) -> CheckView {
    let name = "figures";
    let Some(figures) = devices::look(home, used) else {
        let found = "this machine was not measured with this runtime and these drivers";
        return CheckView::not_ok(name, Health::Weaker, found, "peer devices");
    };
    let (slots, gcu) = (figures.cpu.slots(), figures.cpu.gcu());
    let offered = config.work.as_ref().map_or(0, |work| work.slots);
    if offered > slots {
        let found = format!("{offered} slots are offered, {slots} were measured");
        let help =
            format!("peer up --slots {slots}   (or, on a quiet machine: peer devices --again)");
        return CheckView::not_ok(name, Health::Weaker, found, help);
    }
    CheckView::ok(name, format!("{slots} slots, {gcu} GCU an hour"))
}

/// The home, its files, its disk, and what a peer wants of the system.
pub fn home(home: &Home) -> Vec<CheckView> {
    let mut checks = vec![folder(home), keys(home), settings(home), genesis(home)];
    checks.extend(room(home.root()));
    checks.push(sync(home.root()));
    checks.extend(system::checks(home));
    checks
}

fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|found| found.mode() & 0o777)
}

fn folder(home: &Home) -> CheckView {
    let (name, shown) = ("home", home.root().display());
    match mode(home.root()) {
        None => {
            let found = format!("there is no {shown} yet");
            CheckView::not_ok(name, Health::Weaker, found, "peer up --genesis FILE")
        }
        Some(0o700) => CheckView::ok(name, format!("{shown}, for its owner alone")),
        Some(mode) => {
            let found = format!("{shown} has mode {mode:o}: `peer up` will close it to others");
            CheckView::not_ok(name, Health::Weaker, found, format!("chmod 700 {shown}"))
        }
    }
}

fn keys(home: &Home) -> CheckView {
    let (name, path) = ("keys", home.keys());
    if !path.exists() {
        return CheckView::not_ok(name, Health::Weaker, "none yet", "peer up --genesis FILE");
    }
    match Keys::load(&path) {
        Ok(_) => CheckView::ok(name, "readable by their owner alone"),
        Err(error) => {
            let found = chain(&error);
            let help = format!("chmod 600 {}", path.display());
            CheckView::not_ok(name, Health::Missing, found, help)
        }
    }
}

fn settings(home: &Home) -> CheckView {
    let (name, path) = ("settings", home.config());
    if !path.exists() {
        return CheckView::ok(name, "none yet: `peer up` writes them");
    }
    match Config::read(&path) {
        Ok(_) => CheckView::ok(name, "make sense"),
        Err(error) => {
            let found = chain(&error);
            let help = format!("mend {}", path.display());
            CheckView::not_ok(name, Health::Missing, found, help)
        }
    }
}

fn genesis(home: &Home) -> CheckView {
    let (name, path) = ("federation", home.genesis());
    if !path.exists() {
        let found = "this peer belongs to none yet";
        return CheckView::not_ok(name, Health::Weaker, found, "peer up --genesis FILE");
    }
    match crate::parts::read_genesis(&path) {
        Ok(genesis) => CheckView::ok(name, genesis.name),
        Err(error) => {
            let found = chain(&error);
            let help = "ask your federation for its genesis";
            CheckView::not_ok(name, Health::Missing, found, help)
        }
    }
}

/// The nearest folder above that is there.
fn there(path: &Path) -> &Path {
    path.ancestors().find(|path| path.is_dir()).unwrap_or(path)
}

fn room(home: &Path) -> Option<CheckView> {
    let free = executor::devices::free_bytes(there(home)).ok()?;
    let found = format!("{} MiB are free", free >> 20);
    let help = "make room, or move the home: peer up --home ELSEWHERE";
    Some(match free {
        0..FREE_BYTES_LEAST => CheckView::not_ok("disk", Health::Missing, found, help),
        FREE_BYTES_LEAST..FREE_BYTES => CheckView::not_ok("disk", Health::Weaker, found, help),
        _ => CheckView::ok("disk", found),
    })
}

fn sync(home: &Path) -> CheckView {
    let name = "disk: keeping a write";
    match slowest_sync(there(home)) {
        Ok(slowest) if slowest <= SYNC_TIME => {
            CheckView::ok(name, format!("{} ms at most", slowest.as_millis()))
        }
        Ok(slowest) => {
            let found = format!("up to {} ms; a member needs 50", slowest.as_millis());
            CheckView::not_ok(name, Health::Weaker, found, "put the home on a faster disk")
        }
        Err(error) => {
            let help = "put the home where you may write";
            CheckView::not_ok(name, Health::Missing, error.to_string(), help)
        }
    }
}

fn slowest_sync(folder: &Path) -> std::io::Result<Duration> {
    let path = folder.join(format!("doctor-{}", std::process::id()));
    let timed = (|| {
        let mut file = File::options().write(true).create_new(true).open(&path)?;
        let mut slowest = Duration::ZERO;
        for _ in 0..SYNCS {
            let begin = Instant::now();
            file.write_all(&[7; SYNC_BYTES])?;
            file.sync_data()?;
            slowest = slowest.max(begin.elapsed());
        }
        Ok(slowest)
    })();
    // A file that was never made needs no removing.
    drop(fs::remove_file(&path));
    timed
}

/// Says in the log what does not stand as it should, without the jail, which its executor tells.
pub fn log(at: &Home) {
    let checks = home(at);
    for check in checks.iter().filter(|check| check.health != Health::Ok) {
        let CheckView { name, found, .. } = check;
        let help = check.help.as_deref().unwrap_or_default();
        tracing::warn!(target: "peer::doctor", check = name, found, help, "weaker");
    }
    let good = checks
        .iter()
        .filter(|check| check.health == Health::Ok)
        .count();
    tracing::info!(target: "peer::doctor", good, of = checks.len(), "peer doctor says more");
}
