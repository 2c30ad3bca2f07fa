//! The rewritten module against wasmtime's own flag, and against the worst machine there may be.
#![allow(clippy::unwrap_used)]

use protocol::job::{Profile, UnknownImports};
use wasmtime::{Engine, Instance, Module, OptLevel, Store, Val};

use super::{programs, rewrite, rewrite_with};
use crate::engine;

/// Everything of a run that can be seen: results, or how it trapped; globals; memory.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    results: Result<Vec<u128>, String>,
    globals: Vec<u128>,
    memory: Vec<u8>,
}

fn bits(value: &Val) -> u128 {
    match value {
        Val::I32(value) => u128::from(value.cast_unsigned()),
        Val::I64(value) => u128::from(value.cast_unsigned()),
        Val::F32(bits) => u128::from(*bits),
        Val::F64(bits) => u128::from(*bits),
        Val::V128(value) => value.as_u128(),
        _ => 0,
    }
}

fn run(engine: &Engine, wasm: &[u8]) -> Seen {
    let module = Module::new(engine, wasm).unwrap();
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let go = instance.get_func(&mut store, "go").unwrap();
    let mut results = vec![Val::I32(0); go.ty(&store).results().len()];
    let results = match go.call(&mut store, &[], &mut results) {
        Ok(()) => Ok(results.iter().map(bits).collect()),
        Err(error) => Err(error.root_cause().to_string()),
    };
    let globals: Vec<_> = (0..3)
        .filter_map(|number| instance.get_global(&mut store, &format!("g{number}")))
        .collect();
    let globals = globals
        .into_iter()
        .map(|global| bits(&global.get(&mut store)))
        .collect();
    let memory = instance.get_memory(&mut store, "memory");
    let memory = memory.map_or_else(Vec::new, |memory| memory.data(&store).to_vec());
    Seen {
        results,
        globals,
        memory,
    }
}

struct Engines {
    flag: Engine,
    plain: Engine,
}

impl Engines {
    fn new() -> Self {
        let mut flag = engine::config(OptLevel::Speed);
        flag.cranelift_nan_canonicalization(true);
        Self {
            flag: Engine::new(&flag).unwrap(),
            plain: engine::engine().unwrap(),
        }
    }

    /// What every machine sees of a module, which must not depend on who canonicalises.
    fn same(&self, wasm: &[u8], text: &str) -> Seen {
        let flag = run(&self.flag, wasm);
        assert_eq!(
            flag,
            run(&self.plain, &rewrite(wasm).unwrap()),
            "rewritten\n{text}"
        );
        let noisy = rewrite_with(wasm, true).unwrap();
        assert_eq!(flag, run(&self.plain, &noisy), "with noise\n{text}");
        flag
    }

    fn bits(&self, body: &str) -> Vec<u128> {
        let text = format!(
            r#"(module (memory (export "memory") 1)
            (data (i32.const 0) "\01\00\00\00\00\00\f4\ff\01\00\a0\7f\01\00\a0\ff")
            (global $g (export "g0") (mut f64) (f64.const 0))
            (func $wild (result f64) (f64.div (f64.const 0) (f64.const 0)))
            (func $keep (param f64) (result f64) (local.get 0))
            (func (export "go") {body}))"#
        );
        self.same(&wat::parse_str(&text).unwrap(), &text)
            .results
            .unwrap()
    }
}

const QUIET: u128 = 0x7ff8_0000_0000_0000;
const MINUS: u128 = 0xfff8_0000_0000_0000;
const LOADED: u128 = 0xfff4_0000_0000_0001;

