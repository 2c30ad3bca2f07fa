//! What a peer wants of the system: descriptors, memory, ports, the clock.

use std::fs;
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::path::Path;

use crate::api::types::{CheckView, Health};
use crate::config::Config;
use crate::home::Home;

/// RocksDB and the network want so many descriptors.
const DESCRIPTORS: u64 = 65_536;
/// Where programs that set the clock leave word of it.
const CLOCK_SETTERS: [&str; 5] = [
    "/run/systemd/timesync/synchronized",
    "/run/chrony/chronyd.pid",
    "/run/chronyd.pid",
    "/run/ntpd.pid",
    "/run/ntpsec/ntpd.pid",
];
/// File systems that other machines see, too.
const SHARED: [&str; 6] = ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph"];

/// All of them.
pub(super) fn checks(home: &Home) -> Vec<CheckView> {
    let config = Config::read(&home.config()).unwrap_or_default();
    let mut checks = vec![descriptors(), shared(home.root()), clock()];
    checks.extend(memory(&config));
    checks.extend(ports(home, &config));
    checks
}

fn descriptors() -> CheckView {
    let name = "open files";
    let text = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next());
    let soft = match soft {
        Some("unlimited") => u64::MAX,
        other => other.and_then(|soft| soft.parse().ok()).unwrap_or(0),
    };
    let found = format!("{soft} may be open");
    match soft >= DESCRIPTORS {
        true => CheckView::ok(name, found),
        false => CheckView::not_ok(name, Health::Weaker, found, "ulimit -n 65536"),
    }
}

/// Whether a home lies where another machine could run the same keys.
fn shared(home: &Path) -> CheckView {
    let name = "home: file system";
    let text = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mounts = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        Some((words.next()?, words.next()?))
    });
    let above = mounts.filter(|(at, _)| home.starts_with(at));
    let kind = above
        .max_by_key(|(at, _)| at.len())
        .map_or("?", |(_, kind)| kind);
    match SHARED.contains(&kind) {
        true => CheckView::not_ok(
            name,
            Health::Weaker,
            format!("{kind}: another machine could run the same keys"),
            "put the home on a disk of this machine",
        ),
        false => CheckView::ok(name, kind),
    }
}

fn clock() -> CheckView {
    let name = "clock";
    match CLOCK_SETTERS.iter().find(|path| Path::new(path).exists()) {
        Some(path) => CheckView::ok(name, format!("somebody sets it ({path})")),
        None => CheckView::not_ok(
            name,
            Health::Weaker,
            "nobody is known to set it; members refuse blocks that are a second off",
            "apt-get install chrony",
        ),
    }
}

/// Whether the memory that is lent is there.
fn memory(config: &Config) -> Option<CheckView> {
    let work = config.work.as_ref()?;
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibi: u64 = line.split_whitespace().next()?.parse().ok()?;
    let (all, lent) = (
        kibi / 1_024,
        work.limits.together(work.memory(), work.slots).get() >> 20,
    );
    let found = format!("{lent} MiB are lent to guests, the machine has {all}");
    Some(match lent <= all {
        true => CheckView::ok("memory", found),
        false => CheckView::not_ok(
            "memory",
            Health::Weaker,
            found,
            "set `memory` under `[work.limits]` in config.toml",
        ),
    })
}

/// Whether each place to listen at is free, or held by the peer of this home.
fn ports(home: &Home, config: &Config) -> Vec<CheckView> {
    if let Some(pid) = home.running() {
        let found = format!("the peer of this home runs (process {pid}) and holds them");
        return vec![CheckView::ok("ports", found)];
    }
    let checks = config.listen.iter().map(|address| {
        let name = format!("port: {address}");
        match tried(address) {
            None => CheckView::ok(&name, "not looked at: neither TCP nor UDP of this machine"),
            Some(Ok(())) => CheckView::ok(&name, "free"),
            Some(Err(error)) => CheckView::not_ok(
                &name,
                Health::Missing,
                error.to_string(),
                "peer up --listen /ip4/0.0.0.0/tcp/ANOTHER",
            ),
        }
    });
    checks.collect()
}

fn tried(address: &str) -> Option<std::io::Result<()>> {
    let mut words = address.split('/').skip(1);
    let (_, ip, kind, port) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let place: (IpAddr, u16) = (ip.parse().ok()?, port.parse().ok()?);
    match kind {
        "tcp" => Some(TcpListener::bind(place).map(drop)),
        "udp" => Some(UdpSocket::bind(place).map(drop)),
        _ => None,
    }
}
