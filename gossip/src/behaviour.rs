//! The protocols we speak, put together, with every limit in one place.

use std::collections::HashSet;
use std::time::Duration;

use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::gossipsub::{
    self, ConfigBuilder, MessageAuthenticity, MessageId, PeerScoreParams, PeerScoreThresholds,
    TopicScoreParams, ValidationMode, WhitelistSubscriptionFilter,
};
use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::{identify, ping};
use protocol::ids::FederationId;
use protocol::offer::OFFER_BYTES_MAX;

use crate::gate::Admission;
use crate::names;
use crate::streams::Streams;

/// A peer is pinged this often, ...
const PING_EVERY: Duration = Duration::from_secs(5);
/// ... and its connection is closed if it does not answer in this time.
const PING_TIME: Duration = Duration::from_secs(10);
/// Connections to one peer, in and out, and altogether; members are not counted.
const CONNECTIONS_PER_PEER_MAX: u32 = 4;
const CONNECTIONS_IN_MAX: u32 = 256;
const CONNECTIONS_OUT_MAX: u32 = 128;
/// Below this score a neighbour is shut out.
pub(crate) const SCORE_MIN: f64 = -80.0;

/// How offers spread.
pub(crate) type Mesh =
    gossipsub::Behaviour<gossipsub::IdentityTransform, WhitelistSubscriptionFilter>;

/// Everything that one connection carries.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) admission: Admission,
    pub(crate) limits: connection_limits::Behaviour,
    pub(crate) streams: Streams,
    pub(crate) identify: identify::Behaviour,
    pub(crate) ping: ping::Behaviour,
    pub(crate) mesh: Mesh,
}

impl Behaviour {
    /// # Errors
    /// In words, if gossipsub does not accept our settings.
    pub(crate) fn new(
        key: &Keypair,
        federation: &FederationId,
        streams: Streams,
    ) -> Result<Self, String> {
        let limits = connection_limits::Behaviour::new(
            ConnectionLimits::default()
                .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER_MAX))
                .with_max_established_incoming(Some(CONNECTIONS_IN_MAX))
                .with_max_established_outgoing(Some(CONNECTIONS_OUT_MAX)),
        );
        let identify = identify::Config::new(names::identify(federation), key.public())
            .with_agent_version(format!("tallygrid/{}", env!("CARGO_PKG_VERSION")))
            .with_push_listen_addr_updates(true);
        Ok(Self {
            admission: Admission::default(),
            limits,
            streams,
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(
                ping::Config::new()
                    .with_interval(PING_EVERY)
                    .with_timeout(PING_TIME),
            ),
            mesh: mesh(federation)?,
        })
    }
}

/// Gossipsub as measured: few copies, small identifiers, everything checked before it is passed on.
fn mesh(federation: &FederationId) -> Result<Mesh, String> {
    let topic = names::offers(federation);
    let config = ConfigBuilder::default()
        .protocol_id_prefix(names::mesh(federation))
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(|message| {
            // All bytes count: an id made of maker and number could be taken by a forgery, and
            // would then shut out the genuine one.
            let mut hasher = blake3::Hasher::new();
            hasher
                .update(message.topic.as_str().as_bytes())
                .update(&message.data);
            MessageId::from(hasher.finalize().as_bytes()[..16].to_vec())
        })
        .mesh_n(4)
        .mesh_n_low(3)
        .mesh_n_high(8)
        .mesh_outbound_min(2)
        .flood_publish(false)
        .gossip_lazy(3)
        .gossip_factor(0.1)
        .history_length(5)
        .history_gossip(2)
        .heartbeat_initial_delay(Duration::from_millis(200))
        .max_transmit_size(256 * 1_024)
        .max_transmit_size_for_topic(OFFER_BYTES_MAX, topic.hash())
        // An honest IHAVE may list 5 000 ids of 16 bytes; the default limit resets its stream.
        .max_control_message_size(128 * 1_024)
        .connection_handler_queue_len(1_000)
        .duplicate_cache_time(Duration::from_secs(600))
        .build()
        .map_err(|error| error.to_string())?;
    let filter = WhitelistSubscriptionFilter(HashSet::from([topic.hash()]));
    let mut mesh =
        Mesh::new_with_subscription_filter(MessageAuthenticity::Anonymous, config, filter)?;
    let mut params = PeerScoreParams {
        // A campus or a home is one address: no guilt by neighbourhood.
        ip_colocation_factor_weight: 0.0,
        ..PeerScoreParams::default()
    };
    params.topics.insert(topic.hash(), topic_score());
    mesh.with_peer_score(params, PeerScoreThresholds::default())?;
    mesh.subscribe(&topic).map_err(|error| error.to_string())?;
    Ok(mesh)
}

/// Time in the mesh buys next to nothing, silence costs nothing, forgeries cost much.
fn topic_score() -> TopicScoreParams {
    TopicScoreParams {
        time_in_mesh_weight: 0.01,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: 300.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -1.0,
        ..TopicScoreParams::default()
    }
}
