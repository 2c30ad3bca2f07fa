//! The invariants of the ledger, each with the place that holds it and the test that asks for it.
//!
//! ```text
//!     what                                   asserted in production       asked by
//! I1  a posting moves one amount             money/posting.rs             money/posting.rs
//! I2  debits are credits                     books::check, every block    every scene, recounted
//! I3  only Mint is below zero                books::check                 every scene, recounted
//! I4  circulating = minted - burned          books::recount               every scene, recounted
//! I5  an ended job, slash, proposal is empty books::check, escrow.rs      this file, leases_play
//! I6  locked = its open bundles' locks       books::check: <= bond        this file, leases_play
//! I7  channels: redeemed <= deposit, lanes grow  books::check          channels_play.rs
//! I8  an epoch mints under its cap           epoch.rs                     epochs.rs
//! I9  the parts of a slash are the slash     work/hold.rs                 this file, slashes.rs
//! I10 a bundle ends once                     work/settle.rs, records.rs   this file, work.rs
//! I11 a nonce is used once, in time          people/key.rs refuses        this file, limits.rs
//! I12 sponsors of a bundle are distinct      work/draw.rs, audit.rs       this file, draws.rs
//! I13 no slash without a record of why       work/slash.rs                this file, faults.rs
//! I14 numbers in bounds, cheating costs 2x   params/change.rs refuses     params/tests.rs
//! I15 no member has a third of power         people/member.rs refuses     council.rs
//! I16 what leaves a bond waits, and counts   money/bond.rs refuses        this file, backer.rs
//! I17 what is redeemable is covered          money/issue.rs               epochs.rs
//! I18 the reserve holds the curve's integral money/issue.rs               money/curve.rs, curve.rs
//! I19 a header has its state's root          ledger/src                   ledger/tests
//! I20 a replay gives the same state          -                            this file, root.rs
//! ```
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/audit.rs"]
mod audit_scene;
#[path = "scene/canary.rs"]
mod canary_scene;
#[path = "scene/job.rs"]
mod job_scene;
#[path = "scene/play.rs"]
mod play;
mod scene;

use std::collections::{BTreeMap, BTreeSet};

use job_scene::terms;
use play::{Act, Play, acts, replayed};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use protocol::entry::{AuditRequest, Body, SignedEntry};
use protocol::event::{Event, Fault};
use protocol::ids::{BundleId, JobId, PartyId};
use protocol::job::Judge;
use protocol::units::{Credits, Millis, Moment};
use rules::work::{Ground, Hold, HoldState, Phase, Round, State};
use rules::{Account, read};
use scene::*;

/// More agreed times at which something falls due than any play leaves behind: of 3 000, 73.
const WAITS_MAX: usize = 512;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn ready() -> Scene {
    Scene::with(|params| params.replacements_max = 1).ready(cr(2_000), cr(1))
}

/// Plays acts in a scene and asks after each of them.
fn played(
    scene: Scene,
    acts: Vec<Act>,
    ask: impl Fn(&Play) -> TestCaseResult,
) -> Result<Play, TestCaseError> {
    let jobs = Vec::new();
    let mut play = Play { scene, jobs };
    for act in acts {
        play.act(act);
        ask(&play)?;
    }
    Ok(play)
}

/// Every drawn bundle of a play's jobs.
fn bundles(play: &Play) -> Vec<(BundleId, rules::work::Bundle)> {
    let rows = &play.scene.rows;
    let names = play.jobs.iter().flat_map(|job| {
        let bundles = read::job(rows, *job).unwrap().terms.bundles();
        (0..bundles).map(|index| BundleId { job: *job, index })
    });
    names
        .filter_map(|name| Some((name, read::bundle(rows, name)?)))
        .collect()
}

fn holds(scene: &Scene) -> Vec<Hold> {
    let numbers = 0..read::counts(&scene.rows).slashes;
    let holds = numbers.map(|n| read::hold(&scene.rows, n).unwrap());
    holds.collect()
}

fn sum(parts: impl Iterator<Item = Credits>) -> u64 {
    parts.map(Credits::get).sum()
}

