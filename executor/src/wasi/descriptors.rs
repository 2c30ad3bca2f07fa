//! Calls on an open descriptor.

use protocol::outcome::Limit;

use super::Call;
use super::errno::Errno;
use super::host::{CLOCK_START, Descriptor, End, Fail, LISTED_MAX, Listed, OpenNode};
use super::tree::{Kind, Place};

const FOLDER: u8 = 3;
const FILE: u8 = 4;
const FLAGS: u32 = 0b1_1111;
const RIGHT_READ: u64 = 1 << 1;
const RIGHT_WRITE: u64 = 1 << 6;
const RIGHTS: u64 = 0x1fff_ffff;
const DIRENT: usize = 24;

fn file_type(kind: &Kind) -> u8 {
    match kind {
        Kind::Folder(_) => FOLDER,
        _ => FILE,
    }
}

/// The 64 bytes of a `filestat`: device 1, the place as inode, one link, the size, and one moment
/// for all three times.
pub(super) fn stat(call: &Call<'_>, place: Place) -> [u8; 64] {
    let tree = &call.host.tree;
    let mut stat = [0; 64];
    stat[..8].copy_from_slice(&1_u64.to_le_bytes());
    stat[8..16].copy_from_slice(&(place as u64 + 1).to_le_bytes());
    stat[16] = file_type(tree.kind(place));
    stat[24..32].copy_from_slice(&1_u64.to_le_bytes());
    stat[32..40].copy_from_slice(&tree.len(place).to_le_bytes());
    for time in [40, 48, 56] {
        stat[time..time + 8].copy_from_slice(&CLOCK_START.to_le_bytes());
    }
    stat
}

pub(super) fn advise(call: &mut Call<'_>, fd: u32, _: u64, _: u64, _: u32) -> Result<(), Fail> {
    sync(call, fd)
}

pub(super) fn allocate(call: &mut Call<'_>, fd: u32, at: u64, len: u64) -> Result<(), Fail> {
    let node = writable(call, fd)?;
    let end = at.checked_add(len).ok_or(Errno::Inval)?;
    grow(call, node.place, end)
}

pub(super) fn close(call: &mut Call<'_>, fd: u32) -> Result<(), Fail> {
    Ok(call.host.close(fd)?)
}

pub(super) fn sync(call: &mut Call<'_>, fd: u32) -> Result<(), Fail> {
    call.host.descriptor(fd)?;
    Ok(())
}

pub(super) fn fdstat(call: &mut Call<'_>, fd: u32, to: u32) -> Result<(), Fail> {
    let (kind, flags, rights) = match call.host.descriptor(fd)?.clone() {
        Descriptor::Stdin(_) => (0, 0, RIGHT_READ),
        Descriptor::Stdout | Descriptor::Stderr => (0, 0, RIGHT_WRITE),
        Descriptor::Node(node) => {
            let kind = file_type(call.host.tree.kind(node.place));
            let closed = if node.reads { 0 } else { RIGHT_READ };
            let closed = closed
                | if node.writes || kind == FOLDER {
                    0
                } else {
                    RIGHT_WRITE
                };
            (kind, node.flags, RIGHTS & !closed)
        }
    };
    let mut stat = [0; 24];
    stat[0] = kind;
    stat[2..4].copy_from_slice(&flags.to_le_bytes());
    stat[8..16].copy_from_slice(&rights.to_le_bytes());
    stat[16..24].copy_from_slice(&RIGHTS.to_le_bytes());
    Ok(call.put(to, &stat)?)
}

pub(super) fn set_flags(call: &mut Call<'_>, fd: u32, flags: u32) -> Result<(), Fail> {
    if let Descriptor::Node(node) = call.host.descriptor(fd)? {
        node.flags = u16::try_from(flags & FLAGS).map_err(|_| Errno::Inval)?;
    }
    Ok(())
}

pub(super) fn set_rights(call: &mut Call<'_>, fd: u32, _: u64, _: u64) -> Result<(), Fail> {
    sync(call, fd)
}

pub(super) fn filestat(call: &mut Call<'_>, fd: u32, to: u32) -> Result<(), Fail> {
    let stat = match call.host.descriptor(fd)? {
        Descriptor::Node(node) => {
            let place = node.place;
            stat(call, place)
        }
        _ => [0; 64],
    };
    Ok(call.put(to, &stat)?)
}

pub(super) fn set_size(call: &mut Call<'_>, fd: u32, size: u64) -> Result<(), Fail> {
    let place = writable(call, fd)?.place;
    if size > call.host.tree.len(place) {
        return grow(call, place, size);
    }
    let size = usize::try_from(size).map_err(|_| Errno::Inval)?;
    Ok(call.host.tree.resize(place, size)?)
}

pub(super) fn set_times(call: &mut Call<'_>, fd: u32, _: u64, _: u64, _: u32) -> Result<(), Fail> {
    sync(call, fd)
}

pub(super) fn prestat(call: &mut Call<'_>, fd: u32, to: u32) -> Result<(), Fail> {
    let path = call.host.node(fd)?.preopened.clone();
    let path = path.ok_or(Errno::Badf)?;
    call.put(to, &0_u32.to_le_bytes())?;
    Ok(call.put_u32(to.checked_add(4).ok_or(Errno::Fault)?, path.len())?)
}

