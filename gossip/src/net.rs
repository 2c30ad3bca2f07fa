//! What the loops of this room share: who we are, whom we know, and how to open a stream.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use libp2p::Multiaddr;
use libp2p::swarm::ConnectionId;
use protocol::ids::{FederationId, PeerId};
use protocol::offer::Offer;
use protocol::signed::Signed;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::consensus::Pair;
use crate::directory::{self, Book};
use crate::heard::Ear;
use crate::members::Members;
use crate::messages::Letter;
use crate::scores::{Fault, Scores};
use crate::streams::{self, ADMITTED, Ask, Channel, Class, Doors, Open, OpenError, Refusal};
use crate::{names, wire};

/// How long a connection and the agreement on a stream may take.
const OPEN_TIME: Duration = Duration::from_secs(20);
/// How long the other side may take to admit a stream.
const ADMIT_TIME: Duration = Duration::from_secs(10);

/// What the swarm's loop is asked to do.
pub(crate) enum Command {
    /// Announce this offer as soon as our rate allows; it replaces one that still waits.
    Announce(Box<Signed<Offer>>),
    /// A connection has said which federation it is of; `None` if it did not say.
    Greeted {
        connection: ConnectionId,
        peer: PeerId,
        federation: Option<FederationId>,
    },
    /// From now on these are the members.
    Members(HashSet<PeerId>),
    /// Close all connections to a peer.
    ShutOut(PeerId),
    /// Stop, and say when everything is closed.
    Stop(oneshot::Sender<()>),
}

/// A peer that is connected.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Who.
    pub peer: PeerId,
    /// Where it can be dialed, as far as we know.
    pub addresses: Vec<Multiaddr>,
    /// The round trip of its last ping, if it has been pinged yet.
    pub latency: Option<Duration>,
    /// Whether it is a member of the federation.
    pub member: bool,
}

/// See the module.
pub(crate) struct Net {
    pub(crate) local: PeerId,
    pub(crate) federation: FederationId,
    pub(crate) members: Arc<Members>,
    pub(crate) wishes: mpsc::Sender<Open>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) book: Arc<Mutex<Book>>,
    pub(crate) scores: Arc<Mutex<Scores>>,
    pub(crate) doors: Arc<Doors>,
    pub(crate) ear: Ear,
    pub(crate) pairs: RwLock<HashMap<PeerId, Arc<Pair>>>,
    pub(crate) up: Mutex<HashMap<PeerId, Option<Duration>>>,
    pub(crate) listening: Mutex<Vec<Multiaddr>>,
    pub(crate) letters: Mutex<HashMap<PeerId, mpsc::Sender<Letter>>>,
    pub(crate) serving: Arc<Semaphore>,
}

impl Net {
    /// Notes a fault, and has the peer shut out if that was one too many.
    pub(crate) fn note(&self, peer: PeerId, fault: Fault) {
        let mut scores = self.scores.lock().unwrap_or_else(PoisonError::into_inner);
        let out = scores.note(peer, fault, Instant::now());
        tracing::debug!(%peer, ?fault, out, "a peer misbehaved");
        if out {
            // A full queue only delays this: the doors refuse the peer from now on.
            let _ = self.commands.try_send(Command::ShutOut(peer));
        }
    }

    /// Members that are connected, in no particular order.
    pub(crate) fn members_up(&self) -> Vec<PeerId> {
        let up = self.up.lock().unwrap_or_else(PoisonError::into_inner);
        let members = self.members.all();
        members
            .iter()
            .filter(|member| up.contains_key(member))
            .copied()
            .collect()
    }

    /// Our end of the pair with a member, if we are both members.
    pub(crate) fn pair(&self, member: &PeerId) -> Option<Arc<Pair>> {
        let pairs = self.pairs.read().unwrap_or_else(PoisonError::into_inner);
        pairs.get(member).cloned()
    }

    fn is_up(&self, peer: &PeerId) -> bool {
        self.up
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(peer)
    }

    fn knows(&self, peer: &PeerId) -> Vec<Multiaddr> {
        self.book
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .addresses(peer)
    }

    /// A negotiated stream on one connection or on any, before the other side has admitted it.
    pub(crate) async fn ask(
        &self,
        peer: PeerId,
        class: Class,
        connection: Option<ConnectionId>,
    ) -> Result<libp2p::Stream, OpenError> {
        let (reply, answer) = oneshot::channel();
        let open = Open {
            peer: names::to_wire(peer),
            connection,
            ask: Ask { class, reply },
        };
        timeout(OPEN_TIME, async {
            self.wishes
                .send(open)
                .await
                .map_err(|_| OpenError::Stopped)?;
            answer.await.map_err(|_| OpenError::Lost)?
        })
        .await
        .map_err(|_| OpenError::Lost)?
    }

    /// Opens a stream to a peer that is connected or whose address is known.
    pub(crate) async fn open(&self, peer: PeerId, class: Class) -> Result<Channel, OpenError> {
        let stream = self.ask(peer, class, None).await?;
        self.admitted(Channel::new(peer, stream, None)).await
    }

    /// Waits for the first byte: taken, or why not.
    pub(crate) async fn admitted(&self, mut channel: Channel) -> Result<Channel, OpenError> {
        match wire::read_bytes::<1, _>(&mut channel, ADMIT_TIME).await {
            Ok([ADMITTED]) => Ok(channel),
            Ok([why]) => Err(Refusal::from_byte(why).into()),
            Err(_) => Err(OpenError::Lost),
        }
    }

    /// Opens a stream to any peer, asking members where it is if need be.
    pub(crate) async fn reach(&self, peer: PeerId, class: Class) -> Result<Channel, OpenError> {
        let known = self.knows(&peer);
        if !self.is_up(&peer) && known.is_empty() && !directory::find(self, peer).await {
            return Err(OpenError::NoAddress);
        }
        match self.open(peer, class).await {
            // The connection may have ended under our hands, and then another one is to be had.
            Err(OpenError::Lost) => self.open(peer, class).await,
            // It may have moved.
            Err(OpenError::Unreachable(why)) => {
                if directory::find(self, peer).await && self.knows(&peer) != known {
                    return self.open(peer, class).await;
                }
                Err(OpenError::Unreachable(why))
            }
            other => other,
        }
    }

    /// Admits a stream that came in.
    pub(crate) async fn admit(arriving: streams::Arriving) -> Option<Channel> {
        let streams::Arriving {
            peer,
            stream,
            place,
            ..
        } = arriving;
        let mut channel = Channel::new(peer, stream, Some(place));
        wire::write_bytes(&mut channel, &[ADMITTED]).await.ok()?;
        Some(channel)
    }

    /// Refuses a stream that came in through the doors.
    pub(crate) async fn refuse(arriving: streams::Arriving, why: Refusal) {
        let streams::Arriving {
            peer,
            stream,
            place,
            ..
        } = arriving;
        let mut channel = Channel::new(peer, stream, Some(place));
        // It may be gone: then nobody is left to be told.
        if wire::write_bytes(&mut channel, &[why as u8]).await.is_ok() {
            let _ = channel.close().await;
        }
    }
}
