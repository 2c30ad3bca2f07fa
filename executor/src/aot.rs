//! Compiled code from this machine's own cache: the one place where native code is loaded.

use std::fs::File;
use std::io;

use protocol::ids::Digest;
use wasmtime::{Engine, Module};

/// The digest of a whole file.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn digest(file: &File) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok(Digest::new(*hasher.finalize().as_bytes()))
}

/// Loads the code in a file whose checksum holds; `None` if it does not hold, or if the code is for
/// another engine.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn load(engine: &Engine, file: File, checksum: Digest) -> io::Result<Option<Module>> {
    if digest(&file)? != checksum {
        return Ok(None);
    }
    // SAFETY: the bytes are what our own compiler wrote: its checksum was kept apart from the file
    // and has just held for this very descriptor, the file lies in a directory that only this user
    // can enter, and code never comes from anywhere else.
    #[allow(unsafe_code)]
    let module = unsafe { Module::deserialize_open_file(engine, file) };
    Ok(module.ok())
}
