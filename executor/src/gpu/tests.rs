//! What the checks let through, what they refuse and where, and what they make of it.

use protocol::job::{Blob, Job, Limits, Profile};
use protocol::kernel::{Buffer, Compare, Kernel, Pass, Program};
use protocol::units::{Bytes, Fuel, Millis};

use super::plan::Plan;
use super::refused::ShaderRefused;

fn compile(bytes: &[u8], job: &Job) -> Result<Plan, ShaderRefused> {
    super::compile(bytes, job).expect("this machine has a thread to spare")
}

fn job(buffers: usize) -> Job {
    let output = |n: usize| Buffer::Output {
        name: format!("out{n}"),
        size: Bytes::new(4_096),
    };
    let kernel = Kernel {
        buffers: (0..buffers).map(output).collect(),
        passes: vec![Pass {
            entry: "main".to_owned(),
            groups: [16, 1, 1],
        }],
        compare: Compare::Exact,
    };
    let limits = Limits {
        fuel: Fuel::new(1_000_000),
        memory: Bytes::new(1 << 20),
        output: Bytes::new(1 << 20),
        output_files: 4,
        wall_ms: Millis::new(1_000),
    };
    Job {
        profile: Profile::WGSL_1,
        program: Program::Wgsl(kernel),
        ..Job::once("test", Blob::of(b"x"), limits)
    }
}

/// A shader of two buffers, and what its entry point does.
fn shader(items: &str, body: &str) -> String {
    format!(
        "@group(0) @binding(0) var<storage, read_write> o: array<u32>;\n\
         @group(0) @binding(1) var<storage, read_write> s: array<atomic<u32>>;\n\
         {items}\n\
         @compute @workgroup_size(64)\n\
         fn main(@builtin(global_invocation_id) g: vec3<u32>,\n\
         @builtin(local_invocation_index) l: u32) {{\n\
         {body}\n}}\n"
    )
}

fn refusal(text: &str) -> String {
    match compile(text.as_bytes(), &job(2)) {
        Ok(plan) => panic!("not refused:\n{text}\n{}", plan.text),
        Err(refused) => refused.to_string(),
    }
}

#[test]
fn sound_shaders_are_written_anew() {
    for (items, body) in [
        ("", "o[g.x] = g.x;"),
        ("", "atomicAdd(&s[g.x % 7u], 1u); o[g.x] = o[g.x] + 1u;"),
        (
            "",
            "let x = f32(g.x) * 0.5 + 1.0; o[g.x] = bitcast<u32>(-x);",
        ),
        (
            "",
            "let v = vec3<f32>(1.0, 2.0, f32(g.x)); let w = v * v - v; o[g.x] = u32(w.z);",
        ),
        (
            "",
            "var a: array<i32, 4>; a[i32(g.x) - 2] = 1; o[g.x] = u32(a[1]) << g.x;",
        ),
        (
            "",
            "switch g.x { case 0u, 1u: { o[g.x] = 1u; } default: { return; } }",
        ),
        (
            "",
            "var i = 0u; loop { if i > g.x { break; } continuing { i++; break if i == 9u; } }",
        ),
        (
            "fn f(p: ptr<function, u32>) -> u32 { return *p + 1u; }",
            "var q = g.x; o[g.x] = f(&q);",
        ),
        (
            "var<workgroup> w: array<u32, 128>;",
            "for (var t = 0u; t < 4u; t++) { w[l * 2u] = t; workgroupBarrier(); \
             o[g.x] = w[(l + 9u) % 128u]; workgroupBarrier(); }",
        ),
        (
            "const N = 8u;",
            "for (var i = 0u; i < N; i++) { for (var j = i; j < N; j++) { o[g.x] += j; } }",
        ),
        (
            "struct P { a: u32, b: vec2<f32> } var<private> p: P;",
            "p.b.x = 2.0; o[g.x] = u32(p.b.x);",
        ),
        ("", "o[g.x] = arrayLength(&o) + clamp(g.x, 3u, 9u);"),
    ] {
        let text = shader(items, body);
        let plan = compile(text.as_bytes(), &job(2));
        let plan = plan.unwrap_or_else(|refused| panic!("{refused}\n{text}"));
        assert_eq!(plan.passes[0].entry, "tg_entry_aa");
        assert!(plan.text.contains("tg_turn"), "{}", plan.text);
        assert_eq!(
            plan,
            compile(text.as_bytes(), &job(2)).expect("the same again")
        );
    }
}

