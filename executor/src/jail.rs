//! Shutting a process in, once it has opened all it needs: no file, no network, no other process,
//! no new code, and only so much memory and time.
//!
//! Four walls stand one behind the other. When it starts, the process leaves everything that its
//! parent had open, and the machine's network, mounts and names, for namespaces of its own
//! ([`own`]). Limits of the kernel (`setrlimit`) bound what it uses, and a process that was started
//! as root becomes nobody. Landlock, where the kernel has it, takes away every file and port. A
//! filter lets only those system calls through that computing needs ([`filter`]); without it
//! nothing is run. What the kernel does not offer of the other three is told ([`walls`]).

mod escape;
mod filter;
mod own;
mod walls;

use std::io;

use landlock::{ABI, Access, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr};
use landlock::{RulesetError, RulesetStatus, Scope};

pub(crate) use escape::try_escapes;
pub(crate) use filter::{filter, filter_driver};
pub use walls::{Demand, Hold, Jail, WALLS, Wall, Way};
pub(crate) use walls::{Status, standing};

/// How much a jailed process may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Writable private memory, in bytes.
    pub(crate) memory: u64,
    /// Processor time, in seconds.
    pub(crate) cpu_seconds: u64,
    /// The length of a file it writes to.
    pub(crate) file_bytes: u64,
}

/// What became of the walls that a process has put up so far.
#[derive(Debug, Default)]
pub(crate) struct Shut {
    /// Whether it left namespaces, and what was open, behind.
    pub(crate) own: own::Own,
    /// What Landlock holds back.
    pub(crate) files: Files,
    /// Whether it became nobody; absent if it was not root.
    pub(crate) nobody: Option<Result<(), String>>,
}

/// What Landlock holds back.
#[derive(Debug, Default)]
pub(crate) enum Files {
    /// Nothing, since the kernel has none.
    #[default]
    Nothing,
    /// Not all that was asked for, because the kernel's is of this version.
    Some(i32),
    /// Every file, every port, every socket and signal beyond the process.
    All(i32),
}

impl Files {
    /// The version of the kernel's Landlock; 0 if it has none.
    pub(crate) const fn version(&self) -> i32 {
        match self {
            Self::Nothing => 0,
            Self::Some(version) | Self::All(version) => *version,
        }
    }
}

/// Takes the process's life when its parent's ends, hides it from other processes, and leaves what
/// its parent had open and could see. Called first, while there is one thread.
///
/// # Errors
/// If the kernel refuses what no worker may be without.
pub(crate) fn leash() -> io::Result<Shut> {
    tie()?;
    own::step_back()?;
    let own = own::leave();
    prctl(libc::PR_SET_DUMPABLE, 0)?;
    Ok(Shut {
        own,
        ..Shut::default()
    })
}

fn tie() -> io::Result<()> {
    let kill = libc::c_ulong::try_from(libc::SIGKILL).unwrap_or(9);
    prctl(libc::PR_SET_PDEATHSIG, kill)
}

fn prctl(option: libc::c_int, value: libc::c_ulong) -> io::Result<()> {
    let zero: libc::c_ulong = 0;
    // SAFETY: the options used here take one number and no pointer.
    #[allow(unsafe_code)]
    let answer = unsafe { libc::prctl(option, value, zero, zero, zero) };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Shuts the walls before the last around the calling thread and all it starts later. The process
/// keeps what it has open but for standard error, and can open nothing more.
///
/// # Errors
/// If the kernel refuses. A kernel without Landlock is no error: the filter shuts the same ways.
pub(crate) fn bound(bounds: Bounds, shut: &mut Shut) -> io::Result<()> {
    own::fall_silent()?;
    shut.nobody = own::become_nobody();
    // Whoever becomes another is untied from its parent.
    tie()?;
    prctl(libc::PR_SET_DUMPABLE, 0)?;
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    shut.files = take_files().map_err(io::Error::other)?;
    for (resource, most) in [
        (libc::RLIMIT_DATA, bounds.memory),
        (libc::RLIMIT_CPU, bounds.cpu_seconds),
        (libc::RLIMIT_FSIZE, bounds.file_bytes),
        (libc::RLIMIT_CORE, 0),
        (libc::RLIMIT_NOFILE, 0),
    ] {
        // The signal that says which limit it was comes at the lower one.
        let grace = u64::from(resource == libc::RLIMIT_CPU);
        let limit = libc::rlimit {
            rlim_cur: most,
            rlim_max: most.saturating_add(grace),
        };
        // SAFETY: `limit` is a whole `rlimit` that lives through the call.
        #[allow(unsafe_code)]
        let answer = unsafe { libc::setrlimit(resource, &raw const limit) };
        if answer != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

fn take_files() -> Result<Files, RulesetError> {
    let abi = ABI::V6;
    let held = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .restrict_self()?;
    let version = match held.landlock {
        LandlockStatus::Available {
            effective_abi,
            kernel_abi,
        } => kernel_abi.unwrap_or(effective_abi as i32),
        _ => 0,
    };
    Ok(match held.ruleset {
        RulesetStatus::FullyEnforced => Files::All(version),
        RulesetStatus::PartiallyEnforced => Files::Some(version),
        RulesetStatus::NotEnforced => Files::Nothing,
    })
}
