//! All that a guest may call: WASI preview 1, answered from memory; and the calls of [`gpu`], where
//! its job's profile has them.
//!
//! No host file, clock, random number or socket is reachable from here, and no call waits but for a
//! GPU. A call
//! costs fuel, for itself and for the bytes it moves, so that the guest's clock, which is its fuel,
//! goes on and no call is a way to work for free. Every pointer is checked; a bad one is `EFAULT`.

mod descriptors;
mod errno;
mod folders;
mod gpu;
mod host;
mod paths;
mod process;
mod state;
mod transfer;
mod tree;

#[cfg(test)]
mod tests;

use protocol::job::Profile;
use wasmtime::{Caller, Error, ExternType, Linker, Module, Result, Trap, ValType};

use errno::Errno;
pub(crate) use gpu::GuestGpu;
use host::Fail;
pub(crate) use host::{End, Host, World};
pub(crate) use state::HostImage;
pub(crate) use tree::{Fixed, Tree};

/// The module name all of them are imported from but those that drive a GPU.
pub(crate) const MODULE: &str = "wasi_snapshot_preview1";
/// Vectored reads and writes take so many parts.
const PARTS_MAX: u32 = 1_024;

/// One call under way: the guest's memory, the task's host, and the fuel that is left.
pub(crate) struct Call<'a> {
    memory: &'a mut [u8],
    host: &'a mut Host,
    fuel: u64,
}

impl Call<'_> {
    /// Takes fuel, or ends the task if there is not so much.
    fn charge(&mut self, fuel: u64) -> Result<(), End> {
        match self.fuel.checked_sub(fuel) {
            Some(left) => {
                self.fuel = left;
                Ok(())
            }
            None => {
                self.fuel = 0;
                Err(End::Limit(protocol::outcome::Limit::Fuel))
            }
        }
    }

    /// The guest's time since its start, in nanoseconds: one for each unit of fuel, and what it
    /// slept.
    fn now(&self) -> u64 {
        let used = self.host.world.limits.fuel.get().saturating_sub(self.fuel);
        used.saturating_add(self.host.slept)
    }

    fn bytes(&self, at: u32, len: u32) -> Result<&[u8], Errno> {
        let at = at as usize;
        self.memory.get(at..at + len as usize).ok_or(Errno::Fault)
    }

    fn bytes_mut(&mut self, at: u32, len: u32) -> Result<&mut [u8], Errno> {
        let at = at as usize;
        self.memory
            .get_mut(at..at + len as usize)
            .ok_or(Errno::Fault)
    }

    fn put(&mut self, at: u32, bytes: &[u8]) -> Result<(), Errno> {
        let at = at as usize;
        let there = self
            .memory
            .get_mut(at..at + bytes.len())
            .ok_or(Errno::Fault)?;
        there.copy_from_slice(bytes);
        Ok(())
    }

    fn put_u32(&mut self, at: u32, value: usize) -> Result<(), Errno> {
        let value = u32::try_from(value).map_err(|_| Errno::Inval)?;
        self.put(at, &value.to_le_bytes())
    }

    fn path(&self, at: u32, len: u32) -> Result<String, Errno> {
        if len as usize > tree::PATH_BYTES_MAX {
            return Err(Errno::NameTooLong);
        }
        let text = std::str::from_utf8(self.bytes(at, len)?).map_err(|_| Errno::Inval)?;
        if text.contains('\0') {
            return Err(Errno::Inval);
        }
        Ok(text.to_owned())
    }

    /// The parts of a vectored read or write, all of them within memory.
    fn parts(&self, at: u32, count: u32) -> Result<Vec<(u32, u32)>, Errno> {
        if count > PARTS_MAX {
            return Err(Errno::Inval);
        }
        let table = self.bytes(at, count * 8)?;
        let word = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let parts: Vec<_> = table
            .chunks_exact(8)
            .map(|part| (word(&part[..4]), word(&part[4..])))
            .collect();
        for (at, len) in &parts {
            self.bytes(*at, *len)?;
        }
        Ok(parts)
    }
}