/// An array that a workgroup shares.
const W: &str = "var<workgroup> w: array<u32, 64>;";

/// Items, a body, and words of the refusal.
const REFUSED: &[(&str, &str, &str)] = &[
    ("", "o[g.x] = ;", "shader:7:"),
    ("", "o[g.x] = nothing;", "nothing"),
    ("", "o[g.x] = 1.5;", "shader:7:"),
    ("", "o[g.x] = tg_fuel;", "are the meter's"),
    ("override N: u32 = 3u;", "o[g.x] = N;", "override"),
    (
        "var<workgroup> b: array<u32, 5000>;",
        "o[g.x] = b[1];",
        "more than 16384",
    ),
    (
        "",
        "var a: array<u32, 3000>; o[g.x] = a[g.x];",
        "more than 8192 bytes together",
    ),
    (
        "fn f(x: u32) -> u32 { return f(x); }",
        "o[g.x] = f(1u);",
        "recursi",
    ),
    (
        "@group(0) @binding(2) var<storage, read> z: array<u32>;",
        "o[g.x] = z[0];",
        "below 2",
    ),
    (
        "@group(1) @binding(1) var<storage, read> z: array<u32>;",
        "o[g.x] = z[0];",
        "below 2",
    ),
    (
        "var<private> z: array<u32, 9>; @group(0) @binding(1) var<uniform> u: u32;",
        "",
        "only `storage`",
    ),
    (
        "",
        "let x = f32(g.x) / 3.0; o[g.x] = u32(x);",
        "float division",
    ),
    (
        "",
        "let x = sqrt(f32(g.x)); o[g.x] = u32(x);",
        "differs between devices",
    ),
    (
        "",
        "let x = sin(f32(g.x)); o[g.x] = u32(x);",
        "differs between devices",
    ),
    (
        "",
        "let x = f32(g.x) % 3.0; o[g.x] = u32(x);",
        "float division",
    ),
    (
        "",
        "let m = mat2x2<f32>(1.0, 2.0, 3.0, f32(g.x)); o[g.x] = u32((m * m)[0].x);",
        "matrices",
    ),
    ("", "o[g.x] = u32(f32(g.x) * 1e-40);", "subnormal"),
    (
        "",
        "let old = atomicAdd(&s[0], 1u); o[g.x] = old;",
        "who came first",
    ),
    ("", "o[0] = atomicExchange(&s[0], 1u);", "who came first"),
    ("", "atomicExchange(&s[0], 1u);", "no exchange"),
    (
        "",
        "let r = atomicCompareExchangeWeak(&s[0], 1u, 2u); if r.exchanged { return; }",
        "exchange",
    ),
    ("", "atomicStore(&s[0], g.x);", "who comes last"),
    (
        "",
        "atomicAdd(&s[0], 1u); atomicMax(&s[1], 5u);",
        "one kind of atomic",
    ),
    (
        "",
        "atomicAdd(&s[0], 1u); o[g.x] = atomicLoad(&s[1]);",
        "one kind of atomic",
    ),
    (W, "w[l] = 1u; o[g.x] = w[0];", "two ways between barriers"),
    (
        W,
        "for (var i = 0u; i < 4u; i++) { w[l] = i; workgroupBarrier(); o[g.x] = w[0]; }",
        "two ways",
    ),
    (
        W,
        "if l < 9u { workgroupBarrier(); } o[g.x] = w[0];",
        "outside branches",
    ),
    (
        W,
        "for (var i = 0u; i < g.x; i++) { workgroupBarrier(); } o[g.x] = w[0];",
        "constant number",
    ),
    (
        W,
        "if l > 3u { return; } workgroupBarrier(); o[g.x] = w[0];",
        "",
    ),
    (
        "var<workgroup> q: u32;",
        "q = 1u; workgroupBarrier(); o[g.x] = q;",
        "element by element",
    ),
    (
        "var<workgroup> v: array<u32, 100>;",
        "v[l] = 1u;",
        "no multiple",
    ),
    (
        "@group(0) @binding(1) var<storage, read_write> z: u32;",
        "z = 1u;",
        "is an `array<T>`, or atomic",
    ),
    (
        "",
        "for (var i = 0u; i < 70000u; i++) { workgroupBarrier(); }",
        "at most 60000",
    ),
    ("", "storageBarrier();", "only `workgroupBarrier()`"),
];

