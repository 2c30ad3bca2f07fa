//! A job, from its submission to the opening of its seals.

use protocol::entry::{Body, chain};
use protocol::ids::{BundleId, Digest, JobId};
use protocol::job::{Care, Terms};
use protocol::units::{Credits, Millis};

use crate::Refused;
use crate::job_scene::*;
use crate::scene::*;

pub(crate) fn tell(no: &mut Refused) {
    submitted(no);
    started(no);
    sealed(no);
    closed(no);
    opened(no);
}

fn ready() -> Scene {
    Scene::new().ready(cr(1_000), cr(1))
}

fn submitted(no: &mut Refused) {
    let mut scene = Scene::with(|params| params.copies_trusted = 2).ready(cr(1_000), cr(1));
    let good = terms(2, 2, 2);
    let care = Care {
        value_at_risk: cr(1_001),
        ..Care::default()
    };
    let seal_window = Millis::new(59_999);
    let per_gfuel = Credits::ZERO;
    let good = || good.clone();
    for (number, terms) in [
        (
            50,
            Terms {
                copies: 1,
                ..good()
            },
        ),
        (
            51,
            Terms {
                seal_window,
                ..good()
            },
        ),
        (
            52,
            Terms {
                per_gfuel,
                ..good()
            },
        ),
        (
            53,
            Terms {
                copies: 7,
                ..good()
            },
        ),
        (160, Terms { care, ..good() }),
    ] {
        no.with(number, scene.submit(terms));
    }
}

fn started(no: &mut Refused) {
    let mut scene = ready();
    let job = scene.submit(terms(2, 2, 2)).unwrap();
    let link = chain(&secret());
    let start = Body::Start { job, link };
    no.with(56, scene.enter(ANNA, start.clone()));
    no.with(58, scene.enter(R, start));
    let unknown = JobId::new([9; 32]);
    no.with(54, scene.enter(R, Body::Sweep { job: unknown }));
    no.with(63, scene.enter(R, Body::Sweep { job }));
    scene.start(job).unwrap();
    let index = 7;
    let bundle = BundleId { job, index };
    let peer = worker(0);
    let to = None;
    no.with(
        55,
        scene.enter(owner(0), Body::Decline { bundle, peer, to }),
    );
    no.with(57, scene.enter(R, Body::Cancel { job }));
    // A bond of a thousand covers seven bundles.
    let job = scene.submit(terms(200, 2, 2)).unwrap();
    no.with(60, scene.start(job));
    let wrong = Body::Start {
        job,
        link: Digest::of(b"another"),
    };
    no.with(59, scene.enter(R, wrong));
}

fn sealed(no: &mut Refused) {
    let mut scene = ready();
    let job = scene.drawn(terms(2, 2, 2));
    let peers = scene.peers(job, 0);
    let stranger = (0..WORKERS).map(worker).find(|one| !peers.contains(one));
    no.with(71, scene.seal(job, stranger.unwrap(), '7'));
    let (peer, bundle) = (peers[0], BundleId { job, index: 0 });
    let to = Some(peer);
    let who = (0..WORKERS).find(|n| worker(*n) == peer).map(owner);
    let decline = Body::Decline { bundle, peer, to };
    no.with(78, scene.enter(who.unwrap(), decline));
    let mut forged = scene.seal_of(job, 0, peers[0], '7');
    forged.signature = scene.seal_of(job, 0, peers[1], '7').signature;
    let seals = vec![forged];
    no.with(74, scene.enter(R, Body::SealBatch { job, seals }));
    no.with(75, scene.open(job, peers[0], '7'));
    scene.seal(job, peers[0], '7').unwrap();
    no.with(72, scene.seal(job, peers[0], '7'));
    no.with(61, scene.close(job));
}

fn closed(no: &mut Refused) {
    let mut scene = ready();
    let job = scene.drawn(terms(2, 2, 2));
    let peers = scene.peers(job, 0);
    let seals: Vec<_> = peers
        .iter()
        .map(|peer| scene.seal_of(job, 0, *peer, '7'))
        .collect();
    // Sealed and closed in one block: what would be audited could be chosen.
    let nonce = rules::read::nonce(&scene.rows, R.party(), 0);
    let secret = secret();
    let seal = scene.sign_as(R, nonce, Body::SealBatch { job, seals });
    let close = scene.sign_as(R, nonce + 1, Body::Close { job, secret });
    let mut answers = scene.block(10, vec![seal, close]);
    no.with(150, answers.remove(1));
    no.with(62, scene.enter(ANNA, Body::ForceClose { job }));
    let bundle = BundleId { job, index: 0 };
    let tasks = scene.difference(job, &[(peers[0], '7'), (peers[1], '7')]);
    no.with(70, scene.enter(R, Body::Dispute { bundle, tasks }));
}

fn opened(no: &mut Refused) {
    let mut scene = ready();
    let job = scene.drawn(terms(2, 2, 2));
    let peers = scene.peers(job, 0);
    for peer in &peers {
        scene.seal(job, *peer, '7').unwrap();
    }
    scene.close(job).unwrap();
    no.with(77, scene.open(job, peers[0], '9'));
    scene.open(job, peers[0], '7').unwrap();
    no.with(76, scene.open(job, peers[0], '7'));
}
