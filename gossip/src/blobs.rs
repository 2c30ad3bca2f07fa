//! Content by digest: asked for, served, and verified piece by piece before it touches a file.
//!
//! ```text
//! asker                       server
//!   digest, size_max    ──▶
//!                       ◀──   found | missing | too large | busy
//!                       ◀──   size, then one value per piece (none if there is one piece)
//!                       ◀──   the pieces
//!                       ◀──   done: an end without this byte is an error
//! ```

mod fetch;
mod tree;

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::bytes::{self, Limited, Malformed};
use protocol::ids::Digest;
use tokio::sync::mpsc;

pub use fetch::FetchError;
pub(crate) use fetch::fetch;

use crate::net::Net;
use crate::scores::Fault;
use crate::streams::Channel;
use crate::wire;

/// How long a request may be under way.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// A request takes exactly so many bytes.
const REQUEST_BYTES: usize = 40;
/// So many pieces are read ahead of the network.
const AHEAD_MAX: usize = 2;
/// So many blobs are served at a time.
pub(crate) const SERVING_MAX: usize = 16;

const FOUND: u8 = 1;
const MISSING: u8 = 2;
const TOO_LARGE: u8 = 3;
const BUSY: u8 = 4;
const DONE: u8 = 0xA5;

/// Bytes that can be read from any place.
pub trait Content: Read + Seek + Send {}

impl<T: Read + Seek + Send> Content for T {}

/// Where the blobs are that this peer serves.
pub trait BlobSource: Send + Sync + 'static {
    /// Opens a blob: its size in bytes and its content. `None` if we do not have it, or do not
    /// serve it. Called on a thread that may block.
    fn open(&self, digest: Digest) -> Option<(u64, Box<dyn Content>)>;
}

#[derive(BorshSerialize, BorshDeserialize)]
struct Wanted {
    digest: Digest,
    size_max: u64,
}

impl Limited for Wanted {
    fn within_limits(&self) -> Result<(), Malformed> {
        Ok(())
    }
}

/// Serves one blob.
pub(crate) async fn serve(net: &Net, source: Arc<dyn BlobSource>, mut channel: Channel) {
    let asker = channel.peer();
    let Ok(frame) = channel.read_frame(REQUEST_BYTES, REQUEST_TIME).await else {
        return;
    };
    let Ok(wanted) = bytes::read::<Wanted>(&frame, REQUEST_BYTES) else {
        return net.note(asker, Fault::Malformed);
    };
    let Ok(_turn) = net.serving.try_acquire() else {
        // The asker tries another source, or comes back.
        let _ = wire::write_bytes(&mut channel, &[BUSY]).await;
        return;
    };
    let (parts, mut read) = mpsc::channel(AHEAD_MAX);
    tokio::task::spawn_blocking(move || {
        let digest = wanted.digest;
        if let Err(error) = read_out(&*source, &wanted, &parts) {
            tracing::warn!(%digest, %error, "cannot read a blob that was asked for");
        }
    });
    // The asker going away is its own affair; the reading thread ends when `read` is dropped.
    while let Some(part) = read.recv().await {
        if wire::within(
            wire::WRITE_TIME,
            futures::AsyncWriteExt::write_all(&mut channel, &part),
        )
        .await
        .is_err()
        {
            return;
        }
    }
    let _ = channel.close().await;
}

/// Reads a blob into the parts of an answer. A blob on our disk that is not what its name says is
/// missing: nobody gets bytes from us that we know to be wrong.
fn read_out(
    source: &dyn BlobSource,
    wanted: &Wanted,
    parts: &mpsc::Sender<Vec<u8>>,
) -> io::Result<()> {
    // A closed channel means that the asker is gone: nothing is left to do.
    let send = |part: Vec<u8>| parts.blocking_send(part).is_ok();
    let Some((size, mut content)) = source.open(wanted.digest) else {
        send(vec![MISSING]);
        return Ok(());
    };
    if size > wanted.size_max {
        send(vec![TOO_LARGE]);
        return Ok(());
    }
    let count = tree::pieces(size);
    let mut head = [&[FOUND][..], &size.to_le_bytes()].concat();
    if count <= 1 {
        let piece = read_piece(&mut *content, 0, size)?;
        if Digest::of(&piece) != wanted.digest {
            send(vec![MISSING]);
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is not what its name says",
            ));
        }
        head.extend(piece);
        head.push(DONE);
        send(head);
        return Ok(());
    }
    let mut values = Vec::new();
    for index in 0..count {
        values.push(tree::value(index, &read_piece(&mut *content, index, size)?));
    }
    if tree::root(&values) != wanted.digest {
        send(vec![MISSING]);
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is not what its name says",
        ));
    }
    content.seek(SeekFrom::Start(0))?;
    head.extend(values.iter().flatten());
    let mut going = send(head);
    for index in 0..count {
        going = going && send(read_piece(&mut *content, index, size)?);
    }
    if going {
        send(vec![DONE]);
    }
    Ok(())
}

/// Reads the piece that comes next.
fn read_piece(content: &mut dyn Content, index: u64, size: u64) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; piece_bytes(index, size)];
    content.read_exact(&mut piece)?;
    Ok(piece)
}

/// How many bytes this piece of a blob of `size` bytes has.
fn piece_bytes(index: u64, size: u64) -> usize {
    let left = size.saturating_sub(index * tree::PIECE_BYTES);
    usize::try_from(left.min(tree::PIECE_BYTES)).expect("a piece is at most one MiB")
}
