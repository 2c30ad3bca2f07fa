//! Where credits come from: who may mint, claim and redeem.

use protocol::entry::{Body, EmergencyAct, IssueRequest, Proposal, Quota, ReserveReport};
use protocol::genesis::Issuance;
use protocol::ids::Digest;
use protocol::job::Class;
use protocol::units::{Credits, Moment};
use rules::Refusal;

use crate::Refused;
use crate::council_scene::*;
use crate::scene::*;

pub(crate) fn tell(no: &mut Refused) {
    rewarded(no);
    covered(no);
}

fn founded(issuance: Issuance) -> Scene {
    let mut genesis = genesis();
    genesis.issuance = issuance;
    genesis.emergency = committee();
    Scene::of(genesis)
}

fn mint(amount: Credits) -> IssueRequest {
    let to = ANNA.party();
    IssueRequest::Mint { to, amount }
}

fn redeem(amount: Credits) -> IssueRequest {
    let memo = Digest::of(b"account");
    IssueRequest::Redeem { amount, memo }
}

fn rewarded(no: &mut Refused) {
    let mut scene = founded(Issuance::Inflation).ready(cr(1_000), cr(1));
    no.with(280, scene.issue(member(0), mint(cr(1))));
    no.with(286, scene.issue(ANNA, redeem(cr(1))));
    let ready = |n| IssueRequest::StandReady {
        peer: worker(n),
        class: Class::Grid,
    };
    let claim = |n| IssueRequest::Claim {
        peer: worker(n),
        epoch: 0,
    };
    scene.issue(owner(5), ready(5)).unwrap();
    no.with(287, scene.issue(owner(5), ready(5)));
    let (peer, amount) = (worker(4), cr(950));
    scene
        .enter(owner(4), Body::Unbond { peer, amount })
        .unwrap();
    no.with(288, scene.issue(owner(4), ready(4)));
    no.with(289, scene.issue(ANNA, claim(5)));
    scene.wait_epochs(1);
    no.with(290, scene.issue(ANNA, claim(4)));
    let stop = scene.order(EmergencyAct::StopIssuance, true);
    scene.emergency(stop, &[0, 1]).unwrap();
    no.with(281, scene.issue(ANNA, claim(5)));
}

fn report(scene: &mut Scene, holds: Credits, as_of: Moment) -> Result<(), Refusal> {
    let report = ReserveReport {
        federation: scene.genesis.id(),
        holds,
        as_of,
    };
    let approvals = approvals(&report, &[0, 1]);
    scene.issue(ANNA, IssueRequest::ReportReserve { report, approvals })
}

fn covered(no: &mut Refused) {
    let mut scene = founded(Issuance::Reserve {
        custodians: committee(),
        holds: cr(1_800_000),
        redeemable: true,
        curve: None,
    });
    let by = member(0);
    let quota = Proposal::Quota {
        member: by.party(),
        of: Quota::Mint,
        per_epoch: cr(500),
    };
    scene.decide(quota).unwrap();
    no.with(283, scene.issue(by, mint(cr(1))));
    let now = scene.at.now;
    report(&mut scene, cr(2_000_000), now).unwrap();
    no.with(
        285,
        report(&mut scene, cr(9_000_000), Moment::new(1_000_000)),
    );
    no.with(282, scene.issue(by, mint(cr(501))));
    scene.wait_epochs(721);
    no.with(284, scene.issue(ANNA, redeem(cr(1))));
}
