//! Real peers on 127.0.0.1, over real TCP: what one says, the others hear.

mod scene;

use std::time::Duration;

use gossip::{Happening, Lane, SendError};
use scene::{Peer, Scene, offer};

#[tokio::test(flavor = "multi_thread")]
async fn two_peers_meet_and_exchange_messages_in_order() {
    let mut scene = Scene::new();
    let (mut alice, mut bob) = (scene.member(1).await, scene.member(2).await);
    alice.sees(&bob).await;
    bob.sees(&alice).await;
    for n in 0..200_u32 {
        alice
            .handle
            .send(bob.id, n.to_le_bytes().to_vec())
            .await
            .unwrap();
    }
    for n in 0..200_u32 {
        assert_eq!(bob.message().await, (alice.id, n.to_le_bytes().to_vec()));
    }
    let large = vec![7; 1 << 20];
    bob.handle.send(alice.id, large.clone()).await.unwrap();
    assert_eq!(alice.message().await, (bob.id, large));
    let too_large = bob.handle.send(alice.id, vec![0; (1 << 20) + 1]).await;
    assert!(matches!(too_large, Err(SendError::TooLong { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_reach_all_of_five_peers() {
    let mut scene = Scene::new();
    let mut peers = vec![scene.member(1).await, scene.member(2).await];
    for n in 3..=5 {
        peers.push(scene.worker(n).await);
    }
    let ids: Vec<_> = peers.iter().map(|peer| peer.id).collect();
    for peer in &mut peers {
        peer.sees_all(&ids[..2]).await;
    }
    for (n, peer) in peers.iter().enumerate() {
        peer.handle
            .announce(offer(&scene, peer, u32::try_from(n).unwrap()))
            .unwrap();
    }
    for peer in &mut peers {
        let mut heard = Vec::new();
        while heard.len() < 4 {
            heard.push(peer.offer().await.value().peer);
        }
        heard.sort();
        let mut others: Vec<_> = ids.iter().filter(|id| **id != peer.id).copied().collect();
        others.sort();
        assert_eq!(heard, others);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consensus_flows_both_ways_and_again_after_a_member_was_killed() {
    let mut scene = Scene::new();
    let (mut alice, mut bob) = (scene.member(1).await, scene.member(2).await);
    // Not a member: what it says about blocks goes nowhere, what is said to it neither.
    let worker = scene.worker(3).await;
    worker.handle.consensus(alice.id, vec![9], Lane::Urgent);
    alice.handle.consensus(worker.id, vec![9], Lane::Urgent);
    for round in 0..3_u8 {
        for (lane, size) in [
            (Lane::Urgent, 1),
            (Lane::Ordinary, 256 << 10),
            (Lane::Bulk, 4 << 20),
        ] {
            bob.consensus(&alice, lane, vec![round; size]).await;
            alice.consensus(&bob, lane, vec![round; size]).await;
        }
        alice
            .handle
            .consensus(bob.id, vec![0; (256 << 10) + 1], Lane::Urgent);
        assert!(
            alice.handle.counts().consensus_out_dropped > 0,
            "too large for its lane"
        );
        bob = if round == 0 {
            scene.restart(bob).await
        } else {
            bob
        };
        if round == 1 {
            alice = scene.restart(alice).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bursts_of_streams_all_arrive() {
    let mut scene = Scene::new();
    let mut hub = scene.member(1).await;
    let mut followers = hub.heard.followers().unwrap();
    let mut peers = Vec::new();
    for n in 12..=15 {
        let mut peer = scene.worker(n).await;
        peer.sees(&hub).await;
        peers.push(peer);
    }
    let mut opening = Vec::new();
    for peer in &peers {
        for n in 0..64_u8 {
            let (handle, hub) = (peer.handle.clone(), hub.id);
            opening.push(tokio::spawn(async move {
                let mut channel = handle.follow(hub).await.unwrap();
                channel.write_frame(&[n]).await.unwrap();
                let echo = channel
                    .read_frame(1, Duration::from_secs(60))
                    .await
                    .unwrap();
                assert_eq!(echo, [n]);
            }));
        }
    }
    let serving = tokio::spawn(async move {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..256 {
            let mut channel = followers.recv().await.unwrap();
            tasks.spawn(async move {
                let frame = channel
                    .read_frame(1, Duration::from_secs(60))
                    .await
                    .unwrap();
                channel.write_frame(&frame).await.unwrap();
                channel.close().await.unwrap();
            });
        }
        tasks.join_all().await.len()
    });
    for one in opening {
        one.await.unwrap();
    }
    assert_eq!(serving.await.unwrap(), 256);
    assert_eq!(hub.handle.counts().streams_refused, 0);
    hub.quiet();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_who_only_know_a_member_find_each_other() {
    let mut scene = Scene::new();
    let member = scene.member(1).await;
    let (mut alice, mut bob) = (scene.worker(12).await, scene.worker(13).await);
    alice.sees(&member).await;
    bob.sees(&member).await;
    alice
        .handle
        .send(bob.id, b"here I am".to_vec())
        .await
        .unwrap();
    assert_eq!(bob.message().await, (alice.id, b"here I am".to_vec()));
    let nobody = scene::id(99);
    let lost = alice.handle.send(nobody, vec![1]).await;
    assert!(
        matches!(lost, Err(SendError::Open(gossip::OpenError::NoAddress))),
        "{lost:?}"
    );
}

impl Peer {
    /// Nothing but comings and goings is waiting.
    fn quiet(&mut self) {
        while let Some(Some(next)) = futures::FutureExt::now_or_never(self.heard.next()) {
            assert!(
                matches!(next, Happening::PeerUp(_) | Happening::PeerDown(_)),
                "{next:?}"
            );
        }
    }
}
