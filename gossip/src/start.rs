//! From a configuration to a network that listens.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use futures::StreamExt;
use libp2p::Multiaddr;
use libp2p::identity::Keypair;
use libp2p::swarm::SwarmEvent;
use protocol::ids::{FederationId, PeerId};
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::blobs::{self, BlobSource};
use crate::directory::{self, Book};
use crate::gate;
use crate::handle::Handle;
use crate::heard::{Ear, Happening};
use crate::members::Members;
use crate::messages;
use crate::names;
use crate::net::Net;
use crate::offers::OfferRate;
use crate::scores::Scores;
use crate::streams::{Arrivals, Arriving, Caps, Channel, Class, Doors, Streams};
use crate::swarm::{self, Driver};

/// So many commands wait for the swarm's loop.
const COMMANDS_MAX: usize = 1_024;
/// So many wishes for streams wait for it.
const WISHES_MAX: usize = 1_024;
/// Listening begins within this time.
const LISTEN_TIME: Duration = Duration::from_secs(10);

/// How much others may ask of this peer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Streams that one peer may have open here.
    pub streams_per_peer: usize,
    /// Streams that all peers together may have open here; members are not held up by it.
    pub streams: usize,
    /// Streams of one class that may wait to be looked at; followers wait for the driver.
    pub accept_queue: usize,
    /// How often a peer may announce an offer; the same for all peers of a federation.
    pub offers: OfferRate,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams_per_peer: 96,
            streams: 2_048,
            accept_queue: 256,
            offers: OfferRate::default(),
        }
    }
}

impl Limits {
    fn caps(&self) -> Caps {
        Caps {
            queue: self.accept_queue,
            per_peer: self.streams_per_peer,
            total: self.streams,
        }
    }
}

/// What a network needs to know.
pub struct Config {
    /// The ed25519 seed of the node key; wiped after use.
    pub node_key: Zeroizing<[u8; 32]>,
    /// Where to listen: TCP addresses; port 0 takes any.
    pub listen: Vec<Multiaddr>,
    /// Which federation we are of. Nobody of another is let in.
    pub federation: FederationId,
    /// The members at first; links to them are kept up. [`Handle::set_members`] changes them.
    pub members: Vec<PeerId>,
    /// Peers whose addresses are known from the start; links to them are kept up.
    pub bootstrap: Vec<(PeerId, Vec<Multiaddr>)>,
    /// The blobs we serve.
    pub blobs: Arc<dyn BlobSource>,
    /// How much others may ask of us.
    pub limits: Limits,
}

