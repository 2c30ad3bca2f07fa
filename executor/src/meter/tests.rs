//! What a module counts, against the fuel of wasmtime, and that nothing goes on without any.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use wasmtime::{Engine, Instance, Module, OptLevel, Store, Trap, Val};

use super::{Gauge, rewrite};
use crate::nan::programs;
use crate::passes::{NotRewritten, number, signed};
use crate::{engine, nan};

/// More than any of these programs uses.
const PLENTY: u64 = 1 << 50;

/// What a run answered, or that it trapped, and what it used.
type Ran = (Result<Vec<String>, Option<Trap>>, u64);

fn call(store: &mut Store<()>, instance: &Instance) -> Result<Vec<String>, Option<Trap>> {
    let go = instance
        .get_func(&mut *store, "go")
        .or_else(|| instance.get_func(&mut *store, "run"));
    let go = go.unwrap();
    let mut results = vec![Val::I32(0); go.ty(&*store).results().len()];
    match go.call(&mut *store, &[], &mut results) {
        Ok(()) => Ok(results.iter().map(|value| format!("{value:?}")).collect()),
        Err(error) => Err(error.downcast_ref::<Trap>().copied()),
    }
}

struct Engines {
    plain: Engine,
    counting: Engine,
}

impl Engines {
    fn new() -> Self {
        let mut counting = engine::config(OptLevel::Speed);
        counting.consume_fuel(true);
        // The programs of chance look at the bits of NaNs.
        counting.cranelift_nan_canonicalization(true);
        Self {
            plain: engine::engine().unwrap(),
            counting: Engine::new(&counting).unwrap(),
        }
    }

    fn wasmtimes(&self, wasm: &[u8]) -> Ran {
        let module = Module::new(&self.counting, wasm).unwrap();
        let mut store = Store::new(&self.counting, ());
        store.set_fuel(PLENTY).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        // Where data are not mapped, wasmtime counts how they are put into their places.
        store.set_fuel(PLENTY).unwrap();
        let answer = call(&mut store, &instance);
        (answer, PLENTY - store.get_fuel().unwrap())
    }

