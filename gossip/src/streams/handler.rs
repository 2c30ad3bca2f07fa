//! One connection's streams: asks for ours, takes or refuses the other side's.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use libp2p::core::upgrade::{InboundUpgrade, ReadyUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionHandler, ConnectionHandlerEvent, ConnectionId, StreamUpgradeError, SubstreamProtocol,
};
use libp2p::{PeerId, Stream, StreamProtocol};

use super::doors::Doors;
use super::{Ask, Class, OpenError, Refusal};
use crate::wire;

/// So many refusals are written at a time; beyond, a stream is dropped without a word.
const REFUSALS_MAX: usize = 32;
/// So many wishes wait on one connection.
const ASKS_MAX: usize = 256;

/// All classes, under the names they have in this federation.
#[derive(Clone, Debug)]
pub(crate) struct Offered(pub(super) Arc<[(StreamProtocol, Class)]>);

impl UpgradeInfo for Offered {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        let names: Vec<_> = self.0.iter().map(|(name, _)| name.clone()).collect();
        names.into_iter()
    }
}

impl InboundUpgrade<Stream> for Offered {
    type Output = (Class, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, chosen: StreamProtocol) -> Self::Future {
        let class = self
            .0
            .iter()
            .find(|(name, _)| *name == chosen)
            .map(|(_, class)| *class);
        ready(Ok((
            class.expect("negotiation chooses among the names we offered"),
            stream,
        )))
    }
}

/// See the module.
pub(crate) struct Handler {
    peer: PeerId,
    connection: ConnectionId,
    doors: Arc<Doors>,
    asks: VecDeque<Ask>,
    refusing: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl Handler {
    pub(super) fn new(peer: PeerId, connection: ConnectionId, doors: Arc<Doors>) -> Self {
        let (asks, refusing) = (VecDeque::new(), FuturesUnordered::new());
        Self {
            peer,
            connection,
            doors,
            asks,
            refusing,
        }
    }

    fn refuse(&mut self, mut stream: Stream, why: Refusal) {
        if self.refusing.len() < REFUSALS_MAX {
            self.refusing.push(Box::pin(async move {
                // The other side may be gone: then nobody is left to be told.
                let _ = wire::write_bytes(&mut stream, &[why as u8]).await;
                let _ = wire::within(wire::WRITE_TIME, futures::AsyncWriteExt::close(&mut stream))
                    .await;
            }));
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Ask;
    type ToBehaviour = Infallible;
    type InboundProtocol = Offered;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Ask;

    fn listen_protocol(&self) -> SubstreamProtocol<Offered> {
        SubstreamProtocol::new(self.doors.offered(), ())
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, Ask, Infallible>> {
        while let Poll::Ready(Some(())) = self.refusing.poll_next_unpin(cx) {}
        while let Some(ask) = self.asks.pop_front() {
            if ask.reply.is_closed() {
                continue;
            }
            let upgrade = ReadyUpgrade::new(self.doors.name(ask.class));
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: SubstreamProtocol::new(upgrade, ask),
            });
        }
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, ask: Ask) {
        if self.asks.len() < ASKS_MAX {
            self.asks.push_back(ask);
        } else {
            let _ = ask.reply.send(Err(OpenError::Crowded));
        }
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Offered, Self::OutboundProtocol, (), Ask>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (class, stream),
                ..
            }) => {
                let doors = self.doors.clone();
                if let Some((stream, why)) = doors.admit(self.peer, self.connection, class, stream)
                {
                    self.refuse(stream, why);
                }
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: stream,
                info: ask,
            }) => {
                // Who asked may have stopped waiting; the stream then closes by being dropped.
                let _ = ask.reply.send(Ok(stream));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: ask, error }) => {
                let _ = ask.reply.send(Err(match error {
                    StreamUpgradeError::NegotiationFailed => OpenError::NotSpoken,
                    StreamUpgradeError::Timeout | StreamUpgradeError::Io(_) => OpenError::Lost,
                    StreamUpgradeError::Apply(never) => match never {},
                }));
            }
            _ => {}
        }
    }
}
