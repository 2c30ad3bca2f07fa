//! Forty more guests that mean harm, one after the other on one executor: each ends for the reason
//! that is its own, and the next begins at once, in a process that has not grown.
#![allow(missing_docs, clippy::unwrap_used)]

mod scene;

use executor::{Inconclusive, TaskResult};
use protocol::job::{Profile, UnknownImports};
use protocol::outcome::{Limit, Status, Trap};
use protocol::units::{Bytes, Fuel, Millis};
use scene::{Scene, assemble, goes_on};

/// What this process may grow by while all of them run: less than the memory of one guest.
const GROWTH_MAX: u64 = 48 << 20;

/// How a guest ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// By itself: with 0, or with the errno of the call that it made.
    Exit(i32),
    Trap(Trap),
    Out(Limit),
    /// No outcome: how deep a stack is differs between machines.
    Deep,
    /// Refused before it is compiled, on every machine, with these words.
    Never(&'static str),
}

use End::{Deep, Exit, Never, Out};

const FAULT: End = Exit(21);
const INVAL: End = Exit(28);
const MFILE: End = Exit(33);
const TOO_LONG: End = Exit(37);
const ROFS: End = Exit(69);
const NOT_CAPABLE: End = Exit(76);
const NOT_SUPPORTED: End = Exit(58);

