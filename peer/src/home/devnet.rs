//! How a command started in another terminal finds the devnet that runs on this machine.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{HomeError, make_private, our_uid};

/// The announcement may have so many bytes.
const ANNOUNCEMENT_BYTES_MAX: u64 = 64 * 1_024;

/// One peer of a devnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevnetPeer {
    /// What people call it, such as `uni-1` or `researcher`.
    pub name: String,
    /// Its home.
    pub home: PathBuf,
    /// Its socket.
    pub api: PathBuf,
    /// Its process.
    pub pid: u32,
}

/// A devnet that runs on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devnet {
    /// The process that watches over the others.
    pub pid: u32,
    /// Its folder.
    pub home: PathBuf,
    /// The socket that commands ask when nothing else is said: the researcher's.
    pub api: PathBuf,
    /// Its peers.
    pub peers: Vec<DevnetPeer>,
}

impl Devnet {
    /// Tells the commands of this user that this devnet runs. The last one told wins.
    ///
    /// # Errors
    /// [`HomeError`] if the file cannot be written.
    pub fn announce(&self) -> Result<(), HomeError> {
        self.announce_in(&state_folder()?)
    }

    /// Takes the announcement back, unless another devnet has replaced it.
    pub fn withdraw(&self) {
        if let Ok(folder) = state_folder() {
            self.withdraw_in(&folder);
        }
    }

    /// The devnet that runs on this machine for this user, if its socket answers.
    pub fn find() -> Option<Self> {
        Self::find_in(&state_folder().ok()?)
    }

    fn announce_in(&self, folder: &Path) -> Result<(), HomeError> {
        make_private(folder)?;
        let path = folder.join("devnet.json");
        let part = folder.join(format!("devnet.json.{}", self.pid));
        let write = || -> io::Result<()> {
            let mut file = fs::File::create(&part)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            fs::rename(&part, &path)
        };
        write().map_err(|cause| HomeError::Disk {
            doing: "write",
            path: path.clone(),
            cause,
        })
    }

    fn withdraw_in(&self, folder: &Path) {
        let path = folder.join("devnet.json");
        if read(&path).is_some_and(|found| found.pid == self.pid) {
            // A stale announcement is harmless: its socket does not answer.
            let _ = fs::remove_file(path);
        }
    }

    fn find_in(folder: &Path) -> Option<Self> {
        let found = read(&folder.join("devnet.json"))?;
        UnixStream::connect(&found.api).ok()?;
        Some(found)
    }
}

fn read(path: &Path) -> Option<Devnet> {
    let mut text = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(ANNOUNCEMENT_BYTES_MAX)
        .read_to_end(&mut text)
        .ok()?;
    serde_json::from_slice(&text).ok()
}

fn state_folder() -> Result<PathBuf, HomeError> {
    if let Some(runtime) = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()) {
        let runtime = PathBuf::from(runtime);
        if runtime.is_dir() {
            return Ok(runtime.join("peer"));
        }
    }
    let us = our_uid().map_err(|_| HomeError::Nowhere)?;
    Ok(std::env::temp_dir().join(format!("peer-{us}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_devnet_is_found_while_it_answers_and_only_then() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("state");
        let api = dir.path().join("api.sock");
        let (pid, home) = (7, dir.path().to_owned());
        let devnet = Devnet {
            pid,
            home,
            api: api.clone(),
            peers: Vec::new(),
        };
        assert_eq!(Devnet::find_in(&folder), None);
        devnet.announce_in(&folder).unwrap();
        assert_eq!(Devnet::find_in(&folder), None, "nothing listens yet");
        let _listener = UnixListener::bind(&api).unwrap();
        assert_eq!(Devnet::find_in(&folder), Some(devnet.clone()));

        let other = Devnet {
            pid: 8,
            ..devnet.clone()
        };
        other.withdraw_in(&folder);
        assert!(
            Devnet::find_in(&folder).is_some(),
            "only its own is taken back"
        );
        fs::write(folder.join("devnet.json"), b"{\"pid\":").unwrap();
        assert_eq!(Devnet::find_in(&folder), None, "damage is as nothing");
        devnet.announce_in(&folder).unwrap();
        devnet.withdraw_in(&folder);
        assert_eq!(Devnet::find_in(&folder), None);
    }
}
