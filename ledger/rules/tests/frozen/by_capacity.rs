//! Capacity: who may say what was there, and who claimed more.

use protocol::entry::{Body, CouncilRequest};
use protocol::job::Class;

use crate::Refused;
use crate::scene::*;

pub(crate) fn tell(no: &mut Refused) {
    let mut scene = Scene::new().ready(cr(100), cr(1));
    let peer = worker(0);
    let [one, two, _] = scene.challengers(peer).try_into().expect("three are drawn");
    let report = CouncilRequest::ReportCapacity {
        peer,
        class: Class::Grid,
        epoch: 1,
        slots: 4,
    };
    no.with(291, scene.enter(one, Body::Council(report)));
    let drawn = scene.challengers(peer);
    let other = (0..4).map(member).find(|member| !drawn.contains(member));
    let other = other.expect("the fourth is not drawn");
    no.with(292, scene.sees(other, peer, 4));
    scene.sees(one, peer, 1).expect("it is drawn");
    scene.sees(two, peer, 1).expect("it is drawn");
    no.with(293, scene.offer(0, 4, cr(1)));
}