#[test]
fn arithmetic_gives_one_nan() {
    let engines = Engines::new();
    let wild = "(f64.div (f64.const 0) (f64.const 0))";
    let loaded = "(f64.load (i32.const 0))";
    for (body, expected) in [
        (format!("(result f64) {wild}"), QUIET),
        (format!("(result f64) (f64.neg {wild})"), MINUS),
        (format!("(result f64) (f64.abs (f64.neg {wild}))"), QUIET),
        (format!("(result f64) (f64.neg (f64.neg {wild}))"), QUIET),
        (
            format!("(result f64) (f64.copysign (f64.const -nan:0x8000000000001) {wild})"),
            0x7ff8_0000_0000_0001,
        ),
        (
            format!("(result f64) (f64.copysign {wild} (f64.const -1))"),
            MINUS,
        ),
        (format!("(result f64) {loaded}"), LOADED),
        (
            format!("(result f64) (f64.neg {loaded})"),
            LOADED & !(1 << 63),
        ),
        (
            format!("(result f64) (f64.add {loaded} (f64.const 0))"),
            QUIET,
        ),
    ] {
        assert_eq!(engines.bits(&body), [expected], "{body}");
    }
}

#[test]
fn moving_a_nan_keeps_every_bit() {
    let engines = Engines::new();
    let wild = "(f64.div (f64.const 0) (f64.const 0))";
    let loaded = "(f64.load (i32.const 0))";
    for (body, expected) in [
        // A NaN that only travels keeps its bits, through calls, locals and globals too.
        (format!("(result f64) (call $keep {loaded})"), LOADED),
        (
            format!("(result f64) (local f64) (local.set 0 {loaded}) (local.get 0)"),
            LOADED,
        ),
        (
            format!("(result f64) (global.set $g {loaded}) (global.get $g)"),
            LOADED,
        ),
        (
            format!("(result f64) (f64.store (i32.const 8) {loaded}) (f64.load (i32.const 8))"),
            LOADED,
        ),
        (
            format!("(result i64) (i64.reinterpret_f64 (call $keep {wild}))"),
            QUIET,
        ),
        // A local that is loaded first and computed later, in a loop that is not entered.
        (
            format!(
                "(result f64) (local f64 i32) (local.set 0 {loaded})
            (block $out (loop $l (br_if $out (i32.eqz (local.get 1)))
                (local.set 0 (f64.add (local.get 0) (f64.const 1)))
                (local.set 1 (i32.const 0)) (br $l))) (local.get 0)"
            ),
            LOADED,
        ),
        // One branch computes, the other does not.
        (
            format!(
                "(result f64) (local f64) (local.set 0 {loaded})
            (if (i32.load (i32.const 0)) (then (local.set 0 {wild}))) (local.get 0)"
            ),
            QUIET,
        ),
        (
            format!("(result f64) (select {wild} {loaded} (i32.const 0))"),
            LOADED,
        ),
        (
            format!(
                "(result f64) (f64x2.extract_lane 1 (f64x2.add (f64x2.splat {loaded})
            (f64x2.splat (f64.const 1))))"
            ),
            QUIET,
        ),
        (
            "(result f64) (f64.promote_f32 (f32.load (i32.const 8)))".into(),
            QUIET,
        ),
        (
            "(result f32) (f32.demote_f64 (f64.load (i32.const 0)))".into(),
            0x7fc0_0000,
        ),
        ("(result f32) (f32.load (i32.const 12))".into(), 0xffa0_0001),
    ] {
        assert_eq!(engines.bits(&body), [expected], "{body}");
    }
}

#[test]
fn nothing_shows_which_nan_a_machine_gives() {
    let engines = Engines::new();
    let mut nans = 0;
    for seed in 0..60_u32 {
        let mut chance = vec![0; 1_200];
        let mut hasher = blake3::Hasher::new_derive_key("programs that do all with NaNs");
        hasher
            .update(&seed.to_le_bytes())
            .finalize_xof()
            .fill(&mut chance);
        let text = programs::program(&chance);
        let seen = engines.same(&wat::parse_str(&text).unwrap(), &text);
        let is_nan = |at: &[u8]| f64::from_le_bytes(at.try_into().unwrap()).is_nan();
        nans += seen.memory[..600]
            .chunks_exact(8)
            .filter(|at| is_nan(at))
            .count();
    }
    assert!(nans > 100, "only {nans} NaNs were stored");
}

