//! Where a peer's keys, blobs and ledger lie, who holds them, and how others find its socket.
//!
//! ```text
//! HOME/            0700, one peer each
//!   lock           held while the peer runs; says its process
//!   keys           secret, 0600 (keys.rs)
//!   config.toml    settings (config.rs)
//!   genesis        the federation's first state
//!   blobs/         content by digest (blobs.rs)
//!   checked/       outputs that a checker is looking at (checker.rs)
//!   compiled/      modules as this machine's code, never another's
//!   devices        how fast this machine was measured to be (devices.rs)
//!   told/          what peers told of its jobs (told.rs)
//!   ledger/        RocksDB
//!   log            what a detached peer has to say
//!   api.sock       the API, 0600
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

pub mod devnet;

/// A socket's path may have so many bytes: what Linux allows, less the closing zero.
pub const SOCKET_PATH_MAX: usize = 107;

/// A home cannot be used.
#[derive(Debug, Error)]
pub enum HomeError {
    /// The disk says no.
    #[error("cannot {doing} {path}")]
    Disk {
        /// What we were doing.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// Others could read or change it.
    #[error("{path} belongs to user {owner}, not to you: nobody else may hold a peer's keys")]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// It is in use.
    #[error("another peer already runs in {path}{}", process(*pid))]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process that holds it, if it said so.
        pid: Option<u32>,
    },
    /// There is no home directory to put it in.
    #[error("there is no home directory; say where with --home or PEER_HOME")]
    Nowhere,
    /// The socket's path is too long for the system.
    #[error("the path {path} is too long for a socket; choose a home with a shorter name")]
    LongPath {
        /// The path.
        path: PathBuf,
    },
}

/// A peer's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

/// A home that this process holds; let go when dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Home {
    /// The home that the flag, `PEER_HOME` or the system's conventions name. Nothing is made.
    ///
    /// # Errors
    /// [`HomeError::Nowhere`] if nothing names one.
    pub fn choose(flag: Option<&Path>) -> Result<Self, HomeError> {
        use etcetera::BaseStrategy;
        if let Some(root) = flag {
            return Ok(Self::at(root));
        }
        let dirs = etcetera::choose_base_strategy().map_err(|_| HomeError::Nowhere)?;
        Ok(Self::at(&dirs.data_dir().join("peer")))
    }

    /// The home in this folder. Nothing is made.
    pub fn at(root: &Path) -> Self {
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        Self { root }
    }

    /// Makes the folder where it is missing, for us alone.
    ///
    /// # Errors
    /// [`HomeError::Disk`], or [`HomeError::NotOurs`] if it is someone else's.
    pub fn make(&self) -> Result<(), HomeError> {
        make_private(&self.root)
    }

    /// Holds the home for this process, so that no second peer uses its keys and ledger.
    ///
    /// # Errors
    /// [`HomeError::InUse`] if another process holds it; [`HomeError::Disk`].
    pub fn lock(&self) -> Result<Lock, HomeError> {
        let path = self.root.join("lock");
        let disk = |doing, cause| HomeError::Disk {
            doing,
            path: path.clone(),
            cause,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|cause| disk("open", cause))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(HomeError::InUse {
                    path: self.root.clone(),
                    pid: holder(&mut file),
                });
            }
            Err(TryLockError::Error(cause)) => return Err(disk("lock", cause)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|cause| disk("write", cause))?;
        Ok(Lock { file })
    }

    /// The process that runs a peer here, if one does.
    pub fn running(&self) -> Option<u32> {
        let mut file = File::open(self.root.join("lock")).ok()?;
        match file.try_lock_shared() {
            Ok(()) => None,
            Err(_) => holder(&mut file),
        }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its secret keys.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// Its settings.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// Its federation's first state.
    pub fn genesis(&self) -> PathBuf {
        self.root.join("genesis")
    }

    /// Modules as this machine's code.
    pub fn compiled(&self) -> PathBuf {
        self.root.join("compiled")
    }

    /// How fast this machine was measured to be.
    pub fn devices(&self) -> PathBuf {
        self.root.join("devices")
    }

    /// Its content by digest.
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// What peers told of its jobs.
    pub fn told(&self) -> PathBuf {
        self.root.join("told")
    }

    /// Its ledger.
    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger")
    }

    /// What it has to say when nobody watches.
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// Its socket.
    ///
    /// # Errors
    /// [`HomeError::LongPath`] if the system cannot bind such a path.
    pub fn api(&self) -> Result<PathBuf, HomeError> {
        let path = self.root.join("api.sock");
        if path.as_os_str().len() > SOCKET_PATH_MAX {
            return Err(HomeError::LongPath { path });
        }
        Ok(path)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The lock goes with the file; an empty one only spares a reader a stale number.
        let _ = self.file.set_len(0);
    }
}

/// Makes a folder that only we can enter, or checks that an existing one is ours and closes it.
///
/// # Errors
/// [`HomeError::Disk`] or [`HomeError::NotOurs`].
pub fn make_private(path: &Path) -> Result<(), HomeError> {
    let disk = |doing, cause| HomeError::Disk {
        doing,
        path: path.to_owned(),
        cause,
    };
    if let Some(above) = path.parent() {
        fs::create_dir_all(above).map_err(|cause| disk("make the folder above", cause))?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => return Ok(()),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
        Err(cause) => return Err(disk("make", cause)),
    }
    let found = fs::metadata(path).map_err(|cause| disk("look at", cause))?;
    if !found.is_dir() {
        return Err(disk("use", io::Error::from(io::ErrorKind::NotADirectory)));
    }
    let us = our_uid().map_err(|cause| disk("learn our user from", cause))?;
    if found.uid() != us {
        return Err(HomeError::NotOurs {
            path: path.to_owned(),
            owner: found.uid(),
        });
    }
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .map_err(|cause| disk("close", cause))?;
    }
    Ok(())
}

/// The user this process acts for.
///
/// # Errors
/// Only where there is no `/proc`.
pub fn our_uid() -> io::Result<u32> {
    let status = fs::read_to_string("/proc/self/status")?;
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    uids.and_then(|uids| uids.split_whitespace().nth(1)?.parse().ok())
        .ok_or_else(|| io::Error::other("/proc/self/status names no user"))
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})"))
        .unwrap_or_default()
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_ours_alone_and_held_once() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(&dir.path().join("a/b"));
        home.make().unwrap();
        assert_eq!(fs::metadata(home.root()).unwrap().mode() & 0o777, 0o700);
        fs::set_permissions(home.root(), fs::Permissions::from_mode(0o755)).unwrap();
        home.make().unwrap();
        assert_eq!(fs::metadata(home.root()).unwrap().mode() & 0o777, 0o700);

        assert_eq!(home.running(), None);
        let lock = home.lock().unwrap();
        assert_eq!(home.running(), Some(std::process::id()));
        let us = Some(std::process::id());
        assert!(matches!(home.lock(), Err(HomeError::InUse { pid, .. }) if pid == us));
        drop(lock);
        assert_eq!(home.running(), None);
        home.lock().unwrap();
    }

    #[test]
    fn a_lock_file_full_of_rubbish_still_locks() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        fs::write(home.root().join("lock"), [0xff; 4096]).unwrap();
        assert_eq!(home.running(), None);
        let _lock = home.lock().unwrap();
        assert_eq!(home.running(), Some(std::process::id()));
    }

    #[test]
    fn a_file_where_the_folder_should_be_is_an_error_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("home");
        fs::write(&path, "").unwrap();
        let said = Home::at(&path).make().unwrap_err().to_string();
        assert!(said.starts_with("cannot use"), "{said}");
    }
}
