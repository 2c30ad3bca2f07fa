//! What an adapter can honestly be offered for: small shaders whose results are known.
//!
//! They go the way of every stranger's shader, in the same jail, so that an adapter that passes is
//! one on which `exact` holds as far as these vectors reach.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::job::{Blob, Input, Job, Limits, Profile};
use protocol::kernel::{Buffer, Compare, Kernel, Pass, Program};
use protocol::units::{Bytes, Fuel, Millis};

use super::adapter::Adapter;
use super::compile;
use super::device::{About, Gpu};
use super::fuel::TURNS_MAX;
use super::run::Runner;

/// A software driver counts so many turns for all invocations of one vector together, and then
/// leaves their loops without a word.
const VECTOR_TURNS: u64 = 65_000;

/// An adapter, and what it was found to do.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct GpuFacts {
    /// Its number, in the order of the driver loader.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: String,
    /// Its driver and the driver's version.
    pub driver: String,
    /// Its device class: adapters of one class may be compared bit by bit.
    pub class: String,
    /// How often one invocation may turn here, all its loops together, at most 60 000.
    pub turns_max: u64,
    /// Each test, and why it failed if it did.
    pub tests: Vec<(String, Option<String>)>,
}

impl GpuFacts {
    /// Whether tasks of profile `WGSL_1` are run on it.
    pub fn is_fit(&self) -> bool {
        !self.tests.is_empty() && self.tests.iter().all(|(_, why)| why.is_none())
    }

    /// Whether it is fit, and of the device class that the job asks for, if it asks for one.
    pub(crate) fn fits(&self, job: &Job) -> bool {
        let device = match &job.program {
            Program::Wgsl(Kernel {
                compare: Compare::Homogeneous { device },
                ..
            }) => Some(device),
            _ => None,
        };
        self.is_fit() && device.is_none_or(|device| *device == self.class)
    }

    /// What is known of an adapter that could not be tested.
    pub(crate) fn unfit(number: u32, about: About, why: String) -> Self {
        Self {
            number,
            name: about.name,
            kind: about.kind,
            driver: about.driver,
            class: about.class,
            turns_max: 0,
            tests: vec![("opens in a jail".to_owned(), Some(why))],
        }
    }
}

/// One test: words in, words out.
struct Vector {
    name: &'static str,
    shader: &'static str,
    input: Vec<u32>,
    groups: u32,
    expected: Vec<u32>,
}

/// Runs all tests on an open device.
pub(crate) fn test(gpu: Gpu, number: u32, about: About) -> GpuFacts {
    let lanes = u64::from(about.lanes.max(1));
    let mut facts = GpuFacts::unfit(number, about, String::new());
    facts.tests.clear();
    let mut gpu = Some(gpu);
    let mut ask = |vector: &Vector| {
        let Some(open) = gpu.take() else {
            return Err("the device failed before".to_owned());
        };
        let (kept, answer) = run(open, vector);
        gpu = kept;
        answer
    };
    for vector in [
        whole_numbers(),
        floats(),
        atomics(),
        zeros(),
        borders(),
        turns(1, 59_000),
    ] {
        let answer = ask(&vector);
        facts.tests.push((vector.name.to_owned(), answer.err()));
    }
    facts.turns_max = TURNS_MAX;
    if ask(&turns(64, 59_000)).is_err() {
        facts.turns_max = VECTOR_TURNS / lanes;
        let fewer = u32::try_from(facts.turns_max)
            .unwrap_or(0)
            .saturating_sub(100);
        let uneven = ask(&turns(64, fewer));
        facts.tests.push(("uneven loops".to_owned(), uneven.err()));
    }
    facts
}

/// Runs one; the device comes back unless it is lost.
fn run(gpu: Gpu, vector: &Vector) -> (Option<Gpu>, Result<(), String>) {
    let buffers = vec![output(vector.expected.len()), input()];
    let (job, kernel, input) = job(vector.name, &vector.input, buffers, vector.groups);
    let plan = match compile(vector.shader.as_bytes(), &job) {
        Ok(Ok(plan)) => plan,
        Ok(Err(refused)) => return (Some(gpu), Err(refused.to_string())),
        Err(why) => return (Some(gpu), Err(why)),
    };
    let adapter = Adapter::new(gpu, u64::MAX, 100);
    let runner = match Runner::new(adapter, plan, (job, kernel), vec![input]) {
        Ok(runner) => runner,
        Err(why) => return (None, Err(why)),
    };
    let answer = runner.run(0).and_then(|ended| {
        let file = ended.output.files.first();
        let found = file.map_or(&[][..], |(_, bytes)| bytes);
        let mut found = found
            .as_chunks()
            .0
            .iter()
            .map(|word| u32::from_le_bytes(*word));
        let mut expected = vector.expected.iter().enumerate();
        let wrong = expected.find(|(_, word)| found.next() != Some(**word));
        match wrong {
            None => Ok(()),
            Some((at, word)) => Err(format!(
                "word {at} is not {word:#010x} ({:?})",
                ended.output.status
            )),
        }
    });
    (Some(runner.into_gpu()), answer)
}

/// The buffer that a kernel of ours leaves its words in.
pub(super) fn output(words: usize) -> Buffer {
    Buffer::Output {
        name: "o".to_owned(),
        size: Bytes::new(4 * words as u64),
    }
}

/// The buffer that holds a kernel's words of input.
pub(super) fn input() -> Buffer {
    Buffer::Input {
        path: "x".to_owned(),
    }
}

