//! The life of a bundle as a table: what its peers seal and open, what panels find, and then who is
//! paid, who is slashed for what, and how it ended. And everyone who tries something else.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/job.rs"]
mod job_scene;
mod scene;

use job_scene::*;
use protocol::entry::Body;
use protocol::event::{Ending, Event, Fault};
use protocol::ids::{JobId, PeerId};
use protocol::units::{Credits, Millis};
use rules::work::{Happening, Phase, Round, State, step};
use rules::{Refusal, read};
use scene::*;

/// Every step a bundle can take: from, what happens, to.
fn table() -> Vec<(State, Happening, State)> {
    use Happening as H;
    use State as S;
    let ends = S::Ended;
    let (first, whole) = (Round::First, Round::Whole);
    let (sealing, opening) = (S::PanelSealing, S::PanelOpening);
    vec![
        (S::Waiting, H::Drawn, S::Drawn),
        (S::Waiting, H::Cancelled, ends(Ending::Cancelled)),
        (S::Drawn, H::Replaced, S::Drawn),
        (S::Drawn, H::Sealed, S::Drawn),
        (S::Drawn, H::AllSealed, S::Sealed),
        (S::Drawn, H::TooFew, ends(Ending::Short)),
        (S::Sealed, H::Closed, S::Opening),
        (S::Sealed, H::Called, S::Auditing),
        (S::Auditing, H::AuditsSealed, S::Opening),
        (S::Auditing, H::TooFew, ends(Ending::Short)),
        (S::Sealed, H::TooFew, ends(Ending::Short)),
        (S::Opening, H::Opened, S::Opening),
        (S::Opening, H::Agreed, ends(Ending::Agreed)),
        (S::Opening, H::Differed, S::Differing),
        (S::Opening, H::Matched, S::Checking),
        (S::Checking, H::Compared, ends(Ending::Agreed)),
        (S::Checking, H::Shown, sealing(first)),
        (S::Checking, H::ShownToAll, sealing(whole)),
        (S::Checking, H::TooFew, ends(Ending::Short)),
        (S::Differing, H::Agreed, ends(Ending::Agreed)),
        (S::Differing, H::TooFew, ends(Ending::Short)),
        (S::Opening, H::TooFew, ends(Ending::Short)),
        (S::Differing, H::Shown, sealing(first)),
        (S::Differing, H::ShownToAll, sealing(whole)),
        (S::Differing, H::NotShown, ends(Ending::Undisputed)),
        (sealing(first), H::JurorSealed, sealing(first)),
        (sealing(first), H::JurorsSealed, opening(first)),
        (sealing(first), H::JurorsSilent, sealing(whole)),
        (sealing(whole), H::JurorSealed, sealing(whole)),
        (sealing(whole), H::JurorsSealed, opening(whole)),
        (
            sealing(whole),
            H::JurorsSilent,
            ends(Ending::Nondeterministic),
        ),
        (opening(first), H::JurorOpened, opening(first)),
        (opening(first), H::Judged, ends(Ending::Judged)),
        (opening(first), H::Split, sealing(whole)),
        (opening(whole), H::JurorOpened, opening(whole)),
        (opening(whole), H::Judged, ends(Ending::Judged)),
        (opening(whole), H::Split, ends(Ending::Nondeterministic)),
    ]
}

#[test]
fn a_bundle_goes_where_the_table_says_and_nowhere_else() {
    let table = table();
    for state in State::ALL {
        for happening in Happening::ALL {
            let line = table
                .iter()
                .find(|row| (row.0, row.1) == (state, happening));
            let expected = line.map(|row| row.2);
            assert_eq!(step(state, happening), expected, "{state:?} {happening:?}");
        }
    }
}

