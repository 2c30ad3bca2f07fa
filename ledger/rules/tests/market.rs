//! Standing offers: published, replaced, withdrawn, paged.

mod scene;

use protocol::entry::Body;
use protocol::job::Class;
use rules::{Refusal, read};
use scene::*;

#[test]
fn an_offer_stands_until_it_is_replaced_or_withdrawn() {
    let mut scene = Scene::new();
    let (peer, class) = (worker(0), Class::Grid);
    assert_eq!(scene.offer(0, 4, cr(1)), Err(Refusal::UnknownPeer { peer }));
    scene.admit(0, cr(1_000));
    scene.admit(1, cr(1_000));
    let max = 1_024;
    for asked in [0, 1_025] {
        let refusal = Refusal::SlotsOutOfRange { asked, max };
        assert_eq!(scene.offer(0, asked, cr(1)), Err(refusal));
    }
    scene.offer(0, 4, cr(1)).unwrap();
    scene.offer(1, 2, cr(3)).unwrap();
    scene.offer(0, 8, cr(2)).unwrap();
    let page = read::roster_page(&scene.rows, class, 0);
    let shown: Vec<_> = page
        .iter()
        .map(|o| (o.peer, o.slots, o.per_gfuel))
        .collect();
    assert_eq!(shown, [(worker(0), 8, cr(2)), (worker(1), 2, cr(3))]);
    assert_eq!(read::roster_pages(&scene.rows, class), 1);
    assert_eq!(read::offer(&scene.rows, peer, class), Some(page[0]));
    assert_eq!(read::offer(&scene.rows, peer, Class::Edge), None);

    let withdraw = Body::WithdrawOffer { peer, class };
    assert_eq!(
        scene.enter(ANNA, withdraw.clone()),
        Err(Refusal::NotYourPeer { peer })
    );
    scene.enter(owner(0), withdraw.clone()).unwrap();
    assert_eq!(
        scene.enter(owner(0), withdraw),
        Err(Refusal::NoOffer { peer })
    );
    assert_eq!(read::roster_page(&scene.rows, class, 0).len(), 1);
}

#[test]
fn a_full_page_is_followed_by_another_and_room_is_used_again() {
    let mut scene = Scene::new();
    let peers: Vec<_> = (0..257_u16).map(numbered).collect();
    let publish = |peer| Body::PublishOffer {
        peer,
        class: Class::Edge,
        slots: 1,
        per_gfuel: cr(1),
    };
    for (number, peer) in peers.iter().enumerate() {
        let admit = Body::AdmitPeer {
            peer: *peer,
            owner: R.party(),
        };
        scene.enter(desk(0), admit).unwrap();
        scene.enter(R, publish(*peer)).unwrap();
        let pages = read::roster_pages(&scene.rows, Class::Edge);
        assert_eq!(pages, if number < 256 { 1 } else { 2 });
    }
    let (peer, class) = (peers[7], Class::Edge);
    scene.enter(R, Body::WithdrawOffer { peer, class }).unwrap();
    assert_eq!(read::roster_page(&scene.rows, class, 0).len(), 256);
    assert_eq!(read::roster_pages(&scene.rows, class), 1);
    scene.enter(R, publish(peer)).unwrap();
    assert_eq!(read::roster_page(&scene.rows, class, 0).len(), 256);
    assert_eq!(read::roster_page(&scene.rows, class, 1).len(), 1);
}

fn numbered(n: u16) -> protocol::ids::PeerId {
    let digest = protocol::ids::Digest::of(&n.to_le_bytes());
    protocol::ids::PeerId::new(*digest.bytes())
}
