//! Getting a blob: sources are tried in turn, the best behaved first.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use blake3::hazmat::ChainingValue;
use protocol::bytes;
use protocol::ids::{Digest, PeerId};
use thiserror::Error;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::{BUSY, DONE, FOUND, MISSING, TOO_LARGE, Wanted, piece_bytes, tree};
use crate::net::Net;
use crate::scores::Fault;
use crate::streams::{Channel, Class, OpenError};
use crate::wire::{self, FrameError};

/// A source answers within this time; it reads the blob once before it does.
const HEAD_TIME: Duration = Duration::from_secs(60);
/// A piece of 1 MiB arrives within this time: 35 KiB/s.
const PIECE_TIME: Duration = Duration::from_secs(30);

/// A blob could not be had.
#[derive(Debug, Error)]
pub enum FetchError {
    /// None of the sources gave it.
    #[error("no peer gave blob {digest}, {asked} were asked{}", last_words(.last))]
    Nowhere {
        /// Which blob.
        digest: Digest,
        /// How many peers were asked.
        asked: usize,
        /// What the last of them did, in words.
        last: Option<String>,
    },
    /// It cannot be written.
    #[error("cannot keep blob {digest} at {path}")]
    Disk {
        /// Which blob.
        digest: Digest,
        /// Where it should go.
        path: PathBuf,
        /// What went wrong.
        #[source]
        cause: io::Error,
    },
}

fn last_words(last: &Option<String>) -> String {
    last.as_ref()
        .map(|words| format!("; the last one: {words}"))
        .unwrap_or_default()
}

/// One source did not give a blob.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("it is {0}")]
    Refused(&'static str),
    #[error("it sent other bytes than were asked for")]
    WrongBytes,
    #[error("it does not keep to the protocol")]
    Malformed,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the disk failed")]
    Disk(#[source] io::Error),
}

/// A file that is removed unless it becomes whole.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // It is gone already where it became whole.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Fetches a blob of at most `size_max` bytes into a file; returns its size.
pub(crate) async fn fetch(
    net: &Net,
    digest: Digest,
    from: &[PeerId],
    size_max: u64,
    into: &Path,
) -> Result<u64, FetchError> {
    let mut sources: Vec<PeerId> = from
        .iter()
        .filter(|one| **one != net.local)
        .copied()
        .collect();
    {
        let (scores, now) = (
            net.scores.lock().unwrap_or_else(PoisonError::into_inner),
            Instant::now(),
        );
        sources.sort_by_key(|source| scores.points(source, now));
    }
    let mut last = None;
    for source in &sources {
        match fetch_from(net, *source, &Wanted { digest, size_max }, into).await {
            Ok(size) => return Ok(size),
            Err(Failure::Disk(cause)) => {
                return Err(FetchError::Disk {
                    digest,
                    path: into.to_owned(),
                    cause,
                });
            }
            Err(failure) => {
                tracing::debug!(%source, %digest, %failure, "a source did not give a blob");
                match failure {
                    Failure::WrongBytes => net.note(*source, Fault::WrongBytes),
                    Failure::Malformed => net.note(*source, Fault::Malformed),
                    Failure::Frame(FrameError::Slow(_)) => net.note(*source, Fault::Slow),
                    _ => {}
                }
                last = Some(failure.to_string());
            }
        }
    }
    Err(FetchError::Nowhere {
        digest,
        asked: sources.len(),
        last,
    })
}

async fn fetch_from(
    net: &Net,
    source: PeerId,
    wanted: &Wanted,
    into: &Path,
) -> Result<u64, Failure> {
    let mut channel = net.reach(source, Class::Blob).await?;
    channel.write_frame(&bytes::write(wanted)).await?;
    let (size, values) = head(&mut channel, wanted).await?;

    let part = Part(part_path(into));
    let mut file = File::create(&part.0).await.map_err(Failure::Disk)?;
    for index in 0..tree::pieces(size) {
        let mut piece = vec![0; piece_bytes(index, size)];
        wire::within(
            PIECE_TIME,
            futures::AsyncReadExt::read_exact(&mut channel, &mut piece),
        )
        .await?;
        let right = match usize::try_from(index)
            .ok()
            .and_then(|index| values.get(index))
        {
            Some(value) => tree::value(index, &piece) == *value,
            None => Digest::of(&piece) == wanted.digest,
        };
        if !right {
            return Err(Failure::WrongBytes);
        }
        file.write_all(&piece).await.map_err(Failure::Disk)?;
    }
    if wire::read_bytes::<1, _>(&mut channel, PIECE_TIME).await? != [DONE] {
        return Err(Failure::Malformed);
    }
    file.flush().await.map_err(Failure::Disk)?;
    file.sync_data().await.map_err(Failure::Disk)?;
    drop(file);
    tokio::fs::rename(&part.0, into)
        .await
        .map_err(Failure::Disk)?;
    Ok(size)
}

/// Reads what stands before the pieces: the size, and the value of each piece, which together
/// have the digest that was asked for.
async fn head(
    channel: &mut Channel,
    wanted: &Wanted,
) -> Result<(u64, Vec<ChainingValue>), Failure> {
    match wire::read_bytes::<1, _>(channel, HEAD_TIME).await? {
        [FOUND] => {}
        [MISSING] => return Err(Failure::Refused("without this blob")),
        [TOO_LARGE] => {
            return Err(Failure::Refused(
                "in possession of a larger blob than allowed",
            ));
        }
        [BUSY] => return Err(Failure::Refused("busy")),
        _ => return Err(Failure::Malformed),
    }
    let size = u64::from_le_bytes(wire::read_bytes(channel, PIECE_TIME).await?);
    if size > wanted.size_max {
        return Err(Failure::Malformed);
    }
    let count = tree::pieces(size);
    if count == 0 && Digest::of(&[]) != wanted.digest {
        return Err(Failure::WrongBytes);
    }
    let mut values = Vec::new();
    if count > 1 {
        // Grows as they arrive: a size alone makes us allocate nothing.
        for _ in 0..count {
            values.push(wire::read_bytes(channel, PIECE_TIME).await?);
        }
        if tree::root(&values) != wanted.digest {
            return Err(Failure::WrongBytes);
        }
    }
    Ok((size, values))
}

/// Beside the file to be, with a name no other fetch uses.
fn part_path(into: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut name = into.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{number}.part", std::process::id()));
    into.with_file_name(name)
}
