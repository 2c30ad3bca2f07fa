//! Why a ledger's folder cannot be opened: it is in use, it is damaged, or the world fails.
//!
//! RocksDB tells these apart in words more than in kinds, and makes a new, empty ledger where the
//! file that names all others is lost. So the few files that it begins with are looked at here.

use rocksdb::ErrorKind;
use std::error::Error;
use std::path::{Path, PathBuf};

/// The file that names the newest manifest, which names all other files.
const CURRENT: &str = "CURRENT";
const MANIFEST: &str = "MANIFEST-";
/// A new ledger begins with this one; a crash before it is named leaves nothing that could be lost.
const FIRST_MANIFEST: &str = "MANIFEST-000001";
/// What RocksDB says of a lock that it did not get, in its words and the system's.
const LOCKED_HERE: &str = "lock hold by current process";
const LOCKING: &str = "While lock file";
const LOCKED_ELSEWHERE: &str = "Resource temporarily unavailable";

/// Why the ledger cannot be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// Another process has it open.
    #[error("the ledger at {path} is in use by another peer: stop that one first")]
    InUse {
        /// Where the ledger lies.
        path: PathBuf,
        /// What RocksDB says.
        #[source]
        cause: rocksdb::Error,
    },
    /// Files or records are missing or changed.
    #[error(
        "the ledger at {path} is damaged and cannot be trusted: move that folder away and start \
         again; the blocks come back from the other members, and the vote guard beside it (leave \
         it where it is) keeps this member from voting twice"
    )]
    Damaged {
        /// Where the ledger lies.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The world failed: rights, space, a missing folder.
    #[error("cannot open the ledger at {path}: look at the rights and the free space there")]
    Cannot {
        /// Where the ledger lies.
        path: PathBuf,
        /// What RocksDB says.
        #[source]
        cause: rocksdb::Error,
    },
}

/// A ledger was here, and a file without which none of it can be found is not.
#[derive(Debug, thiserror::Error)]
#[error("{0} is missing, and other files of a ledger are there")]
struct Lost(String);

/// Refuses a folder whose first files do not belong together, before RocksDB begins a new ledger
/// over them. A folder that cannot be looked at is for RocksDB to refuse.
pub(super) fn look(path: &Path) -> Result<(), DiskError> {
    let lost = |name: &str| DiskError::Damaged {
        path: path.to_path_buf(),
        cause: Box::new(Lost(name.into())),
    };
    match std::fs::read_to_string(path.join(CURRENT)) {
        Ok(named) => {
            let named = named.trim_end();
            let is_name = named.starts_with(MANIFEST) && !named.contains('/');
            // What is no name is RocksDB's to find, and it calls it corrupt.
            match path.join(named).try_exists() {
                Ok(false) if is_name => Err(lost(named)),
                _ => Ok(()),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let Ok(files) = std::fs::read_dir(path) else {
                return Ok(());
            };
            let mut names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
            let tells = |name: &str| name.starts_with(MANIFEST) && name != FIRST_MANIFEST;
            if names.any(|name| tells(&name) || name.ends_with(".sst")) {
                return Err(lost(CURRENT));
            }
            Ok(())
        }
        Err(_) => Ok(()),
    }
}

/// What RocksDB's refusal means.
pub(super) fn refused(path: &Path, cause: rocksdb::Error) -> DiskError {
    let path = path.to_path_buf();
    // The folder's own name may say anything.
    let said = cause.as_ref().replace(&*path.to_string_lossy(), "");
    let is_locked =
        said.contains(LOCKED_HERE) || (said.contains(LOCKING) && said.contains(LOCKED_ELSEWHERE));
    match cause.kind() {
        ErrorKind::Corruption => DiskError::Damaged {
            path,
            cause: Box::new(cause),
        },
        ErrorKind::IOError if is_locked => DiskError::InUse { path, cause },
        _ => DiskError::Cannot { path, cause },
    }
}

#[cfg(test)]
mod tests {
    use crate::disk::{Disk, DiskError, Draft};
    use std::path::Path;

    fn refusal(folder: &Path) -> DiskError {
        Disk::open(folder).map(|_| ()).unwrap_err()
    }

    #[test]
    fn a_ledger_that_lost_one_of_its_files_is_damaged_and_not_begun_anew() {
        let home = tempfile::tempdir().unwrap();
        let named = std::cell::RefCell::new(String::new());
        let lose: [&dyn Fn(&Path); 5] = [
            &|folder| {
                let found = std::fs::read_to_string(folder.join("CURRENT")).unwrap();
                named.replace(found.trim_end().into());
                std::fs::remove_file(folder.join(found.trim_end())).unwrap();
            },
            &|folder| std::fs::remove_file(folder.join("CURRENT")).unwrap(),
            &|folder| std::fs::write(folder.join("CURRENT"), "MANIFEST-999999\n").unwrap(),
            &|folder| std::fs::write(folder.join("CURRENT"), "").unwrap(),
            &|folder| std::fs::write(folder.join("CURRENT"), [0xff; 40]).unwrap(),
        ];
        for (number, lose) in lose.iter().enumerate() {
            let folder = home.path().join(number.to_string());
            let disk = Disk::open(&folder).unwrap();
            disk.put(Draft::default().row(&b"key"[..], Some(vec![1])), true);
            drop(disk);
            drop(Disk::open(&folder).unwrap());
            lose(&folder);
            for _ in 0..2 {
                let refused = refusal(&folder);
                assert!(
                    matches!(refused, DiskError::Damaged { .. }),
                    "{number}: {refused:?}"
                );
                assert!(refused.to_string().contains("move that folder away"));
            }
        }
        assert!(named.borrow().starts_with("MANIFEST-"));
    }

    #[test]
    fn only_a_held_lock_means_that_a_ledger_is_in_use() {
        let home = tempfile::tempdir().unwrap();
        let folder = home
            .path()
            .join("lock: While lock file: Resource temporarily unavailable");
        let disk = Disk::open(&folder).unwrap();
        assert!(matches!(refusal(&folder), DiskError::InUse { .. }));
        drop(disk);
        std::fs::remove_file(folder.join("LOCK")).unwrap();
        std::fs::create_dir(folder.join("LOCK")).unwrap();
        let refused = refusal(&folder);
        assert!(matches!(refused, DiskError::Cannot { .. }), "{refused:?}");
    }
}
