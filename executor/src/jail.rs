//! Shutting a process in, once it has opened all it needs: no file, no network, no other process,
//! no new code, and only so much memory and time.
//!
//! Three walls stand one behind the other. Limits of the kernel (`setrlimit`) bound what it uses.
//! Landlock, where the kernel has it, takes away every file and port. A filter lets only those
//! system calls through that computing needs, and answers all others with `ENOSYS`; without the
//! filter nothing is run.

use std::collections::BTreeMap;
use std::io;

use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetError, Scope};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

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

/// Takes the process's life when its parent's ends, and hides it from other processes.
///
/// # Errors
/// If the kernel refuses.
pub(crate) fn leash() -> io::Result<()> {
    let kill = libc::c_ulong::try_from(libc::SIGKILL).unwrap_or(9);
    prctl(libc::PR_SET_PDEATHSIG, kill)?;
    prctl(libc::PR_SET_DUMPABLE, 0)
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

/// Shuts the first two walls around the calling thread and all it starts later. The process keeps
/// what it has open and can open nothing more.
///
/// # Errors
/// If the kernel refuses. A kernel without Landlock is no error: the filter shuts the same ways.
pub(crate) fn bound(bounds: Bounds) -> io::Result<()> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    take_files().map_err(io::Error::other)?;
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

fn take_files() -> Result<(), RulesetError> {
    let abi = ABI::V6;
    Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .restrict_self()?;
    Ok(())
}

/// The system calls that computing needs.
const CALLS: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_restart_syscall,
];

/// What a graphics driver needs besides.
const DRIVER_CALLS: &[libc::c_long] = &[
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_ioctl,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_nanosleep,
];

/// Shuts the third wall around every thread of the process.
///
/// With `threads`, new threads may be started (a compiler wants them); new processes never.
///
/// # Errors
/// If the kernel or the machine's architecture has no such filter.
pub(crate) fn filter(threads: bool) -> Result<(), seccompiler::Error> {
    let mut rules = rules(threads)?;
    rules.insert(libc::SYS_mmap, vec![flag(2, libc::PROT_EXEC, 0)?]);
    rules.insert(libc::SYS_mprotect, vec![flag(2, libc::PROT_EXEC, 0)?]);
    apply(rules)
}

/// The third wall around a graphics driver: beyond what a compiler may, it makes code in memory and
/// commands the devices that were opened before.
///
/// # Errors
/// If the kernel or the machine's architecture has no such filter.
pub(crate) fn filter_driver() -> Result<(), seccompiler::Error> {
    let mut rules = rules(true)?;
    for call in DRIVER_CALLS {
        rules.insert(*call, Vec::new());
    }
    apply(rules)
}

type Rules = BTreeMap<libc::c_long, Vec<SeccompRule>>;

fn flag(
    arg: u8,
    mask: libc::c_int,
    value: libc::c_int,
) -> Result<SeccompRule, seccompiler::BackendError> {
    let wide = |number: libc::c_int| u64::from(number.unsigned_abs());
    let op = SeccompCmpOp::MaskedEq(wide(mask));
    let condition = SeccompCondition::new(arg, SeccompCmpArgLen::Dword, op, wide(value))?;
    SeccompRule::new(vec![condition])
}

fn rules(threads: bool) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = CALLS.iter().map(|call| (*call, Vec::new())).collect();
    if threads {
        rules.insert(
            libc::SYS_clone,
            vec![flag(0, libc::CLONE_THREAD, libc::CLONE_THREAD)?],
        );
        rules.insert(libc::SYS_set_robust_list, Vec::new());
        rules.insert(libc::SYS_rseq, Vec::new());
    }
    Ok(rules)
}

fn apply(rules: Rules) -> Result<(), seccompiler::Error> {
    let unknown = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let machine = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(rules, unknown, SeccompAction::Allow, machine)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter_all_threads(&program)
}

/// Ways out that a guest which had taken over this process could try. Their pointers are null and
/// their process is the first one, so that a call that gets through does no harm: what is asked is
/// only whether it gets through.
const WAYS: &[(&str, libc::c_long, [i32; 4])] = &[
    ("read a file", libc::SYS_openat, [libc::AT_FDCWD, 0, 0, 0]),
    (
        "write a file",
        libc::SYS_openat,
        [libc::AT_FDCWD, 0, libc::O_CREAT | libc::O_RDWR, 0],
    ),
    (
        "remove a file",
        libc::SYS_unlinkat,
        [libc::AT_FDCWD, 0, 0, 0],
    ),
    (
        "rename a file",
        libc::SYS_renameat2,
        [libc::AT_FDCWD, 0, libc::AT_FDCWD, 0],
    ),
    (
        "reach the internet",
        libc::SYS_socket,
        [libc::AF_INET, libc::SOCK_STREAM, 0, 0],
    ),
    (
        "reach a local socket",
        libc::SYS_socket,
        [libc::AF_UNIX, libc::SOCK_STREAM, 0, 0],
    ),
    ("connect what is open", libc::SYS_connect, [0; 4]),
    ("receive a descriptor", libc::SYS_recvmsg, [0; 4]),
    ("run a program", libc::SYS_execve, [0; 4]),
    (
        "run a program at a place",
        libc::SYS_execveat,
        [libc::AT_FDCWD, 0, 0, 0],
    ),
    ("start a process", libc::SYS_clone, [libc::SIGCHLD, 0, 0, 0]),
    ("start a process anew", libc::SYS_clone3, [0; 4]),
    ("signal a process", libc::SYS_kill, [1, 0, 0, 0]),
    (
        "trace a process",
        libc::SYS_ptrace,
        [PTRACE_ATTACH, 1, 0, 0],
    ),
    (
        "read a process's memory",
        libc::SYS_process_vm_readv,
        [1, 0, 0, 0],
    ),
    (
        "make new code",
        libc::SYS_mmap,
        [0, 4_096, libc::PROT_READ | libc::PROT_EXEC, PRIVATE],
    ),
    (
        "turn data into code",
        libc::SYS_mprotect,
        [0, 0, libc::PROT_EXEC, 0],
    ),
    ("keep a hidden file", libc::SYS_memfd_create, [0; 4]),
    ("queue calls", libc::SYS_io_uring_setup, [1, 0, 0, 0]),
    ("load a kernel program", libc::SYS_bpf, [0; 4]),
    ("command a device", libc::SYS_ioctl, [0; 4]),
    ("raise a limit", libc::SYS_prlimit64, [0; 4]),
];
const PTRACE_ATTACH: i32 = 16;
const PRIVATE: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;

/// Tries every way out, and says of each whether it is shut.
pub(crate) fn try_escapes() -> Vec<(String, bool)> {
    WAYS.iter()
        .map(|(way, call, args)| ((*way).to_owned(), is_shut(*call, *args)))
        .collect()
}

fn is_shut(call: libc::c_long, args: [i32; 4]) -> bool {
    let [a, b, c, d] = args.map(libc::c_long::from);
    // SAFETY: there are no pointers among the arguments but null, and no memory that is in use is
    // named; a process that should start all the same ends below.
    #[allow(unsafe_code)]
    let answer = unsafe { libc::syscall(call, a, b, c, d, -1, 0) };
    if call == libc::SYS_clone && answer == 0 {
        std::process::abort();
    }
    answer == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::ENOSYS)
}
