//! Builds and drives the one libp2p swarm: everything that happens on it passes here.

mod links;
mod spoken;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, Swarm, SwarmBuilder, noise, tcp, yamux};
use protocol::ids::PeerId;
use protocol::offer::Offer;
use protocol::signed::Signed;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::behaviour::{Behaviour, BehaviourEvent};
use crate::gate;
use crate::heard::Happening;
use crate::names;
use crate::net::{Command, Net};
use crate::offers::{Bucket, Gate, OfferRate};
use crate::patience::Patience;
use crate::scores::Fault;
use crate::streams::Streams;

/// A handshake takes so long at most.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// A connection that carries nothing is closed after this time.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// So many streams fit on one connection; each may hold 256 KiB that we have not read.
const STREAMS_PER_CONNECTION_MAX: usize = 160;
/// How often we look after links and offers.
const TICK: Duration = Duration::from_millis(100);
/// Scores are looked at on every so many-th tick.
const SCORES_EVERY: u32 = 20;

/// Builds a swarm that does not listen yet.
///
/// # Errors
/// In words, if a part does not accept our settings.
pub(crate) fn build(key: Keypair, net: &Net, streams: Streams) -> Result<Swarm<Behaviour>, String> {
    let behaviour = Behaviour::new(&key, &net.federation, streams)?;
    let swarm = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, || {
            let mut config = yamux::Config::default();
            config.set_max_num_streams(STREAMS_PER_CONNECTION_MAX);
            config
        })
        .map_err(|error| error.to_string())?
        .with_behaviour(|_| behaviour)
        .map_err(|error| error.to_string())?
        .with_swarm_config(|config| {
            config
                .with_idle_connection_timeout(IDLE_TIME)
                .with_max_negotiating_inbound_streams(STREAMS_PER_CONNECTION_MAX)
        })
        .with_connection_timeout(HANDSHAKE_TIME)
        .build();
    Ok(swarm)
}

/// A peer whose link is kept up.
#[derive(Default)]
struct Kept {
    patience: Patience,
    next: Option<Instant>,
}

/// Our own offer, and when it may go out.
struct Outgoing {
    waiting: Option<Box<Signed<Offer>>>,
    bucket: Option<Bucket>,
}

/// The swarm's loop.
pub(crate) struct Driver {
    swarm: Swarm<Behaviour>,
    net: Arc<Net>,
    commands: mpsc::Receiver<Command>,
    loops: JoinSet<()>,
    kept: HashMap<PeerId, Kept>,
    /// Those of them that we were told to meet first.
    met_first: HashSet<PeerId>,
    /// The loops of the pairs with other members.
    paired: HashMap<PeerId, AbortHandle>,
    ungreeted: HashMap<ConnectionId, Instant>,
    gate: Gate,
    rate: OfferRate,
    outgoing: Outgoing,
    ticks: u32,
}

impl Driver {
    pub(crate) fn new(
        swarm: Swarm<Behaviour>,
        net: Arc<Net>,
        commands: mpsc::Receiver<Command>,
        met_first: HashSet<PeerId>,
        rate: OfferRate,
    ) -> Self {
        let kept = met_first.iter().map(|peer| (*peer, Kept::default()));
        Self {
            gate: Gate::new(net.federation, rate),
            swarm,
            net,
            commands,
            loops: JoinSet::new(),
            kept: kept.collect(),
            met_first,
            paired: HashMap::new(),
            ungreeted: HashMap::new(),
            rate,
            outgoing: Outgoing {
                waiting: None,
                bucket: None,
            },
            ticks: 0,
        }
    }