/// Plays one bundle of two tasks: one word for its runs, one letter each (`-` never seals, `?`
/// never opens), then the panels' words, if it comes to that. Then tells what happened, as
/// `Ending paid AB slashed C:F1`.
fn play(line: &str) -> String {
    let mut scene = Scene::with(|params| params.replacements_max = 0).ready(cr(1_000), cr(1));
    let mut words = line.split(' ');
    let runs = words.next().unwrap();
    let copies = u8::try_from(runs.len()).unwrap();
    let job = scene.drawn(terms(2, 2, copies));
    let peers = scene.peers(job, 0);
    let letters: Vec<(PeerId, char)> = peers.iter().copied().zip(runs.chars()).collect();
    for (peer, letter) in letters.iter().filter(|(_, letter)| *letter != '-') {
        scene.seal(job, *peer, *letter).unwrap();
    }
    if runs.contains('-') {
        scene.wait(Millis::new(60_000));
    }
    if scene.state(job) == State::Sealed {
        scene.close(job).unwrap();
        for (peer, letter) in letters.iter().filter(|(_, letter)| !"-?".contains(*letter)) {
            scene.open(job, *peer, *letter).unwrap();
        }
        scene.wait(scene.genesis.params.open_window);
    }
    if scene.state(job) == State::Differing {
        let opened: Vec<(PeerId, char)> = letters
            .iter()
            .copied()
            .filter(|(_, letter)| !"-?".contains(*letter))
            .collect();
        let mut panels = words.peekable();
        if panels.peek().is_some() {
            scene.dispute(ANNA, job, &opened).unwrap();
        }
        for letters in panels {
            scene.judge(job, letters);
        }
        scene.wait(scene.genesis.params.dispute_window);
    }
    told(&scene, job, &peers)
}

/// What happened to a job's only bundle, its peers named in draw order and members as `m`.
fn told(scene: &Scene, job: JobId, peers: &[PeerId]) -> String {
    let name = |peer: &PeerId| {
        let place = peers.iter().position(|other| other == peer);
        place.map_or("m", |place| &"ABCDEFG"[place..=place])
    };
    let (mut ending, mut paid, mut slashed) = (String::new(), String::new(), String::new());
    for event in &scene.events {
        match event {
            Event::BundleEnded { ending: how, .. } => ending = format!("{how:?}"),
            Event::Paid { peer, .. } => paid += name(peer),
            Event::Slashed { peer, fault, .. } => {
                slashed += &format!(" {}:{}", name(peer), fault.code());
            }
            _ => {}
        }
    }
    let row = read::job(&scene.rows, job).unwrap();
    assert_eq!((row.phase, row.open, row.unsealed), (Phase::Ended, 0, 0));
    let all = row.paid.plus(row.fees).unwrap().plus(row.refunded);
    assert_eq!(all, Some(row.escrow));
    assert_eq!(read::wallet(&scene.rows, R.party()).escrowed, Credits::ZERO);
    for n in 0..WORKERS {
        assert_eq!(scene.locked(worker(n)), Credits::ZERO);
    }
    let paid = if paid.is_empty() { "-" } else { &paid };
    format!("{ending} {paid}{slashed}")
}

#[test]
fn a_bundle_ends_once_whatever_its_peers_and_judges_do() {
    for (line, expected) in [
        // Agreement pays all.
        ("77", "Agreed AB"),
        ("777", "Agreed ABC"),
        // A difference is judged by those who run it, never by the many.
        ("79 77", "Judged Amm B:F1"),
        // The same bytes for one operator more are another result: metering has no tolerance.
        ("7+ 77", "Judged Amm B:F1"),
        ("79 99", "Judged Bmm A:F1"),
        ("779 77", "Judged ABmm C:F1"),
        ("779 99", "Judged Cmm A:F1 B:F1"),
        ("789 77", "Judged Amm B:F1 C:F1"),
        ("79 44", "Judged mm A:F1 B:F1"),
        // A panel that differs, breaks or is silent is no verdict: all are asked.
        ("79 74 7777", "Judged Ammmm B:F1 m:F7"),
        ("79 7! 7777", "Judged Ammmm B:F1"),
        ("79 7- 7777", "Judged Ammmm m:F8 B:F1"),
        ("79 7? 7777", "Judged Ammmm m:F8 B:F1"),
        ("79 -- 777-", "Judged Ammm m:F8 m:F8 m:F8 B:F1"),
        ("79 -- 7779", "Judged Ammm m:F8 m:F8 B:F1 m:F7"),
        ("79 -- 777?", "Judged Ammm m:F8 m:F8 m:F8 B:F1"),
        ("79 74 777!", "Judged Ammm B:F1 m:F7"),
        // Where nobody claimed what is right, a first panel may have run one step only.
        ("79 79 7777", "Judged Ammmm B:F1 m:F7"),
        ("79 79 4444", "Judged mmmm A:F1 B:F1"),
        ("79 74 4444", "Judged mmmm A:F1 B:F1"),
        ("79 75 4444", "Judged mmmm A:F1 B:F1 m:F7"),
        ("79 74 4447", "Judged mmm A:F1 B:F1 m:F7"),
        // Two thirds are not more than two thirds; nobody is slashed for what nobody knows.
        ("79 74 7799", "Nondeterministic ABmmmm"),
        ("79 74 77--", "Nondeterministic AB m:F8 m:F8"),
        ("79 74 77??", "Nondeterministic ABmm m:F8 m:F8"),
        (
            "79 -- ----",
            "Nondeterministic AB m:F8 m:F8 m:F8 m:F8 m:F8 m:F8",
        ),
        ("79 !! !!!!", "Nondeterministic AB"),
        // Nobody shows the difference: nobody is paid.
        ("79", "Undisputed -"),
        // Silence costs the silent; two who agree are enough, one is not.
        ("--", "Short - A:F2 B:F2"),
        ("7-", "Short - B:F2"),
        ("77-", "Agreed AB C:F2"),
        ("7?", "Short - B:F3"),
        ("??", "Short - A:F3 B:F3"),
        ("77?", "Agreed AB C:F3"),
        ("79? 77", "Judged Amm C:F3 B:F1"),
        ("7--", "Short - B:F2 C:F2"),
    ] {
        assert_eq!(play(line), expected, "{line}");
    }
}

