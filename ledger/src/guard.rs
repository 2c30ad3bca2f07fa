//! The vote guard: this member's last vote, on disk before anyone hears it.
//!
//! It is a small file of its own beside the ledger, so that it outlives a ledger that is lost or
//! thrown away: a member that starts again from nothing does not vote in views it may have voted
//! in before. The record fits one sector of the disk, so that a power cut leaves the old one or
//! the new one. Anything else found there is an error, never a fresh start.

use crate::engine::BlockHash;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const MAGIC: &[u8; 8] = b"TGVOTE01";
/// Magic, chain, view, phase, block, and a checksum over them.
const RECORD_BYTES: usize = 8 + 8 + 8 + 1 + 32 + 32;
/// One sector, which disks write whole or not at all.
const FILE_BYTES: usize = 512;

/// A vote: for this block, in this phase of this view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ballot {
    /// The view.
    pub view: u64,
    /// The phase, 0 to 4.
    pub phase: u8,
    /// The block voted for.
    pub block: BlockHash,
}

/// Why the guard cannot be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The file is there but not what was written.
    #[error(
        "the vote guard {path} is damaged, so this member cannot know what it voted for: restore \
         the file, or ask the other members to replace this member's consensus key and start with \
         a new one; do not just delete it"
    )]
    Damaged {
        /// Where it lies.
        path: PathBuf,
    },
    /// It belongs to another federation.
    #[error("the vote guard {path} is for chain {found}, this is chain {chain}")]
    OtherChain {
        /// Where it lies.
        path: PathBuf,
        /// The chain it was made for.
        found: u64,
        /// The chain of this peer.
        chain: u64,
    },
    /// The world failed.
    #[error("cannot use the vote guard {path}")]
    Cannot {
        /// Where it lies.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
}

/// A vote that the guard does not let out.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a vote in view {asked} was held back: this member voted up to view {last}")]
pub struct HeldBack {
    /// The view of the vote.
    pub asked: u64,
    /// The view of the last vote on record.
    pub last: u64,
}

/// The open guard. One process holds it at a time.
#[derive(Debug)]
pub struct Guard {
    file: File,
    path: PathBuf,
    chain: u64,
    last: Mutex<Ballot>,
}

impl Guard {
    /// Opens the guard at `path` for `chain`, or makes one for a member that never voted.
    ///
    /// # Errors
    /// See [`GuardError`]; a damaged file is one.
    pub fn open(path: &Path, chain: u64) -> Result<Self, GuardError> {
        let cannot = |cause| GuardError::Cannot {
            path: path.to_path_buf(),
            cause,
        };
        let damaged = || GuardError::Damaged {
            path: path.to_path_buf(),
        };
        let never = Ballot {
            view: 0,
            phase: 0,
            block: BlockHash::GENESIS,
        };
        let found = match std::fs::read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(cannot(error)),
        };
        let last = match found {
            None => {
                make(path, &encode(chain, never)).map_err(cannot)?;
                never
            }
            Some(bytes) => {
                let (found, ballot) = decode(&bytes).ok_or_else(damaged)?;
                if found != chain {
                    let path = path.to_path_buf();
                    return Err(GuardError::OtherChain { path, found, chain });
                }
                ballot
            }
        };
        let file = OpenOptions::new().write(true).open(path).map_err(cannot)?;
        Ok(Self {
            file,
            path: path.to_path_buf(),
            chain,
            last: Mutex::new(last),
        })
    }

    /// The last vote on record; view 0 if there is none.
    pub fn last(&self) -> Ballot {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a vote and syncs it, so that it may be told. The same vote again is let through.
    ///
    /// # Errors
    /// [`HeldBack`] if this member may have voted differently in that view. Stops the process if
    /// the record cannot be written: a vote told without it could be contradicted after a crash.
    pub fn allow(&self, ballot: Ballot) -> Result<(), HeldBack> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if ballot == *last {
            return Ok(());
        }
        if ballot.view <= last.view {
            return Err(HeldBack {
                asked: ballot.view,
                last: last.view,
            });
        }
        let sector = encode(self.chain, ballot);
        let written = self
            .file
            .write_all_at(&sector, 0)
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            let path = self.path.display();
            tracing::error!(target: "ledger::guard", %error, "the vote guard failed, stopping");
            eprintln!("ledger: cannot write the vote guard {path}: {error}");
            std::process::abort();
        }
        *last = ballot;
        Ok(())
    }
}

/// Makes the file whole under its name, or not at all.
fn make(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, bytes)?;
    File::open(&fresh)?.sync_all()?;
    std::fs::rename(&fresh, path)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn encode(chain: u64, ballot: Ballot) -> [u8; FILE_BYTES] {
    let mut record = Vec::with_capacity(RECORD_BYTES);
    record.extend(MAGIC);
    record.extend(chain.to_le_bytes());
    record.extend(ballot.view.to_le_bytes());
    record.push(ballot.phase);
    record.extend(ballot.block.bytes());
    record.extend(blake3::hash(&record).as_bytes());
    let mut sector = [0; FILE_BYTES];
    sector[..RECORD_BYTES].copy_from_slice(&record);
    sector
}

fn decode(bytes: &[u8]) -> Option<(u64, Ballot)> {
    let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let chain = number(8)?;
    let view = number(16)?;
    let phase = *bytes.get(24)?;
    let block = BlockHash::new(bytes.get(25..57)?.try_into().ok()?);
    let ballot = Ballot { view, phase, block };
    (bytes == encode(chain, ballot)).then_some((chain, ballot))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ballot(view: u64, block: u8) -> Ballot {
        Ballot {
            view,
            phase: 0,
            block: BlockHash::new([block; 32]),
        }
    }

    #[test]
    fn a_second_vote_is_held_back_also_after_a_restart() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("guard");
        let guard = Guard::open(&path, 7).unwrap();
        assert_eq!(guard.allow(ballot(5, 1)), Ok(()));
        for _ in 0..2 {
            let guard = Guard::open(&path, 7).unwrap();
            assert_eq!(guard.last(), ballot(5, 1));
            assert_eq!(
                guard.allow(ballot(5, 1)),
                Ok(()),
                "the same vote may be told again"
            );
            assert_eq!(
                guard.allow(ballot(5, 2)),
                Err(HeldBack { asked: 5, last: 5 })
            );
            assert_eq!(
                guard.allow(ballot(4, 1)),
                Err(HeldBack { asked: 4, last: 5 })
            );
        }
        assert_eq!(guard.allow(ballot(6, 2)), Ok(()));
    }

    #[test]
    fn any_changed_byte_and_any_cut_is_found() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("guard");
        Guard::open(&path, 7).unwrap().allow(ballot(9, 3)).unwrap();
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            std::fs::write(&path, &bad).unwrap();
            assert!(
                matches!(Guard::open(&path, 7), Err(GuardError::Damaged { .. })),
                "byte {at}"
            );
        }
        for length in [0, 1, 57, 89, 511] {
            std::fs::write(&path, &good[..length]).unwrap();
            assert!(matches!(
                Guard::open(&path, 7),
                Err(GuardError::Damaged { .. })
            ));
        }
        std::fs::write(&path, &good).unwrap();
        assert!(matches!(
            Guard::open(&path, 8),
            Err(GuardError::OtherChain { found: 7, .. })
        ));
    }
}
