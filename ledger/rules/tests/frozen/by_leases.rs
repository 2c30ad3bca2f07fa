//! Leases: what is asked, taken, proved and given up.

use protocol::entry::{EmergencyAct, Leasable, LeaseTerms};
use protocol::ids::LeaseId;
use protocol::units::Millis;
use rules::read;

use crate::Refused;
use crate::council_scene::committee;
use crate::lease_scene::*;
use crate::scene::*;

pub(crate) fn tell(no: &mut Refused) {
    takings(no);
    too_many(no);
    proofs(no);
}

fn takings(no: &mut Refused) {
    let mut scene = Scene::new().ready(cr(100), cr(1));
    no.with(321, scene.takes(R, 0, (slots(1), 1)));
    let epochs_max = 20;
    let short = LeaseTerms {
        epochs_max,
        ..terms(9)
    };
    scene.asks(0, SLOTS, short);
    no.with(322, scene.takes_at(R, worker(0), (slots(1), 1), cr(1)));
    no.with(323, scene.takes(R, 0, (slots(1), epochs_max + 1)));
    // Nine are asked for, and four stand ready.
    no.with(324, scene.takes(R, 0, (slots(5), 1)));
    no.with(325, scene.takes(R, 0, (slots(2), epochs_max)));
    let lease = scene.takes(R, 0, (slots(1), epochs_max)).unwrap();
    no.with(328, scene.ends(owner(0), lease));
    no.with(334, scene.collects(lease));
    no.with(320, scene.collects(LeaseId::new([7; 32])));
    no.with(329, scene.proves(0, lease));
    let last = scene.takes(R, 0, (slots(1), 1)).unwrap();
    scene.next_epoch();
    no.with(335, scene.ends(R, last));
}

fn too_many(no: &mut Refused) {
    let mut scene = Scene::new().ready(cr(10_000), cr(1));
    let (_, content) = blob();
    for n in 0..5 {
        scene.asks(n, Leasable::Bytes, terms(99));
    }
    for n in 0..4 {
        for _ in 0..16 {
            scene.takes(R, n, (content, 1)).unwrap();
        }
    }
    no.with(326, scene.takes(ANNA, 0, (content, 1)));
    no.with(327, scene.takes(R, 4, (content, 1)));
    scene.takes(ANNA, 4, (content, 1)).unwrap();
}

fn proofs(no: &mut Refused) {
    let mut genesis = genesis();
    genesis.emergency = committee();
    let mut scene = Scene::of(genesis).ready(cr(100), cr(1));
    scene.asks(0, Leasable::Bytes, terms(9));
    let (_, content) = blob();
    let lease = scene.takes(R, 0, (content, 1)).unwrap();
    let lapses = scene.takes(R, 0, (content, 1)).unwrap();
    // The first block of an epoch is not the one in which its lots are cast.
    let (_, began) = read::running_epoch(&scene.rows).unwrap();
    let next = began.after(scene.genesis.params.epoch);
    scene.wait(Millis::new(next.since(scene.at.now).get() - 5));
    no.with(332, scene.proves(0, lease));
    no.with(333, scene.proves_chunk(0, lease, 1));
    scene.proves(0, lease).unwrap();
    no.with(331, scene.proves(0, lease));
    // Over, and not yet settled: the deadlines of an emergency are extended.
    let extend = scene.order(EmergencyAct::ExtendDeadlines, true);
    scene.emergency(extend, &[0, 1]).unwrap();
    scene.next_epoch();
    no.with(330, scene.proves(0, lease));
    scene.next_epoch();
    no.with(330, scene.proves(0, lapses));
}
