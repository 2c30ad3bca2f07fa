//! Calls that move bytes between the guest's memory and its files and streams.

use super::Call;
use super::descriptors::{grow, writable};
use super::errno::Errno;
use super::host::{Descriptor, End, Fail};
use super::tree::{Fixed, Kind, Place};

const APPEND: u16 = 1;

fn write_file(
    call: &mut Call<'_>,
    place: Place,
    at: u64,
    parts: &[(u32, u32)],
    len: u64,
) -> Result<(), Fail> {
    if len == 0 {
        return Ok(());
    }
    grow(call, place, at.checked_add(len).ok_or(Errno::Inval)?)?;
    let mut at = usize::try_from(at).map_err(|_| Errno::Inval)?;
    for (from, len) in parts {
        let (from, len) = (*from as usize, *len as usize);
        let content = call.host.tree.content(place)?;
        content[at..at + len].copy_from_slice(&call.memory[from..from + len]);
        at += len;
    }
    Ok(())
}

fn whole(parts: &[(u32, u32)]) -> u64 {
    parts.iter().map(|(_, len)| u64::from(*len)).sum()
}

pub(super) fn write(
    call: &mut Call<'_>,
    fd: u32,
    parts: u32,
    count: u32,
    done: u32,
) -> Result<(), Fail> {
    let parts = call.parts(parts, count)?;
    let len = whole(&parts);
    call.bytes(done, 4)?;
    match call.host.descriptor(fd)?.clone() {
        Descriptor::Stdin(_) => return Err(Errno::Badf.into()),
        Descriptor::Node(_) => {
            let node = writable(call, fd)?;
            call.charge(len)?;
            let appends = node.flags & APPEND != 0;
            let at = if appends {
                call.host.tree.len(node.place)
            } else {
                node.at
            };
            write_file(call, node.place, at, &parts, len)?;
            call.host.node(fd)?.at = at + len;
        }
        stream => {
            call.charge(len)?;
            call.host.room_for(len)?;
            let to_stdout = matches!(stream, Descriptor::Stdout);
            for (at, len) in parts {
                let bytes = &call.memory[at as usize..at as usize + len as usize];
                let host = &mut *call.host;
                let log = if to_stdout {
                    &mut host.stdout
                } else {
                    &mut host.stderr
                };
                log.extend_from_slice(bytes);
            }
        }
    }
    let len = usize::try_from(len).map_err(|_| Errno::Inval)?;
    Ok(call.put_u32(done, len)?)
}

pub(super) fn pwrite(
    call: &mut Call<'_>,
    fd: u32,
    parts: u32,
    count: u32,
    at: u64,
    done: u32,
) -> Result<(), Fail> {
    let parts = call.parts(parts, count)?;
    let len = whole(&parts);
    call.bytes(done, 4)?;
    let node = writable(call, fd)?;
    call.charge(len)?;
    write_file(call, node.place, at, &parts, len)?;
    let len = usize::try_from(len).map_err(|_| Errno::Inval)?;
    Ok(call.put_u32(done, len)?)
}

/// Fills the parts from a file at `at`, and says how much there was.
fn read_fixed(
    call: &mut Call<'_>,
    file: &Fixed,
    at: u64,
    parts: &[(u32, u32)],
) -> Result<u64, Fail> {
    let mut got = 0;
    for (to, len) in parts {
        let want = u64::from(*len).min(file.size.saturating_sub(at.saturating_add(got)));
        call.charge(want)?;
        let into = call.bytes_mut(*to, *len)?;
        let count = file
            .read(at.saturating_add(got), into)
            .map_err(|error| End::Host(format!("an input cannot be read: {error}")))?;
        got += count as u64;
        if count < *len as usize {
            break;
        }
    }
    Ok(got)
}

fn read_node(
    call: &mut Call<'_>,
    place: Place,
    at: u64,
    parts: &[(u32, u32)],
) -> Result<u64, Fail> {
    match call.host.tree.kind(place) {
        Kind::Fixed(file) => {
            let file = file.clone();
            read_fixed(call, &file, at, parts)
        }
        Kind::Folder(_) => Err(Errno::Isdir.into()),
        Kind::Free => Err(Errno::Badf.into()),
        Kind::Made(content) => {
            let left = (content.len() as u64).saturating_sub(at).min(whole(parts));
            call.charge(left)?;
            let Kind::Made(content) = call.host.tree.kind(place) else {
                return Err(Errno::Badf.into());
            };
            let start = usize::try_from(at).unwrap_or(usize::MAX).min(content.len());
            let mut rest = &content[start..];
            for (to, len) in parts {
                let (now, later) = rest.split_at(rest.len().min(*len as usize));
                call.memory[*to as usize..*to as usize + now.len()].copy_from_slice(now);
                rest = later;
            }
            Ok(left)
        }
    }
}

pub(super) fn read(
    call: &mut Call<'_>,
    fd: u32,
    parts: u32,
    count: u32,
    done: u32,
) -> Result<(), Fail> {
    let parts = call.parts(parts, count)?;
    let got = match call.host.descriptor(fd)?.clone() {
        Descriptor::Stdin(at) => {
            let stdin = call.host.world.stdin.clone();
            let got = match stdin {
                Some(file) => read_fixed(call, &file, at, &parts)?,
                None => 0,
            };
            *call.host.descriptor(fd)? = Descriptor::Stdin(at + got);
            got
        }
        Descriptor::Node(node) if node.reads => {
            let got = read_node(call, node.place, node.at, &parts)?;
            call.host.node(fd)?.at = node.at + got;
            got
        }
        _ => return Err(Errno::Badf.into()),
    };
    Ok(call.put_u32(done, usize::try_from(got).map_err(|_| Errno::Inval)?)?)
}

pub(super) fn pread(
    call: &mut Call<'_>,
    fd: u32,
    parts: u32,
    count: u32,
    at: u64,
    done: u32,
) -> Result<(), Fail> {
    let parts = call.parts(parts, count)?;
    let node = match call.host.descriptor(fd)?.clone() {
        Descriptor::Node(node) if node.reads => node,
        Descriptor::Node(_) => return Err(Errno::Badf.into()),
        _ => return Err(Errno::Spipe.into()),
    };
    let got = read_node(call, node.place, at, &parts)?;
    Ok(call.put_u32(done, usize::try_from(got).map_err(|_| Errno::Inval)?)?)
}
