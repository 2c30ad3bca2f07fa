//! Ways out that a guest which had taken over its worker could try, and whether they are shut.
//!
//! Every line is harmless where it gets through: what is asked is only whether it does. Paths are
//! real, so that no call fails for another reason than the jail.

mod ways;

use std::io;

use super::walls::Way;
use ways::Arg::{self, At, N, Parent};
use ways::{FILES, KERNEL, MIGHT, PROCESSES, SOCKETS};

/// Descriptors up to this number are looked for.
const DESCRIPTORS: i32 = 1_024;

/// Tries every way out, and says of each what the kernel answered and whether it is shut.
///
/// The parent is asked for before the jail shuts, since that is one of the calls it shuts out.
pub(crate) fn try_escapes(parent: u32) -> Vec<Way> {
    let lines = [FILES, SOCKETS, PROCESSES, MIGHT, KERNEL];
    let lines = lines.into_iter().flatten();
    let mut ways: Vec<Way> = lines
        .map(|(name, call, args)| way(name, *call, args, parent))
        .collect();
    ways.push(left_open());
    ways
}

/// A call is shut if the filter answers in its place.
fn way(name: &str, call: libc::c_long, args: &[Arg], parent: u32) -> Way {
    let answer = attempt(call, args, parent);
    Way {
        name: name.to_owned(),
        answer,
        shut: answer == libc::ENOSYS,
    }
}

/// What the kernel answers: the number of an error, or 0.
fn attempt(call: libc::c_long, args: &[Arg], parent: u32) -> i32 {
    let mut words: [libc::c_long; 6] = [0; 6];
    for (word, arg) in words.iter_mut().zip(args) {
        *word = match arg {
            N(number) => (*number).into(),
            At(text) => text.as_ptr().expose_provenance().cast_signed() as libc::c_long,
            Parent => parent.into(),
        };
    }
    let [a, b, c, d, e, f] = words;
    // SAFETY: among the arguments are no pointers but null and constant texts that the kernel only
    // reads; no memory that is in use is named; a process that starts all the same ends below.
    #[allow(unsafe_code)]
    let answer = unsafe { libc::syscall(call, a, b, c, d, e, f) };
    if call == libc::SYS_clone && answer == 0 {
        std::process::abort();
    }
    match answer {
        -1 => io::Error::last_os_error().raw_os_error().unwrap_or(-1),
        _ => 0,
    }
}

/// Looks for descriptors beyond its own three: reading is allowed, so nothing may be there to read.
fn left_open() -> Way {
    // Reading nothing from one that is open gives nothing, and an error only where it is not.
    let answers =
        (3..DESCRIPTORS).map(|number| attempt(libc::SYS_lseek, &[N(number), N(0), N(1)], 0));
    let open = answers.filter(|answer| *answer != libc::EBADF).count();
    Way {
        name: "use what its parent left open".to_owned(),
        answer: if open == 0 { libc::EBADF } else { 0 },
        shut: open == 0,
    }
}