/// I5: an escrow holds what its job has not spent, and nothing once it has ended; a slash is held
/// until it is shared out.
fn nothing_is_left_where_something_ended(play: &Play) -> TestCaseResult {
    for job in &play.jobs {
        let row = read::job(&play.scene.rows, *job).unwrap();
        let spent = sum([row.paid, row.fees, row.refunded].into_iter());
        let left = read::account(&play.scene.rows, Account::Escrow(*job))
            .amount()
            .get();
        prop_assert_eq!(left, row.escrow.get() - spent);
        prop_assert!(row.phase != Phase::Ended || left == 0);
    }
    for (name, _) in bundles(play) {
        let numbers = read::holds_of(&play.scene.rows, name).into_iter();
        let holds = numbers.map(|number| read::hold(&play.scene.rows, number).unwrap());
        let held = sum(holds
            .filter(|hold| hold.state == HoldState::Held)
            .map(|hold| hold.amount));
        prop_assert_eq!(
            read::account(&play.scene.rows, Account::SlashHold(name))
                .amount()
                .get(),
            held
        );
    }
    Ok(())
}

/// I6: what a peer has locked is what its runs of open bundles have locked, and its bond covers it.
fn locks_are_those_of_open_bundles(play: &Play) -> TestCaseResult {
    let bundles = bundles(play);
    for peer in (0..WORKERS).map(worker) {
        let open = bundles.iter().filter(|(_, row)| !row.state.is_ended());
        let runs = open.flat_map(|(_, row)| &row.runs);
        let locks = runs.filter(|run| run.peer == peer && run.takes_part());
        let expected = sum(locks.map(|run| run.lock));
        let locked = play.scene.locked(peer);
        prop_assert!(locked <= play.scene.bond(peer));
        // Who signed two seals has lost every lock at once.
        if read::faults(&play.scene.rows, peer).two_seals {
            prop_assert!(locked.get() <= expected);
        } else {
            prop_assert_eq!(locked.get(), expected);
        }
    }
    Ok(())
}

/// I9 and I13: every slash is whole in its parts, and has a record of what proved it.
fn slashes_are_whole_and_proved(play: &Play) -> TestCaseResult {
    for hold in holds(&play.scene) {
        prop_assert!(hold.amount > Credits::ZERO);
        let parts = sum(hold.shares.iter().map(|share| share.amount));
        prop_assert_eq!(parts, hold.amount.get());
        match (hold.fault, hold.ground) {
            (Fault::WrongOutcome | Fault::WrongJudgement, Ground::Verdict(number)) => {
                let dispute = read::dispute(&play.scene.rows, number).unwrap();
                let job = read::job(&play.scene.rows, dispute.bundle.job).unwrap();
                prop_assert_eq!(job.terms.judge, Judge::Panel);
                let verdict = dispute.verdict.unwrap();
                let slash = (hold.peer, hold.fault, hold.amount);
                prop_assert!(verdict.slashed.contains(&slash));
            }
            (Fault::NoSeal | Fault::NoOpening | Fault::NoJudgement, Ground::Silence(when)) => {
                prop_assert!(when <= play.scene.at.now);
            }
            (Fault::TwoSeals, Ground::Seals(one, other)) => prop_assert_ne!(one, other),
            (fault, ground) => prop_assert!(false, "{:?} is not shown by {:?}", fault, ground),
        }
    }
    Ok(())
}

/// I10: a bundle has ended as often as the ledger said so, which is once at most.
fn bundles_end_once(play: &Play) -> TestCaseResult {
    let mut ended = BTreeMap::new();
    for event in &play.scene.events {
        if let Event::BundleEnded { bundle, ending } = event {
            prop_assert_eq!(ended.insert(*bundle, *ending), None);
        }
    }
    for (name, row) in bundles(play) {
        let told = ended.get(&name).map(|ending| State::Ended(*ending));
        prop_assert_eq!(row.state.is_ended().then_some(row.state), told);
    }
    Ok(())
}