    /// What a run with so much fuel answers and leaves.
    fn with(&self, wasm: &[u8], fuel: u64) -> (Result<Vec<String>, Option<Trap>>, Option<u64>) {
        let rewritten = nan::rewrite(&rewrite(wasm).unwrap()).unwrap();
        let module = Module::new(&self.plain, rewritten).unwrap();
        let mut store = Store::new(&self.plain, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let gauge = Gauge::of(&mut store, &instance).unwrap();
        gauge.set(&mut store, fuel).unwrap();
        let answer = call(&mut store, &instance);
        if gauge.stopped(&mut store) {
            assert_eq!(answer, Err(Some(Trap::UnreachableCodeReached)));
            return (Err(Some(Trap::OutOfFuel)), None);
        }
        (answer, gauge.left(&mut store))
    }

    /// Both count the same, and one unit less than that is not enough.
    fn same(&self, wasm: &[u8], what: &str) -> u64 {
        let (answer, used) = self.wasmtimes(wasm);
        let (found, left) = self.with(wasm, PLENTY);
        assert_eq!(found, answer, "{what}");
        if answer.is_err() {
            // What ends in a trap is billed at its limit, whatever was counted.
            return 0;
        }
        assert_eq!(left, Some(PLENTY - used), "{what}");
        assert_eq!(self.with(wasm, used), (answer, Some(0)), "{what}");
        let (_, left) = self.with(wasm, used - 1);
        assert_eq!(left, None, "{what}");
        used
    }
}

fn module(rest: &str) -> Vec<u8> {
    let text = format!(
        r#"(module (type $n (func (result i32)))
        (memory (export "memory") 1) (table $t 8 funcref) (tag $e (param i32)) (tag $other)
        (global $g (mut i32) (i32.const 3))
        (data $d "twelve bytes") (elem $s func $leaf $leaf) (elem declare func $leaf)
        (func $leaf (result i32) (i32.const 1))
        (func $thrower (param i32) (if (local.get 0) (then (throw $e (local.get 0)))))
        (func $out (param i32)
            (loop $l (br_if 1 (i32.eqz (local.get 0)))
                (br_table $l 1 $l (local.tee 0 (i32.add (local.get 0) (i32.const 1))))))
        {rest})"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Bodies of `go`, each with something that leaves a stretch of instructions.
const BODIES: [&str; 24] = [
    "(i32.const 1)",
    "nop (drop (i32.const 1)) (i32.const 2)",
    "(return (i32.const 3)) (drop (i32.const 4))",
    "(block (br 0) (drop (i32.const 1))) (i32.const 5)",
    // Out of the function, by every branch there is, with and without a loop.
    "(br 0 (i32.const 1))",
    "(br_if 0 (i32.const 1) (global.get $g)) drop (i32.const 2)",
    "(loop $l (result i32) (br_if 1 (i32.const 1) (global.get $g)) drop (br $l))",
    "(block (result i32) (br_table 0 1 0 (i32.const 1) (global.get $g)))",
    "(call $out (i32.const 0)) (call $out (i32.const -4)) (i32.const 1)",
    "(local i32) (loop $l (result i32)
        (block (br_table $l 0 1 (local.tee 0 (i32.add (local.get 0) (i32.const 1)))))
        (local.get 0))",
    "(if (result i32) (global.get $g) (then (i32.const 1)) (else nop (i32.const 2)))",
    "(if (global.get $g) (then (return (i32.const 1)))) (unreachable)",
    "(loop $l (if (global.get $g) (then
        (global.set $g (i32.sub (global.get $g) (i32.const 1)))
        (drop (call $leaf)) (br $l)))) (call $leaf)",
    "(table.set (i32.const 2) (ref.func $leaf))
     (loop $l (drop (call_indirect (type $n) (i32.const 2)))
        (br_if $l (global.set $g (i32.sub (global.get $g) (i32.const 1))) (global.get $g)))
     (call_indirect (type $n) (i32.const 2))",
    "(loop (return_call $leaf)) (unreachable)",
    "(table.set (i32.const 2) (ref.func $leaf)) (return_call_indirect (type $n) (i32.const 2))",
    // Many bytes and elements at once, few and many, known before and not.
    "(memory.fill (i32.const 0) (i32.const 7) (i32.const 128))
     (memory.fill (i32.const 0) (i32.const 7) (i32.const 129))
     (memory.fill (i32.const 0) (i32.const 7) (i32.mul (global.get $g) (i32.const 1000)))
     (i32.load (i32.const 2996))",
    "(memory.copy (i32.const 9) (i32.const 0) (i32.const 60000))
     (memory.init $d (i32.const 0) (i32.const 0) (i32.add (global.get $g) (i32.const 9)))
     (data.drop $d) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 0)",
    "(table.init $t $s (i32.const 0) (i32.const 0) (i32.const 2)) (elem.drop $s)
     (table.copy $t $t (i32.const 3) (i32.const 0) (global.get $g))
     (table.fill $t (i32.const 0) (ref.null func) (global.get $g))
     (drop (table.grow $t (ref.null func) (i32.mul (global.get $g) (i32.const 100))))
     (table.size $t)",
    "(memory.grow (i32.const 3))",
    "(memory.grow (global.get $g))",
    // Thrown and caught, here and further out, in a loop too.
    "(block $h (result i32)
        (try_table (catch $e $h) (call $thrower (i32.const 0)) (call $thrower (i32.const 5)))
        (i32.const 1))",
    "(loop $l (block $h (try_table (catch_all $h)
            (call $thrower (global.get $g)) (return (i32.const 8))))
        (global.set $g (i32.sub (global.get $g) (i32.const 1))) (br $l)) (unreachable)",
    "(try_table (result i32) (catch $e 0) (throw $e (i32.const 6)))",
];

#[test]
fn counts_are_those_of_wasmtime() {
    let engines = Engines::new();
    for body in BODIES {
        // The same with and without a loop before it: what is left is then in a local, or not.
        let turned = match body.strip_prefix("(local i32)") {
            Some(body) => format!("(local i32) (loop) {body}"),
            None => format!("(loop) {body}"),
        };
        for body in [body, &turned] {
            let text = format!("(func (export \"go\") (result i32) {body})");
            engines.same(&module(&text), body);
        }
    }
}