/// How many remedies a body has, by the constants they bring.
fn remedies(body: &str) -> usize {
    let text = format!(r#"(module (memory 1) (func (export "run") {body}))"#);
    let rewritten = rewrite(&wat::parse_str(text).unwrap()).unwrap();
    let nan = [
        &[super::emit::F64_CONST][..],
        &[0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
    ]
    .concat();
    rewritten.windows(9).filter(|at| *at == nan).count()
}

#[test]
fn only_what_is_seen_is_remedied() {
    let load = "(f64.load (i32.const 0))";
    for (body, expected) in [
        // Loads and constants are what they are.
        (format!("(f64.store (i32.const 8) {load})"), 0),
        ("(f64.store (i32.const 8) (f64.const 1))".into(), 0),
        // A chain is remedied once, at its end.
        (
            format!(
                "(f64.store (i32.const 8) (f64.add (f64.mul {load} {load}) (f64.sqrt {load})))"
            ),
            1,
        ),
        // A comparison sees no bits.
        (format!("(drop (f64.lt (f64.add {load} {load}) {load}))"), 0),
        // A sum that begins with a load, in a loop that runs at least once: once, after the loop.
        (
            format!(
                "(local f64 i32) (local.set 0 {load}) (loop $l
            (local.set 0 (f64.add (local.get 0) {load}))
            (br_if $l (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
            (f64.store (i32.const 8) (local.get 0))"
            ),
            1,
        ),
    ] {
        assert_eq!(remedies(&body), expected, "{body}");
    }
}

#[test]
fn a_module_without_floats_stays_as_it_is_but_for_its_names() {
    let text = r#"(module $named (memory (export "memory") 1)
        (func $go (export "_start") (drop (i32.load (i32.const 0)))))"#;
    let wasm = wat::parse_str(text).unwrap();
    let rewritten = rewrite(&wasm).unwrap();
    assert!(wasm.starts_with(&rewritten) && rewritten.len() < wasm.len());
    assert_eq!(rewrite(&rewritten).unwrap(), rewritten);
}

#[test]
fn what_grows_too_large_is_refused_with_its_place() {
    let many = "(drop (i64.reinterpret_f64 (f64.neg (f64.sqrt (f64.const 1)))))".repeat(300_000);
    let text = format!(r#"(module (memory (export "memory") 1) (func (export "_start") {many}))"#);
    let wasm = wat::parse_str(text).unwrap();
    let refused = crate::check_module(&wasm, UnknownImports::Refuse, Profile::WASM_3)
        .unwrap_err()
        .to_string();
    assert!(refused.starts_with("the function at byte "), "{refused}");
    let full = r#"(module (memory (export "memory") 1)
        (func $full (result f64) (local i32) (f64.sqrt (f64.const 1)))
        (func (export "_start") (drop (call $full))))"#;
    let full = full.replace("(local i32)", &format!("(local {})", "i32 ".repeat(50_000)));
    let refused = crate::check_module(
        &wat::parse_str(full).unwrap(),
        UnknownImports::Refuse,
        Profile::WASM_3,
    )
    .unwrap_err()
    .to_string();
    assert!(refused.starts_with("the function at byte "), "{refused}");
}

#[test]
fn every_instruction_of_the_profile_is_known_and_no_proposal_has_grown() {
    // How many instructions each proposal had when `effect` was written.
    let mut counts = std::collections::BTreeMap::new();
    macro_rules! count {
        ($(@$proposal:ident $op:ident $({ $($arg:ident: $type:ty),* })? => $visit:ident
            ($($ann:tt)*))*) => {
            $(*counts.entry(stringify!($proposal)).or_insert(0) += 1;)*
        };
    }
    wasmparser::for_each_operator!(count);
    for (proposal, count) in [
        ("mvp", 172),
        ("sign_extension", 5),
        ("saturating_float_to_int", 8),
        ("bulk_memory", 7),
        ("reference_types", 10),
        ("tail_call", 2),
        ("simd", 236),
        ("relaxed_simd", 20),
        ("threads", 67),
        ("exceptions", 3),
    ] {
        assert_eq!(counts.get(proposal), Some(&count), "{proposal}");
    }
}
