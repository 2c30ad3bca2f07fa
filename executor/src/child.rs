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
use crate::pace::Herd;
use crate::wait::Wait;

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
    herd: Option<Arc<Herd>>,
    begun: Instant,
    /// For how long its herd had stood still when it was begun.
    stood: Duration,
    process: std::process::Child,
    stream: Arc<UnixStream>,
    wait: Wait,
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
            herd: None,
            begun: Instant::now(),
            stood: Duration::ZERO,
            process,
            stream: Arc::new(ours),
            wait: Wait::default(),
        })
    }

    /// The same, for a child that runs at the pace of a herd.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub(crate) fn spawn_in(
        herd: &Arc<Herd>,
        program: &Path,
        args: &[OsString],
    ) -> io::Result<Self> {
        let mut child = Self::spawn(program, args)?;
        herd.enter(child.process.id());
        child.stood = herd.stood();
        child.herd = Some(Arc::clone(herd));
        Ok(child)
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

    /// Waits so long for a reply, and longer by as much as the child stands still meanwhile.
    ///
    /// # Errors
    /// [`Broken`] if there is none.
    pub(crate) fn reply(&mut self, wait: Duration) -> Result<Reply, Broken> {
        let mut timed = Timed {
            stream: &self.stream,
            end: Instant::now().checked_add(wait),
            herd: self.herd.as_deref(),
            stood: self.stood(),
        };
        let reply = self.wait.through(&*self.stream, || {
            frame::receive(&mut timed, REPLY_BYTES_MAX)
        });
        match reply {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(self.gone(&io::Error::from(io::ErrorKind::UnexpectedEof))),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Broken::Late),
            Err(error) => Err(self.gone(&error)),
        }
    }

    /// For how long it has run, without the time for which it stood still.
    pub(crate) fn ran(&self) -> Duration {
        let stood = self.stood().saturating_sub(self.stood);
        self.begun.elapsed().saturating_sub(stood)
    }

    fn stood(&self) -> Duration {
        let herd = self.herd.as_ref();
        herd.map_or(Duration::ZERO, |herd| herd.stood())
    }

    /// It is about to be waited for.
    fn leave(&mut self) {
        if let Some(herd) = self.herd.take() {
            herd.leave(self.process.id());
        }
    }

    fn gone(&mut self, error: &io::Error) -> Broken {
        self.leave();
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
        self.leave();
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

/// A wait is looked at so often, since the child may have stood still meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(1);

struct Timed<'a> {
    stream: &'a UnixStream,
    end: Option<Instant>,
    herd: Option<&'a Herd>,
    /// For how long the herd had stood still when the wait began.
    stood: Duration,
}

impl Timed<'_> {
    /// What is left of the wait; `None` if it has no end.
    fn left(&self) -> Option<Duration> {
        let stood = self.herd.map_or(Duration::ZERO, Herd::stood);
        let end = self.end?.checked_add(stood.saturating_sub(self.stood))?;
        Some(end.saturating_duration_since(Instant::now()))
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.left();
            if left.is_some_and(|left| left.is_zero()) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream
                .set_read_timeout(left.map(|left| left.min(LOOK_EVERY)))?;
            let mut stream = self.stream;
            match stream.read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }
}
