//! The child's side of shaders: compile one, list and test adapters, run tasks of one job.
//!
//! A driver is opened and warmed up before the jail shuts, because it opens files and starts
//! threads; what a stranger wrote reaches it only after.

use std::io::{self, Read};

use borsh::BorshDeserialize;
use protocol::ids::Digest;
use protocol::job::{Job, TASKS_PER_BUNDLE_MAX};
use protocol::kernel::{Kernel, Program};
use protocol::units::Bytes;

use super::adapter::Adapter;
use super::device::{self, About, Gpu};
use super::measure::measure as measure_open;
use super::plan::{PassPlan, Plan};
use super::probe::{self, GpuFacts};
use super::run::Runner;
use super::{Verdict, compile};
use crate::frame::{self, AdapterOrder, ORDER_BYTES_MAX, Reply, ShaderOrder, Task};
use crate::jail::{self, Bounds, Jail, Shut};
use crate::worker::{open, open_blob, say};

/// Memory that a driver and its compiler need besides a task's buffers.
const DRIVER_MEMORY: u64 = 3 << 30;
/// How many copies of a task's buffers exist at once: the driver's, and those on their way.
const BUFFER_COPIES: u64 = 4;
/// Processor time beyond the tasks' wall time, for each processor: compiling shaders.
const DRIVER_SECONDS: u64 = 120;
/// A plan takes no more bytes.
const PLAN_BYTES_MAX: u64 = 64 << 20;
/// Ways out that a driver needs open, and a guest does not; what is open is its devices.
const NEEDED: [&str; 4] = [
    "make new code",
    "turn data into code",
    "command a device",
    "use what its parent left open",
];

/// A shader that does nothing, to make the driver load all it needs.
const WARM: &str = "@group(1) @binding(0) var<storage, read_write> m: array<u32>; \
    @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) l: u32) { m[l] = l; }";

/// Says which adapters there are.
pub(crate) fn list() -> Result<(), String> {
    let found = device::list()?.into_iter().zip(0..);
    let facts = found.map(|(about, number)| {
        (
            about.rank,
            GpuFacts::unfit(number, about, "not tested".to_owned()),
        )
    });
    let mut facts: Vec<_> = facts.collect();
    facts.sort_by_key(|(rank, facts)| (*rank, facts.number));
    say(&Reply::Gpus(
        facts.into_iter().map(|(_, facts)| facts).collect(),
    ))
}

/// Tests one adapter, in the jail that tasks have.
pub(crate) fn test(number: u32, shut: Shut) -> Result<(), String> {
    let (gpu, about) = warm(number)?;
    let parent = std::os::unix::process::parent_id();
    shut_in(Bytes::new(256 << 20), 60, shut)?;
    let jail = Jail {
        ways: jail::try_escapes(parent),
        ..Jail::default()
    };
    let open: Vec<_> = jail.leaks().filter(|way| !NEEDED.contains(way)).collect();
    let facts = if open.is_empty() {
        probe::test(gpu, number, about)
    } else {
        GpuFacts::unfit(
            number,
            about,
            format!("its jail has a way out: {}", open.join(", ")),
        )
    };
    say(&Reply::Gpu(facts))
}

/// Measures one adapter that is fit, in the jail that tasks have.
pub(crate) fn measure(number: u32, turns_max: u64, shut: Shut) -> Result<(), String> {
    let (gpu, about) = warm(number)?;
    shut_in(Bytes::new(256 << 20), 60, shut)?;
    let figures = measure_open(gpu, about, turns_max)?;
    say(&Reply::GpuFigures(figures))
}

/// Opens the adapter that the order names. Its driver opens files and starts threads, so this is
/// done before the jail shuts.
///
/// # Errors
/// What the driver says.
pub(crate) fn lend(order: AdapterOrder) -> Result<Adapter, String> {
    let (gpu, _) = warm(order.number)?;
    Ok(Adapter::new(gpu, order.turns_max, order.share))
}

fn warm(number: u32) -> Result<(Gpu, About), String> {
    let (gpu, about) = Gpu::open(number as usize)?;
    let pass = PassPlan {
        entry: "main".to_owned(),
        groups: [1, 1, 1],
        uses: Vec::new(),
        own: [1; 8],
    };
    let ready = gpu.prepare(WARM, std::slice::from_ref(&pass))?;
    let meter = gpu.buffer(256, &[]);
    let first = ready.first().ok_or("the driver builds nothing")?;
    let bound = gpu.bind(first, &pass, (&[], &meter));
    gpu.dispatch(first, &bound, [1, 1, 1])?;
    gpu.read(&meter, 0, 256)?;
    Ok((gpu, about))
}

