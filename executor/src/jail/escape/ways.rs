//! The ways out, call by call.

use std::ffi::CStr;

/// What is handed to a call.
#[derive(Clone, Copy)]
pub(super) enum Arg {
    /// A number.
    N(i32),
    /// A path, or another text that ends.
    At(&'static CStr),
    /// The process that started this one.
    Parent,
}
use Arg::{At, N, Parent};

const HERE: Arg = N(libc::AT_FDCWD);
const OTHER: Arg = At(c"/tmp/tallygrid-jail-other");
const SECRET: Arg = At(c"/etc/passwd");
const NEW: Arg = At(c"/tmp/tallygrid-jail");
const WRITE: Arg = N(libc::O_WRONLY);
const CREATE: Arg = N(libc::O_CREAT | libc::O_RDWR);
const PRIVATE: Arg = N(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
const CODE: Arg = N(libc::PROT_READ | libc::PROT_EXEC);
const STREAM: Arg = N(libc::SOCK_STREAM);
const DATAGRAM: Arg = N(libc::SOCK_DGRAM);
const ATTACH: Arg = N(16);

/// What is tried, by which call, with what.
pub(super) type Line = (&'static str, libc::c_long, &'static [Arg]);

/// Ways of one kind.
pub(super) const FILES: &[Line] = &[
    ("read a file", libc::SYS_openat, &[HERE, SECRET, N(0)]),
    (
        "write a file",
        libc::SYS_openat,
        &[HERE, NEW, CREATE, N(384)],
    ),
    (
        "read its own memory as a file",
        libc::SYS_openat,
        &[HERE, At(c"/proc/self/mem"), N(2)],
    ),
    (
        "read the first process's words",
        libc::SYS_openat,
        &[HERE, At(c"/proc/1/environ"), N(0)],
    ),
    (
        "read the machine's memory",
        libc::SYS_openat,
        &[HERE, At(c"/dev/mem"), N(0)],
    ),
    (
        "write to the kernel",
        libc::SYS_openat,
        &[HERE, At(c"/sys/power/state"), WRITE],
    ),
    (
        "write to the kernel's settings",
        libc::SYS_openat,
        &[HERE, At(c"/proc/sys/kernel/core_pattern"), WRITE],
    ),
    (
        "open in the new way",
        libc::SYS_openat2,
        &[HERE, SECRET, N(0), N(24)],
    ),
    (
        "open by handle",
        libc::SYS_open_by_handle_at,
        &[HERE, N(0), N(0)],
    ),
    (
        "ask for a handle",
        libc::SYS_name_to_handle_at,
        &[HERE, SECRET, N(0), N(0), N(0)],
    ),
    (
        "look at a file",
        libc::SYS_newfstatat,
        &[HERE, SECRET, N(0), N(0)],
    ),
    ("list a folder", libc::SYS_getdents64, &[N(0), N(0), N(0)]),
    ("make a folder", libc::SYS_mkdirat, &[HERE, OTHER, N(448)]),
    ("remove a file", libc::SYS_unlinkat, &[HERE, NEW, N(0)]),
    (
        "rename a file",
        libc::SYS_renameat2,
        &[HERE, NEW, HERE, OTHER, N(0)],
    ),
    (
        "link a file",
        libc::SYS_linkat,
        &[HERE, NEW, HERE, OTHER, N(0)],
    ),
    (
        "point to a file",
        libc::SYS_symlinkat,
        &[SECRET, HERE, OTHER],
    ),
    (
        "open a file to others",
        libc::SYS_fchmodat,
        &[HERE, NEW, N(511)],
    ),
    (
        "give a file away",
        libc::SYS_fchownat,
        &[HERE, NEW, N(0), N(0), N(0)],
    ),
    ("watch files", libc::SYS_inotify_init1, &[N(0)]),
    (
        "keep a hidden file",
        libc::SYS_memfd_create,
        &[At(c"hidden"), N(0)],
    ),
    (
        "duplicate a descriptor",
        libc::SYS_fcntl,
        &[N(0), N(libc::F_DUPFD), N(3)],
    ),
    ("command a device", libc::SYS_ioctl, &[N(0), N(0), N(0)]),
];

/// Ways of one kind.
pub(super) const SOCKETS: &[Line] = &[
    (
        "reach the internet",
        libc::SYS_socket,
        &[N(libc::AF_INET), STREAM, N(0)],
    ),
    (
        "send a datagram",
        libc::SYS_socket,
        &[N(libc::AF_INET), DATAGRAM, N(0)],
    ),
    (
        "reach the newer internet",
        libc::SYS_socket,
        &[N(libc::AF_INET6), STREAM, N(0)],
    ),
    (
        "reach a local socket",
        libc::SYS_socket,
        &[N(libc::AF_UNIX), STREAM, N(0)],
    ),
    (
        "talk to the kernel's network",
        libc::SYS_socket,
        &[N(libc::AF_NETLINK), N(libc::SOCK_RAW), N(0)],
    ),
    (
        "see raw packets",
        libc::SYS_socket,
        &[N(libc::AF_PACKET), N(libc::SOCK_RAW), N(0)],
    ),
    (
        "reach the host of a machine",
        libc::SYS_socket,
        &[N(libc::AF_VSOCK), STREAM, N(0)],
    ),
    (
        "make a pair of sockets",
        libc::SYS_socketpair,
        &[N(libc::AF_UNIX), STREAM, N(0), N(0)],
    ),
    (
        "connect what is open",
        libc::SYS_connect,
        &[N(0), N(0), N(0)],
    ),
    (
        "listen with what is open",
        libc::SYS_bind,
        &[N(0), N(0), N(0)],
    ),
    (
        "accept on what is open",
        libc::SYS_accept4,
        &[N(0), N(0), N(0), N(0)],
    ),
    (
        "hand a descriptor out",
        libc::SYS_sendmsg,
        &[N(0), N(0), N(0)],
    ),
    (
        "receive a descriptor",
        libc::SYS_recvmsg,
        &[N(0), N(0), N(0)],
    ),
];

/// Ways of one kind.
pub(super) const PROCESSES: &[Line] = &[
    (
        "run a program",
        libc::SYS_execve,
        &[At(c"/bin/true"), N(0), N(0)],
    ),
    (
        "run a program at a place",
        libc::SYS_execveat,
        &[N(0), At(c""), N(0), N(0), N(4_096)],
    ),
    ("start a process", libc::SYS_clone, &[N(libc::SIGCHLD)]),
    ("start a process anew", libc::SYS_clone3, &[N(0), N(0)]),
    (
        "start a process in a user space",
        libc::SYS_clone,
        &[N(libc::CLONE_NEWUSER | 17)],
    ),
    ("signal the first process", libc::SYS_kill, &[N(1), N(0)]),
    ("signal its parent", libc::SYS_kill, &[Parent, N(0)]),
    ("signal everybody", libc::SYS_kill, &[N(-1), N(0)]),
    ("signal its group", libc::SYS_kill, &[N(0), N(0)]),
    ("signal a thread", libc::SYS_tgkill, &[Parent, Parent, N(0)]),
    ("hold a process", libc::SYS_pidfd_open, &[Parent, N(0)]),
    (
        "take a process's descriptor",
        libc::SYS_pidfd_getfd,
        &[N(0), N(0), N(0)],
    ),
    (
        "trace a process",
        libc::SYS_ptrace,
        &[ATTACH, Parent, N(0), N(0)],
    ),
    (
        "read a process's memory",
        libc::SYS_process_vm_readv,
        &[Parent, N(0), N(0), N(0), N(0)],
    ),
    (
        "write a process's memory",
        libc::SYS_process_vm_writev,
        &[Parent, N(0), N(0), N(0), N(0)],
    ),
    (
        "make another faster",
        libc::SYS_setpriority,
        &[N(0), Parent, N(0)],
    ),
    (
        "bind another to a processor",
        libc::SYS_sched_setaffinity,
        &[Parent, N(0), N(0)],
    ),
];

/// Ways of one kind.
pub(super) const MIGHT: &[Line] = &[
    (
        "mount",
        libc::SYS_mount,
        &[N(0), At(c"/tmp"), At(c"tmpfs"), N(0), N(0)],
    ),
    ("mount anew", libc::SYS_fsopen, &[At(c"tmpfs"), N(0)]),
    (
        "unmount",
        libc::SYS_umount2,
        &[At(c"/tallygrid-none"), N(0)],
    ),
    ("change the root", libc::SYS_chroot, &[At(c"/tmp")]),
    ("turn the root", libc::SYS_pivot_root, &[NEW, OTHER]),
    (
        "leave its namespaces",
        libc::SYS_unshare,
        &[N(libc::CLONE_NEWUSER)],
    ),
    ("enter a namespace", libc::SYS_setns, &[N(0), N(0)]),
    ("become root", libc::SYS_setresuid, &[N(0), N(0), N(0)]),
    (
        "join root's group",
        libc::SYS_setresgid,
        &[N(0), N(0), N(0)],
    ),
    ("take capabilities", libc::SYS_capset, &[N(0), N(0)]),
    (
        "show itself to others",
        libc::SYS_prctl,
        &[N(libc::PR_SET_DUMPABLE), N(1)],
    ),
    (
        "outlive its parent",
        libc::SYS_prctl,
        &[N(libc::PR_SET_PDEATHSIG), N(0)],
    ),
    ("change how it is run", libc::SYS_personality, &[N(-1)]),
    (
        "raise a limit",
        libc::SYS_prlimit64,
        &[N(0), N(7), N(0), N(0)],
    ),
    (
        "raise a limit in the old way",
        libc::SYS_setrlimit,
        &[N(7), N(0)],
    ),
    (
        "load a module",
        libc::SYS_finit_module,
        &[N(-1), At(c""), N(0)],
    ),
    (
        "load a module from memory",
        libc::SYS_init_module,
        &[N(0), N(0), At(c"")],
    ),
    (
        "start another kernel",
        libc::SYS_kexec_load,
        &[N(0), N(0), N(0), N(-1)],
    ),
    (
        "stop the machine",
        libc::SYS_reboot,
        &[N(0), N(0), N(0), N(0)],
    ),
    ("swap", libc::SYS_swapon, &[At(c"/tallygrid-none"), N(0)]),
    (
        "ask for quotas",
        libc::SYS_quotactl,
        &[N(0), N(0), N(0), N(0)],
    ),
    ("set the clock", libc::SYS_clock_settime, &[N(-1), N(0)]),
    ("name the host", libc::SYS_sethostname, &[N(0), N(-1)]),
    (
        "read the kernel's log",
        libc::SYS_syslog,
        &[N(10), N(0), N(0)],
    ),
];

/// Ways of one kind.
pub(super) const KERNEL: &[Line] = &[
    (
        "make new code",
        libc::SYS_mmap,
        &[N(0), N(4_096), CODE, PRIVATE, N(-1), N(0)],
    ),
    (
        "turn data into code",
        libc::SYS_mprotect,
        &[N(0), N(0), N(libc::PROT_EXEC)],
    ),
    (
        "turn data into code by key",
        libc::SYS_pkey_mprotect,
        &[N(0), N(0), N(libc::PROT_EXEC), N(-1)],
    ),
    ("queue calls", libc::SYS_io_uring_setup, &[N(1), N(0)]),
    ("load a kernel program", libc::SYS_bpf, &[N(0), N(0), N(0)]),
    (
        "count the kernel's events",
        libc::SYS_perf_event_open,
        &[N(0), N(0), N(-1), N(-1), N(0)],
    ),
    ("ask for keys", libc::SYS_keyctl, &[N(0), N(-3), N(0)]),
    (
        "keep a key",
        libc::SYS_add_key,
        &[At(c"user"), At(c"k"), N(0), N(0), N(-3)],
    ),
    ("handle page faults", libc::SYS_userfaultfd, &[N(1)]),
    (
        "share memory",
        libc::SYS_shmget,
        &[N(0), N(4_096), N(0o1600)],
    ),
    (
        "queue messages",
        libc::SYS_mq_open,
        &[At(c"tallygrid"), CREATE, N(384), N(0)],
    ),
    ("change its filter", libc::SYS_seccomp, &[N(1), N(0), N(0)]),
    (
        "change its files",
        libc::SYS_landlock_create_ruleset,
        &[N(0), N(0), N(1)],
    ),
    (
        "copy between descriptors",
        libc::SYS_splice,
        &[N(0), N(0), N(1), N(0), N(0), N(0)],
    ),
    (
        "set a timer of a process",
        libc::SYS_timer_create,
        &[N(0), N(0), N(0)],
    ),
    (
        "compare processes",
        libc::SYS_kcmp,
        &[Parent, N(1), N(0), N(0), N(0)],
    ),
];
