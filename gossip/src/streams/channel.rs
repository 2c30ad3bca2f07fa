//! A stream that was taken: bytes both ways, and frames.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{AsyncRead, AsyncWrite, AsyncWriteExt};
use libp2p::Stream;
use protocol::ids::PeerId;

use super::doors::Place;
use crate::wire::{self, FrameError};

/// A stream to another peer. Dropping it ends it; whoever reads on the other side then sees an
/// end, which proves nothing: a protocol says itself when it is done.
pub struct Channel {
    peer: PeerId,
    stream: Stream,
    // Held for its drop: gives the place back.
    _place: Option<Place>,
}

impl Channel {
    pub(crate) fn new(peer: PeerId, stream: Stream, place: Option<Place>) -> Self {
        Self {
            peer,
            stream,
            _place: place,
        }
    }

    /// Who is at the other end; proved by its node key.
    pub const fn peer(&self) -> PeerId {
        self.peer
    }

    /// Reads one frame of at most `max` bytes that begins within `idle`. Not cancel safe.
    ///
    /// # Errors
    /// [`FrameError`]; the stream is of no use afterwards.
    pub async fn read_frame(&mut self, max: usize, idle: Duration) -> Result<Vec<u8>, FrameError> {
        wire::read_frame(&mut self.stream, max, idle).await
    }

    /// Writes one frame and flushes it. Not cancel safe.
    ///
    /// # Errors
    /// [`FrameError`]; the stream is of no use afterwards.
    pub async fn write_frame(&mut self, body: &[u8]) -> Result<(), FrameError> {
        wire::write_frame(&mut self.stream, body).await
    }

    /// Flushes and closes our direction.
    ///
    /// # Errors
    /// [`FrameError`] if that did not work in time.
    pub async fn close(&mut self) -> Result<(), FrameError> {
        wire::within(wire::WRITE_TIME, self.stream.close()).await
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Channel({})", self.peer)
    }
}

impl AsyncRead for Channel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Channel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