/// A module with these items, whose `_start` does this. The text at 1024 is the path that calls are
/// given, and 64 bytes from 512 on are parts: one of 65 536 bytes, and one that leaves memory.
fn module(items: &str, start: &str) -> String {
    format!(
        r#"(module
        (import "wasi_snapshot_preview1" "fd_write"
            (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_pwrite"
            (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_read"
            (func $fd_read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_allocate"
            (func $fd_allocate (param i32 i64 i64) (result i32)))
        (import "wasi_snapshot_preview1" "fd_filestat_set_size"
            (func $set_size (param i32 i64) (result i32)))
        (import "wasi_snapshot_preview1" "fd_readdir"
            (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_open" (func $path_open
            (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_symlink"
            (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_link"
            (func $path_link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_rename"
            (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_create_directory"
            (func $mkdir (param i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get"
            (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "poll_oneoff"
            (func $poll (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
        (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 4)
        (data (i32.const 512) "\00\00\01\00\00\00\01\00\ff\ff\03\00\ff\ff\ff\7f")
        (data (i32.const 1024) "../../etc/passwd")
        (data (i32.const 1100) "/etc/passwd")
        (data (i32.const 1200) "made")
        (data (i32.const 1210) "a\00b")
        {items}
        ;; Opens what is named at `at` in folder `fd`, to write, and made if it is not there.
        (func $open (param $fd i32) (param $at i32) (param $len i32) (result i32)
            (call $path_open (local.get $fd) (i32.const 0) (local.get $at) (local.get $len)
                (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 8)))
        (func $made (result i32)
            (drop (call $open (global.get $out) (i32.const 1200) (i32.const 4)))
            (i32.load (i32.const 8)))
        ;; Makes a folder, and says where a path into it is.
        (func $folder (result i32)
            (drop (call $mkdir (global.get $out) (i32.const 1200) (i32.const 4)))
            (i32.store (i32.const 1204) (i32.const 0x6161612f)) (i32.const 1200))
        (global $out i32 (i32.const 4))
        (func (export "_start") (local $i i32) {start}))"#
    )
}

/// Those that would never end: items, what comes before, and what is done again and again.
const ENDLESS: &[(&str, &str, &str, &str)] = &[
    ("tail calls", "(func $f (return_call $f))", "", "(call $f)"),
    (
        "two that call each other by table",
        "(type $t (func)) (table 2 funcref) (elem (i32.const 0) $a $b)
        (func $a (type $t) (return_call_indirect (type $t) (i32.const 1)))
        (func $b (type $t) (return_call_indirect (type $t) (i32.const 0)))",
        "",
        "(call $a)",
    ),
    (
        "a table of branches",
        "",
        "",
        "(loop $a (loop $b (loop $c
            (br_table $a $b $c (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                (i32.const 3))))))",
    ),
    (
        "exceptions",
        "(tag $e)",
        "",
        "(block $caught (try_table (catch $e $caught) (throw $e)))",
    ),
    (
        "filling memory",
        "",
        "",
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 262144))",
    ),
    (
        "copying memory",
        "",
        "",
        "(memory.copy (i32.const 0) (i32.const 1) (i32.const 262143))",
    ),
    (
        "filling a table",
        "(table $t 1000000 funcref)",
        "",
        "(table.fill $t (i32.const 0) (ref.null func) (i32.const 1000000))",
    ),
    (
        "asking for chance",
        "",
        "",
        "(drop (call $random (i32.const 0) (i32.const 262144)))",
    ),
    ("giving way", "", "", "(drop (call $yield))"),
    (
        "sleeping, each time for as long as a word can say",
        "",
        "(i32.store (i32.const 2064) (i32.const 1)) (i64.store (i32.const 2072) (i64.const -1))",
        "(drop (call $poll (i32.const 2048) (i32.const 3000) (i32.const 1) (i32.const 0)))",
    ),
    (
        "reading nothing",
        "",
        "",
        "(drop (call $fd_read (i32.const 0) (i32.const 512) (i32.const 1) (i32.const 0)))",
    ),
    (
        "listing a folder",
        "",
        "",
        "(drop (call $fd_readdir (global.get $out) (i32.const 2048) (i32.const 65536)
            (i64.const 0) (i32.const 0)))",
    ),
    (
        "a file that grows and shrinks",
        "",
        "(local.set $i (call $made))",
        "(drop (call $set_size (local.get $i) (i64.const 1000000)))
        (drop (call $set_size (local.get $i) (i64.const 0)))",
    ),
];

/// Those that want too much at once: items, what is done, and how that ends.
const GREEDY: &[(&str, &str, &str, End)] = &[
    (
        "all memory at once",
        "",
        "(drop (memory.grow (i32.const 65000)))",
        Out(Limit::Memory),
    ),
    (
        "a table of a million elements",
        "(table $t 1 funcref)",
        "(drop (table.grow $t (ref.null func) (i32.const 1048576)))",
        Out(Limit::Memory),
    ),
    (
        "standard output",
        "",
        "(loop $l (drop (call $fd_write (i32.const 1) (i32.const 512) (i32.const 1)
            (i32.const 0))) (br $l))",
        Out(Limit::Output),
    ),
    (
        "folders",
        "",
        "(loop $l
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (i32.store8 (i32.const 4096)
                (i32.add (i32.const 97) (i32.rem_u (local.get $i) (i32.const 26))))
            (i32.store8 (i32.const 4097)
                (i32.add (i32.const 97) (i32.div_u (local.get $i) (i32.const 26))))
            (drop (call $mkdir (global.get $out) (i32.const 4096) (i32.const 2)))
            (br $l))",
        Out(Limit::Output),
    ),
    (
        "descriptors",
        "",
        "(loop $l (local.set $i (call $open (global.get $out) (i32.const 1200) (i32.const 4)))
            (br_if $l (i32.eqz (local.get $i)))) (call $exit (local.get $i))",
        MFILE,
    ),
    (
        "recursion",
        "(func $f (call $f) (call $f))",
        "(call $f)",
        Deep,
    ),
    (
        "recursion that keeps what it was given",
        "(func $f (param v128 v128 v128 v128)
            (call $f (local.get 1) (local.get 2) (local.get 3) (local.get 0))
            (v128.store (i32.const 0) (i8x16.add (local.get 0) (local.get 1)))
            (v128.store (i32.const 16) (i8x16.add (local.get 2) (local.get 3))))",
        "(call $f (v128.const i64x2 1 2) (v128.const i64x2 3 4) (v128.const i64x2 5 6)
            (v128.const i64x2 7 8))",
        Deep,
    ),
    (
        "recursion by table",
        "(type $t (func)) (table 1 funcref) (elem (i32.const 0) $f)
        (func $f (type $t) (call_indirect (type $t) (i32.const 0))
            (i32.store (i32.const 0) (i32.const 1)))",
        "(call $f)",
        Deep,
    ),
    (
        "memory beyond its end",
        "",
        "(drop (i64.load (i32.const -8)))",
        End::Trap(Trap::MemoryOutOfBounds),
    ),
    (
        "a function of another type",
        "(type $t (func (result i64))) (table 1 funcref) (elem (i32.const 0) $f) (func $f)",
        "(drop (call_indirect (type $t) (i32.const 0)))",
        End::Trap(Trap::BadTableUse),
    ),
];

