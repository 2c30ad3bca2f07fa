//! Blobs between peers: what we have is served by digest, what we lack is fetched and verified.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use gossip::{BlobSource, Content, Handle};
use protocol::ids::{Digest, PeerId};
use steward::Size;
use tokio::task::spawn_blocking;

use crate::blobs::Blobs;
use crate::home::{Home, HomeError, make_private};
use std::sync::Arc;

/// Content is copied in pieces of so many bytes.
const PIECE_BYTES: usize = 1 << 20;

impl BlobSource for Blobs {
    fn open(&self, digest: Digest) -> Option<(u64, Box<dyn Content>)> {
        // What cannot be read is as good as absent: the asker tries someone else.
        let (path, size) = self.path(&digest).ok().flatten()?;
        let file = File::open(path).ok()?;
        Some((size, Box::new(file)))
    }
}

/// Where fetched content lies until it is in the store; empty at each start.
///
/// # Errors
/// [`HomeError`] if the disk says no.
pub fn incoming(home: &Home) -> Result<PathBuf, HomeError> {
    let folder = home.root().join("incoming");
    // What an earlier life left there is nothing anyone waits for.
    let _ = fs::remove_dir_all(&folder);
    make_private(&folder)?;
    Ok(folder)
}

/// A blob that is to be had from others.
pub struct Wanted {
    /// Its digest.
    pub digest: Digest,
    /// How large it is.
    pub size: Size,
    /// Where it may lie until it is whole.
    pub into: PathBuf,
}

/// Gets a blob from whoever of `from` has it, verified, into the store.
///
/// # Errors
/// Why not, in words; nothing is left behind.
pub async fn bring(
    blobs: &Arc<Blobs>,
    gossip: &Handle,
    wanted: &Wanted,
    from: &[PeerId],
) -> Result<(), String> {
    let size_max = match wanted.size {
        Size::Exactly(size) | Size::AtMost(size) => size.get(),
    };
    let got = gossip
        .fetch(wanted.digest, from, size_max, &wanted.into)
        .await;
    let got = got.map_err(|error| error.to_string())?;
    let fits = !matches!(wanted.size, Size::Exactly(size) if size.get() != got);
    let (blobs, digest, path) = (Arc::clone(blobs), wanted.digest, wanted.into.clone());
    let stored = spawn_blocking(move || {
        let stored = if fits {
            store(&blobs, digest, &path)
        } else {
            Ok(())
        };
        // A leftover is swept at the next start.
        let _ = fs::remove_file(&path);
        stored
    });
    stored.await.map_err(|error| error.to_string())??;
    if fits {
        Ok(())
    } else {
        Err(format!("it has {got} bytes where the job says {size_max}"))
    }
}

fn store(blobs: &Blobs, digest: Digest, path: &Path) -> Result<(), String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let mut part = blobs.part().map_err(|error| error.to_string())?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = file.read(&mut piece).map_err(|error| error.to_string())?;
        if read == 0 {
            break;
        }
        part.write(&piece[..read])
            .map_err(|error| error.to_string())?;
    }
    part.finish(Some(digest))
        .map(|_| ())
        .map_err(|error| error.to_string())
}
