//! The council: who votes, what it may change, and its emergency keys.

use protocol::entry::{
    Choice, Correction, CouncilRequest, EmergencyAct, EmergencyOrder, Joining, Place, Proposal,
};
use protocol::genesis::{Issuance, Member};
use protocol::ids::{BundleId, Digest, JobId};
use protocol::job::Class;
use protocol::units::{Credits, Height};

use crate::Refused;
use crate::council_scene::*;
use crate::job_scene::terms;
use crate::scene::*;

pub(crate) fn tell(no: &mut Refused) {
    voted(no);
    changed(no);
    seated(no);
    left(no);
    ordered(no);
}

fn params() -> Proposal {
    let changes = vec![(44, 110)];
    Proposal::Params { changes }
}

fn voted(no: &mut Refused) {
    let mut scene = Scene::new();
    let what = params();
    no.with(250, scene.council(ANNA, CouncilRequest::Propose { what }));
    no.with(251, scene.execute(7));
    let proposal = scene.propose(params()).unwrap();
    scene.vote(proposal, "yy");
    no.with(254, scene.execute(proposal));
    scene.vote(proposal, "--y");
    no.with(255, scene.execute(proposal));
    scene.wait_epochs(25);
    scene.execute(proposal).unwrap();
    no.with(253, scene.execute(proposal));
    let proposal = scene.propose(params()).unwrap();
    scene.wait_epochs(73);
    let choice = Choice::Yes;
    let vote = CouncilRequest::Vote { proposal, choice };
    no.with(252, scene.council(member(2), vote));
}

fn changed(no: &mut Refused) {
    let mut scene = Scene::new();
    let changes = vec![(3, 200)];
    no.with(256, scene.propose(Proposal::Params { changes }));
    let (class, open) = (Class::Grid, true);
    no.with(257, scene.propose(Proposal::Class { class, open }));
    let early = Proposal::Upgrade {
        version: 2,
        activation: Height::new(1),
        binary: Digest::of(b"binary"),
    };
    no.with(266, scene.propose(early));
    let job = JobId::new([9; 32]);
    let correction = Correction {
        from: Place::Wallet(ANNA.party()),
        to: Place::Slash(BundleId { job, index: 0 }),
        amount: cr(1),
    };
    let reversal = Proposal::Reversal {
        corrections: vec![correction],
        reason: Digest::of(b"why"),
    };
    no.with(265, scene.decide(reversal));
    let report = CouncilRequest::ReportBench {
        peer: node(21),
        class,
        score: 1,
    };
    no.with(274, scene.council(member(0), report));
    let open = false;
    scene.decide(Proposal::Class { class, open }).unwrap();
    no.with(273, scene.submit(terms(1, 1, 2)));
}

/// Someone who is nobody yet, as a member.
fn joining(n: u8, power: u8) -> Proposal {
    Proposal::Join(Joining {
        name: format!("N{n}"),
        party: public(n),
        consensus: public(100 + n),
        peer: node(150 + n),
        power,
    })
}

fn seated(no: &mut Refused) {
    let mut scene = Scene::new();
    let one = member(1).party();
    no.with(259, scene.propose(Proposal::Leave { member: one }));
    let power = |power| Proposal::Power { member: one, power };
    no.with(258, scene.propose(power(2)));
    no.with(261, scene.propose(joining(R.0, 2)));
    scene.decide(joining(R.0, 1)).unwrap();
    no.with(262, scene.propose(joining(R.0, 1)));

    let mut genesis = genesis();
    for n in 0..60 {
        genesis.members.push(Member {
            name: format!("N{n}"),
            party: public(130 + n),
            consensus: public(190 + n),
            peer: node(66 + n),
            bond: Credits::ZERO,
            power: 1,
        });
    }
    no.with(260, Scene::of(genesis).propose(joining(R.0, 1)));
}

fn left(no: &mut Refused) {
    let mut scene = Scene::new();
    scene.decide(joining(R.0, 1)).unwrap();
    scene.wait_epochs(1);
    let member = R.party();
    scene.decide(Proposal::Leave { member }).unwrap();
    no.with(264, scene.council(R, CouncilRequest::TakeMemberBond));

    let mut genesis = genesis();
    genesis.issuance = Issuance::MutualCredit;
    genesis.params.quota_party = 0;
    genesis.grants.clear();
    for member in &mut genesis.members {
        member.bond = Credits::ZERO;
    }
    let mut scene = Scene::of(genesis);
    let member = crate::scene::member(0).party();
    // The fee of asking is what it owes.
    no.with(263, scene.propose(Proposal::Leave { member }));
}

fn ordered(no: &mut Refused) {
    let mut genesis = genesis();
    genesis.emergency = committee();
    let mut scene = Scene::of(genesis);
    let pause = EmergencyAct::PauseClass(Class::Grid);
    let order = scene.order(pause, true);
    no.with(269, scene.emergency(order, &[1]));
    no.with(268, scene.emergency(order, &[1, 1]));
    let late = EmergencyOrder { number: 1, ..order };
    no.with(267, scene.emergency(late, &[0, 1]));
    scene.emergency(order, &[0, 2]).unwrap();
    let again = scene.order(pause, true);
    no.with(270, scene.emergency(again, &[0, 1]));
    scene.wait_epochs(72);
    no.with(271, scene.emergency(again, &[0, 1]));
    scene.wait_epochs(72);
    let lift = scene.order(pause, false);
    no.with(272, scene.emergency(lift, &[0, 1]));
}
