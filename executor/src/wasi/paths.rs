//! Calls on a path below an open folder.

use super::Call;
use super::descriptors::stat;
use super::errno::Errno;
use super::host::{Fail, OpenNode};
use super::tree::{Kind, Place, Spot};

const CREATE: u32 = 1;
const DIRECTORY: u32 = 1 << 1;
const EXCLUSIVE: u32 = 1 << 2;
const TRUNCATE: u32 = 1 << 3;
const RIGHT_READ: u64 = 1 << 1;
const RIGHT_WRITE: u64 = 1 << 6;

fn spot(call: &mut Call<'_>, fd: u32, path: u32, len: u32) -> Result<Spot, Fail> {
    let path = call.path(path, len)?;
    call.charge(path.len() as u64)?;
    let folder = call.host.node(fd)?.place;
    Ok(call.host.tree.find(folder, &path)?)
}

pub(super) fn create_directory(
    call: &mut Call<'_>,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<(), Fail> {
    let spot = spot(call, fd, path, len)?;
    if spot.place.is_some() {
        return Err(Errno::Exist.into());
    }
    call.host
        .make(&spot, Kind::Folder(std::collections::BTreeMap::new()))?;
    Ok(())
}

pub(super) fn filestat(
    call: &mut Call<'_>,
    fd: u32,
    _: u32,
    path: u32,
    len: u32,
    to: u32,
) -> Result<(), Fail> {
    let place = spot(call, fd, path, len)?.place.ok_or(Errno::Noent)?;
    let stat = stat(call, place);
    Ok(call.put(to, &stat)?)
}

#[expect(clippy::too_many_arguments, reason = "the interface says so")]
pub(super) fn set_times(
    call: &mut Call<'_>,
    fd: u32,
    _: u32,
    path: u32,
    len: u32,
    _: u64,
    _: u64,
    _: u32,
) -> Result<(), Fail> {
    spot(call, fd, path, len)?.place.ok_or(Errno::Noent)?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the interface says so")]
pub(super) fn link(
    _: &mut Call<'_>,
    _: u32,
    _: u32,
    _: u32,
    _: u32,
    _: u32,
    _: u32,
    _: u32,
) -> Result<(), Fail> {
    Err(Errno::Notsup.into())
}

pub(super) fn symlink(
    _: &mut Call<'_>,
    _: u32,
    _: u32,
    _: u32,
    _: u32,
    _: u32,
) -> Result<(), Fail> {
    Err(Errno::Notsup.into())
}

/// There are no links, so nothing that is there can be read as one.
pub(super) fn readlink(
    call: &mut Call<'_>,
    fd: u32,
    path: u32,
    len: u32,
    _: u32,
    _: u32,
    _: u32,
) -> Result<(), Fail> {
    spot(call, fd, path, len)?.place.ok_or(Errno::Noent)?;
    Err(Errno::Inval.into())
}

/// Whether what is there may be opened in this way; truncates it if asked to.
fn open_existing(call: &mut Call<'_>, place: Place, how: u32, writes: bool) -> Result<(), Fail> {
    if how & CREATE != 0 && how & EXCLUSIVE != 0 {
        return Err(Errno::Exist.into());
    }
    let tree = &mut call.host.tree;
    match tree.kind(place) {
        Kind::Folder(_) if how & (CREATE | TRUNCATE) != 0 => Err(Errno::Isdir.into()),
        Kind::Folder(_) if writes && how & DIRECTORY == 0 => Err(Errno::Isdir.into()),
        Kind::Folder(_) => Ok(()),
        _ if how & DIRECTORY != 0 => Err(Errno::Notdir.into()),
        _ if (writes || how & TRUNCATE != 0) && !tree.is_changeable(place) => {
            Err(Errno::Rofs.into())
        }
        _ if how & TRUNCATE != 0 => Ok(tree.resize(place, 0)?),
        _ => Ok(()),
    }
}

#[expect(clippy::too_many_arguments, reason = "the interface says so")]
pub(super) fn open(
    call: &mut Call<'_>,
    fd: u32,
    _: u32,
    path: u32,
    len: u32,
    how: u32,
    rights: u64,
    _: u64,
    flags: u32,
    to: u32,
) -> Result<(), Fail> {
    call.bytes(to, 4)?;
    let spot = spot(call, fd, path, len)?;
    let writes = rights & RIGHT_WRITE != 0;
    let place = match spot.place {
        Some(place) => {
            open_existing(call, place, how, writes)?;
            place
        }
        None if how & CREATE == 0 => return Err(Errno::Noent.into()),
        None if how & DIRECTORY != 0 => return Err(Errno::Inval.into()),
        None => call.host.make(&spot, Kind::Made(Vec::new()))?,
    };
    let is_folder = matches!(call.host.tree.kind(place), Kind::Folder(_));
    let node = OpenNode {
        place,
        at: 0,
        flags: u16::try_from(flags & 0b1_1111).map_err(|_| Errno::Inval)?,
        reads: is_folder || rights & RIGHT_READ != 0,
        writes: !is_folder && writes,
        preopened: None,
        listing: None,
    };
    let number = call.host.open(node)?;
    Ok(call.put(to, &number.to_le_bytes())?)
}

pub(super) fn remove_directory(
    call: &mut Call<'_>,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<(), Fail> {
    let spot = spot(call, fd, path, len)?;
    Ok(call.host.tree.remove(&spot, true)?)
}

pub(super) fn unlink(call: &mut Call<'_>, fd: u32, path: u32, len: u32) -> Result<(), Fail> {
    let spot = spot(call, fd, path, len)?;
    Ok(call.host.tree.remove(&spot, false)?)
}

pub(super) fn rename(
    call: &mut Call<'_>,
    fd: u32,
    path: u32,
    len: u32,
    new_fd: u32,
    new: u32,
    new_len: u32,
) -> Result<(), Fail> {
    let from = spot(call, fd, path, len)?;
    let to = spot(call, new_fd, new, new_len)?;
    Ok(call.host.tree.rename(&from, &to)?)
}