/// I12: no two runs of a bundle have one sponsor, and who judges or audits it sponsors none.
fn nobody_checks_its_own(play: &Play) -> TestCaseResult {
    for (name, row) in bundles(play) {
        let sponsors: BTreeSet<PartyId> = row.runs.iter().map(|run| run.sponsor).collect();
        let open = row.runs.iter().filter(|run| run.takes_part());
        let open: Vec<PartyId> = open.map(|run| run.sponsor).collect();
        prop_assert_eq!(open.iter().collect::<BTreeSet<_>>().len(), open.len());
        let dispute = row
            .dispute
            .and_then(|number| read::dispute(&play.scene.rows, number));
        if let Some(dispute) = dispute.filter(|dispute| dispute.round == Round::First) {
            prop_assert!(dispute.jurors.len() >= 2);
            for juror in dispute.jurors {
                prop_assert!(!sponsors.contains(&juror.member), "a juror's own peer");
            }
        }
        for task in read::audited(&play.scene.rows, name) {
            let audit = read::audit(&play.scene.rows, name.job).unwrap();
            let auditor = audit.seats[usize::from(task.seat)].member;
            prop_assert!(!sponsors.contains(&auditor), "an auditor's own peer");
        }
    }
    Ok(())
}

/// A federation in which two members let two peers in each, and desks the others.
fn with_members_peers() -> Scene {
    let mut scene = Scene::with(|params| params.replacements_max = 1);
    for n in 0..WORKERS {
        let (peer, amount) = (worker(n), cr(2_000));
        let sponsor = if n < 4 { member(n / 2) } else { desk(n) };
        let admit = Body::AdmitPeer {
            peer,
            owner: owner(n).party(),
        };
        scene.enter(sponsor, admit).unwrap();
        let bond = Body::Bond { peer, amount };
        scene.enter(owner(n), bond).unwrap();
        scene.offer(n, 4, cr(1)).unwrap();
    }
    scene
}

proptest! {
    #![proptest_config(cases(10))]

    #[test]
    fn i5_what_has_ended_holds_nothing(acts in prop::collection::vec(acts(), 1..200)) {
        played(ready(), acts, nothing_is_left_where_something_ended)?;
    }

    #[test]
    fn i6_locks_are_those_of_open_bundles(acts in prop::collection::vec(acts(), 1..200)) {
        played(ready(), acts, locks_are_those_of_open_bundles)?;
    }

    #[test]
    fn i9_i13_slashes_are_whole_and_proved(acts in prop::collection::vec(acts(), 1..200)) {
        played(ready(), acts, slashes_are_whole_and_proved)?;
    }

    #[test]
    fn i10_a_bundle_ends_once(acts in prop::collection::vec(acts(), 1..200)) {
        played(ready(), acts, bundles_end_once)?;
    }

    #[test]
    fn i12_nobody_checks_its_own(acts in prop::collection::vec(acts(), 1..200)) {
        played(with_members_peers(), acts, nobody_checks_its_own)?;
    }
}