fn enter(
    caller: &mut Caller<'_, Host>,
    cost: u64,
    body: impl FnOnce(&mut Call<'_>) -> Result<i32, Fail>,
) -> Result<i32> {
    let early = || Error::new(End::Host("a call before the start".into()));
    let memory = caller.data().memory.ok_or_else(early)?;
    let gauge = caller.data().gauge.ok_or_else(early)?;
    let fuel = gauge.left(&mut *caller).ok_or(Trap::OutOfFuel)?;
    let (memory, host) = memory.data_and_store_mut(&mut *caller);
    let mut call = Call { memory, host, fuel };
    let result = match call.charge(cost) {
        Ok(()) => body(&mut call),
        Err(end) => Err(end.into()),
    };
    let left = call.fuel;
    gauge.set(&mut *caller, left)?;
    match result {
        Ok(answer) => Ok(answer),
        Err(Fail::Errno(errno)) => Ok(i32::from(errno as u16)),
        Err(Fail::End(End::Limit(protocol::outcome::Limit::Fuel))) => Err(Trap::OutOfFuel.into()),
        Err(Fail::End(end)) => Err(Error::new(end)),
    }
}

/// A parameter of a call, as a module declares it.
trait Word {
    const TYPE: ValType;
}

impl Word for u32 {
    const TYPE: ValType = ValType::I32;
}

impl Word for u64 {
    const TYPE: ValType = ValType::I64;
}

impl Word for i64 {
    const TYPE: ValType = ValType::I64;
}

/// What a call's body gives back.
trait Answered {
    /// The number that the guest is told.
    fn answer(self) -> Result<i32, Fail>;
}

impl Answered for Result<(), Fail> {
    fn answer(self) -> Result<i32, Fail> {
        self.map(|()| 0)
    }
}

macro_rules! guest_calls {
    (
        $module:ident;
        $($name:ident ( $($arg:ident : $word:ident),* ) costs $cost:literal = $body:path;)*
    ) => {
        /// Every call that gives a number, with its parameters.
        pub(super) const CALLS: &[(&str, &[ValType])] =
            &[$((stringify!($name), &[$(<$word as Word>::TYPE),*])),*];

        pub(super) fn link_calls(linker: &mut Linker<Host>) -> Result<()> {
            $(linker.func_wrap(
                $module,
                stringify!($name),
                |mut caller: Caller<'_, Host>, $($arg: $word),*| {
                    enter(&mut caller, $cost, |call| $body(call, $($arg),*).answer())
                },
            )?;)*
            Ok(())
        }
    };
}

use guest_calls;

