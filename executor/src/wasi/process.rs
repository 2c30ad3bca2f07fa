//! Calls about the task itself: its words, its clock, its chance; and sockets, which there are not.

use super::errno::Errno;
use super::host::{CLOCK_START, Descriptor, Fail};
use super::{Call, PARTS_MAX};

const SUBSCRIPTION: u32 = 48;
const EVENT: u32 = 32;
const CLOCK_EVENT: u8 = 0;

fn words(call: &mut Call<'_>, words: &[Vec<u8>], list: u32, text: u32) -> Result<(), Fail> {
    let all = u64::try_from(words.iter().map(Vec::len).sum::<usize>()).unwrap_or(u64::MAX);
    call.charge(all)?;
    let (mut list, mut text) = (list, text);
    for word in words {
        call.put(list, &text.to_le_bytes())?;
        call.put(text, word)?;
        let len = u32::try_from(word.len()).map_err(|_| Errno::Fault)?;
        list = list.checked_add(4).ok_or(Errno::Fault)?;
        text = text.checked_add(len).ok_or(Errno::Fault)?;
    }
    Ok(())
}

fn sizes(call: &mut Call<'_>, words: &[Vec<u8>], count: u32, size: u32) -> Result<(), Fail> {
    call.put_u32(count, words.len())?;
    call.put_u32(size, words.iter().map(Vec::len).sum())?;
    Ok(())
}

pub(super) fn args(call: &mut Call<'_>, list: u32, text: u32) -> Result<(), Fail> {
    let world = call.host.world.clone();
    words(call, &world.args, list, text)
}

pub(super) fn args_sizes(call: &mut Call<'_>, count: u32, size: u32) -> Result<(), Fail> {
    let world = call.host.world.clone();
    sizes(call, &world.args, count, size)
}

pub(super) fn environ(call: &mut Call<'_>, list: u32, text: u32) -> Result<(), Fail> {
    let world = call.host.world.clone();
    let env: Vec<_> = world.env.iter().chain(&call.host.env).cloned().collect();
    words(call, &env, list, text)
}

pub(super) fn environ_sizes(call: &mut Call<'_>, count: u32, size: u32) -> Result<(), Fail> {
    let world = call.host.world.clone();
    let env: Vec<_> = world.env.iter().chain(&call.host.env).cloned().collect();
    sizes(call, &env, count, size)
}

/// Clock 0 is the wall clock; 1 to 3 (monotonic, and the two CPU clocks) count from the start.
fn time(call: &Call<'_>, clock: u32) -> Result<u64, Errno> {
    match clock {
        0 => Ok(CLOCK_START.saturating_add(call.now())),
        1..=3 => Ok(call.now()),
        _ => Err(Errno::Inval),
    }
}

pub(super) fn clock_resolution(call: &mut Call<'_>, clock: u32, to: u32) -> Result<(), Fail> {
    time(call, clock)?;
    Ok(call.put(to, &1_u64.to_le_bytes())?)
}

pub(super) fn clock_time(call: &mut Call<'_>, clock: u32, _: u64, to: u32) -> Result<(), Fail> {
    let now = time(call, clock)?;
    Ok(call.put(to, &now.to_le_bytes())?)
}

pub(super) fn random(call: &mut Call<'_>, at: u32, len: u32) -> Result<(), Fail> {
    call.bytes(at, len)?;
    call.charge(len.into())?;
    let (at, len) = (at as usize, len as usize);
    call.host.chance.fill(&mut call.memory[at..at + len]);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "it is a call like the others")]
pub(super) fn nothing(_: &mut Call<'_>) -> Result<(), Fail> {
    Ok(())
}

pub(super) fn raise(_: &mut Call<'_>, _: u32) -> Result<(), Fail> {
    Err(Errno::Nosys.into())
}

/// Waits for the first of some things. Streams and files are always ready; if only clocks are
/// waited for, the guest's clock jumps to the earliest of them.
pub(super) fn poll(
    call: &mut Call<'_>,
    from: u32,
    to: u32,
    count: u32,
    done: u32,
) -> Result<(), Fail> {
    if count == 0 || count > PARTS_MAX {
        return Err(Errno::Inval.into());
    }
    call.charge(u64::from(count) * 50)?;
    let asked = call.bytes(from, count * SUBSCRIPTION)?.to_vec();
    call.bytes(to, count * EVENT)?;
    let mut events: Vec<[u8; EVENT as usize]> = Vec::new();
    let mut earliest: Option<(u64, [u8; EVENT as usize])> = None;
    for one in asked.chunks_exact(SUBSCRIPTION as usize) {
        let u64_at = |at: usize| {
            u64::from_le_bytes(
                one[at..at + 8]
                    .try_into()
                    .expect("a subscription has 48 bytes"),
            )
        };
        let u32_at = |at: usize| {
            u32::from_le_bytes(
                one[at..at + 4]
                    .try_into()
                    .expect("a subscription has 48 bytes"),
            )
        };
        let mut event = [0; EVENT as usize];
        event[..8].copy_from_slice(&one[..8]);
        event[10] = one[8];
        if one[8] == CLOCK_EVENT {
            let (clock, timeout, absolute) = (u32_at(16), u64_at(24), one[40] & 1 == 1);
            let wait = match time(call, clock) {
                Ok(now) if absolute => timeout.saturating_sub(now),
                Ok(_) => timeout,
                Err(errno) => {
                    event[8..10].copy_from_slice(&(errno as u16).to_le_bytes());
                    events.push(event);
                    continue;
                }
            };
            if earliest.is_none_or(|(first, _)| wait < first) {
                earliest = Some((wait, event));
            }
        } else {
            match call.host.descriptor(u32_at(16)) {
                Ok(_) => event[16..24].copy_from_slice(&1_u64.to_le_bytes()),
                Err(errno) => event[8..10].copy_from_slice(&(errno as u16).to_le_bytes()),
            }
            events.push(event);
        }
    }
    if let (true, Some((wait, event))) = (events.is_empty(), earliest) {
        call.host.slept = call.host.slept.saturating_add(wait);
        events.push(event);
    }
    call.put(to, events.as_flattened())?;
    Ok(call.put_u32(done, events.len())?)
}

fn no_socket(call: &mut Call<'_>, fd: u32) -> Result<(), Fail> {
    let _: &mut Descriptor = call.host.descriptor(fd)?;
    Err(Errno::Notsock.into())
}

pub(super) fn accept(call: &mut Call<'_>, fd: u32, _: u32, _: u32) -> Result<(), Fail> {
    no_socket(call, fd)
}

pub(super) fn receive(
    call: &mut Call<'_>,
    fd: u32,
    _: u32,
    _: u32,
    _: u32,
    _: u32,
    _: u32,
) -> Result<(), Fail> {
    no_socket(call, fd)
}

pub(super) fn send(
    call: &mut Call<'_>,
    fd: u32,
    _: u32,
    _: u32,
    _: u32,
    _: u32,
) -> Result<(), Fail> {
    no_socket(call, fd)
}

pub(super) fn shutdown(call: &mut Call<'_>, fd: u32, _: u32) -> Result<(), Fail> {
    no_socket(call, fd)
}
