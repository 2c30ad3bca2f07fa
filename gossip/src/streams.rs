//! Streams by class, none lost in silence: a stream that is not taken is refused in so many words.
//!
//! ```text
//! open ──connected?──no──▶ dial ──▶ negotiate ──▶ first byte: admitted, or why not
//!                                       │
//!            other side: doors ─────────┘  member? banned? places left? queue full?
//! ```
//!
//! Every class has its own bounded queue, every peer and the whole machine a number of places.
//! Openings run side by side; the newest connection to a peer is taken, because the older one may
//! belong to a peer that has since restarted.

mod channel;
mod doors;
mod handler;

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use libp2p::core::{Endpoint, transport::PortUse};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, DialError, FromSwarm, NetworkBehaviour, NotifyHandler,
    THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

pub use channel::Channel;
pub(crate) use doors::{Arrivals, Arriving, Caps, Doors};
use handler::Handler;

/// So many openings may wait for one peer's connection.
const WAITING_PER_PEER_MAX: usize = 128;
/// So many peers may be waited for.
const WAITING_PEERS_MAX: usize = 1_024;

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The first words on a connection: which federation are you of?
    Hello,
    /// Messages of peers to each other.
    Message,
    /// The members' talk about blocks; members only.
    Consensus,
    /// Content by digest.
    Blob,
    /// Where is that peer? Answered by members.
    Directory,
    /// The agreed blocks, for peers that do not vote.
    Follow,
}

impl Class {
    pub(crate) const ALL: [Self; 6] = [
        Self::Hello,
        Self::Message,
        Self::Consensus,
        Self::Blob,
        Self::Directory,
        Self::Follow,
    ];
}

/// Why a peer did not take a stream; one byte on the wire, after which the stream is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Its queue of this class is full.
    #[error("it is busy")]
    Busy = 1,
    /// We may not open streams of this class to it.
    #[error("streams of this class are not for us")]
    NotForYou = 2,
    /// We have as many streams there as one peer may have.
    #[error("we have too many streams there")]
    TooMany = 3,
}

/// The first byte of a stream that was taken.
pub(crate) const ADMITTED: u8 = 0;

impl Refusal {
    pub(crate) const fn from_byte(byte: u8) -> Self {
        match byte {
            2 => Self::NotForYou,
            3 => Self::TooMany,
            _ => Self::Busy,
        }
    }
}

/// A stream could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Nobody knows an address of this peer.
    #[error("no address of the peer is known")]
    NoAddress,
    /// No address answered.
    #[error("the peer cannot be reached: {0}")]
    Unreachable(String),
    /// The peer said no.
    #[error("the peer refused: {0}")]
    Refused(#[from] Refusal),
    /// The peer does not speak this class, or is of another federation.
    #[error("the peer does not speak this class of streams")]
    NotSpoken,
    /// The connection ended, or nothing happened in time.
    #[error("the connection ended while the stream was being opened")]
    Lost,
    /// Too many openings wait already.
    #[error("too many streams are being opened")]
    Crowded,
    /// This peer's networking has been shut down.
    #[error("the network is shut down")]
    Stopped,
}

/// A wish for a stream.
pub(crate) struct Ask {
    pub(crate) class: Class,
    pub(crate) reply: oneshot::Sender<Result<libp2p::Stream, OpenError>>,
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ask({:?})", self.class)
    }
}

/// A wish for a stream to a peer, on one of its connections or on any.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) peer: PeerId,
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) ask: Ask,
}

/// Opens streams, and hands those of others to the [`Doors`].
pub(crate) struct Streams {
    doors: Arc<Doors>,
    wishes: mpsc::Receiver<Open>,
    links: HashMap<PeerId, Vec<ConnectionId>>,
    waiting: HashMap<PeerId, Vec<Ask>>,
    actions: VecDeque<ToSwarm<Infallible, Ask>>,
}

impl Streams {
    pub(crate) fn new(doors: Arc<Doors>, wishes: mpsc::Receiver<Open>) -> Self {
        Self {
            doors,
            wishes,
            links: HashMap::new(),
            waiting: HashMap::new(),
            actions: VecDeque::new(),
        }
    }

    fn handler(&self, peer: PeerId, at: ConnectionId) -> Result<Handler, ConnectionDenied> {
        self.doors.welcome(&peer).map_err(ConnectionDenied::new)?;
        Ok(Handler::new(peer, at, self.doors.clone()))
    }

    fn pass(&mut self, peer: PeerId, connection: ConnectionId, ask: Ask) {
        let handler = NotifyHandler::One(connection);
        self.actions.push_back(ToSwarm::NotifyHandler {
            peer_id: peer,
            handler,
            event: ask,
        });
    }

    fn wish(
        &mut self,
        Open {
            peer,
            connection,
            ask,
        }: Open,
    ) {
        let newest = self
            .links
            .get(&peer)
            .and_then(|links| links.last().copied());
        if let Some(link) = connection.or(newest) {
            return self.pass(peer, link, ask);
        }
        let new = !self.waiting.contains_key(&peer);
        if new && self.waiting.len() >= WAITING_PEERS_MAX {
            let _ = ask.reply.send(Err(OpenError::Crowded));
            return;
        }
        let queue = self.waiting.entry(peer).or_default();
        queue.retain(|ask| !ask.reply.is_closed());
        if queue.len() >= WAITING_PER_PEER_MAX {
            let _ = ask.reply.send(Err(OpenError::Crowded));
            return;
        }
        queue.push(ask);
        self.actions.push_back(ToSwarm::Dial { opts: dial(peer) });
    }

    fn fail(&mut self, peer: PeerId, error: &DialError) {
        for ask in self.waiting.remove(&peer).unwrap_or_default() {
            let _ = ask.reply.send(Err(match error {
                DialError::NoAddresses => OpenError::NoAddress,
                error => OpenError::Unreachable(error.to_string()),
            }));
        }
    }
}

/// How we dial: whatever addresses are known, from a fresh port, once at a time.
pub(crate) fn dial(peer: PeerId) -> DialOpts {
    DialOpts::peer_id(peer)
        .condition(PeerCondition::DisconnectedAndNotDialing)
        .allocate_new_port()
        .build()
}

impl NetworkBehaviour for Streams {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        at: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(peer, at)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        Ok(peer
            .map(|peer| self.doors.addresses(&peer))
            .unwrap_or_default())
    }

    fn handle_established_outbound_connection(
        &mut self,
        at: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(peer, at)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(up) => {
                self.links
                    .entry(up.peer_id)
                    .or_default()
                    .push(up.connection_id);
                for ask in self.waiting.remove(&up.peer_id).unwrap_or_default() {
                    self.pass(up.peer_id, up.connection_id, ask);
                }
            }
            FromSwarm::ConnectionClosed(down) => {
                if let Some(links) = self.links.get_mut(&down.peer_id) {
                    links.retain(|link| *link != down.connection_id);
                    if links.is_empty() {
                        self.links.remove(&down.peer_id);
                    }
                }
            }
            FromSwarm::DialFailure(failure) => {
                let under_way = matches!(failure.error, DialError::DialPeerConditionFalse(_));
                if let (Some(peer), false) = (failure.peer_id, under_way) {
                    self.fail(peer, failure.error);
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        loop {
            if let Some(action) = self.actions.pop_front() {
                return Poll::Ready(action);
            }
            match self.wishes.poll_recv(cx) {
                Poll::Ready(Some(wish)) => self.wish(wish),
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}
