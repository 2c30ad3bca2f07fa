//! I5 and I6 of leases, asked after every act of random plays in which leases and jobs share
//! wallets and bonds: an escrow is the price of the unsettled epochs and nothing once a lease has
//! ended, a bond has locked what its leases and open bundles hold, and no unit is leased twice.
#![allow(
    clippy::unwrap_used,
    reason = "where a scene is not as a test says, the test has failed"
)]

#[path = "scene/audit.rs"]
mod audit_scene;
#[path = "scene/canary.rs"]
mod canary_scene;
#[path = "scene/capacity.rs"]
mod capacity_scene;
#[path = "scene/job.rs"]
mod job_scene;
#[path = "scene/lease.rs"]
mod lease_scene;
#[path = "scene/play.rs"]
mod play;
mod scene;

use std::collections::BTreeMap;

use lease_scene::{SLOTS, blob, slots};
use play::{Act, Play, acts, replayed};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use protocol::entry::{AuditRequest, Body, Leasable, LeaseRequest, LeaseTerms};
use protocol::ids::{BundleId, LeaseId};
use protocol::units::Credits;
use rules::read;
use scene::*;

/// Something that someone does with leases; numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Move {
    Job(Act),
    Ask(u8, bool, u8, u64, u32),
    Take(u8, u8, bool, u8, u8),
    Prove(u8, u8),
    Collect(u8),
    End(u8, u8),
    /// Members say that so many slots of a worker are there.
    See(u8, u8),
    /// A worker's owner shows two seals of it, if it has sealed anything.
    TwoSeals(u8, u8),
    NextEpoch,
}

fn moves() -> impl Strategy<Value = Move> {
    let n = any::<u8>;
    prop_oneof![
        10 => acts().prop_map(Move::Job),
        2 => (n(), any::<bool>(), 0..9_u8, 1..900_000_u64, 0..30_000_u32)
            .prop_map(|(a, b, c, d, e)| Move::Ask(a, b, c, d, e)),
        8 => (n(), n(), any::<bool>(), n(), n())
            .prop_map(|(a, b, c, d, e)| Move::Take(a, b, c, d, e)),
        8 => (n(), n()).prop_map(|(a, b)| Move::Prove(a, b)),
        3 => n().prop_map(Move::Collect),
        2 => (n(), n()).prop_map(|(a, b)| Move::End(a, b)),
        3 => (n(), n()).prop_map(|(a, b)| Move::See(a, b)),
        1 => (n(), n()).prop_map(|(a, b)| Move::TwoSeals(a, b)),
        5 => Just(Move::NextEpoch),
    ]
}

/// Who holds leases here: the researcher, and owners whose own peers lease too.
fn holder(n: u8) -> Who {
    [R, ANNA, owner(0), member(1)][usize::from(n) % 4]
}

/// Every lease that was ever taken.
#[derive(Default)]
struct Seen(Vec<LeaseId>);

impl Seen {
    fn any(&self, n: u8) -> Option<LeaseId> {
        let place = usize::from(n).checked_rem(self.0.len())?;
        // Mostly the latest: older ones have ended.
        self.0.iter().rev().nth(place % 8).copied()
    }

    /// Makes a move; many are refused.
    fn make(&mut self, play: &mut Play, made: Move) -> Option<()> {
        let scene = &mut play.scene;
        match made {
            Move::Job(act) => play.act(act),
            Move::Ask(n, is_slots, capacity, price, more) => {
                let (what, penalty_bps) = if is_slots {
                    (SLOTS, 20_000)
                } else {
                    (Leasable::Bytes, 10_000 + more)
                };
                let terms = LeaseTerms {
                    capacity: capacity.into(),
                    price: Credits::new(price),
                    epochs_max: 7,
                    penalty_bps,
                };
                let peer = worker(n % WORKERS);
                let ask = LeaseRequest::Ask { peer, what, terms };
                // Who is struck asks for nothing.
                let _ = scene.lease(owner(n % WORKERS), ask);
            }
            Move::Take(by, n, is_slots, many, epochs) => {
                let what = if is_slots {
                    slots(u16::from(many % 4) + 1)
                } else {
                    blob().1
                };
                let epochs = u16::from(epochs % 6) + 1;
                let taken = scene.takes(holder(by), n % WORKERS, (what, epochs));
                self.0.extend(taken.ok());
            }
            Move::Prove(n, beyond) => {
                let name = self.any(n)?;
                let peer = scene.leased(name)?.peer;
                let owner = (0..WORKERS).find(|n| worker(*n) == peer)?;
                let _ = scene.proves_chunk(owner, name, u64::from(beyond / 200));
            }
            Move::Collect(n) => {
                let lease = self.any(n)?;
                let _ = scene.lease(ANNA, LeaseRequest::Collect { lease });
            }
            Move::End(by, n) => {
                let lease = self.any(n)?;
                let _ = scene.lease(holder(by), LeaseRequest::End { lease });
            }
            Move::See(n, there) => {
                let peer = worker(n % WORKERS);
                read::challengers(&scene.rows, peer, protocol::job::Class::Grid)?;
                for who in scene.challengers(peer).into_iter().take(2) {
                    let _ = scene.sees(who, peer, u16::from(there % 6));
                }
            }
            Move::TwoSeals(n, by) => {
                let place = usize::from(n).checked_rem(play.jobs.len())?;
                let job = play.jobs[place];
                let bundle = read::bundle(&scene.rows, BundleId { job, index: 0 })?;
                let run = usize::from(by).checked_rem(bundle.runs.len())?;
                let peer = bundle.runs[run].peer;
                let seals = ['7', '9'].map(|letter| scene.seal_of(job, 0, peer, letter));
                let seals = Box::new(seals);
                let _ = scene.enter(ANNA, Body::Audit(AuditRequest::TwoSeals { job, seals }));
            }
            Move::NextEpoch => scene.next_epoch(),
        }
        Some(())
    }

