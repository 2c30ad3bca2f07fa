//! Who may open what: asked for every connection and every stream of a stranger, before a byte of
//! it is read.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, Stream, StreamProtocol};
use protocol::ids::{FederationId, PeerId};
use thiserror::Error;
use tokio::sync::mpsc;

use super::handler::Offered;
use super::{Class, Refusal};
use crate::directory::Book;
use crate::members::Members;
use crate::names;
use crate::scores::Scores;

/// A connection is not wanted.
#[derive(Debug, Error)]
pub(crate) enum Unwelcome {
    #[error("the peer's key is not ed25519")]
    Nameless,
    #[error("the peer is shut out for what it did")]
    ShutOut,
}

/// A stream that came in through the doors.
pub(crate) struct Arriving {
    pub(crate) peer: PeerId,
    pub(crate) connection: ConnectionId,
    pub(crate) stream: Stream,
    pub(crate) place: Place,
}

/// How many streams each peer has here.
type Places = Arc<Mutex<HashMap<PeerId, usize>>>;

/// One of the places for streams; given back when dropped.
pub(crate) struct Place {
    peer: PeerId,
    places: Places,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = places.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                places.remove(&self.peer);
            }
        }
    }
}

/// The queues of admitted streams, one per class, in the order of [`Class::ALL`].
pub(crate) type Arrivals = HashMap<Class, mpsc::Receiver<Arriving>>;

/// How many streams there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    pub(crate) queue: usize,
    pub(crate) per_peer: usize,
    pub(crate) total: usize,
}

/// See the module.
pub(crate) struct Doors {
    local: PeerId,
    members: Arc<Members>,
    names: Arc<[(StreamProtocol, Class)]>,
    queues: HashMap<Class, mpsc::Sender<Arriving>>,
    places: Places,
    caps: Caps,
    book: Arc<Mutex<Book>>,
    scores: Arc<Mutex<Scores>>,
    refused: AtomicU64,
}

impl Doors {
    pub(crate) fn new(
        local: PeerId,
        federation: &FederationId,
        members: Arc<Members>,
        caps: Caps,
        book: Arc<Mutex<Book>>,
        scores: Arc<Mutex<Scores>>,
    ) -> (Self, Arrivals) {
        let (mut queues, mut arrivals) = (HashMap::new(), HashMap::new());
        for class in Class::ALL {
            let (sender, receiver) = mpsc::channel(caps.queue);
            queues.insert(class, sender);
            arrivals.insert(class, receiver);
        }
        let names = Class::ALL
            .map(|class| (names::stream(federation, class), class))
            .into();
        let (places, refused) = (Places::default(), AtomicU64::new(0));
        let doors = Self {
            local,
            members,
            names,
            queues,
            places,
            caps,
            book,
            scores,
            refused,
        };
        (doors, arrivals)
    }

    /// How many streams were refused so far.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Known addresses of a peer.
    pub(crate) fn addresses(&self, peer: &libp2p::PeerId) -> Vec<Multiaddr> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        names::from_wire(peer)
            .map(|peer| book.addresses(&peer))
            .unwrap_or_default()
    }

    /// May this peer be connected to us at all?
    pub(crate) fn welcome(&self, peer: &libp2p::PeerId) -> Result<(), Unwelcome> {
        let peer = names::from_wire(peer).ok_or(Unwelcome::Nameless)?;
        let scores = self.scores.lock().unwrap_or_else(PoisonError::into_inner);
        if scores.shut_out(&peer, Instant::now()) {
            return Err(Unwelcome::ShutOut);
        }
        Ok(())
    }

    /// Puts a stranger's stream into the queue of its class. What comes back is to be refused.
    pub(crate) fn admit(
        &self,
        peer: libp2p::PeerId,
        connection: ConnectionId,
        class: Class,
        stream: Stream,
    ) -> Option<(Stream, Refusal)> {
        let back = match self.ask(peer, class) {
            Ok((peer, place)) => {
                let arriving = Arriving {
                    peer,
                    connection,
                    stream,
                    place,
                };
                let full = self.queues[&class].try_send(arriving).err()?;
                (full.into_inner().stream, Refusal::Busy)
            }
            Err(why) => (stream, why),
        };
        self.refused.fetch_add(1, Ordering::Relaxed);
        Some(back)
    }

    fn ask(&self, peer: libp2p::PeerId, class: Class) -> Result<(PeerId, Place), Refusal> {
        let peer = names::from_wire(&peer).ok_or(Refusal::NotForYou)?;
        let allowed = match class {
            // Of two members the one with the lower key opens: there is one stream per pair.
            Class::Consensus => {
                self.members.has(&self.local) && self.members.has(&peer) && peer < self.local
            }
            Class::Directory => self.members.has(&self.local),
            Class::Hello | Class::Message | Class::Blob | Class::Follow => true,
        };
        if !allowed {
            return Err(Refusal::NotForYou);
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = places.values().sum();
        let count = places.entry(peer).or_default();
        // Members are never crowded out by others.
        if *count >= self.caps.per_peer || (total >= self.caps.total && !self.members.has(&peer)) {
            if *count == 0 {
                places.remove(&peer);
            }
            return Err(Refusal::TooMany);
        }
        *count += 1;
        Ok((
            peer,
            Place {
                peer,
                places: self.places.clone(),
            },
        ))
    }

    pub(super) fn offered(&self) -> Offered {
        Offered(self.names.clone())
    }

    pub(super) fn name(&self, class: Class) -> StreamProtocol {
        let found = self.names.iter().find(|(_, other)| *other == class);
        found
            .map(|(name, _)| name.clone())
            .expect("every class has a name")
    }
}
