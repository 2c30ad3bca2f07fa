//! Who speaks for a party, and what a sponsor may do.

use protocol::entry::{Body, OpKeyPowers, PartyRequest, Root, Scope};
use protocol::units::Millis;

use crate::Refused;
use crate::scene::*;
use crate::sign::*;

/// New root keys.
const NEW: [Who; 4] = [Who(71), Who(72), Who(73), Who(74)];

pub(crate) fn tell(no: &mut Refused) {
    keys(no);
    roots(no);
    recovery(no);
    sponsors(no);
}

fn set(n: u8, powers: OpKeyPowers) -> Body {
    let key = public(n);
    Body::Party(PartyRequest::SetOpKey { key, powers })
}

fn rotate(who: Who) -> Body {
    let root = Root::One(public(who.0));
    Body::Party(PartyRequest::RotateRoot { root })
}

fn keys(no: &mut Refused) {
    let mut scene = Scene::new();
    let some = powers(&scene, Scope::WORK);
    let key = public(99);
    let revoke = Body::Party(PartyRequest::RevokeKey { key });
    no.with(111, scene.enter(R, revoke));
    no.with(113, scene.enter(R, set(R.0, some)));
    let expires = scene.at.now;
    no.with(
        114,
        scene.enter(R, set(100, OpKeyPowers { expires, ..some })),
    );
    for n in 100..132 {
        scene.enter(R, set(n, some)).unwrap();
    }
    no.with(112, scene.enter(R, set(132, some)));
}

fn roots(no: &mut Refused) {
    let mut scene = Scene::new();
    let [first, second, third, fourth] = NEW;
    no.with(115, scene.enter(R, rotate(first)));
    for (old, new) in [(R, first), (first, second), (second, third)] {
        scene.enter_by(R, &[old, new], rotate(new)).unwrap();
    }
    no.with(116, scene.enter_by(R, &[third, fourth], rotate(fourth)));
}

fn recovery(no: &mut Refused) {
    let mut scene = Scene::new();
    let key = public(90);
    scene.enter(desk(0), Body::Register { key }).unwrap();
    let (who, new) = (Who(90), NEW[0]);
    let party = who.party();
    let ask = |scene: &mut Scene, by: Who, request: PartyRequest| {
        scene.enter_by(by, &[by, new], Body::Party(request))
    };
    let begin = || {
        let root = Root::One(public(new.0));
        PartyRequest::BeginRecovery { party, root }
    };
    let finish = Body::Party(PartyRequest::FinishRecovery { party });
    no.with(117, ask(&mut scene, R, begin()));
    no.with(119, scene.enter(R, finish.clone()));
    ask(&mut scene, desk(0), begin()).unwrap();
    no.with(118, ask(&mut scene, desk(0), begin()));
    scene.wait(Millis::new(167 * 3_600_000));
    no.with(120, scene.enter(R, finish));
}

fn sponsors(no: &mut Refused) {
    let mut scene = Scene::new();
    let (peer, owner) = (worker(0), R.party());
    let admit = Body::AdmitPeer { peer, owner };
    no.with(31, scene.enter(R, admit.clone()));
    scene.enter(desk(0), admit.clone()).unwrap();
    no.with(32, scene.enter(desk(0), admit));
    let key = public(99);
    scene.enter(R, Body::Register { key }).unwrap();
    no.with(30, scene.enter(R, Body::Register { key }));
    let party = Who(99).party();
    let vouch = Body::Party(PartyRequest::Vouch { party });
    scene.enter(desk(0), vouch.clone()).unwrap();
    no.with(121, scene.enter(desk(1), vouch));
    let suspended = true;
    let suspend = PartyRequest::SuspendPeer { peer, suspended };
    no.with(122, scene.enter(desk(1), Body::Party(suspend)));
}
