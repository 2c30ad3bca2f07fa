//! The parent's side: a child process on the other end of a socket, that ends when it is let go.

use std::ffi::OsString;
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use borsh::BorshSerialize;

use crate::frame::{self, ORDER_BYTES_MAX, REPLY_BYTES_MAX, Reply};

/// A child takes an order within this time, or is broken.
const ORDER_WAIT: Duration = Duration::from_secs(30);
/// How often, and how long after each other, a child that fell silent is asked how it ended.
const ENDINGS_ASKED: u32 = 20;
const ENDING_PAUSE: Duration = Duration::from_millis(2);

/// Why a child gave no reply.
#[derive(Debug)]
pub(crate) enum Broken {
    /// Its time was over.
    Late,
    /// It ended, or sent what no worker sends.
    Gone(String),
}

/// A way to end what a child is doing from another thread.
#[derive(Clone, Debug)]
pub(crate) struct Leash(Arc<UnixStream>);

impl Leash {
    /// Ends the talk; whoever waits for the child's reply hears that it is gone, and kills it.
    pub(crate) fn cut(&self) {
        // An error says that the other side is gone already.
        drop(self.0.shutdown(Shutdown::Both));
    }
}

/// A running child. Letting it go kills it and waits for its end.
#[derive(Debug)]
pub(crate) struct Child {
    process: std::process::Child,
    stream: Arc<UnixStream>,
}

impl Child {
    /// Starts the program again, as a worker: a fixed environment, its own process group, nothing
    /// open but the socket and standard error.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub(crate) fn spawn(program: &Path, args: &[OsString]) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_write_timeout(Some(ORDER_WAIT))?;
        let input = OwnedFd::from(theirs.try_clone()?);
        let process = Command::new(program)
            .args(args)
            .env_clear()
            // Words for graphics drivers: no cache on disk, and no complaint without a desktop.
            .env("MESA_SHADER_CACHE_DISABLE", "true")
            .env("XDG_RUNTIME_DIR", "/nonexistent")
            .current_dir("/")
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::inherit())
            .process_group(0)
            .spawn()?;
        Ok(Self {
            process,
            stream: Arc::new(ours),
        })
    }

    /// See [`Leash`].
    pub(crate) fn leash(&self) -> Leash {
        Leash(Arc::clone(&self.stream))
    }

    /// Gives an order.
    ///
    /// # Errors
    /// [`Broken`] if it is not taken.
    pub(crate) fn order<T: BorshSerialize>(&mut self, order: &T) -> Result<(), Broken> {
        let mut stream = &*self.stream;
        match frame::send(&mut stream, order, ORDER_BYTES_MAX) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.gone(&error)),
        }
    }

    /// Waits so long for a reply.
    ///
    /// # Errors
    /// [`Broken`] if there is none.
    pub(crate) fn reply(&mut self, wait: Duration) -> Result<Reply, Broken> {
        let end = Instant::now().checked_add(wait);
        let mut timed = Timed {
            stream: &self.stream,
            end,
        };
        match frame::receive(&mut timed, REPLY_BYTES_MAX) {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(self.gone(&io::Error::from(io::ErrorKind::UnexpectedEof))),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Broken::Late),
            Err(error) => Err(self.gone(&error)),
        }
    }

    fn gone(&mut self, error: &io::Error) -> Broken {
        // Its socket closes a moment before its end can be seen, and how it ended is worth a wait.
        for _ in 0..ENDINGS_ASKED {
            if matches!(self.process.try_wait(), Ok(Some(_)) | Err(_)) {
                break;
            }
            std::thread::sleep(ENDING_PAUSE);
        }
        self.kill();
        let ended = match self.process.wait() {
            Ok(status) => match status.signal() {
                Some(libc::SIGKILL) => "it was killed".to_owned(),
                Some(libc::SIGXCPU) => "it had used up its processor time".to_owned(),
                Some(signal) => format!("it ended by signal {signal}"),
                None => format!("it ended with {status}"),
            },
            Err(error) => error.to_string(),
        };
        Broken::Gone(format!("the worker is gone ({error}): {ended}"))
    }

    fn kill(&mut self) {
        // A child that has ended by itself shows how; only one that still runs is killed.
        if !matches!(self.process.try_wait(), Ok(Some(_))) {
            drop(self.process.kill());
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        drop(self.process.wait());
    }
}

struct Timed<'a> {
    stream: &'a UnixStream,
    end: Option<Instant>,
}

impl Read for Timed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self
            .end
            .map(|end| end.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(left)?;
        let mut stream = self.stream;
        match stream.read(into) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(io::ErrorKind::TimedOut.into())
            }
            other => other,
        }
    }
}