/// Those that ask the host for what makes no sense: a call, and what it says or how it ends.
const LIARS: &[(&str, &str, End)] = &[
    (
        "a file of an exabyte",
        "$fd_allocate (call $made) (i64.const 0) (i64.const 1152921504606846976)",
        Out(Limit::Output),
    ),
    (
        "a write at the end of the world",
        "$fd_pwrite (call $made) (i32.const 512) (i32.const 1) (i64.const 9223372036854775807)
            (i32.const 0)",
        Out(Limit::Output),
    ),
    (
        "a write beyond it",
        "$fd_pwrite (call $made) (i32.const 512) (i32.const 1) (i64.const -1) (i32.const 0)",
        INVAL,
    ),
    (
        "a way up",
        "$open (global.get $out) (i32.const 1024) (i32.const 16)",
        NOT_CAPABLE,
    ),
    (
        "a way from the top",
        "$open (global.get $out) (i32.const 1100) (i32.const 11)",
        NOT_CAPABLE,
    ),
    (
        "a zero in a name",
        "$open (global.get $out) (i32.const 1210) (i32.const 3)",
        INVAL,
    ),
    (
        "a path without end",
        "$open (global.get $out) (i32.const 1024) (i32.const -1)",
        TOO_LONG,
    ),
    (
        "a path outside memory",
        "$open (global.get $out) (i32.const 262140) (i32.const 16)",
        FAULT,
    ),
    (
        "a new input",
        "$open (i32.const 3) (i32.const 1200) (i32.const 4)",
        ROFS,
    ),
    (
        "a symbolic link",
        "$path_symlink (i32.const 1100) (i32.const 11) (global.get $out) (i32.const 1200)
            (i32.const 4)",
        NOT_SUPPORTED,
    ),
    (
        "a hard link",
        "$path_link (i32.const 3) (i32.const 1) (i32.const 1200) (i32.const 4) (global.get $out)
            (i32.const 1210) (i32.const 1)",
        NOT_SUPPORTED,
    ),
    (
        "a folder moved into itself",
        "$path_rename (global.get $out) (i32.const 1200) (i32.const 4) (global.get $out)
            (call $folder) (i32.const 8)",
        INVAL,
    ),
    (
        "a part outside memory",
        "$fd_write (i32.const 1) (i32.const 520) (i32.const 1) (i32.const 0)",
        FAULT,
    ),
    (
        "too many parts",
        "$fd_write (i32.const 1) (i32.const 512) (i32.const -1) (i32.const 0)",
        INVAL,
    ),
    (
        "an answer outside memory",
        "$fd_write (i32.const 1) (i32.const 512) (i32.const 1) (i32.const -2)",
        FAULT,
    ),
    (
        "chance for all of memory and more",
        "$random (i32.const 1) (i32.const -1)",
        FAULT,
    ),
    (
        "waiting for four thousand million things",
        "$poll (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0)",
        INVAL,
    ),
    (
        "arguments at the end of memory",
        "$args (i32.const -4) (i32.const -1)",
        FAULT,
    ),
];

/// All of them, as modules.
fn guests() -> Vec<(&'static str, Vec<u8>, End)> {
    let whole = |items: &str, start: &str| assemble(module(items, start).as_bytes());
    let endless = ENDLESS.iter().map(|(name, items, before, body)| {
        let start = format!("{before} (loop $l {body} (br $l))");
        (*name, whole(items, &start), Out(Limit::Fuel))
    });
    let greedy = GREEDY.iter();
    let greedy = greedy.map(|(name, items, start, end)| (*name, whole(items, start), *end));
    let liars = LIARS.iter();
    let liars = liars.map(|(name, call, end)| {
        let start = format!("(call $exit (call {call}))");
        (*name, whole("", &start), *end)
    });
    endless
        .chain(greedy)
        .chain(liars)
        .chain(broken())
        .chain(unsound())
        .collect()
}

const INVALID: End = Never("not a valid");

