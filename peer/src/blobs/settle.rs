//! From "written" to "there after a power cut": files and folders are synced many at a time.
//!
//! One sync costs a file system a whole commit of its journal, and it does not matter how many
//! files that commit holds. So what is written is only noted, and whoever is about to *promise*
//! that it is here (by a seal, or by a job on the ledger) settles everything noted so far, in
//! parallel: a bundle of small outputs costs about what one of them would.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{BlobError, Blobs, disk};

/// So many files are synced at a time.
const SYNCS_MAX: usize = 32;

/// Files and folders that were written and may be lost in a power cut.
#[derive(Debug, Default)]
pub(super) struct Loose(Mutex<BTreeSet<PathBuf>>);

impl Loose {
    pub(super) fn note(&self, paths: impl IntoIterator<Item = PathBuf>) {
        self.open().extend(paths);
    }

    fn open(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        // Each change of it is one call, so what a panicking thread left is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blobs {
    /// Makes all that was kept before this call safe from a power cut.
    ///
    /// # Errors
    /// [`BlobError::Disk`]; then it is tried again with the next call.
    pub fn settle(&self) -> Result<(), BlobError> {
        let loose: Vec<PathBuf> = std::mem::take(&mut *self.loose.open())
            .into_iter()
            .collect();
        let next = AtomicUsize::new(0);
        let sync = || -> Result<(), BlobError> {
            while let Some(path) = loose.get(next.fetch_add(1, Ordering::Relaxed)) {
                match File::open(path).and_then(|file| file.sync_all()) {
                    // What was let go meanwhile need not be there.
                    Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                        return Err(disk("sync", path)(cause));
                    }
                    _ => {}
                }
            }
            Ok(())
        };
        let done: Result<(), BlobError> = thread::scope(|scope| {
            let threads: Vec<_> = (0..loose.len().min(SYNCS_MAX))
                .map(|_| scope.spawn(sync))
                .collect();
            let mut done = Ok(());
            for thread in threads {
                done = done.and(thread.join().expect("syncing a file does not panic"));
            }
            done
        });
        if done.is_err() {
            self.loose.note(loose);
        }
        done
    }
}