    /// Runs until told to stop, with the members of the beginning. `loops` are those that end with
    /// it.
    pub(crate) async fn run(mut self, loops: JoinSet<()>) {
        self.loops = loops;
        self.set_members(HashSet::clone(&self.net.members.all()));
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopped = loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.event(event),
                command = self.commands.recv() => match command {
                    Some(Command::Stop(done)) => break Some(done),
                    Some(command) => self.command(command),
                    None => break None,
                },
                _ = tick.tick() => self.tick(),
            }
        };
        self.stop(stopped).await;
    }

    /// Closes connections in good order, so that the others need not wait for a ping to fail.
    async fn stop(mut self, done: Option<oneshot::Sender<()>>) {
        self.loops.abort_all();
        let peers: Vec<_> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            // It may have gone by itself.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let closing = async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.select_next_some().await;
            }
        };
        // A peer that does not let go is dropped with the swarm.
        let _ = tokio::time::timeout(Duration::from_secs(2), closing).await;
        self.net.ear.close();
        drop(self.swarm);
        if let Some(done) = done {
            let _ = done.send(());
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Announce(offer) => {
                self.outgoing.waiting = Some(offer);
                self.announce();
            }
            Command::Greeted {
                connection,
                peer,
                federation,
            } => {
                self.greeted(connection, peer, federation);
            }
            Command::Members(members) => self.set_members(members),
            Command::ShutOut(peer) => {
                tracing::info!(%peer, "a peer is shut out for what it did");
                // It may be gone already.
                let _ = self.swarm.disconnect_peer_id(names::to_wire(peer));
            }
            Command::Stop(_) => unreachable!("the loop ends with this command"),
        }
    }

    fn greeted(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        federation: Option<protocol::ids::FederationId>,
    ) {
        let here = self.ungreeted.remove(&connection).is_some();
        match federation {
            // A connection that has ended meanwhile does not bring anyone up.
            Some(theirs) if theirs == self.net.federation && !here => {}
            Some(theirs) if theirs == self.net.federation => {
                let mut up = self.net.up.lock().unwrap_or_else(PoisonError::into_inner);
                if up.insert(peer, None).is_none() {
                    tracing::debug!(%peer, "a peer is up");
                    self.net.ear.presence(Happening::PeerUp(peer));
                }
                drop(up);
                if let Some(pair) = self.net.pair(&peer) {
                    pair.awake.notify_one();
                }
            }
            Some(theirs) => {
                let ours = self.net.federation;
                tracing::warn!(
                    %peer, %theirs, %ours,
                    "the peer belongs to another federation: disconnected"
                );
                self.net.note(peer, Fault::Stranger);
                self.swarm.close_connection(connection);
            }
            None => {
                tracing::info!(%peer, "the peer did not say its federation: disconnected");
                self.swarm.close_connection(connection);
            }
        }
    }

    fn event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.behaviour(event),
            SwarmEvent::NewListenAddr { address, .. } => {
                tracing::info!(%address, "listening");
                self.listening(|all| all.push(address));
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.listening(|all| all.retain(|one| *one != address));
            }
            SwarmEvent::ListenerClosed {
                addresses, reason, ..
            } => {
                tracing::warn!(?reason, "no longer listening");
                self.listening(|all| all.retain(|one| !addresses.contains(one)));
            }
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                self.connected(&peer_id, connection_id, endpoint.is_dialer());
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                num_established,
                cause,
                ..
            } => {
                self.ungreeted.remove(&connection_id);
                let (Some(peer), 0) = (names::from_wire(&peer_id), num_established) else {
                    return;
                };
                let was_up = self
                    .net
                    .up
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&peer);
                if was_up.is_some() {
                    tracing::debug!(%peer, ?cause, "a peer is down");
                    self.net.ear.presence(Happening::PeerDown(peer));
                }
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id: Some(peer),
                error,
                ..
            } => {
                tracing::debug!(%peer, %error, "cannot connect");
            }
            SwarmEvent::IncomingConnectionError {
                send_back_addr,
                error,
                ..
            } => {
                tracing::debug!(from = %send_back_addr, %error, "a connection was dropped");
            }
            _ => {}
        }
    }

    fn listening(&self, change: impl FnOnce(&mut Vec<Multiaddr>)) {
        change(
            &mut self
                .net
                .listening
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    fn connected(&mut self, peer: &libp2p::PeerId, connection: ConnectionId, dialed: bool) {
        let Some(peer) = names::from_wire(peer) else {
            return;
        };
        self.ungreeted.insert(connection, Instant::now());
        if let Some(kept) = self.kept.get_mut(&peer) {
            *kept = Kept::default();
        }
        if dialed {
            let net = self.net.clone();
            self.loops
                .spawn(async move { gate::greet(&net, peer, connection).await });
        }
    }

    fn tick(&mut self) {
        self.ticks = self.ticks.wrapping_add(1);
        let now = Instant::now();
        self.announce();
        self.keep_links(now);
        let swarm = &mut self.swarm;
        self.ungreeted.retain(|connection, since| {
            let late = now.saturating_duration_since(*since) > gate::HELLO_TIME * 2;
            if late {
                tracing::info!("nobody greeted on a connection: disconnected");
                swarm.close_connection(*connection);
            }
            !late
        });
        if self.ticks.is_multiple_of(SCORES_EVERY) {
            let peers: Vec<_> = self.swarm.connected_peers().copied().collect();
            peers.iter().for_each(|peer| self.check_score(peer));
        }
        while self.loops.try_join_next().is_some() {}
    }
}
