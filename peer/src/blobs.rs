//! Blobs on this disk, by digest: written once, whole or not at all, and never believed unchecked.
//!
//! ```text
//! keep ──▶ parts/7 ──rename──▶ ab/b3_ab… ──first use: hash──▶ served
//!                                  │     └─ wrong ─▶ removed, as if it had never been here
//!                                  └─ settle ─▶ there after a power cut
//! ```

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::ids::Digest;
use protocol::job::{Blob, MODULE_MAX};
use protocol::outcome::TASK_OUTPUT_BYTES_MAX;
use protocol::units::Bytes;
use thiserror::Error;

use crate::home::{HomeError, make_private};

mod settle;

/// A blob may have so many bytes: a module, an input file or a task's output.
pub const BLOB_BYTES_MAX: u64 = 128 << 20;
const _: () =
    assert!(TASK_OUTPUT_BYTES_MAX as u64 <= BLOB_BYTES_MAX && MODULE_MAX.get() <= BLOB_BYTES_MAX);
/// So many digests are remembered as checked; past that, all are checked anew.
const CHECKED_MAX: usize = 1 << 20;
/// Content is read and hashed in pieces of so many bytes.
const PIECE_BYTES: usize = 256 * 1_024;

/// A blob cannot be kept or read.
#[derive(Debug, Error)]
pub enum BlobError {
    /// It is larger than any blob may be.
    #[error("{len} bytes are more than a blob may have ({BLOB_BYTES_MAX})")]
    TooLarge {
        /// How large it is, as far as we read.
        len: u64,
    },
    /// The content is not what its name says.
    #[error("the content is not {expected}: its digest is {found}")]
    Wrong {
        /// What was promised.
        expected: Digest,
        /// What came.
        found: Digest,
    },
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
    /// The folder cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
}

/// The blobs in one folder. May be shared between threads; every call reads or writes the disk.
#[derive(Debug)]
pub struct Blobs {
    root: PathBuf,
    parts: AtomicU64,
    checked: Mutex<HashMap<Digest, Stamp>>,
    loose: settle::Loose,
}

/// What tells a file from one that was written since: length, inode, and when it was last changed
/// in seconds and nanoseconds. The system sets that time; nobody else can.
type Stamp = (u64, u64, i64, i64);

/// A blob on its way to the disk. Dropped before [`Part::finish`], it leaves nothing.
#[derive(Debug)]
pub struct Part<'a> {
    blobs: &'a Blobs,
    path: PathBuf,
    file: File,
    hasher: blake3::Hasher,
    len: u64,
    finished: bool,
}

