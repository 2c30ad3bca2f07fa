//! The states of unfinished step tasks on this machine's disk: the last one of each, so that a task
//! whose worker or whose peer died goes on from there.
//!
//! A file is named after the task and everything that its outcome depends on, and holds the roots
//! so far and the snapshot with the last of them. It is written beside the one before it and then
//! put in its place. What does not hold is found out by its root before anything runs from it, so
//! nothing is synced: a power cut costs the steps since the file before. A file is of use to any
//! executor that is given the same work.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use data_encoding::HEXLOWER;
use protocol::bytes;
use protocol::ids::{Digest, JobId};
use protocol::job::Job;
use protocol::steps::{ENTRIES_BYTES_MAX, STATE_BYTES_MAX, StepEntries};

use crate::frame;

/// All states together may take so many bytes on disk; the oldest goes first.
pub const STATES_BYTES_MAX: u64 = 8 << 30;
/// A state that nobody came back for is kept so long.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);

const NAME: &str = "tallygrid kept step v1";

/// The folder.
#[derive(Debug)]
pub(crate) struct Shelf {
    folder: PathBuf,
}

/// The name of one task's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place(String);

/// A state that was found: the roots so far, and the snapshot with the last of them.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) roots: Vec<Digest>,
    pub(crate) snapshot: File,
}

/// A state on its way to the disk.
#[derive(Debug)]
pub(crate) struct Writing {
    file: File,
    from: PathBuf,
    to: PathBuf,
    bytes: u64,
}

impl Shelf {
    /// Opens the folder, and clears what is too old and what was left half written.
    ///
    /// # Errors
    /// If it cannot be made or read.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let shelf = Self {
            folder: folder.to_owned(),
        };
        for (written, _, path) in shelf.all()? {
            let age = SystemTime::now().duration_since(written);
            let half = path.extension().is_some_and(|end| end == "new");
            if half || age.is_ok_and(|age| age > KEPT) {
                fs::remove_file(path)?;
            }
        }
        Ok(shelf)
    }

    /// Every file: when it was written, and how long it is.
    fn all(&self) -> io::Result<Vec<(SystemTime, u64, PathBuf)>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            // Another slot may have put it in its place, or removed it, since the folder was read.
            if let Ok(found) = fs::metadata(&path)
                && found.is_file()
            {
                all.push((found.modified()?, found.len(), path));
            }
        }
        Ok(all)
    }

    /// Where a task's state belongs. Another run of the same task has another place.
    pub(crate) fn place(&self, (served, seen): (JobId, JobId), job: &Job, task: u32) -> Place {
        let content = Digest::of(&bytes::write(job));
        let parts: [&[u8]; 4] = [
            served.bytes(),
            seen.bytes(),
            content.bytes(),
            &task.to_le_bytes(),
        ];
        Place(HEXLOWER.encode(Digest::derive(NAME, &parts).bytes()))
    }

    /// Where a task's state lies, if one is kept.
    pub(crate) fn file(&self, place: &Place) -> PathBuf {
        self.folder.join(format!("{}.step", place.0))
    }

    /// The state that was kept, if there is one that can be read.
    pub(crate) fn find(&self, place: &Place) -> Option<Found> {
        Found::read(&self.file(place))
    }

    /// Begins to write a state with these roots; `slot` tells the writers of two states apart.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn begin(
        &self,
        place: &Place,
        slot: usize,
        roots: &[Digest],
    ) -> io::Result<Writing> {
        let from = self.folder.join(format!("{}.{slot}.new", place.0));
        let mut file = File::create(&from)?;
        let roots = StepEntries::new(roots.to_vec());
        let roots = roots.ok_or_else(|| io::Error::other("too many roots"))?;
        frame::send(&mut file, &roots, ENTRIES_BYTES_MAX)?;
        Ok(Writing {
            file,
            from,
            to: self.file(place),
            bytes: 0,
        })
    }

    /// Puts a state that is written whole in the place of the one before it.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn finish(&self, writing: &Writing) -> io::Result<()> {
        fs::rename(&writing.from, &writing.to)?;
        let mut all = self.all()?;
        all.sort();
        let mut bytes: u64 = all.iter().map(|(_, len, _)| len).sum();
        for (_, len, path) in all {
            if bytes <= STATES_BYTES_MAX {
                break;
            }
            fs::remove_file(path)?;
            bytes -= len;
        }
        Ok(())
    }

    /// Forgets a task that has ended, or whose state does not hold.
    pub(crate) fn forget(&self, place: &Place) {
        // Most tasks have none. What cannot be removed is too old one day.
        drop(fs::remove_file(self.file(place)));
    }
}

impl Found {
    /// What such a file holds, if that can be read.
    pub(crate) fn read(file: &Path) -> Option<Self> {
        let mut snapshot = File::open(file).ok()?;
        let roots = frame::receive::<StepEntries>(&mut snapshot, ENTRIES_BYTES_MAX);
        let roots = roots.ok()??.all().to_vec();
        (!roots.is_empty()).then_some(Self { roots, snapshot })
    }
}

impl Writing {
    /// Writes the next piece of the snapshot.
    ///
    /// # Errors
    /// If the disk fails, or it is more than a state may have.
    pub(crate) fn part(&mut self, part: &[u8]) -> io::Result<()> {
        self.bytes += part.len() as u64;
        if self.bytes > STATE_BYTES_MAX {
            return Err(io::Error::other("the state is too large to be kept"));
        }
        self.file.write_all(part)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // Nothing is there once it was put in its place.
        drop(fs::remove_file(&self.from));
    }
}
