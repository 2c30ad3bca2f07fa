//! Who may be drawn: stories of stakes, tiers, and peers that go and come back.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/job.rs"]
mod job_scene;
mod scene;

use job_scene::*;
use protocol::entry::{Body, StakeRequest};
use protocol::event::{Aside, Event};
use protocol::ids::{BundleId, JobId, PeerId};
use protocol::job::Class;
use protocol::units::{Credits, Millis};
use rules::read::{self, NotDrawn, Tier};
use rules::{Account, Refusal};
use scene::*;

const CLASS: Class = Class::Grid;
const HOUR: Millis = Millis::new(3_600_000);

fn number(peer: PeerId) -> u8 {
    (0..WORKERS).find(|n| worker(*n) == peer).unwrap()
}

fn set_aside(scene: &Scene, peer: PeerId) -> Vec<Aside> {
    let events = scene.events.iter().filter_map(|event| match event {
        Event::OfferSetAside { peer: who, why, .. } if *who == peer => Some(*why),
        _ => None,
    });
    events.collect()
}

impl Scene {
    /// Plays a drawn job to its end: everyone says the same, all bundles.
    fn settle(&mut self, job: JobId) {
        let bundles = read::job(&self.rows, job).unwrap().terms.bundles();
        let runs: Vec<(u32, PeerId)> = (0..bundles)
            .flat_map(|index| self.peers(job, index).into_iter().map(move |p| (index, p)))
            .collect();
        let seals = runs
            .iter()
            .map(|(index, peer)| self.seal_of(job, *index, *peer, '7'))
            .collect();
        self.enter(R, Body::SealBatch { job, seals }).unwrap();
        self.close(job).unwrap();
        let openings = runs
            .iter()
            .map(|(index, peer)| opening(*index, self.tasks(job, *index), *peer, '7'))
            .collect();
        self.enter(R, Body::OpenBatch { job, openings }).unwrap();
        // Whatever is audited is over once its windows are.
        for _ in 0..6 {
            self.wait(HOUR);
        }
        assert!(
            read::job(&self.rows, job).unwrap().open == 0,
            "it has ended"
        );
    }
}

#[test]
fn who_misses_a_run_is_drawn_no_more_until_it_says_that_it_is_there() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let job = scene.drawn(terms(2, 2, 2));
    let dead = scene.peers(job, 0)[0];
    assert_eq!(read::why_not_drawn(&scene.rows, dead, CLASS, None), []);
    scene.wait(Millis::new(60_000));
    assert_eq!(set_aside(&scene, dead), [Aside::Missed]);
    assert_eq!(read::offer(&scene.rows, dead, CLASS), None);
    let why = read::why_not_drawn(&scene.rows, dead, CLASS, None);
    assert_eq!(why, [NotDrawn::NoOffer]);
    for _ in 0..8 {
        let job = scene.drawn(terms(2, 2, 2));
        assert!(
            !scene.peers(job, 0).contains(&dead),
            "it is not drawn again"
        );
    }
    // Others whose run was missed in the same block are away too; this one comes back.
    scene.offer(number(dead), 4, cr(1)).unwrap();
    assert!(read::offer(&scene.rows, dead, CLASS).is_some());
}

#[test]
fn a_decline_costs_nothing_and_the_offer_stands() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let job = scene.drawn(terms(2, 2, 2));
    let peer = scene.peers(job, 0)[0];
    let bundle = BundleId { job, index: 0 };
    let who = owner(number(peer));
    let to = None;
    scene
        .enter(who, Body::Decline { bundle, peer, to })
        .unwrap();
    assert!(read::offer(&scene.rows, peer, CLASS).is_some());
    assert_eq!(set_aside(&scene, peer), []);
    let trust = read::trust(&scene.rows, peer, CLASS).unwrap();
    assert_eq!(trust.reputation.wrong, 0);
}

#[test]
fn who_misses_too_much_is_suspended_until_the_next_epoch_is_over() {
    let mut scene = Scene::with(|params| {
        params.missed_of = 2;
        params.replacements_max = 0;
    })
    .ready(cr(10_000), cr(1));
    let job = scene.drawn(terms(48, 4, 2));
    let peer = scene.peers(job, 0)[0];
    scene.wait(Millis::new(60_000));
    assert!(set_aside(&scene, peer).contains(&Aside::Missed));
    let meter = read::meter(&scene.rows, peer, CLASS);
    assert!(meter.missed >= 2, "{meter:?}");
    let until = meter.suspended_until;
    assert!(until > scene.at.now.after(HOUR));
    let refused = scene.offer(number(peer), 4, cr(1));
    assert_eq!(refused, Err(Refusal::Jailed { peer, until }));
    let why = read::why_not_drawn(&scene.rows, peer, CLASS, None);
    assert_eq!(why[0], NotDrawn::Suspended { until });
    scene.wait(until.since(scene.at.now));
    scene.offer(number(peer), 4, cr(1)).unwrap();
}

