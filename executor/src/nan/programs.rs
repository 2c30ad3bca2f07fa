//! Programs made of chance that do all they can with NaNs: whatever bytes are given, a valid module
//! comes out, which ends by itself. Shared by the tests beside this file and by `executor/fuzz`.

use std::fmt::Write as _;

/// Values that arithmetic treats specially, and a few ordinary ones.
const F32: [&str; 10] = [
    "nan",
    "-nan",
    "nan:0x200001",
    "-nan:0x400123",
    "inf",
    "-inf",
    "-0",
    "0",
    "1.5",
    "3e38",
];
const F64: [&str; 10] = [
    "nan",
    "-nan",
    "nan:0x4000000000001",
    "-nan:0x8000000000123",
    "inf",
    "-inf",
    "-0",
    "0",
    "-2.5",
    "1e308",
];
const BINARY: [&str; 6] = ["add", "sub", "mul", "div", "min", "max"];
const UNARY: [&str; 7] = ["neg", "abs", "sqrt", "ceil", "floor", "trunc", "nearest"];
const TESTS: [&str; 6] = ["eq", "ne", "lt", "gt", "le", "ge"];
/// How many functions there are; each may call those before it.
const FUNCTIONS: usize = 3;
/// Loops go around so often, and so deep.
const TURNS: usize = 3;
const LOOPS_DEEP: usize = 2;
const SIGNATURE: &str = "(param $a0 f32) (param $b0 f64) (param $v0 v128) (param $i0 i32)
    (result f32 f64 v128)";
const LOCALS: &str = "(local $a1 f32) (local $b1 f64) (local $v1 v128) (local $i1 i32)
    (local $a2 f32) (local $b2 f64) (local $v2 v128) (local $c0 i32) (local $c1 i32)";

/// The text of a module with a memory, globals `g0` to `g2`, and `go`, which takes nothing.
pub(crate) fn program(chance: &[u8]) -> String {
    let mut writer = Writer {
        chance,
        calls: 0,
        loops: 0,
        depth: 0,
    };
    let mut text = String::from(
        r#"(module (memory (export "memory") 1) (tag $e (param f32 f64 v128))
        (global $g0 (export "g0") (mut f32) (f32.const nan:0x300000))
        (global $g1 (export "g1") (mut f64) (f64.const -nan:0xc000000000000))
        (global $g2 (export "g2") (mut v128) (v128.const i32x4 0x7fa00000 0xffc00001 1 0x7ff80000))
        (data (i32.const 0) "\01\00\00\00\00\00\f4\7f\01\00\a0\ff\00\00\f8\7f\00\00\c0\7f")
        "#,
    );
    for number in 0..FUNCTIONS {
        writer.calls = number;
        let body = writer.body(6);
        let (a, b, v) = (writer.f32(4), writer.f64(4), writer.v128(4));
        write!(
            text,
            "(func $f{number} {SIGNATURE} {LOCALS}\n{body}\n{a} {b} {v})\n"
        )
        .expect("a string takes all text");
    }
    writer.calls = 0;
    let (a, b, v) = (writer.pick(&F32), writer.pick(&F64), writer.pick(&F64));
    write!(
        text,
        r#"(func (export "go") (result f32 f64 v128)
        (call $f{last} (f32.const {a}) (f64.const {b}) (v128.const f64x2 {v} 1) (i32.const 3))))"#,
        last = FUNCTIONS - 1,
    )
    .expect("a string takes all text");
    text
}

struct Writer<'a> {
    chance: &'a [u8],
    calls: usize,
    loops: usize,
    depth: usize,
}

