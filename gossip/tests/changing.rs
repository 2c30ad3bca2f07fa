//! Members come and go while the network runs.

mod scene;

use std::time::Duration;

use gossip::{Happening, Lane};
use scene::{Scene, soon};

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_is_heard_about_blocks_and_who_left_is_not() {
    let mut scene = Scene::new();
    let (mut alice, mut bob) = (scene.member(1).await, scene.member(2).await);
    let mut carol = scene.worker(3).await;
    bob.consensus(&alice, Lane::Urgent, vec![1]).await;

    let all = [alice.id, bob.id, carol.id];
    for peer in [&alice, &bob, &carol] {
        peer.handle.set_members(all).unwrap();
    }
    carol.consensus(&alice, Lane::Urgent, vec![2]).await;
    alice.consensus(&carol, Lane::Bulk, vec![3; 1 << 20]).await;
    bob.consensus(&carol, Lane::Urgent, vec![4]).await;
    alice.consensus(&bob, Lane::Urgent, vec![5]).await;

    // Bob does not know yet that it is none of them any more.
    for peer in [&alice, &carol] {
        peer.handle.set_members([alice.id, carol.id]).unwrap();
    }
    let is_member = |seen: &gossip::Seen| seen.peer == bob.id && seen.member;
    soon("the end of bob's membership", async {
        while alice.handle.peers().iter().any(is_member) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let (ours, theirs) = (alice.id, carol.id);
    let says = async {
        loop {
            bob.handle.consensus(ours, vec![6], Lane::Urgent);
            tokio::time::sleep(Duration::from_millis(100)).await;
            carol.handle.consensus(ours, vec![7], Lane::Urgent);
        }
    };
    let hears = async {
        let mut heard = 0;
        while heard < 10 {
            if let Some(Happening::Consensus { from, bytes, .. }) = alice.heard.next().await {
                assert_ne!(bytes, [6], "bob is heard");
                heard += u32::from(from == theirs && bytes == [7]);
            }
        }
    };
    soon("carol's frames", async {
        tokio::select! {
            () = says => {}
            () = hears => {}
        }
    })
    .await;
}
