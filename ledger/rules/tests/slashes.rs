//! What a slash would be can be asked before: for every fault there is, whatever is bonded, locked
//! for others and leaving, the answer is what is taken, and how it is shared.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/audit.rs"]
mod audit_scene;
#[path = "scene/capacity.rs"]
mod capacity_scene;
#[path = "scene/job.rs"]
mod job_scene;
mod scene;

use job_scene::*;
use proptest::prelude::*;
use protocol::entry::{AuditRequest, Body};
use protocol::event::{Ending, Fault};
use protocol::genesis::Issuance;
use protocol::ids::{BundleId, JobId, PeerId};
use protocol::job::{Class, Terms};
use protocol::units::{Credits, Millis};
use rules::work::{Hold, State};
use rules::{Code, Refusal, read};
use scene::*;

/// What is about to happen: a fault of a peer in a bundle, and how it comes to light.
struct Coming {
    bundle: BundleId,
    peer: PeerId,
    fault: Fault,
    happen: Box<dyn FnOnce(&mut Scene)>,
}

fn coming(
    job: JobId,
    peer: PeerId,
    fault: Fault,
    happen: impl FnOnce(&mut Scene) + 'static,
) -> Coming {
    let (bundle, happen) = (BundleId { job, index: 0 }, Box::new(happen));
    Coming {
        bundle,
        peer,
        fault,
        happen,
    }
}

/// A job whose peers sealed these letters and nothing of which is audited.
fn sealed(scene: &mut Scene, letters: &str) -> (JobId, Vec<(PeerId, char)>) {
    let job = scene.drawn(terms(2, 2, 2));
    let peers = scene.peers(job, 0).into_iter();
    let letters: Vec<(PeerId, char)> = peers.zip(letters.chars()).collect();
    for (peer, letter) in &letters {
        scene.seal(job, *peer, *letter).unwrap();
    }
    scene.close(job).unwrap();
    (job, letters)
}

fn opened(scene: &mut Scene, letters: &str) -> (JobId, Vec<(PeerId, char)>) {
    let (job, letters) = sealed(scene, letters);
    scene.open_all(job, &letters);
    (job, letters)
}

fn disputed(scene: &mut Scene) -> (JobId, PeerId) {
    let (job, letters) = opened(scene, "79");
    scene.dispute(ANNA, job, &letters).unwrap();
    (job, letters[1].0)
}

/// An audited job as far as the comparison, where the auditor found `found`; and who that is.
fn compared(scene: &mut Scene, letters: &str, found: char) -> (JobId, PeerId, Who) {
    let job = scene.drawn(terms(2, 2, 2));
    let letters = scene.audited(job, letters);
    let auditor = scene.auditor(job);
    scene.audit_seal(auditor, job, found).unwrap();
    scene.open_all(job, &letters);
    scene.audit_open(auditor, job, found).unwrap();
    (job, letters[0].0, auditor)
}

/// The node of a member.
fn seat(scene: &Scene, who: Who) -> PeerId {
    read::member(&scene.rows, who.party()).unwrap().peer
}

fn juror(scene: &Scene, place: usize) -> PeerId {
    seat(scene, scene.juror(scene.panel()[place]))
}

fn shows(job: JobId, peer: PeerId) -> impl FnOnce(&mut Scene) {
    move |scene| {
        let seals = Box::new(['7', '9'].map(|letter| scene.seal_of(job, 0, peer, letter)));
        let shown = AuditRequest::TwoSeals { job, seals };
        scene.enter(ANNA, Body::Audit(shown)).unwrap();
    }
}

