//! What the protocols report (offers to judge, addresses, round trips), and our own offer.

use std::sync::PoisonError;
use std::time::{SystemTime, UNIX_EPOCH};

use libp2p::gossipsub::{self, MessageAcceptance, PublishError};
use libp2p::{identify, ping};

use protocol::bytes;
use protocol::units::Moment;

use super::Driver;
use crate::behaviour::{BehaviourEvent, SCORE_MIN};
use crate::offers::{Bucket, Judgement};
use crate::scores::Fault;
use crate::{directory, names};

impl Driver {
    pub(super) fn behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Mesh(gossipsub::Event::Message {
                propagation_source,
                message_id,
                message,
            }) => {
                let acceptance = self.judge(&propagation_source, &message.data);
                let rejected = matches!(acceptance, MessageAcceptance::Reject);
                let mesh = &mut self.swarm.behaviour_mut().mesh;
                mesh.report_message_validation_result(&message_id, &propagation_source, acceptance);
                // At once: a burst is forgotten again within seconds.
                if rejected {
                    self.check_score(&propagation_source);
                }
            }
            BehaviourEvent::Mesh(gossipsub::Event::SlowPeer { peer_id, .. }) => {
                if let Some(peer) = names::from_wire(&peer_id) {
                    self.net.note(peer, Fault::Slow);
                }
            }
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                self.identified(&peer_id, info);
            }
            BehaviourEvent::Ping(ping::Event {
                peer,
                connection,
                result,
            }) => match result {
                Ok(latency) => {
                    let Some(peer) = names::from_wire(&peer) else {
                        return;
                    };
                    let mut up = self.net.up.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(seen) = up.get_mut(&peer) {
                        *seen = Some(latency);
                    }
                }
                Err(error) => {
                    tracing::debug!(%peer, %error, "a ping failed: disconnected");
                    self.swarm.close_connection(connection);
                }
            },
            _ => {}
        }
    }

    /// A neighbour whose score is too low is shut out, not only ignored.
    pub(super) fn check_score(&self, peer: &libp2p::PeerId) {
        let score = self.swarm.behaviour().mesh.peer_score(peer);
        if let (Some(peer), true) = (names::from_wire(peer), score.is_some_and(|s| s < SCORE_MIN)) {
            self.net.note(peer, Fault::Spam);
        }
    }

    fn judge(&mut self, source: &libp2p::PeerId, data: &[u8]) -> MessageAcceptance {
        match self.gate.judge(now(), data) {
            Judgement::Accept(offer) => {
                self.net.ear.offer(*offer);
                MessageAcceptance::Accept
            }
            Judgement::Ignore(why) => {
                tracing::trace!(%source, why, "an offer is ignored");
                MessageAcceptance::Ignore
            }
            Judgement::Reject(why) => {
                tracing::debug!(%source, why, "an offer is rejected");
                MessageAcceptance::Reject
            }
        }
    }

    fn identified(&mut self, peer: &libp2p::PeerId, info: identify::Info) {
        let Some(peer) = names::from_wire(peer) else {
            return;
        };
        if info.protocol_version != names::identify(&self.net.federation) {
            return;
        }
        // The machine's own addresses mean something only to peers on that machine.
        let near = directory::is_loopback(&info.observed_addr);
        let addresses = info
            .listen_addrs
            .into_iter()
            .filter(|one| near || !directory::is_loopback(one));
        self.net
            .book
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .hear(peer, addresses);
    }

    /// Sends our waiting offer, if our rate allows and someone listens.
    pub(super) fn announce(&mut self) {
        let Some(offer) = &self.outgoing.waiting else {
            return;
        };
        let now = now();
        let bucket = self
            .outgoing
            .bucket
            .get_or_insert_with(|| Bucket::full(self.rate, now));
        let before = *bucket;
        if !bucket.take(self.rate, now) {
            return;
        }
        let topic = names::offers(&self.net.federation);
        match self
            .swarm
            .behaviour_mut()
            .mesh
            .publish(topic, bytes::write(&**offer))
        {
            Ok(_) | Err(PublishError::Duplicate) => self.outgoing.waiting = None,
            Err(PublishError::NoPeersSubscribedToTopic | PublishError::AllQueuesFull(_)) => {
                // It is tried again on the next tick, and costs nothing until then.
                self.outgoing.bucket = Some(before);
            }
            Err(error) => {
                tracing::warn!(%error, "our offer cannot be announced");
                self.outgoing.waiting = None;
            }
        }
    }
}

/// The time of this machine's clock.
fn now() -> Moment {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Moment::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