#[test]
fn a_bond_that_comes_for_a_moment_covers_nothing() {
    let mut scene = Scene::new().ready(cr(100), cr(1));
    let peer = worker(0);
    let amount = cr(10_000);
    scene.enter(owner(0), Body::Bond { peer, amount }).unwrap();
    let stake = |scene: &Scene| read::exposure(&scene.rows, peer).unwrap();
    assert_eq!(
        (stake(&scene).bond, stake(&scene).counts),
        (cr(10_100), cr(100))
    );
    for n in 1..6 {
        let peer = worker(n);
        scene.enter(owner(n), Body::Bond { peer, amount }).unwrap();
    }
    let job = scene.submit(terms(2, 2, 2)).unwrap();
    let short = scene.start(job).unwrap_err();
    assert!(matches!(short, Refusal::NotEnoughPeers { .. }), "{short}");
    scene.wait(HOUR.times(23).unwrap());
    assert_eq!(stake(&scene).counts, cr(100));
    scene.wait(HOUR);
    assert_eq!(stake(&scene).counts, cr(10_100));
    scene.drawn(terms(2, 2, 2));
    // What leaves counts no more at once.
    let amount = cr(10_090);
    let asked = scene.enter(owner(0), Body::Unbond { peer, amount });
    if asked.is_ok() {
        assert_eq!(stake(&scene).counts, cr(10));
    }
}

#[test]
fn a_backer_stands_in_and_gets_back_what_is_not_lost() {
    let mut scene = Scene::new();
    scene.admit(0, cr(10));
    let peer = worker(0);
    let stake = |request| Body::Stake(request);
    let amount = cr(30);
    let back = stake(StakeRequest::Back { peer, amount });
    assert_eq!(
        scene.enter(owner(0), back.clone()),
        Err(Refusal::OwnPeer { peer })
    );
    scene.enter(desk(0), back.clone()).unwrap();
    scene.enter(ANNA, back).unwrap();
    let exposed = read::exposure(&scene.rows, peer).unwrap();
    assert_eq!((exposed.bond, exposed.backers.len()), (cr(70), 2));

    // The owner can take out its own part alone.
    let amount = cr(11);
    let free = cr(10);
    let asked = amount;
    let refused = scene.enter(owner(0), Body::Unbond { peer, amount });
    assert_eq!(refused, Err(Refusal::BondLocked { free, asked }));

    let before = scene.has(ANNA);
    let amount = cr(30);
    let unback = stake(StakeRequest::Unback { peer, amount });
    let party = R.party();
    assert_eq!(
        scene.enter(R, unback.clone()),
        Err(Refusal::NotBacked { peer, party })
    );
    scene.enter(ANNA, unback).unwrap();
    let reclaim = stake(StakeRequest::Reclaim { peer });
    assert_eq!(
        scene.enter(ANNA, reclaim.clone()),
        Err(Refusal::NothingMatured)
    );
    scene.wait(scene.genesis.params.unbond_window);
    scene.enter(ANNA, reclaim).unwrap();
    assert!(scene.has(ANNA).get() + 10_000 > before.get() + cr(30).get());
    assert_eq!(read::exposure(&scene.rows, peer).unwrap().backers.len(), 1);
}

#[test]
fn a_peer_has_so_many_backers_and_no_more() {
    let mut scene = Scene::new();
    scene.admit(0, cr(10));
    let (peer, amount) = (worker(0), cr(1));
    let back = Body::Stake(StakeRequest::Back { peer, amount });
    for who in (1..=4).map(|n| member(n - 1)).chain((0..4).map(desk)) {
        scene.enter(who, back.clone()).unwrap();
    }
    assert_eq!(
        scene.enter(ANNA, back),
        Err(Refusal::TooManyBackers { peer })
    );
}

