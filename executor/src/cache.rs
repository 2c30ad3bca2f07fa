//! Compiled modules on disk, by what they were compiled from and for.
//!
//! Each entry is two files: `<key>.code`, and `<key>.sum` with the code's digest, which is written
//! last. An entry that does not hold is removed and compiled again. The directory is private: what
//! lies in it is run as native code.

use std::fs::{self, DirBuilder, File};
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use data_encoding::HEXLOWER;
use protocol::ids::Digest;
use protocol::job::UnknownImports;
use wasmtime::Engine;

use crate::engine::SETTINGS;

/// Compiled code may take so many bytes on disk together; the oldest goes first.
pub const CACHE_BYTES_MAX: u64 = 4 << 30;

const KEY: &str = "tallygrid compiled module v1";

/// The directory, and what all its keys have in common.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    build: [u8; 32],
}

/// One module's place in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key(String);

impl Key {
    /// What it is called: names the module, the compiler and all its settings.
    pub(crate) fn name(&self) -> &str {
        &self.0
    }
}

/// Code that was found: where it lies, and what it must hash to.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) path: PathBuf,
    pub(crate) checksum: Digest,
}

struct Hashing(blake3::Hasher);

impl Hasher for Hashing {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

impl Cache {
    /// Opens the directory, and makes it private.
    ///
    /// # Errors
    /// If it cannot be made, or belongs to someone else.
    pub(crate) fn open(folder: &Path, engine: &Engine) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let found = fs::symlink_metadata(folder)?;
        let ours = fs::metadata("/proc/self")?.uid();
        if !found.is_dir() || found.uid() != ours {
            return Err(io::Error::other(
                "the cache is not a directory of this user",
            ));
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        let mut build = Hashing(blake3::Hasher::new_derive_key(KEY));
        // Covers wasmtime's version, target, processor features and every compiler setting.
        engine.precompile_compatibility_hash().hash(&mut build);
        SETTINGS.hash(&mut build);
        Ok(Self {
            folder: folder.to_owned(),
            build: *build.0.finalize().as_bytes(),
        })
    }

    /// Clears what an earlier process left half done: for whoever compiles here alone, and not for
    /// one that only measures beside it.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "new") {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// The place of a module's code for this machine. What a job says of unknown imports decides
    /// whether there is any.
    pub(crate) fn key(&self, module: Digest, unknown: UnknownImports) -> Key {
        let lenient = [u8::from(unknown == UnknownImports::Trap)];
        let key = Digest::derive(KEY, &[&self.build, module.bytes(), &lenient]);
        Key(HEXLOWER.encode(key.bytes()))
    }

    fn file(&self, key: &Key, end: &str) -> PathBuf {
        self.folder.join(format!("{}.{end}", key.0))
    }

    /// The code, if there is an entry. Whether it holds is seen when it is loaded.
    pub(crate) fn find(&self, key: &Key) -> Option<Code> {
        let sum = fs::read(self.file(key, "sum")).ok()?;
        let checksum = Digest::new(sum.try_into().ok()?);
        let path = self.file(key, "code");
        path.exists().then_some(Code { path, checksum })
    }

    /// An empty file for a compiler to write to.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn begin(&self, key: &Key) -> io::Result<PathBuf> {
        let path = self.file(key, "new");
        File::create(&path)?;
        Ok(path)
    }

    /// Keeps what a compiler wrote after [`Cache::begin`], and makes room for it.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn keep(&self, key: &Key, checksum: Digest) -> io::Result<Code> {
        let path = self.file(key, "code");
        fs::rename(self.file(key, "new"), &path)?;
        let written = self.file(key, "sum.new");
        fs::write(&written, checksum.bytes())?;
        fs::rename(written, self.file(key, "sum"))?;
        self.shrink(key)?;
        Ok(Code { path, checksum })
    }

    /// Forgets an entry that does not hold, or was never finished.
    pub(crate) fn forget(&self, key: &Key) {
        for end in ["sum", "code", "new"] {
            // What is not there needs no removing; what stays is found out again when it is used.
            drop(fs::remove_file(self.file(key, end)));
        }
    }

    fn shrink(&self, newest: &Key) -> io::Result<()> {
        let mut entries: Vec<(SystemTime, u64, Key)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|end| end != "code") {
                continue;
            }
            let Some(name) = path.file_stem().and_then(|name| name.to_str()) else {
                continue;
            };
            let found = fs::metadata(&path)?;
            entries.push((found.modified()?, found.len(), Key(name.to_owned())));
        }
        entries.sort_by_key(|(written, _, _)| *written);
        let mut all: u64 = entries.iter().map(|(_, len, _)| len).sum();
        for (_, len, key) in entries.iter().filter(|(_, _, key)| key != newest) {
            if all <= CACHE_BYTES_MAX {
                break;
            }
            self.forget(key);
            all -= len;
        }
        Ok(())
    }
}