/// A job of one task and one pass of `main` over these buffers; what [`input`] holds goes with it.
pub(super) fn job(
    name: &str,
    words: &[u32],
    buffers: Vec<Buffer>,
    groups: u32,
) -> (Job, Kernel, Vec<u8>) {
    let input: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let blob = Blob::of(&input);
    let kernel = Kernel {
        buffers,
        passes: vec![Pass {
            entry: "main".to_owned(),
            groups: [groups, 1, 1],
        }],
        compare: Compare::Exact,
    };
    let limits = Limits {
        fuel: Fuel::new(1 << 40),
        memory: Bytes::new(256 << 20),
        output: Bytes::new(16 << 20),
        output_files: 1,
        wall_ms: Millis::new(60_000),
    };
    let job = Job {
        profile: Profile::WGSL_1,
        program: Program::Wgsl(kernel.clone()),
        inputs: vec![Input {
            path: "x".to_owned(),
            blob,
        }],
        ..Job::once(name, blob, limits)
    };
    (job, kernel, input)
}

/// Edges of 32 bits, each with each.
const EDGES: [u32; 16] = [
    0,
    1,
    2,
    7,
    31,
    32,
    40,
    255,
    65_535,
    65_536,
    12_345_678,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xffff_fff0,
    0xffff_ffff,
];

fn whole_numbers() -> Vector {
    let pairs: Vec<_> = EDGES.iter().flat_map(|a| EDGES.map(|b| (*a, b))).collect();
    let expected = pairs.iter().flat_map(|(a, b)| {
        let (a, b) = (*a, *b);
        let (i, j) = (a.cast_signed(), b.cast_signed());
        let divided = if j == 0 { i } else { i.wrapping_div(j) };
        let rest = if j == 0 { 0 } else { i.wrapping_rem(j) };
        let first = if a == 0 {
            u32::MAX
        } else {
            31 - a.leading_zeros()
        };
        [
            a.checked_div(b).unwrap_or(a),
            a.checked_rem(b).unwrap_or(0),
            divided.cast_unsigned(),
            rest.cast_unsigned(),
            a << (b & 31),
            a >> (b & 31),
            (i >> (b & 31)).cast_unsigned(),
            a.wrapping_mul(b),
            a.wrapping_add(b),
            a.wrapping_sub(b),
            i.min(j).cast_unsigned(),
            i.max(j).cast_unsigned(),
            a.count_ones(),
            first,
            a.reverse_bits(),
            (a >> (b & 15)) & 0xff,
        ]
    });
    Vector {
        name: "whole numbers",
        shader: include_str!("probe/whole.wgsl"),
        groups: 4,
        expected: expected.collect(),
        input: pairs.iter().flat_map(|(a, b)| [*a, *b]).collect(),
    }
}

/// A number that is normal, and stays so when two of them are multiplied or added.
fn normal(seed: &mut u64) -> u32 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    let high = (*seed >> 32).to_le_bytes();
    let bits = u32::from_le_bytes([high[0], high[1], high[2], high[3]]);
    (bits & 0x807f_ffff) | ((110 + (bits >> 23) % 32) << 23)
}

fn floats() -> Vector {
    let mut seed = 1;
    let pairs: Vec<_> = (0..1_024)
        .map(|_| (normal(&mut seed), normal(&mut seed)))
        .collect();
    let expected = pairs.iter().flat_map(|(a, b)| {
        let (a, b) = (f32::from_bits(*a), f32::from_bits(*b));
        let whole = (a * 1_024.0).clamp(-1_000_000.0, 1_000_000.0);
        // Adding 0 makes -0 to 0, as the fence does.
        let bits = |number: f32| (number + 0.0).to_bits();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is between -10^6 and 10^6"
        )]
        let cut = whole as i32;
        [
            bits(a + b),
            bits(a - b),
            bits(a * b),
            bits(a * b + a),
            bits(a * a - b * b),
            bits(whole.floor()),
            cut.cast_unsigned(),
            u32::from(a < b),
        ]
    });
    Vector {
        name: "floats behind fences",
        shader: include_str!("probe/floats.wgsl"),
        groups: 16,
        expected: expected.collect(),
        input: pairs.iter().flat_map(|(a, b)| [*a, *b]).collect(),
    }
}

fn atomics() -> Vector {
    let input: Vec<u32> = (0..65_536_u32)
        .map(|n| n.wrapping_mul(2_654_435_761))
        .collect();
    let sum = |step: usize| {
        let numbers = input.iter().enumerate().filter(|(at, _)| at % 4 == step);
        numbers.fold(0_u32, |sum, (_, number)| sum.wrapping_add(*number))
    };
    Vector {
        name: "atomics",
        shader: include_str!("probe/atomics.wgsl"),
        groups: 256,
        expected: (0..4).map(sum).collect(),
        input,
    }
}

fn zeros() -> Vector {
    Vector {
        name: "memory begins as zeros",
        shader: include_str!("probe/zeros.wgsl"),
        groups: 512,
        expected: vec![0; 64 * 512],
        input: vec![0],
    }
}

fn borders() -> Vector {
    let mut expected = vec![999; 64];
    expected.extend([13; 64]);
    Vector {
        name: "indexes stay inside",
        shader: include_str!("probe/borders.wgsl"),
        groups: 2,
        expected,
        input: vec![0xffff_fff0, 4_000_000, 5, 999],
    }
}

/// Each of `uneven` invocations turns alone, so often, while its neighbours wait.
fn turns(uneven: u32, often: u32) -> Vector {
    let alone = |lane: u32| {
        let numbers = 0..if lane < uneven { often } else { 0 };
        numbers.fold(0_u32, |sum, number| {
            sum.wrapping_mul(3).wrapping_add(number ^ lane)
        })
    };
    Vector {
        name: "long loops",
        shader: include_str!("probe/turns.wgsl"),
        groups: 1,
        expected: (0..64).map(alone).collect(),
        input: vec![uneven, often],
    }
}
