//! Frames: `u32` length, little endian, then so many bytes; and the answers of one byte.
//!
//! A length is checked before anything is allocated, and every wait has an end: so long until a
//! frame begins, so long until it is whole.

use std::io;
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use thiserror::Error;
use tokio::time::timeout;

/// A frame that has begun is whole within this time; at 1 MiB that is 35 KiB/s.
pub(crate) const FRAME_TIME: Duration = Duration::from_secs(30);
/// A write makes it into the connection's window within this time.
pub(crate) const WRITE_TIME: Duration = Duration::from_secs(30);

/// A frame did not arrive, or did not leave.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The other side closed the stream between two frames.
    #[error("the stream was closed")]
    Closed,
    /// The frame claims more bytes than are allowed; nothing was read.
    #[error("a frame of {len} bytes where at most {max} are allowed")]
    TooLong {
        /// How many it claims.
        len: usize,
        /// How many it may have.
        max: usize,
    },
    /// The other side took too long.
    #[error("nothing moved for {0:?}")]
    Slow(Duration),
    /// The connection failed.
    #[error("the connection failed")]
    Broken(#[from] io::Error),
}

/// Fails an operation that takes longer than `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, FrameError> {
    timeout(limit, work)
        .await
        .map_err(|_| FrameError::Slow(limit))?
        .map_err(FrameError::Broken)
}

/// Reads one frame of at most `max` bytes, which begins within `idle`.
pub(crate) async fn read_frame<R: AsyncRead + Unpin>(
    from: &mut R,
    max: usize,
    idle: Duration,
) -> Result<Vec<u8>, FrameError> {
    let mut head = [0; 4];
    if within(idle, from.read(&mut head[..1])).await? == 0 {
        return Err(FrameError::Closed);
    }
    within(FRAME_TIME, from.read_exact(&mut head[1..])).await?;
    let len = usize::try_from(u32::from_le_bytes(head)).unwrap_or(usize::MAX);
    if len > max {
        return Err(FrameError::TooLong { len, max });
    }
    let mut body = vec![0; len];
    within(FRAME_TIME, from.read_exact(&mut body)).await?;
    Ok(body)
}

/// Writes one frame and flushes it.
pub(crate) async fn write_frame<W: AsyncWrite + Unpin>(
    to: &mut W,
    body: &[u8],
) -> Result<(), FrameError> {
    let too_long = FrameError::TooLong {
        len: body.len(),
        max: u32::MAX as usize,
    };
    let len = u32::try_from(body.len()).map_err(|_| too_long)?;
    within(WRITE_TIME, async {
        to.write_all(&len.to_le_bytes()).await?;
        to.write_all(body).await?;
        to.flush().await
    })
    .await
}

/// Writes bytes without a length, and flushes.
pub(crate) async fn write_bytes<W: AsyncWrite + Unpin>(
    to: &mut W,
    bytes: &[u8],
) -> Result<(), FrameError> {
    within(WRITE_TIME, async {
        to.write_all(bytes).await?;
        to.flush().await
    })
    .await
}

/// Reads exactly `N` bytes within `limit`.
pub(crate) async fn read_bytes<const N: usize, R: AsyncRead + Unpin>(
    from: &mut R,
    limit: Duration,
) -> Result<[u8; N], FrameError> {
    let mut bytes = [0; N];
    within(limit, from.read_exact(&mut bytes)).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use futures::io::Cursor;

    use super::*;

    #[tokio::test]
    async fn a_frame_comes_whole_or_not_at_all() {
        let idle = Duration::from_secs(1);
        let mut wire = Cursor::new(Vec::new());
        write_frame(&mut wire, b"offer").await.unwrap();
        let bytes = wire.into_inner();
        assert_eq!(
            read_frame(&mut Cursor::new(&bytes), 5, idle).await.unwrap(),
            b"offer"
        );
        let long = read_frame(&mut Cursor::new(&bytes), 4, idle).await;
        assert!(matches!(long, Err(FrameError::TooLong { len: 5, max: 4 })));
        for cut in 1..bytes.len() {
            let broken = read_frame(&mut Cursor::new(&bytes[..cut]), 5, idle).await;
            assert!(matches!(broken, Err(FrameError::Broken(_))), "cut at {cut}");
        }
        let nothing: &[u8] = &[];
        let closed = read_frame(&mut Cursor::new(nothing), 5, idle).await;
        assert!(matches!(closed, Err(FrameError::Closed)));
    }
}
