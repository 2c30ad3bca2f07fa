//! Guests that do what machines do differently, each with chance of its own task: any bits as
//! floats, vectors, growing memory, exceptions, calls by table, and every kind of end.
#![allow(dead_code, missing_docs, unreachable_pub)]

/// A guest's name, the items of its module, and what it does with the 4 KiB of chance at 4096; what
/// it leaves at 8192 is shown. `#8` goes around again, 8 bytes on.
pub const GUESTS: [(&str, &str, &str); 10] = [
    (
        "floats",
        "",
        "(local.set $x (f64.load (i32.const 4096)))
        (loop $l
            (local.set $x (f64.add (f64.mul (local.get $x) (f64.const 0.5))
                (f64.sqrt (f64.load offset=4096 (local.get $i)))))
            (f64.store offset=8192 (local.get $i) (f64.max (local.get $x)
                (f64.div (f64.load offset=4096 (local.get $i))
                    (f64.load offset=4104 (local.get $i)))))
            (f32.store offset=8196 (local.get $i) (f32.demote_f64 (local.get $x)))
            (if (f64.ne (local.get $x) (local.get $x)) (then
                (local.set $x (f64.load offset=4100 (local.get $i)))))
            #8)",
    ),
    (
        "signs",
        "(func $pass (param f64) (result f64) (local.get 0))",
        "(loop $l
            (local.set $x (f64.load offset=4096 (local.get $i)))
            (local.set $y (f64.sub (f64.load offset=4104 (local.get $i)) (local.get $x)))
            (f64.store offset=8192 (local.get $i) (f64.neg (local.get $x)))
            (f64.store offset=8200 (local.get $i) (f64.neg (local.get $y)))
            (f64.store offset=8208 (local.get $i) (f64.copysign (local.get $x) (local.get $y)))
            (f64.store offset=8216 (local.get $i) (call $pass (f64.abs (local.get $y))))
            (i64.store offset=8224 (local.get $i) (i64.reinterpret_f64
                (select (call $pass (local.get $x)) (f64.ceil (local.get $y)) (local.get $i))))
            #40)",
    ),
    (
        "vectors",
        "",
        "(local.set $v (v128.load (i32.const 4096)))
        (loop $l
            (local.set $v (f32x4.relaxed_madd (local.get $v) (v128.load offset=4096 (local.get $i))
                (f32x4.sqrt (v128.load offset=4112 (local.get $i)))))
            (v128.store offset=8192 (local.get $i) (f64x2.min
                (f64x2.promote_low_f32x4 (local.get $v)) (v128.load offset=4096 (local.get $i))))
            (v128.store offset=8208 (local.get $i) (i32x4.relaxed_trunc_f32x4_s (local.get $v)))
            (v128.store offset=8224 (local.get $i) (i8x16.relaxed_swizzle
                (v128.load offset=4096 (local.get $i)) (local.get $v)))
            #48)",
    ),
    (
        "growth",
        "",
        "(loop $l
            (i32.store offset=8192 (local.get $i) (memory.grow
                (i32.and (i32.load offset=4096 (local.get $i)) (i32.const 63))))
            (f64.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 8))
                (f64.mul (f64.load offset=4096 (local.get $i)) (f64.const 3)))
            (i64.store offset=8200 (local.get $i)
                (i64.load (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 8))))
            #152)",
    ),
    (
        "too much memory",
        "",
        "(loop $l (drop (memory.grow (i32.and (i32.load (i32.const 4096)) (i32.const 63))))
            (drop (memory.grow (i32.const 16))) (br $l))",
    ),
    (
        "endless",
        "",
        "(loop $l (f64.store (i32.const 8192) (f64.sqrt (f64.const -1))) (br $l))",
    ),
    (
        "conversions",
        "",
        "(loop $l
            (i32.store offset=8192 (local.get $i)
                (i32.trunc_sat_f64_s (f64.load offset=4096 (local.get $i))))
            (if (i32.eqz (i32.and (i32.load offset=4096 (local.get $i)) (i32.const 127))) (then
                (i64.store offset=8200 (local.get $i)
                    (i64.trunc_f64_s (f64.load offset=4096 (local.get $i))))))
            #8)",
    ),
    (
        "exceptions",
        "(tag $e (param f64 f32))
        (func $fly (param f64) 
            (throw $e (f64.div (local.get 0) (f64.const 0)) (f32.demote_f64 (local.get 0))))",
        "(loop $l
            (block $caught (result f64 f32)
                (try_table (catch $e $caught) (call $fly (f64.load offset=4096 (local.get $i))))
                (f64.const 1) (f32.const 2))
            (local.set $f) (local.set $x)
            (f64.store offset=8192 (local.get $i) (local.get $x))
            (f32.store offset=8200 (local.get $i) (local.get $f))
            #32)",
    ),
    (
        "tables",
        "(type $turn (func (param f64) (result f64)))
        (table 3 funcref) (elem (i32.const 0) $up $down)
        (func $up (type $turn) (f64.add (f64.sqrt (local.get 0)) (f64.const 0.5)))
        (func $down (type $turn) 
            (return_call_indirect (type $turn) (f64.neg (local.get 0)) (i32.const 0)))",
        "(loop $l
            (local.set $x (call_indirect (type $turn) (local.get $x)
                (i32.shr_u (i32.load8_u offset=4096 (local.get $i)) (i32.const 7))))
            (f64.store offset=8192 (local.get $i) (local.get $x))
            #8)
        (if (i32.eqz (i32.and (i32.load (i32.const 4096)) (i32.const 3))) (then
            (drop (call_indirect (type $turn) (local.get $x) (i32.const 2)))))",
    ),
    (
        "ends",
        "(func $end (param i32)
            (block $a (block $b (block $c (block $d (br_table $a $b $c $d (local.get 0)))
            (drop (i32.load (i32.const -4))) (return))
            (drop (i32.div_s (i32.const 1) (i32.const 0))) (return))
            unreachable)
            (call $exit (i32.const 7)))",
        "(f64.store (i32.const 8192) (f64.sqrt (f64.load (i32.const 4096))))
        (call $show) (call $end (i32.and (i32.load (i32.const 4096)) (i32.const 3)))",
    ),
];

