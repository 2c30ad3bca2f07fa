//! The third wall: a filter that lets only those system calls through that computing needs, and
//! answers all others with `ENOSYS`.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

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
    // Whether the parent has spoken: a look at a socket, never more.
    let looking = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    rules.insert(libc::SYS_recvfrom, vec![flag(3, looking, looking)?]);
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