/// Bytes that are no modules.
fn broken() -> impl Iterator<Item = (&'static str, Vec<u8>, End)> {
    let sections: [(&str, &[u8]); 4] = [
        (
            "a million types in four bytes",
            &[1, 4, 0xff, 0xff, 0xff, 0x0f],
        ),
        (
            "a section that never ends",
            &[1, 0xff, 0xff, 0xff, 0xff, 0x0f],
        ),
        (
            "a number without end",
            &[1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
        ),
        ("sections in the wrong order", &[3, 1, 0, 1, 1, 0]),
    ];
    let sections = sections.map(|(name, rest)| (name, [b"\0asm\x01\0\0\0", rest].concat()));
    let others = [
        ("a component", b"\0asm\x0d\0\x01\0".to_vec()),
        ("another version", b"\0asm\x02\0\0\0".to_vec()),
    ];
    let all = sections.into_iter().chain(others);
    all.map(|(name, bytes)| (name, bytes, INVALID))
}

/// Modules that no machine begins with, by their items.
fn unsound() -> impl Iterator<Item = (&'static str, Vec<u8>, End)> {
    let text = |items: &str| {
        let whole =
            format!(r#"(module {items} (memory (export "memory") 1) (func (export "_start")))"#);
        assemble(whole.as_bytes())
    };
    let no_peer = Never("no peer has");
    let given = br#"(module (import "env" "memory" (memory 1)) (export "memory" (memory 0))
        (func (export "_start")))"#;
    let parameters = format!("(func (param {}))", "i32 ".repeat(1_001));
    let locals = format!("(func (local {}))", "i32 ".repeat(50_001));
    let items = [
        ("two memories", "(memory 1)", INVALID),
        (
            "an imported table",
            r#"(import "env" "table" (table 1 funcref))"#,
            no_peer,
        ),
        (
            "an imported number",
            r#"(import "env" "number" (global i32))"#,
            no_peer,
        ),
        (
            "seventeen tables",
            &"(table 1 funcref) ".repeat(17),
            Never("more than 16 tables"),
        ),
        (
            "a garbage collector's types",
            "(type (struct (field i32)))",
            INVALID,
        ),
        ("a thousand and one parameters", &parameters, INVALID),
        ("fifty thousand and one locals", &locals, INVALID),
    ];
    let items = items.map(|(name, items, end)| (name, text(items), end));
    let given = ("an imported memory", assemble(given), no_peer);
    items.into_iter().chain([given])
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let word = line.split_whitespace().nth(1).unwrap();
    word.parse::<u64>().unwrap() << 10
}

/// Runs one, and says what is wrong with how it ended.
fn wrong_of(scene: &Scene, module: &[u8], end: End) -> Option<String> {
    let result = scene.one(module, |job| {
        job.limits.fuel = Fuel::new(200_000_000);
        job.limits.memory = Bytes::new(16 << 20);
        job.limits.wall_ms = Millis::new(600_000);
    });
    let expected = match end {
        Exit(code) => Status::Exited(code),
        End::Trap(trap) => Status::Trapped(trap),
        Out(limit) => Status::OutOf(limit),
        Never(_) => Status::Trapped(Trap::Other),
        Deep => {
            let deep = matches!(
                result,
                TaskResult::Inconclusive {
                    why: Inconclusive::StackOverflow,
                    ..
                }
            );
            return (!deep).then(|| format!("{result:?}"));
        }
    };
    match result {
        TaskResult::Outcome {
            output, outcome, ..
        } => {
            let billed = match expected {
                Status::Exited(_) => outcome.fuel < Fuel::new(200_000_000),
                Status::Trapped(Trap::Other) => outcome.fuel == Fuel::new(1),
                _ => outcome.fuel == Fuel::new(200_000_000),
            };
            let fits = output.status == expected && billed && output.files.len() <= 16;
            (!fits).then(|| format!("{:?}, {:?}", output.status, outcome.fuel))
        }
        other @ TaskResult::Inconclusive { .. } => Some(format!("{other:?}")),
    }
}

#[test]
fn each_ends_for_its_own_reason_and_leaves_nothing_behind() {
    let scene = Scene::open(1);
    let guests = guests();
    assert!(guests.len() >= 40, "{}", guests.len());
    goes_on(&scene);
    let before = resident();
    let mut wrong = Vec::new();
    for (name, module, end) in &guests {
        if let Never(why) = end {
            let refused = executor::check_module(module, UnknownImports::Refuse, Profile::WASM_3);
            let refused = refused.expect_err(name).to_string();
            assert!(refused.contains(why), "{name}: {refused}");
        }
        let found = wrong_of(&scene, module, *end);
        wrong.extend(found.map(|found| format!("{name} was to end with {end:?}: {found}")));
        goes_on(&scene);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let grown = resident().saturating_sub(before);
    assert!(
        grown < GROWTH_MAX,
        "this process has grown by {grown} bytes"
    );
}
