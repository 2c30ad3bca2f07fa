//! A guest that drives a GPU: seven calls of the module `gpu`.
//!
//! ```text
//! limits ─ buffer ─ write ─ shader ─ dispatch … dispatch ─ read ─ free
//! ```
//!
//! Objects have small numbers, byte ranges are said out loud, an error is a number below zero, and
//! every call waits until it is done. A shader is one of class `exact`, checked and written anew
//! like that of any other job; what it counts is taken from the guest's own fuel, so that fuel is
//! the same on every device. What ends a shader's task (a trap, no fuel) ends the guest's.
//!
//! What the calls cost is what they took with a software driver, where a unit of fuel of ordinary
//! work takes 0.1 ns: 30 us for a write, 50 us for a read, 0.5 ms for a dispatch.

mod build;
mod objects;

use protocol::kernel::{BUFFER_MAX, GROUPS_MAX, SHADER_MAX};
use wasmtime::{Caller, Linker, Result, ValType};

use super::errno::Errno;
use super::host::{End, Fail};
use super::{Answered, Call, Host, Word, enter, guest_calls};
pub(crate) use objects::GuestGpu;
use objects::Means;
use objects::{BAD_POINTER, BAD_SHADER, BUFFERS_MAX, OBJECTS_MAX, OUT_OF_RANGE};

/// The module name these calls are imported from.
pub(super) const MODULE: &str = "gpu";
/// The first word of the limits: which calls these are.
const LIMITS_VERSION: u32 = 1;
/// An entry point's name has so many bytes at most.
const ENTRY_BYTES_MAX: u32 = 64;
/// What reading a shader costs, for each byte of its text.
const READ_FUEL_PER_BYTE: u64 = 10_000;
/// What a buffer costs for each of its bytes, and for each that is copied to it or from it.
const ROOM_FUEL_PER_BYTE: u64 = 2;
const COPY_FUEL_PER_BYTE: u64 = 10;

guest_calls! {
    MODULE;
    buffer(size: u32) costs 50_000 = buffer;
    write(buffer: u32, at: u32, from: u32, len: u32) costs 400_000 = write;
    shader(text: u32, len: u32) costs 1_000_000 = shader;
    dispatch(
        shader: u32, entry: u32, entry_len: u32, groups: u32, buffers: u32, count: u32
    ) costs 4_000_000 = dispatch;
    read(buffer: u32, at: u32, to: u32, len: u32) costs 500_000 = read;
    free(object: u32) costs 10_000 = free;
    limits(to: u32, len: u32) costs 200 = limits;
}

