//! From inside the jail of a real worker: every way out is tried, and every one is shut.
#![allow(missing_docs, clippy::unwrap_used)]

mod scene;

use std::collections::BTreeSet;

use executor::{Demand, Executor, Hold, Jail, StartError, WALLS, look_at_jail};
use scene::{config, worker};

/// The filter answers in the kernel's place; a descriptor that is not there is not there.
const ENOSYS: i32 = 38;
const EBADF: i32 = 9;

/// What must be denied, kind by kind, and with which error. A line that goes missing from the
/// battery fails here.
const DENIED: &[(i32, &[&str])] = &[
    (
        ENOSYS,
        &[
            "read a file",
            "write a file",
            "read its own memory as a file",
            "read the first process's words",
            "read the machine's memory",
            "write to the kernel",
            "write to the kernel's settings",
            "open in the new way",
            "open by handle",
            "ask for a handle",
            "look at a file",
            "list a folder",
            "make a folder",
            "remove a file",
            "rename a file",
            "link a file",
            "point to a file",
            "open a file to others",
            "give a file away",
            "watch files",
            "keep a hidden file",
            "duplicate a descriptor",
            "command a device",
        ],
    ),
    (
        ENOSYS,
        &[
            "reach the internet",
            "send a datagram",
            "reach the newer internet",
            "reach a local socket",
            "talk to the kernel's network",
            "see raw packets",
            "reach the host of a machine",
            "make a pair of sockets",
            "connect what is open",
            "listen with what is open",
            "accept on what is open",
            "hand a descriptor out",
            "receive a descriptor",
        ],
    ),
    (
        ENOSYS,
        &[
            "run a program",
            "run a program at a place",
            "start a process",
            "start a process anew",
            "start a process in a user space",
            "signal the first process",
            "signal its parent",
            "signal everybody",
            "signal its group",
            "signal a thread",
            "hold a process",
            "take a process's descriptor",
            "trace a process",
            "read a process's memory",
            "write a process's memory",
            "make another faster",
            "bind another to a processor",
        ],
    ),
    (
        ENOSYS,
        &[
            "mount",
            "mount anew",
            "unmount",
            "change the root",
            "turn the root",
            "leave its namespaces",
            "enter a namespace",
            "become root",
            "join root's group",
            "take capabilities",
            "show itself to others",
            "outlive its parent",
            "change how it is run",
            "raise a limit",
            "raise a limit in the old way",
            "load a module",
            "load a module from memory",
            "start another kernel",
            "stop the machine",
            "swap",
            "ask for quotas",
            "set the clock",
            "name the host",
            "read the kernel's log",
        ],
    ),
    (
        ENOSYS,
        &[
            "make new code",
            "turn data into code",
            "turn data into code by key",
            "queue calls",
            "load a kernel program",
            "count the kernel's events",
            "ask for keys",
            "keep a key",
            "handle page faults",
            "share memory",
            "queue messages",
            "change its filter",
            "change its files",
            "copy between descriptors",
            "set a timer of a process",
            "compare processes",
        ],
    ),
    (EBADF, &["use what its parent left open"]),
];

fn look(program: &str, args: &[&str]) -> Jail {
    let args: Vec<_> = args.iter().map(Into::into).collect();
    look_at_jail(program.as_ref(), &args).unwrap()
}

#[test]
fn every_way_out_is_denied() {
    let worker = worker();
    let jail = look(worker.to_str().unwrap(), &["exec-worker"]);
    let denied = DENIED
        .iter()
        .flat_map(|(answer, names)| names.iter().map(|name| (*name, *answer)));
    let denied: BTreeSet<_> = denied.collect();
    for way in &jail.ways {
        assert!(way.shut, "OPEN: {way:?}");
    }
    let tried = jail.ways.iter().map(|way| (&*way.name, way.answer));
    assert_eq!(tried.collect::<BTreeSet<_>>(), denied);
    assert_eq!(jail.ways.len(), denied.len(), "each is tried once");
    println!("{} ways out, each denied", denied.len());
    for name in ["/tmp/tallygrid-jail", "/tmp/tallygrid-jail-other"] {
        assert!(!std::path::Path::new(name).exists(), "{name} was made");
    }
}

#[test]
fn every_wall_is_told_and_those_that_every_kernel_here_has_hold() {
    let worker = worker();
    let jail = look(worker.to_str().unwrap(), &["exec-worker"]);
    let names: Vec<_> = jail.walls.iter().map(|wall| &*wall.name).collect();
    assert_eq!(names, WALLS);
    for wall in &jail.walls {
        println!("{:?} {}: {} {}", wall.hold, wall.name, wall.says, wall.help);
        let always = ["no_new_privs", "limits", "seccomp"].contains(&&*wall.name);
        assert!(wall.hold == Hold::Full || !always, "{wall:?}");
        assert!(!wall.says.is_empty(), "{wall:?}");
    }
    let weak: Vec<_> = jail.weak().collect();
    assert!(
        weak.is_empty(),
        "THIS MACHINE'S KERNEL OFFERS LESS than the jail is made of: {weak:#?}"
    );
}

#[test]
fn what_a_careless_parent_left_open_is_closed() {
    let worker = worker();
    let start = "exec 7</etc/hostname 9<>/dev/null; exec \"$0\" exec-worker";
    let jail = look("/bin/sh", &["-c", start, worker.to_str().unwrap()]);
    let open: Vec<_> = jail.leaks().collect();
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn an_executor_does_not_start_where_the_jail_is_less_than_demanded() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), 1);
    config.demand = Demand {
        walls: vec!["seccomp".into(), "limits".into(), "no_new_privs".into()],
        landlock: 0,
    };
    drop(Executor::start(config.clone(), |_| {}).unwrap());
    // No kernel has that.
    config.demand.landlock = 1_000;
    let error = Executor::start(config, |_| {}).unwrap_err();
    assert!(matches!(error, StartError::JailWeaker(_)), "{error}");
    assert!(error.to_string().contains("version 1000"), "{error}");
}