/// What a driver may use, with so many bytes of buffers and for so many seconds of tasks.
pub(crate) fn bounds(buffers: Bytes, seconds: u64) -> Bounds {
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    Bounds {
        memory: DRIVER_MEMORY + BUFFER_COPIES.saturating_mul(buffers.get()),
        cpu_seconds: seconds
            .saturating_add(DRIVER_SECONDS)
            .saturating_mul(processors),
        file_bytes: 0,
    }
}

fn shut_in(buffers: Bytes, seconds: u64, mut shut: Shut) -> Result<(), String> {
    jail::bound(bounds(buffers, seconds), &mut shut)
        .map_err(|error| format!("cannot be jailed: {error}"))?;
    jail::filter_driver().map_err(|error| format!("cannot be jailed: {error}"))
}

/// Checks a shader; called in the jail that compilers have.
///
/// # Errors
/// Why this machine cannot say.
pub(crate) fn compile_plan(bytes: &[u8], job: &Job) -> Result<Verdict<Vec<u8>>, String> {
    let written = |plan| borsh::to_vec(&plan).expect("a plan is written to memory");
    Ok(compile(bytes, job)?.map(written))
}

fn load(path: &[u8], checksum: Digest) -> Result<Option<Plan>, String> {
    let mut bytes = Vec::new();
    let file = open(path)?;
    let read = file.take(PLAN_BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot read compiled code: {error}"))?;
    if Digest::of(&bytes) != checksum {
        return Ok(None);
    }
    Ok(Plan::try_from_slice(&bytes).ok())
}

/// All that a worker has read when its jail shuts.
struct Opened {
    plan: Plan,
    kernel: Kernel,
    inputs: Vec<Vec<u8>>,
}

fn read_all(order: &ShaderOrder) -> Result<Option<Opened>, String> {
    let Program::Wgsl(kernel) = &order.job.program else {
        return Err("the job's program is no shader".to_owned());
    };
    let Some(plan) = load(&order.plan, order.checksum)? else {
        return Ok(None);
    };
    let mut inputs = Vec::new();
    for (path, input) in order.inputs.iter().zip(&order.job.inputs) {
        let fixed = open_blob(path, input.blob)?;
        let mut content = Vec::new();
        let mut file = &*fixed.file;
        io::Seek::rewind(&mut file).map_err(|error| error.to_string())?;
        file.take(fixed.size)
            .read_to_end(&mut content)
            .map_err(|error| error.to_string())?;
        if Digest::of(&content) != input.blob.digest {
            return Err(format!("an input is not the content {}", input.blob.digest));
        }
        inputs.push(content);
    }
    Ok(Some(Opened {
        plan,
        kernel: kernel.clone(),
        inputs,
    }))
}

/// Runs tasks of one job until told no more.
pub(crate) fn serve(order: ShaderOrder, shut: Shut) -> Result<(), String> {
    let Some(opened) = read_all(&order)? else {
        return say(&Reply::StaleCode);
    };
    let adapter = lend(order.adapter)?;
    let tasks_max = order.tasks_max.min(TASKS_PER_BUNDLE_MAX);
    let wall = order.job.limits.wall_ms.get() / 1_000 + 1;
    shut_in(
        order.job.limits.memory,
        wall.saturating_mul(tasks_max.into()),
        shut,
    )?;
    let Opened {
        plan,
        kernel,
        inputs,
    } = opened;
    let job = (order.job, kernel);
    let runner = Runner::new(adapter, plan, job, inputs)?;
    say(&Reply::Ready)?;
    let mut orders = io::stdin().lock();
    for _ in 0..tasks_max {
        let task = frame::receive::<Task>(&mut orders, ORDER_BYTES_MAX);
        let Some(Task(task)) = task.map_err(|error| error.to_string())? else {
            break;
        };
        say(&match runner.run(task) {
            Ok(ended) => Reply::Ended {
                output: ended.output.to_bytes(),
                fuel: ended.fuel,
            },
            Err(why) => Reply::HostFailed {
                why,
                stdout: Vec::new(),
                stderr: Vec::new(),
            },
        })?;
    }
    // A driver's own end may wait for what a lost device still does.
    std::process::exit(0);
}
