//! Stories of a peer's standing: let in, bonded, on offer, and fined.

mod scene;

use protocol::entry::Body;
use protocol::event::{Event, Fault};
use protocol::units::Credits;
use scene::worker::{on_offer, worker};
use scene::*;
use steward::{Effect, Fate, Identity, Input, Kind, Trouble};

fn bonded(bond: u64) -> Event {
    let (bond, locked) = (Credits::new(bond), Credits::ZERO);
    Event::BondChanged {
        peer: peer(1),
        bond,
        locked,
    }
}

#[test]
fn a_peer_that_works_asks_to_be_let_in_bonds_and_offers() {
    let bond_target = Credits::new(1_000);
    let me = Identity {
        admitted: false,
        sponsor: true,
        bond_target,
        ..worker()
    };
    let mut scene = Scene::of(me);
    assert_eq!(scene.shown(), ["propose admit-peer"]);
    let admitted = Event::PeerAdmitted {
        peer: peer(1),
        owner: party(1),
        sponsor: party(1),
    };
    scene.agree("let in", vec![admitted], &["propose bond"]);
    let Effect::Propose { token, .. } = scene.last[0].clone() else {
        panic!("a proposal")
    };
    let fate = Fate::Refused {
        trouble: Trouble::new(Kind::Money, "insufficient balance"),
        may_retry: true,
    };
    scene.step(
        "no money yet",
        Input::Answered { token, fate },
        &["refused bond, again: true"],
    );
    scene.wait("again", 100, &["propose bond"]);
    scene.agree("bonded", vec![bonded(1_000)], &["propose publish-offer"]);
    scene.agree("on offer", vec![on_offer()], &[]);
    let slashed = |fault, amount| {
        let amount = Credits::new(amount);
        vec![Event::Slashed {
            bundle: bundle(0),
            peer: peer(1),
            fault,
            amount,
        }]
    };
    scene.agree(
        "a small fine",
        slashed(Fault::NoSeal, 10),
        &["propose bond"],
    );
    assert_eq!(
        scene.proposed(),
        [Body::Bond {
            peer: peer(1),
            amount: Credits::new(10)
        }]
    );
    scene.agree("made good", vec![bonded(1_000)], &[]);
    scene.agree(
        "found wrong: it needs a hand",
        slashed(Fault::WrongOutcome, 500),
        &["convicted for 0"],
    );
    assert!(scene.steward.standing().convicted);
    scene.kill();
    assert_eq!(
        scene.shown(),
        [""; 0],
        "a restart does not bond again either"
    );
}
