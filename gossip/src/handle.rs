//! What the rest of a peer can ask of the network.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use libp2p::Multiaddr;
use protocol::ids::{Digest, PeerId};
use protocol::offer::Offer;
use protocol::signed::Signed;
use tokio::sync::oneshot;

use crate::blobs::{self, FetchError};
use crate::consensus::Lane;
use crate::messages::{self, SendError};
use crate::net::{Command, Net, Seen};
use crate::streams::{Channel, Class, OpenError};

/// What was lost for want of room, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Offers that nobody read in time.
    pub offers_dropped: u64,
    /// Consensus frames from members that nobody read in time.
    pub consensus_in_dropped: u64,
    /// Consensus frames to members of now that did not take them, or that were too large.
    pub consensus_out_dropped: u64,
    /// Streams of others that were refused.
    pub streams_refused: u64,
}

/// Stops everything when the last handle is dropped.
struct Life(Arc<Net>);

impl Drop for Life {
    fn drop(&mut self) {
        // A full or closed queue: it is being stopped already, or ends with the runtime.
        let _ = self
            .0
            .commands
            .try_send(Command::Stop(oneshot::channel().0));
    }
}

/// The way in. Clones share one network; it stops when the last of them is dropped.
#[derive(Clone)]
pub struct Handle {
    net: Arc<Net>,
    _life: Arc<Life>,
}

impl Handle {
    pub(crate) fn new(net: Arc<Net>) -> Self {
        Self {
            _life: Arc::new(Life(net.clone())),
            net,
        }
    }

    #[cfg(test)]
    pub(crate) fn net(&self) -> &Net {
        &self.net
    }

    /// This peer's own name.
    pub fn local(&self) -> PeerId {
        self.net.local
    }

    /// Announces our offer to all who listen; never waits. An announcement that is still waiting
    /// for its turn (see [`crate::OfferRate`]) or for a listener is replaced by this one.
    ///
    /// # Errors
    /// [`OpenError::Crowded`] if the loop is too busy to listen, [`OpenError::Stopped`] after the
    /// end.
    pub fn announce(&self, offer: Signed<Offer>) -> Result<(), OpenError> {
        self.tell(Command::Announce(Box::new(offer)))
    }

    /// Sends a message of at most 1 MiB and waits until the peer has it in its queue. Messages to
    /// one peer arrive in the order in which they were sent; each arrives at least once, and
    /// seldom twice. Connects if need be.
    ///
    /// # Errors
    /// [`SendError`]; after [`SendError::Broken`] the message may yet have arrived.
    pub async fn send(&self, to: PeerId, bytes: Vec<u8>) -> Result<(), SendError> {
        messages::send(&self.net, to, bytes).await
    }

    /// Says something to a member about blocks; never waits, promises nothing. Does nothing if
    /// `to` is not a member or we are not.
    pub fn consensus(&self, to: PeerId, bytes: impl Into<Arc<[u8]>>, lane: Lane) {
        if let Some(pair) = self.net.pair(&to) {
            pair.outbox.put(bytes.into(), lane);
        }
    }

    /// From now on these are the members; never waits. Links to new ones are kept up, those to
    /// others may close, and what members say about blocks is heard from these alone. Streams of
    /// those who stay are not disturbed.
    ///
    /// # Errors
    /// As [`Self::announce`]; nothing changed then, so ask again.
    pub fn set_members(&self, members: impl IntoIterator<Item = PeerId>) -> Result<(), OpenError> {
        self.tell(Command::Members(members.into_iter().collect()))
    }

    fn tell(&self, command: Command) -> Result<(), OpenError> {
        let told = self.net.commands.try_send(command);
        told.map_err(|error| match error {
            tokio::sync::mpsc::error::TrySendError::Full(_) => OpenError::Crowded,
            tokio::sync::mpsc::error::TrySendError::Closed(_) => OpenError::Stopped,
        })
    }

    /// Fetches a blob of at most `size_max` bytes from the first of `from` that has it, verifies
    /// every piece, and leaves the whole blob at `into`. Returns its size. On failure nothing is
    /// left behind.
    ///
    /// # Errors
    /// [`FetchError::Nowhere`] if no source gave it, [`FetchError::Disk`] if it cannot be kept.
    pub async fn fetch(
        &self,
        digest: Digest,
        from: &[PeerId],
        size_max: u64,
        into: &Path,
    ) -> Result<u64, FetchError> {
        blobs::fetch(&self.net, digest, from, size_max, into).await
    }

    /// Opens a stream of the driver's own, of class [`Class::Follow`]. Connects if need be.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn follow(&self, peer: PeerId) -> Result<Channel, OpenError> {
        self.net.reach(peer, Class::Follow).await
    }

    /// The peers of this federation that are connected, by name.
    pub fn peers(&self) -> Vec<Seen> {
        let up = self
            .net
            .up
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let book = self.net.book.lock().unwrap_or_else(PoisonError::into_inner);
        let mut peers: Vec<Seen> = up
            .into_iter()
            .map(|(peer, latency)| Seen {
                peer,
                addresses: book.addresses(&peer),
                latency,
                member: self.net.members.has(&peer),
            })
            .collect();
        peers.sort_by_key(|seen| seen.peer);
        peers
    }

    /// The addresses we listen on.
    pub fn listen_addrs(&self) -> Vec<Multiaddr> {
        self.net
            .listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What was lost for want of room.
    pub fn counts(&self) -> Counts {
        let (offers_dropped, consensus_in_dropped) = self.net.ear.dropped();
        Counts {
            offers_dropped,
            consensus_in_dropped,
            consensus_out_dropped: self
                .net
                .pairs
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .values()
                .map(|pair| pair.outbox.dropped())
                .sum(),
            streams_refused: self.net.doors.refused(),
        }
    }

    /// Closes all connections and stops; returns when that is done.
    pub async fn shutdown(&self) {
        let (done, stopped) = oneshot::channel();
        if self.net.commands.send(Command::Stop(done)).await.is_ok() {
            // An answer that does not come means that it was stopped before.
            let _ = stopped.await;
        }
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handle({})", self.net.local)
    }
}
