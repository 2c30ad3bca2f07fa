//! Peers that do not keep to the rules, against peers that do: real swarms on 127.0.0.1.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ed25519_dalek::SigningKey;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use protocol::ids::{Digest, FederationId, PeerId};
use protocol::offer::Offer;
use protocol::signed::Signed;
use protocol::units::{Bytes, Credits, Fuel, Millis, Moment};
use zeroize::Zeroizing;

use crate::streams::{Channel, Class};
use crate::{
    BlobSource, Config, Content, Gossip, Handle, Happening, Heard, Limits, OfferRate, OpenError,
    Refusal,
};

/// Generous: the machine may be busy with anything else.
const PATIENCE: Duration = Duration::from_secs(60);

struct NoBlobs;

impl BlobSource for NoBlobs {
    fn open(&self, _: Digest) -> Option<(u64, Box<dyn Content>)> {
        None
    }
}

fn id(seed: u8) -> PeerId {
    let key = libp2p::identity::Keypair::ed25519_from_bytes([seed; 32]).unwrap();
    crate::names::from_wire(&key.public().to_peer_id()).unwrap()
}

async fn start(
    seed: u8,
    federation: u8,
    members: &[u8],
    known: &[&Handle],
    limits: Limits,
) -> (Handle, Heard) {
    let config = Config {
        node_key: Zeroizing::new([seed; 32]),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
        federation: FederationId::new([federation; 32]),
        members: members.iter().map(|seed| id(*seed)).collect(),
        bootstrap: known
            .iter()
            .map(|one| (one.local(), one.listen_addrs()))
            .collect(),
        blobs: Arc::new(NoBlobs),
        limits,
    };
    Gossip::start(config).await.unwrap()
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, waiting).await.is_ok(),
        "{what} did not happen"
    );
}

fn sees(one: &Handle, other: &Handle) -> bool {
    one.peers().iter().any(|seen| seen.peer == other.local())
}

fn socket(address: &Multiaddr) -> SocketAddr {
    let mut parts = address.iter();
    match (parts.next(), parts.next()) {
        (Some(Protocol::Ip4(ip)), Some(Protocol::Tcp(port))) => (ip, port).into(),
        other => panic!("not an address of ours: {other:?}"),
    }
}

