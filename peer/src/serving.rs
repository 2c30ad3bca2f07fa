//! Blobs between peers: what we have is served by digest, what we lack is fetched and verified.

use std::fs;

use gossip::{BlobSource, Content, Handle};
use protocol::ids::{Digest, PeerId};
use steward::Size;

use crate::blobs::Blobs;

impl BlobSource for Blobs {
    fn open(&self, digest: Digest) -> Option<(u64, Box<dyn Content>)> {
        // What cannot be read is as good as absent: the asker tries someone else.
        let (file, size) = self.file(&digest).ok().flatten()?;
        Some((size, Box::new(file)))
    }
}

/// Gets a blob from whoever of `from` has it, verified piece by piece, into the store.
///
/// # Errors
/// Why not, in words; nothing of it is in the store then.
pub async fn bring(
    blobs: &Blobs,
    gossip: &Handle,
    digest: Digest,
    size: Size,
    from: &[PeerId],
) -> Result<(), String> {
    let size_max = match size {
        Size::Exactly(size) | Size::AtMost(size) => size.get(),
    };
    let into = blobs.incoming();
    let got = gossip.fetch(digest, from, size_max, &into).await;
    let got = got.map_err(|error| error.to_string())?;
    if matches!(size, Size::Exactly(exactly) if exactly.get() != got) {
        // A leftover is swept when the store is next opened.
        let _ = fs::remove_file(&into);
        return Err(format!("it has {got} bytes where the job says {size_max}"));
    }
    blobs
        .adopt(digest, &into)
        .map_err(|error| error.to_string())
}