#[test]
fn unsound_shaders_are_refused_with_words_and_a_place() {
    for (items, body, words) in REFUSED {
        let refused = refusal(&shader(items, body));
        assert!(refused.contains(words), "{words}: {refused}");
    }
    let items = "fn f() { o[1] = 2u; } fn h() { f(); f(); f(); }";
    assert!(refusal(&shader(items, &"h();".repeat(7_000))).contains("weigh more"));
    let text = shader("", "o[g.x] = 1u;");
    assert!(refusal(&text.replace("main", "other")).contains("no entry point"));
    assert!(refusal(&text.replace("64", "257")).contains("more than 256"));
    assert!(
        refusal(&text.replace("@compute @workgroup_size(64)", "@vertex")).starts_with("shader")
    );
}

#[test]
fn no_bytes_make_the_reading_fall_over() {
    let mut texts: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0xff; 100],
        vec![b'('; 60_000],
        vec![b'{'; 60_000],
        b"fn f() { "
            .iter()
            .copied()
            .chain(b"if true {} else ".repeat(4_000))
            .collect(),
        format!("const a = {}1;", "1+".repeat(30_000)).into_bytes(),
        format!(
            "alias a = {}u32{};",
            "array<".repeat(600),
            ",2>".repeat(600)
        )
        .into_bytes(),
        vec![b'a'; 70_000],
    ];
    let nested: String = (1..2_000)
        .map(|n| format!("struct s{n}{{a:s{}}}", n - 1))
        .collect();
    texts.push(format!("struct s0{{a:u32}}{nested}").into_bytes());
    let good = shader("", "let x = f32(g.x) * 0.5; o[g.x] = u32(x);").into_bytes();
    let mut seed = 7_u64;
    for _ in 0..400 {
        let mut broken = good.clone();
        for _ in 0..3 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(99);
            let at = (seed >> 33) as usize % broken.len();
            let with = good[(seed >> 20) as usize % good.len()];
            broken[at] = with;
        }
        texts.push(broken);
    }
    for text in texts {
        if let Err(refused) = compile(&text, &job(2)) {
            assert!(refused.to_string().starts_with("shader"), "{refused}");
            assert_ne!(
                refused.why,
                "naga fails on it",
                "{}",
                String::from_utf8_lossy(&text)
            );
        }
    }
}

#[test]
fn a_refusal_shows_its_line() {
    let refused = refusal(&shader("", "let x = 1.0 / f32(g.x);\no[g.x] = u32(x);"));
    let lines: Vec<_> = refused.lines().collect();
    assert!(
        lines[0].starts_with("shader:7:9: float division"),
        "{refused}"
    );
    assert_eq!(lines[1], "    7 | let x = 1.0 / f32(g.x);");
}