impl Blobs {
    /// The blobs in this folder, which is made if missing. Parts that a dead process left are
    /// removed.
    ///
    /// # Errors
    /// [`BlobError::Home`] or [`BlobError::Disk`].
    pub fn open(root: &Path) -> Result<Self, BlobError> {
        make_private(root)?;
        let parts = root.join("parts");
        match fs::remove_dir_all(&parts) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                return Err(disk("clear", &parts)(cause));
            }
            _ => {}
        }
        fs::create_dir(&parts).map_err(disk("make", &parts))?;
        Ok(Self {
            root: root.to_owned(),
            parts: AtomicU64::new(0),
            checked: Mutex::default(),
            loose: settle::Loose::default(),
        })
    }

    /// Keeps content that is in memory.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] or [`BlobError::Disk`]; then nothing is kept.
    pub fn keep(&self, content: &[u8]) -> Result<Digest, BlobError> {
        let mut part = self.part()?;
        part.write(content)?;
        part.finish(None)
    }

    /// Keeps content that must have this digest.
    ///
    /// # Errors
    /// As [`Blobs::keep`], and [`BlobError::Wrong`].
    pub fn keep_as(&self, expected: Digest, content: &[u8]) -> Result<(), BlobError> {
        let mut part = self.part()?;
        part.write(content)?;
        part.finish(Some(expected)).map(drop)
    }

    /// Begins a blob that arrives in pieces.
    ///
    /// # Errors
    /// [`BlobError::Disk`].
    pub fn part(&self) -> Result<Part<'_>, BlobError> {
        let path = self.incoming();
        let file = File::create_new(&path).map_err(disk("make", &path))?;
        Ok(Part {
            blobs: self,
            path,
            file,
            hasher: blake3::Hasher::new(),
            len: 0,
            finished: false,
        })
    }

    /// Keeps what a file holds, and removes the file.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] or [`BlobError::Disk`]; then nothing is kept.
    pub fn keep_file(&self, file: &Path) -> Result<Blob, BlobError> {
        let mut content = File::open(file).map_err(disk("read", file))?;
        let mut part = self.part()?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match content.read(&mut piece).map_err(disk("read", file))? {
                0 => break,
                len => part.write(&piece[..len])?,
            }
        }
        fs::remove_file(file).map_err(disk("remove", file))?;
        let size = Bytes::new(part.len());
        let digest = part.finish(None)?;
        Ok(Blob { digest, size })
    }

    /// The content, checked; `None` if it is not here, or was damaged (then it is removed).
    ///
    /// # Errors
    /// [`BlobError::Disk`] if it is here and cannot be read.
    pub fn read(&self, digest: &Digest) -> Result<Option<Vec<u8>>, BlobError> {
        let path = self.place(digest);
        let Some(stamp) = stamp(&path)?.filter(|stamp| stamp.0 <= BLOB_BYTES_MAX) else {
            return Ok(None);
        };
        let file = File::open(&path).map_err(disk("open", &path))?;
        let mut content = Vec::with_capacity(usize::try_from(stamp.0).unwrap_or_default());
        file.take(BLOB_BYTES_MAX + 1)
            .read_to_end(&mut content)
            .map_err(disk("read", &path))?;
        if Digest::of(&content) == *digest {
            self.remember(*digest, stamp);
            return Ok(Some(content));
        }
        self.remove(digest)?;
        Ok(None)
    }

    /// The file that holds the content, and its length; `None` if it is not here, or was damaged
    /// (then it is removed). It is checked on its first use, and again when it was written to.
    ///
    /// # Errors
    /// [`BlobError::Disk`] if it is here and cannot be read.
    pub fn path(&self, digest: &Digest) -> Result<Option<(PathBuf, u64)>, BlobError> {
        let path = self.place(digest);
        let Some(stamp) = stamp(&path)? else {
            return Ok(None);
        };
        let len = stamp.0;
        if self.checked().get(digest) == Some(&stamp) {
            return Ok(Some((path, len)));
        }
        let mut file = File::open(&path).map_err(disk("open", &path))?;
        if len <= BLOB_BYTES_MAX && hash(&mut file).map_err(disk("read", &path))? == *digest {
            self.remember(*digest, stamp);
            return Ok(Some((path, len)));
        }
        self.remove(digest)?;
        Ok(None)
    }

    /// The content as an open file, checked like [`Blobs::path`], and its length; `None` as for
    /// [`Blobs::path`].
    ///
    /// # Errors
    /// As [`Blobs::path`].
    pub fn file(&self, digest: &Digest) -> Result<Option<(File, u64)>, BlobError> {
        let Some((path, len)) = self.path(digest)? else {
            return Ok(None);
        };
        let file = File::open(&path).map_err(disk("open", &path))?;
        Ok(Some((file, len)))
    }

    /// A fresh path beside the blobs, for whoever fetches content and then has it adopted. What is
    /// left there is cleared when the folder is next opened.
    pub fn incoming(&self) -> PathBuf {
        let number = self.parts.fetch_add(1, Ordering::Relaxed);
        self.root.join("parts").join(number.to_string())
    }

    /// Takes over a file from [`Blobs::incoming`] as this blob. It is checked when first used.
    ///
    /// # Errors
    /// [`BlobError::Disk`].
    pub fn adopt(&self, digest: Digest, file: &Path) -> Result<(), BlobError> {
        let place = self.place(&digest);
        let shelf = place.parent().expect("a blob lies on a shelf");
        fs::create_dir_all(shelf).map_err(disk("make", shelf))?;
        fs::rename(file, &place).map_err(disk("write", &place))?;
        self.checked().remove(&digest);
        Ok(())
    }

    /// The length of the content, if it is here and whole.
    ///
    /// # Errors
    /// As [`Blobs::path`].
    pub fn size(&self, digest: &Digest) -> Result<Option<u64>, BlobError> {
        Ok(self.path(digest)?.map(|(_, len)| len))
    }

    /// Lets a blob go; nothing happens if it is not here.
    ///
    /// # Errors
    /// [`BlobError::Disk`].
    pub fn remove(&self, digest: &Digest) -> Result<(), BlobError> {
        self.checked().remove(digest);
        let path = self.place(digest);
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(disk("remove", &path)(cause))
            }
            _ => Ok(()),
        }
    }

    fn place(&self, digest: &Digest) -> PathBuf {
        let name = digest.full();
        let shelf = &name[Digest::PREFIX.len()..][..2];
        self.root.join(shelf).join(&name)
    }

    fn checked(&self) -> MutexGuard<'_, HashMap<Digest, Stamp>> {
        // A table that a panicking thread left is whole: each change of it is one call.
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, digest: Digest, stamp: Stamp) {
        let mut checked = self.checked();
        if checked.len() >= CHECKED_MAX {
            checked.clear();
        }
        checked.insert(digest, stamp);
    }
}