    /// What holds of every lease, by the test's own sums.
    fn ask(&self, play: &Play) -> TestCaseResult {
        let scene = &play.scene;
        for name in &self.0 {
            let lease = scene.leased(*name);
            let price = |lease: &read::Lease| lease.price.get() * u64::from(lease.left());
            prop_assert_eq!(scene.prepaid(*name).get(), lease.as_ref().map_or(0, price));
            prop_assert!(lease.is_none_or(|lease| lease.left() > 0));
        }
        for n in 0..WORKERS {
            let (peer, mut locked) = (worker(n), 0);
            let mut taken = BTreeMap::from([(SLOTS, 0), (Leasable::Bytes, 0)]);
            for name in read::leases_of(&scene.rows, peer) {
                let lease = scene.leased(name).unwrap();
                prop_assert_eq!(lease.peer, peer);
                let held = read::leases_held(&scene.rows, lease.holder);
                prop_assert!(held.contains(&name));
                locked += lease.penalty.get() * u64::from(lease.left());
                *taken.get_mut(&lease.what.kind()).unwrap() += lease.what.units();
            }
            for (what, units) in taken {
                prop_assert_eq!(read::shelf(&scene.rows, peer, what).taken, units);
            }
            let standing = read::peer(&scene.rows, peer).unwrap();
            prop_assert!(standing.peer.locked <= standing.bond);
            if !standing.peer.struck {
                let runs = in_bundles(play, n);
                prop_assert_eq!(standing.peer.locked.get(), locked + runs);
            }
        }
        Ok(())
    }
}

/// What open bundles hold of a worker's bond.
fn in_bundles(play: &Play, n: u8) -> u64 {
    let mut locked = 0;
    for job in &play.jobs {
        let bundles = read::job(&play.scene.rows, *job).unwrap().terms.bundles();
        for index in 0..bundles {
            let name = BundleId { job: *job, index };
            let bundle = read::bundle(&play.scene.rows, name);
            let open = bundle.filter(|bundle| !bundle.state.is_ended());
            let runs = open.into_iter().flat_map(|bundle| bundle.runs);
            let own = runs.filter(|run| run.peer == worker(n) && run.takes_part());
            locked += own.map(|run| run.lock.get()).sum::<u64>();
        }
    }
    locked
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 8,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Every lease ends, and is settled to its last epoch; and (I20) the play replays.
    #[test]
    fn leases_hold_what_is_not_settled_and_all_of_them_end(
        moves in prop::collection::vec(moves(), 1..250)
    ) {
        let (scene, jobs) = (Scene::new().ready(cr(2_000), cr(1)), Vec::new());
        let (mut play, mut seen) = (Play { scene, jobs }, Seen::default());
        for made in moves {
            seen.make(&mut play, made);
            seen.ask(&play)?;
        }
        for _ in 0..10 {
            play.scene.next_epoch();
        }
        seen.ask(&play)?;
        for n in 0..WORKERS {
            prop_assert!(read::leases_of(&play.scene.rows, worker(n)).is_empty());
        }
        prop_assert!(seen.0.iter().all(|name| play.scene.leased(*name).is_none()));
        prop_assert_eq!(replayed(&play.scene), play.scene.rows);
    }
}
