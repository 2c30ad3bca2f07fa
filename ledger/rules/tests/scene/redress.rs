//! A peer in a test that worked well for the researcher, and then lied to Anna.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each file of tests uses a part of the scene, and fails where it is not as it says"
)]

use protocol::entry::{AuditRequest, Body, chain};
use protocol::event::Ending;
use protocol::genesis::Params;
use protocol::ids::{JobId, PeerId};
use protocol::units::Credits;
use rules::work::State;
use rules::{Refusal, read};

use super::job_scene::*;
use super::scene::*;

/// The peer that will lie.
pub(crate) fn liar() -> PeerId {
    worker(0)
}

fn letters(scene: &Scene, job: JobId, lie: char) -> Vec<(PeerId, char)> {
    let says = |peer| (peer, if peer == liar() { lie } else { '7' });
    scene.peers(job, 0).into_iter().map(says).collect()
}

/// One job of the researcher, honestly done.
fn work(scene: &mut Scene) {
    let job = scene.drawn(terms(2, 2, 2));
    let all = letters(scene, job, '7');
    for (peer, letter) in &all {
        scene.seal(job, *peer, *letter).unwrap();
    }
    scene.close(job).unwrap();
    for (peer, letter) in &all {
        scene.open(job, *peer, *letter).unwrap();
    }
}

/// A job of Anna's that is drawn.
fn drawn_for_anna(scene: &mut Scene) -> JobId {
    let body = Body::Submit {
        terms: terms(2, 2, 2),
        chain: chain(&chain(&secret())),
        purse: None,
    };
    let entry = scene.sign(ANNA, body);
    let job = JobId::new(*entry.entry_id().bytes());
    scene.block(10, vec![entry]).remove(0).unwrap();
    for _ in 0..3 {
        scene.block(10, vec![]);
    }
    let link = chain(&secret());
    scene.enter(ANNA, Body::Start { job, link }).unwrap();
    job
}

/// Whether the liar was drawn for a job of Anna's that nobody audits, lied, and was convicted.
fn lies_to_anna(scene: &mut Scene) -> bool {
    let job = drawn_for_anna(scene);
    let all = letters(scene, job, '9');
    for (peer, letter) in &all {
        scene.seal(job, *peer, *letter).unwrap();
    }
    scene.block(10, vec![]);
    let secret = secret();
    scene.enter(ANNA, Body::Close { job, secret }).unwrap();
    if read::audit(&scene.rows, job).is_some() {
        return false;
    }
    for (peer, letter) in &all {
        scene.open(job, *peer, *letter).unwrap();
    }
    if scene.state(job) != State::Differing {
        return false;
    }
    scene.dispute(ANNA, job, &all).unwrap();
    scene.judge(job, "77");
    scene.state(job) == State::Ended(Ending::Judged)
}

/// The liar, convicted after some good work for the researcher: the slash's number, and how many
/// results of the researcher are in doubt.
pub(crate) fn convicted() -> (Scene, u64, usize) {
    let free = |params: &mut Params| {
        (params.entry_fee, params.byte_fee) = (Credits::ZERO, Credits::ZERO);
    };
    let mut scene = Scene::with(free).ready(cr(5_000), cr(1));
    while read::results(&scene.rows, liar()) < 3 {
        work(&mut scene);
    }
    while !lies_to_anna(&mut scene) {}
    let slash = read::counts(&scene.rows).slashes - 1;
    let doubtful = read::tainted(&scene.rows, liar(), u64::MAX, 100);
    let of_r = |one: &&rules::work::PaidResult| one.submitter == R.party();
    let count = doubtful.iter().filter(of_r).count();
    (scene, slash, count)
}

pub(crate) fn claim(
    scene: &mut Scene,
    who: Who,
    slash: u64,
    results: &[u64],
) -> Result<(), Refusal> {
    let results = results.to_vec();
    scene.enter(who, Body::Audit(AuditRequest::Redress { slash, results }))
}