/// Every way to be slashed.
const STORIES: [fn(&mut Scene) -> Coming; 13] = [
    // F1: judged by a panel, caught by an audit, and hidden.
    |scene| {
        let (job, liar) = disputed(scene);
        coming(job, liar, Fault::WrongOutcome, move |s| s.judge(job, "77"))
    },
    |scene| {
        let (job, liar, _) = compared(scene, "99", '7');
        coming(job, liar, Fault::WrongOutcome, move |scene| {
            scene.contest(R, job, '9').unwrap();
            scene.judge(job, "77");
        })
    },
    |scene| {
        let (job, letters) = opened(scene, "79");
        let (bundle, peer) = (BundleId { job, index: 0 }, letters[1].0);
        let demand = Body::Audit(AuditRequest::Demand { bundle, peer });
        scene.enter(R, demand).unwrap();
        let window = scene.genesis.params.answer_window;
        coming(job, peer, Fault::WrongOutcome, move |s| s.wait(window))
    },
    // F2.
    |scene| {
        let job = scene.drawn(terms(2, 2, 2));
        let late = scene.peers(job, 0)[0];
        let window = Millis::new(60_000);
        coming(job, late, Fault::NoSeal, move |s| s.wait(window))
    },
    // F3: where nothing is audited, and where something is.
    |scene| {
        let (job, letters) = sealed(scene, "77");
        scene.open(job, letters[0].0, '7').unwrap();
        let window = scene.genesis.params.open_window;
        let silent = letters[1].0;
        coming(job, silent, Fault::NoOpening, move |s| s.wait(window))
    },
    |scene| {
        let job = scene.drawn(terms(2, 2, 2));
        let letters = scene.audited(job, "77");
        let auditor = scene.auditor(job);
        scene.audit_seal(auditor, job, '7').unwrap();
        let window = scene.genesis.params.open_window;
        let silent = letters[1].0;
        coming(job, silent, Fault::NoOpening, move |s| s.wait(window))
    },
    // F4: while it runs, and when all is over.
    |scene| {
        let job = scene.drawn(terms(2, 2, 2));
        let liar = scene.peers(job, 0)[1];
        coming(job, liar, Fault::TwoSeals, shows(job, liar))
    },
    |scene| {
        let (job, letters) = opened(scene, "77");
        assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
        let liar = letters[1].0;
        coming(job, liar, Fault::TwoSeals, shows(job, liar))
    },
    // F7: a judge, and an auditor.
    |scene| {
        let (job, _) = disputed(scene);
        let wrong = juror(scene, 1);
        coming(job, wrong, Fault::WrongJudgement, move |scene| {
            scene.judge(job, "74");
            scene.judge(job, "7777");
        })
    },
    |scene| {
        let (job, _, auditor) = compared(scene, "77", '9');
        let wrong = seat(scene, auditor);
        coming(job, wrong, Fault::WrongJudgement, move |scene| {
            scene.contest(R, job, '7').unwrap();
            scene.judge(job, "77");
        })
    },
    // F8: a judge, and an auditor.
    |scene| {
        let (job, _) = disputed(scene);
        let silent = juror(scene, 1);
        let judged = move |scene: &mut Scene| scene.judge(job, "7-");
        coming(job, silent, Fault::NoJudgement, judged)
    },
    |scene| {
        let job = scene.drawn(terms(2, 2, 2));
        scene.audited(job, "77");
        let silent = seat(scene, scene.auditor(job));
        let window = scene.genesis.params.audit_window;
        coming(job, silent, Fault::NoJudgement, move |s| s.wait(window))
    },
    // F10.
    |scene| {
        scene.earns(0);
        scene.wait(Millis::new(1));
        let (peer, fault) = (worker(0), Fault::FakeCapacity);
        let bundle = read::capacity_finding(peer, Class::Grid, 1);
        Coming {
            bundle,
            peer,
            fault,
            happen: Box::new(move |scene| scene.two_see(peer, 1)),
        }
    },
];

fn share(hold: &Hold, codes: &[Code]) -> u64 {
    let shares = hold.shares.iter();
    let shares = shares.filter(|share| codes.contains(&share.code));
    shares.map(|share| share.amount.get()).sum()
}

/// A federation where two workers run another, longer job beside.
fn busy(bond: u64, judge: Credits) -> Scene {
    let mut genesis = genesis();
    genesis.params.replacements_max = 0;
    genesis.issuance = Issuance::Inflation;
    for member in &mut genesis.members {
        member.bond = judge;
    }
    let mut scene = Scene::of(genesis).ready(cr(bond), cr(1));
    let seal_window = Millis::new(7 * 24 * 3_600_000);
    let long = Terms {
        seal_window,
        ..terms(2, 2, 2)
    };
    scene.drawn(long);
    scene
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 8,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// I9, and the promise of the preview.
    #[test]
    fn a_preview_is_the_slash_for_every_fault(
        bond in 128..600_u64,
        leaving in 0..600_u64,
        judge in 0..300_000_000_u64,
    ) {
        for (number, story) in STORIES.iter().enumerate() {
            let mut scene = busy(bond, Credits::new(judge));
            let Coming { bundle, peer, fault, happen } = story(&mut scene);
            for n in 0..WORKERS {
                let (peer, locked) = (worker(n), scene.locked(worker(n)));
                let free = scene.bond(peer).minus(locked).unwrap();
                let amount = free.min(cr(leaving));
                let _ = scene.enter(owner(n), Body::Unbond { peer, amount });
            }
            let preview = read::slash_preview(&scene.rows, bundle, peer, fault).unwrap();
            let (amount, [burned, victims, finder, treasury]) = preview;
            happen(&mut scene);
            let numbers = read::holds_of(&scene.rows, bundle).into_iter();
            let mut holds = numbers.map(|number| read::hold(&scene.rows, number).unwrap());
            let hold = holds.find(|hold| (hold.peer, hold.fault) == (peer, fault));
            prop_assert_eq!(amount == Credits::ZERO, hold.is_none(), "story {}", number);
            let Some(hold) = hold else { continue };
            prop_assert_eq!(hold.amount, amount, "story {}", number);
            prop_assert_eq!(share(&hold, &[Code::SlashBurned]), burned.get());
            prop_assert_eq!(share(&hold, &[Code::SlashVictim]), victims.get());
            let rest = [Code::SlashFinder, Code::SlashTreasury, Code::PanelPay];
            prop_assert_eq!(share(&hold, &rest), finder.get() + treasury.get());
            prop_assert_eq!(hold.shares.iter().map(|s| s.amount.get()).sum::<u64>(), amount.get());
        }
    }
}