#[test]
fn the_shares_of_a_slash_go_where_they_belong() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let job = scene.drawn(terms(2, 2, 2));
    let peers = scene.peers(job, 0);
    let letters = [(peers[0], '7'), (peers[1], '9')];
    for (peer, letter) in letters {
        scene.seal(job, peer, letter).unwrap();
    }
    scene.close(job).unwrap();
    for (peer, letter) in letters {
        scene.open(job, peer, letter).unwrap();
    }
    scene.dispute(ANNA, job, &letters).unwrap();
    let burned = read::supply(&scene.rows).burned;
    let (anna, researcher) = (scene.has(ANNA), scene.has(R));
    scene.judge(job, "77");
    // The lock is 128 credits: 40 % burned (and what fees burn), 30 % to the submitter, 20 % to the
    // finder, 10 % to the treasury, which pays the judges a credit each for one task.
    assert_eq!(scene.bond(peers[1]), cr(1_000 - 128));
    assert_eq!(scene.bond(peers[0]), cr(1_000));
    let after = read::supply(&scene.rows).burned;
    assert!(after.minus(burned).unwrap() >= Credits::new(51_200_000));
    assert!(after.minus(burned).unwrap() < Credits::new(51_300_000));
    assert_eq!(
        scene.has(ANNA),
        anna.plus(Credits::new(25_600_000)).unwrap()
    );
    // Of 4.08 credits for runs, 16 of deposit and 2 for audits, one run of one credit was paid, and
    // its fee.
    let back = Credits::new(38_400_000 + 21_060_000);
    assert_eq!(scene.has(R), researcher.plus(back).unwrap());
    let verdict = read::dispute(&scene.rows, 0).unwrap().verdict.unwrap();
    assert_eq!(verdict.convicted, [peers[1]]);
    assert_eq!(verdict.slashed, [(peers[1], Fault::WrongOutcome, cr(128))]);
    let jailed = read::peer(&scene.rows, peers[1]).unwrap().peer.jailed_until;
    assert!(jailed > scene.at.now);

    // The jailed is not drawn again.
    for _ in 0..3 {
        let job = scene.drawn(terms(3, 1, 2));
        let drawn: Vec<PeerId> = (0..3).flat_map(|n| scene.peers(job, n)).collect();
        assert!(!drawn.contains(&peers[1]));
    }
}

#[test]
fn who_silences_a_bundle_pays_its_neighbour() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let job = scene.drawn(terms(2, 2, 2));
    let peers = scene.peers(job, 0);
    let honest = (0..WORKERS).find(|n| worker(*n) == peers[0]).unwrap();
    for peer in &peers {
        scene.seal(job, *peer, '7').unwrap();
    }
    scene.close(job).unwrap();
    scene.open(job, peers[0], '7').unwrap();
    let before = scene.has(owner(honest));
    scene.wait(scene.genesis.params.open_window);
    assert_eq!(scene.has(owner(honest)), before.plus(cr(1)).unwrap());
    assert_eq!(scene.bond(peers[1]), cr(1_000 - 32));
}