impl Writer<'_> {
    /// A number below `count`; 0 when no chance is left.
    fn draw(&mut self, count: usize) -> usize {
        let Some((first, rest)) = self.chance.split_first() else {
            return 0;
        };
        self.chance = rest;
        usize::from(*first) % count
    }

    fn pick<'t>(&mut self, among: &[&'t str]) -> &'t str {
        among[self.draw(among.len())]
    }

    fn body(&mut self, most: usize) -> String {
        self.depth += 1;
        let count = if self.depth > 5 {
            1
        } else {
            self.draw(most) + 1
        };
        let mut text = String::new();
        for _ in 0..count {
            if self.chance.is_empty() {
                break;
            }
            text.push_str(&self.statement());
            text.push('\n');
        }
        self.depth -= 1;
        text
    }

    fn statement(&mut self) -> String {
        let near = self.draw(3);
        match self.draw(17) {
            0 | 1 => format!("(local.set $a{near} {})", self.f32(4)),
            2 | 3 => format!("(local.set $b{near} {})", self.f64(4)),
            4 | 5 => format!("(local.set $v{near} {})", self.v128(4)),
            6 => format!("(local.set $i1 {})", self.i32(3)),
            7 => format!("(f32.store offset=8 {} {})", self.address(), self.f32(3)),
            8 => format!("(f64.store offset=8 {} {})", self.address(), self.f64(3)),
            9 => format!("(v128.store offset=8 {} {})", self.address(), self.v128(3)),
            10 => match near {
                0 => format!("(global.set $g0 {})", self.f32(3)),
                1 => format!("(global.set $g1 {})", self.f64(3)),
                _ => format!("(global.set $g2 {})", self.v128(3)),
            },
            11 => format!(
                "(if {} (then {}) (else {}))",
                self.i32(2),
                self.body(3),
                self.body(3)
            ),
            12 => self.turns(near),
            13 => format!(
                "(block $x (block $y (block $z (br_table $x $y $z {})) {}) {})",
                self.i32(2),
                self.body(2),
                self.body(2)
            ),
            14 => format!(
                "(block $k (result f32 f64 v128) (try_table (result f32 f64 v128) (catch $e $k)
                {} (if {} (then (throw $e {} {} {}))) {} {} {}))
                (local.set $v1) (local.set $b1) (local.set $a1)",
                self.body(3),
                self.i32(2),
                self.f32(3),
                self.f64(3),
                self.v128(3),
                self.f32(2),
                self.f64(2),
                self.v128(2),
            ),
            15 => format!(
                "(if {} (then (return {} {} {})))",
                self.i32(2),
                self.f32(3),
                self.f64(3),
                self.v128(3)
            ),
            _ => format!("(block $o (br_if $o {}) {})", self.i32(2), self.body(3)),
        }
    }

    fn turns(&mut self, form: usize) -> String {
        if self.loops == LOOPS_DEEP {
            return self.body(2);
        }
        let counter = format!("$c{}", self.loops);
        let turns = self.draw(TURNS) + 1;
        self.loops += 1;
        let body = self.body(4);
        self.loops -= 1;
        let less = format!("(i32.sub (local.get {counter}) (i32.const 1))");
        if form == 0 {
            format!(
                "(local.set {counter} (i32.const {turns})) (block $out (loop $l
                (br_if $out (i32.eqz (local.get {counter}))) (local.set {counter} {less})
                {body} (br $l)))"
            )
        } else {
            format!(
                "(local.set {counter} (i32.const {turns})) (loop $l
                {body} (br_if $l (local.tee {counter} {less})))"
            )
        }
    }

    fn address(&mut self) -> String {
        format!("(i32.and {} (i32.const 0xff))", self.i32(1))
    }

    /// Calls an earlier function, and keeps of its results what `then` leaves.
    fn call(&mut self, then: &str, kind: &str) -> Option<String> {
        let number = self.draw(self.calls.max(1));
        (self.calls > 0 && self.loops == 0).then(|| {
            format!(
                "(block (result {kind}) (call $f{number} {} {} {} {})
                (local.set $v1) (local.set $b1) (local.set $a1) {then})",
                self.f32(2),
                self.f64(2),
                self.v128(2),
                self.i32(1)
            )
        })
    }

    fn f32(&mut self, depth: usize) -> String {
        let near = self.draw(3);
        let leaf = depth == 0 || self.chance.is_empty();
        match if leaf { self.draw(3) } else { self.draw(18) } {
            0 | 1 => format!("(local.get $a{near})"),
            2 => format!("(f32.const {})", self.pick(&F32)),
            3..=6 => {
                let name = self.pick(&BINARY);
                format!(
                    "(f32.{name} {} {})",
                    self.f32(depth - 1),
                    self.f32(depth - 1)
                )
            }
            7 | 8 => format!("(f32.{} {})", self.pick(&UNARY), self.f32(depth - 1)),
            9 => format!(
                "(f32.copysign {} {})",
                self.f32(depth - 1),
                self.f32(depth - 1)
            ),
            10 => format!("(f32.demote_f64 {})", self.f64(depth - 1)),
            11 => format!("(f32.reinterpret_i32 {})", self.i32(depth - 1)),
            12 => format!("(f32.load {})", self.address()),
            13 => self.choice("f32", depth, Self::f32),
            14 => format!("(local.tee $a{near} {})", self.f32(depth - 1)),
            15 => {
                let lane = self.draw(4);
                format!("(f32x4.extract_lane {lane} {})", self.v128(depth - 1))
            }
            16 => self
                .call("(local.get $a1)", "f32")
                .unwrap_or_else(|| "(global.get $g0)".into()),
            _ => format!("(f32.convert_i32_s {})", self.i32(depth - 1)),
        }
    }

    fn f64(&mut self, depth: usize) -> String {
        let near = self.draw(3);
        let leaf = depth == 0 || self.chance.is_empty();
        match if leaf { self.draw(3) } else { self.draw(18) } {
            0 | 1 => format!("(local.get $b{near})"),
            2 => format!("(f64.const {})", self.pick(&F64)),
            3..=6 => {
                let name = self.pick(&BINARY);
                format!(
                    "(f64.{name} {} {})",
                    self.f64(depth - 1),
                    self.f64(depth - 1)
                )
            }
            7 | 8 => format!("(f64.{} {})", self.pick(&UNARY), self.f64(depth - 1)),
            9 => format!(
                "(f64.copysign {} {})",
                self.f64(depth - 1),
                self.f64(depth - 1)
            ),
            10 => format!("(f64.promote_f32 {})", self.f32(depth - 1)),
            11 => format!("(f64.reinterpret_i64 {})", self.i64(depth - 1)),
            12 => format!("(f64.load {})", self.address()),
            13 => self.choice("f64", depth, Self::f64),
            14 => format!("(local.tee $b{near} {})", self.f64(depth - 1)),
            15 => {
                let lane = self.draw(2);
                format!("(f64x2.extract_lane {lane} {})", self.v128(depth - 1))
            }
            16 => self
                .call("(local.get $b1)", "f64")
                .unwrap_or_else(|| "(global.get $g1)".into()),
            _ => format!("(f64.convert_i32_u {})", self.i32(depth - 1)),
        }
    }

    /// One of two values, or one that leaves a block early.
    fn choice(&mut self, kind: &str, depth: usize, of: fn(&mut Self, usize) -> String) -> String {
        let form = self.draw(3);
        let (a, b, when) = (of(self, depth - 1), of(self, depth - 1), self.i32(1));
        match form {
            0 => format!("(select {a} {b} {when})"),
            1 => format!("(if (result {kind}) {when} (then {a}) (else {b}))"),
            _ => format!("(block (result {kind}) (br_if 0 {a} {when}) (drop) {b})"),
        }
    }

    fn v128(&mut self, depth: usize) -> String {
        let near = self.draw(3);
        let lanes = ["f32x4", "f64x2"][self.draw(2)];
        let leaf = depth == 0 || self.chance.is_empty();
        match if leaf { self.draw(3) } else { self.draw(22) } {
            0 | 1 => format!("(local.get $v{near})"),
            2 => format!("(v128.const f64x2 {} {})", self.pick(&F64), self.pick(&F64)),
            3..=6 => {
                let name = self.pick(&BINARY);
                format!(
                    "({lanes}.{name} {} {})",
                    self.v128(depth - 1),
                    self.v128(depth - 1)
                )
            }
            7 | 8 => format!("({lanes}.{} {})", self.pick(&UNARY), self.v128(depth - 1)),
            9 => {
                let name = ["pmin", "pmax", "relaxed_min", "relaxed_max"][self.draw(4)];
                format!(
                    "({lanes}.{name} {} {})",
                    self.v128(depth - 1),
                    self.v128(depth - 1)
                )
            }
            10 => format!("(f32x4.splat {})", self.f32(depth - 1)),
            11 => format!("(f64x2.splat {})", self.f64(depth - 1)),
            12 => format!(
                "(f32x4.replace_lane 2 {} {})",
                self.v128(depth - 1),
                self.f32(depth - 1)
            ),
            13 => format!(
                "(f64x2.replace_lane 1 {} {})",
                self.v128(depth - 1),
                self.f64(depth - 1)
            ),
            14 => format!("(v128.load {})", self.address()),
            15 => self.choice("v128", depth, Self::v128),
            16 => {
                let name = ["relaxed_madd", "relaxed_nmadd"][self.draw(2)];
                let (a, b) = (self.v128(depth - 1), self.v128(depth - 1));
                format!("({lanes}.{name} {a} {b} {})", self.v128(depth - 1))
            }
            17 => format!("(f32x4.demote_f64x2_zero {})", self.v128(depth - 1)),
            18 => format!("(f64x2.promote_low_f32x4 {})", self.v128(depth - 1)),
            19 => {
                let name = ["v128.xor", "v128.or", "i32x4.add", "i8x16.swizzle"][self.draw(4)];
                format!("({name} {} {})", self.v128(depth - 1), self.v128(depth - 1))
            }
            20 => format!("(local.tee $v{near} {})", self.v128(depth - 1)),
            _ => match near {
                0 => format!("(f64x2.convert_low_i32x4_s {})", self.v128(depth - 1)),
                1 => format!("(i32x4.trunc_sat_f32x4_s {})", self.v128(depth - 1)),
                _ => format!(
                    "({lanes}.{} {} {})",
                    self.pick(&TESTS),
                    self.v128(1),
                    self.v128(1)
                ),
            },
        }
    }

    fn i32(&mut self, depth: usize) -> String {
        let leaf = depth == 0 || self.chance.is_empty();
        match if leaf { self.draw(3) } else { self.draw(9) } {
            0 => "(local.get $i0)".into(),
            1 => "(local.get $i1)".into(),
            2 => format!("(i32.const {})", self.draw(256)),
            3 => format!(
                "(f32.{} {} {})",
                self.pick(&TESTS),
                self.f32(1),
                self.f32(1)
            ),
            4 => format!(
                "(f64.{} {} {})",
                self.pick(&TESTS),
                self.f64(1),
                self.f64(1)
            ),
            5 => format!("(i32.reinterpret_f32 {})", self.f32(depth - 1)),
            6 => format!("(i32.trunc_sat_f64_s {})", self.f64(depth - 1)),
            7 => format!("(i32x4.extract_lane 3 {})", self.v128(depth - 1)),
            _ => format!("(i32.add {} {})", self.i32(depth - 1), self.i32(depth - 1)),
        }
    }

    fn i64(&mut self, depth: usize) -> String {
        match if depth == 0 { 0 } else { self.draw(4) } {
            0 => format!("(i64.load {})", self.address()),
            1 => format!("(i64.reinterpret_f64 {})", self.f64(depth - 1)),
            2 => format!("(i64x2.extract_lane 1 {})", self.v128(depth - 1)),
            _ => format!("(i64.extend_i32_s {})", self.i32(depth - 1)),
        }
    }
}