impl Part<'_> {
    /// Adds a piece.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] or [`BlobError::Disk`].
    pub fn write(&mut self, piece: &[u8]) -> Result<(), BlobError> {
        self.len = self.len.saturating_add(piece.len() as u64);
        if self.len > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { len: self.len });
        }
        self.hasher.update(piece);
        self.file
            .write_all(piece)
            .map_err(disk("write", &self.path))
    }

    /// How many bytes there are so far.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing yet.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts the blob in its place, if it is the one that was expected.
    ///
    /// # Errors
    /// [`BlobError::Wrong`] or [`BlobError::Disk`]; then nothing is kept.
    pub fn finish(mut self, expected: Option<Digest>) -> Result<Digest, BlobError> {
        let found = Digest::new(*self.hasher.finalize().as_bytes());
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(BlobError::Wrong { expected, found });
        }
        let place = self.blobs.place(&found);
        let shelf = place.parent().expect("a blob lies on a shelf");
        fs::create_dir_all(shelf).map_err(disk("make", shelf))?;
        // In its place before it is synced: half a blob is found wrong when it is used.
        fs::rename(&self.path, &place).map_err(disk("write", &place))?;
        self.finished = true;
        let (root, shelf) = (self.blobs.root.clone(), shelf.to_owned());
        self.blobs.loose.note([root, shelf, place.clone()]);
        if let Some(stamp) = stamp(&place)? {
            self.blobs.remember(found, stamp);
        }
        Ok(found)
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if !self.finished {
            // What stays is cleared when the folder is next opened.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BlobError {
    let path = path.to_owned();
    move |cause| BlobError::Disk { doing, path, cause }
}

fn stamp(path: &Path) -> Result<Option<Stamp>, BlobError> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {
            let changed = (found.ctime(), found.ctime_nsec());
            Ok(Some((found.len(), found.ino(), changed.0, changed.1)))
        }
        Ok(_) => Ok(None),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(disk("look at", path)(cause)),
    }
}

fn hash(from: &mut impl Read) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(Digest::new(*hasher.finalize().as_bytes())),
            read => hasher.update(&piece[..read]),
        };
    }
}

#[cfg(test)]
mod tests;