#[test]
fn two_seals_of_one_peer_cost_it_all_it_has_locked() {
    for stage in ["drawn", "sealed", "opening", "differing"] {
        let mut scene = Scene::new().ready(cr(10_000), cr(1));
        // No task of this story is audited.
        scene.wait(Millis::new(5));
        let other = scene.drawn(terms(12, 2, 2));
        let job = scene.drawn(terms(2, 2, 3));
        let peers = scene.peers(job, 0);
        let liar = peers[2];
        let locked = scene.locked(liar);
        assert!(locked > cr(128));
        scene.seal(job, liar, '7').unwrap();
        if stage != "drawn" {
            scene.seal(job, peers[0], '7').unwrap();
            scene.seal(job, peers[1], '7').unwrap();
        }
        if stage == "opening" || stage == "differing" {
            scene.close(job).unwrap();
            scene.open(job, peers[0], '7').unwrap();
        }
        if stage == "differing" {
            scene.open(job, peers[1], '7').unwrap();
            scene.open(job, liar, '7').unwrap();
            assert!(scene.state(job).is_ended());
            let late = scene.seal(job, liar, '9');
            assert_eq!(late, Err(Refusal::AlreadySealed { peer: liar }));
            continue;
        }
        let seals = vec![scene.seal_of(job, 0, liar, '9')];
        scene.enter(ANNA, Body::SealBatch { job, seals }).unwrap();
        assert_eq!(
            scene.bond(liar),
            cr(10_000).minus(locked).unwrap(),
            "{stage}"
        );
        assert_eq!(scene.locked(liar), Credits::ZERO);
        let n = (0..WORKERS).find(|n| worker(*n) == liar).unwrap();
        assert_eq!(
            scene.offer(n, 1, cr(1)),
            Err(Refusal::Struck { peer: liar })
        );
        if stage == "drawn" {
            scene.seal(job, peers[0], '7').unwrap();
            scene.seal(job, peers[1], '7').unwrap();
        }
        if stage != "opening" {
            scene.close(job).unwrap();
            // Where chance has the job audited, `audits.rs` tells how it goes on.
            if read::audit(&scene.rows, job).is_some() {
                continue;
            }
            scene.open(job, peers[0], '7').unwrap();
        }
        scene.open(job, peers[1], '7').unwrap();
        let (paid, _) = (scene.bundle(job, 0), scene.bundle(other, 0));
        assert_eq!(paid.state, State::Ended(Ending::Agreed), "{stage}");
        assert_eq!(read::job(&scene.rows, job).unwrap().paid, cr(2));
        // The other job goes on without it, and every lock of it is released once.
        scene.wait(Millis::new(60_000));
        scene.wait(Millis::new(600_000));
    }
}

#[test]
fn nobody_can_be_kept_from_being_paid_by_a_silent_submitter() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let job = scene.drawn(terms(2, 2, 2));
    for peer in scene.peers(job, 0) {
        let n = (0..WORKERS).find(|n| worker(*n) == peer).unwrap();
        let seals = vec![scene.seal_of(job, 0, peer, '7')];
        scene
            .enter(owner(n), Body::SealBatch { job, seals })
            .unwrap();
    }
    let early = scene.enter(ANNA, Body::ForceClose { job });
    assert!(
        matches!(early, Err(Refusal::CloseTooEarly { .. })),
        "{early:?}"
    );
    // The block closes by itself; here one after which nothing is audited.
    let window = scene.genesis.params.close_window.get();
    let any = scene.sign(ANNA, Body::ForceClose { job });
    let unaudited = |later: &u64| read::audit(&scene.tried(*later, &any), job).is_none();
    let later = (window..window + 100).find(unaudited).unwrap();
    scene.block(later, vec![]);
    assert_eq!(scene.state(job), State::Opening);
    for peer in scene.peers(job, 0) {
        let openings = vec![opening(0, 2, peer, '7')];
        scene
            .enter(ANNA, Body::OpenBatch { job, openings })
            .unwrap();
    }
    assert_eq!(scene.state(job), State::Ended(Ending::Agreed));
}

#[test]
fn openings_count_beside_one_that_does_not_fit() {
    let mut scene = Scene::new().ready(cr(1_000), cr(1));
    let job = scene.drawn(terms(2, 2, 2));
    let peers = scene.peers(job, 0);
    for peer in &peers {
        scene.seal(job, *peer, '7').unwrap();
    }
    scene.close(job).unwrap();
    let tasks = scene.tasks(job, 0);
    let batch = |letters: [char; 2]| {
        let both = [0, 1].map(|n| opening(0, tasks, peers[n], letters[n]));
        let openings = both.to_vec();
        Body::OpenBatch { job, openings }
    };
    let none = scene.enter(R, batch(['9', '9']));
    let peer = peers[0];
    assert_eq!(none, Err(Refusal::OpeningMismatch { peer }));
    scene.enter(R, batch(['9', '7'])).unwrap();
    let opened = |scene: &Scene, peer| {
        let runs = scene.bundle(job, 0).runs;
        let run = runs.iter().find(|run| run.peer == peer).unwrap();
        run.root().is_some()
    };
    assert!(!opened(&scene, peers[0]) && opened(&scene, peers[1]));
}