guest_calls! {
    MODULE;
    args_get(list: u32, text: u32) costs 100 = process::args;
    args_sizes_get(count: u32, size: u32) costs 100 = process::args_sizes;
    environ_get(list: u32, text: u32) costs 100 = process::environ;
    environ_sizes_get(count: u32, size: u32) costs 100 = process::environ_sizes;
    clock_res_get(clock: u32, to: u32) costs 50 = process::clock_resolution;
    clock_time_get(clock: u32, precision: u64, to: u32) costs 50 = process::clock_time;
    random_get(at: u32, len: u32) costs 50 = process::random;
    sched_yield() costs 10 = process::nothing;
    proc_raise(signal: u32) costs 10 = process::raise;
    poll_oneoff(from: u32, to: u32, count: u32, done: u32) costs 200 = process::poll;
    sock_accept(fd: u32, flags: u32, to: u32) costs 10 = process::accept;
    sock_recv(fd: u32, parts: u32, count: u32, flags: u32, len: u32, out: u32) costs 10
        = process::receive;
    sock_send(fd: u32, parts: u32, count: u32, flags: u32, len: u32) costs 10 = process::send;
    sock_shutdown(fd: u32, how: u32) costs 10 = process::shutdown;
    fd_advise(fd: u32, at: u64, len: u64, advice: u32) costs 10 = descriptors::advise;
    fd_allocate(fd: u32, at: u64, len: u64) costs 50 = descriptors::allocate;
    fd_close(fd: u32) costs 50 = descriptors::close;
    fd_datasync(fd: u32) costs 10 = descriptors::sync;
    fd_fdstat_get(fd: u32, to: u32) costs 50 = descriptors::fdstat;
    fd_fdstat_set_flags(fd: u32, flags: u32) costs 50 = descriptors::set_flags;
    fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64) costs 10 = descriptors::set_rights;
    fd_filestat_get(fd: u32, to: u32) costs 50 = descriptors::filestat;
    fd_filestat_set_size(fd: u32, size: u64) costs 50 = descriptors::set_size;
    fd_filestat_set_times(fd: u32, read: u64, written: u64, which: u32) costs 10
        = descriptors::set_times;
    fd_pread(fd: u32, parts: u32, count: u32, at: u64, done: u32) costs 100 = transfer::pread;
    fd_prestat_get(fd: u32, to: u32) costs 50 = descriptors::prestat;
    fd_prestat_dir_name(fd: u32, to: u32, len: u32) costs 50 = descriptors::prestat_name;
    fd_pwrite(fd: u32, parts: u32, count: u32, at: u64, done: u32) costs 100
        = transfer::pwrite;
    fd_read(fd: u32, parts: u32, count: u32, done: u32) costs 100 = transfer::read;
    fd_readdir(fd: u32, to: u32, len: u32, cookie: u64, done: u32) costs 200
        = descriptors::readdir;
    fd_renumber(from: u32, to: u32) costs 50 = descriptors::renumber;
    fd_seek(fd: u32, offset: i64, whence: u32, to: u32) costs 50 = descriptors::seek;
    fd_sync(fd: u32) costs 10 = descriptors::sync;
    fd_tell(fd: u32, to: u32) costs 50 = descriptors::tell;
    fd_write(fd: u32, parts: u32, count: u32, done: u32) costs 100 = transfer::write;
    path_create_directory(fd: u32, path: u32, len: u32) costs 100 = paths::create_directory;
    path_filestat_get(fd: u32, flags: u32, path: u32, len: u32, to: u32) costs 100
        = paths::filestat;
    path_filestat_set_times(
        fd: u32, flags: u32, path: u32, len: u32, read: u64, written: u64, which: u32
    ) costs 100 = paths::set_times;
    path_link(a: u32, flags: u32, path: u32, len: u32, b: u32, new: u32, new_len: u32) costs 10
        = paths::link;
    path_open(
        fd: u32, lookup: u32, path: u32, len: u32, how: u32, rights: u64, inheriting: u64,
        flags: u32, to: u32
    ) costs 200 = paths::open;
    path_readlink(fd: u32, path: u32, len: u32, to: u32, to_len: u32, done: u32) costs 100
        = paths::readlink;
    path_remove_directory(fd: u32, path: u32, len: u32) costs 100 = paths::remove_directory;
    path_rename(fd: u32, path: u32, len: u32, new_fd: u32, new: u32, new_len: u32) costs 100
        = paths::rename;
    path_symlink(old: u32, old_len: u32, fd: u32, new: u32, new_len: u32) costs 10
        = paths::symlink;
    path_unlink_file(fd: u32, path: u32, len: u32) costs 100 = paths::unlink;
}

/// The parameters of a call and whether it gives a result; `None` if guests of this profile have no
/// such call.
pub(crate) fn signature(
    profile: Profile,
    module: &str,
    name: &str,
) -> Option<(&'static [ValType], bool)> {
    let calls = match module {
        MODULE if name == "proc_exit" => return Some((&[ValType::I32], false)),
        MODULE => CALLS,
        gpu::MODULE if profile.needs_gpu() => gpu::CALLS,
        _ => return None,
    };
    let found = calls.iter().find(|(call, _)| *call == name);
    found.map(|(_, words)| (*words, true))
}

/// Every call there is, and for whatever else the module imports a function that ends the task.
pub(crate) fn linker(
    engine: &wasmtime::Engine,
    module: &Module,
    profile: Profile,
) -> Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    link_calls(&mut linker)?;
    if profile.needs_gpu() {
        gpu::link_calls(&mut linker)?;
    }
    linker.func_wrap(MODULE, "proc_exit", |code: i32| -> Result<()> {
        Err(Error::new(End::Exit(code)))
    })?;
    for import in module.imports() {
        if let ExternType::Func(function) = import.ty()
            && signature(profile, import.module(), import.name()).is_none()
        {
            linker.func_new(import.module(), import.name(), function, |_, _, _| {
                Err(Error::new(End::Unknown))
            })?;
        }
    }
    Ok(linker)
}

/// Every call with its parameters, for tests that try them all.
#[cfg(test)]
pub(crate) fn calls() -> &'static [(&'static str, &'static [ValType])] {
    CALLS
}
