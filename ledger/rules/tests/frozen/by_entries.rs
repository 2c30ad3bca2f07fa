//! Entries that are not even entered, and payments that are refused.

use protocol::entry::{Body, CheckedEntry, Entry, OpKeyPowers, Scope, SignedEntry};
use protocol::ids::FederationId;
use protocol::units::{Credits, Fuel, Millis};

use crate::Refused;
use crate::job_scene::terms;
use crate::scene::*;
use crate::sign::*;

pub(crate) fn tell(no: &mut Refused) {
    entered(no);
    signed(no);
    paid(no);
}

/// A payment of the researcher's with a change, signed by someone.
fn changed(scene: &Scene, by: Who, change: impl FnOnce(&mut Entry)) -> CheckedEntry {
    let mut entry = scene.sign_as(R, 1, pay(ANNA, cr(1))).into_value();
    change(&mut entry);
    SignedEntry::sign(entry, &key(by.0)).check().unwrap()
}

fn entered(no: &mut Refused) {
    let mut scene = Scene::new();
    scene.enter(R, pay(ANNA, cr(1))).unwrap();
    let now = scene.at.now;
    let day = Millis::new(24 * 3_600_000);
    let foreign = FederationId::new([1; 32]);
    for (number, entry) in [
        (
            1,
            changed(&scene, R, |entry| {
                entry.body = Body::Transfer { moves: vec![] }
            }),
        ),
        (2, changed(&scene, R, |entry| entry.federation = foreign)),
        (
            3,
            changed(&scene, Who(99), |entry| entry.sender = Who(99).party()),
        ),
        (4, changed(&scene, ANNA, |_| ())),
        (5, changed(&scene, R, |entry| entry.valid_until = now)),
        (
            6,
            changed(&scene, R, |entry| entry.valid_until = now.after(day)),
        ),
        (7, changed(&scene, R, |entry| entry.nonce = 0)),
        (8, changed(&scene, R, |entry| entry.nonce = 2)),
    ] {
        no.with(number, scene.block(10, vec![entry]).remove(0));
    }
    // Nobody answers for the free entries of whom no sponsor made known.
    let key = public(99);
    scene.enter(R, Body::Register { key }).unwrap();
    no.with(9, scene.enter(Who(99), pay(ANNA, cr(1))));
}

fn signed(no: &mut Refused) {
    let mut scene = Scene::new();
    let holder = Who(70);
    let some = powers(&scene, Scope::SPEND);
    let set = |scene: &mut Scene, powers| scene.set_key(R, holder, powers);
    let expires = later(&scene, 5_000);
    set(&mut scene, OpKeyPowers { expires, ..some });
    let bond = Body::Bond {
        peer: worker(0),
        amount: cr(1),
    };
    no.with(101, scene.enter_by(R, &[holder], bond));
    let unbond = Body::Unbond {
        peer: worker(0),
        amount: cr(1),
    };
    no.with(102, scene.enter_by(R, &[holder], unbond));
    scene.wait(Millis::new(5_000));
    no.with(100, scene.enter_by(R, &[holder], pay(ANNA, cr(1))));
    let per_entry = Credits::new(50);
    set(&mut scene, OpKeyPowers { per_entry, ..some });
    no.with(105, scene.enter_by(R, &[holder], pay(ANNA, cr(1))));
    let per_entry = cr(10);
    set(&mut scene, OpKeyPowers { per_entry, ..some });
    no.with(110, scene.enter_by(R, &[holder], pay(ANNA, cr(10))));

    let [a, b, stray] = [Who(71), Who(72), Who(73)];
    let root = quorum(&[(a, 1), (b, 1)], 2);
    let rotate = Body::Party(protocol::entry::PartyRequest::RotateRoot { root });
    scene.enter_by(R, &[R, a, b], rotate).unwrap();
    no.with(103, scene.enter_by(R, &[a], pay(ANNA, cr(1))));
    no.with(104, scene.enter_by(R, &[a, b, stray], pay(ANNA, cr(1))));
}

fn paid(no: &mut Refused) {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    no.with(20, scene.enter(R, pay(ANNA, cr(0))));
    no.with(21, scene.enter(R, pay(Who(99), cr(1))));
    no.with(23, scene.enter(R, pay(ANNA, cr(1_000_000))));
    // As long and as dear as terms can say, and so more than any number here holds.
    let mut endless = terms(100_000, 100, 2);
    endless.task_fuel_max = Fuel::new(1_000_000_000_000);
    endless.per_gfuel = cr(1_000_000);
    no.with(22, scene.submit(endless));
}