#[test]
fn a_lock_for_another_bundle_is_out_of_reach() {
    let mut scene = busy(200, cr(1_000));
    let (job, _) = opened(&mut scene, "77");
    let ended = BundleId { job, index: 0 };
    let fault = Fault::WrongOutcome;
    let reach = |scene: &Scene, bundle, peer| {
        let preview = read::slash_preview(&scene.rows, bundle, peer, fault);
        preview.unwrap().0
    };
    let busy = read::job_numbered(&scene.rows, 0).unwrap();
    let other = BundleId {
        job: busy,
        index: 0,
    };
    let all = cr(128);
    for peer in (0..WORKERS).map(worker) {
        let runs_other = scene.peers(busy, 0).contains(&peer);
        // Of 200, 128 are locked for the other bundle, and can be taken for a fault in that alone.
        let free = if runs_other { cr(72) } else { all };
        assert_eq!(reach(&scene, ended, peer), free);
        assert_eq!(reach(&scene, other, peer), all);
    }
    // Nor is it for a fault in a bundle that is open, but another's.
    let open = scene.drawn(terms(2, 2, 2));
    let bundle = BundleId {
        job: open,
        index: 0,
    };
    let drawn = scene.peers(open, 0);
    let others = (0..WORKERS)
        .map(worker)
        .filter(|peer| !drawn.contains(peer));
    let mut locked = 0;
    for peer in others {
        let free = cr(200).minus(scene.locked(peer)).unwrap();
        assert_eq!(reach(&scene, bundle, peer), free.min(all));
        locked += u32::from(free < all);
    }
    assert!(locked > 0, "one of them runs the other bundle");
    assert_eq!(
        read::slash_preview(&scene.rows, ended, node(99), fault),
        None
    );
}

#[test]
fn two_seals_put_the_locks_of_every_bundle_in_reach() {
    let mut scene = Scene::new().ready(cr(256), cr(1));
    // Whose bond covers two locks runs two bundles at most; of so many jobs somebody runs two.
    let jobs: Vec<JobId> = (0..=WORKERS / 2)
        .map(|_| scene.drawn(terms(2, 2, 2)))
        .collect();
    let all = jobs.iter().flat_map(|job| {
        let peers = scene.peers(*job, 0).into_iter();
        peers.map(|peer| (*job, peer))
    });
    let mut runs = all.filter(|(_, peer)| scene.locked(*peer) == cr(256));
    let (job, liar) = runs.next().unwrap();
    let bundle = BundleId { job, index: 0 };
    let preview = |fault| {
        let preview = read::slash_preview(&scene.rows, bundle, liar, fault);
        preview.unwrap().0
    };
    assert_eq!(preview(Fault::WrongOutcome), cr(128));
    assert_eq!(preview(Fault::TwoSeals), cr(256));
    shows(job, liar)(&mut scene);
    assert_eq!((scene.bond(liar), scene.locked(liar)), (cr(0), cr(0)));
}

#[test]
fn two_seals_are_shown_until_the_last_millisecond() {
    for late in [0, 1] {
        let mut scene = Scene::new().ready(cr(256), cr(1));
        let (job, letters) = opened(&mut scene, "77");
        let liar = letters[1].0;
        let ended = read::job(&scene.rows, job).unwrap().due;
        let due = ended.after(scene.genesis.params.unbond_window);
        scene.wait(Millis::new(due.since(scene.at.now).get() - 1));
        let seals = Box::new(['7', '9'].map(|letter| scene.seal_of(job, 0, liar, letter)));
        let shown = Body::Audit(AuditRequest::TwoSeals { job, seals });
        let entry = scene.sign(ANNA, shown);
        let answer = scene.block(1 + late, vec![entry]).remove(0);
        let now = due.after(Millis::new(late));
        let passed = Err(Refusal::DeadlinePassed { due, now });
        assert_eq!(answer, if late == 0 { Ok(()) } else { passed });
    }
}