#[test]
fn counts_of_programs_of_chance_are_those_of_wasmtime() {
    let engines = Engines::new();
    let mut all = 0;
    for seed in 0..40_u32 {
        let mut chance = vec![0; 1_200];
        let mut hasher = blake3::Hasher::new_derive_key("programs that count their work");
        hasher.update(&seed.to_le_bytes());
        hasher.finalize_xof().fill(&mut chance);
        let text = programs::program(&chance);
        all += engines.same(&wat::parse_str(&text).unwrap(), &text);
    }
    assert!(all > 1_000, "{all}");
}

#[test]
fn counts_of_kernels_are_those_of_wasmtime() {
    let engines = Engines::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/jobs/kernels");
    for kernel in ["mandelbrot", "nbody"] {
        let wasm = std::fs::read(folder.join(format!("{kernel}.wasm"))).unwrap();
        let used = engines.same(&wasm, kernel);
        assert!(used > 10_000_000, "{kernel}: {used}");
    }
}

#[test]
fn nothing_goes_on_without_fuel() {
    let engines = Engines::new();
    for body in [
        "(loop $l (br $l)) unreachable",
        "(loop $l (br_if $l (i32.const 1))) unreachable",
        "(loop $l (block (br_table $l 0 (i32.const 0)))) unreachable",
        "(return_call $again)",
        "(return_call_indirect (type $n) (i32.const 0))",
        "(loop $l (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)) (br $l)) unreachable",
        "(loop $l (drop (call $leaf)) (br $l)) unreachable",
        "(loop $l (block $h (try_table (catch_all $h) (throw $other))) (br $l)) unreachable",
        "(drop (call $fib (i32.const 60))) (i32.const 1)",
    ] {
        let wasm = module(&format!(
            "(func $again (export \"go\") (result i32) {body})
            (elem (i32.const 0) $again)
            (func $fib (param i32) (result i32)
                (if (i32.lt_u (local.get 0) (i32.const 2)) (then (return (i32.const 1))))
                (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                    (call $fib (i32.sub (local.get 0) (i32.const 2)))))"
        ));
        for fuel in [0, 1, 10, 1_000_000] {
            let out = (Err(Some(Trap::OutOfFuel)), None);
            assert_eq!(engines.with(&wasm, fuel), out, "{body}");
        }
    }
}

#[test]
fn what_the_module_has_is_left_alone() {
    // No globals, no exports; imports only; and its own `unreachable`, with fuel left.
    let engine = engine::engine().unwrap();
    for text in [
        "(module)",
        "(module (func))",
        "(module (import \"a\" \"b\" (func)) (memory 1) (data (i32.const 0) \"x\"))",
        "(module (table 1 funcref) (elem (i32.const 0) $f) (func $f))",
        "(module (tag) (global i32 (i32.const 1)) (func (export \"go\")))",
    ] {
        let rewritten = rewrite(&wat::parse_str(text).unwrap()).unwrap();
        Module::new(&engine, rewritten).unwrap_or_else(|error| panic!("{text}: {error:#}"));
    }
    let trap = module("(func (export \"go\") (loop) unreachable)");
    let answer = Err(Some(Trap::UnreachableCodeReached));
    assert_eq!(Engines::new().with(&trap, PLENTY).0, answer);
    let taken = "(module (global i32 (i32.const 1)) (export \"tallygrid fuel left\" (global 0)))";
    let refused = rewrite(&wat::parse_str(taken).unwrap());
    let name = "tallygrid fuel left".to_owned();
    assert_eq!(refused, Err(NotRewritten::Taken(name)));
}

#[test]
fn numbers_are_written_as_they_are_read() {
    let mut written = Vec::new();
    for value in [
        0,
        1,
        63,
        64,
        127,
        128,
        8_191,
        8_192,
        i64::MAX,
        -1,
        -64,
        -65,
        i64::MIN,
    ] {
        written.clear();
        signed(&mut written, value);
        let mut reader = wasmparser::BinaryReader::new(&written, 0);
        assert_eq!(reader.read_var_i64().unwrap(), value);
        assert!(reader.eof());
    }
    for value in [0, 1, 127, 128, 16_383, 16_384, u32::MAX] {
        written.clear();
        number(&mut written, value);
        let mut reader = wasmparser::BinaryReader::new(&written, 0);
        assert_eq!(reader.read_var_u32().unwrap(), value);
        assert!(reader.eof());
    }
}
