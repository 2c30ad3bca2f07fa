//! What a worker leaves behind when it starts: what its parent had open and could see, and, if it
//! was started as root, its might.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use super::walls::Wall;

/// The user and group that root becomes.
const NOBODY: u32 = 65_534;
const VERSION_3: u32 = 0x2008_0522;

/// Namespaces, each with what it hides.
const SPACES: [(&str, libc::c_int); 5] = [
    ("network", libc::CLONE_NEWNET),
    ("mounts", libc::CLONE_NEWNS),
    ("message queues", libc::CLONE_NEWIPC),
    ("host name", libc::CLONE_NEWUTS),
    ("control groups", libc::CLONE_NEWCGROUP),
];

/// What was left behind, and why the rest was not.
#[derive(Debug, Default)]
pub(crate) struct Own {
    spaces: Option<String>,
    closed: Option<String>,
}

impl Own {
    /// As walls.
    pub(crate) fn walls(&self) -> [Wall; 2] {
        let names: Vec<_> = SPACES.iter().map(|(name, _)| *name).collect();
        let spaces = match &self.spaces {
            None => Wall::full("namespaces", format!("own {}", names.join(", "))),
            Some(why) => Wall::missing(
                "namespaces",
                format!("the kernel gives a worker none of its own ({why})"),
                "sysctl -w user.max_user_namespaces=1024   (and, on Debian before 12, \
                 kernel.unprivileged_userns_clone=1; in a container, allow `unshare`)",
            ),
        };
        let closed = match &self.closed {
            None => Wall::full("descriptors", "nothing is open but its socket".to_owned()),
            Some(why) => Wall::weaker(
                "descriptors",
                format!("only what is marked so is closed when a worker starts ({why})"),
                "use a kernel of version 5.9 or later",
            ),
        };
        [spaces, closed]
    }
}

fn answer(answer: libc::c_long) -> io::Result<()> {
    match answer {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// How nice a worker is at least: what is not nice gets nine times as much of a processor (within
/// the session or control group, where the kernel shares by those), and the kernel counts a
/// worker's time apart.
const NICE: libc::c_int = 10;

/// Lets others go first.
///
/// # Errors
/// If the kernel refuses.
pub(crate) fn step_back() -> io::Result<()> {
    // SAFETY: both take numbers alone; the first one has no error for our own process.
    #[allow(unsafe_code)]
    unsafe {
        match libc::getpriority(libc::PRIO_PROCESS, 0) < NICE {
            true => answer(libc::setpriority(libc::PRIO_PROCESS, 0, NICE).into()),
            false => Ok(()),
        }
    }
}

/// Closes all but the first three descriptors and moves into namespaces of its own. While there is
/// one thread.
pub(crate) fn leave() -> Own {
    Own {
        closed: close_all().err().map(|error| error.to_string()),
        spaces: part().err().map(|error| error.to_string()),
    }
}

fn close_all() -> io::Result<()> {
    let (first, flags): (libc::c_long, libc::c_long) = (3, 0);
    // SAFETY: it takes numbers alone; nothing of ours has opened a descriptor beyond 2 yet.
    #[allow(unsafe_code)]
    answer(unsafe { libc::syscall(libc::SYS_close_range, first, i64::from(u32::MAX), flags) })
}

fn part() -> io::Result<()> {
    let all = SPACES.iter().fold(0, |all, (_, flag)| all | flag);
    if unshare(all).is_ok() {
        return Ok(());
    }
    // Whoever is not root has the right to, in a user namespace of its own.
    unshare(libc::CLONE_NEWUSER | all)?;
    drop_might()
}

fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: it takes a number alone.
    #[allow(unsafe_code)]
    answer(unsafe { libc::unshare(flags) }.into())
}

/// Gives up every capability, also those that a new user namespace brings.
fn drop_might() -> io::Result<()> {
    let head: [u32; 2] = [VERSION_3, 0];
    let none = [0_u32; 6];
    // SAFETY: both are as large as version 3 of the call says, and live through it.
    #[allow(unsafe_code)]
    answer(unsafe { libc::syscall(libc::SYS_capset, head.as_ptr(), none.as_ptr()) })
}

/// Turns standard error into nothing, so that only the socket is left to talk to.
///
/// # Errors
/// If there is no nothing.
pub(crate) fn fall_silent() -> io::Result<()> {
    let nothing = File::options().write(true).open("/dev/null")?;
    // SAFETY: both descriptors are open, and nothing of ours reads the second one.
    #[allow(unsafe_code)]
    answer(unsafe { libc::dup2(nothing.as_raw_fd(), 2) }.into())
}

/// Makes root nobody, on all threads; `None` if the process is not root.
pub(crate) fn become_nobody() -> Option<Result<(), String>> {
    // SAFETY: it takes nothing and cannot fail.
    #[allow(unsafe_code)]
    let root = unsafe { libc::geteuid() } == 0;
    root.then(|| change_user().map_err(|error| error.to_string()))
}

fn change_user() -> io::Result<()> {
    // SAFETY: an empty list of groups needs no place, and the others take numbers alone. The C
    // library sees to it that all threads change.
    #[allow(unsafe_code)]
    unsafe {
        answer(libc::setgroups(0, std::ptr::null()).into())?;
        answer(libc::setresgid(NOBODY, NOBODY, NOBODY).into())?;
        answer(libc::setresuid(NOBODY, NOBODY, NOBODY).into())
    }
}
