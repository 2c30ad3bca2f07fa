//! A federation for one test: peers by number, each with its own port, blobs and key.

// Every test file uses its own part of the scene.
#![allow(dead_code)]
// These are tests, though clippy sees only the functions that carry the attribute.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::future::Future;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use gossip::{
    BlobSource, Config, Content, Gossip, Handle, Happening, Heard, Lane, Limits, Multiaddr,
};
use protocol::ids::{Digest, FederationId, PeerId};
use protocol::job::Class;
use protocol::offer::Offer;
use protocol::signed::{Checked, Signed};
use protocol::units::{Bytes, Credits, Fuel, Millis, Moment};
use zeroize::Zeroizing;

/// Generous: the machine may be busy with anything else.
const PATIENCE: Duration = Duration::from_secs(60);

/// The members' numbers in every scene.
const MEMBERS: [u8; 4] = [1, 2, 101, 102];

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

pub(crate) fn id(number: u8) -> PeerId {
    PeerId::new(key(number).verifying_key().to_bytes())
}

/// Ends a test that waits for what does not come.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come"))
}

/// A blob, and whether it is lied about.
type Book = (Vec<u8>, bool);

/// Blobs in memory, under any name: also a wrong one.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<HashMap<Digest, Book>>>);

impl Shelf {
    pub(crate) fn put(&self, digest: Digest, content: Vec<u8>) {
        self.0.lock().unwrap().insert(digest, (content, false));
    }

    /// From now on the blob is another one when it is read for the second time.
    pub(crate) fn lie_about(&self, digest: Digest) {
        self.0.lock().unwrap().get_mut(&digest).unwrap().1 = true;
    }
}

impl BlobSource for Shelf {
    fn open(&self, digest: Digest) -> Option<(u64, Box<dyn Content>)> {
        let (content, liar) = self.0.lock().unwrap().get(&digest)?.clone();
        let size = content.len() as u64;
        let content = Cursor::new(content);
        Some((
            size,
            if liar {
                Box::new(Liar(content))
            } else {
                Box::new(content)
            },
        ))
    }
}

/// Content that changes its middle when it is rewound.
struct Liar(Cursor<Vec<u8>>);

impl Read for Liar {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Seek for Liar {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let middle = self.0.get_ref().len() / 2;
        self.0.get_mut()[middle] ^= 1;
        self.0.seek(to)
    }
}

pub(crate) struct Peer {
    pub(crate) number: u8,
    pub(crate) id: PeerId,
    pub(crate) handle: Handle,
    pub(crate) heard: Heard,
    pub(crate) shelf: Shelf,
    /// What was heard while something else was waited for.
    aside: Vec<Happening>,
}

pub(crate) struct Scene {
    pub(crate) federation: FederationId,
    /// Members that have been started, with their addresses.
    known: Vec<(PeerId, Vec<Multiaddr>)>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        // Shown where a test fails, if RUST_LOG asks for it; only the first scene can set it up.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        Self {
            federation: FederationId::new([7; 32]),
            known: Vec::new(),
        }
    }

    pub(crate) async fn member(&mut self, number: u8) -> Peer {
        assert!(MEMBERS.contains(&number));
        let peer = self
            .start(number, "/ip4/127.0.0.1/tcp/0".parse().unwrap())
            .await;
        self.known.push((peer.id, peer.handle.listen_addrs()));
        peer
    }

    pub(crate) async fn worker(&mut self, number: u8) -> Peer {
        assert!(!MEMBERS.contains(&number));
        self.start(number, "/ip4/127.0.0.1/tcp/0".parse().unwrap())
            .await
    }

    /// Stops a peer and starts it again at the same address.
    pub(crate) async fn restart(&mut self, peer: Peer) -> Peer {
        let (number, at) = (peer.number, peer.handle.listen_addrs().remove(0));
        peer.handle.shutdown().await;
        drop(peer);
        self.start(number, at).await
    }

    pub(crate) async fn start(&self, number: u8, listen: Multiaddr) -> Peer {
        let shelf = Shelf::default();
        let config = Config {
            node_key: Zeroizing::new([number; 32]),
            listen: vec![listen],
            federation: self.federation,
            members: MEMBERS.map(id).to_vec(),
            bootstrap: self.known.clone(),
            blobs: Arc::new(shelf.clone()),
            limits: Limits::default(),
        };
        let (handle, heard) = Gossip::start(config).await.unwrap();
        let id = id(number);
        assert_eq!(handle.local(), id);
        Peer {
            number,
            id,
            handle,
            heard,
            shelf,
            aside: Vec::new(),
        }
    }
}

impl Peer {
    async fn until<T>(&mut self, what: &str, wanted: impl Fn(&Happening) -> Option<T>) -> T {
        if let Some(at) = self.aside.iter().position(|one| wanted(one).is_some()) {
            let found = self.aside.remove(at);
            return wanted(&found).unwrap();
        }
        soon(what, async {
            loop {
                let next = self.heard.next().await.expect("the network runs");
                match wanted(&next) {
                    Some(found) => return found,
                    None => self.aside.push(next),
                }
            }
        })
        .await
    }

    pub(crate) async fn message(&mut self) -> (PeerId, Vec<u8>) {
        self.until("a message", |one| match one {
            Happening::Message { from, bytes } => Some((*from, bytes.clone())),
            _ => None,
        })
        .await
    }

    pub(crate) async fn offer(&mut self) -> Checked<Offer> {
        self.until("an offer", |one| match one {
            Happening::Offer(offer) => Some(offer.clone()),
            _ => None,
        })
        .await
    }

    /// Hears this from a member, who says it again every now and then, as the engine does.
    pub(crate) async fn consensus(&mut self, from: &Self, lane: Lane, frame: Vec<u8>) {
        let saying = async {
            loop {
                from.handle.consensus(self.id, frame.clone(), lane);
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        let hearing = async {
            while let Some(next) = self.heard.next().await {
                if let Happening::Consensus {
                    from: who,
                    lane: how,
                    bytes,
                } = next
                    && who == from.id
                    && how == lane
                    && bytes == frame
                {
                    return;
                }
            }
            panic!("the network runs");
        };
        soon("consensus", async {
            tokio::select! {
                () = saying => {}
                () = hearing => {}
            }
        })
        .await;
    }

    pub(crate) async fn sees(&mut self, other: &Self) {
        self.sees_all(&[other.id]).await;
    }

    pub(crate) async fn sees_all(&mut self, others: &[PeerId]) {
        let handle = self.handle.clone();
        let others: Vec<_> = others
            .iter()
            .filter(|id| **id != self.id)
            .copied()
            .collect();
        soon("a peer", async {
            while !others
                .iter()
                .all(|id| handle.peers().iter().any(|seen| seen.peer == *id))
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }
}

/// An offer of this peer's, just made.
pub(crate) fn offer(scene: &Scene, peer: &Peer, seq: u32) -> Signed<Offer> {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let now = Moment::new(u64::try_from(since.as_millis()).unwrap());
    let offer = Offer {
        federation: scene.federation,
        peer: peer.id,
        boot: now,
        seq,
        issued: now,
        ttl: Millis::new(60_000),
        class: Class::Grid,
        profiles: Vec::new(),
        slots_total: 2,
        slots_free: 2,
        memory: Bytes::new(1 << 30),
        per_gfuel: Credits::new(5),
        speed: Fuel::ZERO,
        gcu: 0,
    };
    Signed::sign(offer, &key(peer.number))
}