/// Why a call has no good answer.
#[derive(Debug)]
enum No {
    /// The guest is told this number.
    Code(i32),
    /// The guest is told [`BAD_SHADER`], and whoever reads its standard error why.
    Refused(String),
    /// The guest never hears, and whoever reads its standard error why.
    Trapped(protocol::outcome::Trap, &'static str),
    /// The guest never hears.
    End(End),
}

impl From<Errno> for No {
    fn from(_: Errno) -> Self {
        // The guest's memory knows but one: a pointer leaves it.
        Self::Code(BAD_POINTER)
    }
}

impl From<End> for No {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

/// What a call comes to: a number for the guest, or why there is none.
type Answer = Result<i32, No>;

impl Answered for Answer {
    fn answer(self) -> Result<i32, Fail> {
        match self {
            Ok(number) | Err(No::Code(number)) => Ok(number),
            Err(No::Refused(_)) => Ok(BAD_SHADER),
            Err(No::Trapped(trap, _)) => Err(End::Shader(trap).into()),
            Err(No::End(end)) => Err(end.into()),
        }
    }
}

/// The guest's side of the GPU, and what it may use for it.
fn parts<'a>(call: &'a mut Call<'_>) -> Result<(&'a mut GuestGpu, Means<'a>), End> {
    let gpu = call.host.gpu.as_mut();
    let gpu = gpu.ok_or_else(|| End::Host("no adapter is open".to_owned()))?;
    let means = Means {
        fuel: &mut call.fuel,
        room: &mut call.host.limiter,
        memory: call.memory.len(),
        limits: call.host.world.limits,
    };
    Ok((gpu, means))
}

/// Says on the guest's standard error what is wrong with its shader.
fn aloud(call: &mut Call<'_>, answer: Answer) -> Answer {
    let why = match &answer {
        Err(No::Refused(why)) => format!("{why}\n"),
        Err(No::Trapped(_, why)) => format!("{why}\n"),
        _ => return answer,
    };
    call.host.room_for(why.len() as u64)?;
    call.host.stderr.extend_from_slice(why.as_bytes());
    answer
}

fn buffer(call: &mut Call<'_>, size: u32) -> Answer {
    call.charge(ROOM_FUEL_PER_BYTE * u64::from(size))?;
    let (gpu, mut means) = parts(call)?;
    gpu.buffer(&mut means, size.into())
}

fn write(call: &mut Call<'_>, buffer: u32, at: u32, from: u32, len: u32) -> Answer {
    call.charge(COPY_FUEL_PER_BYTE * u64::from(len))?;
    call.bytes(from, len)?;
    // No copy is made of more than a buffer holds.
    parts(call)?.0.range(buffer, at.into(), len.into())?;
    let bytes = call.bytes(from, len)?.to_vec();
    parts(call)?.0.write(buffer, at.into(), &bytes)
}

fn shader(call: &mut Call<'_>, text: u32, len: u32) -> Answer {
    if u64::from(len) > SHADER_MAX.get() {
        return Err(No::Code(BAD_SHADER));
    }
    call.charge(READ_FUEL_PER_BYTE * u64::from(len))?;
    let text = call.bytes(text, len)?.to_vec();
    let answer = parts(call)?.0.shader(text);
    aloud(call, answer)
}

fn dispatch(
    call: &mut Call<'_>,
    shader: u32,
    entry: u32,
    entry_len: u32,
    groups: u32,
    buffers: u32,
    count: u32,
) -> Answer {
    if count as usize > BUFFERS_MAX || entry_len > ENTRY_BYTES_MAX {
        return Err(No::Code(OUT_OF_RANGE));
    }
    let words = |bytes: &[u8]| -> Vec<u32> {
        let words = bytes.as_chunks().0.iter();
        words.map(|word| u32::from_le_bytes(*word)).collect()
    };
    let entry = call.bytes(entry, entry_len)?.to_vec();
    let groups = words(call.bytes(groups, 12)?);
    let buffers = words(call.bytes(buffers, 4 * count)?);
    let Ok(entry) = String::from_utf8(entry) else {
        return Err(No::Code(BAD_SHADER));
    };
    let groups = [groups[0], groups[1], groups[2]];
    if groups.iter().any(|side| *side == 0 || *side > GROUPS_MAX) {
        return Err(No::Code(OUT_OF_RANGE));
    }
    let (gpu, mut means) = parts(call)?;
    let answer = gpu.dispatch(&mut means, (shader, entry), groups, &buffers);
    aloud(call, answer)
}

fn read(call: &mut Call<'_>, buffer: u32, at: u32, to: u32, len: u32) -> Answer {
    call.charge(COPY_FUEL_PER_BYTE * u64::from(len))?;
    call.bytes(to, len)?;
    let bytes = parts(call)?.0.read(buffer, at.into(), len.into())?;
    call.put(to, &bytes)?;
    Ok(0)
}

fn free(call: &mut Call<'_>, object: u32) -> Answer {
    let (gpu, mut means) = parts(call)?;
    gpu.free(&mut means, object)
}

/// Writes as many words of the limits as there is room for; the answer is how many there are.
fn limits(call: &mut Call<'_>, to: u32, len: u32) -> Answer {
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let words = [
        LIMITS_VERSION,
        OBJECTS_MAX,
        small(BUFFERS_MAX as u64),
        small(BUFFER_MAX.get()),
        small(call.host.world.limits.memory.get()),
        small(SHADER_MAX.get()),
        GROUPS_MAX,
    ];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let room = bytes.len().min(len as usize / 4 * 4);
    call.put(to, &bytes[..room])?;
    Ok(i32::try_from(words.len()).unwrap_or(i32::MAX))
}
