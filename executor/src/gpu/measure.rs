//! How fast an adapter is: three reference kernels, in the way of every stranger's shader, so that
//! what is found is what a job gets, with metering, fences and slices.

use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::ids::Digest;
use protocol::kernel::Buffer;
use protocol::units::Bytes;

use super::adapter::Adapter;
use super::compile;
use super::device::{About, Gpu};
use super::probe::{input, job, output};
use super::run::Runner;

/// A kernel is run for longer until the device works at it for so long at a time.
const WORKED: Duration = Duration::from_millis(150);
/// It begins with so many turns, and turns so many times as often the next time.
const TURNS: u32 = 4;
const STEP: u32 = 4;
/// Whole numbers and floats: so many invocations, in workgroups of 64.
const MANY: u32 = 1 << 20;
/// Memory: so many invocations, each of which turns 33 times where the others turn once.
const READERS: u32 = 1 << 19;
const READER_TURNS: u32 = 33;
/// What memory is read out of.
const FAR: Bytes = Bytes::new(64 << 20);

/// How fast an adapter is.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct GpuFigures {
    /// Its name.
    pub name: String,
    /// Its device class, with the driver's version.
    pub class: String,
    /// Operations on 32-bit whole numbers, a second.
    pub whole: u64,
    /// Bytes read, a second.
    pub bytes: u64,
    /// Products and sums of `f32` behind the fences of `exact`, a second.
    pub floats: u64,
    /// Why it could not be measured; its figures are zeros then.
    pub failed: Option<String>,
}

impl GpuFigures {
    /// Those of an adapter that could not be measured.
    pub(crate) fn none(name: &str, class: &str, why: String) -> Self {
        Self {
            name: name.to_owned(),
            class: class.to_owned(),
            whole: 0,
            bytes: 0,
            floats: 0,
            failed: Some(why),
        }
    }
}

/// One reference kernel.
struct Kernel {
    name: &'static str,
    shader: &'static str,
    invocations: u32,
    /// What one invocation does in a turn.
    per_turn: u64,
    /// How many of the adapter's turns one turn of ours takes.
    turns: u32,
    far: bool,
}

const WHOLE: Kernel = Kernel {
    name: "whole numbers",
    shader: include_str!("../devices/whole.wgsl"),
    invocations: MANY,
    per_turn: 64,
    turns: 1,
    far: false,
};
const FLOATS: Kernel = Kernel {
    name: "floats",
    shader: include_str!("../devices/floats.wgsl"),
    invocations: MANY,
    per_turn: 16,
    turns: 1,
    far: false,
};
const MEMORY: Kernel = Kernel {
    name: "memory",
    shader: include_str!("../devices/memory.wgsl"),
    invocations: READERS,
    per_turn: 128,
    turns: READER_TURNS,
    far: true,
};

/// What the figures depend on besides the adapter: what is run, as it is written anew.
pub(super) fn measured_with() -> Digest {
    let texts = [&WHOLE, &FLOATS, &MEMORY].map(|kernel| match plan(kernel, 1) {
        Ok((plan, ..)) => plan.text,
        Err(why) => why,
    });
    Digest::of(texts.concat().as_bytes())
}

type Planned = (
    super::plan::Plan,
    (protocol::job::Job, protocol::kernel::Kernel),
    Vec<u8>,
);

fn plan(kernel: &Kernel, turns: u32) -> Result<Planned, String> {
    let mut buffers = vec![output(kernel.invocations as usize), input()];
    if kernel.far {
        buffers.push(Buffer::Scratch { size: FAR });
    }
    let groups = kernel.invocations / 64;
    let (job, declared, words) = job(kernel.name, &[turns], buffers, groups);
    let plan = compile(kernel.shader.as_bytes(), &job)?.map_err(|refused| refused.to_string())?;
    Ok((plan, (job, declared), words))
}

/// Measures an open device, where one invocation may turn so often.
///
/// # Errors
/// What the device or its driver says.
pub(super) fn measure(gpu: Gpu, about: About, turns_max: u64) -> Result<GpuFigures, String> {
    let (gpu, whole) = rate(gpu, &WHOLE, turns_max)?;
    let (gpu, bytes) = rate(gpu, &MEMORY, turns_max)?;
    let (_, floats) = rate(gpu, &FLOATS, turns_max)?;
    Ok(GpuFigures {
        name: about.name,
        class: about.class,
        whole,
        bytes,
        floats,
        failed: None,
    })
}

/// How much of what the kernel does the device does in a second.
fn rate(mut gpu: Gpu, kernel: &Kernel, turns_max: u64) -> Result<(Gpu, u64), String> {
    let most = u32::try_from(turns_max).unwrap_or(u32::MAX) / kernel.turns;
    let mut turns = TURNS.min(most.max(1));
    loop {
        let (plan, job, words) = plan(kernel, turns)?;
        let adapter = Adapter::new(gpu, turns_max, 100);
        let runner = Runner::new(adapter, plan, job, vec![words])?;
        let ended = runner.run(0)?;
        gpu = runner.into_gpu();
        if !ended.output.status.is_success() {
            let why = String::from_utf8_lossy(&ended.output.stderr).into_owned();
            return Err(format!("{}: {why}", kernel.name));
        }
        if ended.busy >= WORKED || turns >= most {
            let done = u64::from(turns) * u64::from(kernel.invocations) * kernel.per_turn;
            return Ok((gpu, crate::devices::per_second(done, ended.busy)));
        }
        turns = turns.saturating_mul(STEP).min(most);
    }
}