/// Reads until the other side ends the stream.
async fn ended(channel: &mut Channel) {
    let mut rest = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, channel.read_to_end(&mut rest));
    // An end and a reset are the same to us here.
    let _ = reading.await.expect("the stream ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_to_the_port_only_drop_the_connection() {
    let limits = Limits::default();
    let (alice, _heard) = start(1, 7, &[1], &[], limits).await;
    let at = socket(&alice.listen_addrs()[0]);
    let rubbish = tokio::task::spawn_blocking(move || {
        for round in 0..40_u64 {
            let mut stream = TcpStream::connect(at).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut bytes = Vec::new();
            for n in 0..64 {
                bytes.extend(blake3::hash(&(round * 64 + n).to_le_bytes()).as_bytes());
            }
            if round % 2 == 0 {
                // As far as the handshake, then rubbish.
                bytes.splice(0..0, *b"\x13/multistream/1.0.0\n\x07/noise\n");
            }
            // It may hang up on us at any byte.
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut bytes);
        }
    });
    let (bob, _heard_too) = start(2, 7, &[1], &[&alice], limits).await;
    until("an honest peer's connection", || {
        sees(&alice, &bob) && sees(&bob, &alice)
    })
    .await;
    rubbish.await.unwrap();
    assert!(sees(&alice, &bob), "and it stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_of_another_federation_is_sent_away() {
    let limits = Limits::default();
    let (alice, mut heard) = start(1, 7, &[1], &[], limits).await;
    let (stranger, _heard_too) = start(2, 8, &[2], &[&alice], limits).await;
    let shut_out = || {
        let scores = alice.net().scores.lock().unwrap();
        scores.shut_out(&stranger.local(), std::time::Instant::now())
    };
    until("the stranger's dismissal", shut_out).await;
    assert!(!sees(&alice, &stranger) && !sees(&stranger, &alice));
    let refused = stranger.send(alice.local(), b"let me in".to_vec()).await;
    assert!(refused.is_err());
    alice.shutdown().await;
    while let Some(one) = heard.next().await {
        assert!(
            !matches!(one, Happening::PeerUp(_) | Happening::Message { .. }),
            "{one:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_and_senseless_frames_end_the_stream_and_count_as_faults() {
    let limits = Limits::default();
    let (alice, mut heard) = start(1, 7, &[1], &[], limits).await;
    let (mallory, _heard_too) = start(2, 7, &[1], &[&alice], limits).await;
    until("a connection", || {
        sees(&alice, &mallory) && sees(&mallory, &alice)
    })
    .await;
    let points = || {
        let scores = alice.net().scores.lock().unwrap();
        scores.points(&mallory.local(), std::time::Instant::now())
    };
    for (class, frame) in [
        (Class::Message, u32::MAX.to_le_bytes().to_vec()),
        (
            Class::Directory,
            [&5_u32.to_le_bytes()[..], &[255; 5]].concat(),
        ),
        (Class::Blob, [&39_u32.to_le_bytes()[..], &[0; 39]].concat()),
    ] {
        let before = points();
        let mut channel = mallory.net().open(alice.local(), class).await.unwrap();
        channel.write_all(&frame).await.unwrap();
        channel.flush().await.unwrap();
        ended(&mut channel).await;
        until("a note of the fault", || points() > before).await;
    }
    // One more, and it is out.
    let mut channel = mallory
        .net()
        .open(alice.local(), Class::Message)
        .await
        .unwrap();
    let _ = channel.write_all(&[255; 8]).await;
    until("the end", || !sees(&alice, &mallory)).await;
    alice.shutdown().await;
    while let Some(one) = heard.next().await {
        assert!(!matches!(one, Happening::Message { .. }), "{one:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_for_us_and_what_is_too_much_is_refused_in_so_many_words() {
    let limits = Limits {
        streams_per_peer: 3,
        ..Limits::default()
    };
    let (alice, _heard) = start(1, 7, &[1, 3], &[], limits).await;
    let (bob, mut bob_heard) = start(2, 7, &[1, 3], &[&alice], limits).await;
    until("a connection", || sees(&alice, &bob) && sees(&bob, &alice)).await;
    let open = |class| bob.net().open(alice.local(), class);

    let consensus = open(Class::Consensus).await;
    assert!(
        matches!(consensus, Err(OpenError::Refused(Refusal::NotForYou))),
        "{consensus:?}"
    );
    let directory = alice.net().open(bob.local(), Class::Directory).await;
    assert!(
        matches!(directory, Err(OpenError::Refused(Refusal::NotForYou))),
        "not a member"
    );

    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(open(Class::Message).await.unwrap());
    }
    let more = open(Class::Message).await;
    assert!(
        matches!(more, Err(OpenError::Refused(Refusal::TooMany))),
        "{more:?}"
    );
    drop(held);
    let mut found = open(Class::Message).await;
    while matches!(found, Err(OpenError::Refused(Refusal::TooMany))) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        found = open(Class::Message).await;
    }
    assert!(found.is_ok(), "places come back");

    // Nobody takes followers at bob's.
    drop(bob_heard.followers());
    let follow = alice.follow(bob.local()).await;
    assert!(
        matches!(follow, Err(OpenError::Refused(Refusal::Busy))),
        "{follow:?}"
    );
    assert!(alice.counts().streams_refused >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_announces_forged_offers_is_shut_out() {
    let offers = OfferRate {
        every: Millis::new(1),
        burst: 1_000,
    };
    let limits = Limits {
        offers,
        ..Limits::default()
    };
    let (alice, mut heard) = start(1, 7, &[1], &[], limits).await;
    let (mallory, _heard_too) = start(2, 7, &[1], &[&alice], limits).await;
    until("a connection", || {
        sees(&alice, &mallory) && sees(&mallory, &alice)
    })
    .await;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = Moment::new(u64::try_from(since.as_millis()).unwrap());
    let mut seq = 0;
    until("the end", || {
        seq += 1;
        let offer = Offer {
            federation: FederationId::new([7; 32]),
            peer: id(3),
            boot: now,
            seq,
            issued: now,
            ttl: Millis::new(60_000),
            class: protocol::job::Class::Grid,
            profiles: Vec::new(),
            slots_total: 1,
            slots_free: 1,
            memory: Bytes::new(1),
            per_gfuel: Credits::new(1),
            speed: Fuel::ZERO,
            gcu: 0,
        };
        // In the name of another peer, with a key of her own.
        let forged = Signed::sign(offer, &SigningKey::from_bytes(&[2; 32]));
        let _ = mallory.announce(forged);
        !sees(&alice, &mallory)
    })
    .await;
    alice.shutdown().await;
    while let Some(one) = heard.next().await {
        assert!(!matches!(one, Happening::Offer(_)), "{one:?}");
    }
}