#[test]
fn a_new_peer_runs_beside_two_others_and_one_that_has_shown_its_work_beside_one() {
    let mut scene = Scene::with(|params| {
        params.copies_probation = 3;
        params.normal_verified = 4;
        params.normal_score = protocol::units::Bps::new(2_000);
    })
    .ready(cr(50_000), cr(1));
    let job = scene.submit(terms(2, 2, 1)).unwrap();
    let row = read::job(&scene.rows, job).unwrap();
    assert_eq!(row.copies_max, 3);
    scene.start(job).unwrap();
    assert_eq!(scene.peers(job, 0).len(), 3);
    scene.settle(job);
    let all_are_normal = |scene: &Scene| {
        (0..WORKERS).all(|n| {
            let trust = read::trust(&scene.rows, worker(n), CLASS).unwrap();
            trust.tier == Tier::Normal
        })
    };
    // Who is drawn how often is chance: a few jobs are enough, many are more than enough.
    for _ in 0..16 {
        if all_are_normal(&scene) {
            break;
        }
        let job = scene.drawn(terms(12, 2, 1));
        scene.settle(job);
    }
    assert!(all_are_normal(&scene));
    let job = scene.drawn(terms(12, 2, 1));
    for index in 0..6 {
        assert_eq!(scene.peers(job, index).len(), 2);
    }
    // What was set aside for a third copy comes back.
    scene.settle(job);
    let row = read::job(&scene.rows, job).unwrap();
    assert!(row.refunded.get() >= cr(12).get(), "{}", row.refunded);
}

#[test]
fn a_trusted_peer_runs_alone_and_newcomers_never_do() {
    let mut scene = Scene::with(|params| {
        params.copies_probation = 3;
        params.normal_verified = 2;
        params.trusted_verified = 4;
        params.normal_score = protocol::units::Bps::new(1_000);
        params.trusted_score = protocol::units::Bps::new(5_000);
        params.trusted_age = Millis::ZERO;
    })
    .ready(cr(50_000), cr(1));
    let trusted = |scene: &Scene| {
        (0..WORKERS).all(|n| {
            let trust = read::trust(&scene.rows, worker(n), CLASS).unwrap();
            trust.tier == Tier::Trusted
        })
    };
    for _ in 0..20 {
        if trusted(&scene) {
            break;
        }
        let job = scene.drawn(terms(12, 2, 1));
        scene.settle(job);
    }
    assert!(trusted(&scene));
    let job = scene.drawn(terms(12, 2, 1));
    let alone = (0..6).all(|index| scene.peers(job, index).len() == 1);
    assert!(alone);
    scene.settle(job);
    // Who wishes for more has more.
    let job = scene.drawn(terms(2, 2, 4));
    assert_eq!(scene.peers(job, 0).len(), 4);
}

#[test]
fn a_hobbyist_with_nothing_reaches_the_normal_tier() {
    let mut scene = Scene::with(|params| {
        params.copies_probation = 3;
        params.normal_score = protocol::units::Bps::new(5_000);
    });
    for n in 1..WORKERS {
        scene.admit(n, cr(50_000));
        scene.offer(n, 4, cr(1)).unwrap();
    }
    // Its owner has what its entries cost, and no bond.
    let (peer, who) = (worker(0), owner(0));
    let admit = Body::AdmitPeer {
        peer,
        owner: who.party(),
    };
    scene.enter(desk(0), admit).unwrap();
    scene.offer(0, 4, cr(1)).unwrap();
    assert_eq!(scene.bond(peer), Credits::ZERO);
    let mut grew = 0;
    for turn in 0..80 {
        let before = scene.bond(peer);
        let job = scene.drawn(terms(8, 1, 2));
        for index in 0..8 {
            let bundle = scene.bundle(job, index);
            let uncovered = bundle.runs.iter().filter(|run| run.lock < cr(128));
            assert!(
                uncovered.count() * 3 <= bundle.runs.len(),
                "beside two who cover it"
            );
        }
        scene.settle(job);
        grew += u32::from(scene.bond(peer) > before);
        let trust = read::trust(&scene.rows, peer, CLASS).unwrap();
        if trust.tier == Tier::Normal {
            assert!(trust.reputation.verified >= 20);
            assert!(grew > 0 && scene.bond(peer) > Credits::ZERO);
            let vested = read::account(&scene.rows, Account::Bond(peer)).amount();
            assert_eq!(vested, scene.bond(peer));
            return;
        }
        assert!(turn < 79, "{trust:?}");
    }
}

#[test]
fn a_job_says_why_a_peer_is_not_drawn_for_it() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let mut dear = terms(2, 2, 2);
    dear.per_gfuel = cr(10);
    let job = scene.submit(dear).unwrap();
    let row = read::job(&scene.rows, job).unwrap();
    let why = read::why_not_drawn(&scene.rows, worker(0), CLASS, Some(&row));
    let (free, needs) = (cr(1_000), cr(1_280));
    assert_eq!(why, [NotDrawn::BondTooSmall { free, needs }]);
    let stranger = node(99);
    let why = read::why_not_drawn(&scene.rows, stranger, CLASS, None);
    assert_eq!(why, [NotDrawn::NotAdmitted]);
    scene.offer(0, 4, cr(20)).unwrap();
    let why = read::why_not_drawn(&scene.rows, worker(0), CLASS, Some(&row));
    let (asks, pays) = (cr(20), cr(10));
    assert_eq!(why[0], NotDrawn::Price { asks, pays });
}