#[test]
fn loops_are_bounded_and_paid_for_where_they_stand() {
    let text = |body: &str| compile(shader("", body).as_bytes(), &job(2)).unwrap().text;
    let tail = |text: &str| text.split("fn main(").nth(1).unwrap().to_owned();
    // Four turns are paid for at the entry: 2 + 2 weights each.
    let whole = tail(&text(
        "for (var i = 0u; i < 4u; i++) { atomicAdd(&s[i], 1u); }",
    ));
    assert_eq!(whole.matches("tg_turn(").count(), 1, "{whole}");
    // A loop over what only the buffer knows is asked at every turn, and left.
    let asked = tail(&text(
        "for (var i = 0u; i < o[g.x]; i++) { atomicAdd(&s[i], 1u); }",
    ));
    assert_eq!(asked.matches("tg_turn(").count(), 2, "{asked}");
    assert!(asked.contains("if _"), "{asked}");
    // A shift goes by the amount modulo 32, an index stays below 1 024, a product is fenced.
    let fenced = tail(&text(
        "o[g.x] = u32(f32(g.x) * 1.5) << g.x; atomicAdd(&s[g.x], 1u);",
    ));
    for words in ["& 31u", "1023u)", "tg_f1_(", "tg_u1_(", "tg_place("] {
        assert!(fenced.contains(words), "{words}: {fenced}");
    }
}

/// The job whose outputs are compared number by number.
fn near() -> Job {
    let mut job = job(2);
    if let Program::Wgsl(kernel) = &mut job.program {
        kernel.compare = Compare::Tolerance {
            absolute: 0,
            relative: 0,
            apart_max: 0,
        };
    }
    job
}

#[test]
fn floats_are_the_devices_own_where_outputs_need_not_be_equal() {
    for (body, exact) in [
        (
            "let x = f32(g.x) / 3.0; o[g.x] = bitcast<u32>(x);",
            "division",
        ),
        (
            "let x = sqrt(f32(g.x)); o[g.x] = bitcast<u32>(x);",
            "function",
        ),
        ("let x = 1e-40 * f32(g.x); o[g.x] = u32(x);", "subnormal"),
        (
            "let v = normalize(vec3<f32>(g)); o[g.x] = u32(dot(v, v) * sin(v.x));",
            "function",
        ),
    ] {
        let text = shader("", body);
        assert!(refusal(&text).contains(exact), "{body}");
        let plan = compile(text.as_bytes(), &near()).unwrap_or_else(|no| panic!("{no}"));
        let written = plan.text.split("fn main").nth(1).unwrap_or("");
        assert!(!written.is_empty(), "{}", plan.text);
        assert!(!written.contains("tg_f"), "no fence: {written}");
    }
}

#[test]
fn what_is_not_about_floats_holds_for_every_job() {
    for (items, body, words) in [
        (
            "",
            "let m = mat2x2<f32>(); o[g.x] = u32(m[0].x);",
            "matrices",
        ),
        ("", "o[g.x] = pack4x8snorm(vec4<f32>());", "not offered"),
        ("", "o[g.x] = atomicAdd(&s[0], 1u);", "who came first"),
        (
            "var<workgroup> w: array<u32, 64>;",
            "w[l] = 1u; o[g.x] = w[l + 1u];",
            "two ways",
        ),
        ("", "if g.x > 3u { workgroupBarrier(); }", "barrier"),
    ] {
        let text = shader(items, body);
        match compile(text.as_bytes(), &near()) {
            Ok(plan) => panic!("not refused:\n{}", plan.text),
            Err(refused) => assert!(refused.to_string().contains(words), "{refused}"),
        }
    }
    let endless = shader("", "loop { o[g.x] += 1u; if o[g.x] == 0u { break; } }");
    let plan = compile(endless.as_bytes(), &near()).unwrap_or_else(|no| panic!("{no}"));
    assert!(plan.text.contains("tg_turn(") && plan.text.contains("tg_place("));
}
