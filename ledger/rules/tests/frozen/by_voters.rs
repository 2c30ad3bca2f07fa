//! Members as voters on blocks: their keys, and what is shown against them.

use protocol::entry::{Correction, KeyRotation, Place, Proposal};
use protocol::ids::Digest;
use protocol::units::Credits;

use crate::Refused;
use crate::scene::*;
use crate::voter_scene::*;

pub(crate) fn tell(no: &mut Refused) {
    let mut scene = Scene::new();
    let proof = votes(&scene, voting(3), 7);
    let mut forged = proof;
    forged.second.signature[5] ^= 1;
    no.with(278, show(&mut scene, ANNA, forged));
    let stranger = votes(&scene, 99, 7);
    no.with(276, show(&mut scene, ANNA, stranger));
    show(&mut scene, ANNA, proof).unwrap();
    no.with(279, show(&mut scene, ANNA, proof));

    let rotation = KeyRotation {
        federation: scene.genesis.id(),
        member: member(0).party(),
        old: public(voting(0)),
        new: public(100),
    };
    no.with(277, enter(&mut scene, member(0), rotation, [[7; 64]; 2]));

    let corrections = vec![Correction {
        from: Place::MemberBond(member(0).party()),
        to: Place::Treasury,
        amount: Credits::new(1),
    }];
    let reason = Digest::of(b"envy");
    let what = Proposal::Reversal {
        corrections,
        reason,
    };
    no.with(275, scene.propose(what));
}
