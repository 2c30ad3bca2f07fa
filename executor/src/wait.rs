//! Waiting for the other process: awake for a moment, then asleep. Where tasks are short, waking
//! two sleeping processors for each takes longer than the tasks.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

/// One waits awake for so long at most.
const AWAKE_MAX: Duration = Duration::from_micros(100);
/// One waits awake only if the last wait was shorter than this.
const SOON: Duration = Duration::from_millis(1);

/// How soon the other side spoke when it was last waited for.
#[derive(Debug, Default)]
pub(crate) struct Wait {
    last: Duration,
}

impl Wait {
    /// Receives from `socket` by `receive`, which sleeps until something comes.
    pub(crate) fn through<T>(&mut self, socket: impl AsFd, receive: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        if self.last < SOON {
            while begun.elapsed() < AWAKE_MAX && !has_come(socket.as_fd()) {
                std::hint::spin_loop();
            }
        }
        let received = receive();
        self.last = begun.elapsed();
        received
    }
}

/// Whether something can be read, be it the end or an error.
fn has_come(socket: BorrowedFd<'_>) -> bool {
    let mut byte = 0_u8;
    let looking = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: at most one byte is written, to a byte that lives through the call.
    #[allow(unsafe_code)]
    let seen = unsafe { libc::recv(socket.as_raw_fd(), (&raw mut byte).cast(), 1, looking) };
    seen >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::WouldBlock
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc::channel;

    #[test]
    fn what_comes_at_once_late_or_never_is_received_all_the_same() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (receiving, received) = channel();
        let mut wait = Wait::default();
        let receive = |wait: &mut Wait| {
            let mut byte = [0];
            wait.through(&ours, || {
                receiving.send(()).unwrap();
                (&ours).read(&mut byte).map(|read| (read, byte[0]))
            })
        };
        assert!(!has_come(ours.as_fd()));
        (&theirs).write_all(b"ab").unwrap();
        assert!(has_come(ours.as_fd()));
        assert_eq!(receive(&mut wait).unwrap(), (1, b'a'));
        assert_eq!(receive(&mut wait).unwrap(), (1, b'b'));
        let late = std::thread::spawn(move || {
            for _ in 0..3 {
                received.recv().unwrap();
            }
            std::thread::sleep(SOON * 2);
            (&theirs).write_all(b"c").unwrap();
            received
        });
        assert_eq!(receive(&mut wait).unwrap(), (1, b'c'));
        assert!(wait.last >= SOON);
        let _received = late.join().unwrap();
        assert!(has_come(ours.as_fd()), "an end is something");
        assert_eq!(receive(&mut wait).unwrap(), (0, 0));
    }
}
