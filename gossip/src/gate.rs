//! Who may connect: so many at a time from one place, and only those of our federation.
//!
//! Every new connection is greeted by whoever dialed it. Each side says its federation; if they
//! differ, or nothing is said in time, the connection is closed and the log says why.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use libp2p::core::{Endpoint, transport::PortUse};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};
use protocol::ids::{self, FederationId};
use thiserror::Error;

use crate::net::{Command, Net};
use crate::streams::{Arriving, Channel, Class};
use crate::wire;

/// A greeting takes so long at most; a connection without one is closed after it.
pub(crate) const HELLO_TIME: Duration = Duration::from_secs(10);
/// The one who was wrong may read our answer for so long before we close.
const FAREWELL_TIME: Duration = Duration::from_secs(1);
/// So many unfinished connections may come from one network (/24, or /48 of IPv6), ...
const PENDING_PER_NET_MAX: usize = 32;
/// ... or from the machine itself, ...
const PENDING_OWN_MAX: usize = 256;
/// ... and from everywhere.
const PENDING_MAX: usize = 1_024;

/// Greets a peer on a connection that we dialed.
pub(crate) async fn greet(net: &Net, peer: ids::PeerId, connection: ConnectionId) {
    let ours = net.federation;
    let answer = tokio::time::timeout(HELLO_TIME, async {
        let stream = net.ask(peer, Class::Hello, Some(connection)).await.ok()?;
        let mut channel = net.admitted(Channel::new(peer, stream, None)).await.ok()?;
        wire::write_bytes(&mut channel, ours.bytes()).await.ok()?;
        let theirs = wire::read_bytes(&mut channel, HELLO_TIME).await.ok()?;
        Some(FederationId::new(theirs))
    });
    let federation = answer.await.ok().flatten();
    tell(
        net,
        Command::Greeted {
            connection,
            peer,
            federation,
        },
    )
    .await;
}

/// Answers the greeting on a connection that was dialed to us.
pub(crate) async fn answer(net: &Net, arriving: Arriving) {
    let (peer, connection, ours) = (arriving.peer, arriving.connection, net.federation);
    let heard = tokio::time::timeout(HELLO_TIME, async {
        let mut channel = Net::admit(arriving).await?;
        let theirs = FederationId::new(wire::read_bytes(&mut channel, HELLO_TIME).await.ok()?);
        wire::write_bytes(&mut channel, ours.bytes()).await.ok()?;
        Some((channel, theirs))
    });
    let heard = heard.await.ok().flatten();
    let federation = heard.as_ref().map(|(_, theirs)| *theirs);
    if let Some((mut channel, theirs)) = heard
        && theirs != ours
    {
        // Whether it reads to the end or not: it is sent away.
        let _ = wire::read_bytes::<1, _>(&mut channel, FAREWELL_TIME).await;
    }
    tell(
        net,
        Command::Greeted {
            connection,
            peer,
            federation,
        },
    )
    .await;
}

async fn tell(net: &Net, command: Command) {
    // A closed queue means that everything is being shut down.
    let _ = net.commands.send(command).await;
}

/// Too many connections are being made.
#[derive(Debug, Error)]
#[error("too many unfinished connections from {0}")]
struct Crowd(String);

/// Limits connections that have not yet proved a key.
#[derive(Default)]
pub(crate) struct Admission {
    pending: HashMap<ConnectionId, Origin>,
    counts: HashMap<Origin, usize>,
}

/// Where a connection comes from, as coarse as one owner's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Origin {
    Own,
    V4([u8; 3]),
    V6([u8; 6]),
    Elsewhere,
}

fn origin(address: &Multiaddr) -> Origin {
    let ip = match address.iter().next() {
        Some(Protocol::Ip4(ip)) => IpAddr::V4(ip),
        Some(Protocol::Ip6(ip)) => ip.to_canonical(),
        _ => return Origin::Elsewhere,
    };
    match ip {
        ip if ip.is_loopback() => Origin::Own,
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            Origin::V4([a, b, c])
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, ..] = ip.octets();
            Origin::V6([a, b, c, d, e, f])
        }
    }
}

impl Admission {
    fn enter(&mut self, connection: ConnectionId, address: &Multiaddr) -> Result<(), Crowd> {
        let origin = origin(address);
        let max = if origin == Origin::Own {
            PENDING_OWN_MAX
        } else {
            PENDING_PER_NET_MAX
        };
        let count = self.counts.get(&origin).copied().unwrap_or(0);
        if count >= max || self.pending.len() >= PENDING_MAX {
            return Err(Crowd(format!("{origin:?}")));
        }
        self.counts.insert(origin, count + 1);
        self.pending.insert(connection, origin);
        Ok(())
    }

    fn leave(&mut self, connection: ConnectionId) {
        let Some(origin) = self.pending.remove(&connection) else {
            return;
        };
        if let Some(count) = self.counts.get_mut(&origin) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&origin);
            }
        }
    }
}

impl NetworkBehaviour for Admission {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.enter(connection, remote)
            .map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(up) => self.leave(up.connection_id),
            FromSwarm::ListenFailure(failure) => self.leave(failure.connection_id),
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

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_cannot_take_all_places() {
        let mut admission = Admission::default();
        let mut enter = |n: usize, ip: &str| {
            let address = format!("/ip4/{ip}/tcp/1000").parse().unwrap();
            admission
                .enter(ConnectionId::new_unchecked(n), &address)
                .is_ok()
        };
        assert!((0..PENDING_PER_NET_MAX).all(|n| enter(n, "192.0.2.7")));
        assert!(!enter(100, "192.0.2.200"));
        assert!(enter(101, "198.51.100.1"));
        admission.leave(ConnectionId::new_unchecked(0));
        let address = "/ip4/192.0.2.9/tcp/1".parse().unwrap();
        assert!(
            admission
                .enter(ConnectionId::new_unchecked(102), &address)
                .is_ok()
        );
    }
}
