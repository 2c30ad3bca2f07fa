//! Disputes, panels, and what a verdict leaves.

use protocol::entry::{AuditRequest, Body, PanelAnswer};
use protocol::ids::{BundleId, JobId, PeerId};
use protocol::job::{Judge, Terms};

use crate::Refused;
use crate::job_scene::*;
use crate::scene::*;

pub(crate) fn tell(no: &mut Refused) {
    disputed(no);
    judged(no);
    demanded(no);
    shown(no);
    flagged(no);
}

/// A job whose peers opened these letters.
fn opened(scene: &mut Scene, letters: &str) -> (JobId, Vec<(PeerId, char)>) {
    let copies = u8::try_from(letters.len()).unwrap();
    opened_of(scene, terms(2, 2, copies), letters)
}

fn opened_of(scene: &mut Scene, terms: Terms, letters: &str) -> (JobId, Vec<(PeerId, char)>) {
    let job = scene.drawn(terms);
    let peers = scene.peers(job, 0).into_iter();
    let letters: Vec<(PeerId, char)> = peers.zip(letters.chars()).collect();
    for (peer, letter) in &letters {
        scene.seal(job, *peer, *letter).unwrap();
    }
    scene.close(job).unwrap();
    scene.open_all(job, &letters);
    (job, letters)
}

fn ready() -> Scene {
    Scene::new().ready(cr(1_000), cr(1))
}

fn disputed(no: &mut Refused) {
    let mut scene = ready();
    let (job, claims) = opened(&mut scene, "79");
    let framed = [(claims[0].0, '9'), claims[1]];
    no.with(92, scene.dispute(R, job, &framed));
    no.with(91, scene.dispute(R, job, &claims[..1]));
    let bundle = BundleId { job, index: 0 };
    let mut tasks = scene.difference(job, &claims);
    tasks.push(tasks[0].clone());
    no.with(90, scene.enter(R, Body::Dispute { bundle, tasks }));
    let mut tasks = scene.difference(job, &claims);
    for ((_, proof), (_, letter)) in tasks[0].claims.iter_mut().zip(&claims) {
        *proof = protocol::outcome::prove(&outcomes(2, *letter), 0).unwrap();
    }
    no.with(93, scene.enter(R, Body::Dispute { bundle, tasks }));
    let peers = vec![claims[0].0];
    let alike = Body::Audit(AuditRequest::Alike { bundle, peers });
    no.with(168, scene.enter(R, alike));
    let own = Terms {
        judge: Judge::Submitter,
        ..terms(2, 2, 2)
    };
    let (job, _) = opened_of(&mut scene, own, "79");
    let (bundle, peers) = (BundleId { job, index: 0 }, vec![node(R.0)]);
    let alike = Body::Audit(AuditRequest::Alike { bundle, peers });
    no.with(169, scene.enter(R, alike));
}

fn judged(no: &mut Refused) {
    let mut scene = ready();
    let (job, claims) = opened(&mut scene, "79");
    let bundle = BundleId { job, index: 0 };
    scene.dispute(R, job, &claims).unwrap();
    let panel: Vec<Who> = scene.panel().into_iter().map(|p| scene.juror(p)).collect();
    let other = (0..4).map(member).find(|who| !panel.contains(who)).unwrap();
    no.with(94, scene.panel_seal(other, job, '7'));
    scene.panel_seal(panel[0], job, '7').unwrap();
    no.with(95, scene.panel_seal(panel[0], job, '7'));
    let longer = PanelAnswer {
        outcomes: vec![None; 2],
        ..answer('7')
    };
    let seal = longer.seal(&bundle, &panel[1].party());
    let sealed = Body::PanelSeal { bundle, seal };
    scene.enter(panel[1], sealed).unwrap();
    no.with(96, scene.panel_open(panel[0], job, '9'));
    let answer = longer;
    no.with(
        97,
        scene.enter(panel[1], Body::PanelOpen { bundle, answer }),
    );
}

fn demanded(no: &mut Refused) {
    let mut scene = ready();
    let (job, letters) = opened(&mut scene, "79");
    let (bundle, peer) = (BundleId { job, index: 0 }, letters[1].0);
    let demand = Body::Audit(AuditRequest::Demand { bundle, peer });
    let outcomes = outcomes(2, '9');
    let reply = Body::Audit(AuditRequest::Answer {
        bundle,
        peer,
        outcomes,
    });
    no.with(155, scene.enter(ANNA, demand.clone()));
    no.with(157, scene.enter(ANNA, reply));
    scene.enter(R, demand.clone()).unwrap();
    no.with(156, scene.enter(R, demand));
}

fn shown(no: &mut Refused) {
    let mut scene = ready();
    let (job, letters) = opened(&mut scene, "77");
    let peer = letters[0].0;
    let show = |seals| Body::Audit(AuditRequest::TwoSeals { job, seals });
    let seals =
        |letters: [char; 2]| Box::new(letters.map(|letter| scene.seal_of(job, 0, peer, letter)));
    let (same, differ) = (seals(['7', '7']), seals(['7', '9']));
    no.with(158, scene.enter(ANNA, show(same)));
    scene.wait(scene.genesis.params.unbond_window);
    scene.wait(scene.genesis.params.dispute_window);
    no.with(73, scene.enter(ANNA, show(differ)));
}

fn flagged(no: &mut Refused) {
    let mut scene = ready();
    let (job, letters) = opened(&mut scene, "79");
    scene.dispute(ANNA, job, &letters).unwrap();
    scene.judge(job, "79");
    scene.judge(job, "7799");
    no.with(159, scene.submit(terms(2, 2, 2)));
}
