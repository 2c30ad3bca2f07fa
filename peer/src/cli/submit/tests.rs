//! Flags over job files.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::cli::{Cli, Command};
use clap::Parser;

fn work(line: &str) -> Work {
    let cli = Cli::try_parse_from(line.split(' ')).unwrap();
    let Command::Run(args) = cli.command else {
        panic!("not a run: {line}");
    };
    args.work.work().unwrap()
}

#[test]
fn a_run_says_everything_on_one_line() {
    let work = work(
        "peer run ./prog.wasm --array 0-9 --in data=./file --env K=V --env A=B=C -r 3 \
         --fuel 2G --mem 64MiB --time 90s --budget 30 --price 0.01 --tasks-per-bundle 5 \
         --name x --canaries --stdin in.txt -- --flag 7 -v",
    );
    assert_eq!((work.array.count, work.is_array), (10, true));
    assert_eq!(work.inputs, [("data".to_owned(), PathBuf::from("./file"))]);
    assert_eq!(work.env[1], ("A".to_owned(), "B=C".to_owned()));
    assert_eq!(work.args, ["--flag", "7", "-v"]);
    assert_eq!(work.limits.fuel, Fuel::new(2_000_000_000));
    assert_eq!(work.limits.memory, Bytes::new(64 << 20));
    assert_eq!(work.limits.wall_ms, Millis::new(90_000));
    assert_eq!(work.budget, Some(Credits::new(30_000_000)));
    assert_eq!(work.per_gfuel, Some(Credits::new(10_000)));
    assert_eq!((work.copies, work.tasks_per_bundle), (Some(3), Some(5)));
    assert_eq!((work.name.as_str(), work.canaries), ("x", true));
}

#[test]
fn one_task_needs_no_flags_and_is_named_after_its_module() {
    let work = work("peer run ./hello.wasm");
    assert_eq!(
        (work.name.as_str(), work.array.count, work.is_array),
        ("hello", 1, false)
    );
    assert!(!work.canaries);
    assert_eq!(work.limits, LIMITS);
}