/// The text of a guest's module.
pub fn guest((_, items, body): (&str, &str, &str)) -> String {
    let mut body = body.to_owned();
    for step in ["8", "152", "32", "40", "48"] {
        let next = format!(
            "(br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const {step})))
                (i32.const 3072)))"
        );
        body = body.replace(&format!("#{step})"), &format!("{next})"));
    }
    format!(
        r#"(module
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
            (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        {items}
        (func $show
            (i32.store (i32.const 0) (i32.const 8192)) (i32.store (i32.const 4) (i32.const 4096))
            (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))
        (func (export "_start") (local $i i32) (local $x f64) (local $y f64) (local $f f32)
            (local $v v128)
            (drop (call $random (i32.const 4096) (i32.const 4096)))
            {body}
            (call $show)))"#
    )
}

/// A guest that runs in steps: 200 of them, each of some million units of work, that leaves a NaN,
/// takes chances, prints, and now and then asks for memory.
pub const STEPS: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write"
        (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (global $left (mut i32) (i32.const 200))
    (global $x (mut f64) (f64.const 1))
    (func (export "init") (i64.store (i32.const 64) (i64.const 1)))
    (func (export "step") (result i32) (local $i i32)
        (drop (call $random (i32.const 72) (i32.const 8)))
        (local.set $i (i32.const 1000000))
        (loop $l
            (i64.store (i32.const 64) (i64.add (i64.load (i32.const 72)) (i64.mul
                (i64.load (i32.const 64)) (i64.const 6364136223846793005))))
            (global.set $x (f64.sqrt (f64.sub (global.get $x) (f64.convert_i32_u
                (i32.and (i32.load (i32.const 68)) (i32.const 1))))))
            (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
        (f64.store (i32.const 80) (global.get $x))
        (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 24))
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
        (global.set $x (f64.const 3))
        (if (i32.eqz (i32.rem_u (global.get $left) (i32.const 67)))
            (then (drop (memory.grow (i32.const 1)))))
        (global.set $left (i32.sub (global.get $left) (i32.const 1)))
        (global.get $left)))"#;