/// The network could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// The node key is no ed25519 seed.
    #[error("the node key cannot be used")]
    Key,
    /// libp2p does not accept our settings.
    #[error("the network cannot be set up: {0}")]
    Settings(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {why}")]
    Listen {
        /// Which.
        address: Multiaddr,
        /// The cause, in words.
        why: String,
    },
    /// The addresses were taken, but listening did not begin.
    #[error("cannot listen")]
    NotListening(#[source] io::Error),
}

/// Streams that followers opened to us, in the order of their arrival.
pub type Followers = mpsc::Receiver<Channel>;

/// What comes from the network; for one reader.
pub struct Heard {
    net: Arc<Net>,
    followers: Option<Followers>,
}

impl Heard {
    /// The next happening; `None` once the network has stopped and all has been read. Cancel safe.
    pub async fn next(&mut self) -> Option<Happening> {
        self.net.ear.next().await
    }

    /// The streams of class [`Class::Follow`] that others open to us; once. While nobody holds
    /// them, or too many wait, such streams are refused.
    pub fn followers(&mut self) -> Option<Followers> {
        self.followers.take()
    }
}

/// The room's door.
pub struct Gossip;

impl Gossip {
    /// Starts a network on the tokio runtime this is called in, and returns when it listens.
    ///
    /// # Errors
    /// [`StartError`]; nothing goes on running then.
    pub async fn start(config: Config) -> Result<(Handle, Heard), StartError> {
        let Config {
            mut node_key,
            listen,
            federation,
            members,
            bootstrap,
            blobs,
            limits,
        } = config;
        let key = Keypair::ed25519_from_bytes(&mut node_key[..]).map_err(|_| StartError::Key)?;
        let local = names::from_wire(&key.public().to_peer_id()).ok_or(StartError::Key)?;

        let mut book = Book::default();
        for (peer, addresses) in &bootstrap {
            book.configure(*peer, addresses);
        }
        let mut met_first: HashSet<PeerId> = bootstrap.iter().map(|(peer, _)| *peer).collect();
        met_first.remove(&local);

        let (commands, orders) = mpsc::channel(COMMANDS_MAX);
        let (wishes, wished) = mpsc::channel(WISHES_MAX);
        let members = Arc::new(Members::new(members));
        let book = Arc::new(Mutex::new(book));
        let scores = Arc::new(Mutex::new(Scores::new(members.clone())));
        let caps = limits.caps();
        let (doors, arrivals) = Doors::new(
            local,
            &federation,
            members.clone(),
            caps,
            book.clone(),
            scores.clone(),
        );
        let doors = Arc::new(doors);
        let net = Arc::new(Net {
            local,
            federation,
            members,
            wishes,
            commands,
            book,
            scores,
            doors: doors.clone(),
            ear: Ear::default(),
            pairs: RwLock::default(),
            up: Mutex::default(),
            listening: Mutex::default(),
            letters: Mutex::default(),
            serving: Arc::new(Semaphore::new(blobs::SERVING_MAX)),
        });
        let swarm = swarm::build(key, &net, Streams::new(doors, wished));
        let mut swarm = swarm.map_err(StartError::Settings)?;
        begin_listening(&mut swarm, &net, listen).await?;

        let (to_followers, followers) = mpsc::channel(limits.accept_queue);
        let service = Service {
            blobs,
            followers: to_followers,
        };
        let loops = begin_loops(&net, arrivals, &service);
        tokio::spawn(Driver::new(swarm, net.clone(), orders, met_first, limits.offers).run(loops));
        let followers = Some(followers);
        Ok((Handle::new(net.clone()), Heard { net, followers }))
    }
}

/// The loops that serve streams.
fn begin_loops(net: &Arc<Net>, mut arrivals: Arrivals, service: &Service) -> JoinSet<()> {
    let mut loops = JoinSet::new();
    for class in Class::ALL {
        let queue = arrivals.remove(&class).expect("every class has its queue");
        loops.spawn(accept(net.clone(), class, queue, service.clone()));
    }
    loops
}

async fn begin_listening(
    swarm: &mut libp2p::Swarm<crate::behaviour::Behaviour>,
    net: &Net,
    listen: Vec<Multiaddr>,
) -> Result<(), StartError> {
    let mut awaited = HashSet::new();
    for address in listen {
        let listener = swarm.listen_on(address.clone());
        awaited.insert(listener.map_err(|error| StartError::Listen {
            address,
            why: error.to_string(),
        })?);
    }
    let listening = async {
        while !awaited.is_empty() {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr {
                    listener_id,
                    address,
                } => {
                    awaited.remove(&listener_id);
                    net.listening
                        .lock()
                        .unwrap_or_else(|held| held.into_inner())
                        .push(address);
                }
                SwarmEvent::ListenerClosed {
                    reason: Err(error), ..
                }
                | SwarmEvent::ListenerError { error, .. } => return Err(error),
                _ => {}
            }
        }
        Ok(())
    };
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no address in time");
    let listening = tokio::time::timeout(LISTEN_TIME, listening).await;
    listening
        .unwrap_or_else(|_| Err(late()))
        .map_err(StartError::NotListening)
}

/// What the loops that serve streams need beside the net.
#[derive(Clone)]
struct Service {
    blobs: Arc<dyn BlobSource>,
    followers: mpsc::Sender<Channel>,
}

/// Serves the streams of one class, each in its own task; their number is limited at the doors.
async fn accept(
    net: Arc<Net>,
    class: Class,
    mut queue: mpsc::Receiver<Arriving>,
    service: Service,
) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            arriving = queue.recv() => {
                let Some(arriving) = arriving else { return };
                let (net, blobs) = (net.clone(), service.blobs.clone());
                let followers = service.followers.clone();
                tasks.spawn(async move { serve(&net, class, arriving, blobs, followers).await });
            }
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn serve(
    net: &Net,
    class: Class,
    arriving: Arriving,
    blobs: Arc<dyn BlobSource>,
    followers: mpsc::Sender<Channel>,
) {
    if class == Class::Hello {
        return gate::answer(net, arriving).await;
    }
    if class == Class::Follow {
        let Ok(place) = followers.try_reserve() else {
            return Net::refuse(arriving, crate::Refusal::Busy).await;
        };
        if let Some(channel) = Net::admit(arriving).await {
            place.send(channel);
        }
        return;
    }
    let Some(channel) = Net::admit(arriving).await else {
        return;
    };
    match class {
        Class::Message => messages::serve(net, channel).await,
        Class::Blob => blobs::serve(net, blobs, channel).await,
        Class::Directory => directory::serve(net, channel).await,
        Class::Consensus => {
            if let Some(pair) = net.pair(&channel.peer()) {
                // Its loop ends with the membership of either, or with everything else.
                let _ = pair.opened.send(channel).await;
            }
        }
        Class::Hello | Class::Follow => {}
    }
}