proptest! {
    #![proptest_config(cases(32))]

    /// I2 to I4 after every block, as the scene counts all credits; I20; and when everyone falls
    /// silent every job still ends, with nothing locked and nothing in escrow.
    #[test]
    fn credits_are_conserved_blocks_replay_and_every_job_ends(
        acts in prop::collection::vec(acts(), 1..250)
    ) {
        let mut play = played(ready(), acts, |_| Ok(()))?;
        // From here on everyone is silent.
        for _ in 0..WAITS_MAX {
            let Some(due) = read::next_due(&play.scene.rows) else { break };
            play.scene.wait(due.since(play.scene.at.now));
        }
        prop_assert_eq!(read::next_due(&play.scene.rows), None);
        for job in &play.jobs {
            let row = read::job(&play.scene.rows, *job).unwrap();
            prop_assert_eq!((row.phase, row.open), (Phase::Ended, 0));
        }
        bundles_end_once(&play)?;
        for (_, bundle) in bundles(&play) {
            prop_assert!(matches!(bundle.state, State::Ended(_)));
        }
        for n in 0..WORKERS {
            prop_assert_eq!(play.scene.locked(worker(n)), Credits::ZERO);
        }
        prop_assert_eq!(read::wallet(&play.scene.rows, R.party()).escrowed, Credits::ZERO);
        prop_assert_eq!(replayed(&play.scene), play.scene.rows);
    }

    /// I11: of all entries with one lane and nonce one counts, in its turn and before it expires.
    #[test]
    fn i11_a_nonce_counts_once_and_in_time(
        tries in prop::collection::vec((0..2_u16, 0..5_u64, 0..40_000_u64), 1..30)
    ) {
        let mut scene = Scene::new();
        let signed = |lane, nonce| {
            let mut entry = scene.sign_as(R, nonce, Body::Sweep { job: JobId::new([9; 32]) });
            let mut value = entry.into_value();
            value.lane = lane;
            entry = SignedEntry::sign(value, &key(R.0)).check().unwrap();
            ((lane, nonce), entry)
        };
        let nonces = (0..2).flat_map(|lane| (0..5).map(move |nonce| (lane, nonce)));
        let entries: BTreeMap<_, _> = nonces.map(|(lane, nonce)| signed(lane, nonce)).collect();
        let until = scene.at.now.after(Millis::new(60_000));
        let mut next = [0, 0];
        for (lane, nonce, later) in tries {
            let entry = entries[&(lane, nonce)].clone();
            let answer = scene.block(later, vec![entry]).remove(0);
            let next = &mut next[usize::from(lane)];
            let expected = if scene.at.now >= until {
                5
            } else if nonce == *next {
                // It is entered, and there is no such job.
                *next += 1;
                54
            } else if nonce < *next {
                7
            } else {
                8
            };
            prop_assert_eq!(answer.unwrap_err().code(), expected);
            prop_assert_eq!(read::nonce(&scene.rows, R.party(), lane), *next);
        }
    }

    /// I16: what leaves a bond comes out when its window is over and not before, and until then a
    /// slash takes it where the bond is not enough.
    #[test]
    fn i16_what_leaves_a_bond_waits_and_still_counts(
        acts in prop::collection::vec((0..3_u8, 1..400_u64), 1..12)
    ) {
        let mut scene = Scene::new().ready(cr(1_000), cr(1));
        let job = scene.drawn(terms(2, 2, 2));
        let peers = scene.peers(job, 0);
        for peer in &peers {
            scene.seal(job, *peer, '7').unwrap();
        }
        scene.close(job).unwrap();
        for peer in &peers {
            scene.open(job, *peer, '7').unwrap();
        }
        let peer = peers[0];
        let n = (0..WORKERS).find(|n| worker(*n) == peer).unwrap();
        let window = scene.genesis.params.unbond_window;
        let (mut bond, mut leaving) = (1_000, Vec::<(u64, Moment)>::new());
        for (kind, amount) in acts {
            match kind {
                0 => {
                    let answer = scene.enter(owner(n), Body::Unbond { peer, amount: cr(amount) });
                    prop_assert_eq!(answer.is_ok(), amount <= bond);
                    if answer.is_ok() {
                        bond -= amount;
                        leaving.push((amount, scene.at.now.after(window)));
                    }
                }
                1 => scene.wait(Millis::new(amount * 900_000)),
                _ => {
                    let answer = scene.enter(owner(n), Body::Withdraw { peer });
                    let now = scene.at.now;
                    let matured = leaving.iter().any(|(_, matures)| *matures <= now);
                    prop_assert_eq!(answer.is_ok(), matured);
                    leaving.retain(|(_, matures)| *matures > now);
                }
            }
            let row = read::peer(&scene.rows, peer).unwrap();
            let parts = row.peer.unbonding.iter().map(|(part, when)| (part.get(), *when));
            let expected = leaving.iter().map(|(part, when)| (cr(*part).get(), *when));
            prop_assert!(parts.eq(expected));
            prop_assert_eq!(row.bond, cr(bond));
        }
        let left: u64 = bond + leaving.iter().map(|(part, _)| part).sum::<u64>();
        let seals = Box::new(['7', '9'].map(|letter| scene.seal_of(job, 0, peer, letter)));
        let shown = AuditRequest::TwoSeals { job, seals };
        if scene.enter(ANNA, Body::Audit(shown)).is_ok() {
            let row = read::peer(&scene.rows, peer).unwrap();
            let after = row.bond.plus(row.unbonding).unwrap();
            prop_assert_eq!(after, cr(left - left.min(128)));
            prop_assert_eq!(row.bond, cr(bond.saturating_sub(128)));
        }
    }
}