pub(super) fn prestat_name(call: &mut Call<'_>, fd: u32, to: u32, len: u32) -> Result<(), Fail> {
    let path = call.host.node(fd)?.preopened.clone();
    let path = path.ok_or(Errno::Badf)?;
    if (len as usize) < path.len() {
        return Err(Errno::NameTooLong.into());
    }
    Ok(call.put(to, path.as_bytes())?)
}

pub(super) fn renumber(call: &mut Call<'_>, from: u32, to: u32) -> Result<(), Fail> {
    call.host.descriptor(from)?;
    call.host.descriptor(to)?;
    if from != to {
        call.host.close(to)?;
        let moved = call.host.descriptors.remove(&from).ok_or(Errno::Badf)?;
        call.host.descriptors.insert(to, moved);
    }
    Ok(())
}

pub(super) fn seek(
    call: &mut Call<'_>,
    fd: u32,
    offset: i64,
    whence: u32,
    to: u32,
) -> Result<(), Fail> {
    let Descriptor::Node(node) = call.host.descriptor(fd)?.clone() else {
        return Err(Errno::Spipe.into());
    };
    if let Kind::Folder(_) = call.host.tree.kind(node.place) {
        return Err(Errno::Isdir.into());
    }
    let base = match whence {
        0 => 0,
        1 => node.at,
        2 => call.host.tree.len(node.place),
        _ => return Err(Errno::Inval.into()),
    };
    let at = base
        .checked_add_signed(offset)
        .filter(|at| *at <= i64::MAX as u64);
    let at = at.ok_or(Errno::Inval)?;
    call.host.node(fd)?.at = at;
    Ok(call.put(to, &at.to_le_bytes())?)
}

pub(super) fn tell(call: &mut Call<'_>, fd: u32, to: u32) -> Result<(), Fail> {
    let Descriptor::Node(node) = call.host.descriptor(fd)? else {
        return Err(Errno::Spipe.into());
    };
    let at = node.at;
    Ok(call.put(to, &at.to_le_bytes())?)
}

pub(super) fn writable(call: &mut Call<'_>, fd: u32) -> Result<OpenNode, Errno> {
    match call.host.descriptor(fd)? {
        Descriptor::Node(node) if node.writes => Ok(node.clone()),
        _ => Err(Errno::Badf),
    }
}

/// Makes a file at least so long; the new bytes are zero, cost fuel, and count as output.
pub(super) fn grow(call: &mut Call<'_>, place: Place, end: u64) -> Result<(), Fail> {
    let more = end.saturating_sub(call.host.tree.len(place));
    if more == 0 {
        return Ok(());
    }
    call.host.room_for(more)?;
    call.charge(more)?;
    let end = usize::try_from(end).map_err(|_| End::Limit(Limit::Output))?;
    Ok(call.host.tree.resize(place, end)?)
}

/// The folder as it is now, sorted by name.
fn listing(call: &Call<'_>, place: Place) -> Result<std::rc::Rc<[Listed]>, Errno> {
    let tree = &call.host.tree;
    let Kind::Folder(children) = tree.kind(place) else {
        return Err(Errno::Notdir);
    };
    if call.host.listed() + children.len() + 2 > LISTED_MAX {
        return Err(Errno::Nomem);
    }
    let dots = [(".", place), ("..", place)];
    let named = children.iter().map(|(name, place)| (name.as_str(), *place));
    let listed = dots.into_iter().chain(named).map(|(name, place)| Listed {
        name: name.to_owned(),
        place,
        folder: matches!(tree.kind(place), Kind::Folder(_)),
    });
    Ok(listed.collect())
}

pub(super) fn readdir(
    call: &mut Call<'_>,
    fd: u32,
    to: u32,
    len: u32,
    cookie: u64,
    done: u32,
) -> Result<(), Fail> {
    let node = call.host.node(fd)?;
    let (place, kept) = (node.place, node.listing.clone());
    let entries = match kept {
        Some(entries) if cookie > 0 => entries,
        _ => {
            node.listing = None;
            let entries = listing(call, place)?;
            call.charge(entries.len() as u64 * 10)?;
            call.host.node(fd)?.listing = Some(entries.clone());
            entries
        }
    };
    let start = usize::try_from(cookie)
        .unwrap_or(usize::MAX)
        .min(entries.len());
    let room = call.bytes(to, len)?.len();
    let mut out = Vec::new();
    for (number, entry) in (start as u64 + 1..).zip(&entries[start..]) {
        if out.len() >= room {
            break;
        }
        let name = entry.name.as_bytes();
        out.reserve(DIRENT + name.len());
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&(entry.place as u64 + 1).to_le_bytes());
        out.extend_from_slice(&u32::try_from(name.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&[if entry.folder { FOLDER } else { FILE }, 0, 0, 0]);
        out.extend_from_slice(name);
    }
    out.truncate(room);
    call.charge(out.len() as u64)?;
    call.put(to, &out)?;
    Ok(call.put_u32(done, out.len())?)
}
